//! Bytes over TCP for a suspended guest, and recording what came of them.

use std::borrow::Cow;
use std::rc::Rc;

use stresshost_io::tcp::{Exchange, ExchangeSpec, OpenError, Outcome, ReplyError, TargetSpec, TcpSession};
use stresshost_metrics::{ErrorKind, SandboxLimit};

use crate::bindings::tcp as contract;
use crate::firing::{Flight, packed, refused};
use crate::opened::{CLOSED, Opened};
use crate::state::{CoreShared, Live};
use crate::waiting::Fulfilled;

/// What reports call the protocol.
const PROTOCOL: &str = "tcp";

/// Why an operation fails that is open when another is begun.
const BEGUN_ANEW: &str = "another operation was begun before this one was ended";

/// What a suspended guest wants of a server, besides sending an exchange.
pub(crate) enum TcpWish {
    Open { address: String, options: Vec<(String, String)> },
    Begin { exchange: u32, values: Vec<Vec<u8>> },
    Write(Vec<u8>),
    ReadUntil { delimiter: Vec<u8>, most: u32 },
    Read { length: u32 },
    Skip { length: u64 },
}

/// A virtual user's connections, exchanges, open operation and latest answer.
pub(crate) struct TcpSide {
    session: TcpSession,
    opened: Opened<Exchange>,
    /// The operation that is begun and not ended.
    open: Option<Flight>,
    /// Id of the latest answer.
    id: u32,
    answered: Option<Answered>,
}

/// What is kept of an operation besides its reply.
pub(crate) struct Answered {
    pub(crate) duration_us: u64,
    pub(crate) reply_bytes: u64,
    pub(crate) error_text: Option<Box<str>>,
}

impl TcpSide {
    fn new(core: &CoreShared) -> Self {
        Self {
            session: TcpSession::new(core.tcp.clone()),
            opened: Opened::default(),
            open: None,
            id: 0,
            answered: None,
        }
    }

    /// Number of exchanges prepared.
    pub(crate) fn prepared(&self) -> usize {
        self.opened.prepared()
    }

    /// What is known of an operation, unless its answer is stale.
    pub(crate) fn answered(&self, id: u32) -> Option<&Answered> {
        self.answered.as_ref().filter(|_| id == self.id)
    }

    /// The reply to an exchange.
    pub(crate) fn reply(&self, id: u32) -> Result<&[u8], ReplyError> {
        self.answered(id).ok_or(ReplyError::Gone)?;
        self.session.reply()
    }

    /// Makes the latest answer stale.
    fn retire(&mut self) {
        if self.answered.take().is_some() {
            self.id = self.id.wrapping_add(1);
            self.session.release();
        }
    }

    /// Fails an operation that is still open.
    fn abandon(&mut self, why: &str) {
        let Some(flight) = self.open.take() else { return };
        if let Some(outcome) = self.session.abandon(why) {
            record(flight, &outcome);
        }
    }

    /// Turns an outcome into what the guest sees, keeping what it may ask for later.
    fn answer(&mut self, outcome: Outcome) -> u64 {
        let Outcome { error, error_text, reply_bytes, fired_ns, done_ns, .. } = outcome;
        let duration_us = done_ns.saturating_sub(fired_ns) / 1_000;
        self.answered = Some(Answered { duration_us, reply_bytes, error_text });
        packed(self.id, u16::try_from(reply_bytes).unwrap_or(u16::MAX), error)
    }
}

impl Live {
    /// Fails the operation that is still open, and makes the latest answer stale.
    pub(crate) fn tcp_settle(&mut self, why: &str) {
        if let Some(side) = &mut self.tcp {
            side.abandon(why);
            side.retire();
        }
    }

    /// Does what a guest wants, except for [`Self::tcp_send`]. A number is the code of an error; 0 for none.
    pub(crate) async fn tcp(&mut self, wish: TcpWish) -> Fulfilled {
        match wish {
            TcpWish::Open { address, options } => {
                let spec = TargetSpec { address: &address, options: &options };
                // In memory of its own: everything else is done far more often.
                let opened = Box::pin(self.tcp_open(&spec)).await;
                Fulfilled::Handle(opened.map_err(|text| self.core.run.secrets.redact(&text).into_owned()))
            }
            TcpWish::Begin { exchange, values } => {
                Fulfilled::Answer(self.tcp_begin(exchange, &values).await.into())
            }
            TcpWish::Write(bytes) => Fulfilled::Answer(u64::from(match self.tcp_session() {
                Some(session) => code(session.write(&bytes).await),
                None => ErrorKind::Invalid.code(),
            })),
            TcpWish::Skip { length } => Fulfilled::Answer(u64::from(match self.tcp_session() {
                Some(session) => code(session.skip(length).await),
                None => ErrorKind::Invalid.code(),
            })),
            TcpWish::ReadUntil { delimiter, most } => Fulfilled::Bytes(match self.tcp_session() {
                Some(session) => session.read_until(&delimiter, most as usize).await.map_err(ErrorKind::code),
                None => Err(ErrorKind::Invalid.code()),
            }),
            TcpWish::Read { length } => Fulfilled::Bytes(match self.tcp_session() {
                Some(session) => session.read(length as usize).await.map_err(ErrorKind::code),
                None => Err(ErrorKind::Invalid.code()),
            }),
        }
    }

