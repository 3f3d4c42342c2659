//! The fake host's Redis server.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use stresshost_metrics::ErrorKind;

use super::FakeHost;
use super::state::with;
use crate::redis::{Kind, Server};

pub(crate) mod backend;

/// A scripted reply to a command.
#[derive(Clone, Debug, PartialEq)]
pub struct RedisReply {
    kind: Kind,
    value: Value,
    bytes: Option<Vec<u8>>,
    error: Option<ErrorKind>,
    error_text: String,
    duration: Duration,
}

impl RedisReply {
    fn new(kind: Kind, value: Value) -> Self {
        let duration = Duration::from_millis(1);
        Self { kind, value, bytes: None, error: None, error_text: String::new(), duration }
    }

    /// A text such as `OK`.
    pub fn simple(text: &str) -> Self {
        Self { bytes: Some(text.as_bytes().to_vec()), ..Self::new(Kind::Simple, json!(text)) }
    }

    /// Bytes.
    pub fn bulk(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { bytes: Some(bytes.clone()), ..Self::new(Kind::Bulk, json!(String::from_utf8_lossy(&bytes))) }
    }

    /// A whole number.
    pub fn integer(number: i64) -> Self {
        Self::new(Kind::Integer, json!(number))
    }

    /// No value.
    pub fn nil() -> Self {
        Self::new(Kind::Nil, Value::Null)
    }

    /// An array, as [`Reply::value`](crate::redis::Reply::value) shows it.
    pub fn array(items: Vec<Value>) -> Self {
        Self::new(Kind::Array, Value::Array(items))
    }

    /// A command that failed. Where the server itself refuses it, `text` is the reply, such as `WRONGTYPE not a list`,
    /// and its first word the error's code.
    pub fn error(kind: ErrorKind, text: impl Into<String>) -> Self {
        let error_text = text.into();
        let reply = if is_of_server(kind) { Kind::Error } else { Kind::None };
        let value = json!({ "error": error_text });
        Self { error: Some(kind), error_text, ..Self::new(reply, value) }
    }

    /// Sets how long the command takes; 1 ms unless set.
    #[must_use]
    pub const fn after(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }
}

/// Whether a failure is an error reply, not one of the transport's.
const fn is_of_server(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Statement | ErrorKind::Permission | ErrorKind::Unavailable | ErrorKind::ServerError
    )
}

/// A command as it would have gone out, slots filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSent {
    /// Name of the operation.
    pub name: String,
    /// Its words.
    pub words: Vec<Vec<u8>>,
    /// Options of the command by name.
    pub options: Vec<(String, String)>,
    /// When it was sent.
    pub at: Duration,
}

impl RedisSent {
    /// The words as one text with spaces between them, with `U+FFFD` for what is no UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.words.join(b" ".as_slice())).into_owned()
    }
}

/// What the fake host knows of Redis.
#[derive(Debug, Default)]
pub(super) struct Redis {
    server: Server,
    refusal: Option<String>,
    targets: Vec<(String, Vec<(String, String)>)>,
    /// Whether the connection of an index is open.
    open: Vec<bool>,
    commands: Vec<Command>,
    scripts: HashMap<String, Script>,
    replies: Vec<RedisReply>,
    first_reply: u32,
    sent: Vec<RedisSent>,
}

#[derive(Clone, Debug)]
struct Command {
    connection: usize,
    name: String,
    words: Vec<Vec<u8>>,
    slots: Vec<String>,
    options: Vec<(String, String)>,
}

#[derive(Debug, Default)]
struct Script {
    once: VecDeque<RedisReply>,
    always: Option<RedisReply>,
}

impl Redis {
    fn reply(&mut self, operation: &str) -> RedisReply {
        let script = self.scripts.get_mut(operation);
        let reply = script.and_then(|script| script.once.pop_front().or_else(|| script.always.clone()));
        reply.unwrap_or_else(|| RedisReply::simple("OK"))
    }

    fn script(&mut self, operation: &str) -> &mut Script {
        self.scripts.entry(operation.to_owned()).or_default()
    }
}

impl FakeHost {
    /// Sets the reply to every command of an operation; unless set, it is `OK`.
    pub fn redis_reply(&self, operation: &str, reply: RedisReply) {
        with(|state| state.redis.script(operation).always = Some(reply));
    }

    /// Adds a reply to one command of an operation, before what [`redis_reply`](Self::redis_reply) set.
    pub fn redis_reply_once(&self, operation: &str, reply: RedisReply) {
        with(|state| state.redis.script(operation).once.push_back(reply));
    }

    /// Sets what every server says of itself.
    pub fn redis_server(&self, server: Server) {
        with(|state| state.redis.server = server);
    }

    /// Refuses connections from now on, in these words.
    pub fn redis_refuse(&self, reason: &str) {
        with(|state| state.redis.refusal = Some(reason.to_owned()));
    }

    /// URL and options of each connection opened, in order.
    pub fn redis_targets(&self) -> Vec<(String, Vec<(String, String)>)> {
        with(|state| state.redis.targets.clone())
    }

    /// Commands sent, in order.
    pub fn commands(&self) -> Vec<RedisSent> {
        with(|state| state.redis.sent.clone())
    }
}
