//! Every cap of the HTTP engine, with its reason.

/// Bytes of a pooled read buffer. One read takes a typical answer whole, and a few of them stay in the L1/L2 cache.
pub(crate) const READ_BUFFER_BYTES: usize = 16 * 1024;

/// Read buffers a core keeps for reuse; more than this many answers are rarely held at once, and 4 MiB a core is
/// what an idle pool may cost.
pub(crate) const MAX_POOLED_BUFFERS: usize = 256;

/// Memory that all large bodies of a run hold together: a thousand of the largest that one answer keeps.
pub const MAX_KEPT_BYTES: u64 = 1 << 30;

/// Free space kept at the end of a buffer while a body is read that is no longer kept, so that a large download
/// costs one system call per this many bytes.
pub(crate) const BULK_READ_BYTES: usize = 64 * 1024;

/// Scratch space a core keeps between requests for rendering; a larger rendering is freed.
pub(crate) const MAX_SCRATCH_BYTES: usize = 256 * 1024;

/// A fixed body up to this size is joined to the head and sent in one plain write; a larger one is not copied.
pub(crate) const MAX_JOINED_BODY_BYTES: usize = 16 * 1024;

/// Header lines of one answer. Real servers send 5 to 40.
pub(crate) const MAX_HEADERS: usize = 100;

/// Heads of answers a core remembers. It asks few servers at a time, and all of these are compared with a new one.
pub(crate) const MAX_KNOWN_HEADS: usize = 4;

/// Bytes of a head that is remembered; a longer one is unlikely to come again unchanged, with its cookies and ids.
pub(crate) const MAX_KNOWN_HEAD_BYTES: usize = 1024;

/// Informational (1xx) answers skipped before a final one; a server that only sends those would never end.
pub(crate) const MAX_INFORMATIONAL: u8 = 16;

/// Bytes of chunk extensions in one answer: nobody uses them but attackers.
pub(crate) const MAX_CHUNK_EXTENSION_BYTES: usize = 16 * 1024;

/// Requests of one batch that are in flight at once; each needs its own HTTP/1.1 connection.
pub const MAX_CONCURRENT: usize = 64;

/// Requests of one batch; their answers are all held until the batch is released.
pub const MAX_BATCH: usize = 1_000;

/// Idle connections one session keeps, over all origins.
pub const MAX_IDLE_CONNECTIONS: usize = 64;

/// Compiled requests a core remembers for sharing between virtual users; past it a request is compiled for its
/// virtual user alone.
pub(crate) const MAX_CACHED_REQUESTS: usize = 10_000;

/// Names a run remembers the addresses of; past it a name is looked up on every connect.
pub(crate) const MAX_CACHED_NAMES: usize = 4_096;

/// How long a failed look-up is remembered, so that thousands of users do not queue up for the same failure.
pub(crate) const FAILED_LOOKUP_NS: u64 = 1_000_000_000;

/// Addresses of one name that are tried.
pub(crate) const MAX_ADDRESSES: usize = 8;

/// Redirects one request may follow, whatever its option says.
pub const MAX_REDIRECTS: u32 = 50;

/// Placeholders of one request.
pub const MAX_SLOTS: usize = 1_000;

/// Bytes of a request's method, URL and headers; servers accept far less.
pub const MAX_REQUEST_HEAD_BYTES: usize = 256 * 1024;

/// Content codings stacked on one body that are undone.
pub(crate) const MAX_CODINGS: usize = 3;

/// Bytes of the text kept with one failure.
pub(crate) const MAX_ERROR_TEXT_BYTES: usize = 400;
