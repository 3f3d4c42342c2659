//! `sql` and `redis` of the Python and JavaScript SDKs, against servers: their examples, and every kind of value.

use std::path::{Path, PathBuf};

use stresshost_metrics::Summary;
use stresshost_servers::{MariaDb, Postgres, Redis};

use crate::project::{Author, NAME};

/// A project whose world has a protocol, and whose source is another.
fn component(language: &str, protocol: &str, file: &str, source: &str) -> (Author, PathBuf) {
    let author = Author::new(language);
    author.edit("wit/world.wit", &format!("// import {protocol};"), &format!("import {protocol};"));
    author.take(file, source);
    let component = author.build();
    (author, component)
}

fn run(author: &Author, component: &Path, url: &str, load: &[&str]) -> Summary {
    let out = author.path("out");
    if out.exists() {
        std::fs::remove_dir_all(&out).unwrap();
    }
    let command = ["run", "--plugin", component.to_str().unwrap(), url, "--no-progress", "--out", "out"];
    author.stresshost(&[&command[..], load].concat()).expect_exit(0);
    author.home.summary(&format!("{NAME}/out"))
}

fn counted(summary: &Summary, name: &str) -> (u64, u64) {
    let found = summary.operations.iter().find(|operation| operation.name == name);
    let operation = found.unwrap_or_else(|| panic!("no operation `{name}`: {:?}", summary.operations));
    (operation.count, operation.errors.values().sum())
}

/// Thirty moves, of which ten were made before: what is counted, and what the first account is left with.
fn bank(language: &str, file: &str, source: &str) {
    let (author, component) = component(language, "sql", file, source);
    let measured = |url: &str, vus: &str| {
        let summary = run(&author, &component, url, &["--vus", vus, "--iterations", "30"]);
        for (name, expected) in [
            ("BEGIN", (30, 0)),
            ("take", (30, 0)),
            ("moved", (30, 10)),
            ("COMMIT", (20, 0)),
            ("ROLLBACK", (10, 0)),
        ] {
            assert_eq!(counted(&summary, name), expected, "{name}");
        }
        assert_eq!((summary.checks[0].passed, summary.checks[0].failed), (30, 0));
        let iterations = &summary.scenarios[0].iterations;
        assert_eq!((iterations.finished, iterations.failed), (20, 10));
    };
    let balance = "SELECT balance FROM accounts WHERE id = 1";
    let (postgres, maria) = (Postgres::shared(), MariaDb::shared());
    let database = postgres.database("");
    measured(&postgres.url(&database), "3");
    assert_eq!(postgres.sql(&database, balance), "0");
    let database = maria.database("");
    measured(&maria.url(&database), "3");
    assert_eq!(maria.sql(&database, balance), "0");
    // One writer at a time: SQLite refuses a second one that has read before.
    measured("sqlite:bank.db?mode=rwc", "1");
}

#[test]
fn python_moves_money() {
    bank("python", "app.py", "sdk/python/example/bank.py");
}

#[test]
fn javascript_moves_money() {
    bank("js", "src/app.js", "sdk/js/example/bank.js");
}

fn cache(language: &str, file: &str, source: &str) {
    let (author, component) = component(language, "redis", file, source);
    let server = Redis::start(&[]);
    let summary = run(&author, &component, &server.url(), &["--vus", "3", "--iterations", "30"]);
    for name in ["INCR", "SET", "GET"] {
        assert_eq!(counted(&summary, name), (30, 0), "{name}");
    }
    assert_eq!((summary.checks[0].passed, summary.checks[0].failed), (30, 0));
    assert_eq!(server.cli(&["GET", "visits:7"]), "3");
    assert_eq!(server.cli(&["GET", "page:7"]), "page 7");
}

#[test]
fn python_counts_visits() {
    cache("python", "app.py", "sdk/python/example/cache.py");
}

#[test]
fn typescript_counts_visits() {
    cache("ts", "src/app.ts", "sdk/js/example/cache.ts");
}

/// Runs a source that looks at everything once, and says what of it was as it should be.
fn looked_at(protocol: &str, language: &str, file: &str, source: &str, url: &str, names: &[&str]) {
    let (author, component) = component(language, protocol, file, source);
    let summary = run(&author, &component, url, &["--vus", "1", "--iterations", "1"]);
    let passed: Vec<&str> =
        summary.checks.iter().filter(|check| check.passed == 1).map(|check| check.name.as_str()).collect();
    assert_eq!(passed, names, "{language}: {:?}", summary.checks);
}

const SQL: &[&str] = &[
    "values",
    "columns",
    "time",
    "parameters",
    "many rows",
    "executed",
    "error",
    "error's words",
    "failure",
    "no such table",
    "no such value",
    "isolation",
    "rolled back",
    "server",
    "pool",
    "closed",
];

#[test]
fn every_kind_of_sql_value_and_answer() {
    let server = Postgres::shared();
    for (language, file, source) in [
        ("python", "app.py", "tests/sdk/apps/sql_values.py"),
        ("js", "src/app.js", "tests/sdk/apps/sql_values.js"),
    ] {
        let url = server.url(&server.database("CREATE TABLE t (id INT PRIMARY KEY)"));
        looked_at("sql", language, file, source, &url, SQL);
    }
}

const REDIS: &[&str] = &[
    "integer",
    "time",
    "array",
    "map",
    "number in a string",
    "bytes",
    "nil",
    "expected",
    "error",
    "failure",
    "no words",
    "pipeline",
    "server",
    "closed",
];

#[test]
fn every_kind_of_redis_value_and_reply() {
    for (language, file, source) in [
        ("python", "app.py", "tests/sdk/apps/redis_values.py"),
        ("js", "src/app.js", "tests/sdk/apps/redis_values.js"),
    ] {
        let server = Redis::start(&[]);
        looked_at("redis", language, file, source, &server.url(), REDIS);
    }
}

#[test]
fn a_world_without_the_protocol_says_what_to_do() {
    let author = Author::new("python");
    author.take("app.py", "sdk/python/example/bank.py");
    let failed = author.stresshost(&["plugin", "build"]);
    failed.expect_exit(2);
    assert!(failed.stderr.contains("put `import sql;` into `wit/world.wit`"), "{}", failed.stderr);
}
