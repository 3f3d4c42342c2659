//! Every cap of this crate, with its reason.

/// Significant digits of every histogram. Three keep a reported latency within 0.1% at about 1 KB a power of two.
pub const HISTOGRAM_DIGITS: u8 = 3;

/// Operations a run may name. Each costs its histograms on every core; a plugin that puts an id into an operation's
/// name would otherwise grow memory for as long as it runs.
pub const MAX_OPERATIONS: usize = 1_000;

/// Checks a run may name, for the same reason.
pub const MAX_CHECKS: usize = 1_000;

/// Custom metrics a run may name, for the same reason.
pub const MAX_METRICS: usize = 1_000;

/// Bytes of an operation's, check's or metric's name: it is repeated in every report row.
pub const MAX_NAME_BYTES: usize = 200;

/// Distinct HTTP statuses counted apart for one operation; the rest are counted under status 0.
pub const MAX_STATUSES: usize = 32;

/// Failures of one operation and kind kept with their text, per core and second: enough to understand, too few to
/// fill a disk.
pub const MAX_FAILURE_EXAMPLES: usize = 5;

/// Failure examples kept for a whole run.
pub const MAX_FAILURE_EXAMPLES_TOTAL: usize = 200;

/// Bytes of text kept of one failure.
pub const MAX_FAILURE_TEXT_BYTES: usize = 500;

/// Points of the time series in a summary; past it neighbours are merged and the resolution halves, so that a
/// report of a week weighs what a report of an hour does.
pub const MAX_SERIES_POINTS: usize = 1_200;
