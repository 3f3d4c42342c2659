//! Open model: one core's share of a stream's arrivals.
//!
//! Each idle virtual user claims the next arrival of the share and sleeps until it is due, so an arrival wakes just
//! the user that serves it. When every user is busy the next arrival waits unclaimed: a backlog that needs no memory,
//! because arrival times are a function of the index.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use stresshost_clock::NS_PER_S;
use stresshost_metrics::Window;

use super::{Begun, Members, Span};
use crate::MAX_RATE_CHANGES;
use crate::arrivals::Arrivals;
use crate::context::CoreContext;

/// One core's share of an open stream.
pub(crate) struct OpenShare {
    span: Span,
    members: Members,
    /// One until a person changes the rate. The last one goes on; of those before it there are as many as have arrivals
    /// that nobody has taken, up to [`MAX_RATE_CHANGES`].
    lines: RefCell<VecDeque<Line>>,
    claimed: Cell<u64>,
    /// How often a person changed something. Claims of what was not due at the last change are void.
    changes: Cell<u64>,
    /// Arrivals of the share that were due at the last change.
    due_at_change: Cell<u64>,
    /// Virtual users of the stream that may work; `None`: all, and nobody can change anything.
    wanted: Cell<Option<u64>>,
    /// Arrivals that became tickets, by scenario of the mix and window. Not all that were claimed do: the run may be
    /// stopped first.
    started: Vec<[Cell<u64>; 2]>,
    /// Arrivals of the share already counted as due.
    counted: Cell<u64>,
    /// Load time up to which they are counted.
    counted_until_ns: Cell<u64>,
    /// Of those, arrivals of the warm-up.
    counted_warm: Cell<u64>,
}

/// The arrivals of the share from a place on.
struct Line {
    /// Load time from which `arrivals` counts.
    start_ns: u64,
    /// Arrivals of the share before.
    places: u64,
    arrivals: Arrivals,
    /// The share takes `first`, `first + stride`, ... of `arrivals`.
    first: u64,
    stride: u64,
    /// Rate of a line that a person may change.
    per_s: f64,
    /// Part of an arrival that is still to come when the rate is 0.
    missing: f64,
}

impl Line {
    /// The line of a rate that a person has chosen. Its first arrival is due once what is `missing` of one has come.
    fn steady(from_ns: u64, end_ns: u64, per_s: f64, missing: f64) -> Self {
        // A conversion from f64 saturates.
        let lead_ns = if per_s > 0.0 { (missing / per_s * NS_PER_S as f64).ceil() as u64 } else { 0 };
        let start_ns = from_ns.saturating_add(lead_ns);
        let arrivals = Arrivals::steady(per_s, end_ns.saturating_sub(start_ns));
        Self { start_ns, places: 0, arrivals, first: 0, stride: 1, per_s, missing }
    }

    /// Load time at which an arrival is due.
    fn due_ns(&self, place: u64) -> u64 {
        let index = self.first.saturating_add(place.saturating_sub(self.places).saturating_mul(self.stride));
        self.start_ns.saturating_add(self.arrivals.offset_ns(index))
    }

    /// Arrivals of the share due before `at_ns`, those before the line included.
    fn due_before(&self, at_ns: u64) -> u64 {
        let of_all = self.arrivals.count_before(at_ns.saturating_sub(self.start_ns));
        self.places + of_all.saturating_sub(self.first).div_ceil(self.stride)
    }

    /// What is missing of the next arrival of all cores at `now_ns`, those that are due at that very instant being
    /// gone. Kept when the rate changes, so that changing it often neither adds arrivals nor loses them.
    fn missing_at(&self, now_ns: u64) -> f64 {
        if self.per_s <= 0.0 {
            return self.missing;
        }
        let come = |ns: u64| ns as f64 / NS_PER_S as f64 * self.per_s;
        let Some(since_ns) = now_ns.checked_sub(self.start_ns) else { return come(self.start_ns - now_ns) };
        (self.arrivals.count_before(since_ns + 1) as f64 - come(since_ns)).clamp(0.0, 1.0)
    }
}

