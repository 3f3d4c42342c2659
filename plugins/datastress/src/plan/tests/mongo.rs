use super::*;

const URL: &str = "mongodb://localhost:27017/testdb";

#[test]
fn built_in_work_is_on_records() {
    for (flags, name, query_type) in [
        (json!({}), "kv", QueryType::Read),
        (json!({ "query-type": "mixed" }), "kv", QueryType::Mixed),
        (json!({ "workload": "ycsb-c", "rows": 70 }), "ycsb-c", QueryType::Read),
        (json!({ "workload": "ycsb-e", "rows": 70 }), "ycsb-e", QueryType::Mixed),
    ] {
        let (plan, workload) = planned(&[URL], flags, ()).unwrap();
        let builtin = Builtin::of_word(name).unwrap();
        let expected = if builtin == Builtin::Kv { DEFAULT_ROWS } else { 70 };
        let Doing::Records { builtin: is, records } = workload.works[0].doing else { panic!() };
        assert_eq!((is, records, workload.works[0].query_type), (builtin, expected, query_type));
        assert_eq!(plan.targets, ["mongodb://localhost:27017"]);
    }
}

#[test]
fn commands_of_a_file_are_steps() {
    let file = "// name: one user\n// weight: 9\n{\"find\": \"users\", \"filter\": {\"_id\": \"$1\"}, \"limit\": 1}\n\
                {\"update\": \"users\", \"updates\": [{\"q\": {\"_id\": \"$1\"}, \"u\": {\"$inc\": {\"visits\": \"$2\"}}}]}";
    let flags = json!({ "query-file": file, "parameter": ["_id=uniform 1..9"] });
    let (_, workload) = planned(&[URL], flags, ()).unwrap();
    let Doing::Statements { steps, transaction } = &workload.works[0].doing else { panic!() };
    assert_eq!((workload.works[0].query_type, *transaction), (QueryType::Mixed, false), "one an iteration");
    let told: Vec<_> =
        steps.iter().map(|step| (step.name.as_str(), step.weight, step.place.as_str())).collect();
    assert_eq!(told, [("one user", 9, "--query-file line 3"), ("update users", 1, "--query-file line 4")]);
    let by = |step: usize, parameter: usize| {
        steps[step].parameters[parameter].by.as_ref().map(crate::generator::Generator::describe)
    };
    assert_eq!(by(0, 0).as_deref(), Some("uniform 1..9"));
    assert_eq!((by(1, 0).as_deref(), by(1, 1)), (Some("uniform 1..9"), None), "it is inferred");
}

#[test]
fn commands_of_a_config_are_texts_or_mappings() {
    let config = json!({
        "database": { "connection_string": "mongodb://localhost/shop", "database_type": "mongodb" },
        "test_scenarios": [{ "name": "reads", "query_type": "read", "queries": [
            "{\"find\": \"users\", \"limit\": 5}",
            { "command": { "count": "users", "query": { "age": { "$gte": "$1" } } }, "weight": 2 }],
            "parameters": { "users.age": "uniform 18..99" } }],
        "performance_targets": { "read_queries": { "p95_response_time": 50 } } });
    let (plan, workload) = planned(&[], json!({}), config).unwrap();
    let names: Vec<&str> = steps(&workload, 0).iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["find users", "count users"]);
    assert_eq!(steps(&workload, 0)[1].text, r#"{"count":"users","query":{"age":{"$gte":"$1"}}}"#);
    assert_eq!(plan.thresholds[0].expression, "mongo.response_us{scenario=\"reads\"}.p95 < 50ms");
    stresshost_sdk::documents::Expression::parse(&plan.thresholds[0].expression).unwrap();
}

#[test]
fn another_machine_is_written_to_only_when_that_was_said() {
    let url = "mongodb://u:secret@db.test";
    let problems = planned(&[url], json!({}), ()).unwrap_err();
    assert!(
        problems.contains("add `--allow-writes db.test/test`") && !problems.contains("secret"),
        "{problems}"
    );
    assert!(planned(&[url], json!({ "allow-writes": ["db.test/test"] }), ()).is_ok());
    let reads = json!({ "query-file": r#"{"find": "a"}"# });
    assert!(planned(&[url], reads, ()).is_ok());
    let writes = json!({ "query-file": r#"{"delete": "a", "deletes": [{"q": {}, "limit": 0}]}"# });
    assert!(planned(&[url], writes, ()).is_err());
}

#[test]
fn mistakes_are_told_before_anything_runs() {
    let scenario = |scenario: Value| json!({ "test_scenarios": [scenario] });
    let find = r#"{"find": "a"}"#;
    for (flags, config, told) in [
        (
            json!({ "query-file": "{\"find\": \"a\"}\n\n{\"find\":\n \"b\",}" }),
            json!(null),
            "--query-file: line 4: query 2 of 2: it is no JSON",
        ),
        (json!({ "query-file": "// nothing" }), json!(null), "holds no statement"),
        (json!({ "query-file": "SELECT 1" }), json!(null), "it is no JSON"),
        (json!({ "query-file": r#"{"drop": "a"}"# }), json!(null), "no query or change of documents"),
        (
            json!({ "query-file": r#"{"find": "a", "filter": {"b": "$2"}}"# }),
            json!(null),
            "it has $2 but no $1",
        ),
        (
            json!({ "query-type": "read", "query-file": r#"{"aggregate": "a", "pipeline": [{"$out": "b"}]}"# }),
            json!(null),
            "a `read` scenario only reads, and this changes or locks documents",
        ),
        (json!({ "query-type": "write", "query-file": find }), json!(null), "none of its statements writes"),
        (json!({ "query-file": r#"{"commitTransaction": 1}"# }), json!(null), "not run in transactions here"),
        (
            json!({}),
            scenario(json!({ "name": "a", "queries": [find], "transaction": true })),
            "not run in transactions here",
        ),
        (
            json!({}),
            scenario(json!({ "name": "a", "queries": [{ "name": "b" }] })),
            "no `sql`, and no `command` of MongoDB",
        ),
        (
            json!({}),
            scenario(json!({ "name": "a", "queries": [find], "parameters": { "b": 1 } })),
            "no statement has a parameter `b`",
        ),
        (json!({ "workload": "tpcb" }), json!(null), "`tpcb` is no workload for MongoDB"),
        (json!({ "prove": true }), json!(null), "--prove: indexes of MongoDB are not measured"),
        (
            json!({ "connection-pool-optimization": true }),
            json!(null),
            "--connection-pool-optimization: connections to MongoDB are not pooled here",
        ),
        (json!({ "invariants": "SELECT 1" }), json!(null), "invariants are SQL, which MongoDB has not"),
        (
            json!({}),
            json!({ "database": { "database_type": "postgresql" } }),
            "the URL is one of MongoDB, not of PostgreSQL",
        ),
    ] {
        let problems = planned(&[URL], flags.clone(), &config).expect_err(told);
        assert!(problems.contains(told), "{flags} {config}:\n{problems}");
    }
    for url in ["mongodb+srv://c.test/d", "mongodb://a,b/d"] {
        let problems = planned(&[url], json!({}), ()).unwrap_err();
        assert!(problems.contains("give one server's host"), "{url}: {problems}");
    }
}

#[test]
fn plans_of_built_in_commands_are_not_read() {
    let (plan, _) = planned(&[URL], json!({ "query-plan-analysis": true }), ()).unwrap();
    assert!(plan.notes.iter().any(|note| note.contains("always has an index")), "{:?}", plan.notes);
}
