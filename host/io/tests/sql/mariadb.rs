//! MariaDB, which also stands for MySQL: the protocol is the same.

use stresshost_io::sql::Value;
use stresshost_metrics::ErrorKind;
use stresshost_servers::MariaDb;

use crate::{User, core, failure, pairs, text};

async fn user(schema: &str) -> User {
    let server = MariaDb::shared();
    User::new(&server.url(&server.database(schema))).await
}

#[tokio::test]
async fn values_of_any_type_go_in_and_come_out() {
    let mut user = user("").await;
    let integer = Value::Integer;
    for (number, (kind, given, back)) in [
        ("BOOLEAN", Value::Boolean(true), integer(1)),
        ("TINYINT", integer(-7), integer(-7)),
        ("SMALLINT UNSIGNED", integer(65_535), integer(65_535)),
        ("MEDIUMINT", integer(-8_388_608), integer(-8_388_608)),
        ("INT", text("70000"), integer(70_000)),
        ("BIGINT", Value::Real(5e9), integer(5_000_000_000)),
        ("BIGINT UNSIGNED", text("18446744073709551615"), text("18446744073709551615")),
        ("FLOAT", Value::Real(0.5), Value::Real(0.5)),
        ("DOUBLE", integer(3), Value::Real(3.0)),
        ("DECIMAL(12,3)", text("-12345.6"), text("-12345.600")),
        ("VARCHAR(20)", text("zażółć"), text("zażółć")),
        ("VARCHAR(20)", integer(12), text("12")),
        ("TEXT", text("x"), text("x")),
        ("CHAR(3)", text("a"), text("a")),
        ("ENUM('a','b')", text("b"), text("b")),
        ("SET('a','b')", text("a,b"), text("a,b")),
        ("VARBINARY(9)", Value::Bytes(vec![0, 255]), Value::Bytes(vec![0, 255])),
        ("BLOB", text("ab"), Value::Bytes(b"ab".to_vec())),
        ("BIT(9)", integer(257), integer(257)),
        ("YEAR", integer(2026), integer(2026)),
        ("DATE", text("2026-11-27"), text("2026-11-27")),
        ("TIME", text("-26:03:04"), text("-26:03:04")),
        ("DATETIME(6)", text("1999-12-31 23:59:59.25"), text("1999-12-31 23:59:59.250000")),
        ("TIMESTAMP", text("2026-11-27 12:00:00"), text("2026-11-27 12:00:00")),
        ("JSON", text("{\"a\": 1}"), text("{\"a\": 1}")),
        ("INT", Value::Null, Value::Null),
    ]
    .into_iter()
    .enumerate()
    {
        user.must(&format!("CREATE TABLE t{number} (v {kind} NULL)")).await;
        let insert = user.prepare(&format!("INSERT INTO t{number} VALUES ($1)")).await;
        let inserted = user.execute(insert, std::slice::from_ref(&given)).await;
        assert_eq!((inserted.error, inserted.rows), (None, 1), "{kind}");
        assert_eq!(user.query(&format!("SELECT v FROM t{number}"), &[]).await, [[back]], "{kind} {given:?}");
    }
}

#[tokio::test]
async fn parameters_go_where_their_numbers_are() {
    let mut user = user("").await;
    let statement = user.prepare("SELECT $2, $1, '$1', `a$1`.x, $2 FROM (SELECT $1 AS x) `a$1` # $3").await;
    assert_eq!(user.session.parameters(statement), ["", ""]);
    let outcome = user.session.execute(statement, &[text("one"), text("two")], true).await.unwrap();
    assert_eq!((outcome.error, outcome.rows), (None, 1));
    assert_eq!(user.rows(), [["two", "one", "$1", "one", "two"].map(text)]);
    let spec = stresshost_io::sql::StatementSpec { text: "SELECT ? + $1", options: &[] };
    let refused = user.session.prepare(user.connection, &spec).await.unwrap().unwrap_err();
    assert!(refused.text.contains("write them as $1"), "{refused}");
}

