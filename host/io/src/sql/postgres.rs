//! PostgreSQL, by sqlx.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow, PgSslMode, PgTypeInfo, PgTypeKind};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Either, Executor, Row, SqlSafeStr, SqlStr, Statement,
    TypeInfo,
};

use super::rows::Sink;
use super::scan::Scanned;
use super::target::{Target, TlsMode};
use super::value::Value;
use encode::Kind;

mod decode;
mod encode;

/// A prepared statement as all connections to a server have it.
#[derive(Debug)]
pub(crate) struct Prepared {
    text: SqlStr,
    columns: Rc<[String]>,
    kinds: Vec<Kind>,
    pub(crate) type_names: Vec<String>,
}

/// What to connect with.
pub(crate) fn options(target: &Target, address: SocketAddr, ca_pem: &[u8]) -> PgConnectOptions {
    let by_name = target.tls == TlsMode::VerifyFull;
    let host = if by_name { target.origin.host.to_string() } else { address.ip().to_string() };
    let port = if by_name { target.origin.port } else { address.port() };
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(&host)
        .port(port)
        .username(&target.user)
        // The environment's is meant for other programs.
        .password(target.password.as_deref().unwrap_or_default())
        .database(target.database.as_deref().unwrap_or(&target.user))
        .application_name(&target.application_name)
        .ssl_mode(match target.tls {
            TlsMode::Disable => PgSslMode::Disable,
            TlsMode::Prefer => PgSslMode::Prefer,
            TlsMode::Require => PgSslMode::Require,
            TlsMode::VerifyFull => PgSslMode::VerifyFull,
        })
        .statement_cache_capacity(super::limits::MAX_STATEMENTS)
        .options([("statement_timeout", target.statement_timeout_ms.to_string())]);
    if !ca_pem.is_empty() {
        options = options.ssl_root_cert_from_pem(ca_pem.to_vec());
    }
    if target.read_only {
        options = options.options([("default_transaction_read_only", "on")]);
    }
    options.disable_statement_logging()
}

/// Connects; also asks for the version, database, user and process of the session.
pub(crate) async fn connect(options: &PgConnectOptions) -> Result<(PgConnection, [String; 4]), sqlx::Error> {
    let mut connection = options.connect().await?;
    const FACTS: &str =
        "SELECT current_setting('server_version'), current_database(), current_user, pg_backend_pid()";
    let row = sqlx::raw_sql(FACTS).fetch_one(&mut connection).await?;
    let text = |place: usize| -> Result<String, sqlx::Error> {
        Ok(row.try_get_raw(place)?.as_str().map_err(sqlx::Error::Decode)?.to_owned())
    };
    let facts = [text(0)?, text(1)?, text(2)?, text(3)?];
    drop(row);
    Ok((connection, facts))
}

/// Prepares a statement, and once more with casts when there are parameters that only the server can read.
pub(crate) async fn prepare(
    connection: &mut PgConnection,
    text: &str,
    scanned: &Scanned,
) -> Result<Prepared, sqlx::Error> {
    let text: Arc<str> = text.into();
    let mut statement = connection.prepare(AssertSqlSafe(Arc::clone(&text)).into_sql_str()).await?;
    let mut kinds = Vec::new();
    let mut type_names = Vec::new();
    if let Some(Either::Left(types)) = statement.parameters() {
        for info in types {
            type_names.push(type_name(connection, info).await?);
            kinds.push(Kind::of(info));
        }
    }
    let mut sql = AssertSqlSafe(Arc::clone(&text)).into_sql_str();
    if kinds.contains(&Kind::Cast) {
        let cast = scanned.replace(&text, |number| {
            let place = usize::from(number) - 1;
            match (kinds.get(place), type_names.get(place)) {
                (Some(Kind::Cast), Some(name)) => format!("CAST(${number}::text AS {name})"),
                _ => format!("${number}"),
            }
        });
        sql = AssertSqlSafe(Arc::<str>::from(cast)).into_sql_str();
        statement = connection.prepare(sql.clone()).await?;
    }
    let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    Ok(Prepared { text: sql, columns, kinds, type_names })
}

