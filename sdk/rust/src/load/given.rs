//! A load as one place gives it: the command line, or a mapping of a config.

use serde_json::Value;
use stresshost_plan::{MAX_STAGES, PlanInput, RateStage, VuStage};

use super::flags::{flag_name, spacing};
use super::stages::{EXAMPLE, Stage};
use super::{LoadFlags, Stages};
use crate::config::{Fields, Found, Node};

/// The shape of a load as far as one place gives it, and where its parts stand.
///
/// Every workload's config has the same keys for a load, those of [`KEYS`](Self::KEYS):
///
/// ```
/// use stresshost_sdk::config::{Found, Node};
/// use stresshost_sdk::load::GivenLoad;
///
/// let config = serde_json::json!({"stages": [{"duration": "30s", "users": 50}, {"duration": "1m", "users": 0}]});
/// let mut found = Found::default();
/// let fields = Node::new(&config, "").fields(&mut found, "a mapping of settings", &GivenLoad::KEYS).unwrap();
/// let load = GivenLoad::read(&fields, &mut found);
/// load.check("", &mut found);
/// assert!(found.problems.is_empty());
/// assert_eq!((load.shape.executor("", &mut found.notes).vus(), load.place("stages")), (50, Some("/stages")));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GivenLoad {
    /// The shape.
    pub shape: LoadFlags,
    /// Name of each part given, with its path.
    places: Vec<(&'static str, String)>,
}

impl GivenLoad {
    /// Keys of a load in a config; some have a second name.
    pub const KEYS: [&'static str; 18] = [
        "users",
        "vus",
        "rps",
        "rate",
        "duration",
        "ramp_up",
        "stages",
        "start_users",
        "start_vus",
        "start_rate",
        "iterations",
        "per_user",
        "max_duration",
        "arrivals",
        "control",
        "max_users",
        "max_vus",
        "pacing",
    ];

    /// Keys that concern the whole run.
    pub const RUN_KEYS: [&'static str; 2] = ["warmup", "graceful_stop"];

    /// Reads the flags. Texts that are no stages are problems; what is wrong with the whole is found by
    /// [`check`](Self::check).
    pub fn from_flags(input: &PlanInput, found: &mut Found) -> Self {
        let mut problems = crate::Problems::new();
        let shape = LoadFlags::parse(input, &mut problems);
        problems.into_iter().for_each(|problem| found.add(problem));
        let given = |part: &&'static str| shape.has(part);
        let places = LoadFlags::PARTS.into_iter().filter(given).map(|part| (part, flag_name(part))).collect();
        Self { shape, places }
    }

    /// Reads the keys of a mapping. What is wrong with the whole is found by [`check`](Self::check).
    pub fn read(fields: &Fields<'_>, found: &mut Found) -> Self {
        Self::read_with(fields, &[], found)
    }

    /// The same with further names for parts: pairs of a part, such as `vus`, and a key.
    pub fn read_with(fields: &Fields<'_>, more: &[(&str, &str)], found: &mut Found) -> Self {
        let mut places = Vec::new();
        let mut node = |part: &'static str, keys: &[&str], found: &mut Found| {
            let more = more.iter().filter(|(known, _)| *known == part).map(|(_, key)| *key);
            let keys: Vec<&str> = keys.iter().copied().chain(more).collect();
            let node = fields.one_of(found, &keys).map(|(_, node)| node.clone())?;
            places.push((part, node.path.clone()));
            Some(node)
        };
        let users = node("vus", &["users", "vus"], found);
        let rate = node("rate", &["rps", "rate"], found);
        let duration = node("duration", &["duration"], found);
        let ramp_up = node("ramp_up", &["ramp_up"], found);
        let stages_at = node("stages", &["stages"], found);
        let start_users = node("start_vus", &["start_users", "start_vus"], found);
        let start_rate = node("start_rate", &["start_rate"], found);
        let iterations = node("iterations", &["iterations"], found);
        let per_user = node("per_user", &["per_user"], found);
        let max_duration = node("max_duration", &["max_duration"], found);
        let arrivals = node("arrivals", &["arrivals"], found);
        let control = node("controlled", &["control"], found);
        let max_users = node("max_vus", &["max_users", "max_vus"], found);
        let pacing = node("pacing", &["pacing"], found);
        let warmup = node("warmup", &["warmup"], found);
        let graceful_stop = node("graceful_stop", &["graceful_stop"], found);
        let count = |node: Option<Node<'_>>, found: &mut Found| node?.whole(found, "a number of users");
        let length = |node: Option<Node<'_>>, found: &mut Found| node?.duration_ms(found);
        let arrivals = arrivals.and_then(|node| node.choice(found, &["even", "poisson"]));
        let shape = LoadFlags {
            vus: count(users, found),
            rate_per_s: rate.and_then(|node| node.rate(found)),
            duration_ms: length(duration, found),
            ramp_up_ms: length(ramp_up, found),
            stages: stages_at.and_then(|node| stages(&node, found)),
            start_vus: count(start_users, found),
            start_rate_per_s: start_rate.and_then(|node| node.rate(found)),
            iterations: iterations.and_then(|node| node.whole(found, "a number of iterations")),
            per_user: per_user.and_then(|node| node.boolean(found)),
            max_duration_ms: length(max_duration, found),
            arrivals: arrivals.as_deref().and_then(spacing),
            controlled: control.and_then(|node| node.choice(found, &["external"])).map(|_| true),
            max_vus: count(max_users, found),
            pacing_ms: length(pacing, found),
            warmup_ms: length(warmup, found),
            graceful_stop_ms: length(graceful_stop, found),
        };
        // A part that could not be read has had its problem, and is not there for anything else.
        places.retain(|(part, _)| shape.has(part));
        Self { shape, places }
    }

