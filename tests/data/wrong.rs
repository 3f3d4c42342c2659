//! Inputs and servers that are wrong: told before the load where that can be known.

use stresshost_servers::Postgres;
use stresshost_tests::Project;

use crate::{contains, run};

#[test]
fn what_hinders_the_set_up_is_one_sentence() {
    let server = Postgres::shared();
    let database = server.database("CREATE TABLE a (b int)");
    let good = server.url(&database);
    for (url, file, told) in [
        (good.replace("secret-word", "wrong"), "SELECT 1", "[28P01]"),
        (server.url("nowhere"), "SELECT 1", "[3D000]"),
        (good.clone(), "SELECT 1;\nSELECT * FROM missing", "[42P01]"),
        (good.clone(), "SELECT c FROM a", "[42703]"),
    ] {
        let project = Project::default();
        project.write("q.sql", file);
        let ended = run(&project, &[&url, "--query-file", "q.sql", "--connections", "1", "--duration", "1"]);
        ended.expect_exit(3);
        contains(&ended.stderr, &[told]);
        assert!(
            !ended.stderr.contains("secret-word") && !ended.stderr.contains("panicked"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_server_without_room_is_told_before_the_load() {
    let server = Postgres::start(&["max_connections=12"]).unwrap();
    let project = Project::default();
    let url = server.url("postgres");
    let ended = run(&project, &[&url, "--connections", "20", "--duration", "1"]);
    ended.expect_exit(3);
    contains(
        &ended.stderr,
        &["takes 12 connections (max_connections)", "the run needs 22", "lower --connections"],
    );
    assert_eq!(
        server.sql("postgres", "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'stresshost%'"),
        "0"
    );
}

#[test]
fn mistakes_in_the_input_need_no_server() {
    let project = Project::default();
    project.write("q.sql", "SELECT 1;\nSELECT 2;\n\nSELECT\n FORM WHERE;\nSELECT 4; SELECT 5");
    project.write(
        "c.yaml",
        "test_scenarios:\n  - name: a\n    concurrent_conections: 5\n    queries: [SELECT 1]\n",
    );
    let url = "postgresql://localhost/x";
    for (args, told) in [
        (vec![url, "--query-file", "q.sql"], vec!["--query-file", "line 5: query 3 of 5"]),
        (vec![url, "--query-file", "missing.sql"], vec!["missing.sql"]),
        (vec![url, "--config", "c.yaml"], vec!["c.yaml:3", "did you mean `concurrent_connections`?"]),
        (vec!["mongodb+srv://localhost/x"], vec!["give one server's host"]),
        (vec!["oracle://localhost/x"], vec!["is no URL of a database"]),
        (vec![], vec!["no database was given"]),
    ] {
        let ended = run(&project, &args);
        ended.expect_exit(2);
        contains(&ended.stderr, &told);
    }
}

#[test]
fn nothing_listens() {
    let project = Project::default();
    let ended = run(&project, &["postgresql://u@127.0.0.1:1/x", "--duration", "1"]);
    ended.expect_exit(3);
    contains(&ended.stderr, &["postgresql://127.0.0.1:1/x"]);
}
