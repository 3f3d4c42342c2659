//! What is known of one operation.

use stresshost_metrics::{ErrorKind, Phases};

use crate::failure::Failure;

/// One exchange or operation that ended, well or not, or one connection that was made or not. Times are nanoseconds on the
/// run clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Why it failed, if it did.
    pub error: Option<ErrorKind>,
    /// What happened, for people.
    pub error_text: Option<Box<str>>,
    /// Just before connecting or writing.
    pub fired_ns: u64,
    /// When the last byte that was read had arrived, or without a reply the last one was sent, or the failure was noticed.
    pub done_ns: u64,
    /// Where the time went.
    pub phases: Phases,
    /// Bytes handed to the transport, before TLS.
    pub bytes_sent: u64,
    /// Bytes taken from the transport, after TLS.
    pub bytes_received: u64,
    /// Bytes of the reply.
    pub reply_bytes: u64,
}

impl Outcome {
    /// An operation of which nothing was sent.
    pub(crate) fn unsent(error: ErrorKind, text: &str, at_ns: u64) -> Self {
        let mut outcome = Self { fired_ns: at_ns, done_ns: at_ns, ..Self::default() };
        outcome.fail(Failure::new(error, text));
        outcome
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.error = Some(failure.kind);
        self.error_text = Some(failure.text);
    }
}
