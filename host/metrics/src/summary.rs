//! The summary of a run: the one document every report is a function of.

mod objectives;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use objectives::{PhaseStatus, PhaseSummary, Score, ThresholdResult};

use crate::{ErrorKind, Histogram, SeriesPoint};

/// Schema id of [`Summary`].
pub const SUMMARY_SCHEMA: &str = "stresshost.summary/1";

/// Everything a run measured. Latencies are microseconds, sizes bytes, durations seconds.
///
/// Readers must ignore fields they do not know: the document grows by adding some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Always `stresshost.summary/1`.
    pub schema: String,
    /// Which run this is.
    pub run: RunInfo,
    /// Whether the run passed, and why not.
    pub verdict: Verdict,
    /// Per scenario of the plan.
    pub scenarios: Vec<ScenarioSummary>,
    /// Per operation and scenario, in the measured window.
    pub operations: Vec<OperationSummary>,
    /// All operations of the measured window together; absent when none ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overall: Option<OverallSummary>,
    /// Phases, when the plan has any, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseSummary>,
    /// Thresholds of the plan with the value each was held against.
    #[serde(default)]
    pub thresholds: Vec<ThresholdResult>,
    /// How much of the thresholds' weight held, when the plan asks for a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// Checks the plugin made.
    pub checks: Vec<CheckResult>,
    /// Findings that plugins reported while the load ran, each once; see [`ReportedFinding`](crate::ReportedFinding).
    #[serde(default)]
    pub findings: Vec<serde_json::Value>,
    /// Custom metrics the plugin recorded.
    pub metrics: Vec<MetricSummary>,
    /// What the generator itself used.
    pub generator: GeneratorSummary,
    /// Plugin faults.
    #[serde(default)]
    pub faults: Vec<FaultSummary>,
    /// Limits of the sandbox that plugins reached, in the order of the plan; warm-up included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitSummary>,
    /// The course of the run.
    pub series: Vec<SeriesPoint>,
    /// The warm-up window, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<WarmupSummary>,
    /// A few failures with their text.
    #[serde(default)]
    pub failures: Vec<FailureSummary>,
    /// What the plan noted: values inferred, defaults taken.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Which run this is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// Unique id of the run.
    pub id: String,
    /// What the plan is called.
    pub name: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// When the load began, RFC 3339 in UTC.
    pub started: String,
    /// Length of the measured window in seconds, from the end of the warm-up to the last iteration's end.
    pub duration_s: f64,
    /// Whether a person or signal stopped the run before its plan was done.
    pub interrupted: bool,
    /// What was loaded.
    pub targets: Vec<String>,
    /// The workload.
    pub plugin: PluginInfo,
    /// The machine.
    pub host: HostInfo,
}

/// Which plugin ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PluginInfo {
    /// Name in its descriptor.
    pub name: String,
    /// Version in its descriptor.
    pub version: String,
    /// `sha256:` and the digest of the component.
    pub digest: String,
}

/// Where the run took place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostInfo {
    /// Version of stresshost.
    pub version: String,
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// Cores the generator used.
    pub cores: u64,
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The outcome.
    pub status: VerdictStatus,
    /// Why it is not a pass; empty on a pass.
    pub reasons: Vec<String>,
}

/// The outcomes a run can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictStatus {
    /// Everything asked for held.
    Pass,
    /// Something asked for did not hold.
    Fail,
    /// There is not enough data to say.
    Inconclusive,
    /// The generator was the bottleneck: the numbers say nothing about the target.
    Invalid,
    /// The plugin broke.
    Fault,
    /// The target could not be reached at all.
    Unreachable,
    /// The plugin tried to reach what it was not granted.
    Denied,
}

impl VerdictStatus {
    /// The status in capitals, as reports print it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Invalid => "INVALID",
            Self::Fault => "PLUGIN FAULT",
            Self::Unreachable => "UNREACHABLE",
            Self::Denied => "DENIED",
        }
    }
}

/// A scenario and its iterations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioSummary {
    /// Name in the plan.
    pub name: String,
    /// Phase it belongs to; empty when the plan has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phase: String,
    /// Plugin it belongs to, when several share the plan.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plugin: String,
    /// One line describing the load, such as `50 virtual users for 10s`.
    pub load: String,
    /// Time in which its iterations could start within this window, in seconds: what its rates are per second of.
    #[serde(default)]
    pub duration_s: f64,
    /// Whether iterations start on a schedule, whatever the target does.
    #[serde(default)]
    pub open: bool,
    /// Time in which a fixed number of iterations had to begin, in seconds; absent for every other load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_s: Option<f64>,
    /// What became of the iterations of the measured window.
    pub iterations: IterationsSummary,
    /// Duration of an iteration, from its start.
    pub service_us: Option<Percentiles>,
    /// Duration of an iteration, from its intended start.
    pub response_us: Option<Percentiles>,
    /// How late iterations started.
    pub lag_us: Option<Percentiles>,
}

