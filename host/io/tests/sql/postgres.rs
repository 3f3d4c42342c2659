//! PostgreSQL.

use stresshost_io::sql::Value;
use stresshost_metrics::ErrorKind;
use stresshost_servers::Postgres;

use crate::{User, core, failure, pairs, text};

async fn user(schema: &str) -> User {
    let server = Postgres::shared();
    User::new(&server.url(&server.database(schema))).await
}

#[tokio::test]
async fn values_of_any_type_go_in_and_come_out() {
    let mut user = user("CREATE TYPE mood AS ENUM ('sad', 'so so'); CREATE SCHEMA \"Odd\"; \
                         CREATE TYPE \"Odd\".\"Mood\" AS ENUM ('a'); CREATE DOMAIN age AS int CHECK (value >= 0)")
        .await;
    let integer = Value::Integer;
    for (kind, given, back) in [
        ("bool", text("yes"), Value::Boolean(true)),
        ("int2", integer(-7), integer(-7)),
        ("int4", text("70000"), integer(70_000)),
        ("int8", Value::Real(5e9), integer(5_000_000_000)),
        ("oid", integer(4_000_000_000), integer(4_000_000_000)),
        ("float4", Value::Real(0.5), Value::Real(0.5)),
        ("float8", integer(3), Value::Real(3.0)),
        ("numeric", integer(12), text("12")),
        ("numeric(12,3)", text("-12345.6"), text("-12345.600")),
        ("numeric", text("100000000.00000001"), text("100000000.00000001")),
        ("numeric", text("0.00001"), text("0.00001")),
        ("numeric", text("NaN"), text("NaN")),
        ("numeric", Value::Real(0.25), text("0.25")),
        ("text", text("zażółć"), text("zażółć")),
        ("varchar(9)", integer(12), text("12")),
        ("char(3)", text("a"), text("a  ")),
        ("name", text("n"), text("n")),
        ("\"char\"", text("x"), text("x")),
        ("bytea", Value::Bytes(vec![0, 255]), Value::Bytes(vec![0, 255])),
        ("bytea", text("\\x00ff"), Value::Bytes(vec![0, 255])),
        ("date", text("2026-11-27"), text("2026-11-27")),
        ("date", text("0044-03-15 BC"), text("0044-03-15 BC")),
        ("date", text("infinity"), text("infinity")),
        ("time", text("01:02:03.5"), text("01:02:03.5")),
        ("timestamp", text("1999-12-31 23:59:59.25"), text("1999-12-31 23:59:59.25")),
        ("timestamptz", text("2026-11-27 12:00:00+02"), text("2026-11-27 10:00:00+00")),
        ("interval", text("1 year 2 mons -3 days 04:05:06.7"), text("1 year 2 mons -3 days +04:05:06.7")),
        ("interval", text("0"), text("00:00:00")),
        ("uuid", text("0189D0C0-1C2B-7def-8000-000000000001"), text("0189d0c0-1c2b-7def-8000-000000000001")),
        ("json", text("{\"a\": 1}"), text("{\"a\": 1}")),
        ("jsonb", text("{\"a\":1}"), text("{\"a\": 1}")),
        ("mood", text("so so"), text("so so")),
        ("\"Odd\".\"Mood\"", text("a"), text("a")),
        ("age", integer(30), integer(30)),
        ("int4[]", text("{1,NULL,-3}"), text("{1,NULL,-3}")),
        ("text[]", text("{a,\"b c\",\"\",\"N\\\"\"}"), text("{a,\"b c\",\"\",\"N\\\"\"}")),
        ("int4[]", text("{{1,2},{3,4}}"), text("{{1,2},{3,4}}")),
        ("numeric[]", text("{}"), text("{}")),
        ("inet", text("::1"), text("(a value of type inet: cast it to see it, as in `column::text`)")),
        ("int4", Value::Null, Value::Null),
        ("date", Value::Null, Value::Null),
    ] {
        user.must(&format!("DROP TABLE IF EXISTS t; CREATE TABLE t (v {kind})")).await;
        let inserted =
            user.query("INSERT INTO t VALUES ($1) RETURNING v", std::slice::from_ref(&given)).await;
        assert_eq!(inserted, [[back]], "{kind} {given:?}");
        let found = user.query("SELECT v::text IS NULL FROM t", &[]).await;
        assert_eq!(found, [[Value::Boolean(given == Value::Null)]], "{kind}");
        user.must("DROP TABLE t; DEALLOCATE ALL").await;
        // Each table is another one to the server.
        user =
            User::new(&Postgres::shared().url(&user.session.server(user.connection).unwrap().database)).await;
    }
}

