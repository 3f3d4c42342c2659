//! Caps on what a plan may ask for, with their reasons.

/// Scenarios of a plan: each has its own row in every report and its own statistics on every core.
pub const MAX_SCENARIOS: usize = 100;

/// Virtual users of a plan. Each is a component instance with a stack, a memory and a connection; a million of them
/// would need more address space and ports than one machine has, so a larger number is a typing error.
pub const MAX_VUS: u64 = 1_000_000;

/// Arrivals per second of one scenario. Above this the interval is shorter than a timer interrupt takes.
pub const MAX_RATE_PER_S: f64 = 10_000_000.0;

/// Longest duration of anything in a plan: 100 days, in milliseconds. Nanosecond arithmetic has room to spare.
pub const MAX_DURATION_MS: u64 = 100 * 24 * 3_600_000;

/// Bytes of a document a plugin hands over: plan, descriptor, analysis.
pub const MAX_DOCUMENT_BYTES: usize = 16 << 20;

/// Rows of a feed given inside a plan.
pub const MAX_FEED_ROWS: usize = 1_000_000;

/// Feeds of a plan.
pub const MAX_FEEDS: usize = 100;
