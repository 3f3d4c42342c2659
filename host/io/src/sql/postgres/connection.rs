//! One connection: statements out, rows in.

use std::fmt;
use std::ops::ControlFlow;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{self, ErrorFields};
use postgres_protocol::message::frontend;
use stresshost_metrics::ErrorKind;

use super::types::Known;
use super::wire::{Message, Taken, Wire};
use super::{decode, malformed};
use crate::sql::error::SqlError;
use crate::sql::rows::Traffic;
use crate::sql::value::Value;

/// A connection that a server has accepted.
pub(crate) struct Connection {
    wire: Wire,
    pub(super) known: Known,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// How the server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// A text of statements.
    Simple,
    /// Statements that are prepared.
    Extended,
}

impl Connection {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, known: Known::default() }
    }

    /// Sends messages and hands the server's to `take`, until it is ready for more. Rows longer than `row_bytes` come
    /// without their bytes.
    ///
    /// # Errors
    /// The server's first error, or how the connection was lost.
    pub(super) async fn exchange(
        &mut self,
        protocol: Protocol,
        bytes: &[u8],
        row_bytes: usize,
        mut take: impl FnMut(Message<'_>) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let mut failed = None;
        let mut wants_data = false;
        let on_message = |message: Message<'_>| -> Taken {
            match message.tag {
                b'Z' => return Ok(ControlFlow::Break(())),
                b'E' => {
                    let error = failure(message)?;
                    // The session is over.
                    if error.is_fatal {
                        return Err(error);
                    }
                    failed.get_or_insert(error);
                }
                b'G' | b'W' => {
                    wants_data = true;
                    return Ok(ControlFlow::Break(()));
                }
                // What nobody asked for: notices, settings, notifications.
                b'N' | b'S' | b'A' => {}
                _ => take(message)?,
            }
            Ok(ControlFlow::Continue(()))
        };
        self.wire.exchange(bytes, row_bytes, on_message).await?;
        if wants_data {
            return self.refuse_data(protocol).await;
        }
        failed.map_or(Ok(()), Err)
    }

    /// Ends a `COPY` that waits for data.
    async fn refuse_data(&mut self, protocol: Protocol) -> Result<(), SqlError> {
        let mut bytes = BytesMut::new();
        frontend::copy_fail("StressHost sends no data for COPY", &mut bytes).map_err(malformed)?;
        // The end of what was sent was taken for data.
        if protocol == Protocol::Extended {
            frontend::sync(&mut bytes);
        }
        let until_ready = |message: Message<'_>| -> Taken {
            let is_ready = message.tag == b'Z';
            Ok(if is_ready { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        self.wire.exchange(&bytes, 0, until_ready).await?;
        Err(SqlError::new(ErrorKind::Statement, "COPY FROM STDIN cannot be run: there is no data to send"))
    }

    /// The rows of a query of the engine's own, as texts.
    pub(super) async fn texts(&mut self, text: &str) -> Result<Vec<Vec<Option<String>>>, SqlError> {
        let mut bytes = BytesMut::new();
        frontend::query(text, &mut bytes).map_err(malformed)?;
        let mut rows = Vec::new();
        let text_of = |value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        };
        self.exchange(Protocol::Simple, &bytes, usize::MAX, |message| {
            if let (super::wire::DATA_ROW, Some(body)) = (message.tag, message.body()) {
                rows.push(decode::text_row(body).into_iter().map(text_of).collect());
            }
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// What went over the connection in the latest exchange.
    pub(super) const fn traffic(&self) -> Traffic {
        self.wire.traffic()
    }

    /// Ends the session, as far as that can be done at once.
    pub(crate) fn close(mut self) {
        let mut bytes = BytesMut::new();
        frontend::terminate(&mut bytes);
        self.wire.say_goodbye(&bytes);
    }
}

/// A message as the protocol's library reads it.
pub(super) fn parsed(message: Message<'_>) -> Result<backend::Message, SqlError> {
    let mut bytes = BytesMut::from(message.bytes.unwrap_or_default());
    let parsed = backend::Message::parse(&mut bytes).map_err(malformed)?;
    parsed.ok_or_else(|| malformed("a message is cut off"))
}

/// The failure that an `ErrorResponse` tells of.
pub(super) fn failure(message: Message<'_>) -> Result<SqlError, SqlError> {
    let backend::Message::ErrorResponse(body) = parsed(message)? else {
        return Err(malformed("an error is none"));
    };
    of_fields(body.fields())
}

/// Fields: <https://www.postgresql.org/docs/current/protocol-error-fields.html>.
fn of_fields(mut fields: ErrorFields<'_>) -> Result<SqlError, SqlError> {
    let (mut severity, mut code, mut text, mut detail) = Default::default();
    while let Some(field) = fields.next().map_err(malformed)? {
        let slot: &mut Option<String> = match field.type_() {
            // The one that is never translated, where there is one.
            b'V' => &mut severity,
            b'S' if severity.is_none() => &mut severity,
            b'C' => &mut code,
            b'M' => &mut text,
            b'D' => &mut detail,
            _ => continue,
        };
        *slot = Some(String::from_utf8_lossy(field.value_bytes()).into_owned());
    }
    let is_fatal = matches!(severity.as_deref(), Some("FATAL" | "PANIC"));
    Ok(SqlError::of_postgresql(
        code.as_deref().unwrap_or_default(),
        text.as_deref().unwrap_or("the server gave no reason"),
        detail.as_deref(),
        is_fatal,
    ))
}
