//! Makes a connection ready for commands: greeting, credentials, database.

use std::future::poll_fn;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use stresshost_metrics::{ErrorKind, Phases};

use super::cluster::{self, Range};
use super::command::plain;
use super::core::RedisCore;
use super::error_reply;
use super::reply::{Kind, ReplyText};
use super::target::Target;
use super::wire::Wire;
use crate::dial::Dial;
use crate::failure::Failure;
use crate::origin::Origin;
use crate::stream::Stream;

/// What the server's administrator sees of a connection in `CLIENT LIST`.
const NAME: &[u8] = b"stresshost";

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServerFacts {
    /// Its name, such as `redis` or `valkey`.
    pub engine: String,
    /// Its version, such as `7.0.15`.
    pub version: String,
    /// `standalone`, `cluster` or `sentinel`.
    pub mode: String,
}

/// A connection attempt that ended, well or not.
pub(crate) struct Connected {
    pub(crate) result: Result<Greeted, Failure>,
    pub(crate) phases: Phases,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
}

/// A connection that commands can be sent on.
pub(crate) struct Greeted {
    pub(crate) wire: Wire,
    pub(crate) facts: ServerFacts,
    /// The slots of its cluster, where they were asked for.
    pub(crate) slots: Option<Vec<Range>>,
}

/// Connects to a server of the target: its own, or another node of its cluster, which may be asked for the slots.
pub(crate) async fn connect(
    core: &RedisCore,
    target: &Target,
    origin: &Arc<Origin>,
    ask_slots: bool,
) -> Connected {
    let dial = Dial {
        shared: core.shared().clone(),
        clock: core.clock(),
        origin: Arc::clone(origin),
        timeout_ns: target.connect_timeout_ns,
    };
    let mut phases = Phases::default();
    let mut talk = Talk { core, target, bytes_sent: 0, bytes_received: 0 };
    let attempt = async {
        let stream = if origin.is_tls() {
            Stream::Tls(dial.encrypted(None, None, &mut phases).await?)
        } else {
            dial.plain(&mut phases).await?
        };
        let mut wire = Wire::new(stream);
        let greeting = async {
            let facts = talk.greet(&mut wire).await?;
            let slots = if ask_slots { Some(talk.ask_slots(&mut wire, origin).await?) } else { None };
            Ok((facts, slots))
        };
        let (facts, slots) = dial.timed(&mut phases.wait_ns, greeting).await?;
        Ok(Greeted { wire, facts, slots })
    };
    let result = dial.within_limit(attempt).await;
    Connected { result, phases, bytes_sent: talk.bytes_sent, bytes_received: talk.bytes_received }
}

/// Commands of the engine's own, outside any measurement of their own.
struct Talk<'a> {
    core: &'a RedisCore,
    target: &'a Target,
    bytes_sent: u64,
    bytes_received: u64,
}

