//! START HERE: a run from set-up to summary.
//!
//! [`run`] gives every core a thread and a runtime of its own. [`run_on_this_thread`] drives one core beside control
//! on the caller's runtime, which is how tests run the engine on a paused clock. Both do the same:
//!
//! 1. the plugin's `setup`, once;
//! 2. every core makes its virtual users (`start`);
//! 3. when all are ready, control fixes the instant at which the load begins;
//! 4. cores work their schedules and hand over a block of measurements every second;
//! 5. the last blocks arrive; `teardown`; the summary is written and judged.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use stresshost_clock::{Clock, NS_PER_MS, NS_PER_S};
use stresshost_metrics::{
    GeneratorSummary, HostInfo, Names, PluginInfo, RunInfo, SUMMARY_SCHEMA, Summary, Verdict, VerdictStatus,
    WarmupSummary, judge,
};
use stresshost_plan::Plan;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::control::{Event, Links, Loaded, control};
use crate::core::{CoreSpec, FromCore, context, run_core};
use crate::guest::{Guest, GuestCore, VuError};
use crate::{BLOCKS_IN_FLIGHT, RunError, Stop, TEARDOWN_LIMIT_MS};

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
    /// For the summary.
    pub plugin: PluginInfo,
    /// For the summary.
    pub host: HostInfo,
}

