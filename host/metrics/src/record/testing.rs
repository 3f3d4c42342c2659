//! Intervals of every kind for the tests.

use proptest::prelude::*;

use stresshost_plan::{ConstantVus, Executor, Part, Phase, Plan, Scenario, Threshold};

use super::{IntervalRecord, KnownNames, RecordFacts, RunEndRecord};
use crate::{
    Block, CheckId, ErrorKind, FaultSummary, IterationEnd, IterationSample, MetricId, MetricKind, Names,
    Observation, OpId, PhaseEnd, Phases, Recorder, RunEnd, RunInfo, Sample, SandboxLimit, Summary, TickFacts,
    Totals, Window,
};

pub(crate) const SCENARIOS: u16 = 3;
/// Parts of the plan; the first and the last are of one plugin.
pub(crate) const PARTS: usize = 3;
pub(crate) const TICK_NS: u64 = 1_000_000_000;

const KINDS: [MetricKind; 4] =
    [MetricKind::Counter, MetricKind::Gauge, MetricKind::Rate, MetricKind::Distribution];

/// Something a core records.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Op { op: u32, scenario: u16, warmup: bool, status: u16, error: Option<usize>, times_us: [u32; 4] },
    Iteration { scenario: u16, warmup: bool, end: u8, times_us: [u32; 2], dropped: u8 },
    Check { check: u32, scenario: u16, passed: bool },
    Metric { metric: u32, scenario: u16, value: f64, at_ns: u64 },
    Guest { part: u16, ns: u32 },
    Limit { part: u16, limit: usize, count: u8 },
}

pub(crate) fn acts() -> impl Strategy<Value = Vec<Act>> {
    up_to(40)
}

/// At most `most` things.
pub(crate) fn up_to(most: usize) -> impl Strategy<Value = Vec<Act>> {
    let scenario = || 0..SCENARIOS;
    let op = (
        0_u32..4,
        scenario(),
        any::<bool>(),
        195_u16..205,
        prop::option::of(0..ErrorKind::COUNT),
        any::<[u32; 4]>(),
    );
    let op = op.prop_map(|(op, scenario, warmup, status, error, times_us)| Act::Op {
        op,
        scenario,
        warmup,
        status,
        error,
        times_us,
    });
    let iteration = (scenario(), any::<bool>(), 0_u8..4, any::<[u32; 2]>(), 0_u8..3);
    let iteration = iteration.prop_map(|(scenario, warmup, end, times_us, dropped)| Act::Iteration {
        scenario,
        warmup,
        end,
        times_us,
        dropped,
    });
    let check = (0_u32..3, scenario(), any::<bool>());
    let check = check.prop_map(|(check, scenario, passed)| Act::Check { check, scenario, passed });
    // Sums of whole numbers do not depend on their order.
    let metric = (0_u32..4, scenario(), -5_i32..1_000, 0..TICK_NS);
    let metric = metric.prop_map(|(metric, scenario, value, at_ns)| Act::Metric {
        metric,
        scenario,
        value: f64::from(value),
        at_ns,
    });
    let guest = (0..PARTS as u16, any::<u32>()).prop_map(|(part, ns)| Act::Guest { part, ns });
    let limit = (0..PARTS as u16, 0..SandboxLimit::COUNT, any::<u8>());
    let limit = limit.prop_map(|(part, limit, count)| Act::Limit { part, limit, count });
    let act = prop_oneof![8 => op, 4 => iteration, 2 => check, 2 => metric, 1 => guest, 1 => limit];
    prop::collection::vec(act, 0..most)
}

/// The names all intervals use.
pub(crate) fn names() -> Names {
    let mut names = Names::default();
    for (index, kind) in KINDS.into_iter().enumerate() {
        names
            .op(&format!("GET /{index}"), if index == 3 { "a protocol of its own" } else { "http" })
            .unwrap();
        names.check(&format!("check {index}")).unwrap();
        names.metric(&format!("metric {index}"), kind, "rows").unwrap();
    }
    names
}

fn window(warmup: bool) -> Window {
    if warmup { Window::Warmup } else { Window::Measured }
}

