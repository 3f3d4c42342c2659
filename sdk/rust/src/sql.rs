//! SQL statements: prepared once, executed many times, measured by the host.
//!
//! ```
//! use stresshost_sdk::sql::{Cell, Target, Value};
//! use stresshost_sdk::testing::{FakeHost, SqlReply};
//!
//! let host = FakeHost::new();
//! host.sql_reply("SELECT account", SqlReply::rows(&["balance"], [[Cell::Integer(12)]]));
//!
//! let database = Target::new("postgresql://tester@127.0.0.1/shop").read_only(true).open()?;
//! let account = database.prepare("SELECT account", "SELECT balance FROM accounts WHERE id = $1")?;
//! let answer = account.query(&[Value::Integer(7)]);
//!
//! answer.check()?;
//! assert_eq!(answer.row(0).unwrap()[0].as_i64(), Some(12));
//! assert_eq!(host.statements()[0].values, [Cell::Integer(7)]);
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stresshost_metrics::ErrorKind;

use crate::bindings::stresshost::workload::sql as contract;
use crate::{Failure, host};

pub use crate::bindings::stresshost::workload::sql::{Cell, Value};

/// A database to connect to.
///
/// The URL is `postgresql://`, `mysql://`, `mariadb://` or `sqlite:`; `{{secret:name}}` in it is replaced by a secret
/// that the plugin never sees.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a target does nothing until it is opened"]
pub struct Target {
    url: String,
    options: Vec<(String, String)>,
}

impl Target {
    /// A target with the host's own settings.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), options: Vec::new() }
    }

    /// Limit for making a connection.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.option("connect-timeout-ms", timeout.as_millis().to_string())
    }

    /// Limit for each statement, kept by the host and, where it can, by the server.
    pub fn statement_timeout(self, timeout: Duration) -> Self {
        self.option("statement-timeout-ms", timeout.as_millis().to_string())
    }

    /// What the server's list of sessions shows.
    pub fn application_name(self, name: impl Into<String>) -> Self {
        self.option("application-name", name)
    }

    /// Whether the server is told to refuse changes.
    pub fn read_only(self, yes: bool) -> Self {
        self.option("read-only", yes.to_string())
    }

    /// Shares `n` connections among all virtual users instead of one of each user's own. Every statement or transaction
    /// waits for a free one, which counts towards its response time.
    pub fn pool(self, n: u32) -> Self {
        self.option("pool", n.to_string())
    }

    /// Longest wait for a free connection of the pool.
    pub fn pool_timeout(self, timeout: Duration) -> Self {
        self.option("pool-timeout-ms", timeout.as_millis().to_string())
    }

    /// Sets an option by its name in the contract.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Connects. Within an iteration it is measured as the operation `connect`.
    ///
    /// # Errors
    /// When there is no connection; the message names the database without its credentials, and the reason with the
    /// server's code in brackets when it gave one.
    pub fn open(&self) -> Result<Connection, Failure> {
        let options = pairs(&self.options);
        host::sql::open(contract::Target { url: &self.url, options: &options })
            .map(|id| Connection { id })
            .map_err(|reason| Failure::setup(format!("database `{}`: {reason}", shown(&self.url))))
    }
}

/// A URL without user name, password and query.
fn shown(url: &str) -> String {
    let url = url.split('?').next().unwrap_or(url);
    match url.split_once("://") {
        Some((scheme, rest)) if scheme != "sqlite" => {
            format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, place)| place))
        }
        _ => url.to_owned(),
    }
}

fn pairs(list: &[(String, String)]) -> Vec<(&str, &str)> {
    list.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// A database the host is connected to. Good for the instance's life, unless it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    id: u32,
}

impl Connection {
    /// Prepares a statement; its parameters are `$1`, `$2`, ... for every engine. `name` is what reports call the
    /// operation; keep what varies out of it.
    ///
    /// # Errors
    /// When the server refuses the statement; the message gives its reason, with its code in brackets.
    pub fn prepare(self, name: &str, text: &str) -> Result<Statement, Failure> {
        self.prepare_with(name, text, &[])
    }

