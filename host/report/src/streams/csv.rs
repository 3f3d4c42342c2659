//! CSV in long form: a row for each number, so that the columns never change and pivot tables and data frames read it.

use std::borrow::Cow;
use std::fmt::Write;

use stresshost_metrics::{MetricValueSummary, OperationSnapshot, Percentiles, Snapshot};

use crate::escape::one_line;
use crate::streams::{StreamContext, StreamFormat};

/// Comma separated values (RFC 4180) with the columns
/// `run,time_unix_ms,t_s,phase,plugin,scenario,operation,protocol,metric,detail,value`.
///
/// - Rows without a scenario are about the whole run, rows without an operation about a scenario's iterations.
/// - `metric` names what `value` is and its unit: `sent`, `done`, `errors`, `sent_bytes`, `received_bytes` and
///   `iterations_*` count since the load began; `*_per_s`, `*_us` and `vus_busy` are of the interval that ended at
///   `t_s`; `custom_*` are metrics of the plugin.
/// - `detail` is the kind of error of `errors_of_kind`, the name of a phase of `phase_running`, and the name of a
///   custom metric.
///
/// Every row is one line: control characters in names become blanks or U+FFFD. A name that a spreadsheet would take
/// for a formula is led by an apostrophe.
#[derive(Clone, Debug)]
pub struct Csv {
    context: StreamContext,
}

impl Csv {
    /// The stream of a run.
    pub fn new(context: StreamContext) -> Self {
        Self { context }
    }
}

impl StreamFormat for Csv {
    fn content_type(&self) -> &'static str {
        "text/csv; charset=utf-8; header=present"
    }

    fn header(&self) -> Vec<u8> {
        b"run,time_unix_ms,t_s,phase,plugin,scenario,operation,protocol,metric,detail,value\r\n".to_vec()
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Vec<u8> {
        let time = self.context.unix_ms(snapshot.t_s);
        let t_s = if snapshot.t_s.is_finite() { snapshot.t_s } else { 0.0 };
        let lead = format!("{},{time},{t_s:.3}", field(&self.context.run_id));
        let mut rows = Rows { lead, out: String::new() };
        run(&mut rows, snapshot);
        for scenario in &snapshot.scenarios {
            let place = Place { scenario: &scenario.name, ..Place::default() };
            for (metric, count) in [
                ("iterations_due", scenario.due),
                ("iterations_started", scenario.started),
                ("iterations_finished", scenario.finished),
                ("iterations_failed", scenario.failed),
                ("iterations_dropped", scenario.dropped),
            ] {
                rows.add(&place, metric, "", count as f64);
            }
        }
        for op in &snapshot.operations {
            operation(&mut rows, op);
        }
        metrics(&mut rows, snapshot);
        rows.out.into_bytes()
    }
}

/// Where a number belongs; empty fields are the whole.
#[derive(Default)]
struct Place<'a> {
    phase: &'a str,
    plugin: &'a str,
    scenario: &'a str,
    operation: &'a str,
    protocol: &'a str,
}

struct Rows {
    /// The first columns, the same in every row of a snapshot.
    lead: String,
    out: String,
}

impl Rows {
    fn add(&mut self, place: &Place<'_>, metric: &str, detail: &str, value: f64) {
        // What is not a number is no observation.
        if !value.is_finite() {
            return;
        }
        self.out.push_str(&self.lead);
        for text in
            [place.phase, place.plugin, place.scenario, place.operation, place.protocol, metric, detail]
        {
            self.out.push(',');
            self.out.push_str(&field(text));
        }
        // Writing to a `String` cannot fail.
        _ = write!(self.out, ",{value}\r\n");
    }

    fn percentiles(
        &mut self,
        place: &Place<'_>,
        [p50, p95, p99, max]: [&str; 4],
        values: Option<Percentiles>,
    ) {
        let Some(values) = values else { return };
        for (metric, value) in [(p50, values.p50), (p95, values.p95), (p99, values.p99), (max, values.max)] {
            self.add(place, metric, "", value as f64);
        }
    }
}

