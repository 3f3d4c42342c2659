//! One connection to a server, whichever it is, and what is prepared on it.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::BytesMut;
use serde::Serialize;
use sqlx::Connection as _;
use sqlx::mysql::MySqlConnection;
use sqlx::sqlite::SqliteConnection;
use stresshost_metrics::ErrorKind;

use super::cancel::{Cancel, Canceller};
use super::error::SqlError;
use super::limits::{CLEAN_UP_NS, MAX_STATEMENTS};
use super::rows::Sink;
use super::scan::{Dialect, Scanned};
use super::value::Value;
use super::{mysql, postgres, sqlite};

/// Facts about a server and a session with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerFacts {
    /// `postgresql`, `mysql`, `mariadb` or `sqlite`.
    pub engine: &'static str,
    /// In the server's own words.
    pub version: String,
    /// The database; SQLite's file.
    pub database: String,
    /// Whose session it is.
    pub user: String,
    /// The server's own id of the connection.
    pub session: String,
}

impl ServerFacts {
    pub(crate) fn new(engine: &'static str, [version, database, user, session]: [String; 4]) -> Self {
        Self { engine, version, database, user, session }
    }
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "what holds it is in a box already")]
pub(crate) enum Driver {
    Postgresql(postgres::Connection),
    Mysql(MySqlConnection),
    Sqlite(SqliteConnection),
}

/// A connection that is open, as far as is known.
#[derive(Debug)]
pub(crate) struct Physical {
    /// None once it says goodbye.
    driver: Option<Driver>,
    pub(crate) facts: ServerFacts,
    cancel: Cancel,
    canceller: Arc<Canceller>,
    /// Whether a statement is under way: dropped then, the server is told.
    pub(crate) busy: bool,
    /// By the place of a statement in the book: whether it is prepared here.
    prepared: Vec<bool>,
}

/// A statement as its server has prepared it.
#[derive(Debug)]
pub(crate) enum Prepared {
    Postgresql(postgres::Prepared),
    Mysql(mysql::Prepared),
    Sqlite(sqlite::Prepared),
}

/// The statements prepared for one place: a connection and those that replace it, or a pool.
#[derive(Debug, Default)]
pub(crate) struct Book {
    statements: Vec<Rc<Prepared>>,
    by_text: HashMap<Box<str>, usize>,
}

impl Book {
    pub(crate) fn get(&self, place: usize) -> Option<Rc<Prepared>> {
        self.statements.get(place).cloned()
    }

    pub(crate) fn find(&self, text: &str) -> Option<usize> {
        self.by_text.get(text).copied()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.statements.len() >= MAX_STATEMENTS
    }

    pub(crate) fn add(&mut self, text: &str, prepared: Prepared) -> usize {
        // Somebody else of the pool may have prepared it in the meantime.
        if let Some(place) = self.find(text) {
            return place;
        }
        self.statements.push(Rc::new(prepared));
        self.by_text.insert(text.into(), self.statements.len() - 1);
        self.statements.len() - 1
    }
}

/// Values in the notation of a server.
#[derive(Debug)]
pub(crate) enum Arguments {
    /// The messages themselves.
    Postgresql(BytesMut),
    Mysql(sqlx::mysql::MySqlArguments),
    Sqlite(sqlx::sqlite::SqliteArguments),
}

impl Prepared {
    pub(crate) fn arguments(&self, values: &[Value]) -> Result<Arguments, SqlError> {
        let (expected, found) = (self.parameters(), values.len());
        if expected != found {
            let text = format!("the statement has {expected} parameters and was given {found} values");
            return Err(SqlError::new(ErrorKind::Invalid, text));
        }
        let arguments = match self {
            Self::Postgresql(prepared) => prepared.arguments(values).map(Arguments::Postgresql),
            Self::Mysql(prepared) => prepared.arguments(values).map(Arguments::Mysql),
            Self::Sqlite(prepared) => prepared.arguments(values).map(Arguments::Sqlite),
        };
        arguments.map_err(|text| SqlError::new(ErrorKind::Invalid, text))
    }

    fn parameters(&self) -> usize {
        match self {
            Self::Postgresql(prepared) => prepared.parameters(),
            Self::Mysql(prepared) => prepared.parameters(),
            Self::Sqlite(prepared) => prepared.parameters(),
        }
    }

    /// Names of the parameters' types; empty ones where the server does not say.
    pub(crate) fn type_names(&self) -> Vec<String> {
        match self {
            Self::Postgresql(prepared) => prepared.type_names.clone(),
            _ => vec![String::new(); self.parameters()],
        }
    }

    pub(crate) fn columns(&self) -> &Rc<[String]> {
        match self {
            Self::Postgresql(prepared) => prepared.columns(),
            Self::Mysql(prepared) => prepared.columns(),
            Self::Sqlite(prepared) => prepared.columns(),
        }
    }
}

/// What a driver's call that cannot match its connection gives: it never happens, as a place has one kind of server.
fn mismatch() -> SqlError {
    SqlError::fatal(ErrorKind::Invalid, "the statement belongs to another kind of server")
}

