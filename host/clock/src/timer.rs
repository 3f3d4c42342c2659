//! A precise timer for one core.
//!
//! tokio's timer wheel rounds up to the next millisecond, which at 20,000 arrivals a second would be 20 arrivals
//! late. On Linux this timer sleeps on a `timerfd` instead (nanosecond resolution); elsewhere, and on a paused test
//! clock, it falls back to tokio's.
//!
//! All sleepers of a core share one kernel timer: a queue of deadlines, and one driver task that wakes every due one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use crate::Clock;

/// The timer of one core; clone it freely within that core.
#[derive(Clone)]
pub struct Timer {
    shared: Rc<Shared>,
}

struct Shared {
    clock: Clock,
    sleepers: RefCell<Sleepers>,
    /// Raised when a sleeper earlier than the armed deadline was added.
    earlier: Notify,
    /// How often waits were cancelled; a wait that began before the last time is over.
    cancellations: Cell<u64>,
    /// Whoever slept until this time or an earlier one was woken.
    woken_ns: Cell<u64>,
}

/// A deadline, and a number that keeps sleepers with equal deadlines in the order they came.
type Place = (u64, u64);

/// Who sleeps until when. A sleep that is dropped leaves it, so it holds no more than there are sleeps: timeouts that
/// hardly ever come due would otherwise pile up for as long as they are.
type Queue = BTreeMap<Place, Sleeper>;

#[derive(Default)]
struct Sleepers {
    queue: Queue,
    /// Deadline the driver is waiting for; `u64::MAX` when it waits for nothing.
    armed_ns: u64,
    sequence: u64,
}

struct Sleeper {
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
            shared: Rc::new(Shared {
                clock,
                sleepers: RefCell::new(Sleepers { armed_ns: u64::MAX, ..Sleepers::default() }),
                earlier: Notify::new(),
                cancellations: Cell::new(0),
                woken_ns: Cell::new(0),
            }),
        };
        let driver = drive(timer.clone(), source);
        Ok((timer, driver))
    }

    /// Sleeps until `at_ns` on the run clock; returns at once when that is past.
    pub fn sleep_until(&self, at_ns: u64) -> impl Future<Output = ()> + use<> {
        let sleep = self.sleep(at_ns, false);
        async move {
            let _: Option<u64> = sleep.await;
        }
    }

    /// Waits until `at_ns` or until the next [`Timer::cancel_waits`]. The reading of the clock by which `at_ns` was
    /// reached, so that who wakes need not take another; `None` when it was not.
    pub fn wait_until(&self, at_ns: u64) -> impl Future<Output = Option<u64>> + use<> {
        self.sleep(at_ns, true)
    }

    /// Wakes `waker` at `at_ns`, once, unless the alarm is dropped before.
    pub fn alarm(&self, at_ns: u64, waker: Waker) -> Alarm {
        let shared = Rc::clone(&self.shared);
        let place = shared.enqueue(at_ns, Sleeper { cancellable: false, waker });
        Alarm { shared, place }
    }

    /// Ends every [`Timer::wait_until`] that was made before; sleeps go on.
    pub fn cancel_waits(&self) {
        self.shared.cancellations.set(self.shared.cancellations.get().wrapping_add(1));
        let queue = std::mem::take(&mut self.shared.sleepers.borrow_mut().queue);
        let (waits, sleeps): (Queue, Queue) = queue.into_iter().partition(|(_, sleeper)| sleeper.cancellable);
        self.shared.sleepers.borrow_mut().queue = sleeps;
        for sleeper in waits.into_values() {
            sleeper.waker.wake();
        }
    }

    fn sleep(&self, at_ns: u64, cancellable: bool) -> Sleep {
        let cancellations = self.shared.cancellations.get();
        Sleep { timer: self.clone(), at_ns, cancellable, cancellations, place: None }
    }

    /// Wakes every due sleeper and returns the next deadline.
    fn wake_due(&self) -> Option<u64> {
        let now_ns = self.shared.clock.now_ns();
        self.shared.woken_ns.set(now_ns);
        while let Some(waker) = self.take_due(now_ns) {
            waker.wake();
        }
        let mut sleepers = self.shared.sleepers.borrow_mut();
        let next_ns = sleepers.queue.first_key_value().map(|((at_ns, _), _)| *at_ns);
        sleepers.armed_ns = next_ns.unwrap_or(u64::MAX);
        next_ns
    }

    /// The first sleeper if it is due. The queue is free again before its waker is called or dropped.
    fn take_due(&self, now_ns: u64) -> Option<Waker> {
        let mut sleepers = self.shared.sleepers.borrow_mut();
        let first = sleepers.queue.first_entry().filter(|entry| entry.key().0 <= now_ns)?;
        Some(first.remove().waker)
    }
}

impl Shared {
    fn enqueue(&self, at_ns: u64, sleeper: Sleeper) -> Place {
        let mut sleepers = self.sleepers.borrow_mut();
        sleepers.sequence += 1;
        let place = (at_ns, sleepers.sequence);
        sleepers.queue.insert(place, sleeper);
        if at_ns < sleepers.armed_ns {
            self.earlier.notify_one();
        }
        place
    }

    fn dequeue(&self, place: Place) {
        let left = self.sleepers.borrow_mut().queue.remove(&place);
        // Only now that the queue is free: dropping a waker can drop a task, and with it other sleeps.
        drop(left);
    }
}

