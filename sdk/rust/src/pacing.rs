//! Waiting, and the load's clock.
//!
//! ```
//! use std::time::Duration;
//! use stresshost_sdk::{pacing, testing::FakeHost};
//!
//! let _host = FakeHost::new();
//! pacing::sleep(Duration::from_millis(250));
//! assert_eq!(pacing::now(), Duration::from_millis(250));
//! ```

use std::time::Duration;

use crate::host;

/// Waits. The next request is intended for the end of the wait, so that lateness shows as lag.
pub fn sleep(duration: Duration) {
    host::pacing::sleep_us(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
}

/// Time since the load began, as of this virtual user's last event. Not a means to measure: the host measures.
pub fn now() -> Duration {
    Duration::from_micros(host::pacing::now_us())
}
