//! Caps on plugins, with their reasons.

/// Bytes of linear memory of one instance. Ten thousand virtual users at the cap would be 640 GB of address space,
/// of which only touched pages are resident; a leak in one user ends that user, not the host.
pub const MAX_MEMORY_BYTES: usize = 64 << 20;

/// Bytes of linear memory while a plugin plans or analyses: documents may be large there, and there is one instance.
pub const MAX_CONTROL_MEMORY_BYTES: usize = 512 << 20;

/// Elements of one table. Function tables of real plugins hold a few thousand.
pub const MAX_TABLE_ELEMENTS: usize = 20_000;

/// Core instances of one virtual user: a Rust component has about four, one of Python with its libraries about forty.
pub const MAX_CORE_INSTANCES: usize = 64;

/// Memories of one virtual user.
pub const MAX_MEMORIES: usize = 4;

/// Tables of one virtual user: a Rust component has about six, one of Python about as many as core instances.
pub const MAX_TABLES: usize = 64;

/// Bytes of a guest's stack. The rest of the fiber's stack is the host's, for import calls.
pub const MAX_WASM_STACK_BYTES: usize = 256 << 10;

/// Bytes of a fiber's stack; only touched pages are resident.
pub const FIBER_STACK_BYTES: usize = 512 << 10;

/// Bytes a guest may hand to the host in one call, so that one call cannot exhaust the host's memory.
pub const MAX_HOSTCALL_BYTES: usize = 16 << 20;

/// Component handles alive in one instance. The contract has no resources; WASI streams are the only ones.
pub const MAX_COMPONENT_HANDLES: usize = 1_000;

/// Length of an epoch in milliseconds: how often a guest that does not call the host is looked at.
pub const EPOCH_MS: u64 = 10;

/// Milliseconds a guest may compute without calling a waiting import, in `start` and `iterate`: no measurement means
/// anything while a user computes for seconds.
pub const MAX_CALL_MS: u64 = 10_000;

/// The same while it plans, sets up or analyses: large documents take time to read.
pub const MAX_CONTROL_MS: u64 = 60_000;

/// How many times over a plugin is charged for computing past one epoch at a stretch, where plugins share a core: with
/// two of them, one that never waits is left a twentieth of the core, in slices that the other hardly notices.
pub const LONG_COMPUTE_WEIGHT: u64 = 10;

/// Computing beyond its share that a plugin may owe before it is held back, in nanoseconds: five epochs, so that what
/// computes much at a time but seldom never is.
pub const MAX_COMPUTE_DEBT_NS: u64 = 50_000_000;

/// Prepared requests of one instance.
pub const MAX_PREPARED: usize = 10_000;

/// Bytes of the prepared requests of one instance, which stand outside its memory: a few large uploads. All of a run's
/// count towards the memory of all its virtual users, one that several of them share once.
pub const MAX_PREPARED_BYTES: u64 = 64 << 20;

/// Requests through `wasi:http` that one instance may have under way: what a browser opens to a few servers.
pub const MAX_REQUESTS_IN_HAND: usize = 16;

/// Bytes of the body of a request through `wasi:http`, which is collected before it is sent.
pub const MAX_REQUEST_BODY_BYTES: u64 = 16 << 20;

/// Requests of one `send-all`; see also `stresshost_io::http::MAX_BATCH`.
pub const MAX_SHOTS: usize = 256;

/// Bytes of panic text kept of one instance.
pub const MAX_STDERR_BYTES: usize = 4 << 10;

/// Log lines shown of one run; more are counted.
pub const MAX_LOG_LINES: u64 = 1_000;

/// Log lines shown of one call of `describe`, `plan` or `analyze`.
pub const MAX_CONTROL_LOG_LINES: u64 = 100;

/// Bytes kept of the code and of the message of a failed iteration.
pub const MAX_FAILURE_BYTES: usize = 1_000;

/// Bytes of one log line.
pub const MAX_LOG_LINE_BYTES: usize = 1_000;

/// Files one run may write as artifacts.
pub const MAX_ARTIFACTS: usize = 10_000;

/// Bytes one run may write as artifacts.
pub const MAX_ARTIFACT_BYTES: u64 = 1 << 30;

/// Longest sleep of a guest, in microseconds: the longest plan.
pub const MAX_SLEEP_US: u64 = stresshost_plan::MAX_DURATION_MS * 1_000;

/// Instances up to which each gets the 4 GiB of address space that lets wasmtime leave out bounds checks. 47 bits of
/// address space hold 32,768 of them; half is left for everything else.
pub const MAX_UNCHECKED_INSTANCES: u64 = 16_000;

/// Bytes of address space of an instance past [`MAX_UNCHECKED_INSTANCES`]; a memory that outgrows it is moved once for each
/// further such step.
pub const DENSE_RESERVATION_BYTES: u64 = 1 << 20;