    /// The same with options by their names in the contract.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_with(
        self,
        name: &str,
        text: &str,
        options: &[(&str, &str)],
    ) -> Result<Statement, Failure> {
        host::sql::prepare(self.id, contract::Statement { name, text, options })
            .map(|id| Statement { id })
            .map_err(|reason| Failure::setup(format!("statement `{name}`: {reason}")))
    }

    /// Executes text that was not prepared; it may hold several statements without parameters. The rows of the last one
    /// are kept.
    pub fn run(self, name: &str, text: &str) -> Answer {
        Answer(host::sql::run(self.id, name, text))
    }

    /// Begins a transaction.
    pub fn begin(self) -> Answer {
        self.begin_with(&[])
    }

    /// The same with options by their names in the contract, such as `("isolation", "serializable")`.
    pub fn begin_with(self, options: &[(&str, &str)]) -> Answer {
        Answer(host::sql::begin(self.id, options))
    }

    /// Commits the transaction.
    pub fn commit(self) -> Answer {
        Answer(host::sql::commit(self.id))
    }

    /// Rolls the transaction back.
    pub fn rollback(self) -> Answer {
        Answer(host::sql::rollback(self.id))
    }

    /// Facts about the server and the session; those of nowhere when the connection is closed.
    pub fn server(self) -> Server {
        serde_json::from_str(&host::sql::server(self.id)).unwrap_or_default()
    }

    /// State of the pool; `None` when the connection is the virtual user's own.
    pub fn pool(self) -> Option<PoolState> {
        serde_json::from_str(&host::sql::pool(self.id)?).ok()
    }

    /// Closes the connection; its statements are stale from then on.
    pub fn close(self) {
        host::sql::close(self.id);
    }
}

/// Which server it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL, and what speaks its protocol.
    #[default]
    Postgresql,
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// SQLite, within the host.
    Sqlite,
}

/// Facts about a server and the session with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Which server it is.
    pub engine: Engine,
    /// Its version, in its own words.
    pub version: String,
    /// The database; SQLite's file.
    pub database: String,
    /// The user the session is of; empty for SQLite.
    pub user: String,
    /// The server's own id of the connection; empty for SQLite and for a pool, which has several.
    pub session: String,
}

/// State of a pool of connections. It is the part of the pool on the core of the virtual user that asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolState {
    /// Connections it may have.
    pub size: u64,
    /// Connections that a statement or transaction holds.
    pub in_use: u64,
    /// Connections that are free.
    pub idle: u64,
    /// Statements and transactions that wait for one.
    pub waiting: u64,
    /// Statements and transactions that had to wait since the pool was made.
    pub waits: u64,
    /// How long they waited together, in microseconds.
    pub wait_us: u64,
}

/// A statement the server has prepared. Good for the connection's life: the host prepares it again after it had to
/// reconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    id: u32,
}

impl Statement {
    /// The server's names of its parameters' types; an empty name where the server does not say.
    pub fn parameters(self) -> Vec<String> {
        host::sql::parameters(self.id)
    }

