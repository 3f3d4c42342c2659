//! What a plugin is expected to do, held against what it did.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use stresshost_metrics::{MetricValueSummary, Summary};

use super::{Pattern, Seen};

/// Expectations; what is left out is not looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expect {
    /// How often each kind of request arrived.
    calls: BTreeMap<Pattern, u64>,
    /// The first requests, in their order.
    order: Vec<Pattern>,
    /// Outcomes of every check.
    checks: Option<BTreeMap<String, Marks>>,
    /// Values of metrics: the sum of a counter, the last of a gauge, the share of a rate, the number of values of a
    /// distribution.
    metrics: BTreeMap<String, f64>,
    /// Rules of all findings.
    findings: Option<BTreeSet<String>>,
    /// Iterations by how they ended.
    iterations: Option<Ended>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Marks {
    passed: u64,
    failed: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ended {
    finished: u64,
    failed: u64,
}

impl Expect {
    /// What is not as expected, a sentence each. A request without a reply and a fault are never expected.
    pub(crate) fn deviations(&self, summary: &Summary, seen: &Seen) -> Vec<String> {
        let mut deviations = Vec::new();
        let unexpected: BTreeSet<&String> = seen.unexpected.iter().collect();
        deviations.extend(
            unexpected.into_iter().map(|request| format!("`{request}`: the mock has no reply for it")),
        );
        for fault in &summary.faults {
            deviations.push(format!("the plugin broke in `{}`: {}", fault.during, fault.text));
        }
        self.calls(seen, &mut deviations);
        self.checks(summary, &mut deviations);
        self.metrics(summary, &mut deviations);
        if let Some(wanted) = &self.findings {
            let found = |finding: &serde_json::Value| finding["rule"].as_str().map(str::to_owned);
            let found: BTreeSet<String> = summary.findings.iter().filter_map(found).collect();
            let missing = wanted.difference(&found).map(|rule| format!("finding `{rule}`: not reported"));
            let surplus =
                found.difference(wanted).map(|rule| format!("finding `{rule}`: reported, not expected"));
            deviations.extend(missing.chain(surplus));
        }
        if let Some(wanted) = self.iterations {
            let sum = |count: fn(&stresshost_metrics::IterationsSummary) -> u64| {
                summary.scenarios.iter().map(|scenario| count(&scenario.iterations)).sum()
            };
            let ended = Ended { finished: sum(|all| all.finished), failed: sum(|all| all.failed) };
            if ended != wanted {
                deviations.push(format!(
                    "iterations: {} finished and {} failed, expected {} and {}",
                    ended.finished, ended.failed, wanted.finished, wanted.failed
                ));
            }
        }
        deviations
    }

    fn calls(&self, seen: &Seen, deviations: &mut Vec<String>) {
        for (pattern, wanted) in &self.calls {
            let count = seen.requests.iter().filter(|request| pattern.matches(request)).count() as u64;
            if count != *wanted {
                deviations.push(format!("`{pattern}`: {count} calls, expected {wanted}"));
            }
        }
        for (index, pattern) in self.order.iter().enumerate() {
            match seen.requests.get(index) {
                Some(request) if pattern.matches(request) => {}
                Some(request) => {
                    deviations.push(format!("call {}: `{request}`, expected `{pattern}`", index + 1));
                }
                None => deviations.push(format!("call {}: none, expected `{pattern}`", index + 1)),
            }
        }
    }

    fn checks(&self, summary: &Summary, deviations: &mut Vec<String>) {
        let Some(wanted) = &self.checks else { return };
        let made = |name: &str| {
            let check = summary.checks.iter().find(|check| check.name == name);
            check.map_or(Marks::default(), |check| Marks { passed: check.passed, failed: check.failed })
        };
        let names = wanted.keys().chain(summary.checks.iter().map(|check| &check.name));
        for name in names.collect::<BTreeSet<_>>() {
            let (made, wanted) = (made(name), wanted.get(name).copied().unwrap_or_default());
            if made != wanted {
                deviations.push(format!(
                    "check `{name}`: passed {} times and failed {}, expected {} and {}",
                    made.passed, made.failed, wanted.passed, wanted.failed
                ));
            }
        }
    }

    fn metrics(&self, summary: &Summary, deviations: &mut Vec<String>) {
        for (name, wanted) in &self.metrics {
            let metric = summary.metrics.iter().find(|metric| metric.name == *name);
            let value = metric.map(|metric| match &metric.value {
                MetricValueSummary::Counter { sum, .. } => *sum,
                MetricValueSummary::Gauge { last, .. } => *last,
                MetricValueSummary::Rate { ratio, .. } => *ratio,
                MetricValueSummary::Distribution { values } => values.count as f64,
            });
            match value {
                None => deviations.push(format!("metric `{name}`: none, expected {wanted}")),
                Some(value) if (value - wanted).abs() > f64::EPSILON * wanted.abs().max(1.0) => {
                    deviations.push(format!("metric `{name}`: {value}, expected {wanted}"));
                }
                Some(_) => {}
            }
        }
    }
}
