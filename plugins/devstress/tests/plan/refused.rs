//! What makes no plan, and what is said about it.

use stresshost_sdk::serde_json::{Value, json};

use crate::{URL, problems, with_request};

/// A config, and the path and words of the first problem of it.
type Case = (Value, &'static str, &'static str);

fn check_settings(cases: &[Case]) {
    for (config, path, words) in cases {
        let mut config = config.clone();
        config["target_url"] = "http://a".into();
        let problems = problems(&[], json!({}), config.clone());
        assert_eq!(problems[0].path, *path, "{config}: {problems:?}");
        assert!(problems[0].message.contains(words), "{config}: {problems:?}");
    }
}

fn check_request(cases: &[Case]) {
    for (request, path, words) in cases {
        let problems = problems(&[], json!({}), with_request(request.clone()));
        assert_eq!(problems.len(), 1, "{request}: {problems:?}");
        assert_eq!(problems[0].path, format!("/requests/0{path}"), "{request}");
        assert!(problems[0].message.contains(words), "{request}: {problems:?}");
    }
}

#[test]
fn wrong_flags_are_named() {
    let cases = [
        (json!({"vus": 0}), "--vus", "0 virtual users"),
        (json!({"rate": 0.0}), "--rate", "more than 0"),
        (json!({"duration": 0}), "--duration", "measures nothing"),
        (json!({"ramp-up": 60_000}), "--ramp-up", "longer than the 30s"),
        (json!({"warmup": 30_000}), "--warmup", "leaves nothing"),
        (json!({"header": ["novalue"]}), "--header", "not a header"),
        (json!({"header": ["a b: c"]}), "--header", "not the name of a header"),
        (json!({"header": ["a: {{nope}}"]}), "--header", "no variable `nope`"),
        (json!({"method": "G T"}), "--method", "not a method"),
        (json!({"body": "{{nope}}"}), "--body", "no variable `nope`"),
        (json!({"body": "a", "body-file": "b"}), "--body-file", "cannot both be given"),
        (json!({"expect-status": "fine"}), "--expect-status", "`fine`"),
        (json!({"timeout": 0}), "--timeout", "lets nothing through"),
        (json!({"follow-redirects": 51}), "--follow-redirects", "the most is 50"),
        (json!({"scenarios": [{"users": -1}]}), "--scenarios/0/users", "number of users"),
    ];
    for (flags, path, words) in cases {
        let problems = problems(&[URL], flags.clone(), Value::Null);
        assert_eq!(problems.len(), 1, "{flags}: {problems:?}");
        assert_eq!(problems[0].path, path, "{flags}");
        assert!(problems[0].message.contains(words), "{flags}: {problems:?}");
    }
}

#[test]
fn wrong_targets_are_named() {
    for (args, config, path, words) in [
        (vec![], Value::Null, "", "nothing to load"),
        (vec!["localhost:8080"], Value::Null, "URL", "not an absolute URL"),
        (vec!["http://a", "http://b"], Value::Null, "URL", "one URL is taken"),
        (vec!["http://a/{{nope}}"], Value::Null, "URL", "no variable `nope`"),
        (vec![], json!({"target_url": "ftp://a"}), "/target_url", "only http"),
        (vec![], json!({"target_url": 5}), "/target_url", "a URL is wanted"),
        (vec![], json!({"requests": ["/x"]}), "/requests/0", "needs a `target_url`"),
    ] {
        let problems = problems(&args, json!({}), config.clone());
        assert_eq!(problems.len(), 1, "{args:?} {config}: {problems:?}");
        assert_eq!(problems[0].path, path, "{args:?} {config}");
        assert!(problems[0].message.contains(words), "{args:?} {config}: {problems:?}");
    }
}

#[test]
fn every_wrong_load_setting_is_named() {
    check_settings(&[
        (json!({"user": 5}), "/user", "no setting `user`"),
        (json!({"users": 5, "vus": 6}), "/vus", "cannot both be given"),
        (json!({"users": 1.5}), "/users", "a number of users is wanted here, not `1.5`"),
        (json!({"users": 2_000_000}), "/users", "the most is 1000000"),
        (json!({"rps": "fast"}), "/rps", "not a rate"),
        (json!({"rps": 0}), "/rps", "more than 0"),
        (json!({"duration": "5 parsecs"}), "/duration", "not a duration"),
        (json!({"duration": -1}), "/duration", "not a duration"),
        (json!({"duration": "101d"}), "/duration", "too long"),
        (json!({"ramp_up": "1h"}), "/ramp_up", "longer than the 30s"),
        (json!({"warmup": "30s"}), "/warmup", "leaves nothing"),
        (json!({"think_time": {"min": 2}}), "/think_time", "`max` is missing"),
        (json!({"think_time": {"min": 2, "max": 1}}), "/think_time", "longer than"),
    ]);
}

