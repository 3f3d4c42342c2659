//! What the host keeps for one virtual user: the data of its store.

use std::borrow::Cow;
use std::cell::{RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use stresshost_clock::Clock;
use stresshost_engine::{CoreContext, LimitId, Ticket};
use stresshost_io::Secrets;
use stresshost_io::http::{HttpCore, HttpSession, Prepared};
use stresshost_io::mongo::MongoCore;
use stresshost_io::redis::RedisCore;
use stresshost_io::sql::SqlCore;
use stresshost_io::tcp::TcpCore;
use stresshost_metrics::{CheckId, MetricId, MetricKind, NamesFull, OpId, SandboxLimit};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::Failure;
use crate::compute_share::{Alive, ComputeShares};
use crate::engine::Epoch;
use crate::feeds::Feeds;
use crate::imports::artifacts::ArtifactStore;
use crate::memory_budget::{Held, Limiter, MemoryBudget};
use crate::mongo::MongoSide;
use crate::on_core::OnCore;
use crate::prepared_memory::Charges;
use crate::redis::RedisSide;
use crate::sql::SqlSide;
use crate::stderr::StderrTail;
use crate::tcp::TcpSide;
use crate::waiting::{Fulfilled, Wish};
use crate::wasi_http::{Hooks, Outgoing};
use crate::{EPOCH_MS, GuestLimits, GuestProfile};

/// What all virtual users of a plugin share.
pub(crate) struct RunShared {
    pub(crate) plugin: String,
    /// Index of the plugin in the plan's parts.
    pub(crate) part: u16,
    /// By scenario of the plan: its index in the plan the plugin itself made.
    pub(crate) own_scenarios: Vec<u32>,
    pub(crate) feeds: Feeds,
    pub(crate) artifacts: Option<ArtifactStore>,
    pub(crate) profile: Option<Arc<GuestProfile>>,
    pub(crate) log_lines: AtomicU64,
    pub(crate) limits: GuestLimits,
    /// What no text that leaves the plugin may show.
    pub(crate) secrets: Secrets,
    pub(crate) memory: Arc<MemoryBudget>,
    pub(crate) epoch: Epoch,
    /// Wall time at which WASI's clock stands still or starts, in milliseconds since the Unix epoch.
    pub(crate) started_unix_ms: u64,
}

impl RunShared {
    /// A failure as it may be shown.
    pub(crate) fn shown(&self, failure: Failure) -> Failure {
        let shown = |text: String| match self.secrets.redact(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(shown) => shown,
        };
        Failure { code: shown(failure.code), message: shown(failure.message) }
    }

    /// Counts a log line; true while lines are shown.
    pub(crate) fn may_log(&self) -> bool {
        let before = self.log_lines.fetch_add(1, Ordering::Relaxed);
        let most = self.limits.log_lines;
        if before == most {
            tracing::warn!(plugin = self.plugin, "more than {most} log lines; the rest is not shown");
        }
        before < most
    }
}

/// What a virtual user shares with the others on its core.
pub(crate) struct CoreShared {
    pub(crate) context: Rc<CoreContext>,
    pub(crate) http: HttpCore,
    pub(crate) mongo: MongoCore,
    pub(crate) redis: RedisCore,
    pub(crate) sql: SqlCore,
    pub(crate) tcp: TcpCore,
    pub(crate) run: Arc<RunShared>,
    pub(crate) charges: Charges,
    /// What the plugins on the core owe each other.
    pub(crate) shares: Rc<ComputeShares>,
}

impl CoreShared {
    /// Counts that a virtual user of the plugin reached a limit.
    pub(crate) fn reached(&self, limit: SandboxLimit) {
        self.reached_times(limit, 1);
    }

    pub(crate) fn reached_times(&self, limit: SandboxLimit, count: u64) {
        self.context.recorder.borrow_mut().limit_hits(self.run.part, limit, count);
    }

    /// What a guest is told whose name was refused.
    pub(crate) fn refused_name(&self, error: &NamesFull) -> String {
        if matches!(error, NamesFull::TooMany { .. }) {
            self.reached(SandboxLimit::Names);
        }
        error.to_string()
    }
}

/// A prepared request and what it is called.
pub(crate) struct PreparedOp {
    pub(crate) op: OpId,
    pub(crate) request: Arc<Prepared>,
    /// Rate limits of the request's target.
    pub(crate) limits: Vec<LimitId>,
    /// Its place in the memory of the run.
    pub(crate) _charge: Rc<Held>,
}

/// What is kept of a response besides the answer itself.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) body_bytes: u64,
    pub(crate) duration_us: u64,
    /// The words of a failure.
    pub(crate) error_text: Option<Box<str>>,
}

