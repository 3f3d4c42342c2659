//! The three clocks: a target that stands still shows in response time, not in service time.

use crate::guest::Script;
use crate::laws;
use crate::simulate::{Case, closed, open, plan, serving, simulate};

/// 1,000 arrivals, one each 10 ms; the target stands still from 4 s to 5 s.
///
/// Two users are in flight when it stops, so two iterations in a thousand have a long service time. Arrival `k` of
/// the stalled second waits `1 s - 10 ms * k`; ten arrivals in a thousand waited more than 900 ms, which is p99.
#[test]
fn a_stall_is_in_the_response_time_and_not_in_the_service_time() {
    let script = Script { stall_ms: Some((4_000, 5_000)), ..serving(1) };
    let case = Case { plan: plan([open(100.0, 10_000, 2)]), script, ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let op = &outcome.summary().operations[0];
    let (service, response) = (op.service_us.expect("data"), op.response_us.expect("data"));
    assert_eq!(op.count, 1_000);
    assert!(service.p99 <= 2_000, "service p99 is {} us", service.p99);
    assert!(service.max >= 990_000, "the two in flight saw it: {} us", service.max);
    assert!((895_000..=912_000).contains(&response.p99), "response p99 is {} us", response.p99);
    // A tenth of the arrivals were late by up to a second, evenly: half of them by more than 500 ms.
    assert!(response.p90 <= 60_000, "response p90 is {} us", response.p90);
    assert!((490_000..=540_000).contains(&response.p95), "response p95 is {} us", response.p95);
    let iterations = outcome.summary().scenarios[0].response_us.expect("data");
    assert_eq!(iterations.p99, response.p99, "an iteration of one operation takes as long as it");
}

/// With a user for every arrival nothing waits, so the stall is in the service time of those in flight.
#[test]
fn with_users_enough_a_stall_is_service_time() {
    let script = Script { stall_ms: Some((4_000, 5_000)), ..serving(1) };
    let case = Case { plan: plan([open(100.0, 10_000, 150)]), script, ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let op = &outcome.summary().operations[0];
    assert!((895_000..=905_000).contains(&op.service_us.expect("data").p99));
    assert!(op.lag_us.expect("data").max <= 1_000);
}

/// In the closed model an iteration is due when the last one is done: there is no schedule to be late for.
#[test]
fn the_closed_model_has_no_lag() {
    let script = Script { stall_ms: Some((500, 1_500)), ..serving(5) };
    let case = Case { plan: plan([closed(3, 3_000)]), script, ..Case::default() };
    let outcome = simulate(&case);
    laws::hold(&case, &outcome);
    let op = &outcome.summary().operations[0];
    assert_eq!(op.lag_us.expect("data").max, 0);
    assert_eq!(op.service_us, op.response_us);
}
