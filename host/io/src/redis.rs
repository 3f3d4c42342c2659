//! The Redis engine: RESP2 and RESP3 over TCP and TLS, to one server or a cluster.
//!
//! [`RedisCore`] belongs to one core of a run, [`RedisSession`] to one virtual user. A command is compiled once into a
//! [`Command`] and sent many times; each sending gives an [`Outcome`], and its [`Reply`] is read, if at all, from the
//! session. How servers are reached (names, grants, TLS) and how much is kept of replies are those of the HTTP engine.

mod batch;
mod cluster;
mod command;
mod core;
mod error_reply;
mod handshake;
mod key;
mod limits;
mod link;
mod outcome;
mod reader;
mod reply;
mod session;
mod target;
mod wire;

pub use command::{Call, Command, CommandError, CommandSpec};
pub use core::RedisCore;
pub use handshake::ServerFacts;
pub use limits::{MAX_CONNECTIONS, MAX_DEPTH, MAX_LINE_BYTES, MAX_PIPELINE, MAX_SLOTS, MAX_WORDS};
pub use outcome::Outcome;
pub use reader::{Parsed, ReadError, ReaderLimits, ReplyReader};
pub use reply::{Kind, ReplyText};
pub use session::{OpenError, RedisSession, Reply, ReplyError};
pub use target::{TargetError, TargetSpec};
