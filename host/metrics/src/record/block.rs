//! From a block to a record and back.

use std::collections::BTreeMap;

use super::{
    CheckRecord, ExampleRecord, IntervalRecord, IterationRecord, KnownNames, LimitRecord, MetricRecord,
    OpRecord, PackedHistogram, RecordEvent, RecordFacts, ValueRecord,
};
use crate::{
    Block, CheckId, ErrorKind, FailureExample, IterationCounts, IterationStats, IterationsSummary,
    MAX_RUN_NS, MetricId, MetricValue, Names, OpId, OpStats, Window,
};

const WINDOWS: [Window; 2] = [Window::Warmup, Window::Measured];

impl IntervalRecord {
    /// The record of an interval. Names and faults that `known` has seen are left out, and `known` is brought up to
    /// date.
    pub fn of(block: &Block, names: &Names, known: &mut KnownNames, facts: RecordFacts<'_>) -> Self {
        let since_start = |at_ns: u64| at_ns.saturating_sub(facts.start_ns).min(MAX_RUN_NS);
        let ops = WINDOWS.iter().flat_map(|&window| {
            block.ops(window).map(move |(op, scenario, stats)| op_record(op, scenario, window, stats))
        });
        let iterations = WINDOWS.iter().flat_map(|&window| {
            let stats = (0..block.scenarios())
                .filter_map(move |scenario| Some((scenario as u16, block.iterations(scenario, window)?)));
            stats
                .filter(|(_, stats)| has_content(stats))
                .map(move |(scenario, stats)| iteration_record(scenario, window, stats))
        });
        let check = |(check, scenario, (passed, failed)): (CheckId, u16, (u64, u64))| CheckRecord {
            check: check.0,
            scenario,
            passed,
            failed,
        };
        let metric = |(metric, scenario, value): (MetricId, u16, &MetricValue)| MetricRecord {
            metric: metric.0,
            scenario,
            value: value_record(value, since_start),
        };
        let limits = block.limits().iter().map(|&(part, limit, count)| LimitRecord { part, limit, count });
        let mut limits: Vec<_> = limits.collect();
        limits.sort_by_key(|row| (row.part, row.limit));
        Self {
            from_ns: since_start(facts.from_ns),
            to_ns: since_start(facts.to_ns),
            ticks: 1,
            vus_busy: facts.vus_busy,
            cores_cpu_ns: facts.cores_cpu_ns.to_vec(),
            rss_bytes: facts.rss_bytes,
            guest_cpu_ns: block.guest_cpu_ns,
            parts_guest_cpu_ns: block.parts_guest_cpu_ns.clone(),
            limits,
            limited_ns: block.limited_ns,
            own_lag_us: PackedHistogram::of(&block.own_lag_us),
            new_ops: known.new_ops(names),
            new_checks: known.new_checks(names),
            new_metrics: known.new_metrics(names),
            ops: ops.collect(),
            iterations: iterations.collect(),
            checks: block.checks().map(check).collect(),
            metrics: block.metrics().map(metric).collect(),
            examples: block.examples().iter().map(|example| example_record(example, since_start)).collect(),
            faults: known.changed_faults(facts.faults),
            events: facts.events.into_iter().map(|event| event.shifted(since_start)).collect(),
        }
    }

    /// The block this is the record of, its times counted from the beginning of the load. Ids must have been found to
    /// be those of known names, scenarios to be fewer than `scenarios`, parts to be those of the plan.
    pub(crate) fn to_block(&self, scenarios: usize) -> Block {
        let mut block = Block::new(scenarios);
        block.guest_cpu_ns = self.guest_cpu_ns;
        block.parts_guest_cpu_ns.clone_from(&self.parts_guest_cpu_ns);
        for row in &self.limits {
            block.add_limit(row.part, row.limit, row.count);
        }
        block.limited_ns = self.limited_ns;
        self.own_lag_us.add_to(&mut block.own_lag_us);
        for row in &self.ops {
            row.add_to(block.op_mut(OpId(row.op), row.scenario, window(row.warmup)));
        }
        for row in &self.iterations {
            let stats = block.iterations_mut(row.scenario, window(row.warmup));
            stats.counts += counts(&row.counts);
            row.service_us.add_to(&mut stats.service_us);
            row.response_us.add_to(&mut stats.response_us);
            row.lag_us.add_to(&mut stats.lag_us);
        }
        for row in &self.checks {
            let counts = block.check_mut(CheckId(row.check), row.scenario);
            *counts = (counts.0 + row.passed, counts.1 + row.failed);
        }
        for row in &self.metrics {
            let value = metric_value(&row.value);
            block.metric_mut(MetricId(row.metric), row.scenario, value.kind()).absorb(&value);
        }
        for row in &self.examples {
            let ExampleRecord { op, scenario, kind, at_ns, ref text } = *row;
            block.keep_example(FailureExample { op: OpId(op), scenario, kind, at_ns, text: text.clone() });
        }
        block
    }
}

