//! The hot loop: take a ticket, iterate, record.

use std::rc::Rc;

use stresshost_clock::NS_PER_MS;
use stresshost_metrics::{IterationEnd, IterationSample};

use crate::core::Core;
use crate::guest::{GuestCore, GuestVu, VuError, VuInfo};
use crate::ticket::{Ticket, Tickets};
use crate::{FAULT_BACKOFF_MAX_MS, FAULT_BACKOFF_MS};

/// Runs one virtual user until its tickets end.
pub(crate) async fn run_vu<C: GuestCore>(core: Rc<Core<C>>, info: VuInfo, vu: C::Vu, mut tickets: Tickets) {
    let mut vu = Some(vu);
    let mut faults = 0_u32;
    while let Some(user) = vu.as_mut() {
        let Some(ticket) = tickets.next(&core.context).await else { break };
        let flight = Flight::begin(&core, ticket);
        let outcome = user.iterate(ticket).await;
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
                    vu = restart(&core, info, faults, tickets.end_ns()).await;
                }
            }
        }
    }
    match vu {
        Some(mut user) => user.finish().await,
        None => core.context.users_lost.set(true),
    }
}

/// Starts a broken virtual user again after a pause that doubles with each fault; `None` when that fails too or the
/// scenario ends or the run is stopped first.
async fn restart<C: GuestCore>(core: &Core<C>, info: VuInfo, faults: u32, end_ns: u64) -> Option<C::Vu> {
    let pause_ms = FAULT_BACKOFF_MS.saturating_mul(1 << (faults - 1).min(20)).min(FAULT_BACKOFF_MAX_MS);
    let until_ns = core.context.clock.now_ns() + pause_ms * NS_PER_MS;
    if !core.context.timer.wait_until(until_ns.min(end_ns)).await || until_ns >= end_ns {
        return None;
    }
    match core.guest.start(info, &core.shared).await {
        Ok(vu) => Some(vu),
        Err(VuError::Fault(fault)) => {
            core.reports.fault(fault);
            None
        }
        Err(VuError::Failed { code, message }) => {
            core.reports.failure(code, message);
            None
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
