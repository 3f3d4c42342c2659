//! Private servers of databases and caches on free loopback ports, for tests and benchmarks.
//!
//! A server lives in a directory of its own under the system's temporary one and ends with the process that started it,
//! however that ends. Tests of one process share a server and make databases of their own on it.

mod looks;
mod mariadb;
mod memcached;
mod mongo;
mod postgres;
mod process;
mod redis;

pub use looks::await_that;
pub use mariadb::MariaDb;
pub use memcached::Memcached;
pub use mongo::Mongo;
pub use postgres::Postgres;
pub use process::search;
pub use redis::{Redis, RedisCluster};

/// User of every server.
pub const USER: &str = "tester";

/// Its password.
pub const PASSWORD: &str = "secret-word";

/// Whether every server is installed.
///
/// # Errors
/// The first program that is missing, and the package that has it.
pub fn check_installed() -> Result<(), String> {
    let programs = [postgres::program("initdb"), mariadb::server(), memcached::server(), redis::server()];
    programs.into_iter().try_for_each(|program| program.map(drop))
}
