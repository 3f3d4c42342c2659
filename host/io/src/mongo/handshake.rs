//! Makes a connection ready for commands: greeting, log-in, the server's facts.

use std::future::poll_fn;
use std::sync::Arc;

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, RawDocument, doc};
use serde::Serialize;
use stresshost_metrics::{ErrorKind, Phases};

use super::core::MongoCore;
use super::message::{self, malformed};
use super::reply::judge;
use super::scram::Scram;
use super::target::{Login, Target};
use super::wire::Wire;
use crate::dial::Dial;
use crate::failure::Failure;
use crate::stream::Stream;

/// What the server's administrator sees of a connection in `currentOp` and the log.
const NAME: &str = "stresshost";

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServerFacts {
    /// `mongodb`, whoever speaks its protocol.
    pub engine: &'static str,
    /// Its version, such as `7.0.14`; empty when it does not tell.
    pub version: String,
    /// The target's database.
    pub database: String,
    /// Name of its replica set; empty without one.
    pub set: String,
    /// Whether it takes writes.
    pub primary: bool,
}

/// A connection attempt that ended, well or not.
pub(crate) struct Connected {
    pub(crate) result: Result<(Wire, ServerFacts), Failure>,
    /// The server's code of a failure.
    pub(crate) code: Option<i32>,
    pub(crate) phases: Phases,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
}

/// Connects to the target's server.
pub(crate) async fn connect(core: &MongoCore, target: &Target) -> Connected {
    let dial = Dial {
        shared: core.shared().clone(),
        clock: core.clock(),
        origin: Arc::clone(&target.origin),
        timeout_ns: target.connect_timeout_ns,
    };
    let mut phases = Phases::default();
    let mut talk = Talk { core, target, code: None, bytes_sent: 0, bytes_received: 0 };
    let attempt = async {
        let stream = if target.is_tls {
            Stream::Tls(dial.encrypted(None, None, &mut phases).await?)
        } else {
            dial.plain(&mut phases).await?
        };
        let mut wire = Wire::new(stream);
        let facts = dial.timed(&mut phases.wait_ns, talk.greet(&mut wire)).await?;
        Ok((wire, facts))
    };
    let result = dial.within_limit(attempt).await;
    let Talk { code, bytes_sent, bytes_received, .. } = talk;
    Connected { result, code, phases, bytes_sent, bytes_received }
}

/// Commands of the engine's own, outside any measurement of their own.
struct Talk<'a> {
    core: &'a MongoCore,
    target: &'a Target,
    code: Option<i32>,
    bytes_sent: u64,
    bytes_received: u64,
}

impl Talk<'_> {
    async fn greet(&mut self, wire: &mut Wire) -> Result<ServerFacts, Failure> {
        let client = doc! {
            "application": {"name": NAME},
            "driver": {"name": NAME, "version": env!("CARGO_PKG_VERSION")},
            "os": {"type": std::env::consts::OS},
        };
        let hello = self.ask(wire, doc! {"hello": 1, "client": client, "$db": "admin"}).await?;
        if let Some(login) = &self.target.login {
            self.log_in(wire, login).await?;
        }
        // Proxies may not know it; who may not ask learns nothing.
        let version = match self.ask(wire, doc! {"buildInfo": 1, "$db": "admin"}).await {
            Ok(info) => info.get_str("version").unwrap_or_default().to_owned(),
            Err(failure) if self.code.take().is_some() || failure.kind == ErrorKind::ServerError => {
                String::new()
            }
            Err(failure) => return Err(failure),
        };
        Ok(ServerFacts {
            engine: "mongodb",
            version,
            database: self.target.database.clone(),
            set: hello.get_str("setName").unwrap_or_default().to_owned(),
            primary: hello.get_bool("isWritablePrimary").unwrap_or(false),
        })
    }

    /// <https://github.com/mongodb/specifications/blob/master/source/auth/auth.md>
    async fn log_in(&mut self, wire: &mut Wire, login: &Login) -> Result<(), Failure> {
        let refused = |text: String| Failure::new(ErrorKind::Permission, text);
        let scram = Scram::begin(&login.user, &login.password).map_err(refused)?;
        let start = doc! {
            "saslStart": 1,
            "mechanism": "SCRAM-SHA-256",
            "payload": binary(scram.message()),
            "options": {"skipEmptyExchange": true},
            "$db": &login.source,
        };
        let reply = self.ask(wire, start).await?;
        let proven = scram.prove(payload(&reply)).map_err(refused)?;
        let id = reply.get("conversationId").cloned().unwrap_or(1.into());
        let go_on = |payload: String| {
            doc! {"saslContinue": 1, "conversationId": id.clone(), "payload": binary(payload), "$db": &login.source}
        };
        let reply = self.ask(wire, go_on(proven.message.clone())).await?;
        if !proven.is_mutual(payload(&reply)) {
            return Err(refused("the server does not show that it knows the password".to_owned()));
        }
        if reply.get_bool("done").unwrap_or(false) {
            return Ok(());
        }
        // Servers before 4.4 want an empty message more.
        let reply = self.ask(wire, go_on(String::new())).await?;
        let is_done = reply.get_bool("done").unwrap_or(false);
        if is_done { Ok(()) } else { Err(malformed("the server does not end the log-in")) }
    }

    /// Executes a command; its reply, unless it failed.
    async fn ask(&mut self, wire: &mut Wire, command: Document) -> Result<Document, Failure> {
        let core = self.core;
        let mut bytes = Vec::new();
        message::begin(wire.next_id(), &mut bytes);
        command.to_writer(&mut bytes).map_err(|error| malformed(error.to_string()))?;
        message::end(&mut bytes).map_err(malformed)?;
        self.bytes_sent += bytes.len() as u64;
        let mut to_send = Some(bytes);
        let buffer = poll_fn(|cx| {
            if let Some(bytes) = to_send.take() {
                wire.begin(cx, core, &bytes);
            }
            wire.poll(cx, core)
        })
        .await?;
        self.bytes_received += buffer.len() as u64;
        let reply = message::document(buffer.data(), wire.id()).and_then(|reply| self.checked(reply));
        core.pool().put(buffer);
        reply
    }

    fn checked(&mut self, reply: &RawDocument) -> Result<Document, Failure> {
        if let Some(error) = judge(reply)?.error {
            self.code = error.code;
            return Err(Failure::new(error.kind, error.text));
        }
        // Of what the engine asks for itself no more than the outer level is read.
        let mut shallow = Document::new();
        for element in reply {
            let (key, value) = element.map_err(|error| malformed(error.to_string()))?;
            if value.as_document().is_none() && value.as_array().is_none() {
                let value = Bson::try_from(value).map_err(|error| malformed(error.to_string()))?;
                shallow.insert(key.as_str(), value);
            }
        }
        Ok(shallow)
    }
}

fn binary(text: String) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: text.into_bytes() }
}

fn payload(reply: &Document) -> &[u8] {
    reply.get_binary_generic("payload").map_or(&[], Vec::as_slice)
}
