//! Clients that know WASI and not the contract: measured, granted and limited like every other request.

use std::time::Duration;

use stresshost_metrics::{OperationSummary, VerdictStatus};
use stresshost_shop::{Shop, ShopConfig};
use stresshost_tests::{Project, guest};

#[test]
pub(crate) fn wasi_client() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let (project, url) = (Project::default(), format!("http://{}", shop.addr()));
    let component = guest("wasi_client");
    let run = ["run", "--plugin", component.to_str().unwrap(), &url, "--no-progress"];
    let load = ["--vus", "3", "--iterations", "30", "--out", "out"];
    let finished = project.run(&[&run[..], &load].concat());
    // What it asked of a target that nobody named was denied, which the verdict says.
    finished.expect_exit(14);
    let summary = project.summary("out");
    assert_eq!(summary.verdict.status, VerdictStatus::Denied);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (30, 0), "{}: {finished:?}", check.name);
    }
    let operation = |name: &str| -> &OperationSummary {
        summary.operations.iter().find(|operation| operation.name == name).unwrap_or_else(|| panic!("{name}"))
    };
    // Numbers in paths are no names of operations, and queries are none either.
    assert_eq!(operation("GET /products/{id}").statuses["200"], 60);
    assert_eq!(operation("POST /products").statuses["405"], 30);
    assert!(operation("POST /products").bytes.sent >= 30 * 40_000);
    assert!(operation("GET /chunked/{id}").bytes.received >= 30 * 50_000);
    assert_eq!(operation("GET /").errors["denied"], 30);
    assert!(operation("GET /products/{id}").service_us.unwrap().min > 0);
    let counts = shop.handle().counts();
    assert_eq!(counts.requests, 120, "every request is counted on both sides, and none came from `describe`");
    assert_eq!(counts.requests, summary.operations_done() - 30);
    // Each user keeps its connections: one, and a second for what it does at once.
    assert!(counts.connections <= 6, "{} connections", counts.connections);
}

#[test]
fn a_rate_limit_holds_for_them() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let (project, url) = (Project::default(), format!("http://{}", shop.addr()));
    let component = guest("wasi_client");
    let run = ["run", "--plugin", component.to_str().unwrap(), &url, "--no-progress", "--out", "out"];
    let load = ["--vus", "3", "--duration", "2s", "--limit", "20/s"];
    project.run(&[&run[..], &load].concat()).expect_exit(14);
    let summary = project.summary("out");
    let served = shop.handle().counts().requests;
    // 20 a second of which a fifth is denied, with a generous margin below for a busy machine.
    assert!((10..=40).contains(&served), "{served} requests in two seconds at 20 a second");
    assert!(summary.operations[0].lag_us.unwrap().max >= 40_000, "the wait is lag: {summary:?}");
}

#[test]
fn one_under_way_ends_with_its_user() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    shop.handle().stall(Duration::from_secs(30));
    let (project, url) = (Project::default(), format!("http://{}", shop.addr()));
    let component = guest("wasi_client");
    let run = ["run", "--plugin", component.to_str().unwrap(), &url, "--no-progress", "--out", "out"];
    let load = ["--vus", "2", "--duration", "300ms", "--graceful-stop", "200ms"];
    let finished = project.run(&[&run[..], &load].concat());
    finished.expect_exit(10);
    let summary = project.summary("out");
    assert_eq!(summary.operations[0].errors["interrupted"], 2, "{summary:?}");
    assert_eq!(summary.scenarios[0].iterations.interrupted, 2);
}
