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

/// Operations listed in a snapshot: what a person or a time series database can follow each second.
pub const MAX_SNAPSHOT_OPERATIONS: usize = 200;

/// Lateness that only the generator is to blame for above which a run is invalid, as the 99th percentile in
/// microseconds. A busy but healthy generator wakes up within a few milliseconds; a tenth of a second is longer than
/// most of the response times it is there to measure.
pub const MAX_OWN_LAG_US: u64 = 100_000;

/// Starts later than [`MAX_OWN_LAG_US`] from which on that percentile is believed: of fewer than a hundred starts it is the
/// latest, and one hiccup of the machine is no bottleneck.
pub const MIN_LATE_STARTS: u64 = 3;

/// Share of the wall time the busiest core may work before a run is invalid. Above it there is no slack left: what is
/// measured is the queue inside the generator.
pub const MAX_CORE_SHARE: f64 = 0.95;

/// Shortest load whose use of the processor is judged, in seconds: a shorter one is mostly start-up (connections, first
/// compilations of a path), which keeps a core busy without saying anything about the rest.
pub const MIN_CPU_JUDGED_S: f64 = 5.0;

/// Reasons of one sort listed in a verdict; the rest are counted. A plan may have hundreds of thresholds, a person
/// reads the first few.
pub const MAX_VERDICT_REASONS: usize = 20;

/// Records a log is merged down to: the points of the series, so that both have the same resolution.
pub const MAX_RECORDS: usize = MAX_SERIES_POINTS;

/// Bytes of one line of the interval log: what the most operations in a dozen scenarios take. Read, a hostile line takes
/// up to fifty times that, an honest one about five.
pub const MAX_RECORD_BYTES: usize = 32 << 20;

/// Bytes the histograms of one record may take once they are unfolded; a damaged line could claim any number.
pub const MAX_RECORD_HISTOGRAM_BYTES: u64 = 4 << 30;

/// Greatest time in a record, in nanoseconds since the load began: 36 years, so that no sum of times overflows.
pub const MAX_RUN_NS: u64 = 1 << 60;

/// Greatest sum of all counts in a log, so that no total of it overflows.
pub const MAX_LOG_COUNT: u64 = 1 << 62;

/// Protocols the readers of logs may meet that no engine of this host speaks: each is remembered for good.
pub const MAX_FOREIGN_PROTOCOLS: usize = 64;

/// Failed checks an audit lists; a summary of another run differs in every value.
pub const MAX_AUDIT_FINDINGS: usize = 100;

/// Batches of time a run is cut into for comparisons: more make them slower and hardly narrower.
pub const MAX_BATCHES: usize = 100;

/// Fewest batches from which a comparison says anything: with fewer, chance explains nearly every difference.
pub const MIN_BATCHES: usize = 8;

/// Most resamples of a comparison: beyond, its intervals no longer move by what a report shows.
pub const MAX_RESAMPLES: u32 = 100_000;
