//! The engine on real threads and the real clock.

use std::sync::PoisonError;

use stresshost_engine::{Event, RunError, run};
use stresshost_metrics::PhaseStatus;

use crate::guest::{Call, Deed, Log, Script};
use crate::laws::counts;
use crate::simulate::{Case, Level, closed, each, note, open, phased, plan, serving, shared, spec};

/// Runs a case on two cores; a stop in the case is given as soon as the load begins.
fn run_on_two_cores(case: &Case) -> (Result<stresshost_metrics::Summary, RunError>, Log) {
    let (spec, log) = spec(case, 2);
    let stop = spec.stop.clone();
    let (mut snapshots, mut told) = (Vec::new(), Vec::new());
    let mut on_event = |event: Event<'_>| {
        note(&event, &mut snapshots, &mut told);
        match (&event, case.stops.first()) {
            (Event::Started, Some((_, Level::Drain))) => stop.drain(),
            (Event::Started, Some((_, Level::Now))) => stop.now(),
            _ => {}
        }
    };
    let result = run(spec, &mut on_event);
    let log = std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
    (result, log)
}

#[test]
fn counts_are_exact_across_cores() {
    // A user for every arrival, so that no delay of the machine can drop one.
    let case = Case {
        plan: plan([open(200.0, 300, 64), closed(5, 300), open(10.0, 300, 1)]),
        script: Script { fail_percent: 10, ..serving(2) },
        ..Case::default()
    };
    let (result, log) = run_on_two_cores(&case);
    let summary = result.expect("the run could be done");
    assert_eq!(log.threads.len(), 2, "both cores have users: {:?}", log.threads);
    assert_eq!((summary.run.host.cores, summary.scenarios[0].iterations.due), (2, 60));
    for (index, scenario) in summary.scenarios.iter().enumerate() {
        let counts = counts(&scenario.iterations);
        assert_eq!(counts.imbalance(), None, "{}", scenario.name);
        let mut numbers: Vec<u64> = log
            .entries
            .iter()
            .filter_map(|entry| match &entry.deed {
                Deed::Begin { ticket, .. } if usize::from(ticket.scenario) == index => Some(ticket.number),
                _ => None,
            })
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers.len() as u64, counts.started);
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{} has a number twice", scenario.name);
        let op = summary.operations.iter().find(|op| op.scenario == scenario.name).expect("it did something");
        assert_eq!((op.fired, op.count), (counts.started, counts.finished + counts.failed));
    }
    assert_eq!(summary.scenarios[0].iterations.started, 60);
}

#[test]
fn a_stop_reaches_every_core() {
    for level in [Level::Drain, Level::Now] {
        let case = Case {
            plan: plan([closed(4, 3_600_000), open(50.0, 3_600_000, 4)]),
            script: serving(5),
            stops: vec![(0, level)],
            ..Case::default()
        };
        let (result, _) = run_on_two_cores(&case);
        let summary = result.expect("the run could be done");
        assert!(summary.run.interrupted && summary.run.duration_s < 60.0);
        for scenario in &summary.scenarios {
            assert_eq!(counts(&scenario.iterations).imbalance(), None);
        }
    }
}

/// One core that breaks must not leave the other, or control, waiting for it.
#[test]
fn a_core_that_breaks_ends_the_run() {
    for start in [Call::Panics, Call::Fails] {
        let case = Case {
            plan: plan([closed(4, 3_600_000)]),
            script: Script { start, start_of: Some(1), ..serving(5) },
            ..Case::default()
        };
        assert!(run_on_two_cores(&case).0.is_err());
    }
}

/// Phases, iterations that cores share and a person who pauses, on two cores.
#[test]
fn phases_with_counted_iterations_are_exact_across_cores() {
    let plan = phased([
        (shared(4, 101, 60_000), &[][..]),
        (each(3, 20, 60_000), &[0]),
        (shared(1, 7, 60_000), &[0]),
    ]);
    let case = Case { plan, script: serving(2), ..Case::default() };
    let (spec, log) = spec(&case, 2);
    let steering = spec.steering.clone();
    let mut paused = 0;
    let mut on_event = |event: Event<'_>| match event {
        Event::PhaseBegan { .. } => steering.pause(),
        Event::Paused(true) => {
            paused += 1;
            steering.resume();
        }
        _ => {}
    };
    let summary = run(spec, &mut on_event).expect("the run could be done");
    let started: Vec<u64> = summary.scenarios.iter().map(|scenario| scenario.iterations.started).collect();
    assert_eq!(started, [101, 60, 7]);
    assert!(
        paused > 0 && summary.phases.iter().all(|phase| phase.status == PhaseStatus::Passed),
        "{:?}",
        summary.phases
    );
    let log = log.lock().unwrap_or_else(PoisonError::into_inner);
    let count = |chosen: fn(&Deed) -> bool| log.entries.iter().filter(|entry| chosen(&entry.deed)).count();
    assert_eq!(count(|deed| matches!(deed, Deed::SetupPhase { .. })), 3);
    assert_eq!(count(|deed| matches!(deed, Deed::TeardownPhase { .. })), 3);
    assert_eq!(count(|deed| matches!(deed, Deed::Finish { .. })), 4 + 3 + 1);
}
