//! What was asked for: thresholds, the score, phases and their criteria, and what makes a run invalid.

use stresshost_metrics::{Summary, ThresholdResult, VerdictStatus};

use crate::html::markup::{Cell, Markup, Table};
use crate::html::page::{begin, end};
use crate::objectives::{self, Grade};

/// Class of a cell that holds a status word.
pub(super) fn status_class(grade: Grade) -> &'static str {
    match grade {
        Grade::Good => "status good",
        Grade::Warn => "status warn",
        Grade::Bad => "status bad",
        Grade::Idle => "status idle",
    }
}

/// Why an invalid run's numbers are worth nothing, above the first of them.
pub(super) fn invalid(out: &mut Markup, summary: &Summary) {
    if summary.verdict.status != VerdictStatus::Invalid {
        return;
    }
    out.raw("<section class=\"part worthless\" role=\"alert\">\n");
    out.leaf("h2", "", objectives::WORTHLESS);
    out.leaf("p", "dim", "What the generator itself came to:");
    out.raw("<ul>");
    for number in objectives::evidence(summary) {
        out.leaf("li", "", &number);
    }
    out.raw("</ul>\n");
    end(out);
}

pub(super) fn thresholds(out: &mut Markup, summary: &Summary) {
    if summary.thresholds.is_empty() {
        return;
    }
    begin(out, "Thresholds", &format!("{}.", objectives::tally(&summary.thresholds)));
    let mut table = judged("threshold");
    for threshold in &summary.thresholds {
        table.row(&row(threshold));
    }
    table.write(out, "Thresholds");
    if let Some(score) = &summary.score {
        let (text, grade) = objectives::score(score);
        let class = match grade {
            Grade::Good | Grade::Idle => "callout good",
            Grade::Warn => "callout warn",
            Grade::Bad => "callout bad",
        };
        out.leaf("p", class, &format!("Score {text}."));
    }
    end(out);
}

pub(super) fn phases(out: &mut Markup, summary: &Summary) {
    if summary.phases.is_empty() {
        return;
    }
    begin(out, "Phases", "Each begins when those it comes after have ended and met their criteria.");
    let columns = [("", "status"), ("name", "phase"), ("", "after"), ("n", "began at"), ("n", "lasted")];
    let mut table = Table::new(&[&columns[..], &[("value", "why")]].concat());
    for phase in &summary.phases {
        let [began, lasted] = objectives::times(phase);
        let described = [phase.reason.as_str(), phase.description.as_str()];
        let why = described.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        table.row(&[
            (status_class(objectives::phase_grade(phase.status)), phase.status.label().to_owned()),
            ("name", phase.name.clone()),
            ("", objectives::after(phase)),
            ("n", began),
            ("n", lasted),
            ("value", why.to_owned()),
        ]);
    }
    table.write(out, "Phases");
    let mut criteria = judged("criterion");
    for phase in summary.phases.iter().filter(|phase| !phase.criteria.is_empty()) {
        criteria.title(&format!("phase {}", phase.name));
        for criterion in &phase.criteria {
            criteria.row(&row(criterion));
        }
    }
    if !criteria.is_empty() {
        criteria.write(out, "Criteria of the phases");
    }
    end(out);
}

fn judged(name: &str) -> Table {
    Table::new(&[("", "status"), ("name", name), ("n", "measured"), ("n", "limit"), ("value", "remarks")])
}

fn row(threshold: &ThresholdResult) -> [Cell; 5] {
    let (actual, limit) = objectives::beside(threshold);
    let (word, grade) = objectives::mark(threshold);
    [
        (status_class(grade), word.to_owned()),
        ("name", objectives::name(threshold).to_owned()),
        ("n", actual),
        ("n", limit),
        ("value", objectives::remarks(threshold).join("; ")),
    ]
}
