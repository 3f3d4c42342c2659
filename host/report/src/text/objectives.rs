//! What was asked for: thresholds, the score, phases and their criteria.

use stresshost_metrics::{Summary, ThresholdResult, VerdictStatus};
use unicode_width::UnicodeWidthStr;

use crate::objectives::{self, Grade};
use crate::text::page::{INDENT, Page, Tone};
use crate::text::table::{Cell, Table};

pub(super) fn tone(grade: Grade) -> Tone {
    match grade {
        Grade::Good => Tone::Good,
        Grade::Warn => Tone::Warn,
        Grade::Bad => Tone::Bad,
        Grade::Idle => Tone::Dim,
    }
}

/// Why an invalid run's numbers are worth nothing, above the first of them.
pub(super) fn invalid(page: &mut Page, summary: &Summary) {
    if summary.verdict.status != VerdictStatus::Invalid {
        return;
    }
    page.end_line();
    page.paragraph(0, objectives::WORTHLESS, Tone::Bad);
    let evidence = objectives::evidence(summary).join(", ");
    page.paragraph(INDENT, &format!("The generator itself: {evidence}."), Tone::Plain);
}

pub(super) fn thresholds(page: &mut Page, summary: &Summary) {
    if summary.thresholds.is_empty() {
        return;
    }
    page.heading("Thresholds", &objectives::tally(&summary.thresholds));
    let mut table = judged("threshold");
    for threshold in &summary.thresholds {
        table.row(row(threshold));
    }
    table.write(page);
    for threshold in &summary.thresholds {
        remarks(page, "", threshold);
    }
    if let Some(score) = &summary.score {
        let (text, grade) = objectives::score(score);
        page.paragraph(INDENT, &format!("Score {text}"), tone(grade));
    }
}

pub(super) fn phases(page: &mut Page, summary: &Summary) {
    if summary.phases.is_empty() {
        return;
    }
    page.heading("Phases", "each begins when those it comes after have ended and met their criteria");
    let mut table = Table::new(&["phase", "after"]).numbers("", &["began at", "lasted"]).words("status");
    for phase in &summary.phases {
        let [began, lasted] = objectives::times(phase);
        table.row(vec![
            Cell::new(&phase.name),
            Cell::new(objectives::after(phase)),
            Cell::new(began),
            Cell::new(lasted),
            Cell::toned(phase.status.label(), tone(objectives::phase_grade(phase.status))),
        ]);
    }
    table.write(page);
    for phase in summary.phases.iter().filter(|phase| !phase.reason.is_empty()) {
        page.bullet(INDENT, "-", &format!("{} {}: {}", phase.name, phase.status.label(), phase.reason));
    }
    let mut criteria = judged("criterion");
    for phase in &summary.phases {
        if !phase.criteria.is_empty() {
            criteria.title(&format!("of phase {}", phase.name));
        }
        for criterion in &phase.criteria {
            criteria.row(row(criterion));
        }
    }
    if criteria.is_empty() {
        return;
    }
    page.end_line();
    criteria.write(page);
    for phase in &summary.phases {
        for criterion in &phase.criteria {
            remarks(page, &phase.name, criterion);
        }
    }
}

fn judged(name: &str) -> Table {
    Table::new(&[name]).numbers("", &["measured", "limit"]).words("status")
}

fn row(threshold: &ThresholdResult) -> Vec<Cell> {
    let (actual, limit) = objectives::beside(threshold);
    let (word, grade) = objectives::mark(threshold);
    vec![
        Cell::new(objectives::name(threshold)),
        Cell::new(actual),
        Cell::new(limit),
        Cell::toned(word, tone(grade)),
    ]
}

/// Columns a table of thresholds needs beside their names, about; a longer name is cut there.
const NUMBERS_WIDTH: usize = 42;

/// What the table has no room for. `phase` names the phase of a criterion.
fn remarks(page: &mut Page, phase: &str, threshold: &ThresholdResult) {
    let remarks = objectives::remarks(threshold).join("; ");
    let name = objectives::name(threshold);
    let cut = name.width() + NUMBERS_WIDTH > page.width();
    if remarks.is_empty() && !cut {
        return;
    }
    let of = if phase.is_empty() { String::new() } else { format!("{phase}: ") };
    let colon = if remarks.is_empty() { "" } else { ": " };
    page.bullet(INDENT, "-", &format!("{of}`{name}`{colon}{remarks}"));
}
