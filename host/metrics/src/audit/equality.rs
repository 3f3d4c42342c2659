//! Every value of a summary against the same value computed again. Documents are walked, not types: a field that is
//! added to the summary is audited without anybody thinking of it.

use serde_json::Value;

use super::{Audit, AuditCheck};
use crate::Summary;
use crate::record::Rebuilt;

/// What the record cannot say.
const NOT_RECOMPUTED: [(&str, &str); 8] = [
    ("run/id", "it names the run"),
    ("run/name", "it names the run"),
    ("run/seed", "it was chosen before the run"),
    ("run/started", "the record counts time from the beginning of the load"),
    ("run/targets", "they were chosen before the run"),
    ("run/plugin", "it was chosen before the run"),
    ("run/host", "it describes the machine"),
    ("findings", "they are the plugin's words, not measurements"),
];

/// What depends on every tick, and cannot be told when ticks were merged.
const NEEDS_TICKS: [&str; 6] = ["thresholds", "score", "phases", "failures", "series", "verdict"];

/// What older summaries lack.
const PLUGINS: &str = "generator/plugins";

/// Relative difference of two numbers that are the same but for the order in which their parts were added.
const TOLERANCE: f64 = 1e-9;

pub(super) fn compare(audit: &mut Audit, summary: &Summary, rebuilt: &Rebuilt) {
    let (reported, expected) = (serde_json::to_value(summary), serde_json::to_value(&rebuilt.summary));
    let (Ok(Value::Object(reported)), Ok(Value::Object(expected))) = (reported, expected) else { return };
    let mut skipped: Vec<&str> = Vec::new();
    for (path, reason) in NOT_RECOMPUTED {
        audit.leave_out(path, reason);
        skipped.push(path);
    }
    if rebuilt.merged {
        for path in NEEDS_TICKS {
            audit.leave_out(path, "it depends on every tick, and ticks of this log were merged");
            skipped.push(path);
        }
    }
    if summary.generator.plugins.is_empty() && !rebuilt.summary.generator.plugins.is_empty() {
        audit.leave_out(PLUGINS, "the summary is of a version that told only the sum");
        skipped.push(PLUGINS);
    }
    let none = Value::Null;
    let only_expected = expected.keys().filter(|key| !reported.contains_key(*key));
    for section in reported.keys().chain(only_expected).filter(|key| !skipped.contains(&key.as_str())) {
        let mut walk = Walk { skipped: &skipped, values: 0, broken: Vec::new() };
        let reported = reported.get(section).unwrap_or(&none);
        walk.value(section, reported, expected.get(section).unwrap_or(&none));
        audit.compared += walk.values;
        let what = format!("values of `{section}` equal those computed from the record");
        audit.law(&what, walk.values as usize, walk.broken);
    }
}

struct Walk<'a> {
    skipped: &'a [&'a str],
    values: u64,
    broken: Vec<AuditCheck>,
}

impl Walk<'_> {
    fn value(&mut self, path: &str, reported: &Value, expected: &Value) {
        if self.skipped.contains(&path) {
            return;
        }
        let none = Value::Null;
        match (reported, expected) {
            (Value::Object(reported), Value::Object(expected)) => {
                let only_expected = expected.keys().filter(|key| !reported.contains_key(*key));
                for key in reported.keys().chain(only_expected) {
                    let values = (reported.get(key).unwrap_or(&none), expected.get(key).unwrap_or(&none));
                    self.value(&format!("{path}/{key}"), values.0, values.1);
                }
            }
            (Value::Array(reported), Value::Array(expected)) => {
                for index in 0..reported.len().max(expected.len()) {
                    let values = (reported.get(index).unwrap_or(&none), expected.get(index).unwrap_or(&none));
                    self.value(&format!("{path}/{}", label(index, values.0, values.1)), values.0, values.1);
                }
            }
            (reported, expected) => {
                self.values += 1;
                if !same(reported, expected) {
                    let (what, ok) = (path.to_owned(), false);
                    let (expected, reported) = (expected.to_string(), reported.to_string());
                    self.broken.push(AuditCheck { what, expected, reported, ok });
                }
            }
        }
    }
}

/// How a path names an entry of a list.
fn label(index: usize, reported: &Value, expected: &Value) -> String {
    let name = reported.get("name").or(expected.get("name")).and_then(Value::as_str);
    name.map_or_else(|| index.to_string(), |name| format!("{index} ({name})"))
}

fn same(reported: &Value, expected: &Value) -> bool {
    match (reported, expected) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
        }
        (reported, expected) => reported == expected,
    }
}
