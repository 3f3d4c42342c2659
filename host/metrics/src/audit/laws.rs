//! Laws that the numbers of every true summary obey, whatever was measured.

use super::{Audit, AuditCheck};
use crate::summary::saturating_sum;
use crate::{IterationsSummary, OperationSummary, Percentiles, ScenarioSummary, Summary};

/// Relative error of a quotient or a sum of a summary's own numbers.
const TOLERANCE: f64 = 1e-9;

/// Things that broke a law.
type Broken = Vec<AuditCheck>;

/// The entry for something that must equal something else, when it does not.
fn differs<T: PartialEq + ToString>(
    what: impl FnOnce() -> String,
    expected: T,
    reported: T,
) -> Option<AuditCheck> {
    (expected != reported).then(|| broken(what(), &expected, &reported))
}

fn broken(what: String, expected: &impl ToString, reported: &impl ToString) -> AuditCheck {
    AuditCheck { what, expected: expected.to_string(), reported: reported.to_string(), ok: false }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0)
}

/// Both windows' scenarios.
fn scenarios(summary: &Summary) -> Vec<(&'static str, &ScenarioSummary)> {
    let measured = summary.scenarios.iter().map(|scenario| ("", scenario));
    let warmup =
        summary.warmup.iter().flat_map(|warmup| &warmup.scenarios).map(|scenario| ("warm-up of ", scenario));
    measured.chain(warmup).collect()
}

/// Both windows' operations.
fn operations(summary: &Summary) -> Vec<(&'static str, &OperationSummary)> {
    let measured = summary.operations.iter().map(|op| ("", op));
    let warmup = summary.warmup.iter().flat_map(|warmup| &warmup.operations).map(|op| ("warm-up of ", op));
    measured.chain(warmup).collect()
}

pub(super) fn check(audit: &mut Audit, summary: &Summary, cut_short: bool) {
    conservation(audit, summary, cut_short);
    counts(audit, summary);
    percentiles(audit, summary);
    rates(audit, summary);
    series(audit, summary);
    overall(audit, summary);
}

const fn ended(counts: &IterationsSummary) -> u64 {
    let well_or_not = counts.finished.saturating_add(counts.failed);
    well_or_not.saturating_add(counts.interrupted).saturating_add(counts.faulted)
}

/// Iterations do not vanish. Of a run that was killed, some were due or under way.
fn conservation(audit: &mut Audit, summary: &Summary, cut_short: bool) {
    let scenarios = scenarios(summary);
    let (mut due, mut started) = (Broken::new(), Broken::new());
    for (window, scenario) in &scenarios {
        let counts = &scenario.iterations;
        let left = counts.started.saturating_add(counts.dropped);
        if !(counts.due == left || (cut_short && counts.due > left)) {
            let what = format!("due = started + dropped of {window}scenario `{}`", scenario.name);
            due.push(broken(what, &left, &counts.due));
        }
        let left = ended(counts);
        if !(counts.started == left || (cut_short && counts.started > left)) {
            let what = format!(
                "started = finished + failed + interrupted + faulted of {window}scenario `{}`",
                scenario.name
            );
            started.push(broken(what, &left, &counts.started));
        }
    }
    let (due_law, started_law) = if cut_short {
        ("due >= started + dropped of every scenario", "started >= those that ended of every scenario")
    } else {
        (
            "due = started + dropped of every scenario",
            "started = finished + failed + interrupted + faulted of every scenario",
        )
    };
    audit.law(due_law, scenarios.len(), due);
    audit.law(started_law, scenarios.len(), started);
}

