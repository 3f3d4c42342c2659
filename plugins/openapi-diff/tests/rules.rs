//! Every rule has a case, and no change has a rule that is not in the table.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as the tests do")]

mod common;

use std::collections::BTreeSet;

use common::{PLACES, document, ids, operations, schemas, spec};
use serde_json::{Value, json};
use stresshost_openapi_diff::{Comparison, Level, RULES, compare};

/// Changes of a schema: what they are called in a request and in a response, the base and the revision. Also tried backwards
/// where the names of that are given.
#[expect(clippy::too_many_lines, reason = "a table")]
fn schema_cases() -> Vec<(&'static str, &'static str, Value, Value)> {
    let mut cases = vec![
        ("type-changed", "type-changed", json!({ "type": "string" }), json!({ "type": "boolean" })),
        ("type-compatible", "type-changed", json!({ "type": "integer" }), json!({ "type": "number" })),
        (
            "type-changed",
            "type-compatible",
            json!({ "type": ["string", "array"] }),
            json!({ "type": "string" }),
        ),
        (
            "format-changed",
            "type-compatible",
            json!({ "type": "string" }),
            json!({ "type": "string", "format": "date" }),
        ),
        (
            "type-compatible",
            "format-changed",
            json!({ "type": "integer", "format": "int32" }),
            json!({ "type": "integer", "format": "int64" }),
        ),
        (
            "pattern-changed",
            "pattern-changed",
            json!({ "type": "string", "pattern": "^[a-z]+$" }),
            json!({ "type": "string", "pattern": "^[0-9]+$" }),
        ),
        (
            "multiple-of-changed",
            "multiple-of-compatible",
            json!({ "type": "integer", "multipleOf": 2 }),
            json!({ "type": "integer", "multipleOf": 4 }),
        ),
        (
            "multiple-of-compatible",
            "multiple-of-changed",
            json!({ "type": "integer", "multipleOf": 4 }),
            json!({ "type": "integer", "multipleOf": 2 }),
        ),
        (
            "default-value-changed",
            "default-value-changed",
            json!({ "type": "string", "default": "a" }),
            json!({ "type": "string", "default": "b" }),
        ),
    ];
    let mut both = |there: &'static str, back: &'static str, base: Value, revision: Value| {
        cases.push((there, there, base.clone(), revision.clone()));
        cases.push((back, back, revision, base));
    };
    let string = json!({ "type": "string" });
    both("became-nullable", "became-not-nullable", string.clone(), json!({ "type": ["string", "null"] }));
    both("became-enum", "became-not-enum", string.clone(), json!({ "type": "string", "enum": ["a", "b"] }));
    both("enum-value-added", "enum-value-removed", json!({ "const": "a" }), json!({ "enum": ["a", "b"] }));
    both("pattern-added", "pattern-removed", string.clone(), json!({ "type": "string", "pattern": "^a" }));
    both(
        "default-value-added",
        "default-value-removed",
        string.clone(),
        json!({ "type": "string", "default": "a" }),
    );
    both("deprecated", "reactivated", string, json!({ "type": "string", "deprecated": true }));
    both(
        "multiple-of-set",
        "multiple-of-unset",
        json!({ "type": "integer" }),
        json!({ "type": "integer", "multipleOf": 2 }),
    );
    both(
        "unique-items-set",
        "unique-items-unset",
        json!({ "type": "array", "items": { "type": "string" } }),
        json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true }),
    );
    both(
        "additional-properties-forbidden",
        "additional-properties-allowed",
        json!({ "type": "object" }),
        json!({ "type": "object", "additionalProperties": false }),
    );
    let two = json!([{ "type": "string" }, { "type": "integer" }]);
    let three = json!([{ "type": "string" }, { "type": "boolean" }, { "type": "integer" }]);
    both("one-of-added", "one-of-removed", json!({ "oneOf": two }), json!({ "oneOf": three }));
    both("any-of-added", "any-of-removed", json!({ "anyOf": two }), json!({ "anyOf": three }));
    macro_rules! bound {
        ($kind:literal, $keyword:literal, $name:literal) => {
            let bound = |limit: Option<u64>| {
                let mut schema = json!({ "type": $kind });
                if let Some(limit) = limit {
                    schema[$keyword] = json!(limit);
                }
                schema
            };
            both(concat!($name, "-set"), concat!($name, "-unset"), bound(None), bound(Some(3)));
            both(concat!($name, "-increased"), concat!($name, "-decreased"), bound(Some(3)), bound(Some(5)));
        };
    }
    bound!("number", "minimum", "min");
    bound!("number", "maximum", "max");
    bound!("string", "minLength", "min-length");
    bound!("string", "maxLength", "max-length");
    bound!("array", "minItems", "min-items");
    bound!("array", "maxItems", "max-items");
    bound!("object", "minProperties", "min-properties");
    bound!("object", "maxProperties", "max-properties");
    cases
}

