use proptest::prelude::*;
use serde_json::json;

use super::*;

const APPS: &[&str] = &["devstress", "datastress", "data-stress-2"];

#[test]
fn criteria_become_thresholds() {
    let cases = [
        // Times.
        ("p95_response_time", json!(50), "response_us.p95 <= 50ms"),
        ("p95_response_time", json!("<2000ms"), "response_us.p95 < 2s"),
        ("p99_response_time", json!("<200"), "response_us.p99 < 200ms"),
        ("p99_9_latency", json!("1.5s"), "response_us.p99.9 <= 1500ms"),
        ("response_time", json!("< 100 ms"), "response_us.mean < 100ms"),
        ("average_response_time", json!(1.5), "response_us.mean <= 1500us"),
        ("avg-latency", json!("≤5ms"), "response_us.mean <= 5ms"),
        ("max_response_time", json!("1 min"), "response_us.max <= 60s"),
        ("median_service_time", json!(3), "service_us.p50 <= 3ms"),
        ("latency_p90", json!(3), "response_us.p90 <= 3ms"),
        ("p95", json!("<200ms"), "response_us.p95 < 200ms"),
        ("p95_response_time_seconds", json!(2), "response_us.p95 <= 2s"),
        ("p95_response_time_ms", json!("2s"), "response_us.p95 <= 2s"),
        ("p95_response_time", json!("<100ms over 30s, abort"), "response_us.p95 < 100ms over 30s, abort"),
        // Shares.
        ("success_rate", json!(">95%"), "successes.rate > 95%"),
        ("success_rate", json!(95), "successes.rate >= 95%"),
        ("success_rate", json!(0.95), "successes.rate >= 95%"),
        ("success_rate", json!("99.9 %"), "successes.rate >= 99.9%"),
        ("error_rate", json!("<5%"), "errors.rate < 5%"),
        ("error_rate", json!(0), "errors.rate <= 0%"),
        ("overall_system_availability", json!(">90%"), "successes.rate > 90%"),
        ("system_availability", json!(">90%, key"), "successes.rate > 90%, key"),
        ("check_rate", json!("100%"), "checks.rate >= 100%"),
        ("workflow_completion_rate", json!(">92%"), "iterations.finished.rate > 92%"),
        ("iteration_error_rate", json!("<1%"), "iterations.failed.rate < 1%"),
        // Counts and rates.
        ("errors", json!(0), "errors.count <= 0"),
        ("error_count", json!("<10"), "errors.count < 10"),
        ("throughput_rps", json!(1000), "count.per_s >= 1000/s"),
        ("rps", json!(">1000 rps"), "count.per_s > 1000/s"),
        ("requests_per_second", json!("600/min"), "count.per_s >= 10/s"),
        ("workflow_throughput", json!(5), "iterations.finished.per_s >= 5/s"),
        // Prefixes.
        ("database_response_time", json!("<100ms"), "sql.response_us.mean < 100ms"),
        ("query_success_rate", json!(">98%"), "sql.successes.rate > 98%"),
        ("api_success_rate", json!(">94%"), "http.successes.rate > 94%"),
        ("redis_p99", json!(1), "redis.response_us.p99 <= 1ms"),
        ("request_error_rate", json!("<1%"), "errors.rate < 1%"),
        // The language itself.
        ("http.errors{scenario=buy}", json!("< 1%"), "http.errors{scenario=buy}.rate < 1%"),
        ("metrics.rows.last", json!(">5"), "metrics.rows.last > 5"),
    ];
    for (name, value, expected) in cases {
        let threshold = criterion(name, &value, APPS).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        assert_eq!(threshold.expression, expected, "{name}");
        assert_eq!(threshold.label, format!("{name}: {value}"));
        assert_eq!((threshold.plugin.as_str(), threshold.phase.as_str()), ("", ""), "{name}");
    }
}

