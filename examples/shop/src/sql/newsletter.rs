//! The newsletter's list of addresses, which nobody reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::pool::Pool;
use crate::limits::{
    MAX_NEWSLETTER_CONNECTIONS, MAX_NEWSLETTER_PAGES, MAX_NEWSLETTER_ROWS, MAX_SQL_SLEEP_MS,
};

/// The addresses. Each connection has a database of its own, so that a statement that sleeps, and with it holds the
/// lock on its database, keeps no other waiting.
pub(crate) struct Newsletter(Arc<Pool>);

impl Newsletter {
    pub(crate) fn new() -> Self {
        Self(Pool::new(MAX_NEWSLETTER_CONNECTIONS, Box::new(open)))
    }

    /// Adds an address. Whether that succeeded is told to nobody.
    pub(crate) async fn add(&self, email: String) {
        let insert = move |connection: &Connection| {
            connection.execute("INSERT INTO newsletter(email) VALUES (?1)", params![email])
        };
        drop(self.0.run(insert).await);
    }

    /// The same with the address concatenated into the SQL, which is the weakness `blind_sql_injection`.
    pub(crate) async fn add_concatenated(&self, email: String) {
        let insert = move |connection: &Connection| {
            let budget = Arc::new(AtomicU64::new(MAX_SQL_SLEEP_MS));
            let sleep = move |context: &Context<'_>| Ok(sleep(context, &budget));
            connection.create_scalar_function("sleep", 1, FunctionFlags::SQLITE_UTF8, sleep)?;
            connection.execute(&format!("INSERT INTO newsletter(email) VALUES ('{email}')"), [])
        };
        drop(self.0.run(insert).await);
    }
}

fn open() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    let kept = MAX_NEWSLETTER_ROWS / MAX_NEWSLETTER_CONNECTIONS;
    connection.execute_batch(&format!(
        "PRAGMA max_page_count = {MAX_NEWSLETTER_PAGES};
         CREATE TABLE newsletter (id INTEGER PRIMARY KEY, email TEXT);
         CREATE TRIGGER bound AFTER INSERT ON newsletter BEGIN
             DELETE FROM newsletter WHERE id <= new.id - {kept};
         END;"
    ))?;
    Ok(connection)
}

/// Sleeps for the seconds asked for as far as the statement's budget goes, and is 0.
fn sleep(context: &Context<'_>, budget_ms: &AtomicU64) -> i64 {
    let seconds = match context.get_raw(0) {
        ValueRef::Integer(seconds) => seconds as f64,
        ValueRef::Real(seconds) => seconds,
        ValueRef::Text(text) => {
            std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok()).unwrap_or_default()
        }
        ValueRef::Null | ValueRef::Blob(_) => 0.0,
    };
    let left = budget_ms.load(Ordering::Relaxed);
    // A conversion to integers saturates: negative and endless sleeps are none and all that is left.
    let asked = ((seconds * 1000.0) as u64).min(left);
    budget_ms.store(left - asked, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(asked));
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_latest_addresses() {
        let newsletter = Newsletter::new();
        for number in 0..500 {
            newsletter.add(format!("{number}@shop.example")).await;
        }
        let kept = |connection: &Connection| {
            connection.query_row("SELECT count(*), max(id) FROM newsletter", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
        };
        let kept: (i64, i64) = newsletter.0.run(kept).await.unwrap();
        assert_eq!(kept, ((MAX_NEWSLETTER_ROWS / MAX_NEWSLETTER_CONNECTIONS) as i64, 500));
    }

    #[tokio::test]
    async fn a_statement_sleeps_as_long_as_its_budget() {
        let pool = Newsletter::new().0;
        let slept = |connection: &Connection| {
            let budget = Arc::new(AtomicU64::new(30));
            let left = Arc::clone(&budget);
            let sleep = move |context: &Context<'_>| Ok(sleep(context, &budget));
            connection.create_scalar_function("sleep", 1, FunctionFlags::SQLITE_UTF8, sleep)?;
            let sql = "SELECT sleep(0.01) + sleep('0.01') + sleep(-5) + sleep(NULL) + sleep(1e9)";
            let result: i64 = connection.query_row(sql, [], |row| row.get(0))?;
            Ok((result, left.load(Ordering::Relaxed)))
        };
        assert_eq!(pool.run(slept).await, Ok((0, 0)));
    }
}
