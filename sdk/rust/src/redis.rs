//! Commands of Redis and of servers that speak its protocol: prepared once, sent many times, measured by the host.
//!
//! ```
//! use stresshost_sdk::redis::Target;
//! use stresshost_sdk::testing::{FakeHost, RedisReply};
//!
//! let host = FakeHost::new();
//! host.redis_reply("GET", RedisReply::bulk("blue"));
//!
//! let cache = Target::new("redis://cache.test:6379/0").open()?;
//! let get = cache.command("GET").word("GET").word("colour:{{id}}").slot("id").prepare()?;
//! let reply = get.send(&[b"7"]);
//!
//! assert_eq!(reply.text().as_deref(), Some("blue"));
//! assert_eq!(host.commands()[0].words, [b"GET".to_vec(), b"colour:7".to_vec()]);
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stresshost_metrics::ErrorKind;

use crate::bindings::stresshost::workload::redis as contract;
use crate::target::{pairs, without_credentials};
use crate::{Failure, host};

#[cfg(not(target_arch = "wasm32"))]
pub use crate::testing::RedisReply;

/// A server to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a target does nothing until it is opened"]
pub struct Target {
    url: String,
    options: Vec<(String, String)>,
}

impl Target {
    /// A server by its `redis://` or `rediss://` URL, such as `redis://user:password@host:6379/0`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), options: Vec::new() }
    }

    /// Sets an option by its name in the contract.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Limit for making a connection, the handshake with the server included.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.option("connect-timeout-ms", timeout.as_millis().to_string())
    }

    /// Limit for each command, unless the command sets its own.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.option("timeout-ms", timeout.as_millis().to_string())
    }

    /// Version of the protocol: 2 or 3.
    pub fn protocol(self, version: u32) -> Self {
        self.option("protocol", version.to_string())
    }

    /// Whether the server is one node of a cluster, whose commands go to the node that holds their key.
    pub fn cluster(self, yes: bool) -> Self {
        self.option("cluster", yes.to_string())
    }

    /// Connects.
    ///
    /// # Errors
    /// When there is no connection; the message says why.
    pub fn open(&self) -> Result<Connection, Failure> {
        let options = pairs(&self.options);
        host::redis::open(contract::Target { url: &self.url, options: &options })
            .map(|id| Connection { id })
            .map_err(|reason| Failure::setup(format!("redis `{}`: {reason}", without_credentials(&self.url))))
    }
}

/// A connection. Good for the instance's life, also when the server has closed it meanwhile: it is made again by the
/// next command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    id: u32,
}

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Its name, such as `redis` or `valkey`.
    pub engine: String,
    /// Its version, such as `7.0.15`.
    pub version: String,
    /// `standalone`, `cluster` or `sentinel`.
    pub mode: String,
}

impl Connection {
    /// A command to prepare. `name` is what reports call the operation; keep what varies out of it.
    pub fn command(self, name: impl Into<String>) -> Command {
        Command {
            connection: self,
            name: name.into(),
            words: Vec::new(),
            slots: Vec::new(),
            options: Vec::new(),
        }
    }

    /// What the server says of itself; empty fields for what it does not tell.
    pub fn server(self) -> Server {
        serde_json::from_str(&host::redis::server(self.id)).unwrap_or_default()
    }

    /// Closes the connection; its commands fail from then on.
    pub fn close(self) {
        host::redis::close(self.id);
    }
}

/// A command to prepare. `{{slot}}` in a word is replaced by the slot's value as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a command does nothing until it is prepared and sent"]
pub struct Command {
    connection: Connection,
    name: String,
    words: Vec<Vec<u8>>,
    slots: Vec<String>,
    options: Vec<(String, String)>,
}

impl Command {
    /// Adds a word.
    pub fn word(mut self, word: impl Into<Vec<u8>>) -> Self {
        self.words.push(word.into());
        self
    }

    /// Adds words.
    pub fn words<W: Into<Vec<u8>>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    /// Declares a slot. [`send`](Prepared::send) takes the values in the order of the declarations.
    pub fn slot(mut self, name: impl Into<String>) -> Self {
        self.slots.push(name.into());
        self
    }

    /// Limit for the whole reply.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.option("timeout-ms", timeout.as_millis().to_string())
    }

    /// Makes a reply of nil a failure: the value was expected to be there.
    pub fn expect_value(self) -> Self {
        self.option("expect", "value")
    }

    /// Sets an option by its name in the contract.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Has the host compile the command; nothing is sent.
    ///
    /// # Errors
    /// When the host refuses the command; the message says what is wrong with it.
    pub fn prepare(&self) -> Result<Prepared, Failure> {
        let words: Vec<_> = self.words.iter().map(Vec::as_slice).collect();
        let slots: Vec<_> = self.slots.iter().map(String::as_str).collect();
        let options = pairs(&self.options);
        let command = contract::Command { name: &self.name, words: &words, slots: &slots, options: &options };
        host::redis::prepare(self.connection.id, command)
            .map(|id| Prepared { id })
            .map_err(|reason| Failure::setup(format!("command `{}`: {reason}", self.name)))
    }
}

