//! The standard flags for the shape of a load, and what they mean.
//!
//! | flag | also | meaning | default |
//! |---|---|---|---|
//! | `--vus N` | `--users N` | virtual users; with a rate, the most iterations in flight | 10; with a rate, a tenth of it |
//! | `--rate R` | `--rps R` | iterations per second (open model); absent: as fast as the users can (closed model) | |
//! | `--duration D` | | length of the load, ramp included | 30s |
//! | `--ramp-up D` | | users or rate grow over this time | 0s |
//! | `--stages S` | | lines that users (`30s:50,1m:100`) or a rate (`30s:100/s`) follow | |
//! | `--iterations N` | | a number of iterations, shared by the users | |
//! | `--per-user` | | the number is of each user | |
//! | `--max-duration D` | | when iterations that are left are dropped | 10m |
//! | `--arrivals A` | | arrivals of a rate: `even`, or `poisson` as of independent people | even |
//! | `--pacing D` | | each user begins an iteration this often | |
//! | `--controlled` | | users or rate can be changed while the run goes on | |
//! | `--max-vus N` | `--max-users N` | most users that can then be asked for | as many as there are |
//! | `--warmup D` | | start of the load that is reported apart | 0s |
//! | `--graceful-stop D` | | how long iterations in flight may go on at the end | 30s |
//!
//! The same settings stand in a config; [`GivenLoad`] reads them.
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

mod flags;
mod given;
mod rules;
mod stages;
mod values;

use stresshost_plan::{
    ConstantArrivalRate, ConstantVus, Executor, ExternallyControlled, Iterations, Pause, Plan,
    RampingArrivalRate, RampingVus, Scenario, Spacing, format_duration_ms,
};

pub use given::GivenLoad;
pub use stages::Stages;

/// Virtual users of a load for which neither users nor a rate is given.
pub const DEFAULT_VUS: u64 = 10;

/// Length of a load for which none is given, in milliseconds.
pub const DEFAULT_DURATION_MS: u64 = 30_000;

/// Most time for a number of iterations for which none is given, in milliseconds.
pub const DEFAULT_MAX_DURATION_MS: u64 = 600_000;

/// Grace period for which none is given, in milliseconds.
pub const DEFAULT_GRACEFUL_STOP_MS: u64 = 30_000;

/// Bounds of the number of virtual users that is derived from a rate: few enough to start at once, enough to ride out
/// a pause of the target.
const VUS_FOR_RATE: (u64, u64) = (10, 1_000);

/// Iterations in flight at a rate when each takes this many seconds.
const ASSUMED_ITERATION_S: f64 = 0.1;

/// The shape of a load as far as it was given; absent parts have documented defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadFlags {
    /// Virtual users.
    pub vus: Option<u64>,
    /// Iterations per second.
    pub rate_per_s: Option<f64>,
    /// Length in milliseconds.
    pub duration_ms: Option<u64>,
    /// Ramp in milliseconds.
    pub ramp_up_ms: Option<u64>,
    /// Lines that users or a rate follow.
    pub stages: Option<Stages>,
    /// Virtual users before the first stage; 0 when absent.
    pub start_vus: Option<u64>,
    /// Iterations per second before the first stage; 0 when absent.
    pub start_rate_per_s: Option<f64>,
    /// Number of iterations.
    pub iterations: Option<u64>,
    /// Whether each virtual user does that number, rather than all together.
    pub per_user: Option<bool>,
    /// Most time for a number of iterations, in milliseconds.
    pub max_duration_ms: Option<u64>,
    /// How arrivals of a rate lie between each other.
    pub arrivals: Option<Spacing>,
    /// Whether the load can be changed while the run goes on.
    pub controlled: Option<bool>,
    /// Most virtual users that can be asked for then.
    pub max_vus: Option<u64>,
    /// From one intended start of a virtual user's iteration to the next, in milliseconds.
    pub pacing_ms: Option<u64>,
    /// Warm-up in milliseconds.
    pub warmup_ms: Option<u64>,
    /// Grace period in milliseconds.
    pub graceful_stop_ms: Option<u64>,
}

