//! What was run and how it ended: verdict, errors, iterations, checks.

use stresshost_metrics::{ScenarioSummary, Summary, VerdictStatus};

use crate::text::latency;
use crate::text::page::{INDENT, Page, Tone};
use crate::text::table::{Cell, Table};
use crate::{facts, format, objectives};

pub(super) fn tone(status: VerdictStatus) -> Tone {
    match status {
        VerdictStatus::Pass => Tone::Good,
        VerdictStatus::Inconclusive => Tone::Warn,
        _ => Tone::Bad,
    }
}

pub(super) fn verdict(page: &mut Page, summary: &Summary) {
    let verdict = &summary.verdict;
    let word = (verdict.status.label(), tone(verdict.status));
    page.marked(0, word, INDENT, facts::verdict_meaning(verdict.status));
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
    let mut title = "Load";
    for group in objectives::groups(summary, &summary.scenarios) {
        let of = if group.title.is_empty() { String::new() } else { format!("{}, ", group.title) };
        for scenario in group.members {
            let name = if alone { String::new() } else { format!("{of}{}: ", scenario.name) };
            page.pair(title, &format!("{name}{}", scenario.load));
            title = "";
        }
    }
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
    for group in objectives::groups(summary, &summary.operations) {
        table.title(&group.title);
        for op in group.members {
            // One row per status keeps a long list readable on a narrow terminal.
            for (index, (status, count)) in op.statuses.iter().enumerate() {
                let mut row = latency::name_cells(op, scenarios);
                if index > 0 {
                    row.fill(Cell::default());
                }
                row.push(Cell::new(format!("{status} x {}", format::count(*count))));
                table.row(row);
            }
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
    for group in objectives::groups(summary, &summary.scenarios) {
        for scenario in group.members {
            if summary.scenarios.len() > 1 {
                let of = if group.title.is_empty() { String::new() } else { format!("  ({})", group.title) };
                page.paragraph(INDENT, &format!("{}{of}", scenario.name), Tone::Heading);
            }
            accounting(page, scenario);
        }
    }
}

pub(super) fn accounting(page: &mut Page, scenario: &ScenarioSummary) {
    for equation in facts::accounting(&scenario.iterations) {
        let tone = if equation.contains("!=") { Tone::Bad } else { Tone::Plain };
        page.paragraph(INDENT, &equation, tone);
    }
    if scenario.duration_s > 0.0 {
        let rate = format::rate(scenario.iterations.started as f64 / scenario.duration_s);
        let text = format!("{rate} started per second of {}", format::seconds(scenario.duration_s));
        page.paragraph(INDENT, &text, Tone::Plain);
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
