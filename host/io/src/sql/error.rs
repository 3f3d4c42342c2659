//! How an operation fails: a kind, the server's code and its words.

use std::io;

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::sqlite::SqliteError;
use stresshost_metrics::ErrorKind;

use super::limits::MAX_ERROR_BYTES;
use crate::failure::{alert_hint, tls_error};

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// SQLSTATE for PostgreSQL, the error number for MySQL and MariaDB, the extended result code for SQLite; empty when
    /// the server gave none.
    pub code: Box<str>,
    /// The server's or transport's own words.
    pub text: Box<str>,
    /// Whether the connection is of no use any more.
    pub(crate) is_fatal: bool,
}

impl std::fmt::Display for SqlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.code {
            "" => f.write_str(&self.text),
            code => write!(f, "{} [{code}]", self.text),
        }
    }
}

impl SqlError {
    /// A failure of the engine's own, with which the connection has nothing to do.
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, code: "".into(), text: cut(text.into()), is_fatal: false }
    }

    /// A failure that leaves no usable connection.
    pub(crate) fn fatal(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { is_fatal: true, ..Self::new(kind, text) }
    }

    fn of_server(
        kind: ErrorKind,
        code: impl Into<Box<str>>,
        text: impl Into<String>,
        is_fatal: bool,
    ) -> Self {
        Self { kind, code: code.into(), text: cut(text.into()), is_fatal }
    }

    /// An error of PostgreSQL's.
    pub(crate) fn of_postgresql(code: &str, message: &str, detail: Option<&str>, is_fatal: bool) -> Self {
        let text = match detail {
            Some(detail) => format!("{message}: {detail}"),
            None => message.to_owned(),
        };
        Self::of_server(postgresql(code), code, text, is_fatal)
    }

    /// The loss of a connection that was open.
    pub(crate) fn lost(error: &io::Error) -> Self {
        Self::fatal(broken(error), format!("{error}{}", alert_hint(error)))
    }

    /// The failure to reach `place`.
    pub(crate) fn not_connected(error: &io::Error, place: &str) -> Self {
        Self::fatal(not_connected(error), format!("cannot connect to {place}: {error}"))
    }

    /// The failure of a statement on a connection that was open.
    pub(crate) fn of_statement(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => of_database(&**error),
            sqlx::Error::Io(error) => Self::lost(error),
            sqlx::Error::Tls(error) => Self::fatal(ErrorKind::Tls, error.to_string()),
            sqlx::Error::Encode(error) => Self::new(ErrorKind::Invalid, error.to_string()),
            sqlx::Error::WorkerCrashed => Self::fatal(ErrorKind::Closed, "the database's thread has ended"),
            other => Self::fatal(ErrorKind::Malformed, other.to_string()),
        }
    }

    /// The failure to connect to `place`.
    pub(crate) fn of_connect(error: &sqlx::Error, place: &str) -> Self {
        match error {
            sqlx::Error::Io(error) => Self::not_connected(error, place),
            // A server that does not offer TLS, a certificate that is not trusted.
            sqlx::Error::Configuration(error) => Self::fatal(ErrorKind::Connect, error.to_string()),
            other => Self { is_fatal: true, ..Self::of_statement(other) },
        }
    }
}

fn cut(mut text: String) -> Box<str> {
    text.truncate(text.floor_char_boundary(MAX_ERROR_BYTES));
    text.into()
}

/// The kind of a connection's loss.
fn broken(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => ErrorKind::Reset,
        io::ErrorKind::BrokenPipe => ErrorKind::Write,
        io::ErrorKind::InvalidData if tls_error(error).is_some() => ErrorKind::Tls,
        io::ErrorKind::InvalidData => ErrorKind::Malformed,
        _ => ErrorKind::Closed,
    }
}

