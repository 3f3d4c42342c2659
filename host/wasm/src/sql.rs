//! Statements for a suspended guest, and recording what came of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use stresshost_engine::LimitId;
use stresshost_io::sql::{
    Outcome, Refused, Rows, SqlError, SqlSession, StatementSpec, TargetSpec, Timing, Value,
};
use stresshost_metrics::{OpId, Sample, SandboxLimit};

use crate::firing::{Flight, packed, refused};
use crate::memory_budget::Held;
use crate::state::{CoreShared, Live};

/// What a suspended guest wants to have a handle of.
pub(crate) enum SqlHandle {
    Open { url: String, options: Vec<(String, String)> },
    Prepare { connection: u32, name: String, text: String, options: Vec<(String, String)> },
}

/// What a suspended guest wants of a database.
pub(crate) enum SqlWish {
    Execute { statement: u32, values: Vec<Value>, keep: bool },
    Run { connection: u32, name: String, text: String },
    Begin { connection: u32, options: Vec<(String, String)> },
    Commit { connection: u32 },
    Rollback { connection: u32 },
}

/// A virtual user's databases.
pub(crate) struct SqlSide {
    pub(crate) session: SqlSession,
    /// By the session's handles.
    connections: Vec<Ops>,
    /// By the session's handles: what reports call each, and the memory of its text.
    statements: Vec<(OpId, Held)>,
    /// Of texts that were run at once, by their names.
    run: HashMap<String, OpId>,
    latest: Latest,
}

/// What reports call a connection's own operations, and the rate limits of its target.
struct Ops {
    connect: OpId,
    begin: OpId,
    commit: OpId,
    rollback: OpId,
    limits: Rc<[LimitId]>,
}

/// The latest result.
#[derive(Default)]
pub(crate) struct Latest {
    id: u32,
    /// None once it is stale.
    result: Option<Kept>,
}

/// What is kept of a result besides its rows.
pub(crate) struct Kept {
    pub(crate) rows: u64,
    pub(crate) duration_us: u64,
    pub(crate) error: Option<SqlError>,
}

impl SqlSide {
    fn new(core: &CoreShared) -> Self {
        Self {
            session: SqlSession::new(core.sql.clone()),
            connections: Vec::new(),
            statements: Vec::new(),
            run: HashMap::new(),
            latest: Latest::default(),
        }
    }

    /// A result by its id, unless it is stale.
    pub(crate) fn kept(&self, id: u32) -> Option<&Kept> {
        self.latest.result.as_ref().filter(|_| self.latest.id == id)
    }

    /// The rows of a result, unless it is stale.
    pub(crate) fn rows(&self, id: u32) -> Option<&Rows> {
        self.kept(id).map(|_| self.session.rows())
    }

    fn retire(&mut self) {
        if self.latest.result.take().is_some() {
            self.latest.id = self.latest.id.wrapping_add(1);
            self.session.release();
        }
    }
}

impl Live {
    /// Makes the latest result stale.
    pub(crate) fn retire_rows(&mut self) {
        if let Some(side) = &mut self.sql {
            side.retire();
        }
    }

