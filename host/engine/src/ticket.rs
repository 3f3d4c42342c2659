//! One iteration to do, and where a virtual user gets its tickets from.

use std::cell::Cell;
use std::rc::Rc;

use stresshost_metrics::Window;

use crate::arrivals::Arrivals;
use crate::core::CoreContext;

/// One iteration to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Index of the scenario in the plan.
    pub scenario: u16,
    /// Number within the scenario, unique over all cores.
    pub number: u64,
    /// Warm-up or measured, by the intended start.
    pub window: Window,
    /// When it should start, in nanoseconds on the run clock.
    pub intended_ns: u64,
}

/// When a scenario runs, on the run clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) scenario: u16,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) warmup_end_ns: u64,
}

impl Span {
    pub(crate) const fn window(&self, intended_ns: u64) -> Window {
        if intended_ns < self.warmup_end_ns { Window::Warmup } else { Window::Measured }
    }

    const fn ticket(&self, number: u64, intended_ns: u64) -> Ticket {
        Ticket { scenario: self.scenario, number, window: self.window(intended_ns), intended_ns }
    }
}

/// Where one virtual user gets its tickets from.
pub(crate) enum Tickets {
    Closed(ClosedTickets),
    Open(Rc<OpenShare>),
}

impl Tickets {
    /// The next ticket, once it is due; `None` when there are no more.
    pub(crate) async fn next(&mut self, core: &CoreContext) -> Option<Ticket> {
        match self {
            Self::Closed(tickets) => tickets.next(core).await,
            Self::Open(share) => share.next(core).await,
        }
    }

    /// When the tickets end, unless the run is stopped before.
    pub(crate) fn end_ns(&self) -> u64 {
        match self {
            Self::Closed(tickets) => tickets.span.end_ns,
            Self::Open(share) => share.span.end_ns,
        }
    }
}

/// Closed model: a ticket is due as soon as the last one is done.
pub(crate) struct ClosedTickets {
    span: Span,
    /// When this virtual user joins.
    first_ns: u64,
    number: u64,
    stride: u64,
}

impl ClosedTickets {
    /// Tickets of the virtual user with this `index` of `vus` in the scenario.
    pub(crate) fn new(span: Span, index: u64, vus: u64, ramp_up_ns: u64) -> Self {
        // The product of two u64s needs u128; the quotient is below `ramp_up_ns`.
        let offset_ns = (u128::from(ramp_up_ns) * u128::from(index) / u128::from(vus.max(1))) as u64;
        Self { span, first_ns: span.start_ns + offset_ns, number: index, stride: vus }
    }

    async fn next(&mut self, core: &CoreContext) -> Option<Ticket> {
        let mut now_ns = core.clock.now_ns();
        if now_ns < self.first_ns {
            if !core.timer.wait_until(self.first_ns).await {
                return None;
            }
            now_ns = core.clock.now_ns();
        }
        if now_ns >= self.span.end_ns.min(core.stop_ns()) {
            return None;
        }
        let ticket = self.span.ticket(self.number, now_ns);
        self.number += self.stride;
        core.recorder.borrow_mut().iterations_due(ticket.scenario, ticket.window, 1);
        Some(ticket)
    }
}

/// Open model: one core's share of a scenario's arrivals.
///
/// Each idle virtual user claims the next arrival of the share and sleeps until it is due, so an arrival wakes just
/// the user that serves it. When every user is busy the next arrival waits unclaimed: a backlog that needs no memory,
/// because arrival times are a function of the index.
pub(crate) struct OpenShare {
    span: Span,
    arrivals: Arrivals,
    /// This share takes the arrivals `first`, `first + stride`, `first + 2 * stride`, ...
    first: u64,
    stride: u64,
    claimed: Cell<u64>,
    /// Arrivals that became tickets, by window. Not all that were claimed do: the run may be stopped first.
    started: [Cell<u64>; 2],
    /// Arrivals of the share already counted as due.
    counted: Cell<u64>,
}

impl OpenShare {
    pub(crate) const fn new(span: Span, arrivals: Arrivals, first: u64, stride: u64) -> Self {
        let (claimed, started, counted) = (Cell::new(0), [Cell::new(0), Cell::new(0)], Cell::new(0));
        Self { span, arrivals, first, stride, claimed, started, counted }
    }

    async fn next(&self, core: &CoreContext) -> Option<Ticket> {
        let place = self.claimed.get();
        let number = self.first + place * self.stride;
        let due_ns = self.due_ns(number);
        let end_ns = self.span.end_ns.min(core.stop_ns());
        if due_ns >= end_ns || core.clock.now_ns() >= end_ns {
            return None;
        }
        self.claimed.set(place + 1);
        // The stop may lie before the due time although both have passed by the time this user is awake.
        if !core.timer.wait_until(due_ns).await || due_ns >= core.stop_ns() {
            return None;
        }
        let ticket = self.span.ticket(number, due_ns);
        let started = &self.started[ticket.window as usize];
        started.set(started.get() + 1);
        Some(ticket)
    }

    fn due_ns(&self, number: u64) -> u64 {
        self.span.start_ns.saturating_add(self.arrivals.offset_ns(number))
    }

    /// Arrivals of this share due before `at_ns`.
    fn due_before(&self, at_ns: u64) -> u64 {
        let of_all = self.arrivals.count_before(at_ns.saturating_sub(self.span.start_ns));
        of_all.saturating_sub(self.first).div_ceil(self.stride)
    }

    /// Counts what has become due by `now_ns`, that instant included, and was not counted yet.
    pub(crate) fn count_due(&self, core: &CoreContext, now_ns: u64) {
        let until_ns = now_ns.saturating_add(1).min(self.span.end_ns).min(core.stop_ns());
        let (from, to) = (self.counted.get(), self.due_before(until_ns));
        if to > from {
            let warm = self.due_before(self.span.warmup_end_ns).clamp(from, to) - from;
            let mut recorder = core.recorder.borrow_mut();
            recorder.iterations_due(self.span.scenario, Window::Warmup, warm);
            recorder.iterations_due(self.span.scenario, Window::Measured, to - from - warm);
            self.counted.set(to);
        }
    }

    /// Counts what was due and never started. Call once, when no virtual user takes tickets any more.
    pub(crate) fn count_dropped(&self, core: &CoreContext) {
        self.count_due(core, u64::MAX);
        let due = self.counted.get();
        let warm = self.due_before(self.span.warmup_end_ns).min(due);
        let mut recorder = core.recorder.borrow_mut();
        for (window, due) in [(Window::Warmup, warm), (Window::Measured, due - warm)] {
            let dropped = due.saturating_sub(self.started[window as usize].get());
            recorder.iterations_dropped(self.span.scenario, window, dropped);
        }
    }
}
