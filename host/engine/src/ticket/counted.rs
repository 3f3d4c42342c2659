//! A number of iterations: of all virtual users together, or of each.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Begun, Members, Rhythm, Span};
use crate::context::CoreContext;

/// Iterations of a stream that some core has begun, or that nobody may begin any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedCount(Arc<AtomicU64>);

impl SharedCount {
    /// The number of the next iteration; `None` when all `total` are taken.
    fn take(&self, total: u64) -> Option<u64> {
        // Looked at first, so that the count stays within `total` and the number of users.
        if self.0.load(Ordering::Relaxed) >= total {
            return None;
        }
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        (number < total).then_some(number)
    }

    /// Iterations taken.
    pub(crate) fn taken(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes every iteration that is left, and tells how many were taken before.
    pub(crate) fn close(&self, total: u64) -> u64 {
        self.0.swap(total, Ordering::Relaxed).min(total)
    }
}

/// One core's view of iterations that all virtual users share.
pub(crate) struct SharedShare {
    span: Span,
    rhythm: Rhythm,
    total: u64,
    count: SharedCount,
    /// Load time at which the last user found nothing more to do.
    ended_ns: Cell<u64>,
}

/// One virtual user of a stream with a number of iterations.
pub(crate) struct CountedUser {
    place: u64,
    begun: u64,
    /// The last iteration: its number, and its intended start in load time.
    last: Option<(u64, u64)>,
}

impl CountedUser {
    pub(super) const fn new(place: u64) -> Self {
        Self { place, begun: 0, last: None }
    }

    /// Waits until the user, free at `now_ns` on the run clock, may begin its next iteration. The clock's reading then,
    /// and the intended start in load time; `None` when time is up.
    async fn ready(
        &self,
        span: &Span,
        rhythm: &Rhythm,
        core: &CoreContext,
        mut now_ns: u64,
    ) -> Option<(u64, u64)> {
        let mut load_ns = core.load_ns(now_ns);
        let ready_ns = self.last.map_or(0, |(last, intended_ns)| rhythm.ready_ns(last, intended_ns, load_ns));
        let begin_ns = ready_ns.max(span.start_ns);
        loop {
            if core.is_stopped() || begin_ns.max(load_ns) >= span.end_ns {
                return None;
            }
            // Also a user that is ready waits while the run is paused.
            if begin_ns <= load_ns && !core.is_paused() {
                return Some((now_ns, rhythm.intended_ns(begin_ns, load_ns)));
            }
            let reached_ns = core.wait_until_load(begin_ns).await;
            now_ns = reached_ns.unwrap_or_else(|| core.clock.now_ns());
            load_ns = core.load_ns(now_ns);
            if reached_ns.is_some() && !core.is_stopped() && load_ns < span.end_ns {
                core.recorder.borrow_mut().own_lag(span.window(begin_ns), load_ns.saturating_sub(begin_ns));
            }
        }
    }

    /// Takes a ticket at `now_ns` on the run clock.
    fn begin(
        &mut self,
        span: &Span,
        core: &CoreContext,
        number: u64,
        (now_ns, intended_ns): (u64, u64),
    ) -> Begun {
        self.begun += 1;
        self.last = Some((number, intended_ns));
        let ticket = span.ticket(core, number, intended_ns);
        core.recorder.borrow_mut().iteration_begun(ticket.scenario, ticket.window);
        Begun { ticket, at_ns: now_ns }
    }
}

impl SharedShare {
    pub(super) const fn new(span: Span, rhythm: Rhythm, total: u64, count: SharedCount) -> Self {
        Self { span, rhythm, total, count, ended_ns: Cell::new(0) }
    }

    pub(super) const fn ended_ns(&self) -> u64 {
        self.ended_ns.get()
    }

    /// Notes that a user has had nothing to do since `load_ns`.
    pub(super) fn ends_at(&self, load_ns: u64) {
        self.ended_ns.set(self.ended_ns.get().max(load_ns));
    }

    pub(super) const fn end_ns(&self) -> u64 {
        self.span.end_ns
    }

    pub(super) async fn next(
        &self,
        user: &mut CountedUser,
        core: &CoreContext,
        now_ns: u64,
    ) -> Option<Begun> {
        let free_ns = core.load_ns(now_ns);
        let ready = user.ready(&self.span, &self.rhythm, core, now_ns).await;
        let taken = ready.and_then(|ready| Some((ready, self.count.take(self.total)?)));
        let Some((ready, number)) = taken else {
            self.ends_at(free_ns);
            return None;
        };
        Some(user.begin(&self.span, core, number, ready))
    }
}

/// One core's virtual users that each have a number of iterations to do.
pub(crate) struct OwnShare {
    span: Span,
    rhythm: Rhythm,
    each: u64,
    members: Members,
    /// Iterations begun by all users on this core, by scenario of the mix.
    begun: Vec<Cell<u64>>,
    /// Load time at which the last user found nothing more to do.
    ended_ns: Cell<u64>,
}

impl OwnShare {
    pub(super) fn new(span: Span, rhythm: Rhythm, each: u64, members: Members) -> Self {
        let begun = span.scenarios.iter().map(|_| Cell::new(0)).collect();
        Self { span, rhythm, each, members, begun, ended_ns: Cell::new(0) }
    }

    pub(super) const fn ended_ns(&self) -> u64 {
        self.ended_ns.get()
    }

    /// Notes that a user has had nothing to do since `load_ns`.
    pub(super) fn ends_at(&self, load_ns: u64) {
        self.ended_ns.set(self.ended_ns.get().max(load_ns));
    }

    pub(super) const fn end_ns(&self) -> u64 {
        self.span.end_ns
    }

    pub(super) async fn next(
        &self,
        user: &mut CountedUser,
        core: &CoreContext,
        now_ns: u64,
    ) -> Option<Begun> {
        let free_ns = core.load_ns(now_ns);
        let (span, rhythm) = (&self.span, &self.rhythm);
        let ready = if user.begun < self.each { user.ready(span, rhythm, core, now_ns).await } else { None };
        let Some(ready) = ready else {
            self.ends_at(free_ns);
            return None;
        };
        let number = user.place + user.begun * self.members.of;
        let begun = user.begin(span, core, number, ready);
        let place = span.scenarios.iter().position(|scenario| *scenario == begun.ticket.scenario);
        if let Some(count) = place.and_then(|place| self.begun.get(place)) {
            count.set(count.get() + 1);
        }
        Some(begun)
    }

    /// Counts what no user began in the time there was. A stop by a person leaves nothing due.
    pub(super) fn count_dropped(&self, core: &CoreContext) {
        // The stop is noted an instant late.
        if core.stop_load_ns() <= self.span.end_ns {
            return;
        }
        let window = self.span.window(self.span.end_ns.saturating_sub(1));
        for (scenario, begun) in self.span.scenarios.iter().zip(&self.begun) {
            let planned: u64 = self
                .members
                .places()
                .map(|place| self.span.mix.count_of(*scenario, place, self.members.of, 0..self.each))
                .sum();
            let left = planned.saturating_sub(begun.get());
            if left > 0 {
                let mut recorder = core.recorder.borrow_mut();
                recorder.iterations_due(*scenario, window, left);
                recorder.iterations_dropped(*scenario, window, left);
            }
        }
    }
}

#[cfg(test)]
mod tests;
