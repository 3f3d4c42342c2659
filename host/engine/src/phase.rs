//! One phase on one core: its virtual users from `start` to `finish`, and its shares of the load.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use stresshost_clock::NS_PER_MS;
use stresshost_plan::{Executor, ScheduledPhase, Stream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::RunError;
use crate::context::CoreContext;
use crate::core::{Core, FromCore, panic_text};
use crate::guest::{Fault, GuestCore, VuError, VuInfo};
use crate::live::Scale;
use crate::mix::Mix;
use crate::stop::{Level, reached};
use crate::ticket::{Members, Rhythm, Share, ShareSpec, SharedCount, Span};
use crate::worker::run_vu;

/// A phase that control wants to begin.
pub(crate) struct PhaseStart {
    pub(crate) index: usize,
    pub(crate) phase: Arc<ScheduledPhase>,
    /// What the phase's set-ups returned, by part.
    pub(crate) shared: Arc<[Arc<str>]>,
    /// When its load begins, once every core is ready; closed when the phase is given up.
    pub(crate) begin: watch::Receiver<Option<Begin>>,
    /// By stream: what the cores share.
    pub(crate) counts: Arc<[SharedCount]>,
}

/// The beginning of a phase's load; nanoseconds on the run clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begin {
    pub(crate) at_ns: u64,
    /// The beginning of the first load of the run: from it all cores count their ticks.
    pub(crate) first_ns: u64,
}

/// A phase whose load goes on, as the rest of the core sees it.
pub(crate) struct ActivePhase {
    pub(crate) index: usize,
    /// By stream; none where this core has no virtual users.
    pub(crate) shares: Vec<Option<Share>>,
    /// By stream: its virtual users on this core.
    seats: Vec<Cell<Seats>>,
    /// Plugin of the virtual user that panicked last.
    panicked: Cell<u16>,
    /// By stream: what a person last wished of it.
    scaled: RefCell<Vec<Scale>>,
}

/// What has become of a stream's virtual users on a core.
#[derive(Clone, Copy, Debug, Default)]
struct Seats {
    taken: u64,
    /// Users that have nothing more to do.
    left: u64,
    /// Users given up after a fault, and those that were interrupted.
    lost: u64,
}

/// A virtual user's place in a phase: lost unless it is left.
pub(crate) struct Seat {
    phase: Rc<ActivePhase>,
    stream: usize,
    part: u16,
    left: bool,
}

impl Seat {
    fn take(phase: Rc<ActivePhase>, stream: usize, part: u16) -> Self {
        phase.count(stream, |seats| seats.taken += 1);
        Self { phase, stream, part, left: false }
    }

    /// The user has nothing more to do.
    pub(crate) fn leave(mut self) {
        self.left = true;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.phase.panicked.set(self.part);
        }
        self.phase.count(self.stream, |seats| if self.left { seats.left += 1 } else { seats.lost += 1 });
    }
}

impl ActivePhase {
    fn new(index: usize, shares: Vec<Option<Share>>) -> Self {
        let scaled = RefCell::new(vec![Scale::default(); shares.len()]);
        let seats = shares.iter().map(|_| Cell::default()).collect();
        Self { index, shares, seats, panicked: Cell::new(0), scaled }
    }

    fn count(&self, stream: usize, change: impl FnOnce(&mut Seats)) {
        if let Some(cell) = self.seats.get(stream) {
            let mut seats = cell.get();
            change(&mut seats);
            cell.set(seats);
        }
    }

    /// Whether every virtual user the stream had on this core found nothing more to do.
    pub(crate) fn is_done(&self, stream: usize) -> bool {
        self.seats.get(stream).map(Cell::get).is_none_or(|seats| seats.left == seats.taken)
    }

    /// Whether the stream has lost every virtual user it had on this core.
    fn is_lost(&self, stream: usize) -> bool {
        self.seats.get(stream).map(Cell::get).is_none_or(|seats| seats.lost == seats.taken)
    }

    /// Does what a person wishes of a stream, as far as it is new.
    pub(crate) fn scale(&self, stream: usize, scale: Scale, context: &CoreContext) {
        let Some(Some(share)) = self.shares.get(stream) else { return };
        let Some(before) =
            self.scaled.borrow_mut().get_mut(stream).map(|known| std::mem::replace(known, scale))
        else {
            return;
        };
        if let Some(vus) = scale.vus.filter(|_| scale.vus != before.vus) {
            share.scale_vus(context, vus);
        }
        if let Some(rate_per_s) = scale.rate_per_s.filter(|_| scale.rate_per_s != before.rate_per_s) {
            share.scale_rate(context, rate_per_s);
        }
    }
}

/// A virtual user that is ready.
pub(crate) struct ReadyUser<V> {
    pub(crate) stream: usize,
    /// Its place among the stream's virtual users.
    pub(crate) place: u64,
    pub(crate) info: VuInfo,
    pub(crate) vu: V,
}

