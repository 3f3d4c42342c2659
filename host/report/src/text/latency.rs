//! Operations: how many, how fast, and where the time went.

use stresshost_metrics::{OperationSummary, Percentiles, Summary};

use crate::text::page::{INDENT, Page, Tone};
use crate::text::table::{Cell, Table};
use crate::{facts, format};

/// What stands where nothing was measured.
const NONE: &str = "-";

/// The main table. `scenarios` tells whether to name the scenario of each operation.
pub(super) fn operations(page: &mut Page, operations: &[OperationSummary], scenarios: bool) {
    page.heading("Operations", "response time runs from the intended start to the end of the answer");
    if operations.is_empty() {
        page.paragraph(INDENT, "none ended in the measured window", Tone::Plain);
        return;
    }
    let mut table = names(scenarios)
        .numbers("", &["count", "rate/s", "errors"])
        .numbers("response time", &["p50", "p90", "p95", "p99", "p99.9", "max"]);
    for op in operations {
        let failed = facts::failed(op);
        let errors = match failed {
            0 => "0".to_owned(),
            _ => format!("{} ({})", format::count(failed), format::percent(failed, op.count)),
        };
        let mut row = name_cells(op, scenarios);
        row.push(Cell::new(format::count(op.count)));
        row.push(Cell::new(format::rate(op.rate_per_s)));
        row.push(Cell::problem(errors, failed));
        let points: [fn(&Percentiles) -> u64; 6] =
            [|p| p.p50, |p| p.p90, |p| p.p95, |p| p.p99, |p| p.p999, |p| p.max];
        row.extend(points.map(|point| time(op.response_us.as_ref(), point)));
        table.row(row);
    }
    table.write(page);
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
    for op in &summary.operations {
        let mut row = name_cells(op, scenarios);
        for values in [&op.response_us, &op.service_us, &op.lag_us] {
            let points: [fn(&Percentiles) -> u64; 3] = [|p| p.p50, |p| p.p99, |p| p.max];
            row.extend(points.map(|point| time(values.as_ref(), point)));
        }
        table.row(row);
    }
    table.write(page);
    if let Some(sentence) = facts::queueing(summary) {
        page.paragraph(INDENT, &sentence, Tone::Warn);
    }
}

/// Where the service time went.
pub(super) fn phases(page: &mut Page, summary: &Summary) {
    let scenarios = facts::many_scenarios(summary);
    let mut titles = vec!["operation"];
    titles.extend(scenarios.then_some("scenario"));
    titles.push("phase");
    let mut table = Table::new(&titles).numbers("", &["count", "p50", "p99"]);
    for op in &summary.operations {
        for (index, (phase, values)) in facts::phases(op).iter().enumerate() {
            let mut row = name_cells(op, scenarios);
            if index > 0 {
                row.fill(Cell::default());
            }
            row.push(Cell::new(phase));
            row.push(Cell::new(format::count(values.count)));
            row.push(Cell::new(format::duration_us(values.p50)));
            row.push(Cell::new(format::duration_us(values.p99)));
            table.row(row);
        }
    }
    if !table.is_empty() {
        page.heading("Phases of the service time", "each counts the operations in which it happened");
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
