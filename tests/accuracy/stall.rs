//! Coordinated omission: a server that stalls once shows in what users would have met, and not in what it did.

use stresshost_shop::Faults;
use stresshost_tests::Project;

use crate::measure::{alone, expect_pass, measure, ms, only, shop, some};

/// At 1,000/s for 5 s, a stall of 1 s in the middle delays a fifth of 5,000 requests: the one due `x` seconds after
/// its start by `1 - x` seconds, and a little for the backlog before it. The 50th slowest, the 99th percentile, was due
/// 50 ms after the start and waited 950 ms.
///
/// Of the requests the server had in hand, one a user, the service time is the stall's. They are 20, 0.4% of all;
/// with 50 users they would be 1%, and the 99th percentile would lie on the edge.
#[test]
fn a_stall_of_a_second_shows_in_response_times_and_not_in_service_times() {
    let shop = shop(Faults { stall_at_request: Some(2_000), stall_ms: 1_000.0, ..Faults::default() });
    let url = format!("http://{}/products/1", shop.addr());
    let _turn = alone();
    let (finished, summary) =
        measure(&Project::default(), &[&url, "--rate", "1000", "--vus", "20", "--duration", "5s"]);
    expect_pass(&finished, &summary);
    let operation = only(&summary);
    assert_eq!((operation.count, shop.counts().requests), (5_000, 5_000));
    assert_eq!((operation.failed(), summary.scenarios[0].iterations.dropped), (0, 0));

    let within = |actual: u64, expected: u64| actual.abs_diff(expected) * 100 <= expected * 15;
    let (service, response, lag) =
        (some(operation.service_us), some(operation.response_us), some(operation.lag_us));
    assert!(within(response.p99, ms(950)), "{response:?}");
    assert!(within(lag.p99, ms(950)), "{lag:?}");
    assert!(within(summary.generator.lag_p99_us, ms(950)), "{:?}", summary.generator);
    assert!(service.p99 < ms(50), "{service:?}");
    assert!(service.max >= ms(900), "the requests in hand waited: {service:?}");
    // The 500th slowest was due half-way through the stall.
    assert!(response.p90 >= ms(425), "{response:?}");
    assert!(response.p50 < ms(100), "more than half of the run is undisturbed: {response:?}");

    // The iterations tell the same.
    let scenario = &summary.scenarios[0];
    assert!(within(some(scenario.response_us).p99, ms(950)), "{scenario:?}");
    assert!(some(scenario.service_us).p99 < ms(50), "{scenario:?}");
}