/// Runs a phase on this core from the making of its virtual users to the end of the last one.
pub(crate) async fn run_phase<C: GuestCore>(
    core: Rc<Core<C>>,
    start: PhaseStart,
    stop: watch::Receiver<Level>,
) {
    let index = start.index;
    if let Err(error) = try_run_phase(&core, start, stop).await {
        // Control may be gone already, which it only is when it has failed for another reason.
        drop(core.to_control.send(FromCore::PhaseBroken { phase: index, error }).await);
    }
}

async fn try_run_phase<C: GuestCore>(
    core: &Rc<Core<C>>,
    mut start: PhaseStart,
    mut stop: watch::Receiver<Level>,
) -> Result<(), RunError> {
    let users = start_users(core, &start, &mut stop).await?;
    if core.to_control.send(FromCore::Ready { phase: start.index }).await.is_err() {
        return Ok(());
    }
    let begin = match start.begin.wait_for(Option::is_some).await.map(|begin| *begin) {
        Ok(Some(begin)) => begin,
        // Control has given the phase up.
        Ok(None) | Err(_) => return Ok(()),
    };
    core.begin(begin.first_ns);
    load(core, &start, users, begin.at_ns, stop).await;
    Ok(())
}

/// Waits until control gives the phase up, which it does without a word.
async fn given_up(begin: &mut watch::Receiver<Option<Begin>>) {
    while begin.changed().await.is_ok() {}
}

/// The users of a stream that live on a core. Streams begin at different cores, so that small ones spread.
fn members(core_index: usize, cores: usize, stream_index: usize, stream: &Stream) -> Members {
    let (core, cores) = (core_index as u64, cores as u64);
    let first = (core + cores - stream_index as u64 % cores) % cores;
    Members { first, stride: cores, of: stream.executor.vus() }
}

async fn start_users<C: GuestCore>(
    core: &Core<C>,
    start: &PhaseStart,
    stop: &mut watch::Receiver<Level>,
) -> Result<Vec<ReadyUser<C::Vu>>, RunError> {
    let count = start.phase.vus();
    let mut begin = start.begin.clone();
    let mut users = Vec::new();
    let mut first_id = 0;
    for (index, stream) in start.phase.streams.iter().enumerate() {
        let shared = start.shared.get(usize::from(stream.part)).map_or("", |shared| shared);
        for place in members(core.context.index, core.cores, index, stream).places() {
            let info =
                VuInfo { id: first_id + place, count, phase: phase_number(start.index), part: stream.part };
            let vu = tokio::select! {
                biased;
                // First, or users that start without waiting would outrun the stop.
                () = reached(stop, Level::Draining) => return Err(RunError::Stopped),
                // Another core could not make its users.
                () = given_up(&mut begin) => return Err(RunError::Stopped),
                vu = core.guest.start(info, shared) => vu.map_err(|error| start_error(info.id, error))?,
            };
            users.push(ReadyUser { stream: index, place, info, vu });
        }
        first_id += stream.executor.vus();
    }
    Ok(users)
}

