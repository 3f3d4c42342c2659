//! The warm-up is measured, reported apart, and not judged.

use stresshost_shop::Faults;
use stresshost_tests::Project;

use crate::measure::{alone, expect_pass, measure, ms, shop, some};

#[test]
fn what_happens_in_the_warmup_stays_there() {
    // The first request stalls everything: the first half of the warm-up.
    let shop = shop(Faults { stall_at_request: Some(1), stall_ms: 500.0, ..Faults::default() });
    let url = format!("http://{}/products/1", shop.addr());
    let args = [&url, "--rate", "500", "--vus", "10", "--duration", "2s", "--warmup", "1s"];
    let _turn = alone();
    let (finished, summary) = measure(&Project::default(), &args);
    expect_pass(&finished, &summary);
    let warmup = summary.warmup.as_ref().expect("a warm-up window");
    let ([warm], [measured]) = (warmup.operations.as_slice(), summary.operations.as_slice()) else {
        panic!("one operation in each window: {summary:#?}");
    };
    // Windows are those of the intended start: on a schedule, the split is exact.
    assert_eq!((warm.count, measured.count), (500, 500));
    assert_eq!(warm.count + measured.count, shop.counts().requests);
    let due = (warmup.scenarios[0].iterations.due, summary.scenarios[0].iterations.due);
    assert_eq!(due, (500, 500));

    assert_eq!(warmup.duration_s, 1.0);
    assert!((0.95..1.5).contains(&summary.run.duration_s), "{}", summary.run.duration_s);
    assert!((measured.rate_per_s - 500.0).abs() < 50.0, "{}", measured.rate_per_s);
    assert!(some(warm.response_us).max >= ms(450), "the stall: {warm:?}");
    assert!(some(measured.response_us).max < ms(400), "no trace of it: {measured:?}");
    assert!(summary.generator.lag_p99_us < ms(400), "nor here: {:?}", summary.generator);
}

#[test]
fn a_closed_loop_splits_without_loss() {
    let shop = shop(Faults::default());
    let url = format!("http://{}/products/1", shop.addr());
    let args = [&url, "--vus", "10", "--duration", "1500ms", "--warmup", "500ms"];
    let _turn = alone();
    let (finished, summary) = measure(&Project::default(), &args);
    expect_pass(&finished, &summary);
    let warmup = summary.warmup.as_ref().expect("a warm-up window");
    let (warm, measured) = (warmup.operations[0].count, summary.operations[0].count);
    assert!(warm > 0 && measured > 0, "{warm} and {measured}");
    assert_eq!(warm + measured, shop.counts().requests);
}
