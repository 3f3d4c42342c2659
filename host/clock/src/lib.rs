//! The one reader of time.
//!
//! Every instant inside a run is a count of nanoseconds since the run's [`Clock`] was started, so instants are
//! plain `u64`s that cross crates, queues and (later) machines. Where tokio's clock is paused, as tests do, the run's
//! follows it.

mod timer;

use std::num::NonZeroU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use timer::{Alarm, Timer, TimerError};

/// Nanoseconds in a millisecond.
pub const NS_PER_MS: u64 = 1_000_000;
/// Nanoseconds in a second.
pub const NS_PER_S: u64 = 1_000_000_000;

/// The clock of one run: monotonic nanoseconds since [`Clock::start`].
///
/// It is read several times an iteration, so it asks the kernel itself where that gives the same answer as asking
/// tokio. On a paused clock it does not; a clock must be paused before it is started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: tokio::time::Instant,
    /// The kernel's clock at the epoch; `None` for a clock that follows tokio's.
    kernel_epoch_ns: Option<NonZeroU64>,
}

impl Clock {
    /// Starts a clock at zero.
    #[expect(clippy::disallowed_methods, reason = "this crate is the one reader of time")]
    pub fn start() -> Self {
        // The kernel's before tokio's: a sleep must not end before the clock shows its end.
        let kernel_epoch_ns = if is_paused() { None } else { kernel_ns().and_then(NonZeroU64::new) };
        Self { epoch: tokio::time::Instant::now(), kernel_epoch_ns }
    }

    /// Nanoseconds since the clock was started.
    #[expect(clippy::disallowed_methods, reason = "this crate is the one reader of time")]
    #[inline]
    pub fn now_ns(self) -> u64 {
        if let Some(epoch_ns) = self.kernel_epoch_ns
            && let Some(now_ns) = kernel_ns()
        {
            return now_ns.saturating_sub(epoch_ns.get());
        }
        let elapsed = tokio::time::Instant::now().saturating_duration_since(self.epoch);
        elapsed.as_secs() * NS_PER_S + u64::from(elapsed.subsec_nanos())
    }

    /// The same clock with its zero moved to `zero_ns`.
    ///
    /// A run prepares on one clock and measures from the moment the load begins.
    pub fn rebased(self, zero_ns: u64) -> Self {
        let kernel_epoch_ns = self.kernel_epoch_ns.map(|epoch_ns| epoch_ns.saturating_add(zero_ns));
        Self { epoch: self.instant(zero_ns), kernel_epoch_ns }
    }

    /// Whether the clock follows tokio's, which may be paused: then a sleep of the kernel's would never end.
    #[cfg(target_os = "linux")]
    fn follows_tokio(self) -> bool {
        self.kernel_epoch_ns.is_none()
    }

    /// The tokio instant of a time on this clock.
    pub fn instant(self, at_ns: u64) -> tokio::time::Instant {
        self.epoch + Duration::from_nanos(at_ns)
    }

    /// Sleeps until `at_ns` with the granularity of tokio's timer (one millisecond).
    ///
    /// Load schedules use [`Timer`], which is precise; this serves ticks and deadlines.
    pub async fn sleep_until_ns(self, at_ns: u64) {
        tokio::time::sleep_until(self.instant(at_ns)).await;
    }
}

/// The clock tokio's instants are read from, in nanoseconds.
#[cfg(target_os = "linux")]
#[inline]
fn kernel_ns() -> Option<u64> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    // It counts from the start of the machine, so neither part is negative or near the end of its range.
    Some((now.tv_sec as u64).wrapping_mul(NS_PER_S).wrapping_add(now.tv_nsec as u64))
}

#[cfg(not(target_os = "linux"))]
fn kernel_ns() -> Option<u64> {
    None
}

/// Whether tokio's clock is paused.
///
/// A paused clock stands still between two reads however long they lie apart; a running one moves.
#[expect(clippy::disallowed_methods, reason = "this crate is the one reader of time")]
fn is_paused() -> bool {
    let first = tokio::time::Instant::now();
    for _ in 0..64 {
        if tokio::time::Instant::now() != first {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

/// Milliseconds since the Unix epoch, for time stamps in documents. Never used to measure.
#[expect(clippy::disallowed_methods, reason = "this crate is the one reader of time")]
pub fn wall_unix_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Formats a Unix time in milliseconds as RFC 3339 in UTC, such as `2026-11-22T17:18:58.250Z`.
pub fn rfc3339(unix_ms: u64) -> String {
    let (days, ms_of_day) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    let (year, month, day) = civil_from_days(days);
    let (s, ms) = (ms_of_day / 1000, ms_of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z", s / 3600, s / 60 % 60, s % 60)
}

/// Gregorian date of a day count since 1970-01-01; Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>) for days after the epoch.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_known_instants() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(rfc3339(1_795_367_938_250), "2026-11-22T17:18:58.250Z");
        assert_eq!(rfc3339(4_107_542_399_999), "2100-02-28T23:59:59.999Z");
        assert_eq!(rfc3339(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }

    #[tokio::test(start_paused = true)]
    async fn follows_the_paused_clock_and_rebases() {
        let clock = Clock::start();
        clock.sleep_until_ns(5 * NS_PER_MS).await;
        assert_eq!(clock.now_ns(), 5 * NS_PER_MS);
        let later = clock.rebased(3 * NS_PER_MS);
        assert_eq!(later.now_ns(), 2 * NS_PER_MS);
    }

    /// The kernel's clock and tokio's are one: what sleeps on tokio's has slept on the run clock.
    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "compares the two")]
    async fn a_running_clock_agrees_with_tokios() {
        let clock = Clock::start();
        for at_ms in 1..=20 {
            clock.sleep_until_ns(at_ms * NS_PER_MS).await;
            let (before, now_ns, after) =
                (tokio::time::Instant::now(), clock.now_ns(), tokio::time::Instant::now());
            assert!(now_ns >= at_ms * NS_PER_MS, "slept until {at_ms} ms, it is {now_ns} ns");
            // The epochs were read one after the other.
            let apart = Duration::from_millis(50);
            assert!(clock.instant(now_ns) >= before && clock.instant(now_ns) <= after + apart);
        }
        let later = clock.rebased(5 * NS_PER_MS);
        let (first_ns, second_ns) = (later.now_ns(), clock.now_ns());
        assert!(first_ns + 5 * NS_PER_MS <= second_ns && first_ns >= 15 * NS_PER_MS);
    }
}
