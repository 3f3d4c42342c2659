//! Time limits that a plugin sets, and what passing one means.

use stresshost_clock::NS_PER_MS;
use stresshost_metrics::ErrorKind;

use crate::failure::Failure;

/// A time limit in milliseconds, as nanoseconds.
pub(crate) fn millis(value: &str) -> Result<u64, String> {
    let ms = value.parse::<u64>().ok().filter(|&ms| ms > 0);
    let ms = ms.ok_or_else(|| format!("`{value}` is not a number of milliseconds above 0"))?;
    Ok(ms.saturating_mul(NS_PER_MS))
}

/// The failure of an operation whose reply is not there in time.
pub(crate) fn late(timeout_ns: u64) -> Failure {
    Failure::new(ErrorKind::Timeout, format!("no complete reply within {} ms", timeout_ns / NS_PER_MS))
}
