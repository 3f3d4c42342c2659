//! The raw record of a run: one line of JSON for each tick, holding everything that was measured in it.
//!
//! Lines are written as the run goes, so a run that is killed loses at most its last interval, and every number of a
//! [`Summary`](crate::Summary) can be computed again from them. Times are nanoseconds since the load began.

mod block;
mod compact;
mod log;
mod packed;
mod rebuild;
#[cfg(test)]
pub(crate) mod testing;
mod validate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ErrorKind, FaultSummary, IterationsSummary, MAX_RUN_NS, MetricKind, Names, PhaseStatus, RunEnd,
    SandboxLimit,
};

pub use compact::{compact, merge};
pub use log::{RecordError, RecordReader, RunLog};
pub use packed::PackedHistogram;
pub use rebuild::{Rebuilt, rebuild, rebuild_log};

/// Everything measured between two ticks.
///
/// Names are given ids in the order in which the lines of a log introduce them; rows refer to those ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IntervalRecord {
    /// Start of the interval.
    pub from_ns: u64,
    /// End of the interval: where the next one starts.
    pub to_ns: u64,
    /// Number of ticks in it: 1 unless neighbours were merged, 0 for the line that ends a run.
    pub ticks: u32,
    /// Virtual users busy at its end; the most of them when intervals were merged.
    #[serde(default)]
    pub vus_busy: u64,
    /// CPU time of each core's thread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cores_cpu_ns: Vec<u64>,
    /// Resident memory at its end; the most when intervals were merged.
    #[serde(default)]
    pub rss_bytes: u64,
    /// Time inside guest code, of all plugins.
    #[serde(default)]
    pub guest_cpu_ns: u64,
    /// The same by part of the plan; absent when there was none, and from records of versions that took only the sum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts_guest_cpu_ns: Vec<u64>,
    /// Limits of the sandbox that were reached, by part of the plan. Limits of newer versions are ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "known_limits")]
    pub limits: Vec<LimitRecord>,
    /// Time operations waited for rate limits.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub limited_ns: u64,
    /// Lateness only the generator is to blame for, in microseconds.
    #[serde(default, skip_serializing_if = "PackedHistogram::is_empty")]
    pub own_lag_us: PackedHistogram,
    /// Operations named since the last line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new_ops: Vec<NewOp>,
    /// Checks named since the last line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new_checks: Vec<String>,
    /// Custom metrics named since the last line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new_metrics: Vec<NewMetric>,
    /// Operations, each in a scenario and window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ops: Vec<OpRecord>,
    /// Iterations, each of a scenario and window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub iterations: Vec<IterationRecord>,
    /// Checks, each in a scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckRecord>,
    /// Custom metrics, each in a scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricRecord>,
    /// A few failures with their text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<ExampleRecord>,
    /// Plugin faults whose count changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultRecord>,
    /// What happened, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<RecordEvent>,
}

/// An operation's name and protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOp {
    /// What reports call it.
    pub name: String,
    /// `http`, `sql`, ...
    pub protocol: String,
}

/// A custom metric's name, kind and unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMetric {
    /// What reports call it.
    pub name: String,
    /// What it holds.
    #[serde(with = "kind_name")]
    pub kind: MetricKind,
    /// Unit; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
}

/// An operation in one scenario and window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OpRecord {
    /// Its id.
    pub op: u32,
    /// Index of the scenario in the plan.
    pub scenario: u16,
    /// Whether this is the warm-up.
    #[serde(default, skip_serializing_if = "is_false")]
    pub warmup: bool,
    /// Sent.
    pub fired: u64,
    /// Ended.
    pub done: u64,
    /// Failures by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<ErrorKind, u64>,
    /// Protocol statuses and how often each came, in the order first seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<(u16, u64)>,
    /// Bytes handed to the transport.
    #[serde(default)]
    pub bytes_sent: u64,
    /// Bytes taken from the transport.
    #[serde(default)]
    pub bytes_received: u64,
    /// From the actual start, in microseconds.
    #[serde(default, skip_serializing_if = "PackedHistogram::is_empty")]
    pub service_us: PackedHistogram,
    /// From the intended start, in microseconds.
    #[serde(default, skip_serializing_if = "PackedHistogram::is_empty")]
    pub response_us: PackedHistogram,
    /// Between the two, in microseconds.
    #[serde(default, skip_serializing_if = "PackedHistogram::is_empty")]
    pub lag_us: PackedHistogram,
    /// Where the service time went, in microseconds, by the name of the phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub phases_us: BTreeMap<String, PackedHistogram>,
}

/// The iterations of a scenario in one window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IterationRecord {
    /// Index of the scenario in the plan.
    pub scenario: u16,
    /// Whether this is the warm-up.
    #[serde(default, skip_serializing_if = "is_false")]
    pub warmup: bool,
    /// What became of them.
    pub counts: IterationsSummary,
    /// From the actual start, in microseconds.
    #[serde(default, skip_serializing_if = "PackedHistogram::is_empty")]
    pub service_us: PackedHistogram,
    /// From the intended start, in microseconds.
    #[serde(default, skip_serializing_if = "PackedHistogram::is_empty")]
    pub response_us: PackedHistogram,
    /// Between the two, in microseconds.
    #[serde(default, skip_serializing_if = "PackedHistogram::is_empty")]
    pub lag_us: PackedHistogram,
}

