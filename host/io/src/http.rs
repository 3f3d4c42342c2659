//! The HTTP engine: HTTP/1.1 and HTTP/2 over TCP, TLS and unix sockets.
//!
//! [`HttpShared`] belongs to a run, [`HttpCore`] to one core of it, [`HttpSession`] to one virtual user. A request is
//! compiled once into a [`Prepared`] and fired many times; each firing gives an [`Outcome`], and its [`Response`] is
//! read, if at all, from the session.

mod client;
mod config;
mod connect;
mod core;
mod decode;
mod h1;
mod h2;
mod json_pointer;
pub(crate) mod limits;
mod options;
mod prepared;
mod redirect;
mod response;
mod shared;
mod template;
mod tls;

pub use crate::buffer_pool::KeptBudget;
pub use client::outcome::Outcome;
pub use client::session::HttpSession;
pub use config::{ClientCertificate, HttpConfig, HttpVersion, Resolve, ResolveError, TlsConfig};
pub use core::HttpCore;
pub use json_pointer::{JsonError, JsonText};
pub use limits::{
    MAX_BATCH, MAX_CONCURRENT, MAX_IDLE_CONNECTIONS, MAX_KEPT_BYTES, MAX_REDIRECTS, MAX_REQUEST_HEAD_BYTES,
    MAX_SLOTS,
};
pub use prepared::{PrepareError, Prepared, RequestSpec};
pub use response::{BodyError, Response};
pub use shared::{HttpSetupError, HttpShared};
pub(crate) use template::{percent_encode, push_decimal};

/// The answer reader alone, for fuzzing and tools that read recorded answers.
pub mod wire {
    pub use super::h1::reader::{Parsed, Progress, ReadError, ReaderLimits, ResponseReader};
    pub use crate::buffer_pool::Buffer;
}
