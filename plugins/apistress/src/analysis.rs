//! What the numbers say.

use stresshost_sdk::prelude::*;
use stresshost_sdk::summary::{MetricValueSummary, OperationSummary, VerdictStatus};

use crate::conformance::CHECKS;
use crate::prober::counter;
use crate::security::coverage::coverage;
use crate::{baseline, probe, security};

/// Operations that a table shows: people begin with the first.
const SHOWN: usize = 10;

/// Share of the time of all answers from which on an operation is worth a recommendation.
const MUCH_TIME: f64 = 0.4;

/// Share of failed requests from which on an operation is worth a recommendation.
const MANY_ERRORS: f64 = 0.01;

/// Reads the summary.
pub(crate) fn analyze(summary: &Summary) -> Analysis {
    let mut analysis = Analysis::default();
    users(summary, &mut analysis);
    targets(summary, &mut analysis);
    bottlenecks(summary, &mut analysis);
    conformance(summary, &mut analysis);
    scenarios(summary, &mut analysis);
    weaknesses(summary, &mut analysis);
    analysis
}

fn put(analysis: &mut Analysis, title: &str, text: &str, table: Vec<Vec<String>>) {
    if table.len() > 1 {
        let text = vec![text.to_owned()];
        analysis.sections.push(Section { title: title.to_owned(), text, table });
    }
}

fn head(columns: &[&str]) -> Vec<Vec<String>> {
    vec![columns.iter().map(|column| (*column).to_owned()).collect()]
}

fn ms(us: u64) -> String {
    format!("{:.2} ms", us as f64 / 1e3)
}

fn per_cent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.2}%", part as f64 / whole as f64 * 100.0) }
}

/// What became of each kind of user: outcomes of what the config scripted, not of what customers do.
fn users(summary: &Summary, analysis: &mut Analysis) {
    let of_mix = |name: &&str| !["operations", "schema", "contract", "security"].contains(name);
    let users: Vec<_> = summary.scenarios.iter().filter(|scenario| of_mix(&scenario.name.as_str())).collect();
    let all: u64 = users.iter().map(|scenario| scenario.iterations.started).sum();
    let mut table = head(&["users", "journeys", "share", "completed", "p50", "p95"]);
    for scenario in users {
        let iterations = &scenario.iterations;
        let time = |pick: fn(&stresshost_sdk::summary::Percentiles) -> u64| {
            scenario.service_us.as_ref().map_or_else(|| "-".to_owned(), |times| ms(pick(times)))
        };
        let done = iterations.finished + iterations.failed;
        table.push(vec![
            scenario.name.clone(),
            iterations.started.to_string(),
            per_cent(iterations.started, all),
            format!("{} of {done} ({})", iterations.finished, per_cent(iterations.finished, done)),
            time(|times| times.p50),
            time(|times| times.p95),
        ]);
    }
    put(analysis, "User scenarios", "Journeys as the config scripts them.", table);
}

/// What the config expects of response times.
fn targets(summary: &Summary, analysis: &mut Analysis) {
    const LABEL: &str = "expected_response_time of ";
    let mut table = head(&["endpoint", "p95", "expected", "answers", "held"]);
    for threshold in &summary.thresholds {
        let Some(rest) = threshold.label.strip_prefix(LABEL) else { continue };
        let name = rest.split(": ").next().unwrap_or(rest);
        let (Some(actual), limit) = (threshold.actual, threshold.limit) else {
            table.push(vec![
                name.to_owned(),
                "no data".to_owned(),
                ms_of(threshold.limit),
                "0".to_owned(),
                "-".to_owned(),
            ]);
            continue;
        };
        let held = if threshold.status == VerdictStatus::Pass { "yes" } else { "no" };
        table.push(vec![
            name.to_owned(),
            ms_of(actual),
            ms_of(limit),
            threshold.samples.to_string(),
            held.to_owned(),
        ]);
        if threshold.status == VerdictStatus::Fail {
            analysis.findings.push(Finding {
                rule: "expected_response_time".to_owned(),
                severity: "medium".to_owned(),
                message: "answers take longer than the config expects".to_owned(),
                location: name.to_owned(),
                evidence: format!(
                    "p95 {} of {} answers, expected {}",
                    ms_of(actual),
                    threshold.samples,
                    ms_of(limit)
                ),
                ..Finding::default()
            });
            analysis.recommendations.push(Recommendation {
                message: format!("Make `{name}` faster, or expect less of it."),
                because: format!("its p95 is {}, and {} is expected", ms_of(actual), ms_of(limit)),
            });
        }
    }
    put(
        analysis,
        "Response time targets",
        "The 95th percentile of response time against the config's expectation.",
        table,
    );
}

fn ms_of(us: f64) -> String {
    format!("{:.2} ms", us / 1e3)
}