/// What became of iterations: `due = started + dropped`, `started = finished + failed + interrupted + faulted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IterationsSummary {
    /// Iterations the schedule called for.
    pub due: u64,
    /// Iterations begun.
    pub started: u64,
    /// Ended well.
    pub finished: u64,
    /// Ended by the plugin with a failure.
    pub failed: u64,
    /// Cut off when the grace period ended.
    pub interrupted: u64,
    /// Ended by a plugin fault.
    #[serde(default)]
    pub faulted: u64,
    /// Never begun.
    pub dropped: u64,
}

/// An operation of one scenario in the measured window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationSummary {
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
    /// Operations that ended.
    pub count: u64,
    /// Operations sent; differs from `count` only by those in flight at the end.
    pub fired: u64,
    /// Failures by kind.
    pub errors: std::collections::BTreeMap<ErrorKindName, u64>,
    /// Protocol statuses, such as `200`; `other` when there were too many different ones.
    pub statuses: std::collections::BTreeMap<String, u64>,
    /// Bytes on the transport.
    pub bytes: BytesSummary,
    /// Operations sent per second of the scenario's `duration_s`.
    pub rate_per_s: f64,
    /// From the actual start.
    pub service_us: Option<Percentiles>,
    /// From the intended start.
    pub response_us: Option<Percentiles>,
    /// Between the two.
    pub lag_us: Option<Percentiles>,
    /// Where the service time went: `lookup`, `connect`, `tls`, `write`, `wait`, `body`. A phase counts only the
    /// operations in which it happened.
    pub phases_us: std::collections::BTreeMap<String, Percentiles>,
}

/// All operations of the measured window together; distributions are merged, never averaged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverallSummary {
    /// Operations that ended.
    pub count: u64,
    /// Operations that failed.
    pub errors: u64,
    /// From the actual start.
    pub service_us: Option<Percentiles>,
    /// From the intended start.
    pub response_us: Option<Percentiles>,
    /// Between the two.
    pub lag_us: Option<Percentiles>,
}

/// Name of an [`ErrorKind`] as a map key.
pub type ErrorKindName = String;

/// Bytes on the transport, protocol overhead included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BytesSummary {
    /// Handed to the transport.
    pub sent: u64,
    /// Taken from the transport.
    pub received: u64,
}

/// A distribution in numbers; the unit is named by the field that holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Percentiles {
    /// Number of values.
    pub count: u64,
    /// Least.
    pub min: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 95th percentile.
    pub p95: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Greatest.
    pub max: u64,
}

impl Percentiles {
    /// The percentiles of a histogram; `None` when it is empty.
    pub fn of(histogram: &Histogram) -> Option<Self> {
        if histogram.is_empty() {
            return None;
        }
        // The histogram answers with the upper edge of a bucket, which can lie above the greatest value by 0.1%.
        let max = histogram.max();
        let at = |quantile| histogram.value_at_quantile(quantile).min(max);
        Some(Self {
            count: histogram.len(),
            min: histogram.min(),
            mean: histogram.mean(),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max,
        })
    }
}

/// A check and how often it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// Name the plugin gave it.
    pub name: String,
    /// Times it held.
    pub passed: u64,
    /// Times it did not.
    pub failed: u64,
}

/// A custom metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricSummary {
    /// Name the plugin gave it.
    pub name: String,
    /// Unit the plugin gave it; may be empty.
    pub unit: String,
    /// Its kind and value.
    #[serde(flatten)]
    pub value: MetricValueSummary,
}

/// The value of a custom metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MetricValueSummary {
    /// A sum.
    Counter {
        /// Sum of the increments.
        sum: f64,
        /// Sum per second of the time in which at least one scenario was measured.
        rate_per_s: f64,
    },
    /// A value that moves.
    Gauge {
        /// Set last.
        last: f64,
        /// Least.
        min: f64,
        /// Greatest.
        max: f64,
    },
    /// A share.
    Rate {
        /// Observations that were true.
        hits: u64,
        /// All observations.
        total: u64,
        /// `hits / total`.
        ratio: f64,
    },
    /// A distribution.
    Distribution {
        /// Its percentiles, in the metric's unit.
        values: Percentiles,
    },
}