    /// Where the open operation is read.
    pub(crate) fn tcp_session(&mut self) -> Option<&mut TcpSession> {
        self.tcp.as_deref_mut().map(|side| &mut side.session)
    }

    async fn tcp_open(&mut self, spec: &TargetSpec<'_>) -> Result<u32, String> {
        self.tcp_settle(BEGUN_ANEW);
        let connect = self.operation("connect", PROTOCOL)?;
        let core = Rc::clone(&self.core);
        let side = self.tcp.get_or_insert_with(|| Box::new(TcpSide::new(&core)));
        let place = side.session.open(spec).map_err(|error| {
            if error == OpenError::TooMany {
                core.reached(SandboxLimit::Connections);
            }
            error.to_string()
        })?;
        let origin = side.session.origin(place);
        let limits = origin.map_or_else(Rc::default, |origin| self.limits_of(&origin));
        self.await_tokens(1, &limits).await;
        let Some(side) = self.tcp.as_deref_mut() else { return Err("the run is ending".to_owned()) };
        let flight = Flight::begin(&core, connect, self.ticket, self.intended_ns.take());
        let outcome = side.session.connect(place).await;
        record(flight, &outcome);
        if outcome.error.is_some() {
            side.session.close(place);
            return Err(outcome.error_text.map(String::from).unwrap_or_default());
        }
        side.opened.open(place, connect, limits).ok_or_else(|| OpenError::TooMany.to_string())
    }

    /// Closes a connection, and forgets its exchanges.
    pub(crate) fn tcp_close(&mut self, connection: u32) {
        let Some(side) = self.tcp.as_deref_mut() else { return };
        let Some((place, freed)) = side.opened.close(connection) else { return };
        side.session.close(place);
        self.prepared_bytes = self.prepared_bytes.saturating_sub(freed);
    }

    /// Compiles an exchange.
    pub(crate) fn tcp_prepare(
        &mut self,
        connection: u32,
        exchange: &contract::Exchange,
    ) -> Result<u32, String> {
        let core = Rc::clone(&self.core);
        self.may_prepare()?;
        let op = self.operation(&exchange.name, PROTOCOL)?;
        let side = self.tcp.as_deref_mut().ok_or(CLOSED)?;
        let place = side.opened.connection(connection).ok_or(CLOSED)?.place;
        let spec =
            ExchangeSpec { bytes: &exchange.bytes, slots: &exchange.slots, options: &exchange.options };
        let compiled = side.session.prepare(place, &spec).ok_or(CLOSED)?;
        let compiled = compiled.map_err(|error| core.run.secrets.redact(&error.to_string()).into_owned())?;
        let memory = self.hold_prepared(compiled.held_bytes())?;
        let side = self.tcp.as_deref_mut().ok_or(CLOSED)?;
        let handle = side.opened.prepare(connection, op, compiled, memory);
        handle.ok_or_else(|| core.too_many_prepared())
    }

    /// Sends an exchange and waits for its reply.
    pub(crate) async fn tcp_send(&mut self, handle: u32, values: &[Vec<u8>]) -> u64 {
        self.tcp_settle(BEGUN_ANEW);
        if self.is_limited() {
            self.tcp_tokens(handle).await;
        }
        let Some(side) = self.tcp.as_deref_mut() else { return refused(0) };
        let Some((prepared, connection)) = side.opened.with_connection(handle) else {
            return refused(side.id);
        };
        let connecting =
            || Flight::begin(&self.core, connection.connect, self.ticket, self.intended_ns.take());
        let failed = reach(&mut side.session, connection.place, &self.core, connecting).await;
        let flight = Flight::begin(&self.core, prepared.op, self.ticket, self.intended_ns.take());
        let outcome = match failed {
            Some(failed) => failed,
            None => side.session.send(connection.place, &prepared.compiled, values).await,
        };
        record(flight, &outcome);
        side.answer(outcome)
    }