    /// This load with the parts it lacks taken from another, except those that contradict it.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let left = other.shape.below(&self.shape);
        let taken = |(part, _): &&(&'static str, String)| self.place(part).is_none() && left.has(part);
        let places = self.places.iter().chain(other.places.iter().filter(taken)).cloned().collect();
        Self { shape: self.shape.clone().or(&other.shape), places }
    }

    /// Where a part stands, such as `rate`; `None` when it is not given.
    pub fn place(&self, part: &str) -> Option<&str> {
        self.places.iter().find(|(name, _)| *name == part).map(|(_, path)| path.as_str())
    }

    /// Where the parts given stand.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|(_, path)| path.as_str())
    }

    /// Adds what is wrong with the load, each problem once; those that stand nowhere are at `path`.
    pub fn check(&self, path: &str, found: &mut Found) {
        let mut problems = crate::Problems::new();
        self.shape.check(|part| self.place(part).unwrap_or(path).to_owned(), &mut problems);
        for problem in problems {
            if !found.problems.contains(&problem) {
                found.add(problem);
            }
        }
    }

    /// Which parts of another load this one replaces: pairs of where the parts stand.
    pub fn replaces<'a>(&'a self, other: &'a Self) -> Vec<(&'a str, &'a str)> {
        let same = LoadFlags::PARTS.into_iter().map(|part| (part, part));
        let against = other.shape.against(&self.shape).into_iter().map(|(theirs, own)| (own, theirs));
        let mut replaced: Vec<(&str, &str)> = Vec::new();
        for (own, theirs) in same.chain(against) {
            if let (Some(own), Some(theirs)) = (self.place(own), other.place(theirs))
                && !replaced.iter().any(|(_, known)| *known == theirs)
            {
                replaced.push((own, theirs));
            }
        }
        replaced
    }
}

/// Reads stages: a text as the flag has it, or a list of `{duration, users}` or of `{duration, rate}`.
fn stages(node: &Node<'_>, found: &mut Found) -> Option<Stages> {
    if let Value::String(text) = node.value {
        return match Stages::parse(text) {
            Ok(stages) => Some(stages),
            Err(message) => {
                found.problem_with_hint(&node.path, message, EXAMPLE);
                None
            }
        };
    }
    let items = node.items(found, "a list of stages", MAX_STAGES);
    if items.is_empty() {
        if node.value.as_array().is_some_and(Vec::is_empty) {
            let hint = "write stages such as `- { duration: 30s, users: 50 }`";
            found.problem_with_hint(&node.path, "there are no stages", hint);
        }
        return None;
    }
    let before = found.problems.len();
    let stages: Vec<Stage> = items.iter().filter_map(|item| stage(item, found)).collect();
    if found.problems.len() > before {
        return None;
    }
    match Stages::of(&stages) {
        Ok(stages) => Some(stages),
        Err((index, message)) => {
            let at = items.get(index).map_or(&node.path, |item| &item.path);
            let message = format!("stage {}: {message}", index + 1);
            found.problem_with_hint(at, message, "all stages are of users, or all of a rate");
            None
        }
    }
}

fn stage(node: &Node<'_>, found: &mut Found) -> Option<Stage> {
    if let Value::String(text) = node.value {
        return match Stage::parse(text) {
            Ok(stage) => Some(stage),
            Err(message) => {
                found.problem_with_hint(
                    &node.path,
                    message,
                    "write `30s:50` for users or `30s:100/s` for a rate",
                );
                None
            }
        };
    }
    let wanted = "a stage, such as `{ duration: 30s, users: 50 }` or `{ duration: 30s, rate: 100/s }`,";
    let fields = node.fields(found, wanted, &["duration", "users", "vus", "rate", "rps"])?;
    let target =
        fields.one_of(found, &["users", "vus", "rate", "rps"]).map(|(key, node)| (key.to_owned(), node));
    let Some(length) = fields.get("duration") else {
        found.problem(&node.path, "the stage has no `duration`");
        return None;
    };
    let duration_ms = length.duration_ms(found);
    let Some((key, target)) = target else {
        found.problem(&node.path, "the stage has no target: `users` or `rate` at its end");
        return None;
    };
    if matches!(key.as_str(), "users" | "vus") {
        let vus = target.whole(found, "a number of users");
        return Some(Stage::Users(VuStage { duration_ms: duration_ms?, vus: vus? }));
    }
    let rate_per_s = target.rate(found);
    Some(Stage::Rate(RateStage { duration_ms: duration_ms?, rate_per_s: rate_per_s? }))
}
