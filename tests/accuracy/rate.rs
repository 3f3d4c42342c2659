//! The open model sends what was asked for, when it was asked for.

use stresshost_shop::Faults;
use stresshost_tests::Project;

use crate::measure::{alone, expect_pass, measure, ms, only, shop, snapshots, some};

#[test]
fn a_rate_is_sent_exactly_and_reports_its_lag() {
    let shop = shop(Faults::default());
    let url = format!("http://{}/products/1", shop.addr());
    let project = Project::default();
    let _turn = alone();
    let (finished, summary) = measure(&project, &[&url, "--rate", "1000", "--vus", "50", "--duration", "3s"]);
    expect_pass(&finished, &summary);
    let operation = only(&summary);
    assert!((2_997..=3_003).contains(&operation.count), "{}", operation.count);
    assert_eq!(operation.count, shop.counts().requests);
    assert_eq!(summary.scenarios[0].iterations.dropped, 0);

    let (lag, service, response) =
        (some(operation.lag_us), some(operation.service_us), some(operation.response_us));
    assert!(lag.max > 0, "waking up takes time: a lag of 0 is not measured: {lag:?}");
    assert!(lag.p50 < ms(20), "{lag:?}");
    assert_eq!(summary.generator.lag_p99_us, lag.p99, "the only operation's is that of all");
    // The same three instants make all three: their means add up, but for the rounding to microseconds.
    let gap = response.mean - service.mean - lag.mean;
    assert!(gap.abs() < 0.01 * response.mean + 2.0, "{response:?} is not {service:?} plus {lag:?}");

    // Even spacing: no second has more than its share, but for those that waking late moved into the next one.
    for second in &snapshots(&project)[..2] {
        assert!((850..=1_150).contains(&second.fired), "{second:?}");
    }
    assert!((operation.rate_per_s - 1_000.0).abs() < 50.0, "{}", operation.rate_per_s);
}

#[test]
fn a_rate_that_cores_cannot_share_evenly_is_sent_exactly() {
    let shop = shop(Faults::default());
    let url = format!("http://{}/products/1", shop.addr());
    let _turn = alone();
    let (finished, summary) =
        measure(&Project::default(), &[&url, "--rate", "333", "--vus", "7", "--duration", "1s"]);
    expect_pass(&finished, &summary);
    assert_eq!((only(&summary).count, shop.counts().requests), (333, 333));
}

#[test]
fn a_closed_loop_has_no_lag_to_speak_of() {
    let shop = shop(Faults::default());
    let url = format!("http://{}/products/1", shop.addr());
    let _turn = alone();
    let (finished, summary) = measure(&Project::default(), &[&url, "--vus", "4", "--duration", "1s"]);
    expect_pass(&finished, &summary);
    let operation = only(&summary);
    // An iteration is due when the last one has ended: what is left is the plugin's way to its first request.
    let (lag, service, response) =
        (some(operation.lag_us), some(operation.service_us), some(operation.response_us));
    assert!(lag.p50 < ms(1) && lag.p99 < ms(10), "{lag:?}");
    assert!(response.p50 - service.p50 < ms(1), "{response:?} against {service:?}");
}
