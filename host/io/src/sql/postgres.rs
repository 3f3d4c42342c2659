//! PostgreSQL. The protocol's library reads and writes messages and passwords; the connection is ours: it is the measured
//! path, and a general driver does twice the work there (ARCHITECTURE.md).

use std::fmt::Display;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::Message as Parsed;
use postgres_protocol::message::frontend;
use stresshost_metrics::ErrorKind;

use super::error::SqlError;
use super::limits::MAX_KEPT_BYTES;
use super::rows::Sink;
use super::scan::Scanned;
use super::value::Value;
use connection::{Protocol, parsed};
use encode::Kind;
use types::Type;
use wire::{DATA_ROW, Message};

mod connection;
mod decode;
mod encode;
mod handshake;
mod types;
mod wire;

pub(crate) use connection::Connection;
pub(crate) use handshake::{CancelKey, cancel, connect};

/// A prepared statement as all connections to a server have it.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// What it is called on the server.
    name: String,
    text: String,
    columns: Rc<[String]>,
    column_types: Vec<Type>,
    kinds: Vec<Kind>,
    pub(crate) type_names: Vec<String>,
}

/// What a server says of a statement that it has prepared.
#[derive(Debug, Default)]
struct Described {
    parameters: Vec<u32>,
    columns: Vec<(String, u32)>,
}

/// A failure that leaves it open what the server will say next.
fn malformed(reason: impl Display) -> SqlError {
    SqlError::fatal(ErrorKind::Malformed, reason.to_string())
}

/// Version, database, user and process of the session.
pub(crate) async fn facts(connection: &mut Connection) -> Result<[String; 4], SqlError> {
    const FACTS: &str =
        "SELECT current_setting('server_version'), current_database(), current_user, pg_backend_pid()";
    let rows = connection.texts(FACTS).await?;
    let fact = |place: usize| rows.first()?.get(place)?.clone();
    let facts = [fact(0), fact(1), fact(2), fact(3)];
    Ok(facts.map(Option::unwrap_or_default))
}

/// Prepares a statement, and once more with casts when there are parameters that only the server can read.
pub(crate) async fn prepare(
    connection: &mut Connection,
    text: &str,
    scanned: &Scanned,
) -> Result<Prepared, SqlError> {
    // No two statements have the same name, whichever connection of a pool they were first prepared on.
    static NAMES: AtomicU64 = AtomicU64::new(1);
    let name = format!("s{}", NAMES.fetch_add(1, Ordering::Relaxed));
    let mut text = text.to_owned();
    let mut described = describe(connection, &name, &text, false).await?;
    let mut kinds = Vec::new();
    let mut type_names = Vec::new();
    for &oid in &described.parameters {
        let found = types::find(connection, oid).await?;
        kinds.push(Kind::of(&found.notation, found.is_builtin));
        type_names.push(found.name);
    }
    if kinds.contains(&Kind::Cast) {
        text = scanned.replace(&text, |number| {
            let place = usize::from(number) - 1;
            match (kinds.get(place), type_names.get(place)) {
                (Some(Kind::Cast), Some(name)) => format!("CAST(${number}::text AS {name})"),
                _ => format!("${number}"),
            }
        });
        described = describe(connection, &name, &text, true).await?;
    }
    let mut column_types = Vec::new();
    for &(_, oid) in &described.columns {
        column_types.push(types::find(connection, oid).await?);
    }
    let columns = described.columns.into_iter().map(|(name, _)| name).collect();
    Ok(Prepared { name, text, columns, column_types, kinds, type_names })
}

/// Prepares a statement on another connection.
pub(crate) async fn prepare_again(connection: &mut Connection, prepared: &Prepared) -> Result<(), SqlError> {
    describe(connection, &prepared.name, &prepared.text, false).await.map(drop)
}

/// Prepares a text under a name, which another text may have had.
async fn describe(
    connection: &mut Connection,
    name: &str,
    text: &str,
    is_again: bool,
) -> Result<Described, SqlError> {
    let mut bytes = BytesMut::new();
    let written = (|| {
        if is_again {
            frontend::close(b'S', name, &mut bytes)?;
        }
        frontend::parse(name, text, [], &mut bytes)?;
        frontend::describe(b'S', name, &mut bytes)
    })();
    written.map_err(unsendable)?;
    frontend::sync(&mut bytes);
    let mut described = Described::default();
    connection
        .exchange(Protocol::Extended, &bytes, 0, |message| {
            match message.tag {
                b't' | b'T' => described.read(message)?,
                _ => {}
            }
            Ok(())
        })
        .await?;
    Ok(described)
}

