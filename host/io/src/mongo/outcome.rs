//! What is known of one operation.

use stresshost_metrics::{ErrorKind, Phases};

/// One command that was answered or failed, or one connection that was made or not. Times are nanoseconds on the run
/// clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Documents returned, or the reply's `n`.
    pub count: u64,
    /// Why it failed, if it did.
    pub error: Option<ErrorKind>,
    /// The server's own code of the failure.
    pub error_code: Option<i32>,
    /// What happened, for people.
    pub error_text: Option<Box<str>>,
    /// Just before connecting or writing.
    pub fired_ns: u64,
    /// When the last byte was read, or the failure was noticed.
    pub done_ns: u64,
    /// Where the time went.
    pub phases: Phases,
    /// Bytes handed to the transport, before TLS.
    pub bytes_sent: u64,
    /// Bytes taken from the transport, after TLS.
    pub bytes_received: u64,
}

impl Outcome {
    /// An operation of which nothing was sent.
    pub(crate) fn unsent(error: ErrorKind, text: &str, at_ns: u64) -> Self {
        Self {
            error: Some(error),
            error_text: Some(text.into()),
            fired_ns: at_ns,
            done_ns: at_ns,
            ..Self::default()
        }
    }
}
