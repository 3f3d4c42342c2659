//! One core: its virtual users, its recorder and its timer. Nothing here is shared with another core.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use stresshost_clock::{Clock, NS_PER_MS, Timer};
use stresshost_metrics::{Block, Names, Recorder};
use stresshost_plan::{Executor, Plan, Scenario};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use crate::arrivals::Arrivals;
use crate::guest::{Fault, Guest, GuestCore, VuError, VuInfo};
use crate::report::{News, Reports};
use crate::stop::{Level, reached};
use crate::ticket::{ClosedTickets, OpenShare, Span, Tickets};
use crate::worker::run_vu;
use crate::{RunError, TICK_MS};

/// What a guest may use of its core.
pub struct CoreContext {
    /// 0 and up.
    pub index: usize,
    /// The run clock.
    pub clock: Clock,
    /// The core's timer.
    pub timer: Timer,
    /// The core's measurements. Borrow it for one call, never across an await.
    pub recorder: RefCell<Recorder>,
    /// Names of the run's operations, checks and metrics. For set-up, not for the hot path.
    pub names: Arc<Mutex<Names>>,
    /// Seed of the run.
    pub seed: u64,
    /// When the load begins on the run clock; 0 until that is known.
    pub load_start_ns: Cell<u64>,
    pub(crate) vus_busy: Cell<u64>,
    /// Whether a virtual user was given up after a fault.
    pub(crate) users_lost: Cell<bool>,
    stop_ns: Cell<u64>,
}

impl CoreContext {
    /// The first instant past the stop, on the run clock; `u64::MAX` while nobody asked for one. What was due at the
    /// very instant of the stop was due: it may have begun already.
    pub(crate) const fn stop_ns(&self) -> u64 {
        self.stop_ns.get()
    }
}

/// A core and its guest.
pub(crate) struct Core<C> {
    pub(crate) context: Rc<CoreContext>,
    pub(crate) guest: C,
    pub(crate) shared: Arc<str>,
    pub(crate) cores: usize,
    pub(crate) reports: Reports,
    to_control: mpsc::Sender<FromCore>,
}

/// What a core tells control.
pub(crate) enum FromCore {
    /// Every virtual user of the core is ready.
    Ready,
    /// The core cannot go on.
    Broken(RunError),
    /// The measurements of a tick.
    Block {
        core: usize,
        tick: u64,
        block: Block,
        vus_busy: u64,
        /// When the core's last iteration ended, on the run clock; set in the last block only.
        done_ns: Option<u64>,
    },
    /// What is no measurement.
    News(News),
}

/// What a core needs to run.
pub(crate) struct CoreSpec<G> {
    pub(crate) index: usize,
    pub(crate) cores: usize,
    pub(crate) guest: Arc<G>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) shared: Arc<str>,
    pub(crate) clock: Clock,
    pub(crate) names: Arc<Mutex<Names>>,
    pub(crate) seed: u64,
    pub(crate) stop: watch::Receiver<Level>,
    /// When the load begins, once every core is ready.
    pub(crate) begin: watch::Receiver<Option<u64>>,
    pub(crate) to_control: mpsc::Sender<FromCore>,
}

/// Makes the context of a core and starts its timer on the current `LocalSet`.
pub(crate) fn context(
    index: usize,
    clock: Clock,
    scenarios: usize,
    names: Arc<Mutex<Names>>,
    seed: u64,
) -> Result<Rc<CoreContext>, RunError> {
    let (timer, driver) = Timer::new(clock).map_err(|error| RunError::Os(error.to_string()))?;
    tokio::task::spawn_local(driver);
    Ok(Rc::new(CoreContext {
        index,
        clock,
        timer,
        recorder: RefCell::new(Recorder::new(scenarios)),
        names,
        seed,
        load_start_ns: Cell::new(0),
        vus_busy: Cell::new(0),
        users_lost: Cell::new(false),
        stop_ns: Cell::new(u64::MAX),
    }))
}