fn not_connected(error: &io::Error) -> ErrorKind {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE) => ErrorKind::NoDescriptors,
        Some(Errno::ADDRNOTAVAIL) => ErrorKind::NoPorts,
        Some(Errno::NOBUFS | Errno::NOMEM) => ErrorKind::NoMemory,
        Some(Errno::CONNREFUSED) => ErrorKind::ConnectRefused,
        Some(Errno::TIMEDOUT) => ErrorKind::ConnectTimeout,
        Some(_) => ErrorKind::Connect,
        // The server took the connection and ended it.
        None => broken(error),
    }
}

fn of_database(error: &dyn DatabaseError) -> SqlError {
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        let number = error.number();
        return SqlError::of_server(mysql(number), number.to_string(), error.message(), ends_session(number));
    }
    if let Some(error) = error.try_downcast_ref::<SqliteError>() {
        let code = error.code().unwrap_or_default().into_owned();
        let kind = sqlite(code.parse().unwrap_or(0));
        return SqlError::of_server(kind, code, error.message(), false);
    }
    SqlError::of_server(ErrorKind::ServerError, error.code().unwrap_or_default(), error.message(), false)
}

/// The kind of a SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn postgresql(code: &str) -> ErrorKind {
    match code {
        "40P01" => ErrorKind::Deadlock,
        "40001" => ErrorKind::Serialization,
        "55P03" => ErrorKind::LockTimeout,
        "57014" => ErrorKind::Timeout,
        // In a read-only transaction; without the privilege.
        "25006" | "42501" => ErrorKind::Permission,
        "53300" | "57P01" | "57P02" | "57P03" => ErrorKind::Unavailable,
        "25P02" | "3D000" | "3F000" => ErrorKind::Statement,
        _ => match code.get(..2) {
            Some("08") => ErrorKind::Closed,
            Some("22" | "42") => ErrorKind::Statement,
            Some("23") => ErrorKind::Constraint,
            Some("28") => ErrorKind::Permission,
            _ => ErrorKind::ServerError,
        },
    }
}

/// The kind of an error number of MySQL (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>) or
/// MariaDB (<https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference>).
fn mysql(number: u16) -> ErrorKind {
    match number {
        1213 => ErrorKind::Deadlock,
        // MariaDB: record has changed since last read, in a snapshot.
        1020 => ErrorKind::Serialization,
        // A row lock, or one asked for with NOWAIT.
        1205 | 3572 => ErrorKind::LockTimeout,
        1022 | 1048 | 1062 | 1169 | 1216 | 1217 | 1364 | 1451 | 1452 | 1557 | 1586 | 3819 | 4025 => {
            ErrorKind::Constraint
        }
        // max_execution_time, max_statement_time, KILL QUERY.
        3024 | 1969 | 1317 => ErrorKind::Timeout,
        // Denied, or read-only.
        1044 | 1045 | 1142 | 1143 | 1227 | 1290 | 1370 | 1698 | 1792 | 1836 => ErrorKind::Permission,
        // Too many connections, of all or of the user; shutting down; killed.
        1040 | 1053 | 1203 | 1226 | 1927 => ErrorKind::Unavailable,
        // Unknown database, syntax, names, numbers of columns and values, types of values.
        1046
        | 1049..=1052
        | 1054
        | 1055
        | 1058..=1066
        | 1072
        | 1091
        | 1109
        | 1111
        | 1136
        | 1146
        | 1149
        | 1210
        | 1222
        | 1241
        | 1242
        | 1264..=1267
        | 1292
        | 1305
        | 1365
        | 1366
        | 1406
        | 1411
        | 1690
        | 3140
        | 3143 => ErrorKind::Statement,
        _ => ErrorKind::ServerError,
    }
}

const fn ends_session(number: u16) -> bool {
    matches!(number, 1040 | 1053 | 1927)
}

