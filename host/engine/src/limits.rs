//! Caps of the engine, with their reasons.

/// Faults after which a plugin is given up, unless the run's policy says otherwise: by then it is broken, not unlucky.
pub const MAX_FAULTS: u64 = 100;

/// Distinct fault texts kept for the report.
pub const MAX_FAULT_TEXTS: usize = 20;

/// Bytes of a fault's text kept: a backtrace fits, a flood does not.
pub const MAX_FAULT_TEXT_BYTES: usize = 4_096;

/// First pause before a broken virtual user is started again, in milliseconds; it doubles with each fault.
pub const FAULT_BACKOFF_MS: u64 = 10;

/// Longest such pause, in milliseconds.
pub const FAULT_BACKOFF_MAX_MS: u64 = 1_000;

/// Longest the plugin's tear-down may take, in milliseconds: what does not end must not keep the report.
pub const TEARDOWN_LIMIT_MS: u64 = 30_000;

/// Length of a snapshot's interval in milliseconds.
pub const TICK_MS: u64 = 1_000;

/// Blocks of measurements on their way from cores to control, per core. When control lags, a core keeps adding to the
/// block it has, so nothing is lost and nothing grows.
pub const BLOCKS_IN_FLIGHT: usize = 4;

/// Time between the last core being ready and the load beginning, in milliseconds: every core must have heard of the
/// beginning before it comes.
pub const START_LEAD_MS: u64 = 20;

/// Changes of a stream's rate that are remembered while arrivals of before are waiting for a virtual user. Of a backlog
/// with more changes in it, the oldest arrivals count as due at the oldest change that is remembered.
pub const MAX_RATE_CHANGES: usize = 1_000;

/// How far the thread that watches a run stands back behind its cores, as a nice value: a tenth of a core is left to it
/// where they share one, which is enough to fold a second of measurements.
pub const WATCHER_NICE: i32 = 10;
