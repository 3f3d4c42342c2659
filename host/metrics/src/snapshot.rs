//! One tick's view of a run: what progress displays and live streams consume.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{MetricSummary, Percentiles};

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
    /// Per operation and scenario: counts since the load began, latencies of the interval. At most
    /// [`MAX_SNAPSHOT_OPERATIONS`](crate::MAX_SNAPSHOT_OPERATIONS), those with the most operations first.
    #[serde(default)]
    pub operations: Vec<OperationSnapshot>,
    /// Custom metrics since the load began.
    #[serde(default)]
    pub metrics: Vec<MetricSummary>,
    /// Phases that go on, by name; empty when the plan has none.
    #[serde(default)]
    pub phases: Vec<String>,
    /// The generator in the interval.
    #[serde(default)]
    pub generator: GeneratorSnapshot,
}

/// An operation of a scenario: counts since the load began, warm-up included; latencies of the interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationSnapshot {
    /// Name the plugin gave it.
    pub name: String,
    /// `http`, `sql`, ...
    pub protocol: String,
    /// Scenario it ran in.
    pub scenario: String,
    /// Phase of that scenario; empty when the plan has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phase: String,
    /// Plugin of that scenario, when several share the plan.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plugin: String,
    /// Sent so far.
    pub fired: u64,
    /// Ended so far.
    pub done: u64,
    /// Failed so far, by kind.
    pub errors: std::collections::BTreeMap<String, u64>,
    /// Bytes received so far.
    pub bytes_received: u64,
    /// Bytes sent so far.
    pub bytes_sent: u64,
    /// Service times of the interval in microseconds; absent when nothing ended.
    pub service_us: Option<Percentiles>,
    /// Response times of the interval in microseconds; absent when nothing ended.
    pub response_us: Option<Percentiles>,
}

/// What the generator used in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorSnapshot {
    /// CPU time of the load-generating threads as a share of the interval and the cores used.
    pub cpu_share: f64,
    /// Resident memory in bytes at the end of the interval.
    pub rss_bytes: u64,
    /// 99th percentile of the lateness that only the generator is to blame for, in microseconds.
    pub own_lag_p99_us: u64,
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
