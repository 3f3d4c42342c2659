//! OpenTelemetry metrics: `ExportMetricsServiceRequest` in the JSON form of OTLP/HTTP.

use serde_json::{Value as Json, json};
use stresshost_metrics::Snapshot;

use crate::escape::one_line;
use crate::streams::catalog::Kind;
use crate::streams::families::{Family, Labels, Point, Value, families};
use crate::streams::{StreamContext, StreamFormat};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;

/// One request body a snapshot, for `POST /v1/metrics`.
///
/// Counters are cumulative monotonic sums from the load's beginning. Quantiles are summaries of the last interval.
/// The resource is `service.name=stresshost` with the run's id as `service.instance.id`.
#[derive(Clone, Debug)]
pub struct Otlp {
    context: StreamContext,
}

impl Otlp {
    /// The stream of a run.
    pub fn new(context: StreamContext) -> Self {
        Self { context }
    }
}

impl StreamFormat for Otlp {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Vec<u8> {
        let times = Times {
            // 64-bit integers are strings in the JSON form of protocol buffers.
            start: self.context.unix_ns(0.0).to_string(),
            interval: self.context.unix_ns(snapshot.t_s - snapshot.interval_s).to_string(),
            now: self.context.unix_ns(snapshot.t_s).to_string(),
        };
        let metrics: Vec<Json> = families(snapshot).iter().map(|family| metric(family, &times)).collect();
        let request = json!({ "resourceMetrics": [{
            "resource": { "attributes": [
                attribute("service.name", "stresshost"),
                attribute("service.instance.id", &one_line(&self.context.run_id)),
                attribute("stresshost.run.name", &one_line(&self.context.name)),
            ] },
            "scopeMetrics": [{
                "scope": { "name": "stresshost", "version": env!("CARGO_PKG_VERSION") },
                "metrics": metrics,
            }],
        }] });
        request.to_string().into_bytes()
    }
}

/// Unix nanoseconds as texts.
struct Times {
    /// When the load began.
    start: String,
    /// When the interval began.
    interval: String,
    /// When it ended.
    now: String,
}

fn metric(family: &Family, times: &Times) -> Json {
    let points: Vec<Json> =
        family.points.iter().map(|point| data_point(family.about.kind, point, times)).collect();
    let data = match family.about.kind {
        Kind::Counter => json!({
            "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": points,
        }),
        Kind::Gauge | Kind::Quantiles => json!({ "dataPoints": points }),
    };
    let field = match family.about.kind {
        Kind::Counter => "sum",
        Kind::Gauge => "gauge",
        Kind::Quantiles => "summary",
    };
    json!({ "name": family.about.otel, "description": family.about.help, "unit": family.about.unit, field: data })
}

fn data_point(kind: Kind, point: &Point, times: &Times) -> Json {
    let attributes = attributes(&point.labels);
    let start = if kind == Kind::Counter { &times.start } else { &times.interval };
    let mut json = json!({
        "attributes": attributes, "startTimeUnixNano": start, "timeUnixNano": times.now,
    });
    match &point.value {
        Value::Number(number) => json["asDouble"] = json!(number),
        Value::Quantiles { count, sum, values } => {
            let values: Vec<Json> = values
                .iter()
                .map(|(quantile, value)| json!({ "quantile": quantile, "value": value }))
                .collect();
            json["count"] = json!(count.to_string());
            json["sum"] = json!(sum);
            json["quantileValues"] = Json::Array(values);
        }
    }
    json
}

fn attributes(labels: &Labels) -> Vec<Json> {
    labels.iter().map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(name: &str, value: &str) -> Json {
    json!({ "key": name, "value": { "stringValue": value } })
}
