//! Guests that use databases, or reach for some. What they do on servers is in the door `databases`.

use super::*;

/// A SQLite file in the project, with statements run on it.
fn file(project: &Project, name: &str) -> String {
    let path = project.path().join(name);
    std::fs::write(&path, "").unwrap();
    format!("sqlite:{}", path.display())
}

#[test]
pub(crate) fn sql_select() {
    let project = Project::default();
    let url = file(&project, "given.db");
    let args = [url.as_str(), "SELECT $1", "10", "--vus", "2", "--iterations", "50"];
    run_plain(&project, "sql_select", &args).expect_exit(0);
    let summary = complete(&project);
    let [select] = &summary.operations[..] else { panic!("{:?}", summary.operations) };
    assert_eq!((select.name.as_str(), select.protocol.as_str(), select.count), ("select", "sql", 50));
    assert!(select.errors.is_empty() && select.service_us.is_some(), "{select:?}");
}

#[test]
pub(crate) fn sql_bank() {
    let project = Project::default();
    let url = file(&project, "given.db");
    let args = [url.as_str(), "--vus", "1", "--iterations", "1"];
    let finished = run_plain(&project, "sql_bank", &args);
    finished.expect_exit(3);
    contains(&finished.stderr, &["statement `take`", "no such table: accounts [1]"]);
}

#[test]
pub(crate) fn sql_handles() {
    let project = Project::default();
    run(&project, "sql_handles", &[]).expect_exit(0);
    let summary = complete(&project);
    let done = iterations(&summary);
    assert!(done.finished > 0 && done.faulted == 0, "{done:?}");
    assert_eq!(summary.checks.len(), 4);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (done.finished, 0), "{}", check.name);
    }
    assert_eq!(summary.operations_done(), 0, "nothing was sent");
    beside("sql_handles", UNBROKEN, &[]);
}

#[test]
pub(crate) fn sql_floods() {
    let project = Project::default();
    let url = file(&project, "given.db");
    let args = [url.as_str(), "--vus", "1", "--iterations", "1"];
    let finished = run_plain(&project, "sql_floods", &args);
    let summary = complete(&project);
    assert_eq!(summary.checks.len(), 6, "{finished:?}");
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (1, 0), "{}", check.name);
    }
    for limit in ["connections", "prepared", "rows"] {
        assert!(reached(&summary, limit) > 0, "{limit}: {:?}", summary.limits);
    }
    assert!(!project.path().join("other.db").exists());
    assert!(summary.generator.rss_max_bytes < 300 << 20);
}

#[test]
pub(crate) fn sql_denied() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let project = Project::default();
    let finished = run(&project, "sql_denied", &[&port.to_string()]);
    finished.expect_exit(14);
    let origin = format!("postgresql://127.0.0.1:{port}");
    contains(&finished.stderr, &[&format!("{origin} is not among the granted targets; `--allow {origin}`")]);
    let summary = complete(&project);
    assert_eq!(summary.operations[0].errors["denied"], summary.operations[0].count);
    let nobody = elsewhere.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock, "the host connected all the same");
}
