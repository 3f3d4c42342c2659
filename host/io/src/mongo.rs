//! The MongoDB engine: commands as `OP_MSG` over TCP and TLS, to one server.
//!
//! [`MongoCore`] belongs to one core of a run, [`MongoSession`] to one virtual user. A command is compiled once into a
//! [`Command`] and executed many times; each execution gives an [`Outcome`], and the reply is read, if at all, from the
//! session. How servers are reached (names, grants, TLS) and how much is kept of replies are those of the HTTP engine.
//! Documents are read and written by the `bson` crate.

mod command;
mod core;
mod error;
mod handshake;
mod limits;
mod message;
mod outcome;
mod reply;
mod scram;
mod session;
mod target;
mod value;
mod wire;

pub use command::{Command, CommandError, CommandSpec};
pub use core::MongoCore;
pub use handshake::ServerFacts;
pub use limits::{MAX_COMMAND_BYTES, MAX_CONNECTIONS, MAX_VALUES};
pub use outcome::Outcome;
pub use session::{MongoSession, OpenError, ReplyError};
pub use target::{TargetError, TargetSpec};
pub use value::Value;
