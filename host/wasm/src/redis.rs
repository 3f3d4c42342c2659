//! Commands of Redis for a suspended guest, and recording what came of them.

use std::borrow::Cow;
use std::rc::Rc;

use stresshost_engine::LimitId;
use stresshost_io::redis::{
    Call, Command, CommandSpec, MAX_PIPELINE, OpenError, Outcome, RedisSession, Reply, TargetSpec,
};
use stresshost_metrics::{OpId, Sample, SandboxLimit};

use crate::bindings::redis as contract;
use crate::firing::{Flight, Flights, packed, refused};
use crate::opened::{CLOSED, Opened};
use crate::state::{CoreShared, Live};

/// What a suspended guest wants of a server.
pub(crate) enum RedisWish {
    Open { url: String, options: Vec<(String, String)> },
    Send { command: u32, values: Vec<Vec<u8>> },
    Pipeline(Vec<contract::Call>),
}

/// A virtual user's connections, commands and latest replies.
pub(crate) struct RedisSide {
    session: RedisSession,
    opened: Opened<Rc<Command>>,
    /// Replies of the latest operation have ids from here on.
    first_reply: u32,
    replies: Vec<Answered>,
}

/// What is kept of a reply besides the reply itself.
pub(crate) struct Answered {
    pub(crate) duration_us: u64,
    pub(crate) error_text: Option<Box<str>>,
}

impl RedisSide {
    fn new(core: &CoreShared) -> Self {
        Self {
            session: RedisSession::new(core.redis.clone()),
            opened: Opened::default(),
            first_reply: 0,
            replies: Vec::new(),
        }
    }

    /// Number of commands prepared.
    pub(crate) fn prepared(&self) -> usize {
        self.opened.prepared()
    }

    /// What the server of a connection says of itself, as JSON; none for a stale handle.
    pub(crate) fn server(&self, connection: u32) -> Option<String> {
        let place = self.opened.connection(connection)?.place;
        serde_json::to_string(self.session.server(place)?).ok()
    }

    /// What is known of a reply, unless it is stale.
    pub(crate) fn answered(&self, id: u32) -> Option<&Answered> {
        self.replies.get(self.place(id))
    }

    /// A reply, unless it is stale or none came.
    pub(crate) fn reply(&self, id: u32) -> Option<Reply<'_>> {
        self.session.reply(self.place(id))
    }

    /// The first word of an error reply.
    pub(crate) fn error_code(&self, id: u32) -> String {
        self.session.error_code(self.place(id))
    }

    fn place(&self, id: u32) -> usize {
        id.wrapping_sub(self.first_reply) as usize
    }

    fn retire(&mut self) {
        self.first_reply = self.first_reply.wrapping_add(self.replies.len() as u32);
        self.replies.clear();
        self.session.release();
    }

    /// Turns an outcome into what the guest sees, keeping what it may ask for later.
    fn answer(&mut self, outcome: Outcome) -> u64 {
        let id = self.first_reply.wrapping_add(self.replies.len() as u32);
        let duration_us = outcome.done_ns.saturating_sub(outcome.fired_ns) / 1_000;
        let Outcome { kind, error, error_text, .. } = outcome;
        self.replies.push(Answered { duration_us, error_text });
        packed(id, kind as u16, error)
    }
}

impl Live {
    /// Makes the replies of the latest operation stale.
    pub(crate) fn retire_replies(&mut self) {
        if let Some(side) = &mut self.redis {
            side.retire();
        }
    }

    /// Connects: a handle, or why there is none.
    pub(crate) async fn redis_handle(
        &mut self,
        url: &str,
        options: &[(String, String)],
    ) -> Result<u32, String> {
        let opened = self.redis_open(&TargetSpec { url, options }).await;
        opened.map_err(|text| self.core.run.secrets.redact(&text).into_owned())
    }

