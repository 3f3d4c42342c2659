//! What a virtual user does, against a fake host.

use std::time::Duration;

use devstress::DevStress;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{Value, json};
use stresshost_sdk::testing::{self, FakeHost, Reply, Sent};

/// A virtual user of the config's plan.
fn user(config: Value) -> DevStress {
    let plan = DevStress::plan(testing::input(&["http://shop.test"], json!({}), config));
    testing::start(&plan.unwrap_or_else(|problems| panic!("{problems:?}")), 3).expect("the user starts")
}

/// A virtual user of one journey.
fn user_of(requests: Value) -> DevStress {
    user(json!({ "requests": requests }))
}

fn iterate(user: &mut DevStress, number: u64) -> Result<(), Failure> {
    user.iterate(Iteration { scenario: 0, number })
}

fn urls(host: &FakeHost) -> Vec<String> {
    host.requests().into_iter().map(|request| request.url).collect()
}

#[test]
fn one_url_is_requested_once_per_iteration() {
    let host = FakeHost::new();
    let mut user = user(Value::Null);
    for number in 0..3 {
        assert_eq!(iterate(&mut user, number), Ok(()));
    }
    assert_eq!(urls(&host), ["http://shop.test/"; 3]);
    assert_eq!(host.checks(), Vec::<String>::new());
}