/// Runs a core from the making of its virtual users to its last block. Must run inside a `LocalSet`.
pub(crate) async fn run_core<G: Guest>(spec: CoreSpec<G>) {
    let (to_control, index) = (spec.to_control.clone(), spec.index);
    // A task of its own: a panic in it must reach control, which would wait for this core for ever.
    let outcome = match tokio::task::spawn_local(try_run_core(spec)).await {
        Ok(outcome) => outcome,
        Err(error) => Err(RunError::Os(format!("core {index} broke: {}", panic_text(error)))),
    };
    if let Err(error) = outcome {
        // Control may be gone already, which it only is when it has failed for another reason.
        drop(to_control.send(FromCore::Broken(error)).await);
    }
}

/// What a task that did not end by itself said last.
fn panic_text(error: JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else { return "it was cancelled".to_owned() };
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("without a text"))
}

async fn try_run_core<G: Guest>(spec: CoreSpec<G>) -> Result<(), RunError> {
    let scenarios = spec.plan.scenarios.len();
    let context = context(spec.index, spec.clock, scenarios, Arc::clone(&spec.names), spec.seed)?;
    let guest = spec.guest.core(Rc::clone(&context)).map_err(|error| start_error(0, error))?;
    let CoreSpec { plan, shared, cores, to_control, mut stop, mut begin, .. } = spec;
    let core = Rc::new(Core { context, guest, shared, cores, reports: Reports::default(), to_control });
    let users = start_users(&core, &plan, &mut stop).await?;
    if core.to_control.send(FromCore::Ready).await.is_err() {
        return Ok(());
    }
    let start_ns = match begin.wait_for(Option::is_some).await.map(|start_ns| *start_ns) {
        Ok(Some(start_ns)) => start_ns,
        // Control has given the run up.
        Ok(None) | Err(_) => return Ok(()),
    };
    core.context.load_start_ns.set(start_ns);
    load(&core, &plan, users, start_ns, stop).await;
    Ok(())
}

/// A virtual user that is ready, and the scenario it belongs to.
struct ReadyUser<V> {
    scenario: usize,
    /// Its place among the scenario's virtual users.
    index: u64,
    info: VuInfo,
    vu: V,
}

async fn start_users<C: GuestCore>(
    core: &Core<C>,
    plan: &Plan,
    stop: &mut watch::Receiver<Level>,
) -> Result<Vec<ReadyUser<C::Vu>>, RunError> {
    let count = plan.vus();
    let mut users = Vec::new();
    let mut first_id = 0;
    for (scenario, config) in plan.scenarios.iter().enumerate() {
        let vus = config.executor.vus();
        for index in (core.context.index as u64..vus).step_by(core.cores) {
            let info = VuInfo { id: first_id + index, count };
            let vu = tokio::select! {
                biased;
                // First, or users that start without waiting would outrun the stop.
                () = reached(stop, Level::Draining) => return Err(RunError::Stopped),
                vu = core.guest.start(info, &core.shared) => vu.map_err(|error| start_error(info.id, error))?,
            };
            users.push(ReadyUser { scenario, index, info, vu });
        }
        first_id += vus;
    }
    Ok(users)
}

fn start_error(vu: u64, error: VuError) -> RunError {
    match error {
        VuError::Failed { code, message } => RunError::Start { vu, code, message },
        VuError::Fault(fault) => RunError::Fault(fault),
    }
}

/// Runs the load: virtual users, ticks and the stop, until the last iteration has ended or was interrupted.
async fn load<C: GuestCore>(
    core: &Rc<Core<C>>,
    plan: &Plan,
    users: Vec<ReadyUser<C::Vu>>,
    start_ns: u64,
    stop: watch::Receiver<Level>,
) {
    let spans: Vec<Span> =
        (0..).zip(&plan.scenarios).map(|(index, s)| span(plan, s, index, start_ns)).collect();
    let shares: Vec<_> = spans.iter().zip(&plan.scenarios).map(|(s, c)| open_share(core, *s, c)).collect();
    let mut tasks = JoinSet::new();
    for ReadyUser { scenario, index, info, vu } in users {
        let tickets = match (&shares[scenario], &plan.scenarios[scenario].executor) {
            (Some(share), _) => Tickets::Open(Rc::clone(share)),
            (None, executor) => closed_tickets(spans[scenario], executor, index),
        };
        tasks.spawn_local(run_vu(Rc::clone(core), info, vu, tickets));
    }
    let ends_ns = spans.iter().map(|span| span.end_ns).max().unwrap_or(start_ns);
    let ticker = tokio::task::spawn_local(tick(Rc::clone(core), shares.clone(), start_ns));
    let reporter = tokio::task::spawn_local(report(Rc::clone(core)));
    watch_users(core, &mut tasks, ends_ns, plan.graceful_stop_ms * NS_PER_MS, stop).await;
    // Dropping an iteration's future records it as interrupted.
    tasks.shutdown().await;
    ticker.abort();
    reporter.abort();
    finish_core(core, &shares, start_ns).await;
}

