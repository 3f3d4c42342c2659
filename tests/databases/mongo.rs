//! DataStress on a server that speaks MongoDB's protocol: what it counts, what it leaves behind, what it refuses.

use serde_json::Value;
use stresshost_metrics::Summary;
use stresshost_servers::Mongo;
use stresshost_tests::{Finished, Project, plugin};

use crate::operation;

/// Each test has a server of its own: nx-27017 keeps the collections of all databases together.
const DATABASE: &str = "shop";

/// Names of the collections of a database, as Python prints them.
const COLLECTIONS: &str = "sorted(db.list_collection_names())";

/// Runs `datastress` into the directory `out`.
fn stress(project: &Project, args: &[&str]) -> Finished {
    let component = plugin("datastress");
    let fixed =
        ["run", "--plugin", component.to_str().unwrap(), "--out", "out", "--no-progress", "--seed", "1"];
    project.run(&[&fixed[..], args].concat())
}

/// The rows of a section of the analysis as one text.
fn section(project: &Project, title: &str) -> String {
    let bytes = std::fs::read(project.path().join("out/analysis.json")).unwrap();
    let analysis: Value = serde_json::from_slice(&bytes).unwrap();
    let sections = analysis["sections"].as_array().unwrap();
    let found = sections.iter().find(|section| section["title"] == title);
    found.unwrap_or_else(|| panic!("no section `{title}` in {sections:#?}"))["table"].to_string()
}

