//! Bytes on their way out, of which a socket may not take all at once.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use stresshost_clock::Clock;
use stresshost_metrics::ErrorKind;
use tokio::io::AsyncWrite;

use crate::failure::Failure;
use crate::stream::Stream;

/// What is being sent on one connection.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    /// What the socket did not take at once, and how much of it went out since.
    unsent: Vec<u8>,
    sent_of_unsent: usize,
    is_sending: bool,
    error: Option<io::Error>,
    written_ns: u64,
}

impl Sender {
    /// Forgets the sending before.
    pub(crate) fn restart(&mut self) {
        self.written_ns = 0;
        self.error = None;
    }

    /// Sends bytes after those that are on their way.
    pub(crate) fn send(&mut self, cx: &mut Context<'_>, stream: &mut Stream, clock: Clock, bytes: &[u8]) {
        if self.error.is_some() {
            return;
        }
        if self.sent_of_unsent < self.unsent.len() {
            self.unsent.extend_from_slice(bytes);
            return self.poll(cx, stream, clock);
        }
        self.is_sending = true;
        let mut sent = 0;
        while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
            match stream.poll_send(cx, rest) {
                Poll::Ready(Ok(count)) => sent += count,
                Poll::Ready(Err(error)) => return self.failed(error),
                Poll::Pending => {
                    self.unsent.extend_from_slice(rest);
                    return;
                }
            }
        }
        self.poll_flush(cx, stream, clock);
    }

    /// Goes on sending, if there is something left to send.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, stream: &mut Stream, clock: Clock) {
        if self.is_sending {
            self.poll_unsent(cx, stream, clock);
        }
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>, stream: &mut Stream, clock: Clock) {
        while let Some(rest) = self.unsent.get(self.sent_of_unsent..).filter(|rest| !rest.is_empty()) {
            match stream.poll_send(cx, rest) {
                Poll::Ready(Ok(count)) => self.sent_of_unsent += count,
                Poll::Ready(Err(error)) => return self.failed(error),
                Poll::Pending => return,
            }
        }
        self.unsent = Vec::new();
        self.sent_of_unsent = 0;
        self.poll_flush(cx, stream, clock);
    }

    /// TLS may hold the last record back; plain sockets do nothing here.
    fn poll_flush(&mut self, cx: &mut Context<'_>, stream: &mut Stream, clock: Clock) {
        match Pin::new(stream).poll_flush(cx) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => {
                self.is_sending = false;
                self.written_ns = clock.now_ns();
            }
            Poll::Ready(Err(error)) => self.failed(error),
        }
    }

    /// Who sends goes on reading: the server may have answered before it closed, and that answer says more than the broken
    /// write.
    fn failed(&mut self, error: io::Error) {
        self.error = Some(error);
        self.is_sending = false;
    }

    /// Whether nothing is left to send: all went out, or nothing will any more.
    pub(crate) const fn is_over(&self) -> bool {
        !self.is_sending
    }

    /// Whether all went out.
    pub(crate) const fn is_sent(&self) -> bool {
        !self.is_sending && self.error.is_none()
    }

    /// When the last byte went out, in nanoseconds on the run clock; 0 for not yet.
    pub(crate) const fn written_ns(&self) -> u64 {
        self.written_ns
    }

    /// The failure of a write that nothing was read after.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.error.as_ref().map(|error| Failure::from_io(error, ErrorKind::Write))
    }

    /// How an exchange failed whose reply could not be read: `error`, or the write that failed before it.
    pub(crate) fn read_failed(&self, error: &io::Error, is_answered: bool) -> Failure {
        self.unanswered(is_answered).unwrap_or_else(|| Failure::from_io(error, ErrorKind::Reset))
    }

    /// The same where the server closed the connection.
    pub(crate) fn closed(&self, is_answered: bool) -> Failure {
        let text = "the server closed the connection before the reply was there";
        self.unanswered(is_answered).unwrap_or_else(|| Failure::new(ErrorKind::Closed, text))
    }

    /// The failure of the write, unless a part of the reply was read after it.
    pub(crate) fn unanswered(&self, is_answered: bool) -> Option<Failure> {
        self.failure().filter(|_| !is_answered)
    }
}