/// The block of an interval that begins at `from_ns`.
pub(crate) fn block(acts: &[Act], from_ns: u64) -> Block {
    let mut recorder = Recorder::new(usize::from(SCENARIOS));
    for act in acts {
        play(&mut recorder, act, from_ns);
    }
    recorder.take()
}

fn play(recorder: &mut Recorder, act: &Act, from_ns: u64) {
    let us = |us: u32| u64::from(us) * 1_000;
    match *act {
        Act::Op { op, scenario, warmup, status, error, times_us: [lag, service, wait, body] } => {
            recorder.fired(OpId(op), scenario, window(warmup));
            let sample = Sample {
                op: OpId(op),
                scenario,
                window: window(warmup),
                status,
                error: error.map(|index| ErrorKind::ALL[index]),
                intended_ns: from_ns,
                fired_ns: from_ns + us(lag),
                done_ns: from_ns + us(lag) + us(service),
                phases: Phases { wait_ns: us(wait), body_ns: us(body), ..Phases::default() },
                bytes_sent: 10,
                bytes_received: u64::from(body),
            };
            recorder.record(&sample);
            recorder.explain(&sample, || format!("status {status}"));
        }
        Act::Iteration { scenario, warmup, end, times_us: [lag, service], dropped } => {
            let window = window(warmup);
            recorder.iterations_due(scenario, window, 1 + u64::from(dropped));
            recorder.iterations_dropped(scenario, window, u64::from(dropped));
            recorder.iteration_started(scenario, window);
            let ends = [
                IterationEnd::Finished,
                IterationEnd::Failed,
                IterationEnd::Interrupted,
                IterationEnd::Faulted,
            ];
            recorder.iteration_ended(&IterationSample {
                scenario,
                window,
                end: ends[usize::from(end)],
                intended_ns: from_ns,
                started_ns: from_ns + us(lag),
                done_ns: from_ns + us(lag) + us(service),
            });
            recorder.own_lag(window, us(lag));
        }
        Act::Check { check, scenario, passed } => {
            recorder.check(CheckId(check), scenario, Window::Measured, passed)
        }
        Act::Metric { metric, scenario, value, at_ns } => recorder.metric(&Observation {
            metric: MetricId(metric),
            kind: KINDS[metric as usize],
            scenario,
            window: Window::Measured,
            value,
            at_ns: from_ns + at_ns,
        }),
        Act::Guest { part, ns } => {
            recorder.guest_cpu(part, u64::from(ns));
            recorder.limited(u64::from(ns) / 2);
        }
        Act::Limit { part, limit, count } => {
            recorder.limit_hits(part, SandboxLimit::ALL[limit], u64::from(count));
        }
    }
}

/// The records of a run whose load began at `start_ns` on the run clock.
pub(crate) fn run(intervals: &[Vec<Act>], start_ns: u64) -> Vec<IntervalRecord> {
    let (names, mut known) = (names(), KnownNames::default());
    let record = |(index, acts): (u64, &Vec<Act>)| {
        let from_ns = start_ns + index * TICK_NS;
        let facts = facts(start_ns, index);
        IntervalRecord::of(&block(acts, from_ns), &names, &mut known, facts)
    };
    (0_u64..).zip(intervals).map(record).collect()
}

pub(crate) fn facts(start_ns: u64, index: u64) -> RecordFacts<'static> {
    let from_ns = start_ns + index * TICK_NS;
    RecordFacts {
        start_ns,
        from_ns,
        to_ns: from_ns + TICK_NS,
        vus_busy: index % 5,
        cores_cpu_ns: &[5, 7],
        rss_bytes: 1_000 + index,
        faults: &[],
        events: Vec::new(),
    }
}

/// A run as the engine drives it: two phases, the first half of the intervals in the one, the rest in the other.
pub(crate) struct Live {
    pub(crate) plan: Plan,
    pub(crate) summary: Summary,
    /// The records, the last of which ends the run.
    pub(crate) records: Vec<IntervalRecord>,
}

/// Which run every test run was.
pub(crate) fn run_info() -> RunInfo {
    RunInfo { id: "7".into(), name: "test".into(), ..RunInfo::default() }
}