/// Returns when every virtual user is done and the load's time is over, or when those in flight must be interrupted.
async fn watch_users<C: GuestCore>(
    core: &Core<C>,
    tasks: &mut JoinSet<()>,
    ends_ns: u64,
    grace_ns: u64,
    mut stop: watch::Receiver<Level>,
) {
    let clock = core.context.clock;
    let mut stop_now = stop.clone();
    let mut interrupt_ns = ends_ns.saturating_add(grace_ns);
    loop {
        let stopped = core.context.stop_ns() != u64::MAX;
        if tasks.is_empty() && (stopped || core.context.users_lost.get() || clock.now_ns() >= ends_ns) {
            return;
        }
        tokio::select! {
            biased;
            Some(ended) = tasks.join_next() => if let Err(error) = ended {
                core.context.users_lost.set(true);
                core.reports.fault(Fault::new("host", panic_text(error)));
            },
            () = reached(&mut stop, Level::Draining), if !stopped => {
                let now_ns = clock.now_ns();
                core.context.stop_ns.set(now_ns.saturating_add(1));
                core.context.timer.cancel_waits();
                interrupt_ns = interrupt_ns.min(now_ns.saturating_add(grace_ns));
            }
            () = reached(&mut stop_now, Level::Now), if stopped => return,
            () = clock.sleep_until_ns(ends_ns), if tasks.is_empty() => {}
            () = clock.sleep_until_ns(interrupt_ns) => return,
        }
    }
}

const fn span(plan: &Plan, scenario: &Scenario, index: u16, load_start_ns: u64) -> Span {
    let start_ns = load_start_ns + scenario.start_ms * NS_PER_MS;
    let end_ns = start_ns + scenario.executor.duration_ms() * NS_PER_MS;
    Span { scenario: index, start_ns, end_ns, warmup_end_ns: load_start_ns + plan.warmup_ms * NS_PER_MS }
}

fn closed_tickets(span: Span, executor: &Executor, index: u64) -> Tickets {
    let ramp_up_ms = match executor {
        Executor::ConstantVus(config) => config.ramp_up_ms,
        Executor::ConstantArrivalRate(_) => 0,
    };
    Tickets::Closed(ClosedTickets::new(span, index, executor.vus(), ramp_up_ms * NS_PER_MS))
}

/// This core's share of an open-model scenario: every n-th arrival, n being the cores that have virtual users for it.
fn open_share<C>(core: &Core<C>, span: Span, scenario: &Scenario) -> Option<Rc<OpenShare>> {
    let Executor::ConstantArrivalRate(config) = &scenario.executor else { return None };
    let sharers = config.vus.min(core.cores as u64);
    let first = core.context.index as u64;
    // A core without virtual users for the scenario has no share: nothing would ever be due on it.
    (first < sharers).then(|| Rc::new(OpenShare::new(span, Arrivals::new(config), first, sharers)))
}

type Shares = Vec<Option<Rc<OpenShare>>>;

/// Hands a block to control at every tick.
async fn tick<C: GuestCore>(core: Rc<Core<C>>, shares: Shares, start_ns: u64) {
    for tick in 1_u64.. {
        core.context.clock.sleep_until_ns(start_ns + tick * TICK_MS * NS_PER_MS).await;
        count_due(&core, &shares);
        // With control behind, the recorder simply goes on filling and the next tick hands over more.
        if let Ok(permit) = core.to_control.try_reserve() {
            permit.send(block(&core, tick, None));
        }
    }
}

