use std::collections::BTreeMap;

use stresshost_sdk::serde_json::{self, Value, json};
use stresshost_sdk::summary::Percentiles;

use super::*;

fn times(mean: f64, count: u64) -> Value {
    let us = mean as u64;
    serde_json::to_value(Percentiles {
        count,
        mean,
        min: us,
        p50: us,
        p90: us,
        p95: us,
        p99: us,
        p999: us,
        max: us,
    })
    .unwrap()
}

fn operation(name: &str, scenario: &str, count: u64, mean: f64, errors: &[(&str, u64)]) -> Value {
    let errors: BTreeMap<&str, u64> = errors.iter().copied().collect();
    json!({ "name": name, "protocol": "sql", "scenario": scenario, "count": count, "fired": count, "errors": errors,
        "statuses": {}, "bytes": { "sent": 0, "received": 0 }, "rate_per_s": count as f64 / 10.0,
        "service_us": times(mean, count), "response_us": times(mean, count), "lag_us": times(0.0, count), "phases_us": {} })
}

fn scenario(name: &str, finished: u64, failed: u64) -> Value {
    json!({ "name": name, "load": "20 virtual users for 10s", "duration_s": 10.0,
        "iterations": { "due": finished + failed, "started": finished + failed, "finished": finished, "failed": failed, "interrupted": 0, "dropped": 0 },
        "service_us": times(500.0, finished), "response_us": times(500.0, finished), "lag_us": times(0.0, finished) })
}

fn gauge_of(name: &str, value: f64) -> Value {
    json!({ "name": format!("server {name}"), "unit": "", "kind": "gauge", "last": value, "min": value, "max": value })
}

fn summary(parts: Value) -> Summary {
    let mut base = json!({ "schema": "stresshost.summary/1",
        "run": { "id": "r", "name": "shop", "seed": 1, "started": "", "duration_s": 10.0, "interrupted": false, "targets": [],
            "plugin": { "name": "datastress", "version": "", "digest": "" }, "host": { "version": "", "os": "", "arch": "", "cores": 1 } },
        "verdict": { "status": "pass", "reasons": [] }, "scenarios": [], "operations": [], "checks": [], "metrics": [],
        "generator": { "cpu_s": 0.0, "cpu_share": 0.0, "rss_max_bytes": 0, "guest_cpu_s": 0.0, "lag_p99_us": 0 }, "series": [] });
    for (key, value) in parts.as_object().unwrap() {
        base[key] = value.clone();
    }
    serde_json::from_value(base).unwrap()
}

fn section<'a>(analysis: &'a Analysis, title: &str) -> Vec<String> {
    let found: Option<&'a Section> = analysis.sections.iter().find(|section| section.title == title);
    found.map(|section| section.table.iter().map(|row| row.join(" | ")).collect()).unwrap_or_default()
}

fn server(engine: &str) -> Value {
    json!({ "rule": "server", "location": "h/shop", "message": "", "evidence": format!("{engine} | 17.2 | shop | h\nmax_connections 100") })
}

