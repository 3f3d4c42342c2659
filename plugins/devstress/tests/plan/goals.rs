//! Thresholds, criteria and rate limits.

use stresshost_sdk::documents::LimitScope;
use stresshost_sdk::serde_json::json;

use crate::{check_refused, plan_of};

#[test]
fn thresholds_are_texts_or_have_options_beside_them() {
    let plan = plan_of(json!({
        "thresholds": [
            "http.response_us.p95 < 300ms",
            "http.response_us.p95<0.3s over 10s,abort after 5s",
            {"expression": "errors.rate < 1%", "warn": true},
            {"expression": "checks.rate > 99%", "key": true, "weight": 2.5},
        ],
        "pass_share": "80%",
    }));
    let thresholds: Vec<_> = plan
        .thresholds
        .iter()
        .map(|threshold| (threshold.expression.as_str(), threshold.label.as_str()))
        .collect();
    assert_eq!(
        thresholds,
        [
            ("http.response_us.p95 < 300ms", ""),
            (
                "http.response_us.p95 < 300ms over 10s, abort after 5s",
                "http.response_us.p95<0.3s over 10s,abort after 5s"
            ),
            ("errors.rate < 1%, warn", "errors.rate < 1%"),
            ("checks.rate > 99%, key, weight 2.5", "checks.rate > 99%"),
        ]
    );
    assert_eq!(plan.pass_share, Some(0.8));
    assert_eq!(plan_of(json!({"thresholds": "errors.rate < 1%"})).thresholds.len(), 1);
}

#[test]
fn criteria_are_thresholds_in_other_words() {
    for key in ["criteria", "success_criteria"] {
        let plan = plan_of(
            json!({key: {"p95_response_time": 50, "success_rate": ">95%", "devstress_error_rate": "1%"}}),
        );
        let mut expressions: Vec<_> = plan
            .thresholds
            .iter()
            .map(|threshold| (threshold.expression.as_str(), threshold.plugin.as_str()))
            .collect();
        expressions.sort_unstable();
        assert_eq!(
            expressions,
            [
                ("errors.rate <= 1%", "devstress"),
                ("response_us.p95 <= 50ms", ""),
                ("successes.rate > 95%", "")
            ]
        );
    }
}

#[test]
fn limits_cover_everything_a_scenario_or_a_target() {
    let plan = plan_of(json!({
        "scenarios": [{"name": "search"}],
        "limits": [
            {"rate": "100/s"},
            {"name": "searches", "rps": 5, "burst": 10, "scenario": "search"},
            {"rate": 7, "target": "http://A/x"},
            {"rate": 7, "target": "http://*.test:*", "name": "tests"},
            {"rate": 7, "global": true, "name": "all"},
        ],
    }));
    let limits: Vec<_> = plan
        .limits
        .iter()
        .map(|limit| (limit.name.as_str(), limit.rate_per_s, limit.burst, &limit.scope))
        .collect();
    assert_eq!(
        limits,
        [
            ("global", 100.0, 1, &LimitScope::Global),
            ("searches", 5.0, 10, &LimitScope::Scenario("search".into())),
            ("http://A:80", 7.0, 1, &LimitScope::Target("http://A:80".into())),
            ("tests", 7.0, 1, &LimitScope::Target("http://*.test:*".into())),
            ("all", 7.0, 1, &LimitScope::Global),
        ]
    );
}

#[test]
fn wrong_goals_are_named() {
    check_refused(&[
        (json!({"thresholds": 5}), "/thresholds", "a list of thresholds"),
        (json!({"thresholds": [5]}), "/thresholds/0", "a threshold such as"),
        (json!({"thresholds": ["http.response_us.p95 300ms"]}), "/thresholds/0", "column"),
        (
            json!({"thresholds": ["errors.rate < 1%", "http.respons_us.p95 < 1s"]}),
            "/thresholds/1",
            "response_us",
        ),
        (json!({"thresholds": [{"warn": true}]}), "/thresholds/0", "the threshold has no `expression`"),
        (json!({"thresholds": [{"expression": "x"}]}), "/thresholds/0/expression", "`x`"),
        (
            json!({"thresholds": [{"expression": "errors.rate < 1%", "weight": 0}]}),
            "/thresholds/0/weight",
            "a weight is more than 0",
        ),
        (
            json!({"scenarios": [{"name": "search"}], "thresholds": ["errors{scenario=serch}.rate < 1%"]}),
            "/thresholds/0",
            "matches no scenario (did you mean `search`?)",
        ),
        (json!({"criteria": {"p95_respons_time": 5}}), "/criteria/p95_respons_time", "nothing measures"),
        (
            json!({"criteria": {"success_rate": "x"}}),
            "/criteria/success_rate",
            "not a limit for `success_rate`",
        ),
        (json!({"criteria": {}, "success_criteria": {}}), "/success_criteria", "cannot both be given"),
        (json!({"pass_share": 80}), "/pass_share", "a share such as `80%`"),
    ]);
}

#[test]
fn wrong_limits_are_named() {
    check_refused(&[
        (json!({"limits": {}}), "/limits", "a list of rate limits"),
        (json!({"limits": [{"name": "a"}]}), "/limits/0", "the rate limit has no `rate`"),
        (json!({"limits": [{"rate": 0}]}), "/limits/0/rate", "lets nothing through"),
        (json!({"limits": [{"rate": 1e9}]}), "/limits/0/rate", "the most is"),
        (json!({"limits": [{"rate": 1, "burst": 0}]}), "/limits/0/burst", "a burst is 1 to"),
        (json!({"limits": [{"rate": 1, "global": false}]}), "/limits/0/global", "covers nothing"),
        (
            json!({"limits": [{"rate": 1, "scenario": "main", "target": "b"}]}),
            "/limits/0/target",
            "cannot both",
        ),
        (json!({"limits": [{"rate": 1, "target": "a"}]}), "/limits/0/target", "not an absolute URL"),
        (json!({"limits": [{"rate": 1, "target": "http://*a"}]}), "/limits/0/target", "is not a target"),
        (
            json!({"scenarios": [{"name": "search"}], "limits": [{"rate": 1}, {"rate": 1, "scenario": "serch"}]}),
            "/limits/1/scenario",
            "there is no scenario `serch` (did you mean `search`?)",
        ),
        (json!({"limits": [{"rate": 1}, {"rate": 2}]}), "/limits/1/name", "the name `global` is taken"),
    ]);
}
