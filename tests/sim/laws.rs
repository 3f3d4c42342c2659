//! What must hold of every run, whatever was planned, however the guest behaved and whenever it was stopped.

mod limits;
mod phases;
mod schedule;

use stresshost_clock::{NS_PER_MS, NS_PER_S};
use stresshost_engine::{TEARDOWN_LIMIT_MS, Ticket};
use stresshost_metrics::{
    IterationCounts, IterationEnd, IterationsSummary, Percentiles, ScenarioSummary, Summary, Window,
};

use crate::guest::{Call, Deed};
use crate::model::Model;
use crate::simulate::{Case, Level, Outcome};

/// tokio's timer rounds up to a millisecond; a run passes through a few of its waits before it is over.
const SLACK_NS: u64 = 4 * NS_PER_MS;

/// Histograms keep three digits, and microseconds are rounded.
fn near(actual: u64, expected: u64) -> bool {
    actual.abs_diff(expected) <= 2 + expected / 500
}

pub(crate) fn counts(summary: &IterationsSummary) -> IterationCounts {
    let IterationsSummary { due, started, finished, failed, interrupted, faulted, dropped } = *summary;
    IterationCounts { due, started, finished, failed, interrupted, faulted, dropped }
}

/// Scenario summaries of both windows.
fn windows(summary: &Summary) -> Vec<(Window, &[ScenarioSummary])> {
    let warmup = summary.warmup.iter().map(|warmup| (Window::Warmup, warmup.scenarios.as_slice()));
    warmup.chain([(Window::Measured, summary.scenarios.as_slice())]).collect()
}

/// Asserts every law of a run that could be done.
pub(crate) fn hold(case: &Case, outcome: &Outcome) {
    let (summary, model) = (outcome.summary(), Model::new(case, outcome));
    counts_balance_and_match_the_log(summary, outcome);
    schedule::hold(&model);
    phases::hold(&model);
    limits::hold(&model);
    operations_match_the_log(summary, outcome);
    if !model.hides_warmup() {
        snapshots_add_up(summary, outcome);
    }
    ends_in_time(&model);
    numbers_are_finite(summary);
}

/// Asserts what holds of a run that could not be done.
pub(crate) fn hold_of_failure(case: &Case, outcome: &Outcome) {
    phases::set_ups_are_torn_down(&Model::new(case, outcome));
    let begins = outcome.entries.iter().filter(|entry| matches!(entry.deed, Deed::Begin { .. })).count();
    let ends = outcome.entries.iter().filter(|entry| matches!(entry.deed, Deed::End { .. })).count();
    assert_eq!(begins, ends, "iterations begun and ended");
}

fn counts_balance_and_match_the_log(summary: &Summary, outcome: &Outcome) {
    for (window, scenarios) in windows(summary) {
        for (index, scenario) in scenarios.iter().enumerate() {
            let counts = counts(&scenario.iterations);
            assert_eq!(counts.imbalance(), None, "{} in {window:?}", scenario.name);
            let mine = |ticket: &Ticket| usize::from(ticket.scenario) == index && ticket.window == window;
            let mut logged =
                IterationCounts { due: counts.due, dropped: counts.dropped, ..Default::default() };
            for entry in &outcome.entries {
                match &entry.deed {
                    Deed::Begin { ticket, .. } if mine(ticket) => logged.started += 1,
                    Deed::End { ticket, end, .. } if mine(ticket) => match end {
                        IterationEnd::Finished => logged.finished += 1,
                        IterationEnd::Failed => logged.failed += 1,
                        IterationEnd::Interrupted => logged.interrupted += 1,
                        IterationEnd::Faulted => logged.faulted += 1,
                    },
                    _ => {}
                }
            }
            assert_eq!(counts, logged, "{} in {window:?}: counted, and logged by the guest", scenario.name);
        }
    }
}