/// What was counted agrees with what was timed.
fn counts(audit: &mut Audit, summary: &Summary) {
    let (mut timed, mut failed) = (Broken::new(), Broken::new());
    let operations = operations(summary);
    for (window, op) in &operations {
        let interrupted = op.errors.get(crate::ErrorKind::Interrupted.name()).copied().unwrap_or(0);
        let expected = op.count.saturating_sub(interrupted);
        for (name, values) in [("service", op.service_us), ("response", op.response_us), ("lag", op.lag_us)] {
            let what = || format!("number of {name} times of {window}operation `{}`", op.name);
            timed.extend(differs(what, expected, values.map_or(0, |values| values.count)));
        }
        let phases = op.phases_us.values().map(|phase| phase.count).max().unwrap_or(0);
        let statuses = saturating_sum(op.statuses.values().copied());
        let parts = [("failures", op.failed()), ("statuses", statuses), ("times of a phase", phases)];
        for (name, number) in parts.into_iter().filter(|(_, number)| *number > op.count) {
            let what = format!("{name} of {window}operation `{}`", op.name);
            failed.push(broken(what, &format!("at most {}", op.count), &number));
        }
    }
    let scenarios = scenarios(summary);
    for (window, scenario) in &scenarios {
        let counts = &scenario.iterations;
        let whole = ended(counts).saturating_sub(counts.interrupted);
        let values = [
            ("service", scenario.service_us, whole),
            ("response", scenario.response_us, whole),
            ("lag", scenario.lag_us, ended(counts)),
        ];
        for (name, values, expected) in values {
            let what = || format!("number of {name} times of {window}scenario `{}`", scenario.name);
            timed.extend(differs(what, expected, values.map_or(0, |values| values.count)));
        }
    }
    let all = operations.len() + scenarios.len();
    audit.law("everything that ended and was not interrupted was timed once", all, timed);
    audit.law(
        "failures, statuses and phases of every operation are at most those that ended",
        operations.len(),
        failed,
    );
}

/// Percentiles are in order.
fn percentiles(audit: &mut Audit, summary: &Summary) {
    let mut all: Vec<(String, Percentiles)> = Vec::new();
    for (window, op) in operations(summary) {
        let own = [("service", op.service_us), ("response", op.response_us), ("lag", op.lag_us)];
        let phases = op.phases_us.iter().map(|(name, values)| (name.as_str(), Some(*values)));
        let named = own.into_iter().chain(phases).filter_map(|(name, values)| Some((name, values?)));
        all.extend(
            named.map(|(name, values)| (format!("{name} of {window}operation `{}`", op.name), values)),
        );
    }
    for (window, scenario) in scenarios(summary) {
        let own =
            [("service", scenario.service_us), ("response", scenario.response_us), ("lag", scenario.lag_us)];
        let named = own.into_iter().filter_map(|(name, values)| Some((name, values?)));
        all.extend(named.map(|(name, v)| (format!("{name} of {window}scenario `{}`", scenario.name), v)));
    }
    let points = summary.series.iter().filter_map(|point| Some((point.t_s, point.response_us?)));
    all.extend(points.map(|(t_s, values)| (format!("the point of the series at {t_s} s"), values)));
    for metric in &summary.metrics {
        if let crate::MetricValueSummary::Distribution { values } = metric.value {
            all.push((format!("metric `{}`", metric.name), values));
        }
    }
    let wrong = |(name, values): &(String, Percentiles)| {
        let Percentiles { count, min, mean, p50, p90, p95, p99, p999, max } = *values;
        let order = [min, p50, p90, p95, p99, p999, max];
        let mean_within =
            mean >= min as f64 - TOLERANCE * mean.abs() && mean <= max as f64 + TOLERANCE * mean.abs();
        (!order.is_sorted() || !mean_within || count == 0).then(|| {
            let reported =
                format!("count {count}, {min}, {p50}, {p90}, {p95}, {p99}, {p999}, {max}, mean {mean}");
            broken(
                format!("percentiles of {name}"),
                &"ascending, the mean within, of at least 1 value",
                &reported,
            )
        })
    };
    let found = all.iter().filter_map(wrong).collect();
    audit.law("min <= p50 <= p90 <= p95 <= p99 <= p99.9 <= max and min <= mean <= max", all.len(), found);
}

