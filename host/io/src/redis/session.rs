//! The engine as one virtual user sees it.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use stresshost_clock::NS_PER_MS;
use stresshost_metrics::ErrorKind;

use super::command::{Call, Command, CommandError, CommandSpec};
use super::core::RedisCore;
use super::error_reply;
use super::handshake::{self, ServerFacts};
use super::limits::{MAX_CONNECTIONS, MAX_PIPELINE};
use super::outcome::Outcome;
use super::reply::{Kind, ReplyText};
use super::target::{Target, TargetError, TargetSpec};
use super::wire::{Arrived, Times, Wire};
use crate::buffer_pool::Buffer;
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::origin::Origin;

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
    /// There is none of that number.
    #[error("the reply is stale, or none came")]
    Gone,
    /// It was too large.
    #[error("the reply was longer than what is kept of one")]
    NotKept,
}

/// One virtual user's connections and its latest replies.
pub struct RedisSession {
    core: RedisCore,
    /// Places of closed connections are used again.
    links: Vec<Option<Link>>,
    deadline: Deadline,
    replies: Vec<Held>,
    buffers: Vec<Buffer>,
}

struct Link {
    target: Arc<Target>,
    facts: ServerFacts,
    wire: Option<Box<Wire>>,
}

/// A reply of the latest operation.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    kind: Kind,
    place: Option<(usize, usize)>,
    buffer: usize,
}

/// A reply of the latest operation.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// What it is.
    pub kind: Kind,
    bytes: Option<&'a [u8]>,
}

impl<'a> Reply<'a> {
    /// Its text.
    ///
    /// # Errors
    /// When there is none, or it was not kept.
    pub fn text(self) -> Result<ReplyText<'a>, ReplyError> {
        match self.bytes {
            _ if self.kind == Kind::None => Err(ReplyError::Gone),
            None => Err(ReplyError::NotKept),
            Some(bytes) => Ok(ReplyText(bytes)),
        }
    }
}

impl RedisSession {
    /// A session without connections, on the current thread's core.
    pub fn new(core: RedisCore) -> Self {
        Self {
            core,
            links: Vec::new(),
            deadline: Deadline::default(),
            replies: Vec::new(),
            buffers: Vec::new(),
        }
    }