impl LoadFlags {
    /// This load with the parts it lacks taken from another, except those that contradict it: with a rate of its own,
    /// a load takes no stages from the other.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let other = other.below(&self);
        Self {
            vus: self.vus.or(other.vus),
            rate_per_s: self.rate_per_s.or(other.rate_per_s),
            duration_ms: self.duration_ms.or(other.duration_ms),
            ramp_up_ms: self.ramp_up_ms.or(other.ramp_up_ms),
            stages: self.stages.or(other.stages),
            start_vus: self.start_vus.or(other.start_vus),
            start_rate_per_s: self.start_rate_per_s.or(other.start_rate_per_s),
            iterations: self.iterations.or(other.iterations),
            per_user: self.per_user.or(other.per_user),
            max_duration_ms: self.max_duration_ms.or(other.max_duration_ms),
            arrivals: self.arrivals.or(other.arrivals),
            controlled: self.controlled.or(other.controlled),
            max_vus: self.max_vus.or(other.max_vus),
            pacing_ms: self.pacing_ms.or(other.pacing_ms),
            warmup_ms: self.warmup_ms.or(other.warmup_ms),
            graceful_stop_ms: self.graceful_stop_ms.or(other.graceful_stop_ms),
        }
    }

    /// A scenario with this load: its executor and its pause.
    pub fn scenario(&self, name: impl Into<String>, prefix: &str, notes: &mut Vec<String>) -> Scenario {
        Scenario { pause: self.pause(), ..Scenario::new(name, self.executor(prefix, notes)) }
    }

    /// What a virtual user does between two iterations.
    pub fn pause(&self) -> Option<Pause> {
        self.pacing_ms.map(|interval_ms| Pause::Pacing { interval_ms })
    }

    /// The executor. What is given of iterations, stages, control and a rate decides which, in this order; without any
    /// of them it is a number of users. Defaults taken are noted, each note beginning with `prefix`, such as
    /// ``scenario `checkout`: ``.
    pub fn executor(&self, prefix: &str, notes: &mut Vec<String>) -> Executor {
        let mut with = Defaults { load: self, prefix, notes };
        if let Some(iterations) = self.iterations {
            return with.iterations(iterations);
        }
        let spacing = self.arrivals.unwrap_or_default();
        match &self.stages {
            Some(Stages::Users(stages)) => {
                let start_vus = self.start_vus.unwrap_or(0);
                return Executor::RampingVus(RampingVus { start_vus, stages: stages.clone() });
            }
            Some(Stages::Rate(stages)) => {
                let start_rate_per_s = self.start_rate_per_s.unwrap_or(0.0);
                let peak = stages.iter().map(|stage| stage.rate_per_s).fold(start_rate_per_s, f64::max);
                let vus = with.vus_for(peak);
                return Executor::RampingArrivalRate(RampingArrivalRate {
                    start_rate_per_s,
                    stages: stages.clone(),
                    vus,
                    spacing,
                });
            }
            None => {}
        }
        let duration_ms = with.duration_ms();
        let ramp_up_ms = self.ramp_up_ms.unwrap_or(0);
        let vus = match self.rate_per_s {
            Some(rate_per_s) => with.vus_for(rate_per_s),
            None => with.vus(DEFAULT_VUS),
        };
        match self.rate_per_s {
            rate_per_s if self.controlled == Some(true) => {
                let max_vus = self.max_vus.unwrap_or(0);
                Executor::ExternallyControlled(ExternallyControlled { vus, max_vus, rate_per_s, duration_ms })
            }
            None => Executor::ConstantVus(ConstantVus { vus, duration_ms, ramp_up_ms }),
            Some(rate_per_s) => Executor::ConstantArrivalRate(ConstantArrivalRate {
                rate_per_s,
                duration_ms,
                ramp_up_ms,
                vus,
                spacing,
            }),
        }
    }

    /// Puts the parts that belong to the whole run into the plan: warm-up and grace period.
    pub fn apply(&self, plan: &mut Plan) {
        plan.warmup_ms = self.warmup_ms.unwrap_or(0);
        plan.graceful_stop_ms = self.graceful_stop_ms.unwrap_or(DEFAULT_GRACEFUL_STOP_MS);
    }
}

/// The parts that every kind of load has, defaults noted.
struct Defaults<'a> {
    load: &'a LoadFlags,
    prefix: &'a str,
    notes: &'a mut Vec<String>,
}

impl Defaults<'_> {
    fn note(&mut self, text: &str) {
        self.notes.push(format!("{}{text}", self.prefix));
    }

    fn iterations(&mut self, iterations: u64) -> Executor {
        let is_per_user = self.load.per_user == Some(true);
        // More users than iterations to share would have nothing to do.
        let vus = self.vus(if is_per_user { DEFAULT_VUS } else { DEFAULT_VUS.min(iterations).max(1) });
        let max_duration_ms = self.load.max_duration_ms.unwrap_or_else(|| {
            let default = format_duration_ms(DEFAULT_MAX_DURATION_MS);
            self.note(&format!("{default} at most (no max duration was given)"));
            DEFAULT_MAX_DURATION_MS
        });
        let config = Iterations { vus, iterations, max_duration_ms };
        if is_per_user { Executor::PerVuIterations(config) } else { Executor::SharedIterations(config) }
    }

    fn duration_ms(&mut self) -> u64 {
        self.load.duration_ms.unwrap_or_else(|| {
            let default = format_duration_ms(DEFAULT_DURATION_MS);
            self.note(&format!("{default} of load (no duration was given)"));
            DEFAULT_DURATION_MS
        })
    }

    fn vus(&mut self, default: u64) -> u64 {
        self.load.vus.unwrap_or_else(|| {
            let why = if self.load.iterations.is_some() {
                "no number of users was given"
            } else {
                "neither users nor a rate was given"
            };
            let users = if default == 1 { "user" } else { "users" };
            self.note(&format!("{default} virtual {users} ({why})"));
            default
        })
    }

    fn vus_for(&mut self, rate_per_s: f64) -> u64 {
        self.load.vus.unwrap_or_else(|| {
            let wanted = (rate_per_s * ASSUMED_ITERATION_S).ceil() as u64;
            let vus = wanted.clamp(VUS_FOR_RATE.0, VUS_FOR_RATE.1);
            let rule = match vus {
                vus if vus == wanted => "a tenth of the rate",
                vus if vus > wanted => "the least for a rate",
                _ => "the most that is assumed for a rate",
            };
            self.note(&format!("at most {vus} iterations in flight: {rule} (no number of users was given)"));
            vus
        })
    }
}
