mod mongo;

use stresshost_sdk::serde::Serialize;
use stresshost_sdk::serde_json::{Value, json};
use stresshost_sdk::testing;

use super::*;
use crate::generator::Generator;

const CONFIG: &str = include_str!("../../../../examples/datastress/ecommerce_db_test.yaml");

fn config() -> Value {
    let document =
        stresshost_sdk::documents::yaml::Document::parse("ecommerce_db_test.yaml", CONFIG).unwrap();
    let mut config = document.into_value();
    config["database"]["connection_string"] = json!("postgresql://ecom_user@127.0.0.1:5433/ecommerce");
    config
}

fn planned(args: &[&str], flags: Value, config: impl Serialize) -> Result<(Plan, Workload), String> {
    let plan = plan(&testing::input(args, flags, config))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let workload = serde_json::from_value(plan.workload.clone()).unwrap();
    Ok((plan, workload))
}

fn steps(workload: &Workload, work: usize) -> &[crate::document::Step] {
    let Doing::Statements { steps, .. } = &workload.works[work].doing else {
        panic!("{:?}", workload.works[work])
    };
    steps
}

#[test]
fn the_seeds_config_becomes_scenarios_targets_and_transactions() {
    let (plan, workload) = planned(&[], json!({ "query-plan-analysis": true }), config()).unwrap();
    let scenarios: Vec<(&str, &str, u64)> = plan
        .scenarios
        .iter()
        .map(|one| (one.name.as_str(), one.phase.as_str(), one.executor.vus()))
        .collect();
    assert_eq!(
        scenarios,
        [
            ("product_catalog_reads", "load", 200),
            ("inventory_updates", "load", 50),
            ("order_processing", "load", 100),
            ("monitor", "load", 1),
            ("verify", "verify", 1)
        ]
    );
    assert!(plan.scenarios[..4].iter().all(|one| one.executor.duration_ms() == 300_000));
    let names: Vec<&str> = steps(&workload, 0).iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["SELECT products", "SELECT products, inventory", "SELECT products (2)"]);
    let expressions: Vec<&str> = plan.thresholds.iter().map(|one| one.expression.as_str()).collect();
    assert_eq!(
        expressions,
        [
            "sql.successes{scenario=\"product_catalog_reads\"}.per_s >= 1000",
            "sql.response_us{scenario=\"product_catalog_reads\"}.p95 < 50ms",
            "sql.response_us{scenario=\"product_catalog_reads\"}.p99 < 100ms",
            "sql.successes{scenario=\"inventory_updates\"}.per_s >= 200",
            "sql.response_us{scenario=\"inventory_updates\"}.p95 < 100ms",
            "sql.response_us{scenario=\"inventory_updates\"}.p99 < 200ms",
        ]
    );
    for threshold in &plan.thresholds {
        stresshost_sdk::documents::Expression::parse(&threshold.expression).unwrap();
    }
    let order = steps(&workload, 2);
    assert!(order[0].keeps_row);
    assert_eq!(order[1].parameters[0].by, Some(Generator::Returned { statement: 0, column: 0 }));
    assert_eq!(plan.targets, ["postgresql://127.0.0.1:5433"]);
    assert_eq!(workload.options.connections, 350);
    let Doing::Statements { transaction, .. } = workload.works[2].doing else { panic!() };
    assert!(transaction);
    assert_eq!(workload.layouts[0].work_of(250), Some(2), "user 250 is the first of the orders");
}

#[test]
fn another_machine_is_written_to_only_when_that_was_said() {
    let mut config = config();
    config["database"]["connection_string"] =
        json!("postgresql://ecom_user:secure_pass@prod-db.example.com:5432/ecommerce");
    let problems = planned(&[], json!({}), &config).unwrap_err();
    assert!(problems.contains("this run writes to `prod-db.example.com/ecommerce`"), "{problems}");
    assert!(problems.contains("add `--allow-writes prod-db.example.com/ecommerce`"), "{problems}");
    assert!(!problems.contains("secure_pass"), "{problems}");
    let allowed = json!({ "allow-writes": ["prod-db.example.com/ecommerce"] });
    assert!(planned(&[], allowed, &config).is_ok());
    let reads = json!({ "query-file": "SELECT 1" });
    assert!(planned(&["postgresql://db.test/shop"], reads, ()).is_ok());
    assert!(planned(&["postgresql://db.test/shop"], json!({}), ()).is_err(), "built-in data would be made");
}

#[test]
fn the_seeds_command_lines_have_a_plan() {
    for (url, flags, scenario, vus, duration_ms) in [
        (
            "postgresql://user:pass@localhost:5432/mydb",
            json!({ "vus": 100, "duration": 60_000, "query-type": "read" }),
            "kv",
            100,
            60_000,
        ),
        (
            "mysql://user:pass@localhost:3306/mydb",
            json!({ "vus": 50, "duration": 120_000, "query-type": "write" }),
            "kv",
            50,
            120_000,
        ),
        (
            "redis://localhost:6379",
            json!({ "vus": 200, "duration": 180_000, "query-type": "mixed" }),
            "kv",
            200,
            180_000,
        ),
        (
            "mongodb://localhost:27017/testdb",
            json!({ "vus": 200, "duration": 120_000, "query-type": "mixed" }),
            "kv",
            200,
            120_000,
        ),
        (
            "postgresql://localhost:5432/analytics",
            json!({ "vus": 75, "duration": 300_000, "query-file": "SELECT 1; SELECT 2" }),
            "queries",
            75,
            300_000,
        ),
    ] {
        let (plan, workload) = planned(&[url], flags, ()).unwrap();
        let first = &plan.scenarios[0];
        assert_eq!(
            (first.name.as_str(), first.executor.vus(), first.executor.duration_ms()),
            (scenario, vus, duration_ms),
            "{url}"
        );
        assert_eq!(workload.builtins.len(), usize::from(scenario == "kv"));
    }
}