    async fn redis_open(&mut self, spec: &TargetSpec<'_>) -> Result<u32, String> {
        self.retire_replies();
        let connect = self.operation("connect", "redis")?;
        let core = Rc::clone(&self.core);
        let side = self.redis.get_or_insert_with(|| Box::new(RedisSide::new(&core)));
        let place = side.session.open(spec).map_err(|error| {
            if error == OpenError::TooMany {
                core.reached(SandboxLimit::Connections);
            }
            error.to_string()
        })?;
        let origin = side.session.origin(place);
        let limits = origin.map_or_else(Rc::default, |origin| self.limits_of(&origin));
        self.await_tokens(1, &limits).await;
        let Some(side) = self.redis.as_deref_mut() else { return Err("the run is ending".to_owned()) };
        let flight = Flight::begin(&core, connect, self.ticket, self.intended_ns.take());
        let outcome = side.session.connect(place, 0).await;
        record(flight, &outcome);
        if outcome.error.is_some() {
            side.session.close(place);
            return Err(outcome.error_text.map(String::from).unwrap_or_default());
        }
        side.opened.open(place, connect, limits).ok_or_else(|| OpenError::TooMany.to_string())
    }

    /// Closes a connection, and forgets its commands.
    pub(crate) fn redis_close(&mut self, connection: u32) {
        let Some(side) = self.redis.as_deref_mut() else { return };
        let Some((place, freed)) = side.opened.close(connection) else { return };
        side.session.close(place);
        self.prepared_bytes = self.prepared_bytes.saturating_sub(freed);
    }

    /// Compiles a command.
    pub(crate) fn redis_prepare(
        &mut self,
        connection: u32,
        command: &contract::Command,
    ) -> Result<u32, String> {
        let core = Rc::clone(&self.core);
        self.may_prepare()?;
        let op = self.operation(&command.name, "redis")?;
        let side = self.redis.as_deref_mut().ok_or(CLOSED)?;
        let place = side.opened.connection(connection).ok_or(CLOSED)?.place;
        let spec = CommandSpec { words: &command.words, slots: &command.slots, options: &command.options };
        let compiled = side.session.prepare(place, &spec).ok_or(CLOSED)?;
        let compiled = compiled.map_err(|error| core.run.secrets.redact(&error.to_string()).into_owned())?;
        let memory = self.hold_prepared(compiled.held_bytes())?;
        let side = self.redis.as_deref_mut().ok_or(CLOSED)?;
        let handle = side.opened.prepare(connection, op, compiled, memory);
        handle.ok_or_else(|| core.too_many_prepared())
    }

    /// Sends one command and waits for its reply.
    pub(crate) async fn redis_send(&mut self, handle: u32, values: &[Vec<u8>]) -> u64 {
        self.retire_replies();
        let Some((connection, place)) = self.redis_way(handle) else { return self.redis_refused() };
        if self.is_limited() {
            let limits = self.redis_limits(connection);
            self.await_tokens(1, &limits).await;
        }
        let Some(side) = self.redis.as_deref_mut() else { return refused(0) };
        let Some(prepared) = side.opened.get(handle) else { return refused(side.first_reply) };
        let (op, node) = (prepared.op, side.session.node(place, &prepared.compiled, values));
        let failed = if side.session.is_connected(place, node) {
            None
        } else {
            self.redis_reconnect(connection, place, node).await
        };
        let Some(side) = self.redis.as_deref_mut() else { return refused(0) };
        let Some(prepared) = side.opened.get(handle) else { return refused(side.first_reply) };
        let flight = Flight::begin(&self.core, op, self.ticket, self.intended_ns.take());
        let outcome = match failed {
            Some(failed) => failed,
            None => side.session.send(place, node, &prepared.compiled, values).await,
        };
        record(flight, &outcome);
        side.answer(outcome)
    }

