//! What is reported agrees with the server's own log: counts and statuses exactly, percentiles and rates within bounds.
//!
//! The server's part of a request lies within what the client measures, so each percentile of the client's service
//! times is at least that of the server's: if `a[i] <= b[i]` for every request, the same holds once both are sorted.
//! From above the bound is what the way there and back may take, and what the machine made a
//! thread wait that did nothing but sleep at the same time.

use stresshost_metrics::{OperationSummary, Percentiles, Summary};

use crate::logged::{Entry, Logged};
use crate::measure::{Waits, alone, beside_others, measure_config, ms, only, some};

/// Most that the way there and back adds to a percentile up to the 95th, on a machine that makes nobody wait.
const MARGIN_US: u64 = ms(5);

/// The same from the 95th on.
const TAIL_MARGIN_US: u64 = ms(25);

/// How often the machine may have made somebody wait within one request: client and server, each on the way there and
/// back.
const WAITS: u64 = 4;

/// Histograms keep three digits.
const PRECISION: f64 = 0.001;

/// The value at `quantile` of a sorted list, by the same definition as that of the summary.
fn at(sorted_us: &[u64], quantile: f64) -> u64 {
    let rank = (quantile * sorted_us.len() as f64).ceil() as usize;
    sorted_us[rank.max(1) - 1]
}

/// Holds service times to what the server took for each request.
fn assert_times_agree(service: Percentiles, log: &[Entry], wait_us: u64) {
    let waited_us = WAITS * wait_us;
    let mut took_us: Vec<u64> = log.iter().map(Entry::took_us).collect();
    took_us.sort_unstable();
    let reported = [
        (0.5, service.p50, MARGIN_US),
        (0.9, service.p90, MARGIN_US),
        (0.95, service.p95, MARGIN_US),
        (0.99, service.p99, TAIL_MARGIN_US),
        (1.0, service.max, TAIL_MARGIN_US),
    ];
    for (quantile, told_us, margin_us) in reported {
        let server_us = at(&took_us, quantile);
        assert!(
            told_us >= server_us && told_us <= server_us + margin_us + waited_us,
            "the server's quantile {quantile} is {server_us} us, told are {told_us} us, the machine made wait \
             {wait_us} us: {service:?}"
        );
    }
    let least_us = took_us[0] as f64;
    assert!(service.min as f64 >= least_us * (1.0 - PRECISION), "{least_us} us: {service:?}");
    let mean_us = took_us.iter().sum::<u64>() as f64 / took_us.len() as f64;
    let means = mean_us * (1.0 - PRECISION)..mean_us + (MARGIN_US + waited_us) as f64;
    assert!(means.contains(&service.mean), "the server's mean is {mean_us} us: {service:?}");
}

/// Holds counts and the rate to the log.
fn assert_counts_agree(summary: &Summary, operation: &OperationSummary, log: &[Entry]) {
    assert_eq!(operation.count, log.len() as u64);
    let with = |status: u16| log.iter().filter(|entry| entry.status == status).count() as u64;
    let mut statuses = vec![("200".to_owned(), with(200)), ("500".to_owned(), with(500))];
    statuses.retain(|(_, count)| *count > 0);
    assert_eq!(operation.statuses, statuses.into_iter().collect());
    let errors = Some(("status_5xx".to_owned(), with(500))).filter(|(_, count)| *count > 0);
    assert_eq!(operation.errors, errors.into_iter().collect());

    let load_s = summary.scenarios[0].duration_s;
    assert!((operation.rate_per_s * load_s - operation.count as f64).abs() < 1e-6, "{operation:?}");
    let (first, last) = (log[0].came_ns, log[log.len() - 1].came_ns);
    let served_per_s = (log.len() - 1) as f64 / ((last - first) as f64 / 1e9);
    let ratio = operation.rate_per_s / served_per_s;
    assert!((0.93..1.07).contains(&ratio), "{} told, {served_per_s} served a second", operation.rate_per_s);
}

#[test]
fn on_a_constant_latency() {
    let server = Logged::start();
    let config = format!("target_url: {}\nusers: 10\nduration: 2s\n", server.url("/wait/20"));
    let _turn = alone();
    let waits = Waits::watch();
    let summary = measure_config(&config);
    let wait_us = waits.longest_us();
    let (operation, log) = (only(&summary), server.log());
    assert_counts_agree(&summary, operation, &log);
    assert_eq!(summary.scenarios[0].duration_s, 2.0);
    let service = some(operation.service_us);
    assert!(service.min >= ms(20) - 20, "{service:?}");
    assert_times_agree(service, &log, wait_us);
}

/// One request in a hundred is slow: 15 of 1,500. The 98th percentile is not one of them, the 99.5th is, and the
/// 99th is the slowest of the others.
#[test]
fn on_one_slow_request_in_a_hundred() {
    let server = Logged::start();
    let config = format!(
        "target_url: {}\nrate: 500/s\nusers: 50\nduration: 3s\nthresholds:\n  - 'http.service_us.p98 < 1h'\n  \
         - 'http.service_us.p99.5 < 1h'\n",
        server.url("/slow/100/200")
    );
    let _turn = alone();
    let waits = Waits::watch();
    let summary = measure_config(&config);
    let wait_us = waits.longest_us();
    let (operation, log) = (only(&summary), server.log());
    assert_eq!((operation.count, operation.rate_per_s), (1_500, 500.0));
    assert_eq!(log.iter().filter(|entry| entry.took_us() >= ms(200)).count(), 15);
    assert_counts_agree(&summary, operation, &log);
    let service = some(operation.service_us);
    assert_times_agree(service, &log, wait_us);

    let told: Vec<f64> = summary.thresholds.iter().filter_map(|threshold| threshold.actual).collect();
    let [p98, p995] = told[..] else { panic!("{:?}", summary.thresholds) };
    let (fast_us, slow_us) = ((ms(100) + WAITS * wait_us) as f64, (ms(250) + WAITS * wait_us) as f64);
    assert!(p98 < fast_us, "the 98th percentile is {p98} us, the machine made wait {wait_us} us");
    assert!((ms(200) as f64..slow_us).contains(&p995), "the 99.5th percentile is {p995} us");
    assert!(service.p999 >= ms(200), "{service:?}");
}

#[test]
fn on_one_failure_in_ten() {
    let server = Logged::start();
    let config = format!("target_url: {}\nusers: 8\nduration: 1s\n", server.url("/fail/10"));
    let _turn = beside_others();
    let summary = measure_config(&config);
    let (operation, log) = (only(&summary), server.log());
    assert_eq!(operation.failed(), operation.count / 10);
    assert_counts_agree(&summary, operation, &log);
    let iterations = summary.scenarios[0].iterations;
    assert_eq!((iterations.failed, iterations.started), (operation.count / 10, operation.count));
    assert_eq!(summary.failures.iter().filter(|failure| failure.kind != "status_5xx").count(), 0);
}