fn operations_match_the_log(summary: &Summary, outcome: &Outcome) {
    let warmup = summary.warmup.iter().map(|warmup| (Window::Warmup, &warmup.operations));
    for (window, operations) in warmup.chain([(Window::Measured, &summary.operations)]) {
        for (index, scenario) in summary.scenarios.iter().enumerate() {
            let mine = |ticket: &Ticket| usize::from(ticket.scenario) == index && ticket.window == window;
            let (mut fired, mut service, mut response, mut lag) = (0, Vec::new(), Vec::new(), Vec::new());
            for entry in &outcome.entries {
                match &entry.deed {
                    Deed::Fire { ticket } if mine(ticket) => fired += 1,
                    Deed::Operation { ticket, fired_ns, done_ns } if mine(ticket) => {
                        service.push(done_ns - fired_ns);
                        response.push(done_ns - ticket.intended_ns);
                        lag.push(fired_ns - ticket.intended_ns);
                    }
                    _ => {}
                }
            }
            let Some(op) = operations.iter().find(|op| op.scenario == scenario.name) else {
                assert_eq!(fired, 0, "{} has no operations in {window:?}", scenario.name);
                continue;
            };
            assert_eq!(
                (op.fired, op.count),
                (fired, service.len() as u64),
                "{} in {window:?}",
                scenario.name
            );
            matches_values(op.service_us, service);
            matches_values(op.response_us, response);
            matches_values(op.lag_us, lag);
        }
    }
}

/// Whether percentiles are those of the values, which are nanoseconds.
fn matches_values(percentiles: Option<Percentiles>, mut values_ns: Vec<u64>) {
    let Some(percentiles) = percentiles else {
        assert!(values_ns.is_empty());
        return;
    };
    values_ns.sort_unstable();
    let values: Vec<u64> = values_ns.iter().map(|ns| (ns + 500) / 1_000).collect();
    let last = values.len() - 1;
    assert_eq!(percentiles.count, values.len() as u64);
    assert!(near(percentiles.min, values[0]) && near(percentiles.max, values[last]), "{percentiles:?}");
    for (quantile, actual) in [(0.5, percentiles.p50), (0.9, percentiles.p90), (0.99, percentiles.p99)] {
        let rank = (quantile * values.len() as f64).ceil() as usize;
        // Rounding of the product may take the neighbour.
        let (low, high) = (values[rank.saturating_sub(2)], values[rank.min(last)]);
        let within = (low..=high).contains(&actual) || near(actual, low) || near(actual, high);
        assert!(within, "quantile {quantile} is {actual}, expected {low} to {high}");
    }
}

fn snapshots_add_up(summary: &Summary, outcome: &Outcome) {
    let snapshots = &outcome.snapshots;
    let last = snapshots.last().expect("a run has a last snapshot");
    let warmup = summary.warmup.iter().flat_map(|warmup| &warmup.operations);
    let (mut fired, mut done, mut errors, mut bytes) = (0, 0, 0, 0);
    for op in warmup.chain(&summary.operations) {
        fired += op.fired;
        done += op.count;
        errors += op.failed();
        bytes += op.bytes.received;
    }
    let sum = |pick: fn(&stresshost_metrics::Snapshot) -> u64| snapshots.iter().map(pick).sum::<u64>();
    let totals = (sum(|s| s.fired), sum(|s| s.done), sum(|s| s.errors), sum(|s| s.bytes_received));
    assert_eq!(totals, (fired, done, errors, bytes), "snapshots add up to the totals");
    let points = &summary.series;
    let series = (points.iter().map(|p| p.fired).sum::<u64>(), points.iter().map(|p| p.done).sum::<u64>());
    assert_eq!(series, (fired, done), "the series adds up to the totals");
    let width: f64 = points.iter().map(|point| point.width_s).sum();
    assert!((width - last.t_s).abs() < 1e-6, "widths of {width} s in a run of {} s", last.t_s);
    for pair in snapshots.windows(2) {
        assert!(pair[0].t_s <= pair[1].t_s, "{} then {}", pair[0].t_s, pair[1].t_s);
        assert!((pair[1].t_s - pair[0].t_s - pair[1].interval_s).abs() < 1e-6);
    }
    for scenario in snapshots.iter().flat_map(|snapshot| &snapshot.scenarios) {
        assert!(scenario.due >= scenario.started + scenario.dropped, "{scenario:?}");
        assert!(scenario.started >= scenario.finished + scenario.failed, "{scenario:?}");
    }
    for (index, scenario) in last.scenarios.iter().enumerate() {
        let mut counts = IterationCounts::default();
        for (_, scenarios) in windows(summary) {
            counts += self::counts(&scenarios[index].iterations);
        }
        let expected = (counts.due, counts.started, counts.finished, counts.dropped);
        assert_eq!((scenario.due, scenario.started, scenario.finished, scenario.dropped), expected);
    }
    let warm_s = summary.warmup.as_ref().map_or(0.0, |warmup| warmup.duration_s);
    let expected_s = (last.t_s - warm_s).max(0.0);
    let duration_s = summary.run.duration_s;
    assert!(
        (duration_s - expected_s).abs() < 1e-6,
        "{duration_s} s of a run whose last second is {}",
        last.t_s
    );
}

