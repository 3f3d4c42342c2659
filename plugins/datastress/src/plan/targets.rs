//! `performance_targets` as thresholds of the scenarios they are about.

use stresshost_sdk::config::Found;
use stresshost_sdk::documents::Threshold;
use stresshost_sdk::prelude::Plan;

use crate::config::{Config, Targets};
use crate::document::QueryType;

/// What labels of such thresholds begin with.
pub(crate) const LABEL: &str = "target of ";

/// Puts the thresholds: those of `read_queries` for each read scenario, and so on.
pub(super) fn put(
    plan: &mut Plan,
    config: &Config,
    scenarios: &[(String, QueryType)],
    protocol: &str,
    found: &mut Found,
) {
    for (query_type, targets) in &config.targets {
        let of_type = scenarios.iter().filter(|(_, own)| own == query_type);
        let names: Vec<&str> = of_type.map(|(name, _)| name.as_str()).collect();
        if names.is_empty() {
            let word = query_type.word();
            found.notes.push(format!("/performance_targets/{}: no scenario is `{word}`", targets.name));
        }
        if names.len() > 1 && targets.throughput_rps.is_some() {
            let note = format!(
                "/performance_targets/{}/throughput_rps: each of {} scenarios is held to it",
                targets.name,
                names.len()
            );
            found.notes.push(note);
        }
        for name in names {
            plan.thresholds.extend(of_scenario(name, *query_type, targets, protocol));
        }
    }
}

fn of_scenario(name: &str, query_type: QueryType, targets: &Targets, protocol: &str) -> Vec<Threshold> {
    let scenario = name.replace('\\', "\\\\").replace('"', "\\\"");
    // A transaction is an iteration: its response time is that of all its statements together.
    let times = match query_type {
        QueryType::Mixed => "iterations.response_us".to_owned(),
        _ => format!("{protocol}.response_us"),
    };
    let counted = match query_type {
        QueryType::Mixed => "iterations.finished".to_owned(),
        _ => format!("{protocol}.successes"),
    };
    let threshold = |what: &str, expression: String| Threshold {
        label: format!("{LABEL}{name}: {what}"),
        ..Threshold::new(expression)
    };
    let p95 = targets
        .p95_ms
        .map(|ms| threshold("P95 response time", format!("{times}{{scenario=\"{scenario}\"}}.p95 < {ms}ms")));
    let p99 = targets
        .p99_ms
        .map(|ms| threshold("P99 response time", format!("{times}{{scenario=\"{scenario}\"}}.p99 < {ms}ms")));
    let throughput = targets
        .throughput_rps
        .map(|rps| threshold("average RPS", format!("{counted}{{scenario=\"{scenario}\"}}.per_s >= {rps}")));
    [throughput, p95, p99].into_iter().flatten().collect()
}
