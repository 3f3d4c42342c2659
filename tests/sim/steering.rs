//! Runs that a person pauses, resumes and scales.

use stresshost_clock::NS_PER_MS;
use stresshost_plan::Threshold;

use crate::guest::Deed;
use crate::laws;
use crate::simulate::{
    Case, Level, Outcome, Steer, closed, each, external, open, phased, plan, serving, shared, simulate,
};

fn run(case: Case) -> Outcome {
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    outcome
}

fn begins_ms(outcome: &Outcome) -> Vec<u64> {
    let begins = outcome.entries.iter().filter(|entry| matches!(entry.deed, Deed::Begin { .. }));
    begins.map(|entry| entry.at_ns / NS_PER_MS).collect()
}

#[test]
fn a_pause_moves_the_schedule_and_loses_nothing() {
    for executor in [open(100.0, 1_000, 3), closed(3, 1_000), shared(3, 100, 1_000), each(3, 30, 1_000)] {
        let of = |steers| {
            let case =
                Case { plan: plan([executor.clone()]), script: serving(10), steers, ..Case::default() };
            let outcome = run(case);
            (
                outcome.summary().scenarios[0].iterations,
                outcome.summary().scenarios[0].duration_s,
                outcome.end_ns,
            )
        };
        let (straight, lasted_s, end_ns) = of(Vec::new());
        let (paused, paused_s, paused_end_ns) = of(vec![(300, Steer::Pause), (5_300, Steer::Resume)]);
        assert_eq!(straight, paused, "{executor:?}");
        assert!((lasted_s - paused_s).abs() < 0.002, "the pause is no load: {paused_s} s and {lasted_s} s");
        assert!((paused_end_ns - end_ns).abs_diff(5_000 * NS_PER_MS) <= 2 * NS_PER_MS, "{paused_end_ns}");
    }
}

#[test]
fn a_run_that_is_paused_before_it_begins_waits() {
    let steers = vec![(0, Steer::Pause), (700, Steer::Resume)];
    let case = Case { plan: plan([open(100.0, 500, 3)]), script: serving(5), steers, ..Case::default() };
    let outcome = run(case);
    assert_eq!(outcome.load_start_ns, Some(720 * NS_PER_MS));
    assert_eq!(outcome.summary().scenarios[0].iterations.finished, 50);
}

/// Between the decision to begin and the beginning.
#[test]
fn a_pause_just_before_the_load_moves_its_beginning() {
    let steers = vec![(10, Steer::Pause), (700, Steer::Resume)];
    let case = Case { plan: plan([open(100.0, 500, 3)]), script: serving(5), steers, ..Case::default() };
    assert_eq!(begins_ms(&run(case)).first(), Some(&710));
}

#[test]
fn a_phase_does_not_begin_while_the_run_is_paused() {
    let plan = phased([(closed(1, 300), &[][..]), (closed(1, 100), &[0])]);
    let steers = vec![(310, Steer::Pause), (2_000, Steer::Resume)];
    let outcome = run(Case { plan, script: serving(50), steers, ..Case::default() });
    let began_s = outcome.summary().phases[1].started_s.expect("it began");
    assert!(began_s > 1.98, "{began_s}");
    assert!(outcome.told.contains(&"paused".to_owned()) && outcome.told.contains(&"resumed".to_owned()));
}

#[test]
fn a_paused_run_can_be_stopped() {
    for executor in
        [open(100.0, 1_000, 3), closed(3, 1_000), shared(3, 90, 1_000), external(2, 3, Some(50.0), 1_000)]
    {
        for level in [Level::Drain, Level::Now] {
            let case = Case {
                plan: plan([executor.clone()]),
                script: serving(10),
                steers: vec![(200, Steer::Pause)],
                stops: vec![(9_000, level)],
                ..Case::default()
            };
            let outcome = run(case);
            assert!(outcome.end_ns < 9_010 * NS_PER_MS, "over at {}", outcome.end_ns);
            assert!(begins_ms(&outcome).into_iter().all(|at_ms| at_ms <= 200));
        }
    }
}

