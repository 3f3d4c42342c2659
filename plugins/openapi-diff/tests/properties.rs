//! What holds of any two documents.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as the tests do")]

mod common;

use common::{PLACES, confirm, operation, spec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stresshost_openapi::{Spec, Validator, example};
use stresshost_openapi_diff::{Level, compare};

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        Just(json!(true)),
        Just(json!({ "type": "null" })),
        Just(json!({ "type": "boolean" })),
        Just(json!({ "type": "string", "format": "date" })),
        Just(json!({ "type": ["string", "null"], "pattern": "^[a-z]*$" })),
        Just(json!({ "type": "string", "pattern": "^[0-9]+$" })),
        Just(json!({ "$ref": "#/components/schemas/Node" })),
        Just(json!({ "type": "number", "exclusiveMinimum": 0.5, "multipleOf": 0.5 })),
        (0_u64..5, 0_u64..5)
            .prop_map(|(a, b)| json!({ "type": "string", "minLength": a, "maxLength": a + b })),
        (-5_i64..5, 0_i64..9).prop_map(|(a, b)| json!({ "type": "integer", "minimum": a, "maximum": a + b })),
        proptest::sample::subsequence(vec!["a", "b", "c", "d"], 1..4)
            .prop_map(|values| json!({ "enum": values })),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        let properties = proptest::collection::btree_map("[a-c]", inner.clone(), 0..3);
        prop_oneof![
            (properties, any::<bool>(), proptest::sample::subsequence(vec!["a", "b", "c"], 0..3)).prop_map(
                |(properties, is_closed, required)| {
                    let properties: Map<String, Value> = properties.into_iter().collect();
                    let mut schema =
                        json!({ "type": "object", "properties": properties, "required": required });
                    if is_closed {
                        schema["additionalProperties"] = json!(false);
                    }
                    schema
                }
            ),
            (inner.clone(), 0_u64..3)
                .prop_map(|(items, least)| { json!({ "type": "array", "items": items, "minItems": least }) }),
            inner.clone().prop_map(|inner| json!({ "type": "object", "additionalProperties": inner })),
            inner.clone().prop_map(|inner| json!({ "not": inner })),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({ "oneOf": parts })),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({ "anyOf": parts })),
            proptest::collection::vec(inner, 1..3).prop_map(|parts| json!({ "allOf": parts })),
        ]
    })
}

fn with_node(place: &str, schema: &Value) -> Spec {
    common::document(json!({
        "openapi": "3.1.0", "paths": { "/a": { "post": operation(place, schema) } },
        "components": { "schemas": { "Node": { "type": "object", "properties": {
            "next": { "$ref": "#/components/schemas/Node" }, "n": { "type": "integer" } } } } },
    }))
}

/// Replaces the schema that comes after so many others within this one.
fn replace(schema: &mut Value, after: &mut usize, new: &Value) {
    if *after == 0 {
        *schema = new.clone();
    }
    *after = after.wrapping_sub(1);
    let Some(map) = schema.as_object_mut() else { return };
    for (keyword, value) in map {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(named)) => {
                named.values_mut().for_each(|one| replace(one, after, new))
            }
            ("oneOf" | "anyOf" | "allOf", Value::Array(list)) => {
                list.iter_mut().for_each(|one| replace(one, after, new));
            }
            ("items" | "additionalProperties" | "not", one) => replace(one, after, new),
            _ => {}
        }
    }
}

/// Two schemas that differ at one place, or hardly.
fn two_schemas() -> impl Strategy<Value = (Value, Value)> {
    (schema(), 0_usize..8, schema()).prop_map(|(base, mut after, new)| {
        let mut revision = base.clone();
        replace(&mut revision, &mut after, &new);
        (base, revision)
    })
}

