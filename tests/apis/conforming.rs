//! A server that keeps to its document.

use stresshost_metrics::{MetricValueSummary, VerdictStatus};
use stresshost_shop::{OPENAPI, Shop, ShopConfig};
use stresshost_tests::Project;

use crate::{contains, run};

#[test]
fn the_shop_is_as_its_document_says() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let project = Project::default();
    project.write("openapi.json", OPENAPI);
    let url = format!("http://{}", shop.addr());
    let load = ["--schema-file", "openapi.json", "--validate", "all", "--vus", "3", "--iterations", "200"];
    let finished = run(&project, &[&[url.as_str()][..], &load].concat());
    let summary = project.summary("out");
    assert_eq!(summary.findings, Vec::<serde_json::Value>::new(), "{}", finished.stdout);
    for check in &summary.checks {
        assert_eq!(check.failed, 0, "{check:?}");
    }
    let held =
        |name: &str| summary.checks.iter().find(|check| check.name == name).map_or(0, |check| check.passed);
    assert_eq!(held("status_code_conformance"), 200, "{:?}", summary.checks);
    assert!(held("response_schema_conformance") >= 50, "{:?}", summary.checks);
    let MetricValueSummary::Distribution { values, .. } = summary.metrics[0].value else {
        panic!("no distribution")
    };
    assert!(
        (18..=25).contains(&values.count),
        "the cost of validation is measured for one answer in eight: {}",
        values.count
    );
    contains(&finished.stdout, &["Conformance", "Slowest operations", "GET /products/{id}"]);
    contains(&finished.stdout, &["every answer is held against the document", "not sent: GET /users/me"]);
    // Every request of both sides, and nothing but GET.
    let counts = shop.handle().counts();
    assert_eq!(summary.operations_done(), 200);
    assert!(
        counts.routes.iter().all(|(route, seen)| seen.requests == 0 || route.starts_with("GET ")),
        "{counts:?}"
    );
}

#[test]
fn a_share_of_the_answers_is_held_against_it() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let project = Project::default();
    project.write("openapi.json", OPENAPI);
    let url = format!("http://{}", shop.addr());
    let load = ["--schema-file", "openapi.json", "--validate", "10%", "--vus", "1", "--iterations", "1000"];
    run(&project, &[&[url.as_str()][..], &load].concat());
    let summary = project.summary("out");
    let check = summary.checks.iter().find(|check| check.name == "status_code_conformance").unwrap();
    let operations = summary.operations.len() as u64;
    // Of each operation one answer in ten; what is left over at the end is less than ten of each.
    assert!(
        (100 - operations..=100 + operations).contains(&check.passed),
        "{check:?} of {operations} operations"
    );
}

#[test]
fn operations_that_need_a_token_are_sent_with_one() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let project = Project::default();
    let document = serde_json::json!({
        "openapi": "3.1.0", "info": { "title": "Users", "version": "1" }, "security": [{ "token": [] }],
        "components": { "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } } },
        "paths": { "/users/me": { "get": { "responses": { "401": {} } } } },
    });
    project.write("users.json", &document.to_string());
    project.write("token.txt", "not-a-token-of-the-shop");
    let url = format!("http://{}", shop.addr());
    let load = ["--schema-file", "users.json", "--validate", "all", "--iterations", "5"];
    let auth = ["--auth", "token={{secret:t}}", "--secret", "t=file:token.txt"];
    let finished = run(&project, &[&[url.as_str()][..], &load, &auth].concat());
    let summary = project.summary("out");
    // The shop reads the token and refuses it, which the document says it may.
    assert_eq!(summary.operations[0].statuses["401"], 5, "{}", finished.stdout);
    assert!(summary.findings.is_empty());
    assert_eq!(summary.verdict.status, VerdictStatus::Fail, "answers of 400 and more are failed operations");
}