/// Tells control what happened besides measurements, as soon as it has room for it.
async fn report<C: GuestCore>(core: Rc<Core<C>>) {
    loop {
        core.reports.raised().await;
        let Ok(permit) = core.to_control.reserve().await else { return };
        if let Some(news) = core.reports.take() {
            permit.send(FromCore::News(news));
        }
    }
}

async fn finish_core<C: GuestCore>(core: &Core<C>, shares: &Shares, start_ns: u64) {
    count_due(core, shares);
    for share in shares.iter().flatten() {
        share.count_dropped(&core.context);
    }
    let done_ns = core.context.clock.now_ns();
    let tick = done_ns.saturating_sub(start_ns) / (TICK_MS * NS_PER_MS) + 1;
    let last = block(core, tick, Some(done_ns));
    // Without control there is nobody left to tell.
    if let Some(news) = core.reports.take() {
        drop(core.to_control.send(FromCore::News(news)).await);
    }
    drop(core.to_control.send(last).await);
}

fn count_due<C>(core: &Core<C>, shares: &Shares) {
    let now_ns = core.context.clock.now_ns();
    for share in shares.iter().flatten() {
        share.count_due(&core.context, now_ns);
    }
}

fn block<C>(core: &Core<C>, tick: u64, done_ns: Option<u64>) -> FromCore {
    let block = core.context.recorder.borrow_mut().take();
    FromCore::Block { core: core.context.index, tick, block, vus_busy: core.context.vus_busy.get(), done_ns }
}

#[cfg(test)]
mod tests {
    use stresshost_metrics::Window;
    use tokio::sync::mpsc::error::TryRecvError;

    use super::*;
    use crate::guest::GuestVu;
    use crate::ticket::Ticket;

    struct Idle;

    impl GuestCore for Idle {
        type Vu = Self;

        async fn setup(&self, _context: &str) -> Result<String, VuError> {
            Ok(String::new())
        }

        async fn start(&self, _vu: VuInfo, _shared: &str) -> Result<Self, VuError> {
            Ok(Self)
        }

        async fn teardown(&self, _shared: &str) -> Result<(), VuError> {
            Ok(())
        }
    }

    impl GuestVu for Idle {
        async fn iterate(&mut self, _ticket: Ticket) -> Result<(), VuError> {
            Ok(())
        }

        async fn finish(&mut self) {}
    }

    fn core(capacity: usize) -> (Rc<Core<Idle>>, mpsc::Receiver<FromCore>) {
        let (to_control, from_core) = mpsc::channel(capacity);
        let context = context(0, Clock::start(), 1, Arc::default(), 0).expect("a timer");
        let reports = Reports::default();
        (Rc::new(Core { context, guest: Idle, shared: "".into(), cores: 1, reports, to_control }), from_core)
    }

    /// The tick of a block and the iterations due in it.
    fn opened(message: Result<FromCore, TryRecvError>) -> Option<(u64, u64)> {
        let FromCore::Block { tick, block, .. } = message.ok()? else { return None };
        Some((tick, block.iterations(0, Window::Measured)?.counts.due))
    }

    #[tokio::test(start_paused = true)]
    async fn a_core_whose_control_lags_leaves_ticks_out_and_loses_nothing() {
        let run = async {
            let (core, mut from_core) = core(2);
            tokio::task::spawn_local(tick(Rc::clone(&core), Vec::new(), 0));
            for second in 1..=6 {
                core.context.recorder.borrow_mut().iterations_due(0, Window::Measured, second);
                // Between two ticks.
                core.context.clock.sleep_until_ns(second * 1_000_000_000 + 1_000_000).await;
            }
            assert_eq!(opened(from_core.try_recv()), Some((1, 1)));
            assert_eq!(opened(from_core.try_recv()), Some((2, 2)));
            assert_eq!(opened(from_core.try_recv()), None);
            let next = from_core.recv().await.ok_or(TryRecvError::Disconnected);
            assert_eq!(opened(next), Some((7, 3 + 4 + 5 + 6)));
        };
        tokio::task::LocalSet::new().run_until(run).await;
    }

