//! The summary as JUnit XML, for build servers: one suite for the verdict, one a scenario, one each for checks,
//! thresholds and findings, one a phase with its criteria.
//!
//! A case fails when what it names did not hold, and is an error when that cannot be said. A threshold that only warns
//! passes and says so. A phase that never began is skipped, and its criteria with it. An operation fails only when
//! every one of it failed: how many errors are too many is for thresholds to say. A finding fails when it is
//! high or critical. Times are in seconds; an operation's is its mean response time.

use std::collections::HashMap;
use std::io;

use stresshost_metrics::{
    LimitSummary, OperationSummary, PhaseStatus, PhaseSummary, ScenarioSummary, Summary, ThresholdResult,
    VerdictStatus,
};
use stresshost_plan::{Analysis, Finding};

use crate::escape::push_escaped;
use crate::{Options, facts, format, objectives};

/// Writes the document.
///
/// # Errors
///
/// Those of `out`.
pub fn render(
    summary: &Summary,
    analysis: Option<&Analysis>,
    _options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut suites = vec![verdict(summary)];
    suites.extend(scenarios(summary));
    let told = [checks(summary), thresholds(summary), findings(summary, analysis)];
    suites.extend(told.into_iter().filter(|suite| !suite.cases.is_empty()));
    suites.extend(summary.phases.iter().map(phase));
    out.write_all(document(summary, &suites).as_bytes())
}

/// What became of a case.
enum Outcome {
    Passed,
    /// It did not hold, and why.
    Failed(String),
    /// It cannot be said whether it held, and why.
    Error(String),
    /// It never began, and why.
    Skipped(String),
}

struct Case {
    name: String,
    time_s: f64,
    outcome: Outcome,
    /// Details for those who look closer; may be empty.
    notes: String,
}

struct Suite {
    name: String,
    time_s: f64,
    cases: Vec<Case>,
}

fn verdict(summary: &Summary) -> Suite {
    let verdict = &summary.verdict;
    let mut reasons = verdict.reasons.join("\n");
    if reasons.is_empty() {
        facts::verdict_meaning(verdict.status).clone_into(&mut reasons);
    }
    let time_s = summary.run.duration_s;
    let mut notes = String::new();
    if summary.run.interrupted {
        notes.push_str("interrupted before its plan was done\n");
    }
    for reached in &summary.limits {
        let LimitSummary { plugin, limit, meaning, count } = reached;
        notes
            .push_str(&format!("limit {limit} reached {} x by {plugin}: {meaning}\n", format::count(*count)));
    }
    let case = Case { name: "verdict".to_owned(), time_s, outcome: outcome(verdict.status, reasons), notes };
    Suite { name: "verdict".to_owned(), time_s, cases: vec![case] }
}

fn outcome(status: VerdictStatus, reason: String) -> Outcome {
    match status {
        VerdictStatus::Pass => Outcome::Passed,
        VerdictStatus::Fail => Outcome::Failed(reason),
        _ => Outcome::Error(format!("{}: {reason}", status.label())),
    }
}

/// A suite for each scenario of each phase and plugin, those named only by an operation too: no operation may be
/// missing.
fn scenarios(summary: &Summary) -> Vec<Suite> {
    let planned = summary.scenarios.iter().map(|scenario| {
        ((scenario.phase.as_str(), scenario.plugin.as_str(), scenario.name.as_str()), iterations(scenario))
    });
    let operations = summary
        .operations
        .iter()
        .map(|op| ((op.phase.as_str(), op.plugin.as_str(), op.scenario.as_str()), operation(summary, op)));
    let mut index: HashMap<Place<'_>, usize> = HashMap::new();
    let mut suites: Vec<Suite> = Vec::new();
    for (place, case) in planned.chain(operations) {
        let at = *index.entry(place).or_insert_with(|| {
            let (phase, plugin, name) = place;
            let of = objectives::place_title((phase, plugin));
            let of = if of.is_empty() { of } else { format!(" ({of})") };
            let name = format!("scenario {name}{of}");
            suites.push(Suite { name, time_s: summary.run.duration_s, cases: Vec::new() });
            suites.len() - 1
        });
        if let Some(suite) = suites.get_mut(at) {
            suite.cases.push(case);
        }
    }
    suites
}

/// Phase, plugin and scenario.
type Place<'a> = (&'a str, &'a str, &'a str);

