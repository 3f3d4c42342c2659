//! The TCP engine: bytes of protocols that the host does not know, over TCP and TLS.
//!
//! [`TcpCore`] belongs to one core of a run, [`TcpSession`] to one virtual user. There are two ways to use a connection:
//! an [`Exchange`] that says how its reply ends is [sent](TcpSession::send) and read whole, or the caller
//! [begins](TcpSession::begin) an operation, reads the pieces whose framing it alone knows, and [ends](TcpSession::end) it
//! with its verdict. How servers are reached (names, grants, TLS) and how much is kept of replies are those of the HTTP
//! engine.

mod connect;
mod core;
mod escapes;
mod exchange;
mod framing;
mod limits;
mod operation;
mod outcome;
mod session;
mod target;
mod wire;

pub use core::TcpCore;
pub use exchange::{Exchange, ExchangeError, ExchangeSpec};
pub use limits::{
    MAX_CONNECTIONS, MAX_DELIMITER_BYTES, MAX_EXPECTED, MAX_EXPECTED_BYTES, MAX_LENGTH_OFFSET, MAX_SLOTS,
};
pub use outcome::Outcome;
pub use session::{OpenError, ReplyError, TcpSession};
pub use target::{TargetError, TargetSpec};
