//! One core: its phases, its recorder and its timer. Nothing here is shared with another core.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_metrics::{Block, FindingLog, Names};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use crate::context::CoreContext;
use crate::fault_policy::GivenUp;
use crate::guest::{Guest, GuestCore, VuError};
use crate::limiter::Limits;
use crate::live::Wishes;
use crate::phase::{ActivePhase, PhaseStart, run_phase};
use crate::report::{News, Reports};
use crate::stop::Level;
use crate::usage::thread_cpu_ns;
use crate::{RunError, TICK_MS};

/// A core and its guest.
pub(crate) struct Core<C> {
    pub(crate) context: Rc<CoreContext>,
    pub(crate) guest: C,
    pub(crate) cores: usize,
    pub(crate) reports: Reports,
    pub(crate) given_up: Arc<GivenUp>,
    pub(crate) to_control: mpsc::Sender<FromCore>,
    phases: RefCell<Vec<Rc<ActivePhase>>>,
    wishes: watch::Receiver<Wishes>,
    /// Raised once, when the first load begins.
    begun: Notify,
    /// CPU time of the core's thread when it was last told.
    cpu_ns: Cell<u64>,
}

/// What a core tells control.
#[derive(Debug)]
pub(crate) enum FromCore {
    /// Every virtual user that the core has in the phase is ready.
    Ready { phase: usize },
    /// The core cannot do the phase.
    PhaseBroken { phase: usize, error: RunError },
    /// The core cannot go on.
    Broken(RunError),
    /// The measurements of a tick.
    Block(Box<Handed>),
    /// The last iteration that the core has in a phase has ended; comes after a block with all of the phase's
    /// measurements.
    PhaseDone(PhaseDone),
    /// What is no measurement.
    News(News),
}

/// Measurements on their way to control.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) core: usize,
    pub(crate) tick: u64,
    pub(crate) block: Block,
    /// CPU time of the core's thread since it last handed something over.
    pub(crate) cpu_ns: u64,
    /// What the block ends.
    pub(crate) ends: BlockEnds,
}

/// What a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockEnds {
    /// A tick, with the virtual users busy at its end.
    Tick { vus_busy: u64 },
    /// A phase, somewhere between two ticks.
    Phase,
    /// The core's work, at this instant on the run clock.
    Core { done_ns: u64 },
}

/// The end of a phase on one core; times are nanoseconds of load time since the phase began.
#[derive(Debug)]
pub(crate) struct PhaseDone {
    pub(crate) phase: usize,
    /// When it was stopped, if it was.
    pub(crate) stopped_ns: Option<u64>,
    /// By stream: when the last iteration of one that is counted had ended; `None` for others.
    pub(crate) counted_ns: Vec<Option<u64>>,
}

/// What control asks of a core.
pub(crate) enum ToCore {
    /// Make the virtual users of a phase, say that they are ready, and run it when it begins.
    Phase(PhaseStart),
    /// There are no more phases.
    Finish,
}

/// What a core needs to run.
pub(crate) struct CoreSpec<G> {
    pub(crate) index: usize,
    pub(crate) cores: usize,
    pub(crate) guest: Arc<G>,
    pub(crate) scenarios: usize,
    pub(crate) clock: Clock,
    pub(crate) names: Arc<Mutex<Names>>,
    pub(crate) findings: Arc<Mutex<FindingLog>>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) seed: u64,
    pub(crate) stop: watch::Receiver<Level>,
    pub(crate) given_up: Arc<GivenUp>,
    pub(crate) wishes: watch::Receiver<Wishes>,
    pub(crate) from_control: mpsc::Receiver<ToCore>,
    pub(crate) to_control: mpsc::Sender<FromCore>,
}

/// Runs a core until control has no more phases for it. Must run inside a `LocalSet`.
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
pub(crate) fn panic_text(error: JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else { return "it was cancelled".to_owned() };
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("without a text"))
}

async fn try_run_core<G: Guest>(spec: CoreSpec<G>) -> Result<(), RunError> {
    let CoreSpec {
        index,
        cores,
        scenarios,
        clock,
        names,
        findings,
        limits,
        seed,
        stop,
        given_up,
        wishes,
        to_control,
        ..
    } = spec;
    let mut from_control = spec.from_control;
    let context = CoreContext::new((index, cores), clock, scenarios, names, findings, limits, seed)?;
    let guest = spec.guest.core(Rc::clone(&context)).map_err(guest_error)?;
    let core = Rc::new(Core::new(context, guest, cores, given_up, wishes, to_control));
    let helpers = [
        tokio::task::spawn_local(tick(Rc::clone(&core))),
        tokio::task::spawn_local(report(Rc::clone(&core))),
        tokio::task::spawn_local(heed(Rc::clone(&core))),
    ];
    let outcome = work(&core, &mut from_control, &stop).await;
    helpers.iter().for_each(tokio::task::JoinHandle::abort);
    outcome?;
    core.finish().await;
    Ok(())
}

