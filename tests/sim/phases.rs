//! Phases that follow each other, run side by side, are skipped or break.

use stresshost_metrics::{PhaseStatus, VerdictStatus};
use stresshost_plan::{Executor, Part, Phase, Threshold};

use crate::guest::{Call, Deed, Script};
use crate::laws;
use crate::simulate::{Case, Level, Outcome, closed, each, open, phased, plan, serving, shared, simulate};

fn statuses(outcome: &Outcome) -> Vec<PhaseStatus> {
    outcome.summary().phases.iter().map(|phase| phase.status).collect()
}

#[test]
fn phases_follow_those_they_depend_on() {
    let plan = phased([
        (closed(2, 500), &[][..]),
        (closed(1, 300), &[0]),
        (open(50.0, 400, 3), &[0]),
        (closed(1, 100), &[1, 2]),
    ]);
    let case = Case { plan, script: serving(10), ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    assert_eq!(statuses(&outcome), [PhaseStatus::Passed; 4]);
    let started: Vec<f64> =
        outcome.summary().phases.iter().map(|phase| phase.started_s.expect("it began")).collect();
    assert!(started[0] == 0.0 && started[1] == started[2], "side by side: {started:?}");
    assert!((started[3] - started[2] - 0.42).abs() < 0.01, "after the longer one: {started:?}");
    assert_eq!(outcome.told[..3], ["preparing", "started", "p0 began"]);
    assert_eq!(outcome.told.last().map(String::as_str), Some("p3 passed"));
    assert_eq!(outcome.summary().scenarios[2].iterations.finished, 20);
}

#[test]
fn what_depends_on_a_failed_phase_is_skipped_and_the_rest_is_not() {
    let mut plan = phased([
        (closed(1, 200), &[][..]),
        (closed(1, 200), &[0]),
        (closed(1, 200), &[1]),
        (closed(1, 600), &[]),
    ]);
    plan.phases[0].criteria.push(Threshold::new("iterations.finished.count > 1000"));
    let case = Case { plan, script: serving(10), ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    use PhaseStatus::{Failed, Passed, Skipped};
    assert_eq!(statuses(&outcome), [Failed, Skipped, Skipped, Passed]);
    assert_eq!(outcome.summary().verdict.status, VerdictStatus::Fail);
    assert!(outcome.summary().phases[1].reason.contains("`p0`"), "{}", outcome.summary().phases[1].reason);
}

/// A phase that cannot be set up or started is an outcome once a load has begun, also beside one that goes on.
#[test]
fn a_phase_that_breaks_leaves_the_others_alone() {
    for (setup_phase, start) in [
        (Call::Fails, Call::Quick),
        (Call::Faults, Call::Quick),
        (Call::Quick, Call::Fails),
        (Call::Quick, Call::Faults),
    ] {
        let plan = phased([
            (closed(1, 200), &[][..]),
            (closed(4, 200), &[0]),
            (closed(1, 900), &[0]),
            (closed(1, 100), &[1]),
        ]);
        let script = Script { setup_phase, start, only_phase: Some(1), ..serving(10) };
        let case = Case { plan, script, ..Case::default() };
        let outcome = simulate(&case);
        laws::hold(&case, &outcome);
        use PhaseStatus::{Broken, Passed, Skipped};
        assert_eq!(statuses(&outcome), [Passed, Broken, Passed, Skipped]);
        assert_eq!(outcome.summary().scenarios[2].iterations.finished, 90, "it went on");
    }
}

#[test]
fn the_first_phase_must_not_break() {
    for (setup_phase, start) in [(Call::Fails, Call::Quick), (Call::Quick, Call::Fails)] {
        let plan = phased([(closed(1, 200), &[][..]), (closed(4, 200), &[0])]);
        let script = Script { setup_phase, start, only_phase: Some(0), ..serving(10) };
        let case = Case { plan, script, ..Case::default() };
        let outcome = simulate(&case);
        assert!(outcome.result.is_err());
        laws::hold_of_failure(&case, &outcome);
    }
}

#[test]
fn plugins_side_by_side_are_each_set_up_once_a_run_and_once_a_phase() {
    let mut plan = phased([(closed(1, 200), &[][..]), (closed(1, 200), &[0]), (closed(2, 200), &[])]);
    plan.parts = ["a", "b"].map(|plugin| Part { plugin: plugin.into(), ..Part::default() }).to_vec();
    plan.scenarios[1].part = 1;
    plan.scenarios[2].part = 1;
    let case = Case { plan, script: serving(10), ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let count = |deed: &Deed| outcome.entries.iter().filter(|entry| entry.deed == *deed).count();
    for part in 0..2 {
        assert_eq!((count(&Deed::Setup { part }), count(&Deed::Teardown { part })), (1, 1));
    }
    for (part, phase) in [(0, 0), (1, 1), (1, 2)] {
        assert_eq!(count(&Deed::SetupPhase { part, phase }), 1);
        assert_eq!(count(&Deed::TeardownPhase { part, phase }), 1);
    }
    assert_eq!(count(&Deed::SetupPhase { part: 1, phase: 0 }), 0, "it has nothing to do there");
}

/// The set-up of one plugin runs when the run is stopped, or fails: the other plugin's is torn down.
#[test]
fn half_a_set_up_is_torn_down() {
    for (setup_phase, stops) in
        [(Call::TakesMs(100), vec![(150, Level::Drain)]), (Call::TakesMs(100), vec![(150, Level::Now)])]
    {
        let mut plan = plan([closed(1, 1_000), closed(1, 1_000)]);
        plan.parts = ["a", "b"].map(|plugin| Part { plugin: plugin.into(), ..Part::default() }).to_vec();
        plan.scenarios[1].part = 1;
        let script = Script { setup_phase, ..serving(10) };
        let case = Case { plan, script, stops, ..Case::default() };
        let outcome = simulate(&case);
        assert!(outcome.result.is_err());
        laws::hold_of_failure(&case, &outcome);
        let torn_down =
            outcome.entries.iter().filter(|entry| matches!(entry.deed, Deed::TeardownPhase { .. }));
        assert_eq!(torn_down.count(), 1);
    }
}

#[test]
fn a_stop_ends_every_phase() {
    for level in [Level::Drain, Level::Now] {
        let plan = phased([
            (closed(1, 300), &[][..]),
            (closed(1, 900), &[0]),
            (closed(1, 100), &[1]),
            (closed(1, 2_000), &[]),
        ]);
        let case = Case { plan, script: serving(10), stops: vec![(600, level)], ..Case::default() };
        let outcome = simulate(&case);
        laws::hold(&case, &outcome);
        use PhaseStatus::{Passed, Stopped};
        assert_eq!(statuses(&outcome), [Passed, Stopped, Stopped, Stopped]);
        assert!(outcome.summary().run.interrupted);
        assert_eq!(outcome.told.iter().filter(|told| *told == "draining").count(), 1);
    }
}

/// The second phase's set-up never returns; the first is long over.
#[test]
fn a_stop_while_a_later_phase_is_prepared_ends_the_run() {
    for script in [
        Script { setup_phase: Call::Endless, only_phase: Some(1), ..serving(10) },
        Script { start: Call::Endless, only_phase: Some(1), ..serving(10) },
    ] {
        let plan = phased([(closed(1, 300), &[][..]), (closed(1, 300), &[0])]);
        let case = Case { plan, script, stops: vec![(5_000, Level::Drain)], ..Case::default() };
        let outcome = simulate(&case);
        laws::hold(&case, &outcome);
        assert_eq!(statuses(&outcome), [PhaseStatus::Passed, PhaseStatus::Stopped]);
        assert!(outcome.end_ns < 5_010_000_000, "over at {}", outcome.end_ns);
    }
}

#[test]
fn a_threshold_can_end_the_run() {
    let mut plan = phased([(closed(2, 60_000), &[][..]), (closed(1, 100), &[0])]);
    plan.thresholds.push(Threshold::new("iterations.failed.rate < 5%, abort after 2s"));
    let case = Case { plan, script: Script { fail_percent: 50, ..serving(10) }, ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let summary = outcome.summary();
    assert!(outcome.aborted_ns.is_some() && !summary.run.interrupted, "nobody asked it to stop");
    assert!(summary.run.duration_s < 4.0, "{} s", summary.run.duration_s);
    assert_eq!(statuses(&outcome), [PhaseStatus::Stopped; 2]);
    assert_eq!(summary.verdict.status, VerdictStatus::Fail);
}

#[test]
fn a_multiplier_and_a_cut_shape_the_load() {
    let mut plan = phased([(open(50.0, 1_000, 5), &[][..])]);
    plan.phases[0] = Phase { load_multiplier: 3.0, duration_ms: Some(600), ..Phase::new("p0") };
    let case = Case { plan, script: serving(10), ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    assert_eq!(outcome.summary().scenarios[0].iterations.finished, 90);
}

/// Iterations that are counted end a phase when they are done; what lasts for a time ends it when that has passed.
#[test]
fn a_phase_lasts_as_long_as_its_load() {
    let duration = |executors: Vec<Executor>| {
        let case = Case { plan: plan(executors), script: serving(10), ..Case::default() };
        let outcome = simulate(&case);
        laws::hold(&case, &outcome);
        assert_eq!(outcome.summary().verdict.status, VerdictStatus::Pass);
        outcome.summary().run.duration_s
    };
    for (executors, seconds) in [
        (vec![shared(4, 100, 600_000)], 0.25),
        (vec![each(4, 7, 600_000)], 0.07),
        (vec![shared(4, 100, 600_000), closed(1, 100)], 0.25),
        (vec![shared(4, 100, 600_000), open(2.0, 2_900, 1)], 2.9),
    ] {
        let lasted = duration(executors.clone());
        assert!((lasted - seconds).abs() < 0.005, "{lasted} s of {executors:?}");
    }
}

#[test]
fn iterations_for_which_there_is_no_time_are_dropped() {
    for (executor, started) in [(shared(2, 100, 200), 40), (each(2, 50, 200), 40)] {
        let case = Case { plan: plan([executor]), script: serving(10), ..Case::default() };
        let outcome = simulate(&case);
        laws::hold(&case, &outcome);
        let iterations = outcome.summary().scenarios[0].iterations;
        assert_eq!((iterations.due, iterations.started, iterations.dropped), (100, started, 100 - started));
    }
}

/// A phase is judged on its last iteration too, although no tick has told of it.
#[test]
fn criteria_see_everything_that_happened_in_the_phase() {
    let mut plan = phased([(closed(1, 200), &[][..]), (closed(1, 100), &[0])]);
    plan.phases[0].criteria.push(Threshold::new("iterations.finished.count >= 20"));
    plan.phases[1].criteria.push(Threshold::new("iterations.finished.count >= 11"));
    let case = Case { plan, script: serving(10), ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    assert_eq!(statuses(&outcome), [PhaseStatus::Passed, PhaseStatus::Failed]);
}