/// The part of a virtual user that may do I/O. Missing while a plugin describes, plans or analyses: then it is granted
/// nothing.
pub(crate) struct Live {
    pub(crate) core: Rc<CoreShared>,
    pub(crate) http: HttpSession,
    /// None until it is first used: most plugins have no use for it.
    pub(crate) redis: Option<Box<RedisSide>>,
    /// None until it is first used: most plugins have no use for it.
    pub(crate) mongo: Option<Box<MongoSide>>,
    /// None until it is first used: most plugins use no database.
    pub(crate) sql: Option<Box<SqlSide>>,
    /// None until it is first used: most plugins leave protocols to the host.
    pub(crate) tcp: Option<Box<TcpSide>>,
    pub(crate) prepared: Vec<PreparedOp>,
    pub(crate) prepared_bytes: u64,
    pub(crate) checks: Vec<CheckId>,
    pub(crate) metrics: Vec<(MetricId, MetricKind)>,
    pub(crate) limiters: Vec<LimitId>,
    pub(crate) outgoing: Rc<Outgoing>,
    /// Responses of the latest firing have ids from here on.
    pub(crate) first_response: u32,
    pub(crate) responses: Vec<Received>,
    /// The iteration at hand; none in `setup`, `start` and `finish`.
    pub(crate) ticket: Option<Ticket>,
    /// When the next request should start; none when it may start whenever the guest asks.
    pub(crate) intended_ns: Option<u64>,
    /// Why the iteration at hand fails, as far as the guest has told.
    pub(crate) failure: Option<Failure>,
    /// What the suspended guest waits for, until that is begun.
    pub(crate) wish: Option<Wish>,
    /// What came of it, until the guest is resumed.
    pub(crate) fulfilled: Option<Fulfilled>,
    /// The epoch in which the guest last went on after it gave way to others.
    pub(crate) resumed: u64,
    _alive: Alive,
}

/// How long a guest has been computing.
pub(crate) struct Computing {
    epoch: Epoch,
    /// The epoch in which the guest last was seen to compute, or began to.
    seen: u64,
    /// Epochs that have passed since it last waited for the host.
    pub(crate) epochs: u64,
    pub(crate) most: u64,
}

impl Computing {
    fn new(epoch: Epoch, most_ms: u64) -> Self {
        Self { seen: epoch.now(), epoch, epochs: 0, most: most_ms.div_ceil(EPOCH_MS) }
    }

    /// The guest begins to compute, or goes on after it has waited.
    pub(crate) fn begin(&mut self) {
        self.epochs = 0;
        self.seen = self.epoch.now();
    }

    /// Epochs that have passed since the guest was seen last, or went on in the epoch `resumed` after it gave way to
    /// others. Wasmtime asks to look also when they passed while it waited for the host; then they are none.
    pub(crate) fn look(&mut self, resumed: u64) -> u64 {
        let now = self.epoch.now();
        let passed = now.saturating_sub(self.seen.max(resumed));
        self.seen = now;
        self.epochs += passed;
        passed
    }
}

/// What a virtual user is made with besides its side of the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// Bytes of linear memory.
    pub(crate) memory_bytes: u64,
    /// Milliseconds it may compute without waiting.
    pub(crate) compute_ms: u64,
}

/// The data of one store.
pub(crate) struct VuState {
    pub(crate) live: Option<OnCore<Rc<RefCell<Live>>>>,
    pub(crate) rng: StdRng,
    pub(crate) stderr: StderrTail,
    pub(crate) limits: Limiter,
    pub(crate) computing: Computing,
    /// Lines logged while it describes, plans or analyses.
    pub(crate) control_log_lines: u64,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    table: ResourceTable,
}

impl VuState {
    /// State with nothing granted, for `describe`, `plan` and `analyze`.
    pub(crate) fn control(limits: &GuestLimits, epoch: Epoch) -> Self {
        let limiter = Limiter::new(limits, limits.control_memory_bytes, None);
        let computing = Computing::new(epoch, limits.control_compute_ms);
        Self::new(None, StdRng::seed_from_u64(0), limiter, computing, None)
    }

    /// State of a virtual user, whose side of the host is `live`. `stream` tells its random stream from those of the
    /// others.
    pub(crate) fn live(live: Rc<RefCell<Live>>, stream: u64, allowance: Allowance) -> Self {
        let core = Rc::clone(&live.borrow().core);
        let clock = (core.context.clock, core.run.started_unix_ms);
        // SplitMix64's increment spreads consecutive streams over the seed space.
        let seed = core.context.seed ^ stream.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let rng = StdRng::seed_from_u64(seed);
        let run = &core.run;
        let limiter = Limiter::new(&run.limits, allowance.memory_bytes, Some(Arc::clone(&run.memory)));
        let computing = Computing::new(run.epoch.clone(), allowance.compute_ms);
        Self::new(Some(live), rng, limiter, computing, Some(clock))
    }

