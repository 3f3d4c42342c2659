//! Protocol engines that measure.
//!
//! An engine sends one operation, stamps it on the run clock and hands back an outcome. A failed operation is an
//! outcome with an error kind, never an `Err`: in a load test failure is data.

mod buffer_pool;
mod credentials;
mod deadline;
mod dial;
mod failure;
pub mod http;
pub mod mongo;
mod network;
mod origin;
mod placeholders;
pub mod redis;
mod resolve;
mod secrets;
mod sender;
pub mod sql;
mod stream;
pub mod tcp;
mod timeout;

pub use credentials::CredentialsError;
pub use origin::{EgressRule, Origin, Scheme, UrlError, percent_decode};
pub use secrets::{Secret, SecretError, SecretRule, Secrets};
