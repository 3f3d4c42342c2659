//! The same scenario in every language: the same seed gives the same counts, checks, metrics and findings.

use std::path::Path;

use serde_json::{Value, json};
use stresshost_metrics::{MetricValueSummary, Summary};
use stresshost_tests::{Project, rust_example};

use crate::project::{Author, shop};

/// What must be the same, whatever the speed.
fn facts(summary: &Summary) -> Value {
    let operations: Vec<Value> = summary
        .operations
        .iter()
        .map(|one| json!([one.name, one.count, one.errors.values().sum::<u64>(), one.statuses]))
        .collect();
    let metrics: Vec<Value> = summary
        .metrics
        .iter()
        .map(|metric| match &metric.value {
            MetricValueSummary::Distribution { values } => {
                json!([metric.name, metric.unit, values.count, values.min, values.max, values.mean])
            }
            other => json!([metric.name, metric.unit, other]),
        })
        .collect();
    json!({
        "operations": operations,
        "checks": summary.checks.iter().map(|check| json!([check.name, check.passed, check.failed])).collect::<Vec<_>>(),
        "metrics": metrics,
        "findings": summary.findings.iter().map(|one| json!([one["rule"], one["count"], one["location"]])).collect::<Vec<_>>(),
        "iterations": summary.scenarios.iter().map(|one| json!([one.iterations.finished, one.iterations.failed])).collect::<Vec<_>>(),
    })
}

fn measured(component: &Path) -> Value {
    let (home, shop) = (Project::default(), shop());
    let url = format!("http://{}", shop.addr());
    let load =
        ["--iterations", "10", "--per-user", "--vus", "3", "--seed", "7", "--no-progress", "--out", "out"];
    let run = home.run(&[&["run", "--plugin", component.to_str().unwrap(), &url], &load[..]].concat());
    run.expect_exit(0);
    facts(&home.summary("out"))
}

fn agrees_with_rust(language: &str, file: &str, example: &str) {
    let author = Author::new(language);
    author.take(file, example);
    let (own, rust) = (measured(&author.build()), measured(&rust_example("shopper")));
    assert_eq!(own, rust, "{language}");
    assert_eq!(rust["operations"][0][1], 30, "{rust}");
    assert_eq!(rust["findings"][0][1], 30, "{rust}");
}

#[test]
fn python() {
    agrees_with_rust("python", "app.py", "sdk/python/example/app.py");
}

#[test]
fn javascript() {
    agrees_with_rust("js", "src/app.js", "sdk/js/example/app.js");
}

#[test]
fn c() {
    agrees_with_rust("c", "app.c", "sdk/c/example/app.c");
}

#[test]
fn go() {
    agrees_with_rust("go", "app.go", "sdk/go/example/app.go");
}

/// The engine that has `fetch`; QuickJS, the templates' engine, has none.
#[test]
fn fetch_is_measured() {
    let author = Author::new("js");
    author.take("src/app.js", "sdk/js/example/fetch.js");
    author.edit(
        "stresshost.yaml",
        "componentize-qjs, --wit, wit, --world, workload, --js, build/app.js, --sync, --output,",
        "componentize-js, build/app.js, --wit, wit, --world-name, workload, --out,",
    );
    let component = author.build();
    let shop = shop();
    let url = format!("http://{}", shop.addr());
    let load = ["--iterations", "3", "--vus", "1", "--no-progress", "--out", "out"];
    author
        .stresshost(&[&["run", "--plugin", component.to_str().unwrap(), &url], &load[..]].concat())
        .expect_exit(0);
    let summary = author.home.summary("checkout-load/out");
    assert_eq!(summary.operations[0].name, "GET /products/{id}");
    assert_eq!((summary.operations[0].count, summary.checks[0].passed), (3, 3));
}
