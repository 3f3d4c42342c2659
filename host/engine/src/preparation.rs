//! Set-ups and tear-downs, of the run and of its phases: on one core, beside the load.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use serde_json::json;
use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_plan::{Plan, ScheduledPhase};
use tokio::sync::{OnceCell, watch};

use crate::guest::{GuestCore, VuError};
use crate::stop::{Level, reached};
use crate::{RunError, TEARDOWN_LIMIT_MS};

/// What the set-ups of a phase returned, by part; empty where the part has no stream in it.
pub(crate) type Values = Arc<[Arc<str>]>;

/// Runs set-ups and tear-downs of every plugin of a run.
pub(crate) struct Preparation<C> {
    core: C,
    clock: Clock,
    plan: Arc<Plan>,
    run_id: String,
    seed: u64,
    stop: watch::Receiver<Level>,
    /// By part: whether its set-up was called.
    called: Vec<Cell<bool>>,
    /// By part: what came of its set-up, once it ran.
    shared: Vec<OnceCell<Result<Arc<str>, VuError>>>,
    /// Set-ups of phases that have no tear-down yet, in the order in which they ended.
    open: RefCell<Vec<Open>>,
}

/// A set-up of a phase that is to be torn down.
struct Open {
    phase: String,
    part: u16,
    value: Arc<str>,
}

impl<C: GuestCore> Preparation<C> {
    pub(crate) fn new(
        core: C,
        clock: Clock,
        plan: Arc<Plan>,
        run_id: String,
        seed: u64,
        stop: watch::Receiver<Level>,
    ) -> Self {
        let parts = plan.parts.len().max(1);
        let shared = (0..parts).map(|_| OnceCell::new()).collect();
        let called = vec![Cell::new(false); parts];
        Self { core, clock, plan, run_id, seed, stop, called, shared, open: RefCell::default() }
    }

    fn workload(&self, part: u16) -> &serde_json::Value {
        self.plan.parts.get(usize::from(part)).map_or(&self.plan.workload, |part| &part.workload)
    }

    /// Runs the set-ups a phase needs, and tears down again what it has set up when one fails or the run is stopped.
    pub(crate) async fn prepare(&self, phase: &ScheduledPhase) -> Result<Values, RunError> {
        let mut stop = self.stop.clone();
        let prepared = tokio::select! {
            biased;
            prepared = self.set_up(phase) => prepared,
            () = reached(&mut stop, Level::Draining) => Err(RunError::Stopped),
        };
        if prepared.is_err() {
            self.tear_down_phase(phase).await;
        }
        prepared
    }

    async fn set_up(&self, phase: &ScheduledPhase) -> Result<Values, RunError> {
        let mut values: Vec<Arc<str>> = vec!["".into(); self.shared.len()];
        for part in parts(phase) {
            let Some(cell) = self.shared.get(usize::from(part)) else { continue };
            self.unless_stopped()?;
            let shared =
                cell.get_or_try_init(|| self.set_up_run(part)).await?.clone().map_err(setup_error)?;
            self.unless_stopped()?;
            let context = json!({
                "run_id": self.run_id,
                "seed": self.seed,
                "phase": phase.name,
                "shared": &*shared,
                "workload": self.workload(part),
            });
            let value = self.core.setup_phase(part, &context.to_string()).await.map_err(setup_error)?;
            let value: Arc<str> = value.into();
            self.open.borrow_mut().push(Open { phase: phase.name.clone(), part, value: Arc::clone(&value) });
            values[usize::from(part)] = value;
        }
        Ok(values.into())
    }

    /// Runs a plugin's set-up. Its failure is kept as well: it is not called again for another phase.
    async fn set_up_run(&self, part: u16) -> Result<Result<Arc<str>, VuError>, RunError> {
        // Another phase may have waited for a set-up that the stop has cut off, or that has panicked.
        self.unless_stopped()?;
        if self.called[usize::from(part)].replace(true) {
            return Err(RunError::Os("a set-up broke".into()));
        }
        let context =
            json!({ "run_id": self.run_id, "seed": self.seed, "workload": self.workload(part) }).to_string();
        Ok(self.core.setup(part, &context).await.map(Into::into))
    }

    fn unless_stopped(&self) -> Result<(), RunError> {
        if *self.stop.borrow() >= Level::Draining { Err(RunError::Stopped) } else { Ok(()) }
    }

    /// Runs the tear-downs of a phase, of every part whose set-up of it ran. What they do cannot change what was
    /// measured, so their failure is only told.
    pub(crate) async fn tear_down_phase(&self, phase: &ScheduledPhase) {
        self.close(|open| open.phase == phase.name).await;
    }

    /// Runs the tear-downs of the run, of every part whose set-up ran; before them those of phases that have had none.
    pub(crate) async fn tear_down(&self) {
        self.close(|_| true).await;
        for (part, cell) in (0..).zip(&self.shared) {
            if let Some(Ok(shared)) = cell.get() {
                self.within_limit(self.core.teardown(part, shared)).await;
            }
        }
    }

    /// Tears down the chosen set-ups of phases, the oldest first.
    async fn close(&self, chosen: impl Fn(&Open) -> bool) {
        while let Some(Open { part, value, .. }) = self.next_open(&chosen) {
            self.within_limit(self.core.teardown_phase(part, &value)).await;
        }
    }

    fn next_open(&self, chosen: impl Fn(&Open) -> bool) -> Option<Open> {
        let mut open = self.open.borrow_mut();
        let place = open.iter().position(chosen)?;
        Some(open.remove(place))
    }

    async fn within_limit(&self, teardown: impl Future<Output = Result<(), VuError>>) {
        let limit_ns = self.clock.now_ns() + TEARDOWN_LIMIT_MS * NS_PER_MS;
        tokio::select! {
            biased;
            outcome = teardown => if let Err(error) = outcome {
                tracing::warn!("tear-down failed: {}", setup_error(error));
            },
            () = self.clock.sleep_until_ns(limit_ns) => {
                tracing::warn!("tear-down took more than {TEARDOWN_LIMIT_MS} ms");
            }
        }
    }
}

/// The parts that have a stream in a phase, each once.
fn parts(phase: &ScheduledPhase) -> Vec<u16> {
    let mut parts: Vec<u16> = phase.streams.iter().map(|stream| stream.part).collect();
    parts.sort_unstable();
    parts.dedup();
    parts
}

pub(crate) fn setup_error(error: VuError) -> RunError {
    match error {
        VuError::Failed { code, message } => RunError::Setup { code, message },
        VuError::Fault(fault) => RunError::Fault(fault),
    }
}