/// Runs phases as control asks for them, until it asks to finish or is gone.
async fn work<C: GuestCore>(
    core: &Rc<Core<C>>,
    from_control: &mut mpsc::Receiver<ToCore>,
    stop: &watch::Receiver<Level>,
) -> Result<(), RunError> {
    let mut phases = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(ended) = phases.join_next() => {
                ended.map_err(|error| {
                    RunError::Os(format!("core {} broke: {}", core.context.index, panic_text(error)))
                })?;
            }
            asked = from_control.recv() => match asked {
                Some(ToCore::Phase(start)) => {
                    phases.spawn_local(run_phase(Rc::clone(core), start, stop.clone()));
                }
                Some(ToCore::Finish) | None => return Ok(()),
            },
        }
    }
}

fn guest_error(error: VuError) -> RunError {
    match error {
        VuError::Failed { code, message } => RunError::Start { vu: 0, code, message },
        VuError::Fault(fault) => RunError::Fault(fault),
    }
}

impl<C> Core<C> {
    pub(crate) fn new(
        context: Rc<CoreContext>,
        guest: C,
        cores: usize,
        given_up: Arc<GivenUp>,
        wishes: watch::Receiver<Wishes>,
        to_control: mpsc::Sender<FromCore>,
    ) -> Self {
        Self {
            context,
            guest,
            cores,
            reports: Reports::default(),
            given_up,
            to_control,
            phases: RefCell::default(),
            wishes,
            begun: Notify::new(),
            cpu_ns: Cell::new(thread_cpu_ns()),
        }
    }

    /// Starts the ticks, unless they go on already; `first_ns` is when the first load begins, on the run clock.
    pub(crate) fn begin(&self, first_ns: u64) {
        if self.context.load_start_ns.get() == 0 {
            self.context.load_start_ns.set(first_ns);
            self.begun.notify_one();
        }
    }

    pub(crate) fn add_phase(&self, phase: Rc<ActivePhase>) {
        self.phases.borrow_mut().push(phase);
        self.apply_wishes();
    }

    pub(crate) fn remove_phase(&self, index: usize) {
        self.phases.borrow_mut().retain(|phase| phase.index != index);
    }

    /// Hands over everything measured of a phase that is over, and says so.
    pub(crate) async fn end_phase(&self, phase: &ActivePhase, start_load_ns: u64) {
        let context = &self.context;
        for share in phase.shares.iter().flatten() {
            share.count_dropped(context);
        }
        // The block is not this phase's alone, and must not show more started than due of another.
        self.count_due();
        let done_load_ns = context.load_now_ns();
        let since_start = |load_ns: u64| load_ns.saturating_sub(start_load_ns);
        let counted = |(stream, share): (usize, &Option<crate::ticket::Share>)| {
            let ended_ns = share.as_ref()?.ended_load_ns()?;
            // Users that were interrupted never found out that there was nothing more to do.
            Some(since_start(if phase.is_done(stream) { ended_ns } else { done_load_ns }))
        };
        let done = PhaseDone {
            phase: phase.index,
            stopped_ns: context.is_stopped().then(|| since_start(context.stop_load_ns() - 1)),
            counted_ns: phase.shares.iter().enumerate().map(counted).collect(),
        };
        // Without control there is nobody left to tell.
        if let Some(news) = self.reports.take() {
            drop(self.to_control.send(FromCore::News(news)).await);
        }
        drop(self.to_control.send(self.hand_over(self.tick_now(), BlockEnds::Phase)).await);
        drop(self.to_control.send(FromCore::PhaseDone(done)).await);
    }

    /// Does what a person wishes of the run.
    fn apply_wishes(&self) {
        let wishes = self.wishes.borrow();
        self.context.pause(wishes.paused);
        for phase in self.phases.borrow().iter() {
            for (place, scale) in &wishes.scale {
                if place.0 == phase.index {
                    phase.scale(place.1, *scale, &self.context);
                }
            }
        }
        drop(wishes);
        self.context.wake();
    }

    /// The number of the tick that is under way.
    fn tick_now(&self) -> u64 {
        let context = &self.context;
        context.clock.now_ns().saturating_sub(context.load_start_ns.get()) / (TICK_MS * NS_PER_MS) + 1
    }

    fn count_due(&self) {
        for phase in self.phases.borrow().iter() {
            phase.shares.iter().flatten().for_each(|share| share.count_due(&self.context));
        }
    }

