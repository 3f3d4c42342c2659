//! Connections that end, servers that stop, statements that nobody waits for.

use std::time::Duration;

use stresshost_io::sql::Value;
use stresshost_metrics::ErrorKind;
use stresshost_servers::{MariaDb, Postgres};

use crate::{User, await_that, core, failure};

/// Ends a session from outside, and waits until it is gone.
async fn terminate(database: &str, session: &str) {
    let server = Postgres::shared();
    server.sql(database, &format!("SELECT pg_terminate_backend({session})"));
    await_that("the session is gone", || {
        server.sql(database, &format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {session}")) == "0"
    })
    .await;
}

fn running(database: &str, what: &str) -> bool {
    let query = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND state = 'active' AND query LIKE '{what}'"
    );
    Postgres::shared().sql("postgres", &query) != "0"
}

#[tokio::test]
async fn after_a_lost_connection_the_next_operation_makes_another() {
    let server = Postgres::shared();
    let database = server.database("CREATE TABLE t (id int)");
    let mut user = User::new(&server.url(&database)).await;
    let insert = user.prepare("INSERT INTO t VALUES ($1)").await;
    assert_eq!(user.execute(insert, &[Value::Integer(1)]).await.error, None);
    let before = user.session_id();
    terminate(&database, &before).await;

    let lost = user.execute(insert, &[Value::Integer(2)]).await;
    assert_eq!(failure(&lost), (ErrorKind::Unavailable, "57P01"));
    let next = user.execute(insert, &[Value::Integer(3)]).await;
    assert_eq!((next.error, next.rows), (None, 1), "it is prepared again");
    let timing = next.reconnected.expect("it was connected again");
    assert!(timing.fired_ns < timing.done_ns && timing.done_ns <= next.fired_ns);
    assert!(timing.phases.connect_ns > 0);
    assert_ne!(user.session_id(), before);
    assert_eq!(server.sql(&database, "SELECT string_agg(id::text, ',' ORDER BY id) FROM t"), "1,3");
}

#[tokio::test]
async fn a_transaction_is_lost_with_its_connection() {
    let server = Postgres::shared();
    let database = server.database("CREATE TABLE t (id int)");
    let mut user = User::new(&server.url(&database)).await;
    user.begin().await;
    user.must("INSERT INTO t VALUES (1)").await;
    terminate(&database, &user.session_id()).await;
    assert_eq!(failure(&user.run("INSERT INTO t VALUES (2)").await).0, ErrorKind::Unavailable);
    let after = user.run("INSERT INTO t VALUES (3)").await;
    assert_eq!(failure(&after).0, ErrorKind::Closed, "it must not run outside of the transaction");
    assert!(user.session.is_lost(user.connection));
    assert_eq!(user.rollback().await.error, None, "the server has done it");
    user.must("INSERT INTO t VALUES (4)").await;
    assert_eq!(server.sql(&database, "SELECT string_agg(id::text, ',') FROM t"), "4");
}

