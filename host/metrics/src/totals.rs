//! The run so far: folds the cores' blocks tick by tick, and writes the summary at the end.

use std::collections::BTreeMap;

use crate::block::{add, histogram};
use crate::{
    Block, BytesSummary, CheckResult, ErrorKind, FailureSummary, Histogram, IterationCounts, IterationStats,
    IterationsSummary, MAX_FAILURE_EXAMPLES_TOTAL, MetricSummary, MetricValue, MetricValueSummary, Names,
    OpStats, OperationSummary, Percentiles, ScenarioSnapshot, ScenarioSummary, Series, SeriesPoint, Snapshot,
    Summary, Window,
};

const NS_PER_S: f64 = 1e9;

/// Accumulates a run in memory that does not grow with its length.
#[derive(Debug)]
pub struct Totals {
    scenarios: Vec<String>,
    total: Block,
    interval: Block,
    series: Series,
    examples: Vec<crate::FailureExample>,
    start_ns: u64,
    last_tick_ns: u64,
}

/// A histogram of an operation, chosen by its caller.
type Pick = fn(&OpStats) -> &Histogram;

impl Totals {
    /// Totals of a plan with these scenarios, in order, whose load begins at `start_ns` on the run clock.
    pub fn new(scenarios: Vec<String>, start_ns: u64) -> Self {
        let (total, interval) = (Block::new(scenarios.len()), Block::new(scenarios.len()));
        Self {
            scenarios,
            total,
            interval,
            series: Series::default(),
            examples: Vec::new(),
            start_ns,
            last_tick_ns: start_ns,
        }
    }

    /// Takes what one core measured since the last tick; `block` is left empty for reuse.
    pub fn absorb(&mut self, block: &mut Block) {
        self.interval.absorb(block);
    }

    /// Ends an interval at `now_ns` on the run clock and tells what happened in it.
    pub fn tick(&mut self, now_ns: u64, vus_busy: u64) -> Snapshot {
        let from_ns = std::mem::replace(&mut self.last_tick_ns, now_ns);
        let interval_s = now_ns.saturating_sub(from_ns) as f64 / NS_PER_S;
        let response = merged(both_windows(&self.interval), |op| &op.response_us);
        let lag = merged(both_windows(&self.interval), |op| &op.lag_us);
        let (mut fired, mut done, mut errors, mut bytes_received) = (0, 0, 0, 0);
        for op in both_windows(&self.interval) {
            fired += op.fired;
            done += op.done;
            errors += op.failed();
            bytes_received += op.bytes_received;
        }
        let room = MAX_FAILURE_EXAMPLES_TOTAL.saturating_sub(self.examples.len());
        self.examples.extend(self.interval.examples().iter().take(room).cloned());
        self.total.absorb(&mut self.interval);
        let response_us = Percentiles::of(&response);
        let t_s = from_ns.saturating_sub(self.start_ns) as f64 / NS_PER_S;
        let point = SeriesPoint { t_s, width_s: interval_s, fired, done, errors, vus_busy, response_us };
        self.series.push(point, &response);
        Snapshot {
            t_s: now_ns.saturating_sub(self.start_ns) as f64 / NS_PER_S,
            interval_s,
            vus_busy,
            fired,
            done,
            errors,
            bytes_received,
            response_us,
            lag_p99_us: lag.value_at_quantile(0.99),
            scenarios: self.scenario_snapshots(),
        }
    }

    fn scenario_snapshots(&self) -> Vec<ScenarioSnapshot> {
        let snapshot = |(index, name): (usize, &String)| {
            let counts = self.counts(index);
            ScenarioSnapshot {
                name: name.clone(),
                due: counts.due,
                started: counts.started,
                finished: counts.finished,
                failed: counts.failed + counts.interrupted + counts.faulted,
                dropped: counts.dropped,
            }
        };
        self.scenarios.iter().enumerate().map(snapshot).collect()
    }

    /// A scenario's iterations so far, warm-up included.
    pub fn counts(&self, scenario: usize) -> IterationCounts {
        let mut counts = IterationCounts::default();
        for window in [Window::Warmup, Window::Measured] {
            counts += self.total.iterations(scenario, window).map(|stats| stats.counts).unwrap_or_default();
        }
        counts
    }

    /// Fills the measured parts of `summary`. `loads` describes each scenario's load in words.
    ///
    /// `summary.run.duration_s` must be set: rates are per second of it.
    pub fn fill(&self, names: &Names, loads: &[String], summary: &mut Summary) {
        let duration_s = summary.run.duration_s;
        summary.scenarios = self.scenario_summaries(loads, Window::Measured);
        summary.operations = self.operation_summaries(names, Window::Measured, duration_s);
        summary.checks = self.check_results(names);
        summary.metrics = self.metric_summaries(names, duration_s);
        summary.series = self.series.points();
        summary.failures = self.failure_summaries(names);
        summary.generator.guest_cpu_s = self.total.guest_cpu_ns as f64 / NS_PER_S;
        let measured = self.total.ops(Window::Measured).map(|(_, _, stats)| stats);
        summary.generator.lag_p99_us = merged(measured, |op| &op.lag_us).value_at_quantile(0.99);
        if let Some(mut warmup) = summary.warmup.take() {
            warmup.scenarios = self.scenario_summaries(loads, Window::Warmup);
            warmup.operations = self.operation_summaries(names, Window::Warmup, warmup.duration_s);
            summary.warmup = Some(warmup);
        }
    }

