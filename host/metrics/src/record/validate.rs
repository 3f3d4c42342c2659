//! What must hold of a record before anything is computed from it.

use super::compact::histograms;
use super::{IntervalRecord, RecordEvent, ValueRecord};
use crate::{MAX_FAILURE_TEXT_BYTES, MAX_RECORD_HISTOGRAM_BYTES, MAX_RUN_NS, MetricKind, Names, PhaseStats};

impl IntervalRecord {
    /// What is wrong with a record in itself; `None` when nothing is.
    pub(super) fn flaw(&self) -> Option<&'static str> {
        if self.from_ns > self.to_ns {
            return Some("the interval ends before it begins");
        }
        if self.times().any(|at_ns| at_ns > MAX_RUN_NS) {
            return Some("a time lies more than 36 years after the load began");
        }
        let unpacked = histograms(self).map(|histogram| histogram.unpacked_bytes());
        if unpacked.fold(0, u64::saturating_add) > MAX_RECORD_HISTOGRAM_BYTES {
            return Some("its histograms would take more than 4 GiB of memory");
        }
        if self.examples.iter().any(|example| example.text.len() > MAX_FAILURE_TEXT_BYTES) {
            return Some("the text of a failure is longer than 500 bytes");
        }
        let known = PhaseStats::default();
        let is_phase = |name: &String| known.all().iter().any(|(phase, _)| phase == name);
        let mut phases = self.ops.iter().flat_map(|op| op.phases_us.keys());
        (!phases.all(is_phase)).then_some("a phase of an operation has an unknown name")
    }

    /// What it refers to that does not exist; `None` when there is nothing.
    pub(super) fn dangling(
        &self,
        names: &Names,
        scenarios: usize,
        parts: usize,
        phases: usize,
    ) -> Option<String> {
        let rows =
            self.ops.iter().map(|row| row.scenario).chain(self.iterations.iter().map(|row| row.scenario));
        let rows = rows.chain(self.checks.iter().map(|row| row.scenario));
        let rows = rows.chain(self.metrics.iter().map(|row| row.scenario));
        let mut rows = rows.chain(self.examples.iter().map(|row| row.scenario));
        if let Some(scenario) = rows.find(|scenario| usize::from(*scenario) >= scenarios) {
            return Some(format!("scenario {scenario} of {scenarios}"));
        }
        if self.parts_guest_cpu_ns.len() > parts {
            return Some(format!("part {} of {parts}", self.parts_guest_cpu_ns.len() - 1));
        }
        let mut ops = self.ops.iter().map(|row| row.op).chain(self.examples.iter().map(|row| row.op));
        if let Some(op) = ops.find(|op| *op as usize >= names.ops().len()) {
            return Some(format!("operation {op} of {}", names.ops().len()));
        }
        if let Some(row) = self.limits.iter().find(|row| usize::from(row.part) >= parts) {
            return Some(format!("part {} of {parts}", row.part));
        }
        if let Some(row) = self.checks.iter().find(|row| row.check as usize >= names.checks().len()) {
            return Some(format!("check {} of {}", row.check, names.checks().len()));
        }
        let kinds: Vec<MetricKind> = names.metrics().map(|(_, kind, _)| kind).collect();
        if let Some(row) =
            self.metrics.iter().find(|row| kinds.get(row.metric as usize) != Some(&row.value.kind()))
        {
            return Some(format!("custom metric {} of {} of its kind", row.metric, kinds.len()));
        }
        self.events.iter().find_map(|event| match *event {
            RecordEvent::ScenarioSpan { scenario, .. } if scenario as usize >= scenarios => {
                Some(format!("scenario {scenario} of {scenarios}"))
            }
            RecordEvent::PhaseBegan { phase, .. }
            | RecordEvent::PhaseEnded { phase, .. }
            | RecordEvent::PhaseSkipped { phase, .. }
                if phase as usize >= phases =>
            {
                Some(format!("phase {phase} of {phases}"))
            }
            _ => None,
        })
    }

    fn times(&self) -> impl Iterator<Item = u64> {
        let events = self.events.iter().flat_map(|event| match event {
            RecordEvent::ScenarioSpan { from_ns, until_ns, warmup_end_ns, .. } => {
                [*from_ns, *until_ns, *warmup_end_ns]
            }
            RecordEvent::PhaseBegan { at_ns, .. } | RecordEvent::PhaseEnded { at_ns, .. } => [*at_ns; 3],
            RecordEvent::RunEnded(end) => [end.at_ns; 3],
            RecordEvent::PhaseSkipped { .. } => [0; 3],
        });
        [self.from_ns, self.to_ns].into_iter().chain(events)
    }

    /// The sum of all its counts: what bounds every total that can be made of it.
    pub(super) fn weight(&self) -> u64 {
        let ops = self.ops.iter().flat_map(|row| {
            let statuses = row.statuses.iter().map(|(_, times)| *times);
            let counts = [row.fired, row.done, row.bytes_sent, row.bytes_received];
            counts.into_iter().chain(row.errors.values().copied()).chain(statuses)
        });
        let iterations = self.iterations.iter().flat_map(|row| {
            let c = &row.counts;
            [c.due, c.started, c.finished, c.failed, c.interrupted, c.faulted, c.dropped]
        });
        let checks = self.checks.iter().flat_map(|row| [row.passed, row.failed]);
        let metrics = self.metrics.iter().map(|row| match row.value {
            ValueRecord::Rate { hits, total } => hits.saturating_add(total),
            _ => 0,
        });
        let own = [self.guest_cpu_ns, self.limited_ns, self.vus_busy, self.rss_bytes];
        let by_place = self.cores_cpu_ns.iter().chain(&self.parts_guest_cpu_ns).copied();
        let counts = own.into_iter().chain(by_place).chain(ops).chain(iterations);
        let counts = counts.chain(checks).chain(metrics).chain(self.faults.iter().map(|fault| fault.count));
        let counts = counts.chain(self.limits.iter().map(|row| row.count));
        let counts = counts.chain(histograms(self).map(|histogram| histogram.count()));
        counts.fold(0, u64::saturating_add)
    }
}

impl ValueRecord {
    const fn kind(&self) -> MetricKind {
        match self {
            Self::Counter(_) => MetricKind::Counter,
            Self::Gauge { .. } => MetricKind::Gauge,
            Self::Rate { .. } => MetricKind::Rate,
            Self::Distribution(_) => MetricKind::Distribution,
        }
    }
}
