//! The fake host's servers of protocols that only the plugin knows.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use stresshost_metrics::ErrorKind;

use super::FakeHost;
use super::state::with;

pub(crate) mod backend;

/// A scripted reply to an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpReply {
    bytes: Vec<u8>,
    error: Option<ErrorKind>,
    error_text: String,
    duration: Duration,
}

impl TcpReply {
    /// A reply of these bytes. What is read past its end fails as `closed`.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        let duration = Duration::from_millis(1);
        Self { bytes: bytes.into(), error: None, error_text: String::new(), duration }
    }

    /// An operation that fails in the transport.
    pub fn error(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { error: Some(kind), error_text: text.into(), ..Self::bytes("") }
    }

    /// Sets how long the operation takes; 1 ms unless set.
    #[must_use]
    pub const fn after(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }
}

/// What was sent in an operation, slots filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSent {
    /// Name of the operation.
    pub name: String,
    /// The exchange's bytes and those written after them.
    pub bytes: Vec<u8>,
    /// Options of the exchange by name.
    pub options: Vec<(String, String)>,
    /// When it was sent.
    pub at: Duration,
    /// Name of the error that the operation ended with; none while it is open and when it succeeded.
    pub error: Option<&'static str>,
}

impl TcpSent {
    /// The bytes as text, with `U+FFFD` for what is no UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

type Server = dyn FnMut(&TcpSent) -> TcpReply;

/// What the fake host knows of TCP.
#[derive(Default)]
pub(super) struct Tcp {
    refusal: Option<String>,
    targets: Vec<(String, Vec<(String, String)>)>,
    /// Whether the connection of an index is open.
    connected: Vec<bool>,
    exchanges: Vec<Exchange>,
    scripts: HashMap<String, Script>,
    server: Option<Box<Server>>,
    sent: Vec<TcpSent>,
    /// The operation that is begun and not ended: its reply and how much of that was read.
    open: Option<(TcpReply, usize)>,
    id: u32,
    answered: Option<(TcpReply, usize)>,
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tcp").field("sent", &self.sent).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
struct Exchange {
    connection: usize,
    name: String,
    bytes: Vec<u8>,
    slots: Vec<String>,
    options: Vec<(String, String)>,
}

#[derive(Debug, Default)]
struct Script {
    once: VecDeque<TcpReply>,
    always: Option<TcpReply>,
}

impl Tcp {
    fn script(&mut self, operation: &str) -> &mut Script {
        self.scripts.entry(operation.to_owned()).or_default()
    }

    fn reply(&mut self, sent: &TcpSent) -> TcpReply {
        let script = self.scripts.get_mut(&sent.name);
        let scripted = script.and_then(|script| script.once.pop_front().or_else(|| script.always.clone()));
        let served = |server: &mut Box<Server>| server(sent);
        scripted.or_else(|| self.server.as_mut().map(served)).unwrap_or_else(|| TcpReply::bytes(""))
    }
}

impl FakeHost {
    /// Sets the reply to every exchange of an operation; unless set, it is empty.
    pub fn tcp_reply(&self, operation: &str, reply: TcpReply) {
        with(|state| state.tcp.script(operation).always = Some(reply));
    }

    /// Adds a reply to one exchange of an operation, before what [`tcp_reply`](Self::tcp_reply) set.
    pub fn tcp_reply_once(&self, operation: &str, reply: TcpReply) {
        with(|state| state.tcp.script(operation).once.push_back(reply));
    }

    /// Sets a server that answers what no script does, by what an exchange sends. It may not use the fake host itself.
    pub fn tcp_server(&self, server: impl FnMut(&TcpSent) -> TcpReply + 'static) {
        with(|state| state.tcp.server = Some(Box::new(server)));
    }

    /// Refuses connections from now on, in these words.
    pub fn tcp_refuse(&self, reason: &str) {
        with(|state| state.tcp.refusal = Some(reason.to_owned()));
    }

    /// Address and options of each connection opened, in order.
    pub fn tcp_targets(&self) -> Vec<(String, Vec<(String, String)>)> {
        with(|state| state.tcp.targets.clone())
    }

    /// What was sent, operation by operation.
    pub fn exchanges(&self) -> Vec<TcpSent> {
        with(|state| state.tcp.sent.clone())
    }
}
