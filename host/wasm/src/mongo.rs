//! Commands of MongoDB for a suspended guest, and recording what came of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use stresshost_io::mongo::{
    Command, CommandSpec, MongoSession, OpenError, Outcome, ReplyError, TargetSpec, Value,
};
use stresshost_metrics::{ErrorKind, OpId, Sample, SandboxLimit};

use crate::bindings::mongo as contract;
use crate::firing::{Flight, packed, refused};
use crate::opened::{CLOSED, Opened};
use crate::state::{CoreShared, Live};

/// What a suspended guest wants of a server.
pub(crate) enum MongoWish {
    Open { url: String, options: Vec<(String, String)> },
    Execute { command: u32, values: Vec<Value> },
    Run { connection: u32, name: String, text: String },
}

/// A virtual user's connections, commands and latest reply.
pub(crate) struct MongoSide {
    session: MongoSession,
    opened: Opened<Rc<Command>>,
    /// Of commands that were run at once, by their names.
    run: HashMap<String, OpId>,
    reply_id: u32,
    /// None once the reply is stale.
    answered: Option<Answered>,
}

/// What is kept of a reply besides the reply itself.
pub(crate) struct Answered {
    pub(crate) count: u64,
    pub(crate) duration_us: u64,
    pub(crate) error_code: Option<i32>,
    pub(crate) error_text: Option<Box<str>>,
}

impl MongoSide {
    fn new(core: &CoreShared) -> Self {
        Self {
            session: MongoSession::new(core.mongo.clone()),
            opened: Opened::default(),
            run: HashMap::new(),
            reply_id: 0,
            answered: None,
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
        self.answered.as_ref().filter(|_| self.reply_id == id)
    }

    /// A reply as JSON.
    pub(crate) fn reply(&self, id: u32) -> Result<String, ReplyError> {
        if self.answered(id).is_some() { self.session.reply() } else { Err(ReplyError::Gone) }
    }

    fn retire(&mut self) {
        if self.answered.take().is_some() {
            self.reply_id = self.reply_id.wrapping_add(1);
            self.session.release();
        }
    }

    /// Turns an outcome into what the guest sees, keeping what it may ask for later.
    fn answer(&mut self, outcome: Outcome) -> u64 {
        let duration_us = outcome.done_ns.saturating_sub(outcome.fired_ns) / 1_000;
        let Outcome { count, error, error_code, error_text, .. } = outcome;
        self.answered = Some(Answered { count, duration_us, error_code, error_text });
        packed(self.reply_id, u16::try_from(count).unwrap_or(u16::MAX), error)
    }
}

impl Live {
    /// Makes the latest reply of MongoDB stale.
    pub(crate) fn retire_documents(&mut self) {
        if let Some(side) = &mut self.mongo {
            side.retire();
        }
    }

    /// Connects: a handle, or why there is none.
    pub(crate) async fn mongo_handle(
        &mut self,
        url: &str,
        options: &[(String, String)],
    ) -> Result<u32, String> {
        let opened = self.mongo_open(&TargetSpec { url, options }).await;
        opened.map_err(|text| self.core.run.secrets.redact(&text).into_owned())
    }

    async fn mongo_open(&mut self, spec: &TargetSpec<'_>) -> Result<u32, String> {
        self.retire_documents();
        let connect = self.operation("connect", "mongo")?;
        let core = Rc::clone(&self.core);
        let side = self.mongo.get_or_insert_with(|| Box::new(MongoSide::new(&core)));
        let place = side.session.open(spec).map_err(|error| {
            if error == OpenError::TooMany {
                core.reached(SandboxLimit::Connections);
            }
            error.to_string()
        })?;
        let origin = side.session.origin(place);
        let limits = origin.map_or_else(Rc::default, |origin| self.limits_of(&origin));
        self.await_tokens(1, &limits).await;
        let Some(side) = self.mongo.as_deref_mut() else { return Err("the run is ending".to_owned()) };
        let flight = Flight::begin(&core, connect, self.ticket, self.intended_ns.take());
        let outcome = side.session.connect(place).await;
        record(flight, &outcome);
        if outcome.error.is_some() {
            side.session.close(place);
            return Err(refusal(&outcome));
        }
        side.opened.open(place, connect, limits).ok_or_else(|| OpenError::TooMany.to_string())
    }

    /// Closes a connection, and forgets its commands.
    pub(crate) fn mongo_close(&mut self, connection: u32) {
        let Some(side) = self.mongo.as_deref_mut() else { return };
        let Some((place, freed)) = side.opened.close(connection) else { return };
        side.session.close(place);
        self.prepared_bytes = self.prepared_bytes.saturating_sub(freed);
    }

