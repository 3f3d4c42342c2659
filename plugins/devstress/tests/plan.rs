//! From command line and config to a plan, and every way in which that fails.

use devstress::DevStress;
use proptest::prelude::*;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{Map, Value, json};
use stresshost_sdk::testing::input;

const URL: &str = "http://shop.test:8080/products";

fn plan(args: &[&str], flags: Value, config: Value) -> Plan {
    DevStress::plan(input(args, flags, config)).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn problems(args: &[&str], flags: Value, config: Value) -> Problems {
    DevStress::plan(input(args, flags, config)).expect_err("the plan should be refused")
}

/// The first request of the first journey of a scenario.
fn request(plan: &Plan, scenario: usize) -> &Value {
    &plan.workload["scenarios"][scenario]["journeys"][0]["requests"][0]
}

fn with_request(request: Value) -> Value {
    json!({ "target_url": "http://a", "data": [
        {"name": "user", "columns": ["email"], "rows": [["a@b"]]},
    ], "requests": [request] })
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
fn every_wrong_setting_is_named() {
    let cases = [
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
        (json!({"http": {"timeout": 0}}), "/http/timeout", "lets nothing through"),
        (json!({"http": {"version": 3}}), "/http/version", "`3` is not one of auto, 1, 2"),
        (json!({"http": {"keep_alive": "yes"}}), "/http/keep_alive", "`true` or `false`"),
        (json!({"http": {"headers": {"a b": "c"}}}), "/http/headers/a b", "not the name"),
        (json!({"http": {"headers": {"a": "x\ny"}}}), "/http/headers/a", "line break"),
        (json!({"http": []}), "/http", "not a list"),
        (json!({"http": {"max_response": "1XB"}}), "/http/max_response", "not a size"),
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
    ];
    for (config, path, words) in cases {
        let Value::Object(mut config) = config else { panic!("a case is a mapping") };
        config.insert("target_url".into(), "http://a".into());
        let config = Value::Object(config);
        let problems = problems(&[], json!({}), config.clone());
        assert_eq!(problems[0].path, path, "{config}: {problems:?}");
        assert!(problems[0].message.contains(words), "{config}: {problems:?}");
    }
}

#[test]
fn every_wrong_part_of_a_request_is_named() {
    let cases = [
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
    ];
    for (request, path, words) in cases {
        let problems = problems(&[], json!({}), with_request(request.clone()));
        assert_eq!(problems.len(), 1, "{request}: {problems:?}");
        assert_eq!(problems[0].path, format!("/requests/0{path}"), "{request}");
        assert!(problems[0].message.contains(words), "{request}: {problems:?}");
    }
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

/// The schema is written by hand, so every setting is tried against the reader.
#[test]
fn the_schema_knows_the_settings_that_the_reader_knows() {
    let schema = DevStress::describe().config_schema.expect("the schema is JSON");
    let definition = |name: &str| {
        let definition = &schema["$defs"][name];
        let object = if definition["oneOf"].is_array() { &definition["oneOf"][1] } else { definition };
        object["properties"].as_object().unwrap_or_else(|| panic!("{name} has no properties")).clone()
    };
    let request = |value: Value| with_request(value);
    let places: [(&str, Box<dyn Fn(Value) -> Value>, &str); 7] = [
        ("config", Box::new(|value| value), ""),
        ("http", Box::new(|value| json!({ "http": value })), "/http"),
        ("feed", Box::new(|value| json!({ "data": [value] })), "/data/0"),
        ("scenario", Box::new(|value| json!({ "scenarios": [value] })), "/scenarios/0"),
        ("journey", Box::new(|value| json!({ "journeys": [value] })), "/journeys/0"),
        ("request", Box::new(request), "/requests/0"),
        (
            "checks",
            Box::new(move |value| with_request(json!({"url": "/", "check": value}))),
            "/requests/0/check",
        ),
    ];
    for (name, wrap, path) in places {
        let known: Map<String, Value> = definition(name).keys().map(|key| (key.clone(), json!({}))).collect();
        let mut tried = known.clone();
        tried.insert("zzzzzzzzzzzz".into(), Value::Null);
        let problems = problems(&["http://a"], json!({}), wrap(Value::Object(tried)));
        let unknown: Vec<_> =
            problems.iter().filter(|problem| problem.message.contains("there is no setting")).collect();
        assert_eq!(unknown.len(), 1, "{name}: {unknown:?}");
        assert_eq!(unknown[0].path, format!("{path}/zzzzzzzzzzzz"));
        let hint = unknown[0].hint.as_deref().unwrap_or_default();
        let listed: Vec<_> = hint.trim_start_matches("known here: ").split(", ").collect();
        for key in &listed {
            assert!(known.contains_key(*key), "`{key}` of {name} is not in the schema");
        }
        assert_eq!(listed.len(), known.len(), "{name}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "target_url",
        "http",
        "headers",
        "users",
        "rps",
        "duration",
        "think_time",
        "min",
        "max",
        "data",
        "name",
        "columns",
        "rows",
        "order",
        "scenarios",
        "requests",
        "journeys",
        "weight",
        "get",
        "url",
        "json",
        "body",
        "form",
        "extract",
        "check",
        "status",
        "header",
        "regex",
        "group",
        "matches",
        "on_failure",
        "x",
    ]);
    let texts = prop::sample::select(vec![
        "",
        "/",
        "http://a/{{x}}",
        "{{vu}}",
        "{{random.5}}",
        "{{",
        "}}",
        "{{f.c}}",
        "5m",
        "2xx",
        "(",
        "(a)",
        "stop_journey",
        "é",
        "f",
        "c",
        "?{{&uuid}}",
        "0",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u64..5).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        texts.prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_config_panics_and_what_is_planned_can_start(config in any_json(), flags in any_json(), url in "\\PC{0,20}") {
        for args in [vec![], vec!["http://a/"], vec![url.as_str()]] {
            if let Ok(plan) = DevStress::plan(input(&args, &flags, &config)) {
                prop_assert_eq!(plan.validate(), []);
                let _host = stresshost_sdk::testing::FakeHost::new();
                let started = stresshost_sdk::testing::start::<DevStress>(&plan, 0);
                prop_assert!(started.is_ok(), "{:?}", started.err());
            }
        }
    }
}