#[test]
fn every_wrong_http_setting_is_named() {
    check_settings(&[
        (json!({"http": {"timeout": 0}}), "/http/timeout", "lets nothing through"),
        (json!({"http": {"version": 3}}), "/http/version", "`3` is not one of auto, 1, 2"),
        (json!({"http": {"keep_alive": "yes"}}), "/http/keep_alive", "`true` or `false`"),
        (json!({"http": {"headers": {"a b": "c"}}}), "/http/headers/a b", "not the name"),
        (json!({"http": {"headers": {"a": "x\ny"}}}), "/http/headers/a", "line break"),
        (json!({"http": []}), "/http", "not a list"),
        (json!({"http": {"max_response": "1XB"}}), "/http/max_response", "not a size"),
    ]);
}

#[test]
fn every_wrong_scenario_setting_is_named() {
    check_settings(&[
        (json!({"scenarios": []}), "/scenarios", "no scenarios"),
        (json!({"scenarios": {}}), "/scenarios", "not a mapping"),
        (json!({"scenarios": [5]}), "/scenarios/0", "not `5`"),
        (json!({"scenarios": [{"name": "a"}, {"name": "a"}]}), "/scenarios/1/name", "taken"),
        (json!({"scenarios": [{"name": ""}]}), "/scenarios/0/name", "empty"),
        (json!({"scenarios": [{"warmup": 1}]}), "/scenarios/0/warmup", "no setting"),
        (json!({"scenarios": [{"start": "x"}]}), "/scenarios/0/start", "not a duration"),
        (json!({"scenarios": [{"start": "101d"}]}), "/scenarios/0/start", "100 days"),
        (json!({"scenarios": [{"requests": []}]}), "/scenarios/0/requests", "no requests"),
        (json!({"scenarios": [{"journeys": []}]}), "/scenarios/0/journeys", "no journeys"),
        (json!({"scenarios": [{"journeys": [{"name": "a"}]}]}), "/scenarios/0/journeys/0", "no `requests`"),
        (json!({"journeys": [{"weight": 0, "requests": ["/"]}]}), "/journeys/0/weight", "a weight is 1 to"),
        (json!({"requests": ["/"], "journeys": []}), "/journeys", "cannot both be given"),
        (json!({"requests": ["/"], "scenarios": [{}]}), "/requests", "belongs to none"),
    ]);
}

#[test]
fn every_wrong_feed_setting_is_named() {
    check_settings(&[
        (json!({"data": [{"name": "a"}]}), "/data/0", "no `rows`"),
        (json!({"data": [{"rows": [["x"]], "columns": ["c"]}]}), "/data/0", "no `name`"),
        (json!({"data": [{"name": "a", "rows": []}]}), "/data/0/rows", "no rows"),
        (
            json!({"data": [{"name": "vu", "rows": [["x"]], "columns": ["c"]}]}),
            "/data/0/name",
            "cannot name a feed",
        ),
        (json!({"data": [{"name": "a", "rows": [["x"]]}]}), "/data/0", "no `columns`"),
        (
            json!({"data": [{"name": "a", "rows": [["x", "y"]], "columns": ["c"]}]}),
            "/data/0/rows/0",
            "2 values for 1",
        ),
        (
            json!({"data": [{"name": "a", "rows": [["x", "y"]], "columns": ["c", "c"]}]}),
            "/data/0/columns/1",
            "twice",
        ),
        (
            json!({"data": [{"name": "a", "rows": [{"c": "x"}, {"d": 1}]}]}),
            "/data/0/rows/1/d",
            "no setting `d`",
        ),
        (
            json!({"data": [{"name": "a", "rows": [[[]]], "columns": ["c"]}]}),
            "/data/0/rows/0/0",
            "a text or number",
        ),
        (
            json!({"data": [{"name": "a", "rows": [[1]], "columns": ["c"], "order": "any"}]}),
            "/data/0/order",
            "not one of",
        ),
    ]);
}

#[test]
fn every_wrong_request_is_named() {
    check_request(&[
        (json!({"get": "/", "urll": "/"}), "/urll", "no setting `urll`"),
        (json!({"name": "x"}), "", "no URL"),
        (json!({"get": "/", "url": "/"}), "/url", "cannot both be given"),
        (json!({"get": "/", "method": "PUT"}), "/method", "already says"),
        (json!({"url": "/", "method": "connect"}), "/method", "not a method"),
        (json!({"url": "products"}), "/url", "not an absolute URL"),
        (json!({"url": "http://{{user.email}}/"}), "/url", "host cannot hold variables"),
        (json!({"url": "http://u:p@a/"}), "/url", "user name"),
        (json!({"url": "/{{token}}"}), "/url", "no variable `token`"),
        (json!({"url": "/{{user.mail}}"}), "/url", "no variable `user.mail`"),
        (json!({"url": "/{{random.0}}"}), "/url", "no variable `random.0`"),
        (json!({"url": "/{{to$ken}}"}), "/url", "opens no variable"),
        (json!({"url": "/{{to ken}}"}), "/url", "cannot hold spaces"),
        (json!({"url": "/", "headers": {"a": "{{x}}"}}), "/headers/a", "no variable `x`"),
        (json!({"url": "/", "headers": {"a": []}}), "/headers/a", "the value of a header"),
        (json!({"url": "/", "body": "a", "json": {}}), "/json", "cannot both be given"),
        (json!({"url": "/", "body": {}}), "/body", "the body's text"),
        (json!({"url": "/", "json": {"a": ["{{x}}"]}}), "/json", "no variable `x`"),
        (json!({"url": "/", "form": {"a": {}}}), "/form/a", "form field"),
    ]);
}