#[test]
#[expect(clippy::too_many_lines, reason = "one summary, looked at from every side")]
fn a_run_is_told_in_numbers_that_were_measured() {
    let summary = summary(json!({
        "scenarios": [scenario("orders", 990, 10), scenario("monitor", 200, 0)],
        "operations": [operation("INSERT orders", "orders", 1_000, 300.0, &[("deadlock", 2), ("constraint", 8)]), operation("COMMIT", "orders", 990, 100.0, &[]),
            operation("monitor sessions", "monitor", 200, 900.0, &[])],
        "thresholds": [{ "expression": "e", "label": "target of orders: P95 response time", "actual": 87_000.0, "limit": 50_000.0, "status": "fail", "samples": 990 }],
        "checks": [{ "name": "invariant a", "passed": 1, "failed": 0 }, { "name": "invariant b", "passed": 0, "failed": 1 }],
        "findings": [server("PostgreSQL"), { "rule": "parameters", "location": "orders", "message": "", "evidence": "INSERT orders $1 | uniform 1..9 | declared" },
            { "rule": "sequential-scan", "location": "SELECT a", "message": "table `a` is read by a sequential scan", "evidence": "9000 rows", "remedy": "CREATE INDEX ON a (c) (suspected)" }],
        "metrics": [gauge_of("pg_stat_database.deadlocks", 3.0), gauge_of("pg_stat_database.blks_hit", 900.0), gauge_of("pg_stat_database.blks_read", 600.0),
            { "name": "active connections waiting for a lock of orders", "unit": "", "kind": "rate", "hits": 10, "total": 100, "ratio": 0.1 },
            { "name": "active connections of orders", "unit": "connections", "kind": "distribution", "values": times(5.0, 200) },
            { "name": "looks at the server", "unit": "", "kind": "counter", "sum": 200.0, "rate_per_s": 20.0 }] }));
    let analysis = analyze(&summary);
    let titles: Vec<&str> = analysis.sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "Test Configuration",
            "Results of orders",
            "Server",
            "Consistency",
            "Statements",
            "Bottleneck Analysis",
            "Query plans",
            "Parameters"
        ]
    );
    let configuration = section(&analysis, "Test Configuration");
    assert!(configuration.contains(&"Database | PostgreSQL (shop @ h)".to_owned()), "{configuration:?}");
    assert!(
        configuration.contains(&"Peak concurrent connections | 20".to_owned()),
        "the monitor is none: {configuration:?}"
    );
    let results = section(&analysis, "Results of orders");
    for line in [
        "P95 response time | 87.00 ms | below 50.00 ms | NO",
        "average RPS | 198.0/s | none given | -",
        "Transaction success rate | 99.00% (990 of 1000) | - | -",
        "Deadlock rate (this run's transactions) | 0.20% (2 of 1000) | - | -",
        "Lock contention (active sessions waiting for a lock) | 10.00% (10 of 100), sampled 200 times | - | -",
    ] {
        assert!(results.contains(&line.to_owned()), "{line}: {results:#?}");
    }
    let truth = section(&analysis, "Server");
    for line in [
        "Deadlocks counted by the server | 3 (+1 other sessions) | pg_stat_database.deadlocks",
        "Cache hit ratio | 60.00% (900 of 1500) | blks_hit / (blks_hit + blks_read): shared buffers, not the system's cache",
        "Time of each statement in the server | not available on this server | pg_stat_statements",
    ] {
        assert!(truth.contains(&line.to_owned()), "{line}: {truth:#?}");
    }
    assert_eq!(
        section(&analysis, "Consistency")[1..],
        [
            "Invariants | 1 of 2 invariants held",
            "invariant a | holds",
            "invariant b | BROKEN",
            "Commits of unknown outcome | 0"
        ]
    );
    assert!(section(&analysis, "Bottleneck Analysis")[1].starts_with("1 | INSERT orders (orders) | 75.2%"));
    let advice: Vec<&str> = analysis.recommendations.iter().map(|one| one.message.as_str()).collect();
    for part in [
        "Bring orders: P95 response time",
        "Consider an index",
        "lock rows in one order",
        "reduce lock contention",
        "cache more memory",
        "Begin with `INSERT orders`",
    ] {
        assert!(advice.iter().any(|one| one.contains(part)), "{part}: {advice:#?}");
    }
    assert!(
        analysis.recommendations.iter().all(|one| one.because.contains(|c: char| c.is_ascii_digit())),
        "{:#?}",
        analysis.recommendations
    );
}

#[test]
fn what_a_server_cannot_tell_is_never_zero() {
    let summary = summary(
        json!({ "scenarios": [scenario("kv", 10, 0)], "operations": [operation("SELECT kv", "kv", 10, 100.0, &[])], "findings": [server("SQLite")] }),
    );
    let truth = section(&analyze(&summary), "Server");
    for line in [
        "Deadlocks counted by the server | not available on this server",
        "Row lock waits | not available on this server",
        "Cache hit ratio | not available on this server",
    ] {
        assert!(truth.iter().any(|row| row.starts_with(line)), "{line}: {truth:#?}");
    }
}

