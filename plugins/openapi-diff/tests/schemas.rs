//! What is told of schemas: where, in which direction, and what is not decided.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as the tests do")]

mod common;

use common::{confirm, document, ids, operation, schemas};
use serde_json::{Value, json};
use stresshost_openapi::Spec;
use stresshost_openapi_diff::{Comparison, Level, MAX_SCHEMA_CHANGES, compare};

/// Changes as (rule, place, level), and reasons why there is nothing to say.
fn told(comparison: &Comparison) -> Vec<(&str, &str, Level)> {
    comparison.changes.iter().map(|one| (one.rule, one.place.as_str(), one.level)).collect()
}

fn request(base: &Value, revision: &Value) -> Comparison {
    schemas("request-body", base, revision)
}

fn response(base: &Value, revision: &Value) -> Comparison {
    schemas("response-body", base, revision)
}

fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

/// Documents whose request and response are the component `A`.
fn components(base: Value, revision: Value) -> Comparison {
    let (base, revision) = (components_of(base), components_of(revision));
    let comparison = compare(&base, &revision);
    comparison.changes.iter().for_each(|change| confirm(&base, &revision, change));
    comparison
}

fn components_of(schemas: Value) -> Spec {
    let content =
        json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/A" } } } });
    document(json!({
        "openapi": "3.1.0", "components": { "schemas": schemas },
        "paths": { "/a": { "post": { "requestBody": content, "responses": { "200": content } } } },
    }))
}

#[test]
fn places_lead_to_what_changed() {
    let deep = |zip: Value| {
        let address = json!({ "type": "object", "properties": { "a/b~c": zip } });
        object(json!({ "list": { "type": "array", "items": { "additionalProperties": address } } }))
    };
    let comparison =
        request(&deep(json!({ "type": "string" })), &deep(json!({ "type": "string", "maxLength": 2 })));
    let rule = "request-property-max-length-set";
    assert_eq!(told(&comparison), [(rule, "request body /list/*/*/a~1b~0c", Level::Breaking)]);
    assert!(comparison.changes[0].witness.is_none(), "an example without a type is no object to look into");
    let comparison = response(
        &object(json!({ "id": { "type": "integer" } })),
        &object(json!({ "id": { "type": "string" } })),
    );
    assert_eq!(told(&comparison), [("response-property-type-changed", "response 200 /id", Level::Breaking)]);
    let witness = comparison.changes[0].witness.as_ref().unwrap();
    assert!(witness["id"].is_string(), "{witness}");
}

#[test]
fn witnesses_are_made_in_the_depth() {
    let deep = |most: u64| {
        json!({ "type": "object", "required": ["name", "list"], "properties": {
            "name": { "type": "string", "format": "uuid" },
            "list": { "type": "array", "items": { "type": "object", "required": ["n"], "properties": {
                "n": { "type": "integer", "minimum": 0, "maximum": most } } } } } })
    };
    let comparison = request(&deep(100), &deep(10));
    assert_eq!(comparison.changes[0].witness.as_ref().unwrap()["list"][0]["n"], json!(11));
    let comparison = response(&deep(10), &deep(100));
    assert!(comparison.changes[0].witness.as_ref().unwrap()["list"][0]["n"].as_u64().unwrap() > 10);
}

#[test]
fn a_witness_shows_its_own_change() {
    let base = object(json!({ "a": { "type": "string" }, "b": { "type": "integer" } }));
    let mut revision =
        object(json!({ "a": { "type": "string", "minLength": 9 }, "b": { "type": "boolean" } }));
    revision["required"] = json!(["c"]);
    let comparison = request(&base, &revision);
    let witness = |rule: &str| {
        let change = comparison.changes.iter().find(|change| change.rule == rule).unwrap();
        change.witness.clone().unwrap()
    };
    assert!(witness("request-property-min-length-set")["a"].as_str().unwrap().len() < 9);
    assert!(witness("request-property-type-changed")["b"].is_number());
    assert_eq!(witness("new-required-request-property").get("c"), None);
}

