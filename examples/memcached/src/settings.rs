//! What the command line says besides the load.

use stresshost_sdk::prelude::*;
use stresshost_sdk::serde::{Deserialize, Serialize};
use stresshost_sdk::serde_json::Value;

use crate::protocol::MAX_VALUE_BYTES;

/// Keys of a run: setting up writes them one by one.
const MAX_KEYS: u64 = 1_000_000;

/// Keys of a multi-get.
const MAX_BATCH: u64 = 100;

/// Longest limit of an operation, in milliseconds: an hour.
const MAX_TIMEOUT_MS: u64 = 3_600_000;

/// How often keys are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub enum Popularity {
    /// All as often.
    Uniform,
    /// A few most of the time.
    Zipf,
}

/// What to do with which keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Settings {
    /// `tcp://host:port`.
    pub address: String,
    /// Number of keys.
    pub keys: u64,
    /// Bytes of each value.
    pub value_bytes: u64,
    /// How often keys are asked for.
    pub popularity: Popularity,
    /// Share of iterations that set a key.
    pub sets: f64,
    /// Share of iterations that ask for several keys at once.
    pub multi_gets: f64,
    /// How many that are.
    pub batch: u64,
    /// Share of the keys that are there when the load begins.
    pub prefill: f64,
    /// Limit of each operation, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: String::new(),
            keys: 10_000,
            value_bytes: 100,
            popularity: Popularity::Zipf,
            sets: 0.1,
            multi_gets: 0.0,
            batch: 10,
            prefill: 1.0,
            timeout_ms: 1_000,
        }
    }
}

/// The flags, with what [`Settings::default`] says.
pub fn flags() -> Vec<Flag> {
    let flag = |name: &str, kind: ValueKind, value_name: &str, help: &str, default: &str| Flag {
        name: name.into(),
        aliases: Vec::new(),
        short: None,
        kind,
        value_name: value_name.into(),
        help: help.into(),
        repeated: false,
        default: Some(default.into()),
    };
    let popularity = ValueKind::Choice(vec!["uniform".into(), "zipf".into()]);
    vec![
        flag("keys", ValueKind::Integer, "N", "Number of keys", "10000"),
        flag("value-bytes", ValueKind::Bytes, "SIZE", "Bytes of each value", "100"),
        flag(
            "popularity",
            popularity,
            "LAW",
            "How often keys are asked for: a few of them most (zipf), or all alike",
            "zipf",
        ),
        flag("sets", ValueKind::Number, "SHARE", "Share of iterations that set a key", "0.1"),
        flag(
            "multi-gets",
            ValueKind::Number,
            "SHARE",
            "Share of iterations that ask for --batch keys at once",
            "0",
        ),
        flag("batch", ValueKind::Integer, "N", "Keys of a multi-get", "10"),
        flag("prefill", ValueKind::Number, "SHARE", "Share of the keys that are set before the load", "1"),
        flag("timeout", ValueKind::Duration, "DURATION", "Limit of each operation", "1s"),
    ]
}

/// Reads argument and flags; what is wrong becomes problems.
pub fn read(input: &PlanInput, problems: &mut Problems) -> Settings {
    let mut settings = Settings::default();
    match input.args.first() {
        Some(address) => settings.address = address.clone(),
        None => problems.push(Problem::new("TARGET", "no server was given, such as `tcp://127.0.0.1:11211`")),
    }
    let mut flags = Flags { input, problems };
    flags.whole("keys", 1, MAX_KEYS, &mut settings.keys);
    flags.whole("value-bytes", 1, MAX_VALUE_BYTES.into(), &mut settings.value_bytes);
    flags.whole("batch", 1, MAX_BATCH, &mut settings.batch);
    flags.whole("timeout", 1, MAX_TIMEOUT_MS, &mut settings.timeout_ms);
    flags.share("sets", &mut settings.sets);
    flags.share("multi-gets", &mut settings.multi_gets);
    flags.share("prefill", &mut settings.prefill);
    if flags.value("popularity").and_then(Value::as_str) == Some("uniform") {
        settings.popularity = Popularity::Uniform;
    }
    if settings.sets + settings.multi_gets > 1.0 {
        problems.push(Problem::new("--multi-gets", "together with --sets it is more than 1"));
    }
    settings
}

/// Flags of an input, and what is wrong with them.
struct Flags<'a> {
    input: &'a PlanInput,
    problems: &'a mut Problems,
}

impl Flags<'_> {
    fn value(&self, name: &str) -> Option<&Value> {
        self.input.flags.get(name)
    }

    fn whole(&mut self, name: &str, least: u64, most: u64, to: &mut u64) {
        let Some(given) = self.value(name) else { return };
        match given.as_u64().filter(|given| (least..=most).contains(given)) {
            Some(given) => *to = given,
            None => self.wrong(name, format!("it is none of {least} to {most}")),
        }
    }

    fn share(&mut self, name: &str, to: &mut f64) {
        let Some(given) = self.value(name) else { return };
        match given.as_f64().filter(|given| (0.0..=1.0).contains(given)) {
            Some(given) => *to = given,
            None => self.wrong(name, "it is none of 0 to 1".into()),
        }
    }

    fn wrong(&mut self, name: &str, message: String) {
        self.problems.push(Problem::new(format!("--{name}"), message));
    }
}
