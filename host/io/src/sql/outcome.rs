//! What came of an operation.

use stresshost_metrics::Phases;

use super::connect::Timing;
use super::error::SqlError;

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
}

impl Outcome {
    /// An operation that came to its end, well or not.
    pub(crate) fn new(fired_ns: u64, done_ns: u64, result: Result<u64, SqlError>) -> Self {
        let (rows, error) = match result {
            Ok(rows) => (rows, None),
            Err(error) => (0, Some(error)),
        };
        let wait_ns = done_ns.saturating_sub(fired_ns);
        let phases = Phases { wait_ns, ..Phases::default() };
        Self { fired_ns, done_ns, phases, waited_from_ns: None, reconnected: None, error, rows }
    }

    /// An operation for which nothing was sent.
    pub(crate) fn unsent(now_ns: u64, error: SqlError) -> Self {
        Self { phases: Phases::default(), ..Self::new(now_ns, now_ns, Err(error)) }
    }
}
