//! Runs one case on a paused clock of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_engine::{
    Event, FaultPolicy, RunError, RunSpec, START_LEAD_MS, Steering, Stop, run_on_this_thread,
};
use stresshost_metrics::{HostInfo, PluginInfo, Snapshot, Summary};
use stresshost_plan::{
    ConstantArrivalRate, ConstantVus, Executor, ExternallyControlled, Iterations, PLAN_SCHEMA, Phase, Plan,
    Scenario, Spacing,
};

use crate::guest::{Entry, Log, Script, Scripted};

/// Longest virtual time a simulation may take: a run that is not over by then never ends.
const NEVER: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A plan, a guest and what happens to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) plan: Plan,
    pub(crate) script: Script,
    /// When the run is asked to stop, in milliseconds on the run clock.
    pub(crate) stops: Vec<(u64, Level)>,
    /// What a person does meanwhile, in milliseconds on the run clock and in order.
    pub(crate) steers: Vec<(u64, Steer)>,
    pub(crate) on_fault: FaultPolicy,
}

/// Something a person does to a run that goes on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Steer {
    Pause,
    Resume,
    /// Virtual users of the scenario of this name.
    ScaleVus(&'static str, u64),
    /// Iterations per second of the scenario of this name.
    ScaleRate(&'static str, f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Drain,
    Now,
}

/// All that can be seen of a run from outside.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Summary, RunError>,
    pub(crate) entries: Vec<Entry>,
    /// When the first load began, on the run clock.
    pub(crate) load_start_ns: Option<u64>,
    pub(crate) snapshots: Vec<Snapshot>,
    /// Other events, in words.
    pub(crate) told: Vec<String>,
    /// When a threshold ended the run, on the run clock.
    pub(crate) aborted_ns: Option<u64>,
    /// When the run was over, on the run clock.
    pub(crate) end_ns: u64,
}

impl Outcome {
    pub(crate) fn summary(&self) -> &Summary {
        self.result.as_ref().expect("the run could be done")
    }
}

/// A run's specification around a scripted guest, and the guest's log.
pub(crate) fn spec(case: &Case, cores: usize) -> (RunSpec<Scripted>, Arc<Mutex<Log>>) {
    assert_eq!(case.plan.validate(), [], "the plan of a case is valid");
    let log = Arc::new(Mutex::new(Log::default()));
    let guest = Scripted { script: case.script.clone(), log: Arc::clone(&log) };
    let spec = RunSpec {
        guest: Arc::new(guest),
        plan: Arc::new(case.plan.clone()),
        id: "run".into(),
        seed: case.script.seed,
        cores,
        stop: Stop::default(),
        steering: Steering::new(&case.plan.schedule()),
        on_fault: case.on_fault,
        plugin: PluginInfo { name: "scripted".into(), ..PluginInfo::default() },
        host: HostInfo::default(),
    };
    (spec, log)
}

/// Puts an event into words, or keeps its snapshot.
pub(crate) fn note(event: &Event<'_>, snapshots: &mut Vec<Snapshot>, told: &mut Vec<String>) {
    match event {
        Event::Tick(tick) => snapshots.push(tick.snapshot.clone()),
        Event::Failure { code, .. } => told.push(format!("failure {code}")),
        Event::Finding(found) => told.push(format!("found {}", found.finding.rule)),
        Event::PluginStopped { plugin, faults } => told.push(format!("{plugin} stopped after {faults}")),
        Event::Fault(fault) => told.push(format!("fault {}", fault.text)),
        Event::Preparing => told.push("preparing".into()),
        Event::Started => told.push("started".into()),
        Event::PhaseBegan { name } => told.push(format!("{name} began")),
        Event::PhaseEnded { name, status, .. } => told.push(format!("{name} {}", status.label())),
        Event::Draining => told.push("draining".into()),
        Event::Aborting { reason } => told.push(format!("aborting: {reason}")),
        Event::Paused(paused) => told.push(if *paused { "paused" } else { "resumed" }.into()),
    }
}

fn steer(steering: &Steering, steer: &Steer) {
    match steer {
        Steer::Pause => steering.pause(),
        Steer::Resume => steering.resume(),
        Steer::ScaleVus(name, vus) => steering.scale_vus(Some(name), *vus).expect("it can be scaled"),
        Steer::ScaleRate(name, rate) => steering.scale_rate(Some(name), *rate).expect("it has a rate"),
    }
}

