//! Guests that speak with a MongoDB, or would like to.

use stresshost_servers::Mongo;

use super::*;

#[test]
pub(crate) fn mongo_client() {
    let server = Mongo::start();
    let project = Project::default();
    let load = ["--vus", "2", "--iterations", "6"];
    run_plain(&project, "mongo_client", &[&load[..], &[&server.url("shop")]].concat()).expect_exit(0);
    let summary = complete(&project);
    assert_eq!(iterations(&summary).finished, 6);
    assert_eq!(summary.checks.len(), 15);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (6, 0), "{}", check.name);
    }
    assert!(summary.operations.iter().all(|operation| operation.protocol == "mongo"));
    for (name, count, failed) in [
        // Users' own connections are made outside of iterations.
        ("connect", 6, 0),
        ("insert", 6 * 7, 0),
        ("insert again", 6, 6),
        ("find", 6 * 9, 6 * 2),
        ("count", 6, 0),
        ("list", 6, 0),
        ("elsewhere", 6, 0),
        ("broken", 6, 6),
        // What was refused as stale was not sent.
        ("ping", 6, 0),
    ] {
        let operation = summary.operations.iter().find(|operation| operation.name == name).unwrap();
        assert_eq!((operation.count, operation.failed()), (count, failed), "{operation:?}");
    }
    assert_eq!(
        server.eval("shop", "len(db.list_collection_names())"),
        "7",
        "one of the set-up, six of iterations"
    );
}

#[test]
pub(crate) fn mongo_forged() {
    let server = Mongo::start();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let denied = format!("mongodb://{}", elsewhere.local_addr().unwrap());
    let project = Project::default();
    let load = ["--vus", "1", "--iterations", "2"];
    let finished =
        run_plain(&project, "mongo_forged", &[&load[..], &[&server.url("shop"), &denied]].concat());
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
