//! The shop over real sockets: every route, every fault, every bound that shows on the wire.

#![expect(
    clippy::unwrap_used,
    reason = "in the helpers of tests as in the tests, what is missing is a failure"
)]

mod accounts;
mod api;
mod client;
mod faults;
mod openapi;
mod probes;
mod search;
mod server;
mod weaknesses;
