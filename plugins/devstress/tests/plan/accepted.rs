//! What makes a plan.

use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{Value, json};

use crate::{URL, plan};

/// The first request of the first journey of a scenario.
fn request(plan: &Plan, scenario: usize) -> &Value {
    &plan.workload["scenarios"][scenario]["journeys"][0]["requests"][0]
}

#[test]
fn one_url_is_a_closed_load_of_gets() {
    let plan = plan(&[URL], json!({}), Value::Null);
    assert_eq!(plan.targets, ["http://shop.test:8080"]);
    assert_eq!(plan.scenarios.len(), 1);
    assert_eq!(plan.scenarios[0].executor.describe(), "10 virtual users for 30s");
    assert_eq!(request(&plan, 0)["name"], "GET /products");
    assert_eq!(request(&plan, 0)["url"], URL);
    assert_eq!(plan.notes.len(), 2, "{:?}", plan.notes);
    assert!(plan.notes.iter().any(|note| note.contains("30s of load")), "{:?}", plan.notes);
    assert!(plan.notes.iter().any(|note| note.contains("10 virtual users")), "{:?}", plan.notes);
}

#[test]
fn flags_shape_the_load_and_the_request() {
    let flags = json!({
        "rate": 500.0, "duration": 60_000, "ramp-up": 5_000, "warmup": 10_000, "graceful-stop": 1_000,
        "method": "put", "header": ["Accept: text/html", "x-a:b:c"], "body": "id={{uuid}}", "think-time": 250,
        "timeout": 2_000, "connect-timeout": 1_000, "http-version": "2", "no-keep-alive": true,
        "expect-status": "2xx,404", "follow-redirects": 3, "decompress": true,
    });
    let plan = plan(&[URL], flags, Value::Null);
    assert_eq!(plan.scenarios[0].executor.describe(), "500/s for 1m, ramp-up 5s, up to 50 at once");
    assert_eq!((plan.warmup_ms, plan.graceful_stop_ms), (10_000, 1_000));
    assert_eq!(plan.http.request_timeout_ms, Some(2_000));
    assert_eq!(plan.http.connect_timeout_ms, Some(1_000));
    assert_eq!(plan.http.keep_alive, Some(false));
    assert_eq!(plan.http.version.as_deref(), Some("2"));
    let request = request(&plan, 0);
    assert_eq!(request["method"], "PUT");
    assert_eq!(request["headers"], json!([["Accept", "text/html"], ["x-a", "b:c"]]));
    assert_eq!(request["body"], "id={{s0}}");
    assert_eq!(request["think"], json!({"min_ms": 250, "max_ms": 250}));
    let options = [["follow-redirects", "3"], ["decompress", "true"], ["expect-status", "200-299,404"]];
    assert_eq!(request["options"], json!(options));
    assert_eq!(request["checks"][0]["name"], "PUT /products: status is 200-299,404");
}

#[test]
fn the_short_form_of_scenarios_works_as_written() {
    let scenarios = json!([
        {"name": "homepage_load", "users": 2000, "rps": 500, "duration": 300},
        {"name": "product_browsing", "users": 1500, "rps": 300, "duration": 600},
    ]);
    let config = json!({"target_url": "https://ecommerce-platform.com", "scenarios": scenarios});
    let by_config = plan(&[], json!({}), config.clone());
    let loads: Vec<_> =
        by_config.scenarios.iter().map(|s| (s.name.as_str(), s.executor.describe())).collect();
    assert_eq!(
        loads,
        [
            ("homepage_load", "500/s for 5m, up to 2000 at once".to_owned()),
            ("product_browsing", "300/s for 10m, up to 1500 at once".to_owned()),
        ]
    );
    assert_eq!(by_config.targets, ["https://ecommerce-platform.com:443"]);
    assert!(by_config.notes.is_empty(), "{:?}", by_config.notes);
    let by_flag = plan(&[], json!({"scenarios": config}), Value::Null);
    assert_eq!(by_flag, by_config);
    let by_list = plan(&["https://ecommerce-platform.com"], json!({"scenarios": scenarios}), Value::Null);
    assert_eq!(by_list, by_config);
}

#[test]
fn flags_win_over_scenarios_and_scenarios_over_the_top_level() {
    let config = json!({
        "target_url": "http://a", "users": 7, "duration": "2m", "think_time": 1,
        "scenarios": [{"name": "x", "duration": "1m"}, {"name": "y", "users": 3, "start": "10s"}],
    });
    let without = plan(&[], json!({}), config.clone());
    assert_eq!(without.scenarios[0].executor.describe(), "7 virtual users for 1m");
    assert_eq!(without.scenarios[1].executor.describe(), "3 virtual users for 2m");
    assert_eq!(without.scenarios[1].start_ms, 10_000);
    let with = plan(&["http://b"], json!({"vus": 5}), config);
    assert_eq!(with.scenarios[1].executor.describe(), "5 virtual users for 2m");
    assert_eq!(with.targets, ["http://b:80"]);
    assert!(
        with.notes.iter().any(|note| note.contains("`--vus` replaces `/scenarios/1/users`")),
        "{:?}",
        with.notes
    );
}

#[test]
fn every_part_of_a_request_reaches_the_virtual_users() {
    let config = json!({
        "target_url": "http://a/api",
        "http": {"headers": {"accept": "*/*", "x-trace": "{{uuid}}"}},
        "data": [{"name": "user", "rows": [{"email": "a@b", "age": 3}], "order": "unique"}],
        "scenarios": [{"name": "s", "journeys": [
            {"name": "first", "requests": [
                {"name": "sign in", "post": "/tokens?u={{user.email}}", "json": {"mail": "{{user.email}}"},
                 "extract": {"token": "/access_token", "id": {"regex": "id=(\\d+)"}, "at": {"header": "location"}},
                 "headers": {"Accept": "application/json"}, "timeout": "2s"},
                {"get": "/me/{{id}}", "headers": {"authorization": "Bearer {{token}}"}, "on_failure": "continue"},
            ]},
            {"weight": 4, "requests": [
                {"name": "sign in", "post": "/tokens", "form": {"a b": "{{user.age}} & more"}}, "/plain",
            ]},
        ]}],
    });
    let plan = plan(&[], json!({}), config);
    assert_eq!(plan.feeds[0].columns, ["email", "age"]);
    let journeys = &plan.workload["scenarios"][0]["journeys"];
    assert_eq!((&journeys[0]["weight"], &journeys[1]["weight"]), (&json!(1), &json!(4)));
    assert_eq!((&journeys[0]["variables"], &journeys[0]["feeds"]), (&json!(3), &json!([0])));
    let first = &journeys[0]["requests"][0];
    assert_eq!(first["name"], "first: sign in");
    assert_eq!(first["url"], "http://a/api/tokens?u={{s1}}");
    assert_eq!(first["body"], r#"{"mail":"{{s0}}"}"#);
    assert_eq!(first["slots"][0]["encoding"], "Json");
    assert_eq!(first["slots"][1]["encoding"], "Plain");
    assert_eq!(
        first["headers"],
        json!([["content-type", "application/json"], ["x-trace", "{{s2}}"], ["Accept", "application/json"],])
    );
    assert_eq!(first["options"], json!([["timeout-ms", "2000"]]));
    assert_eq!(journeys[0]["requests"][1]["name"], "GET /api/me/{id}");
    let form = &journeys[1]["requests"][0];
    assert_eq!(form["name"], "journey-2: sign in");
    assert_eq!(form["body"], "a+b={{s0}}+%26+more");
    assert_eq!(journeys[1]["requests"][1]["url"], "http://a/api/plain");
}
