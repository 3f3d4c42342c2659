//! Databases of the fake host: scripted answers to statements, and what was sent.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use stresshost_metrics::ErrorKind;

use super::FakeHost;
use super::state::with;
use crate::sql::{Cell, Server};

pub(crate) mod backend;

/// A scripted answer to a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlReply {
    pub(crate) changed: u64,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
    pub(crate) error: Option<(ErrorKind, String, String)>,
    pub(crate) duration: Duration,
}

impl SqlReply {
    /// Rows; each has a cell per column.
    pub fn rows<R: Into<Vec<Cell>>>(columns: &[&str], rows: impl IntoIterator<Item = R>) -> Self {
        Self {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows: rows.into_iter().map(Into::into).collect(),
            ..Self::changed(0)
        }
    }

    /// A number of rows changed, and none returned.
    pub const fn changed(rows: u64) -> Self {
        Self {
            changed: rows,
            columns: Vec::new(),
            rows: Vec::new(),
            error: None,
            duration: Duration::from_millis(1),
        }
    }

    /// A failure, with the server's code and words.
    pub fn error(kind: ErrorKind, code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { error: Some((kind, code.into(), text.into())), ..Self::changed(0) }
    }

    /// Sets how long the statement takes; 1 ms unless set.
    #[must_use]
    pub const fn after(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }
}

/// A statement as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlSent {
    /// Name of the operation.
    pub name: String,
    /// Text of the statement; `BEGIN` with its options, `COMMIT`, `ROLLBACK`.
    pub text: String,
    /// Values of its parameters.
    pub values: Vec<Cell>,
}

/// A database that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlOpened {
    /// URL as it was given.
    pub url: String,
    /// Options by name.
    pub options: Vec<(String, String)>,
}

#[derive(Debug)]
struct Prepared {
    connection: u32,
    name: String,
    text: String,
    parameters: usize,
}

#[derive(Debug, Default)]
struct Script {
    once: VecDeque<SqlReply>,
    always: Option<SqlReply>,
}

/// What the fake host knows of databases.
#[derive(Debug, Default)]
pub(super) struct SqlState {
    server: Server,
    scripts: HashMap<String, Script>,
    parameters: HashMap<String, Vec<String>>,
    opened: Vec<SqlOpened>,
    closed: Vec<u32>,
    prepared: Vec<Prepared>,
    sent: Vec<SqlSent>,
    /// The latest answer and its id.
    latest: Option<(u32, SqlReply)>,
    next_id: u32,
}

impl FakeHost {
    /// Sets the answer to every statement of an operation: a statement's name, `connect`, `BEGIN`, `COMMIT` or
    /// `ROLLBACK`. An operation without one succeeds and neither returns nor changes rows.
    pub fn sql_reply(&self, operation: &str, reply: SqlReply) {
        with(|state| state.sql.scripts.entry(operation.to_owned()).or_default().always = Some(reply));
    }

    /// Adds an answer to one statement of an operation, before what [`sql_reply`](Self::sql_reply) set.
    pub fn sql_reply_once(&self, operation: &str, reply: SqlReply) {
        with(|state| state.sql.scripts.entry(operation.to_owned()).or_default().once.push_back(reply));
    }

    /// Sets the types of the parameters that preparing an operation's statement tells; none are told unless set.
    pub fn sql_parameters(&self, operation: &str, types: &[&str]) {
        let types = types.iter().map(|&name| name.to_owned()).collect();
        with(|state| state.sql.parameters.insert(operation.to_owned(), types));
    }

    /// Sets what connections say of the server.
    pub fn sql_server(&self, server: Server) {
        with(|state| state.sql.server = server);
    }

    /// Statements sent, in order, those of transactions among them.
    pub fn statements(&self) -> Vec<SqlSent> {
        with(|state| state.sql.sent.clone())
    }

    /// Databases opened, in order.
    pub fn sql_opened(&self) -> Vec<SqlOpened> {
        with(|state| state.sql.opened.clone())
    }
}
