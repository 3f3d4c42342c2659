//! What reports count against what the database holds.

use stresshost_servers::{MariaDb, Postgres, await_that};
use stresshost_tests::Project;

use crate::{operation, run};

const SCHEMA: &str = "CREATE TABLE accounts (id INT PRIMARY KEY, balance INT); \
                      INSERT INTO accounts VALUES (1, 100), (2, 100); CREATE TABLE moves (id INT PRIMARY KEY)";

/// Thirty iterations, of which ten are left open: the counts of every operation, and the money moved.
fn moves(url: &str, more: &[&str], vus: &str, balance: impl Fn() -> String) {
    let project = Project::default();
    let args = [&[url][..], more, &["--vus", vus, "--iterations", "30", "--cores", "1"]].concat();
    run(&project, "sql_bank", &args).expect_exit(0);
    let summary = project.summary("out");
    let counted = |name: &str| {
        let operation = operation(&summary, name);
        assert_eq!(operation.protocol, "sql");
        (operation.count, operation.errors.values().sum::<u64>())
    };
    for (name, expected) in [
        ("BEGIN", (30, 0)),
        ("take", (30, 0)),
        ("give", (30, 0)),
        ("total", (30, 0)),
        ("moved", (50, 20)),
        ("COMMIT", (20, 0)),
    ] {
        assert_eq!(counted(name), expected, "{name}");
    }
    assert_eq!(operation(&summary, "moved").errors["constraint"], 20);
    assert!(
        summary.operations.iter().all(|operation| operation.name != "ROLLBACK"),
        "what the host rolls back is no load"
    );
    assert_eq!((summary.checks[0].passed, summary.checks[0].failed), (30, 0));
    assert_eq!(balance(), "0", "twenty times five left the first account");
}

#[test]
fn postgresql_holds_what_was_counted() {
    let server = Postgres::shared();
    for (more, vus) in [(&[][..], "4"), (&["2"][..], "4")] {
        let database = server.database(SCHEMA);
        let balance = || server.sql(&database, "SELECT balance FROM accounts WHERE id = 1");
        moves(&server.url(&database), more, vus, balance);
        assert_eq!(server.sql(&database, "SELECT count(*) FROM moves"), "20");
    }
}

#[test]
fn mariadb_holds_what_was_counted() {
    let server = MariaDb::shared();
    let database = server.database(SCHEMA);
    let balance = || server.sql(&database, "SELECT balance FROM accounts WHERE id = 1");
    moves(&server.url(&database), &[], "4", balance);
}

#[test]
fn statements_under_way_when_the_load_ends_are_interrupted_and_ended_on_the_server() {
    let server = Postgres::shared();
    let database = server.database("");
    let project = Project::default();
    let url = server.url(&database);
    let slow = "SELECT pg_sleep(60 + $1::int)";
    let args = [url.as_str(), slow, "1", "--vus", "3", "--duration", "500ms", "--graceful-stop", "100ms"];
    run(&project, "sql_select", &args);
    let summary = project.summary("out");
    let select = operation(&summary, "select");
    assert_eq!((select.count, select.errors.get("interrupted")), (3, Some(&3)));
    let running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60%' \
                   AND pid <> pg_backend_pid()";
    await_that("the server works on nothing that nobody waits for", || server.sql(&database, running) == "0");
}
