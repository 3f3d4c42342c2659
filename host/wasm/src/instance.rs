//! One virtual user: its store and its calls.

use std::rc::Rc;

use stresshost_engine::{GuestVu, Ticket, VuError, VuInfo};
use wasmtime::Store;

use crate::bindings::{self, Failure, Workload, WorkloadPre};
use crate::calls;
use crate::metering::{SAMPLED_EACH, timed};
use crate::state::{CoreShared, VuState};

/// An instance of the component and the store it lives in.
pub struct WasmVu {
    store: Store<VuState>,
    workload: Workload,
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
        limits: (usize, u64),
    ) -> Result<Self, VuError> {
        let (memory_bytes, epochs_max) = limits;
        let mut store = calls::store(pre.engine(), VuState::live(core, stream, memory_bytes, epochs_max));
        match pre.instantiate_async(&mut store).await {
            Ok(workload) => Ok(Self { store, workload, poisoned: false, iterations: stream }),
            Err(error) => Err(VuError::Fault(calls::fault("instantiate", store.data(), &error))),
        }
    }

    pub(crate) async fn setup(&mut self, context: &str) -> Result<String, VuError> {
        self.begin(None);
        let result = self.workload.stresshost_workload_guest().call_setup(&mut self.store, context).await;
        self.end("setup", result)
    }

    pub(crate) async fn setup_phase(&mut self, context: &str) -> Result<String, VuError> {
        self.begin(None);
        let guest = self.workload.stresshost_workload_guest();
        let result = guest.call_setup_phase(&mut self.store, context).await;
        self.end("setup-phase", result)
    }

    pub(crate) async fn teardown_phase(&mut self, shared: &str) -> Result<(), VuError> {
        self.begin(None);
        let guest = self.workload.stresshost_workload_guest();
        let result = guest.call_teardown_phase(&mut self.store, shared).await;
        self.end("teardown-phase", result)
    }

    pub(crate) async fn start(&mut self, vu: VuInfo, shared: &str) -> Result<(), VuError> {
        self.begin(None);
        let vu = bindings::VuInfo { id: vu.id, count: vu.count };
        let result = self.workload.stresshost_workload_guest().call_start(&mut self.store, vu, shared).await;
        self.end("start", result)
    }

    pub(crate) async fn teardown(&mut self, shared: &str) -> Result<(), VuError> {
        self.begin(None);
        let result = self.workload.stresshost_workload_guest().call_teardown(&mut self.store, shared).await;
        self.end("teardown", result)
    }

    async fn iterate_timed(
        &mut self,
        iteration: bindings::Iteration,
    ) -> wasmtime::Result<Result<(), Failure>> {
        let Some(live) = &mut self.store.data_mut().live else { return Ok(Ok(())) };
        let clock = live.core.context.clock;
        live.metered_ns = Some(0);
        let call = self.workload.stresshost_workload_guest().call_iterate(&mut self.store, iteration);
        let (result, polled_ns) = timed(clock, call).await;
        if let Some(live) = &mut self.store.data_mut().live {
            let imports_ns = live.metered_ns.take().unwrap_or(0);
            let guest_ns = polled_ns.saturating_sub(imports_ns).saturating_mul(SAMPLED_EACH);
            live.core.context.recorder.borrow_mut().guest_cpu(live.core.run.part, guest_ns);
        }
        result
    }

    fn begin(&mut self, ticket: Option<Ticket>) {
        self.poisoned = true;
        self.store.set_epoch_deadline(1);
        let state = self.store.data_mut();
        state.epochs = 0;
        if let Some(live) = &mut state.live {
            live.ticket = ticket;
            live.intended_ns = ticket.map(|ticket| ticket.intended_ns);
        }
    }

    fn end<T>(
        &mut self,
        during: &'static str,
        result: wasmtime::Result<Result<T, Failure>>,
    ) -> Result<T, VuError> {
        if let Some(live) = &mut self.store.data_mut().live {
            live.http.release();
            live.retire_responses();
            live.ticket = None;
        }
        match result {
            Ok(result) => {
                self.poisoned = false;
                result.map_err(|Failure { code, message }| VuError::Failed { code, message })
            }
            Err(error) => Err(VuError::Fault(calls::fault(during, self.store.data(), &error))),
        }
    }
}

impl GuestVu for WasmVu {
    async fn iterate(&mut self, ticket: Ticket) -> Result<(), VuError> {
        self.begin(Some(ticket));
        self.iterations = self.iterations.wrapping_add(1);
        let live = self.store.data().live.as_ref();
        let own = live.and_then(|live| live.core.run.own_scenarios.get(usize::from(ticket.scenario)));
        let scenario = own.copied().unwrap_or(u32::from(ticket.scenario));
        let iteration = bindings::Iteration { scenario, number: ticket.number };
        let result = if self.iterations.is_multiple_of(SAMPLED_EACH) {
            self.iterate_timed(iteration).await
        } else {
            self.workload.stresshost_workload_guest().call_iterate(&mut self.store, iteration).await
        };
        self.end("iterate", result)
    }

    async fn finish(&mut self) {
        if self.poisoned {
            return;
        }
        self.begin(None);
        let result = self.workload.stresshost_workload_guest().call_finish(&mut self.store).await;
        if let Err(VuError::Fault(fault)) = self.end("finish", result.map(Ok)) {
            tracing::warn!("the plugin broke in `finish`: {}", fault.text);
        }
    }
}
