//! The metrics of a snapshot, as monitoring systems know them: named families of points told apart by labels.
//!
//! What Prometheus scrapes, remote write sends and OTLP exports is the same list, so they cannot disagree.

use std::collections::HashMap;

use stresshost_metrics::{MetricSummary, MetricValueSummary, OperationSnapshot, Percentiles, Snapshot};

use crate::escape::one_line;
use crate::streams::catalog::{self, About, Kind};

/// Microseconds in a second.
const US_PER_S: f64 = 1e6;

/// A quantile, and where it is found.
type Quantile = (f64, fn(&Percentiles) -> u64);

/// Quantiles of every summary, with where to find them; 0 and 1 are the least and the greatest value.
const QUANTILES: [Quantile; 7] = [
    (0.0, |p| p.min),
    (0.5, |p| p.p50),
    (0.9, |p| p.p90),
    (0.95, |p| p.p95),
    (0.99, |p| p.p99),
    (0.999, |p| p.p999),
    (1.0, |p| p.max),
];

/// A value of a [`Point`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Quantiles { count: u64, sum: f64, values: [(f64, f64); QUANTILES.len()] },
}

/// Names and values, sorted by name, without empty values.
pub(super) type Labels = Vec<(&'static str, String)>;

/// One series at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) labels: Labels,
    pub(super) value: Value,
}

/// A metric and its points.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Family {
    pub(super) about: &'static About,
    pub(super) points: Vec<Point>,
}

impl Family {
    fn new(about: &'static About) -> Self {
        Self { about, points: Vec::new() }
    }