#[test]
fn a_plugin_may_precede_the_name() {
    let cases = [
        ("devstress_success_rate", "devstress", "successes.rate >= 95%"),
        ("datastress_query_success_rate", "datastress", "sql.successes.rate >= 95%"),
        ("data_stress_2_success_rate", "data-stress-2", "successes.rate >= 95%"),
    ];
    for (name, plugin, expected) in cases {
        let threshold = criterion(name, &json!(95), APPS).expect(name);
        assert_eq!((threshold.plugin.as_str(), threshold.expression.as_str()), (plugin, expected));
    }
    assert!(criterion("devstress_success_rate", &json!(95), &[]).is_err());
}

#[test]
fn what_has_no_meaning_is_refused_with_what_has() {
    let cases = [
        (
            "revenue_impact",
            json!("<5% loss"),
            "nothing measures `revenue_impact` (known are p95_response_time",
        ),
        ("content_quality_score", json!(">85"), "nothing measures"),
        ("sucess_rate", json!(95), "did you mean `success_rate`?"),
        ("devstress_p95_respnse_time", json!(95), "did you mean `p95_response_time`?"),
        ("http_completion_rate", json!(95), "nothing measures"),
        ("", json!(1), "nothing measures ``"),
        ("success_rate", json!("<5% loss"), "\"<5% loss\" is not a limit for `success_rate` (write a share"),
        ("success_rate", json!(1), "1 is not clear for `success_rate` (write `1%` or `100%`)"),
        ("success_rate", json!(101), "101 is not a limit for `success_rate`"),
        ("success_rate", json!("high"), "is not a limit for `success_rate`"),
        ("success_rate", json!(">101%"), "is not a limit for `success_rate`"),
        ("success_rate", json!("<=100%"), "`<= 100%` always holds for a share"),
        ("p95_response_time", json!(-1), "-1 is not a limit for `p95_response_time` (write a time"),
        ("p95_response_time", json!("<5 parsecs"), "is not a limit"),
        ("p95_response_time", json!(true), "true is not a limit"),
        ("p95_response_time", json!("<"), "is not a limit"),
        ("p95_response_time", json!("<1.2.3ms"), "is not a limit"),
        ("p95_response_time", json!("<5ms, abrt"), "did you mean `abort`?"),
        ("p100_response_time", json!(1), "the greatest value is `max`"),
        ("errors", json!("<0"), "`< 0` never holds"),
        ("errors", json!("1%"), "is not a limit for `errors`"),
        ("errors", json!("<1.5"), "write a whole number"),
        ("throughput_rps", json!("10/fortnight"), "is not a limit"),
        ("http.errrs", json!("<1"), "did you mean `errors`?"),
    ];
    for (name, value, words) in cases {
        let problem = criterion(name, &value, APPS).expect_err(name);
        assert!(problem.to_string().contains(words), "{name}: {problem}");
        assert_eq!(problem.path, "");
    }
}

#[test]
fn maps_and_lists_and_groups_are_read() {
    let thresholds = |value: &Value| {
        let read = criteria(value, "/x", APPS).unwrap_or_else(|problems| panic!("{problems:?}"));
        read.into_iter().map(|one| (one.plugin, one.expression, one.label)).collect::<Vec<_>>()
    };
    let one = |plugin: &str, expression: &str, label: &str| {
        (plugin.to_owned(), expression.to_owned(), label.to_owned())
    };
    let list = json!([
        { "devstress_success_rate": ">95%" },
        { "database_response_time": "<100ms" },
        "p99 < 1s, warn",
        "error_rate < 5%",
    ]);
    let expected = [
        one("devstress", "successes.rate > 95%", "devstress_success_rate: \">95%\""),
        one("", "sql.response_us.mean < 100ms", "database_response_time: \"<100ms\""),
        one("", "response_us.p99 < 1s, warn", ""),
        one("", "errors.rate < 5%", "error_rate < 5%"),
    ];
    assert_eq!(thresholds(&list), expected);
    let groups = json!({
        "overall": { "system_availability": ">90%" },
        "per_application": {
            "devstress": { "success_rate": ">95%", "devstress_p95_response_time": 5 },
            "datastress": [{ "p95_response_time": "<200ms" }],
        },
    });
    let expected = [
        one("", "successes.rate > 90%", "system_availability: \">90%\""),
        one("datastress", "response_us.p95 < 200ms", "p95_response_time: \"<200ms\""),
        one("devstress", "response_us.p95 <= 5ms", "devstress_p95_response_time: 5"),
        one("devstress", "successes.rate > 95%", "success_rate: \">95%\""),
    ];
    let mut found = thresholds(&groups);
    found.sort_by(|left, right| (&left.0, &left.1).cmp(&(&right.0, &right.1)));
    assert_eq!(found, expected);
    assert_eq!(thresholds(&Value::Null), []);
    assert_eq!(thresholds(&json!("errors < 1%")), [one("", "errors.rate < 1%", "")]);
}

