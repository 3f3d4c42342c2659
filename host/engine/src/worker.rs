//! The hot loop: take a ticket, iterate, record.

use std::rc::Rc;
use std::sync::Arc;

use stresshost_clock::NS_PER_MS;
use stresshost_metrics::{IterationEnd, IterationSample};

use crate::core::Core;
use crate::guest::{GuestCore, GuestVu, VuError, VuInfo};
use crate::phase::{ReadyUser, Seat};
use crate::ticket::{Ticket, Tickets};
use crate::{FAULT_BACKOFF_MAX_MS, FAULT_BACKOFF_MS};

/// Runs one virtual user until its tickets end.
pub(crate) async fn run_vu<C: GuestCore>(
    core: Rc<Core<C>>,
    seat: Seat,
    user: ReadyUser<C::Vu>,
    shared: Arc<str>,
    mut tickets: Tickets,
) {
    let ReadyUser { info, mut vu, .. } = user;
    let mut faults = 0_u32;
    while let Some(ticket) = tickets.next(&core.context).await {
        let flight = Flight::begin(&core, ticket);
        let outcome = vu.iterate(ticket).await;
        flight.end(match &outcome {
            Ok(()) => IterationEnd::Finished,
            Err(VuError::Failed { .. }) => IterationEnd::Failed,
            Err(VuError::Fault(_)) => IterationEnd::Faulted,
        });
        if let Err(error) = outcome {
            match error {
                VuError::Failed { code, message } => core.reports.failure(code, message),
                VuError::Fault(fault) => {
                    core.reports.fault(fault);
                    faults += 1;
                    match restart(&core, info, &shared, faults, tickets.end_ns()).await {
                        Again::Started(again) => vu = again,
                        Again::Over => {
                            tickets.give_up(&core.context);
                            return seat.leave();
                        }
                        Again::Lost => return,
                    }
                }
            }
        }
    }
    seat.leave();
    vu.finish().await;
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
    while !context.wait_until_load(until_ns).await && !context.is_stopped() {}
    if context.is_stopped() {
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
    end: IterationEnd,
}

impl<'a, C: GuestCore> Flight<'a, C> {
    fn begin(core: &'a Core<C>, ticket: Ticket) -> Self {
        let started_ns = core.context.clock.now_ns();
        core.context.recorder.borrow_mut().iteration_started(ticket.scenario, ticket.window);
        core.context.vus_busy.set(core.context.vus_busy.get() + 1);
        Self { core, ticket, started_ns, end: IterationEnd::Interrupted }
    }

    fn end(mut self, end: IterationEnd) {
        self.end = end;
    }
}

impl<C: GuestCore> Drop for Flight<'_, C> {
    fn drop(&mut self) {
        let Ticket { scenario, window, intended_ns, .. } = self.ticket;
        let (started_ns, done_ns) = (self.started_ns, self.core.context.clock.now_ns());
        // Unwinding through an iteration is a fault of the code that ran it, not a stop.
        let end = if std::thread::panicking() { IterationEnd::Faulted } else { self.end };
        let sample = IterationSample { scenario, window, end, intended_ns, started_ns, done_ns };
        self.core.context.recorder.borrow_mut().iteration_ended(&sample);
        self.core.context.vus_busy.set(self.core.context.vus_busy.get() - 1);
    }
}