#[test]
fn the_best_pool_is_the_smallest_of_the_fastest() {
    let names = ["kv, pool of 2", "kv, pool of 4", "kv, pool of 8", "kv"];
    let counts = [500, 990, 1_000, 1_000];
    let operations: Vec<Value> = names
        .iter()
        .zip(counts)
        .map(|(name, count)| operation("SELECT kv", name, count, 100.0, &[]))
        .collect();
    let summary =
        summary(json!({ "scenarios": names.map(|name| scenario(name, 10, 0)), "operations": operations }));
    let analysis = analyze(&summary);
    assert_eq!(section(&analysis, "Connection pool sizes").len(), 4);
    let advice = &analysis.recommendations[0];
    assert!(advice.message.starts_with("Use a pool of 4 connections"), "{advice:?}");
    assert!(advice.because.contains("2: 50/s") && advice.because.contains("8: 100/s"), "{advice:?}");
}

#[test]
fn acknowledged_writes_must_be_there() {
    let count = |name: &str, sum: f64| json!({ "name": name, "unit": "", "kind": "counter", "sum": sum, "rate_per_s": 0.0 });
    let of = |there: f64, unknown: f64| {
        summary(
            json!({ "scenarios": [scenario("kv", 100, 0)], "metrics": [count("acknowledged writes", 100.0), count("writes of unknown outcome", unknown),
        { "name": "writes read back", "unit": "", "kind": "gauge", "last": there, "min": there, "max": there }] }),
        )
    };
    for (there, unknown, expected) in
        [(100.0, 0.0, "yes"), (101.0, 1.0, "yes"), (102.0, 1.0, "NO"), (99.0, 5.0, "NO")]
    {
        let analysis = analyze(&of(there, unknown));
        let rows = section(&analysis, "Consistency");
        assert!(
            rows.contains(&format!("Every acknowledged write is there, and no other | {expected}")),
            "{there} {unknown}: {rows:?}"
        );
        assert_eq!(analysis.findings.len(), usize::from(expected == "NO"));
    }
}

#[test]
fn time_in_the_server_is_told_where_it_was_counted() {
    let summary = summary(
        json!({ "scenarios": [scenario("kv", 10, 0)], "operations": [operation("SELECT kv", "kv", 10, 1_000.0, &[])], "findings": [server("PostgreSQL")],
        "metrics": [gauge_of("calls of SELECT kv", 10.0), gauge_of("milliseconds in SELECT kv", 7.5)] }),
    );
    let rows = section(&analyze(&summary), "Bottleneck Analysis");
    assert_eq!(rows[1], "1 | SELECT kv (kv) | 100.0% | 75% | 25%");
}

#[test]
fn mongodb_tells_what_it_counts() {
    let read = summary(json!({
        "scenarios": [scenario("kv", 100, 0)],
        "findings": [server("MongoDB")],
        "metrics": [gauge_of("opcounters.query", 80.0), gauge_of("metrics.document.returned", 80.0),
            gauge_of("wiredTiger.cache.pages read into cache", 10.0), gauge_of("wiredTiger.cache.pages requested from the cache", 1_000.0),
            { "name": "connections of the server", "unit": "connections", "kind": "distribution", "values": times(12.0, 200) }] }));
    let table = section(&analyze(&read), "Server");
    for row in [
        "Cache hit ratio | 99.00% (990 of 1000) | 1 - pages read into cache / pages requested from the cache (wiredTiger.cache)",
        "Queries | 80 | opcounters.query",
        "Documents returned | 80 | metrics.document.returned",
        "Inserts | not available on this server | opcounters.insert",
        "Connections of the server | 12.0 in the mean, most 12 | connections.current, sampled",
        "Operations waiting for a lock | not available on this server | globalLock.currentQueue.total, sampled",
    ] {
        assert!(table.iter().any(|told| told == row), "{row}\n{}", table.join("\n"));
    }
    assert!(!table.iter().any(|row| row.starts_with("Deadlocks") || row.starts_with("Keys evicted")));
    let silent = summary(json!({ "scenarios": [scenario("kv", 100, 0)], "findings": [server("MongoDB")] }));
    let table = section(&analyze(&silent), "Server");
    assert!(table.iter().skip(1).all(|row| row.contains(NOT_TOLD)), "{}", table.join("\n"));
}
