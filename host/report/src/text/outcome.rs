//! What was run and how it ended: verdict, thresholds, errors, iterations, checks.

use stresshost_metrics::{ScenarioSummary, Summary, VerdictStatus};

use crate::text::latency;
use crate::text::page::{INDENT, Page, Tone};
use crate::text::table::{Cell, Table};
use crate::{facts, format};

pub(super) fn tone(status: VerdictStatus) -> Tone {
    match status {
        VerdictStatus::Pass => Tone::Good,
        VerdictStatus::Inconclusive => Tone::Warn,
        _ => Tone::Bad,
    }
}

pub(super) fn verdict(page: &mut Page, summary: &Summary) {
    let verdict = &summary.verdict;
    page.push(verdict.status.label(), tone(verdict.status));
    page.push(&format!("  {}", facts::verdict_meaning(verdict.status)), Tone::Plain);
    page.end_line();
    for reason in &verdict.reasons {
        page.bullet(INDENT, "-", reason);
    }
    if summary.run.interrupted {
        page.bullet(INDENT, "-", "the run was interrupted before its plan was done");
    }
    page.end_line();
}

pub(super) fn run(page: &mut Page, summary: &Summary) {
    let run = &summary.run;
    let id = if run.id.is_empty() { String::new() } else { format!("  (run {})", run.id) };
    page.pair("Run", &format!("{}{id}", run.name));
    if !run.targets.is_empty() {
        page.pair("Target", &run.targets.join(", "));
    }
    if !run.plugin.name.is_empty() {
        page.pair("Plugin", &format!("{}@{}", run.plugin.name, run.plugin.version));
    }
    page.pair("Seed", &run.seed.to_string());
    let started = if run.started.is_empty() { String::new() } else { format!(" from {}", run.started) };
    page.pair("Measured", &format!("{}{started}", format::seconds(run.duration_s)));
    let alone = summary.scenarios.len() == 1;
    for (index, scenario) in summary.scenarios.iter().enumerate() {
        let name = if alone { String::new() } else { format!("{}: ", scenario.name) };
        page.pair(if index == 0 { "Load" } else { "" }, &format!("{name}{}", scenario.load));
    }
}

pub(super) fn thresholds(page: &mut Page, summary: &Summary) {
    if summary.thresholds.is_empty() {
        return;
    }
    page.heading("Thresholds", "");
    let mut table = Table::new(&["threshold"]).numbers("", &["measured", "limit"]).words("status");
    for threshold in &summary.thresholds {
        let value = |value| facts::threshold_value(&threshold.expression, value);
        let actual = threshold.actual.map_or_else(|| "no data".to_owned(), value);
        table.row(vec![
            Cell::new(&threshold.expression),
            Cell::new(actual),
            Cell::new(value(threshold.limit)),
            Cell::toned(threshold.status.label(), tone(threshold.status)),
        ]);
    }
    table.write(page);
}

pub(super) fn errors(page: &mut Page, summary: &Summary) {
    let (done, failed) = facts::done_and_failed(summary);
    if failed == 0 {
        return;
    }
    let of_all = format!(
        "{} of {} operations, {}",
        format::count(failed),
        format::count(done),
        format::percent(failed, done)
    );
    page.heading("Errors", &of_all);
    for error in facts::errors(summary) {
        page.bullet(
            INDENT,
            &format!("{} x {}:", format::count(error.count), clean(error.kind)),
            error.explain,
        );
        for failure in &error.examples {
            let at = format::seconds(failure.t_s);
            page.bullet(2 * INDENT, "-", &format!("at {at}, {}: {}", failure.operation, failure.text));
        }
    }
}

/// An error kind of a newer host is foreign text like any other.
fn clean(kind: &str) -> String {
    crate::escape::one_line(&super::page::fit(kind, 24))
}

pub(super) fn statuses(page: &mut Page, summary: &Summary) {
    let scenarios = facts::many_scenarios(summary);
    let mut table = latency::names(scenarios).words("status x count");
    for op in summary.operations.iter().filter(|op| !op.statuses.is_empty()) {
        let all: Vec<_> = op
            .statuses
            .iter()
            .map(|(status, count)| format!("{status} x {}", format::count(*count)))
            .collect();
        // One row per status keeps a long list readable on a narrow terminal.
        for (index, status) in all.iter().enumerate() {
            let mut row = latency::name_cells(op, scenarios);
            if index > 0 {
                row.fill(Cell::default());
            }
            row.push(Cell::new(status));
            table.row(row);
        }
    }
    if !table.is_empty() {
        page.heading("Statuses", "");
        table.write(page);
    }
}

pub(super) fn iterations(page: &mut Page, summary: &Summary) {
    if summary.scenarios.is_empty() {
        return;
    }
    page.heading("Iterations", "of the measured window, each accounted for");
    for scenario in &summary.scenarios {
        if summary.scenarios.len() > 1 {
            page.paragraph(INDENT, &scenario.name, Tone::Heading);
        }
        accounting(page, scenario);
    }
}

pub(super) fn accounting(page: &mut Page, scenario: &ScenarioSummary) {
    for equation in facts::accounting(&scenario.iterations) {
        let tone = if equation.contains("!=") { Tone::Bad } else { Tone::Plain };
        page.paragraph(INDENT, &equation, tone);
    }
    let Some(response) = scenario.response_us else { return };
    page.paragraph(
        INDENT,
        &format!(
            "one takes p50 {}, p99 {}, max {} from its intended start",
            format::duration_us(response.p50),
            format::duration_us(response.p99),
            format::duration_us(response.max)
        ),
        Tone::Plain,
    );
}

pub(super) fn checks(page: &mut Page, summary: &Summary) {
    if summary.checks.is_empty() {
        return;
    }
    page.heading("Checks", "");
    let mut table = Table::new(&["check"]).numbers("", &["held", "failed", "ratio"]).words("status");
    for check in &summary.checks {
        let status = if check.failed == 0 { VerdictStatus::Pass } else { VerdictStatus::Fail };
        table.row(vec![
            Cell::new(&check.name),
            Cell::new(format::count(check.passed)),
            Cell::problem(format::count(check.failed), check.failed),
            Cell::new(format::percent(check.passed, check.passed.saturating_add(check.failed))),
            Cell::toned(status.label(), tone(status)),
        ]);
    }
    table.write(page);
}
