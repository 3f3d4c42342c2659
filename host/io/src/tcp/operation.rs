//! An operation whose reply the caller reads piece by piece.

use std::task::{Context, Poll, ready};

use stresshost_metrics::{ErrorKind, Phases};

use super::core::TcpCore;
use super::outcome::Outcome;
use super::wire::Wire;
use crate::failure::Failure;

/// An operation that was begun and not ended.
pub(crate) struct Operation {
    /// Place of its connection in the session.
    pub(crate) place: usize,
    /// None once it has failed: the connection is closed then.
    pub(crate) wire: Option<Box<Wire>>,
    pub(crate) timeout_ns: u64,
    /// Bytes of all that is read, after which it fails.
    most: u64,
    outcome: Outcome,
}

/// What is read of a reply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece<'a> {
    /// All up to a delimiter, itself included, at most so many bytes.
    Until(&'a [u8], usize),
    /// So many bytes.
    Exactly(usize),
}

impl Operation {
    pub(crate) fn new(place: usize, wire: Box<Wire>, fired_ns: u64, timeout_ns: u64, most: u64) -> Self {
        let outcome = Outcome { fired_ns, ..Outcome::default() };
        Self { place, wire: Some(wire), timeout_ns, most, outcome }
    }

    /// An operation that failed before it could begin.
    pub(crate) const fn failed(place: usize, outcome: Outcome) -> Self {
        Self { place, wire: None, timeout_ns: 0, most: 0, outcome }
    }

    pub(crate) const fn deadline_ns(&self) -> u64 {
        self.outcome.fired_ns.saturating_add(self.timeout_ns)
    }

    /// Why it has failed, if it has.
    pub(crate) const fn error(&self) -> Option<ErrorKind> {
        self.outcome.error
    }

    /// Sends the first bytes.
    pub(crate) fn begin(&mut self, cx: &mut Context<'_>, core: &TcpCore, bytes: &[u8]) {
        self.outcome.bytes_sent += bytes.len() as u64;
        if let Some(wire) = &mut self.wire {
            wire.begin(cx, core, bytes);
        }
    }

    /// Sends more bytes.
    pub(crate) fn send(&mut self, cx: &mut Context<'_>, core: &TcpCore, bytes: &[u8]) {
        self.outcome.bytes_sent += bytes.len() as u64;
        if let Some(wire) = &mut self.wire {
            wire.send(cx, core, bytes);
        }
    }

