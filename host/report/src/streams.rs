//! Live streams: snapshots in, bytes out.
//!
//! A format turns each [`Snapshot`] into bytes; where they go, and what becomes of them when nobody takes them, is for
//! the caller. Nothing here reads a clock: the wall time of the load's beginning is in [`StreamContext`], and the time
//! of a snapshot is that plus its `t_s`.
//!
//! | format | bytes of a snapshot | unit |
//! | --- | --- | --- |
//! | [`JsonLines`] | a line to append | as the snapshot |
//! | [`Csv`] | rows to append, after [`StreamFormat::header`] | named by the metric |
//! | [`Prometheus`] | a whole page, which replaces the one before | seconds, bytes |
//! | [`Otlp`] | the body of one request | seconds, bytes |
//! | [`RemoteWrite`] | the body of one request, not yet compressed | seconds, bytes |

mod catalog;
mod csv;
mod families;
mod jsonl;
mod otlp;
mod prometheus;
mod protobuf;
mod remote_write;

use stresshost_metrics::Snapshot;

pub use csv::Csv;
pub use jsonl::JsonLines;
pub use otlp::Otlp;
pub use prometheus::Prometheus;
pub use remote_write::RemoteWrite;

/// Which run a stream is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamContext {
    /// Unique id of the run.
    pub run_id: String,
    /// What the plan is called.
    pub name: String,
    /// When the load began, in milliseconds since the Unix epoch.
    pub started_unix_ms: u64,
}

impl StreamContext {
    /// The wall time of a moment of the run, in milliseconds since the Unix epoch.
    pub fn unix_ms(&self, t_s: f64) -> u64 {
        // A float beyond the range of `u64` becomes its nearest end, and what is not a number 0.
        self.started_unix_ms.saturating_add((t_s * 1e3).round() as u64)
    }

    /// The same in nanoseconds, as precise as milliseconds are.
    pub(crate) fn unix_ns(&self, t_s: f64) -> u64 {
        self.unix_ms(t_s).saturating_mul(1_000_000)
    }
}

/// A format of live streams.
pub trait StreamFormat: Send {
    /// What the bytes are, as HTTP names it in `content-type`.
    fn content_type(&self) -> &'static str;

    /// What comes before the first snapshot; often nothing.
    fn header(&self) -> Vec<u8> {
        Vec::new()
    }

    /// A snapshot.
    fn snapshot(&mut self, snapshot: &Snapshot) -> Vec<u8>;

    /// What comes after the last snapshot; often nothing.
    fn end(&mut self) -> Vec<u8> {
        Vec::new()
    }
}
