//! What is concluded from numbers, and what is not.

use devstress::DevStress;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{Value, json};

fn times(count: u64, p50: u64, p99: u64) -> Value {
    json!({
        "count": count, "min": 1, "mean": 1.0, "p50": p50, "p90": p50, "p95": p50, "p99": p99, "p999": p99, "max": p99,
    })
}

fn operation(name: &str, count: u64, changes: Value) -> Value {
    let mut operation = json!({
        "name": name, "protocol": "http", "scenario": "main", "count": count, "fired": count,
        "errors": {}, "statuses": {"200": count}, "bytes": {"sent": 1, "received": 1}, "rate_per_s": 1.0,
        "service_us": null, "response_us": null, "lag_us": null, "phases_us": {},
    });
    merge(&mut operation, changes);
    operation
}

fn merge(into: &mut Value, changes: Value) {
    if let (Value::Object(into), Value::Object(changes)) = (into, changes) {
        into.extend(changes);
    }
}

fn analyze(changes: Value) -> Analysis {
    let mut summary = json!({
        "schema": "stresshost.summary/1",
        "run": {
            "id": "r", "name": "n", "seed": 1, "started": "", "duration_s": 1.0, "interrupted": false, "targets": [],
            "plugin": {"name": "", "version": "", "digest": ""},
            "host": {"version": "", "os": "", "arch": "", "cores": 1},
        },
        "verdict": {"status": "pass", "reasons": []},
        "scenarios": [], "operations": [], "checks": [], "metrics": [], "series": [],
        "generator": {"cpu_s": 0.0, "cpu_share": 0.0, "rss_max_bytes": 0, "guest_cpu_s": 0.0, "lag_p99_us": 0},
    });
    merge(&mut summary, changes);
    DevStress::analyze(serde_json::from_value(summary).expect("a summary"))
}

fn rules(analysis: &Analysis) -> Vec<(&str, &str)> {
    analysis.findings.iter().map(|finding| (finding.rule.as_str(), finding.severity.as_str())).collect()
}

#[test]
fn a_run_without_anything_remarkable_has_no_findings() {
    let fine = operation("GET /", 1_000, json!({"service_us": times(1_000, 900, 9_000)}));
    assert_eq!(analyze(json!({ "operations": [fine] })), Analysis::default());
    assert_eq!(analyze(json!({})), Analysis::default());
}

#[test]
fn errors_are_named_by_kind_and_share() {
    for (failed, severity, share) in
        [(1, "low", "0.10%"), (20, "medium", "2.00%"), (300, "high", "30.00%"), (600, "critical", "60.00%")]
    {
        let operation = operation("GET /", 1_000, json!({"errors": {"reset": 0, "timeout": failed}}));
        let analysis = analyze(json!({ "operations": [operation] }));
        assert_eq!(rules(&analysis), [("request-errors", severity)]);
        let finding = &analysis.findings[0];
        assert_eq!(finding.message, format!("{share} of the requests failed, most often with timeout."));
        assert_eq!(finding.evidence, format!("{failed} of 1000 failed: timeout {failed}"));
        assert_eq!(finding.location, "GET / in main");
    }
}

#[test]
fn all_unauthorised_needs_every_response_to_be() {
    let with = |statuses: Value| {
        analyze(json!({"operations": [operation("GET /", 10, json!({ "statuses": statuses }))]}))
    };
    let analysis = with(json!({"401": 9, "403": 1}));
    assert_eq!(rules(&analysis), [("all-unauthorised", "high")]);
    assert!(analysis.recommendations[0].because.contains("9 with status 401, 1 with status 403"));
    assert_eq!(rules(&with(json!({"401": 9, "200": 1}))), []);
    assert_eq!(rules(&with(json!({}))), []);
    assert_eq!(rules(&with(json!({"200": 9, "429": 1}))), [("rate-limited", "medium")]);
}

#[test]
fn late_iterations_are_told_from_slow_ones() {
    let with = |service_p99: u64, response_p99: u64| {
        analyze(json!({"scenarios": [{
            "name": "s", "load": "100/s for 10s, up to 10 at once",
            "iterations": {"due": 1, "started": 1, "finished": 1, "failed": 0, "interrupted": 0, "dropped": 0},
            "service_us": times(1_000, 1, service_p99), "response_us": times(1_000, 1, response_p99),
            "lag_us": times(1_000, 0, response_p99),
        }]}))
    };
    let late = with(5_000, 900_000);
    assert_eq!(rules(&late), [("late-iterations", "high")]);
    assert!(
        late.findings[0]
            .evidence
            .starts_with("p99 from the intended start 900.0 ms, from the actual start 5.0 ms")
    );
    assert_eq!(late.recommendations.len(), 1);
    assert_eq!(rules(&with(500_000, 900_000)), []);
    assert_eq!(rules(&with(1_000, 9_000)), []);
}

#[test]
fn tails_connections_and_the_slowest_operation() {
    let tailed = operation("a", 1_000, json!({"service_us": times(1_000, 1_000, 60_000)}));
    let reconnecting = operation(
        "b",
        1_000,
        json!({
            "service_us": times(1_000, 1_000, 2_000), "phases_us": {"connect": times(950, 70, 90)},
        }),
    );
    let rare = operation("c", 5, json!({"service_us": times(5, 1, 9_000_000)}));
    let analysis = analyze(json!({ "operations": [tailed, reconnecting, rare] }));
    assert_eq!(
        rules(&analysis),
        [("long-tail", "medium"), ("connection-per-request", "info"), ("slowest-operation", "info"),]
    );
    assert_eq!(analysis.findings[2].evidence, "service time p99 60.0 ms; next is b in main with 2.0 ms");
}

#[test]
fn operations_that_are_about_as_slow_are_not_ranked() {
    let near = |name, p99| operation(name, 1_000, json!({"service_us": times(1_000, 900, p99)}));
    assert_eq!(rules(&analyze(json!({ "operations": [near("a", 1_999), near("b", 1_000)] }))), []);
    assert_eq!(rules(&analyze(json!({ "operations": [near("a", 2_000), near("b", 1_000)] }))).len(), 1);
}

#[test]
fn failed_checks_are_listed_worst_first() {
    let checks = json!([
        {"name": "fine", "passed": 5, "failed": 0},
        {"name": "some", "passed": 99, "failed": 1},
        {"name": "many", "passed": 5, "failed": 5},
    ]);
    let analysis = analyze(json!({ "checks": checks }));
    assert_eq!(rules(&analysis), [("failed-check", "high"), ("failed-check", "medium")]);
    assert_eq!(analysis.findings[0].location, "many");
    assert_eq!(analysis.findings[0].evidence, "5 of 10 failed");
}
