//! Statements by the time they took, where that time went, and pool sizes that were tried.

use stresshost_sdk::prelude::*;
use stresshost_sdk::summary::OperationSummary;

use super::truth::moved;
use super::{head, is_load, ms, operations, pool_of, put};
use crate::limits::SHOWN;
use crate::statistics::{CALLS, SERVER_MS};

/// Microseconds that were waited for an operation.
pub(super) fn waited(operation: &OperationSummary) -> f64 {
    operation.response_us.as_ref().map_or(0.0, |times| times.mean * times.count as f64)
}

/// Operations of the user's scenarios, those that took most time first, and the time of all.
pub(super) fn ranked(summary: &Summary) -> (Vec<&OperationSummary>, f64) {
    let mut ranked: Vec<&OperationSummary> =
        summary.operations.iter().filter(|operation| is_load(&operation.scenario)).collect();
    ranked.sort_by(|a, b| waited(b).total_cmp(&waited(a)));
    let all = ranked.iter().map(|operation| waited(operation)).sum();
    (ranked, all)
}

/// Every statement with its percentiles.
pub(super) fn table(summary: &Summary, analysis: &mut Analysis) {
    let mut table = head(&["statement", "scenario", "count", "per s", "p50", "p95", "p99", "max", "errors"]);
    let (ranked, _) = ranked(summary);
    for operation in ranked.iter().take(SHOWN) {
        let Some(times) = &operation.response_us else { continue };
        let errors: Vec<String> =
            operation.errors.iter().map(|(kind, count)| format!("{kind} x {count}")).collect();
        let errors = if errors.is_empty() { "0".to_owned() } else { errors.join(", ") };
        let mut row = vec![operation.name.clone(), operation.scenario.clone(), operation.count.to_string()];
        row.push(format!("{:.1}", operation.rate_per_s));
        row.extend([times.p50, times.p95, times.p99, times.max].map(|us| ms(us as f64)));
        row.push(errors);
        table.push(row);
    }
    let mut text = "By the time that was waited for them.".to_owned();
    if ranked.len() > SHOWN {
        text.push_str(&format!(" The first {SHOWN} of {}.", ranked.len()));
    }
    put(analysis, "Statements", &[&text], table);
}

/// Where the time went.
pub(super) fn bottlenecks(summary: &Summary, analysis: &mut Analysis) {
    let (ranked, all) = ranked(summary);
    if all <= 0.0 {
        return;
    }
    let mut table =
        head(&["rank", "statement", "share of all waiting", "in the server", "network, driver and queues"]);
    for (rank, operation) in (1..).zip(ranked.iter().take(SHOWN)) {
        let share = format!("{:.1}%", waited(operation) / all * 100.0);
        let (inside, outside) = match server_part(summary, operation) {
            Some(part) => (format!("{:.0}%", part * 100.0), format!("{:.0}%", (1.0 - part) * 100.0)),
            None => (super::NOT_TOLD.to_owned(), super::NOT_TOLD.to_owned()),
        };
        let name = format!("{} ({})", operation.name, operation.scenario);
        table.push(vec![rank.to_string(), name, share, inside, outside]);
    }
    let first = ranked.first().map_or_else(String::new, |first| {
        format!("Primary bottleneck: `{}` of {}.", first.name, first.scenario)
    });
    let second = ranked
        .get(1)
        .map_or_else(String::new, |second| format!("Secondary: `{}` of {}.", second.name, second.scenario));
    put(analysis, "Bottleneck Analysis", &[&first, &second], table);
}

/// The share of a statement's service time that the server says it spent on it. Only where no other scenario has a
/// statement of that name, and the server has counted about as many calls as the clients.
pub(super) fn server_part(summary: &Summary, operation: &OperationSummary) -> Option<f64> {
    let calls = moved(summary, &format!("{CALLS}{}", operation.name))?;
    let inside_ms = moved(summary, &format!("{SERVER_MS}{}", operation.name))?;
    let service = operation.service_us.as_ref()?;
    let namesakes =
        summary.operations.iter().filter(|one| is_load(&one.scenario) && one.name == operation.name).count();
    let client_ms = service.mean * service.count as f64 / 1e3;
    if namesakes != 1 || calls < 1.0 || client_ms <= 0.0 {
        return None;
    }
    let per_call = inside_ms / calls;
    let client = client_ms / service.count as f64;
    Some((per_call / client).clamp(0.0, 1.0))
}

/// A pool size that was tried.
pub(super) struct Tried {
    pub(super) size: u64,
    /// Statements that succeeded per second, of all scenarios.
    pub(super) per_s: f64,
    /// Greatest 95th percentile of a statement's response time, in microseconds.
    pub(super) p95_us: u64,
    /// Mean wait before a statement, in microseconds.
    wait_us: f64,
    errors: u64,
}

/// Pool sizes that were tried, the smallest first.
pub(super) fn tried(summary: &Summary) -> Vec<Tried> {
    let mut tried: Vec<Tried> = Vec::new();
    for scenario in &summary.scenarios {
        let Some((_, size)) = pool_of(&scenario.name) else { continue };
        let of = || operations(summary, &scenario.name);
        let done: u64 = of().map(|one| one.count.saturating_sub(one.failed())).sum();
        let per_s = if scenario.duration_s > 0.0 { done as f64 / scenario.duration_s } else { 0.0 };
        let p95_us = of().filter_map(|one| Some(one.response_us.as_ref()?.p95)).max().unwrap_or(0);
        let waits =
            of().filter_map(|one| one.lag_us.as_ref()).map(|lag| (lag.mean * lag.count as f64, lag.count));
        let (sum, count) = waits.fold((0.0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        let wait_us = if count > 0 { sum / count as f64 } else { 0.0 };
        let errors = of().map(OperationSummary::failed).sum();
        match tried.iter_mut().find(|one| one.size == size) {
            Some(known) => {
                known.per_s += per_s;
                known.p95_us = known.p95_us.max(p95_us);
                known.errors += errors;
            }
            None => tried.push(Tried { size, per_s, p95_us, wait_us, errors }),
        }
    }
    tried.sort_by_key(|one| one.size);
    tried
}

/// The best of the sizes: the most statements per second; of those within 2% of it the smallest.
pub(super) fn best(tried: &[Tried]) -> Option<&Tried> {
    /// Two runs of the same load differ by as much.
    const SAME: f64 = 0.98;
    let most = tried.iter().map(|one| one.per_s).fold(0.0, f64::max);
    tried.iter().find(|one| most > 0.0 && one.errors == 0 && one.per_s >= most * SAME)
}

/// What each pool size made of the same users.
pub(super) fn pools(summary: &Summary, analysis: &mut Analysis) {
    let tried = tried(summary);
    let mut table = head(&[
        "connections of each scenario",
        "statements per s",
        "greatest p95",
        "mean wait before a statement",
        "errors",
    ]);
    for one in &tried {
        table.push(vec![
            one.size.to_string(),
            format!("{:.1}", one.per_s),
            ms(one.p95_us as f64),
            ms(one.wait_us),
            one.errors.to_string(),
        ]);
    }
    put(
        analysis,
        "Connection pool sizes",
        &["Each was tried in turn under the same number of users."],
        table,
    );
}