    fn add(&mut self, labels: &[(&'static str, &str)], value: f64) {
        if value.is_finite() {
            self.points.push(Point { labels: clean(labels), value: Value::Number(value) });
        }
    }

    /// Adds quantiles; `unit` of the recorded values make one of the exported ones.
    fn quantiles(&mut self, labels: &[(&'static str, &str)], values: Option<&Percentiles>, unit: f64) {
        let Some(values) = values else { return };
        let sum = values.mean * values.count as f64 / unit;
        if sum.is_finite() {
            let at = QUANTILES.map(|(quantile, of)| (quantile, of(values) as f64 / unit));
            let value = Value::Quantiles { count: values.count, sum, values: at };
            self.points.push(Point { labels: clean(labels), value });
        }
    }

    /// Makes labels unique: a series may have one value a moment, and cleaning can make two names equal.
    fn unique(mut self) -> Self {
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut points: Vec<Point> = Vec::new();
        for point in self.points {
            let same = index.get(&point.labels).and_then(|&at: &usize| points.get_mut(at));
            match same {
                Some(known) => known.value = joined(self.about.kind, &known.value, point.value),
                None => {
                    index.insert(point.labels.clone(), points.len());
                    points.push(point);
                }
            }
        }
        self.points = points;
        self
    }
}

/// Two values of one series: counts add up, of others the busier or greater stays.
fn joined(kind: Kind, a: &Value, b: Value) -> Value {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            Value::Number(if kind == Kind::Counter { a + b } else { a.max(b) })
        }
        (Value::Quantiles { count, .. }, b @ Value::Quantiles { count: other, .. }) if other > *count => b,
        (a, _) => a.clone(),
    }
}

/// Labels as monitoring systems take them: sorted, none empty, values without control characters.
fn clean(labels: &[(&'static str, &str)]) -> Labels {
    let mut labels: Labels = labels.iter().map(|(name, value)| (*name, one_line(value))).collect();
    labels.retain(|(_, value)| !value.is_empty());
    labels.sort_by_key(|(name, _)| *name);
    labels
}

/// Every family of a snapshot that has points.
pub(super) fn families(snapshot: &Snapshot) -> Vec<Family> {
    let mut families = run(snapshot);
    families.push(iterations(snapshot));
    families.extend(operations(&snapshot.operations));
    families.extend(custom(&snapshot.metrics));
    families.retain(|family| !family.points.is_empty());
    families.into_iter().map(Family::unique).collect()
}

fn run(snapshot: &Snapshot) -> Vec<Family> {
    let per_s = |count: u64| count as f64 / snapshot.interval_s;
    let seconds = |us: u64| us as f64 / US_PER_S;
    let used = &snapshot.generator;
    let gauges: [(&'static About, f64); 9] = [
        (&catalog::ELAPSED, snapshot.t_s),
        (&catalog::VUS_BUSY, snapshot.vus_busy as f64),
        (&catalog::SENT_RATE, per_s(snapshot.fired)),
        (&catalog::DONE_RATE, per_s(snapshot.done)),
        (&catalog::ERROR_RATE, per_s(snapshot.errors)),
        (&catalog::LAG, seconds(snapshot.lag_p99_us)),
        (&catalog::GENERATOR_CPU, used.cpu_share),
        (&catalog::GENERATOR_MEMORY, used.rss_bytes as f64),
        (&catalog::GENERATOR_LAG, seconds(used.own_lag_p99_us)),
    ];
    let gauge = |(about, value)| {
        let mut family = Family::new(about);
        family.add(&[], value);
        family
    };
    let mut families: Vec<Family> = gauges.into_iter().map(gauge).collect();
    let mut whole = Family::new(&catalog::ALL_RESPONSE);
    whole.quantiles(&[], snapshot.response_us.as_ref(), US_PER_S);
    let mut phases = Family::new(&catalog::PHASE_RUNNING);
    for phase in &snapshot.phases {
        phases.add(&[("phase", phase)], 1.0);
    }
    families.extend([whole, phases]);
    families
}

fn iterations(snapshot: &Snapshot) -> Family {
    let mut family = Family::new(&catalog::ITERATIONS);
    for scenario in &snapshot.scenarios {
        for (state, count) in [
            ("due", scenario.due),
            ("started", scenario.started),
            ("finished", scenario.finished),
            ("failed", scenario.failed),
            ("dropped", scenario.dropped),
        ] {
            family.add(&[("scenario", &scenario.name), ("state", state)], count as f64);
        }
    }
    family
}

fn operations(operations: &[OperationSnapshot]) -> [Family; 7] {
    let mut sent = Family::new(&catalog::SENT);
    let mut done = Family::new(&catalog::DONE);
    let mut errors = Family::new(&catalog::ERRORS);
    let mut sent_bytes = Family::new(&catalog::SENT_BYTES);
    let mut received_bytes = Family::new(&catalog::RECEIVED_BYTES);
    let mut response = Family::new(&catalog::RESPONSE);
    let mut service = Family::new(&catalog::SERVICE);
    for op in operations {
        let labels = [
            ("operation", op.name.as_str()),
            ("phase", &op.phase),
            ("plugin", &op.plugin),
            ("protocol", &op.protocol),
            ("scenario", &op.scenario),
        ];
        sent.add(&labels, op.fired as f64);
        done.add(&labels, op.done as f64);
        sent_bytes.add(&labels, op.bytes_sent as f64);
        received_bytes.add(&labels, op.bytes_received as f64);
        response.quantiles(&labels, op.response_us.as_ref(), US_PER_S);
        service.quantiles(&labels, op.service_us.as_ref(), US_PER_S);
        for (kind, count) in &op.errors {
            let [operation, phase, plugin, protocol, scenario] = labels;
            errors.add(&[operation, phase, plugin, protocol, scenario, ("kind", kind)], *count as f64);
        }
    }
    [sent, done, errors, sent_bytes, received_bytes, response, service]
}

/// Custom metrics. Their names are labels: a name of the plugin's own need not be one a monitoring system takes.
fn custom(metrics: &[MetricSummary]) -> [Family; 5] {
    let mut sums = Family::new(&catalog::CUSTOM_SUM);
    let mut gauges = Family::new(&catalog::CUSTOM_VALUE);
    let mut hits = Family::new(&catalog::CUSTOM_HITS);
    let mut observed = Family::new(&catalog::CUSTOM_OBSERVATIONS);
    let mut spread = Family::new(&catalog::CUSTOM_DISTRIBUTION);
    for metric in metrics {
        let labels = [("metric", metric.name.as_str()), ("unit", metric.unit.as_str())];
        match &metric.value {
            MetricValueSummary::Counter { sum, .. } => sums.add(&labels, *sum),
            MetricValueSummary::Gauge { last, .. } => gauges.add(&labels, *last),
            MetricValueSummary::Rate { hits: of_them, total, .. } => {
                hits.add(&labels, *of_them as f64);
                observed.add(&labels, *total as f64);
            }
            MetricValueSummary::Distribution { values } => {
                for (quantile, of) in QUANTILES {
                    let [metric, unit] = labels;
                    let text = quantile.to_string();
                    spread.add(&[metric, unit, ("quantile", &text)], of(values) as f64);
                }
            }
        }
    }
    [sums, gauges, hits, observed, spread]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_clean_and_not_empty() {
        let labels = clean(&[("scenario", "a\nb"), ("phase", ""), ("operation", "GET /")]);
        assert_eq!(labels, [("operation", "GET /".to_owned()), ("scenario", "a b".to_owned())]);
    }

    #[test]
    fn a_series_has_one_value() {
        for (about, expected) in [(&catalog::DONE, 5.0), (&catalog::VUS_BUSY, 3.0)] {
            let mut family = Family::new(about);
            family.add(&[("operation", "a\tb")], 3.0);
            family.add(&[("operation", "a b")], 2.0);
            family.add(&[("operation", "other")], f64::NAN);
            let points = family.unique().points;
            assert_eq!(points.len(), 1, "{points:?}");
            assert_eq!(points[0].value, Value::Number(expected));
        }
    }
}
