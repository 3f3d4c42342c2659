//! Every cap of the Redis engine, with its reason. Bytes of replies are those of the run's HTTP settings.

/// Connections one virtual user opens. A client has one, or one for each of a few servers; each costs the server memory.
pub const MAX_CONNECTIONS: usize = 64;

/// Commands of one pipeline; their replies are all held until the next operation.
pub const MAX_PIPELINE: usize = 1_000;

/// Words of one command, such as an `MSET` of a few thousand keys.
pub const MAX_WORDS: usize = 10_000;

/// Slots of one command.
pub const MAX_SLOTS: usize = 1_000;

/// Bytes of a line of a reply: a type with a length or number, a status or an error. Servers send far shorter ones.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// How deep replies nest. `COMMAND DOCS` nests eight deep; a module's JSON a little more.
pub const MAX_DEPTH: usize = 32;

/// How often one command follows `MOVED` or `ASK` before it fails: two suffice while slots move.
pub(crate) const MAX_HOPS: u32 = 5;

/// Nodes of a cluster, which Redis itself recommends to keep below this.
pub(crate) const MAX_NODES: usize = 1_000;