/// A check in one scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// Its id.
    pub check: u32,
    /// Index of the scenario in the plan.
    pub scenario: u16,
    /// Times it held.
    pub passed: u64,
    /// Times it did not.
    pub failed: u64,
}

/// A custom metric in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRecord {
    /// Its id.
    pub metric: u32,
    /// Index of the scenario in the plan.
    pub scenario: u16,
    /// What was observed.
    pub value: ValueRecord,
}

/// What was observed of a custom metric. Numbers with a fraction are texts: a JSON number does not come back exactly
/// from every reader, and has no infinity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueRecord {
    /// Sum of the increments.
    Counter(#[serde(with = "exact")] f64),
    /// A value that moves.
    Gauge {
        /// Set last.
        #[serde(with = "exact")]
        last: f64,
        /// When that was.
        at_ns: u64,
        /// Least.
        #[serde(with = "exact")]
        min: f64,
        /// Greatest.
        #[serde(with = "exact")]
        max: f64,
    },
    /// A share.
    Rate {
        /// Observations that were true.
        hits: u64,
        /// All observations.
        total: u64,
    },
    /// Recorded values.
    Distribution(PackedHistogram),
}

/// How often a part of the plan reached a limit of the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LimitRecord {
    /// Index of the part in the plan; 0 when it has none.
    pub part: u16,
    /// Which limit.
    pub limit: SandboxLimit,
    /// How often.
    pub count: u64,
}

/// A failure with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExampleRecord {
    /// Id of the operation.
    pub op: u32,
    /// Index of the scenario in the plan.
    pub scenario: u16,
    /// Why.
    pub kind: ErrorKind,
    /// When it was noticed.
    pub at_ns: u64,
    /// The transport's or server's own words.
    pub text: String,
}

/// How often a fault was seen since the run began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// Its place in the list of faults.
    pub index: u32,
    /// How often, in all.
    pub count: u64,
    /// What it is, where that was not said before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultText>,
}

/// What a fault is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultText {
    /// Plugin that broke.
    pub plugin: String,
    /// Where.
    pub during: String,
    /// The guest's own words and its backtrace.
    pub text: String,
}

/// Something that happened once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RecordEvent {
    /// From when to when a scenario's iterations may start; said again when the end is known better.
    ScenarioSpan {
        /// Index of the scenario in the plan.
        scenario: u32,
        /// When the first one may.
        from_ns: u64,
        /// When no more may.
        until_ns: u64,
        /// When its warm-up ends.
        warmup_end_ns: u64,
    },
    /// A phase's load began.
    PhaseBegan {
        /// Index of the phase in the plan's schedule.
        phase: u32,
        /// When.
        at_ns: u64,
    },
    /// A phase ended.
    PhaseEnded {
        /// Index of the phase in the plan's schedule.
        phase: u32,
        /// When.
        at_ns: u64,
        /// In what way.
        end: EndRecord,
        /// What became of it.
        status: PhaseStatus,
    },
    /// A phase will not begin.
    PhaseSkipped {
        /// Index of the phase in the plan's schedule.
        phase: u32,
        /// Why.
        reason: String,
    },
    /// The run came to its end; the last event of a log.
    RunEnded(RunEndRecord),
}

/// In what way a phase ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndRecord {
    /// All its load was done.
    Completed,
    /// The run was stopped.
    Stopped,
    /// It could not be done, and why.
    Broken(String),
}

/// What is known of a run only at its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunEndRecord {
    /// When the last iteration ended.
    pub at_ns: u64,
    /// Length of the measured window in seconds.
    #[serde(with = "exact")]
    pub duration_s: f64,
    /// Whether a person or signal stopped it.
    pub interrupted: bool,
    /// CPU seconds of the whole process.
    #[serde(with = "exact")]
    pub cpu_s: f64,
    /// Peak resident memory.
    pub rss_max_bytes: u64,
    /// Notes for the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What of the names and faults earlier lines of a log have said.
#[derive(Clone, Debug, Default)]
pub struct KnownNames {
    ops: usize,
    checks: usize,
    metrics: usize,
    faults: Vec<FaultSummary>,
}

/// What a record holds beside the interval's block. Times are on the run clock.
#[derive(Clone, Debug)]
pub struct RecordFacts<'a> {
    /// When the load began: what the times of records count from.
    pub start_ns: u64,
    /// Start of the interval.
    pub from_ns: u64,
    /// End of the interval.
    pub to_ns: u64,
    /// Virtual users busy at its end.
    pub vus_busy: u64,
    /// CPU time of each core's thread in it.
    pub cores_cpu_ns: &'a [u64],
    /// Resident memory at its end.
    pub rss_bytes: u64,
    /// Faults since the run began. Entries keep their places; only counts grow and new ones follow.
    pub faults: &'a [FaultSummary],
    /// What happened since the last record.
    pub events: Vec<RecordEvent>,
}

