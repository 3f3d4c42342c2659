//! A rate limit holds at the server, and waiting for it is lag, never service time.

use stresshost_metrics::Percentiles;

use crate::logged::Logged;
use crate::measure::{alone, measure_config, ms, named, some};

const LIMIT_PER_S: f64 = 100.0;
const BURST: f64 = 10.0;
const OFFERED_PER_S: f64 = 200.0;
/// Offered in two seconds.
const COUNT: u64 = 400;

fn about(actual: f64, expected: f64) -> bool {
    (0.85..1.15).contains(&(actual / expected))
}

/// Request `k` is due after `k / 200` seconds and goes after `(k - 9) / 100`: half of them wait 0.9 s and more, the last
/// one 1.9 s.
#[test]
fn holds_in_every_second_and_delays_only_whom_it_covers() {
    let server = Logged::start();
    let config = format!(
        "target_url: {}\nduration: 2s\nscenarios:\n  - {{ name: limited, rate: {OFFERED_PER_S}, users: {COUNT}, \
         requests: [{{ name: limited, get: /limited }}] }}\n  - {{ name: free, rate: 100/s, users: 20, requests: \
         [{{ name: free, get: /free }}] }}\nlimits:\n  - {{ name: limit, scenario: limited, rate: {LIMIT_PER_S}, \
         burst: {BURST} }}\n",
        server.url("")
    );
    let _turn = alone();
    let summary = measure_config(&config);
    let came = server.came();
    assert_eq!([came["/limited"], came["/free"]], [COUNT, 200], "a limit delays and drops nothing");
    let (limited, free) = (named(&summary, "limited"), named(&summary, "free"));
    assert_eq!([limited.count, free.count], [COUNT, 200]);

    let (service, lag) = (some(limited.service_us), some(limited.lag_us));
    assert_holds(&server, service);
    assert!(about(lag.p50 as f64 / 1e6, 0.9), "{lag:?}");
    assert!(about(lag.max as f64 / 1e6, 1.9), "{lag:?}");
    assert!(service.p50 < ms(20) && service.p95 < ms(200), "{service:?}");
    assert!(some(free.lag_us).p50 < ms(20) && some(free.lag_us).p95 < ms(200), "{free:?}");
    let (limited_s, waited_s) = (summary.generator.limited_s, lag.mean * COUNT as f64 / 1e6);
    assert!(about(limited_s, waited_s), "{limited_s} s in the limiter, {waited_s} s of lag");
    // A limit that was asked for is nobody's fault.
    assert!(summary.generator.own_lag_p99_us < ms(500), "{:?}", summary.generator);
}

/// A request reaches the server between its leave to go and its answer, at most the slowest service time later: so a
/// second holds at most what the limit lets go in a second and that time.
fn assert_holds(server: &Logged, service: Percentiles) {
    let came: Vec<u64> =
        server.log().iter().filter(|entry| entry.path == "/limited").map(|entry| entry.came_ns).collect();
    let most = BURST + LIMIT_PER_S * (1.0 + service.max as f64 / 1e6) + 1.0;
    for (index, from_ns) in came.iter().enumerate() {
        let seen = came[index..].iter().take_while(|ns| **ns < from_ns + 1_000_000_000).count();
        assert!(seen as f64 <= most, "{seen} in the second from {from_ns} ns, at most {most}: {service:?}");
    }
    // And not much fewer than it allows, or it would be another limit.
    let whole_s = (came[came.len() - 1] - came[0]) as f64 / 1e9;
    assert!(about(whole_s, (COUNT as f64 - BURST) / LIMIT_PER_S), "{whole_s} s");
}