#[test]
fn every_wrong_use_of_a_response_is_named() {
    check_request(&[
        (json!({"url": "/", "extract": {"vu": "/a"}}), "/extract/vu", "cannot name a variable"),
        (json!({"url": "/", "extract": {"a": "$.b.c"}}), "/extract/a", "not a JSON pointer"),
        (json!({"url": "/", "extract": {"a": {}}}), "/extract/a", "is wanted here"),
        (
            json!({"url": "/", "extract": {"a": {"regex": "("}}}),
            "/extract/a/regex",
            "not a regular expression",
        ),
        (
            json!({"url": "/", "extract": {"a": {"regex": "x", "group": 1}}}),
            "/extract/a/group",
            "has 0 groups",
        ),
        (
            json!({"url": "/", "extract": {"a": {"json": "", "group": 1}}}),
            "/extract/a/group",
            "needs a `regex`",
        ),
        (
            json!({"url": "/", "extract": {"a": {"json": "", "header": "b"}}}),
            "/extract/a/json",
            "cannot both",
        ),
        (json!({"url": "/", "check": {"stats": 200}}), "/check/stats", "no setting `stats`"),
        (json!({"url": "/", "check": {"status": "ok"}}), "/check/status", "not `ok`"),
        (json!({"url": "/", "check": {"status": []}}), "/check/status", "a list"),
        (json!({"url": "/", "check": {"max_latency": 0}}), "/check/max_latency", "lets nothing"),
        (
            json!({"url": "/", "check": {"body_matches": "["}}),
            "/check/body_matches",
            "not a regular expression",
        ),
        (json!({"url": "/", "check": {"json": {"id": 1}}}), "/check/json/id", "not a JSON pointer"),
        (
            json!({"url": "/", "check": {"header": {"a": {"matches": "("}}}}),
            "/check/header/a/matches",
            "not a regular",
        ),
        (json!({"url": "/", "check": {"header": {"a": {}}}}), "/check/header/a", "is wanted here"),
        (json!({"url": "/", "check": {}, "expect": {}}), "/expect", "cannot both be given"),
        (json!({"url": "/", "on_failure": "stop"}), "/on_failure", "not one of stop_journey, continue"),
        (json!({"url": "/", "think_time": "soon"}), "/think_time", "not a duration"),
        (json!({"url": "/", "follow_redirects": 99}), "/follow_redirects", "the most is 50"),
        (json!(5), "", "a request"),
    ]);
}

#[test]
fn all_problems_are_reported_at_once_with_hints() {
    let config = json!({
        "target_url": "http://a", "durration": 5,
        "scenarios": [{"users": 0}, {"rps": "x"}, {"requests": [{"get": "/{{uuidd}}"}]}],
    });
    let problems = problems(&[], json!({"header": ["x"]}), config);
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        ["--header", "/durration", "/scenarios/0/users", "/scenarios/1/rps", "/scenarios/2/requests/0/get",]
    );
    assert_eq!(problems[1].hint.as_deref(), Some("did you mean `duration`?"));
    assert_eq!(problems[4].hint.as_deref(), Some("did you mean `uuid`?"));
}

#[test]
fn a_problem_of_the_top_level_is_said_once() {
    let config = json!({"target_url": "http://a", "users": 0, "scenarios": [{"name": "a"}, {"name": "b"}]});
    assert_eq!(problems(&[], json!({}), config).len(), 1);
}

#[test]
fn config_and_scenarios_file_exclude_each_other() {
    let problems = problems(&[URL], json!({"scenarios": []}), json!({"users": 1}));
    assert!(problems.iter().any(|problem| problem.path == "--scenarios"), "{problems:?}");
}

#[test]
fn flags_of_the_one_request_need_one() {
    let config = json!({"requests": ["/x"]});
    let problems = problems(&[URL], json!({"method": "PUT", "expect-status": "200"}), config);
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["--method", "--expect-status"]);
}

#[test]
fn a_thousand_problems_are_cut_short() {
    let requests: Vec<Value> = (0..500).map(|_| json!({"get": "/{{nope}}"})).collect();
    let problems = problems(&[URL], json!({}), json!({ "requests": requests }));
    assert_eq!(problems.len(), 100);
}
