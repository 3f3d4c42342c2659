//! Runs that are stopped: before, at, during and after everything.

use std::time::Duration;

use stresshost_engine::{Event, RunError, run_on_this_thread};
use stresshost_metrics::VerdictStatus;

use crate::guest::{Call, Deed, Script};
use crate::laws;
use crate::simulate::{Case, Level, closed, open, plan, serving, simulate, spec};

#[test]
fn a_stop_before_the_load_says_so() {
    for script in [
        Script { setup: Call::Endless, ..serving(1) },
        Script { start: Call::Endless, ..serving(1) },
        Script { start: Call::TakesMs(10), ..serving(1) },
    ] {
        for level in [Level::Drain, Level::Now] {
            let case = Case {
                plan: plan([closed(100, 1_000)]),
                script: script.clone(),
                stops: vec![(50, level)],
                ..Case::default()
            };
            let outcome = simulate(&case);
            assert!(matches!(outcome.result, Err(RunError::Stopped)), "{:?}", outcome.result);
            assert!(outcome.end_ns <= 52_000_000, "over at {} ns", outcome.end_ns);
        }
    }
}

/// Making users that never wait must not outrun the stop.
#[test]
fn a_stop_is_seen_between_quick_starts() {
    let case = Case {
        plan: plan([closed(100, 1_000)]),
        script: serving(1),
        stops: vec![(0, Level::Drain)],
        ..Case::default()
    };
    let outcome = simulate(&case);
    let starts = outcome.entries.iter().filter(|entry| matches!(entry.deed, Deed::Start { .. })).count();
    assert!(matches!(outcome.result, Err(RunError::Stopped)) && starts <= 1, "{starts} users were started");
}

/// Every millisecond around the beginning of the load, and around a few arrivals.
#[test]
fn a_stop_at_any_instant_leaves_the_counts_balanced() {
    for at_ms in 0..80 {
        for (level, grace_ms) in [(Level::Drain, 0), (Level::Drain, 25), (Level::Now, 1_000)] {
            let mut plan = plan([open(100.0, 1_000, 2), closed(2, 1_000)]);
            plan.graceful_stop_ms = grace_ms;
            plan.warmup_ms = 30;
            let case = Case { plan, script: serving(10), stops: vec![(at_ms, level)], ..Case::default() };
            let outcome = simulate(&case);
            if outcome.result.is_ok() {
                laws::hold(&case, &outcome);
                assert!(outcome.summary().run.interrupted);
            }
        }
    }
}

#[test]
fn iterations_that_never_end_are_interrupted_after_the_grace_period() {
    let script = Script { endless_percent: 100, ..serving(1) };
    let inconclusive = (closed(3, 1_000), VerdictStatus::Inconclusive);
    // Arrivals that found no user were dropped.
    for (executor, verdict) in [inconclusive, (open(10.0, 1_000, 3), VerdictStatus::Invalid)] {
        let mut plan = plan([executor]);
        plan.graceful_stop_ms = 500;
        let case = Case { plan, script: script.clone(), ..Case::default() };
        let outcome = simulate(&case);
        laws::hold(&case, &outcome);
        let summary = outcome.summary();
        assert_eq!(summary.scenarios[0].iterations.interrupted, 3);
        assert!((summary.run.duration_s - 1.5).abs() < 0.005, "{}", summary.run.duration_s);
        assert!(!summary.run.interrupted, "nobody asked it to stop");
        assert_eq!(summary.verdict.status, verdict);
    }
}

#[test]
fn draining_lets_iterations_end_and_now_does_not() {
    for (level, finished, interrupted) in [(Level::Drain, 4, 0), (Level::Now, 2, 2)] {
        let case = Case {
            plan: plan([closed(2, 10_000)]),
            script: serving(1_000),
            stops: vec![(1_500, level)],
            ..Case::default()
        };
        let outcome = simulate(&case);
        laws::hold(&case, &outcome);
        let iterations = outcome.summary().scenarios[0].iterations;
        assert_eq!((iterations.finished, iterations.interrupted), (finished, interrupted));
        assert!(outcome.told.contains(&"draining".to_owned()));
    }
}

#[test]
fn a_second_stop_cuts_the_drain_short() {
    let case = Case {
        plan: plan([closed(2, 10_000)]),
        script: serving(5_000),
        stops: vec![(500, Level::Drain), (700, Level::Now)],
        ..Case::default()
    };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    assert_eq!(outcome.summary().scenarios[0].iterations.interrupted, 2);
    assert!(outcome.end_ns < 705_000_000);
}

#[test]
fn a_stop_during_the_warm_up_measures_nothing() {
    let mut plan = plan([open(100.0, 10_000, 5)]);
    plan.warmup_ms = 5_000;
    let case = Case { plan, script: serving(10), stops: vec![(1_000, Level::Drain)], ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let summary = outcome.summary();
    let warmup = summary.warmup.as_ref().expect("there was one");
    // What was in flight ended after the stop.
    assert!(summary.run.duration_s <= 0.011 && (warmup.duration_s - 0.98).abs() < 0.02);
    assert!((warmup.operations[0].rate_per_s - 100.0).abs() < 3.0);
    assert_eq!(summary.operations.len(), 0);
    assert_eq!(summary.verdict.status, VerdictStatus::Inconclusive);
}

/// The instant between the last user being ready and the load beginning.
#[test]
fn a_stop_just_before_the_load_is_a_run_of_no_length() {
    let case = Case {
        plan: plan([open(100.0, 1_000, 2)]),
        script: serving(1),
        stops: vec![(10, Level::Drain)],
        ..Case::default()
    };
    let outcome = simulate(&case);
    let summary = outcome.summary();
    laws::hold(&case, &outcome);
    assert_eq!(summary.scenarios[0].iterations.due, 0);
    assert!(summary.run.duration_s == 0.0 && summary.run.interrupted);
    let document = serde_json::to_string(summary).expect("a document");
    serde_json::from_str::<stresshost_metrics::Summary>(&document).expect("reads back");
}

#[test]
fn a_finish_that_never_ends_is_cut_off() {
    let mut plan = plan([closed(2, 1_000)]);
    plan.graceful_stop_ms = 200;
    let case = Case { plan, script: Script { finish: Call::Endless, ..serving(10) }, ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    assert_eq!(outcome.summary().scenarios[0].iterations.finished, 200);
}

/// A run whose future is dropped leaves nobody behind who goes on loading the target.
#[test]
fn a_run_that_is_dropped_leaves_no_load() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        let case = Case { plan: plan([closed(3, 3_600_000)]), script: serving(10), ..Case::default() };
        let (spec, log) = spec(&case, 1);
        let mut on_event = |_: Event<'_>| {};
        let run = run_on_this_thread(spec, &mut on_event);
        tokio::time::timeout(Duration::from_millis(500), run).await.expect_err("an hour has not passed");
        // Whoever is still there is interrupted before this task runs again after a moment of virtual time.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let before = log.lock().expect("log").entries.len();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let log = log.lock().expect("log");
        assert!(before > 100);
        assert_eq!(log.entries.len(), before, "deeds after the end");
        let ends = log.entries.iter().filter(|entry| matches!(entry.deed, Deed::End { .. })).count();
        let begins = log.entries.iter().filter(|entry| matches!(entry.deed, Deed::Begin { .. })).count();
        assert_eq!(begins, ends);
    });
}
