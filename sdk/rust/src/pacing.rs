//! Waiting, rate limits, and the load's clock.
//!
//! ```
//! use std::time::Duration;
//! use stresshost_sdk::{pacing, testing::FakeHost};
//!
//! let _host = FakeHost::new();
//! pacing::sleep(Duration::from_millis(250));
//! assert_eq!(pacing::now(), Duration::from_millis(250));
//! ```
//!
//! A rate limit of the plan, such as the quota of a provider:
//!
//! ```
//! use std::time::Duration;
//! use stresshost_sdk::{pacing, testing::FakeHost};
//!
//! let host = FakeHost::new();
//! host.limit("provider", 2.0, 1);
//! let quota = pacing::limiter("provider")?;
//! assert_eq!(quota.acquire(1), Duration::ZERO);
//! assert_eq!(quota.acquire(3), Duration::from_millis(1_500));
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```

use std::time::Duration;

use crate::{Failure, host};

/// Waits. The next request is intended for the end of the wait, so that lateness shows as lag.
pub fn sleep(duration: Duration) {
    host::pacing::sleep_us(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
}

/// Time since the load began, as of this virtual user's last event. Not a means to measure: the host measures.
pub fn now() -> Duration {
    Duration::from_micros(host::pacing::now_us())
}

/// Finds a rate limit of the plan by its name. Find it in `start`, ask it in `iterate`.
///
/// # Errors
/// When the plan has no rate limit of that name.
pub fn limiter(name: &str) -> Result<Limiter, Failure> {
    host::pacing::limiter(name)
        .map(Limiter)
        .map_err(|reason| Failure::setup(format!("rate limit `{name}`: {reason}")))
}

/// A rate limit of the plan, shared by all virtual users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limiter(u32);

impl Limiter {
    /// Waits for tokens; returns how long that took. The wait is schedule lag of the next request, never service time.
    pub fn acquire(self, tokens: u32) -> Duration {
        Duration::from_micros(host::pacing::acquire(self.0, tokens))
    }
}
