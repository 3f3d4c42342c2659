//! One virtual user's connections, statements and latest rows.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use stresshost_metrics::ErrorKind;

use super::connect::{Connected, Timing, connect};
use super::connection::ServerFacts;
use super::core::SqlCore;
use super::error::SqlError;
use super::limits::{CLEAN_UP_NS, MAX_CONNECTIONS, MAX_STATEMENTS};
use super::link::{Lease, Link, Transaction, lost_transaction};
use super::options::{statement_options, transaction_options};
use super::outcome::Outcome;
use super::pool::{Checkout, PoolState};
use super::rows::{Rows, Sink, Traffic};
use super::scan::Scanned;
use super::target::TargetSpec;
use super::value::Value;
use super::work::{Work, is_our_timeout, send, timed_out, within};
use crate::deadline::Deadline;
use crate::origin::Origin;

/// A statement as a virtual user names it.
#[derive(Clone, Copy, Debug)]
pub struct StatementSpec<'a> {
    /// The statement; parameters are `$1`, `$2`, ...
    pub text: &'a str,
    /// Options by name; see `wit/sql.wit`.
    pub options: &'a [(String, String)],
}

/// What a virtual user is refused before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error("{0}")]
    Invalid(String),
    /// It has as many connections as it may have.
    #[error("more than {MAX_CONNECTIONS} connections; close some, or use a pool")]
    Connections,
    /// It has as many statements as it may have.
    #[error("more than {MAX_STATEMENTS} statements; put what varies into parameters")]
    Statements,
}

/// A target that can be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Where it is.
    pub origin: Arc<Origin>,
    /// Whether its connections are a pool's.
    pub is_pooled: bool,
}

/// What came of opening a connection.
#[derive(Debug)]
pub struct Opened {
    /// Its handle, or why there is none.
    pub result: Result<u32, SqlError>,
    /// When it was made; none when a pool had it already.
    pub timing: Option<Timing>,
}

/// One virtual user's part of the engine.
#[derive(Debug)]
pub struct SqlSession {
    core: SqlCore,
    connections: Vec<Option<Link>>,
    statements: Vec<Statement>,
    rows: Rows,
    deadline: Deadline,
}

#[derive(Debug)]
struct Statement {
    connection: u32,
    /// Its place in the connection's book.
    place: usize,
    timeout_ns: Option<u64>,
}

impl SqlSession {
    /// The part of a virtual user on a core.
    pub fn new(core: SqlCore) -> Self {
        let (connections, statements) = (Vec::new(), Vec::new());
        Self { core, connections, statements, rows: Rows::default(), deadline: Deadline::default() }
    }

    /// Reads a target, which [`open`](Self::open) then connects to.
    ///
    /// # Errors
    /// When it cannot be read, or there are too many connections.
    pub fn check(&self, spec: &TargetSpec<'_>) -> Result<Checked, Refused> {
        if self.connections.iter().flatten().count() >= MAX_CONNECTIONS {
            return Err(Refused::Connections);
        }
        let target = self.core.target(spec).map_err(Refused::Invalid)?;
        Ok(Checked { is_pooled: target.pool.is_some(), origin: target.origin })
    }

    /// Connects to a target that was checked before.
    pub async fn open(&mut self, spec: &TargetSpec<'_>) -> Opened {
        let target = match self.core.target(spec) {
            Ok(target) => Rc::new(target),
            Err(reason) => {
                return Opened { result: Err(SqlError::new(ErrorKind::Invalid, reason)), timing: None };
            }
        };
        let mut connection = Link {
            pool: self.core.pool(&target),
            book: Rc::default(),
            held: None,
            transaction: Transaction::None,
            failed: false,
            facts: None,
            target,
        };
        let mut timing = None;
        if let Some(pool) = connection.pool.clone() {
            connection.book = Rc::clone(&pool.book);
            if let Err((error, timing)) = pool.grow(&self.core, &connection.target).await {
                return Opened { result: Err(error), timing: Some(timing) };
            }
        } else {
            let connected = connect(&self.core, &connection.target).await;
            timing = Some(connected.timing);
            match connected.result {
                Ok(physical) => connection.hold(Lease { physical, permit: None }),
                Err(error) => return Opened { result: Err(error), timing },
            }
        }
        self.connections.push(Some(connection));
        Opened { result: Ok(u32::try_from(self.connections.len() - 1).unwrap_or(u32::MAX)), timing }
    }