/// A rate is a number over a time.
fn rates(audit: &mut Audit, summary: &Summary) {
    let scenarios = scenarios(summary);
    let operations = operations(summary);
    let wrong = |(window, op): &(&str, &OperationSummary)| {
        let same = |(other, s): &&(&str, &ScenarioSummary)| {
            other == window && s.name == op.scenario && s.phase == op.phase && s.plugin == op.plugin
        };
        let (_, scenario) = scenarios.iter().find(same)?;
        let rate = if scenario.duration_s > 0.0 { op.fired as f64 / scenario.duration_s } else { 0.0 };
        (!near(rate, op.rate_per_s)).then(|| {
            let what = format!("rate = number / time of {window}operation `{}`", op.name);
            broken(what, &format!("{} / {} s = {rate}", op.fired, scenario.duration_s), &op.rate_per_s)
        })
    };
    let found = operations.iter().filter_map(wrong).collect();
    audit.law("rate = number / time of every operation", operations.len(), found);
}

/// The points of the series follow each other and add up to the totals.
fn series(audit: &mut Audit, summary: &Summary) {
    let operations = operations(summary);
    let total =
        |pick: fn(&OperationSummary) -> u64| saturating_sum(operations.iter().map(|(_, op)| pick(op)));
    let points = |pick: fn(&crate::SeriesPoint) -> u64| saturating_sum(summary.series.iter().map(pick));
    let timed = |op: &OperationSummary| op.response_us.map_or(0, |values| values.count);
    let sums = [
        ("operations sent", total(|op| op.fired), points(|point| point.fired)),
        ("operations ended", total(|op| op.count), points(|point| point.done)),
        ("operations failed", total(OperationSummary::failed), points(|point| point.errors)),
        ("response times", total(timed), points(|point| point.response_us.map_or(0, |values| values.count))),
    ];
    let found = sums.iter().filter_map(|&(name, expected, reported)| {
        differs(|| format!("{name}, summed over the series"), expected, reported)
    });
    let found = found.collect();
    audit.law("sums over the series are the totals, warm-up included", sums.len(), found);
    let apart = summary.series.windows(2).filter_map(|pair| {
        let expected = pair[0].t_s + pair[0].width_s;
        let what = || format!("start of the point of the series after {} s", pair[0].t_s);
        // Sums of widths lose digits as a run goes on; a microsecond is far below any width.
        ((expected - pair[1].t_s).abs() > 1e-6).then(|| broken(what(), &expected, &pair[1].t_s))
    });
    let apart = apart.collect();
    audit.law("points of the series follow each other without a gap", summary.series.len(), apart);
}

/// Totals over all operations, shares and their likes.
fn overall(audit: &mut Audit, summary: &Summary) {
    let mut found = Broken::new();
    let (count, errors) = summary.overall.as_ref().map_or((0, 0), |overall| (overall.count, overall.errors));
    found.extend(differs(|| "operations over all".to_owned(), summary.operations_done(), count));
    found.extend(differs(|| "failures over all".to_owned(), summary.operations_failed(), errors));
    for metric in &summary.metrics {
        if let crate::MetricValueSummary::Rate { hits, total, ratio } = metric.value
            && (hits > total || (total > 0 && !near(hits as f64 / total as f64, ratio)))
        {
            found.push(broken(
                format!("share of metric `{}`", metric.name),
                &format!("{hits} / {total}"),
                &ratio,
            ));
        }
    }
    let generator = &summary.generator;
    if generator.busiest_core_share < generator.cpu_share * (1.0 - TOLERANCE) {
        let expected = format!("at least {}", generator.cpu_share);
        found.push(broken("share of the busiest core".to_owned(), &expected, &generator.busiest_core_share));
    }
    // Older summaries, and those of older records, tell only the sum.
    let of_plugins = generator.plugins.iter().fold(0.0, |sum, plugin| sum + plugin.guest_cpu_s);
    if !generator.plugins.is_empty() && !near(of_plugins, generator.guest_cpu_s) {
        let what = "CPU seconds of all plugins".to_owned();
        found.push(broken(what, &of_plugins, &generator.guest_cpu_s));
    }
    audit.law("totals, shares and means fit their parts", 4 + summary.metrics.len(), found);
}