pub(crate) fn simulate(case: &Case) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        let (spec, log) = spec(case, 1);
        // The paused clock stands still until the run first waits, so this is the run clock.
        let clock = Clock::start();
        for &(at_ms, level) in &case.stops {
            let stop = spec.stop.clone();
            tokio::task::spawn_local(async move {
                clock.sleep_until_ns(at_ms * NS_PER_MS).await;
                match level {
                    Level::Drain => stop.drain(),
                    Level::Now => stop.now(),
                }
            });
        }
        let (steering, steers) = (spec.steering.clone(), case.steers.clone());
        tokio::task::spawn_local(async move {
            for (at_ms, what) in &steers {
                clock.sleep_until_ns(at_ms * NS_PER_MS).await;
                steer(&steering, what);
            }
        });
        let (mut snapshots, mut told) = (Vec::new(), Vec::new());
        let (mut load_start_ns, mut aborted_ns) = (None, None);
        let mut on_event = |event: Event<'_>| {
            match event {
                Event::Started => load_start_ns = Some(clock.now_ns() + START_LEAD_MS * NS_PER_MS),
                Event::Aborting { .. } => aborted_ns = Some(clock.now_ns()),
                _ => {}
            }
            note(&event, &mut snapshots, &mut told);
        };
        let run = run_on_this_thread(spec, &mut on_event);
        let result = tokio::time::timeout(NEVER, run).await.expect("the run ends");
        let end_ns = clock.now_ns();
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = std::mem::take(&mut log.entries);
        Outcome { result, entries, load_start_ns, snapshots, told, aborted_ns, end_ns }
    })
}

/// A plan of these executors, without warm-up and with 30 s of grace.
pub(crate) fn plan(executors: impl IntoIterator<Item = Executor>) -> Plan {
    let scenario = |(index, executor): (usize, Executor)| Scenario::new(format!("s{index}"), executor);
    Plan {
        schema: PLAN_SCHEMA.into(),
        name: "simulated".into(),
        scenarios: executors.into_iter().enumerate().map(scenario).collect(),
        graceful_stop_ms: 30_000,
        ..Plan::default()
    }
}

/// A plan with a phase for each of these executors: its index, and the indices of those it depends on.
pub(crate) fn phased(phases: impl IntoIterator<Item = (Executor, &'static [usize])>) -> Plan {
    let (executors, befores): (Vec<_>, Vec<_>) = phases.into_iter().unzip();
    let mut plan = plan(executors);
    for (index, (scenario, before)) in plan.scenarios.iter_mut().zip(befores).enumerate() {
        scenario.phase = format!("p{index}");
        let depends_on = before.iter().map(|before| format!("p{before}")).collect();
        plan.phases.push(Phase { depends_on, ..Phase::new(format!("p{index}")) });
    }
    plan
}

pub(crate) fn closed(vus: u64, duration_ms: u64) -> Executor {
    Executor::ConstantVus(ConstantVus { vus, duration_ms, ramp_up_ms: 0 })
}

pub(crate) fn open(rate_per_s: f64, duration_ms: u64, vus: u64) -> Executor {
    let spacing = Spacing::Even;
    Executor::ConstantArrivalRate(ConstantArrivalRate {
        rate_per_s,
        duration_ms,
        ramp_up_ms: 0,
        vus,
        spacing,
    })
}

pub(crate) fn shared(vus: u64, iterations: u64, max_duration_ms: u64) -> Executor {
    Executor::SharedIterations(Iterations { vus, iterations, max_duration_ms })
}

pub(crate) fn each(vus: u64, iterations: u64, max_duration_ms: u64) -> Executor {
    Executor::PerVuIterations(Iterations { vus, iterations, max_duration_ms })
}

pub(crate) fn external(vus: u64, max_vus: u64, rate_per_s: Option<f64>, duration_ms: u64) -> Executor {
    Executor::ExternallyControlled(ExternallyControlled { vus, max_vus, rate_per_s, duration_ms })
}

pub(crate) fn serving(ms: u64) -> Script {
    Script { service_ms: (ms, ms), ..Script::default() }
}