#[test]
fn every_problem_is_found_with_its_path() {
    let value = json!({
        "overall": { "revenue/impact": "<5%", "success_rate": ">95%" },
        "devstress": { "datastress_success_rate": ">95%", "errors": "few" },
        "nobody": { "success_rate": ">95%" },
        "per_application": [7, "respons_us.p95 < 1s", "error_rate < many"],
    });
    let problems = criteria(&value, "/x", APPS).unwrap_err();
    let mut found: Vec<String> = problems.iter().map(|problem| problem.path.clone()).collect();
    found.sort();
    let expected = [
        "/x/devstress/datastress_success_rate",
        "/x/devstress/errors",
        "/x/nobody",
        "/x/overall/revenue~1impact",
        "/x/per_application/0",
        "/x/per_application/1",
        "/x/per_application/2",
    ];
    assert_eq!(found, expected);
    let text = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(text.contains("unknown metric `respons_us`, at column 1 of `respons_us.p95 < 1s`"), "{text}");
    assert!(text.contains("groups are `overall`, `per_application`, `devstress`"), "{text}");
}

/// What the guide says of thresholds and criteria is what happens.
#[test]
fn the_guide_is_true() {
    let guide = include_str!("../../THRESHOLDS.md");
    let example = guide.split("```").nth(1).and_then(|block| block.lines().nth(1)).expect("an example");
    assert_eq!(Expression::parse(example).expect(example).to_string(), example);
    let rows =
        guide.split("## Criteria").nth(1).expect("criteria").lines().filter(|line| line.starts_with("| `"));
    let mut count = 0;
    for row in rows {
        let mut cells = row.split('|').skip(1).map(|cell| cell.split('`').skip(1).step_by(2));
        let (written, mut read) = (cells.next().expect(row), cells.next().expect(row));
        let (expected, plugin) = (read.next().expect(row), read.next().unwrap_or(""));
        for text in written {
            let document = crate::yaml::Document::parse("guide", text).expect(text);
            let thresholds = criteria(document.value(), "", APPS).expect(text);
            let found = (thresholds[0].expression.as_str(), thresholds[0].plugin.as_str());
            assert_eq!(found, (expected, plugin), "{text}");
            count += 1;
        }
    }
    assert!(count >= 8, "{count} criteria");
}

#[test]
fn every_name_in_the_hint_has_a_meaning() {
    for name in name::KNOWN {
        assert!(Named::find(name, &[]).is_some(), "{name}");
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_made_is_canonical(
        name in "(\\PC{0,12}|(devstress_|db_)?(p95|p99_9|max|mean)?_?(response_time|error_rate|rps)(_ms)?)",
        text in "(\\PC{0,12}|[<>]=?[0-9]{1,4}(\\.[0-9])?(ms|%|s|/s)?(, abort)?)",
        number in proptest::num::f64::ANY,
    ) {
        for value in [Value::String(text.clone()), json!(number)] {
            if let Ok(threshold) = criterion(&name, &value, APPS) {
                let read = Expression::parse(&threshold.expression).map(|expression| expression.to_string());
                prop_assert_eq!(read, Ok(threshold.expression));
            }
        }
        let list = json!([text, { "overall": { name: text.clone() } }]);
        match criteria(&list, "", APPS) {
            Ok(thresholds) => prop_assert_eq!(thresholds.len(), 2),
            Err(problems) => prop_assert!(!problems.is_empty() && problems.len() <= 2),
        }
    }
}