/// A command the host has compiled. Good for the instance's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    id: u32,
}

impl Prepared {
    /// Sends the command and waits for the whole reply. `values` fill the slots, in their order.
    ///
    /// A command that fails is a [`Reply`] with an [`error`](Reply::error): the host has measured and counted it.
    pub fn send(self, values: &[&[u8]]) -> Reply {
        // Without values nothing goes through the guest's memory.
        Reply(match values {
            [] => host::redis::send(self.id),
            values => host::redis::send_with(self.id, values),
        })
    }

    /// The command with its values, for [`pipeline`].
    pub const fn call<'a>(self, values: &'a [&'a [u8]]) -> Call<'a> {
        Call { command: self, values }
    }
}

/// One command of a [`pipeline`].
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The command.
    pub command: Prepared,
    /// Values of its slots.
    pub values: &'a [&'a [u8]],
}

/// Sends commands of one connection at once and waits for all replies; they are in the same order. The time of each
/// counts from when the first was sent.
pub fn pipeline(calls: &[Call<'_>]) -> Vec<Reply> {
    let calls: Vec<_> =
        calls.iter().map(|call| contract::Call { command: call.command.id, values: call.values }).collect();
    host::redis::pipeline(&calls).into_iter().map(Reply).collect()
}

/// What a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// There is no reply: the command failed before one came.
    None,
    /// No value.
    Nil,
    /// A short text such as `OK`.
    Simple,
    /// A whole number.
    Integer,
    /// Bytes.
    Bulk,
    /// Replies in order.
    Array,
    /// Pairs of replies (RESP3).
    Map,
    /// Replies without order (RESP3).
    Set,
    /// True or false (RESP3).
    Boolean,
    /// A number (RESP3).
    Double,
    /// The server refused the command.
    Error,
    /// Another kind of RESP3, or one that this SDK does not know.
    Other,
}

/// What came of a command.
///
/// The reply stays with the host until it is asked for, and is gone with the next command or at the iteration's end;
/// then it reads as absent.
#[derive(Clone, Copy, Debug)]
pub struct Reply(contract::Answer);

impl Reply {
    /// Names it to the host.
    const fn id(self) -> u32 {
        self.0 as u32
    }

    const fn failure(self) -> u32 {
        (self.0 >> 48) as u32
    }

    /// Whether the command succeeded.
    pub const fn ok(self) -> bool {
        self.failure() == 0
    }

    /// What the reply is.
    pub const fn kind(self) -> Kind {
        match (self.0 >> 32) as u16 {
            0 => Kind::None,
            1 => Kind::Nil,
            2 => Kind::Simple,
            3 => Kind::Integer,
            4 => Kind::Bulk,
            5 => Kind::Array,
            6 => Kind::Map,
            7 => Kind::Set,
            8 => Kind::Boolean,
            9 => Kind::Double,
            10 => Kind::Error,
            _ => Kind::Other,
        }
    }

    /// Why the command failed; `None` when it succeeded, or failed in a way this SDK does not know (see
    /// [`error_name`](Self::error_name)).
    pub fn error(self) -> Option<ErrorKind> {
        ErrorKind::from_code(self.failure())
    }

    /// Name of the error; empty when the command succeeded.
    pub fn error_name(self) -> String {
        match self.error() {
            _ if self.ok() => String::new(),
            Some(kind) => kind.name().to_owned(),
            None => host::redis::error_name(self.failure()),
        }
    }

    /// The first word of an error reply, such as `WRONGTYPE`; empty when there is none.
    pub fn error_code(self) -> String {
        host::redis::error_code(self.id())
    }

    /// The server's or transport's own words for a failure.
    pub fn error_text(self) -> String {
        host::redis::error_text(self.id())
    }

    /// Nothing when the command succeeded, else the error's name and text as a failure of the iteration.
    ///
    /// # Errors
    /// When the command failed.
    pub fn check(self) -> Result<(), Failure> {
        if self.ok() { Ok(()) } else { Err(Failure::new(self.error_name(), self.error_text())) }
    }

    /// An integer reply, or a string that holds one.
    pub fn integer(self) -> Option<i64> {
        host::redis::integer(self.id())
    }

    /// A string reply.
    pub fn bytes(self) -> Option<Vec<u8>> {
        host::redis::bytes(self.id())
    }

    /// A string reply as text; bytes that are no UTF-8 become `U+FFFD`.
    pub fn text(self) -> Option<String> {
        let bytes = self.bytes()?;
        let text = String::from_utf8(bytes);
        Some(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The whole reply as JSON; errors within arrays are `{"error": ...}`.
    ///
    /// # Errors
    /// When the reply was longer than the host keeps, or is stale.
    pub fn value(self) -> Result<serde_json::Value, Failure> {
        let text = host::redis::value(self.id()).map_err(|reason| Failure::new("reply", reason))?;
        serde_json::from_str(&text).map_err(|error| Failure::new("reply", error.to_string()))
    }

    /// Service time: from the first byte sent to the last byte of the reply.
    pub fn duration(self) -> Duration {
        Duration::from_micros(host::redis::duration_us(self.id()))
    }
}