const fn window(warmup: bool) -> Window {
    if warmup { Window::Warmup } else { Window::Measured }
}

fn has_content(stats: &IterationStats) -> bool {
    stats.counts != IterationCounts::default()
        || !(stats.service_us.is_empty() && stats.response_us.is_empty() && stats.lag_us.is_empty())
}

fn op_record(op: OpId, scenario: u16, window: Window, stats: &OpStats) -> OpRecord {
    let errors = ErrorKind::ALL.iter().copied().zip(stats.errors).filter(|(_, count)| *count > 0);
    let phases = stats.phases.all().into_iter().filter(|(_, histogram)| !histogram.is_empty());
    OpRecord {
        op: op.0,
        scenario,
        warmup: window == Window::Warmup,
        fired: stats.fired,
        done: stats.done,
        errors: errors.collect(),
        statuses: stats.statuses.clone(),
        bytes_sent: stats.bytes_sent,
        bytes_received: stats.bytes_received,
        service_us: PackedHistogram::of(&stats.service_us),
        response_us: PackedHistogram::of(&stats.response_us),
        lag_us: PackedHistogram::of(&stats.lag_us),
        phases_us: phases
            .map(|(name, histogram)| (name.to_owned(), PackedHistogram::of(histogram)))
            .collect(),
    }
}

impl OpRecord {
    fn add_to(&self, stats: &mut OpStats) {
        stats.fired += self.fired;
        stats.done += self.done;
        stats.bytes_sent += self.bytes_sent;
        stats.bytes_received += self.bytes_received;
        for (&kind, count) in &self.errors {
            stats.errors[kind as usize] += count;
        }
        for &(status, times) in &self.statuses {
            stats.count_status(status, times);
        }
        self.service_us.add_to(&mut stats.service_us);
        self.response_us.add_to(&mut stats.response_us);
        self.lag_us.add_to(&mut stats.lag_us);
        let names = stats.phases.all().map(|(name, _)| name);
        for (name, histogram) in names.into_iter().zip(stats.phases.all_mut()) {
            if let Some(recorded) = self.phases_us.get(name) {
                recorded.add_to(histogram);
            }
        }
    }
}

fn iteration_record(scenario: u16, window: Window, stats: &IterationStats) -> IterationRecord {
    IterationRecord {
        scenario,
        warmup: window == Window::Warmup,
        counts: stats.counts.into(),
        service_us: PackedHistogram::of(&stats.service_us),
        response_us: PackedHistogram::of(&stats.response_us),
        lag_us: PackedHistogram::of(&stats.lag_us),
    }
}

const fn counts(counts: &IterationsSummary) -> IterationCounts {
    let IterationsSummary { due, started, finished, failed, interrupted, faulted, dropped } = *counts;
    IterationCounts { due, started, finished, failed, interrupted, faulted, dropped }
}

pub(super) fn value_record(value: &MetricValue, since_start: impl Fn(u64) -> u64) -> ValueRecord {
    match value {
        MetricValue::Counter(sum) => ValueRecord::Counter(*sum),
        MetricValue::Gauge { last, at_ns, min, max } => {
            ValueRecord::Gauge { last: *last, at_ns: since_start(*at_ns), min: *min, max: *max }
        }
        MetricValue::Rate { hits, total } => ValueRecord::Rate { hits: *hits, total: *total },
        MetricValue::Distribution(values) => ValueRecord::Distribution(PackedHistogram::of(values)),
    }
}

