//! The MongoDB engine against a server that speaks its protocol, and against scripted ones.
//!
//! | module | what |
//! |---|---|
//! | `commands` | values in and out, counts, failures, connections that are lost |
//! | `login` | SCRAM-SHA-256 |
//! | `hostile` | servers that do not keep to the protocol, or do not answer |

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod commands;
mod hostile;
mod login;
mod scripted;

use std::rc::Rc;
use std::sync::Arc;

use stresshost_clock::Clock;
use stresshost_io::http::{HttpConfig, HttpCore, HttpShared};
use stresshost_io::mongo::{Command, CommandSpec, MongoCore, MongoSession, Outcome, TargetSpec, Value};
use stresshost_metrics::ErrorKind;

fn core() -> MongoCore {
    core_with(HttpConfig::default())
}

fn core_with(config: HttpConfig) -> MongoCore {
    let http = HttpShared::new(config, Arc::new(|_, _| true)).unwrap();
    MongoCore::new(HttpCore::new(http, Clock::start()))
}

fn pairs(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A virtual user with one connection.
struct User {
    session: MongoSession,
    connection: usize,
}

impl User {
    /// A user that is not connected yet.
    fn at(core: &MongoCore, url: &str, options: &[(&str, &str)]) -> Self {
        let mut session = MongoSession::new(core.clone());
        let connection = session.open(&TargetSpec { url, options: &pairs(options) }).unwrap();
        Self { session, connection }
    }

    async fn new(url: &str) -> Self {
        let mut user = Self::at(&core(), url, &[]);
        let outcome = user.connect().await;
        assert_eq!(outcome.error, None, "{outcome:?}");
        user
    }

    async fn connect(&mut self) -> Outcome {
        self.session.connect(self.connection).await
    }

    fn prepare(&self, text: &str) -> Rc<Command> {
        self.prepare_with(text, &[])
    }

    fn prepare_with(&self, text: &str, options: &[(&str, &str)]) -> Rc<Command> {
        let spec = CommandSpec { text, options: &pairs(options) };
        self.session.prepare(self.connection, &spec).unwrap().unwrap()
    }

    async fn execute(&mut self, command: &Command, values: &[Value]) -> Outcome {
        self.session.execute(self.connection, command, values).await
    }

    async fn run(&mut self, text: &str) -> Outcome {
        let command = self.prepare(text);
        self.execute(&command, &[]).await
    }

    /// The latest reply.
    fn reply(&self) -> serde_json::Value {
        serde_json::from_str(&self.session.reply().unwrap()).unwrap()
    }
}

/// Kind and code of a failure.
fn failure(outcome: &Outcome) -> (ErrorKind, Option<i32>) {
    (outcome.error.expect("it fails"), outcome.error_code)
}
