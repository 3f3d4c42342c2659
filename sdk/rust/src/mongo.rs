//! Commands of MongoDB and of servers that speak its protocol: prepared once, executed many times, measured by the host.
//!
//! ```
//! use stresshost_sdk::mongo::{Target, Value};
//! use stresshost_sdk::serde_json::json;
//! use stresshost_sdk::testing::{FakeHost, MongoReply};
//!
//! let host = FakeHost::new();
//! host.mongo_reply("find users", MongoReply::documents([json!({ "_id": 7, "name": "Ann" })]));
//!
//! let database = Target::new("mongodb://db.test/shop").open()?;
//! let find = r#"{"find": "users", "filter": {"_id": "$1"}, "limit": 1}"#;
//! let find = database.command("find users", find).prepare()?;
//! let reply = find.execute(&[Value::Integer(7)]);
//!
//! reply.check()?;
//! assert_eq!(reply.documents()?[0]["name"], "Ann");
//! assert_eq!(host.mongo_commands()[0].filled, r#"{"find": "users", "filter": {"_id": 7}, "limit": 1}"#);
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stresshost_metrics::ErrorKind;

use crate::bindings::stresshost::workload::mongo as contract;
use crate::target::{pairs, without_credentials};
use crate::{Failure, host};

pub use crate::bindings::stresshost::workload::mongo::Value;
#[cfg(not(target_arch = "wasm32"))]
pub use crate::testing::MongoReply;

/// A server to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a target does nothing until it is opened"]
pub struct Target {
    url: String,
    options: Vec<(String, String)>,
}

impl Target {
    /// A server by its URL, such as `mongodb://user:password@host:27017/database`; `{{secret:name}}` in it is replaced
    /// by a secret that the plugin never sees.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), options: Vec::new() }
    }

    /// Sets an option by its name in the contract.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Limit for making a connection, the log-in included.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.option("connect-timeout-ms", timeout.as_millis().to_string())
    }

    /// Limit for each command, unless the command sets its own.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.option("timeout-ms", timeout.as_millis().to_string())
    }

    /// Connects and logs in. Within an iteration it is measured as the operation `connect`.
    ///
    /// # Errors
    /// When there is no connection; the message says why.
    pub fn open(&self) -> Result<Connection, Failure> {
        let options = pairs(&self.options);
        host::mongo::open(contract::Target { url: &self.url, options: &options })
            .map(|id| Connection { id })
            .map_err(|reason| {
                Failure::setup(format!("mongodb `{}`: {reason}", without_credentials(&self.url)))
            })
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
    /// `mongodb`.
    pub engine: String,
    /// Its version, such as `7.0.15`.
    pub version: String,
    /// The target's database.
    pub database: String,
    /// Name of its replica set; empty without one.
    pub set: String,
    /// Whether it takes writes.
    pub primary: bool,
}

impl Connection {
    /// A command to prepare: a document of Extended JSON, the command's name first. A text in it that is `$1`, `$2`, ...
    /// and nothing else stands for a value. `name` is what reports call the operation; keep what varies out of it.
    pub fn command(self, name: impl Into<String>, text: impl Into<String>) -> Command {
        Command { connection: self, name: name.into(), text: text.into(), options: Vec::new() }
    }

    /// Executes a command that was not prepared and has no values, such as one that asks for statistics.
    pub fn run(self, name: &str, text: &str) -> Reply {
        Reply(host::mongo::run(self.id, name, text))
    }

    /// What the server says of itself; empty fields when the connection is closed.
    pub fn server(self) -> Server {
        serde_json::from_str(&host::mongo::server(self.id)).unwrap_or_default()
    }

    /// Closes the connection; its commands fail from then on.
    pub fn close(self) {
        host::mongo::close(self.id);
    }
}

/// A command to prepare.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a command does nothing until it is prepared and executed"]
pub struct Command {
    connection: Connection,
    name: String,
    text: String,
    options: Vec<(String, String)>,
}

