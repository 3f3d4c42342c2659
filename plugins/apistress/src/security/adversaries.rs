//! Servers that look guilty and are not, against every test.

use stresshost_sdk::serde_json::json;

use super::testing::{body, get, header, probe_in, typed, with_token, workload};
use super::{TESTS, applies};
use crate::client::fake::json as answer;
use crate::client::{Call, Heard};
use crate::document::{Depth, Operation, Session, Workload};

/// One operation of each kind.
fn operations() -> Vec<Operation> {
    vec![
        with_token(get("/items/{id}", &[("id", json!(7)), ("q", json!("lamp"))])),
        with_token(body("/orders", json!({ "name": "lamp", "count": 3 }))),
        with_token(get("/admin/users", &[])),
        body("/login", json!({ "username": "{{username}}", "password": "{{password}}" })),
        get("/pages/{name}", &[("name", json!("home"))]),
    ]
}

/// Runs every test on every operation; the rules that found something.
fn found(depth: Depth, mut answer: impl FnMut(&Call) -> Heard) -> Vec<String> {
    let mut found = Vec::new();
    for (test, operation) in
        TESTS.iter().flat_map(|test| operations().into_iter().map(move |one| (test, one)))
    {
        if !applies(test, &operation) {
            continue;
        }
        let register = body("/register", json!({ "username": "{{username}}", "password": "{{password}}" }));
        let session = Some(Session { register: Some(1), ..Session::default() });
        let mut workload = Workload { session, ..workload(vec![operation, register]) };
        workload.probing.depth = depth;
        let objects = [(0, vec![("id".to_owned(), "7".to_owned())])];
        let (tested, _) = probe_in(test.name, &workload, &objects, &mut answer);
        assert!(tested.requests <= 3_000);
        found.extend(
            tested.findings.into_iter().map(|finding| format!("{}: {}", finding.rule, finding.message)),
        );
    }
    found
}

/// Numbers that look as if they were drawn.
fn noise() -> impl FnMut(u64) -> u64 {
    let mut state = 7_u64;
    move |bound| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    }
}

fn careful(mut heard: Heard) -> Heard {
    heard.headers.push(("X-Content-Type-Options".into(), "nosniff".into()));
    heard
}

/// Refuses everything without the owner's or the other's token, and logins with a wrong password.
fn lets_in(call: &Call) -> bool {
    let token = header(call, "authorization");
    match call.target.split('/').nth(1) {
        Some("items" | "orders") => matches!(token, Some("Bearer t-alice" | "Bearer t-mallory")),
        Some("admin") => false,
        Some("login") => call.body.as_deref().is_some_and(|body| body.contains("Pw-")),
        _ => true,
    }
}

#[test]
fn a_server_that_refuses_everything_has_no_findings() {
    for status in [401, 403, 404, 400, 429, 503] {
        assert_eq!(found(Depth::Standard, |_| careful(answer(status, "{}"))), [""; 0], "{status}");
    }
}

#[test]
fn a_server_that_never_answers_has_none_and_is_left_alone() {
    let mut sent = 0;
    let rules = found(Depth::Standard, |_| {
        sent += 1;
        Heard { error: "connection_refused".into(), ..Heard::default() }
    });
    assert_eq!(rules, [""; 0]);
    assert!(sent < 300, "{sent}");
}

#[test]
fn a_server_that_dies_in_between_is_left_alone() {
    let mut sent = 0;
    let rules = found(Depth::Deep, |call| {
        sent += 1;
        if sent % 40 < 3 && lets_in(call) { careful(answer(200, "{}")) } else { Heard::default() }
    });
    assert_eq!(rules, [""; 0]);
}

#[test]
fn a_server_that_always_says_200_lets_anybody_in_and_no_more() {
    let rules = found(Depth::Deep, |_| careful(answer(200, "{}")));
    assert!(
        rules.iter().all(|rule| rule.starts_with("authentication_bypass") || rule.starts_with("rate_limit")),
        "{rules:?}"
    );
}

#[test]
fn bodies_of_random_length_and_form_have_no_findings() {
    let mut noise = noise();
    let rules = found(Depth::Deep, |call| match lets_in(call) {
        true if call.target.starts_with("/login") && noise(2) == 0 => careful(answer(429, "{}")),
        true => {
            let items = vec![json!({ "text": "x".repeat(noise(200) as usize) }); noise(3) as usize];
            careful(answer(200, &json!(items).to_string()))
        }
        false => answer(if call.target.starts_with("/login") { 429 } else { 401 }, "{}"),
    });
    assert_eq!(rules, [""; 0]);
}

#[test]
fn two_bodies_by_chance_follow_no_condition() {
    for seed in 0..20 {
        let mut noise = noise();
        (0..seed).for_each(|_| _ = noise(2));
        let rules = found(Depth::Standard, |call| match lets_in(call) {
            true => careful(answer(200, if noise(2) == 0 { "[1,2,3]" } else { "[]" })),
            false => answer(429, "{}"),
        });
        assert_eq!(rules, [""; 0], "{seed}");
    }
}

#[test]
fn slow_and_uneven_servers_follow_no_delay() {
    let mut noise = noise();
    let rules = found(Depth::Deep, |call| {
        let heard = if lets_in(call) { answer(200, "{}") } else { answer(429, "{}") };
        careful(Heard { duration_us: 500_000 + noise(4_000_000), ..heard })
    });
    assert_eq!(rules, [""; 0]);
    let rules = found(Depth::Standard, |call| {
        let heard = if lets_in(call) { answer(200, "{}") } else { answer(429, "{}") };
        careful(Heard { duration_us: 3_000_000, ..heard })
    });
    assert_eq!(rules, [""; 0]);
}

#[test]
fn a_server_that_repeats_requests_in_json_has_no_findings() {
    let rules = found(Depth::Standard, |call| match lets_in(call) {
        true => careful(answer(200, &json!({ "target": call.target, "body": call.body }).to_string())),
        false => answer(429, "{}"),
    });
    assert_eq!(rules, [""; 0]);
}

#[test]
fn huge_bodies_are_no_matter() {
    let huge = format!("[{}1]", "1,".repeat(500_000));
    let rules = found(Depth::Quick, |call| match lets_in(call) {
        true => careful(answer(200, &huge)),
        false => answer(429, "{}"),
    });
    assert_eq!(rules, [""; 0]);
    let page = "<p>".repeat(300_000);
    let rules = found(Depth::Quick, |call| {
        let mut heard = if lets_in(call) { typed(200, "text/html", &page) } else { answer(429, "{}") };
        heard.headers.push(("X-Frame-Options".into(), "DENY".into()));
        careful(heard)
    });
    assert_eq!(rules, [""; 0]);
}