/// What the generator itself used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorSummary {
    /// CPU seconds of the whole process during the load, user and system.
    pub cpu_s: f64,
    /// CPU seconds of the load-generating threads divided by the wall time and the cores used: 1.0 means saturated.
    pub cpu_share: f64,
    /// The same of the busiest core alone.
    #[serde(default)]
    pub busiest_core_share: f64,
    /// Peak resident memory in bytes.
    pub rss_max_bytes: u64,
    /// CPU seconds spent inside guest code, of all plugins. An estimate: one iteration in 64 is timed and stands for the
    /// others, and what is done before and after iterations is not in it.
    pub guest_cpu_s: f64,
    /// The same by plugin, in the order of the plan. Empty in summaries of versions that told only the sum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PluginUsage>,
    /// 99th percentile of the schedule lag of all operations of the measured window, in microseconds.
    pub lag_p99_us: u64,
    /// 99th percentile of the lateness that only the generator is to blame for, in microseconds: a virtual user was
    /// free and waited for the intended start, and woke up this late. Measured window.
    #[serde(default)]
    pub own_lag_p99_us: u64,
    /// Starts of the measured window that were later than 100 ms by the generator's own fault.
    #[serde(default)]
    pub own_late_starts: u64,
    /// Seconds operations waited for rate limits, all together.
    #[serde(default)]
    pub limited_s: f64,
}

/// What a plugin's code used: an estimate, see `guest_cpu_s` of the generator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PluginUsage {
    /// Name of the plugin.
    pub name: String,
    /// CPU seconds spent inside its code.
    pub guest_cpu_s: f64,
    /// Those divided by the wall time of the load, warm-up included: 1.0 is one whole core.
    pub core_share: f64,
}

/// A plugin fault: how often, and its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultSummary {
    /// Plugin that broke.
    pub plugin: String,
    /// Where: `setup`, `start`, `iterate`, ...
    pub during: String,
    /// How often this text was seen.
    pub count: u64,
    /// The guest's own words and its backtrace.
    pub text: String,
}

/// A limit of the sandbox that a plugin reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitSummary {
    /// Plugin that reached it.
    pub plugin: String,
    /// Which: the name of a [`SandboxLimit`](crate::SandboxLimit), such as `log-lines`.
    pub limit: String,
    /// What is counted, for people, such as `log lines not shown`.
    pub meaning: String,
    /// How often.
    pub count: u64,
}

/// The warm-up window, reported apart and never judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarmupSummary {
    /// Length in seconds; of the longest where phases have their own.
    pub duration_s: f64,
    /// Per scenario.
    pub scenarios: Vec<ScenarioSummary>,
    /// Per operation.
    pub operations: Vec<OperationSummary>,
}

/// A failure with its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FailureSummary {
    /// Operation that failed.
    pub operation: String,
    /// Scenario it ran in.
    pub scenario: String,
    /// Why: the name of an error kind.
    pub kind: ErrorKindName,
    /// When, in seconds since the load began.
    pub t_s: f64,
    /// The transport's or server's own words.
    pub text: String,
}

impl Summary {
    /// Operations of the measured window that ended, over all operations.
    pub fn operations_done(&self) -> u64 {
        saturating_sum(self.operations.iter().map(|op| op.count))
    }

    /// Operations of the measured window that failed, over all operations.
    pub fn operations_failed(&self) -> u64 {
        saturating_sum(self.operations.iter().map(OperationSummary::failed))
    }
}

impl OperationSummary {
    /// Failures of every kind.
    pub fn failed(&self) -> u64 {
        saturating_sum(self.errors.values().copied())
    }

    /// Failures in which the connection itself could not be made.
    pub fn unreachable(&self) -> u64 {
        self.failed_as(ErrorKind::is_unreachable)
    }

    /// Failures of the kinds that `chosen` picks.
    pub fn failed_as(&self, chosen: impl Fn(ErrorKind) -> bool) -> u64 {
        let picked = |name: &str| ErrorKind::from_name(name).is_some_and(&chosen);
        saturating_sum(self.errors.iter().filter(|(name, _)| picked(name)).map(|(_, count)| *count))
    }
}

/// A summary may be read from a file that says anything, so its sums must not overflow.
pub(crate) fn saturating_sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}
