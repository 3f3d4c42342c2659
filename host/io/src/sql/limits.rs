//! Caps of the SQL engine, with their reasons.

/// Connections one virtual user may hold: a database server has some hundred in all.
pub const MAX_CONNECTIONS: usize = 16;

/// Connections a pool may have on one core, whatever its option says: more than servers accept.
pub const MAX_POOL: u32 = 10_000;

/// Statements one virtual user may prepare on one connection: each is kept by the server too, for each connection.
pub const MAX_STATEMENTS: usize = 1_000;

/// Bytes of one statement, or of a text that is run at once: a large insert or a schema.
pub const MAX_STATEMENT_BYTES: usize = 1 << 20;

/// Parameters of one statement: PostgreSQL's and MySQL's protocols count them in 16 bits.
pub const MAX_PARAMETERS: usize = 65_535;

/// Rows of one result that a virtual user may keep; more are counted only.
pub const MAX_KEPT_ROWS: usize = 10_000;

/// Bytes of the rows of one result that a virtual user may keep, as they came from the server.
pub const MAX_KEPT_BYTES: usize = 4 << 20;

/// Bytes of the text kept of one error: servers quote the statement.
pub(crate) const MAX_ERROR_BYTES: usize = 400;

/// Bytes of an application's name: PostgreSQL keeps 63.
pub(crate) const MAX_NAME_BYTES: usize = 63;

/// How much longer than the server the engine waits for a statement to end by its timeout, in nanoseconds: a statement the
/// server ends leaves its connection usable.
pub(crate) const SERVER_GRACE_NS: u64 = 250_000_000;

/// Longest time for the clean-up after an iteration, and for saying goodbye to a server, in nanoseconds.
pub(crate) const CLEAN_UP_NS: u64 = 5_000_000_000;

/// Cancellations that wait to be sent. Each is of one virtual user cut off in mid-statement.
pub(crate) const MAX_CANCELLATIONS: usize = 10_000;

/// Cancellations on their way at the same time: each is a connection more for a server that is busy.
pub(crate) const MAX_CANCELLING: usize = 8;

/// Longest time for one cancellation, and for those that are left when a run is over, in milliseconds.
pub(crate) const CANCEL_MS: u64 = 2_000;
