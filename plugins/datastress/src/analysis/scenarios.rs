//! The test's configuration, and each scenario with its targets.

use stresshost_sdk::prelude::*;
use stresshost_sdk::summary::{ScenarioSummary, ThresholdResult, VerdictStatus};

use super::{distribution, failed_as, head, loads, ms, operations, put, rate, share, told};
use crate::monitor::{ACTIVE, WAITING};
use crate::plan::targets::LABEL;
use crate::setup::told::{BETWEEN, SERVER};

/// Database, length and connections.
pub(super) fn configuration(summary: &Summary, analysis: &mut Analysis) {
    let mut table = head(&["setting", "value"]);
    let mut row = |name: &str, value: String| table.push(vec![name.to_owned(), value]);
    for server in told(summary, SERVER) {
        let mut lines = server.evidence.lines();
        let facts: Vec<&str> = lines.next().unwrap_or_default().split(BETWEEN).collect();
        if let [engine, version, database, host] = facts.as_slice() {
            row("Database", format!("{engine} ({database} @ {host})"));
            row("Server version", (*version).to_owned());
        }
        if let Some(most) = lines.next().and_then(|line| line.strip_prefix("max_connections ")) {
            row("Connections the server takes", most.to_owned());
        }
    }
    let longest = loads(summary).map(|scenario| scenario.duration_s).fold(0.0, f64::max);
    row("Total test duration", format!("{longest:.0} seconds"));
    let users: u64 = loads(summary).map(users).sum();
    row("Peak concurrent connections", users.to_string());
    row(
        "Scenarios",
        loads(summary)
            .map(|scenario| format!("{}: {}", scenario.name, scenario.load))
            .collect::<Vec<_>>()
            .join("; "),
    );
    put(analysis, "Test Configuration", &["All scenarios run at the same time."], table);
}

/// Users of a scenario, which its line of load begins with where it has a number of them.
pub(super) fn users(scenario: &ScenarioSummary) -> u64 {
    let number = |text: &str| text.replace(',', "").parse::<u64>().ok();
    let words: Vec<&str> = scenario.load.split_whitespace().collect();
    let before = words.windows(2).find(|pair| matches!(pair, [_, next] if next.starts_with("virtual")));
    before.and_then(|pair| number(pair.first()?)).unwrap_or(0)
}

/// A section for each scenario.
pub(super) fn results(summary: &Summary, analysis: &mut Analysis) {
    for scenario in loads(summary) {
        let mut table = head(&["measure", "value", "target", "met"]);
        let targets: Vec<&ThresholdResult> = summary
            .thresholds
            .iter()
            .filter(|one| {
                one.label
                    .strip_prefix(LABEL)
                    .and_then(|rest| rest.strip_prefix(&scenario.name))
                    .is_some_and(|rest| rest.starts_with(": "))
            })
            .collect();
        for what in ["average RPS", "P95 response time", "P99 response time"] {
            let target = targets.iter().find(|one| one.label.ends_with(what));
            table.push(
                target.map_or_else(|| measured(summary, scenario, what), |target| judged(what, target)),
            );
        }
        for (name, value) in beside(summary, scenario) {
            table.push(vec![name.to_owned(), value, "-".to_owned(), "-".to_owned()]);
        }
        put(analysis, &format!("Results of {}", scenario.name), &[&scenario.load], table);
    }
}

fn judged(what: &str, target: &ThresholdResult) -> Vec<String> {
    let is_rate = what == "average RPS";
    let shown = |value: f64| if is_rate { format!("{value:.1}/s") } else { ms(value) };
    let sign = if is_rate { "at least" } else { "below" };
    let met = match target.status {
        VerdictStatus::Pass => "yes",
        VerdictStatus::Fail => "NO",
        _ => "no data",
    };
    vec![
        what.to_owned(),
        target.actual.map_or_else(|| "no data".to_owned(), shown),
        format!("{sign} {}", shown(target.limit)),
        met.to_owned(),
    ]
}

/// The value without a target: statements per second, or the response time of an iteration.
fn measured(summary: &Summary, scenario: &ScenarioSummary, what: &str) -> Vec<String> {
    let value = match what {
        "average RPS" => {
            let done: u64 =
                operations(summary, &scenario.name).map(|one| one.count.saturating_sub(one.failed())).sum();
            if scenario.duration_s > 0.0 {
                format!("{:.1}/s", done as f64 / scenario.duration_s)
            } else {
                "-".to_owned()
            }
        }
        _ => {
            let is_p95 = what.starts_with("P95");
            let times = scenario.response_us.as_ref();
            let us = times.map(|times| if is_p95 { times.p95 } else { times.p99 });
            us.map_or_else(|| "no data".to_owned(), |us| ms(us as f64))
        }
    };
    vec![what.to_owned(), value, "none given".to_owned(), "-".to_owned()]
}

/// What else is known of a scenario.
fn beside(summary: &Summary, scenario: &ScenarioSummary) -> Vec<(&'static str, String)> {
    let iterations = &scenario.iterations;
    let (started, finished) = (iterations.started as f64, iterations.finished as f64);
    let mut rows = vec![("Transaction success rate", share(finished, started))];
    let deadlocks = failed_as(summary, &scenario.name, ErrorKind::Deadlock);
    rows.push(("Deadlock rate (this run's transactions)", share(deadlocks as f64, started)));
    let timeouts = failed_as(summary, &scenario.name, ErrorKind::LockTimeout);
    if timeouts > 0 {
        rows.push(("Lock waits given up", share(timeouts as f64, started)));
    }
    let active = distribution(summary, &format!("{ACTIVE}{}", scenario.name));
    if let Some(active) = active {
        let seen = rate(summary, &format!("{WAITING}{}", scenario.name));
        let value = match seen.filter(|(_, seen)| *seen > 0) {
            Some((waiting, seen)) => {
                format!("{}, sampled {} times", share(waiting as f64, seen as f64), active.count)
            }
            None => format!("no active session was seen in {} looks", active.count),
        };
        rows.push(("Lock contention (active sessions waiting for a lock)", value));
    }
    let users = users(scenario);
    if let Some(active) = active.filter(|_| users > 0) {
        let of = format!(
            "{:.1} of {users} active in the mean ({:.0}%), most {}",
            active.mean,
            active.mean / users as f64 * 100.0,
            active.max
        );
        rows.push(("Connection usage", of));
    }
    rows
}
