//! A session's request timeout without a timer per request.
//!
//! Arming and disarming a timer for each request costs more than parsing its answer. Here the timer stays armed and
//! is moved only when it fires, or when a request's deadline is earlier than it: once per timeout, not per request.
//!
//! The core's own timer is asked where there is one: a timer of tokio's makes each of the runtime's waits for I/O one
//! with a time limit, which the kernel is paid for, however far off the timeout is.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use stresshost_clock::{Alarm, Clock, NS_PER_MS, Timer};
use tokio::time::Sleep;

/// The lazily moved timer of one session.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    armed: Option<Armed>,
}

#[derive(Debug)]
struct Armed {
    at_ns: u64,
    /// Whom the timer wakes.
    waker: Waker,
    source: Source,
}

enum Source {
    Timer(Alarm),
    Tokio(Pin<Box<Sleep>>),
}

impl Deadline {
    /// Whether `deadline_ns` has passed; if not, the task is woken within a millisecond of that time, or earlier.
    pub(crate) fn poll_passed(
        &mut self,
        cx: &mut Context<'_>,
        clock: Clock,
        timer: Option<&Timer>,
        deadline_ns: u64,
    ) -> bool {
        if self.armed.as_ref().is_some_and(|armed| armed.serves(cx.waker(), deadline_ns)) {
            return false;
        }
        if clock.now_ns() >= deadline_ns {
            return true;
        }
        self.arm(cx, clock, timer, deadline_ns);
        false
    }

    #[cold]
    fn arm(&mut self, cx: &mut Context<'_>, clock: Clock, timer: Option<&Timer>, deadline_ns: u64) {
        let source = self.armed.take().map(|armed| armed.source);
        let (at_ns, source) = match (timer, source) {
            (Some(timer), _) => {
                // Whole milliseconds: the timeouts of a core's users then share their wake-ups.
                let at_ns = deadline_ns.checked_next_multiple_of(NS_PER_MS).unwrap_or(u64::MAX);
                (at_ns, Source::Timer(timer.alarm(at_ns, cx.waker().clone())))
            }
            (None, source) => {
                let instant = clock.instant(deadline_ns);
                let mut sleep = match source {
                    Some(Source::Tokio(sleep)) => sleep,
                    _ => Box::pin(tokio::time::sleep_until(instant)),
                };
                sleep.as_mut().reset(instant);
                // A task that has used up its budget must not be refused: the sleep is not polled again.
                let registering = tokio::task::coop::unconstrained(sleep.as_mut());
                if pin!(registering).poll(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
                (deadline_ns, Source::Tokio(sleep))
            }
        };
        self.armed = Some(Armed { at_ns, waker: cx.waker().clone(), source });
    }
}

impl Armed {
    /// Whether it is yet to wake this task, and early enough.
    fn serves(&self, waker: &Waker, deadline_ns: u64) -> bool {
        self.at_ns < deadline_ns.saturating_add(NS_PER_MS)
            && self.waker.will_wake(waker)
            && !self.source.rang()
    }
}

impl Source {
    fn rang(&self) -> bool {
        match self {
            Self::Timer(alarm) => alarm.rang(),
            Self::Tokio(sleep) => sleep.is_elapsed(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timer(_) => "Timer",
            Self::Tokio(_) => "Tokio",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Poll;

    const MS: u64 = NS_PER_MS;

    async fn wait(deadline: &mut Deadline, clock: Clock, timer: Option<&Timer>, at_ns: u64) {
        let passed = |cx: &mut Context<'_>| {
            if deadline.poll_passed(cx, clock, timer, at_ns) { Poll::Ready(()) } else { Poll::Pending }
        };
        poll_fn(passed).await;
    }

    /// Runs `work` with tokio's timer and with the core's.
    async fn on_each_timer(work: impl AsyncFn(Clock, Option<&Timer>)) {
        let clock = Clock::start();
        work(clock, None).await;
        let clock = Clock::start();
        let (timer, driver) = Timer::new(clock).unwrap();
        let local = tokio::task::LocalSet::new();
        local.spawn_local(driver);
        local.run_until(work(clock, Some(&timer))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn fires_at_the_deadline_not_at_an_earlier_armed_time() {
        on_each_timer(async |clock, timer| {
            let mut deadline = Deadline::default();
            for at_ms in [10, 30, 20, 25, 100] {
                let before_ns = clock.now_ns();
                wait(&mut deadline, clock, timer, at_ms * MS).await;
                let expected_ns = before_ns.max(at_ms * MS);
                assert!((expected_ns..=expected_ns + 2 * MS).contains(&clock.now_ns()), "{at_ms}");
            }
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_deadline_does_not_move_the_timer_and_an_earlier_one_does() {
        on_each_timer(async |clock, timer| {
            let mut deadline = Deadline::default();
            poll_fn(|cx| {
                assert!(!deadline.poll_passed(cx, clock, timer, 50 * MS));
                assert!(!deadline.poll_passed(cx, clock, timer, 90 * MS));
                assert_eq!(deadline.armed.as_ref().unwrap().at_ns, 50 * MS);
                assert!(!deadline.poll_passed(cx, clock, timer, 20 * MS));
                assert_eq!(deadline.armed.as_ref().unwrap().at_ns, 20 * MS);
                Poll::Ready(())
            })
            .await;
            wait(&mut deadline, clock, timer, 90 * MS).await;
            assert!(clock.now_ns() >= 90 * MS);
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn wakes_the_task_it_is_in_now() {
        on_each_timer(async |clock, timer| {
            let mut deadline = Deadline::default();
            let at_ns = clock.now_ns() + 5 * MS;
            // Armed for a task that does not care.
            let mut elsewhere = Context::from_waker(Waker::noop());
            assert!(!deadline.poll_passed(&mut elsewhere, clock, timer, at_ns));
            let limit = std::time::Duration::from_secs(1);
            tokio::time::timeout(limit, wait(&mut deadline, clock, timer, at_ns)).await.expect("woken");
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn is_armed_when_the_task_has_used_up_its_budget() {
        on_each_timer(async |clock, timer| {
            let mut deadline = Deadline::default();
            let at_ns = clock.now_ns() + 5 * MS;
            let used_up = poll_fn(|cx| {
                while let Poll::Ready(budget) = tokio::task::coop::poll_proceed(cx) {
                    budget.made_progress();
                }
                let passed = deadline.poll_passed(cx, clock, timer, at_ns);
                Poll::Ready(passed)
            });
            assert!(!used_up.await);
            let limit = std::time::Duration::from_secs(1);
            tokio::time::timeout(limit, wait(&mut deadline, clock, timer, at_ns)).await.expect("woken");
        })
        .await;
    }
}