#[tokio::test]
async fn failures_have_the_servers_number() {
    let mut user = user(
        "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL, CHECK (id < 10)); INSERT INTO t VALUES (1, 1); \
         CREATE TABLE u (t int REFERENCES t (id))",
    )
    .await;
    for (statement, kind, code) in [
        ("INSERT INTO t VALUES (1, 1)", ErrorKind::Constraint, "1062"),
        ("INSERT INTO t VALUES (2, NULL)", ErrorKind::Constraint, "1048"),
        ("INSERT INTO t VALUES (11, 1)", ErrorKind::Constraint, "4025"),
        ("INSERT INTO u VALUES (5)", ErrorKind::Constraint, "1452"),
        ("SELEC 1", ErrorKind::Statement, "1064"),
        ("SELECT * FROM nowhere", ErrorKind::Statement, "1146"),
        ("SELECT nothing FROM t", ErrorKind::Statement, "1054"),
    ] {
        assert_eq!(failure(&user.run(statement).await), (kind, code), "{statement}");
    }
    assert_eq!(user.must("INSERT INTO t VALUES (3, 3); SELECT n, NULL FROM t ORDER BY n").await, 2);
    assert_eq!(user.rows(), [[text("1"), Value::Null], [text("3"), Value::Null]]);
    let facts = user.session.server(user.connection).unwrap();
    assert_eq!((facts.engine, facts.user.as_str()), ("mariadb", "tester@127.0.0.1"));
}

#[tokio::test]
async fn transactions_deadlocks_and_lock_timeouts() {
    let server = MariaDb::shared();
    let url = server.url(
        &server.database("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1), (2, 2)"),
    );
    let (mut first, mut second) = (User::new(&url).await, User::new(&url).await);
    for (user, id) in [(&mut first, 1), (&mut second, 2)] {
        let options = pairs(&[("isolation", "repeatable-read")]);
        assert_eq!(user.session.begin(user.connection, &options).await.unwrap().error, None);
        user.must(&format!("UPDATE t SET n = n + 1 WHERE id = {id}")).await;
    }
    let both = tokio::join!(
        first.run("UPDATE t SET n = n + 1 WHERE id = 2"),
        second.run("UPDATE t SET n = n + 1 WHERE id = 1")
    );
    let failed: Vec<_> = [&both.0, &both.1].into_iter().filter(|outcome| outcome.error.is_some()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failure(failed[0]), (ErrorKind::Deadlock, "1213"));
    first.rollback().await;
    second.rollback().await;
    assert_eq!(server.sql("", "SELECT 1"), "1");

    first.begin().await;
    first.must("UPDATE t SET n = 9 WHERE id = 1").await;
    second.must("SET innodb_lock_wait_timeout = 1").await;
    assert_eq!(
        failure(&second.run("UPDATE t SET n = 8 WHERE id = 1").await),
        (ErrorKind::LockTimeout, "1205")
    );
    assert_eq!(first.commit().await.error, None);
    first.session.begin(first.connection, &pairs(&[("read-only", "true")])).await;
    assert_eq!(failure(&first.run("UPDATE t SET n = 7").await), (ErrorKind::Permission, "1792"));
    first.session.settle().await;
    assert_eq!(first.query("SELECT n FROM t WHERE id = 1", &[]).await, [[Value::Integer(9)]]);
}

#[tokio::test]
async fn the_server_ends_what_takes_longer_than_the_targets_limit() {
    let server = MariaDb::shared();
    let url = server.url(&server.database("CREATE TABLE t (id int)"));
    let mut user = User::with(&core(), &url, &[("statement-timeout-ms", "100")]).await;
    let id = user.session_id();
    assert_eq!(failure(&user.run("SELECT SLEEP(60)").await), (ErrorKind::Timeout, "1969"));
    user.must("SELECT 1").await;
    assert_eq!(user.session_id(), id);
    let mut reader = User::with(&core(), &url, &[("read-only", "true")]).await;
    assert_eq!(failure(&reader.run("INSERT INTO t VALUES (1)").await), (ErrorKind::Permission, "1792"));
}
