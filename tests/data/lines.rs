//! The command lines people write, on each engine, and the built-in workloads' own accounts.

use stresshost_servers::{MariaDb, Postgres, Redis};
use stresshost_tests::Project;

use crate::{contains, finished, operation, row, run, section};

/// What a short run of a built-in workload that writes must say of its writes.
fn every_write_is_there(project: &Project) {
    let rows = section(project, "Consistency").join("\n");
    contains(&rows, &["Every acknowledged write is there, and no other | yes"]);
}

#[test]
fn reads_of_postgresql() {
    let server = Postgres::shared();
    let database = server.database("");
    let project = Project::default();
    let url = server.url(&database);
    run(&project, &[&url, "--connections", "10", "--duration", "2", "--query-type", "read"]).expect_exit(0);
    let summary = project.summary("out");
    let read = operation(&summary, "kv", "SELECT stresshost_kv");
    assert!(read.count > 100 && read.failed() == 0, "{read:?}");
    assert!(!summary.operations.iter().any(|one| one.name.starts_with("UPDATE")));
    assert_eq!(
        server.sql(&database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        "0",
        "taken away"
    );
    contains(&row(&project, "Server", "Cache hit ratio"), &["blks_hit / (blks_hit + blks_read)"]);
}

#[test]
fn writes_of_mariadb() {
    let server = MariaDb::shared();
    let database = server.database("");
    let project = Project::default();
    let url = server.url(&database);
    run(&project, &[&url, "--connections", "5", "--query-type", "write", "--duration", "2"]).expect_exit(0);
    every_write_is_there(&project);
    for what in ["Deadlocks counted by the server", "Row lock waits", "Cache hit ratio"] {
        assert!(!row(&project, "Server", what).contains("not available"), "{what}");
    }
    assert_eq!(server.sql(&database, "SHOW TABLES"), "");
}

#[test]
fn a_query_file_of_postgresql() {
    let server = Postgres::shared();
    let database = server.database(
        "CREATE TABLE events (id serial PRIMARY KEY, kind text NOT NULL, at timestamptz NOT NULL, amount numeric(10,2) NOT NULL); \
         INSERT INTO events (kind, at, amount) SELECT 'kind ' || n % 7, now(), n % 500 FROM generate_series(1, 5000) n",
    );
    let project = Project::default();
    let file = "-- name: by kind\n-- weight: 3\nSELECT count(*) FROM events WHERE kind = $1;\n\nSELECT * FROM events WHERE amount BETWEEN $1 AND $2;";
    project.write("queries.sql", file);
    let url = server.url(&database);
    run(&project, &[&url, "--query-file", "queries.sql", "--connections", "4", "--duration", "2"])
        .expect_exit(0);
    let summary = project.summary("out");
    let (often, seldom) =
        (operation(&summary, "queries", "by kind"), operation(&summary, "queries", "SELECT events"));
    assert_eq!(often.failed() + seldom.failed(), 0);
    let share = often.count as f64 / (often.count + seldom.count) as f64;
    assert!((share - 0.75).abs() < 0.1, "{share}");
    contains(
        &section(&project, "Parameters").join("\n"),
        &["by kind $1 | one of 7 values | sampled values of events.kind"],
    );
}

#[test]
fn sqlite_needs_no_server() {
    for query_type in ["read", "write", "mixed"] {
        let project = Project::default();
        let args = [
            "sqlite:try.db",
            "--connections",
            "2",
            "--duration",
            "1",
            "--rows",
            "500",
            "--query-type",
            query_type,
        ];
        run(&project, &args).expect_exit(0);
        contains(&row(&project, "Server", "Deadlocks counted"), &["not available on this server"]);
        if query_type != "read" {
            every_write_is_there(&project);
        }
    }
}

#[test]
fn bank_and_orders_stay_consistent_on_both_servers() {
    let (postgres, maria) = (Postgres::shared(), MariaDb::shared());
    for url in [postgres.url(&postgres.database("")), maria.url(&maria.database(""))] {
        for (workload, invariants) in [("tpcb", "3 of 3"), ("tpcc", "4 of 4")] {
            let project = Project::default();
            let ended =
                run(&project, &[&url, "--workload", workload, "--connections", "4", "--duration", "2"]);
            ended.expect_exit(0);
            assert!(finished(&project.summary("out"), workload) > 0, "{workload}");
            contains(
                &section(&project, "Consistency").join("\n"),
                &[&format!("Invariants | {invariants} invariants held")],
            );
            every_write_is_there(&project);
        }
    }
}

#[test]
fn reads_writes_and_ycsb_of_redis() {
    let server = Redis::start(&[]);
    for args in [
        vec!["--query-type", "mixed"],
        vec!["--workload", "ycsb-a"],
        vec!["--workload", "ycsb-d"],
        vec!["--workload", "ycsb-e"],
    ] {
        let project = Project::default();
        let url = server.url();
        let fixed = [url.as_str(), "--connections", "8", "--duration", "1", "--rows", "1000"];
        run(&project, &[&fixed[..], &args].concat()).expect_exit(0);
        let summary = project.summary("out");
        assert!(summary.operations.iter().all(|one| one.failed() == 0), "{args:?}: {:?}", summary.failures);
        contains(
            &row(&project, "Server", "Cache hit ratio"),
            &["keyspace_hits / (keyspace_hits + keyspace_misses)"],
        );
        assert_eq!(server.cli(&["DBSIZE"]), "0", "{args:?}: everything is taken away");
    }
}