impl Command {
    /// Limit for the whole reply, kept by the host and, where the command takes it, by the server.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.option("timeout-ms", timeout.as_millis().to_string())
    }

    /// Another database than the target's.
    pub fn database(self, name: impl Into<String>) -> Self {
        self.option("database", name)
    }

    /// Makes a reply without documents a failure: some were expected to be there.
    pub fn expect_documents(self) -> Self {
        self.option("expect", "documents")
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
        let options = pairs(&self.options);
        let command = contract::Command { name: &self.name, text: &self.text, options: &options };
        host::mongo::prepare(self.connection.id, command)
            .map(|id| Prepared { id })
            .map_err(|reason| Failure::setup(format!("command `{}`: {reason}", self.name)))
    }
}

/// A command the host has compiled. Good for the connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    id: u32,
}

impl Prepared {
    /// Executes the command with its values, `$1` first, and waits for the whole reply.
    ///
    /// A command that fails is a [`Reply`] with an [`error`](Reply::error): the host has measured and counted it.
    pub fn execute(self, values: &[Value<'_>]) -> Reply {
        Reply(host::mongo::execute(self.id, values))
    }
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

    /// Whether the command succeeded, and every single write of it.
    pub const fn is_ok(self) -> bool {
        self.failure() == 0
    }

    /// Why the command failed; `None` when it succeeded, or failed in a way this SDK does not know (see
    /// [`error_name`](Self::error_name)).
    pub fn error(self) -> Option<ErrorKind> {
        ErrorKind::from_code(self.failure())
    }

    /// Name of the error; empty when the command succeeded.
    pub fn error_name(self) -> String {
        match self.error() {
            _ if self.is_ok() => String::new(),
            Some(kind) => kind.name().to_owned(),
            None => host::mongo::error_name(self.failure()),
        }
    }

    /// The server's own code of the failure, such as `11000`; empty when the server gave none.
    pub fn error_code(self) -> String {
        host::mongo::error_code(self.id())
    }

    /// The server's or transport's own words for a failure.
    pub fn error_text(self) -> String {
        host::mongo::error_text(self.id())
    }

    /// Nothing when the command succeeded, else a failure of the iteration: its code is the error's name, its message
    /// the server's words and code.
    ///
    /// # Errors
    /// When the command failed.
    pub fn check(self) -> Result<(), Failure> {
        if self.is_ok() {
            return Ok(());
        }
        let (code, text) = (self.error_code(), self.error_text());
        let message = if code.is_empty() { text } else { format!("{text} [{code}]") };
        Err(Failure::new(self.error_name(), message))
    }

    /// Documents returned, or the reply's `n`: inserted, matched or deleted.
    pub fn count(self) -> u64 {
        match (self.0 >> 32) & 0xffff {
            // That many or more.
            0xffff => host::mongo::count(self.id()),
            count => count,
        }
    }

    /// The whole reply, as relaxed Extended JSON.
    ///
    /// # Errors
    /// When the reply was longer than the host keeps, or is stale.
    pub fn value(self) -> Result<serde_json::Value, Failure> {
        let text = host::mongo::reply(self.id()).map_err(|reason| Failure::new("reply", reason))?;
        serde_json::from_str(&text).map_err(|error| Failure::new("reply", error.to_string()))
    }

    /// The documents of the reply's cursor: its first batch, or the next one of a `getMore`. None for replies without a
    /// cursor.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn documents(self) -> Result<Vec<serde_json::Value>, Failure> {
        let mut value = self.value()?;
        let batch = ["/cursor/firstBatch", "/cursor/nextBatch"]
            .iter()
            .find_map(|place| value.pointer_mut(place).map(serde_json::Value::take));
        Ok(match batch {
            Some(serde_json::Value::Array(documents)) => documents,
            _ => Vec::new(),
        })
    }

    /// Service time: from the first byte sent to the last byte of the reply.
    pub fn duration(self) -> Duration {
        Duration::from_micros(host::mongo::duration_us(self.id()))
    }
}

macro_rules! value_from {
    ($($from:ty => $case:ident),* $(,)?) => {
        $(impl<'a> From<$from> for Value<'a> {
            fn from(value: $from) -> Self {
                Self::$case(value.into())
            }
        })*
    };
}

value_from! {
    bool => Boolean,
    i32 => Integer,
    u32 => Integer,
    i64 => Integer,
    f64 => Real,
    &'a str => Text,
    &'a [u8] => Bytes,
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
