//! Latencies the server adds on purpose come out as what they are.

use stresshost_shop::{Faults, Latency, ShopConfig};
use stresshost_tests::Project;

use crate::measure::{alone, expect_pass, measure, ms, only, shop, some};

/// What the way there and back may take on a busy machine.
const MARGIN_US: u64 = ms(15);

/// Histograms keep three digits.
const PRECISION: f64 = 0.001;

#[test]
fn a_constant_latency_is_the_median() {
    let shop = shop(Faults { latency: Latency::Constant { ms: 20.0 }, ..Faults::default() });
    let url = format!("http://{}/products/1", shop.addr());
    let _turn = alone();
    let (finished, summary) = measure(&Project::default(), &[&url, "--vus", "10", "--duration", "2s"]);
    expect_pass(&finished, &summary);
    let operation = only(&summary);
    assert_eq!(operation.count, shop.counts().requests);
    let service = some(operation.service_us);
    let least = (ms(20) as f64 * (1.0 - PRECISION)) as u64;
    assert!(service.min >= least, "{service:?}");
    assert!((least..ms(20) + MARGIN_US).contains(&service.p50), "{service:?}");
    // Nearly all of it is waiting for the first byte.
    assert!(operation.phases_us["wait"].p50 >= least, "{:?}", operation.phases_us);

    // Little's law: ten users who do nothing else are in a request nearly all the time.
    let in_flight = operation.rate_per_s * service.mean / 1e6;
    assert!((8.5..=10.1).contains(&in_flight), "{in_flight} requests in flight");
}

#[test]
fn a_slow_share_is_the_tail_and_not_the_median() {
    let slow_ms = 200.0;
    let faults = Faults { slow_ratio: 0.05, slow_ms, ..Faults::default() };
    let shop = shop(faults.clone());
    let url = format!("http://{}/products/1", shop.addr());
    let _turn = alone();
    let (finished, summary) = measure(&Project::default(), &[&url, "--vus", "10", "--duration", "2s"]);
    expect_pass(&finished, &summary);
    let operation = only(&summary);
    let count = operation.count;
    assert_eq!(count, shop.counts().requests);
    let seed = ShopConfig::default().seed;
    let slow =
        (1..=count).filter(|&number| faults.outcome(seed, number).latency_ms == slow_ms).count() as u64;
    assert!(
        slow * 100 > count * 2 && slow * 100 < count * 9,
        "{slow} slow of {count}: not a tail of 2% to 9%"
    );

    let service = some(operation.service_us);
    let least = (ms(200) as f64 * (1.0 - PRECISION)) as u64;
    assert!(service.p50 < MARGIN_US, "{service:?}");
    assert!((least..ms(200) + 4 * MARGIN_US).contains(&service.p99), "{service:?}");
    assert!(service.p90 < least, "{service:?}");
    // The sum of all service times is that of the slow requests, and little more.
    let (sum_s, slow_s) = (service.mean * count as f64 / 1e6, slow as f64 * 0.2);
    assert!(sum_s >= slow_s * (1.0 - PRECISION), "{sum_s} s in all, {slow_s} s in {slow} slow requests");
    assert!(
        sum_s <= slow_s + count as f64 * MARGIN_US as f64 / 1e6,
        "{sum_s} s in all, {slow_s} s in slow ones"
    );
}
