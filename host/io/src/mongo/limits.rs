//! Every cap of the MongoDB engine, with its reason. How much is kept of replies is the run's HTTP setting.

/// Connections one virtual user opens. A client has one, or one for each of a few servers; each costs the server memory.
pub const MAX_CONNECTIONS: usize = 64;

/// Bytes of a command's text: a large batch of documents.
pub const MAX_COMMAND_BYTES: usize = 1 << 20;

/// Values of one command.
pub const MAX_VALUES: usize = 1_000;

/// How deep a value may stand in a command.
pub(crate) const MAX_OPEN: usize = 32;

/// Bytes of a message: what servers accept and send (`maxMessageSizeBytes`).
pub(crate) const MAX_MESSAGE_BYTES: usize = 48_000_000;

/// How deep documents nest in a reply that is shown: servers store no deeper ones (`BSON nesting depth`), and their own
/// statistics are flatter.
pub(crate) const MAX_DEPTH: usize = 120;

/// How much longer than the server the engine waits for a command to end by its timeout, in nanoseconds: a command the
/// server ends leaves its connection usable.
pub(crate) const SERVER_GRACE_NS: u64 = 250_000_000;

/// Rounds of hashing that a server may ask of a log-in. MongoDB asks for 15,000; far more would hold up the core's other
/// users.
pub(crate) const MAX_ITERATIONS: u32 = 1_000_000;

/// The fewest that are secure (RFC 7677, section 4).
pub(crate) const MIN_ITERATIONS: u32 = 4_096;