/// Wakes a task at a time. Unlike a sleep it need not be polled: whether it rang is asked without reading the clock.
pub struct Alarm {
    shared: Rc<Shared>,
    place: Place,
}

impl Alarm {
    /// Whether its time has come and its waker was woken.
    pub fn rang(&self) -> bool {
        self.shared.woken_ns.get() >= self.place.0
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.shared.dequeue(self.place);
    }
}

/// One sleep; the reading by which its deadline was reached, `None` when it was cancelled.
struct Sleep {
    timer: Timer,
    at_ns: u64,
    cancellable: bool,
    /// Cancellations when it was made.
    cancellations: u64,
    place: Option<Place>,
}

impl Sleep {
    fn enqueue(&mut self, waker: &Waker) {
        let shared = &self.timer.shared;
        let mut sleepers = shared.sleepers.borrow_mut();
        if let Some(sleeper) = self.place.and_then(|place| sleepers.queue.get_mut(&place)) {
            // The sleep may have moved to another task since it was queued.
            let old = (!sleeper.waker.will_wake(waker))
                .then(|| std::mem::replace(&mut sleeper.waker, waker.clone()));
            drop(sleepers);
            drop(old);
            return;
        }
        drop(sleepers);
        let sleeper = Sleeper { cancellable: self.cancellable, waker: waker.clone() };
        self.place = Some(shared.enqueue(self.at_ns, sleeper));
    }
}

impl Future for Sleep {
    type Output = Option<u64>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        let now_ns = self.timer.shared.clock.now_ns();
        if now_ns >= self.at_ns {
            return Poll::Ready(Some(now_ns));
        }
        if self.cancellable && self.timer.shared.cancellations.get() != self.cancellations {
            return Poll::Ready(None);
        }
        self.enqueue(cx.waker());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.timer.shared.dequeue(place);
        }
    }
}

async fn drive(timer: Timer, mut source: Source) {
    loop {
        let next_ns = timer.wake_due();
        tokio::select! {
            biased;
            () = timer.shared.earlier.notified() => {}
            () = source.wait(timer.shared.clock, next_ns) => {}
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
        if clock.follows_tokio() {
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
            assert_eq!(wait.await.expect("waiter"), None);
            assert!(clock.now_ns() < hour_ns);
            sleep.await.expect("sleeper");
            assert!(clock.now_ns() >= hour_ns);
            let now_ns = clock.now_ns();
            assert_eq!(timer.wait_until(hour_ns).await, Some(now_ns), "what is past was reached");
            let reached_ns = timer.wait_until(2 * hour_ns).await.expect("a wait made later is not cancelled");
            assert_eq!(reached_ns, clock.now_ns());
        });
        run.await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_sleep_leaves_the_queue() {
        let clock = Clock::start();
        let local = tokio::task::LocalSet::new();
        let run = local.run_until(async {
            let (timer, driver) = Timer::new(clock).expect("timer");
            tokio::task::spawn_local(driver);
            for round in 1..=1_000_u64 {
                let hour_ns = 3_600_000_000_000;
                tokio::select! {
                    biased;
                    () = timer.sleep_until(hour_ns) => panic!("an hour has not passed"),
                    () = timer.sleep_until(round * 1_000_000) => {}
                }
                assert!(timer.shared.sleepers.borrow().queue.is_empty(), "round {round}");
            }
        });
        run.await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_wakes_once_and_leaves_the_queue_when_dropped() {
        let clock = Clock::start();
        let local = tokio::task::LocalSet::new();
        let run = local.run_until(async {
            let (timer, driver) = Timer::new(clock).expect("timer");
            tokio::task::spawn_local(driver);
            let waker = |task: &std::sync::Arc<Counter>| Waker::from(std::sync::Arc::clone(task));
            let (due, dropped) = (std::sync::Arc::default(), std::sync::Arc::default());
            let alarm = timer.alarm(5_000_000, waker(&due));
            drop(timer.alarm(5_000_000, waker(&dropped)));
            assert!(!alarm.rang());
            timer.sleep_until(4_000_000).await;
            assert!(!alarm.rang());
            timer.cancel_waits();
            timer.sleep_until(9_000_000).await;
            assert!(alarm.rang());
            let woken = |task: &Counter| task.0.load(std::sync::atomic::Ordering::Relaxed);
            assert_eq!((woken(&due), woken(&dropped)), (1, 0));
            assert!(timer.shared.sleepers.borrow().queue.is_empty());
        });
        run.await;
    }

    #[derive(Default)]
    struct Counter(std::sync::atomic::AtomicUsize);

    impl std::task::Wake for Counter {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_that_moved_wakes_the_task_it_is_in() {
        let clock = Clock::start();
        let local = tokio::task::LocalSet::new();
        let run = local.run_until(async {
            let (timer, driver) = Timer::new(clock).expect("timer");
            tokio::task::spawn_local(driver);
            let mut sleep = Box::pin(timer.sleep_until(5_000_000));
            // Queued here, awaited in another task.
            assert!(sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            let moved = tokio::task::spawn_local(sleep);
            tokio::time::timeout(std::time::Duration::from_secs(1), moved)
                .await
                .expect("woken")
                .expect("joined");
        });
        run.await;
    }
}
