//! The engine as one virtual user sees it.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use stresshost_metrics::ErrorKind;

use super::connect::connect;
use super::core::TcpCore;
use super::exchange::{Exchange, ExchangeError, ExchangeSpec};
use super::framing::Scan;
use super::limits::{MAX_CONNECTIONS, MAX_DELIMITER_BYTES, READ_BYTES};
use super::operation::{Operation, Piece, phases};
use super::outcome::Outcome;
use super::target::{Target, TargetError, TargetSpec};
use super::wire::Wire;
use crate::buffer_pool::Buffer;
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::origin::Origin;
use crate::timeout::late;

/// A connection cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There are enough.
    #[error("more than {MAX_CONNECTIONS} connections; close those that are done with")]
    TooMany,
    /// What the plugin asked for.
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// A reply cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// There is none.
    #[error("there is no reply")]
    Gone,
    /// It was too large.
    #[error("the reply was longer than what is kept of one")]
    NotKept,
}

/// One virtual user's connections, the operation under way and the latest reply.
pub struct TcpSession {
    core: TcpCore,
    /// Places of closed connections are used again.
    links: Vec<Option<Link>>,
    deadline: Deadline,
    reply: Option<Held>,
    open: Option<Operation>,
}

struct Link {
    target: Target,
    /// Taken out while it is used: an exchange that is given up takes its connection with it.
    wire: Option<Box<Wire>>,
}

/// The reply to the latest exchange.
struct Held {
    buffer: Option<Buffer>,
    length: usize,
    is_whole: bool,
}

impl TcpSession {
    /// A session without connections, on the current thread's core.
    pub fn new(core: TcpCore) -> Self {
        Self { core, links: Vec::new(), deadline: Deadline::default(), reply: None, open: None }
    }

    /// A place for a connection, which [`Self::connect`] then makes.
    ///
    /// # Errors
    /// When the target cannot be read, or there are too many connections.
    pub fn open(&mut self, spec: &TargetSpec<'_>) -> Result<usize, OpenError> {
        let link = Link { target: self.core.target(spec)?, wire: None };
        if let Some(free) = self.links.iter().position(Option::is_none) {
            self.links[free] = Some(link);
            return Ok(free);
        }
        if self.links.len() >= MAX_CONNECTIONS {
            return Err(OpenError::TooMany);
        }
        self.links.push(Some(link));
        Ok(self.links.len() - 1)
    }

    /// Where a connection leads.
    pub fn origin(&self, place: usize) -> Option<Arc<Origin>> {
        self.link(place).map(|link| Arc::clone(&link.target.origin))
    }

    /// Closes a connection; its place may be another's then.
    pub fn close(&mut self, place: usize) {
        if let Some(link) = self.links.get_mut(place) {
            *link = None;
        }
    }

    /// Whether something can be sent; if not, [`Self::connect`] makes the connection anew.
    pub fn is_connected(&mut self, place: usize) -> bool {
        let wire = self.links.get_mut(place).and_then(|link| link.as_mut()?.wire.as_mut());
        wire.is_some_and(|wire| wire.is_usable(&self.core))
    }

    /// Whether a connection that was lost may be made again.
    pub fn reconnects(&self, place: usize) -> bool {
        self.link(place).is_some_and(|link| link.target.reconnects)
    }

    /// Connects, in the place of a connection that was there before.
    pub async fn connect(&mut self, place: usize) -> Outcome {
        let Some(Some(link)) = self.links.get_mut(place) else { return self.stale() };
        link.wire = None;
        // Boxed: thousands of users connect at the same time, and none of them often.
        let (outcome, wire) = Box::pin(connect(&self.core, &link.target)).await;
        link.wire = wire.map(Box::new);
        outcome
    }

    /// Compiles an exchange for a connection; none for a connection that is not there.
    ///
    /// # Errors
    /// When the exchange cannot be sent as it is written.
    pub fn prepare(&self, place: usize, spec: &ExchangeSpec<'_>) -> Option<Result<Exchange, ExchangeError>> {
        self.link(place).map(|link| self.core.compile(spec, &link.target.origin))
    }