/// Names of a scenario's operations, in order.
fn operations<'a>(summary: &'a Summary, scenario: &str) -> Vec<&'a str> {
    let of_it = summary.operations.iter().filter(|operation| operation.scenario == scenario);
    let mut names: Vec<_> = of_it.map(|operation| operation.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn the_command_runs_as_written() {
    let server = Mongo::start();
    server.eval(DATABASE, "db.users.insert_many([{'_id': n} for n in range(10)])");
    let project = Project::default();
    let url = server.url(DATABASE);
    stress(&project, &[&url, "--connections", "8", "--duration", "3", "--query-type", "mixed"])
        .expect_exit(0);
    let summary = project.summary("out");
    assert_eq!(operations(&summary, "kv"), ["find stresshost_kv", "update stresshost_kv"]);
    for name in ["find stresshost_kv", "update stresshost_kv"] {
        let operation = operation(&summary, name);
        assert_eq!((operation.failed(), operation.protocol.as_str()), (0, "mongo"), "{operation:?}");
        assert!(operation.count > 50, "{operation:?}");
    }
    let configuration = section(&project, "Test Configuration");
    assert!(configuration.contains(&format!("MongoDB ({DATABASE} @ 127.0.0.1:")), "{configuration}");
    let consistency = section(&project, "Consistency");
    assert!(
        consistency.contains(r#"["Every acknowledged write is there, and no other","yes""#),
        "{consistency}"
    );
    assert_eq!(server.eval(DATABASE, COLLECTIONS), "['users']", "what the run made is gone");
    assert_eq!(server.eval(DATABASE, "db.users.count_documents({})"), "10");
}

#[test]
fn reads_only_read_and_writes_only_write() {
    let server = Mongo::start();
    for (query_type, expected) in [("read", "find stresshost_kv"), ("write", "update stresshost_kv")] {
        let project = Project::default();
        let url = server.url(DATABASE);
        let load = ["--connections", "2", "--duration", "1", "--rows", "200", "--query-type", query_type];
        stress(&project, &[&[url.as_str()][..], &load].concat()).expect_exit(0);
        let summary = project.summary("out");
        assert_eq!(operations(&summary, "kv"), [expected]);
        assert_eq!(operation(&summary, expected).failed(), 0);
    }
}

#[test]
fn every_workload_of_ycsb_runs_and_cleans_up() {
    let server = Mongo::start();
    let (find, insert, scan, update) =
        ("find stresshost_ycsb", "insert stresshost_ycsb", "scan stresshost_ycsb", "update stresshost_ycsb");
    for (workload, expected) in [
        ("ycsb-a", &[find, update][..]),
        ("ycsb-b", &[find, update]),
        ("ycsb-c", &[find]),
        ("ycsb-d", &[find, insert]),
        ("ycsb-e", &[insert, scan]),
        ("ycsb-f", &[find, update]),
    ] {
        let project = Project::default();
        let url = server.url(DATABASE);
        let load = ["--workload", workload, "--connections", "4", "--duration", "1", "--rows", "500"];
        stress(&project, &[&[url.as_str()][..], &load].concat()).expect_exit(0);
        let summary = project.summary("out");
        assert_eq!(operations(&summary, workload), expected, "{workload}");
        for operation in &summary.operations {
            assert!(operation.count > 0, "{workload}: {operation:?}");
            // nx-27017 counts the documents that an update changes; MongoDB counts those that it finds.
            let unchanged = operation.errors.get("status_unexpected").copied().unwrap_or(0);
            let allowed = if operation.name == update { operation.count / 10 } else { 0 };
            assert!(operation.failed() == unchanged && unchanged <= allowed, "{workload}: {operation:?}");
        }
        assert_eq!(server.eval(DATABASE, COLLECTIONS), "[]", "{workload}: everything is taken away");
    }
}

#[test]
fn records_that_were_there_stay_as_many() {
    let server = Mongo::start();
    let fields = "**{'field%d' % field: 'x' * 100 for field in range(10)}";
    let records = format!("[{{'_id': 'user%09d' % number, {fields}}} for number in range(300)]");
    server.eval(DATABASE, &format!("db.stresshost_ycsb.insert_many({records})"));
    let project = Project::default();
    let url = server.url(DATABASE);
    let load = ["--workload", "ycsb-d", "--connections", "2", "--duration", "1", "--rows", "300"];
    stress(&project, &[&[url.as_str()][..], &load].concat()).expect_exit(0);
    assert!(operation(&project.summary("out"), "insert stresshost_ycsb").count > 0);
    assert_eq!(server.eval(DATABASE, "db.stresshost_ycsb.count_documents({})"), "300");
}

#[test]
fn the_server_holds_what_was_counted() {
    let server = Mongo::start();
    let project = Project::default();
    project.write(
        "commands.json",
        r#"// name: add
// weight: 3
{"insert": "events", "documents": [{"kind": "$1"}]}
{"find": "events", "filter": {"kind": "$1"}, "limit": 5}
// name: two
{"insert": "pairs", "documents": [{"first": true}, {"first": false}]}
"#,
    );
    let url = server.url(DATABASE);
    let load = ["--query-file", "commands.json", "--parameter", "kind=uniform 1..9"];
    stress(&project, &[&[url.as_str()][..], &load, &["--connections", "4", "--iterations", "400"]].concat())
        .expect_exit(0);
    let summary = project.summary("out");
    let counted = |name: &str| {
        let operation = operation(&summary, name);
        assert_eq!(operation.failed(), 0, "{operation:?}");
        operation.count
    };
    assert_eq!(counted("add") + counted("find events") + counted("two"), 400);
    let held = |collection: &str| -> u64 {
        server.eval(DATABASE, &format!("db.{collection}.count_documents({{}})")).parse().unwrap()
    };
    assert_eq!(held("events"), counted("add"));
    assert_eq!(held("pairs"), 2 * counted("two"));
    assert_eq!(
        server.eval(DATABASE, "db.events.count_documents({'kind': {'$gte': 1, '$lte': 9}})"),
        counted("add").to_string()
    );
}

#[test]
fn what_is_wrong_is_told_before_anything_is_sent() {
    let project = Project::default();
    project.write("commands.json", r#"{"find": "a"} {"#);
    project.write("drop.json", r#"{"drop": "users"}"#);
    for (args, told) in [
        (&["mongodb+srv://ann:s3cret@db.test/shop"][..], "give one server's host"),
        (&["mongodb://ann:s3cret@a.test,b.test/shop"], "names several hosts"),
        (
            &["mongodb://localhost/shop", "--query-file", "commands.json"],
            "line 1: query 2 of 2: it is no JSON",
        ),
        (&["mongodb://localhost/shop", "--query-file", "drop.json"], "no query or change of documents"),
        (&["mongodb://localhost/shop", "--workload", "tpcc"], "is no workload for MongoDB"),
        (&["mongodb://ann:s3cret@db.test/shop", "--query-type", "write"], "--allow-writes db.test/shop"),
    ] {
        let ended = stress(&project, args);
        ended.expect_exit(2);
        assert!(ended.stderr.contains(told), "`{told}` is not in:\n{}", ended.stderr);
        assert!(!ended.stderr.contains("s3cret") && !ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}

#[test]
fn where_no_server_is_the_run_does_not_begin() {
    let project = Project::default();
    let ended = stress(&project, &["mongodb://127.0.0.1:1/shop", "--duration", "1"]);
    ended.expect_exit(3);
    assert!(ended.stderr.contains("mongodb://127.0.0.1:1"), "{}", ended.stderr);
    assert!(ended.stderr.contains("refused"), "{}", ended.stderr);
}