    fn hand_over(&self, tick: u64, ends: BlockEnds) -> FromCore {
        let block = self.context.recorder.borrow_mut().take();
        let cpu_ns = thread_cpu_ns();
        let used_ns = cpu_ns.saturating_sub(self.cpu_ns.replace(cpu_ns));
        FromCore::Block(Box::new(Handed { core: self.context.index, tick, block, cpu_ns: used_ns, ends }))
    }

    async fn finish(&self) {
        // Without control there is nobody left to tell.
        if let Some(news) = self.reports.take() {
            drop(self.to_control.send(FromCore::News(news)).await);
        }
        let done_ns = self.context.clock.now_ns();
        drop(self.to_control.send(self.hand_over(self.tick_now(), BlockEnds::Core { done_ns })).await);
    }
}

/// Hands a block to control at every tick, from the beginning of the first load on.
async fn tick<C: GuestCore>(core: Rc<Core<C>>) {
    core.begun.notified().await;
    let start_ns = core.context.load_start_ns.get();
    // CPU time from before the load is none of its business.
    core.cpu_ns.set(thread_cpu_ns());
    for tick in 1_u64.. {
        // The core's own timer: one of tokio's would make every wait for events carry a time limit.
        core.context.timer.sleep_until(start_ns + tick * TICK_MS * NS_PER_MS).await;
        core.count_due();
        // With control behind, the recorder simply goes on filling and the next tick hands over more.
        if let Ok(permit) = core.to_control.try_reserve() {
            let vus_busy = core.context.vus_busy.get();
            permit.send(core.hand_over(tick, BlockEnds::Tick { vus_busy }));
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

/// Does what a person wishes of the run whenever that changes.
async fn heed<C: GuestCore>(core: Rc<Core<C>>) {
    let mut wishes = core.wishes.clone();
    while wishes.changed().await.is_ok() {
        core.apply_wishes();
    }
}

#[cfg(test)]
mod tests {
    use stresshost_metrics::Window;
    use stresshost_plan::Plan;
    use tokio::sync::mpsc::error::TryRecvError;

    use super::*;
    use crate::guest::{GuestVu, VuInfo};
    use crate::ticket::Ticket;

    struct Idle;

    impl GuestCore for Idle {
        type Vu = Self;

        async fn setup(&self, _part: u16, _context: &str) -> Result<String, VuError> {
            Ok(String::new())
        }

        async fn setup_phase(&self, _part: u16, _context: &str) -> Result<String, VuError> {
            Ok(String::new())
        }

        async fn start(&self, _vu: VuInfo, _shared: &str) -> Result<Self, VuError> {
            Ok(Self)
        }

        async fn teardown_phase(&self, _part: u16, _shared: &str) -> Result<(), VuError> {
            Ok(())
        }

        async fn teardown(&self, _part: u16, _shared: &str) -> Result<(), VuError> {
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
        let limits = Arc::new(Limits::new(&Plan::default()));
        let context = CoreContext::new((0, 1), Clock::start(), 1, Arc::default(), Arc::default(), limits, 0)
            .expect("a timer");
        let wishes = watch::Sender::new(Wishes::default()).subscribe();
        (Rc::new(Core::new(context, Idle, 1, Arc::new(GivenUp::new(1)), wishes, to_control)), from_core)
    }

    /// The tick of a block and the iterations due in it.
    fn opened(message: Result<FromCore, TryRecvError>) -> Option<(u64, u64)> {
        let FromCore::Block(handed) = message.ok()? else { return None };
        let Handed { tick, block, .. } = *handed;
        Some((tick, block.iterations(0, Window::Measured)?.counts.due))
    }

    #[tokio::test(start_paused = true)]
    async fn a_core_whose_control_lags_leaves_ticks_out_and_loses_nothing() {
        let run = async {
            let (core, mut from_core) = core(2);
            tokio::task::spawn_local(tick(Rc::clone(&core)));
            core.begin(1);
            for second in 1..=6 {
                core.context.recorder.borrow_mut().iterations_due(0, Window::Measured, second);
                // Between two ticks.
                core.context.clock.sleep_until_ns(second * 1_000_000_000 + 2_000_000).await;
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
                core.reports.fault(crate::Fault::new("iterate", 0, "again"));
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
            core.reports.fault(crate::Fault::new("iterate", 0, "at the very end"));
            core.finish().await;
            assert!(matches!(from_core.recv().await, Some(FromCore::News(_))));
            let Some(FromCore::Block(last)) = from_core.recv().await else { panic!("no block") };
            assert_eq!((last.tick, last.ends), (1, BlockEnds::Core { done_ns: 0 }));
        };
        tokio::task::LocalSet::new().run_until(run).await;
    }
}