fn ends_in_time(model: &Model<'_>) {
    let (case, outcome) = (model.case, model.outcome);
    let mut limit_ns = outcome.load_start_ns.unwrap_or(0);
    for (index, phase) in model.schedule.phases.iter().enumerate() {
        let Some(start_ns) = model.start_ns(index) else { continue };
        let (load_ns, grace_ns) = (phase.duration_ms() * NS_PER_MS, phase.graceful_stop_ms * NS_PER_MS);
        let paused_ns = model.paused_ns(0, outcome.end_ns);
        let mut over_ns = start_ns + load_ns + paused_ns + grace_ns;
        for &(at_ms, level) in &case.stops {
            let at_ns = (at_ms * NS_PER_MS).max(start_ns);
            over_ns = over_ns.min(if level == Level::Now { at_ns } else { at_ns + grace_ns });
        }
        if let Some(aborted_ns) = outcome.aborted_ns {
            over_ns = over_ns.min(aborted_ns.max(start_ns) + grace_ns);
        }
        limit_ns = limit_ns.max(over_ns);
        let last = outcome
            .entries
            .iter()
            .filter(|entry| matches!(entry.deed, Deed::End { vu, .. } if vu.phase == index as u16));
        let last_ns = last.map(|entry| entry.at_ns).max().unwrap_or(0);
        assert!(last_ns <= over_ns + SLACK_NS, "phase {index} went on until {last_ns} instead of {over_ns}");
    }
    // What is set up and torn down beside and after the load.
    let parts = case.plan.parts.len().max(1) as u64;
    let calls = parts * (model.schedule.phases.len() as u64 + 1);
    let script = &case.script;
    let vus = model.schedule.phases.iter().map(stresshost_plan::ScheduledPhase::vus).sum::<u64>();
    let beside = [(script.setup, calls), (script.setup_phase, calls), (script.start, vus)];
    let after = [(script.teardown_phase, calls), (script.teardown, calls)];
    for (call, times) in beside.into_iter().chain(after) {
        limit_ns += match call {
            Call::TakesMs(ms) => times * (ms + 1) * NS_PER_MS,
            Call::Endless => times * TEARDOWN_LIMIT_MS * NS_PER_MS,
            _ => 0,
        };
    }
    assert!(outcome.end_ns <= limit_ns + SLACK_NS, "over at {} instead of {limit_ns}", outcome.end_ns);
    if let (Some(load_ns), Some(last)) = (outcome.load_start_ns, outcome.snapshots.last()) {
        assert!((last.t_s * NS_PER_S as f64) as u64 <= outcome.end_ns.saturating_sub(load_ns));
    }
}

/// A number that is not finite would be `null` in the document.
fn numbers_are_finite(summary: &Summary) {
    let generator = &summary.generator;
    let rates = summary.operations.iter().map(|op| op.rate_per_s);
    for number in rates.chain([generator.cpu_s, generator.cpu_share, summary.run.duration_s]) {
        assert!(number.is_finite() && number >= 0.0, "{number}");
    }
    for op in &summary.operations {
        let scenario =
            summary.scenarios.iter().find(|one| (&one.name, &one.phase) == (&op.scenario, &op.phase));
        let duration_s = scenario.expect("a scenario of the summary").duration_s;
        let expected = if duration_s > 0.0 { op.fired as f64 / duration_s } else { 0.0 };
        assert!((op.rate_per_s - expected).abs() <= 1e-6 * expected, "{}", op.rate_per_s);
    }
}
