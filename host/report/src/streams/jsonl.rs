//! JSON lines: each snapshot as it is, with the run's id and the wall time.

use serde::Serialize;
use stresshost_metrics::Snapshot;

use crate::streams::{StreamContext, StreamFormat};

/// One JSON object a line: `run`, `time_unix_ms` and the fields of [`Snapshot`].
///
/// A number that is none (a share of an interval without length) is `null`.
#[derive(Clone, Debug)]
pub struct JsonLines {
    context: StreamContext,
}

#[derive(Serialize)]
struct Line<'a> {
    run: &'a str,
    time_unix_ms: u64,
    #[serde(flatten)]
    snapshot: &'a Snapshot,
}

impl JsonLines {
    /// The stream of a run.
    pub fn new(context: StreamContext) -> Self {
        Self { context }
    }
}

impl StreamFormat for JsonLines {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Vec<u8> {
        let time_unix_ms = self.context.unix_ms(snapshot.t_s);
        let line = Line { run: &self.context.run_id, time_unix_ms, snapshot };
        // Writing numbers and texts to memory cannot fail; a line lost would be better than a panic all the same.
        let Ok(mut bytes) = serde_json::to_vec(&line) else { return Vec::new() };
        bytes.push(b'\n');
        bytes
    }
}