fn plan() -> Plan {
    let executor = |vus| Executor::ConstantVus(ConstantVus { vus, duration_ms: 20_000, ramp_up_ms: 0 });
    let scenario = |name: &str, phase: &str, part| Scenario {
        phase: phase.into(),
        part,
        ..Scenario::new(name, executor(5))
    };
    let part = |plugin: &str| Part { plugin: plugin.into(), ..Part::default() };
    let list = |texts: &[&str]| texts.iter().map(|text| Threshold::new(*text)).collect::<Vec<_>>();
    Plan {
        scenarios: vec![scenario("a", "first", 0), scenario("b", "first", 1), scenario("c", "second", 2)],
        parts: vec![part("web"), part("db"), part("web")],
        phases: vec![
            Phase {
                criteria: list(&["errors < 50%", "iterations.service_us.p90 < 1h"]),
                ..Phase::new("first")
            },
            Phase {
                criteria: list(&["http.response_us.p95 < 1000s over 2s"]),
                depends_on: vec!["first".into()],
                ..Phase::new("second")
            },
        ],
        thresholds: list(&[
            "http.response_us{scenario=a}.p95 < 100s over 2s",
            "checks.rate > 30%",
            "generator.cpu < 90%",
        ]),
        ..Plan::default()
    }
}

impl Act {
    /// The same in a scenario of the phase that goes on.
    fn moved(&self, second: bool) -> Self {
        let mut moved = self.clone();
        if let Self::Op { scenario, .. }
        | Self::Iteration { scenario, .. }
        | Self::Check { scenario, .. }
        | Self::Metric { scenario, .. } = &mut moved
        {
            *scenario = if second { 2 } else { *scenario % 2 };
        }
        moved
    }
}

/// Runs `intervals` on two cores, the load beginning at `start_ns` on the run clock.
pub(crate) fn live(intervals: &[Vec<Act>], start_ns: u64) -> Live {
    let (plan, names) = (plan(), names());
    let mut totals = Totals::new(&plan, "plugin", start_ns).unwrap();
    let (half, last) = (intervals.len() / 2, intervals.len() as u64 - 1);
    let at = |index: usize| start_ns + index as u64 * TICK_NS;
    let mut records = Vec::new();
    totals.phase_began(0, start_ns);
    for scenario in [0, 1] {
        totals.scenario_span(scenario, start_ns, start_ns + 20 * TICK_NS, start_ns + TICK_NS);
    }
    for (index, acts) in intervals.iter().enumerate() {
        let second = index >= half;
        let acts: Vec<Act> = acts.iter().map(|act| act.moved(second)).collect();
        for share in acts.chunks(acts.len().div_ceil(2).max(1)) {
            totals.absorb(&mut block(share, at(index)));
        }
        if index + 1 == half {
            for scenario in [0, 1] {
                totals.scenario_span(scenario, start_ns, at(half), start_ns + TICK_NS);
            }
            totals.phase_ended(0, at(half), PhaseEnd::Completed, &names);
            totals.phase_began(1, at(half));
            totals.scenario_span(2, at(half), at(half) + 20 * TICK_NS, at(half) + TICK_NS);
        }
        if index as u64 == last {
            totals.scenario_span(2, at(half), at(index + 1), at(half) + TICK_NS);
            totals.phase_ended(1, at(index + 1), PhaseEnd::Stopped, &names);
        }
        let fault = FaultSummary {
            plugin: "plugin".into(),
            during: "iterate".into(),
            count: 1 + index as u64 / 2,
            text: "boom".into(),
        };
        let facts = TickFacts {
            now_ns: at(index + 1),
            vus_busy: index as u64 % 4,
            cores_cpu_ns: &[TICK_NS / 3, TICK_NS / 4],
            rss_bytes: 1_000 + index as u64,
            faults: &[fault],
        };
        records.push(totals.tick(&facts, &names).record);
    }
    let run = RunInfo { duration_s: 1.25, interrupted: true, ..run_info() };
    let end_ns = at(intervals.len());
    let end = RunEnd {
        run,
        end_ns,
        cpu_s: 0.7,
        rss_max_bytes: 9_999,
        notes: vec!["as planned".into()],
        ..RunEnd::default()
    };
    let summary = totals.summary(&names, &end);
    records.push(IntervalRecord::ended(end_ns - start_ns, RunEndRecord::of(&end, start_ns)));
    Live { plan, summary, records }
}