    /// Begins an operation; the code of the error with which it has failed.
    async fn tcp_begin(&mut self, handle: u32, values: &[Vec<u8>]) -> u32 {
        self.tcp_settle(BEGUN_ANEW);
        if self.is_limited() {
            self.tcp_tokens(handle).await;
        }
        let Some(side) = self.tcp.as_deref_mut() else { return ErrorKind::Invalid.code() };
        let Some((prepared, connection)) = side.opened.with_connection(handle) else {
            return ErrorKind::Invalid.code();
        };
        let place = connection.place;
        let connecting =
            || Flight::begin(&self.core, connection.connect, self.ticket, self.intended_ns.take());
        let failed = reach(&mut side.session, place, &self.core, connecting).await;
        side.open = Some(Flight::begin(&self.core, prepared.op, self.ticket, self.intended_ns.take()));
        match failed {
            Some(failed) => side.session.begin_failed(place, failed).code(),
            None => code(side.session.begin(place, &prepared.compiled, values).await),
        }
    }

    /// Ends the open operation with the plugin's verdict.
    pub(crate) fn tcp_end(&mut self, error: &str, text: &str) -> u64 {
        let Some(side) = self.tcp.as_deref_mut() else { return refused(0) };
        let verdict = (!error.is_empty()).then(|| (verdict(error), text));
        let (Some(flight), Some(outcome)) = (side.open.take(), side.session.end(verdict)) else {
            return refused(side.id);
        };
        record(flight, &outcome);
        side.answer(outcome)
    }

    async fn tcp_tokens(&mut self, exchange: u32) {
        let found = self.tcp.as_deref().and_then(|side| side.opened.with_connection(exchange));
        if let Some(limits) = found.map(|(_, connection)| Rc::clone(&connection.limits)) {
            self.await_tokens(1, &limits).await;
        }
    }
}

/// Sees to it that there is a connection; how an operation fails when there is none.
async fn reach(
    session: &mut TcpSession,
    place: usize,
    core: &CoreShared,
    flight: impl FnOnce() -> Flight,
) -> Option<Outcome> {
    if session.is_connected(place) {
        return None;
    }
    // In memory of its own: exchanges are sent far more often.
    Box::pin(reconnect(session, place, core, flight)).await
}

/// Makes a connection that was lost, as an operation of its own; how an operation fails that then cannot be begun.
async fn reconnect(
    session: &mut TcpSession,
    place: usize,
    core: &CoreShared,
    flight: impl FnOnce() -> Flight,
) -> Option<Outcome> {
    if !session.reconnects(place) {
        let text = "the connection is lost, and its target says that it is not made again";
        let now_ns = core.context.clock.now_ns();
        return Some(failed(ErrorKind::Closed, Some(text.into()), now_ns));
    }
    let flight = flight();
    let outcome = session.connect(place).await;
    record(flight, &outcome);
    Some(failed(outcome.error?, outcome.error_text, outcome.done_ns))
}

fn failed(error: ErrorKind, error_text: Option<Box<str>>, at_ns: u64) -> Outcome {
    Outcome { error: Some(error), error_text, fired_ns: at_ns, done_ns: at_ns, ..Outcome::default() }
}

fn code(result: Result<(), ErrorKind>) -> u32 {
    result.map_or_else(ErrorKind::code, |()| 0)
}

/// The error that a plugin names. That a run has ended is for the host to say.
fn verdict(name: &str) -> ErrorKind {
    ErrorKind::from_name(name)
        .filter(|&kind| kind != ErrorKind::Interrupted)
        .unwrap_or(ErrorKind::ServerError)
}

fn record(flight: Flight, outcome: &Outcome) {
    flight.record(
        |sample| {
            sample.error = outcome.error;
            sample.fired_ns = outcome.fired_ns;
            sample.done_ns = outcome.done_ns;
            sample.phases = outcome.phases;
            sample.bytes_sent = outcome.bytes_sent;
            sample.bytes_received = outcome.bytes_received;
        },
        || Cow::Borrowed(outcome.error_text.as_deref().unwrap_or_default()),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_names_any_error_but_the_hosts_own() {
        for (name, kind) in [
            ("status_unexpected", ErrorKind::StatusUnexpected),
            ("malformed", ErrorKind::Malformed),
            ("interrupted", ErrorKind::ServerError),
            ("of tomorrow", ErrorKind::ServerError),
        ] {
            assert_eq!(verdict(name), kind, "{name}");
        }
    }
}
