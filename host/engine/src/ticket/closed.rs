//! Closed model: a ticket is due as soon as the virtual user is ready for it.

use std::cell::Cell;
use std::rc::Rc;

use stresshost_clock::NS_PER_MS;
use stresshost_plan::Pause;

use super::{Begun, Members, Span};
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
    /// Of the next iteration.
    number: u64,
    /// Intended start of the last iteration, in load time.
    last_intended_ns: Option<u64>,
    /// End of the time in which the user was active when it last began an iteration, in load time.
    active_until_ns: u64,
}

impl ClosedUser {
    pub(super) fn new(share: Rc<ActiveUsers>, place: u64) -> Self {
        Self { share, place, number: place, last_intended_ns: None, active_until_ns: 0 }
    }

    pub(super) fn end_ns(&self) -> u64 {
        self.share.span.end_ns
    }

    /// The next ticket of a user that need neither wait nor look at its ramp: one without a rhythm, in the stretch of
    /// activity it was in before. Stretches are seamless, so a look would find the same end again.
    fn at_once(&mut self, core: &CoreContext, now_ns: u64) -> Option<Begun> {
        let load_ns = core.load_ns(now_ns);
        let goes_on = load_ns < self.active_until_ns
            && self.share.rhythm.pause.is_none()
            && self.share.wants(self.place)
            && !core.is_stopped()
            && !core.is_paused();
        goes_on.then(|| self.begin(core, now_ns, load_ns, None))
    }

    pub(super) async fn next(&mut self, core: &CoreContext, mut now_ns: u64) -> Option<Begun> {
        if let Some(begun) = self.at_once(core, now_ns) {
            return Some(begun);
        }
        let end_ns = self.end_ns();
        // Chosen when the last iteration ended: a pause of the run must not choose the think time again.
        let free_ns = core.load_ns(now_ns);
        let mut ready_ns = self.last_intended_ns.map_or(0, |intended_ns| {
            let last = self.number - self.share.members.of;
            self.share.rhythm.ready_ns(last, intended_ns, free_ns)
        });
        loop {
            if core.is_stopped() {
                return None;
            }
            if core.is_paused() {
                core.changed().await;
                now_ns = core.clock.now_ns();
                continue;
            }
            if !self.share.wants(self.place) {
                // One that comes back begins its rhythm anew: it owes no iterations of the time it was away.
                ready_ns = 0;
                tokio::select! {
                    biased;
                    () = core.changed() => {}
                    ended = core.wait_until_load(end_ns) => if ended.is_some() { return None },
                }
                now_ns = core.clock.now_ns();
                continue;
            }
            let mut load_ns = core.load_ns(now_ns);
            let (begin_ns, to_ns) = self.share.active(self.place, ready_ns, load_ns)?;
            if load_ns >= end_ns || begin_ns >= end_ns {
                return None;
            }
            let waits = begin_ns > load_ns;
            if waits {
                let reached_ns = core.wait_until_load(begin_ns).await;
                now_ns = reached_ns.unwrap_or_else(|| core.clock.now_ns());
                if reached_ns.is_none() {
                    continue;
                }
                load_ns = core.load_ns(now_ns);
            }
            if core.is_stopped() || load_ns >= to_ns {
                // It became inactive while it woke up.
                continue;
            }
            self.active_until_ns = to_ns;
            // Without a rhythm a user that joins late, by its ramp, is not late: the ramp is what made it wait.
            let intended_ns = self.share.rhythm.intended_ns(begin_ns, load_ns);
            let late_ns = waits.then(|| load_ns.saturating_sub(begin_ns));
            return Some(self.begin(core, now_ns, intended_ns, late_ns));
        }
    }

    /// Takes the next ticket, at `now_ns` on the run clock and intended for `intended_ns` of load time; `late_ns` is
    /// how late a user that waited woke up.
    fn begin(&mut self, core: &CoreContext, now_ns: u64, intended_ns: u64, late_ns: Option<u64>) -> Begun {
        let ticket = self.share.span.ticket(core, self.number, intended_ns);
        self.last_intended_ns = Some(intended_ns);
        self.number += self.share.members.of;
        let mut recorder = core.recorder.borrow_mut();
        recorder.iteration_begun(ticket.scenario, ticket.window);
        if let Some(late_ns) = late_ns {
            recorder.own_lag(ticket.window, late_ns);
        }
        Begun { ticket, at_ns: now_ns }
    }
}

#[cfg(test)]
mod tests;