/// Plans have far fewer phases than a `u16` holds.
pub(crate) fn phase_number(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

fn start_error(vu: u64, error: VuError) -> RunError {
    match error {
        VuError::Failed { code, message } => RunError::Start { vu, code, message },
        VuError::Fault(fault) => RunError::Fault(fault),
    }
}

/// Runs the load until the last iteration has ended or was interrupted.
async fn load<C: GuestCore>(
    core: &Rc<Core<C>>,
    start: &PhaseStart,
    users: Vec<ReadyUser<C::Vu>>,
    start_ns: u64,
    stop: watch::Receiver<Level>,
) {
    let start_load_ns = core.context.load_ns(start_ns);
    let active = Rc::new(ActivePhase::new(start.index, shares(core, start, start_load_ns)));
    core.add_phase(Rc::clone(&active));
    let mut tasks = JoinSet::new();
    for user in users {
        if let Some(share) = &active.shares[user.stream] {
            let shared = start.shared.get(usize::from(user.info.part)).map_or_else(|| "".into(), Arc::clone);
            let tickets = share.tickets(user.place);
            let seat = Seat::take(Rc::clone(&active), user.stream, user.info.part);
            tasks.spawn_local(run_vu(Rc::clone(core), seat, user, shared, tickets));
        }
    }
    let ends = Ends::of(&start.phase, start_load_ns);
    watch_users(core, &active, &mut tasks, &ends, stop).await;
    // Dropping an iteration's future records it as interrupted.
    tasks.shutdown().await;
    core.remove_phase(start.index);
    core.end_phase(&active, start_load_ns).await;
}

/// When a phase ends, in load time.
struct Ends {
    /// The last of its streams at the latest.
    latest_ns: u64,
    /// Its streams that last for a time rather than for a number of iterations: that time passes even when no virtual
    /// user has anything to do.
    timed: Vec<(usize, u64)>,
    grace_ns: u64,
}

impl Ends {
    fn of(phase: &ScheduledPhase, start_load_ns: u64) -> Self {
        let end_ns = |stream: &Stream| {
            start_load_ns.saturating_add((stream.start_ms + stream.executor.duration_ms()) * NS_PER_MS)
        };
        let timed = phase.streams.iter().enumerate().filter(|(_, stream)| !is_counted(&stream.executor));
        Self {
            latest_ns: phase.streams.iter().map(end_ns).max().unwrap_or(start_load_ns),
            timed: timed.map(|(index, stream)| (index, end_ns(stream))).collect(),
            grace_ns: phase.graceful_stop_ms * NS_PER_MS,
        }
    }

    /// When the time of the phase has passed on this core. A stream without virtual users, because it never had any
    /// here or has lost them all, is not waited for.
    fn timed_ns(&self, active: &ActivePhase) -> u64 {
        let waited_for = self.timed.iter().filter(|(stream, _)| !active.is_lost(*stream));
        waited_for.map(|(_, end_ns)| *end_ns).max().unwrap_or(0)
    }
}

/// Whether a stream is over when its iterations are done.
pub(crate) const fn is_counted(executor: &Executor) -> bool {
    matches!(executor, Executor::SharedIterations(_) | Executor::PerVuIterations(_))
}

fn shares<C>(core: &Core<C>, start: &PhaseStart, start_load_ns: u64) -> Vec<Option<Share>> {
    let share = |(index, stream): (usize, &Stream)| {
        let members = members(core.context.index, core.cores, index, stream);
        // A core without virtual users for a stream has no share: nothing would ever be due on it.
        if members.len() == 0 {
            return None;
        }
        let seed = stream_seed(core.context.seed, start.index, index);
        let stream_start_ns = start_load_ns + stream.start_ms * NS_PER_MS;
        let span = Span {
            start_ns: stream_start_ns,
            end_ns: stream_start_ns + stream.executor.duration_ms() * NS_PER_MS,
            warmup_end_ns: start_load_ns + start.phase.warmup_ms * NS_PER_MS,
            mix: Mix::new(&stream.scenarios, seed),
            scenarios: stream.scenarios.iter().map(|(scenario, _)| *scenario).collect(),
        };
        Some(Share::new(ShareSpec {
            span,
            executor: &stream.executor,
            rhythm: Rhythm { pause: stream.pause, seed },
            members,
            seed,
            count: start.counts.get(index).cloned().unwrap_or_default(),
        }))
    };
    start.phase.streams.iter().enumerate().map(share).collect()
}

/// The seed of a stream of a run: of its [`Arrivals`](crate::Arrivals) and its [`Mix`], the same on every core.
///
/// `phase` and `stream` are indices into the plan's [`Schedule`](stresshost_plan::Schedule).
pub fn stream_seed(seed: u64, phase: usize, stream: usize) -> u64 {
    crate::mix::scramble(seed ^ crate::mix::scramble(((phase as u64) << 32) | stream as u64))
}

/// Returns when every virtual user is done and the load's time is over, or when those in flight must be interrupted.
async fn watch_users<C: GuestCore>(
    core: &Core<C>,
    active: &ActivePhase,
    tasks: &mut JoinSet<()>,
    ends: &Ends,
    mut stop: watch::Receiver<Level>,
) {
    let context = &core.context;
    let clock = context.clock;
    let mut stop_now = stop.clone();
    let mut interrupt_ns = u64::MAX;
    loop {
        let now_ns = context.load_now_ns();
        let (stopped, over) = (context.is_stopped(), now_ns >= ends.latest_ns);
        let (idle, timed_ns) = (tasks.is_empty(), ends.timed_ns(active));
        if idle && (stopped || now_ns >= timed_ns) {
            return;
        }
        if (stopped || over) && interrupt_ns == u64::MAX {
            let from_ns = if over { context.run_ns(ends.latest_ns) } else { clock.now_ns() };
            interrupt_ns = from_ns.saturating_add(ends.grace_ns);
        }
        let next_ns = if idle { timed_ns } else { ends.latest_ns };
        tokio::select! {
            biased;
            Some(ended) = tasks.join_next() => if let Err(error) = ended {
                core.reports.fault(Fault::new("host", active.panicked.get(), panic_text(error)));
            },
            () = reached(&mut stop, Level::Draining), if !stopped => context.stop(),
            () = reached(&mut stop_now, Level::Now), if stopped => return,
            _ = context.wait_until_load(next_ns), if !over && !stopped => {}
            () = clock.sleep_until_ns(interrupt_ns), if stopped || over => return,
        }
    }
}
