//! The settings that shape a load, on the command line, at the top level and in scenarios.

use stresshost_sdk::prelude::*;

use crate::config::node::{Fields, Found, Node};
use crate::document::Think;

/// The shape of a load as far as one place gives it, and where it stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Load {
    pub(crate) shape: LoadFlags,
    pub(crate) think: Option<Think>,
    /// Name of each part given, with its path.
    places: Vec<(&'static str, String)>,
}

/// Names of the parts, as [`LoadFlags::check`] has them.
const PARTS: [&str; 6] = ["vus", "rate", "duration", "ramp_up", "warmup", "graceful_stop"];

impl Load {
    /// Keys read by [`Load::read`] in a scenario.
    pub(crate) const KEYS: [&'static str; 7] =
        ["users", "vus", "rps", "rate", "duration", "ramp_up", "think_time"];

    /// Keys that concern the whole run.
    pub(crate) const RUN_KEYS: [&'static str; 2] = ["warmup", "graceful_stop"];

    /// Reads the flags.
    pub(crate) fn from_flags(input: &PlanInput) -> Self {
        // What is wrong is found by `check`, which knows the rest of the load.
        let shape = LoadFlags::read(input, &mut Problems::new());
        let think = input.flags.get("think-time").and_then(stresshost_sdk::serde_json::Value::as_u64);
        let flag = |part: &'static str| {
            let name = part.replace('_', "-");
            input.flags.contains_key(&name).then(|| (part, format!("--{name}")))
        };
        Self {
            shape,
            think: think.map(|ms| Think { min_ms: ms, max_ms: ms }),
            places: PARTS.into_iter().filter_map(flag).collect(),
        }
    }

    /// Reads the settings of a mapping.
    pub(crate) fn read(fields: &Fields<'_>, found: &mut Found) -> Self {
        let users = fields.one_of(found, &["users", "vus"]).map(|(_, node)| node);
        let rate = fields.one_of(found, &["rps", "rate"]).map(|(_, node)| node);
        let shape = LoadFlags {
            vus: users.and_then(|node| node.whole(found, "a number of users")),
            rate_per_s: rate.and_then(|node| node.rate(found)),
            duration_ms: fields.get("duration").and_then(|node| node.duration_ms(found)),
            ramp_up_ms: fields.get("ramp_up").and_then(|node| node.duration_ms(found)),
            warmup_ms: fields.get("warmup").and_then(|node| node.duration_ms(found)),
            graceful_stop_ms: fields.get("graceful_stop").and_then(|node| node.duration_ms(found)),
        };
        let place = |part: &'static str| {
            let node = match part {
                "vus" => users,
                "rate" => rate,
                part => fields.get(part),
            };
            node.map(|node| (part, node.path.clone()))
        };
        Self {
            shape,
            think: fields.get("think_time").and_then(|node| think(node, found)),
            places: PARTS.into_iter().filter_map(place).collect(),
        }
    }

    /// This load with the missing parts taken from another.
    pub(crate) fn or(&self, other: &Self) -> Self {
        let missing = other.places.iter().filter(|(part, _)| self.place(part).is_none());
        Self {
            shape: self.shape.or(&other.shape),
            think: self.think.or(other.think),
            places: self.places.iter().chain(missing).cloned().collect(),
        }
    }

    /// Where a part stands; `None` when it is not given.
    pub(crate) fn place(&self, part: &str) -> Option<&str> {
        self.places.iter().find(|(name, _)| *name == part).map(|(_, path)| path.as_str())
    }

    /// Adds what is wrong with the whole of a load. A part of the top level is checked with each scenario and said once.
    pub(crate) fn check(&self, path: &str, found: &mut Found) {
        let mut problems = Problems::new();
        self.shape.check(|part| self.place(part).unwrap_or(path).to_owned(), &mut problems);
        for problem in problems {
            if !found.problems.contains(&problem) {
                found.add(problem);
            }
        }
    }

    /// Notes which settings of `config` this load, given by flags, replaces.
    pub(crate) fn note_replaced(&self, config: &Self, scenario: &str, found: &mut Found) {
        for part in ["vus", "rate", "duration", "ramp_up"] {
            if let (Some(flag), Some(setting)) = (self.place(part), config.place(part)) {
                found
                    .notes
                    .push(format!("scenario `{scenario}`: `{flag}` replaces `{setting}` of the config"));
            }
        }
    }
}

/// Reads a pause: a duration, or `{min, max}`.
pub(crate) fn think(node: &Node<'_>, found: &mut Found) -> Option<Think> {
    if !node.value.is_object() {
        let ms = node.duration_ms(found)?;
        return Some(Think { min_ms: ms, max_ms: ms });
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
    Some(Think { min_ms, max_ms })
}
