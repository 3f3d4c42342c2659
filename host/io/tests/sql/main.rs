//! The SQL engine against real servers, each private to this process.
//!
//! | module | what |
//! |---|---|
//! | `postgres`, `mariadb`, `sqlite` | types in and out, errors by code, transactions, timeouts |
//! | `lost` | connections that end, servers that stop, statements that nobody waits for |
//! | `pool` | connections that users share |
//! | `open` | what keeps a connection from being made |
//! | `login` | methods, passwords, TLS |
//! | `hostile` | servers that do not keep to the protocol |

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod hostile;
mod login;
mod lost;
mod mariadb;
mod open;
mod pool;
mod postgres;
mod sqlite;

use std::sync::Arc;

use stresshost_clock::Clock;
use stresshost_io::http::{HttpConfig, HttpCore, HttpShared};
use stresshost_io::sql::{Outcome, SqlCore, SqlSession, SqlShared, StatementSpec, TargetSpec, Value};
use stresshost_metrics::ErrorKind;

fn core() -> SqlCore {
    let http = HttpShared::new(HttpConfig::default(), Arc::new(|_, _| true)).unwrap();
    SqlCore::new(SqlShared::beside(&http), HttpCore::new(http, Clock::start()), 0, 1)
}

fn pairs(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A virtual user with one connection.
struct User {
    session: SqlSession,
    connection: u32,
}

impl User {
    async fn new(url: &str) -> Self {
        Self::with(&core(), url, &[]).await
    }

    async fn with(core: &SqlCore, url: &str, options: &[(&str, &str)]) -> Self {
        let mut session = SqlSession::new(core.clone());
        let opened = session.open(&TargetSpec { url, options: &pairs(options) }).await;
        Self { connection: opened.result.unwrap(), session }
    }

    async fn prepare(&mut self, text: &str) -> u32 {
        self.prepare_with(text, &[]).await
    }

    async fn prepare_with(&mut self, text: &str, options: &[(&str, &str)]) -> u32 {
        let spec = StatementSpec { text, options: &pairs(options) };
        self.session.prepare(self.connection, &spec).await.unwrap().unwrap()
    }

    async fn execute(&mut self, statement: u32, values: &[Value]) -> Outcome {
        self.session.execute(statement, values, false).await.unwrap()
    }

    async fn run(&mut self, text: &str) -> Outcome {
        self.session.run(self.connection, text).await.unwrap()
    }

    /// Runs what must succeed.
    async fn must(&mut self, text: &str) -> u64 {
        let outcome = self.run(text).await;
        assert_eq!(outcome.error, None, "{text}");
        outcome.rows
    }

    /// The rows of a prepared statement that must succeed.
    async fn query(&mut self, text: &str, values: &[Value]) -> Vec<Vec<Value>> {
        let statement = self.prepare(text).await;
        let outcome = self.session.execute(statement, values, true).await.unwrap();
        assert_eq!(outcome.error, None, "{text}");
        let rows = self.rows();
        assert_eq!(rows.len() as u64, outcome.rows, "{text}");
        rows
    }

    fn rows(&self) -> Vec<Vec<Value>> {
        (0..).map_while(|index| self.session.rows().row(index).map(<[Value]>::to_vec)).collect()
    }

    async fn begin(&mut self) -> Outcome {
        self.session.begin(self.connection, &[]).await.unwrap()
    }

    async fn commit(&mut self) -> Outcome {
        self.session.commit(self.connection).await.unwrap()
    }

    async fn rollback(&mut self) -> Outcome {
        self.session.rollback(self.connection).await.unwrap()
    }

    fn session_id(&self) -> String {
        self.session.server(self.connection).unwrap().session
    }
}

/// Kind and code of a failed operation.
fn failure(outcome: &Outcome) -> (ErrorKind, &str) {
    let error = outcome.error.as_ref().expect("it fails");
    (error.kind, &error.code)
}

/// Looks until something that nobody announces is so. A look runs a client program, which takes some milliseconds; between
/// two of them the operations under way go on.
async fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to be that {what}");
}