    #[tokio::test(start_paused = true)]
    async fn news_wait_for_room_and_are_not_lost() {
        let run = async {
            let (core, mut from_core) = core(1);
            tokio::task::spawn_local(report(Rc::clone(&core)));
            for _ in 0..1_000 {
                core.reports.fault(Fault::new("iterate", "again"));
                tokio::task::yield_now().await;
            }
            let mut count = 0;
            while count < 1_000 {
                let Some(FromCore::News(news)) = from_core.recv().await else { panic!("no news") };
                count += news.faults.iter().map(|(_, count)| count).sum::<u64>();
            }
            assert_eq!(count, 1_000);
            assert!(from_core.try_recv().is_err());
        };
        tokio::task::LocalSet::new().run_until(run).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_news_come_before_the_last_block() {
        let run = async {
            let (core, mut from_core) = core(2);
            core.reports.fault(Fault::new("iterate", "at the very end"));
            finish_core(&core, &Vec::new(), 0).await;
            assert!(matches!(from_core.recv().await, Some(FromCore::News(_))));
            assert!(matches!(
                from_core.recv().await,
                Some(FromCore::Block { tick: 1, done_ns: Some(0), .. })
            ));
        };
        tokio::task::LocalSet::new().run_until(run).await;
    }

    /// Ten arrivals a second for a second, from the start of the clock.
    fn share() -> Rc<OpenShare> {
        let config = stresshost_plan::ConstantArrivalRate {
            rate_per_s: 10.0,
            duration_ms: 1_000,
            ramp_up_ms: 0,
            vus: 1,
        };
        let span = Span { scenario: 0, start_ns: 0, end_ns: 1_000_000_000, warmup_end_ns: 0 };
        Rc::new(OpenShare::new(span, Arrivals::new(&config), 0, 1))
    }

    fn counts(core: &Core<Idle>) -> stresshost_metrics::IterationCounts {
        let block = core.context.recorder.borrow_mut().take();
        block.iterations(0, Window::Measured).map(|stats| stats.counts).unwrap_or_default()
    }

    /// A snapshot must never show more started than due.
    #[tokio::test(start_paused = true)]
    async fn what_is_due_now_counts_as_due() {
        let run = async {
            let (core, share) = (core(1).0, share());
            for (now_ms, due) in [(0, 1), (99, 0), (100, 1), (300, 2)] {
                share.count_due(&core.context, now_ms * NS_PER_MS);
                assert_eq!(counts(&core).due, due, "at {now_ms} ms");
            }
        };
        tokio::task::LocalSet::new().run_until(run).await;
    }

    /// A busy core can wake a user after both the stop and its arrival's time: the schedule decides, not the waking.
    #[tokio::test(start_paused = true)]
    async fn an_arrival_after_the_stop_is_not_started_however_late_its_user_wakes() {
        let run = async {
            for (stop_ms, started, dropped) in [(50, 0, 0), (150, 1, 0)] {
                let (core, share) = (core(1).0, share());
                let base_ns = core.context.clock.now_ns();
                let mut tickets = Tickets::Open(Rc::clone(&share));
                assert!(tickets.next(&core.context).await.is_some(), "the arrival at 0 ms");
                let mut next = Box::pin(tickets.next(&core.context));
                tokio::select! {
                    biased;
                    _ = &mut next => panic!("100 ms have not passed"),
                    () = tokio::task::yield_now() => {}
                }
                core.context.stop_ns.set(base_ns + stop_ms * NS_PER_MS);
                tokio::time::advance(std::time::Duration::from_millis(200)).await;
                assert_eq!(next.await.is_some(), started == 1, "stopped at {stop_ms} ms");
                share.count_dropped(&core.context);
                let counts = counts(&core);
                assert_eq!((counts.due, counts.dropped), (1 + started, dropped));
            }
        };
        tokio::task::LocalSet::new().run_until(run).await;
    }
}