impl Physical {
    pub(crate) fn new(driver: Driver, facts: ServerFacts, cancel: Cancel, canceller: Arc<Canceller>) -> Self {
        Self { driver: Some(driver), facts, cancel, canceller, busy: false, prepared: Vec::new() }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match &self.driver {
            Some(Driver::Mysql(_)) => Dialect::Mysql,
            Some(Driver::Sqlite(_)) => Dialect::Sqlite,
            Some(Driver::Postgresql(_)) | None => Dialect::Postgresql,
        }
    }

    pub(crate) fn has(&self, place: usize) -> bool {
        self.prepared.get(place).copied().unwrap_or(false)
    }

    pub(crate) fn set_prepared(&mut self, place: usize) {
        if self.prepared.len() <= place {
            self.prepared.resize(place + 1, false);
        }
        if let Some(prepared) = self.prepared.get_mut(place) {
            *prepared = true;
        }
    }

    /// Prepares a statement for the first time.
    pub(crate) async fn prepare(&mut self, text: &str, scanned: &Scanned) -> Result<Prepared, SqlError> {
        let failed = |error| SqlError::of_statement(&error);
        match self.driver.as_mut().ok_or_else(mismatch)? {
            Driver::Postgresql(connection) => {
                postgres::prepare(connection, text, scanned).await.map(Prepared::Postgresql)
            }
            Driver::Mysql(connection) => {
                let prepared = mysql::prepare(connection, text, scanned).await.map_err(failed)?;
                prepared.map(Prepared::Mysql).map_err(|text| SqlError::new(ErrorKind::Statement, text))
            }
            Driver::Sqlite(connection) => {
                sqlite::prepare(connection, text, scanned).await.map(Prepared::Sqlite).map_err(failed)
            }
        }
    }

    /// Prepares a statement that another connection of the place has prepared.
    pub(crate) async fn prepare_again(&mut self, prepared: &Prepared) -> Result<(), SqlError> {
        let result = match (self.driver.as_mut().ok_or_else(mismatch)?, prepared) {
            (Driver::Postgresql(connection), Prepared::Postgresql(prepared)) => {
                return postgres::prepare_again(connection, prepared).await;
            }
            (Driver::Mysql(connection), Prepared::Mysql(prepared)) => {
                mysql::prepare_again(connection, prepared).await
            }
            (Driver::Sqlite(connection), Prepared::Sqlite(prepared)) => {
                sqlite::prepare_again(connection, prepared).await
            }
            _ => return Err(mismatch()),
        };
        result.map_err(|error| SqlError::of_statement(&error))
    }

    pub(crate) async fn execute(
        &mut self,
        prepared: &Prepared,
        arguments: Arguments,
        sink: &mut Sink<'_>,
    ) -> Result<(), SqlError> {
        let result = match (self.driver.as_mut().ok_or_else(mismatch)?, prepared, arguments) {
            (
                Driver::Postgresql(connection),
                Prepared::Postgresql(prepared),
                Arguments::Postgresql(arguments),
            ) => return postgres::execute(connection, prepared, &arguments, sink).await,
            (Driver::Mysql(connection), Prepared::Mysql(prepared), Arguments::Mysql(arguments)) => {
                // In memory of their own: what waits for PostgreSQL would have room for them, and is moved about.
                Box::pin(mysql::execute(connection, prepared, arguments, sink)).await
            }
            (Driver::Sqlite(connection), Prepared::Sqlite(prepared), Arguments::Sqlite(arguments)) => {
                Box::pin(sqlite::execute(connection, prepared, arguments, sink)).await
            }
            _ => return Err(mismatch()),
        };
        result.map_err(|error| SqlError::of_statement(&error))
    }

    pub(crate) async fn run(
        &mut self,
        text: &str,
        scanned: &Scanned,
        sink: &mut Sink<'_>,
    ) -> Result<(), SqlError> {
        let result = match self.driver.as_mut().ok_or_else(mismatch)? {
            Driver::Postgresql(connection) => return postgres::run(connection, text, sink).await,
            Driver::Mysql(connection) => Box::pin(mysql::run(connection, text, sink)).await,
            Driver::Sqlite(connection) => Box::pin(sqlite::run(connection, text, scanned, sink)).await,
        };
        result.map_err(|error| SqlError::of_statement(&error))
    }

    /// The statement that begins a transaction.
    pub(crate) fn begin_text(&self, isolation: Option<&str>, read_only: bool) -> String {
        match self.dialect() {
            Dialect::Postgresql => postgres::begin(isolation, read_only),
            Dialect::Mysql => mysql::begin(isolation, read_only),
            Dialect::Sqlite => sqlite::begin(isolation),
        }
    }
}

impl Drop for Physical {
    fn drop(&mut self) {
        if self.busy {
            self.canceller.send(&self.cancel);
            return;
        }
        // Servers log and count connections that end without a goodbye.
        match self.driver.take() {
            Some(Driver::Postgresql(connection)) => connection.close(),
            Some(Driver::Mysql(connection)) => say_goodbye(connection.close()),
            Some(Driver::Sqlite(connection)) => say_goodbye(connection.close()),
            None => {}
        }
    }
}

/// Ends a connection in the background, where there is a runtime to do it.
fn say_goodbye(goodbye: impl Future<Output = Result<(), sqlx::Error>> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(tokio::time::timeout(Duration::from_nanos(CLEAN_UP_NS), goodbye));
    }
}

/// A flag that ends the statements of a SQLite connection.
pub(crate) fn stop_flag() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(false))
}
