//! A precise timer for one core.
//!
//! tokio's timer wheel rounds up to the next millisecond, which at 20,000 arrivals a second would be 20 arrivals
//! late. On Linux this timer sleeps on a `timerfd` instead (nanosecond resolution); elsewhere, and on a paused test
//! clock, it falls back to tokio's.
//!
//! All sleepers of a core share one kernel timer: a heap of deadlines, and one driver task that wakes every due one.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use crate::Clock;

/// The timer of one core; clone it freely within that core.
#[derive(Clone)]
pub struct Timer {
    clock: Clock,
    shared: Rc<Shared>,
}

struct Shared {
    sleepers: RefCell<Sleepers>,
    /// Raised when a sleeper earlier than the armed deadline was added.
    earlier: Notify,
    cancelled: Cell<bool>,
}

#[derive(Default)]
struct Sleepers {
    heap: BinaryHeap<Reverse<Sleeper>>,
    /// Deadline the driver is waiting for; `u64::MAX` when it waits for nothing.
    armed_ns: u64,
    sequence: u64,
}

struct Sleeper {
    at_ns: u64,
    /// Keeps sleepers with equal deadlines in the order they came.
    sequence: u64,
    cancellable: bool,
    waker: Waker,
}

/// The kernel refused a timer.
#[derive(Debug, thiserror::Error)]
#[error("cannot create a timer: {0}")]
pub struct TimerError(#[from] std::io::Error);

impl Timer {
    /// A timer over `clock`, and the driver that must be spawned on the same core for it to work.
    ///
    /// # Errors
    /// When the kernel refuses a timer descriptor.
    pub fn new(clock: Clock) -> Result<(Self, impl Future<Output = ()>), TimerError> {
        let source = Source::new(clock)?;
        let timer = Self {
            clock,
            shared: Rc::new(Shared {
                sleepers: RefCell::new(Sleepers { armed_ns: u64::MAX, ..Sleepers::default() }),
                earlier: Notify::new(),
                cancelled: Cell::new(false),
            }),
        };
        let driver = drive(timer.clone(), source);
        Ok((timer, driver))
    }

    /// Sleeps until `at_ns` on the run clock; returns at once when that is past.
    pub fn sleep_until(&self, at_ns: u64) -> impl Future<Output = ()> + use<> {
        let timer = self.clone();
        let mut queued = false;
        poll_fn(move |cx: &mut Context<'_>| {
            if timer.clock.now_ns() >= at_ns {
                return Poll::Ready(());
            }
            // A spurious wake of the task leaves the queued waker good: it wakes the same task.
            if !queued {
                timer.add(at_ns, false, cx.waker().clone());
                queued = true;
            }
            Poll::Pending
        })
    }

    /// Waits until `at_ns` or until [`Timer::cancel_waits`]; true when `at_ns` was reached.
    pub fn wait_until(&self, at_ns: u64) -> impl Future<Output = bool> + use<> {
        let timer = self.clone();
        let mut queued = false;
        poll_fn(move |cx: &mut Context<'_>| {
            if timer.clock.now_ns() >= at_ns {
                return Poll::Ready(true);
            }
            if timer.shared.cancelled.get() {
                return Poll::Ready(false);
            }
            if !queued {
                timer.add(at_ns, true, cx.waker().clone());
                queued = true;
            }
            Poll::Pending
        })
    }

    /// Ends every [`Timer::wait_until`], now and later; sleeps go on.
    pub fn cancel_waits(&self) {
        self.shared.cancelled.set(true);
        let mut sleepers = self.shared.sleepers.borrow_mut();
        for Reverse(sleeper) in std::mem::take(&mut sleepers.heap) {
            if sleeper.cancellable {
                sleeper.waker.wake();
            } else {
                sleepers.heap.push(Reverse(sleeper));
            }
        }
    }

    fn add(&self, at_ns: u64, cancellable: bool, waker: Waker) {
        let mut sleepers = self.shared.sleepers.borrow_mut();
        sleepers.sequence += 1;
        let sequence = sleepers.sequence;
        sleepers.heap.push(Reverse(Sleeper { at_ns, sequence, cancellable, waker }));
        if at_ns < sleepers.armed_ns {
            self.shared.earlier.notify_one();
        }
    }

    /// Wakes every due sleeper and returns the next deadline.
    fn wake_due(&self) -> Option<u64> {
        let now_ns = self.clock.now_ns();
        let mut sleepers = self.shared.sleepers.borrow_mut();
        while let Some(first_ns) = sleepers.heap.peek().map(|Reverse(first)| first.at_ns) {
            if first_ns > now_ns {
                sleepers.armed_ns = first_ns;
                return Some(first_ns);
            }
            if let Some(Reverse(due)) = sleepers.heap.pop() {
                due.waker.wake();
            }
        }
        sleepers.armed_ns = u64::MAX;
        None
    }
}

async fn drive(timer: Timer, mut source: Source) {
    loop {
        let next_ns = timer.wake_due();
        tokio::select! {
            () = timer.shared.earlier.notified() => {}
            () = source.wait(timer.clock, next_ns) => {}
        }
    }
}

/// What the driver waits on.
enum Source {
    #[cfg(target_os = "linux")]
    Kernel(tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>),
    Tokio,
}

