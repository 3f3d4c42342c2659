//! What is known of one fired request.

use stresshost_metrics::{ErrorKind, Phases};

/// One fired request, answered or failed. Times are nanoseconds on the run clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Status of the (last) answer; 0 when none came.
    pub status: u16,
    /// Why it failed, if it did.
    pub error: Option<ErrorKind>,
    /// What happened, for people. A status that was not expected has none: the status says it.
    pub error_text: Option<Box<str>>,
    /// Just before connecting or writing.
    pub fired_ns: u64,
    /// When the last byte was read, or the failure was noticed.
    pub done_ns: u64,
    /// Where the time went; summed over redirects and reconnects.
    pub phases: Phases,
    /// Bytes handed to the transport, before TLS.
    pub bytes_sent: u64,
    /// Bytes taken from the transport, after TLS.
    pub bytes_received: u64,
    /// Bytes of the answer's body, content coding still on.
    pub body_bytes: u64,
    /// Connections made for it.
    pub connects: u16,
    /// Of those, how many replaced an idle connection that the server had closed.
    pub reconnects: u16,
    /// Redirects followed.
    pub redirects: u16,
}