impl OpenShare {
    pub(super) fn new(span: Span, arrivals: Arrivals, members: Members) -> Self {
        let (first, stride) = (members.first, members.sharers().max(1));
        let line =
            Line { start_ns: span.start_ns, places: 0, arrivals, first, stride, per_s: 0.0, missing: 0.0 };
        let started = span.scenarios.iter().map(|_| [Cell::new(0), Cell::new(0)]).collect();
        Self {
            span,
            members,
            lines: RefCell::new(VecDeque::from([line])),
            claimed: Cell::new(0),
            changes: Cell::new(0),
            due_at_change: Cell::new(0),
            wanted: Cell::new(None),
            started,
            counted: Cell::new(0),
            counted_until_ns: Cell::new(0),
            counted_warm: Cell::new(0),
        }
    }

    /// A share whose rate and number of virtual users a person may change.
    pub(super) fn steered(span: Span, rate_per_s: f64, members: Members, wanted: u64) -> Self {
        let arrivals = Arrivals::steady(rate_per_s, span.end_ns.saturating_sub(span.start_ns));
        let share = Self::new(span, arrivals, members);
        share.lines.borrow_mut().iter_mut().for_each(|line| line.per_s = rate_per_s);
        share.wanted.set(Some(wanted));
        share
    }

    pub(super) const fn end_ns(&self) -> u64 {
        self.span.end_ns
    }

    /// Changes the number of virtual users that may work.
    pub(super) fn scale(&self, core: &CoreContext, vus: u64) {
        if self.wanted.get().is_some() {
            self.wanted.set(Some(vus));
            // Those who may no longer work must not hold what others could take.
            self.void_claims(self.due_before(core.load_now_ns().saturating_add(1)));
        }
    }

    /// Changes the rate from now on. What became due before stays due.
    pub(super) fn scale_rate(&self, core: &CoreContext, rate_per_s: f64) {
        // After a stop nothing becomes due at any rate.
        if self.wanted.get().is_none() || core.is_stopped() {
            return;
        }
        let now_ns = core.load_now_ns();
        let begun = now_ns >= self.span.start_ns;
        if begun {
            self.count_due(core, now_ns);
        }
        // What is due at this very instant is; the new line begins an instant later.
        let (from_ns, due) = if begun {
            (now_ns.saturating_add(1), self.due_before(now_ns.saturating_add(1)))
        } else {
            (self.span.start_ns, 0)
        };
        let mut lines = self.lines.borrow_mut();
        let missing = lines.back().filter(|_| begun).map_or(0.0, |line| line.missing_at(now_ns));
        // What has arrivals that were due and not taken stays, and the rest goes.
        while lines.back().is_some_and(|line| line.places >= due) && lines.pop_back().is_some() {}
        if lines.len() >= MAX_RATE_CHANGES {
            lines.pop_front();
        }
        let (first, stride) = (self.members.first, self.members.sharers().max(1));
        let line = Line::steady(from_ns, self.span.end_ns, rate_per_s, missing);
        lines.push_back(Line { places: due, first, stride, ..line });
        drop(lines);
        self.void_claims(due);
    }

    /// Load time at which an arrival of the share is due. Places are asked for in ascending order.
    fn due_ns(&self, place: u64) -> u64 {
        let mut lines = self.lines.borrow_mut();
        while lines.get(1).is_some_and(|line| line.places <= place) {
            lines.pop_front();
        }
        lines.front().map_or(u64::MAX, |line| line.due_ns(place))
    }

    /// Arrivals of the share due before `at_ns`, which lies on the last line.
    fn due_before(&self, at_ns: u64) -> u64 {
        self.lines.borrow().back().map_or(0, |line| line.due_before(at_ns))
    }

    /// Makes claims of what is not among the first `due` arrivals void.
    fn void_claims(&self, due: u64) {
        self.claimed.set(self.claimed.get().min(due));
        self.due_at_change.set(due);
        self.changes.set(self.changes.get() + 1);
    }

    pub(super) async fn next(&self, user: u64, core: &CoreContext, mut now_ns: u64) -> Option<Begun> {
        loop {
            if core.is_stopped() || core.load_ns(now_ns) >= self.span.end_ns {
                return None;
            }
            let place = self.claimed.get();
            let due_ns = self.due_ns(place);
            let is_wanted = self.wanted.get().is_none_or(|wanted| user < wanted);
            if is_wanted && due_ns < self.span.end_ns {
                self.claimed.set(place + 1);
                if let Some(begun) = self.wait_for(place, due_ns, core, now_ns).await {
                    return Some(begun);
                }
            } else if self.wanted.get().is_none() {
                return None;
            } else {
                // There is nothing to do for it, until the end or until a person changes that.
                core.wait_until_load(self.span.end_ns).await;
            }
            now_ns = core.clock.now_ns();
        }
    }

