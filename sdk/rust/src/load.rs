//! The standard flags for the shape of a load, and what they mean.
//!
//! | flag | also | meaning | default |
//! |---|---|---|---|
//! | `--vus N` | `--users N` | virtual users; with a rate, the most iterations in flight | 10; with a rate, a tenth of it |
//! | `--rate R` | `--rps R` | iterations per second (open model); absent: as fast as the users can (closed model) | |
//! | `--duration D` | | length of the load, ramp included | 30s |
//! | `--ramp-up D` | | users or rate grow over this time | 0s |
//! | `--warmup D` | | start of the load that is reported apart | 0s |
//! | `--graceful-stop D` | | how long iterations in flight may go on at the end | 30s |
//!
//! ```
//! use stresshost_sdk::prelude::*;
//! use stresshost_sdk::testing;
//!
//! let input = testing::input(&[], serde_json::json!({"rate": 500.0, "duration": 60_000}), ());
//! let (mut problems, mut notes) = (Problems::new(), Vec::new());
//! let load = LoadFlags::read(&input, &mut problems);
//! let executor = load.executor("", &mut notes);
//! assert_eq!(executor.describe(), "500/s for 1m, up to 50 at once");
//! assert_eq!(notes, ["at most 50 iterations in flight: a tenth of the rate (no number of users was given)"]);
//! assert!(problems.is_empty());
//! ```

use stresshost_plan::{
    ConstantArrivalRate, ConstantVus, Executor, Flag, MAX_DURATION_MS, MAX_RATE_PER_S, MAX_VUS, Plan,
    PlanInput, Problem, ValueKind, format_duration_ms,
};

use crate::Problems;

/// Virtual users of a load for which neither users nor a rate is given.
pub const DEFAULT_VUS: u64 = 10;

/// Length of a load for which none is given, in milliseconds.
pub const DEFAULT_DURATION_MS: u64 = 30_000;

/// Bounds of the number of virtual users that is derived from a rate: few enough to start at once, enough to ride out
/// a pause of the target.
const VUS_FOR_RATE: (u64, u64) = (10, 1_000);

/// Iterations in flight at a rate when each takes this many seconds.
const ASSUMED_ITERATION_S: f64 = 0.1;

/// The shape of a load as far as it was given; absent parts have documented defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadFlags {
    /// Virtual users.
    pub vus: Option<u64>,
    /// Iterations per second.
    pub rate_per_s: Option<f64>,
    /// Length in milliseconds.
    pub duration_ms: Option<u64>,
    /// Ramp in milliseconds.
    pub ramp_up_ms: Option<u64>,
    /// Warm-up in milliseconds.
    pub warmup_ms: Option<u64>,
    /// Grace period in milliseconds.
    pub graceful_stop_ms: Option<u64>,
}

impl LoadFlags {
    /// The flags, for [`Descriptor::flags`](stresshost_plan::Descriptor::flags).
    pub fn flags() -> Vec<Flag> {
        let flag =
            |name: &str, alias: &str, kind: ValueKind, value_name: &str, help: &str, default: &str| Flag {
                name: name.to_owned(),
                aliases: if alias.is_empty() { Vec::new() } else { vec![alias.to_owned()] },
                short: None,
                kind,
                value_name: value_name.to_owned(),
                help: help.to_owned(),
                repeated: false,
                default: (!default.is_empty()).then(|| default.to_owned()),
            };
        let users = "Virtual users; with --rate, the most iterations in flight";
        let rate =
            "Iterations per second, whatever the target does; without it users iterate as fast as they can";
        let ramp = "Let users or rate grow over this time";
        let warmup = "Report this much of the start apart and judge without it";
        let grace = "How long iterations in flight may go on at the end";
        vec![
            flag("vus", "users", ValueKind::Integer, "N", users, "10"),
            flag("rate", "rps", ValueKind::Rate, "RATE", rate, ""),
            flag("duration", "", ValueKind::Duration, "DURATION", "Length of the load, ramp included", "30s"),
            flag("ramp-up", "", ValueKind::Duration, "DURATION", ramp, "0s"),
            flag("warmup", "", ValueKind::Duration, "DURATION", warmup, "0s"),
            flag("graceful-stop", "", ValueKind::Duration, "DURATION", grace, "30s"),
        ]
    }

    /// Reads the flags; numbers that make no load become problems.
    pub fn read(input: &PlanInput, problems: &mut Problems) -> Self {
        let whole = |name: &str| input.flags.get(name).and_then(serde_json::Value::as_u64);
        let load = Self {
            vus: whole("vus"),
            rate_per_s: input.flags.get("rate").and_then(serde_json::Value::as_f64),
            duration_ms: whole("duration"),
            ramp_up_ms: whole("ramp-up"),
            warmup_ms: whole("warmup"),
            graceful_stop_ms: whole("graceful-stop"),
        };
        load.check(|part| format!("--{}", part.replace('_', "-")), problems);
        load
    }