#[tokio::test]
async fn values_beside_each_other_keep_their_types() {
    let mut user = user("").await;
    let given = [Value::Null, Value::Boolean(true), Value::Null, text("x"), Value::Bytes(vec![0])];
    let found = user.query("SELECT $1::int8, $2::bool, $3::date, $4::text, $5::bytea", &given).await;
    assert_eq!(found, [given]);
}

#[tokio::test]
async fn types_of_parameters_are_told_as_the_server_names_them() {
    let mut user = user("CREATE TYPE mood AS ENUM ('sad')").await;
    let statement = user.prepare("SELECT $1::int4, $2::date, $3::mood, $4::text[], $2, '$9' -- $8").await;
    assert_eq!(user.session.parameters(statement), ["int4", "date", "mood", "text[]"]);
    let values = [Value::Integer(1), text("2026-01-02"), text("sad"), text("{x}")];
    let outcome = user.session.execute(statement, &values, true).await.unwrap();
    assert_eq!((outcome.error, outcome.rows), (None, 1));
    assert_eq!(user.rows()[0][4], text("2026-01-02"), "`$2` is used twice");
    assert_eq!(user.session.rows().columns().len(), 6);
}

#[tokio::test]
async fn what_is_no_value_of_the_type_is_not_sent() {
    let mut user = user("CREATE TABLE t (id int4)").await;
    let insert = user.prepare("INSERT INTO t VALUES ($1)").await;
    for (values, reason) in [
        (&[text("abc")][..], "$1 is the text `abc`, which is no int4"),
        (&[Value::Integer(1 << 40)], "which is no int4"),
        (&[], "1 parameters and was given 0 values"),
        (&[Value::Null, Value::Null], "was given 2 values"),
    ] {
        let outcome = user.execute(insert, values).await;
        let error = outcome.error.unwrap();
        assert!(error.kind == ErrorKind::Invalid && error.text.contains(reason), "{error:?}");
    }
    assert_eq!(user.must("SELECT * FROM t").await, 0);
}

#[tokio::test]
async fn rows_are_counted_and_kept_when_asked_for() {
    let mut user = user("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 10) g").await;
    let select = user.prepare("SELECT id FROM t WHERE id > $1").await;
    assert_eq!(user.execute(select, &[Value::Integer(3)]).await.rows, 7);
    assert_eq!(user.rows(), Vec::<Vec<Value>>::new());
    assert_eq!(user.query("SELECT id, 'x' AS x FROM t WHERE id > $1", &[Value::Integer(10)]).await.len(), 0);
    assert_eq!(user.session.rows().columns(), ["id", "x"], "columns are known without rows");
    let update = user.prepare("UPDATE t SET id = id WHERE id <= $1").await;
    assert_eq!(user.execute(update, &[Value::Integer(4)]).await.rows, 4);
    assert_eq!(
        user.must("DELETE FROM t WHERE id = 1; SELECT id, NULL FROM t WHERE id < 4 ORDER BY id").await,
        2
    );
    assert_eq!(user.rows(), [[text("2"), Value::Null], [text("3"), Value::Null]]);
    assert_eq!(user.must("SELECT 1; UPDATE t SET id = id").await, 9);
    assert_eq!(user.must("CREATE TABLE u ()").await, 0);
}

#[tokio::test]
async fn bytes_are_those_on_the_wire_and_long_rows_are_read_to_their_end() {
    let mut user =
        user("CREATE TABLE t AS SELECT repeat('x', 6000000) AS v FROM generate_series(1, 2)").await;
    let select = user.prepare("SELECT v FROM t WHERE v > $1").await;
    for keep in [false, true] {
        let outcome = user.session.execute(select, &[text("w")], keep).await.unwrap();
        assert_eq!((&outcome.error, outcome.rows), (&None, 2));
        // Two rows of one field, which are more than what is kept of a result.
        assert!((12_000_000..12_000_100).contains(&outcome.bytes_received), "{}", outcome.bytes_received);
        assert!((35..60).contains(&outcome.bytes_sent), "{}", outcome.bytes_sent);
        assert_eq!((user.rows().len(), user.session.rows().dropped()), (0, if keep { 2 } else { 0 }));
        let phases = outcome.phases;
        assert!(phases.wait_ns > 0 && phases.body_ns > 0, "{phases:?}");
        let all_ns = phases.write_ns + phases.wait_ns + phases.body_ns;
        assert_eq!(all_ns, outcome.done_ns - outcome.fired_ns);
    }
    let kept = user.query("SELECT left(v, 3000000) FROM t LIMIT 1", &[]).await;
    assert_eq!(kept, [[text(&"x".repeat(3_000_000))]]);
}