/// Runs a plan and returns its summary, judged.
///
/// `on_event` is called on the calling thread; what it does must be quick.
///
/// # Errors
/// When the run could not be done. A run that went badly is a summary.
pub fn run<G: Guest>(spec: RunSpec<G>, on_event: &mut dyn FnMut(Event<'_>)) -> Result<Summary, RunError> {
    let runtime = runtime()?;
    let local = LocalSet::new();
    let mut threads = Vec::new();
    let spawn = |core: CoreSpec<G>| -> Result<(), RunError> {
        let name = format!("stresshost-core-{}", core.index);
        let thread = thread::Builder::new().name(name).spawn(move || run_core_on_thread(core));
        threads.push(thread.map_err(|error| RunError::Os(format!("cannot start a thread: {error}")))?);
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
    match runtime() {
        Ok(runtime) => runtime.block_on(LocalSet::new().run_until(run_core(core))),
        // The queue has room for one message a core before any core has spoken.
        Err(error) => drop(core.to_control.try_send(FromCore::Broken(error))),
    }
}

async fn run_with<G: Guest>(
    spec: RunSpec<G>,
    mut spawn: impl FnMut(CoreSpec<G>) -> Result<(), RunError>,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Summary, RunError> {
    let clock = Clock::start();
    let names = Arc::new(Mutex::new(Names::default()));
    let cores = spec.cores.clamp(1, usize::try_from(spec.plan.vus()).unwrap_or(usize::MAX).max(1));
    let setup_core =
        spec.guest.core(context(cores, clock, spec.plan.scenarios.len(), Arc::clone(&names), spec.seed)?);
    let setup_core = setup_core.map_err(setup_error)?;
    let shared: Arc<str> = setup(&spec, &setup_core).await?.into();
    let loaded = load(&spec, cores, clock, &names, &shared, &mut spawn, on_event).await;
    teardown(&setup_core, &shared, clock).await;
    let names = names.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(summarize(&spec, &names, cores, loaded?))
}

/// Starts the cores and watches them until the last block has come.
async fn load<G: Guest>(
    spec: &RunSpec<G>,
    cores: usize,
    clock: Clock,
    names: &Arc<Mutex<Names>>,
    shared: &Arc<str>,
    spawn: &mut impl FnMut(CoreSpec<G>) -> Result<(), RunError>,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Loaded, RunError> {
    let mut leash = Leash { stop: spec.stop.clone(), ended: false };
    let (to_control, from_cores) = mpsc::channel(cores * BLOCKS_IN_FLIGHT);
    let (begin, begins) = watch::channel(None);
    for index in 0..cores {
        spawn(CoreSpec {
            index,
            cores,
            guest: Arc::clone(&spec.guest),
            plan: Arc::clone(&spec.plan),
            shared: Arc::clone(shared),
            clock,
            names: Arc::clone(names),
            seed: spec.seed,
            stop: spec.stop.watch(),
            begin: begins.clone(),
            to_control: to_control.clone(),
        })?;
    }
    drop(to_control);
    let links = Links { cores, from_cores, begin, stop: spec.stop.clone() };
    let loaded = control(&spec.plan, &spec.plugin.name, clock, links, on_event).await?;
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

/// Runs the plugin's tear-down. What it does cannot change what was measured, so its failure is only told.
async fn teardown<C: GuestCore>(core: &C, shared: &str, clock: Clock) {
    let limit_ns = clock.now_ns() + TEARDOWN_LIMIT_MS * NS_PER_MS;
    tokio::select! {
        biased;
        outcome = core.teardown(shared) => if let Err(error) = outcome {
            tracing::warn!("tear-down failed: {}", setup_error(error));
        },
        () = clock.sleep_until_ns(limit_ns) => tracing::warn!("tear-down took more than {TEARDOWN_LIMIT_MS} ms"),
    }
}

async fn setup<G: Guest>(spec: &RunSpec<G>, core: &G::Core) -> Result<String, RunError> {
    let context = serde_json::json!({ "run_id": spec.id, "seed": spec.seed, "workload": spec.plan.workload })
        .to_string();
    let mut stop = spec.stop.watch();
    tokio::select! {
        biased;
        shared = core.setup(&context) => shared.map_err(setup_error),
        () = crate::stop::reached(&mut stop, crate::stop::Level::Draining) => Err(RunError::Stopped),
    }
}

fn setup_error(error: VuError) -> RunError {
    match error {
        VuError::Failed { code, message } => RunError::Setup { code, message },
        VuError::Fault(fault) => RunError::Fault(fault),
    }
}

fn summarize<G>(spec: &RunSpec<G>, names: &Names, cores: usize, loaded: Loaded) -> Summary {
    let plan = &spec.plan;
    let warmup_ns = plan.warmup_ms * NS_PER_MS;
    let load_ns = loaded.end_ns.saturating_sub(loaded.start_ns);
    let seconds = |ns: u64| ns as f64 / NS_PER_S as f64;
    let core_s = seconds(load_ns) * cores as f64;
    let mut summary = Summary {
        schema: SUMMARY_SCHEMA.to_owned(),
        run: RunInfo {
            id: spec.id.clone(),
            name: plan.name.clone(),
            seed: spec.seed,
            started: stresshost_clock::rfc3339(loaded.started_unix_ms),
            duration_s: seconds(load_ns.saturating_sub(warmup_ns)),
            interrupted: loaded.interrupted,
            targets: plan.targets.clone(),
            plugin: spec.plugin.clone(),
            host: HostInfo { cores: cores as u64, ..spec.host.clone() },
        },
        verdict: Verdict { status: VerdictStatus::Pass, reasons: Vec::new() },
        scenarios: Vec::new(),
        operations: Vec::new(),
        thresholds: Vec::new(),
        checks: Vec::new(),
        findings: Vec::new(),
        metrics: Vec::new(),
        generator: GeneratorSummary {
            cpu_s: loaded.used.cpu_s,
            // A run that was stopped before it began has no share, rather than an infinite one.
            cpu_share: if core_s > 0.0 { loaded.used.cpu_s / core_s } else { 0.0 },
            rss_max_bytes: loaded.used.rss_max_bytes,
            ..GeneratorSummary::default()
        },
        faults: loaded.faults,
        series: Vec::new(),
        warmup: (warmup_ns > 0).then(|| WarmupSummary {
            duration_s: seconds(warmup_ns.min(load_ns)),
            scenarios: Vec::new(),
            operations: Vec::new(),
        }),
        failures: Vec::new(),
        notes: plan.notes.clone(),
    };
    let loads: Vec<String> = plan.scenarios.iter().map(|scenario| scenario.executor.describe()).collect();
    loaded.totals.fill(names, &loads, &mut summary);
    summary.verdict = judge(&summary);
    summary
}
