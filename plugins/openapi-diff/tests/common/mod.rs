//! What tests of comparisons share.
#![allow(dead_code, reason = "each test uses a part of it")]

use serde_json::{Value, json};
use stresshost_openapi::{Place, Spec, Validator};
use stresshost_openapi_diff::{Change, Comparison, Level, compare};

/// Reads a document of these paths, which must be whole.
pub(crate) fn spec(paths: Value) -> Spec {
    document(json!({ "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": paths }))
}

pub(crate) fn document(document: Value) -> Spec {
    let (spec, problems) = stresshost_openapi::read(&document).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    spec
}

/// Compares two documents of one operation.
pub(crate) fn operations(base: Value, revision: Value) -> Comparison {
    compare(&spec(json!({ "/a": { "post": base } })), &spec(json!({ "/a": { "post": revision } })))
}

/// Where a schema may stand; as the middle of a rule's id.
pub(crate) const PLACES: [&str; 6] = [
    "request-parameter",
    "request-body",
    "request-property",
    "response-body",
    "response-property",
    "response-header",
];

/// An operation with a schema at a place.
pub(crate) fn operation(place: &str, schema: &Value) -> Value {
    let object = json!({ "type": "object", "properties": { "p": schema } });
    let body = |schema: &Value| json!({ "content": { "application/json": { "schema": schema } } });
    match place {
        "request-parameter" => json!({ "parameters": [{ "name": "p", "in": "query", "schema": schema }] }),
        "request-body" => json!({ "requestBody": body(schema) }),
        "request-property" => json!({ "requestBody": body(&object) }),
        "response-body" => json!({ "responses": { "200": body(schema) } }),
        "response-property" => json!({ "responses": { "200": body(&object) } }),
        "response-header" => json!({ "responses": { "200": { "headers": { "p": { "schema": schema } } } } }),
        _ => unreachable!("no such place"),
    }
}

/// Compares two schemas at a place, confirming every witness.
pub(crate) fn schemas(place: &str, base: &Value, revision: &Value) -> Comparison {
    let (old, new) = (operation(place, base), operation(place, revision));
    let (old, new) = (spec(json!({ "/a": { "post": old } })), spec(json!({ "/a": { "post": new } })));
    let comparison = compare(&old, &new);
    for change in &comparison.changes {
        confirm(&old, &new, change);
    }
    comparison
}

/// Holds the witness of a change against both documents.
pub(crate) fn confirm(base: &Spec, revision: &Spec, change: &Change) {
    let Some(witness) = &change.witness else { return };
    assert_eq!(change.level, Level::Breaking, "{change:?}");
    let is_valid = |spec: &Spec| {
        let operation = &spec.operations[0];
        let schema = if change.place.starts_with("request body") {
            operation.body.as_ref().unwrap().contents[0].schema.clone()
        } else if change.place.contains(" header ") {
            Some(operation.responses[0].headers[0].schema.clone())
        } else if change.place.starts_with("response") {
            operation.responses[0].contents[0].schema.clone()
        } else {
            let parameter = operation.parameters.iter().find(|one| one.place == Place::Query);
            Some(parameter.unwrap().schema.clone())
        };
        Validator::new(&schema.unwrap_or(json!(true))).unwrap().is_valid(witness)
    };
    let is_request = !change.place.starts_with("response");
    assert_eq!((is_valid(base), is_valid(revision)), (is_request, !is_request), "{change:?}");
}

pub(crate) fn ids(comparison: &Comparison) -> Vec<&'static str> {
    comparison.changes.iter().map(|change| change.rule).collect()
}
