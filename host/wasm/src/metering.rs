//! How much CPU time guests use.
//!
//! One iteration in [`SAMPLED_EACH`] is timed and stands for the others: timing every one would cost as much as some of
//! them do. A guest's time is the time its call was being polled: it is not while a waiting import does its work.

use std::future::{Future, poll_fn};
use std::pin::pin;

use stresshost_clock::Clock;

/// Iterations for which one is timed.
pub(crate) const SAMPLED_EACH: u64 = 64;

/// Runs a future and tells how long it was being polled, in nanoseconds; 0 without a clock.
pub(crate) async fn timed<F: Future>(clock: Option<Clock>, future: F) -> (F::Output, u64) {
    let mut future = pin!(future);
    let mut polled_ns = 0;
    let output = poll_fn(|cx| {
        let Some(clock) = clock else { return future.as_mut().poll(cx) };
        let from_ns = clock.now_ns();
        let poll = future.as_mut().poll(cx);
        polled_ns += clock.now_ns().saturating_sub(from_ns);
        poll
    })
    .await;
    (output, polled_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn counts_work_and_not_waiting() {
        let clock = Clock::start();
        let work = async {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            let until_ns = clock.now_ns() + 20_000_000;
            while clock.now_ns() < until_ns {
                std::hint::spin_loop();
            }
        };
        let ((), polled_ns) = timed(Some(clock), work).await;
        assert!((20_000_000..200_000_000).contains(&polled_ns), "{polled_ns} ns");
    }
}
