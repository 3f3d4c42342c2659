//! The shapes a scenario's load can have: configuration only. The engine's executors carry them out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The shape of a scenario's load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Executor {
    /// Closed model: each virtual user starts its next iteration when the last one has ended.
    ConstantVus(ConstantVus),
    /// Closed model whose number of virtual users follows stages.
    RampingVus(RampingVus),
    /// A number of iterations, done by whichever virtual user is free.
    SharedIterations(Iterations),
    /// A number of iterations for each virtual user.
    PerVuIterations(Iterations),
    /// Open model: iterations start on a schedule, whatever the target does.
    ConstantArrivalRate(ConstantArrivalRate),
    /// Open model whose rate follows stages.
    RampingArrivalRate(RampingArrivalRate),
    /// Virtual users or a rate that a person changes while the run goes on.
    ExternallyControlled(ExternallyControlled),
    /// A share of the load of a [`Mix`](crate::Mix).
    MixShare(MixShare),
}

/// A fixed number of virtual users, each iterating as fast as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConstantVus {
    /// Number of virtual users.
    pub vus: u64,
    /// Length in milliseconds, ramp included.
    pub duration_ms: u64,
    /// Virtual users start evenly over this many milliseconds.
    #[serde(default)]
    pub ramp_up_ms: u64,
}

/// A number of virtual users that follows straight lines.
///
/// Virtual user `i` (0 and up) is active while the line is above `i`. One that leaves ends the iteration it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RampingVus {
    /// Virtual users at the beginning.
    #[serde(default)]
    pub start_vus: u64,
    /// The lines, one after the other.
    pub stages: Vec<VuStage>,
}

/// One straight line of a [`RampingVus`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VuStage {
    /// Length in milliseconds; 0 jumps.
    pub duration_ms: u64,
    /// Virtual users at its end.
    pub vus: u64,
}

/// A number of iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Iterations {
    /// Virtual users.
    pub vus: u64,
    /// Iterations: of all virtual users together, or of each.
    pub iterations: u64,
    /// When what was not begun by then is dropped, in milliseconds.
    #[serde(default = "default_max_duration_ms")]
    pub max_duration_ms: u64,
}

/// Longest time given to a number of iterations when the plan names none: ten minutes.
const fn default_max_duration_ms() -> u64 {
    600_000
}

/// How arrivals of an open model lie between each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// Evenly.
    #[default]
    Even,
    /// As independent users would arrive: a Poisson process, from the run's seed, whose total is the planned one.
    Poisson,
}

/// A fixed number of iterations per second.
///
/// An iteration that finds no virtual user free waits for one; the wait is lag, part of its response time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConstantArrivalRate {
    /// Iterations per second.
    pub rate_per_s: f64,
    /// Length in milliseconds, ramp included.
    pub duration_ms: u64,
    /// The rate grows from 0 in a straight line over this many milliseconds.
    #[serde(default)]
    pub ramp_up_ms: u64,
    /// Virtual users that share the work: the most iterations in flight.
    pub vus: u64,
    /// How arrivals lie between each other.
    #[serde(default)]
    pub spacing: Spacing,
}

/// A rate that follows straight lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RampingArrivalRate {
    /// Iterations per second at the beginning.
    #[serde(default)]
    pub start_rate_per_s: f64,
    /// The lines, one after the other.
    pub stages: Vec<RateStage>,
    /// Virtual users that share the work: the most iterations in flight.
    pub vus: u64,
    /// How arrivals lie between each other.
    #[serde(default)]
    pub spacing: Spacing,
}

/// One straight line of a [`RampingArrivalRate`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateStage {
    /// Length in milliseconds; 0 jumps.
    pub duration_ms: u64,
    /// Iterations per second at its end.
    pub rate_per_s: f64,
}

/// Load that `stresshost ctl scale` changes while the run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExternallyControlled {
    /// Virtual users active at the beginning; with a rate, the most iterations in flight.
    pub vus: u64,
    /// Most virtual users that can be asked for; all are made before the load begins. 0: as many as `vus`.
    #[serde(default)]
    pub max_vus: u64,
    /// Iterations per second at the beginning; absent: virtual users iterate as fast as they can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<f64>,
    /// Length in milliseconds.
    pub duration_ms: u64,
}

/// A share of the load of a [`Mix`](crate::Mix).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MixShare {
    /// Name of the mix, in the same phase.
    pub mix: String,
    /// Of the sum of the weights of all shares, this many iterations are of this scenario.
    pub weight: u64,
}

impl Executor {
    /// Virtual users it needs at most; 0 for a share of a mix, whose virtual users are the mix's.
    pub fn vus(&self) -> u64 {
        match self {
            Self::ConstantVus(config) => config.vus,
            Self::RampingVus(config) => {
                config.stages.iter().map(|stage| stage.vus).fold(config.start_vus, u64::max)
            }
            Self::SharedIterations(config) | Self::PerVuIterations(config) => config.vus,
            Self::ConstantArrivalRate(config) => config.vus,
            Self::RampingArrivalRate(config) => config.vus,
            Self::ExternallyControlled(config) => config.vus.max(config.max_vus),
            Self::MixShare(_) => 0,
        }
    }

    /// Its length in milliseconds, the longest it may take for a number of iterations; 0 for a share of a mix.
    pub fn duration_ms(&self) -> u64 {
        match self {
            Self::ConstantVus(config) => config.duration_ms,
            Self::RampingVus(config) => sum(config.stages.iter().map(|stage| stage.duration_ms)),
            Self::SharedIterations(config) | Self::PerVuIterations(config) => config.max_duration_ms,
            Self::ConstantArrivalRate(config) => config.duration_ms,
            Self::RampingArrivalRate(config) => sum(config.stages.iter().map(|stage| stage.duration_ms)),
            Self::ExternallyControlled(config) => config.duration_ms,
            Self::MixShare(_) => 0,
        }
    }

    /// The greatest rate it plans, in iterations per second; `None` for a closed model.
    pub fn peak_rate_per_s(&self) -> Option<f64> {
        match self {
            Self::ConstantArrivalRate(config) => Some(config.rate_per_s),
            Self::RampingArrivalRate(config) => Some(
                config.stages.iter().map(|stage| stage.rate_per_s).fold(config.start_rate_per_s, f64::max),
            ),
            Self::ExternallyControlled(config) => config.rate_per_s,
            _ => None,
        }
    }

    /// Whether iterations start on a schedule rather than when the last one has ended.
    pub fn is_open(&self) -> bool {
        self.peak_rate_per_s().is_some()
    }
}

fn sum(lengths_ms: impl Iterator<Item = u64>) -> u64 {
    lengths_ms.fold(0, u64::saturating_add)
}
