//! The fake host's MongoDB server.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use stresshost_metrics::ErrorKind;

use super::FakeHost;
use super::state::with;
use crate::mongo::Server;

pub(crate) mod backend;
mod template;

/// A scripted reply to a command.
#[derive(Clone, Debug, PartialEq)]
pub struct MongoReply {
    value: Value,
    error: Option<ErrorKind>,
    error_code: String,
    error_text: String,
    duration: Duration,
}

impl MongoReply {
    /// A whole reply, as [`Reply::value`](crate::mongo::Reply::value) shows it.
    pub const fn json(reply: Value) -> Self {
        let duration = Duration::from_millis(1);
        Self { value: reply, error: None, error_code: String::new(), error_text: String::new(), duration }
    }

    /// The documents that a `find` or an `aggregate` returns.
    pub fn documents(documents: impl IntoIterator<Item = Value>) -> Self {
        let batch: Vec<Value> = documents.into_iter().collect();
        Self::json(json!({ "cursor": { "firstBatch": batch, "id": 0 }, "ok": 1 }))
    }

    /// The number of documents that a write has inserted, matched or deleted.
    pub fn count(n: u64) -> Self {
        Self::json(json!({ "n": n, "ok": 1 }))
    }

    /// A command that failed, with the server's code, empty without one, and words.
    pub fn error(kind: ErrorKind, code: impl Into<String>, text: impl Into<String>) -> Self {
        let (error_code, error_text) = (code.into(), text.into());
        let mut value = json!({ "ok": 0, "errmsg": error_text });
        if let Ok(code) = error_code.parse::<i64>() {
            value["code"] = json!(code);
        }
        Self { error: Some(kind), error_code, error_text, ..Self::json(value) }
    }

    /// Sets how long the command takes; 1 ms unless set.
    #[must_use]
    pub const fn after(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Documents returned, or the reply's `n`.
    fn counted(&self) -> u64 {
        let batch =
            ["/cursor/firstBatch", "/cursor/nextBatch"].iter().find_map(|place| self.value.pointer(place));
        match batch.and_then(Value::as_array) {
            Some(documents) => documents.len() as u64,
            None => self.value.get("n").and_then(Value::as_u64).unwrap_or_default(),
        }
    }
}

/// A command as it would have gone out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MongoSent {
    /// Name of the operation.
    pub name: String,
    /// The command as it was given.
    pub text: String,
    /// The command with its values in it, as Extended JSON.
    pub filled: String,
    /// Options of the command by name.
    pub options: Vec<(String, String)>,
    /// When it was sent.
    pub at: Duration,
}

impl MongoSent {
    /// The command with its values in it.
    pub fn document(&self) -> Value {
        serde_json::from_str(&self.filled).unwrap_or_default()
    }
}

/// What the fake host knows of MongoDB.
#[derive(Debug, Default)]
pub(super) struct Mongo {
    server: Server,
    refusal: Option<String>,
    targets: Vec<(String, Vec<(String, String)>)>,
    /// Whether the connection of an index is open.
    open: Vec<bool>,
    commands: Vec<Command>,
    scripts: HashMap<String, Script>,
    /// The latest reply and its id.
    latest: Option<(u32, MongoReply)>,
    next_id: u32,
    sent: Vec<MongoSent>,
}

#[derive(Clone, Debug)]
struct Command {
    connection: usize,
    name: String,
    text: String,
    options: Vec<(String, String)>,
}

#[derive(Debug, Default)]
struct Script {
    once: VecDeque<MongoReply>,
    always: Option<MongoReply>,
}

impl Mongo {
    fn reply(&mut self, operation: &str) -> MongoReply {
        let script = self.scripts.get_mut(operation);
        let reply = script.and_then(|script| script.once.pop_front().or_else(|| script.always.clone()));
        reply.unwrap_or_else(|| MongoReply::json(json!({ "ok": 1 })))
    }

    fn script(&mut self, operation: &str) -> &mut Script {
        self.scripts.entry(operation.to_owned()).or_default()
    }
}

impl FakeHost {
    /// Sets the reply to every command of an operation; unless set, it is `{"ok": 1}`.
    pub fn mongo_reply(&self, operation: &str, reply: MongoReply) {
        with(|state| state.mongo.script(operation).always = Some(reply));
    }

    /// Adds a reply to one command of an operation, before what [`mongo_reply`](Self::mongo_reply) set.
    pub fn mongo_reply_once(&self, operation: &str, reply: MongoReply) {
        with(|state| state.mongo.script(operation).once.push_back(reply));
    }

    /// Sets what every server says of itself.
    pub fn mongo_server(&self, server: Server) {
        with(|state| state.mongo.server = server);
    }

    /// Refuses connections from now on, in these words.
    pub fn mongo_refuse(&self, reason: &str) {
        with(|state| state.mongo.refusal = Some(reason.to_owned()));
    }

    /// URL and options of each connection opened, in order.
    pub fn mongo_targets(&self) -> Vec<(String, Vec<(String, String)>)> {
        with(|state| state.mongo.targets.clone())
    }

    /// Commands sent, in order.
    pub fn mongo_commands(&self) -> Vec<MongoSent> {
        with(|state| state.mongo.sent.clone())
    }
}
