//! The embedded SQLite: the searched catalogue and the newsletter, each behind a small pool of connections.

mod newsletter;
mod pool;
mod search;

use rusqlite::{Connection, limits::Limit};

pub(crate) use newsletter::Newsletter;
pub(crate) use search::{Found, Query, Search};

use crate::limits::{MAX_SQL_INSTRUCTIONS, MAX_SQL_VALUE_BYTES};

/// Instructions of SQLite's machine between two looks at whether a statement has run long enough.
const INSTRUCTIONS_PER_LOOK: u32 = 10_000;

/// Bounds what one statement may cost, which matters where statements are injected on purpose.
fn bound(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_SQL_VALUE_BYTES)?;
    Ok(())
}

/// Interrupts the statements of one call once they have run [`MAX_SQL_INSTRUCTIONS`].
fn limit_run(connection: &Connection) -> rusqlite::Result<()> {
    let mut looks = MAX_SQL_INSTRUCTIONS / INSTRUCTIONS_PER_LOOK;
    let spent = move || {
        looks = looks.saturating_sub(1);
        looks == 0
    };
    connection.progress_handler(INSTRUCTIONS_PER_LOOK.cast_signed(), Some(spent))
}

/// What SQLite says about an error, as it would show it itself.
fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}
