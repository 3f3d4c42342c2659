//! Every failure is counted once, under its kind, and none is lost.

use std::net::{Ipv4Addr, TcpListener};

use stresshost_shop::{Faults, ShopConfig};
use stresshost_tests::Project;

use crate::measure::{alone, beside_others, expect_pass, expect_unreachable, measure, ms, only, shop, some};
use crate::scripted::Scripted;

#[test]
fn injected_errors_are_those_the_server_sent() {
    let faults = Faults { error_rate: 0.1, ..Faults::default() };
    let shop = shop(faults.clone());
    let url = format!("http://{}/products/1", shop.addr());
    let _turn = beside_others();
    let (_, summary) = measure(&Project::default(), &[&url, "--vus", "10", "--duration", "1s"]);
    let counts = shop.counts();
    let operation = only(&summary);
    assert_eq!(operation.count, counts.requests);
    let told: Vec<(String, u64)> =
        counts.statuses.iter().map(|(status, n)| (status.to_string(), *n)).collect();
    assert_eq!(operation.statuses, told.into_iter().collect());
    let sent = counts.statuses[&500] + counts.statuses[&503];
    assert_eq!(operation.errors, [("status_5xx".to_owned(), sent)].into());

    let seed = ShopConfig::default().seed;
    let foretold =
        (1..=counts.requests).filter(|&number| faults.outcome(seed, number).error.is_some()).count();
    assert_eq!(sent, foretold as u64);
    // A failed request ends its journey.
    let iterations = summary.scenarios[0].iterations;
    assert_eq!((iterations.failed, iterations.finished), (sent, operation.count - sent));
}

/// What the server does, and how that is called. Each answer ends its connection, so that every request has a new one
/// and none is repeated.
const WAYS: [(&str, Option<&str>); 10] = [
    ("/ok", None),
    ("/silent-close", Some("closed")),
    ("/cut-head", Some("closed")),
    ("/cut-body", Some("closed")),
    ("/cut-chunk", Some("closed")),
    ("/garbage", Some("malformed")),
    ("/reset", Some("reset")),
    ("/never", Some("timeout")),
    ("/status/404", Some("status_4xx")),
    ("/status/503", Some("status_5xx")),
];

#[test]
fn every_way_to_fail_has_its_kind() {
    let server = Scripted::start();
    let project = Project::default();
    let requests: String = WAYS
        .iter()
        .map(|(path, _)| format!("      - {{name: '{path}', get: '{path}', on_failure: continue}}\n"))
        .collect();
    let config = format!(
        "target_url: {}\nusers: 8\nduration: 1500ms\nscenarios:\n  - name: main\n    requests:\n{requests}",
        server.url("")
    );
    project.write("config.yaml", &config);
    let _turn = beside_others();
    let (_, summary) = measure(&project, &["--config", "config.yaml", "--timeout", "1s"]);
    assert_eq!(summary.operations.len(), WAYS.len());
    let seen = server.seen();
    for (path, kind) in WAYS {
        let operation = summary.operations.iter().find(|operation| operation.name == path);
        let operation = operation.unwrap_or_else(|| panic!("`{path}` is missing"));
        assert!(operation.count >= 8, "{operation:?}");
        assert_eq!(operation.count, seen[path], "{path}");
        let expected = kind.map(|kind| (kind.to_owned(), operation.count));
        assert_eq!(operation.errors, expected.into_iter().collect(), "{path}");
        let example = summary.failures.iter().find(|failure| failure.operation == path);
        let words = example.map(|failure| (Some(failure.kind.as_str()), failure.text.is_empty()));
        assert_eq!(words, kind.map(|kind| (Some(kind), false)), "{path}: {example:?}");
    }
    let never =
        summary.operations.iter().find(|operation| operation.name == "/never").expect("checked above");
    let waited = some(never.service_us);
    assert!((ms(999)..ms(1_500)).contains(&waited.p50) && waited.min >= ms(999), "{waited:?}");
}

#[test]
fn a_close_nobody_announced_costs_no_request() {
    let server = Scripted::start();
    let _turn = beside_others();
    let (finished, summary) =
        measure(&Project::default(), &[&server.url("/fickle"), "--vus", "8", "--duration", "1s"]);
    expect_pass(&finished, &summary);
    let operation = only(&summary);
    assert_eq!(operation.failed(), 0, "{operation:?}");
    assert_eq!(operation.count, server.answered());
    let connects = operation.phases_us["connect"].count;
    assert!(connects >= operation.count / 10, "{connects} connections for {} requests", operation.count);
}

#[test]
fn a_port_nobody_listens_on_is_unreachable() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("http://{}/", free.local_addr().expect("its address"));
    drop(free);
    let _turn = alone();
    let (finished, summary) = measure(&Project::default(), &[&url, "--rate", "100", "--duration", "500ms"]);
    expect_unreachable(&finished, &summary);
    let operation = only(&summary);
    assert_eq!(operation.count, 50);
    assert_eq!(operation.errors, [("connect_refused".to_owned(), 50)].into());
}