    /// Sends an exchange on a connection that [is there](Self::is_connected) and waits for the whole reply. Dropping the
    /// future closes the connection.
    pub async fn send(&mut self, place: usize, exchange: &Exchange, values: &[Vec<u8>]) -> Outcome {
        self.release();
        let fired_ns = self.core.clock().now_ns();
        let Some(framing) = exchange.framing.as_ref().filter(|_| exchange.takes(values)) else {
            return Outcome::unsent(ErrorKind::Invalid, unfit(exchange, values), fired_ns);
        };
        let Some((mut wire, timeout_ns, most)) = self.take_wire(place, exchange) else {
            return self.stale();
        };
        let (core, deadline) = (&self.core, &mut self.deadline);
        let (mut scan, mut sent, mut is_begun) = (Scan::default(), 0, false);
        let result = poll_fn(|cx| {
            if !is_begun {
                is_begun = true;
                core.with_scratch(|scratch| {
                    exchange.render(values, scratch);
                    sent = scratch.len();
                    wire.begin(cx, core, scratch);
                });
            }
            if let Poll::Ready(result) = wire.poll_reply(cx, core, framing, &mut scan, most) {
                return Poll::Ready(result);
            }
            let deadline_ns = fired_ns.saturating_add(timeout_ns);
            if deadline.poll_passed(cx, core.clock(), core.timer(), deadline_ns) {
                return Poll::Ready(Err(late(timeout_ns)));
            }
            Poll::Pending
        })
        .await;
        let mut outcome = Outcome {
            fired_ns,
            bytes_sent: sent as u64,
            bytes_received: wire.received,
            phases: phases(&wire, fired_ns),
            ..Outcome::default()
        };
        match result {
            Ok(length) => {
                outcome.reply_bytes = length;
                let (last_ns, written_ns) = (wire.last_byte_ns, wire.sender.written_ns());
                // The reply may have come before all was sent, or with a greeting.
                outcome.done_ns = last_ns.max(written_ns).max(fired_ns);
                self.settle(&mut outcome, exchange, &mut wire, &scan);
                self.put_wire(place, wire);
            }
            Err(failure) => {
                outcome.done_ns = core.clock().now_ns();
                wire.give_back(core);
                outcome.fail(failure);
            }
        }
        outcome
    }

    /// Keeps a reply, and fails the exchange if it is another than expected.
    fn settle(&mut self, outcome: &mut Outcome, exchange: &Exchange, wire: &mut Wire, scan: &Scan) {
        let there = wire.received.saturating_sub(outcome.reply_bytes);
        wire.end(usize::try_from(there).unwrap_or(usize::MAX));
        let length = usize::try_from(outcome.reply_bytes).unwrap_or(usize::MAX);
        let held = Held { buffer: wire.take_buffer(), length, is_whole: scan.is_whole() };
        if let Some(text) = exchange.disappointment(held.data()) {
            outcome.fail(Failure::new(ErrorKind::StatusUnexpected, text));
        }
        self.reply = Some(held);
    }

    /// Begins an operation on a connection that [is there](Self::is_connected) by sending an exchange's bytes. What it reads
    /// then are the pieces that the caller takes; [`Self::end`] says what came of it. One that is open already is forgotten.
    ///
    /// # Errors
    /// The kind of failure that has ended the operation already; [`Self::end`] tells it too.
    pub async fn begin(
        &mut self,
        place: usize,
        exchange: &Exchange,
        values: &[Vec<u8>],
    ) -> Result<(), ErrorKind> {
        self.release();
        let fired_ns = self.core.clock().now_ns();
        if !exchange.takes(values) {
            let outcome = Outcome::unsent(ErrorKind::Invalid, unfit(exchange, values), fired_ns);
            return Err(self.begin_failed(place, outcome));
        }
        let Some((wire, timeout_ns, most)) = self.take_wire(place, exchange) else {
            let outcome = self.stale();
            return Err(self.begin_failed(place, outcome));
        };
        self.open = Some(Operation::new(place, wire, fired_ns, timeout_ns, most));
        let mut is_begun = false;
        self.work(|cx, core, operation| {
            if !std::mem::replace(&mut is_begun, true) {
                core.with_scratch(|scratch| {
                    exchange.render(values, scratch);
                    operation.begin(cx, core, scratch);
                });
            }
            operation.poll_sent(cx, core)
        })
        .await
    }

