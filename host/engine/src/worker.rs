//! The hot loop: take a ticket, iterate, record.

use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;

use stresshost_clock::NS_PER_MS;
use stresshost_metrics::{IterationEnd, IterationSample};

use crate::core::Core;
use crate::guest::{GuestCore, GuestVu, VuError, VuInfo};
use crate::phase::{ReadyUser, Seat};
use crate::ticket::{Begun, Ticket, Tickets};
use crate::{FAULT_BACKOFF_MAX_MS, FAULT_BACKOFF_MS};

/// Runs one virtual user until its tickets end.
///
/// There are as many of these as there are virtual users, and each is cold memory when it wakes: what is no iteration
/// keeps its future elsewhere.
#[expect(clippy::manual_async_fn, reason = "an `async fn` has room for its arguments twice")]
pub(crate) fn run_vu<C: GuestCore>(
    core: Rc<Core<C>>,
    seat: Seat,
    mut user: ReadyUser<C::Vu>,
    shared: Arc<str>,
    mut tickets: Tickets,
) -> impl Future<Output = ()> {
    async move {
        let mut faults = 0_u32;
        let mut now_ns = core.context.clock.now_ns();
        loop {
            if core.given_up.is(user.info.part) {
                tickets.give_up(&core.context);
                return seat.leave();
            }
            let Some(Begun { ticket, at_ns }) = tickets.next(&core.context, now_ns).await else { break };
            let flight = Flight::begin(&core, ticket, at_ns);
            let outcome = user.vu.iterate(ticket).await;
            now_ns = flight.end(match &outcome {
                Ok(()) => IterationEnd::Finished,
                Err(VuError::Failed { .. }) => IterationEnd::Failed,
                Err(VuError::Fault(_)) => IterationEnd::Faulted,
            });
            match outcome {
                Ok(()) => {}
                Err(VuError::Failed { code, message }) => core.reports.failure(code, message),
                Err(VuError::Fault(fault)) => {
                    core.reports.fault(fault);
                    faults += 1;
                    let again = restart(&core, user.info, &shared, faults, tickets.end_ns());
                    match Box::pin(again).await {
                        Again::Started(again) => user.vu = again,
                        Again::Over => {
                            tickets.give_up(&core.context);
                            return seat.leave();
                        }
                        Again::Lost => return,
                    }
                    now_ns = core.context.clock.now_ns();
                }
            }
        }
        seat.leave();
        Box::pin(user.vu.finish()).await;
    }
}

/// What became of a virtual user that broke.
enum Again<V> {
    Started(V),
    /// There is nothing left for it to do.
    Over,
    /// It could not be started again.
    Lost,
}

/// Starts a broken virtual user again after a pause that doubles with each fault.
async fn restart<C: GuestCore>(
    core: &Core<C>,
    info: VuInfo,
    shared: &str,
    faults: u32,
    end_load_ns: u64,
) -> Again<C::Vu> {
    let context = &core.context;
    let pause_ms = FAULT_BACKOFF_MS.saturating_mul(1 << (faults - 1).min(20)).min(FAULT_BACKOFF_MAX_MS);
    let until_ns = context.load_now_ns() + pause_ms * NS_PER_MS;
    if until_ns >= end_load_ns {
        return Again::Over;
    }
    while context.wait_until_load(until_ns).await.is_none() && !context.is_stopped() {}
    if context.is_stopped() || core.given_up.is(info.part) {
        return Again::Over;
    }
    match core.guest.start(info, shared).await {
        Ok(vu) => Again::Started(vu),
        Err(VuError::Fault(fault)) => {
            core.reports.fault(fault);
            Again::Lost
        }
        Err(VuError::Failed { code, message }) => {
            core.reports.failure(code, message);
            Again::Lost
        }
    }
}

/// An iteration in flight: counted as interrupted unless it ends otherwise, also when its future is dropped.
struct Flight<'a, C: GuestCore> {
    core: &'a Core<C>,
    ticket: Ticket,
    started_ns: u64,
}

impl<'a, C: GuestCore> Flight<'a, C> {
    fn begin(core: &'a Core<C>, ticket: Ticket, started_ns: u64) -> Self {
        core.context.vus_busy.set(core.context.vus_busy.get() + 1);
        Self { core, ticket, started_ns }
    }

    /// Ends it; when that was on the run clock.
    fn end(self, end: IterationEnd) -> u64 {
        ManuallyDrop::new(self).record(end)
    }

    fn record(&self, end: IterationEnd) -> u64 {
        let Ticket { scenario, window, intended_ns, .. } = self.ticket;
        let context = &self.core.context;
        let (started_ns, done_ns) = (self.started_ns, context.clock.now_ns());
        let sample = IterationSample { scenario, window, end, intended_ns, started_ns, done_ns };
        context.recorder.borrow_mut().iteration_ended(&sample);
        context.vus_busy.set(context.vus_busy.get() - 1);
        done_ns
    }
}

impl<C: GuestCore> Drop for Flight<'_, C> {
    fn drop(&mut self) {
        // Unwinding through an iteration is a fault of the code that ran it, not a stop.
        let panics = std::thread::panicking();
        self.record(if panics { IterationEnd::Faulted } else { IterationEnd::Interrupted });
    }
}

#[cfg(test)]
mod tests;
