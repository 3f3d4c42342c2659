//! The text exposition format of Prometheus, version 0.0.4.

use std::fmt::Write;

use stresshost_metrics::Snapshot;

use crate::streams::catalog::Kind;
use crate::streams::families::{Family, Value, families};
use crate::streams::{StreamContext, StreamFormat};

/// A page for a scrape endpoint: each snapshot replaces the page before.
///
/// Quantiles are those of the last interval and cannot be added up, so they are gauges with a label `quantile`, not
/// summaries. Points carry no time: a scrape has its own.
#[derive(Clone, Debug)]
pub struct Prometheus {
    context: StreamContext,
}

impl Prometheus {
    /// The pages of a run.
    pub fn new(context: StreamContext) -> Self {
        Self { context }
    }
}

impl StreamFormat for Prometheus {
    fn content_type(&self) -> &'static str {
        "text/plain; version=0.0.4; charset=utf-8"
    }

    /// The page before the first snapshot: which run this is.
    fn header(&self) -> Vec<u8> {
        let mut out = String::new();
        about(&mut out, &self.context);
        out.into_bytes()
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Vec<u8> {
        let mut out = String::new();
        about(&mut out, &self.context);
        for family in families(snapshot) {
            page(&mut out, &family);
        }
        out.into_bytes()
    }
}

fn about(out: &mut String, context: &StreamContext) {
    head(out, "stresshost_run_info", "Which run this is.", "gauge");
    let labels = [("name", context.name.as_str()), ("run", context.run_id.as_str())];
    let labels = labels.map(|(name, value)| (name, crate::escape::one_line(value)));
    sample(out, "stresshost_run_info", &labels, None, 1.0);
    head(out, "stresshost_start_time_seconds", "When the load began, since the Unix epoch.", "gauge");
    sample(out, "stresshost_start_time_seconds", &[], None, context.started_unix_ms as f64 / 1e3);
}

fn page(out: &mut String, family: &Family) {
    let kind = if family.about.kind == Kind::Counter { "counter" } else { "gauge" };
    head(out, family.about.name, family.about.help, kind);
    for point in &family.points {
        match &point.value {
            Value::Number(number) => sample(out, family.about.name, &point.labels, None, *number),
            Value::Quantiles { values, .. } => {
                for (quantile, value) in values {
                    sample(out, family.about.name, &point.labels, Some(*quantile), *value);
                }
            }
        }
    }
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    // Writing to a `String` cannot fail. Names and helps are this crate's own and need no escapes.
    _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn sample(
    out: &mut String,
    name: &str,
    labels: &[(&'static str, String)],
    quantile: Option<f64>,
    value: f64,
) {
    out.push_str(name);
    let mut separator = '{';
    for (label, text) in labels {
        _ = write!(out, "{separator}{label}=\"");
        for letter in text.chars() {
            match letter {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                letter => out.push(letter),
            }
        }
        out.push('"');
        separator = ',';
    }
    if let Some(quantile) = quantile {
        _ = write!(out, "{separator}quantile=\"{quantile}\"");
        separator = ',';
    }
    if separator == ',' {
        out.push('}');
    }
    _ = writeln!(out, " {value}");
}
