//! Every cap of this plugin, with its reason.

/// Scenarios of one config: each is a row of every table of the report.
pub(crate) const MAX_SCENARIOS: usize = 100;

/// Statements of one scenario. Each has histograms of its own, and a run names at most 1,000 operations.
pub(crate) const MAX_STATEMENTS: usize = 200;

/// Parameters of one statement: the servers' own limit is 65,535; nobody writes generators for more than these.
pub(crate) const MAX_PARAMETERS: usize = 500;

/// Invariants of one config: each is a query before and after the load.
pub(crate) const MAX_INVARIANTS: usize = 100;

/// Values of a column kept for a generator: they are handed to every virtual user.
pub(crate) const MAX_SAMPLES: usize = 200;

/// Rows that a sample of a column is taken from, so that looking at a large table takes no time.
pub(crate) const SAMPLED_ROWS: u64 = 10_000;

/// Rows of a built-in key-value table when none are asked for.
pub(crate) const DEFAULT_ROWS: u64 = 10_000;

/// Most rows of a built-in data set: loading takes a statement for every thousand.
pub(crate) const MAX_ROWS: u64 = 100_000_000;

/// Rows of one statement that loads a built-in data set.
pub(crate) const LOAD_ROWS: u64 = 1_000;

/// Documents of one command that loads a built-in collection: half a megabyte, far below what a message may hold.
pub(crate) const LOAD_DOCUMENTS: u64 = 500;

/// Most that the built-in TPC data sets are scaled: a branch has 100,000 accounts, a warehouse 30,000 customers.
pub(crate) const MAX_SCALE: u64 = 1_000;

/// From one look at the server's sessions to the next, in milliseconds: 20 a second, as samplers of wait events have it.
pub(crate) const SAMPLE_EVERY_MS: u64 = 50;

/// Looks at the sessions for one at replicas and statements, which take the server more and change slowly.
pub(crate) const SELDOM: u32 = 10;

/// Part of the planned duration that each pool size of a sweep is tried for, and its bounds in milliseconds.
pub(crate) const SWEEP_SHARE: u64 = 10;
pub(crate) const SWEEP_MS: (u64, u64) = (1_000, 30_000);

/// Most time for what is checked after the load, in milliseconds.
pub(crate) const VERIFY_MS: u64 = 600_000;

/// Pauses before a lost connection is opened again, in milliseconds: the first, and the longest of the doubled ones.
pub(crate) const RECONNECT_MS: (u64, u64) = (50, 2_000);

/// Connections that a server keeps for others: the run leaves so many free.
pub(crate) const SPARE_CONNECTIONS: u64 = 1;

/// Bytes of a line of evidence: a finding's evidence holds 4,000 in all.
pub(crate) const MAX_EVIDENCE_LINE: usize = 250;

/// Bytes of a finding's evidence.
pub(crate) const MAX_EVIDENCE: usize = 4_000;

/// Rows that a sequential scan may read before it is told: smaller tables are read whole with good reason.
pub(crate) const SMALL_TABLE_ROWS: f64 = 1_000.0;

/// Factor between rows estimated and rows found from which on an estimate is told.
pub(crate) const WRONG_ESTIMATE: f64 = 10.0;

/// Times that a statement is executed before and after, to measure an index.
pub(crate) const PROVE_RUNS: u32 = 20;

/// Rows of a table of which a scratch copy is made.
pub(crate) const MAX_PROVE_ROWS: u64 = 5_000_000;

/// Rows of a table in a report: people begin with the first.
pub(crate) const SHOWN: usize = 20;