    /// A place for a connection, which [`Self::connect`] then makes.
    ///
    /// # Errors
    /// When the target cannot be read, or there are too many connections.
    pub fn open(&mut self, spec: &TargetSpec<'_>) -> Result<usize, OpenError> {
        let target = Arc::new(self.core.target(spec)?);
        let link = Link { target, facts: ServerFacts::default(), wire: None };
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
    pub fn origin(&self, connection: usize) -> Option<Arc<Origin>> {
        self.link(connection).map(|link| Arc::clone(&link.target.origin))
    }

    /// What the server said of itself when it was connected to.
    pub fn server(&self, connection: usize) -> Option<&ServerFacts> {
        self.link(connection).map(|link| &link.facts)
    }

    /// Closes a connection; its place may be another's then.
    pub fn close(&mut self, connection: usize) {
        if let Some(link) = self.links.get_mut(connection) {
            *link = None;
        }
    }

    /// Whether commands can be sent on a connection; if not, [`Self::connect`] makes it anew.
    pub fn is_connected(&mut self, connection: usize) -> bool {
        let Some(Some(link)) = self.links.get_mut(connection) else { return false };
        link.wire.as_mut().is_some_and(|wire| wire.is_usable(&self.core))
    }

    /// Connects, in the place of a connection that was there before.
    pub async fn connect(&mut self, connection: usize) -> Outcome {
        self.release();
        let fired_ns = self.core.clock().now_ns();
        let Some(Some(link)) = self.links.get_mut(connection) else { return self.stale() };
        link.wire = None;
        let origin = Arc::clone(&link.target.origin);
        // Boxed: thousands of users connect at the same time, and none of them often.
        let connected = Box::pin(handshake::connect(&self.core, &link.target, &origin)).await;
        let mut outcome = Outcome {
            fired_ns,
            done_ns: self.core.clock().now_ns(),
            phases: connected.phases,
            bytes_sent: connected.bytes_sent,
            bytes_received: connected.bytes_received,
            ..Outcome::default()
        };
        match connected.result {
            Ok((wire, facts)) => {
                link.facts = facts;
                link.wire = Some(Box::new(wire));
            }
            Err(failure) => fail(&mut outcome, failure),
        }
        outcome
    }

    /// Compiles a command for a connection; none for a connection that is not there.
    ///
    /// # Errors
    /// When the command cannot be sent as it is written.
    pub fn prepare(
        &self,
        connection: usize,
        spec: &CommandSpec<'_>,
    ) -> Option<Result<Arc<Command>, CommandError>> {
        self.link(connection).map(|link| self.core.compile(spec, &link.target.origin))
    }

    /// Sends a command on a connection that [`Self::is_connected`] and waits for the reply. Dropping the future makes
    /// the connection unusable.
    pub async fn send(&mut self, connection: usize, command: &Command, values: &[Vec<u8>]) -> Outcome {
        self.release();
        let core = &self.core;
        let fired_ns = core.clock().now_ns();
        if !command.takes(values) {
            return Outcome::unsent(ErrorKind::Invalid, "there are not as many values as slots", fired_ns);
        }
        let Some(Some(Link { wire: Some(wire), target, .. })) = self.links.get_mut(connection) else {
            return self.stale();
        };
        let timeout_ns = command.timeout_ns.unwrap_or(target.timeout_ns);
        let (mut sent, mut is_begun) = (0, false);
        let deadline = &mut self.deadline;
        let result = poll_fn(|cx| {
            if !is_begun {
                is_begun = true;
                core.with_scratch(|scratch| {
                    command.render(values, scratch);
                    sent = scratch.len();
                    wire.begin(cx, core, scratch, 1);
                });
            }
            if let Poll::Ready(result) = wire.poll(cx, core) {
                return Poll::Ready(result);
            }
            let deadline_ns = fired_ns.saturating_add(timeout_ns);
            if deadline.poll_passed(cx, core.clock(), core.timer(), deadline_ns) {
                return Poll::Ready(Err(late(timeout_ns)));
            }
            Poll::Pending
        })
        .await;
        let times = wire.times;
        let (arrived, buffer) = wire.take_replies();
        let arrived = arrived.first().copied();
        self.buffers.extend(buffer);
        let mut outcome = Outcome { fired_ns, bytes_sent: sent as u64, ..Outcome::default() };
        self.settle(&mut outcome, command, arrived, times, result);
        outcome
    }

    /// Sends commands on a connection that [`Self::is_connected`] at once and waits for all replies; their outcomes in
    /// the order of `calls`. The time of each counts from when the first was sent.
    pub async fn pipeline(&mut self, connection: usize, calls: &[Call]) -> Vec<Outcome> {
        self.release();
        let core = &self.core;
        let fired_ns = core.clock().now_ns();
        let refuse =
            |text| calls.iter().map(|_| Outcome::unsent(ErrorKind::Invalid, text, fired_ns)).collect();
        if calls.len() > MAX_PIPELINE {
            return refuse(&format!("a pipeline takes at most {MAX_PIPELINE} commands"));
        }
        if !calls.iter().all(|call| call.command.takes(&call.values)) {
            return refuse("there are not as many values as slots");
        }
        let Some(Some(Link { wire: Some(wire), target, .. })) = self.links.get_mut(connection) else {
            return refuse("the connection is closed");
        };
        if calls.is_empty() {
            return Vec::new();
        }
        let timeouts = calls.iter().map(|call| call.command.timeout_ns.unwrap_or(target.timeout_ns));
        let timeout_ns = timeouts.max().unwrap_or(target.timeout_ns);
        let (mut sent, mut is_begun) = (Vec::with_capacity(calls.len()), false);
        let deadline = &mut self.deadline;
        let result = poll_fn(|cx| {
            if !is_begun {
                is_begun = true;
                core.with_scratch(|scratch| {
                    for call in calls {
                        let before = scratch.len();
                        call.command.render(&call.values, scratch);
                        sent.push((scratch.len() - before) as u64);
                    }
                    wire.begin(cx, core, scratch, calls.len());
                });
            }
            if let Poll::Ready(result) = wire.poll(cx, core) {
                return Poll::Ready(result);
            }
            let deadline_ns = fired_ns.saturating_add(timeout_ns);
            if deadline.poll_passed(cx, core.clock(), core.timer(), deadline_ns) {
                return Poll::Ready(Err(late(timeout_ns)));
            }
            Poll::Pending
        })
        .await;
        let times = wire.times;
        let (arrived, buffer) = wire.take_replies();
        let arrived = arrived.to_vec();
        self.buffers.extend(buffer);
        let (failure, mut outcomes) = (result.err(), Vec::with_capacity(calls.len()));
        for (index, (call, bytes_sent)) in calls.iter().zip(sent).enumerate() {
            let mut outcome = Outcome { fired_ns, bytes_sent, ..Outcome::default() };
            let arrived = arrived.get(index).copied();
            let result = match &failure {
                Some(failure) if arrived.is_none() => Err(Failure::new(failure.kind, &*failure.text)),
                _ => Ok(()),
            };
            self.settle(&mut outcome, &call.command, arrived, times, result);
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Fills in what came of a command, and keeps its reply.
    fn settle(
        &mut self,
        outcome: &mut Outcome,
        command: &Command,
        arrived: Option<Arrived>,
        times: Times,
        result: Result<(), Failure>,
    ) {
        let Times { written_ns, first_byte_ns } = times;
        // A reply may come before the command was sent whole.
        let written_ns = if written_ns == 0 { outcome.fired_ns } else { written_ns };
        outcome.phases.write_ns = written_ns.saturating_sub(outcome.fired_ns);
        let mut held = Held { buffer: self.buffers.len().saturating_sub(1), ..Held::default() };
        match (arrived, result) {
            (Some(Arrived { parsed, at_ns }), Ok(())) => {
                outcome.done_ns = at_ns;
                outcome.phases.wait_ns = first_byte_ns.saturating_sub(written_ns);
                outcome.phases.body_ns = at_ns.saturating_sub(first_byte_ns);
                outcome.bytes_received = parsed.bytes;
                outcome.kind = parsed.kind;
                held.kind = parsed.kind;
                held.place = parsed.place;
                self.judge(outcome, command, held);
            }
            (_, Err(failure)) => {
                outcome.done_ns = self.core.clock().now_ns();
                fail(outcome, failure);
            }
            (None, Ok(())) => {
                outcome.done_ns = self.core.clock().now_ns();
                fail(outcome, Failure::new(ErrorKind::Malformed, "there is no reply"));
            }
        }
        self.replies.push(held);
    }

    /// The failure that a reply is, if it is one.
    fn judge(&self, outcome: &mut Outcome, command: &Command, held: Held) {
        match held.kind {
            Kind::Error => {
                let text = self.bytes(held).and_then(|bytes| ReplyText(bytes).error());
                let text = String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
                fail(outcome, Failure::new(error_reply::kind(&text), text));
            }
            Kind::Nil if command.expects_value => {
                fail(outcome, Failure::new(ErrorKind::StatusUnexpected, "the reply is nil"));
            }
            _ => {}
        }
    }

    fn bytes(&self, held: Held) -> Option<&[u8]> {
        let (from, to) = held.place?;
        self.buffers.get(held.buffer)?.data().get(from..to)
    }

    /// The reply to command `index` of the latest operation.
    pub fn reply(&self, index: usize) -> Option<Reply<'_>> {
        let held = *self.replies.get(index)?;
        Some(Reply { kind: held.kind, bytes: self.bytes(held) })
    }

    /// The first word of an error reply, such as `WRONGTYPE`; empty when there is none.
    pub fn error_code(&self, index: usize) -> String {
        let text = self.reply(index).and_then(|reply| reply.text().ok()?.error());
        error_reply::code(&String::from_utf8_lossy(text.unwrap_or_default())).to_owned()
    }

    /// Forgets the replies; their buffers go back to the core.
    pub fn release(&mut self) {
        self.replies.clear();
        while let Some(buffer) = self.buffers.pop() {
            self.core.pool().put(buffer);
        }
    }

    fn link(&self, connection: usize) -> Option<&Link> {
        self.links.get(connection)?.as_ref()
    }

    fn stale(&self) -> Outcome {
        Outcome::unsent(ErrorKind::Invalid, "the connection is closed", self.core.clock().now_ns())
    }
}

fn fail(outcome: &mut Outcome, failure: Failure) {
    outcome.error = Some(failure.kind);
    outcome.error_text = Some(failure.text);
}

fn late(timeout_ns: u64) -> Failure {
    Failure::new(ErrorKind::Timeout, format!("no complete reply within {} ms", timeout_ns / NS_PER_MS))
}

impl fmt::Debug for RedisSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSession").field("connections", &self.links.len()).finish_non_exhaustive()
    }
}