#[tokio::test]
async fn whether_a_commit_took_effect_is_not_known_when_its_connection_is_lost() {
    let server = Postgres::shared();
    let database = server.database(
        "CREATE TABLE t (id int); \
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END'; \
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let mut user = User::new(&server.url(&database)).await;
    user.begin().await;
    user.must("INSERT INTO t VALUES (1)").await;
    let session = user.session_id();
    let kill = async {
        await_that("it commits", || running(&database, "COMMIT%")).await;
        terminate(&database, &session).await;
    };
    let (commit, ()) = tokio::join!(user.commit(), kill);
    assert_eq!(failure(&commit), (ErrorKind::OutcomeUnknown, "57P01"));
    assert!(!user.session.is_unsettled());
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_on_the_server() {
    let server = Postgres::shared();
    let database = server.database("");
    let mut user = User::new(&server.url(&database)).await;
    let slow = user.prepare_with("SELECT pg_sleep($1)", &[("timeout-ms", "100")]).await;
    let outcome = user.execute(slow, &[Value::Real(60.0)]).await;
    assert_eq!(failure(&outcome), (ErrorKind::Timeout, ""));
    let took = outcome.done_ns - outcome.fired_ns;
    assert!((100_000_000..30_000_000_000).contains(&took), "{took}");
    await_that("the server has ended it", || !running(&database, "%pg_sleep%")).await;
    let next = user.execute(slow, &[Value::Real(0.0)]).await;
    assert!(next.error.is_none() && next.reconnected.is_some());
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_ended_on_the_server() {
    let server = Postgres::shared();
    let database = server.database("CREATE TABLE t (id int)");
    let mut user = User::new(&server.url(&database)).await;
    user.begin().await;
    user.must("INSERT INTO t VALUES (1)").await;
    let stopped = tokio::select! {
        outcome = user.run("SELECT pg_sleep(60)") => Some(outcome),
        () = await_that("it runs", || running(&database, "%pg_sleep%")) => None,
    };
    assert!(stopped.is_none());
    await_that("the server has ended it", || !running(&database, "%pg_sleep%")).await;
    await_that("its transaction is gone", || {
        let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND datname = current_database()";
        server.sql(&database, open) == "0"
    })
    .await;
}

#[tokio::test]
async fn what_is_stopped_with_its_run_is_still_cancelled() {
    let server = Postgres::shared();
    let database = server.database("");
    let url = server.url(&database);
    // The runtime ends with everything on it, as a core does.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let core = tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            let mut user = User::new(&url).await;
            let limit = tokio::time::timeout(Duration::from_millis(200), user.run("SELECT pg_sleep(60)"));
            assert!(limit.await.is_err());
        });
    });
    core.await.unwrap();
    await_that("the server has ended it", || !running(&database, "%pg_sleep%")).await;
}

#[tokio::test]
async fn a_server_that_is_started_again_is_found_again() {
    let server = Postgres::start(&[]).unwrap();
    let database = server.database("CREATE TABLE t (id int)");
    let mut user = User::new(&server.url(&database)).await;
    let insert = user.prepare("INSERT INTO t VALUES ($1)").await;
    server.stop();
    let lost = failure(&user.execute(insert, &[Value::Integer(1)]).await).0;
    assert!(matches!(lost, ErrorKind::Unavailable | ErrorKind::Closed | ErrorKind::Reset), "{lost:?}");
    for _ in 0..3 {
        let refused = user.execute(insert, &[Value::Integer(1)]).await;
        assert_eq!(failure(&refused).0, ErrorKind::ConnectRefused, "each attempt is a failure of its own");
        assert!(refused.reconnected.is_none());
    }
    server.resume().unwrap();
    let next = user.execute(insert, &[Value::Integer(1)]).await;
    assert!(next.error.is_none() && next.reconnected.is_some());
}

#[tokio::test]
async fn mariadb_ends_what_takes_too_long_and_what_is_killed_is_made_again() {
    let server = MariaDb::shared();
    let database = server.database("CREATE TABLE t (id int)");
    let mut user = User::with(&core(), &server.url(&database), &[]).await;
    let slow = user.prepare_with("SELECT SLEEP($1)", &[("timeout-ms", "100")]).await;
    assert_eq!(failure(&user.execute(slow, &[Value::Integer(60)]).await), (ErrorKind::Timeout, ""));
    await_that("the server has ended it", || !server.sql("", "SHOW PROCESSLIST").contains("SLEEP")).await;
    user.must("INSERT INTO t VALUES (1)").await;
    let session = user.session_id();
    server.sql("", &format!("KILL {session}"));
    await_that("it is gone", || {
        !server.sql("", "SELECT id FROM information_schema.processlist").lines().any(|id| id == session)
    })
    .await;
    let lost = failure(&user.run("INSERT INTO t VALUES (2)").await).0;
    assert!(matches!(lost, ErrorKind::Unavailable | ErrorKind::Closed | ErrorKind::Reset), "{lost:?}");
    user.must("INSERT INTO t VALUES (3)").await;
    assert_eq!(server.sql(&database, "SELECT GROUP_CONCAT(id ORDER BY id) FROM t"), "1,3");
}
