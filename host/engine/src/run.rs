//! START HERE: a run from set-up to summary.
//!
//! [`run`] gives every core a thread and a runtime of its own. [`run_on_this_thread`] drives one core beside control
//! on the caller's runtime, which is how tests run the engine on a paused clock. Both do the same:
//!
//! 1. of every phase whose predecessors have passed: the set-ups of its plugins, once a run and once a phase;
//! 2. every core makes its virtual users of the phase (`start`);
//! 3. when all are ready, control fixes the instant at which the phase's load begins;
//! 4. cores work their schedules and hand over a block of measurements every second;
//! 5. when every core is done with a phase its criteria are judged, its tear-downs run, and what depends on it may begin;
//! 6. the last blocks arrive; tear-downs of the run; the summary is written and judged.

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use stresshost_clock::Clock;
use stresshost_metrics::{
    FindingLog, HostInfo, Names, PluginInfo, ReportedFinding, RunEnd, RunInfo, Summary,
};
use stresshost_plan::Plan;
use tokio::runtime::LocalOptions;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::context::CoreContext;
use crate::control::{Event, Links, Loaded, control};
use crate::core::{CoreSpec, FromCore, run_core};
use crate::fault_policy::{FaultPolicy, GivenUp};
use crate::guest::Guest;
use crate::limiter::Limits;
use crate::live::Steering;
use crate::preparation::{Preparation, setup_error};
use crate::usage::go_last;
use crate::{BLOCKS_IN_FLIGHT, RunError, Stop};

/// What to run.
pub struct RunSpec<G> {
    /// The workload.
    pub guest: Arc<G>,
    /// What it planned; must be valid.
    pub plan: Arc<Plan>,
    /// Unique id of the run.
    pub id: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Cores to use; no more than there are virtual users are.
    pub cores: usize,
    /// How to stop the run from outside.
    pub stop: Stop,
    /// How to pause and scale it from outside; made for the plan's schedule.
    pub steering: Steering,
    /// What to do about a plugin that breaks.
    pub on_fault: FaultPolicy,
    /// For the summary.
    pub plugin: PluginInfo,
    /// For the summary.
    pub host: HostInfo,
}

/// Runs a plan and returns its summary, judged.
///
/// `on_event` is called on the calling thread; what it does must be quick. That thread goes behind the cores from then on:
/// its priority stays lower.
///
/// # Errors
/// When the run could not be done. A run that went badly is a summary.
pub fn run<G: Guest>(spec: RunSpec<G>, on_event: &mut dyn FnMut(Event<'_>)) -> Result<Summary, RunError> {
    let runtime = runtime()?;
    let local = LocalSet::new();
    let mut threads = Vec::new();
    let spawn = |core: CoreSpec<G>| -> Result<(), RunError> {
        let name = format!("stresshost-core-{}", core.index);
        let is_last = core.index + 1 == core.cores;
        let thread = thread::Builder::new().name(name).spawn(move || run_core_on_thread(core));
        threads.push(thread.map_err(|error| RunError::Os(format!("cannot start a thread: {error}")))?);
        if is_last {
            // Threads begin with the priority of the one that starts them, so not before.
            go_last();
        }
        Ok(())
    };
    let summary = runtime.block_on(local.run_until(run_with(spec, spawn, on_event)));
    for thread in threads {
        if thread.join().is_err() && summary.is_ok() {
            return Err(RunError::Os("a core's thread panicked".into()));
        }
    }
    summary
}

/// Runs a plan with one core on the current thread, inside a `LocalSet`.
///
/// # Errors
/// As [`run`].
pub async fn run_on_this_thread<G: Guest>(
    spec: RunSpec<G>,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Summary, RunError> {
    let spawn = |core: CoreSpec<G>| {
        tokio::task::spawn_local(run_core(core));
        Ok(())
    };
    run_with(RunSpec { cores: 1, ..spec }, spawn, on_event).await
}

fn runtime() -> Result<tokio::runtime::Runtime, RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| RunError::Os(format!("cannot start a runtime: {error}")))
}

fn run_core_on_thread<G: Guest>(core: CoreSpec<G>) {
    // A local runtime polls its tasks itself; a `LocalSet` would be one more queue between a wake and its task.
    match tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
        Ok(runtime) => runtime.block_on(run_core(core)),
        // The queue has room for one message a core before any core has spoken.
        Err(error) => {
            let error = RunError::Os(format!("cannot start a runtime: {error}"));
            drop(core.to_control.try_send(FromCore::Broken(error)));
        }
    }
}