/// Prepares a statement on another connection.
pub(crate) async fn prepare_again(
    connection: &mut PgConnection,
    prepared: &Prepared,
) -> Result<(), sqlx::Error> {
    connection.prepare(prepared.text.clone()).await.map(drop)
}

/// The server's name of a type, as it can stand in a cast.
async fn type_name(connection: &mut PgConnection, info: &PgTypeInfo) -> Result<String, sqlx::Error> {
    match (info.kind(), info.oid()) {
        // Types that somebody made may need their schema and quotes.
        (PgTypeKind::Simple, _) | (_, None) => Ok(info.name().to_ascii_lowercase()),
        (_, Some(oid)) => {
            let query = format!("SELECT format_type({}, NULL)", oid.0);
            let row = sqlx::raw_sql(AssertSqlSafe(query)).fetch_one(connection).await?;
            Ok(row.try_get_raw(0)?.as_str().map_err(sqlx::Error::Decode)?.to_owned())
        }
    }
}

impl Prepared {
    /// Values as the server wants them. Err: a value that is none of the parameter's type.
    pub(crate) fn arguments(&self, values: &[Value]) -> Result<PgArguments, String> {
        encode::arguments(&self.kinds, &self.type_names, values)
    }

    pub(crate) fn parameters(&self) -> usize {
        self.kinds.len()
    }

    pub(crate) fn columns(&self) -> &Rc<[String]> {
        &self.columns
    }
}

/// Executes a prepared statement to its end.
pub(crate) async fn execute(
    connection: &mut PgConnection,
    prepared: &Prepared,
    arguments: PgArguments,
    sink: &mut Sink<'_>,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query_with::<sqlx::Postgres, _>(prepared.text.clone(), arguments);
    let mut stream = connection.fetch_many(query);
    while let Some(item) = stream.try_next().await? {
        match item {
            Either::Left(done) => sink.end(done.rows_affected()),
            Either::Right(row) => {
                sink.row(|| size(&row), || Rc::clone(&prepared.columns), || decode::row(&row))
            }
        }
    }
    Ok(())
}

/// Runs a text of any number of statements to its end.
pub(crate) async fn run(
    connection: &mut PgConnection,
    text: &str,
    sink: &mut Sink<'_>,
) -> Result<(), sqlx::Error> {
    let mut stream = sqlx::raw_sql(AssertSqlSafe(text)).fetch_many(connection);
    while let Some(item) = stream.try_next().await? {
        match item {
            Either::Left(done) => sink.end(done.rows_affected()),
            Either::Right(row) => sink.row(|| size(&row), || names(&row), || decode::row(&row)),
        }
    }
    Ok(())
}

fn names(row: &PgRow) -> Rc<[String]> {
    row.columns().iter().map(|column| column.name().to_owned()).collect()
}

/// Bytes of a row's values.
fn size(row: &PgRow) -> usize {
    let bytes = |place| row.try_get_raw(place).ok().and_then(|value| value.as_bytes().ok().map(<[u8]>::len));
    (0..row.len()).map(|place| 8 + bytes(place).unwrap_or(0)).sum()
}

/// Has the server end what a session is doing.
pub(crate) async fn cancel(options: &PgConnectOptions, session: &str) -> Result<(), sqlx::Error> {
    let process: i32 = session.parse().map_err(|_| sqlx::Error::Protocol("no process id".to_owned()))?;
    let mut connection = options.connect().await?;
    let query = AssertSqlSafe(format!("SELECT pg_cancel_backend({process})"));
    sqlx::raw_sql(query).execute(&mut connection).await?;
    connection.close().await
}

/// The statement that begins a transaction.
pub(crate) fn begin(isolation: Option<&str>, read_only: bool) -> String {
    let isolation = isolation.map(|level| format!(" ISOLATION LEVEL {level}")).unwrap_or_default();
    format!("BEGIN{isolation}{}", if read_only { " READ ONLY" } else { "" })
}