/// Values of all kinds.
fn values() -> Vec<Value> {
    let leaves = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(-4),
        json!(7),
        json!(1.5),
        json!(0.25),
        json!(""),
        json!("a"),
        json!("d"),
        json!("ab"),
        json!("abcdefg"),
        json!("42"),
        json!("2026-01-02"),
        json!([]),
        json!({}),
    ];
    let mut values: Vec<Value> = leaves.to_vec();
    for leaf in &leaves {
        values.extend([
            json!([leaf]),
            json!([leaf, leaf]),
            json!({ "a": leaf }),
            json!({ "b": leaf, "c": leaf }),
        ]);
        values.extend([
            json!({ "a": { "a": leaf } }),
            json!([{ "a": leaf }]),
            json!({ "a": [leaf] }),
            json!({ "x": leaf }),
        ]);
    }
    values
}

/// The same schema, written otherwise: the order of names, and notes.
fn rewritten(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let mut out: Map<String, Value> =
                map.iter().rev().map(|(name, value)| (name.clone(), rewritten(value))).collect();
            if out.contains_key("type") && out["type"].is_string() {
                out.insert("description".to_owned(), json!("rewritten"));
            }
            out
        }
        .into(),
        Value::Array(items) => items.iter().map(rewritten).collect(),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_changes_between_a_document_and_itself(schema in schema(), place in 0..PLACES.len()) {
        let base = with_node(PLACES[place], &schema);
        let comparison = compare(&base, &base);
        prop_assert!(comparison.changes.is_empty() && comparison.not_comparable.is_empty());
        // Written otherwise it is walked, where equal documents are not.
        let comparison = compare(&base, &with_node(PLACES[place], &rewritten(&schema)));
        prop_assert!(comparison.changes.is_empty(), "{:?}", comparison);
        prop_assert!(comparison.not_comparable.is_empty(), "{:?}", comparison);
    }

    #[test]
    fn every_witness_is_one((base, revision) in two_schemas(), place in 0..PLACES.len()) {
        let (base, revision) = (with_node(PLACES[place], &base), with_node(PLACES[place], &revision));
        let comparison = compare(&base, &revision);
        for change in &comparison.changes {
            confirm(&base, &revision, change);
        }
        prop_assert_eq!(&comparison, &compare(&base, &revision));
    }

    #[test]
    fn a_value_that_breaks_is_not_passed_over((base, revision) in two_schemas(), is_request in any::<bool>()) {
        let place = if is_request { "request-body" } else { "response-body" };
        let (old, new) = (with_node(place, &base), with_node(place, &revision));
        let comparison = compare(&old, &new);
        let ids = common::ids(&comparison);
        // An open object is taken to leave alone what it does not describe.
        let is_stance = |id: &&str| matches!(*id, "new-optional-request-property" | "response-optional-property-removed");
        if ids.iter().any(is_stance) {
            return Ok(());
        }
        let validator = |spec: &Spec| {
            let operation = &spec.operations[0];
            let contents = match &operation.body {
                Some(body) => &body.contents,
                None => &operation.responses[0].contents,
            };
            (Validator::new(contents[0].schema.as_ref().unwrap()).unwrap(), contents[0].schema.clone().unwrap())
        };
        let (from, to) = if is_request { (&old, &new) } else { (&new, &old) };
        let ((allows, schema), (forbids, _)) = (validator(from), validator(to));
        let mut values = values();
        values.push(example(&schema));
        if let Some(value) = values.iter().find(|value| allows.is_valid(value) && !forbids.is_valid(value)) {
            let is_told = comparison.changes.iter().any(|one| one.level > Level::Info);
            prop_assert!(is_told || !comparison.not_comparable.is_empty(), "{} {:?}", value, comparison);
        }
    }

    #[test]
    fn an_optional_property_more_breaks_no_request(
        properties in proptest::collection::btree_map("[a-c]", schema(), 0..3),
        added in schema(),
    ) {
        let properties: Map<String, Value> = properties.into_iter().collect();
        let base = json!({ "type": "object", "properties": properties });
        let mut revision = base.clone();
        revision["properties"]["new"] = added;
        for place in ["request-body", "request-property"] {
            let comparison = compare(&with_node(place, &base), &with_node(place, &revision));
            prop_assert_eq!(common::ids(&comparison), ["new-optional-request-property"]);
            prop_assert_eq!(comparison.breaking(), 0);
        }
    }
}

#[test]
fn documents_without_operations_are_the_same() {
    let none = spec(json!({}));
    assert_eq!(compare(&none, &none).operations_compared, 0);
}
