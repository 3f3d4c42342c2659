//! Caps on what a plan may ask for, with their reasons.

/// Scenarios of a plan, over all its phases: each has its own row in every report and its own statistics on every core.
/// A core's table has an entry for every pair of operation and scenario; with 1,000 operations and this many scenarios
/// an empty one takes 8 MB.
pub const MAX_SCENARIOS: usize = 500;

/// Virtual users of a plan. Each is a component instance with a stack, a memory and a connection; a million of them
/// would need more address space and ports than one machine has, so a larger number is a typing error.
pub const MAX_VUS: u64 = 1_000_000;

/// Arrivals per second of one scenario. Above this the interval is shorter than a timer interrupt takes.
pub const MAX_RATE_PER_S: f64 = 10_000_000.0;

/// Longest duration of anything in a plan: 100 days, in milliseconds. Nanosecond arithmetic has room to spare.
pub const MAX_DURATION_MS: u64 = 100 * 24 * 3_600_000;

/// Bytes of a document a plugin hands over: plan, descriptor, analysis.
pub const MAX_DOCUMENT_BYTES: usize = 16 << 20;

/// Findings of an analysis, and its recommendations, and its sections: nobody reads more, and each has its row in every
/// report.
pub const MAX_FINDINGS: usize = 1_000;

/// Bytes of a plugin's name: it names directories, and stands in every report.
pub const MAX_PLUGIN_NAME_BYTES: usize = 64;

/// Bytes of a one-line text of a descriptor, such as its summary or a flag's help.
pub const MAX_LINE_BYTES: usize = 1_000;

/// Flags, positionals and examples of a descriptor, of each.
pub const MAX_FLAGS: usize = 500;

/// Rows of a feed given inside a plan.
pub const MAX_FEED_ROWS: usize = 1_000_000;

/// Feeds of a plan.
pub const MAX_FEEDS: usize = 100;

/// Phases of a plan. Which of them can overlap is worked out from every pair; a person reads far fewer.
pub const MAX_PHASES: usize = 50;

/// Factor on a phase's load. A larger one is a typing error.
pub const MAX_LOAD_MULTIPLIER: f64 = 1_000.0;

/// Mixes of a plan; each is looked up for every scenario.
pub const MAX_MIXES: usize = 100;

/// Weight of one share of a mix.
pub const MAX_SHARE_WEIGHT: u64 = 1_000_000;

/// Sum of a mix's weights, divided by their greatest common divisor: the engine keeps the round in which shares are
/// dealt out as a table, which should stay in the processor's cache.
pub const MAX_MIX_WEIGHTS: u64 = 10_000;

/// Stages of an executor. The engine walks them for every arrival, and a person draws no longer line.
pub const MAX_STAGES: usize = 1_000;

/// Iterations of a scenario that counts them, of all its virtual users: a million a second for eleven days. Counts of
/// this size are exact as floating-point numbers.
pub const MAX_ITERATIONS: u64 = 1_000_000_000_000;

/// Rate limits of a plan; each operation asks every limit that covers it.
pub const MAX_RATE_LIMITS: usize = 100;

/// Most tokens a rate limit saves up: as many as the highest rate lets through in 100 seconds.
pub const MAX_BURST: u64 = 1_000_000_000;

/// Thresholds of a plan, criteria of its phases included. All are judged once a second, and each has its row in every
/// report.
pub const MAX_THRESHOLDS: usize = 500;

/// Bytes of a threshold's text: seven filters with names of 200 bytes fit.
pub const MAX_EXPRESSION_BYTES: usize = 2_000;

/// Longest sliding window of a threshold, in milliseconds: ten minutes. For each second of it the judge keeps the
/// histograms of what the threshold looks at.
pub const MAX_WINDOW_MS: u64 = 600_000;

/// Greatest weight of a threshold in the score. One that matters more than a thousand others is `key`.
pub const MAX_WEIGHT: f64 = 1_000.0;

/// Metrics a plan declares: as many as a run can record.
pub const MAX_DECLARED_METRICS: usize = 1_000;

/// Workloads of other plugins in a plan, over all its phases. Each is compiled, planned and set up before the load.
pub const MAX_WORKLOADS: usize = 100;

/// Bytes of the rule of a finding.
pub const MAX_FINDING_RULE_BYTES: usize = 200;

/// Bytes of each text of a finding: enough for a request and its answer in short.
pub const MAX_FINDING_TEXT_BYTES: usize = 4_000;