fn content(schema: Value) -> Value {
    json!({ "content": { "application/json": { "schema": schema } } })
}

/// Other changes of an operation: the id, the base and the revision.
#[expect(clippy::too_many_lines, reason = "a table")]
fn operation_cases() -> Vec<(&'static str, Value, Value)> {
    let parameter =
        |required: bool| json!({ "parameters": [{ "name": "q", "in": "query", "required": required }] });
    let body =
        |required: bool| json!({ "requestBody": { "required": required, "content": { "text/plain": {} } } });
    let response = |status: &str| json!({ "responses": { status: {}, "default": {} } });
    let header = |required: bool| json!({ "responses": { "200": { "headers": { "X": { "required": required, "schema": {} } } } } });
    let object = |names: &[&str], required: &[&str]| {
        let properties: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
        json!({ "type": "object", "properties": properties, "required": required })
    };
    let request =
        |names: &[&str], required: &[&str]| json!({ "requestBody": content(object(names, required)) });
    let answer = |names: &[&str], required: &[&str]| json!({ "responses": { "200": content(object(names, required)) } });
    let (text, csv) = (json!({ "text/plain": {} }), json!({ "text/plain": {}, "text/csv": {} }));
    let mut cases = Vec::new();
    let mut both = |there: &'static str, back: &'static str, base: Value, revision: Value| {
        cases.push((there, base.clone(), revision.clone()));
        cases.push((back, revision, base));
    };
    both("endpoint-deprecated", "endpoint-reactivated", json!({}), json!({ "deprecated": true }));
    both("api-operation-id-added", "api-operation-id-removed", json!({}), json!({ "operationId": "a" }));
    both("new-required-request-parameter", "request-parameter-removed", json!({}), parameter(true));
    both("new-optional-request-parameter", "request-parameter-removed", json!({}), parameter(false));
    both(
        "request-parameter-became-required",
        "request-parameter-became-optional",
        parameter(false),
        parameter(true),
    );
    both("request-body-added-required", "request-body-removed", json!({}), body(true));
    both("request-body-added-optional", "request-body-removed", json!({}), body(false));
    both("request-body-became-required", "request-body-became-optional", body(false), body(true));
    both(
        "request-body-media-type-added",
        "request-body-media-type-removed",
        json!({ "requestBody": { "content": text } }),
        json!({ "requestBody": { "content": csv } }),
    );
    both(
        "new-required-request-property",
        "request-property-removed",
        request(&[], &[]),
        request(&["a"], &["a"]),
    );
    both(
        "new-optional-request-property",
        "request-property-removed",
        request(&[], &[]),
        request(&["a"], &[]),
    );
    both(
        "request-property-became-required",
        "request-property-became-optional",
        request(&["a"], &[]),
        request(&["a"], &["a"]),
    );
    both("response-success-status-added", "response-success-status-removed", response("404"), {
        json!({ "responses": { "404": {}, "200": {}, "default": {} } })
    });
    both("response-non-success-status-added", "response-non-success-status-removed", response("200"), {
        json!({ "responses": { "404": {}, "200": {}, "default": {} } })
    });
    both(
        "response-media-type-added",
        "response-media-type-removed",
        json!({ "responses": { "200": { "content": text } } }),
        json!({ "responses": { "200": { "content": csv } } }),
    );
    let bare = json!({ "responses": { "200": {} } });
    both("response-header-added", "required-response-header-removed", bare.clone(), header(true));
    both("response-header-added", "optional-response-header-removed", bare, header(false));
    both("response-header-became-required", "response-header-became-optional", header(false), header(true));
    both(
        "response-required-property-added",
        "response-required-property-removed",
        answer(&[], &[]),
        answer(&["a"], &["a"]),
    );
    both(
        "response-optional-property-added",
        "response-optional-property-removed",
        answer(&[], &[]),
        answer(&["a"], &[]),
    );
    both(
        "response-property-became-required",
        "response-property-became-optional",
        answer(&["a"], &[]),
        answer(&["a"], &["a"]),
    );
    cases
}

