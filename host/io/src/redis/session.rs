//! The engine as one virtual user sees it.

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use stresshost_metrics::ErrorKind;

use super::batch::Batch;
use super::cluster::redirection;
use super::command::{Call, Command, CommandError, CommandSpec, plain};
use super::core::RedisCore;
use super::error_reply;
use super::handshake::{self, Greeted, ServerFacts};
use super::limits::{MAX_CONNECTIONS, MAX_HOPS, MAX_PIPELINE};
use super::link::Link;
use super::outcome::Outcome;
use super::reply::{Kind, ReplyText};
use super::target::{TargetError, TargetSpec};
use super::wire::{Arrived, Times};
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
        let link = Link::new(self.core.target(spec)?);
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

    /// Whether a connection is to a cluster, whose commands go to the node of their key.
    pub fn is_cluster(&self, connection: usize) -> bool {
        self.link(connection).is_some_and(|link| link.target.is_cluster)
    }

    /// Closes a connection; its place may be another's then.
    pub fn close(&mut self, connection: usize) {
        if let Some(link) = self.links.get_mut(connection) {
            *link = None;
        }
    }

    /// The node of a connection that a command goes to: always 0 without a cluster.
    pub fn node(&self, connection: usize, command: &Command, values: &[Vec<u8>]) -> usize {
        match self.link(connection) {
            Some(link) if link.target.is_cluster => link.node_of(command.hash_slot(values)),
            _ => 0,
        }
    }

    /// Whether commands can be sent to a node; if not, [`Self::connect`] makes the connection anew.
    pub fn is_connected(&mut self, connection: usize, node: usize) -> bool {
        let Some(Some(link)) = self.links.get_mut(connection) else { return false };
        let wire = link.nodes.get_mut(node).and_then(|node| node.wire.as_mut());
        wire.is_some_and(|wire| wire.is_usable(&self.core))
    }

    /// Connects to a node (0: the server that the target names), in the place of a connection that was there before.
    pub async fn connect(&mut self, connection: usize, node: usize) -> Outcome {
        let fired_ns = self.core.clock().now_ns();
        let Some(Some(link)) = self.links.get_mut(connection) else { return self.stale() };
        let Some(origin) = link.nodes.get_mut(node).map(|node| {
            node.wire = None;
            Arc::clone(&node.origin)
        }) else {
            return self.stale();
        };
        // Boxed: thousands of users connect at the same time, and none of them often.
        let connect = handshake::connect(&self.core, &link.target, &origin, link.is_unmapped);
        let connected = Box::pin(connect).await;
        let mut outcome = Outcome {
            fired_ns,
            done_ns: self.core.clock().now_ns(),
            phases: connected.phases,
            bytes_sent: connected.bytes_sent,
            bytes_received: connected.bytes_received,
            ..Outcome::default()
        };
        match connected.result {
            Ok(Greeted { wire, facts, slots }) => {
                link.facts = facts;
                if let Some(ranges) = slots {
                    link.learn(ranges);
                }
                if let Some(node) = link.nodes.get_mut(node) {
                    node.wire = Some(Box::new(wire));
                }
            }
            Err(failure) => {
                link.doubt();
                fail(&mut outcome, failure);
            }
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
    ) -> Option<Result<Rc<Command>, CommandError>> {
        self.link(connection).map(|link| self.core.compile(spec, &link.target.origin))
    }

    /// Sends a command to a node that [`Self::is_connected`] and waits for the reply. Dropping the future closes the
    /// connection. Where a cluster says that the command belongs elsewhere, it is sent there; that is part of its time.
    pub async fn send(
        &mut self,
        connection: usize,
        node: usize,
        command: &Command,
        values: &[Vec<u8>],
    ) -> Outcome {
        self.release();
        if !command.takes(values) {
            let now_ns = self.core.clock().now_ns();
            return Outcome::unsent(ErrorKind::Invalid, "there are not as many values as slots", now_ns);
        }
        let (outcome, held) = self.attempt(connection, node, command, values, false).await;
        let (outcome, held) = if self.is_redirected(connection, &outcome) {
            Box::pin(self.follow(connection, command, values, outcome, held)).await
        } else {
            (outcome, held)
        };
        self.replies.push(held);
        outcome
    }

    async fn attempt(
        &mut self,
        connection: usize,
        node: usize,
        command: &Command,
        values: &[Vec<u8>],
        is_ask: bool,
    ) -> (Outcome, Held) {
        let core = &self.core;
        let fired_ns = core.clock().now_ns();
        let Some(Some(link)) = self.links.get_mut(connection) else { return (self.stale(), Held::default()) };
        let timeout_ns = command.timeout_ns.unwrap_or(link.target.timeout_ns);
        let Some(mut wire) = link.nodes.get_mut(node).and_then(|node| node.wire.take()) else {
            return (self.stale(), Held::default());
        };
        let (mut sent, mut is_begun) = (0, false);
        let expected = 1 + usize::from(is_ask);
        let deadline = &mut self.deadline;
        let result = poll_fn(|cx| {
            if !is_begun {
                is_begun = true;
                core.with_scratch(|scratch| {
                    if is_ask {
                        scratch.extend_from_slice(&plain(&[b"ASKING"]));
                    }
                    command.render(values, scratch);
                    sent = scratch.len();
                    wire.begin(cx, core, scratch, expected);
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
        let times = wire.times();
        let (arrived, buffer) = wire.take_replies();
        let arrived = arrived.get(expected - 1).copied();
        self.buffers.extend(buffer);
        if let Some(node) = link.nodes.get_mut(node) {
            node.wire = Some(wire);
        }
        let mut outcome = Outcome { fired_ns, bytes_sent: sent as u64, ..Outcome::default() };
        let buffer = self.buffers.len().saturating_sub(1);
        let held = self.settle(&mut outcome, command, (arrived, buffer), times, result);
        (outcome, held)
    }

    fn is_redirected(&self, connection: usize, outcome: &Outcome) -> bool {
        outcome.error == Some(ErrorKind::ServerError) && self.is_cluster(connection)
    }

    /// Sends a command on to where a cluster says that it belongs, if it says so.
    async fn follow(
        &mut self,
        connection: usize,
        command: &Command,
        values: &[Vec<u8>],
        mut outcome: Outcome,
        mut held: Held,
    ) -> (Outcome, Held) {
        for _ in 0..MAX_HOPS {
            let Some(Some(link)) = self.links.get_mut(connection) else { break };
            let text = outcome.error_text.as_deref().unwrap_or_default();
            let Some(to) = redirection(text, &link.target.origin) else { break };
            let Some(node) = link.node_at(to.origin) else { break };
            if !to.is_ask {
                link.moved(to.slot, node);
            }
            let before = outcome.clone();
            if !self.is_connected(connection, node) {
                let connected = self.connect(connection, node).await;
                if connected.error.is_some() {
                    let Outcome { error, error_text, done_ns, .. } = connected;
                    return (
                        Outcome { error, error_text, done_ns, kind: Kind::None, ..before },
                        Held::default(),
                    );
                }
            }
            (outcome, held) = self.attempt(connection, node, command, values, to.is_ask).await;
            outcome.fired_ns = before.fired_ns;
            outcome.bytes_sent += before.bytes_sent;
            outcome.bytes_received += before.bytes_received;
        }
        (outcome, held)
    }

    /// Sends commands to nodes that [`Self::is_connected`] at once and waits for all replies; their outcomes in the order
    /// of `calls`. The time of each counts from when the first was sent.
    pub async fn pipeline(&mut self, connection: usize, calls: &[Call]) -> Vec<Outcome> {
        self.release();
        let fired_ns = self.core.clock().now_ns();
        let refuse = |text: &str| -> Vec<Outcome> {
            calls.iter().map(|_| Outcome::unsent(ErrorKind::Invalid, text, fired_ns)).collect()
        };
        if calls.len() > MAX_PIPELINE {
            return refuse(&format!("a pipeline takes at most {MAX_PIPELINE} commands"));
        }
        if !calls.iter().all(|call| call.command.takes(&call.values)) {
            return refuse("there are not as many values as slots");
        }
        let nodes: Vec<usize> =
            calls.iter().map(|call| self.node(connection, &call.command, &call.values)).collect();
        let Some(Some(link)) = self.links.get_mut(connection) else {
            return refuse("the connection is closed");
        };
        let mut batch = Batch::new(link, calls, &nodes);
        batch.run(&self.core, &mut self.deadline, fired_ns).await;
        let mut outcomes = vec![Outcome { fired_ns, ..Outcome::default() }; calls.len()];
        // None: there was no connection to its node.
        let mut places: Vec<Option<Held>> = vec![None; calls.len()];
        for (node, mut wire, part) in batch.into_parts() {
            let times = wire.times();
            let (arrived, bytes) = wire.take_replies();
            let buffer = self.buffers.len();
            self.buffers.extend(bytes);
            for (order, (&index, &sent)) in part.calls.iter().zip(&part.sent).enumerate() {
                let at = (calls.get(index), outcomes.get_mut(index), places.get_mut(index));
                let (Some(call), Some(outcome), Some(place)) = at else { continue };
                outcome.bytes_sent = sent;
                let arrived = arrived.get(order).copied();
                let failure = part.failure.as_ref().filter(|_| arrived.is_none());
                let failure = failure.map(|failure| Failure::new(failure.kind, &*failure.text));
                let result = failure.map_or(Ok(()), Err);
                *place = Some(self.settle(outcome, &call.command, (arrived, buffer), times, result));
            }
            let link = self.links.get_mut(connection).and_then(Option::as_mut);
            if let Some(node) = link.and_then(|link| link.nodes.get_mut(node)) {
                node.wire = Some(wire);
            }
        }
        for ((call, outcome), place) in calls.iter().zip(&mut outcomes).zip(places) {
            let mut held = place.unwrap_or_default();
            if place.is_none() {
                *outcome = self.stale();
            } else if self.is_redirected(connection, outcome) {
                let before = std::mem::take(outcome);
                let followed = self.follow(connection, &call.command, &call.values, before, held);
                (*outcome, held) = Box::pin(followed).await;
            }
            self.replies.push(held);
        }
        outcomes
    }

    /// Fills in what came of a command; the place of its reply.
    fn settle(
        &self,
        outcome: &mut Outcome,
        command: &Command,
        (arrived, buffer): (Option<Arrived>, usize),
        times: Times,
        result: Result<(), Failure>,
    ) -> Held {
        let Times { written_ns, first_byte_ns } = times;
        // A reply may come before the command was sent whole.
        let written_ns = if written_ns == 0 { outcome.fired_ns } else { written_ns };
        outcome.phases.write_ns = written_ns.saturating_sub(outcome.fired_ns);
        let mut held = Held { buffer, ..Held::default() };
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
        held
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

impl fmt::Debug for RedisSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSession").field("connections", &self.links.len()).finish_non_exhaustive()
    }
}