/// Operations by the share of all the time that callers waited.
fn bottlenecks(summary: &Summary, analysis: &mut Analysis) {
    let is_load =
        |operation: &&OperationSummary| !["contract", "security"].contains(&operation.scenario.as_str());
    let waited = |operation: &OperationSummary| {
        operation.response_us.as_ref().map_or(0.0, |times| times.mean * times.count as f64)
    };
    let mut operations: Vec<&OperationSummary> = summary.operations.iter().filter(is_load).collect();
    let all: f64 = operations.iter().map(|operation| waited(operation)).sum();
    if operations.len() < 2 || all <= 0.0 {
        return;
    }
    operations.sort_by(|a, b| waited(b).total_cmp(&waited(a)));
    let mut table = head(&["operation", "share of waiting", "p50", "p95", "p99", "errors", "count"]);
    for operation in operations.iter().take(SHOWN) {
        let Some(times) = &operation.response_us else { continue };
        let errors: u64 = operation.errors.values().sum();
        let name = match operation.scenario.as_str() {
            "operations" | "schema" => operation.name.clone(),
            scenario => format!("{} ({scenario})", operation.name),
        };
        let share = format!("{:.1}%", waited(operation) / all * 100.0);
        table.push(vec![
            name,
            share,
            ms(times.p50),
            ms(times.p95),
            ms(times.p99),
            errors.to_string(),
            operation.count.to_string(),
        ]);
    }
    put(
        analysis,
        "Slowest operations",
        "By the share of all the time that callers waited for answers.",
        table,
    );
    for operation in &operations {
        let errors: u64 = operation.errors.values().sum();
        if errors as f64 > operation.count as f64 * MANY_ERRORS {
            let statuses: Vec<String> =
                operation.statuses.iter().map(|(status, count)| format!("{status} x {count}")).collect();
            analysis.recommendations.push(Recommendation {
                message: format!("Find out why `{}` fails ({}).", operation.name, operation.scenario),
                because: format!("{errors} of {} requests failed: {}", operation.count, statuses.join(", ")),
            });
        }
    }
    let Some(first) = operations.first() else { return };
    let share = waited(first) / all;
    if share >= MUCH_TIME
        && let Some(times) = &first.response_us
    {
        analysis.recommendations.push(Recommendation {
            message: format!("Begin with `{}`: nothing else can save as much time.", first.name),
            because: format!(
                "{:.0}% of all waiting is for it ({} answers, p95 {})",
                share * 100.0,
                first.count,
                ms(times.p95)
            ),
        });
    }
}

fn conformance(summary: &Summary, analysis: &mut Analysis) {
    let mut table = head(&["check", "answers held against it", "conform", "share"]);
    for name in CHECKS.iter().chain(probe::NAMES).chain(&[baseline::NAME]) {
        let Some(check) = summary.checks.iter().find(|check| check.name == *name) else { continue };
        let count = check.passed + check.failed;
        if count > 0 {
            table.push(vec![
                check.name.clone(),
                count.to_string(),
                check.passed.to_string(),
                per_cent(check.passed, count),
            ]);
        }
    }
    let answers: u64 = summary.operations.iter().map(|operation| operation.count).sum();
    let mut text = format!(
        "Of {answers} answers those that were sampled or probed; what the document does not speak of is not counted."
    );
    let validation = summary.metrics.iter().find(|metric| metric.name == "validation of an answer");
    if let Some(MetricValueSummary::Distribution { values, .. }) = validation.map(|metric| &metric.value) {
        text.push_str(&format!(
            " Holding an answer against the document took {:.0} us in the mean, {} times.",
            values.mean, values.count
        ));
    }
    put(analysis, "Conformance", &text, table);
}

fn scenarios(summary: &Summary, analysis: &mut Analysis) {
    let mut table = head(&["scenario", "endpoints", "as expected"]);
    for check in &summary.checks {
        if let Some(name) = check.name.strip_prefix("scenario ") {
            table.push(vec![
                name.to_owned(),
                (check.passed + check.failed).to_string(),
                check.passed.to_string(),
            ]);
        }
    }
    put(analysis, "Test scenarios", "Named scenarios of the config's endpoints.", table);
}

fn weaknesses(summary: &Summary, analysis: &mut Analysis) {
    let requests = |name: &str| {
        let metric = summary.metrics.iter().find(|metric| metric.name == counter(name));
        match metric.map(|metric| &metric.value) {
            Some(MetricValueSummary::Counter { sum, .. }) => *sum as u64,
            _ => 0,
        }
    };
    let ran: Vec<(&str, u64)> = security::TESTS
        .iter()
        .map(|test| (test.name, requests(test.name)))
        .filter(|(_, count)| *count > 0)
        .collect();
    if ran.is_empty() {
        return;
    }
    let mut table = head(&["test", "requests", "inputs", "without a finding", "findings", "tests"]);
    for (name, count) in &ran {
        let check = summary.checks.iter().find(|check| check.name == *name);
        let (passed, failed) = check.map_or((0, 0), |check| (check.passed, check.failed));
        let found = summary
            .findings
            .iter()
            .filter(|finding| finding.get("rule").and_then(|rule| rule.as_str()) == Some(name));
        table.push(vec![
            (*name).to_owned(),
            count.to_string(),
            (passed + failed).to_string(),
            passed.to_string(),
            found.count().to_string(),
            security::find(name).map_or_else(String::new, |test| test.about.to_owned()),
        ]);
    }
    let text = "What these requests did not show was not observed; that is no proof of its absence.";
    put(analysis, "Security tests", text, table);
    let mut table = head(&["category", "", "state", "how"]);
    for row in coverage(&ran) {
        table.push(vec![row.id.to_owned(), row.title.to_owned(), row.state.to_owned(), row.how]);
    }
    put(
        analysis,
        "OWASP API Security Top 10 (2023)",
        "What was tested of each category, as far as probes can.",
        table,
    );
}