#[test]
fn what_says_the_same_is_the_same() {
    let string = json!({ "type": "string" });
    let parts = json!([{ "type": "object", "required": ["a"], "properties": { "a": string } },
        { "required": ["b"], "properties": { "b": { "type": "integer", "exclusiveMinimum": 0 } } }]);
    let merged = json!({ "type": "object", "required": ["b", "a"], "properties": {
        "b": { "type": "integer", "minimum": 1, "description": "new" }, "a": { "type": ["string"] } } });
    for (base, revision) in [
        (json!({ "allOf": parts }), merged),
        (json!({ "anyOf": [string, { "type": "null" }] }), json!({ "type": ["null", "string"] })),
        (json!({ "oneOf": [{ "type": "null" }, string] }), json!({ "type": ["string", "null"] })),
        (json!({ "anyOf": [string] }), string.clone()),
        (json!({ "const": "a" }), json!({ "type": "string", "enum": ["a"], "maxLength": 1 })),
        (json!({ "enum": ["a", "b"] }), json!({ "enum": ["b", "a"] })),
        (
            json!({ "oneOf": [string, { "type": "integer" }] }),
            json!({ "oneOf": [{ "type": "integer" }, string] }),
        ),
        (json!({ "not": string, "x-a": 1 }), json!({ "not": { "allOf": [string] }, "title": "t" })),
        (json!({}), json!(true)),
        (json!({ "type": "integer", "minLength": 3 }), json!({ "type": "integer", "minLength": 4 })),
        (json!({ "properties": {}, "additionalProperties": {} }), json!({ "additionalProperties": true })),
        (json!({ "type": "integer", "maximum": 5 }), json!({ "type": "integer", "maximum": 5.0 })),
    ] {
        for (a, b) in [(&base, &revision), (&revision, &base)] {
            for comparison in [request(a, b), response(a, b)] {
                let unclear = &comparison.not_comparable;
                assert!(comparison.changes.is_empty() && unclear.is_empty(), "{a} {b} {comparison:?}");
            }
        }
    }
}

#[test]
fn what_is_not_decided_is_told() {
    let (text, whole, flag) =
        (json!({ "type": "string" }), json!({ "type": "integer" }), json!({ "type": "boolean" }));
    let closed = |part: Value| json!({ "allOf": [{ "properties": { "a": text }, "additionalProperties": false }, part] });
    for (base, revision, reason) in [
        (json!({ "oneOf": [text, whole] }), json!({ "oneOf": [text, flag] }), "which was which"),
        (json!({ "anyOf": [text, whole] }), text.clone(), "one side only"),
        (json!({ "anyOf": [text, whole] }), json!({ "oneOf": [text, whole] }), "one side only"),
        (json!({ "not": text }), json!({ "not": whole }), "`not` changed"),
        (json!({ "if": text, "then": flag }), json!({}), "`if` and `then` changed"),
        (
            json!({ "patternProperties": { "a": text } }),
            json!({ "patternProperties": { "a": whole } }),
            "`patternProperties`",
        ),
        (json!({ "prefixItems": [text] }), json!({ "prefixItems": [text, text] }), "`prefixItems` changed"),
        (json!({ "dependentRequired": { "a": ["b"] } }), json!({}), "`dependentRequired` changed"),
        (json!({}), json!({ "enum": [{ "a": 1 }] }), "listed value"),
        (
            closed(json!({ "properties": { "b": text } })),
            closed(json!({ "additionalProperties": whole })),
            "each other's",
        ),
        // The alternative that is added is covered by the one that is there.
        (
            json!({ "anyOf": [text, whole] }),
            json!({ "anyOf": [text, whole, { "const": 5 }] }),
            "no value shows",
        ),
    ] {
        let comparison = response(&base, &revision);
        let told: Vec<&str> = comparison.not_comparable.iter().map(|one| one.reason.as_str()).collect();
        assert!(told.len() == 1 && told[0].contains(reason), "{base} {revision} {comparison:?}");
        assert_eq!(comparison.not_comparable[0].place, "response 200");
        assert_eq!(comparison.not_comparable[0].operation, "POST /a");
    }
}