pub(super) fn metric_value(value: &ValueRecord) -> MetricValue {
    match value {
        ValueRecord::Counter(sum) => MetricValue::Counter(*sum),
        &ValueRecord::Gauge { last, at_ns, min, max } => MetricValue::Gauge { last, at_ns, min, max },
        &ValueRecord::Rate { hits, total } => MetricValue::Rate { hits, total },
        ValueRecord::Distribution(values) => {
            let mut histogram = crate::block::histogram();
            values.add_to(&mut histogram);
            MetricValue::Distribution(histogram)
        }
    }
}

fn example_record(example: &FailureExample, since_start: impl Fn(u64) -> u64) -> ExampleRecord {
    let FailureExample { op, scenario, kind, at_ns, text } = example;
    let (op, scenario, kind, at_ns) = (op.0, *scenario, *kind, since_start(*at_ns));
    ExampleRecord { op, scenario, kind, at_ns, text: text.clone() }
}

impl RecordEvent {
    /// The same with every time put through `since_start`.
    fn shifted(mut self, since_start: impl Fn(u64) -> u64) -> Self {
        match &mut self {
            Self::ScenarioSpan { from_ns, until_ns, warmup_end_ns, .. } => {
                for at_ns in [from_ns, until_ns, warmup_end_ns] {
                    *at_ns = since_start(*at_ns);
                }
            }
            Self::PhaseBegan { at_ns, .. } | Self::PhaseEnded { at_ns, .. } => *at_ns = since_start(*at_ns),
            Self::RunEnded(end) => end.at_ns = since_start(end.at_ns),
            Self::PhaseSkipped { .. } => {}
        }
        self
    }
}

/// Adds a kind's count.
pub(super) fn add_errors(into: &mut BTreeMap<ErrorKind, u64>, from: &BTreeMap<ErrorKind, u64>) {
    for (&kind, count) in from {
        let sum = into.entry(kind).or_default();
        *sum = sum.saturating_add(*count);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{PARTS, SCENARIOS, TICK_NS, acts, block, facts, names, run};
    use super::*;
    use crate::FaultSummary;

    proptest! {
        #[test]
        fn a_block_comes_back_from_its_line(acts in acts()) {
            // On the run clock the load began late; records count from its beginning.
            let start_ns = 77 * TICK_NS;
            let record = run(std::slice::from_ref(&acts), start_ns).remove(0);
            let read: IntervalRecord = serde_json::from_str(&record.to_line()).unwrap();
            prop_assert_eq!(&read, &record);
            prop_assert_eq!(read.flaw(), None);
            prop_assert_eq!(read.dangling(&names(), usize::from(SCENARIOS), PARTS, 0), None);
            let mut known = KnownNames::default();
            let expected = IntervalRecord::of(&block(&acts, 0), &names(), &mut known, facts(0, 0));
            prop_assert_eq!(&record, &expected, "the start of the run clock makes no difference");
            let back = read.to_block(usize::from(SCENARIOS));
            let again = IntervalRecord::of(&back, &names(), &mut KnownNames::default(), facts(0, 0));
            prop_assert_eq!(again, record);
            prop_assert_eq!(
                format!("{:?}", back.iterations(1, Window::Measured).map(|stats| stats.service_us.mean())),
                format!("{:?}", block(&acts, 0).iterations(1, Window::Measured).map(|s| s.service_us.mean()))
            );
        }
    }

    #[test]
    fn names_and_faults_are_said_once() {
        let (mut names, mut known) = (names(), KnownNames::default());
        let fault =
            |count| FaultSummary { plugin: "p".into(), during: "iterate".into(), count, text: "boom".into() };
        let mut record = |names: &Names, faults: &[FaultSummary]| {
            IntervalRecord::of(&Block::new(1), names, &mut known, RecordFacts { faults, ..facts(0, 0) })
        };
        let first = record(&names, &[fault(1)]);
        assert_eq!((first.new_ops.len(), first.new_checks.len(), first.new_metrics.len()), (4, 4, 4));
        assert!(first.faults[0].fault.is_some());
        names.op("late", "http").unwrap();
        let second = record(&names, &[fault(3)]);
        assert_eq!(second.new_ops.iter().map(|op| &op.name[..]).collect::<Vec<_>>(), ["late"]);
        assert_eq!((second.faults[0].count, &second.faults[0].fault), (3, &None));
        let third = record(&names, &[fault(3)]);
        assert!(third.new_ops.is_empty() && third.new_metrics.is_empty() && third.faults.is_empty());
    }
}
