//! Faults that were put there on purpose: each must be in the report, with the exact count where there is one.

use std::thread;

use stresshost_servers::{Postgres, await_that};
use stresshost_tests::Project;

use crate::{contains, finished, operation, row, run, run_config, section};

#[test]
fn a_deadlock_pair_is_one_deadlock() {
    let server = Postgres::shared();
    let database =
        server.database("CREATE TABLE a (id int PRIMARY KEY, n int); INSERT INTO a VALUES (1, 0), (2, 0)");
    let scenario = |name: &str, first: u8, second: u8| {
        format!(
            "  - {{ name: {name}, query_type: mixed, users: 1, iterations: 1, queries: [\
             'UPDATE a SET n = n + 1 WHERE id = {first}', 'SELECT pg_sleep(0.5)', 'UPDATE a SET n = n + 1 WHERE id = {second}'] }}\n"
        )
    };
    let config = format!("test_scenarios:\n{}{}", scenario("up", 1, 2), scenario("down", 2, 1));
    let project = Project::default();
    run_config(&project, &config, &[&server.url(&database)]);
    let summary = project.summary("out");
    assert_eq!(finished(&summary, "up") + finished(&summary, "down"), 1, "one of the two went through");
    contains(&row(&project, "Server", "Deadlocks of this run"), &["| 1 |"]);
    contains(
        &row(&project, "Server", "Deadlocks counted by the server"),
        &["| 1 (none of other sessions) |"],
    );
}

#[test]
fn a_held_row_lock_is_waiting_that_is_seen() {
    let server = Postgres::shared();
    let database = server.database("CREATE TABLE a (id int PRIMARY KEY, n int); INSERT INTO a VALUES (1, 0)");
    let project = Project::default();
    thread::scope(|scope| {
        scope.spawn(|| server.sql(&database, "BEGIN; UPDATE a SET n = 0; SELECT pg_sleep(6); COMMIT"));
        let locks =
            "SELECT count(*) FROM pg_locks WHERE relation = 'a'::regclass AND mode = 'RowExclusiveLock'";
        await_that("the row is locked", || server.sql(&database, locks) == "1");
        project.write("q.sql", "UPDATE a SET n = n + 1 WHERE id = 1");
        run(
            &project,
            &[&server.url(&database), "--query-file", "q.sql", "--connections", "3", "--duration", "2"],
        );
    });
    let row = row(&project, "Results of queries", "Lock contention");
    let percent: f64 = row.split(" | ").nth(1).unwrap().split('%').next().unwrap().parse().unwrap();
    assert!(percent > 50.0, "{row}");
}

#[test]
fn killed_connections_are_as_many_errors() {
    let server = Postgres::shared();
    let database = server.database("");
    let project = Project::default();
    project.write("q.sql", "SELECT pg_sleep(0.05)");
    let url = server.url(&database);
    let killed: u64 = thread::scope(|scope| {
        let run = scope.spawn(|| {
            run(&project, &[&url, "--query-file", "q.sql", "--connections", "3", "--duration", "4"])
        });
        let at_work = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'stresshost/%/0/%' \
                       AND wait_event = 'PgSleep'";
        await_that("every user is at work", || server.sql(&database, at_work) == "3");
        let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'stresshost/%/0/%'";
        let killed = server.sql(&database, kill).parse().unwrap();
        run.join().unwrap();
        killed
    });
    let summary = project.summary("out");
    let failed: u64 =
        summary.operations.iter().filter(|one| one.scenario == "queries").map(|one| one.failed()).sum();
    assert_eq!((killed, failed), (3, 3), "{:#?}", summary.failures);
    assert!(finished(&summary, "queries") > 60, "they went on");
}

#[test]
fn a_restart_of_the_server_loses_no_acknowledged_write() {
    let server = Postgres::start(&[]).unwrap();
    let database = server.database("");
    let project = Project::default();
    let url = server.url(&database);
    let args =
        [url.as_str(), "--query-type", "write", "--rows", "500", "--connections", "4", "--duration", "8"];
    thread::scope(|scope| {
        let run = scope.spawn(|| run(&project, &args));
        let written = "SELECT coalesce(sum(n_tup_upd), 0) > 1000 FROM pg_stat_user_tables WHERE relname = 'stresshost_kv'";
        await_that("a thousand writes are done", || server.sql(&database, written) == "t");
        server.stop();
        server.resume().unwrap();
        run.join().unwrap();
    });
    let summary = project.summary("out");
    let update = operation(&summary, "kv", "UPDATE stresshost_kv");
    let failed: u64 =
        summary.operations.iter().filter(|one| one.scenario == "kv").map(|one| one.failed()).sum();
    assert!(failed > 0 && update.count - update.failed() > 0, "{update:?}");
    contains(
        &section(&project, "Consistency").join("\n"),
        &["Every acknowledged write is there, and no other | yes"],
    );
}