#[test]
fn alternatives_that_shut_each_other_out_are_seen() {
    let base = json!({ "oneOf": [{ "type": "integer" }, { "type": "string" }] });
    let revision = json!({ "oneOf": [{ "type": "integer" }, { "type": "string" }, { "type": "number" }] });
    let comparison = request(&base, &revision);
    assert_eq!(told(&comparison), [("request-body-one-of-added", "request body", Level::Breaking)]);
    assert_eq!(comparison.changes[0].witness, Some(json!(1)));
}

#[test]
fn cycles_have_an_end_and_are_compared() {
    let node = |most: u64| {
        json!({ "A": { "type": "object", "properties": {
            "name": { "type": "string", "maxLength": most },
            "next": { "$ref": "#/components/schemas/A" },
            "all": { "type": "array", "items": { "oneOf": [{ "$ref": "#/components/schemas/A" }, { "type": "string" }] } },
        } } })
    };
    let comparison = components(node(5), node(3));
    assert_eq!(
        told(&comparison),
        [
            ("request-property-max-length-decreased", "request body /name", Level::Breaking),
            ("response-property-max-length-decreased", "response 200 /name", Level::Info),
        ]
    );
    assert!(comparison.not_comparable.is_empty());
    let lone = json!({ "A": { "allOf": [{ "$ref": "#/components/schemas/A" }, { "type": "string" }] } });
    let comparison = components(lone.clone(), json!({ "A": { "type": "string" } }));
    assert!(comparison.changes.is_empty(), "{comparison:?}");
    assert!(components(lone.clone(), lone).changes.is_empty());
}

#[test]
fn names_of_components_mean_nothing() {
    let schemas = |name: &str, kind: &str| {
        let reference = format!("#/components/schemas/{name}");
        json!({ "A": { "properties": { "b": { "$ref": reference } } }, name: { "type": kind } })
    };
    assert!(components(schemas("B", "string"), schemas("C", "string")).changes.is_empty());
    assert_eq!(components(schemas("B", "string"), schemas("C", "array")).breaking(), 2);
}

#[test]
fn what_the_other_side_writes_does_not_count() {
    let with = |id: Value, required: Value| json!({ "A": { "type": "object", "required": required, "properties": { "id": id } } });
    let read_only = |kind: &str| json!({ "type": kind, "readOnly": true });
    let comparison =
        components(with(read_only("integer"), json!(["id"])), with(read_only("string"), json!(["id"])));
    assert_eq!(told(&comparison), [("response-property-type-changed", "response 200 /id", Level::Breaking)]);
    let comparison =
        components(with(read_only("integer"), json!([])), with(json!({ "type": "integer" }), json!(["id"])));
    assert_eq!(
        ids(&comparison),
        ["new-required-request-property", "response-property-became-required"],
        "what becomes writable is new to a request"
    );
}

#[test]
fn objects_that_forbid_other_properties_are_strict() {
    let closed = |properties: Value| json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let (less, more) = (closed(json!({})), closed(json!({ "a": { "type": "string" } })));
    let comparison = request(&more, &less);
    assert_eq!(told(&comparison), [("request-property-removed", "request body /a", Level::Breaking)]);
    assert_eq!(comparison.changes[0].witness, Some(json!({ "a": "text" })));
    let comparison = response(&less, &more);
    assert_eq!(told(&comparison), [("response-optional-property-added", "response 200 /a", Level::Breaking)]);
    assert_eq!(comparison.changes[0].witness, Some(json!({ "a": "text" })));
    assert_eq!(response(&more, &less).breaking() + request(&less, &more).breaking(), 0);

    let map = |kind: &str| json!({ "type": "object", "additionalProperties": { "type": kind } });
    let comparison = request(&map("string"), &map("integer"));
    assert_eq!(told(&comparison), [("request-property-type-changed", "request body /*", Level::Breaking)]);
    assert!(comparison.changes[0].witness.is_some());
    let comparison = request(&object(json!({ "a": { "type": "string" } })), &map("integer"));
    assert!(ids(&comparison).contains(&"request-property-removed"), "{comparison:?}");
    assert!(told(&comparison).contains(&(
        "request-property-type-changed",
        "request body /a",
        Level::Breaking
    )));
}

