//! MySQL and MariaDB, by sqlx.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::TryStreamExt;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};
use sqlx::{
    Arguments, AssertSqlSafe, Column, ConnectOptions, Connection, Either, Executor, Row, SqlSafeStr, SqlStr,
    Statement,
};

use super::core::SqlCore;
use super::rows::Sink;
use super::scan::Scanned;
use super::target::{Target, TlsMode};
use super::value::Value;
use crate::http::ClientCertificate;
use decode::Format;

mod decode;

/// A prepared statement as all connections to a server have it.
#[derive(Debug)]
pub(crate) struct Prepared {
    text: SqlStr,
    columns: Rc<[String]>,
    /// By the place of a `?`: the index of its parameter.
    order: Vec<u16>,
    parameters: usize,
}

/// What to connect with.
pub(crate) fn options(core: &SqlCore, target: &Target, address: SocketAddr) -> MySqlConnectOptions {
    let by_name = target.tls == TlsMode::VerifyFull;
    let host = if by_name { target.origin.host.to_string() } else { address.ip().to_string() };
    let port = if by_name { target.origin.port } else { address.port() };
    let mut options = MySqlConnectOptions::new()
        .host(&host)
        .port(port)
        .username(&target.user)
        .ssl_mode(match target.tls {
            TlsMode::Disable => MySqlSslMode::Disabled,
            TlsMode::Prefer => MySqlSslMode::Preferred,
            TlsMode::Require => MySqlSslMode::Required,
            TlsMode::VerifyFull => MySqlSslMode::VerifyIdentity,
        })
        .statement_cache_capacity(super::limits::MAX_STATEMENTS)
        // The server's own settings are what is to be measured.
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None);
    if let Some(password) = &target.password {
        options = options.password(password);
    }
    if let Some(database) = &target.database {
        options = options.database(database);
    }
    if !core.ca_pem().is_empty() {
        options = options.ssl_ca_from_pem(core.ca_pem().to_vec());
    }
    if let Some(ClientCertificate { chain_pem, key_pem }) = core.client_certificate() {
        options = options.ssl_client_cert_from_pem(chain_pem).ssl_client_key_from_pem(key_pem);
    }
    options.disable_statement_logging()
}

/// Connects and sets the session up; also asks for the version, database, user and id of the session.
pub(crate) async fn connect(
    options: &MySqlConnectOptions,
    target: &Target,
) -> Result<(MySqlConnection, [String; 4]), sqlx::Error> {
    let mut connection = options.connect().await?;
    let facts = facts(&mut connection).await?;
    let mut settings = vec![timeout_setting(&facts[0], target.statement_timeout_ms)];
    if target.read_only {
        settings.push("SESSION TRANSACTION READ ONLY".to_owned());
    }
    for setting in settings {
        sqlx::raw_sql(AssertSqlSafe(format!("SET {setting}"))).execute(&mut connection).await?;
    }
    Ok((connection, facts))
}

async fn facts(connection: &mut MySqlConnection) -> Result<[String; 4], sqlx::Error> {
    const FACTS: &str = "SELECT VERSION(), COALESCE(DATABASE(), ''), CURRENT_USER(), CONNECTION_ID()";
    let row = sqlx::raw_sql(FACTS).fetch_one(connection).await?;
    let text = |place: usize| match decode::cell(&row, place, Format::Text) {
        Value::Text(text) => text,
        _ => String::new(),
    };
    Ok([text(0), text(1), text(2), text(3)])
}

pub(crate) fn is_mariadb(version: &str) -> bool {
    version.contains("MariaDB")
}

/// MariaDB counts in seconds and limits every statement, MySQL in milliseconds and reading ones only.
fn timeout_setting(version: &str, timeout_ms: u64) -> String {
    if is_mariadb(version) {
        format!("SESSION max_statement_time = {}.{:03}", timeout_ms / 1_000, timeout_ms % 1_000)
    } else {
        format!("SESSION max_execution_time = {timeout_ms}")
    }
}