async fn run_with<G: Guest>(
    spec: RunSpec<G>,
    mut spawn: impl FnMut(CoreSpec<G>) -> Result<(), RunError>,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Summary, RunError> {
    let clock = Clock::start();
    let names = Arc::new(Mutex::new(Names::default()));
    let findings = Arc::new(Mutex::new(FindingLog::default()));
    let limits = Arc::new(Limits::new(&spec.plan));
    let cores = spec.cores.clamp(1, usize::try_from(spec.plan.vus()).unwrap_or(usize::MAX).max(1));
    let scenarios = spec.plan.scenarios.len();
    let context = CoreContext::new(
        (cores, cores),
        clock,
        scenarios,
        Arc::clone(&names),
        Arc::clone(&findings),
        Arc::clone(&limits),
        spec.seed,
    )?;
    let setup_core = spec.guest.core(context).map_err(setup_error)?;
    let preparation = Rc::new(Preparation::new(
        setup_core,
        clock,
        Arc::clone(&spec.plan),
        spec.id.clone(),
        spec.seed,
        spec.stop.watch(),
    ));
    let world = World { clock, cores, names: Arc::clone(&names), findings: Arc::clone(&findings), limits };
    let loaded = load(&spec, &world, Rc::clone(&preparation), &mut spawn, on_event).await;
    preparation.tear_down().await;
    let names = names.lock().unwrap_or_else(PoisonError::into_inner);
    let findings = findings.lock().unwrap_or_else(PoisonError::into_inner).all(&plugins(&spec));
    Ok(summarize(&spec, &names, findings, cores, loaded?))
}

/// What the cores of a run share.
struct World {
    clock: Clock,
    cores: usize,
    names: Arc<Mutex<Names>>,
    findings: Arc<Mutex<FindingLog>>,
    limits: Arc<Limits>,
}

/// Names of the plan's parts; that of the only plugin for a plan without any.
fn plugins<G>(spec: &RunSpec<G>) -> Vec<String> {
    if spec.plan.parts.is_empty() {
        return vec![spec.plugin.name.clone()];
    }
    spec.plan.parts.iter().map(|part| part.plugin.clone()).collect()
}

/// Starts the cores and watches them until the last block has come.
async fn load<G: Guest>(
    spec: &RunSpec<G>,
    world: &World,
    preparation: Rc<Preparation<G::Core>>,
    spawn: &mut impl FnMut(CoreSpec<G>) -> Result<(), RunError>,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Loaded, RunError> {
    let mut leash = Leash { stop: spec.stop.clone(), ended: false };
    let schedule = spec.plan.schedule();
    let given_up = Arc::new(GivenUp::new(spec.plan.parts.len().max(1)));
    let (to_control, from_cores) = mpsc::channel(world.cores * BLOCKS_IN_FLIGHT);
    let mut to_cores = Vec::with_capacity(world.cores);
    for index in 0..world.cores {
        // Every phase once, and the end.
        let (to_core, from_control) = mpsc::channel(schedule.phases.len() + 1);
        to_cores.push(to_core);
        spawn(CoreSpec {
            index,
            cores: world.cores,
            guest: Arc::clone(&spec.guest),
            scenarios: spec.plan.scenarios.len(),
            clock: world.clock,
            names: Arc::clone(&world.names),
            findings: Arc::clone(&world.findings),
            limits: Arc::clone(&world.limits),
            seed: spec.seed,
            stop: spec.stop.watch(),
            given_up: Arc::clone(&given_up),
            wishes: spec.steering.watch(),
            from_control,
            to_control: to_control.clone(),
        })?;
    }
    drop(to_control);
    let links = Links {
        clock: world.clock,
        seed: spec.seed,
        names: Arc::clone(&world.names),
        findings: Arc::clone(&world.findings),
        to_cores,
        from_cores,
        wishes: spec.steering.watch(),
        stop: spec.stop.clone(),
        on_fault: spec.on_fault,
        given_up,
        plugins: plugins(spec),
    };
    let loaded = control(&spec.plan, &schedule, preparation, links, on_event).await?;
    leash.ended = true;
    Ok(loaded)
}

/// Stops the cores unless the load came to its end: they must not outlive a run that failed, was dropped or panicked.
struct Leash {
    stop: Stop,
    ended: bool,
}

impl Drop for Leash {
    fn drop(&mut self) {
        if !self.ended {
            self.stop.now();
        }
    }
}

fn summarize<G>(
    spec: &RunSpec<G>,
    names: &Names,
    findings: Vec<ReportedFinding>,
    cores: usize,
    loaded: Loaded,
) -> Summary {
    let run = RunInfo {
        id: spec.id.clone(),
        name: spec.plan.name.clone(),
        seed: spec.seed,
        started: stresshost_clock::rfc3339(loaded.started_unix_ms),
        interrupted: loaded.interrupted,
        targets: spec.plan.targets.clone(),
        plugin: spec.plugin.clone(),
        host: HostInfo { cores: cores as u64, ..spec.host.clone() },
        ..RunInfo::default()
    };
    let end = RunEnd {
        run,
        end_ns: loaded.end_ns,
        cpu_s: loaded.used.cpu_s,
        rss_max_bytes: loaded.used.rss_max_bytes,
        notes: spec.plan.notes.clone(),
        findings,
    };
    loaded.totals.summary(names, &end)
}
