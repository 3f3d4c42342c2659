//! What came of an operation.

use stresshost_metrics::Phases;

use super::connect::Timing;
use super::error::SqlError;
use super::rows::Traffic;

/// What came of an operation, and when. Times are nanoseconds on the run clock.
#[derive(Debug)]
pub struct Outcome {
    /// When it was sent.
    pub fired_ns: u64,
    /// When its last row was there, or it failed.
    pub done_ns: u64,
    /// Where the time between went.
    pub phases: Phases,
    /// Since when it waited for a free connection of the pool, or for its statement to be prepared on the connection it got.
    pub waited_from_ns: Option<u64>,
    /// A connection that had to be made first, because the last one was lost.
    pub reconnected: Option<Timing>,
    /// Why it failed.
    pub error: Option<SqlError>,
    /// Rows returned or changed.
    pub rows: u64,
    /// Bytes of what was sent for it; 0 where the driver does not say: MySQL, MariaDB and SQLite.
    pub bytes_sent: u64,
    /// Bytes of what the server answered; 0 as well.
    pub bytes_received: u64,
}

impl Outcome {
    /// An operation that came to its end, well or not.
    pub(crate) fn new(fired_ns: u64, done_ns: u64, traffic: Traffic, result: Result<u64, SqlError>) -> Self {
        let (rows, error) = match result {
            Ok(rows) => (rows, None),
            Err(error) => (0, Some(error)),
        };
        let Traffic { bytes_sent, bytes_received, .. } = traffic;
        let phases = phases(fired_ns, done_ns, traffic);
        let (waited_from_ns, reconnected) = (None, None);
        Self {
            fired_ns,
            done_ns,
            phases,
            waited_from_ns,
            reconnected,
            error,
            rows,
            bytes_sent,
            bytes_received,
        }
    }

    /// An operation for which nothing was sent.
    pub(crate) fn unsent(now_ns: u64, error: SqlError) -> Self {
        Self::new(now_ns, now_ns, Traffic::default(), Err(error))
    }
}

/// Where the time went. What is not known is waiting for the server.
fn phases(fired_ns: u64, done_ns: u64, traffic: Traffic) -> Phases {
    let written_ns = if traffic.written_ns == 0 { fired_ns } else { traffic.written_ns };
    let first_byte_ns = if traffic.first_byte_ns == 0 { done_ns } else { traffic.first_byte_ns };
    Phases {
        write_ns: written_ns.saturating_sub(fired_ns),
        wait_ns: first_byte_ns.saturating_sub(written_ns),
        body_ns: done_ns.saturating_sub(first_byte_ns),
        ..Phases::default()
    }
}
