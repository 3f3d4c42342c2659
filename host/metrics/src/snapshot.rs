//! One tick's view of a run: what progress displays and live streams consume.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Percentiles;

/// What happened between two ticks, and the counts so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// End of the interval, in seconds since the load began.
    pub t_s: f64,
    /// Length of the interval in seconds.
    pub interval_s: f64,
    /// Virtual users busy with an iteration at the end of the interval.
    pub vus_busy: u64,
    /// Operations sent in the interval.
    pub fired: u64,
    /// Operations that ended in the interval.
    pub done: u64,
    /// Operations that ended in the interval with an error.
    pub errors: u64,
    /// Bytes received in the interval.
    pub bytes_received: u64,
    /// Response times of the interval in microseconds; absent when nothing ended.
    pub response_us: Option<Percentiles>,
    /// 99th percentile of the interval's schedule lag in microseconds.
    pub lag_p99_us: u64,
    /// Per scenario, since the load began.
    pub scenarios: Vec<ScenarioSnapshot>,
}

/// A scenario's iterations since the load began, warm-up included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioSnapshot {
    /// Name in the plan.
    pub name: String,
    /// Due so far.
    pub due: u64,
    /// Started so far.
    pub started: u64,
    /// Ended well so far.
    pub finished: u64,
    /// Ended badly so far: failed, interrupted or faulted.
    pub failed: u64,
    /// Dropped so far.
    pub dropped: u64,
}
