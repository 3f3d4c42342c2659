//! Recommendations. Each is a fixed rule, and cites the numbers that made it speak.

use stresshost_sdk::prelude::*;
use stresshost_sdk::summary::VerdictStatus;

use super::statements::{best, ranked, tried, waited};
use super::truth::{cache, own_deadlocks, waiting};
use super::{loads, ms, per_cent, share, told};
use crate::plan::targets::LABEL;
use crate::setup::told::SCAN;

/// Share of active sessions waiting for a lock from which on it is told.
const MUCH_WAITING: f64 = 0.05;

/// Cache hit ratio below which it is told, and the look-ups from which on it says anything.
const FEW_HITS: f64 = 0.95;
const MIN_LOOKUPS: f64 = 1_000.0;

/// Share of all waiting from which on one statement, or all reads, are worth a recommendation.
const MUCH_TIME: f64 = 0.4;

/// Share of failed operations from which on they are told.
const MANY_ERRORS: f64 = 0.01;

pub(super) fn advise(summary: &Summary, analysis: &mut Analysis) {
    let mut advise = |message: String, because: String| {
        analysis.recommendations.push(Recommendation { message, because });
    };
    for target in summary.thresholds.iter().filter(|one| one.status == VerdictStatus::Fail) {
        let Some(what) = target.label.strip_prefix(LABEL) else { continue };
        let Some(actual) = target.actual else { continue };
        let shown = |value: f64| if what.ends_with("RPS") { format!("{value:.1}/s") } else { ms(value) };
        advise(
            format!("Bring {what} to its target, or expect less of it."),
            format!("{} was measured, {} is the target", shown(actual), shown(target.limit)),
        );
    }
    for scan in told(summary, SCAN).filter(|scan| !scan.remedy.is_empty()) {
        advise(
            format!("Consider an index for `{}`: {}.", scan.location, scan.remedy),
            scan.evidence.to_owned(),
        );
    }
    pool(summary, &mut advise);
    let started: u64 = loads(summary).map(|one| one.iterations.started).sum();
    let deadlocks = own_deadlocks(summary);
    if deadlocks > 0 {
        advise(
            "Let transactions lock rows in one order, and repeat those that a deadlock ends.".to_owned(),
            format!("{} of the transactions ended in a deadlock", share(deadlocks as f64, started as f64)),
        );
    }
    if let Some((waiting, seen)) = waiting(summary).filter(|(waiting, seen)| waiting / seen >= MUCH_WAITING) {
        advise(
            "Shorten the transactions that change rows others want, to reduce lock contention.".to_owned(),
            format!("{} of the active sessions seen were waiting for a lock", share(waiting, seen)),
        );
    }
    if let (Some((hits, all)), source) = cache(summary)
        && all >= MIN_LOOKUPS
        && hits / all < FEW_HITS
    {
        advise(
            "Give the server's cache more memory, or read less.".to_owned(),
            format!("{} of the look-ups hit ({source})", share(hits, all)),
        );
    }
    statements(summary, &mut advise);
}

fn pool(summary: &Summary, advise: &mut impl FnMut(String, String)) {
    let tried = tried(summary);
    let Some(best) = best(&tried) else { return };
    let others: Vec<String> = tried
        .iter()
        .map(|one| format!("{}: {:.0}/s, p95 {}", one.size, one.per_s, ms(one.p95_us as f64)))
        .collect();
    advise(
        format!(
            "Use a pool of {} connections for each scenario: it was the best of those measured.",
            best.size
        ),
        others.join("; "),
    );
}

fn statements(summary: &Summary, advise: &mut impl FnMut(String, String)) {
    let (ranked, all) = ranked(summary);
    for operation in &ranked {
        let failed = operation.failed();
        if failed as f64 > operation.count as f64 * MANY_ERRORS {
            let kinds: Vec<String> =
                operation.errors.iter().map(|(kind, count)| format!("{kind} x {count}")).collect();
            advise(
                format!("Find out why `{}` of {} fails.", operation.name, operation.scenario),
                format!("{failed} of {} failed: {}", operation.count, kinds.join(", ")),
            );
        }
    }
    let reads = |name: &str| {
        ["SELECT", "GET", "HGETALL", "find ", "scan ", "aggregate ", "count ", "distinct "]
            .iter()
            .any(|verb| name.starts_with(verb))
    };
    let of_reads: f64 = ranked.iter().filter(|one| reads(&one.name)).map(|one| waited(one)).sum();
    if all > 0.0 && of_reads / all >= MUCH_TIME && of_reads < all {
        advise(
            "Consider read replicas or a cache for what is only read.".to_owned(),
            format!("{} of all waiting is for statements that read", per_cent(of_reads / all)),
        );
    }
    if let Some(first) = ranked.first().filter(|first| ranked.len() > 1 && waited(first) / all >= MUCH_TIME) {
        advise(
            format!("Begin with `{}` of {}: nothing else can save as much time.", first.name, first.scenario),
            format!("{} of all waiting is for it ({} times)", per_cent(waited(first) / all), first.count),
        );
    }
}
