//! A comparison of two runs as text.

use stresshost_metrics::compare::{
    Change, Comparison, Effect, Interval, MetricComparison, OperationComparison, OperationKey,
};

use crate::limits::{MAX_COMPARED_ROWS, MAX_LISTED_REGRESSIONS};
use crate::objectives::{self, Placed};
use crate::text::page::{INDENT, Page, Tone};
use crate::text::table::{Cell, Table};
use crate::{Options, format};

/// Numbers shown even when they are the same: what a reader looks for first.
const ALWAYS: [&str; 5] =
    ["response_us.p50", "response_us.p95", "response_us.p99", "errors.rate", "rate_per_s"];

/// Renders a comparison. The first line is the answer.
///
/// `regression` is the share by which a number must be worse to count as one, such as 0.05; without it every number
/// that is worse beyond chance does.
pub fn compare_text(comparison: &Comparison, regression: Option<f64>, options: &Options) -> String {
    let mut page = Page::new(*options);
    answer(&mut page, comparison, regression);
    for warning in &comparison.warnings {
        page.marked(INDENT, ("!", Tone::Warn), 1, warning);
    }
    regressions(&mut page, comparison, regression);
    numbers(&mut page, comparison, regression);
    alone(&mut page, "Only in A", &comparison.only_in_a);
    alone(&mut page, "Only in B", &comparison.only_in_b);
    page.finish()
}

fn answer(page: &mut Page, comparison: &Comparison, regression: Option<f64>) {
    let with = |change| metrics(comparison).filter(|metric| metric.change == change).count() as u64;
    let (worse, better) = (with(Change::Worse), with(Change::Better));
    let (same, unsaid) = (with(Change::Same), with(Change::TooShort));
    let bad = comparison.regressions(regression.unwrap_or(0.0)).len();
    let (word, tone) = match regression {
        _ if same + worse + better + unsaid == 0 => ("NOTHING IN COMMON", Tone::Warn),
        _ if same + worse + better == 0 => ("TOO SHORT TO SAY", Tone::Warn),
        Some(_) if bad > 0 => ("REGRESSION", Tone::Bad),
        Some(_) => ("NO REGRESSION", Tone::Good),
        None if worse > 0 && better > 0 => ("WORSE AND BETTER", Tone::Bad),
        None if worse > 0 => ("WORSE", Tone::Bad),
        None if better > 0 => ("BETTER", Tone::Good),
        None => ("SAME", Tone::Good),
    };
    let mut counts = vec![
        format!("{} worse", format::count(worse)),
        format!("{} better", format::count(better)),
        format!("{} the same", format::count(same)),
    ];
    if unsaid > 0 {
        counts.push(format!("{} without an answer", format::count(unsaid)));
    }
    let gate = regression.map_or_else(String::new, |share| {
        format!("; a regression is worse by more than {}", format::percent_of(share))
    });
    let confidence = format::percent_of(comparison.confidence);
    page.marked(0, (word, tone), INDENT, &format!("{} of B against A{gate}.", counts.join(", ")));
    let intervals =
        format!("Intervals hold with {confidence} and cover what varies within a run, not between runs.");
    page.paragraph(INDENT, &intervals, Tone::Dim);
}

fn metrics(comparison: &Comparison) -> impl Iterator<Item = &MetricComparison> {
    comparison.operations.iter().flat_map(|op| &op.metrics)
}

/// What fails a gate, above the table in which it would have to be searched for.
fn regressions(page: &mut Page, comparison: &Comparison, regression: Option<f64>) {
    let Some(share) = regression else { return };
    let found = comparison.regressions(share);
    if found.is_empty() {
        return;
    }
    page.heading("Regressions", "");
    for (key, metric) in found.iter().take(MAX_LISTED_REGRESSIONS) {
        let [a, b] = [metric.a, metric.b].map(|value| objectives::value(metric.unit, value));
        let (change, interval) = change(metric);
        let of = of(key);
        let text = format!("{}{of}: {} from {a} to {b}, {change} ({interval})", key.name, metric.metric);
        page.bullet(INDENT, "-", &text);
    }
    let more = found.len().saturating_sub(MAX_LISTED_REGRESSIONS);
    if more > 0 {
        page.paragraph(INDENT, &format!(".. and {} more", format::count(more as u64)), Tone::Dim);
    }
}

