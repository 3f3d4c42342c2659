//! The engine as one virtual user sees it.

use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use stresshost_metrics::ErrorKind;

use super::command::{Command, CommandError, CommandSpec};
use super::core::MongoCore;
use super::handshake::{self, ServerFacts};
use super::limits::{MAX_CONNECTIONS, SERVER_GRACE_NS};
use super::message;
use super::outcome::Outcome;
use super::reply::{self, Judged};
use super::target::{Target, TargetError, TargetSpec};
use super::value::Value;
use super::wire::{Times, Wire};
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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// There is none.
    #[error("the reply is stale, or none came")]
    Gone,
    /// It was too large.
    #[error("the reply was longer than what is kept of one")]
    NotKept,
    /// It cannot be shown.
    #[error("{0}")]
    Unreadable(String),
}

/// One virtual user's connections and its latest reply.
pub struct MongoSession {
    core: MongoCore,
    /// Places of closed connections are used again.
    links: Vec<Option<Link>>,
    deadline: Deadline,
    reply: Option<(i32, Buffer)>,
}

struct Link {
    target: Target,
    facts: ServerFacts,
    /// Taken out while it is used: a command that is given up takes its connection with it.
    wire: Option<Box<Wire>>,
}

impl MongoSession {
    /// A session without connections, on the current thread's core.
    pub fn new(core: MongoCore) -> Self {
        Self { core, links: Vec::new(), deadline: Deadline::default(), reply: None }
    }

    /// A place for a connection, which [`Self::connect`] then makes.
    ///
    /// # Errors
    /// When the target cannot be read, or there are too many connections.
    pub fn open(&mut self, spec: &TargetSpec<'_>) -> Result<usize, OpenError> {
        let target = self.core.target(spec)?;
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

    /// Whether commands can be sent; if not, [`Self::connect`] makes the connection anew.
    pub fn is_connected(&mut self, connection: usize) -> bool {
        let Some(Some(link)) = self.links.get_mut(connection) else { return false };
        link.wire.as_mut().is_some_and(|wire| wire.is_usable(&self.core))
    }

    /// Connects, in the place of a connection that was there before.
    pub async fn connect(&mut self, connection: usize) -> Outcome {
        let fired_ns = self.core.clock().now_ns();
        let Some(Some(link)) = self.links.get_mut(connection) else { return self.stale() };
        link.wire = None;
        // Boxed: thousands of users connect at the same time, and none of them often.
        let connected = Box::pin(handshake::connect(&self.core, &link.target)).await;
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
            Err(failure) => {
                outcome.error_code = connected.code;
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
        self.link(connection).map(|link| self.core.compile(spec, &link.target))
    }

    /// Executes a command on a connection that [`Self::is_connected`] and waits for the reply. Dropping the future closes
    /// the connection.
    pub async fn execute(&mut self, connection: usize, command: &Command, values: &[Value]) -> Outcome {
        self.release();
        let core = &self.core;
        let fired_ns = core.clock().now_ns();
        let Some(Some(link)) = self.links.get_mut(connection) else { return self.stale() };
        let Some(mut wire) = link.wire.take() else { return self.stale() };
        // A server that ends the command by itself leaves the connection usable.
        let limit_ns = command.timeout_ns.saturating_add(SERVER_GRACE_NS);
        let deadline = &mut self.deadline;
        let (mut sent, mut is_begun) = (0, false);
        let mut unsendable = None;
        let result = poll_fn(|cx| {
            if !is_begun {
                is_begun = true;
                let id = wire.next_id();
                core.with_scratch(|scratch| match command.render(id, values, scratch) {
                    Ok(()) => {
                        sent = scratch.len();
                        wire.begin(cx, core, scratch);
                    }
                    Err(reason) => unsendable = Some(reason),
                });
                if unsendable.is_some() {
                    return Poll::Ready(Ok(Buffer::default()));
                }
            }
            if let Poll::Ready(result) = wire.poll(cx, core) {
                return Poll::Ready(result);
            }
            if deadline.poll_passed(cx, core.clock(), core.timer(), fired_ns.saturating_add(limit_ns)) {
                return Poll::Ready(Err(late(command.timeout_ns)));
            }
            Poll::Pending
        })
        .await;
        let done_ns = core.clock().now_ns();
        let (times, id) = (wire.times(), wire.id());
        wire.give_back(core);
        link.wire = Some(wire);
        if let Some(reason) = unsendable {
            return Outcome::unsent(ErrorKind::Invalid, &reason, fired_ns);
        }
        let mut outcome = Outcome { fired_ns, done_ns, bytes_sent: sent as u64, ..Outcome::default() };
        self.settle(&mut outcome, command, id, times, result);
        outcome
    }

    /// Fills in what came of a command, and keeps its reply.
    fn settle(
        &mut self,
        outcome: &mut Outcome,
        command: &Command,
        id: i32,
        times: Times,
        result: Result<Buffer, Failure>,
    ) {
        let Times { written_ns, first_byte_ns } = times;
        // A reply may come before the command was sent whole.
        let written_ns = if written_ns == 0 { outcome.fired_ns } else { written_ns };
        outcome.phases.write_ns = written_ns.saturating_sub(outcome.fired_ns);
        let buffer = match result {
            Ok(buffer) => buffer,
            Err(failure) => return fail(outcome, failure),
        };
        outcome.phases.wait_ns = first_byte_ns.saturating_sub(written_ns);
        outcome.phases.body_ns = outcome.done_ns.saturating_sub(first_byte_ns);
        outcome.bytes_received = buffer.len() as u64;
        let judged = message::document(buffer.data(), id).and_then(reply::judge);
        self.reply = Some((id, buffer));
        match judged {
            Ok(Judged { count, error: None }) => {
                outcome.count = count;
                if count == 0 && command.expects_documents {
                    fail(outcome, Failure::new(ErrorKind::StatusUnexpected, "there is no document"));
                }
            }
            Ok(Judged { count, error: Some(error) }) => {
                outcome.count = count;
                outcome.error_code = error.code;
                fail(outcome, Failure::new(error.kind, error.text));
            }
            Err(failure) => fail(outcome, failure),
        }
    }

    /// The latest reply as relaxed Extended JSON.
    ///
    /// # Errors
    /// When there is none, or it is not to be seen.
    pub fn reply(&self) -> Result<String, ReplyError> {
        let (id, buffer) = self.reply.as_ref().ok_or(ReplyError::Gone)?;
        if buffer.len() > self.core.kept_bytes() {
            return Err(ReplyError::NotKept);
        }
        let document = message::document(buffer.data(), *id);
        let document = document.map_err(|failure| ReplyError::Unreadable(failure.text.into()))?;
        reply::json(document).map_err(ReplyError::Unreadable)
    }

    /// Forgets the reply; its buffer goes back to the core.
    pub fn release(&mut self) {
        if let Some((_, buffer)) = self.reply.take() {
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

impl fmt::Debug for MongoSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoSession").field("connections", &self.links.len()).finish_non_exhaustive()
    }
}