impl KnownNames {
    fn new_ops(&mut self, names: &Names) -> Vec<NewOp> {
        let new = names.ops().iter().skip(std::mem::replace(&mut self.ops, names.ops().len()));
        new.map(|op| NewOp { name: op.name.clone(), protocol: op.protocol.to_owned() }).collect()
    }

    fn new_checks(&mut self, names: &Names) -> Vec<String> {
        names
            .checks()
            .iter()
            .skip(std::mem::replace(&mut self.checks, names.checks().len()))
            .cloned()
            .collect()
    }

    fn new_metrics(&mut self, names: &Names) -> Vec<NewMetric> {
        let new = names.metrics().skip(self.metrics);
        let new =
            new.map(|(name, kind, unit)| NewMetric { name: name.to_owned(), kind, unit: unit.to_owned() });
        let new: Vec<_> = new.collect();
        self.metrics += new.len();
        new
    }

    fn changed_faults(&mut self, faults: &[FaultSummary]) -> Vec<FaultRecord> {
        let mut changed = Vec::new();
        for (index, now) in (0_u32..).zip(faults) {
            let before = self.faults.get(index as usize);
            let same = |before: &&FaultSummary| {
                (&before.plugin, &before.during, &before.text) == (&now.plugin, &now.during, &now.text)
            };
            let before = before.filter(same);
            if before.is_some_and(|before| before.count == now.count) {
                continue;
            }
            let FaultSummary { plugin, during, text, .. } = now.clone();
            let fault = before.is_none().then_some(FaultText { plugin, during, text });
            changed.push(FaultRecord { index, count: now.count, fault });
        }
        if !changed.is_empty() {
            self.faults = faults.to_vec();
        }
        changed
    }
}

impl RunEndRecord {
    /// How a run ended whose load began at `start_ns` on the run clock.
    pub fn of(end: &RunEnd, start_ns: u64) -> Self {
        Self {
            at_ns: end.end_ns.saturating_sub(start_ns).min(MAX_RUN_NS),
            duration_s: end.run.duration_s,
            interrupted: end.run.interrupted,
            cpu_s: end.cpu_s,
            rss_max_bytes: end.rss_max_bytes,
            notes: end.notes.clone(),
        }
    }
}

impl IntervalRecord {
    /// Its line of JSON, without the line break.
    pub fn to_line(&self) -> String {
        let line = serde_json::to_string(self);
        debug_assert!(line.is_ok(), "records hold nothing that JSON cannot");
        line.unwrap_or_default()
    }

    /// The line that ends a log, at `to_ns` of the last one.
    pub fn ended(to_ns: u64, end: RunEndRecord) -> Self {
        Self { from_ns: to_ns, to_ns, events: vec![RecordEvent::RunEnded(end)], ..Self::default() }
    }
}

/// How the run ended, if a log of these records says so.
pub(crate) fn run_end<'a>(mut records: impl Iterator<Item = &'a IntervalRecord>) -> Option<&'a RunEndRecord> {
    records.find_map(|record| {
        record.events.iter().find_map(|event| match event {
            RecordEvent::RunEnded(end) => Some(end),
            _ => None,
        })
    })
}

const fn is_zero(number: &u64) -> bool {
    *number == 0
}

const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The rows whose limit this version knows.
fn known_limits<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<LimitRecord>, D::Error> {
    #[derive(Deserialize)]
    struct Row {
        part: u16,
        limit: String,
        count: u64,
    }
    let rows = Vec::<Row>::deserialize(deserializer)?;
    let known = |row: Row| {
        let Row { part, limit, count } = row;
        Some(LimitRecord { part, limit: SandboxLimit::from_name(&limit)?, count })
    };
    Ok(rows.into_iter().filter_map(known).collect())
}

/// A number as the shortest text that reads back as the same number.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number: f64 = text.parse().map_err(|_| de::Error::custom("a number is not one"))?;
        if number.is_nan() { Err(de::Error::custom("a number is not one")) } else { Ok(number) }
    }
}

/// The kind of a metric by name.
mod kind_name {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::MetricKind;

    const NAMES: [(&str, MetricKind); 4] = [
        ("counter", MetricKind::Counter),
        ("gauge", MetricKind::Gauge),
        ("rate", MetricKind::Rate),
        ("distribution", MetricKind::Distribution),
    ];

    pub(super) fn serialize<S: Serializer>(kind: &MetricKind, serializer: S) -> Result<S::Ok, S::Error> {
        let name = NAMES.iter().find(|(_, named)| named == kind).map_or("", |(name, _)| name);
        serializer.serialize_str(name)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MetricKind, D::Error> {
        let text = String::deserialize(deserializer)?;
        let kind = NAMES.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
        kind.ok_or_else(|| de::Error::custom(format!("unknown kind of metric `{text}`")))
    }
}