/// Scenario and place of an operation in brackets.
fn of(key: &OperationKey) -> String {
    let place = objectives::place_title(key.place());
    let parts = [key.scenario.as_str(), &place];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

impl Placed for OperationKey {
    fn place(&self) -> (&str, &str) {
        (&self.phase, &self.plugin)
    }
}

fn numbers(page: &mut Page, comparison: &Comparison, regression: Option<f64>) {
    if comparison.operations.is_empty() {
        return;
    }
    page.heading("Numbers", "others are the same as far as chance explains; pp are percentage points");
    let mut table = Table::new(&["number"])
        .numbers("", &["A", "B", "change", "interval"])
        .words("verdict")
        .at_most(MAX_COMPARED_ROWS, "in the JSON form");
    for op in &comparison.operations {
        rows(&mut table, op, regression);
    }
    table.write(page);
}

fn rows(table: &mut Table, op: &OperationComparison, regression: Option<f64>) {
    table.title(&format!("{}{}", op.key.name, of(&op.key)));
    let shown = |metric: &&MetricComparison| metric.change != Change::Same || ALWAYS.contains(&metric.metric);
    for metric in op.metrics.iter().filter(shown) {
        let [a, b] = [metric.a, metric.b].map(|value| objectives::value(metric.unit, value));
        let (change, interval) = change(metric);
        table.row(vec![
            Cell::new(metric.metric),
            Cell::new(a),
            Cell::new(b),
            Cell::new(change),
            Cell::new(interval),
            verdict(metric, regression),
        ]);
    }
}

fn verdict(metric: &MetricComparison, regression: Option<f64>) -> Cell {
    let (word, tone) = match metric.change {
        Change::Worse if regression.is_some_and(|share| metric.is_regression(share)) => {
            ("REGRESSION", Tone::Bad)
        }
        Change::Worse if regression.is_none() => ("worse", Tone::Bad),
        Change::Worse | Change::TooShort => (metric.change.label(), Tone::Warn),
        Change::Better => ("better", Tone::Good),
        Change::Same => ("same", Tone::Plain),
    };
    Cell::toned(word, tone)
}

/// The difference and its interval: as a share where there is one, in the number's own unit otherwise.
fn change(metric: &MetricComparison) -> (String, String) {
    let share = |value: f64| signed(value, &format!("{:.1}%", value.abs() * 100.0));
    let own = |value: f64| match metric.unit {
        // A share's difference in percent would read as a share of it.
        "ratio" => signed(value, &format!("{:.2}pp", value.abs() * 100.0)),
        unit => signed(value, &objectives::value(unit, value.abs())),
    };
    let text = |effect: &Effect, write: &dyn Fn(f64) -> String| {
        let interval =
            effect.interval.map(|Interval { low, high }| format!("{} to {}", write(low), write(high)));
        (write(effect.estimate), interval.unwrap_or_else(|| "-".to_owned()))
    };
    match &metric.relative {
        Some(relative) if relative.interval.is_some() || metric.absolute.interval.is_none() => {
            text(relative, &share)
        }
        _ => text(&metric.absolute, &own),
    }
}

/// A size with the sign of its value; none before a size that reads as nothing.
fn signed(value: f64, size: &str) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let nothing = !size.contains(|letter: char| ('1'..='9').contains(&letter));
    match value {
        _ if nothing => size.to_owned(),
        v if v < 0.0 => format!("-{size}"),
        _ => format!("+{size}"),
    }
}

fn alone(page: &mut Page, title: &str, keys: &[OperationKey]) {
    if keys.is_empty() {
        return;
    }
    page.heading(title, "");
    for key in keys {
        page.bullet(INDENT, "-", &format!("{}{}", key.name, of(key)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_that_reads_as_nothing_has_no_sign() {
        let table = [
            (0.05, "5.0%", "+5.0%"),
            (-0.05, "5.0%", "-5.0%"),
            (-0.000_01, "0.0%", "0.0%"),
            (0.0, "0us", "0us"),
            (f64::NAN, "x", "-"),
        ];
        for (value, size, expected) in table {
            assert_eq!(signed(value, size), expected, "{value}");
        }
    }
}
