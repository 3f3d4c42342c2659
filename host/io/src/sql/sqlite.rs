//! SQLite, by sqlx: a thread for each connection, within this process.
//!
//! A guest may use the file it was granted and no other. SQLite opens others for `ATTACH`, `VACUUM INTO` and two pragmas,
//! which are refused here by their words; extensions cannot be loaded, because sqlx is built without that.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{
    Arguments, AssertSqlSafe, Column, ConnectOptions, Decode, Either, Executor, Row, SqlSafeStr, SqlStr,
    Statement, TypeInfo, ValueRef,
};

use super::rows::Sink;
use super::scan::Scanned;
use super::target::Target;
use super::value::Value;

/// A prepared statement as all connections to a file have it.
#[derive(Debug)]
pub(crate) struct Prepared {
    text: SqlStr,
    columns: Rc<[String]>,
    parameters: usize,
    changes: bool,
}

/// Steps of SQLite's machine between looks at whether a statement is to end.
const STEPS: i32 = 1_000;

/// Longest time SQLite waits for another connection's lock.
const MAX_BUSY_MS: u64 = 5_000;

/// What to connect with.
pub(crate) fn options(target: &Target) -> SqliteConnectOptions {
    let path = target.origin.path.as_deref().unwrap_or_default();
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(target.read_only)
        .create_if_missing(target.create || path == ":memory:")
        .busy_timeout(Duration::from_millis(target.statement_timeout_ms.min(MAX_BUSY_MS)))
        .statement_cache_capacity(super::limits::MAX_STATEMENTS)
        .disable_statement_logging()
}

/// Connects; also asks for the version. `stop` ends the statement under way when it is set.
pub(crate) async fn connect(
    options: &SqliteConnectOptions,
    stop: Arc<AtomicBool>,
) -> Result<(SqliteConnection, [String; 4]), sqlx::Error> {
    let mut connection = options.connect().await?;
    let mut handle = connection.lock_handle().await?;
    handle.set_progress_handler(STEPS, move || !stop.load(Ordering::Relaxed));
    drop(handle);
    let row = sqlx::raw_sql("SELECT sqlite_version()").fetch_one(&mut connection).await?;
    let version = <String as Decode<'_, Sqlite>>::decode(row.try_get_raw(0)?).map_err(sqlx::Error::Decode)?;
    let file = options.get_filename().to_string_lossy().into_owned();
    Ok((connection, [version, file, String::new(), String::new()]))
}

/// Err: a statement that would open another file.
pub(crate) fn check(scanned: &Scanned) -> Result<(), String> {
    for words in &scanned.statements {
        let has = |word: &str| words.iter().any(|other| other == word);
        let refused = match words.first().map(String::as_str) {
            Some("ATTACH") => Some("ATTACH"),
            Some("VACUUM") if has("INTO") => Some("VACUUM INTO"),
            Some("PRAGMA") if has("TEMP_STORE_DIRECTORY") => Some("PRAGMA temp_store_directory"),
            Some("PRAGMA") if has("DATA_STORE_DIRECTORY") => Some("PRAGMA data_store_directory"),
            _ => None,
        };
        if let Some(refused) = refused {
            return Err(format!("{refused} is refused: it opens files that were not granted"));
        }
    }
    Ok(())
}

