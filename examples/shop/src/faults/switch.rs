//! The faults in force: set live, consulted once per request.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use stresshost_clock::{Clock, NS_PER_MS, NS_PER_S};

use super::{Faults, Outcome};

/// The faults in force.
pub(crate) struct Switch {
    clock: Clock,
    seed: u64,
    /// False while no fault is set, so that a healthy shop takes no lock.
    active: AtomicBool,
    current: RwLock<Arc<Setting>>,
    /// Time on `clock` until which all requests wait. Outlives a change of the faults.
    stalled_until_ns: AtomicU64,
}

/// One setting of the faults with the requests counted under it.
struct Setting {
    faults: Faults,
    arrived: AtomicU64,
    /// When the next request would conform if all came evenly spaced: the state of the rate limit
    /// (GCRA, ITU-T I.371).
    next_conforming_ns: AtomicU64,
}

/// What the faults decide when a request arrives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Arrival {
    Served(Outcome),
    /// Over the rate limit; seconds until a request conforms again.
    Limited {
        retry_after_s: u64,
    },
}

impl Switch {
    pub(crate) fn new(clock: Clock, seed: u64, faults: Faults) -> Self {
        Self {
            clock,
            seed,
            active: AtomicBool::new(faults != Faults::default()),
            current: RwLock::new(Arc::new(Setting::new(faults))),
            stalled_until_ns: AtomicU64::new(0),
        }
    }

    /// Puts valid faults in force for the requests that arrive from now on, and counts those from 1.
    pub(crate) fn set(&self, faults: Faults) {
        let active = faults != Faults::default();
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Setting::new(faults));
        self.active.store(active, Ordering::Release);
    }

    pub(crate) fn faults(&self) -> Faults {
        self.setting().faults.clone()
    }

    fn setting(&self) -> Arc<Setting> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes all requests wait until `duration` from now, or longer if a longer stall is under way.
    pub(crate) fn stall(&self, duration: Duration) {
        let duration_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let until_ns = self.clock.now_ns().saturating_add(duration_ns);
        self.stalled_until_ns.fetch_max(until_ns, Ordering::AcqRel);
    }

    /// Returns when no stall is under way.
    pub(crate) async fn wait_out_stall(&self) {
        loop {
            let until_ns = self.stalled_until_ns.load(Ordering::Acquire);
            if until_ns == 0 || until_ns <= self.clock.now_ns() {
                return;
            }
            self.clock.sleep_until_ns(until_ns).await;
        }
    }

    /// Counts a request and decides what happens to it.
    pub(crate) fn arrive(&self) -> Arrival {
        if !self.active.load(Ordering::Acquire) {
            return Arrival::Served(Outcome::NONE);
        }
        let setting = self.setting();
        let number = setting.arrived.fetch_add(1, Ordering::Relaxed) + 1;
        if setting.faults.stall_at_request == Some(number) {
            self.stall(Duration::from_secs_f64(setting.faults.stall_ms / 1000.0));
        }
        if let Some(rate) = setting.faults.rate_limit
            && let Err(wait_ns) = setting.conform(rate, self.clock.now_ns())
        {
            return Arrival::Limited { retry_after_s: wait_ns.div_ceil(NS_PER_S) };
        }
        Arrival::Served(setting.faults.outcome(self.seed, number))
    }
}

impl Setting {
    fn new(faults: Faults) -> Self {
        Self { faults, arrived: AtomicU64::new(0), next_conforming_ns: AtomicU64::new(0) }
    }

    /// Admits a request at `now_ns`, or tells how many nanoseconds until one would be admitted.
    fn conform(&self, rate: u32, now_ns: u64) -> Result<(), u64> {
        let interval_ns = NS_PER_S / u64::from(rate.max(1));
        // With this tolerance, one second's worth of requests conforms at once after a quiet second.
        let tolerance_ns = interval_ns * u64::from(rate.saturating_sub(1));
        let admit = |next_ns: u64| {
            let due_ns = next_ns.max(now_ns);
            (due_ns - now_ns <= tolerance_ns).then_some(due_ns + interval_ns)
        };
        match self.next_conforming_ns.fetch_update(Ordering::AcqRel, Ordering::Acquire, admit) {
            Ok(_) => Ok(()),
            Err(next_ns) => Err(next_ns.saturating_sub(now_ns).saturating_sub(tolerance_ns)),
        }
    }
}

/// A wait in milliseconds as a `Duration`, exact to the nanosecond.
pub(crate) fn wait(ms: f64) -> Duration {
    Duration::from_nanos((ms.max(0.0) * NS_PER_MS as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Latency;

    fn switch(faults: Faults) -> Switch {
        Switch::new(Clock::start(), 42, faults)
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_limit_admits_exactly_its_rate() {
        let switch = switch(Faults { rate_limit: Some(3), ..Faults::default() });
        let admitted = |n: usize| (0..n).filter(|_| matches!(switch.arrive(), Arrival::Served(_))).count();
        assert_eq!(admitted(10), 3);
        assert_eq!(switch.arrive(), Arrival::Limited { retry_after_s: 1 });
        tokio::time::sleep(Duration::from_millis(334)).await;
        assert_eq!(admitted(10), 1);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(admitted(10), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_limit_holds_over_time() {
        let switch = switch(Faults { rate_limit: Some(7), ..Faults::default() });
        let mut admitted = 0;
        for _ in 0..10_000 {
            admitted += u32::from(matches!(switch.arrive(), Arrival::Served(_)));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Ten seconds of seven, and the second's worth that may come at once.
        assert!((76..=77).contains(&admitted), "{admitted}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_nth_request_stalls_everything_once() {
        let switch = switch(Faults { stall_at_request: Some(3), stall_ms: 500.0, ..Faults::default() });
        let clock = switch.clock;
        for (number, expected_ns) in [(1, 0), (2, 0), (3, 500 * NS_PER_MS), (4, 500 * NS_PER_MS)] {
            switch.arrive();
            switch.wait_out_stall().await;
            assert_eq!(clock.now_ns(), expected_ns, "request {number}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_longer_stall_wins() {
        let switch = switch(Faults::default());
        switch.stall(Duration::from_millis(200));
        switch.stall(Duration::from_millis(100));
        switch.set(Faults::default());
        switch.wait_out_stall().await;
        assert_eq!(switch.clock.now_ns(), 200 * NS_PER_MS);
    }

    #[tokio::test(start_paused = true)]
    async fn setting_faults_counts_from_one_again() {
        let latency = Latency::Uniform { min_ms: 0.0, max_ms: 100.0 };
        let faults = Faults { latency, error_rate: 0.3, ..Faults::default() };
        let switch = switch(faults.clone());
        let take = || (0..50).map(|_| switch.arrive()).collect::<Vec<_>>();
        let first = take();
        assert_ne!(first, take());
        switch.set(faults.clone());
        assert_eq!(first, take());
        let foretold: Vec<_> = (1..=50).map(|number| Arrival::Served(faults.outcome(42, number))).collect();
        assert_eq!(first, foretold);
        switch.set(Faults::default());
        assert_eq!(switch.arrive(), Arrival::Served(Outcome::NONE));
    }

    #[test]
    fn waits_convert_exactly() {
        assert_eq!(wait(1.5), Duration::from_micros(1500));
        assert_eq!(wait(-1.0), Duration::ZERO);
        assert_eq!(wait(f64::NAN), Duration::ZERO);
    }
}
