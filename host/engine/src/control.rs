//! The part of a run that watches: phases, readiness, ticks, faults, the stop, and the totals.

mod load;
mod log;

use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_metrics::{FindingLog, Names, PhaseEnd, PhaseStatus, ReportedFinding, Tick, Totals};
use stresshost_plan::{Plan, Schedule, ScheduledPhase, Stream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::core::{FromCore, PhaseDone, ToCore};
use crate::director::{Director, PhaseState};
use crate::fault_policy::GivenUp;
use crate::guest::GuestCore;
use crate::live::Wishes;
use crate::phase::{Begin, PhaseStart};
use crate::preparation::{Preparation, Values};
use crate::stop::{Level, Stop, reached};
use crate::ticket::SharedCount;
use crate::ticks::{TickWorld, Ticks};
use crate::usage::{Usage, usage};
use crate::{Fault, FaultPolicy, RunError, START_LEAD_MS};
use log::Log;

/// What a run tells its caller while it goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// Virtual users are being made.
    Preparing,
    /// The load begins now.
    Started,
    /// The load of a phase begins now; not told of a plan without phases.
    PhaseBegan {
        /// Its name.
        name: &'a str,
    },
    /// A phase is over, or will never begin; not told of a plan without phases.
    PhaseEnded {
        /// Its name.
        name: &'a str,
        /// What became of it.
        status: PhaseStatus,
        /// Why, unless it passed; may be empty.
        reason: &'a str,
    },
    /// A second has passed.
    Tick(&'a Tick),
    /// The run was asked to stop and is draining.
    Draining,
    /// A threshold that ends the run was crossed; the run is draining.
    Aborting {
        /// Which, and by how much.
        reason: &'a str,
    },
    /// The run stands still, or goes on again.
    Paused(bool),
    /// An iteration failed, in the plugin's words. Told for the first of each code only.
    Failure {
        /// The plugin's code.
        code: &'a str,
        /// The plugin's words.
        message: &'a str,
    },
    /// The plugin broke. Told for the first of each text only.
    Fault(&'a Fault),
    /// Something was found out about the target. Told once, when it was reported first.
    Finding(&'a ReportedFinding),
    /// A plugin has broken too often: it begins nothing more.
    PluginStopped {
        /// Its name.
        plugin: &'a str,
        /// How often it broke.
        faults: u64,
    },
}

/// What came of the load.
pub(crate) struct Loaded {
    pub(crate) totals: Totals,
    pub(crate) started_unix_ms: u64,
    pub(crate) end_ns: u64,
    pub(crate) used: Usage,
    pub(crate) interrupted: bool,
}

/// What control works with.
pub(crate) struct Links {
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
    pub(crate) names: Arc<Mutex<Names>>,
    pub(crate) findings: Arc<Mutex<FindingLog>>,
    pub(crate) to_cores: Vec<mpsc::Sender<ToCore>>,
    pub(crate) from_cores: mpsc::Receiver<FromCore>,
    pub(crate) wishes: watch::Receiver<Wishes>,
    pub(crate) stop: Stop,
    pub(crate) on_fault: FaultPolicy,
    pub(crate) given_up: Arc<GivenUp>,
    /// By part.
    pub(crate) plugins: Vec<String>,
}

/// Watches a run from its first set-up to the last block.
pub(crate) async fn control<C: GuestCore>(
    plan: &Arc<Plan>,
    schedule: &Schedule,
    preparation: Rc<Preparation<C>>,
    mut links: Links,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Loaded, RunError> {
    on_event(Event::Preparing);
    let mut run = Control::new(plan, schedule, preparation, &links, on_event);
    if let Err(error) = run.watch(&mut links).await {
        // Nobody listens to the cores any more, and what is being set up or torn down comes to its own end: a set-up
        // that is cut off could not be torn down.
        links.stop.now();
        links.from_cores.close();
        while run.chores.join_next().await.is_some() {}
        return Err(error);
    }
    run.finish()
}

fn chore_broke(error: tokio::task::JoinError) -> RunError {
    RunError::Os(format!("a set-up or tear-down broke: {}", crate::core::panic_text(error)))
}

/// What a set-up or tear-down came to.
enum Chore {
    Prepared { phase: usize, values: Result<Values, RunError> },
    TornDown { phase: usize },
}

/// A phase while it is prepared and goes on; nanoseconds on the run clock unless said otherwise.
#[derive(Default)]
struct Under {
    /// What its set-ups returned.
    values: Option<Values>,
    begin: Option<watch::Sender<Option<Begin>>>,
    counts: Arc<[SharedCount]>,
    start_ns: u64,
    /// How long the run had been paused when the phase began.
    paused_before_ns: u64,
    /// By stream: when it will have ended, in load time since the phase began.
    planned_ends_ns: Vec<u64>,
    /// The same as far as cores have told that it did.
    ends_ns: Vec<u64>,
    /// When it was stopped, in load time since it began.
    stopped_ns: Option<u64>,
    /// Whether that cut its load short.
    stopped: bool,
}

struct Control<'a, C> {
    plan: &'a Plan,
    phases: Vec<Arc<ScheduledPhase>>,
    preparation: Rc<Preparation<C>>,
    clock: Clock,
    seed: u64,
    names: Arc<Mutex<Names>>,
    findings: Arc<Mutex<FindingLog>>,
    to_cores: Vec<mpsc::Sender<ToCore>>,
    stop: Stop,
    on_fault: FaultPolicy,
    given_up: Arc<GivenUp>,
    director: Director,
    under: Vec<Under>,
    chores: JoinSet<Chore>,
    ticks: Option<Ticks>,
    log: Log,
    used_before: Usage,
    started_unix_ms: u64,
    interrupted: bool,
    stopping: bool,
    /// Since when the run has been paused, if it is.
    paused_since_ns: Option<u64>,
    /// How long it was paused before.
    paused_ns: u64,
    on_event: &'a mut dyn FnMut(Event<'_>),
}

impl<'a, C: GuestCore> Control<'a, C> {
    fn new(
        plan: &'a Plan,
        schedule: &Schedule,
        preparation: Rc<Preparation<C>>,
        links: &Links,
        on_event: &'a mut dyn FnMut(Event<'_>),
    ) -> Self {
        Self {
            plan,
            phases: schedule.phases.iter().cloned().map(Arc::new).collect(),
            preparation,
            clock: links.clock,
            seed: links.seed,
            names: Arc::clone(&links.names),
            findings: Arc::clone(&links.findings),
            to_cores: links.to_cores.clone(),
            stop: links.stop.clone(),
            on_fault: links.on_fault,
            given_up: Arc::clone(&links.given_up),
            director: Director::new(schedule),
            under: schedule.phases.iter().map(|_| Under::default()).collect(),
            chores: JoinSet::new(),
            ticks: None,
            log: Log::new(links.plugins.clone()),
            used_before: Usage::default(),
            started_unix_ms: 0,
            interrupted: false,
            stopping: false,
            paused_since_ns: links.wishes.borrow().paused.then(|| links.clock.now_ns()),
            paused_ns: 0,
            on_event,
        }
    }

    /// Does what has to be done until every core is done.
    async fn watch(&mut self, links: &mut Links) -> Result<(), RunError> {
        let (mut stop, mut wishes) = (links.stop.watch(), links.wishes.clone());
        // A phase that was given up while it was being prepared may still have something to tear down.
        while !(self.director.is_over() && self.chores.is_empty()) {
            self.go_on()?;
            if self.director.is_over() && self.chores.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                () = reached(&mut stop, Level::Draining), if !self.stopping => self.stop_asked_for()?,
                Ok(()) = wishes.changed() => {
                    // Not held while the caller is told: it may wish for something else.
                    let paused = wishes.borrow_and_update().paused;
                    self.heed(paused);
                }
                Some(done) = self.chores.join_next() => self.chore_done(done.map_err(chore_broke)?)?,
                message = links.from_cores.recv() => match message {
                    Some(message) => self.hear(message)?,
                    None => return Err(RunError::Os("the cores ended before the run did".into())),
                },
            }
        }
        for to_core in &links.to_cores {
            // A core that is gone has said why.
            drop(to_core.send(ToCore::Finish).await);
        }
        while !self.every_core_is_done() {
            match links.from_cores.recv().await {
                Some(message) => self.hear(message)?,
                None => return Err(RunError::Os("a core ended without its last block".into())),
            }
        }
        Ok(())
    }

    fn every_core_is_done(&self) -> bool {
        self.ticks.as_ref().is_none_or(|ticks| ticks.cores_done == self.to_cores.len())
    }

    fn names(&self) -> Arc<Mutex<Names>> {
        Arc::clone(&self.names)
    }

    /// Whether the plan's phases have names that mean something to people.
    fn has_phases(&self) -> bool {
        !self.plan.phases.is_empty()
    }

    /// Prepares what may begin, begins what is ready, skips what can never begin.
    fn go_on(&mut self) -> Result<(), RunError> {
        for phase in self.director.eligible() {
            self.director.set(phase, PhaseState::Preparing { ready: 0 });
            let (preparation, scheduled) = (Rc::clone(&self.preparation), Arc::clone(&self.phases[phase]));
            self.chores.spawn_local(async move {
                Chore::Prepared { phase, values: preparation.prepare(&scheduled).await }
            });
        }
        if self.paused_since_ns.is_none() {
            for phase in 0..self.phases.len() {
                if self.director.state(phase) == (PhaseState::Preparing { ready: self.to_cores.len() }) {
                    self.begin(phase)?;
                }
            }
        }
        while let Some((phase, reason)) = self.director.doomed().into_iter().next() {
            self.director.set(phase, PhaseState::Over(PhaseStatus::Skipped));
            self.tell_end(phase, PhaseStatus::Skipped, &reason);
            if let Some(ticks) = &mut self.ticks {
                ticks.totals.phase_skipped(phase, reason);
            }
        }
        Ok(())
    }

    /// Fixes the instant at which a phase's load begins.
    fn begin(&mut self, phase: usize) -> Result<(), RunError> {
        let start_ns = self.clock.now_ns() + START_LEAD_MS * NS_PER_MS;
        let first = self.ticks.is_none();
        if first {
            self.first_load(start_ns)?;
        }
        let first_ns = self.ticks.as_ref().map_or(start_ns, |ticks| ticks.start_ns);
        let end_ns = |stream: &Stream| (stream.start_ms + stream.executor.duration_ms()) * NS_PER_MS;
        let under = &mut self.under[phase];
        under.start_ns = start_ns;
        under.paused_before_ns = self.paused_ns;
        under.planned_ends_ns = self.phases[phase].streams.iter().map(end_ns).collect();
        let begin = Begin { at_ns: start_ns, first_ns };
        let begun = under.begin.as_ref().is_some_and(|sender| sender.send(Some(begin)).is_ok());
        if !begun {
            return Err(RunError::Os("every core ended before the load began".into()));
        }
        self.director.set(phase, PhaseState::Running { done: 0 });
        if let Some(ticks) = &mut self.ticks {
            ticks.totals.phase_began(phase, start_ns);
        }
        self.tell_spans(phase);
        if first {
            (self.on_event)(Event::Started);
        }
        if self.has_phases() {
            (self.on_event)(Event::PhaseBegan { name: &self.phases[phase].name });
        }
        Ok(())
    }

    fn first_load(&mut self, start_ns: u64) -> Result<(), RunError> {
        let names = self.names();
        let names = lock(&names);
        // In a plan of one phase everybody who will record something has had a chance to name it.
        if self.phases.len() == 1 {
            let known: Vec<&str> = names.metrics().map(|(name, _, _)| name).collect();
            let problems = self.plan.unknown_metrics(&known);
            if !problems.is_empty() {
                return Err(RunError::Plan(problems));
            }
        }
        let plugin = self.log.plugins.first().map_or("", String::as_str);
        let totals = Totals::new(self.plan, plugin, start_ns).map_err(RunError::Plan)?;
        self.ticks = Some(Ticks::new(totals, self.to_cores.len(), start_ns));
        (self.used_before, self.started_unix_ms) = (usage(), stresshost_clock::wall_unix_ms());
        Ok(())
    }

    /// Nothing more begins: a person, a signal or the end of patience with a plugin.
    fn stop_asked_for(&mut self) -> Result<(), RunError> {
        self.stopping = true;
        self.interrupted = true;
        (self.on_event)(Event::Draining);
        self.give_up_waiting()
    }

    /// What has not begun will not.
    fn give_up_waiting(&mut self) -> Result<(), RunError> {
        for phase in self.director.waiting().collect::<Vec<_>>() {
            self.over_unbegun(phase, PhaseEnd::Stopped)?;
        }
        for phase in 0..self.phases.len() {
            if matches!(self.director.state(phase), PhaseState::Preparing { .. }) {
                self.over_unbegun(phase, PhaseEnd::Stopped)?;
            }
        }
        Ok(())
    }

    /// Ends a phase whose load never began. Before the first load that is the end of the run.
    fn over_unbegun(&mut self, phase: usize, end: PhaseEnd) -> Result<(), RunError> {
        let names = self.names();
        let Some(ticks) = &mut self.ticks else {
            return match end {
                PhaseEnd::Broken(reason) => Err(RunError::Os(reason)),
                PhaseEnd::Stopped | PhaseEnd::Completed => Err(RunError::Stopped),
            };
        };
        let reason = match &end {
            PhaseEnd::Broken(reason) => reason.clone(),
            PhaseEnd::Stopped | PhaseEnd::Completed => "the run was stopped".to_owned(),
        };
        let status = ticks.totals.phase_ended(phase, self.clock.now_ns(), end, &lock(&names));
        // Dropped, so that cores that still make its virtual users let them go.
        self.under[phase].begin = None;
        self.tell_end(phase, status, &reason);
        self.tear_down(phase, status);
        Ok(())
    }

    fn tell_end(&mut self, phase: usize, status: PhaseStatus, reason: &str) {
        if self.has_phases() {
            (self.on_event)(Event::PhaseEnded { name: &self.phases[phase].name, status, reason });
        }
    }

    fn tear_down(&mut self, phase: usize, status: PhaseStatus) {
        if self.under[phase].values.take().is_none() {
            self.director.set(phase, PhaseState::Over(status));
            return;
        }
        self.director.set(phase, PhaseState::Ending(status));
        let (preparation, scheduled) = (Rc::clone(&self.preparation), Arc::clone(&self.phases[phase]));
        self.chores.spawn_local(async move {
            preparation.tear_down_phase(&scheduled).await;
            Chore::TornDown { phase }
        });
    }

    fn heed(&mut self, paused: bool) {
        if paused == self.paused_since_ns.is_some() {
            return;
        }
        let now_ns = self.clock.now_ns();
        self.paused_ns = self.paused_by(now_ns);
        self.paused_since_ns = paused.then_some(now_ns);
        self.tell_moved_spans();
        (self.on_event)(Event::Paused(paused));
    }

    fn chore_done(&mut self, chore: Chore) -> Result<(), RunError> {
        match chore {
            Chore::TornDown { phase } => {
                if let PhaseState::Ending(status) = self.director.state(phase) {
                    self.director.set(phase, PhaseState::Over(status));
                }
            }
            Chore::Prepared { phase, values: Ok(values) } => {
                self.under[phase].values = Some(Arc::clone(&values));
                if let PhaseState::Over(status) = self.director.state(phase) {
                    // It was given up while it was being prepared.
                    self.tear_down(phase, status);
                } else {
                    self.start_cores(phase, &values)?;
                }
            }
            Chore::Prepared { phase, values: Err(error) } => self.phase_broke(phase, error)?,
        }
        Ok(())
    }

    fn start_cores(&mut self, phase: usize, values: &Values) -> Result<(), RunError> {
        let (begin, begins) = watch::channel(None);
        let scheduled = &self.phases[phase];
        let counts: Arc<[SharedCount]> = scheduled.streams.iter().map(|_| SharedCount::default()).collect();
        self.under[phase].begin = Some(begin);
        self.under[phase].counts = Arc::clone(&counts);
        for to_core in &self.to_cores {
            let start = PhaseStart {
                index: phase,
                phase: Arc::clone(scheduled),
                shared: Arc::clone(values),
                begin: begins.clone(),
                counts: Arc::clone(&counts),
            };
            // Room for every phase there is; a core that is gone has said why.
            if to_core.try_send(ToCore::Phase(start)).is_err() {
                return Err(RunError::Os("a core is gone".into()));
            }
        }
        Ok(())
    }

    /// A phase could not be done. Once a load has begun that is an outcome; before, it is the end.
    fn phase_broke(&mut self, phase: usize, error: RunError) -> Result<(), RunError> {
        if matches!(self.director.state(phase), PhaseState::Ending(_) | PhaseState::Over(_)) {
            return Ok(());
        }
        if self.ticks.is_none() {
            return Err(error);
        }
        if let RunError::Fault(fault) = &error {
            self.log.note_fault(fault, 1, self.on_event);
        }
        let end = match error {
            RunError::Stopped => PhaseEnd::Stopped,
            error => PhaseEnd::Broken(error.to_string()),
        };
        self.over_unbegun(phase, end)
    }

    fn hear(&mut self, message: FromCore) -> Result<(), RunError> {
        match message {
            FromCore::Ready { phase } => {
                if let PhaseState::Preparing { ready } = self.director.state(phase) {
                    self.director.set(phase, PhaseState::Preparing { ready: ready + 1 });
                }
            }
            FromCore::PhaseBroken { phase, error } => self.phase_broke(phase, error)?,
            FromCore::Broken(error) => return Err(error),
            FromCore::Block(handed) => {
                if let Some(ticks) = &mut self.ticks {
                    ticks.take(*handed);
                }
                self.emit_ticks()?;
            }
            FromCore::PhaseDone(done) => self.phase_done(&done),
            FromCore::News(news) => {
                self.log.note(news, self.on_event);
                self.give_up_on_plugins()?;
            }
        }
        Ok(())
    }

    /// Gives up on the plugins that have broken too often, and on the run when none is left.
    fn give_up_on_plugins(&mut self) -> Result<(), RunError> {
        let mut ends = false;
        for (part, (plugin, &faults)) in self.log.plugins.iter().zip(&self.log.part_faults).enumerate() {
            if faults >= self.on_fault.budget && self.given_up.give_up(part) {
                ends |= self.on_fault.ends_run || self.given_up.all();
                (self.on_event)(Event::PluginStopped { plugin, faults });
            }
        }
        if ends && !self.stopping {
            self.stopping = true;
            self.stop.now();
            self.give_up_waiting()?;
        }
        Ok(())
    }

    fn emit_ticks(&mut self) -> Result<(), RunError> {
        if self.paused_since_ns.is_some() {
            self.tell_moved_spans();
        }
        while let Some(ticks) = self.ticks.as_mut().filter(|ticks| ticks.has_tick()) {
            let names = Arc::clone(&self.names);
            let rss_bytes = usage().rss_bytes;
            let tick =
                ticks.next_tick(&TickWorld { names: &lock(&names), faults: &self.log.faults, rss_bytes });
            let Some(tick) = tick else { break };
            (self.on_event)(Event::Tick(&tick));
            self.tell_findings();
            if let Some(reason) = tick.abort.as_deref().filter(|_| !self.stopping) {
                (self.on_event)(Event::Aborting { reason });
                self.stopping = true;
                self.stop.drain();
                self.give_up_waiting()?;
            }
        }
        Ok(())
    }

    /// Tells what was found out since the last time, so that it survives a host that is killed.
    fn tell_findings(&mut self) {
        let new = self.findings.lock().unwrap_or_else(PoisonError::into_inner).take_new(&self.log.plugins);
        for finding in &new {
            (self.on_event)(Event::Finding(finding));
        }
    }

    fn phase_done(&mut self, done: &PhaseDone) {
        let phase = done.phase;
        let PhaseState::Running { done: cores } = self.director.state(phase) else { return };
        self.note_ends(done);
        if cores + 1 < self.to_cores.len() {
            self.director.set(phase, PhaseState::Running { done: cores + 1 });
            return;
        }
        let under = &mut self.under[phase];
        under.planned_ends_ns = std::mem::take(&mut under.ends_ns);
        let stopped = under.stopped;
        self.tell_spans(phase);
        self.count_left(phase);
        let names = self.names();
        let now_ns = self.clock.now_ns();
        let end = if stopped { PhaseEnd::Stopped } else { PhaseEnd::Completed };
        let Some(ticks) = &mut self.ticks else { return };
        ticks.flush();
        let status = ticks.totals.phase_ended(phase, now_ns, end, &lock(&names));
        self.tell_end(phase, status, if stopped { "the run was stopped" } else { "" });
        self.tear_down(phase, status);
    }

    fn finish(mut self) -> Result<Loaded, RunError> {
        self.tell_findings();
        let after = usage();
        let used = Usage { cpu_s: after.cpu_s - self.used_before.cpu_s, ..after };
        let Some(mut ticks) = self.ticks else { return Err(RunError::Stopped) };
        let world =
            TickWorld { names: &lock(&self.names), faults: &self.log.faults, rss_bytes: after.rss_bytes };
        let tick = ticks.finish(&world);
        (self.on_event)(Event::Tick(&tick));
        Ok(Loaded {
            end_ns: ticks.done_ns,
            totals: ticks.totals,
            started_unix_ms: self.started_unix_ms,
            used,
            interrupted: self.interrupted,
        })
    }
}

fn lock(names: &Mutex<Names>) -> MutexGuard<'_, Names> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}
