//! A session's request timeout without a timer per request.
//!
//! Arming and disarming a timer for each request costs more than parsing its answer. Here the timer stays armed and
//! is moved only when it fires, or when a request's deadline is earlier than it: once per timeout, not per request.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use stresshost_clock::Clock;
use tokio::time::Sleep;

/// The lazily moved timer of one session.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    armed: Option<Armed>,
}

#[derive(Debug)]
struct Armed {
    at_ns: u64,
    sleep: Pin<Box<Sleep>>,
    /// Whom the timer wakes.
    waker: Option<Waker>,
}

impl Deadline {
    /// Whether `deadline_ns` has passed; if not, the task is woken at that time or earlier.
    pub(crate) fn poll_passed(&mut self, cx: &mut Context<'_>, clock: Clock, deadline_ns: u64) -> bool {
        let armed = self.armed.get_or_insert_with(|| Armed {
            at_ns: deadline_ns,
            sleep: Box::pin(tokio::time::sleep_until(clock.instant(deadline_ns))),
            waker: None,
        });
        loop {
            if armed.sleep.is_elapsed() {
                if clock.now_ns() >= deadline_ns {
                    return true;
                }
                armed.move_to(clock, deadline_ns);
            } else if deadline_ns < armed.at_ns {
                armed.move_to(clock, deadline_ns);
            }
            if armed.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                return false;
            }
            if armed.sleep.as_mut().poll(cx).is_pending() {
                armed.waker = Some(cx.waker().clone());
                return false;
            }
        }
    }
}

impl Armed {
    fn move_to(&mut self, clock: Clock, at_ns: u64) {
        self.sleep.as_mut().reset(clock.instant(at_ns));
        self.at_ns = at_ns;
        self.waker = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Poll;

    const MS: u64 = 1_000_000;

    async fn wait(deadline: &mut Deadline, clock: Clock, at_ns: u64) {
        let passed = |cx: &mut Context<'_>| {
            if deadline.poll_passed(cx, clock, at_ns) { Poll::Ready(()) } else { Poll::Pending }
        };
        poll_fn(passed).await;
    }

    #[tokio::test(start_paused = true)]
    async fn fires_at_the_deadline_not_at_an_earlier_armed_time() {
        let clock = Clock::start();
        let mut deadline = Deadline::default();
        for at_ms in [10, 30, 20, 25, 100] {
            let before_ns = clock.now_ns();
            wait(&mut deadline, clock, at_ms * MS).await;
            let expected_ns = before_ns.max(at_ms * MS);
            assert!((expected_ns..=expected_ns + 2 * MS).contains(&clock.now_ns()), "{at_ms}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_deadline_does_not_move_the_timer_and_an_earlier_one_does() {
        let clock = Clock::start();
        let mut deadline = Deadline::default();
        poll_fn(|cx| {
            assert!(!deadline.poll_passed(cx, clock, 50 * MS));
            assert!(!deadline.poll_passed(cx, clock, 90 * MS));
            assert_eq!(deadline.armed.as_ref().unwrap().at_ns, 50 * MS);
            assert!(!deadline.poll_passed(cx, clock, 20 * MS));
            assert_eq!(deadline.armed.as_ref().unwrap().at_ns, 20 * MS);
            Poll::Ready(())
        })
        .await;
        wait(&mut deadline, clock, 90 * MS).await;
        assert!(clock.now_ns() >= 90 * MS);
    }
}