    /// Whether a call has left a transaction open.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.sql.as_ref().is_some_and(|side| side.session.is_unsettled())
    }

    /// Rolls back what a call has left open.
    pub(crate) async fn settle_transactions(&mut self) {
        if let Some(side) = &mut self.sql {
            side.session.settle().await;
        }
    }

    fn sql_side(&mut self) -> &mut SqlSide {
        let core = &self.core;
        self.sql.get_or_insert_with(|| Box::new(SqlSide::new(core)))
    }

    /// Opens a connection or prepares a statement: a handle, or why there is none.
    pub(crate) async fn sql_handle(&mut self, wish: SqlHandle) -> Result<u32, String> {
        self.retire_rows();
        let handle = match wish {
            SqlHandle::Open { url, options } => {
                self.sql_open(&TargetSpec { url: &url, options: &options }).await
            }
            SqlHandle::Prepare { connection, name, text, options } => {
                let spec = StatementSpec { text: &text, options: &options };
                self.sql_prepare(connection, &name, &spec).await
            }
        };
        handle.map_err(|text| self.core.run.secrets.redact(&text).into_owned())
    }

    async fn sql_open(&mut self, spec: &TargetSpec<'_>) -> Result<u32, String> {
        let checked = self.sql_side().session.check(spec).map_err(|reason| self.sql_refused(&reason))?;
        let origin = &checked.origin;
        let op = |name: &str| self.operation(name, "sql");
        let ops = Ops {
            connect: op("connect")?,
            begin: op("BEGIN")?,
            commit: op("COMMIT")?,
            rollback: op("ROLLBACK")?,
            limits: self.limits_of(origin),
        };
        self.await_tokens(1, &ops.limits).await;
        // A pool is everybody's: that one user brings it a connection is no operation of that user.
        let ticket = self.ticket.filter(|_| !checked.is_pooled);
        let intended_ns = if ticket.is_some() { self.intended_ns.take() } else { None };
        let flight = Flight::begin(&self.core, ops.connect, ticket, intended_ns);
        let side = self.sql_side();
        let opened = side.session.open(spec).await;
        if let Some(timing) = opened.timing {
            let error = opened.result.as_ref().err();
            flight.record(
                |sample| connected(sample, timing, error),
                || Cow::Owned(error.map(ToString::to_string).unwrap_or_default()),
            );
        }
        if opened.result.is_ok() {
            side.connections.push(ops);
        }
        opened.result.map_err(|error| error.to_string())
    }

    async fn sql_prepare(
        &mut self,
        connection: u32,
        name: &str,
        spec: &StatementSpec<'_>,
    ) -> Result<u32, String> {
        let op = self.operation(name, "sql")?;
        let held = self.hold_prepared(spec.text.len() as u64)?;
        let side = self.sql_side();
        let refused = match side.session.prepare(connection, spec).await {
            Ok(Ok(handle)) => {
                side.statements.push((op, held));
                return Ok(handle);
            }
            Ok(Err(error)) => error.to_string(),
            Err(reason) => self.sql_refused(&reason),
        };
        self.prepared_bytes -= held.bytes();
        Err(refused)
    }

    /// An operation that is measured; its answer as the contract packs it.
    pub(crate) async fn sql_operation(&mut self, wish: SqlWish) -> u64 {
        self.retire_rows();
        let Some((op, limits, connect)) = self.sql_names(&wish) else {
            return refused(self.sql_side().latest.id);
        };
        self.await_tokens(1, &limits).await;
        let intended_ns = self.intended_ns.take();
        // What was lost with its connection is rolled back already: nothing is sent, and nothing measured.
        let is_over =
            matches!(wish, SqlWish::Rollback { connection } if self.sql_side().session.is_lost(connection));
        let flight = Flight::begin(&self.core, op, self.ticket.filter(|_| !is_over), intended_ns);
        let side = self.sql_side();
        let session = &mut side.session;
        let outcome = match wish {
            SqlWish::Execute { statement, values, keep } => session.execute(statement, &values, keep).await,
            SqlWish::Run { connection, text, .. } => session.run(connection, &text).await,
            SqlWish::Begin { connection, options } => session.begin(connection, &options).await,
            SqlWish::Commit { connection } => session.commit(connection).await,
            SqlWish::Rollback { connection } => session.rollback(connection).await,
        };
        // Handles were looked up before: there is always an outcome.
        let Some(outcome) = outcome else { return refused(side.latest.id) };
        let dropped = session.rows().dropped() > 0;
        if let Some(timing) = outcome.reconnected {
            let flight = Flight::begin(&self.core, connect, self.ticket, None);
            flight.record(|sample| connected(sample, timing, None), || Cow::Borrowed(""));
        }
        flight.record(
            |sample| filled(sample, &outcome),
            || Cow::Owned(outcome.error.as_ref().map(ToString::to_string).unwrap_or_default()),
        );
        if dropped {
            self.core.reached(SandboxLimit::Rows);
        }
        self.sql_answer(outcome)
    }

    /// What reports call an operation, the limits of its target, and what they call connecting. None: a stale handle, or
    /// no name left.
    fn sql_names(&mut self, wish: &SqlWish) -> Option<(OpId, Rc<[LimitId]>, OpId)> {
        let side = self.sql.as_ref()?;
        let connection = match wish {
            SqlWish::Execute { statement, .. } => side.session.connection_of(*statement)?,
            SqlWish::Run { connection, .. }
            | SqlWish::Begin { connection, .. }
            | SqlWish::Commit { connection }
            | SqlWish::Rollback { connection } => *connection,
        };
        if !side.session.is_open(connection) {
            return None;
        }
        let ops = side.connections.get(connection as usize)?;
        let (limits, connect) = (Rc::clone(&ops.limits), ops.connect);
        let op = match wish {
            SqlWish::Execute { statement, .. } => side.statements.get(*statement as usize)?.0,
            SqlWish::Begin { .. } => ops.begin,
            SqlWish::Commit { .. } => ops.commit,
            SqlWish::Rollback { .. } => ops.rollback,
            SqlWish::Run { name, .. } => match side.run.get(name) {
                Some(op) => *op,
                None => {
                    let op = self.operation(name, "sql").ok()?;
                    self.sql_side().run.insert(name.clone(), op);
                    op
                }
            },
        };
        Some((op, limits, connect))
    }

    /// Says why something was refused, and counts a limit that was reached.
    fn sql_refused(&self, reason: &Refused) -> String {
        match reason {
            Refused::Connections => self.core.reached(SandboxLimit::Connections),
            Refused::Statements => self.core.reached(SandboxLimit::Prepared),
            Refused::Invalid(_) => {}
        }
        reason.to_string()
    }

    /// Turns an outcome into what the guest sees, keeping what it may ask for later.
    fn sql_answer(&mut self, outcome: Outcome) -> u64 {
        let duration_us = outcome.done_ns.saturating_sub(outcome.fired_ns) / 1_000;
        let Outcome { rows, error, .. } = outcome;
        let kind = error.as_ref().map(|error| error.kind);
        let latest = &mut self.sql_side().latest;
        latest.result = Some(Kept { rows, duration_us, error });
        packed(latest.id, u16::try_from(rows).unwrap_or(u16::MAX), kind)
    }
}

/// The part of a sample that a connection gives.
fn connected(sample: &mut Sample, timing: Timing, error: Option<&SqlError>) {
    sample.error = error.map(|error| error.kind);
    sample.fired_ns = timing.fired_ns;
    sample.done_ns = timing.done_ns;
    sample.phases = timing.phases;
}

/// The part of a sample that a statement gives.
fn filled(sample: &mut Sample, outcome: &Outcome) {
    sample.error = outcome.error.as_ref().map(|error| error.kind);
    sample.fired_ns = outcome.fired_ns;
    sample.done_ns = outcome.done_ns;
    sample.phases = outcome.phases;
    sample.bytes_sent = outcome.bytes_sent;
    sample.bytes_received = outcome.bytes_received;
    // Waiting for the pool is part of the response.
    if let (0, Some(waited_from_ns)) = (sample.intended_ns, outcome.waited_from_ns) {
        sample.intended_ns = waited_from_ns;
    }
}
