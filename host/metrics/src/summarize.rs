//! The summary of a run, from its totals.

use std::collections::BTreeMap;

use crate::block::status_name;
use crate::thresholds::{Moment, Source};
use crate::totals::{NS_PER_S, merged, per_second};
use crate::{
    Block, BytesSummary, CheckResult, ErrorKind, FailureExample, FailureSummary, GeneratorSummary, Histogram,
    IterationCounts, IterationStats, IterationsSummary, LimitSummary, MAX_OWN_LAG_US, MetricSummary,
    MetricValue, MetricValueSummary, Names, OpStats, OperationSummary, OverallSummary, Percentiles,
    PluginUsage, ReportedFinding, RunInfo, SUMMARY_SCHEMA, ScenarioSummary, Score, Summary, ThresholdResult,
    Totals, Verdict, VerdictStatus, WarmupSummary, Window, judge,
};

/// What is known of a run only when it is over.
#[derive(Clone, Debug, Default)]
pub struct RunEnd {
    /// Which run this was and whether it was interrupted. A length of 0 means that of the load after the warm-up, up to
    /// `end_ns`.
    pub run: RunInfo,
    /// When the last iteration ended, in nanoseconds on the run clock.
    pub end_ns: u64,
    /// CPU seconds of the whole process during the load.
    pub cpu_s: f64,
    /// Peak resident memory in bytes.
    pub rss_max_bytes: u64,
    /// Notes for the report, after those of the plan.
    pub notes: Vec<String>,
    /// What plugins found out.
    pub findings: Vec<ReportedFinding>,
}

impl Totals {
    /// The summary of the run, judged.
    pub fn summary(&self, names: &Names, end: &RunEnd) -> Summary {
        let source = Source { blocks: &[&self.total, &self.interval], names, usage: &self.usage };
        let now = Moment { source, spans: &self.spans, start_ns: self.start_ns, now_ns: end.end_ns };
        let thresholds: Vec<ThresholdResult> = self.rules.iter().map(|rule| rule.judge(now)).collect();
        let warmup_s = self.spans.warmup_s(end.end_ns);
        let mut run = end.run.clone();
        if run.duration_s <= 0.0 {
            let load_s = end.end_ns.saturating_sub(self.start_ns) as f64 / NS_PER_S;
            run.duration_s = (load_s - warmup_s).max(0.0);
        }
        let mut notes = self.notes.clone();
        notes.extend(end.notes.iter().filter(|note| !self.notes.contains(note)).cloned());
        let mut summary = Summary {
            schema: SUMMARY_SCHEMA.to_owned(),
            run,
            verdict: Verdict { status: VerdictStatus::Pass, reasons: Vec::new() },
            scenarios: self.scenario_summaries(Window::Measured, end.end_ns),
            operations: self.operation_summaries(names, Window::Measured, end.end_ns),
            overall: self.overall(),
            phases: self.phases.iter().map(|phase| phase.summary(now)).collect(),
            score: self.pass_share.map(|required| score(&thresholds, required)),
            thresholds,
            checks: self.check_results(names),
            findings: end.findings.iter().filter_map(|found| serde_json::to_value(found).ok()).collect(),
            metrics: self.metric_summaries(names, end.end_ns),
            generator: self.generator(end),
            faults: self.faults.clone(),
            limits: self.limit_summaries(),
            series: self.series.points(),
            warmup: (warmup_s > 0.0).then(|| WarmupSummary {
                duration_s: warmup_s,
                scenarios: self.scenario_summaries(Window::Warmup, end.end_ns),
                operations: self.operation_summaries(names, Window::Warmup, end.end_ns),
            }),
            failures: self.examples.iter().map(|example| self.failure_summary(names, example)).collect(),
            notes,
        };
        summary.verdict = judge(&summary);
        summary
    }

    fn generator(&self, end: &RunEnd) -> GeneratorSummary {
        let measured = self.total.ops(Window::Measured).map(|(_, _, stats)| stats);
        GeneratorSummary {
            cpu_s: end.cpu_s,
            cpu_share: self.usage.cpu_share(),
            busiest_core_share: self.usage.busiest_share(),
            rss_max_bytes: end.rss_max_bytes.max(self.usage.rss_max_bytes),
            guest_cpu_s: self.total.guest_cpu_ns as f64 / NS_PER_S,
            plugins: self.plugin_usages(),
            lag_p99_us: merged(measured, |op| &op.lag_us).value_at_quantile(0.99),
            own_lag_p99_us: self.total.own_lag_us.value_at_quantile(0.99),
            own_late_starts: later_than(&self.total.own_lag_us, MAX_OWN_LAG_US),
            limited_s: self.total.limited_ns as f64 / NS_PER_S,
        }
    }