fn iterations(scenario: &ScenarioSummary) -> Case {
    let it = &scenario.iterations;
    let outcome = if it.failed > 0 && it.finished == 0 {
        Outcome::Failed(format!("all {} iterations failed", format::count(it.failed)))
    } else {
        Outcome::Passed
    };
    let mean_us = scenario.response_us.map_or(0.0, |response| response.mean);
    let notes = format!("{}\n{}", scenario.load, facts::accounting(it).join("\n"));
    Case { name: "iterations".to_owned(), time_s: mean_us / 1e6, outcome, notes }
}

fn operation(summary: &Summary, op: &OperationSummary) -> Case {
    let failed = facts::failed(op);
    let mut notes =
        format!("{} ended, {} per second\n", format::count(op.count), format::rate(op.rate_per_s));
    if let Some(response) = op.response_us {
        let times = [response.p50, response.p95, response.p99, response.max].map(format::duration_us);
        let [p50, p95, p99, max] = times;
        notes.push_str(&format!("response p50 {p50}, p95 {p95}, p99 {p99}, max {max}\n"));
    }
    for (kind, count) in &op.errors {
        notes.push_str(&format!("{} x {kind}\n", format::count(*count)));
    }
    let of_this = |name: &str, scenario: &str| name == op.name && scenario == op.scenario;
    let examples = summary.failures.iter().filter(|failure| of_this(&failure.operation, &failure.scenario));
    for failure in examples.take(crate::limits::MAX_EXAMPLES) {
        notes.push_str(&format!("at {} {}: {}\n", format::seconds(failure.t_s), failure.kind, failure.text));
    }
    let outcome = if op.count > 0 && failed >= op.count {
        Outcome::Failed(format!("all {} failed", format::count(op.count)))
    } else {
        Outcome::Passed
    };
    let mean_us = op.response_us.map_or(0.0, |response| response.mean);
    Case { name: op.name.clone(), time_s: mean_us / 1e6, outcome, notes }
}

fn checks(summary: &Summary) -> Suite {
    let case = |check: &stresshost_metrics::CheckResult| {
        let total = format::count(check.passed.saturating_add(check.failed));
        let failed = || format!("failed {} of {total} times", format::count(check.failed));
        let outcome = if check.failed > 0 { Outcome::Failed(failed()) } else { Outcome::Passed };
        Case { name: check.name.clone(), time_s: 0.0, outcome, notes: format!("made {total} times") }
    };
    Suite { name: "checks".to_owned(), time_s: 0.0, cases: summary.checks.iter().map(case).collect() }
}

fn thresholds(summary: &Summary) -> Suite {
    let cases = summary.thresholds.iter().map(threshold).collect();
    Suite { name: "thresholds".to_owned(), time_s: 0.0, cases }
}

fn threshold(threshold: &ThresholdResult) -> Case {
    let (actual, limit) = objectives::beside(threshold);
    let text = format!("measured {actual}, limit {limit}");
    let mut notes = vec![text.clone()];
    notes.extend(objectives::remarks(threshold));
    let outcome = if threshold.warn && threshold.status == VerdictStatus::Fail {
        notes.insert(0, "warning: it did not hold".to_owned());
        Outcome::Passed
    } else {
        outcome(threshold.status, text)
    };
    Case { name: objectives::name(threshold).to_owned(), time_s: 0.0, outcome, notes: notes.join("\n") }
}

fn findings(summary: &Summary, analysis: Option<&Analysis>) -> Suite {
    let cases = facts::findings(summary, analysis).iter().map(finding).collect();
    Suite { name: "findings".to_owned(), time_s: 0.0, cases }
}

fn finding(finding: &Finding) -> Case {
    let Finding { rule, severity, message, location, evidence, confidence, remedy } = finding;
    let joined = |texts: &[&String], between: &str| {
        let texts = texts.iter().filter(|text| !text.is_empty()).map(|text| text.as_str());
        texts.collect::<Vec<_>>().join(between)
    };
    let mut name = joined(&[rule, location], " ");
    if name.is_empty() {
        "finding".clone_into(&mut name);
    }
    let said = format!("{severity}: {}", joined(&[message, evidence], "\n"));
    let beside = joined(&[confidence, remedy], "\n");
    let (outcome, notes) = if facts::severity_rank(severity) <= facts::severity_rank("high") {
        (Outcome::Failed(said), beside)
    } else {
        (Outcome::Passed, joined(&[&said, &beside], "\n"))
    };
    Case { name, time_s: 0.0, outcome, notes }
}