/// A text that the protocol cannot carry.
fn unsendable(error: std::io::Error) -> SqlError {
    SqlError::new(ErrorKind::Invalid, format!("the statement cannot be sent: {error}"))
}

impl Described {
    fn read(&mut self, message: Message<'_>) -> Result<(), SqlError> {
        match parsed(message)? {
            Parsed::ParameterDescription(body) => {
                self.parameters = body.parameters().collect().map_err(malformed)?;
            }
            Parsed::RowDescription(body) => {
                let columns = body.fields().map(|field| Ok((field.name().to_owned(), field.type_oid())));
                self.columns = columns.collect().map_err(malformed)?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Prepared {
    /// What executes it with values. Err: a value that is none of the parameter's type.
    pub(crate) fn arguments(&self, values: &[Value]) -> Result<BytesMut, String> {
        encode::bind(&self.name, &self.kinds, &self.type_names, values)
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
    connection: &mut Connection,
    prepared: &Prepared,
    messages: &[u8],
    sink: &mut Sink<'_>,
) -> Result<(), SqlError> {
    let columns = || Rc::clone(&prepared.columns);
    let result = connection.exchange(Protocol::Extended, messages, row_bytes(sink), |message| {
        if message.tag == DATA_ROW {
            let body = message.body().unwrap_or_default();
            sink.row(|| message.len, columns, || decode::row(body, &prepared.column_types));
        } else {
            end(message, sink);
        }
        Ok(())
    });
    let result = result.await;
    sink.traffic = connection.traffic();
    result
}

/// Runs a text of any number of statements to its end.
pub(crate) async fn run(
    connection: &mut Connection,
    text: &str,
    sink: &mut Sink<'_>,
) -> Result<(), SqlError> {
    let mut bytes = BytesMut::new();
    frontend::query(text, &mut bytes).map_err(unsendable)?;
    let mut columns: Rc<[String]> = Rc::default();
    let result = connection.exchange(Protocol::Simple, &bytes, row_bytes(sink), |message| {
        match message.tag {
            b'T' => {
                let mut described = Described::default();
                described.read(message)?;
                columns = described.columns.into_iter().map(|(name, _)| name).collect();
            }
            DATA_ROW => {
                let body = message.body().unwrap_or_default();
                sink.row(|| message.len, || Rc::clone(&columns), || decode::text_row(body));
            }
            _ => end(message, sink),
        }
        Ok(())
    });
    let result = result.await;
    sink.traffic = connection.traffic();
    result
}

/// Longest row that is wanted whole.
fn row_bytes(sink: &Sink<'_>) -> usize {
    if sink.keeps() { MAX_KEPT_BYTES } else { 0 }
}

/// Notes the end of a statement.
fn end(message: Message<'_>, sink: &mut Sink<'_>) {
    match message.tag {
        b'C' => sink.end(changed(message.body().unwrap_or_default())),
        // The text held none.
        b'I' => sink.end(0),
        _ => {}
    }
}

/// Rows by the tag of a command that is complete, such as `INSERT 0 5`.
fn changed(tag: &[u8]) -> u64 {
    let tag = tag.strip_suffix(b"\0").unwrap_or(tag);
    let digits = tag.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The statement that begins a transaction.
pub(crate) fn begin(isolation: Option<&str>, read_only: bool) -> String {
    let isolation = isolation.map(|level| format!(" ISOLATION LEVEL {level}")).unwrap_or_default();
    format!("BEGIN{isolation}{}", if read_only { " READ ONLY" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_say_how_many_rows() {
        for (tag, rows) in [
            ("INSERT 0 5", 5),
            ("UPDATE 2", 2),
            ("SELECT 18446744073709551615", u64::MAX),
            ("BEGIN", 0),
            ("", 0),
        ] {
            assert_eq!(changed(format!("{tag}\0").as_bytes()), rows, "{tag}");
        }
    }
}