    fn scenario_summaries(&self, loads: &[String], window: Window) -> Vec<ScenarioSummary> {
        let none = IterationStats::default();
        let describe = |(index, name): (usize, &String)| {
            let stats = self.total.iterations(index, window).unwrap_or(&none);
            ScenarioSummary {
                name: name.clone(),
                load: loads.get(index).cloned().unwrap_or_default(),
                iterations: iterations_summary(&stats.counts),
                service_us: Percentiles::of(&stats.service_us),
                response_us: Percentiles::of(&stats.response_us),
                lag_us: Percentiles::of(&stats.lag_us),
            }
        };
        self.scenarios.iter().enumerate().map(describe).collect()
    }

    fn operation_summaries(&self, names: &Names, window: Window, duration_s: f64) -> Vec<OperationSummary> {
        let summary = |(op, scenario, stats): (crate::OpId, u16, &OpStats)| {
            let name = names.ops().get(op.0 as usize)?;
            Some(OperationSummary {
                name: name.name.clone(),
                protocol: name.protocol.to_owned(),
                scenario: self.scenario_name(scenario),
                count: stats.done,
                fired: stats.fired,
                errors: errors_by_name(&stats.errors),
                statuses: statuses_by_name(&stats.statuses),
                bytes: BytesSummary { sent: stats.bytes_sent, received: stats.bytes_received },
                rate_per_s: per_second(stats.fired as f64, duration_s),
                service_us: Percentiles::of(&stats.service_us),
                response_us: Percentiles::of(&stats.response_us),
                lag_us: Percentiles::of(&stats.lag_us),
                phases_us: phases_by_name(stats),
            })
        };
        self.total.ops(window).filter_map(summary).collect()
    }

    fn check_results(&self, names: &Names) -> Vec<CheckResult> {
        let counts = self.total.checks().iter().copied().chain(std::iter::repeat((0, 0)));
        let result =
            |(name, (passed, failed)): (&String, _)| CheckResult { name: name.clone(), passed, failed };
        names.checks().iter().zip(counts).map(result).collect()
    }

    fn metric_summaries(&self, names: &Names, duration_s: f64) -> Vec<MetricSummary> {
        let values = self.total.metrics().iter();
        let summary = |((name, _, unit), value): ((&str, _, &str), &Option<MetricValue>)| {
            let value = metric_value_summary(value.as_ref()?, duration_s)?;
            Some(MetricSummary { name: name.to_owned(), unit: unit.to_owned(), value })
        };
        names.metrics().zip(values).filter_map(summary).collect()
    }

    fn failure_summaries(&self, names: &Names) -> Vec<FailureSummary> {
        let summary = |example: &crate::FailureExample| FailureSummary {
            operation: names.ops().get(example.op.0 as usize).map(|op| op.name.clone()).unwrap_or_default(),
            scenario: self.scenario_name(example.scenario),
            kind: example.kind.name().to_owned(),
            t_s: example.at_ns.saturating_sub(self.start_ns) as f64 / NS_PER_S,
            text: example.text.clone(),
        };
        self.examples.iter().map(summary).collect()
    }

    fn scenario_name(&self, scenario: u16) -> String {
        self.scenarios.get(usize::from(scenario)).cloned().unwrap_or_default()
    }
}

fn both_windows(block: &Block) -> impl Iterator<Item = &OpStats> {
    block.ops(Window::Warmup).chain(block.ops(Window::Measured)).map(|(_, _, stats)| stats)
}

fn merged<'a>(ops: impl Iterator<Item = &'a OpStats>, pick: Pick) -> Histogram {
    let mut merged = histogram();
    for op in ops {
        add(&mut merged, pick(op));
    }
    merged
}

fn iterations_summary(counts: &IterationCounts) -> IterationsSummary {
    let IterationCounts { due, started, finished, failed, interrupted, faulted, dropped } = *counts;
    IterationsSummary { due, started, finished, failed, interrupted, faulted, dropped }
}

fn errors_by_name(errors: &[u64; ErrorKind::COUNT]) -> BTreeMap<String, u64> {
    let named = ErrorKind::ALL.iter().zip(errors);
    named.filter(|(_, count)| **count > 0).map(|(kind, count)| (kind.name().to_owned(), *count)).collect()
}

fn statuses_by_name(statuses: &[(u16, u64)]) -> BTreeMap<String, u64> {
    let name = |status: u16| if status == 0 { "other".to_owned() } else { status.to_string() };
    statuses.iter().map(|&(status, count)| (name(status), count)).collect()
}

fn phases_by_name(stats: &OpStats) -> BTreeMap<String, Percentiles> {
    let named = stats.phases.all().into_iter();
    named.filter_map(|(name, histogram)| Some((name.to_owned(), Percentiles::of(histogram)?))).collect()
}

fn per_second(amount: f64, duration_s: f64) -> f64 {
    if duration_s > 0.0 { amount / duration_s } else { 0.0 }
}

fn metric_value_summary(value: &MetricValue, duration_s: f64) -> Option<MetricValueSummary> {
    Some(match value {
        MetricValue::Counter(sum) => {
            MetricValueSummary::Counter { sum: *sum, rate_per_s: per_second(*sum, duration_s) }
        }
        MetricValue::Gauge { last, min, max } if min <= max => {
            MetricValueSummary::Gauge { last: *last, min: *min, max: *max }
        }
        MetricValue::Gauge { .. } => return None,
        MetricValue::Rate { hits, total } => {
            let ratio = if *total > 0 { *hits as f64 / *total as f64 } else { 0.0 };
            MetricValueSummary::Rate { hits: *hits, total: *total, ratio }
        }
        MetricValue::Distribution(values) => {
            MetricValueSummary::Distribution { values: Percentiles::of(values)? }
        }
    })
}