/// Whether a statement's count of changes is its own: SQLite keeps that of an earlier one for all others.
fn changes(verb: &str) -> bool {
    matches!(verb, "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "WITH")
}

/// Prepares a statement.
pub(crate) async fn prepare(
    connection: &mut SqliteConnection,
    text: &str,
    scanned: &Scanned,
) -> Result<Prepared, sqlx::Error> {
    let sql = AssertSqlSafe(Arc::<str>::from(text)).into_sql_str();
    let statement = connection.prepare(sql.clone()).await?;
    let columns: Rc<[String]> = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    let changes = columns.is_empty() && changes(scanned.last_verb());
    Ok(Prepared { text: sql, columns, parameters: scanned.parameters(), changes })
}

/// Prepares a statement on another connection.
pub(crate) async fn prepare_again(
    connection: &mut SqliteConnection,
    prepared: &Prepared,
) -> Result<(), sqlx::Error> {
    connection.prepare(prepared.text.clone()).await.map(drop)
}

impl Prepared {
    /// Values as SQLite wants them.
    pub(crate) fn arguments(&self, values: &[Value]) -> Result<SqliteArguments, String> {
        let mut arguments = SqliteArguments::default();
        for (place, value) in values.iter().enumerate() {
            let added = match value {
                Value::Null => arguments.add(None::<i64>),
                Value::Boolean(yes) => arguments.add(*yes),
                Value::Integer(number) => arguments.add(*number),
                Value::Real(number) => arguments.add(*number),
                Value::Text(text) => arguments.add(text.clone()),
                Value::Bytes(bytes) => arguments.add(bytes.clone()),
            };
            added.map_err(|error| format!("${}: {error}", place + 1))?;
        }
        Ok(arguments)
    }

    pub(crate) fn parameters(&self) -> usize {
        self.parameters
    }

    pub(crate) fn columns(&self) -> &Rc<[String]> {
        &self.columns
    }
}

/// Executes a prepared statement to its end.
pub(crate) async fn execute(
    connection: &mut SqliteConnection,
    prepared: &Prepared,
    arguments: SqliteArguments,
    sink: &mut Sink<'_>,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query_with::<Sqlite, _>(prepared.text.clone(), arguments);
    let mut stream = connection.fetch_many(query);
    while let Some(item) = stream.try_next().await? {
        match item {
            Either::Left(done) => sink.end(if prepared.changes { done.rows_affected() } else { 0 }),
            Either::Right(row) => {
                let values = if sink.keeps() { values(&row) } else { Vec::new() };
                let bytes = size(&values);
                sink.row(|| bytes, || Rc::clone(&prepared.columns), || values);
            }
        }
    }
    Ok(())
}

/// Runs a text of any number of statements to its end.
pub(crate) async fn run(
    connection: &mut SqliteConnection,
    text: &str,
    scanned: &Scanned,
    sink: &mut Sink<'_>,
) -> Result<(), sqlx::Error> {
    let changes = changes(scanned.last_verb());
    let mut stream = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(connection);
    while let Some(item) = stream.try_next().await? {
        match item {
            Either::Left(done) => sink.end(if changes { done.rows_affected() } else { 0 }),
            Either::Right(row) => {
                let values = if sink.keeps() { values(&row) } else { Vec::new() };
                let bytes = size(&values);
                sink.row(|| bytes, || names(&row), || values);
            }
        }
    }
    Ok(())
}

fn names(row: &SqliteRow) -> Rc<[String]> {
    row.columns().iter().map(|column| column.name().to_owned()).collect()
}

/// Bytes of a row's values.
fn size(values: &[Value]) -> usize {
    let bytes = |value: &Value| match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 8,
    };
    values.iter().map(|value| 8 + bytes(value)).sum()
}

fn values(row: &SqliteRow) -> Vec<Value> {
    (0..row.len()).map(|place| cell(row, place).unwrap_or(Value::Null)).collect()
}

fn cell(row: &SqliteRow, place: usize) -> Option<Value> {
    let value = row.try_get_raw(place).ok()?;
    if value.is_null() {
        return None;
    }
    let kind = value.type_info().name().to_owned();
    match kind.as_str() {
        "INTEGER" | "BOOLEAN" => <i64 as Decode<'_, Sqlite>>::decode(value).ok().map(Value::Integer),
        "REAL" => <f64 as Decode<'_, Sqlite>>::decode(value).ok().map(Value::Real),
        "BLOB" => <Vec<u8> as Decode<'_, Sqlite>>::decode(value).ok().map(Value::Bytes),
        _ => <String as Decode<'_, Sqlite>>::decode(value).ok().map(Value::Text),
    }
}

/// The statement that begins a transaction. Its isolation is always serializable.
pub(crate) fn begin(isolation: Option<&str>) -> String {
    if isolation == Some("SERIALIZABLE") { "BEGIN IMMEDIATE".to_owned() } else { "BEGIN".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::scan::{Dialect, scan};

    #[test]
    fn other_files_cannot_be_opened() {
        let refused = |text: &str| check(&scan(text, Dialect::Sqlite).unwrap()).unwrap_err();
        for text in [
            "ATTACH DATABASE '/etc/x' AS x",
            "select 1; /* a */ aTTach 'x' as y",
            ";;\n--x\nattach 'x' as y",
            "\u{feff}ATTACH 'x' AS y",
            "VACUUM main INTO '/tmp/copy'",
            "VACUUM INTO $1",
            "PRAGMA temp_store_directory = '/tmp'",
            "pragma main.data_store_directory('/tmp')",
        ] {
            assert!(refused(text).contains("refused"), "{text}");
        }
        for text in
            ["VACUUM", "SELECT 'ATTACH'", "SELECT attach FROM t", "PRAGMA user_version", "BEGIN; COMMIT"]
        {
            assert_eq!(check(&scan(text, Dialect::Sqlite).unwrap()), Ok(()), "{text}");
        }
    }
}