    /// Begins an operation that has failed already, for want of a connection.
    pub fn begin_failed(&mut self, place: usize, outcome: Outcome) -> ErrorKind {
        let kind = outcome.error.unwrap_or(ErrorKind::Invalid);
        self.open = Some(Operation::failed(place, outcome));
        kind
    }

    /// Sends more bytes within the open operation.
    ///
    /// # Errors
    /// The kind of failure that has ended the operation; `invalid` when none is open.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ErrorKind> {
        let mut is_begun = false;
        self.work(|cx, core, operation| {
            if !std::mem::replace(&mut is_begun, true) {
                operation.send(cx, core, bytes);
            }
            operation.poll_sent(cx, core)
        })
        .await
    }

    /// Reads up to a delimiter, itself included. More than `most` bytes before it are `too_large`.
    ///
    /// # Errors
    /// The kind of failure that has ended the operation; `invalid` when none is open.
    pub async fn read_until(&mut self, delimiter: &[u8], most: usize) -> Result<Vec<u8>, ErrorKind> {
        if !is_delimiter(delimiter) {
            let text = format!("a delimiter has 1 to {MAX_DELIMITER_BYTES} bytes");
            return Err(self.fail(Failure::new(ErrorKind::Invalid, text)));
        }
        let most = most.min(self.core.kept_bytes());
        self.read_piece(Piece::Until(delimiter, most), 1).await
    }

    /// Reads so many bytes.
    ///
    /// # Errors
    /// The kind of failure that has ended the operation; `invalid` when none is open.
    pub async fn read(&mut self, length: usize) -> Result<Vec<u8>, ErrorKind> {
        let most = self.core.kept_bytes();
        if length > most {
            let text = format!("{length} bytes are to be read at once; {most} are the most");
            return Err(self.fail(Failure::new(ErrorKind::TooLarge, text)));
        }
        self.read_piece(Piece::Exactly(length), length).await
    }

    /// What [`Self::read_until`] reads, if it has arrived.
    pub fn read_until_now(&mut self, delimiter: &[u8], most: usize) -> Option<Result<Vec<u8>, ErrorKind>> {
        if !is_delimiter(delimiter) {
            return None;
        }
        let most = most.min(self.core.kept_bytes());
        self.take_now(Piece::Until(delimiter, most))
    }

    /// What [`Self::read`] reads, if it has arrived.
    pub fn read_now(&mut self, length: usize) -> Option<Result<Vec<u8>, ErrorKind>> {
        self.take_now(Piece::Exactly(length))
    }

    fn take_now(&mut self, piece: Piece<'_>) -> Option<Result<Vec<u8>, ErrorKind>> {
        let operation = self.open.as_mut().filter(|operation| operation.error().is_none())?;
        match operation.take(&self.core, piece, &mut 0) {
            Ok(bytes) => bytes.map(Ok),
            Err(failure) => Some(Err(operation.fail(&self.core, failure))),
        }
    }

    async fn read_piece(&mut self, piece: Piece<'_>, length: usize) -> Result<Vec<u8>, ErrorKind> {
        let (mut looked_at, mut has_read) = (0, false);
        self.work(|cx, core, operation| {
            loop {
                if let Some(bytes) = operation.take(core, piece, &mut looked_at)? {
                    return Poll::Ready(Ok(bytes));
                }
                if has_read {
                    // A server that never stops sending must not keep the core's other users waiting.
                    ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
                }
                let unread = operation.wire.as_ref().map_or(0, |wire| wire.unread().len());
                let least = length.saturating_sub(unread).clamp(1, READ_BYTES);
                ready!(operation.poll_more(cx, core, least))?;
                has_read = true;
            }
        })
        .await
    }

    /// Reads so many bytes and drops them.
    ///
    /// # Errors
    /// The kind of failure that has ended the operation; `invalid` when none is open.
    pub async fn skip(&mut self, length: u64) -> Result<(), ErrorKind> {
        let mut left = length;
        self.work(|cx, core, operation| {
            loop {
                left -= operation.drop_unread(core, left);
                if left == 0 {
                    return Poll::Ready(Ok(()));
                }
                if left < length {
                    ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
                }
                ready!(operation.poll_more(cx, core, 1))?;
            }
        })
        .await
    }

    /// Ends the open operation: well, or with the failure that the caller has found in the reply. One that has failed already
    /// stays as it is. None when none is open.
    pub fn end(&mut self, verdict: Option<(ErrorKind, &str)>) -> Option<Outcome> {
        let operation = self.open.take()?;
        let place = operation.place;
        let verdict = verdict.map(|(kind, text)| Failure::new(kind, text));
        let (outcome, wire) = operation.end(&self.core, verdict);
        if let Some(wire) = wire {
            self.put_wire(place, wire);
        }
        Some(outcome)
    }

    /// Whether an operation is open.
    pub const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Ends an operation that is not [ended](Self::end) by who began it. Its connection is closed.
    pub fn abandon(&mut self, text: &str) -> Option<Outcome> {
        self.fail(Failure::new(ErrorKind::Invalid, text));
        self.end(None)
    }

    fn fail(&mut self, failure: Failure) -> ErrorKind {
        let kind = failure.kind;
        match &mut self.open {
            Some(operation) if operation.error().is_none() => operation.fail(&self.core, failure),
            Some(operation) => operation.error().unwrap_or(kind),
            None => ErrorKind::Invalid,
        }
    }

    /// Does a step of the open operation until it is done, has failed or is late.
    async fn work<T>(
        &mut self,
        mut step: impl FnMut(&mut Context<'_>, &TcpCore, &mut Operation) -> Poll<Result<T, Failure>>,
    ) -> Result<T, ErrorKind> {
        let Some(operation) = self.open.as_mut() else { return Err(ErrorKind::Invalid) };
        if let Some(error) = operation.error() {
            return Err(error);
        }
        let (core, deadline) = (&self.core, &mut self.deadline);
        let result = poll_fn(|cx| {
            if let Poll::Ready(result) = step(cx, core, operation) {
                return Poll::Ready(result);
            }
            if deadline.poll_passed(cx, core.clock(), core.timer(), operation.deadline_ns()) {
                return Poll::Ready(Err(late(operation.timeout_ns)));
            }
            Poll::Pending
        })
        .await;
        result.map_err(|failure| operation.fail(core, failure))
    }

    /// The reply to the latest exchange that was [sent](Self::send).
    ///
    /// # Errors
    /// When there is none, or it was longer than what is kept.
    pub fn reply(&self) -> Result<&[u8], ReplyError> {
        match &self.reply {
            None => Err(ReplyError::Gone),
            Some(held) if held.is_whole => Ok(held.data()),
            Some(_) => Err(ReplyError::NotKept),
        }
    }

    /// Forgets the reply; its buffer goes back to the core.
    pub fn release(&mut self) {
        if let Some(buffer) = self.reply.take().and_then(|held| held.buffer) {
            self.core.pool().put(buffer);
        }
    }

    fn link(&self, place: usize) -> Option<&Link> {
        self.links.get(place)?.as_ref()
    }

    /// The connection for an exchange, its time limit in nanoseconds, and how long its reply may be.
    fn take_wire(&mut self, place: usize, exchange: &Exchange) -> Option<(Box<Wire>, u64, u64)> {
        let link = self.links.get_mut(place)?.as_mut()?;
        let wire = link.wire.take()?;
        Some((wire, exchange.timeout_ns.unwrap_or(link.target.timeout_ns), link.target.max_reply_bytes))
    }

    fn put_wire(&mut self, place: usize, wire: Box<Wire>) {
        if let Some(Some(link)) = self.links.get_mut(place) {
            link.wire = Some(wire);
        }
    }

    fn stale(&self) -> Outcome {
        Outcome::unsent(ErrorKind::Invalid, "the connection is closed", self.core.clock().now_ns())
    }
}

impl Held {
    fn data(&self) -> &[u8] {
        let data = self.buffer.as_ref().map(Buffer::data).unwrap_or_default();
        data.get(..self.length).unwrap_or(data)
    }
}

fn is_delimiter(bytes: &[u8]) -> bool {
    (1..=MAX_DELIMITER_BYTES).contains(&bytes.len())
}

/// Why an exchange cannot be sent as it is.
fn unfit(exchange: &Exchange, values: &[Vec<u8>]) -> &'static str {
    if exchange.takes(values) {
        "the exchange does not say how its reply ends: `begin` it, or prepare it with the option `reply`"
    } else {
        "there are not as many values as slots"
    }
}

impl fmt::Debug for TcpSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpSession").field("connections", &self.links.len()).finish_non_exhaustive()
    }
}
