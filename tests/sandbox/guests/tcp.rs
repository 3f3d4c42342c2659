//! Guests that speak a protocol of their own, or would like to.

use stresshost_metrics::OperationSummary;
use stresshost_servers::Memcached;

use super::*;

fn operation<'a>(summary: &'a Summary, name: &str) -> &'a OperationSummary {
    summary.operations.iter().find(|operation| operation.name == name).unwrap()
}

#[test]
pub(crate) fn tcp_client() {
    let server = Memcached::start();
    let project = Project::default();
    run(&project, "tcp_client", &[&server.url()]).expect_exit(0);
    let summary = complete(&project);
    let done = iterations(&summary).finished;
    assert!(done > 0);
    assert_eq!(summary.checks.len(), 11);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (done, 0), "{}", check.name);
    }
    assert!(summary.operations.iter().all(|operation| operation.protocol == "tcp"));
    let (incr, get) = (operation(&summary, "incr"), operation(&summary, "get"));
    assert_eq!((incr.count, incr.errors["status_unexpected"]), (done, done));
    assert_eq!((get.count, get.errors["constraint"]), (5 * done, done));
    assert_eq!((get.errors["too_large"], get.errors["invalid"]), (done, done));
    assert_eq!((operation(&summary, "set").count, operation(&summary, "delete").count), (done, done));
    // After what was too long, and after what was left open.
    assert_eq!(
        (operation(&summary, "connect").count, operation(&summary, "connect").failed()),
        (2 * done, 0)
    );
}

#[test]
pub(crate) fn tcp_open() {
    let server = Memcached::start();
    let load = ["--vus", "1", "--iterations", "3"];
    for mode in ["return", "fail", "trap"] {
        let project = Project::default();
        let finished = run_plain(&project, "tcp_open", &[&load[..], &[&server.url(), mode]].concat());
        let summary = complete(&project);
        let done = iterations(&summary);
        match mode {
            "return" => assert_eq!(done.finished, 3),
            "fail" => assert_eq!(done.failed, 3),
            _ => assert_eq!(done.faulted, 3),
        }
        let ask = operation(&summary, "ask");
        assert_eq!((ask.count, ask.errors["invalid"]), (3, 3), "{mode}: {ask:?}");
        assert_eq!(ask.service_us.unwrap().count, 3, "{mode}");
        let why = if mode == "trap" { "broke" } else { "returned" };
        contains(&finished.stdout, &[&format!("the plugin {why} before it ended the operation")]);
    }
    let project = Project::default();
    let load = ["--vus", "2", "--duration", "300ms", "--graceful-stop", "200ms"];
    run_plain(&project, "tcp_open", &[&load[..], &[&server.url(), "wait"]].concat());
    let summary = complete(&project);
    let ask = operation(&summary, "ask");
    assert_eq!((ask.count, ask.fired, ask.errors["interrupted"]), (2, 2, 2), "{ask:?}");
    assert_eq!(iterations(&summary).interrupted, 2);
}

#[test]
pub(crate) fn tcp_forged() {
    let server = Memcached::start();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let denied = format!("tcp://{}", elsewhere.local_addr().unwrap());
    let project = Project::default();
    let load = ["--vus", "1", "--iterations", "2"];
    let finished = run_plain(&project, "tcp_forged", &[&load[..], &[&server.url(), &denied]].concat());
    finished.expect_exit(14);
    contains(&finished.stdout, &[&format!("--allow {denied}")]);
    let summary = complete(&project);
    assert_eq!(iterations(&summary).finished, 2);
    assert_eq!(summary.checks.len(), 7);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (2, 0), "{}", check.name);
    }
    for limit in ["prepared", "connections"] {
        assert!(reached(&summary, limit) > 0, "{limit}: {:?}", summary.limits);
    }
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