    fn new(
        live: Option<Rc<RefCell<Live>>>,
        mut rng: StdRng,
        limits: Limiter,
        computing: Computing,
        clock: Option<(Clock, u64)>,
    ) -> Self {
        let stderr = StderrTail::default();
        let clock = GuestClock { clock };
        let mut wasi = WasiCtx::builder();
        wasi.stderr(stderr.clone())
            .secure_random(StdRng::from_rng(&mut rng))
            .insecure_random(StdRng::from_rng(&mut rng))
            .insecure_random_seed(u128::from(rng.next_u64()))
            .wall_clock(clock)
            .monotonic_clock(clock)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        let (wasi, table) = (wasi.build(), ResourceTable::new());
        let (http, hooks) = (WasiHttpCtx::new(), Hooks::new(live.clone()));
        Self {
            live: live.map(OnCore::new),
            rng,
            stderr,
            limits,
            computing,
            control_log_lines: 0,
            wasi,
            http,
            hooks,
            table,
        }
    }
}

impl VuState {
    /// What the guest was granted; none while it describes, plans or analyses.
    pub(crate) fn granted(&self) -> Option<RefMut<'_, Live>> {
        self.live.as_ref().map(|live| live.borrow_mut())
    }

    /// Counts the epochs in which the guest has computed since it was looked at last.
    pub(crate) fn look(&mut self) -> u64 {
        let resumed = self.granted().map_or(0, |live| live.resumed);
        self.computing.look(resumed)
    }

    /// Charges the guest's plugin for epochs of computing; how long the guest is held back for the others on its core, in
    /// nanoseconds.
    pub(crate) fn charge(&self, epochs: u64) -> u64 {
        let Some(live) = self.granted() else { return 0 };
        let CoreShared { context, run, shares, .. } = &*live.core;
        let held_back_ns = shares.charge(run.part, epochs, self.computing.epochs > 1, context.clock.now_ns());
        if held_back_ns > 0 {
            live.core.reached(SandboxLimit::ComputeShare);
        }
        held_back_ns
    }

    /// Counts that the guest reached a limit. While it describes, plans or analyses there is no run to count for.
    pub(crate) fn reached(&self, limit: SandboxLimit) {
        if let Some(live) = self.granted() {
            live.core.reached(limit);
        }
    }

    /// Counts the growth that was refused since the last time.
    pub(crate) fn count_refused_growth(&mut self) {
        let Some(refused) = self.limits.take_refused() else { return };
        let Some(live) = self.granted() else { return };
        for (limit, count) in refused {
            live.core.reached_times(limit, count);
        }
    }

    /// Where the time of the plugin's guests is counted, if it is.
    pub(crate) fn profile(&self) -> Option<Arc<GuestProfile>> {
        self.granted().and_then(|live| live.core.run.profile.clone())
    }

    /// Index of the plugin; 0 while it describes, plans or analyses.
    pub(crate) fn part(&self) -> u16 {
        self.granted().map_or(0, |live| live.core.run.part)
    }
}

impl Live {
    /// The host's side of a virtual user on a core.
    pub(crate) fn new(core: Rc<CoreShared>) -> Self {
        Self {
            http: HttpSession::new(core.http.clone()),
            mongo: None,
            redis: None,
            sql: None,
            tcp: None,
            resumed: 0,
            _alive: core.shares.enter(core.run.part),
            core,
            prepared: Vec::new(),
            prepared_bytes: 0,
            outgoing: Rc::default(),
            checks: Vec::new(),
            metrics: Vec::new(),
            limiters: Vec::new(),
            first_response: 0,
            responses: Vec::new(),
            ticket: None,
            intended_ns: None,
            failure: None,
            wish: None,
            fulfilled: None,
        }
    }
}

impl WasiView for VuState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for VuState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

/// WASI's clocks: the run clock, counted from the wall time at which the run began; still while nothing runs.
#[derive(Clone, Copy)]
struct GuestClock {
    clock: Option<(Clock, u64)>,
}

impl HostMonotonicClock for GuestClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        // Go's runtime takes 0 for a clock that does not work.
        self.clock.map_or(1, |(clock, _)| clock.now_ns().max(1))
    }
}

impl HostWallClock for GuestClock {
    fn resolution(&self) -> std::time::Duration {
        std::time::Duration::from_nanos(1)
    }

    fn now(&self) -> std::time::Duration {
        let Some((clock, started_unix_ms)) = self.clock else { return std::time::Duration::ZERO };
        std::time::Duration::from_millis(started_unix_ms) + std::time::Duration::from_nanos(clock.now_ns())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_epochs_of_computing_are_counted() {
        let epoch = Epoch::default();
        let mut computing = Computing::new(epoch.clone(), 100);
        assert_eq!((computing.most, computing.look(0)), (10, 0));
        epoch.pass(2);
        assert_eq!(computing.look(0), 2);
        // It gave way for 5 epochs, and has computed for one since.
        epoch.pass(5);
        let resumed = epoch.now();
        epoch.pass(1);
        assert_eq!((computing.look(resumed), computing.epochs), (1, 3));
        epoch.pass(1);
        assert_eq!(computing.look(resumed), 1, "an old resumption does not count again");
        // It waits for the host.
        epoch.pass(9);
        computing.begin();
        assert_eq!((computing.look(resumed), computing.epochs), (0, 0));
    }
}
