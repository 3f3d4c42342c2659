//! Closed model: a ticket is due as soon as the virtual user is ready for it.

use std::cell::Cell;
use std::rc::Rc;

use stresshost_clock::NS_PER_MS;
use stresshost_plan::Pause;

use super::{Members, Span, Ticket};
use crate::context::CoreContext;
use crate::mix::scramble;
use crate::ramp::Ramp;

/// What a virtual user does between two iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rhythm {
    pub(crate) pause: Option<Pause>,
    pub(crate) seed: u64,
}

impl Rhythm {
    /// Load time from which on the next iteration may begin, when the last one, with this number, was intended for
    /// `intended_ns` and the user is free at `now_ns`.
    pub(super) fn ready_ns(&self, last: u64, intended_ns: u64, now_ns: u64) -> u64 {
        match self.pause {
            None => now_ns,
            Some(Pause::ThinkTime { min_ms, max_ms }) => {
                let (min_ns, width_ns) = (min_ms * NS_PER_MS, max_ms.saturating_sub(min_ms) * NS_PER_MS);
                let chosen = u128::from(scramble(self.seed ^ scramble(last))) * u128::from(width_ns + 1);
                // The high half of the product is even over the width, and no greater than it.
                now_ns.saturating_add(min_ns + (chosen >> 64) as u64)
            }
            Some(Pause::Pacing { interval_ms }) => intended_ns.saturating_add(interval_ms * NS_PER_MS),
        }
    }

    /// When an iteration that begins at `now_ns` was intended, if the user was ready at `ready_ns`: with a pacing that
    /// is its place in the rhythm, else the instant at which it begins.
    pub(super) const fn intended_ns(&self, ready_ns: u64, now_ns: u64) -> u64 {
        match self.pause {
            Some(Pause::Pacing { .. }) => ready_ns,
            Some(Pause::ThinkTime { .. }) | None => now_ns,
        }
    }
}

/// The virtual users of a closed stream on one core, and which of them are active.
pub(crate) struct ActiveUsers {
    pub(super) span: Span,
    ramp: Ramp,
    rhythm: Rhythm,
    members: Members,
    /// Users a person wants to be active; `None` when the plan alone decides.
    wanted: Cell<Option<u64>>,
}

impl ActiveUsers {
    pub(super) fn new(span: Span, ramp: Ramp, rhythm: Rhythm, members: Members, wanted: Option<u64>) -> Self {
        Self { span, ramp, rhythm, members, wanted: Cell::new(wanted) }
    }

    pub(super) fn scale(&self, vus: u64) {
        if self.wanted.get().is_some() {
            self.wanted.set(Some(vus));
        }
    }

    /// The next instant at which a virtual user that is ready at `ready_ns` can begin, and the end of the time in which
    /// it is active then; in load time. The instant lies in the past for a user that has been active since.
    fn active(&self, place: u64, ready_ns: u64, now_ns: u64) -> Option<(u64, u64)> {
        let from = |at_ns: u64| {
            let (from_ns, to_ns) = self.ramp.active_from(place, at_ns.saturating_sub(self.span.start_ns))?;
            Some((self.span.start_ns + from_ns, (self.span.start_ns + to_ns).min(self.span.end_ns)))
        };
        // Without a last iteration nothing was missed: it joins when it is there.
        let (begin_ns, to_ns) = from(if ready_ns == 0 { now_ns } else { ready_ns })?;
        if to_ns > now_ns { Some((begin_ns, to_ns)) } else { from(now_ns) }
    }

    fn wants(&self, place: u64) -> bool {
        self.wanted.get().is_none_or(|wanted| place < wanted)
    }
}

/// One virtual user of a closed stream.
pub(crate) struct ClosedUser {
    share: Rc<ActiveUsers>,
    place: u64,
    number: u64,
    /// The last iteration: its number, and its intended start in load time.
    last: Option<(u64, u64)>,
}

impl ClosedUser {
    pub(super) fn new(share: Rc<ActiveUsers>, place: u64) -> Self {
        Self { share, place, number: place, last: None }
    }

    pub(super) fn end_ns(&self) -> u64 {
        self.share.span.end_ns
    }

    pub(super) async fn next(&mut self, core: &CoreContext) -> Option<Ticket> {
        let span = &self.share.span;
        // Chosen when the last iteration ended: a pause of the run must not choose the think time again.
        let free_ns = core.load_now_ns();
        let mut ready_ns =
            self.last.map_or(0, |(last, intended_ns)| self.share.rhythm.ready_ns(last, intended_ns, free_ns));
        loop {
            if core.is_stopped() {
                return None;
            }
            if core.is_paused() {
                core.changed().await;
                continue;
            }
            if !self.share.wants(self.place) {
                // One that comes back begins its rhythm anew: it owes no iterations of the time it was away.
                ready_ns = 0;
                tokio::select! {
                    biased;
                    () = core.changed() => {}
                    ended = core.wait_until_load(span.end_ns) => if ended { return None },
                }
                continue;
            }
            let now_ns = core.load_now_ns();
            let (begin_ns, to_ns) = self.share.active(self.place, ready_ns, now_ns)?;
            if now_ns >= span.end_ns || begin_ns >= span.end_ns {
                return None;
            }
            let waited = begin_ns > now_ns;
            if waited && !core.wait_until_load(begin_ns).await {
                continue;
            }
            let now_ns = core.load_now_ns();
            if core.is_stopped() || now_ns >= to_ns {
                // It became inactive while it woke up.
                continue;
            }
            // Without a rhythm a user that joins late, by its ramp, is not late: the ramp is what made it wait.
            let intended_ns = self.share.rhythm.intended_ns(begin_ns, now_ns);
            let ticket = span.ticket(core, self.number, intended_ns);
            self.last = Some((self.number, intended_ns));
            self.number += self.share.members.of;
            let mut recorder = core.recorder.borrow_mut();
            recorder.iterations_due(ticket.scenario, ticket.window, 1);
            if waited {
                recorder.own_lag(ticket.window, now_ns.saturating_sub(begin_ns));
            }
            return Some(ticket);
        }
    }
}

#[cfg(test)]
mod tests;