/// The kind of an extended result code (<https://www.sqlite.org/rescode.html>).
fn sqlite(code: u32) -> ErrorKind {
    match code & 0xff {
        // SQLITE_ERROR, SQLITE_MISMATCH, SQLITE_RANGE, SQLITE_TOOBIG
        1 | 18 | 20 | 25 => ErrorKind::Statement,
        // SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH
        3 | 8 | 23 => ErrorKind::Permission,
        // SQLITE_BUSY, SQLITE_LOCKED; SQLITE_BUSY_SNAPSHOT is a conflict that waiting does not mend.
        5 | 6 if code == 517 => ErrorKind::Serialization,
        5 | 6 => ErrorKind::LockTimeout,
        // SQLITE_NOMEM
        7 => ErrorKind::NoMemory,
        // SQLITE_INTERRUPT
        9 => ErrorKind::Timeout,
        // SQLITE_CANTOPEN
        14 => ErrorKind::Connect,
        // SQLITE_CONSTRAINT
        19 => ErrorKind::Constraint,
        _ => ErrorKind::ServerError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_each_server_have_their_kind() {
        for (kind, states, numbers, results) in [
            (ErrorKind::Deadlock, &["40P01"][..], &[1213][..], &[][..]),
            (ErrorKind::Serialization, &["40001"], &[1020], &[517]),
            (ErrorKind::LockTimeout, &["55P03"], &[1205, 3572], &[5, 6, 261, 262]),
            (
                ErrorKind::Constraint,
                &["23505", "23503", "23502", "23514"],
                &[1062, 1451, 1452, 1048, 3819, 4025],
                &[19, 2067, 1555, 787, 1299, 275],
            ),
            (
                ErrorKind::Statement,
                &["42601", "42P01", "42703", "22P02", "22003", "25P02", "3D000"],
                &[1064, 1146, 1054, 1049, 1366, 1292],
                &[1, 20],
            ),
            (
                ErrorKind::Permission,
                &["28P01", "28000", "42501", "25006"],
                &[1044, 1045, 1142, 1290, 1792],
                &[8, 23, 1032],
            ),
            (ErrorKind::Unavailable, &["53300", "57P01", "57P02", "57P03"], &[1040, 1203, 1053, 1927], &[]),
            (ErrorKind::Timeout, &["57014"], &[3024, 1969, 1317], &[9]),
            (ErrorKind::Closed, &["08006", "08P01"], &[], &[]),
            (ErrorKind::Connect, &[], &[], &[14]),
            (ErrorKind::ServerError, &["XX000", "53100", ""], &[1, 9_999], &[11, 13]),
        ] {
            assert!(states.iter().all(|state| postgresql(state) == kind), "{kind:?}");
            assert!(numbers.iter().all(|&number| mysql(number) == kind), "{kind:?}");
            assert!(results.iter().all(|&result| sqlite(result) == kind), "{kind:?}");
        }
    }

    #[test]
    fn a_lost_connection_is_told_from_one_that_never_was() {
        let io = |kind| sqlx::Error::Io(io::Error::from(kind));
        for (kind, lost) in [
            (io::ErrorKind::ConnectionReset, ErrorKind::Reset),
            (io::ErrorKind::UnexpectedEof, ErrorKind::Closed),
            (io::ErrorKind::BrokenPipe, ErrorKind::Write),
        ] {
            let error = SqlError::of_statement(&io(kind));
            assert!(error.kind == lost && error.is_fatal, "{error:?}");
        }
        let refused = io::Error::from_raw_os_error(rustix::io::Errno::CONNREFUSED.raw_os_error());
        let error = SqlError::of_connect(&sqlx::Error::Io(refused), "h:1");
        assert_eq!(error.kind, ErrorKind::ConnectRefused);
        assert!(error.to_string().starts_with("cannot connect to h:1: "), "{error}");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let error = SqlError::new(ErrorKind::Invalid, "é".repeat(MAX_ERROR_BYTES));
        assert_eq!(error.text.len(), MAX_ERROR_BYTES);
    }
}
