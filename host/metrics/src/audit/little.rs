//! Little's law: the mean number of iterations under way is their rate times their mean duration.
//!
//! The two sides are measured independently: one by looking, at each tick, at how many virtual users are busy, the
//! other by timing every iteration. They agree within sampling error when nothing was lost, counted twice or timed in
//! a wrong unit.

use super::{Audit, AuditCheck};
use crate::Summary;

/// Relative difference that looking once a tick explains.
const USUAL: f64 = 0.1;

/// Factor beyond which the law fails. What the samples miss (ramps between two of them, the greatest of several ticks
/// in a merged point, iterations under way at the end) is bounded by the conditions below to well under a factor of 2;
/// lost or doubled iterations, and units, are wrong by at least that.
const FACTOR: f64 = 2.0;

/// Fewest points of the series: with fewer, ramps and the ends weigh more than a tenth.
const FEWEST_POINTS: usize = 20;

/// Greatest share of iterations without a duration.
const MOST_INTERRUPTED: f64 = 0.01;

/// Greatest mean duration as a share of the run: of longer iterations too many are under way at the end.
const LONGEST: f64 = 0.05;

pub(super) fn check(audit: &mut Audit, summary: &Summary) {
    const WHAT: &str = "Little's law";
    match sides(summary) {
        Err(reason) => audit.leave_out(WHAT, reason),
        Ok((seen, timed)) => {
            let ok = seen <= FACTOR * timed && timed <= FACTOR * seen;
            let difference = seen / timed - 1.0;
            let within = if difference.abs() <= USUAL { "within" } else { "beyond" };
            audit.checks.push(AuditCheck {
                what: format!("{WHAT}: mean number of iterations under way = rate x mean duration"),
                expected: format!("{timed:.2} by rate x duration, within a factor of {FACTOR}"),
                reported: format!(
                    "{seen:.2} seen at the ticks ({:+.1}%, {within} the {}% that sampling explains)",
                    100.0 * difference,
                    100.0 * USUAL
                ),
                ok,
            });
        }
    }
}

/// The mean number seen, and rate times duration; or why they cannot be compared.
fn sides(summary: &Summary) -> Result<(f64, f64), String> {
    let warmup = summary.warmup.iter().flat_map(|warmup| &warmup.scenarios);
    let scenarios: Vec<_> = summary.scenarios.iter().chain(warmup).collect();
    if scenarios.iter().any(|scenario| scenario.open) {
        return Err("arrivals of an open model come in bursts that ticks do not see".to_owned());
    }
    let points = summary.series.len();
    if points < FEWEST_POINTS {
        return Err(format!("{points} points of the series are fewer than {FEWEST_POINTS}"));
    }
    let seconds: f64 = summary.series.iter().map(|point| point.width_s).sum();
    let seen: f64 = summary.series.iter().map(|point| point.vus_busy as f64 * point.width_s).sum();
    let timed = scenarios.iter().filter_map(|scenario| scenario.service_us);
    let (count, busy_us) = timed.fold((0.0, 0.0), |(count, busy_us), values| {
        (count + values.count as f64, busy_us + values.count as f64 * values.mean)
    });
    let started: f64 = scenarios.iter().map(|scenario| scenario.iterations.started as f64).sum();
    let interrupted: f64 = scenarios.iter().map(|scenario| scenario.iterations.interrupted as f64).sum();
    if count <= 0.0 || seconds <= 0.0 {
        return Err("no iteration ended".to_owned());
    }
    if interrupted > MOST_INTERRUPTED * started {
        return Err(format!("{interrupted} of {started} iterations were interrupted and have no duration"));
    }
    if busy_us / count / 1e6 > LONGEST * seconds {
        return Err("iterations are too long for the length of the run".to_owned());
    }
    let (seen, timed) = (seen / seconds, busy_us / 1e6 / seconds);
    // A virtual user that never waits is never seen busy, because ticks come when virtual users wait.
    if seen < 1.0 {
        Err(format!("only {seen:.2} virtual users were busy on average"))
    } else {
        Ok((seen, timed))
    }
}
