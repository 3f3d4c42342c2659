//! SQLite.

use stresshost_io::sql::{Refused, StatementSpec, Value};
use stresshost_metrics::ErrorKind;

use crate::{User, core, failure, pairs, text};

fn url(directory: &tempfile::TempDir) -> String {
    format!("sqlite:{}?mode=rwc", directory.path().join("shop.db").display())
}

#[tokio::test]
async fn values_go_in_and_come_out() {
    let directory = tempfile::tempdir().unwrap();
    let mut user = User::new(&url(&directory)).await;
    user.must("CREATE TABLE t (v)").await;
    let values =
        [Value::Null, Value::Integer(i64::MIN), Value::Real(0.5), text("zażółć"), Value::Bytes(vec![0, 255])];
    let insert = user.prepare("INSERT INTO t VALUES ($1)").await;
    for value in &values {
        let outcome = user.execute(insert, std::slice::from_ref(value)).await;
        assert_eq!((outcome.error, outcome.rows), (None, 1));
    }
    let found = user.query("SELECT v, $2, $1 FROM t WHERE $2 = 'b'", &[text("a"), text("b")]).await;
    let expected: Vec<_> = values.into_iter().map(|value| vec![value, text("b"), text("a")]).collect();
    assert_eq!(found, expected);
    assert_eq!(user.session.parameters(insert), [""]);
    assert_eq!(user.must("SELECT * FROM t WHERE v = 99").await, 0, "not the count of the insert before");
    assert_eq!(user.must("CREATE TABLE u (v)").await, 0);
    assert_eq!(user.must("UPDATE t SET v = 1").await, 5);
    let facts = user.session.server(user.connection).unwrap();
    assert!(facts.engine == "sqlite" && facts.version.starts_with('3'), "{facts:?}");
}

#[tokio::test]
async fn failures_have_the_extended_result_code() {
    let directory = tempfile::tempdir().unwrap();
    let url = url(&directory);
    let mut user = User::with(&core(), &url, &[("statement-timeout-ms", "100")]).await;
    user.must("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT CHECK (n < 10)); INSERT INTO t VALUES (1, 1)")
        .await;
    for (statement, kind, code) in [
        ("INSERT INTO t VALUES (1, 1)", ErrorKind::Constraint, "1555"),
        ("INSERT INTO t VALUES (2, 11)", ErrorKind::Constraint, "275"),
        ("SELEC 1", ErrorKind::Statement, "1"),
        ("SELECT * FROM nowhere", ErrorKind::Statement, "1"),
    ] {
        assert_eq!(failure(&user.run(statement).await), (kind, code), "{statement}");
    }
    let mut other = User::with(&core(), &url, &[("statement-timeout-ms", "100")]).await;
    other.session.begin(other.connection, &pairs(&[("isolation", "serializable")])).await;
    other.must("UPDATE t SET n = 2").await;
    assert_eq!(failure(&user.run("UPDATE t SET n = 3").await), (ErrorKind::LockTimeout, "5"));
    other.session.settle().await;
    assert_eq!(user.query("SELECT n FROM t", &[]).await, [[Value::Integer(1)]], "it was rolled back");
    let mut reader = User::with(&core(), &url, &[("read-only", "true")]).await;
    assert_eq!(failure(&reader.run("UPDATE t SET n = 3").await).0, ErrorKind::Permission);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    let mut user = User::with(&core(), &url(&directory), &[("statement-timeout-ms", "100")]).await;
    let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
    assert_eq!(failure(&user.run(endless).await).0, ErrorKind::Timeout);
    let next = user.run("SELECT 1").await;
    assert!(next.error.is_none() && next.reconnected.is_some());
}

#[tokio::test]
async fn a_guest_gets_at_no_other_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut user = User::new(&url(&directory)).await;
    let other = directory.path().join("other.db");
    let attach = format!("ATTACH '{}' AS other", other.display());
    let vacuum = format!("VACUUM INTO '{}'", other.display());
    for statement in [attach.as_str(), &vacuum, &format!("SELECT 1; {attach}"), &format!("\u{feff}{attach}")]
    {
        assert_eq!(failure(&user.run(statement).await).0, ErrorKind::Invalid, "{statement}");
        let spec = StatementSpec { text: statement, options: &[] };
        let refused = user.session.prepare(user.connection, &spec).await;
        assert!(matches!(refused, Err(Refused::Invalid(_))), "{statement}: {refused:?}");
    }
    let load = user.run("SELECT load_extension('/tmp/x')").await;
    assert_eq!(failure(&load).0, ErrorKind::Statement, "it is not there, or not authorized");
    assert!(!other.exists());
}