/// However many wait, and however often: every one of them goes on.
#[test]
fn many_users_go_on_after_many_pauses() {
    let mut steers = Vec::new();
    for nth in 0..50 {
        steers.extend([(100 + 20 * nth, Steer::Pause), (110 + 20 * nth, Steer::Resume)]);
    }
    let case = Case { plan: plan([closed(300, 500)]), script: serving(20), steers, ..Case::default() };
    // What is in flight goes on during a pause, so more than 500 ms of load hold without pauses.
    assert!(run(case).summary().scenarios[0].iterations.finished >= 300 * 25);
}

#[test]
fn users_are_scaled_up_and_down() {
    let steers = vec![
        (520, Steer::ScaleVus("s0", 6)),
        (1_020, Steer::ScaleVus("s0", 0)),
        (1_520, Steer::ScaleVus("s0", 1)),
    ];
    let case =
        Case { plan: plan([external(2, 6, None, 2_000)]), script: serving(10), steers, ..Case::default() };
    let finished = run(case).summary().scenarios[0].iterations.finished;
    assert!(finished.abs_diff(2 * 50 + 6 * 50 + 50) <= 12, "{finished}");
}

#[test]
fn a_rate_is_scaled_from_nothing_and_back() {
    let steers = vec![
        (520, Steer::ScaleRate("s0", 100.0)),
        (1_020, Steer::ScaleRate("s0", 0.0)),
        (1_520, Steer::ScaleRate("s0", 10.0)),
    ];
    let case = Case {
        plan: plan([external(3, 3, Some(0.0), 2_000)]),
        script: serving(5),
        steers,
        ..Case::default()
    };
    let outcome = run(case);
    let iterations = outcome.summary().scenarios[0].iterations;
    assert!((54..=56).contains(&iterations.finished), "{iterations:?}");
    assert_eq!(iterations.dropped, 0);
    assert!(begins_ms(&outcome).into_iter().all(|at_ms| !(1_022..1_520).contains(&at_ms)));
}

/// A person who turns the knob must not add arrivals by turning it.
#[test]
fn changing_a_rate_often_neither_adds_nor_loses_arrivals() {
    let steers =
        (0..150).map(|nth| (30 + 10 * nth, Steer::ScaleRate("s0", 4.0 + (nth % 2) as f64))).collect();
    let case = Case {
        plan: plan([external(3, 3, Some(4.0), 2_000)]),
        script: serving(5),
        steers,
        ..Case::default()
    };
    let due = run(case).summary().scenarios[0].iterations.due;
    assert!((8..=10).contains(&due), "{due}");
}

/// Whoever is not wanted any more hands back what it had claimed.
#[test]
fn users_scaled_down_leave_arrivals_to_the_others() {
    let steers = vec![(1_100, Steer::ScaleVus("s0", 1))];
    let case = Case {
        plan: plan([external(3, 3, Some(2.0), 5_000)]),
        script: serving(5),
        steers,
        ..Case::default()
    };
    let iterations = run(case).summary().scenarios[0].iterations;
    assert_eq!((iterations.finished, iterations.dropped), (10, 0));
}

/// A wish from before the beginning: the planned rate never was.
#[test]
fn a_wish_made_before_the_beginning_counts_from_the_beginning() {
    let plan = phased([(closed(1, 300), &[][..]), (external(1, 4, Some(100.0), 1_000), &[0])]);
    let steers = vec![(50, Steer::ScaleRate("s1", 0.0)), (60, Steer::ScaleVus("s1", 3))];
    let outcome = run(Case { plan, script: serving(10), steers, ..Case::default() });
    assert_eq!(outcome.summary().scenarios[1].iterations.due, 0);
}

/// While the run stands still it has no rate to be judged.
#[test]
fn a_pause_is_not_held_against_the_rate() {
    let mut plan = plan([open(100.0, 4_000, 3)]);
    plan.thresholds.push(Threshold::new("rate > 90/s, abort after 1s"));
    let steers = vec![(1_500, Steer::Pause), (9_500, Steer::Resume)];
    let outcome = run(Case { plan, script: serving(5), steers, ..Case::default() });
    assert_eq!(outcome.aborted_ns, None);
    assert_eq!(outcome.summary().scenarios[0].iterations.finished, 400);
}