#[test]
fn a_slow_statement_is_the_first_bottleneck() {
    let server = Postgres::shared();
    let project = Project::default();
    project.write("q.sql", "-- name: quick\nSELECT 1;\n-- name: slow\nSELECT pg_sleep(0.1)");
    let url = server.url(&server.database(""));
    run(&project, &[&url, "--query-file", "q.sql", "--connections", "2", "--duration", "2"]).expect_exit(0);
    let rows = section(&project, "Bottleneck Analysis");
    assert!(rows[1].starts_with("1 | slow (queries) | 9"), "{rows:?}");
    let slow = project.summary("out").operations.into_iter().find(|one| one.name == "slow").unwrap();
    assert!(slow.service_us.unwrap().p50 >= 100_000);
}

#[test]
fn a_failing_constraint_is_counted_every_time() {
    let server = Postgres::shared();
    let database = server.database("CREATE TABLE a (n int CHECK (n < 0))");
    let project = Project::default();
    project.write("q.sql", "INSERT INTO a (n) VALUES ($1)");
    let args = [
        "--query-file",
        "q.sql",
        "--parameter",
        "n=uniform 1..9",
        "--connections",
        "2",
        "--iterations",
        "50",
    ];
    run(&project, &[&[server.url(&database).as_str()][..], &args].concat());
    let summary = project.summary("out");
    let insert = operation(&summary, "queries", "INSERT a");
    assert_eq!((insert.count, insert.errors.get("constraint").copied()), (50, Some(50)));
    contains(&row(&project, "Results of queries", "Transaction success rate"), &["0.00% (0 of 50)"]);
}

#[test]
fn a_broken_invariant_fails_the_run() {
    let server = Postgres::shared();
    let database = server.database("CREATE TABLE a (id int PRIMARY KEY, n int); INSERT INTO a VALUES (1, 3)");
    let config = "invariants: [{ name: no debts, sql: SELECT id FROM a WHERE n < 0 }, { name: all there, sql: SELECT 1 WHERE (SELECT count(*) FROM a) <> 1 }]\n\
                  test_scenarios: [{ name: buy, query_type: write, users: 1, iterations: 5, queries: [UPDATE a SET n = n - 1] }]\n";
    let project = Project::default();
    run_config(&project, config, &[&server.url(&database)]).expect_exit(10);
    let rows = section(&project, "Consistency").join("\n");
    contains(
        &rows,
        &[
            "Invariants | 1 of 2 invariants held",
            "invariant no debts | BROKEN",
            "invariant all there | holds",
        ],
    );
    let finding =
        &project.summary("out").findings.into_iter().find(|one| one["rule"] == "invariant").unwrap();
    assert_eq!(finding["evidence"], "1 rows, the first: id = 1");
}

#[test]
fn an_index_that_helps_is_measured_on_a_copy() {
    let server = Postgres::shared();
    let database = server.database("CREATE TABLE a (id serial PRIMARY KEY, k int NOT NULL); INSERT INTO a (k) SELECT n FROM generate_series(1, 200000) n; ANALYZE a");
    let project = Project::default();
    project.write("q.sql", "SELECT id FROM a WHERE k = $1");
    let args = ["--query-file", "q.sql", "--prove", "--connections", "1", "--duration", "1"];
    run(&project, &[&[server.url(&database).as_str()][..], &args].concat()).expect_exit(0);
    let rows = section(&project, "Query plans").join("\n");
    contains(
        &rows,
        &[
            "200000 rows of `a` are read, 199999 of them thrown away",
            "CREATE INDEX ON a (k) (measured on a scratch copy: ",
        ],
    );
    let times: Vec<f64> = rows
        .split("copy: ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    assert!(times[1] < times[0], "{rows}");
    assert_eq!(
        server.sql(&database, "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'stresshost%'"),
        "0"
    );
}