    /// Sends commands at once and waits for all replies.
    pub(crate) async fn redis_pipeline(&mut self, calls: Vec<contract::Call>) -> Vec<u64> {
        self.retire_replies();
        let count = calls.len();
        let Some((connection, place, ops, calls)) = self.redis_calls(calls) else {
            return vec![self.redis_refused(); count];
        };
        if self.is_limited() {
            let limits = self.redis_limits(connection);
            self.await_tokens(count, &limits).await;
        }
        let is_cluster = self.redis.as_deref().is_some_and(|side| side.session.is_cluster(place));
        // Of a cluster twice: a node that is connected to may tell that slots are elsewhere by now.
        let looks = if is_cluster { 2 * calls.len() } else { 1 };
        let mut failed = None;
        for call in calls.iter().cycle().take(looks) {
            let Some(side) = self.redis.as_deref_mut() else { break };
            let node = side.session.node(place, &call.command, &call.values);
            if failed.is_none() && !side.session.is_connected(place, node) {
                failed = self.redis_reconnect(connection, place, node).await;
            }
        }
        let Some(side) = self.redis.as_deref_mut() else { return vec![refused(0); count] };
        let flights = Flights::begin(&self.core, ops, self.ticket, self.intended_ns.take());
        let outcomes = match failed {
            Some(failed) => vec![failed; count],
            None => side.session.pipeline(place, &calls).await,
        };
        flights.record(&outcomes, fill, text);
        outcomes.into_iter().map(|outcome| side.answer(outcome)).collect()
    }

    /// The commands of a pipeline, if they are all of one connection.
    fn redis_calls(&self, calls: Vec<contract::Call>) -> Option<(u32, usize, Vec<OpId>, Vec<Call>)> {
        if calls.len() > MAX_PIPELINE {
            self.core.reached(SandboxLimit::Shots);
            return None;
        }
        let side = self.redis.as_deref()?;
        let (first, of_first) = side.opened.with_connection(calls.first()?.command)?;
        let (connection, place) = (first.connection, of_first.place);
        let (mut ops, mut compiled) = (Vec::with_capacity(calls.len()), Vec::with_capacity(calls.len()));
        for call in calls {
            let prepared = side.opened.get(call.command).filter(|one| one.connection == connection)?;
            ops.push(prepared.op);
            compiled.push(Call { command: Rc::clone(&prepared.compiled), values: call.values });
        }
        Some((connection, place, ops, compiled))
    }

    /// Makes a connection that was lost, or to a node that was not talked to yet, as an operation of its own; how a command fails that then cannot be sent.
    async fn redis_reconnect(&mut self, connection: u32, place: usize, node: usize) -> Option<Outcome> {
        let side = self.redis.as_deref_mut()?;
        let connect = side.opened.connection(connection)?.connect;
        let flight = Flight::begin(&self.core, connect, self.ticket, self.intended_ns.take());
        // In memory of its own: commands are sent far more often.
        let outcome = Box::pin(side.session.connect(place, node)).await;
        record(flight, &outcome);
        outcome.error?;
        let Outcome { error, error_text, done_ns, .. } = outcome;
        Some(Outcome { error, error_text, fired_ns: done_ns, done_ns, ..Outcome::default() })
    }

    /// The connection of a command, and its place in the session.
    fn redis_way(&self, command: u32) -> Option<(u32, usize)> {
        let side = self.redis.as_deref()?;
        let (prepared, connection) = side.opened.with_connection(command)?;
        Some((prepared.connection, connection.place))
    }

    fn redis_limits(&self, connection: u32) -> Rc<[LimitId]> {
        let side = self.redis.as_deref();
        let connection = side.and_then(|side| side.opened.connection(connection));
        connection.map_or_else(Rc::default, |connection| Rc::clone(&connection.limits))
    }

    /// The answer to a call that sends nothing.
    fn redis_refused(&self) -> u64 {
        refused(self.redis.as_ref().map_or(0, |side| side.first_reply))
    }
}

fn record(flight: Flight, outcome: &Outcome) {
    flight.record(|sample| fill(sample, outcome), || text(outcome));
}

/// The part of a sample that a command gives.
fn fill(sample: &mut Sample, outcome: &Outcome) {
    sample.error = outcome.error;
    sample.fired_ns = outcome.fired_ns;
    sample.done_ns = outcome.done_ns;
    sample.phases = outcome.phases;
    sample.bytes_sent = outcome.bytes_sent;
    sample.bytes_received = outcome.bytes_received;
}

fn text(outcome: &Outcome) -> Cow<'_, str> {
    Cow::Borrowed(outcome.error_text.as_deref().unwrap_or_default())
}
