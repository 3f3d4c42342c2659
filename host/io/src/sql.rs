//! The SQL engine: PostgreSQL, MySQL and MariaDB, SQLite.
//!
//! [`SqlShared`] belongs to a run, [`SqlCore`] to one core of it, [`SqlSession`] to one virtual user. The drivers are
//! sqlx's; here is what a load test needs around them: who may be connected to, prepared statements that survive a
//! reconnection, the clock, timeouts that end a statement on the server too, pools whose waiting is measured, and errors by
//! the server's own codes.

mod calendar;
mod cancel;
mod connect;
mod connection;
mod core;
mod error;
mod limits;
mod link;
mod mysql;
mod options;
mod outcome;
mod pool;
mod postgres;
mod rows;
mod scan;
mod session;
mod sqlite;
mod target;
mod value;
mod work;

pub use connect::Timing;
pub use connection::ServerFacts;
pub use core::{SqlCore, SqlShared};
pub use error::SqlError;
pub use limits::{
    MAX_CONNECTIONS, MAX_KEPT_BYTES, MAX_KEPT_ROWS, MAX_PARAMETERS, MAX_POOL, MAX_STATEMENT_BYTES,
    MAX_STATEMENTS,
};
pub use outcome::Outcome;
pub use pool::PoolState;
pub use rows::Rows;
pub use session::{Checked, Opened, Refused, SqlSession, StatementSpec};
pub use target::TargetSpec;
pub use value::Value;
