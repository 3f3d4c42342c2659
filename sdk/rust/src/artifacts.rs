//! Files for the run directory, under `artifacts/`. The descriptor must ask for them (`asks.artifacts`).

use crate::{Failure, host};

/// Writes a file, replacing an existing one. `name` is a relative path of plain names.
///
/// # Errors
/// When the host refuses: not granted, a name that leads elsewhere, or too many bytes.
pub fn write(name: &str, bytes: &[u8]) -> Result<(), Failure> {
    host::artifacts::write(name, bytes).map_err(|reason| refused(name, &reason))
}

/// Appends to a file, creating it if it is missing.
///
/// # Errors
/// As [`write()`].
pub fn append(name: &str, bytes: &[u8]) -> Result<(), Failure> {
    host::artifacts::append(name, bytes).map_err(|reason| refused(name, &reason))
}

fn refused(name: &str, reason: &str) -> Failure {
    Failure::new("artifact", format!("artifact `{name}`: {reason}"))
}
