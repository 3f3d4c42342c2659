//! What a guest may call: one thin adapter per interface of the contract.
//!
//! An adapter moves values between WIT types and the room that does the work. Wrong arguments (stale handles, odd
//! names) are answered, never trapped: they are mistakes of the plugin's author, not attacks that end the user.

pub(crate) mod artifacts;
mod checks;
mod data;
mod failures;
mod findings;
mod http;
mod log;
mod metrics;
mod mongo;
mod pacing;
mod random;
mod redis;
mod sql;
mod tcp;

/// What a guest is told when it does I/O while it describes, plans or analyses.
const NOT_LIVE: &str = "not available in `describe`, `plan` and `analyze`";

/// Name of an error kind by its code in the contract.
fn error_name(error: u32) -> String {
    match stresshost_metrics::ErrorKind::from_code(error) {
        Some(kind) => kind.name().to_owned(),
        None if error == 0 => String::new(),
        None => "unknown".to_owned(),
    }
}

/// Protocols whose operations this host measures, as thresholds name them.
pub const PROTOCOLS: &[&str] = &["http", "mongo", "redis", "sql", "tcp"];