impl Source {
    #[cfg(target_os = "linux")]
    fn new(clock: Clock) -> Result<Self, TimerError> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        if clock_is_paused(clock) {
            return Ok(Self::Tokio);
        }
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd = timerfd_create(TimerfdClockId::Monotonic, flags).map_err(std::io::Error::from)?;
        register(fd).map(Self::Kernel)
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, reason = "the kernel timer of Linux can fail")]
    fn new(_clock: Clock) -> Result<Self, TimerError> {
        Ok(Self::Tokio)
    }

    async fn wait(&mut self, clock: Clock, next_ns: Option<u64>) {
        let Some(next_ns) = next_ns else { return std::future::pending().await };
        match self {
            #[cfg(target_os = "linux")]
            Self::Kernel(fd) => wait_kernel(fd, next_ns.saturating_sub(clock.now_ns())).await,
            Self::Tokio => clock.sleep_until_ns(next_ns).await,
        }
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "tokio asks callers to vouch for the descriptor's life")]
fn register(fd: std::os::fd::OwnedFd) -> Result<tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>, TimerError> {
    // SAFETY: an `OwnedFd` is open, always answers the same descriptor, and is moved into the `AsyncFd`, which keeps
    // it until it is dropped. `wakes_in_order_on_the_kernel_timer` runs this.
    let registered =
        unsafe { tokio::io::unix::AsyncFd::register_with_interest(fd, tokio::io::Interest::READABLE) };
    Ok(registered.map_err(std::io::Error::from)?)
}

/// Whether tokio's clock is paused: then a real sleep would never end.
///
/// A paused clock stands still between two reads however long they lie apart; a running one moves.
#[cfg(target_os = "linux")]
fn clock_is_paused(clock: Clock) -> bool {
    let first_ns = clock.now_ns();
    for _ in 0..64 {
        if clock.now_ns() != first_ns {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

#[cfg(target_os = "linux")]
async fn wait_kernel(fd: &tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>, delay_ns: u64) {
    use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
    // A zero value would disarm the timer.
    let delay_ns = delay_ns.max(1);
    let it_value = Timespec {
        tv_sec: i64::try_from(delay_ns / crate::NS_PER_S).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(delay_ns % crate::NS_PER_S).unwrap_or(0),
    };
    let spec = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
    if timerfd_settime(fd.get_ref(), TimerfdTimerFlags::empty(), &spec).is_err() {
        return tokio::task::yield_now().await;
    }
    let mut expirations = [0_u8; 8];
    // Each attempt clears readiness when the read would block, so the loop ends with the timer's expiry.
    while let Ok(mut ready) = fd.readable().await {
        let read = ready.try_io(|inner| Ok(rustix::io::read(inner.get_ref(), &mut expirations)?));
        if read.is_ok() {
            return;
        }
    }
}

// === impl Sleeper ===

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Sleeper {}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ns, self.sequence).cmp(&(other.at_ns, other.sequence))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    async fn order_of(deadlines_ns: &[u64]) -> Vec<u64> {
        let clock = Clock::start();
        let local = tokio::task::LocalSet::new();
        local
            .run_until(async {
                let (timer, driver) = Timer::new(clock).expect("timer");
                tokio::task::spawn_local(driver);
                let order = Rc::new(RefCell::new(Vec::new()));
                let tasks: Vec<_> = deadlines_ns
                    .iter()
                    .map(|&at_ns| {
                        let (timer, order) = (timer.clone(), Rc::clone(&order));
                        tokio::task::spawn_local(async move {
                            timer.sleep_until(at_ns).await;
                            assert!(clock.now_ns() >= at_ns, "woken early");
                            order.borrow_mut().push(at_ns);
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await.expect("sleeper");
                }
                Rc::try_unwrap(order).expect("all sleepers done").into_inner()
            })
            .await
    }

    #[tokio::test]
    async fn wakes_in_order_on_the_kernel_timer() {
        assert_eq!(
            order_of(&[3_000_000, 1_000_000, 2_000_000, 1]).await,
            [1, 1_000_000, 2_000_000, 3_000_000]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn wakes_in_order_on_a_paused_clock() {
        let hour_ns = 3_600_000_000_000;
        assert_eq!(order_of(&[2 * hour_ns, hour_ns]).await, [hour_ns, 2 * hour_ns]);
    }

    #[tokio::test(start_paused = true)]
    async fn cancelling_ends_waits_but_not_sleeps() {
        let clock = Clock::start();
        let local = tokio::task::LocalSet::new();
        let run = local.run_until(async {
            let (timer, driver) = Timer::new(clock).expect("timer");
            tokio::task::spawn_local(driver);
            let hour_ns = 3_600_000_000_000;
            let wait = tokio::task::spawn_local(timer.wait_until(hour_ns));
            let sleep = tokio::task::spawn_local(timer.sleep_until(hour_ns));
            timer.sleep_until(5).await;
            timer.cancel_waits();
            assert!(!wait.await.expect("waiter"));
            assert!(clock.now_ns() < hour_ns);
            sleep.await.expect("sleeper");
            assert!(clock.now_ns() >= hour_ns);
            assert!(timer.wait_until(hour_ns).await, "what is past was reached");
        });
        run.await;
    }
}