#[tokio::test]
async fn copy_has_no_data_to_send_and_reads_what_it_gets() {
    let mut user = user("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 5) g").await;
    let id = user.session_id();
    let outcome = user.run("COPY t FROM STDIN").await;
    assert_eq!(failure(&outcome), (ErrorKind::Statement, ""));
    let statement = user.prepare("COPY t FROM STDIN").await;
    let outcome = user.execute(statement, &[]).await;
    assert!(outcome.error.unwrap().text.contains("no data to send"));
    assert_eq!(user.must("COPY t TO STDOUT").await, 5);
    assert_eq!(user.must("SELECT * FROM t").await, 5);
    assert_eq!(user.must("DO $$ BEGIN RAISE WARNING 'odd'; END $$; SET TIME ZONE 'UTC'; NOTIFY x").await, 0);
    assert_eq!(user.must("").await, 0);
    assert_eq!(user.session_id(), id);
}

#[tokio::test]
async fn failures_have_the_servers_code_and_leave_the_connection_usable() {
    let mut user = user(
        "CREATE TABLE t (id int PRIMARY KEY CHECK (id < 10)); INSERT INTO t VALUES (1); \
                         CREATE TABLE u (t int REFERENCES t)",
    )
    .await;
    let id = user.session_id();
    for (statement, kind, code) in [
        ("INSERT INTO t VALUES (1)", ErrorKind::Constraint, "23505"),
        ("INSERT INTO t VALUES (11)", ErrorKind::Constraint, "23514"),
        ("INSERT INTO u VALUES (5)", ErrorKind::Constraint, "23503"),
        ("SELEC 1", ErrorKind::Statement, "42601"),
        ("SELECT * FROM nowhere", ErrorKind::Statement, "42P01"),
        ("SELECT 1 / 0", ErrorKind::Statement, "22012"),
        ("SELECT 'x'::int", ErrorKind::Statement, "22P02"),
        ("SET lock_timeout = '20ms'; LOCK t", ErrorKind::Statement, ""),
        (
            "DO $$ BEGIN RAISE EXCEPTION 'odd' USING ERRCODE = '40001'; END $$",
            ErrorKind::Serialization,
            "40001",
        ),
    ] {
        let outcome = user.run(statement).await;
        if code.is_empty() {
            assert_eq!(outcome.error, None, "{statement}");
        } else {
            assert_eq!(failure(&outcome), (kind, code), "{statement}");
        }
    }
    let refused = user.session.prepare(
        user.connection,
        &stresshost_io::sql::StatementSpec { text: "SELECT $1 FROM nowhere", options: &[] },
    );
    assert_eq!(&*refused.await.unwrap().unwrap_err().code, "42P01");
    let duplicate = user.run("INSERT INTO t VALUES (1)").await.error.unwrap();
    assert!(duplicate.text.contains("Key (id)=(1) already exists"), "{duplicate}");
    assert_eq!(user.session_id(), id);
}

#[tokio::test]
async fn transactions_commit_roll_back_and_are_ended_when_abandoned() {
    let mut user = user("CREATE TABLE t (id int)").await;
    assert_eq!(user.begin().await.error, None);
    user.must("INSERT INTO t VALUES (1)").await;
    assert_eq!(failure(&user.begin().await).0, ErrorKind::Invalid, "one at a time");
    assert_eq!(user.commit().await.error, None);
    assert_eq!(failure(&user.commit().await).0, ErrorKind::Invalid);
    user.begin().await;
    user.must("INSERT INTO t VALUES (2)").await;
    assert_eq!(user.rollback().await.error, None);
    user.begin().await;
    user.must("INSERT INTO t VALUES (3)").await;
    assert!(user.session.is_unsettled());
    user.session.settle().await;
    assert!(!user.session.is_unsettled());
    assert_eq!(user.must("SELECT * FROM t").await, 1);

    let options = pairs(&[("isolation", "serializable"), ("read-only", "true")]);
    assert_eq!(user.session.begin(user.connection, &options).await.unwrap().error, None);
    let level = user.query("SELECT current_setting('transaction_isolation')", &[]).await;
    assert_eq!(level, [[text("serializable")]]);
    assert_eq!(failure(&user.run("INSERT INTO t VALUES (4)").await), (ErrorKind::Permission, "25006"));
    assert_eq!(failure(&user.run("SELECT 1").await), (ErrorKind::Statement, "25P02"));
    assert_eq!(user.rollback().await.error, None);
    let odd = user.session.begin(user.connection, &pairs(&[("isolation", "dirty")])).await.unwrap();
    assert_eq!(failure(&odd).0, ErrorKind::Invalid);
}