    /// What each plugin used, in the order of the plan. Nothing where a record told only the sum of several.
    fn plugin_usages(&self) -> Vec<PluginUsage> {
        let Block { guest_cpu_ns, parts_guest_cpu_ns, .. } = &self.total;
        let by_part = match self.plugins.len() {
            1 => std::slice::from_ref(guest_cpu_ns),
            _ => parts_guest_cpu_ns,
        };
        if by_part.iter().sum::<u64>() != *guest_cpu_ns {
            return Vec::new();
        }
        // A plugin has a part for each phase that names it.
        let mut sums: Vec<(&String, u64)> = Vec::new();
        for (name, ns) in self.plugins.iter().zip(by_part.iter().chain(std::iter::repeat(&0))) {
            match sums.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += ns,
                None => sums.push((name, *ns)),
            }
        }
        let usage = |(name, ns): (&String, u64)| PluginUsage {
            name: name.clone(),
            guest_cpu_s: ns as f64 / NS_PER_S,
            core_share: self.usage.share(ns),
        };
        sums.into_iter().map(usage).collect()
    }

    /// Limits reached, by plugin in the order of the plan and then in the order of all limits.
    fn limit_summaries(&self) -> Vec<LimitSummary> {
        // A plugin has a part for each phase that names it; its place is that of the first.
        let place = |part: u16| {
            let plugin = self.plugins.get(usize::from(part))?;
            self.plugins.iter().position(|name| name == plugin)
        };
        let mut sums: BTreeMap<_, u64> = BTreeMap::new();
        for &(part, limit, count) in self.total.limits() {
            if let Some(place) = place(part) {
                let sum = sums.entry((place, limit)).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        let summary = |((place, limit), count): ((usize, crate::SandboxLimit), u64)| LimitSummary {
            plugin: self.plugins[place].clone(),
            limit: limit.name().to_owned(),
            meaning: limit.meaning().to_owned(),
            count,
        };
        sums.into_iter().map(summary).collect()
    }

    /// Time in which the scenario's iterations could start within the window, in seconds.
    fn seconds(&self, scenario: usize, window: Window, end_ns: u64) -> f64 {
        self.spans.seconds(|other| other == scenario, window, end_ns)
    }

    fn scenario_summaries(&self, window: Window, end_ns: u64) -> Vec<ScenarioSummary> {
        let none = IterationStats::default();
        let describe = |(index, info): (usize, &crate::scenarios::ScenarioInfo)| {
            let stats = self.total.iterations(index, window).unwrap_or(&none);
            ScenarioSummary {
                name: info.name.clone(),
                phase: info.phase.clone(),
                plugin: self.plugin_of(info),
                load: info.load.clone(),
                duration_s: self.seconds(index, window, end_ns),
                open: info.open,
                limit_s: info.limit_s,
                iterations: stats.counts.into(),
                service_us: Percentiles::of(&stats.service_us),
                response_us: Percentiles::of(&stats.response_us),
                lag_us: Percentiles::of(&stats.lag_us),
            }
        };
        self.scenarios.iter().enumerate().map(describe).collect()
    }

    fn operation_summaries(&self, names: &Names, window: Window, end_ns: u64) -> Vec<OperationSummary> {
        let summary = |(op, scenario, stats): (crate::OpId, u16, &OpStats)| {
            let name = names.ops().get(op.0 as usize)?;
            let info = self.scenarios.get(usize::from(scenario))?;
            let duration_s = self.seconds(usize::from(scenario), window, end_ns);
            Some(OperationSummary {
                name: name.name.clone(),
                protocol: name.protocol.to_owned(),
                scenario: info.name.clone(),
                phase: info.phase.clone(),
                plugin: self.plugin_of(info),
                count: stats.done,
                fired: stats.fired,
                errors: errors_by_name(&stats.errors),
                statuses: stats
                    .statuses
                    .iter()
                    .map(|&(status, count)| (status_name(status), count))
                    .collect(),
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

    fn overall(&self) -> Option<OverallSummary> {
        let ops = || self.total.ops(Window::Measured).map(|(_, _, stats)| stats);
        let count = ops().map(|op| op.done).sum();
        (count > 0).then(|| OverallSummary {
            count,
            errors: ops().map(OpStats::failed).sum(),
            service_us: Percentiles::of(&merged(ops(), |op| &op.service_us)),
            response_us: Percentiles::of(&merged(ops(), |op| &op.response_us)),
            lag_us: Percentiles::of(&merged(ops(), |op| &op.lag_us)),
        })
    }

    fn check_results(&self, names: &Names) -> Vec<CheckResult> {
        let result = |name: &String| CheckResult { name: name.clone(), passed: 0, failed: 0 };
        let mut results: Vec<CheckResult> = names.checks().iter().map(result).collect();
        for (check, _, (passed, failed)) in self.total.checks() {
            if let Some(result) = results.get_mut(check.0 as usize) {
                result.passed += passed;
                result.failed += failed;
            }
        }
        results
    }

    /// Custom metrics up to `now_ns`, over all scenarios.
    pub(crate) fn metric_summaries(&self, names: &Names, now_ns: u64) -> Vec<MetricSummary> {
        let mut values: BTreeMap<u32, MetricValue> = BTreeMap::new();
        for (metric, _, value) in self.total.metrics() {
            values.entry(metric.0).and_modify(|merged| merged.absorb(value)).or_insert_with(|| value.clone());
        }
        let duration_s = self.spans.seconds(|_| true, Window::Measured, now_ns);
        let named = names.metrics().zip(0_u32..);
        let summary = |((name, _, unit), id): ((&str, _, &str), u32)| {
            let value = metric_value_summary(values.get(&id)?, duration_s)?;
            Some(MetricSummary { name: name.to_owned(), unit: unit.to_owned(), value })
        };
        named.filter_map(summary).collect()
    }

    fn failure_summary(&self, names: &Names, example: &FailureExample) -> FailureSummary {
        let scenario = self.scenarios.get(usize::from(example.scenario));
        FailureSummary {
            operation: names.ops().get(example.op.0 as usize).map(|op| op.name.clone()).unwrap_or_default(),
            scenario: scenario.map(|info| info.name.clone()).unwrap_or_default(),
            kind: example.kind.name().to_owned(),
            t_s: example.at_ns.saturating_sub(self.start_ns) as f64 / NS_PER_S,
            text: example.text.clone(),
        }
    }
}

/// Values greater than a limit, as far as the histogram tells them apart from it.
fn later_than(histogram: &Histogram, limit: u64) -> u64 {
    let greater = |value: &u64| *value > limit && !histogram.equivalent(*value, limit);
    let recorded = histogram.iter_recorded().filter(|step| greater(&step.value_iterated_to()));
    recorded.map(|step| step.count_at_value()).sum()
}

/// Warnings have no weight; a threshold without an answer did not hold.
fn score(thresholds: &[ThresholdResult], required: f64) -> Score {
    let weights = |held: bool| -> f64 {
        let counted = thresholds.iter().filter(|result| !result.warn);
        let counted = counted.filter(|result| !held || result.status == VerdictStatus::Pass);
        // `Sum` of nothing is -0.0, which a report would show.
        counted.fold(0.0, |sum, result| sum + result.weight)
    };
    Score { met: weights(true), of: weights(false), required }
}

impl From<IterationCounts> for IterationsSummary {
    fn from(counts: IterationCounts) -> Self {
        let IterationCounts { due, started, finished, failed, interrupted, faulted, dropped } = counts;
        Self { due, started, finished, failed, interrupted, faulted, dropped }
    }
}

pub(crate) fn errors_by_name(errors: &[u64; ErrorKind::COUNT]) -> BTreeMap<String, u64> {
    let named = ErrorKind::ALL.iter().zip(errors);
    named.filter(|(_, count)| **count > 0).map(|(kind, count)| (kind.name().to_owned(), *count)).collect()
}

fn phases_by_name(stats: &OpStats) -> BTreeMap<String, Percentiles> {
    let named = stats.phases.all().into_iter();
    named.filter_map(|(name, histogram)| Some((name.to_owned(), Percentiles::of(histogram)?))).collect()
}

fn metric_value_summary(value: &MetricValue, duration_s: f64) -> Option<MetricValueSummary> {
    Some(match value {
        MetricValue::Counter(sum) => {
            MetricValueSummary::Counter { sum: *sum, rate_per_s: per_second(*sum, duration_s) }
        }
        MetricValue::Gauge { last, min, max, .. } if min <= max => {
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