    /// Facts about the server; `None` for a stale handle.
    pub fn server(&self, connection: u32) -> Option<ServerFacts> {
        let connection = self.connection(connection)?;
        connection.pool.as_ref().and_then(|pool| pool.facts()).or_else(|| connection.facts.clone())
    }

    /// State of the connection's pool, if it has one.
    pub fn pool(&self, connection: u32) -> Option<PoolState> {
        self.connection(connection)?.pool.as_ref().map(|pool| pool.state())
    }

    /// Closes a connection; its handle and statements are stale then.
    pub fn close(&mut self, connection: u32) {
        if let Some(slot) = self.connections.get_mut(connection as usize) {
            *slot = None;
        }
    }

    /// Whether a handle is of an open connection.
    pub fn is_open(&self, connection: u32) -> bool {
        self.connection(connection).is_some()
    }

    /// Whether a transaction was lost with its connection: the server has rolled it back, and [`rollback`](Self::rollback)
    /// sends nothing.
    pub fn is_lost(&self, connection: u32) -> bool {
        self.connection(connection).is_some_and(|connection| connection.transaction == Transaction::Lost)
    }

    /// The connection a statement is prepared on; `None` for a stale handle.
    pub fn connection_of(&self, statement: u32) -> Option<u32> {
        let connection = self.statements.get(statement as usize)?.connection;
        self.is_open(connection).then_some(connection)
    }

    fn connection(&self, handle: u32) -> Option<&Link> {
        self.connections.get(handle as usize)?.as_ref()
    }

    fn connection_mut(&mut self, handle: u32) -> Option<&mut Link> {
        self.connections.get_mut(handle as usize)?.as_mut()
    }

    /// Prepares a statement; its handle.
    ///
    /// # Errors
    /// Outer: it is refused before anything is sent. Inner: the server refused it.
    pub async fn prepare(
        &mut self,
        connection: u32,
        spec: &StatementSpec<'_>,
    ) -> Result<Result<u32, SqlError>, Refused> {
        let timeout_ns = statement_options(spec.options)?;
        let Some(found) = self.connection(connection) else {
            return Err(Refused::Invalid("the connection is stale".to_owned()));
        };
        let scanned = found.read(spec.text)?;
        if scanned.statements.len() > 1 {
            return Err(Refused::Invalid(
                "one statement at a time can be prepared; `run` takes several".to_owned(),
            ));
        }
        let known = found.book.borrow().find(spec.text);
        if self.statements.len() >= MAX_STATEMENTS || (known.is_none() && found.book.borrow().is_full()) {
            return Err(Refused::Statements);
        }
        let place = match known {
            Some(place) => place,
            None => match self.prepare_first(connection, spec.text, &scanned).await {
                Ok(place) => place,
                Err(error) => return Ok(Err(error)),
            },
        };
        self.statements.push(Statement { connection, place, timeout_ns });
        Ok(Ok(u32::try_from(self.statements.len() - 1).unwrap_or(u32::MAX)))
    }

    async fn prepare_first(&mut self, handle: u32, text: &str, scanned: &Scanned) -> Result<usize, SqlError> {
        let stale = || SqlError::new(ErrorKind::Invalid, "the connection is stale");
        let mut lease = self.lease(handle).await.result?;
        let connection = self.connection(handle).ok_or_else(stale)?;
        let limit_ns = connection.timeout_ns();
        let at_ns = self.core.clock().now_ns().saturating_add(limit_ns);
        lease.physical.busy = true;
        let result = {
            let work = pin!(lease.physical.prepare(text, scanned));
            within(&self.core, &mut self.deadline, at_ns, work).await
        };
        let result = result.unwrap_or_else(|| Err(timed_out(limit_ns)));
        lease.physical.busy = result.as_ref().is_err_and(is_our_timeout);
        let connection = self.connection_mut(handle).ok_or_else(stale)?;
        match result {
            Ok(prepared) => {
                let place = connection.book.borrow_mut().add(text, prepared);
                lease.physical.set_prepared(place);
                connection.give_back(lease);
                Ok(place)
            }
            Err(error) => {
                connection.settle(lease, &error);
                Err(error)
            }
        }
    }

    /// Names of the types of a statement's parameters; none for a stale handle.
    pub fn parameters(&self, statement: u32) -> Vec<String> {
        let found = self.statements.get(statement as usize);
        let prepared =
            found.and_then(|found| self.connection(found.connection)?.book.borrow().get(found.place));
        prepared.map(|prepared| prepared.type_names()).unwrap_or_default()
    }