#[tokio::test]
async fn a_commit_of_what_has_failed_fails() {
    let mut user = user("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)").await;
    user.begin().await;
    user.must("INSERT INTO t VALUES (2)").await;
    assert_eq!(failure(&user.run("INSERT INTO t VALUES (1)").await).0, ErrorKind::Constraint);
    assert_eq!(failure(&user.commit().await), (ErrorKind::Statement, "25P02"));
    assert_eq!(user.must("SELECT * FROM t").await, 1, "the connection is usable, and nothing was added");
    user.begin().await;
    user.must("INSERT INTO t VALUES (3); SAVEPOINT a").await;
    assert_eq!(failure(&user.run("INSERT INTO t VALUES (1)").await).0, ErrorKind::Constraint);
    user.must("ROLLBACK TO a").await;
    assert_eq!(user.commit().await.error, None);
    assert_eq!(user.must("SELECT * FROM t").await, 2);
}

#[tokio::test]
async fn a_read_only_target_refuses_changes() {
    let server = Postgres::shared();
    let url = server.url(&server.database("CREATE TABLE t (id int)"));
    let mut user = User::with(&core(), &url, &[("read-only", "true"), ("application-name", "reader")]).await;
    assert_eq!(failure(&user.run("INSERT INTO t VALUES (1)").await), (ErrorKind::Permission, "25006"));
    let name = user.query("SELECT current_setting('application_name')", &[]).await;
    assert_eq!(name, [[text("reader")]]);
}

#[tokio::test]
async fn of_a_deadlock_one_fails_and_the_other_goes_on() {
    let server = Postgres::shared();
    let url = server.url(&server.database("CREATE TABLE t AS SELECT 1 AS id UNION SELECT 2"));
    let (mut first, mut second) = (User::new(&url).await, User::new(&url).await);
    for (user, id) in [(&mut first, 1), (&mut second, 2)] {
        user.begin().await;
        user.must(&format!("UPDATE t SET id = id WHERE id = {id}")).await;
    }
    let both = tokio::join!(
        first.run("UPDATE t SET id = id WHERE id = 2"),
        second.run("UPDATE t SET id = id WHERE id = 1")
    );
    let failed: Vec<_> = [&both.0, &both.1].into_iter().filter(|outcome| outcome.error.is_some()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failure(failed[0]), (ErrorKind::Deadlock, "40P01"));
}

#[tokio::test]
async fn a_held_lock_is_waited_for_no_longer_than_the_servers_limit() {
    let server = Postgres::shared();
    let url = server.url(&server.database("CREATE TABLE t AS SELECT 1 AS id"));
    let (mut holder, mut waiter) = (User::new(&url).await, User::new(&url).await);
    holder.begin().await;
    holder.must("UPDATE t SET id = 2").await;
    waiter.must("SET lock_timeout = '50ms'").await;
    assert_eq!(failure(&waiter.run("UPDATE t SET id = 3").await), (ErrorKind::LockTimeout, "55P03"));
    assert_eq!(
        failure(&waiter.run("SELECT * FROM t FOR UPDATE NOWAIT").await),
        (ErrorKind::LockTimeout, "55P03")
    );
}

#[tokio::test]
async fn the_server_ends_what_takes_longer_than_the_targets_limit() {
    let server = Postgres::shared();
    let url = server.url(&server.database(""));
    let mut user = User::with(&core(), &url, &[("statement-timeout-ms", "100")]).await;
    let id = user.session_id();
    let outcome = user.run("SELECT pg_sleep(60)").await;
    assert_eq!(failure(&outcome), (ErrorKind::Timeout, "57014"));
    assert!(outcome.done_ns - outcome.fired_ns >= 100_000_000);
    user.must("SELECT 1").await;
    assert_eq!(user.session_id(), id, "the connection is the same");
}
