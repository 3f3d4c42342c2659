//! Operations: how many, how fast, and where the time went.

use stresshost_metrics::{OperationSummary, Percentiles, Summary};

use crate::text::page::{INDENT, Page, Tone};
use crate::text::table::{Cell, Table};
use crate::{facts, format, objectives};

/// What stands where nothing was measured.
const NONE: &str = "-";

/// The main table.
pub(super) fn operations(page: &mut Page, summary: &Summary) {
    page.heading("Operations", "response time runs from the intended start to the end of the answer");
    let scenarios = facts::many_scenarios(summary);
    if summary.operations.is_empty() {
        page.paragraph(INDENT, "none ended in the measured window", Tone::Plain);
        return;
    }
    let mut table = names(scenarios)
        .numbers("", &["count", "rate/s", "errors"])
        .numbers("response time", &["p50", "p90", "p95", "p99", "p99.9", "max"]);
    for group in objectives::groups(summary, &summary.operations) {
        table.title(&group.title);
        for op in group.members {
            let mut row = name_cells(op, scenarios);
            row.extend(numbers(op.count, op.rate_per_s, facts::failed(op), op.response_us.as_ref()));
            table.row(row);
        }
    }
    if let Some(all) = facts::overall(summary) {
        table.title(objectives::together(summary));
        let mut row = vec![Cell::new(facts::OVERALL)];
        row.extend(scenarios.then(Cell::default));
        row.extend(numbers(all.count, facts::rate_per_s(summary), all.errors, all.response_us.as_ref()));
        table.row(row);
    }
    table.write(page);
}

fn numbers(count: u64, rate_per_s: f64, failed: u64, response_us: Option<&Percentiles>) -> [Cell; 9] {
    let errors = match failed {
        0 => "0".to_owned(),
        _ => format!("{} ({})", format::count(failed), format::percent(failed, count)),
    };
    let at = |point| time(response_us, point);
    [
        Cell::new(format::count(count)),
        Cell::new(format::rate(rate_per_s)),
        Cell::problem(errors, failed),
        at(|p| p.p50),
        at(|p| p.p90),
        at(|p| p.p95),
        at(|p| p.p99),
        at(|p| p.p999),
        at(|p| p.max),
    ]
}

/// Response beside service time, so that waiting before the start cannot hide.
pub(super) fn comparison(page: &mut Page, summary: &Summary) {
    if summary.operations.iter().all(|op| op.response_us.is_none()) {
        return;
    }
    let scenarios = facts::many_scenarios(summary);
    page.heading("Response = lag + service", "lag is the wait between the intended and the actual start");
    let titles = ["p50", "p99", "max"];
    let mut table =
        names(scenarios).numbers("response", &titles).numbers("service", &titles).numbers("lag", &titles);
    for group in objectives::groups(summary, &summary.operations) {
        table.title(&group.title);
        for op in group.members {
            let mut row = name_cells(op, scenarios);
            row.extend(compared([&op.response_us, &op.service_us, &op.lag_us]));
            table.row(row);
        }
    }
    if let Some(all) = facts::overall(summary) {
        table.title(objectives::together(summary));
        let mut row = vec![Cell::new(facts::OVERALL)];
        row.extend(scenarios.then(Cell::default));
        row.extend(compared([&all.response_us, &all.service_us, &all.lag_us]));
        table.row(row);
    }
    table.write(page);
    if let Some(sentence) = facts::queueing(summary) {
        page.paragraph(INDENT, &sentence, Tone::Warn);
    }
}

fn compared(of: [&Option<Percentiles>; 3]) -> impl Iterator<Item = Cell> {
    let points: [fn(&Percentiles) -> u64; 3] = [|p| p.p50, |p| p.p99, |p| p.max];
    of.into_iter().flat_map(move |values| points.map(|point| time(values.as_ref(), point)))
}

/// Where the service time went.
pub(super) fn parts(page: &mut Page, summary: &Summary) {
    let scenarios = facts::many_scenarios(summary);
    let mut titles = vec!["operation"];
    titles.extend(scenarios.then_some("scenario"));
    titles.push("part");
    let mut table = Table::new(&titles).numbers("", &["count", "p50", "p99"]);
    for group in objectives::groups(summary, &summary.operations) {
        table.title(&group.title);
        for op in group.members {
            for (index, (part, values)) in facts::parts(op).iter().enumerate() {
                let mut row = name_cells(op, scenarios);
                if index > 0 {
                    row.fill(Cell::default());
                }
                row.push(Cell::new(part));
                row.push(Cell::new(format::count(values.count)));
                row.push(Cell::new(format::duration_us(values.p50)));
                row.push(Cell::new(format::duration_us(values.p99)));
                table.row(row);
            }
        }
    }
    if !table.is_empty() {
        page.heading("Where the service time went", "each part counts the operations in which it happened");
        table.write(page);
    }
}

pub(super) fn names(scenarios: bool) -> Table {
    if scenarios { Table::new(&["operation", "scenario"]) } else { Table::new(&["operation"]) }
}

pub(super) fn name_cells(op: &OperationSummary, scenarios: bool) -> Vec<Cell> {
    let mut cells = vec![Cell::new(&op.name)];
    cells.extend(scenarios.then(|| Cell::new(&op.scenario)));
    cells
}

fn time(values: Option<&Percentiles>, point: fn(&Percentiles) -> u64) -> Cell {
    Cell::new(values.map_or_else(|| NONE.to_owned(), |values| format::duration_us(point(values))))
}