/// Prepares a statement; each `$n` becomes a `?`.
pub(crate) async fn prepare(
    connection: &mut MySqlConnection,
    text: &str,
    scanned: &Scanned,
) -> Result<Result<Prepared, String>, sqlx::Error> {
    let rewritten: Arc<str> = scanned.replace(text, |_| "?".to_owned()).into();
    let sql = AssertSqlSafe(rewritten).into_sql_str();
    let statement = connection.prepare(sql.clone()).await?;
    let order: Vec<u16> = scanned.placeholders.iter().map(|(_, number)| number - 1).collect();
    if let Some(Either::Right(found)) = statement.parameters()
        && found != order.len()
    {
        return Ok(Err("the statement has parameters written as `?`: write them as $1, $2, ...".to_owned()));
    }
    let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    Ok(Ok(Prepared { text: sql, columns, order, parameters: scanned.parameters() }))
}

/// Prepares a statement on another connection.
pub(crate) async fn prepare_again(
    connection: &mut MySqlConnection,
    prepared: &Prepared,
) -> Result<(), sqlx::Error> {
    connection.prepare(prepared.text.clone()).await.map(drop)
}

impl Prepared {
    /// Values in the order of their places.
    pub(crate) fn arguments(&self, values: &[Value]) -> Result<MySqlArguments, String> {
        let mut arguments = MySqlArguments::default();
        for &index in &self.order {
            let added = match values.get(usize::from(index)) {
                None | Some(Value::Null) => arguments.add(None::<i64>),
                Some(Value::Boolean(yes)) => arguments.add(*yes),
                Some(Value::Integer(number)) => arguments.add(*number),
                Some(Value::Real(number)) => arguments.add(*number),
                Some(Value::Text(text)) => arguments.add(text.as_str()),
                Some(Value::Bytes(bytes)) => arguments.add(bytes.as_slice()),
            };
            added.map_err(|error| format!("${}: {error}", index + 1))?;
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
    connection: &mut MySqlConnection,
    prepared: &Prepared,
    arguments: MySqlArguments,
    sink: &mut Sink<'_>,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query_with::<sqlx::MySql, _>(prepared.text.clone(), arguments);
    let mut stream = connection.fetch_many(query);
    while let Some(item) = stream.try_next().await? {
        match item {
            Either::Left(done) => sink.end(done.rows_affected()),
            Either::Right(row) => {
                sink.row(|| size(&row), || names(&row), || decode::row(&row, Format::Binary));
            }
        }
    }
    Ok(())
}

/// Runs a text of any number of statements to its end.
pub(crate) async fn run(
    connection: &mut MySqlConnection,
    text: &str,
    sink: &mut Sink<'_>,
) -> Result<(), sqlx::Error> {
    let mut stream = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(connection);
    while let Some(item) = stream.try_next().await? {
        match item {
            Either::Left(done) => sink.end(done.rows_affected()),
            Either::Right(row) => sink.row(|| size(&row), || names(&row), || decode::row(&row, Format::Text)),
        }
    }
    Ok(())
}

fn names(row: &MySqlRow) -> Rc<[String]> {
    row.columns().iter().map(|column| column.name().to_owned()).collect()
}

/// Bytes of a row's values.
fn size(row: &MySqlRow) -> usize {
    (0..row.len()).map(|place| 8 + decode::raw(row, place).map_or(0, <[u8]>::len)).sum()
}

/// Has the server end what a session is doing.
pub(crate) async fn cancel(options: &MySqlConnectOptions, session: &str) -> Result<(), sqlx::Error> {
    let id: u64 = session.parse().map_err(|_| sqlx::Error::Protocol("no connection id".to_owned()))?;
    let mut connection = options.connect().await?;
    sqlx::raw_sql(AssertSqlSafe(format!("KILL QUERY {id}"))).execute(&mut connection).await?;
    connection.close().await
}

/// The statements that begin a transaction.
pub(crate) fn begin(isolation: Option<&str>, read_only: bool) -> String {
    let isolation =
        isolation.map(|level| format!("SET TRANSACTION ISOLATION LEVEL {level}; ")).unwrap_or_default();
    format!("{isolation}START TRANSACTION{}", if read_only { " READ ONLY" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_its_own_timeout() {
        assert_eq!(timeout_setting("10.11.6-MariaDB", 1_250), "SESSION max_statement_time = 1.250");
        assert_eq!(timeout_setting("8.4.0", 1_250), "SESSION max_execution_time = 1250");
    }
}
