//! What is told of operations: which is which, statuses, media types and headers.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as the tests do")]

mod common;

use std::fmt::Write as _;

use common::{ids, operations, spec};
use serde_json::{Value, json};
use stresshost_openapi_diff::{Level, compare};

#[test]
fn parameters_of_paths_may_be_renamed() {
    let get = |path: &str, name: &str, kind: &str| {
        let parameter = json!({ "name": name, "in": "path", "required": true, "schema": { "type": kind } });
        spec(json!({ path: { "get": { "parameters": [parameter] } } }))
    };
    let comparison = compare(&get("/a/{id}", "id", "string"), &get("/a/{key}", "key", "string"));
    assert_eq!((comparison.operations_compared, comparison.changes.len()), (1, 0));
    let comparison = compare(&get("/a/{id}", "id", "string"), &get("/a/{key}", "key", "integer"));
    let change = &comparison.changes[0];
    assert_eq!((change.rule, change.place.as_str()), ("request-parameter-type-changed", "path parameter id"));
    assert_eq!((change.operation.as_str(), change.witness.clone()), ("GET /a/{id}", Some(json!("text"))));
}

#[test]
fn an_operation_has_one_counterpart() {
    let get =
        |name: &str| json!({ "get": { "parameters": [{ "name": name, "in": "path", "required": true }] } });
    let base = spec(json!({ "/a/{x}": get("x"), "/a/{y}": get("y") }));
    let revision = spec(json!({ "/a/{y}": get("y") }));
    let comparison = compare(&base, &revision);
    assert_eq!(comparison.operations_compared, 1);
    assert_eq!(ids(&comparison), ["api-removed-without-deprecation"]);
}

#[test]
fn names_of_headers_have_no_case() {
    let header = |name: &str| {
        json!({
            "parameters": [{ "name": name, "in": "header", "required": true, "schema": { "type": "string" } }],
            "responses": { "200": { "headers": { name: { "required": true, "schema": { "type": "string" } } } } },
        })
    };
    assert!(operations(header("X-Id"), header("x-id")).changes.is_empty());
}

#[test]
fn a_status_may_be_described_by_its_hundred() {
    let content = |kind: &str| json!({ "content": { "application/json": { "schema": { "type": kind } } } });
    let status = |status: &str, kind: &str| json!({ "responses": { status: content(kind) } });
    let comparison = operations(status("200", "string"), status("2XX", "string"));
    assert_eq!(ids(&comparison), ["response-success-status-added"]);
    let comparison = operations(status("200", "string"), status("2XX", "integer"));
    assert!(ids(&comparison).contains(&"response-body-type-changed"), "{comparison:?}");
    let comparison = operations(
        status("4XX", "string"),
        json!({ "responses": {
        "4XX": content("string"), "404": content("integer") } }),
    );
    assert_eq!(comparison.breaking(), 1, "the 404 was told of as a text: {comparison:?}");
    let comparison = operations(
        status("default", "string"),
        json!({ "responses": {
        "default": content("string"), "201": content("integer") } }),
    );
    assert_eq!(comparison.breaking(), 0, "`default` is about errors: {comparison:?}");
}

#[test]
fn media_types_are_told_apart_by_what_they_mean() {
    let body = |media_type: &str, kind: &str| json!({ "requestBody": { "content": { media_type: { "schema": { "type": kind } }, "text/csv": {} } } });
    let comparison =
        operations(body("application/json", "string"), body("Application/JSON; charset=utf-8", "integer"));
    assert_eq!(ids(&comparison), ["request-body-type-changed"]);
    assert_eq!(comparison.changes[0].place, "request body (application/json)");
    let comparison = operations(body("application/xml", "string"), body("application/xml", "integer"));
    assert!(comparison.changes[0].witness.is_none(), "a value in JSON says nothing of XML");
    assert_eq!(comparison.changes[0].level, Level::Breaking);
    let without = json!({ "requestBody": { "content": { "application/json": {}, "text/csv": {} } } });
    assert_eq!(ids(&operations(without, body("application/json", "string"))), ["request-body-type-changed"]);
}

#[test]
fn schemes_are_known_by_what_they_ask_for() {
    let secured = |name: &str, header: &str, ways: Value| {
        common::document(json!({
            "openapi": "3.0.3", "paths": { "/a": { "get": { "security": ways } } },
            "components": { "securitySchemes": {
                name: { "type": "apiKey", "in": "header", "name": header }, "o": { "type": "openIdConnect" } } },
        }))
    };
    let base = secured("key", "X-Key", json!([{ "key": [] }]));
    assert!(compare(&base, &secured("other", "X-Key", json!([{ "other": [] }]))).changes.is_empty());
    let comparison = compare(&base, &secured("key", "X-Token", json!([{ "key": [] }])));
    assert_eq!(ids(&comparison), ["api-security-alternative-added", "api-security-removed"]);
    let comparison = compare(&base, &secured("key", "X-Key", json!([{ "key": [] }, { "key": [], "o": [] }])));
    assert!(comparison.changes.is_empty(), "who has more is let in as before: {comparison:?}");
    let comparison = compare(&base, &secured("key", "X-Key", json!([{ "key": [] }, {}])));
    assert_eq!(ids(&comparison), ["api-security-no-longer-required"]);
}

#[test]
fn changes_are_in_order_whatever_the_order_of_the_documents() {
    let base = spec(json!({ "/b": { "get": {} }, "/a": { "get": {}, "put": {} } }));
    let other = spec(json!({ "/a": { "put": {}, "get": {} }, "/b": { "get": {} } }));
    let revision = spec(json!({ "/c": { "get": {} } }));
    let comparison = compare(&base, &revision);
    assert_eq!(comparison, compare(&other, &revision));
    assert!(comparison.changes.is_sorted_by_key(|one| one.operation.clone()));
}

/// A document of the largest size that is read: about 5 MB.
fn large(most: u64) -> (usize, stresshost_openapi::Spec) {
    let mut paths = json!({});
    for index in 0..1_000_u64 {
        let mut properties = json!({});
        for at in 0..40 {
            let mut text = String::new();
            write!(text, "property {at} of {index}, described at some length as people do").unwrap();
            properties[format!("property{at}")] =
                json!({ "type": "string", "maxLength": 100, "description": text });
        }
        properties["next"] = json!({ "$ref": "#/components/schemas/Shared" });
        properties["changed"] = json!({ "type": "string", "maxLength": most });
        let schema = json!({ "type": "object", "properties": properties });
        let content = json!({ "content": { "application/json": { "schema": schema } } });
        paths[format!("/p{index}")] =
            json!({ "post": { "requestBody": content, "responses": { "200": content } } });
    }
    let document = json!({ "openapi": "3.1.0", "paths": paths, "components": { "schemas": { "Shared": {
        "type": "object", "properties": { "next": { "$ref": "#/components/schemas/Shared" }, "n": { "type": "integer" } } } } } });
    (document.to_string().len(), common::document(document))
}

#[test]
fn large_documents_are_compared() {
    let ((size, base), (_, revision)) = (large(50), large(40));
    assert!(size > 5_000_000, "{size}");
    let comparison = compare(&base, &revision);
    assert_eq!(comparison.operations_compared, 1_000);
    assert_eq!((comparison.breaking(), comparison.infos()), (1_000, 1_000));
    assert!(comparison.complete && comparison.not_comparable.is_empty());
    let proven = comparison.changes.iter().filter(|one| one.witness.is_some()).count();
    assert_eq!(proven, stresshost_openapi_diff::MAX_PROOFS);
    assert!(compare(&base, &base).changes.is_empty());
}
