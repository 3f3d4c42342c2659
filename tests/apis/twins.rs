//! A shop with weaknesses and one without: each weakness is found, and nothing is found where there is none.

use std::fmt::Write;

use serde_json::Value;
use stresshost_shop::{OPENAPI, Shop, ShopConfig, Weakness, Weaknesses};
use stresshost_tests::Project;

use crate::{contains, run};

/// Runs of which each must be right.
const RUNS: u64 = 5;

/// What must be found for each weakness: the rule and the operation.
const FOUND: [(Weakness, &str, &str); 18] = [
    (Weakness::SqlInjection, "sql_injection", "GET /products/search"),
    (Weakness::BlindSqlInjection, "sql_injection", "POST /newsletter"),
    (Weakness::ReflectedXss, "xss", "GET /products/search"),
    (Weakness::Bola, "object_authorization", "GET /orders/{id}"),
    (Weakness::Bola, "object_authorization", "GET /users/{id}/profile"),
    (Weakness::Bfla, "function_authorization", "GET /admin/users"),
    (Weakness::MissingAuth, "authentication_bypass", "GET /users/{id}/profile"),
    (Weakness::MissingAuth, "ignored_auth", "GET /orders/{id}"),
    (Weakness::MissingRateLimit, "rate_limit", "POST /users/login"),
    (Weakness::MassAssignment, "mass_assignment", "POST /users/register"),
    (Weakness::SchemaDeviation, "response_schema_conformance", "GET /products/{id}"),
    (Weakness::WrongStatus, "status_code_conformance", "POST /users/register"),
    (Weakness::StackTrace, "error_handling", "GET /products/{id}"),
    (Weakness::SlowEndpoint, "max_response_time", "GET /products/search"),
    (Weakness::CorsReflection, "misconfiguration", "GET /products"),
    (Weakness::TraceMethod, "misconfiguration", "GET /products"),
    (Weakness::VerboseServer, "misconfiguration", "GET /products"),
    (Weakness::UndocumentedField, "data_exposure", "GET /users/{id}/profile"),
];

/// Findings of a run against a shop, as rule, operation and message, and what was printed.
fn findings(weaknesses: Weaknesses, run_number: u64) -> (Vec<(String, String, String)>, String) {
    let shop = Shop::start_in_thread(ShopConfig { weaknesses, ..ShopConfig::default() }).unwrap();
    let project = Project::default();
    project.write("openapi.json", OPENAPI);
    let (url, seed) = (format!("http://{}", shop.addr()), run_number.to_string());
    let document = ["--schema-file", "openapi.json", "--methods", "all", "--token-endpoint", "/auth/token"];
    let tests = ["--test-types", "security,contract", "--max-response-time", "300ms"];
    // What runs the shop is none of its business, and the status that is asked for is one on purpose.
    let left_out = ["--skip", "/_*", "--skip", "/status/*"];
    let component = stresshost_tests::plugin("apistress");
    let fixed =
        ["run", "--plugin", component.to_str().unwrap(), "--out", "out", "--no-progress", "--seed", &seed];
    let finished = project.run(&[&fixed[..], &[url.as_str()], &document, &tests, &left_out].concat());
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let summary = project.summary("out");
    let of = |finding: &Value| (text(finding, "rule"), text(finding, "location"), text(finding, "message"));
    (summary.findings.iter().map(of).collect(), finished.stdout)
}

/// What is missing of what must be found.
fn missing(weaknesses: &[Weakness], found: &[(String, String, String)]) -> String {
    let mut missing = String::new();
    for (weakness, rule, location) in FOUND.iter().filter(|(weakness, ..)| weaknesses.contains(weakness)) {
        if !found.iter().any(|(known, at, _)| known == rule && at == location) {
            writeln!(missing, "{weakness:?}: {rule} of {location}").unwrap();
        }
    }
    missing
}

#[test]
fn a_sound_shop_has_no_findings() {
    for number in 0..RUNS {
        let (found, printed) = findings(Weaknesses::default(), number);
        assert_eq!(found, [], "run {number}");
        contains(
            &printed,
            &["PASS", "Security tests", "OWASP API Security Top 10 (2023)", "API6:2023", "not testable"],
        );
    }
}

#[test]
fn every_weakness_is_found() {
    // Where nobody needs to be let in there is no object of somebody else: that weakness has a shop of its own.
    let all: Vec<Weakness> =
        Weakness::ALL.iter().copied().filter(|one| *one != Weakness::MissingAuth).collect();
    for number in 0..RUNS {
        for weaknesses in [&all[..], &[Weakness::MissingAuth]] {
            let (found, _) = findings(weaknesses.iter().copied().collect(), number);
            assert_eq!(missing(weaknesses, &found), "", "run {number}: {found:#?}");
        }
    }
}

#[test]
fn a_finding_is_of_its_own_weakness() {
    for (weakness, others) in [
        (Weakness::Bola, &["sql_injection", "xss", "mass_assignment", "function_authorization"][..]),
        (Weakness::ReflectedXss, &["sql_injection", "object_authorization", "error_handling"]),
        (Weakness::SlowEndpoint, &["sql_injection", "xss", "rate_limit", "misconfiguration"]),
        (Weakness::VerboseServer, &["sql_injection", "error_handling", "data_exposure"]),
    ] {
        let (found, _) = findings([weakness].into_iter().collect(), 7);
        assert_eq!(missing(&[weakness], &found), "", "{found:#?}");
        let others: Vec<_> = found.iter().filter(|(rule, ..)| others.contains(&rule.as_str())).collect();
        assert!(others.is_empty(), "{weakness:?}: {others:#?}");
    }
}

#[test]
fn only_what_is_asked_for_is_tested() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let project = Project::default();
    project.write("openapi.json", OPENAPI);
    let url = format!("http://{}", shop.addr());
    let tests = ["--test-types", "security", "--security-tests", "injection,xss", "--only", "GET /products*"];
    let finished = run(&project, &[&[url.as_str(), "--schema-file", "openapi.json"][..], &tests].concat());
    finished.expect_exit(0);
    let summary = project.summary("out");
    let checks: Vec<&str> = summary.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(checks, ["sql_injection", "xss"]);
    let counts = shop.handle().counts();
    let reached = counts.routes.iter().filter(|(_, seen)| seen.requests > 0);
    assert!(
        reached.clone().count() >= 3 && reached.clone().all(|(route, _)| route.starts_with("GET /products")),
        "{counts:?}"
    );
}
