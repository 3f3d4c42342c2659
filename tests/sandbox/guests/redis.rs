//! Guests that speak with a Redis, or would like to.

use stresshost_servers::Redis;

use super::*;

#[test]
pub(crate) fn redis_client() {
    let server = Redis::start(&[]);
    let project = Project::default();
    run(&project, "redis_client", &[&server.url(), "kinds"]).expect_exit(0);
    let summary = complete(&project);
    let done = iterations(&summary);
    assert!(done.finished > 0);
    assert_eq!(summary.checks.len(), 10);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (done.finished, 0), "{}", check.name);
    }
    let operation = |name: &str| summary.operations.iter().find(|operation| operation.name == name).unwrap();
    assert!(summary.operations.iter().all(|operation| operation.protocol == "redis"));
    assert_eq!(
        operation("connect").count,
        done.finished,
        "users' own connections are made outside iterations"
    );
    assert_eq!((operation("SET").count, operation("HGETALL").count), (done.finished, done.finished));
    assert_eq!(operation("LPUSH").errors["statement"], done.finished);
    assert_eq!(operation("GET").count, 4 * done.finished, "what was refused as stale was not sent");
}

#[test]
pub(crate) fn redis_forged() {
    let server = Redis::start(&[]);
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let denied = format!("redis://{}", elsewhere.local_addr().unwrap());
    let project = Project::default();
    let load = ["--vus", "1", "--iterations", "2"];
    let finished = run_plain(&project, "redis_forged", &[&load[..], &[&server.url(), &denied]].concat());
    finished.expect_exit(14);
    contains(&finished.stdout, &[&format!("--allow {denied}")]);
    let summary = complete(&project);
    assert_eq!(iterations(&summary).finished, 2);
    assert_eq!(summary.checks.len(), 6);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (2, 0), "{}", check.name);
    }
    for limit in ["prepared", "connections", "shots"] {
        assert!(reached(&summary, limit) > 0, "{limit}: {:?}", summary.limits);
    }
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
