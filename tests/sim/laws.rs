//! What must hold of every run, whatever was planned, however the guest behaved and whenever it was stopped.

use std::collections::HashSet;

use stresshost_clock::{NS_PER_MS, NS_PER_S};
use stresshost_engine::{Arrivals, MAX_FAULTS, Ticket};
use stresshost_metrics::{
    IterationCounts, IterationEnd, IterationsSummary, Percentiles, ScenarioSummary, Summary, Window,
};
use stresshost_plan::Executor;

use crate::guest::{Call, Deed, measured};
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
    let summary = outcome.summary();
    counts_balance_and_match_the_log(summary, outcome);
    tickets_are_on_schedule(case, outcome);
    due_is_what_the_schedule_called_for(case, outcome);
    operations_match_the_log(summary, outcome);
    snapshots_add_up(summary, outcome);
    ends_in_time(case, outcome);
    numbers_are_finite(summary);
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

/// When the run was first asked to stop, on the run clock.
fn stop_ns(case: &Case) -> u64 {
    case.stops.iter().map(|(at_ms, _)| at_ms * NS_PER_MS).min().unwrap_or(u64::MAX)
}

fn tickets_are_on_schedule(case: &Case, outcome: &Outcome) {
    let Some(load_ns) = outcome.load_start_ns else { return };
    let warmup_end_ns = load_ns + case.plan.warmup_ms * NS_PER_MS;
    let mut seen = HashSet::new();
    for entry in &outcome.entries {
        let Deed::Begin { ticket, .. } = &entry.deed else { continue };
        let scenario = &case.plan.scenarios[usize::from(ticket.scenario)];
        let start_ns = load_ns + scenario.start_ms * NS_PER_MS;
        let end_ns = start_ns + scenario.executor.duration_ms() * NS_PER_MS;
        assert!(seen.insert((ticket.scenario, ticket.number)), "{ticket:?} came twice");
        assert!(ticket.intended_ns <= entry.at_ns, "{ticket:?} began early, at {}", entry.at_ns);
        assert!((start_ns..end_ns).contains(&ticket.intended_ns), "{ticket:?} is outside its scenario");
        assert!(entry.at_ns <= stop_ns(case), "{ticket:?} began at {} after the stop", entry.at_ns);
        assert_eq!(measured(ticket.window), ticket.intended_ns >= warmup_end_ns, "{ticket:?}");
        if let Executor::ConstantArrivalRate(config) = &scenario.executor {
            let offset_ns = Arrivals::new(config).offset_ns(ticket.number);
            assert_eq!(ticket.intended_ns, start_ns + offset_ns, "{ticket:?} has another time");
        }
    }
}

/// In the open model the schedule alone decides how many iterations are due, up to the stop.
fn due_is_what_the_schedule_called_for(case: &Case, outcome: &Outcome) {
    let Some(load_ns) = outcome.load_start_ns else { return };
    let summary = outcome.summary();
    if summary.faults.iter().map(|fault| fault.count).sum::<u64>() >= MAX_FAULTS {
        return;
    }
    for (index, scenario) in case.plan.scenarios.iter().enumerate() {
        let Executor::ConstantArrivalRate(config) = &scenario.executor else { continue };
        let arrivals = Arrivals::new(config);
        let start_ns = load_ns + scenario.start_ms * NS_PER_MS;
        let end_ns = start_ns + config.duration_ms * NS_PER_MS;
        // What is due at the very instant of the stop still counts.
        let until_ns = end_ns.min(stop_ns(case).saturating_add(1));
        let before = |at_ns: u64| arrivals.count_before(at_ns.min(until_ns).saturating_sub(start_ns));
        let warm = before(load_ns + case.plan.warmup_ms * NS_PER_MS);
        for (window, scenarios) in windows(summary) {
            let expected = if measured(window) { before(u64::MAX) - warm } else { warm };
            assert_eq!(scenarios[index].iterations.due, expected, "due of {} in {window:?}", scenario.name);
        }
        let dropped: u64 = windows(summary).iter().map(|(_, s)| s[index].iterations.dropped).sum();
        if dropped == 0 {
            let number = |entry: &crate::guest::Entry| match &entry.deed {
                Deed::Begin { ticket, .. } if usize::from(ticket.scenario) == index => Some(ticket.number),
                _ => None,
            };
            let mut numbers: Vec<u64> = outcome.entries.iter().filter_map(number).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (0..before(u64::MAX)).collect::<Vec<_>>(), "numbers of {}", scenario.name);
        }
    }
}

fn operations_match_the_log(summary: &Summary, outcome: &Outcome) {
    let warmup = summary.warmup.iter().map(|warmup| (Window::Warmup, &warmup.operations));
    for (window, operations) in warmup.chain([(Window::Measured, &summary.operations)]) {
        for (index, scenario) in summary.scenarios.iter().enumerate() {
            let mine = |ticket: &Ticket| usize::from(ticket.scenario) == index && ticket.window == window;
            let (mut begun, mut service, mut response, mut lag) = (0, Vec::new(), Vec::new(), Vec::new());
            for entry in &outcome.entries {
                match &entry.deed {
                    Deed::Begin { ticket, .. } if mine(ticket) => begun += 1,
                    Deed::Operation { ticket, fired_ns, done_ns } if mine(ticket) => {
                        service.push(done_ns - fired_ns);
                        response.push(done_ns - ticket.intended_ns);
                        lag.push(fired_ns - ticket.intended_ns);
                    }
                    _ => {}
                }
            }
            let Some(op) = operations.iter().find(|op| op.scenario == scenario.name) else {
                assert_eq!(begun, 0, "{} has no operations in {window:?}", scenario.name);
                continue;
            };
            assert_eq!(
                (op.fired, op.count),
                (begun, service.len() as u64),
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
    let length_s = warm_s + summary.run.duration_s;
    assert!((length_s - last.t_s).abs() < 1e-6, "a run of {length_s} s whose last second is {}", last.t_s);
}

fn ends_in_time(case: &Case, outcome: &Outcome) {
    let Some(load_ns) = outcome.load_start_ns else { return };
    let grace_ns = case.plan.graceful_stop_ms * NS_PER_MS;
    let mut limit_ns = load_ns + case.plan.duration_ms() * NS_PER_MS + grace_ns;
    for &(at_ms, level) in &case.stops {
        let at_ns = (at_ms * NS_PER_MS).max(load_ns);
        limit_ns = limit_ns.min(if level == Level::Now { at_ns } else { at_ns + grace_ns });
    }
    if let Call::TakesMs(ms) = case.script.teardown {
        limit_ns += ms * NS_PER_MS;
    }
    assert!(outcome.end_ns <= limit_ns + SLACK_NS, "over at {} instead of {limit_ns}", outcome.end_ns);
    let last = outcome.snapshots.last().map_or(0.0, |snapshot| snapshot.t_s);
    assert!((last * NS_PER_S as f64) as u64 <= outcome.end_ns - load_ns);
}

/// A number that is not finite would be `null` in the document.
fn numbers_are_finite(summary: &Summary) {
    let generator = &summary.generator;
    let rates = summary.operations.iter().map(|op| op.rate_per_s);
    for number in rates.chain([generator.cpu_s, generator.cpu_share, summary.run.duration_s]) {
        assert!(number.is_finite() && number >= 0.0, "{number}");
    }
    for op in &summary.operations {
        let per_second = op.fired as f64 / summary.run.duration_s;
        let expected = if summary.run.duration_s > 0.0 { per_second } else { 0.0 };
        assert!((op.rate_per_s - expected).abs() <= 1e-6 * expected, "{}", op.rate_per_s);
    }
}
