//! Operations: tables and the latency profile.

use stresshost_metrics::{OperationSummary, Percentiles, Summary};

use crate::html::chart::{Chart, Line, Places};
use crate::html::markup::{Cell, Markup, Table, tick, time};
use crate::html::page::{begin, end};
use crate::limits::MAX_PROFILE_LINES;
use crate::{facts, format, objectives};

type Point = (&'static str, fn(&Percentiles) -> u64);

const POINTS: [Point; 6] = [
    ("p50", |p| p.p50),
    ("p90", |p| p.p90),
    ("p95", |p| p.p95),
    ("p99", |p| p.p99),
    ("p99.9", |p| p.p999),
    ("max", |p| p.max),
];

const NAMES: [&str; 6] = ["p50", "p90", "p95", "p99", "p99.9", "max"];

const COLORS: [&str; MAX_PROFILE_LINES] = ["c0", "c1", "c2", "c3", "c4", "c5"];

pub(super) fn operations(out: &mut Markup, summary: &Summary) {
    begin(out, "Operations", "Times are response times, from the intended start to the end of the answer.");
    if summary.operations.is_empty() {
        out.leaf("p", "", "None ended in the measured window.");
        end(out);
        return;
    }
    let scenarios = facts::many_scenarios(summary);
    let mut columns = name_columns(scenarios);
    columns.extend([("n", "count"), ("n", "rate/s"), ("n", "errors")]);
    columns.extend(NAMES.map(|name| ("n", name)));
    let mut table = Table::new(&columns);
    for group in objectives::groups(summary, &summary.operations) {
        table.title(&group.title);
        for op in group.members {
            let mut row = name_cells(op, scenarios);
            row.extend(numbers(op.count, op.rate_per_s, facts::failed(op), op.response_us.as_ref()));
            table.row(&row);
        }
    }
    if let Some(all) = facts::overall(summary) {
        table.title(objectives::together(summary));
        let mut row = overall_cells(scenarios);
        row.extend(numbers(all.count, facts::rate_per_s(summary), all.errors, all.response_us.as_ref()));
        table.row(&row);
    }
    table.write(out, "Operations");
    end(out);
}

fn numbers(count: u64, rate_per_s: f64, failed: u64, response_us: Option<&Percentiles>) -> Vec<Cell> {
    let errors = match failed {
        0 => ("n", "0".to_owned()),
        _ => ("n bad", format!("{} ({})", format::count(failed), format::percent(failed, count))),
    };
    let mut cells = vec![("n", format::count(count)), ("n", format::rate(rate_per_s)), errors];
    cells.extend(POINTS.map(|(_, of)| cell(response_us, of)));
    cells
}

fn overall_cells(scenarios: bool) -> Vec<Cell> {
    let mut cells = vec![("name total", facts::OVERALL.to_owned())];
    cells.extend(scenarios.then(|| ("scenario", String::new())));
    cells
}

/// Percentiles side by side: one line per operation, or response beside service time when there is only one.
pub(super) fn profile(out: &mut Markup, summary: &Summary) {
    let mut measured: Vec<_> = summary.operations.iter().filter(|op| op.response_us.is_some()).collect();
    if measured.is_empty() {
        return;
    }
    measured.sort_by_key(|op| std::cmp::Reverse(op.count));
    let scenarios = facts::many_scenarios(summary);
    let all = measured.len();
    measured.truncate(MAX_PROFILE_LINES);
    let label = |op: &OperationSummary| {
        let scenario = if scenarios { op.scenario.clone() } else { String::new() };
        let parts = [scenario, objectives::place_title(objectives::Placed::place(op))];
        let parts: Vec<_> = parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
        if parts.is_empty() { op.name.clone() } else { format!("{} ({})", op.name, parts.join(", ")) }
    };
    let mut lines: Vec<Line> = Vec::new();
    match *measured.as_slice() {
        [op] => {
            let both = [("response time", "c0", op.response_us), ("service time", "c1", op.service_us)];
            let present = both.into_iter().filter_map(|(name, class, values)| Some((name, class, values?)));
            lines.extend(present.map(|(name, class, values)| line(name.to_owned(), class, &values)));
        }
        _ => {
            let present = measured.iter().filter_map(|op| Some((label(op), op.response_us?)));
            lines.extend(present.zip(COLORS).map(|((name, values), class)| line(name, class, &values)));
        }
    }
    let note = match all {
        n if n > MAX_PROFILE_LINES => {
            format!(
                "Response times of the {MAX_PROFILE_LINES} busiest of {} operations.",
                format::count(n as u64)
            )
        }
        _ => "The further a line climbs to the right, the worse the few who wait longest.".to_owned(),
    };
    begin(out, "Latency profile", &note);
    let tip = |index: usize| {
        let values = lines.iter().filter_map(|line| Some((line, line.values.get(index).copied().flatten()?)));
        let values = values.map(|(line, us)| format!("\n{}: {}", line.label, time(us as u64)));
        format!("{}{}", NAMES[index], values.collect::<String>())
    };
    let tips = (0..NAMES.len()).map(tip).collect();
    let chart = Chart {
        label: "Latency percentiles of each operation".to_owned(),
        x_title: "percentile",
        y_title: "time",
        places: Places::Names(&NAMES),
        lines,
        tips,
        log: true,
        low: false,
        y_text: tick,
        x_text: format::number,
        bands: Vec::new(),
    };
    chart.write(out);
    end(out);
}

fn line(label: String, class: &'static str, values: &Percentiles) -> Line {
    let values = POINTS.map(|(_, of)| Some(of(values).max(1) as f64)).into();
    Line { label, class, values, area: false }
}

pub(super) fn comparison(out: &mut Markup, summary: &Summary) {
    if summary.operations.iter().all(|op| op.response_us.is_none()) {
        return;
    }
    begin(
        out,
        "Response, service and lag",
        "Service time runs from the actual start, response time from the intended one; lag is the wait between them.",
    );
    let scenarios = facts::many_scenarios(summary);
    let mut columns = name_columns(scenarios);
    for group in ["response p50", "p99", "max", "service p50", "p99", "max", "lag p50", "p99", "max"] {
        columns.push((if group.contains(' ') { "n first" } else { "n" }, group));
    }
    let mut table = Table::new(&columns);
    for group in objectives::groups(summary, &summary.operations) {
        table.title(&group.title);
        for op in group.members {
            let mut row = name_cells(op, scenarios);
            row.extend(compared([&op.response_us, &op.service_us, &op.lag_us]));
            table.row(&row);
        }
    }
    if let Some(all) = facts::overall(summary) {
        table.title(objectives::together(summary));
        let mut row = overall_cells(scenarios);
        row.extend(compared([&all.response_us, &all.service_us, &all.lag_us]));
        table.row(&row);
    }
    table.write(out, "Response, service and lag");
    if let Some(sentence) = facts::queueing(summary) {
        out.leaf("p", "callout warn", &sentence);
    }
    end(out);
}

fn compared(of: [&Option<Percentiles>; 3]) -> impl Iterator<Item = Cell> {
    of.into_iter().flat_map(|values| {
        let (_, p50) = cell(values.as_ref(), |p| p.p50);
        [("n first", p50), cell(values.as_ref(), |p| p.p99), cell(values.as_ref(), |p| p.max)]
    })
}

/// What was answered, and how much went over the wire.
pub(super) fn answers(out: &mut Markup, summary: &Summary) {
    if summary.operations.is_empty() {
        return;
    }
    begin(out, "Answers", "Statuses of the protocol, and bytes on the transport with its overhead.");
    let scenarios = facts::many_scenarios(summary);
    let mut columns = name_columns(scenarios);
    columns.extend([("", "protocol"), ("", "status × count"), ("n", "sent"), ("n", "received")]);
    let mut table = Table::new(&columns);
    for group in objectives::groups(summary, &summary.operations) {
        table.title(&group.title);
        for op in group.members {
            let statuses =
                op.statuses.iter().map(|(status, count)| format!("{status} × {}", format::count(*count)));
            let mut row = name_cells(op, scenarios);
            row.push(("", op.protocol.clone()));
            row.push(("value", statuses.collect::<Vec<_>>().join(", ")));
            row.extend([op.bytes.sent, op.bytes.received].map(|bytes| ("n", format::bytes(bytes))));
            table.row(&row);
        }
    }
    table.write(out, "Answers");
    end(out);
}

pub(super) fn parts(out: &mut Markup, summary: &Summary) {
    let scenarios = facts::many_scenarios(summary);
    let mut columns = name_columns(scenarios);
    columns.extend([("", "part"), ("n", "count"), ("n", "p50"), ("n", "p95"), ("n", "p99"), ("n", "max")]);
    let mut table = Table::new(&columns);
    for group in objectives::groups(summary, &summary.operations) {
        table.title(&group.title);
        for op in group.members {
            for (index, (part, values)) in facts::parts(op).iter().enumerate() {
                let mut row = name_cells(op, scenarios);
                if index > 0 {
                    row.iter_mut().for_each(|(_, text)| text.clear());
                }
                row.push(("", (*part).to_owned()));
                row.push(("n", format::count(values.count)));
                row.extend([values.p50, values.p95, values.p99, values.max].map(|us| ("n", time(us))));
                table.row(&row);
            }
        }
    }
    if !table.is_empty() {
        begin(out, "Where the service time went", "A part counts only the operations in which it happened.");
        table.write(out, "Parts of the service time");
        end(out);
    }
}

fn name_columns(scenarios: bool) -> Vec<(&'static str, &'static str)> {
    let mut columns = vec![("name", "operation")];
    columns.extend(scenarios.then_some(("", "scenario")));
    columns
}

fn name_cells(op: &OperationSummary, scenarios: bool) -> Vec<Cell> {
    let mut cells = vec![("name", op.name.clone())];
    cells.extend(scenarios.then(|| ("scenario", op.scenario.clone())));
    cells
}

fn cell(values: Option<&Percentiles>, of: fn(&Percentiles) -> u64) -> Cell {
    ("n", values.map_or_else(|| "–".to_owned(), |values| time(of(values))))
}
