//! What the numbers say. Nothing stands here that was not measured; what a server cannot tell is said so.
//!
//! | module | sections |
//! |---|---|
//! | `scenarios` | the test's configuration, and each scenario with its targets |
//! | `truth` | the server's own numbers, and the data's consistency |
//! | `statements` | statements by the time they took, bottlenecks, pool sizes |
//! | `told` | plans and parameters, as the set-up has told them |
//! | `advice` | recommendations |

mod advice;
mod scenarios;
mod statements;
mod told;
mod truth;

use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::Value;
use stresshost_sdk::summary::{MetricValueSummary, OperationSummary, Percentiles, ScenarioSummary};

use crate::plan::{MONITOR, VERIFY};

/// What stands where a server does not tell.
const NOT_TOLD: &str = "not available on this server";

/// Reads the summary.
pub(crate) fn analyze(summary: &Summary) -> Analysis {
    let mut analysis = Analysis::default();
    scenarios::configuration(summary, &mut analysis);
    scenarios::results(summary, &mut analysis);
    truth::server(summary, &mut analysis);
    truth::consistency(summary, &mut analysis);
    statements::table(summary, &mut analysis);
    statements::bottlenecks(summary, &mut analysis);
    statements::pools(summary, &mut analysis);
    told::plans(summary, &mut analysis);
    told::parameters(summary, &mut analysis);
    advice::advise(summary, &mut analysis);
    analysis
}

/// Whether a scenario is the user's, and not one that looks, verifies or tries a pool.
fn is_load(name: &str) -> bool {
    name != MONITOR && name != VERIFY && pool_of(name).is_none()
}

/// Scenario and size of a scenario that tries a pool.
fn pool_of(name: &str) -> Option<(&str, u64)> {
    let (scenario, size) = name.rsplit_once(", pool of ")?;
    Some((scenario, size.parse().ok()?))
}

/// The user's scenarios.
fn loads(summary: &Summary) -> impl Iterator<Item = &ScenarioSummary> {
    summary.scenarios.iter().filter(|scenario| is_load(&scenario.name))
}

/// The operations of a scenario.
fn operations<'a>(summary: &'a Summary, scenario: &'a str) -> impl Iterator<Item = &'a OperationSummary> {
    summary.operations.iter().filter(move |operation| operation.scenario == scenario)
}

/// Failures of one kind among a scenario's operations.
fn failed_as(summary: &Summary, scenario: &str, kind: ErrorKind) -> u64 {
    operations(summary, scenario)
        .map(|operation| operation.errors.get(kind.name()).copied().unwrap_or(0))
        .sum()
}

fn metric<'a>(summary: &'a Summary, name: &str) -> Option<&'a MetricValueSummary> {
    summary.metrics.iter().find(|metric| metric.name == name).map(|metric| &metric.value)
}

fn gauge(summary: &Summary, name: &str) -> Option<f64> {
    match metric(summary, name)? {
        MetricValueSummary::Gauge { last, .. } => Some(*last),
        _ => None,
    }
}

fn counter(summary: &Summary, name: &str) -> Option<f64> {
    match metric(summary, name)? {
        MetricValueSummary::Counter { sum, .. } => Some(*sum),
        _ => None,
    }
}

fn distribution<'a>(summary: &'a Summary, name: &str) -> Option<&'a Percentiles> {
    match metric(summary, name)? {
        MetricValueSummary::Distribution { values } => Some(values),
        _ => None,
    }
}

fn rate(summary: &Summary, name: &str) -> Option<(u64, u64)> {
    match metric(summary, name)? {
        MetricValueSummary::Rate { hits, total, .. } => Some((*hits, *total)),
        _ => None,
    }
}

/// A finding that was reported while the run was made ready or verified.
struct Told<'a> {
    location: &'a str,
    evidence: &'a str,
    message: &'a str,
    remedy: &'a str,
}

fn told<'a>(summary: &'a Summary, rule: &'a str) -> impl Iterator<Item = Told<'a>> {
    let of_rule = move |finding: &&Value| finding.get("rule").and_then(Value::as_str) == Some(rule);
    summary.findings.iter().filter(of_rule).map(|finding| {
        let text = |key: &str| finding.get(key).and_then(Value::as_str).unwrap_or_default();
        Told {
            location: text("location"),
            evidence: text("evidence"),
            message: text("message"),
            remedy: text("remedy"),
        }
    })
}

fn put(analysis: &mut Analysis, title: &str, text: &[&str], table: Vec<Vec<String>>) {
    if table.len() > 1 {
        let text = text.iter().map(|&line| line.to_owned()).collect();
        analysis.sections.push(Section { title: title.to_owned(), text, table });
    }
}

fn head(columns: &[&str]) -> Vec<Vec<String>> {
    vec![columns.iter().map(|column| (*column).to_owned()).collect()]
}

fn ms(us: f64) -> String {
    format!("{:.2} ms", us / 1e3)
}

/// A share with its parts; of nothing there is none.
fn share(part: f64, whole: f64) -> String {
    if whole <= 0.0 {
        "-".to_owned()
    } else {
        format!("{} ({part:.0} of {whole:.0})", per_cent(part / whole))
    }
}

/// A share small ones of which are still told from none.
fn per_cent(share: f64) -> String {
    let percent = share * 100.0;
    if percent != 0.0 && percent < 0.01 { format!("{percent:.4}%") } else { format!("{percent:.2}%") }
}

#[cfg(test)]
mod tests;
