//! Private database servers on free loopback ports, for tests and benchmarks.
//!
//! A server lives in a directory of its own under the system's temporary one and ends with the process that started it,
//! however that ends.

mod process;
mod redis;

pub use redis::{Redis, RedisCluster};
