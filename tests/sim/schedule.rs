//! Plans that go as planned: exact counts, windows, ramps and offsets.

use stresshost_clock::NS_PER_MS;
use stresshost_metrics::VerdictStatus;
use stresshost_plan::{ConstantArrivalRate, ConstantVus, Executor};

use crate::guest::{Call, Deed, Script};
use crate::laws;
use crate::simulate::{Case, closed, open, plan, serving, simulate};

#[test]
fn a_rate_with_users_enough_starts_rate_times_duration() {
    for (rate, duration_ms, expected) in
        [(1_000.0, 10_000, 10_000), (333.0, 3_000, 999), (0.5, 10_000, 5), (7.0, 1_000, 7)]
    {
        let case = Case { plan: plan([open(rate, duration_ms, 50)]), script: serving(20), ..Case::default() };
        let outcome = simulate(&case);
        laws::hold(&case, &outcome);
        let iterations = outcome.summary().scenarios[0].iterations;
        assert_eq!(
            (iterations.due, iterations.finished),
            (expected, expected),
            "{rate}/s for {duration_ms} ms"
        );
        assert_eq!(outcome.summary().verdict.status, VerdictStatus::Pass);
    }
}

#[test]
fn a_ramped_rate_starts_half_of_its_ramp() {
    let config = ConstantArrivalRate {
        rate_per_s: 200.0,
        duration_ms: 4_000,
        ramp_up_ms: 2_000,
        vus: 30,
        ..ConstantArrivalRate::default()
    };
    let case =
        Case { plan: plan([Executor::ConstantArrivalRate(config)]), script: serving(5), ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    assert_eq!(outcome.summary().scenarios[0].iterations.finished, 200 + 400);
}

#[test]
fn closed_users_join_evenly_and_iterate_back_to_back() {
    let config = ConstantVus { vus: 4, duration_ms: 1_000, ramp_up_ms: 400 };
    let case = Case { plan: plan([Executor::ConstantVus(config)]), script: serving(10), ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let load_ns = outcome.load_start_ns.expect("it began");
    for vu in 0..4 {
        let first =
            outcome.entries.iter().find(|e| matches!(e.deed, Deed::Begin { vu: of, .. } if of.id == vu));
        assert_eq!(first.expect("it began").at_ns - load_ns, vu * 100 * NS_PER_MS);
    }
    // 100 + 90 + 80 + 70 iterations of 10 ms.
    assert_eq!(outcome.summary().scenarios[0].iterations.finished, 340);
}

#[test]
fn scenarios_begin_at_their_offsets_and_warm_up_is_kept_apart() {
    let mut plan = plan([open(100.0, 2_000, 10), closed(2, 1_000)]);
    plan.scenarios[1].start_ms = 1_500;
    plan.warmup_ms = 1_750;
    let case = Case { plan, script: serving(10), ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let summary = outcome.summary();
    let warmup = summary.warmup.as_ref().expect("there was a warm-up");
    let finished = |scenarios: &[stresshost_metrics::ScenarioSummary]| {
        scenarios.iter().map(|scenario| scenario.iterations.finished).collect::<Vec<_>>()
    };
    assert_eq!(finished(&warmup.scenarios), [175, 2 * 25]);
    assert_eq!(finished(&summary.scenarios), [25, 2 * 75]);
    assert!((summary.run.duration_s - 0.75).abs() < 0.01, "{}", summary.run.duration_s);
}

#[test]
fn too_few_users_drop_what_they_cannot_take() {
    // One user and 30 ms an iteration: 34 of 100 in a second.
    let case = Case { plan: plan([open(100.0, 1_000, 1)]), script: serving(30), ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let iterations = outcome.summary().scenarios[0].iterations;
    assert_eq!((iterations.due, iterations.started, iterations.dropped), (100, 34, 66));
}

#[test]
fn a_long_run_keeps_a_bounded_series() {
    let case = Case { plan: plan([open(0.01, 3 * 3_600_000, 1)]), script: serving(1_000), ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    assert!(outcome.summary().series.len() <= stresshost_metrics::MAX_SERIES_POINTS);
    assert!(outcome.snapshots.len() >= 3 * 3_600);
}

#[test]
fn every_user_starts_once_and_finishes_once() {
    let script = Script { start: Call::TakesMs(2), finish: Call::TakesMs(3), ..serving(10) };
    let case = Case { plan: plan([closed(3, 200), open(50.0, 200, 4)]), script, ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let users = |pick: fn(&Deed) -> Option<u64>| {
        let mut users: Vec<u64> = outcome.entries.iter().filter_map(|entry| pick(&entry.deed)).collect();
        users.sort_unstable();
        users
    };
    let all: Vec<u64> = (0..7).collect();
    assert_eq!(users(|deed| if let Deed::Start { vu } = deed { Some(vu.id) } else { None }), all);
    assert_eq!(users(|deed| if let Deed::Finish { vu } = deed { Some(vu.id) } else { None }), all);
    assert_eq!(outcome.entries.first().map(|e| &e.deed), Some(&Deed::Setup { part: 0 }));
    assert_eq!(outcome.entries.last().map(|e| &e.deed), Some(&Deed::Teardown { part: 0 }));
    assert_eq!(outcome.told, ["preparing", "started"]);
}
