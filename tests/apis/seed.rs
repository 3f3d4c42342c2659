//! The config of services and its command, as they are written, against a shop.

use stresshost_metrics::VerdictStatus;
use stresshost_shop::{Shop, ShopConfig};
use stresshost_tests::Project;

use crate::{contains, run};

const CONFIG: &str = include_str!("../../examples/apistress/ecommerce_api_spec.yaml");

#[test]
fn the_example_and_the_front_page_have_the_command() {
    for page in [include_str!("../../examples/apistress/README.md"), include_str!("../../README.md")] {
        assert!(page.contains("--config examples/apistress/ecommerce_api_spec.yaml"));
        assert!(page.contains("--test-types load,security,contract"));
    }
}

/// The command's own flags; the load is short.
const FLAGS: [&str; 15] = [
    "--config",
    "ecommerce_api_spec.yaml",
    "--test-types",
    "load,security,contract",
    "--concurrent-users",
    "50",
    "--duration",
    "5",
    "--ramp-up",
    "1s",
    "--output-format",
    "text,json,html,sarif,junit",
    "--real-time-dashboard",
    "--security-scan-depth",
    "deep",
];

#[test]
fn the_config_and_its_command_run_as_written() {
    let shop = Shop::start_in_thread(ShopConfig { products: 20_000, ..ShopConfig::default() }).unwrap();
    let project = Project::default();
    project.write("ecommerce_api_spec.yaml", CONFIG);
    let url = format!("http://{}", shop.addr());
    let finished = run(&project, &[&[url.as_str()][..], &FLAGS].concat());
    let summary = project.summary("out");
    let phases: Vec<&str> = summary.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(phases, ["load", "security", "contract"], "{}", finished.stdout);
    assert_eq!(summary.findings, Vec::<serde_json::Value>::new(), "{}", finished.stdout);
    for check in &summary.checks {
        assert_eq!(check.failed, 0, "{check:?}");
    }
    let named = summary.checks.iter().filter(|check| check.name.starts_with("scenario "));
    assert_eq!(
        named.map(|check| check.passed).sum::<u64>(),
        20,
        "each named scenario of each endpoint, once"
    );
    let started = |name: &str| {
        let scenario = summary.scenarios.iter().find(|scenario| scenario.name == name).unwrap();
        scenario.iterations.started as f64
    };
    let users = ["casual_browser", "active_shopper", "checkout_user"].map(started);
    let all: f64 = users.iter().sum();
    for (count, share) in users.iter().zip([0.40, 0.35, 0.25]) {
        assert!((count / all - share).abs() < 0.02, "{users:?}");
    }
    // Every user has an account and a token of its own.
    let counts = shop.handle().counts();
    let seen = |route: &str| counts.routes[route].requests;
    assert!(seen("POST /users/register") >= 50 && seen("POST /auth/token") >= 50, "{counts:?}");
    let extracted =
        summary.operations.iter().find(|operation| operation.name == "GET /products/{product_id}").unwrap();
    assert_eq!(extracted.statuses.keys().collect::<Vec<_>>(), ["200"], "numbers come from the search before");
    contains(
        &finished.stdout,
        &[
            "User scenarios",
            "Response time targets",
            "Slowest operations",
            "Test scenarios",
            "Security tests",
            "OWASP API Security Top 10 (2023)",
            "3 services, 7 endpoints",
            "action `view_cart`: GET /cart, the path of its service",
            "backwards_compatibility_check: there is no older document to compare with",
        ],
    );
    let file = |name: &str| std::fs::read_to_string(project.path().join("out").join(name)).unwrap();
    assert!(file("report.txt").contains("Security tests"));
    assert!(file("report.html").contains("OWASP API Security Top 10 (2023)"));
    let sarif: serde_json::Value = serde_json::from_str(&file("report.sarif")).unwrap();
    // How fast the shop is beside other tests is a matter of the machine; nothing else is found.
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let others: Vec<_> =
        results.iter().filter(|result| result["ruleId"] != "expected_response_time").collect();
    assert!(others.is_empty(), "a sound shop: {others:?}");
    let junit = file("report.junit.xml");
    assert!(roxmltree::Document::parse(&junit).unwrap().root_element().has_tag_name("testsuites"));
}

#[test]
fn what_is_weak_is_in_every_report() {
    let weaknesses = stresshost_shop::Weakness::ALL.iter().copied().collect();
    let shop = Shop::start_in_thread(ShopConfig { weaknesses, ..ShopConfig::default() }).unwrap();
    let project = Project::default();
    project.write("ecommerce_api_spec.yaml", CONFIG);
    let url = format!("http://{}", shop.addr());
    let finished = run(&project, &[&[url.as_str()][..], &FLAGS].concat());
    finished.expect_exit(10);
    let summary = project.summary("out");
    assert_eq!(summary.verdict.status, VerdictStatus::Fail);
    let count = summary.findings.len();
    let found = |rule: &str, location: &str| {
        let is = |finding: &serde_json::Value| finding["rule"] == rule && finding["location"] == location;
        assert!(summary.findings.iter().any(is), "{rule} of {location}: {}", finished.stdout);
    };
    found("sql_injection", "GET /products/search");
    found("xss", "GET /products/search");
    found("rate_limit", "POST /users/login");
    found("authentication_bypass", "GET /users/{user_id}/profile");
    found("test_scenario", "POST /users/register");
    contains(&finished.stdout, &["expected_response_time of GET /products/search: 150 ms"]);
    let file = |name: &str| std::fs::read_to_string(project.path().join("out").join(name)).unwrap();
    let sarif: serde_json::Value = serde_json::from_str(&file("report.sarif")).unwrap();
    // The slow endpoint is a finding of the analysis, beside those that were reported while the run went on.
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let slow = results.iter().filter(|result| result["ruleId"] == "expected_response_time").count();
    assert!(
        slow >= 1 && results.len() == count + slow,
        "{count} findings, {slow} of them slow, {} results",
        results.len()
    );
    let junit = file("report.junit.xml");
    let junit = roxmltree::Document::parse(&junit).unwrap();
    let failed = |suite: &roxmltree::Node<'_, '_>| suite.attribute("name") == Some("findings");
    let suite = junit.descendants().find(failed).unwrap();
    assert!(suite.attribute("failures").unwrap().parse::<usize>().unwrap() >= 3);
    assert!(file("report.html").contains("sql_injection"));
}
