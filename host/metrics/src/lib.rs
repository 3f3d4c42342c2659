//! What was measured, and nothing else: samples, histograms, snapshots, the summary and the verdict.
//!
//! This crate is pure. It reads no clock, opens no file and spawns nothing: time reaches it as numbers.
//!
//! Data moves `Sample` -> [`Recorder`] (one a core) -> [`Block`] (a second's worth, handed over on a tick) ->
//! [`Totals`] (the run so far) -> [`Snapshot`] (for progress and streams) and [`Summary`] (for reports).

mod audit;
mod block;
pub mod compare;
mod error_kind;
mod finding_log;
mod limits;
mod names;
mod phase_states;
pub mod record;
mod recorder;
mod sample;
mod sandbox_limit;
mod scenarios;
mod series;
mod snapshot;
mod snapshots;
mod summarize;
mod summary;
#[cfg(test)]
mod testing;
mod thresholds;
mod totals;
mod usage;
mod verdict;

pub use audit::{Audit, AuditCheck, LeftOut, audit};
pub use block::{Block, FailureExample, IterationCounts, IterationStats, MetricValue, OpStats, PhaseStats};
pub use compare::{CompareOptions, Comparison, compare};
pub use error_kind::ErrorKind;
pub use finding_log::{FindingLog, FindingsFull, ReportedFinding};
pub use limits::*;
pub use names::{CheckId, MetricId, MetricKind, Names, NamesFull, OpId, OpName};
pub use phase_states::PhaseEnd;
pub use record::{
    IntervalRecord, KnownNames, PackedHistogram, RecordError, RecordEvent, RecordFacts, RecordReader, RunLog,
};
pub use recorder::Recorder;
pub use sample::{IterationEnd, IterationSample, Observation, Phases, Sample, Window};
pub use sandbox_limit::SandboxLimit;
pub use series::{Series, SeriesPoint};
pub use snapshot::{GeneratorSnapshot, OperationSnapshot, ScenarioSnapshot, Snapshot};
pub use summarize::RunEnd;
pub use summary::*;
pub use totals::{Tick, TickFacts, Totals};
pub use verdict::{generator_limits, judge};

/// A histogram of microseconds, or of a plugin's own unit for custom distributions.
///
/// Three significant digits: a reported value is within 0.1% of a recorded one.
pub type Histogram = hdrhistogram::Histogram<u64>;

/// File names and texts of the JSON Schemas in `host/metrics/schema/`, written there by `cargo xtask generate`.
pub fn schemas() -> Vec<(&'static str, String)> {
    let text = |schema: schemars::Schema| format!("{:#}\n", schema.to_value());
    vec![
        ("summary.schema.json", text(schemars::schema_for!(Summary))),
        ("snapshot.schema.json", text(schemars::schema_for!(Snapshot))),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn checked_in_schemas_are_fresh() {
        for (name, text) in super::schemas() {
            let path = format!("{}/schema/{name}", env!("CARGO_MANIFEST_DIR"));
            let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(checked_in == text, "{name} is stale: run `cargo xtask generate`");
        }
    }
}