    /// Waits for a claimed arrival; `None` when the run is stopped or the claim is void.
    async fn wait_for(&self, place: u64, due_ns: u64, core: &CoreContext, mut now_ns: u64) -> Option<Begun> {
        let changes = self.changes.get();
        let waits = due_ns > core.load_ns(now_ns);
        while due_ns > core.load_ns(now_ns) || core.is_paused() {
            let reached_ns = core.wait_until_load(due_ns).await;
            let is_void = self.changes.get() != changes && place >= self.due_at_change.get();
            // A run that is stopped while it is paused begins nothing more.
            if is_void || (core.is_stopped() && core.is_paused()) || due_ns >= core.stop_load_ns() {
                return None;
            }
            now_ns = reached_ns.unwrap_or_else(|| core.clock.now_ns());
        }
        // The stop may lie before the due time although both have passed by the time this user is awake.
        if due_ns >= core.stop_load_ns() {
            return None;
        }
        let number = self.members.first + place * self.members.sharers().max(1);
        let ticket = self.span.ticket(core, number, due_ns);
        let index = self.span.scenarios.iter().position(|scenario| *scenario == ticket.scenario);
        if let Some(started) = index.and_then(|index| self.started.get(index)) {
            let started = &started[ticket.window as usize];
            started.set(started.get() + 1);
        }
        let mut recorder = core.recorder.borrow_mut();
        recorder.iteration_started(ticket.scenario, ticket.window);
        if waits {
            recorder.own_lag(ticket.window, core.load_ns(now_ns).saturating_sub(due_ns));
        }
        Some(Begun { ticket, at_ns: now_ns })
    }

    /// Counts what has become due by `now_ns` in load time, that instant included, and was not counted yet.
    pub(super) fn count_due(&self, core: &CoreContext, now_ns: u64) {
        let until_ns = now_ns.saturating_add(1).min(self.span.end_ns).min(core.stop_load_ns());
        let warmup_end_ns = self.span.warmup_end_ns;
        let (from, to) = (self.counted.get(), self.due_before(until_ns));
        let from_ns = self.counted_until_ns.replace(until_ns);
        if to <= from {
            return;
        }
        // Arrivals never decrease, so those of the warm-up come first. Far places are dear to look up, so the end of the
        // warm-up is, only when it lies in between.
        let warm = match (from_ns >= warmup_end_ns, until_ns <= warmup_end_ns) {
            (true, _) => 0,
            (false, true) => to - from,
            (false, false) => self.due_before(warmup_end_ns).clamp(from, to) - from,
        };
        let windows = [(Window::Warmup, from..from + warm), (Window::Measured, from + warm..to)];
        let mut recorder = core.recorder.borrow_mut();
        for (window, places) in windows {
            for scenario in &self.span.scenarios {
                let count = self.count_of(*scenario, places.clone());
                if count > 0 {
                    recorder.iterations_due(*scenario, window, count);
                }
            }
        }
        self.counted.set(to);
        self.counted_warm.set(self.counted_warm.get() + warm);
    }

    /// Counts what was due and never started. Call once, when no virtual user takes tickets any more.
    pub(super) fn count_dropped(&self, core: &CoreContext) {
        // Every user may be gone before the end: what the schedule still called for was due, unless it was stopped.
        self.count_due(core, u64::MAX);
        let (due, warm) = (self.counted.get(), self.counted_warm.get());
        let mut recorder = core.recorder.borrow_mut();
        for (scenario, started) in self.span.scenarios.iter().zip(&self.started) {
            for (window, places) in [(Window::Warmup, 0..warm), (Window::Measured, warm..due)] {
                let due = self.count_of(*scenario, places);
                let dropped = due.saturating_sub(started[window as usize].get());
                if dropped > 0 {
                    recorder.iterations_dropped(*scenario, window, dropped);
                }
            }
        }
    }

    /// How many arrivals of the share at these places belong to a scenario.
    fn count_of(&self, scenario: u16, places: std::ops::Range<u64>) -> u64 {
        let (first, stride) = (self.members.first, self.members.sharers().max(1));
        self.span.mix.count_of(scenario, first, stride, places)
    }
}

#[cfg(test)]
mod tests;
