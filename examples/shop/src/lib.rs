#![doc = include_str!("../README.md")]
//! ## Where to start
//!
//! [`Shop::start`] serves it on the current tokio runtime; [`Shop::start_in_thread`] gives it a thread and a runtime
//! of its own, so that a load generator in the same process shares neither. [`ShopHandle`] reads its exact request
//! counts and switches its [`Faults`] and [`Weaknesses`].
//!
//! Everything it serves is a function of the seed: products, seeded users, tokens, and the latency and error drawn
//! for the n-th request. All state is bounded; [`limits`] names each bound.

mod body;
mod config;
mod counts;
mod data;
mod faults;
mod gate;
pub mod limits;
mod problem;
mod rng;
mod routes;
mod server;
mod sql;
mod state;
mod weakness;

pub use config::{ShopConfig, ShopError};
pub use counts::{Counts, RouteCounts};
pub use faults::{Faults, FieldProblem, Latency, Outcome};
pub use server::{Shop, ShopHandle, ShopThread};
pub use weakness::{UnknownWeakness, Weakness, Weaknesses};

/// The OpenAPI 3.1 document of every route, as served at `/openapi.json`.
pub const OPENAPI: &str = include_str!("openapi.json");
