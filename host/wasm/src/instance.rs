//! One virtual user: its store and its calls.

use std::cell::RefCell;
use std::rc::Rc;

use stresshost_clock::Clock;
use stresshost_engine::{GuestVu, Ticket, VuError, VuInfo};
use wasmtime::Store;

use crate::bindings::{self, Failure, Workload, WorkloadPre};
use crate::calls;
use crate::metering::{SAMPLED_EACH, timed};
use crate::state::{Allowance, CoreShared, Live, VuState};
use crate::waiting::drive;

/// An instance of the component and the store it lives in.
pub struct WasmVu {
    store: Store<VuState>,
    workload: Workload,
    /// What the store's data holds as well: the store is the guest's while a call is under way.
    live: Rc<RefCell<Live>>,
    /// Whether a call was begun and has not returned: then the instance cannot be entered again.
    poisoned: bool,
    /// Iterations begun; starts at the user's number, so that users are not timed all at once.
    iterations: u64,
}

impl WasmVu {
    /// Makes an instance on a core.
    pub(crate) async fn instantiate(
        pre: &WorkloadPre<VuState>,
        core: Rc<CoreShared>,
        stream: u64,
        allowance: Allowance,
    ) -> Result<Self, VuError> {
        let limits = core.run.limits;
        let live = Rc::new(RefCell::new(Live::new(core)));
        let state = VuState::live(Rc::clone(&live), stream, allowance);
        let mut store = calls::store(pre.engine(), &limits, state);
        match drive(&live, pre.instantiate_async(&mut store)).await {
            Ok(workload) => Ok(Self { store, workload, live, poisoned: false, iterations: stream }),
            Err(error) => {
                store.data_mut().count_refused_growth();
                Err(VuError::Fault(calls::fault("instantiate", store.data(), &error)))
            }
        }
    }

    pub(crate) async fn setup(&mut self, context: &str) -> Result<String, VuError> {
        self.begin(None);
        let guest = self.workload.stresshost_workload_guest();
        let result = drive(&self.live, guest.call_setup(&mut self.store, context)).await;
        self.end("setup", result)
    }

    pub(crate) async fn setup_phase(&mut self, context: &str) -> Result<String, VuError> {
        self.begin(None);
        let guest = self.workload.stresshost_workload_guest();
        let result = drive(&self.live, guest.call_setup_phase(&mut self.store, context)).await;
        self.end("setup-phase", result)
    }

    pub(crate) async fn teardown_phase(&mut self, shared: &str) -> Result<(), VuError> {
        self.begin(None);
        let guest = self.workload.stresshost_workload_guest();
        let result = drive(&self.live, guest.call_teardown_phase(&mut self.store, shared)).await;
        self.end("teardown-phase", result)
    }

    pub(crate) async fn start(&mut self, vu: VuInfo, shared: &str) -> Result<(), VuError> {
        self.begin(None);
        let vu = bindings::VuInfo { id: vu.id, count: vu.count };
        let guest = self.workload.stresshost_workload_guest();
        let result = drive(&self.live, guest.call_start(&mut self.store, vu, shared)).await;
        self.end("start", result)
    }

    pub(crate) async fn teardown(&mut self, shared: &str) -> Result<(), VuError> {
        self.begin(None);
        let guest = self.workload.stresshost_workload_guest();
        let result = drive(&self.live, guest.call_teardown(&mut self.store, shared)).await;
        self.end("teardown", result)
    }

    /// Gets ready for a call; the guest's own index of the ticket's scenario, and the clock.
    fn begin(&mut self, ticket: Option<Ticket>) -> (u32, Clock) {
        self.poisoned = true;
        self.store.set_epoch_deadline(1);
        self.store.data_mut().computing.begin();
        let live = &mut *self.live.borrow_mut();
        live.ticket = ticket;
        live.intended_ns = ticket.map(|ticket| ticket.intended_ns);
        live.failure = None;
        let scenario = ticket.map_or(0, |ticket| ticket.scenario);
        let own = live.core.run.own_scenarios.get(usize::from(scenario));
        (own.copied().unwrap_or(u32::from(scenario)), live.core.context.clock)
    }

    /// Why the iteration failed, as the guest has told.
    fn reason(&self) -> Failure {
        let told = self.live.borrow_mut().failure.take();
        told.unwrap_or_else(|| Failure { code: "failed".into(), message: "the plugin told no reason".into() })
    }

    fn end<T>(
        &mut self,
        during: &'static str,
        result: wasmtime::Result<Result<T, Failure>>,
    ) -> Result<T, VuError> {
        let mut live = self.live.borrow_mut();
        live.http.release();
        live.retire_responses();
        live.retire_replies();
        live.retire_documents();
        live.retire_rows();
        live.tcp_settle(match &result {
            Ok(_) => "the plugin returned before it ended the operation",
            Err(_) => "the plugin broke before it ended the operation",
        });
        live.ticket = None;
        drop(live);
        self.store.data_mut().count_refused_growth();
        match result {
            Ok(result) => {
                self.poisoned = false;
                let run = &self.live.borrow().core.run;
                result.map_err(|failure| {
                    let Failure { code, message } = run.shown(failure);
                    VuError::Failed { code, message }
                })
            }
            Err(error) => Err(VuError::Fault(calls::fault(during, self.store.data(), &error))),
        }
    }
}

impl GuestVu for WasmVu {
    async fn iterate(&mut self, ticket: Ticket) -> Result<(), VuError> {
        let (scenario, clock) = self.begin(Some(ticket));
        self.iterations = self.iterations.wrapping_add(1);
        let is_timed = self.iterations.is_multiple_of(SAMPLED_EACH);
        let iteration = bindings::Iteration { scenario, number: ticket.number };
        let guest = self.workload.stresshost_workload_guest();
        let call = timed(is_timed.then_some(clock), guest.call_iterate(&mut self.store, iteration));
        let (result, polled_ns) = drive(&self.live, call).await;
        let result = result.map(|result| result.map_err(|()| self.reason()));
        if is_timed {
            let live = self.live.borrow();
            let guest_ns = polled_ns.saturating_mul(SAMPLED_EACH);
            live.core.context.recorder.borrow_mut().guest_cpu(live.core.run.part, guest_ns);
        }
        self.end("iterate", result)
    }

    async fn finish(&mut self) {
        if self.poisoned {
            return;
        }
        self.begin(None);
        let guest = self.workload.stresshost_workload_guest();
        let result = drive(&self.live, guest.call_finish(&mut self.store)).await;
        if let Err(VuError::Fault(fault)) = self.end("finish", result.map(Ok)) {
            tracing::warn!("the plugin broke in `finish`: {}", fault.text);
        }
    }
}