    /// Adds a problem for each part that makes no load. `path` turns a part's name, such as `ramp_up`, into a
    /// problem's path.
    pub fn check(&self, path: impl Fn(&str) -> String, problems: &mut Problems) {
        let mut refuse = |part: &str, message: String| problems.push(Problem::new(path(part), message));
        match self.vus {
            Some(0) => refuse("vus", "0 virtual users do nothing".to_owned()),
            Some(vus) if vus > MAX_VUS => {
                refuse("vus", format!("{vus} virtual users; the most is {MAX_VUS}"))
            }
            _ => {}
        }
        match self.rate_per_s {
            Some(rate) if !(rate > 0.0 && rate.is_finite()) => {
                refuse("rate", format!("a rate must be more than 0 per second, not {rate}"));
            }
            Some(rate) if rate > MAX_RATE_PER_S => {
                refuse("rate", format!("{rate} per second; the most is {MAX_RATE_PER_S}"));
            }
            _ => {}
        }
        if self.duration_ms == Some(0) {
            refuse("duration", "a duration of 0 measures nothing".to_owned());
        }
        let lengths = [
            ("duration", self.duration_ms),
            ("ramp_up", self.ramp_up_ms),
            ("warmup", self.warmup_ms),
            ("graceful_stop", self.graceful_stop_ms),
        ];
        for (part, length_ms) in lengths {
            if let Some(ms) = length_ms.filter(|&ms| ms > MAX_DURATION_MS) {
                let (given, most) = (format_duration_ms(ms), format_duration_ms(MAX_DURATION_MS));
                refuse(part, format!("{given} is too long; the most is {most}"));
            }
        }
        let duration_ms = self.duration_ms.unwrap_or(DEFAULT_DURATION_MS);
        if let Some(ramp_ms) = self.ramp_up_ms.filter(|&ramp_ms| ramp_ms > duration_ms) {
            let (ramp, whole) = (format_duration_ms(ramp_ms), format_duration_ms(duration_ms));
            refuse("ramp_up", format!("a ramp-up of {ramp} is longer than the {whole} of load"));
        }
    }

    /// This load with the parts it lacks taken from another.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            vus: self.vus.or(other.vus),
            rate_per_s: self.rate_per_s.or(other.rate_per_s),
            duration_ms: self.duration_ms.or(other.duration_ms),
            ramp_up_ms: self.ramp_up_ms.or(other.ramp_up_ms),
            warmup_ms: self.warmup_ms.or(other.warmup_ms),
            graceful_stop_ms: self.graceful_stop_ms.or(other.graceful_stop_ms),
        }
    }

    /// The executor: an arrival rate when there is a rate, else a number of users. Defaults taken are noted, each note
    /// beginning with `prefix`, such as ``scenario `checkout`: ``.
    pub fn executor(&self, prefix: &str, notes: &mut Vec<String>) -> Executor {
        let duration_ms = self.duration_ms.unwrap_or_else(|| {
            let default = format_duration_ms(DEFAULT_DURATION_MS);
            notes.push(format!("{prefix}{default} of load (no duration was given)"));
            DEFAULT_DURATION_MS
        });
        let ramp_up_ms = self.ramp_up_ms.unwrap_or(0);
        let Some(rate_per_s) = self.rate_per_s else {
            let vus = self.vus.unwrap_or_else(|| {
                notes.push(format!(
                    "{prefix}{DEFAULT_VUS} virtual users (neither users nor a rate was given)"
                ));
                DEFAULT_VUS
            });
            return Executor::ConstantVus(ConstantVus { vus, duration_ms, ramp_up_ms });
        };
        let vus = self.vus.unwrap_or_else(|| {
            let vus = vus_for_rate(rate_per_s);
            let rule = match (vus, vus_for_rate_unbounded(rate_per_s)) {
                (vus, derived) if vus == derived => "a tenth of the rate",
                (vus, derived) if vus > derived => "the least for a rate",
                _ => "the most that is assumed for a rate",
            };
            notes.push(format!(
                "{prefix}at most {vus} iterations in flight: {rule} (no number of users was given)"
            ));
            vus
        });
        Executor::ConstantArrivalRate(ConstantArrivalRate { rate_per_s, duration_ms, ramp_up_ms, vus })
    }

    /// Puts the parts that belong to the whole run into the plan: warm-up and grace period.
    pub fn apply(&self, plan: &mut Plan) {
        plan.warmup_ms = self.warmup_ms.unwrap_or(0);
        plan.graceful_stop_ms = self.graceful_stop_ms.unwrap_or(DEFAULT_GRACEFUL_STOP_MS);
    }
}

/// Grace period for which none is given, in milliseconds.
pub const DEFAULT_GRACEFUL_STOP_MS: u64 = 30_000;

fn vus_for_rate(rate_per_s: f64) -> u64 {
    vus_for_rate_unbounded(rate_per_s).clamp(VUS_FOR_RATE.0, VUS_FOR_RATE.1)
}

fn vus_for_rate_unbounded(rate_per_s: f64) -> u64 {
    (rate_per_s * ASSUMED_ITERATION_S).ceil() as u64
}