fn run(rows: &mut Rows, snapshot: &Snapshot) {
    let whole = Place::default();
    let per_s = |count: u64| count as f64 / snapshot.interval_s;
    for (metric, value) in [
        ("vus_busy", snapshot.vus_busy as f64),
        ("sent_per_s", per_s(snapshot.fired)),
        ("done_per_s", per_s(snapshot.done)),
        ("errors_per_s", per_s(snapshot.errors)),
        ("received_bytes_per_s", per_s(snapshot.bytes_received)),
        ("lag_p99_us", snapshot.lag_p99_us as f64),
        ("generator_cpu_share", snapshot.generator.cpu_share),
        ("generator_rss_bytes", snapshot.generator.rss_bytes as f64),
        ("generator_own_lag_p99_us", snapshot.generator.own_lag_p99_us as f64),
    ] {
        rows.add(&whole, metric, "", value);
    }
    rows.percentiles(&whole, RESPONSE, snapshot.response_us);
    for phase in &snapshot.phases {
        rows.add(&Place { phase, ..Place::default() }, "phase_running", phase, 1.0);
    }
}

const RESPONSE: [&str; 4] = ["response_p50_us", "response_p95_us", "response_p99_us", "response_max_us"];
const SERVICE: [&str; 4] = ["service_p50_us", "service_p95_us", "service_p99_us", "service_max_us"];

fn operation(rows: &mut Rows, op: &OperationSnapshot) {
    let place = Place {
        phase: &op.phase,
        plugin: &op.plugin,
        scenario: &op.scenario,
        operation: &op.name,
        protocol: &op.protocol,
    };
    let errors = crate::facts::total(op.errors.values().copied());
    for (metric, count) in [
        ("sent", op.fired),
        ("done", op.done),
        ("errors", errors),
        ("sent_bytes", op.bytes_sent),
        ("received_bytes", op.bytes_received),
    ] {
        rows.add(&place, metric, "", count as f64);
    }
    for (kind, count) in &op.errors {
        rows.add(&place, "errors_of_kind", kind, *count as f64);
    }
    rows.percentiles(&place, RESPONSE, op.response_us);
    rows.percentiles(&place, SERVICE, op.service_us);
}

fn metrics(rows: &mut Rows, snapshot: &Snapshot) {
    let whole = Place::default();
    for metric in &snapshot.metrics {
        let mut add = |what: &str, value: f64| rows.add(&whole, what, &metric.name, value);
        match &metric.value {
            MetricValueSummary::Counter { sum, .. } => add("custom_sum", *sum),
            MetricValueSummary::Gauge { last, .. } => add("custom_last", *last),
            MetricValueSummary::Rate { hits, total, ratio } => {
                add("custom_hits", *hits as f64);
                add("custom_total", *total as f64);
                add("custom_ratio", *ratio);
            }
            MetricValueSummary::Distribution { values } => {
                add("custom_count", values.count as f64);
                for (what, value) in [
                    ("custom_p50", values.p50),
                    ("custom_p95", values.p95),
                    ("custom_p99", values.p99),
                    ("custom_max", values.max),
                ] {
                    add(what, value as f64);
                }
            }
        }
    }
}

/// A field: one line, no formula, quoted where it must be.
fn field(text: &str) -> Cow<'_, str> {
    let plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'.' | b'/' | b':');
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = one_line(text);
    if out.starts_with(['=', '+', '-', '@']) {
        out.insert(0, '\'');
    }
    if out.contains([',', '"']) || out.starts_with(' ') || out.ends_with(' ') {
        out = format!("\"{}\"", out.replace('"', "\"\""));
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let table = [
            ("GET /", "GET /"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\r\nlines", "two  lines"),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("@a,b", "\"'@a,b\""),
            (" edge", "\" edge\""),
            ("\tx", "\" x\""),
            ("nul\0", "nul\u{fffd}"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(field(text), expected, "{text:?}");
        }
    }
}
