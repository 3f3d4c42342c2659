//! A small run for tests: a plan, its names, and one core.

use stresshost_plan::{ConstantArrivalRate, Executor, Part, Phase, Plan, Scenario, Threshold};

use crate::{
    CheckId, ErrorKind, IterationEnd, IterationSample, MetricId, MetricKind, Names, Observation, OpId,
    PhaseEnd, Phases, Recorder, RunEnd, Sample, Summary, ThresholdResult, Tick, TickFacts, Totals, Window,
};

pub(crate) const S: u64 = 1_000_000_000;

/// Where the load begins on the run clock: not at 0, so that a forgotten subtraction shows.
pub(crate) const START: u64 = 77 * S;

pub(crate) fn open(name: &str, phase: &str, part: u16) -> Scenario {
    let executor = Executor::ConstantArrivalRate(ConstantArrivalRate {
        rate_per_s: 10.0,
        duration_ms: 10_000,
        vus: 5,
        ..ConstantArrivalRate::default()
    });
    Scenario { phase: phase.into(), part, ..Scenario::new(name, executor) }
}

/// A plan of one scenario.
pub(crate) fn simple(thresholds: &[&str]) -> Plan {
    Plan {
        scenarios: vec![open("main", "", 0)],
        thresholds: thresholds.iter().map(|text| Threshold::new(*text)).collect(),
        ..Plan::default()
    }
}

/// A plan of two phases, each with a scenario of another plugin.
pub(crate) fn two_phases(thresholds: &[&str], base: &[&str], peak: &[&str]) -> Plan {
    let part = |plugin: &str| Part { plugin: plugin.into(), ..Part::default() };
    let list = |texts: &[&str]| texts.iter().map(|text| Threshold::new(*text)).collect::<Vec<_>>();
    Plan {
        scenarios: vec![open("browse", "base", 0), open("buy", "peak", 1)],
        thresholds: list(thresholds),
        phases: vec![
            Phase { criteria: list(base), ..Phase::new("base") },
            Phase { criteria: list(peak), depends_on: vec!["base".into()], ..Phase::new("peak") },
        ],
        parts: vec![part("web"), part("db")],
        ..Plan::default()
    }
}

/// A run whose clock is turned by hand.
pub(crate) struct Run {
    pub(crate) totals: Totals,
    pub(crate) names: Names,
    pub(crate) core: Recorder,
    scenarios: usize,
    pub(crate) now_s: f64,
}

pub(crate) fn ns(seconds: f64) -> u64 {
    START + (seconds * 1e9).round() as u64
}

impl Run {
    pub(crate) fn of(plan: &Plan) -> Self {
        let scenarios = plan.scenarios.len();
        Self {
            totals: Totals::new(plan, "web", START).unwrap(),
            names: Names::default(),
            core: Recorder::new(scenarios),
            scenarios,
            now_s: 0.0,
        }
    }

    /// A run of one scenario that lasts from 0 to `until_s`, warm-up up to `warmup_s`.
    pub(crate) fn simple(thresholds: &[&str], until_s: f64, warmup_s: f64) -> Self {
        let mut run = Self::of(&simple(thresholds));
        run.totals.phase_began(0, START);
        run.span(0, 0.0, until_s, warmup_s);
        run
    }

    pub(crate) fn span(&mut self, scenario: usize, from_s: f64, until_s: f64, warmup_end_s: f64) {
        self.totals.scenario_span(scenario, ns(from_s), ns(until_s), ns(warmup_end_s));
    }

    pub(crate) fn op(&mut self, name: &str, protocol: &'static str) -> OpId {
        self.names.op(name, protocol).unwrap()
    }

    pub(crate) fn check(&mut self, name: &str) -> CheckId {
        self.names.check(name).unwrap()
    }

    pub(crate) fn metric(&mut self, name: &str, kind: MetricKind) -> MetricId {
        self.names.metric(name, kind, "").unwrap()
    }

    /// An operation that was sent and ended now.
    pub(crate) fn done(&mut self, op: OpId, scenario: u16, service_us: u64) -> Sample {
        let sample = self.sample(op, scenario, service_us);
        self.take(&sample);
        sample
    }

    pub(crate) fn failed(&mut self, op: OpId, scenario: u16, error: ErrorKind) {
        let sample = Sample { error: Some(error), ..self.sample(op, scenario, 100) };
        self.take(&sample);
    }

    pub(crate) fn sample(&self, op: OpId, scenario: u16, service_us: u64) -> Sample {
        let at = ns(self.now_s);
        Sample {
            op,
            scenario,
            window: Window::Measured,
            status: 200,
            error: None,
            intended_ns: at,
            fired_ns: at,
            done_ns: at + service_us * 1_000,
            phases: Phases::default(),
            bytes_sent: 10,
            bytes_received: 100,
        }
    }

    pub(crate) fn take(&mut self, sample: &Sample) {
        self.core.fired(sample.op, sample.scenario, sample.window);
        self.core.record(sample);
    }

    pub(crate) fn iteration(&mut self, scenario: u16, end: IterationEnd, service_us: u64) {
        let at = ns(self.now_s);
        self.core.iterations_due(scenario, Window::Measured, 1);
        self.core.iteration_started(scenario, Window::Measured);
        self.core.iteration_ended(&IterationSample {
            scenario,
            window: Window::Measured,
            end,
            intended_ns: at,
            started_ns: at,
            done_ns: at + service_us * 1_000,
        });
    }

    pub(crate) fn observe(&mut self, metric: MetricId, kind: MetricKind, scenario: u16, value: f64) {
        let (window, at_ns) = (Window::Measured, ns(self.now_s));
        self.core.metric(&Observation { metric, kind, scenario, window, value, at_ns });
    }

    /// Hands over what the core has.
    pub(crate) fn flush(&mut self) {
        let mut block = std::mem::replace(&mut self.core, Recorder::new(self.scenarios)).take();
        self.totals.absorb(&mut block);
    }

    /// Ends an interval at `at_s`; of two cores one works a quarter and one three quarters of the time.
    pub(crate) fn tick(&mut self, at_s: f64) -> Tick {
        self.flush();
        let length_ns = ((at_s - self.now_s) * 1e9).round() as u64;
        let cores_cpu_ns = [length_ns / 4, length_ns / 4 * 3];
        let (now_ns, rss_bytes) = (ns(at_s), 1_000 + at_s as u64);
        self.now_s = at_s;
        let facts = TickFacts { now_ns, vus_busy: 3, cores_cpu_ns: &cores_cpu_ns, rss_bytes, faults: &[] };
        self.totals.tick(&facts, &self.names)
    }

    pub(crate) fn end_phase(&mut self, phase: usize, at_s: f64) -> crate::PhaseStatus {
        self.flush();
        self.totals.phase_ended(phase, ns(at_s), PhaseEnd::Completed, &self.names)
    }

    pub(crate) fn summary(&self) -> Summary {
        let end = RunEnd { end_ns: ns(self.now_s), ..RunEnd::default() };
        self.totals.summary(&self.names, &end)
    }

    pub(crate) fn threshold(&self) -> ThresholdResult {
        self.summary().thresholds.remove(0)
    }
}
