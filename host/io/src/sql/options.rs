//! Options of statements and transactions.

use stresshost_clock::NS_PER_MS;

use super::session::Refused;
use super::target::milliseconds;

/// A statement's timeout in nanoseconds, if it has one of its own.
pub(crate) fn statement_options(options: &[(String, String)]) -> Result<Option<u64>, Refused> {
    let mut timeout_ns = None;
    for (name, value) in options {
        let read = match name.as_str() {
            "timeout-ms" => milliseconds(value),
            _ => Err("it is unknown; there is timeout-ms".to_owned()),
        };
        let milliseconds = read.map_err(|reason| Refused::Invalid(format!("option `{name}`: {reason}")))?;
        timeout_ns = Some(milliseconds.saturating_mul(NS_PER_MS));
    }
    Ok(timeout_ns)
}

/// A transaction's isolation, in SQL's words, and whether it only reads.
pub(crate) fn transaction_options(
    options: &[(String, String)],
) -> Result<(Option<&'static str>, bool), String> {
    let (mut isolation, mut read_only) = (None, false);
    for (name, value) in options {
        match (name.as_str(), value.as_str()) {
            ("isolation", "read-committed") => isolation = Some("READ COMMITTED"),
            ("isolation", "repeatable-read") => isolation = Some("REPEATABLE READ"),
            ("isolation", "serializable") => isolation = Some("SERIALIZABLE"),
            ("isolation", _) => {
                return Err(
                    "option `isolation`: use read-committed, repeatable-read or serializable".to_owned()
                );
            }
            ("read-only", value) => {
                read_only = value.parse().map_err(|_| "option `read-only`: use true or false")?;
            }
            _ => return Err(format!("option `{name}` is unknown; there are isolation and read-only")),
        }
    }
    Ok((isolation, read_only))
}
