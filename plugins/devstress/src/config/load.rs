//! The settings that shape a load, on the command line, at the top level, in mixes and in scenarios.

use stresshost_sdk::config::{Fields, Found, Node};
use stresshost_sdk::documents::{Executor, MAX_DURATION_MS, Pause};
use stresshost_sdk::load::GivenLoad;
use stresshost_sdk::prelude::*;

use crate::document::Think;

/// The shape of a load as far as one place gives it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load {
    pub(crate) given: GivenLoad,
    pub(crate) think: Option<Think>,
}

impl Load {
    /// Keys read by [`Load::read`] where a load stands.
    pub(crate) fn keys() -> Vec<&'static str> {
        [&GivenLoad::KEYS[..], &["think_time"]].concat()
    }

    /// Reads the flags.
    pub(crate) fn from_flags(input: &PlanInput, found: &mut Found) -> Self {
        let think = input.flags.get("think-time").and_then(stresshost_sdk::serde_json::Value::as_u64);
        let think = think.and_then(|ms| bounded(Think { min_ms: ms, max_ms: ms }, "--think-time", found));
        Self { given: GivenLoad::from_flags(input, found), think }
    }

    /// Reads the settings of a mapping.
    pub(crate) fn read(fields: &Fields<'_>, found: &mut Found) -> Self {
        let think = fields.get("think_time").and_then(|node| think(node, found));
        Self { given: GivenLoad::read(fields, found), think }
    }

    /// This load with the missing parts taken from another, except those that contradict it.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self { given: self.given.or(&other.given), think: self.think.or(other.think) }
    }

    /// The load of a scenario or mix: `self` is what flags give, `config` what the config does. `whose` begins notes,
    /// such as ``scenario `x` ``; `path` is for what stands nowhere.
    pub(crate) fn over(&self, config: &Self, whose: &str, path: &str, found: &mut Found) -> (Self, Executor) {
        for (flag, setting) in self.given.replaces(&config.given) {
            found.notes.push(format!("{whose}: `{flag}` replaces `{setting}` of the config"));
        }
        let load = self.or(config);
        load.given.check(path, found);
        let executor = load.given.shape.executor(&format!("{whose}: "), &mut found.notes);
        (load, executor)
    }

    /// What a user does between two iterations, unless that is to think.
    pub(crate) fn pause(&self) -> Option<Pause> {
        self.given.shape.pause()
    }

    /// Where a part stands; `None` when it is not given.
    pub(crate) fn place(&self, part: &str) -> Option<&str> {
        self.given.place(part)
    }
}

/// Reads a pause: a duration, or `{min, max}`.
pub(crate) fn think(node: &Node<'_>, found: &mut Found) -> Option<Think> {
    if !node.value.is_object() {
        let ms = node.duration_ms(found)?;
        return bounded(Think { min_ms: ms, max_ms: ms }, &node.path, found);
    }
    let fields = node.fields(found, "a pause", &["min", "max"])?;
    let bound = |key: &str, found: &mut Found| match fields.get(key) {
        Some(node) => node.duration_ms(found),
        None => {
            found.problem(
                &node.path,
                format!("a pause from a range needs `min` and `max`; `{key}` is missing"),
            );
            None
        }
    };
    let (min_ms, max_ms) = (bound("min", found), bound("max", found));
    let (min_ms, max_ms) = (min_ms?, max_ms?);
    if min_ms > max_ms {
        found.problem(&node.path, "`min` is longer than `max`");
        return None;
    }
    bounded(Think { min_ms, max_ms }, &node.path, found)
}

fn bounded(think: Think, path: &str, found: &mut Found) -> Option<Think> {
    if think.max_ms > MAX_DURATION_MS {
        found.problem(path, "a pause of more than 100 days");
        return None;
    }
    Some(think)
}

/// Reads when a scenario or mix begins.
pub(crate) fn start_ms(fields: &Fields<'_>, found: &mut Found) -> Option<u64> {
    let node = fields.get("start")?;
    let ms = node.duration_ms(found)?;
    if ms > MAX_DURATION_MS {
        found.problem(&node.path, "the start is more than 100 days away");
        return None;
    }
    Some(ms)
}