/// Changes of whole documents.
fn document_cases() -> Vec<(&'static str, Comparison)> {
    let one = spec(json!({ "/a": { "get": {}, "post": {} } }));
    let fewer = spec(json!({ "/a": { "get": {} } }));
    let none = spec(json!({ "/b": { "get": {} } }));
    let old = spec(json!({ "/a": { "get": {}, "post": { "deprecated": true } } }));
    let secured = |security: Value| {
        document(json!({
            "openapi": "3.0.3", "paths": { "/a": { "get": { "security": security } } },
            "components": { "securitySchemes": {
                "key": { "type": "apiKey", "in": "header", "name": "X-Key" },
                "token": { "type": "http", "scheme": "bearer" },
            } },
        }))
    };
    let (open, key) = (secured(json!([])), secured(json!([{ "key": [] }])));
    let either = secured(json!([{ "key": [] }, { "token": [] }]));
    let all = secured(json!([{ "key": [], "token": [] }]));
    vec![
        ("endpoint-added", compare(&fewer, &one)),
        ("api-removed-without-deprecation", compare(&one, &fewer)),
        ("api-removed-with-deprecation", compare(&old, &fewer)),
        ("api-path-removed-without-deprecation", compare(&one, &none)),
        ("api-path-removed-with-deprecation", compare(&old, &none)),
        ("api-security-added", compare(&open, &key)),
        ("api-security-no-longer-required", compare(&key, &open)),
        ("api-security-alternative-added", compare(&key, &either)),
        ("api-security-removed", compare(&either, &key)),
        ("api-security-removed", compare(&key, &all)),
    ]
}

fn in_table(comparison: &Comparison) {
    for change in &comparison.changes {
        let rule = RULES.iter().find(|rule| rule.id == change.rule).expect(change.rule);
        assert!(change.level >= rule.level, "only proof makes a change worse: {change:?}");
        assert!(!change.message.is_empty() && !change.operation.is_empty());
    }
}

#[test]
fn every_rule_is_in_the_table_and_has_a_case() {
    let mut found = BTreeSet::new();
    for (request, response, base, revision) in schema_cases() {
        for place in PLACES {
            let aspect = if place.starts_with("request") { request } else { response };
            let expected = format!("{place}-{aspect}");
            let comparison = schemas(place, &base, &revision);
            in_table(&comparison);
            assert_eq!(ids(&comparison), [expected.as_str()], "{base} {revision} {comparison:?}");
            assert_eq!(comparison.not_comparable, [], "{base} {revision}");
            assert!(schemas(place, &base, &base).changes.is_empty());
            let change = &comparison.changes[0];
            let is_proven = change.witness.is_some();
            assert_eq!(is_proven, change.level == Level::Breaking, "{base} {revision} {change:?}");
            found.extend(ids(&comparison));
        }
    }
    for (id, base, revision) in operation_cases() {
        let comparison = operations(base.clone(), revision.clone());
        in_table(&comparison);
        assert_eq!(ids(&comparison), [id], "{base} {revision} {comparison:?}");
        found.extend(ids(&comparison));
    }
    for (id, comparison) in document_cases() {
        in_table(&comparison);
        assert!(ids(&comparison).contains(&id), "{id} {comparison:?}");
        found.extend(ids(&comparison));
    }
    let without: Vec<_> = RULES.iter().filter(|rule| !found.contains(rule.id)).map(|rule| rule.id).collect();
    assert!(without.is_empty(), "rules without a case: {without:?}");
}

#[test]
fn levels_are_those_of_the_direction() {
    for (place, level) in [("request-property", Level::Breaking), ("response-property", Level::Info)] {
        let (base, revision) = (json!({ "type": "string" }), json!({ "type": "string", "maxLength": 4 }));
        assert_eq!(schemas(place, &base, &revision).changes[0].level, level);
    }
    let comparison = operations(json!({ "parameters": [{ "name": "q", "in": "query" }] }), json!({}));
    assert_eq!((comparison.breaking(), comparison.warnings(), comparison.infos()), (0, 1, 0));
}

#[test]
fn the_readme_lists_every_rule() {
    let readme = include_str!("../README.md");
    let mut rows = 0;
    for line in readme.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let id = cells[1].trim_matches('`');
        let in_requests = RULES.iter().filter(|rule| rule.id.starts_with("request"));
        let in_responses = RULES.iter().filter(|rule| rule.id.starts_with("response"));
        let level = |rule: &stresshost_openapi_diff::Rule| format!("{:?}", rule.level).to_lowercase();
        match id.strip_prefix('…') {
            Some(aspect) => {
                let of = |id: &str, place: &str| id.strip_prefix(place) == Some(aspect);
                let mut request = in_requests.filter(|rule| of(rule.id, "request-body"));
                let mut response = in_responses.filter(|rule| of(rule.id, "response-body"));
                assert_eq!(level(request.next().expect(id)), cells[2]);
                assert_eq!(level(response.next().expect(id)), cells[3]);
                rows += PLACES.len();
            }
            None => {
                let rule = RULES.iter().find(|rule| rule.id == id).expect(id);
                assert_eq!((level(rule).as_str(), rule.description), (cells[2], cells[3]));
                rows += 1;
            }
        }
    }
    assert_eq!(rows, RULES.len());
}