    /// Executes it and counts its rows, which are not kept.
    ///
    /// A statement that fails is an [`Answer`] with an [`error`](Answer::error): the host has measured and counted it.
    pub fn execute(self, values: &[Value<'_>]) -> Answer {
        Answer(host::sql::execute(self.id, values))
    }

    /// Executes it and keeps its rows.
    pub fn query(self, values: &[Value<'_>]) -> Answer {
        Answer(host::sql::query(self.id, values))
    }
}

/// What came of a statement.
///
/// Rows stay with the host until they are asked for, and are gone with the next operation or at the iteration's end;
/// then they read as absent.
#[derive(Clone, Copy, Debug)]
pub struct Answer(contract::Answer);

impl Answer {
    /// Names it to the host.
    const fn id(self) -> u32 {
        self.0 as u32
    }

    const fn kind_code(self) -> u32 {
        (self.0 >> 48) as u32
    }

    /// Whether the statement succeeded.
    pub const fn ok(self) -> bool {
        self.kind_code() == 0
    }

    /// Why it failed; `None` when it succeeded, or failed in a way this SDK does not know (see
    /// [`error_name`](Self::error_name)).
    pub fn error(self) -> Option<ErrorKind> {
        ErrorKind::from_code(self.kind_code())
    }

    /// Name of the error; empty when the statement succeeded.
    pub fn error_name(self) -> String {
        match self.error() {
            _ if self.ok() => String::new(),
            Some(kind) => kind.name().to_owned(),
            None => host::sql::error_name(self.kind_code()),
        }
    }

    /// The server's own code: SQLSTATE for PostgreSQL, the error number for MySQL and MariaDB, the extended result code
    /// for SQLite. Empty when the server gave none.
    pub fn error_code(self) -> String {
        host::sql::error_code(self.id())
    }

    /// The server's or transport's own words for a failure.
    pub fn error_text(self) -> String {
        host::sql::error_text(self.id())
    }

    /// Rows returned or changed.
    pub fn rows(self) -> u64 {
        match (self.0 >> 32) & 0xffff {
            // That many or more.
            0xffff => host::sql::rows(self.id()),
            rows => rows,
        }
    }

    /// Names of the columns of the rows kept.
    pub fn columns(self) -> Vec<String> {
        host::sql::columns(self.id())
    }

    /// A kept row by its index; `None` past the last row that the host kept.
    pub fn row(self, index: u32) -> Option<Vec<Cell>> {
        host::sql::row(self.id(), index)
    }

    /// Every row that the host kept.
    pub fn all_rows(self) -> Vec<Vec<Cell>> {
        (0..).map_while(|index| self.row(index)).collect()
    }

    /// Service time: from the statement sent to the last row received.
    pub fn duration(self) -> Duration {
        Duration::from_micros(host::sql::duration_us(self.id()))
    }

    /// Turns a failed statement into a failure of the iteration: its code is the error's name, its message the server's
    /// words and code.
    ///
    /// # Errors
    /// When the statement failed.
    pub fn check(&self) -> Result<(), Failure> {
        if self.ok() {
            return Ok(());
        }
        let (code, text) = (self.error_code(), self.error_text());
        let message = if code.is_empty() { text } else { format!("{text} [{code}]") };
        Err(Failure::new(self.error_name(), message))
    }
}

impl Value<'_> {
    /// The value as a cell of its own.
    pub fn to_cell(&self) -> Cell {
        match *self {
            Self::Null => Cell::Null,
            Self::Boolean(value) => Cell::Boolean(value),
            Self::Integer(value) => Cell::Integer(value),
            Self::Real(value) => Cell::Real(value),
            Self::Text(value) => Cell::Text(value.to_owned()),
            Self::Bytes(value) => Cell::Bytes(value.to_vec()),
        }
    }
}

macro_rules! value_from {
    ($($from:ty => $case:ident),* $(,)?) => {
        $(impl<'a> From<$from> for Value<'a> {
            fn from(value: $from) -> Self {
                Self::$case(value.into())
            }
        })*
    };
}

value_from! {
    bool => Boolean,
    i32 => Integer,
    u32 => Integer,
    i64 => Integer,
    f64 => Real,
    &'a str => Text,
    &'a [u8] => Bytes,
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a Cell> for Value<'a> {
    fn from(cell: &'a Cell) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Boolean(value) => Self::Boolean(*value),
            Cell::Integer(value) => Self::Integer(*value),
            Cell::Real(value) => Self::Real(*value),
            Cell::Text(value) => Self::Text(value),
            Cell::Bytes(value) => Self::Bytes(value),
        }
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Cell {
    /// Whether it is SQL's `NULL`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// A whole number, also one that came as text (as in rows of [`Connection::run`]) or as a boolean.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Boolean(value) => Some(i64::from(*value)),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A number, also one that came as text, as numerics do.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Any value but `NULL` as text; bytes as hexadecimal digits after `\x`.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Boolean(value) => Some(value.to_string()),
            Self::Integer(value) => Some(value.to_string()),
            Self::Real(value) => Some(value.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Bytes(bytes) => {
                let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
                Some(std::iter::once("\\x".to_owned()).chain(hex).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        for (url, expected) in [
            ("postgresql://u:p@ss@h:5433/shop?password=x", "postgresql://h:5433/shop"),
            ("mysql://h/shop", "mysql://h/shop"),
            ("sqlite:/tmp/a@b.db?mode=ro", "sqlite:/tmp/a@b.db"),
            ("sqlite://a@b.db", "sqlite://a@b.db"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    #[test]
    fn cells_are_read_as_what_they_stand_for() {
        let text = |text: &str| Cell::Text(text.to_owned());
        for (cell, integer, real, shown) in [
            (Cell::Null, None, None, None),
            (Cell::Boolean(true), Some(1), None, Some("true")),
            (Cell::Integer(-7), Some(-7), Some(-7.0), Some("-7")),
            (Cell::Real(0.5), None, Some(0.5), Some("0.5")),
            (text("12.50"), None, Some(12.5), Some("12.50")),
            (text("12"), Some(12), Some(12.0), Some("12")),
            (Cell::Bytes(vec![0, 255]), None, None, Some("\\x00ff")),
        ] {
            assert_eq!((cell.as_i64(), cell.as_f64()), (integer, real), "{cell:?}");
            assert_eq!(cell.to_text().as_deref(), shown);
            assert_eq!(Value::from(&cell).to_cell(), cell);
        }
        assert_eq!(Value::from(None::<i64>), Value::Null);
        assert_eq!(Value::from(Some("x")), Value::Text("x"));
    }
}
