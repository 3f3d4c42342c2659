//! Real sockets and servers whose behaviour is known: what the real program reports against what the server did.
//!
//! `measure` runs the program and holds every summary to the laws of accounting; `logged`, `nginx`, `relay` and
//! `scripted` are the servers beside the shop; the other modules are the cases.

mod agreement;
mod arrivals;
mod counts;
mod errors;
mod latency;
mod limit;
mod logged;
mod measure;
mod mix;
mod nginx;
mod pause;
mod phases;
mod protocols;
mod rate;
mod relay;
mod scripted;
mod stall;
mod stop;
mod users;
mod warmup;
