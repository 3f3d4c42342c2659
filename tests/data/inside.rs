//! What servers tell of themselves: the time they spent on each statement, and how far replicas are behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use stresshost_servers::{MariaDb, Postgres, await_that};
use stresshost_tests::{Project, expect_pass};

use crate::{contains, row, run};

/// Runs statements for some seconds with two users.
fn load(project: &Project, url: &str, statements: &str) {
    project.write("q.sql", statements);
    let args = [url, "--query-file", "q.sql", "--connections", "2", "--duration", "3"];
    let finished = run(project, &args);
    expect_pass(&finished, &project.summary("out"));
}

/// The first number of a row's second cell, which follows `before`.
fn number_after(row: &str, before: &str) -> f64 {
    let rest = row.split_once(before).unwrap_or_else(|| panic!("no `{before}` in {row}")).1;
    let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.parse().unwrap_or_else(|_| panic!("no number after `{before}` in {row}"))
}

#[test]
fn postgresql_counts_the_time_of_statements_with_its_extension() {
    let server = Postgres::start(&["shared_preload_libraries=pg_stat_statements"]).unwrap();
    let database = server.database("CREATE EXTENSION pg_stat_statements");
    let project = Project::default();
    load(&project, &server.url(&database), "SELECT pg_sleep(0.05)");
    let counted = row(&project, "Server", "Time of each statement in the server");
    contains(&counted, &["see the statements", "pg_stat_statements"]);
    let bottleneck = row(&project, "Bottleneck Analysis", "1 | SELECT");
    let inside = number_after(&bottleneck, "% | ");
    assert!((80.0..=100.0).contains(&inside), "{bottleneck}");
}

#[test]
fn mariadb_counts_the_time_of_all_statements() {
    let server = MariaDb::start(&["--performance-schema=ON"]).unwrap();
    let database = server.database("");
    let project = Project::default();
    load(&project, &server.url(&database), "SELECT SLEEP(0.05)");
    let row = row(&project, "Server", "Time of prepared statements in the server");
    let (mean, calls) = (number_after(&row, "server | "), number_after(&row, "the mean of "));
    assert!((50.0..1_000.0).contains(&mean) && calls > 10.0, "{row}");
}

#[test]
fn a_server_that_does_not_count_statements_says_so() {
    let server = MariaDb::shared();
    let database = server.database("");
    let project = Project::default();
    load(&project, &server.url(&database), "SELECT SLEEP(0.05)");
    contains(
        &row(&project, "Server", "Time of prepared statements in the server"),
        &["not available on this server"],
    );
    contains(&row(&project, "Server", "Replication lag"), &["this server is no replica"]);
}

#[test]
fn a_user_who_may_not_ask_mariadb_makes_no_errors_by_it() {
    let server = MariaDb::start(&["--performance-schema=ON"]).unwrap();
    let database = server.database("");
    server.sql("", "CREATE USER plain@'127.0.0.1' IDENTIFIED BY 'pw'");
    server.sql("", &format!("GRANT SELECT ON {database}.* TO plain@'127.0.0.1'"));
    let project = Project::default();
    load(&project, &format!("mysql://plain:pw@127.0.0.1:{}/{database}", server.port()), "SELECT SLEEP(0.05)");
    for operation in &project.summary("out").operations {
        assert_eq!(operation.failed(), 0, "{operation:?}");
    }
    for what in ["Replication lag", "Time of prepared statements in the server"] {
        contains(&row(&project, "Server", what), &["not available on this server"]);
    }
}

/// Milliseconds of the greatest lag that the report tells, with its source.
fn greatest_lag(project: &Project, source: &str) -> f64 {
    let row = row(project, "Server", "Replication lag");
    contains(&row, &[source, "sampled"]);
    number_after(&row, "most ")
}

/// Set when dropped, also by a panic, which would otherwise wait for the other thread for ever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does something again and again while something else is done.
fn meanwhile(again: impl Fn() + Sync, done: impl FnOnce()) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                again();
            }
        });
        let _over = Over(&over);
        done();
    });
}

#[test]
fn a_replica_of_postgresql_that_applies_late_is_seen_from_both_sides() {
    let primary = Postgres::start(&[]).unwrap();
    let replica = primary.replica(&["recovery_min_apply_delay=1s"]).unwrap();
    let schema = "CREATE TABLE a (id int PRIMARY KEY, n int); INSERT INTO a SELECT g, 0 FROM generate_series(1, 100) g";
    let database = primary.database(schema);
    let project = Project::default();
    load(&project, &primary.url(&database), "UPDATE a SET n = n + 1 WHERE id = $1");
    let ms = greatest_lag(&project, "pg_stat_replication.replay_lag");
    assert!((900.0..60_000.0).contains(&ms), "{ms} ms");

    let there = format!("SELECT count(*) FROM pg_database WHERE datname = '{database}'");
    await_that("the database is on the replica", || replica.sql("postgres", &there) == "1");
    let rows = || replica.sql(&database, "SELECT count(*) FROM pg_class WHERE relname = 'a'");
    await_that("the table is on the replica", || rows() == "1");
    let project = Project::default();
    let write = || drop(primary.sql(&database, "UPDATE a SET n = n + 1 WHERE id = 1"));
    meanwhile(write, || load(&project, &replica.url(&database), "SELECT n FROM a WHERE id = $1"));
    let ms = greatest_lag(&project, "age of the last transaction replayed");
    assert!((900.0..60_000.0).contains(&ms), "{ms} ms");
}

#[test]
fn a_replica_of_mariadb_that_applies_late_is_seen_from_itself() {
    let primary = MariaDb::start(&["--log-bin", "--server-id=1"]).unwrap();
    let replica = MariaDb::start(&["--server-id=2"]).unwrap();
    replica.follow(&primary, 2);
    let database =
        primary.database("CREATE TABLE a (id int PRIMARY KEY, n int); INSERT INTO a VALUES (1, 0)");
    let there = format!("SELECT count(*) FROM information_schema.tables WHERE table_schema = '{database}'");
    await_that("the table is on the replica", || replica.sql("", &there) == "1");
    await_that("the row is on the replica", || replica.sql(&database, "SELECT count(*) FROM a") == "1");
    let project = Project::default();
    let write = || drop(primary.sql(&database, "UPDATE a SET n = n + 1 WHERE id = 1"));
    meanwhile(write, || load(&project, &replica.url(&database), "SELECT n FROM a WHERE id = $1"));
    let ms = greatest_lag(&project, "Seconds_Behind");
    assert!((1_000.0..60_000.0).contains(&ms), "{ms} ms");
}