    /// Executes a prepared statement; its rows are kept or only counted. `None` for a stale handle.
    pub async fn execute(&mut self, statement: u32, values: &[Value], keep: bool) -> Option<Outcome> {
        self.release();
        let &Statement { connection, place, timeout_ns } = self.statements.get(statement as usize)?;
        let prepared = self.connection(connection)?.book.borrow().get(place)?;
        let arguments = match prepared.arguments(values) {
            Ok(arguments) => arguments,
            Err(error) => return Some(Outcome::unsent(self.core.clock().now_ns(), error)),
        };
        if keep {
            self.rows.begin(Rc::clone(prepared.columns()));
        }
        Some(self.perform(connection, Work::Statement { place, prepared, arguments }, keep, timeout_ns).await)
    }

    /// Runs a text of any number of statements and keeps the rows of the last. `None` for a stale handle.
    pub async fn run(&mut self, connection: u32, text: &str) -> Option<Outcome> {
        self.release();
        let scanned = match self.connection(connection)?.read(text) {
            Ok(scanned) => scanned,
            Err(refused) => {
                let error = SqlError::new(ErrorKind::Invalid, refused.to_string());
                return Some(Outcome::unsent(self.core.clock().now_ns(), error));
            }
        };
        Some(self.perform(connection, Work::Text { text, scanned: &scanned }, true, None).await)
    }

    /// Begins a transaction. `None` for a stale handle.
    pub async fn begin(&mut self, connection: u32, options: &[(String, String)]) -> Option<Outcome> {
        self.release();
        let found = self.connection(connection)?;
        let refused = match (transaction_options(options), found.transaction) {
            (Err(reason), _) => Err(reason),
            (_, Transaction::Open) => Err("a transaction is open already".to_owned()),
            (Ok(options), _) => Ok(options),
        };
        let (isolation, read_only) = match refused {
            Ok(options) => options,
            Err(reason) => {
                let error = SqlError::new(ErrorKind::Invalid, reason);
                return Some(Outcome::unsent(self.core.clock().now_ns(), error));
            }
        };
        // A transaction that was lost is over.
        self.connection_mut(connection)?.transaction = Transaction::None;
        Some(self.perform(connection, Work::Begin { isolation, read_only }, false, None).await)
    }

    /// Commits the transaction. `None` for a stale handle.
    pub async fn commit(&mut self, connection: u32) -> Option<Outcome> {
        let failed = self.connection(connection)?.failed;
        self.end(connection, Work::Commit { failed }).await
    }

    /// Rolls the transaction back. `None` for a stale handle.
    pub async fn rollback(&mut self, connection: u32) -> Option<Outcome> {
        self.end(connection, Work::Rollback).await
    }

    async fn end(&mut self, handle: u32, work: Work<'_>) -> Option<Outcome> {
        self.release();
        let now_ns = self.core.clock().now_ns();
        let connection = self.connection_mut(handle)?;
        match (std::mem::replace(&mut connection.transaction, Transaction::None), &work) {
            (Transaction::Open, _) => {
                connection.transaction = Transaction::Open;
                Some(self.perform(handle, work, false, None).await)
            }
            (Transaction::None, _) => {
                let error = SqlError::new(ErrorKind::Invalid, "no transaction was begun with `begin`");
                Some(Outcome::unsent(now_ns, error))
            }
            // The server has rolled it back.
            (Transaction::Lost, Work::Rollback) => {
                Some(Outcome::new(now_ns, now_ns, Traffic::default(), Ok(0)))
            }
            (Transaction::Lost, _) => Some(Outcome::unsent(now_ns, lost_transaction())),
        }
    }

