use stresshost_sdk::serde_json::{self, json};

use super::*;
use crate::client::fake::{FakeClient, json as answer};
use crate::document::{Answer, Body, Content, Credential, Parameter};

fn workload() -> Workload {
    let parameter = |name: &str, place, schema, value| Parameter {
        name: name.into(),
        place,
        required: true,
        schema,
        value: Some(value),
    };
    let schema = json!({ "type": "object", "required": ["n"], "properties": {
        "n": { "type": "integer", "minimum": 1, "maximum": 9 } } });
    let content = Content {
        media_type: "application/json".into(),
        schema: Some(json!({ "type": "object", "properties": { "n": { "type": "integer" } } })),
        example: Some(json!({ "n": "one" })),
    };
    let operation = Operation {
        name: "POST /a".into(),
        method: "POST".into(),
        path: "/a".into(),
        parameters: vec![
            parameter("size", Place::Query, json!({ "type": "integer", "minimum": 1 }), json!(5)),
            parameter("X-Who", Place::Header, json!({}), json!("me")),
        ],
        body: Some(Body {
            media_type: "application/json".into(),
            schema: Some(schema),
            value: json!({ "n": 5 }),
        }),
        answers: vec![
            Answer { statuses: (201, 201), contents: vec![content], headers: Vec::new() },
            Answer { statuses: (400, 499), ..Answer::default() },
        ],
        credentials: vec![Credential {
            place: Place::Header,
            name: "Authorization".into(),
            value: "Bearer {{token}}".into(),
        }],
        auth_required: true,
        methods: vec!["POST".into()],
        is_tested: true,
        ..Operation::default()
    };
    let mut workload = Workload { operations: vec![operation], ..Workload::default() };
    workload.probing.max_response_ms = Some(10);
    workload
}

fn header<'c>(call: &'c Call, name: &str) -> Option<&'c str> {
    call.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// A server that keeps to the document.
fn sound(call: &Call) -> Heard {
    let size: Option<i64> = call.target.strip_prefix("/a?size=").and_then(|text| text.parse().ok());
    let body: serde_json::Value =
        serde_json::from_str(call.body.as_deref().unwrap_or("null")).unwrap_or_default();
    let n = body["n"].as_i64().or_else(|| body["n"].as_f64().filter(|n| n.fract() == 0.0).map(|n| n as i64));
    match call.method.as_str() {
        "POST" if header(call, "Authorization") != Some("Bearer good") => answer(401, "{}"),
        "POST" if header(call, "X-Who").is_none() => answer(400, "{}"),
        "POST" if size.is_none_or(|size| size < 1) => answer(400, "{}"),
        "POST" if n.is_none_or(|n| !(1..=9).contains(&n)) => answer(422, "{}"),
        "POST" => answer(201, r#"{"n": 1}"#),
        _ => {
            let mut refused = answer(405, "{}");
            refused.headers.push(("Allow".into(), "POST".into()));
            refused
        }
    }
}

fn probed(name: &str, server: impl FnMut(&Call) -> Heard) -> (Report, usize) {
    let workload = workload();
    let mut owner = Identity::named(&workload, "me");
    owner.variables.set("token", "good");
    let mut client = FakeClient::new(server);
    let asked = Asked { workload: &workload, operation: 0, owner: Some(&owner), number: 1 };
    let report = run(name, &asked, &mut client, &mut Schemas::default());
    (report, client.sent.len())
}

fn rules(report: &Report) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.rule.as_str()).collect()
}

#[test]
fn a_server_that_keeps_to_the_document_passes_every_check() {
    let is_wanted = |name: &&&str| applies(name, &workload().operations[0], &workload().probing);
    for name in NAMES.iter().filter(is_wanted) {
        let (report, sent) = probed(name, sound);
        let expected: &[&str] = if *name == "documented_examples" { &["documented_examples"] } else { &[] };
        assert_eq!(rules(&report), expected, "{name}: {:?}", report.findings);
        assert!(sent > 0 || *name == "documented_examples", "{name}");
        assert_eq!(report.requests, [((*name).to_owned(), sent as u64)], "{name}");
    }
}

#[test]
fn each_promise_that_is_broken_is_told() {
    let slow = |call: &Call| Heard { duration_us: 11_000, ..sound(call) };
    let open = |call: &Call| sound(&call.clone().header("Authorization", "Bearer good"));
    let any_header = |call: &Call| sound(&call.clone().header("X-Who", "x"));
    let any_method = |call: &Call| if call.method == "POST" { sound(call) } else { answer(200, "{}") };
    let more = |call: &Call| match sound(call).status {
        201 => answer(201, r#"{"n": 1, "secret": {"a": 1}}"#),
        status => answer(status, "{}"),
    };
    let gone = |call: &Call| {
        let mut heard = if call.method == "GET" { answer(404, "{}") } else { sound(call) };
        heard.headers.push(("Location".into(), "/a/7".into()));
        heard
    };
    let lax = |call: &Call| if sound(call).status == 422 { answer(201, r#"{"n": 1}"#) } else { sound(call) };
    let strict = |call: &Call| {
        let is_usual = call.body.as_deref() == Some(r#"{"n":5}"#) && call.target == "/a?size=5";
        if sound(call).status == 201 && !is_usual { answer(422, "{}") } else { sound(call) }
    };
    let (report, _) = probed("max_response_time", slow);
    assert_eq!(rules(&report), ["max_response_time"]);
    assert_eq!(rules(&probed("ignored_auth", open).0), ["ignored_auth", "ignored_auth"]);
    assert_eq!(rules(&probed("missing_required_header", any_header).0), ["missing_required_header"]);
    assert_eq!(rules(&probed("unsupported_method", any_method).0), ["unsupported_method"]);
    assert!(probed("undeclared_fields", more).0.findings[0].message.ends_with("/secret"));
    assert_eq!(rules(&probed("ensure_resource_availability", gone).0), ["ensure_resource_availability"]);
    let (report, _) = probed(NEGATIVE, lax);
    assert!(report.findings.len() >= 3 && rules(&report).iter().all(|rule| *rule == NEGATIVE), "{report:?}");
    let (report, _) = probed("positive_data_acceptance", strict);
    assert!(!report.findings.is_empty(), "{report:?}");
    assert!(rules(&report).iter().all(|rule| *rule == "positive_data_acceptance"), "{report:?}");
}

#[test]
fn a_server_error_is_told_with_the_smallest_input() {
    let broken = |call: &Call| match sound(call).status {
        422 => answer(500, "boom"),
        status => answer(status, r#"{"n": 1}"#),
    };
    let (report, _) = probed(NEGATIVE, broken);
    assert!(rules(&report).contains(&"not_a_server_error"), "{report:?}");
    assert!(report.findings.iter().all(|finding| finding.evidence.contains("curl -X POST")));
}

#[test]
fn a_server_that_does_not_answer_shows_nothing() {
    for name in NAMES {
        let (report, _) = probed(name, |_: &Call| Heard { error: "timeout".into(), ..Heard::default() });
        let expected: &[&str] = if *name == "documented_examples" { &["documented_examples"] } else { &[] };
        assert_eq!(rules(&report), expected, "{name}");
    }
}
