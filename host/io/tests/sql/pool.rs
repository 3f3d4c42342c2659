//! Connections that users share.

use std::time::Duration;

use stresshost_metrics::ErrorKind;
use stresshost_servers::Postgres;

use crate::{User, core, failure};

#[tokio::test]
async fn a_pool_has_no_more_connections_than_its_size_and_waits_are_counted() {
    let server = Postgres::shared();
    let database = server.database("");
    let (core, url) = (core(), server.url(&database));
    let options = [("pool", "2"), ("application-name", "pooled")];
    let mut users = Vec::new();
    for _ in 0..5 {
        users.push(User::with(&core, &url, &options).await);
    }
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pooled'";
    assert_eq!(server.sql(&database, sessions), "2");
    let state = users[0].session.pool(users[0].connection).unwrap();
    assert_eq!((state.size, state.idle, state.in_use, state.waits), (2, 2, 0, 0));
    assert_eq!(users[0].session.server(users[0].connection).unwrap().session, "", "it has several");

    let [a, b, c, ..] = &mut users[..] else { panic!("there are five") };
    let slow = "SELECT pg_sleep(0.2)";
    let (first, second, third) = tokio::join!(a.run(slow), b.run(slow), c.run(slow));
    assert!(first.waited_from_ns.is_none() && second.waited_from_ns.is_none());
    let waited_from_ns = third.waited_from_ns.expect("the third has to wait");
    assert!(third.error.is_none() && third.fired_ns - waited_from_ns >= 150_000_000);
    assert!(third.done_ns - third.fired_ns < third.done_ns - waited_from_ns, "waiting is no service time");
    let state = a.session.pool(a.connection).unwrap();
    assert_eq!((state.waits, state.waiting, state.idle, state.in_use), (1, 0, 2, 0));
    assert!(state.wait_us >= 150_000);
    assert_eq!(server.sql(&database, sessions), "2");
}

#[tokio::test]
async fn a_transaction_holds_its_connection_and_the_end_of_an_iteration_gives_it_back() {
    let server = Postgres::shared();
    let url = server.url(&server.database("CREATE TABLE t (id int)"));
    let core = core();
    let options = [("pool", "1"), ("pool-timeout-ms", "100")];
    let (mut holder, mut other) =
        (User::with(&core, &url, &options).await, User::with(&core, &url, &options).await);
    assert_eq!(holder.begin().await.error, None);
    holder.must("INSERT INTO t VALUES (1)").await;
    let full = other.run("SELECT 1").await;
    assert_eq!(failure(&full).0, ErrorKind::PoolTimeout);
    assert!(full.waited_from_ns.is_some());
    holder.session.settle().await;
    assert_eq!(other.must("SELECT * FROM t").await, 0, "it was rolled back");
    assert_eq!(failure(&other.run("BEGIN").await).0, ErrorKind::Invalid, "nothing would hold it");
    holder.begin().await;
    drop(holder);
    other.must("SELECT 1").await;
}

#[tokio::test]
async fn statements_are_prepared_on_each_connection_and_whoever_comes_first_is_first() {
    let server = Postgres::shared();
    let url = server.url(&server.database("CREATE TABLE t (id serial, who text)"));
    let core = core();
    let options = [("pool", "2")];
    let mut users = Vec::new();
    for _ in 0..4 {
        let mut user = User::with(&core, &url, &options).await;
        let statement = user.prepare("INSERT INTO t (who) SELECT $1 FROM pg_sleep(0.05)").await;
        users.push((user, statement));
    }
    let [(a, at), (b, bt), (c, ct), (d, dt)] = &mut users[..] else { panic!("there are four") };
    let values = ["a", "b", "c", "d"].map(|who| [crate::text(who)]);
    let outcomes = tokio::join!(
        a.execute(*at, &values[0]),
        b.execute(*bt, &values[1]),
        c.execute(*ct, &values[2]),
        d.execute(*dt, &values[3])
    );
    for outcome in [outcomes.0, outcomes.1, outcomes.2, outcomes.3] {
        assert_eq!((outcome.error, outcome.rows), (None, 1));
    }
    a.must("SELECT who FROM t ORDER BY id").await;
    let order: Vec<_> = a.rows().concat();
    assert_eq!(
        (order[2..].contains(&crate::text("c")), order[2..].contains(&crate::text("d"))),
        (true, true)
    );
}

#[tokio::test]
async fn a_wait_that_is_given_up_is_over() {
    let server = Postgres::shared();
    let url = server.url(&server.database(""));
    let core = core();
    let options = [("pool", "1")];
    let (mut holder, mut waiter) =
        (User::with(&core, &url, &options).await, User::with(&core, &url, &options).await);
    holder.begin().await;
    assert!(tokio::time::timeout(Duration::from_millis(50), waiter.run("SELECT 1")).await.is_err());
    let state = waiter.session.pool(waiter.connection).unwrap();
    assert_eq!((state.waiting, state.waits, state.in_use), (0, 1, 1));
    holder.commit().await;
    waiter.must("SELECT 1").await;
}