    /// Sends something on a connection, which is made first where there is none.
    async fn perform(&mut self, handle: u32, work: Work<'_>, keep: bool, timeout_ns: Option<u64>) -> Outcome {
        let Leased { result, mut waited_from_ns, reconnected } = self.lease(handle).await;
        let clock = self.core.clock();
        let unsent = |error| {
            let now_ns = clock.now_ns();
            let waited_from_ns = waited_from_ns;
            Outcome { waited_from_ns, reconnected, ..Outcome::unsent(now_ns, error) }
        };
        let mut lease = match result {
            Ok(lease) => lease,
            Err(error) => return unsent(error),
        };
        let Some(connection) = self.connections.get_mut(handle as usize).and_then(Option::as_mut) else {
            return unsent(SqlError::new(ErrorKind::Invalid, "the connection is stale"));
        };
        let limit_ns = timeout_ns.unwrap_or_else(|| connection.timeout_ns());
        lease.physical.busy = true;
        if let Work::Statement { place, prepared, .. } = &work
            && !lease.physical.has(*place)
        {
            let from_ns = clock.now_ns();
            waited_from_ns.get_or_insert(from_ns);
            let at_ns = from_ns.saturating_add(limit_ns);
            let prepared = {
                let preparing = pin!(lease.physical.prepare_again(prepared));
                within(&self.core, &mut self.deadline, at_ns, preparing).await
            };
            if let Err(error) = prepared.unwrap_or_else(|| Err(timed_out(limit_ns))) {
                lease.physical.busy = is_our_timeout(&error);
                connection.settle(lease, &error);
                let now_ns = clock.now_ns();
                return Outcome {
                    waited_from_ns,
                    reconnected,
                    ..Outcome::new(from_ns, now_ns, Traffic::default(), Err(error))
                };
            }
            lease.physical.set_prepared(*place);
        }
        let mut sink = Sink::new(keep.then_some(&mut self.rows));
        let step = work.step();
        let fired_ns = clock.now_ns();
        let at_ns = fired_ns.saturating_add(limit_ns);
        let result = {
            let sent = pin!(send(&mut lease.physical, work, &mut sink));
            within(&self.core, &mut self.deadline, at_ns, sent).await
        };
        let done_ns = clock.now_ns();
        let (rows, traffic) = (sink.count(), sink.traffic);
        let result = connection.conclude(lease, step, result.unwrap_or_else(|| Err(timed_out(limit_ns))));
        Outcome {
            waited_from_ns,
            reconnected,
            ..Outcome::new(fired_ns, done_ns, traffic, result.map(|()| rows))
        }
    }

    /// A connection to the server for one operation: the one at hand, a pool's, or a new one.
    async fn lease(&mut self, handle: u32) -> Leased {
        let refused = |error| Leased { result: Err(error), waited_from_ns: None, reconnected: None };
        let Some(connection) = self.connections.get_mut(handle as usize).and_then(Option::as_mut) else {
            return refused(SqlError::new(ErrorKind::Invalid, "the connection is stale"));
        };
        // An operation of the transaction may have been dropped, and its connection with it.
        if connection.transaction == Transaction::Open && connection.held.is_none() {
            connection.transaction = Transaction::Lost;
        }
        if connection.transaction == Transaction::Lost {
            return refused(lost_transaction());
        }
        if let Some(lease) = connection.held.take() {
            return Leased { result: Ok(lease), waited_from_ns: None, reconnected: None };
        }
        if let Some(pool) = &connection.pool {
            let Checkout { result, waited_from_ns, reconnected } =
                pool.check_out(&self.core, &connection.target).await;
            let result = result.map(|(physical, permit)| Lease { physical, permit: Some(permit) });
            return Leased { result, waited_from_ns, reconnected };
        }
        let Connected { result, timing } = connect(&self.core, &connection.target).await;
        let reconnected = result.is_ok().then_some(timing);
        Leased {
            result: result.map(|physical| Lease { physical, permit: None }),
            waited_from_ns: None,
            reconnected,
        }
    }

    /// Rows of the latest result.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Forgets the rows of the latest result.
    pub fn release(&mut self) {
        if !self.rows.columns().is_empty() {
            self.rows = Rows::default();
        }
    }

    /// Whether an iteration has left a transaction open.
    pub fn is_unsettled(&self) -> bool {
        self.connections.iter().flatten().any(|connection| connection.transaction != Transaction::None)
    }

    /// Rolls back what an iteration has left open. It is no operation of the load and is not measured.
    pub async fn settle(&mut self) {
        for handle in 0..self.connections.len() {
            let Some(connection) = self.connections.get_mut(handle).and_then(Option::as_mut) else {
                continue;
            };
            let state = std::mem::replace(&mut connection.transaction, Transaction::None);
            let lease = if state == Transaction::Open { connection.held.take() } else { None };
            let Some(mut lease) = lease else { continue };
            let at_ns = self.core.clock().now_ns().saturating_add(CLEAN_UP_NS);
            lease.physical.busy = true;
            let mut sink = Sink::new(None);
            let ended = {
                let sent = pin!(send(&mut lease.physical, Work::Rollback, &mut sink));
                within(&self.core, &mut self.deadline, at_ns, sent).await
            };
            match ended {
                Some(Ok(())) => {
                    lease.physical.busy = false;
                    connection.give_back(lease);
                }
                Some(Err(_)) => lease.physical.busy = false,
                None => {}
            }
        }
    }
}

/// What came of asking for a connection to the server.
struct Leased {
    result: Result<Lease, SqlError>,
    waited_from_ns: Option<u64>,
    reconnected: Option<Timing>,
}
