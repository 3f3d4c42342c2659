//! Guests that fail, break and panic.

use stresshost_engine::{FaultPolicy, MAX_FAULT_TEXTS, MAX_FAULTS, RunError};
use stresshost_metrics::VerdictStatus;
use stresshost_plan::Part;

use crate::guest::{Call, Deed, Script};
use crate::laws;
use crate::simulate::{Case, Outcome, closed, open, plan, serving, simulate};

fn faults(outcome: &Outcome) -> u64 {
    outcome.summary().faults.iter().map(|fault| fault.count).sum()
}

#[test]
fn a_guest_that_always_breaks_is_given_up() {
    let script = Script { fault_percent: 100, ..serving(5) };
    let case = Case { plan: plan([closed(10, 3_600_000)]), script, ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let summary = outcome.summary();
    assert!((MAX_FAULTS..MAX_FAULTS + 10).contains(&faults(&outcome)), "{} faults", faults(&outcome));
    assert!(summary.run.duration_s < 60.0, "given up after {} s", summary.run.duration_s);
    assert_eq!(summary.verdict.status, VerdictStatus::Fault);
    assert!(!summary.run.interrupted, "nobody asked it to stop");
    assert_eq!(outcome.told[..3], ["preparing", "started", "fault fault"]);
    assert!(
        outcome.told[3].starts_with("scripted stopped after 1") && outcome.told.len() == 4,
        "{:?}",
        outcome.told
    );
}

/// Two plugins side by side: scenario 0 of `a` breaks always, scenario 1 of `b` never.
fn side_by_side(on_fault: FaultPolicy) -> Case {
    let mut plan = plan([closed(2, 2_000), closed(2, 2_000)]);
    plan.parts = ["a", "b"].map(|plugin| Part { plugin: plugin.into(), ..Part::default() }).to_vec();
    plan.scenarios[1].part = 1;
    let script = Script { fault_percent: 100, breaks_only: Some(0), ..serving(5) };
    Case { plan, script, on_fault, ..Case::default() }
}

#[test]
fn a_plugin_is_stopped_alone() {
    for budget in [1, 3] {
        let case = side_by_side(FaultPolicy { budget, ends_run: false });
        let outcome = simulate(&case);
        laws::hold(&case, &outcome);
        let summary = outcome.summary();
        let [broken, sound] = &summary.scenarios[..] else { panic!("two scenarios") };
        // Its other user may have been under way.
        let faulted = broken.iterations.faulted;
        assert!((budget..=budget + 1).contains(&faulted), "{faulted} faults with a budget of {budget}");
        assert_eq!((sound.iterations.finished, sound.iterations.faulted), (2 * 2_000 / 5, 0));
        assert_eq!(summary.verdict.status, VerdictStatus::Fault);
        let stopped = outcome.told.iter().filter(|told| told.starts_with("a stopped after ")).count();
        assert_eq!(stopped, 1, "{:?}", outcome.told);
    }
}

#[test]
fn a_run_can_end_with_its_first_fault() {
    let case = side_by_side(FaultPolicy { budget: 1, ends_run: true });
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    assert!(outcome.summary().run.duration_s < 0.1, "{}", outcome.summary().run.duration_s);
    assert_eq!(outcome.summary().verdict.status, VerdictStatus::Fault);
}

#[test]
fn a_run_ends_when_no_plugin_is_left() {
    let mut case = side_by_side(FaultPolicy { budget: 1, ends_run: false });
    case.script.breaks_only = None;
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    assert!(outcome.summary().run.duration_s < 0.1, "{}", outcome.summary().run.duration_s);
    assert_eq!(outcome.told.iter().filter(|told| told.contains(" stopped after ")).count(), 2);
}

/// More faults at one instant than any queue holds: each is counted.
#[test]
fn a_flood_of_faults_is_counted_to_the_last() {
    for distinct_texts in [false, true] {
        let script = Script { fault_percent: 100, distinct_texts, ..serving(5) };
        let case = Case { plan: plan([closed(500, 3_600_000)]), script, ..Case::default() };
        let outcome = simulate(&case);
        laws::hold(&case, &outcome);
        assert_eq!(outcome.summary().scenarios[0].iterations.faulted, 500);
        assert_eq!(faults(&outcome), 500);
        assert!(outcome.summary().run.duration_s < 0.1, "given up at once");
        assert!(outcome.summary().faults.len() <= MAX_FAULT_TEXTS);
    }
}

#[test]
fn a_flood_of_failures_is_counted_and_told_once() {
    let script = Script { fail_percent: 100, ..serving(1) };
    let case = Case { plan: plan([closed(200, 500)]), script, ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    assert_eq!(outcome.told, ["preparing", "started", "failure scripted"]);
    assert_eq!(outcome.summary().scenarios[0].iterations.failed, 200 * 500);
    assert_eq!(outcome.summary().verdict.status, VerdictStatus::Fail);
}

/// A run whose users are all gone does not idle until its plan's end, and says what it did not do.
#[test]
fn a_run_that_loses_every_user_ends() {
    for restart in [Call::Fails, Call::Faults] {
        let script = Script { fault_percent: 100, restart, ..serving(5) };
        for executor in [closed(3, 3_600_000), open(10.0, 3_600_000, 3)] {
            let case = Case { plan: plan([executor]), script: script.clone(), ..Case::default() };
            let outcome = simulate(&case);
            laws::hold(&case, &outcome);
            assert_eq!(outcome.summary().scenarios[0].iterations.faulted, 3);
            assert!(outcome.end_ns < 2_000_000_000, "over at {} ns", outcome.end_ns);
            assert_eq!(outcome.summary().verdict.status, VerdictStatus::Fault);
            let in_start = if matches!(restart, Call::Faults) { 3 } else { 0 };
            assert_eq!(faults(&outcome), 3 + in_start);
        }
    }
}

#[test]
fn a_broken_user_is_started_again_after_a_growing_pause() {
    let script = Script { fault_percent: 100, ..serving(5) };
    let case = Case { plan: plan([closed(1, 1_000)]), script, ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let starts = outcome.entries.iter().filter(|entry| matches!(entry.deed, Deed::Start { .. }));
    let at_ms: Vec<u64> = starts.map(|entry| entry.at_ns / 1_000_000).collect();
    let gaps: Vec<u64> = at_ms[1..].windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [25, 45, 85, 165, 325], "5 ms of work and a pause that doubles");
}

#[test]
fn what_goes_wrong_before_the_load_is_an_error() {
    let case = |script: Script| Case { plan: plan([closed(2, 1_000)]), script, ..Case::default() };
    let result = |script: Script| simulate(&case(script)).result;
    let setup = |setup| result(Script { setup, ..serving(1) });
    let start = |start| result(Script { start, ..serving(1) });
    assert!(matches!(setup(Call::Fails), Err(RunError::Setup { .. })));
    assert!(matches!(setup(Call::Faults), Err(RunError::Fault(_))));
    assert!(matches!(start(Call::Fails), Err(RunError::Start { vu: 0, .. })));
    assert!(matches!(start(Call::Faults), Err(RunError::Fault(_))));
    assert!(matches!(start(Call::Panics), Err(RunError::Os(_))));
}

#[test]
fn a_failed_start_is_torn_down() {
    let script = Script { start: Call::Fails, ..serving(1) };
    let case = Case { plan: plan([closed(2, 1_000)]), script, ..Case::default() };
    assert_eq!(simulate(&case).entries.last().map(|entry| &entry.deed), Some(&Deed::Teardown { part: 0 }));
}

/// A panic of the guest's own code costs one user; nothing vanishes and the verdict says so.
#[test]
fn a_panic_is_a_fault() {
    let script = Script { panics_at: Some(7), ..serving(10) };
    for executor in [closed(3, 1_000), open(100.0, 1_000, 5)] {
        let case = Case { plan: plan([executor]), script: script.clone(), ..Case::default() };
        let outcome = simulate(&case);
        laws::hold(&case, &outcome);
        assert_eq!(outcome.summary().scenarios[0].iterations.faulted, 1);
        assert_eq!(outcome.summary().verdict.status, VerdictStatus::Fault);
        assert!(outcome.summary().faults[0].text.contains("as scripted"));
    }
}

#[test]
fn a_teardown_that_never_ends_is_left_behind() {
    for teardown in [Call::Endless, Call::Fails, Call::Faults] {
        let case = Case {
            plan: plan([closed(1, 100)]),
            script: Script { teardown, ..serving(5) },
            ..Case::default()
        };
        let outcome = simulate(&case);
        assert_eq!(outcome.summary().scenarios[0].iterations.finished, 20);
        assert!(outcome.end_ns <= 61_000_000_000, "over at {} ns", outcome.end_ns);
    }
}
