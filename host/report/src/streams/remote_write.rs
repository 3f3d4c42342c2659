//! Prometheus remote write 1.0: a `prometheus.WriteRequest` in protocol buffers.

use std::collections::BTreeSet;

use stresshost_metrics::Snapshot;

use crate::escape::one_line;
use crate::streams::families::{Value, families};
use crate::streams::protobuf::Message;
use crate::streams::{StreamContext, StreamFormat};

/// The not-a-number that tells a receiver that a series has ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// One request body a snapshot, uncompressed: the caller compresses it with Snappy's block format and sends it with
/// `content-encoding: snappy` and `x-prometheus-remote-write-version: 0.1.0`.
///
/// Every series has the labels `job="stresshost"` and `run`, so that runs never mix. A series that is not in a
/// snapshot any more, and each at the end, is marked stale, as the protocol asks for: dashboards then show that it
/// ended rather than its last value for another five minutes.
#[derive(Clone, Debug)]
pub struct RemoteWrite {
    context: StreamContext,
    /// Series of the last snapshot. Bounded as snapshots are.
    known: BTreeSet<Series>,
    last_unix_ms: u64,
}

/// Labels sorted by name, `__name__` among them.
type Series = Vec<(&'static str, String)>;

impl RemoteWrite {
    /// The stream of a run.
    pub fn new(context: StreamContext) -> Self {
        let last_unix_ms = context.started_unix_ms;
        Self { context, known: BTreeSet::new(), last_unix_ms }
    }

    fn series(&self, name: &str, labels: &[(&'static str, String)], quantile: Option<f64>) -> Series {
        let mut series: Series = labels.to_vec();
        series.push(("__name__", name.to_owned()));
        series.push(("job", "stresshost".to_owned()));
        series.push(("run", one_line(&self.context.run_id)));
        series.extend(quantile.map(|quantile| ("quantile", quantile.to_string())));
        series.retain(|(_, value)| !value.is_empty());
        series.sort();
        series
    }
}

impl StreamFormat for RemoteWrite {
    fn content_type(&self) -> &'static str {
        "application/x-protobuf"
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Vec<u8> {
        // Receivers refuse a second sample of the same moment.
        let now = self.context.unix_ms(snapshot.t_s).max(self.last_unix_ms.saturating_add(1));
        self.last_unix_ms = now;
        let mut request = Message::default();
        let mut written = BTreeSet::new();
        for family in families(snapshot) {
            for point in &family.points {
                match &point.value {
                    Value::Number(number) => {
                        let series = self.series(family.about.name, &point.labels, None);
                        write(&mut request, &series, *number, now);
                        written.insert(series);
                    }
                    Value::Quantiles { values, .. } => {
                        for (quantile, value) in values {
                            let series = self.series(family.about.name, &point.labels, Some(*quantile));
                            write(&mut request, &series, *value, now);
                            written.insert(series);
                        }
                    }
                }
            }
        }
        for gone in self.known.difference(&written) {
            write(&mut request, gone, f64::from_bits(STALE), now);
        }
        self.known = written;
        request.finish()
    }

    /// Marks every series as ended.
    fn end(&mut self) -> Vec<u8> {
        let now = self.last_unix_ms.saturating_add(1);
        let mut request = Message::default();
        for series in &std::mem::take(&mut self.known) {
            write(&mut request, series, f64::from_bits(STALE), now);
        }
        request.finish()
    }
}

/// Adds a `TimeSeries` with one `Sample`.
fn write(request: &mut Message, series: &Series, value: f64, unix_ms: u64) {
    let mut message = Message::default();
    for (name, text) in series {
        let mut label = Message::default();
        label.string(1, name);
        label.string(2, text);
        message.message(1, &label);
    }
    let mut sample = Message::default();
    sample.double(1, value);
    sample.int64(2, i64::try_from(unix_ms).unwrap_or(i64::MAX));
    message.message(2, &sample);
    request.message(1, &message);
}