    /// Compiles a command.
    pub(crate) fn mongo_prepare(
        &mut self,
        connection: u32,
        command: &contract::Command,
    ) -> Result<u32, String> {
        let core = Rc::clone(&self.core);
        self.may_prepare()?;
        let op = self.operation(&command.name, "mongo")?;
        let compiled = self.mongo_compile(connection, &command.text, &command.options)?;
        let memory = self.hold_prepared(compiled.held_bytes())?;
        let side = self.mongo.as_deref_mut().ok_or(CLOSED)?;
        let handle = side.opened.prepare(connection, op, compiled, memory);
        handle.ok_or_else(|| core.too_many_prepared())
    }

    fn mongo_compile(
        &self,
        connection: u32,
        text: &str,
        options: &[(String, String)],
    ) -> Result<Rc<Command>, String> {
        let side = self.mongo.as_deref().ok_or(CLOSED)?;
        let place = side.opened.connection(connection).ok_or(CLOSED)?.place;
        let compiled = side.session.prepare(place, &CommandSpec { text, options }).ok_or(CLOSED)?;
        compiled.map_err(|error| error.to_string())
    }

    /// Executes a prepared command and waits for its reply.
    pub(crate) async fn mongo_execute(&mut self, handle: u32, values: &[Value]) -> u64 {
        self.retire_documents();
        let side = self.mongo.as_deref();
        let Some(prepared) = side.and_then(|side| side.opened.get(handle)) else {
            return refused(self.mongo_reply_id());
        };
        let (op, connection, command) = (prepared.op, prepared.connection, Rc::clone(&prepared.compiled));
        self.mongo_send(op, connection, &command, values).await
    }

    /// Executes a command that was not prepared.
    pub(crate) async fn mongo_run(&mut self, connection: u32, name: &str, text: &str) -> u64 {
        self.retire_documents();
        let known = self.mongo.as_deref().and_then(|side| side.run.get(name)).copied();
        let op = match known.map_or_else(|| self.operation(name, "mongo"), Ok) {
            Ok(op) => op,
            Err(_) => return refused(self.mongo_reply_id()),
        };
        if let Some(side) = &mut self.mongo
            && known.is_none()
        {
            side.run.insert(name.to_owned(), op);
        }
        match self.mongo_compile(connection, text, &[]) {
            Ok(command) => self.mongo_send(op, connection, &command, &[]).await,
            Err(reason) => self.mongo_unsent(op, &reason),
        }
    }

    /// Records a command that cannot be sent as it is written.
    fn mongo_unsent(&mut self, op: OpId, reason: &str) -> u64 {
        let now_ns = self.core.context.clock.now_ns();
        let outcome = Outcome {
            error: Some(ErrorKind::Invalid),
            error_text: Some(reason.into()),
            fired_ns: now_ns,
            done_ns: now_ns,
            ..Outcome::default()
        };
        let flight = Flight::begin(&self.core, op, self.ticket, self.intended_ns.take());
        record(flight, &outcome);
        match self.mongo.as_deref_mut() {
            Some(side) => side.answer(outcome),
            None => refused(0),
        }
    }

    async fn mongo_send(&mut self, op: OpId, connection: u32, command: &Command, values: &[Value]) -> u64 {
        let side = self.mongo.as_deref();
        let Some(known) = side.and_then(|side| side.opened.connection(connection)) else {
            return refused(self.mongo_reply_id());
        };
        let (place, connect) = (known.place, known.connect);
        if self.is_limited() {
            let limits = Rc::clone(&known.limits);
            self.await_tokens(1, &limits).await;
        }
        let Some(side) = self.mongo.as_deref_mut() else { return refused(0) };
        let failed = if side.session.is_connected(place) {
            None
        } else {
            // Making a connection that was lost is an operation of its own.
            let flight = Flight::begin(&self.core, connect, self.ticket, self.intended_ns.take());
            // In memory of its own: commands are executed far more often.
            let outcome = Box::pin(side.session.connect(place)).await;
            record(flight, &outcome);
            outcome.error.map(|_| Outcome { fired_ns: outcome.done_ns, ..failure_of(outcome) })
        };
        let flight = Flight::begin(&self.core, op, self.ticket, self.intended_ns.take());
        let outcome = match failed {
            Some(failed) => failed,
            None => side.session.execute(place, command, values).await,
        };
        record(flight, &outcome);
        side.answer(outcome)
    }

    fn mongo_reply_id(&self) -> u32 {
        self.mongo.as_ref().map_or(0, |side| side.reply_id)
    }
}

/// How a command fails for which there is no connection.
fn failure_of(outcome: Outcome) -> Outcome {
    let Outcome { error, error_code, error_text, done_ns, .. } = outcome;
    Outcome { error, error_code, error_text, done_ns, ..Outcome::default() }
}

/// Why there is no connection, with the server's code in brackets when it gave one.
fn refusal(outcome: &Outcome) -> String {
    let text = outcome.error_text.as_deref().unwrap_or_default();
    match outcome.error_code {
        Some(code) => format!("{text} [{code}]"),
        None => text.to_owned(),
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
