//! What everything on one core shares: clocks, the timer, the recorder, the stop and the pause.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use stresshost_clock::{Clock, Timer};
use stresshost_metrics::{FindingLog, Names, Recorder};
use tokio::sync::Notify;

use crate::RunError;
use crate::limiter::Limits;

/// What a guest may use of its core.
///
/// Schedules are written in *load time*: run time without the time spent paused. While the run is paused load time
/// stands still, so nothing becomes due; what was intended for later moves as a whole.
pub struct CoreContext {
    /// 0 and up; the number of cores where no load runs, as in `setup`.
    pub index: usize,
    /// How many cores the load runs on.
    pub cores: usize,
    /// The run clock.
    pub clock: Clock,
    /// The core's timer.
    pub timer: Timer,
    /// The core's measurements. Borrow it for one call, never across an await.
    pub recorder: RefCell<Recorder>,
    /// Names of the run's operations, checks and metrics. For set-up, not for the hot path.
    pub names: Arc<Mutex<Names>>,
    /// What plugins find out about the target. Locked for each finding: they are few.
    pub findings: Arc<Mutex<FindingLog>>,
    /// Rate limits, shared by all cores.
    pub limits: Arc<Limits>,
    /// Seed of the run.
    pub seed: u64,
    /// When the load begins on the run clock; 0 until that is known.
    pub load_start_ns: Cell<u64>,
    pub(crate) vus_busy: Cell<u64>,
    /// Load time of the stop, and an instant more: what was due at the very instant of the stop was due, and may have
    /// begun already. `u64::MAX` while nobody asked for one.
    stop_load_ns: Cell<u64>,
    paused_since_ns: Cell<Option<u64>>,
    paused_total_ns: Cell<u64>,
    /// Raised on every pause, resumption, change of scale and stop.
    changed: Notify,
}

impl CoreContext {
    /// A context with its timer running on the current `LocalSet`.
    pub(crate) fn new(
        (index, cores): (usize, usize),
        clock: Clock,
        scenarios: usize,
        names: Arc<Mutex<Names>>,
        findings: Arc<Mutex<FindingLog>>,
        limits: Arc<Limits>,
        seed: u64,
    ) -> Result<Rc<Self>, RunError> {
        let (timer, driver) = Timer::new(clock).map_err(|error| RunError::Os(error.to_string()))?;
        tokio::task::spawn_local(driver);
        Ok(Rc::new(Self {
            index,
            cores,
            clock,
            timer,
            recorder: RefCell::new(Recorder::new(scenarios)),
            names,
            findings,
            limits,
            seed,
            load_start_ns: Cell::new(0),
            vus_busy: Cell::new(0),
            stop_load_ns: Cell::new(u64::MAX),
            paused_since_ns: Cell::new(None),
            paused_total_ns: Cell::new(0),
            changed: Notify::new(),
        }))
    }

    /// Load time now.
    pub(crate) fn load_now_ns(&self) -> u64 {
        self.load_ns(self.clock.now_ns())
    }

    /// Load time at an instant of the run clock that is not before the last pause. For an instant to come: the load
    /// time it will be if nobody pauses the run, and, of a run that is paused, if it went on now.
    pub(crate) fn load_ns(&self, at_ns: u64) -> u64 {
        let until_ns = self.paused_since_ns.get().map_or(at_ns, |since_ns| {
            let lead_ns = at_ns.saturating_sub(self.clock.now_ns());
            since_ns.min(at_ns).saturating_add(lead_ns)
        });
        until_ns.saturating_sub(self.paused_total_ns.get())
    }

    /// The instant of the run clock at which it will be `load_ns`, if the run is not paused before.
    pub(crate) fn run_ns(&self, load_ns: u64) -> u64 {
        load_ns.saturating_add(self.paused_total_ns.get())
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused_since_ns.get().is_some()
    }

    /// Load time at which no more iterations begin.
    pub(crate) fn stop_load_ns(&self) -> u64 {
        self.stop_load_ns.get()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop_load_ns.get() != u64::MAX
    }

    /// No more iterations begin after this instant.
    pub(crate) fn stop(&self) {
        if !self.is_stopped() {
            self.stop_load_ns.set(self.load_now_ns().saturating_add(1));
            self.wake();
        }
    }

    /// Stops load time, or lets it go on.
    pub(crate) fn pause(&self, paused: bool) {
        let now_ns = self.clock.now_ns();
        match (self.paused_since_ns.get(), paused) {
            (None, true) => self.paused_since_ns.set(Some(now_ns)),
            (Some(since_ns), false) => {
                self.paused_since_ns.set(None);
                self.paused_total_ns.set(self.paused_total_ns.get() + now_ns.saturating_sub(since_ns));
            }
            (None, false) | (Some(_), true) => return,
        }
        self.wake();
    }

    /// Lets everybody who waits for the schedule look at it again.
    pub(crate) fn wake(&self) {
        self.timer.cancel_waits();
        self.changed.notify_waiters();
    }

    /// Waits for the next [`CoreContext::wake`].
    pub(crate) fn changed(&self) -> impl Future<Output = ()> + '_ {
        self.changed.notified()
    }

    /// Waits until it is `load_ns`; the reading of the run clock by which it was. `None` when a stop, a pause or a
    /// change of scale came first: look again, and at the clock too.
    pub(crate) async fn wait_until_load(&self, load_ns: u64) -> Option<u64> {
        if self.is_stopped() {
            let now_ns = self.clock.now_ns();
            return (self.load_ns(now_ns) >= load_ns).then_some(now_ns);
        }
        if self.is_paused() {
            self.changed().await;
            return None;
        }
        let now_ns = self.timer.wait_until(self.run_ns(load_ns)).await?;
        // The run may have been paused, and even have gone on again, by the time this is awake.
        (!self.is_paused() && self.load_ns(now_ns) >= load_ns).then_some(now_ns)
    }
}

#[cfg(test)]
mod tests;