#[test]
fn values_pass_from_responses_into_later_requests() {
    let host = FakeHost::new();
    host.reply_to(
        "sign in",
        Reply::json(200, r#"{"access_token": "t\"1"}"#).header("Location", "/orders/42?x"),
    );
    host.reply_to("page", Reply::text(200, "<a href='?id=77'>"));
    let mut user = user_of(json!([
        {"name": "sign in", "post": "/tokens", "extract": {
            "token": "/access_token",
            "order": {"header": "location", "regex": "/orders/(\\d+)"},
        }},
        {"name": "page", "get": "/page", "extract": {"id": {"regex": "id=(\\d)(\\d)", "group": 2}, "all": {"regex": "id=\\d+"}}},
        {"name": "use", "post": "/use/{{token}}/{{&token}}/{{id}}?o={{order}}",
         "headers": {"authorization": "Bearer {{token}}"},
         "json": {"token": "{{token}}", "all": "{{all}}", "number": "{{&id}}", "text": "no {{&id}}"}},
        {"name": "form", "post": "/form", "form": {"t": "{{token}}&"}},
    ]));
    assert_eq!(iterate(&mut user, 0), Ok(()));
    let requests: Vec<Sent> = host.requests();
    assert_eq!(requests[2].url, "http://shop.test/use/t%221/t\"1/7?o=42");
    assert_eq!(requests[2].header("Authorization"), Some("Bearer t\"1"));
    assert_eq!(requests[2].header("content-type"), Some("application/json"));
    assert_eq!(requests[2].text(), r#"{"token":"t\"1","all":"id=77","number":7,"text":"no 7"}"#);
    assert_eq!(requests[3].text(), "t=t%221%26");
}

#[test]
fn built_in_variables_and_feeds() {
    let host = FakeHost::new();
    let mut user = user(json!({
        "data": [{"name": "user", "columns": ["email"], "rows": [["a@b"], ["c&d"]], "order": "unique"}],
        "requests": [
            "/{{vu}}/{{iteration}}/{{random.7-7}}/{{random.1}}?u={{user.email}}",
            {"post": "/", "body": "{{user.email}} {{uuid}} {{uuid}}"},
        ],
    }));
    assert_eq!(iterate(&mut user, 10), Ok(()));
    assert_eq!(iterate(&mut user, 11), Ok(()));
    let requests = host.requests();
    assert_eq!(requests[0].url, "http://shop.test/3/10/7/0?u=a%40b");
    assert_eq!(requests[2].url, "http://shop.test/3/11/7/0?u=c%26d");
    let words: Vec<String> = requests[1].text().split(' ').map(str::to_owned).collect();
    assert_eq!(words[0], "a@b");
    assert_eq!(words[1], words[2]);
    let other = requests[3].text();
    assert!(!other.contains(&words[1]), "each request has a UUID of its own");
    assert_eq!((words[1].len(), words[1].as_bytes()[14]), (36, b'4'));
    assert_eq!(iterate(&mut user, 12).unwrap_err().code, "feed");
}

#[test]
fn every_check_is_marked() {
    let checks = json!({
        "status": "2xx", "max_latency": "100ms", "body_contains": ["lamp", "desk"], "body_matches": "l.mp",
        "json": {"/name": "lamp", "/price": 5, "/on": true, "/none": null, "/tags": ["a"]},
        "header": {"x-a": "b", "content-type": {"matches": "^application/json"}},
    });
    let good = Reply::json(
        200,
        r#"{"name": "lamp", "price": 5.0, "on": true, "none": null, "tags": [ "a" ], "x": "desk"}"#,
    )
    .header("X-A", "b")
    .after(Duration::from_millis(100));
    let bad = Reply::json(299, r#"{"name": "chair", "price": 6, "on": 1, "tags": ["b"]}"#)
        .header("X-A", "bb")
        .after(Duration::from_millis(101));
    let host = FakeHost::new();
    for reply in [good, bad, Reply::error(ErrorKind::ConnectRefused)] {
        host.reply_once("GET /", reply);
    }
    let mut user = user_of(json!([{"get": "/", "check": checks, "on_failure": "continue"}]));
    for number in 0..3 {
        assert_eq!(iterate(&mut user, number), Ok(()));
    }
    assert_eq!(host.check("GET /: status is 200-299"), (2, 1));
    let others = host.checks();
    assert_eq!(others.len(), 12, "{others:?}");
    for name in others.iter().filter(|name| !name.contains("status")) {
        let wanted = if name.contains("content-type") { (2, 1) } else { (1, 2) };
        assert_eq!(host.check(name), wanted, "{name}");
    }
}

/// `on_failure` against: a failed request, a failed check, an extraction that finds nothing.
#[test]
fn failures_end_the_journey_as_configured() {
    let request = |on_failure: Option<&str>| {
        let mut request = json!({
            "name": "first", "get": "/first", "extract": {"id": "/id"}, "check": {"body_contains": "fine"},
        });
        if let Some(word) = on_failure {
            request["on_failure"] = word.into();
        }
        json!([request, "/second"])
    };
    let failed = || Reply::json(500, r#"{"id": 1, "fine": 1}"#);
    let unchecked = || Reply::json(200, r#"{"id": 1}"#);
    let unfound = || Reply::json(200, r#"{"fine": 1}"#);
    let cases = [
        (None, failed(), Some("request")),
        (None, unchecked(), None),
        (None, unfound(), Some("extract")),
        (Some("stop_journey"), failed(), Some("request")),
        (Some("stop_journey"), unchecked(), Some("check")),
        (Some("stop_journey"), unfound(), Some("extract")),
        (Some("continue"), failed(), None),
        (Some("continue"), unchecked(), None),
        (Some("continue"), unfound(), None),
    ];
    for (on_failure, reply, code) in cases {
        let host = FakeHost::new();
        host.reply_to("first", reply.clone());
        let ended = iterate(&mut user_of(request(on_failure)), 0);
        assert_eq!(
            ended.as_ref().err().map(|failure| failure.code.as_str()),
            code,
            "{on_failure:?} {reply:?}"
        );
        assert_eq!(host.requests().len(), if code.is_some() { 1 } else { 2 }, "{on_failure:?} {reply:?}");
    }
}

#[test]
fn failures_say_what_happened() {
    let host = FakeHost::new();
    host.reply_once("GET /", Reply::status(503));
    host.reply_once("GET /", Reply::error(ErrorKind::Timeout));
    let mut user = user_of(json!(["/"]));
    assert_eq!(iterate(&mut user, 0).unwrap_err().message, "`GET /` failed: status_5xx, status 503");
    assert_eq!(iterate(&mut user, 1).unwrap_err().message, "`GET /` failed: timeout");
}

#[test]
fn an_expected_status_is_no_failure() {
    let host = FakeHost::new();
    host.reply_to("GET /", Reply::status(404));
    assert_eq!(iterate(&mut user_of(json!([{"get": "/", "check": {"status": 404}}])), 0), Ok(()));
    assert_eq!(host.check("GET /: status is 404"), (1, 0));
}

#[test]
fn a_request_whose_variable_has_no_value_is_not_sent() {
    let host = FakeHost::new();
    let mut user = user_of(json!([
        {"get": "/a", "extract": {"id": "/id"}, "on_failure": "continue"}, "/b/{{id}}", "/c",
    ]));
    host.reply_once("GET /a", Reply::json(200, r#"{"id": 5}"#));
    assert_eq!(iterate(&mut user, 0), Ok(()));
    let failure = iterate(&mut user, 1).unwrap_err();
    assert_eq!(failure.message, "`GET /b/{id}` was not sent: the variable `id` has no value");
    assert_eq!(urls(&host)[3..], ["http://shop.test/a"], "the value of the last iteration is forgotten");
}

#[test]
fn journeys_are_chosen_by_weight_and_seed() {
    let config = json!({"journeys": [
        {"weight": 3, "requests": ["/often"]}, {"weight": 1, "requests": ["/seldom"]},
    ]});
    let run = |seed| {
        let host = FakeHost::with_seed(seed);
        let mut user = user(config.clone());
        for number in 0..4_000 {
            assert_eq!(iterate(&mut user, number), Ok(()));
        }
        urls(&host)
    };
    let first = run(1);
    let often = first.iter().filter(|url| url.ends_with("/often")).count();
    assert!((2_850..=3_150).contains(&often), "{often} of 4000 at a weight of 3 in 4");
    assert_eq!(first, run(1));
    assert_ne!(first, run(2));
}

#[test]
fn users_pause_between_requests() {
    let starts = |config: Value| {
        let host = FakeHost::new();
        let mut user = user(config);
        assert_eq!(iterate(&mut user, 0), Ok(()));
        let starts: Vec<u128> = host.requests().iter().map(|request| request.at.as_millis()).collect();
        (starts, host.now().as_millis())
    };
    // Each response takes a millisecond.
    let requests = json!(["/a", {"get": "/b", "think_time": "100ms"}, "/c"]);
    let closed = json!({"think_time": "10ms", "requests": requests});
    assert_eq!(starts(closed), (vec![0, 11, 112], 123));
    let open = json!({"rps": 5, "think_time": "10ms", "requests": requests});
    assert_eq!(starts(open), (vec![0, 11, 112], 113));
    let (range, _) = starts(json!({"think_time": {"min": "10ms", "max": "20ms"}, "requests": requests}));
    assert!((11..=21).contains(&range[1]), "{range:?}");
}

#[test]
fn a_pause_that_the_host_makes_is_not_made_twice() {
    let host = FakeHost::new();
    let mut alone = user(json!({"think_time": "1s"}));
    assert_eq!(iterate(&mut alone, 0), Ok(()));
    assert_eq!(host.now(), Duration::from_millis(1));
}

#[test]
fn a_user_who_thinks_does_not_hammer_a_target_that_fails() {
    let host = FakeHost::new();
    host.reply_to("GET /", Reply::error(ErrorKind::ConnectRefused));
    let mut user = user(json!({"think_time": "1s", "requests": ["/", "/next"]}));
    assert!(iterate(&mut user, 0).is_err());
    assert_eq!(host.now(), Duration::from_millis(1_001));
}

#[test]
fn scenarios_have_their_own_requests() {
    let host = FakeHost::new();
    let mut user = user(json!({"scenarios": [{"requests": ["/a"]}, {"requests": ["/b"]}]}));
    assert_eq!(user.iterate(Iteration { scenario: 1, number: 0 }), Ok(()));
    assert_eq!(urls(&host), ["http://shop.test/b"]);
    assert!(user.iterate(Iteration { scenario: 2, number: 0 }).is_err());
}
