//! The config of scenarios and its command, as they are written, against a PostgreSQL with that schema.

use stresshost_servers::Postgres;
use stresshost_tests::Project;

use crate::{contains, finished, operation, row, run, section};

const CONFIG: &str = include_str!("../../examples/datastress/ecommerce_db_test.yaml");
const SCHEMA: &str = include_str!("../../examples/datastress/schema.sql");

/// The command's own flags.
const FLAGS: [&str; 9] = [
    "--config",
    "ecommerce_db_test.yaml",
    "--output-format",
    "html",
    "--report-file",
    "ecommerce_db_stress_report.html",
    "--real-time-monitoring",
    "--connection-pool-optimization",
    "--query-plan-analysis",
];

#[test]
#[expect(clippy::too_many_lines, reason = "one run, looked at from every side")]
fn the_config_and_its_command_run_as_written() {
    let server = Postgres::start(&["max_connections=500"]).unwrap();
    let database = server.database(SCHEMA);
    let project = Project::default();
    project.write("ecommerce_db_test.yaml", CONFIG);
    let redirected = format!("database.connection_string={}", server.url(&database));
    let ended = run(&project, &[&FLAGS[..], &["--duration", "4", "--set", &redirected]].concat());
    // Whether targets are met depends on the machine; that they are judged does not.
    assert!(matches!(ended.exit, Some(0 | 10 | 12)), "{ended:?}");
    let summary = project.summary("out");

    let configuration = section(&project, "Test Configuration").join("\n");
    contains(
        &configuration,
        &[
            &format!("Database | PostgreSQL ({database} @ 127.0.0.1:"),
            "Total test duration | 4 seconds",
            "Peak concurrent connections | 350",
        ],
    );
    for (scenario, targets) in
        [("product_catalog_reads", true), ("inventory_updates", true), ("order_processing", false)]
    {
        let title = format!("Results of {scenario}");
        for what in ["average RPS", "P95 response time", "P99 response time"] {
            let row = row(&project, &title, what);
            let met = row.rsplit(" | ").next().unwrap();
            assert!(if targets { ["yes", "NO"].contains(&met) } else { met == "-" }, "{row}");
        }
        for what in ["Transaction success rate", "Deadlock rate", "Lock contention", "Connection usage"] {
            row(&project, &title, what);
        }
    }
    contains(&row(&project, "Results of product_catalog_reads", "P95"), &["below 50.00 ms"]);
    for what in ["Deadlocks of this run", "Deadlocks counted by the server", "Lock waits", "Cache hit ratio"]
    {
        assert!(!row(&project, "Server", what).contains("not available"), "{what}");
    }
    assert!(!section(&project, "Bottleneck Analysis").is_empty());
    assert_eq!(section(&project, "Connection pool sizes").len(), 6, "five sizes were tried");
    contains(
        &section(&project, "Query plans").join("\n"),
        &["table `products` is read by a sequential scan", "CREATE INDEX ON products (price)"],
    );
    let parameters = section(&project, "Parameters").join("\n");
    contains(
        &parameters,
        &[
            "product_catalog_reads | SELECT products $1 | ",
            "INSERT order_items $1 | returned by statement 1 | `order_id` is what `INSERT orders` returned",
            "UPDATE inventory $2 | uniform 1..2000 | foreign key to products.id",
        ],
    );

    let count = |sql: &str| -> u64 { server.sql(&database, sql).parse().unwrap() };
    let orders = finished(&summary, "order_processing");
    assert!(orders > 0);
    assert_eq!(count("SELECT count(*) FROM orders"), orders, "an order is a finished iteration");
    assert_eq!(count("SELECT count(*) FROM order_items"), orders);
    assert_eq!(
        count(
            "SELECT count(*) FROM order_items i LEFT JOIN orders o ON o.id = i.order_id WHERE o.id IS NULL"
        ),
        0
    );
    let logged: u64 = summary
        .operations
        .iter()
        .filter(|one| one.scenario.starts_with("inventory_updates") && one.name == "INSERT inventory_log")
        .map(|one| one.count - one.failed())
        .sum();
    assert_eq!(count("SELECT count(*) FROM inventory_log"), logged);
    assert_eq!(operation(&summary, "order_processing", "COMMIT").failed(), 0);
    let html = std::fs::read_to_string(project.path().join("ecommerce_db_stress_report.html")).unwrap();
    contains(&html, &["Test Configuration", "Bottleneck Analysis", "Results of order_processing"]);
}

#[test]
fn as_written_it_would_write_to_somebody_elses_database() {
    let project = Project::default();
    project.write("ecommerce_db_test.yaml", CONFIG);
    let ended = run(&project, &FLAGS);
    ended.expect_exit(2);
    contains(
        &ended.stderr,
        &["prod-db.example.com/ecommerce", "--allow-writes prod-db.example.com/ecommerce"],
    );
    assert!(!ended.stderr.contains("secure_pass"), "{}", ended.stderr);
}
