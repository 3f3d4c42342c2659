//! One measured operation, and one finished iteration.

use crate::{ErrorKind, MetricId, MetricKind, OpId};

/// Which part of the run a sample belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Before the warm-up ended: counted and reported apart.
    Warmup = 0,
    /// The part that is judged.
    Measured = 1,
}

/// Where the time of one operation went, in nanoseconds; 0 where the phase did not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Name look-up. Names are looked up once a run, so this is the first operation's share.
    pub lookup_ns: u64,
    /// TCP (or unix socket) connect.
    pub connect_ns: u64,
    /// TLS handshake.
    pub tls_ns: u64,
    /// From the first byte written to the last byte handed to the kernel.
    pub write_ns: u64,
    /// From the last byte written to the first byte of the answer.
    pub wait_ns: u64,
    /// From the first byte of the answer to its last.
    pub body_ns: u64,
}

/// One operation: a request, a statement, a command. A failed operation is a sample too.
///
/// Times are nanoseconds on the run clock. `service = done - fired`, `response = done - intended`,
/// `lag = fired - intended`.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Which operation.
    pub op: OpId,
    /// Index of the scenario in the plan.
    pub scenario: u16,
    /// Warm-up or measured.
    pub window: Window,
    /// Protocol status, such as 200 for HTTP; 0 where there is none.
    pub status: u16,
    /// Why it failed, if it did.
    pub error: Option<ErrorKind>,
    /// When it should have started.
    pub intended_ns: u64,
    /// When it did start: just before connecting or writing.
    pub fired_ns: u64,
    /// When its last byte was read, or it failed.
    pub done_ns: u64,
    /// Where the time between `fired_ns` and `done_ns` went.
    pub phases: Phases,
    /// Bytes handed to the transport, protocol overhead included.
    pub bytes_sent: u64,
    /// Bytes taken from the transport, protocol overhead included.
    pub bytes_received: u64,
}

/// One observation of a custom metric.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// Which metric.
    pub metric: MetricId,
    /// What it holds.
    pub kind: MetricKind,
    /// Index of the scenario in the plan.
    pub scenario: u16,
    /// Warm-up or measured.
    pub window: Window,
    /// An increment, a value, or for a rate whether it is not 0.
    pub value: f64,
    /// When it was made, in nanoseconds on the run clock.
    pub at_ns: u64,
}

/// How an iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterationEnd {
    /// The guest returned success.
    Finished,
    /// The guest returned a failure.
    Failed,
    /// The run stopped it after the grace period.
    Interrupted,
    /// The plugin itself broke: a trap, a panic, a limit.
    Faulted,
}

/// One iteration that was started.
#[derive(Clone, Copy, Debug)]
pub struct IterationSample {
    /// Index of the scenario in the plan.
    pub scenario: u16,
    /// Warm-up or measured.
    pub window: Window,
    /// How it ended.
    pub end: IterationEnd,
    /// When it should have started.
    pub intended_ns: u64,
    /// When it did start.
    pub started_ns: u64,
    /// When it ended.
    pub done_ns: u64,
}