    /// Ready when nothing is left to send.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>, core: &TcpCore) -> Poll<Result<(), Failure>> {
        self.wire.as_mut().map_or(Poll::Ready(()), |wire| wire.poll_sent(cx, core)).map(Ok)
    }

    /// Ends all that can be done with it: the connection is closed.
    pub(crate) fn fail(&mut self, core: &TcpCore, failure: Failure) -> ErrorKind {
        let kind = failure.kind;
        if let Some(mut wire) = self.wire.take() {
            self.note(&wire);
            wire.give_back(core);
        }
        self.outcome.done_ns = core.clock().now_ns();
        self.outcome.fail(failure);
        kind
    }

    /// Takes the next piece of the reply, if it has arrived. What a delimiter is looked for in begins at `looked_at`.
    pub(crate) fn take(
        &mut self,
        core: &TcpCore,
        piece: Piece<'_>,
        looked_at: &mut usize,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let Some(wire) = self.wire.as_mut() else { return Ok(None) };
        let unread = wire.unread();
        let length = match piece {
            Piece::Exactly(length) => Some(length).filter(|&length| length <= unread.len()),
            Piece::Until(delimiter, most) => {
                let from = looked_at.saturating_sub(delimiter.len().saturating_sub(1));
                let found = memchr::memmem::find(unread.get(from..).unwrap_or_default(), delimiter);
                let length = found.map(|at| from + at + delimiter.len());
                *looked_at = unread.len();
                if length.unwrap_or(unread.len()) > most {
                    let text = format!("there is no `{}` within {most} bytes", delimiter.escape_ascii());
                    return Err(Failure::new(ErrorKind::TooLarge, text));
                }
                length
            }
        };
        let Some(bytes) = length.and_then(|length| unread.get(..length)) else { return Ok(None) };
        let bytes = bytes.to_vec();
        wire.take(core, bytes.len());
        self.took(bytes.len());
        Ok(Some(bytes))
    }

    /// Drops bytes that have arrived, at most `count`; how many.
    pub(crate) fn drop_unread(&mut self, core: &TcpCore, count: u64) -> u64 {
        let Some(wire) = self.wire.as_mut() else { return 0 };
        let there = usize::try_from(count).unwrap_or(usize::MAX).min(wire.unread().len());
        if there > 0 {
            wire.take(core, there);
            self.took(there);
        }
        there as u64
    }

    fn took(&mut self, count: usize) {
        self.outcome.reply_bytes += count as u64;
        if let Some(wire) = &self.wire {
            self.outcome.done_ns = wire.last_byte_ns;
        }
    }

    /// Ready when more has arrived, for which room is made: at least `least` bytes are wanted.
    pub(crate) fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        core: &TcpCore,
        least: usize,
    ) -> Poll<Result<(), Failure>> {
        let Some(wire) = self.wire.as_mut() else {
            return Poll::Ready(Err(Failure::new(ErrorKind::Invalid, "the operation is over")));
        };
        if wire.received > self.most {
            let text = format!("the reply is longer than {} bytes", self.most);
            return Poll::Ready(Err(Failure::new(ErrorKind::TooLarge, text)));
        }
        if !wire.make_room_for(core, least) {
            let text = "there is no memory left to keep more of the reply";
            return Poll::Ready(Err(Failure::new(ErrorKind::TooLarge, text)));
        }
        ready!(wire.poll_more(cx, core))?;
        Poll::Ready(Ok(()))
    }

    /// What came of it, as the caller says unless it has failed already; and its connection, if that is fit for another.
    pub(crate) fn end(mut self, core: &TcpCore, verdict: Option<Failure>) -> (Outcome, Option<Box<Wire>>) {
        let Some(mut wire) = self.wire.take() else { return (self.outcome, None) };
        self.note(&wire);
        let mut outcome = self.outcome;
        if outcome.done_ns == 0 {
            let written_ns = wire.sender.written_ns();
            outcome.done_ns = if written_ns == 0 { core.clock().now_ns() } else { written_ns };
        }
        wire.end(wire.unread().len());
        // Where the caller cannot read the reply, nobody knows where the next one begins.
        let is_lost = verdict.as_ref().is_some_and(|failure| failure.kind == ErrorKind::Malformed);
        if let Some(failure) = verdict.or_else(|| wire.unwritten()) {
            outcome.fail(failure);
        }
        wire.give_back(core);
        (outcome, Some(wire).filter(|_| !is_lost))
    }

    /// Takes over what the connection knows.
    fn note(&mut self, wire: &Wire) {
        let outcome = &mut self.outcome;
        outcome.bytes_received = wire.received;
        outcome.phases = phases(wire, outcome.fired_ns);
    }
}

/// Where the time of an exchange went, as far as it got.
pub(crate) fn phases(wire: &Wire, fired_ns: u64) -> Phases {
    let (written_ns, first_ns) = (wire.sender.written_ns(), wire.first_byte_ns);
    // A reply may come before all is sent; then nothing was waited for after that.
    let written_ns = if written_ns == 0 { fired_ns } else { written_ns };
    let written_ns = if first_ns > 0 { written_ns.min(first_ns) } else { written_ns };
    Phases {
        write_ns: written_ns.saturating_sub(fired_ns),
        wait_ns: first_ns.saturating_sub(written_ns),
        body_ns: wire.last_byte_ns.saturating_sub(first_ns),
        ..Phases::default()
    }
}