#[test]
fn listed_values_that_were_not_allowed_are_new() {
    let (base, revision) =
        (json!({ "type": "string", "maxLength": 2 }), json!({ "enum": ["a", "abc", null] }));
    let comparison = response(&base, &revision);
    assert_eq!(
        ids(&comparison),
        ["response-body-became-enum", "response-body-became-nullable", "response-body-enum-value-added"]
    );
    assert_eq!(comparison.breaking(), 2);
    let comparison = request(&json!({ "enum": ["a", "abc"] }), &base);
    assert_eq!(ids(&comparison), ["request-body-became-not-enum", "request-body-enum-value-removed"]);
}

#[test]
fn documents_can_lend_their_examples() {
    let content = |schema: Value, example: Value| json!({ "requestBody": { "content": { "application/json": { "schema": schema, "example": example } } } });
    let schema = |least: u64| {
        json!({ "type": "object", "required": ["code", "n"], "properties": {
            "code": { "type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$" }, "n": { "type": "integer", "minimum": least } } })
    };
    let example = json!({ "code": "ABC-1234", "n": 7 });
    let comparison = common::operations(content(schema(3), example.clone()), content(schema(5), example));
    assert_eq!(comparison.changes[0].witness.as_ref().unwrap()["code"], json!("ABC-1234"));
}

#[test]
fn shared_parts_do_not_multiply_without_end() {
    // Each component has the next one twice: 2^20 places of one change.
    let chain = |kind: &str| {
        let mut schemas = json!({ "A": { "$ref": "#/components/schemas/S0" }, "S20": { "properties": { "x": { "type": kind } } } });
        for index in 0..20 {
            let next = json!({ "$ref": format!("#/components/schemas/S{}", index + 1) });
            schemas[format!("S{index}")] = json!({ "properties": { "a": next, "b": next } });
        }
        schemas
    };
    let comparison = components(chain("string"), chain("integer"));
    assert_eq!(comparison.changes.len(), 2 * MAX_SCHEMA_CHANGES);
    assert!(!comparison.complete);
    assert!(components(chain("string"), chain("string")).complete);
}

#[test]
fn alternatives_within_alternatives_have_an_end() {
    let nested = |depth: usize, leaf: Value| {
        (0..depth).fold(leaf, |inner, _| {
            json!({ "oneOf": [object(json!({ "a": inner })), object(json!({ "b": inner })), { "type": "string" }] })
        })
    };
    let base = operation("response-body", &nested(9, json!({ "type": "string" })));
    let revision = operation("response-body", &nested(9, json!({ "type": "integer" })));
    let comparison = common::operations(base, revision);
    assert!(!comparison.not_comparable.is_empty());
}

/// A plugin has a stack of 256 KiB, and this is not all that is on it.
const STACK: usize = 128 << 10;

#[test]
fn depth_needs_little_stack() {
    let chain = |leaf: &str, wrap: fn(Value) -> Value| {
        let mut schemas = json!({ "A": { "$ref": "#/components/schemas/S0" } });
        for index in 0..80 {
            let next = json!({ "$ref": format!("#/components/schemas/S{}", index + 1) });
            schemas[format!("S{index}")] = object(json!({ "a": wrap(next) }));
        }
        schemas["S80"] = json!({ "type": leaf });
        components_of(schemas)
    };
    let list: fn(Value) -> Value = |next| json!({ "type": "array", "items": next });
    let alternatives: fn(Value) -> Value = |next| json!({ "oneOf": [next, { "type": "string" }] });
    for (wrap, reason) in [(list, "too deep"), (alternatives, "which was which")] {
        let (base, revision) = (chain("string", wrap), chain("integer", wrap));
        let run = move || compare(&base, &revision);
        let comparison = std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap();
        assert_eq!(comparison.changes.len(), 0);
        assert!(comparison.not_comparable[0].reason.contains(reason), "{comparison:?}");
    }
}