#[test]
fn pool_sizes_are_tried_before_the_load() {
    let flags = json!({ "vus": 16, "duration": 60_000, "connection-pool-optimization": true });
    let (plan, workload) = planned(&["postgresql://localhost/d"], flags, ()).unwrap();
    let phases: Vec<&str> = plan.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(phases, ["pool-2", "pool-4", "pool-8", "pool-16", "pool-32", "load", "verify"]);
    assert_eq!(workload.layouts[2].pool, Some(8));
    assert_eq!(workload.layouts[5].pool, None);
    let tried: Vec<_> = plan.scenarios.iter().filter(|one| one.phase == "pool-4").collect();
    assert_eq!((tried[0].executor.vus(), tried[0].executor.duration_ms()), (16, 6_000));
    assert_eq!(sizes(1), [1, 2]);
    assert_eq!(sizes(3), [1, 3, 6]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn mistakes_are_told_before_anything_runs() {
    let url = "postgresql://localhost/shop";
    let scenario = |query_type: &str, query: &str| json!({ "test_scenarios": [{ "name": "a", "query_type": query_type, "queries": ["SELECT 1", query] }] });
    let cases: Vec<(Value, Value, &str)> = vec![
        (
            json!({ "query-file": "SELECT 1;\nSELECT 2;\n\nSELECT\n FORM WHERE;\nSELECT 4;SELECT 5" }),
            json!(null),
            "--query-file: line 5: query 3 of 5: ",
        ),
        (json!({ "query-file": "SELECT $1, $3" }), json!(null), "it has $3 but no $2"),
        (
            json!({ "query-file": "CREATE TABLE a (b int)" }),
            json!(null),
            "this is no query or change of rows",
        ),
        (
            json!({ "query-file": "BEGIN; SELECT 1; COMMIT" }),
            json!(null),
            "transactions are begun and ended for you",
        ),
        (
            json!({ "query-type": "read", "query-file": "DELETE FROM a" }),
            json!(null),
            "a `read` scenario only reads",
        ),
        (
            json!({ "query-type": "write", "query-file": "SELECT 1" }),
            json!(null),
            "none of its statements writes",
        ),
        (json!({ "query-file": "-- nothing" }), json!(null), "--query-file: the file holds no statement"),
        (json!({ "workload": "ycsb-a" }), json!(null), "`ycsb-a` is no workload for PostgreSQL"),
        (
            json!({ "workload": "tpcb", "query-type": "read" }),
            json!(null),
            "`tpcb` is `mixed` work and no other",
        ),
        (
            json!({}),
            scenario("read", "UPDATE a SET b = 1"),
            "/test_scenarios/0/queries/1: query 2 of 2: a `read` scenario only reads",
        ),
        (json!({}), scenario("raed", "SELECT 2"), "did you mean `read`?"),
        (json!({}), json!({ "test_scenarios": [{ "name": "a", "querys": [] }] }), "did you mean `queries`?"),
        (
            json!({}),
            json!({ "test_scenarios": [{ "name": "a", "queries": ["SELECT 1 WHERE 1 = $1"], "parameters": { "$2": 1 } }] }),
            "no statement has a parameter `$2`",
        ),
        (
            json!({}),
            json!({ "test_scenarios": [{ "name": "a", "queries": ["SELECT 1 FROM b WHERE c = $1"], "parameters": { "c": "feed d" } }] }),
            "none was given",
        ),
        (
            json!({}),
            json!({ "performance_targets": { "read_queries": { "p95_response_time": 0 } } }),
            "a response time is more than 0",
        ),
        (
            json!({}),
            json!({ "database": { "database_type": "mysql" } }),
            "the URL is one of PostgreSQL, not of MySQL",
        ),
        (
            json!({}),
            json!({ "invariants": [{ "name": "i", "sql": "DELETE FROM a" }] }),
            "an invariant only reads",
        ),
    ];
    for (flags, config, told) in cases {
        let problems = planned(&[url], flags.clone(), &config).expect_err(told);
        assert!(problems.contains(told), "{flags} {config}:\n{problems}");
    }
    let problems = planned(&[], json!({}), ()).unwrap_err();
    assert!(problems.contains("no database was given"), "{problems}");
}

#[test]
fn declared_generators_are_found_by_column_table_and_number() {
    let config = json!({ "parameters": { "user_id": "uniform 1..5" }, "test_scenarios": [{ "name": "a",
        "queries": [{ "sql": "SELECT * FROM orders WHERE user_id = $1 AND status = $2 LIMIT $3", "name": "mine", "weight": 3 }],
        "parameters": { "orders.status": ["open", "paid"], "$3": 10 } }] });
    let (_, workload) = planned(&["sqlite:a.db"], json!({}), config).unwrap();
    let step = &steps(&workload, 0)[0];
    assert_eq!((step.name.as_str(), step.weight), ("mine", 3));
    let told: Vec<String> = step.parameters.iter().map(|one| one.by.as_ref().unwrap().describe()).collect();
    assert_eq!(told, ["uniform 1..5", "one of 2 values", "always 10"]);
}