impl Talk<'_> {
    async fn greet(&mut self, wire: &mut Wire) -> Result<ServerFacts, Failure> {
        let target = self.target;
        let protocol: &[u8] = if target.protocol == Some(2) { b"2" } else { b"3" };
        let mut hello: Vec<&[u8]> = vec![b"HELLO", protocol];
        if let Some(password) = &target.password {
            let user = target.user.as_deref().unwrap_or("default");
            hello.extend([b"AUTH".as_slice(), user.as_bytes(), password.as_bytes()]);
        }
        hello.extend([b"SETNAME".as_slice(), NAME]);
        let facts = match self.ask(wire, &hello).await? {
            Ok(reply) => of_hello(&reply),
            // Servers before Redis 6 and some proxies have no `HELLO`.
            Err(text) if is_unknown(&text) && target.protocol != Some(3) => self.greet_old(wire).await?,
            Err(text) => return Err(self.refused(&text)),
        };
        if target.database > 0 {
            let database = target.database.to_string();
            self.must(wire, &[b"SELECT", database.as_bytes()]).await?;
        }
        Ok(facts)
    }

    async fn greet_old(&mut self, wire: &mut Wire) -> Result<ServerFacts, Failure> {
        if let Some(password) = &self.target.password {
            let mut auth: Vec<&[u8]> = vec![b"AUTH"];
            auth.extend(self.target.user.as_deref().map(str::as_bytes));
            auth.push(password.as_bytes());
            self.must(wire, &auth).await?;
        }
        let info = self.ask(wire, &[b"INFO", b"server"]).await?;
        Ok(info.map(|reply| of_info(&reply)).unwrap_or_default())
    }

    async fn ask_slots(&mut self, wire: &mut Wire, asked: &Origin) -> Result<Vec<Range>, Failure> {
        let reply = self.must(wire, &[b"CLUSTER", b"SLOTS"]).await?;
        let unreadable = || Failure::new(ErrorKind::Malformed, "the reply to CLUSTER SLOTS is not one");
        cluster::slots(&reply, asked).ok_or_else(unreadable)
    }

    async fn must(&mut self, wire: &mut Wire, words: &[&[u8]]) -> Result<Vec<u8>, Failure> {
        self.ask(wire, words).await?.map_err(|text| self.refused(&text))
    }

    /// Sends one command; its reply's bytes, or the words of an error.
    async fn ask(&mut self, wire: &mut Wire, words: &[&[u8]]) -> Result<Result<Vec<u8>, String>, Failure> {
        let (core, command) = (self.core, plain(words));
        self.bytes_sent += command.len() as u64;
        let mut command = Some(command);
        let result = poll_fn(|cx| {
            if let Some(command) = command.take() {
                wire.begin(cx, core, &command, 1);
            }
            wire.poll(cx, core)
        });
        result.await?;
        let (replies, buffer) = wire.take_replies();
        let first = replies.first().copied();
        let Some((arrived, buffer)) = first.zip(buffer) else {
            return Err(Failure::new(ErrorKind::Malformed, "there is no reply"));
        };
        self.bytes_received += arrived.parsed.bytes;
        let place = arrived.parsed.place;
        let bytes = place.and_then(|(from, to)| buffer.data().get(from..to)).unwrap_or_default();
        let answer = match arrived.parsed.kind {
            Kind::Error => {
                let text = ReplyText(bytes).error().unwrap_or_default();
                Err(String::from_utf8_lossy(text).into_owned())
            }
            _ => Ok(bytes.to_vec()),
        };
        core.pool().put(buffer);
        Ok(answer)
    }

    /// A refusal as it may be shown: a server that does not know `HELLO` repeats its words.
    fn refused(&self, text: &str) -> Failure {
        let kind = error_reply::kind(text);
        let shown = match &self.target.password {
            Some(password) if !password.is_empty() => text.replace(password.as_str(), "[password]"),
            _ => text.to_owned(),
        };
        Failure::new(kind, shown)
    }
}

fn is_unknown(text: &str) -> bool {
    text.starts_with("ERR unknown command") || text.starts_with("NOPROTO")
}

/// Facts of a reply to `HELLO`: a map, in RESP2 written as an array.
fn of_hello(reply: &[u8]) -> ServerFacts {
    let json = ReplyText(reply).json().and_then(|json| serde_json::from_str(&json).ok());
    let fact = |name: &str| match &json {
        Some(Value::Object(facts)) => facts.get(name).and_then(Value::as_str),
        Some(Value::Array(facts)) => {
            let mut pairs = facts.chunks_exact(2);
            pairs.find(|pair| pair[0] == name).and_then(|pair| pair[1].as_str())
        }
        _ => None,
    };
    let text = |name| fact(name).unwrap_or_default().to_owned();
    ServerFacts { engine: text("server"), version: text("version"), mode: text("mode") }
}

/// Facts of a reply to `INFO server`: lines of `name:value`.
fn of_info(reply: &[u8]) -> ServerFacts {
    let text = String::from_utf8_lossy(ReplyText(reply).bytes().unwrap_or_default()).into_owned();
    let fact = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(other, _)| *other == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let version = fact("redis_version");
    let engine = if version.is_empty() { String::new() } else { "redis".to_owned() };
    ServerFacts { engine, version, mode: fact("redis_mode") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_either_protocol() {
        let facts =
            ServerFacts { engine: "redis".into(), version: "7.0.15".into(), mode: "standalone".into() };
        let hello = |head: &str| {
            format!(
                "{head}\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n"
            )
        };
        assert_eq!(of_hello(hello("%3").as_bytes()), facts);
        assert_eq!(of_hello(hello("*6").as_bytes()), facts);
        assert_eq!(of_hello(b"+OK\r\n"), ServerFacts::default());
        let info = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n";
        assert_eq!(of_info(format!("${}\r\n{info}\r\n", info.len()).as_bytes()), facts);
    }
}
