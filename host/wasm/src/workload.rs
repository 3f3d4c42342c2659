//! The plugin as the engine's guest.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use stresshost_engine::{CoreContext, Guest, GuestCore, VuError, VuInfo};
use stresshost_io::http::{HttpCore, HttpShared};
use stresshost_plan::Plan;

use crate::bindings::WorkloadPre;
use crate::component::Loadable;
use crate::engine::{TickingEngine, load_engine};
use crate::error::LoadError;
use crate::feeds::Feeds;
use crate::imports::artifacts::ArtifactStore;
use crate::instance::WasmVu;
use crate::plugin::link;
use crate::state::{CoreShared, RunShared, VuState};
use crate::{MAX_CALL_EPOCHS, MAX_CONTROL_EPOCHS, MAX_MEMORY_BYTES, cache};

/// Random stream of the instance that runs `setup` and `teardown`; virtual users count up from 0.
const SETUP_STREAM: u64 = u64::MAX - 1;

/// What a run grants and gives its plugin.
pub struct WasmSetup<'a> {
    /// Name of the plugin.
    pub plugin: String,
    /// What it planned.
    pub plan: &'a Plan,
    /// Seed of the run.
    pub seed: u64,
    /// The HTTP engine with its egress rule.
    pub http: HttpShared,
    /// Where artifacts go; none: the plugin may not write any.
    pub artifacts: Option<ArtifactStore>,
    /// Directory of compiled code.
    pub cache: Option<&'a Path>,
}

/// A plugin, compiled and linked for the load.
pub struct WasmGuest {
    pre: WorkloadPre<VuState>,
    http: HttpShared,
    run: Arc<RunShared>,
    /// Kept so that epochs pass; dropped after `pre`.
    _engine: TickingEngine,
}

impl WasmGuest {
    /// Prepares a component for the load: an engine with a pool sized from the plan, and the component linked to it.
    ///
    /// # Errors
    /// When wasmtime refuses.
    pub fn new(loadable: &Loadable, setup: WasmSetup<'_>) -> Result<Self, LoadError> {
        let engine = load_engine(setup.plan.vus())?;
        let pre = link(&engine.engine, &cache::compile(&engine.engine, loadable, setup.cache)?)?;
        let run = RunShared {
            plugin: setup.plugin,
            feeds: Feeds::new(&setup.plan.feeds, setup.seed),
            artifacts: setup.artifacts,
            log_lines: AtomicU64::new(0),
            started_unix_ms: stresshost_clock::wall_unix_ms(),
        };
        Ok(Self { pre, http: setup.http, run: Arc::new(run), _engine: engine })
    }
}

/// The plugin on one core.
pub struct WasmCore {
    pre: WorkloadPre<VuState>,
    shared: Rc<CoreShared>,
}

impl Guest for WasmGuest {
    type Core = WasmCore;

    fn core(&self, context: Rc<CoreContext>) -> Result<WasmCore, VuError> {
        let http = HttpCore::new(self.http.clone(), context.clock);
        let shared = Rc::new(CoreShared { context, http, run: Arc::clone(&self.run) });
        Ok(WasmCore { pre: self.pre.clone(), shared })
    }
}

impl WasmCore {
    async fn instance(&self, stream: u64, limits: (usize, u64)) -> Result<WasmVu, VuError> {
        WasmVu::instantiate(&self.pre, Rc::clone(&self.shared), stream, limits).await
    }
}

impl GuestCore for WasmCore {
    type Vu = WasmVu;

    async fn setup(&self, context: &str) -> Result<String, VuError> {
        let mut instance = self.instance(SETUP_STREAM, (MAX_MEMORY_BYTES, MAX_CONTROL_EPOCHS)).await?;
        instance.setup(context).await
    }

    async fn start(&self, vu: VuInfo, shared: &str) -> Result<WasmVu, VuError> {
        let mut instance = self.instance(vu.id, (MAX_MEMORY_BYTES, MAX_CALL_EPOCHS)).await?;
        instance.start(vu, shared).await?;
        Ok(instance)
    }

    async fn teardown(&self, shared: &str) -> Result<(), VuError> {
        let mut instance = self.instance(SETUP_STREAM, (MAX_MEMORY_BYTES, MAX_CONTROL_EPOCHS)).await?;
        instance.teardown(shared).await
    }
}
