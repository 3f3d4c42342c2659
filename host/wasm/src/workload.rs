//! The plugins of a run as the engine's guest.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use stresshost_engine::{CoreContext, Fault, Guest, GuestCore, VuError, VuInfo};
use stresshost_io::http::{HttpCore, HttpShared};
use stresshost_io::mongo::MongoCore;
use stresshost_io::redis::RedisCore;
use stresshost_io::sql::{SqlCore, SqlShared};
use stresshost_io::tcp::TcpCore;
use stresshost_plan::{Feed, Plan, Scenario};

use crate::bindings::WorkloadPre;
use crate::component::Loadable;
use crate::compute_share::ComputeShares;
use crate::engine::{TickingEngine, load_engine};
use crate::error::LoadError;
use crate::feeds::Feeds;
use crate::imports::artifacts::ArtifactStore;
use crate::instance::WasmVu;
use crate::memory_budget::MemoryBudget;
use crate::plugin::link;
use crate::prepared_memory::Charges;
use crate::state::{Allowance, CoreShared, RunShared, VuState};
use crate::{GuestLimits, GuestProfile, cache};

/// Random stream of the instance that runs `setup` and `teardown`; virtual users count up from 0.
const SETUP_STREAM: u64 = u64::MAX - 1;

/// Virtual users of different phases have random streams of their own: the phase stands above any number of users.
const PHASE_SHIFT: u32 = 40;

/// What a run grants and gives one plugin.
pub struct WasmPart {
    /// The component.
    pub loadable: Arc<Loadable>,
    /// Name of the plugin.
    pub plugin: String,
    /// Data shared by its virtual users.
    pub feeds: Vec<Feed>,
    /// The HTTP engine with its egress rule.
    pub http: HttpShared,
    /// Where artifacts go; none: the plugin may not write any.
    pub artifacts: Option<ArtifactStore>,
    /// Where its guests spend their CPU, if that is wanted.
    pub profile: Option<Arc<GuestProfile>>,
}

/// Every plugin of a run, compiled and linked for the load.
pub struct WasmGuest {
    parts: Vec<LinkedPart>,
    /// Kept so that epochs pass; dropped after `parts`.
    _engine: TickingEngine,
}

struct LinkedPart {
    pre: WorkloadPre<VuState>,
    http: HttpShared,
    sql: SqlShared,
    run: Arc<RunShared>,
}

impl WasmGuest {
    /// Prepares components for the load: an engine laid out for the plan's users, and each component linked to it.
    /// `parts` are those of the plan, or the one plugin of a plan without parts; `limits` hold for each. `cache` is a directory of compiled code.
    ///
    /// # Errors
    /// When wasmtime refuses.
    pub fn new(
        plan: &Plan,
        seed: u64,
        parts: Vec<WasmPart>,
        limits: GuestLimits,
        cache: Option<&Path>,
    ) -> Result<Self, LoadError> {
        let engine = load_engine(plan.vus())?;
        let memory = Arc::new(MemoryBudget::new(limits.total_memory_bytes));
        let link_part = |(index, part): (u16, WasmPart)| {
            let WasmPart { loadable, plugin, feeds, http, artifacts, profile } = part;
            let pre = link(&engine.engine, &cache::compile(&engine.engine, &loadable, cache)?)?;
            let own = |(place, scenario): (u32, &Scenario)| scenario.own_index.unwrap_or(place);
            let run = RunShared {
                plugin,
                part: index,
                own_scenarios: (0..).zip(&plan.scenarios).map(own).collect(),
                feeds: Feeds::new(&feeds, seed),
                artifacts,
                profile,
                log_lines: AtomicU64::new(0),
                limits,
                secrets: http.config().secrets.clone(),
                memory: Arc::clone(&memory),
                epoch: engine.epoch.clone(),
                started_unix_ms: stresshost_clock::wall_unix_ms(),
            };
            let sql = SqlShared::beside(&http);
            Ok(LinkedPart { pre, http, sql, run: Arc::new(run) })
        };
        let parts = (0..).zip(parts).map(link_part).collect::<Result<Vec<LinkedPart>, LoadError>>()?;
        Ok(Self { parts, _engine: engine })
    }
}

/// The plugins on one core.
pub struct WasmCore {
    parts: Vec<(WorkloadPre<VuState>, Rc<CoreShared>)>,
}

impl Guest for WasmGuest {
    type Core = WasmCore;

    fn core(&self, context: Rc<CoreContext>) -> Result<WasmCore, VuError> {
        let shares = Rc::new(ComputeShares::default());
        let part = |part: &LinkedPart| {
            let http = HttpCore::with_timer(part.http.clone(), context.clock, context.timer.clone());
            let sql = SqlCore::new(part.sql.clone(), http.clone(), context.index, context.cores);
            let (run, shares) = (Arc::clone(&part.run), Rc::clone(&shares));
            let shared = CoreShared {
                context: Rc::clone(&context),
                mongo: MongoCore::new(http.clone()),
                redis: RedisCore::new(http.clone()),
                tcp: TcpCore::new(http.clone()),
                http,
                sql,
                run,
                shares,
                charges: Charges::default(),
            };
            (part.pre.clone(), Rc::new(shared))
        };
        Ok(WasmCore { parts: self.parts.iter().map(part).collect() })
    }
}

impl WasmCore {
    /// An instance for one call of `setup` and its like.
    async fn control_instance(&self, part: u16) -> Result<WasmVu, VuError> {
        self.instance(part, SETUP_STREAM, |limits| limits.control_compute_ms).await
    }

    async fn instance(
        &self,
        part: u16,
        stream: u64,
        compute_ms: impl FnOnce(&GuestLimits) -> u64,
    ) -> Result<WasmVu, VuError> {
        let Some((pre, shared)) = self.parts.get(usize::from(part)) else {
            return Err(VuError::Fault(Fault::new(
                "instantiate",
                part,
                "the plan names a plugin it does not have",
            )));
        };
        let limits = &shared.run.limits;
        let allowance = Allowance { memory_bytes: limits.memory_bytes, compute_ms: compute_ms(limits) };
        WasmVu::instantiate(pre, Rc::clone(shared), stream, allowance).await
    }
}

impl GuestCore for WasmCore {
    type Vu = WasmVu;

    async fn setup(&self, part: u16, context: &str) -> Result<String, VuError> {
        self.control_instance(part).await?.setup(context).await
    }

    async fn setup_phase(&self, part: u16, context: &str) -> Result<String, VuError> {
        self.control_instance(part).await?.setup_phase(context).await
    }

    async fn start(&self, vu: VuInfo, shared: &str) -> Result<WasmVu, VuError> {
        let stream = u64::from(vu.phase) << PHASE_SHIFT | vu.id;
        let mut instance = self.instance(vu.part, stream, |limits| limits.compute_ms).await?;
        instance.start(vu, shared).await?;
        Ok(instance)
    }

    async fn teardown_phase(&self, part: u16, shared: &str) -> Result<(), VuError> {
        self.control_instance(part).await?.teardown_phase(shared).await
    }

    async fn teardown(&self, part: u16, shared: &str) -> Result<(), VuError> {
        self.control_instance(part).await?.teardown(shared).await
    }
}