/// A suite with what became of the phase, and its criteria.
fn phase(phase: &PhaseSummary) -> Suite {
    let label = phase.status.label();
    let reason =
        if phase.reason.is_empty() { label.to_owned() } else { format!("{label}: {}", phase.reason) };
    let skipped = phase.status == PhaseStatus::Skipped;
    let outcome = match phase.status {
        PhaseStatus::Passed => Outcome::Passed,
        PhaseStatus::Failed => Outcome::Failed(reason.clone()),
        PhaseStatus::Skipped => Outcome::Skipped(reason.clone()),
        PhaseStatus::Inconclusive | PhaseStatus::Stopped | PhaseStatus::Broken | PhaseStatus::Running => {
            Outcome::Error(reason.clone())
        }
    };
    let [began, lasted] = objectives::times(phase);
    let mut notes = vec![phase.description.clone(), format!("after {}", objectives::after(phase))];
    notes.push(format!("began at {began}, lasted {lasted}"));
    notes.retain(|note| !note.is_empty());
    let notes = notes.join("\n");
    let mut cases = vec![Case { name: "phase".to_owned(), time_s: phase.duration_s, outcome, notes }];
    cases.extend(phase.criteria.iter().map(|criterion| {
        let case = threshold(criterion);
        if skipped { Case { outcome: Outcome::Skipped(reason.clone()), ..case } } else { case }
    }));
    Suite { name: format!("phase {}", phase.name), time_s: phase.duration_s, cases }
}

fn document(summary: &Summary, suites: &[Suite]) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites".to_owned();
    attribute(&mut out, "name", &format!("stresshost {}", summary.run.name));
    counts(&mut out, suites.iter().flat_map(|suite| &suite.cases), summary.run.duration_s);
    out.push_str(">\n");
    for suite in suites {
        out.push_str("  <testsuite");
        attribute(&mut out, "name", &suite.name);
        counts(&mut out, suite.cases.iter(), suite.time_s);
        if !summary.run.started.is_empty() {
            attribute(&mut out, "timestamp", &summary.run.started);
        }
        out.push_str(">\n");
        for case in &suite.cases {
            push_case(&mut out, suite, case);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn push_case(out: &mut String, suite: &Suite, case: &Case) {
    out.push_str("    <testcase");
    attribute(out, "classname", &suite.name);
    attribute(out, "name", &case.name);
    attribute(out, "time", &time(case.time_s));
    out.push_str(">\n");
    let (element, reason) = match &case.outcome {
        Outcome::Passed => ("", ""),
        Outcome::Failed(reason) => ("failure", reason.as_str()),
        Outcome::Error(reason) => ("error", reason.as_str()),
        Outcome::Skipped(reason) => ("skipped", reason.as_str()),
    };
    if !element.is_empty() {
        out.push_str(&format!("      <{element}"));
        // The attribute holds the first line: build servers show it in lists.
        attribute(out, "message", reason.lines().next().unwrap_or_default());
        out.push('>');
        push_escaped(out, reason);
        out.push_str(&format!("</{element}>\n"));
    }
    if !case.notes.is_empty() {
        out.push_str("      <system-out>");
        push_escaped(out, case.notes.trim_end());
        out.push_str("</system-out>\n");
    }
    out.push_str("    </testcase>\n");
}

fn counts<'a>(out: &mut String, cases: impl Iterator<Item = &'a Case>, time_s: f64) {
    let (mut tests, mut failures, mut errors, mut skipped) = (0_u64, 0_u64, 0_u64, 0_u64);
    for case in cases {
        tests += 1;
        match case.outcome {
            Outcome::Passed => {}
            Outcome::Failed(_) => failures += 1,
            Outcome::Error(_) => errors += 1,
            Outcome::Skipped(_) => skipped += 1,
        }
    }
    attribute(out, "tests", &tests.to_string());
    attribute(out, "failures", &failures.to_string());
    attribute(out, "errors", &errors.to_string());
    attribute(out, "skipped", &skipped.to_string());
    attribute(out, "time", &time(time_s));
}

fn attribute(out: &mut String, name: &str, value: &str) {
    out.push_str(&format!(" {name}=\""));
    push_escaped(out, value);
    out.push('"');
}

/// Seconds with microseconds, as readers of the format expect them.
fn time(s: f64) -> String {
    let s = if s.is_finite() { s.max(0.0) } else { 0.0 };
    format!("{s:.6}")
}
