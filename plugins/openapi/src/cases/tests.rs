use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Numbers that look drawn, the same for the same seed.
fn drawn(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn abouts(cases: &[Case]) -> BTreeSet<&str> {
    cases.iter().map(|case| case.about.as_str()).collect()
}

#[test]
fn what_a_schema_allows_is_tried_at_its_edges() {
    for (schema, values) in [
        (
            json!({ "type": "integer", "minimum": 3, "maximum": 9 }),
            vec![json!(3), json!(4), json!(8), json!(9)],
        ),
        (json!({ "type": "integer", "exclusiveMinimum": 3, "multipleOf": 5 }), vec![json!(5), json!(10)]),
        (json!({ "type": "integer", "format": "int64" }), vec![json!(i64::MAX), json!(i64::MIN), json!(0)]),
        (json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 }), vec![json!(0.5), json!(1)]),
        (json!({ "type": ["string", "null"], "maxLength": 2 }), vec![json!(null), json!(""), json!("te")]),
        (json!({ "enum": ["a", "b", null] }), vec![json!("a"), json!("b"), json!(null)]),
        (json!({ "type": "string", "format": "date", "pattern": "^2" }), vec![json!("2026-01-02")]),
        (
            json!({ "type": "array", "items": { "type": "boolean" }, "minItems": 1, "maxItems": 2 }),
            vec![json!([true]), json!([false]), json!([true, true])],
        ),
        (
            json!({ "type": "array", "items": { "enum": [1, 2, 3] }, "uniqueItems": true, "minItems": 3 }),
            vec![json!([1, 2, 3])],
        ),
        (
            json!({ "oneOf": [{ "type": "boolean" }, { "type": "integer", "minimum": 7 }] }),
            vec![json!(true), json!(7)],
        ),
        (
            json!({ "type": "object", "required": ["a"], "additionalProperties": false,
            "properties": { "a": { "type": "boolean" }, "b": { "type": "integer", "maximum": 0 } } }),
            vec![json!({ "a": true }), json!({ "a": true, "b": 0 }), json!({ "a": false })],
        ),
        (
            json!({ "type": "object", "additionalProperties": { "type": "integer", "minimum": 2 } }),
            vec![json!({}), json!({ "key": 2 })],
        ),
        (json!({ "minProperties": 2, "type": "object" }), vec![json!({ "key1": "text", "key2": "text" })]),
    ] {
        let cases = positive(&schema, &mut drawn(1));
        for value in values {
            assert!(cases.iter().any(|case| case.value == value), "{schema} {value}: {cases:?}");
        }
    }
}

#[test]
fn what_is_just_outside_is_told_in_words() {
    let schema = json!({ "type": "object", "required": ["name", "kind"], "additionalProperties": false, "properties": {
        "name": { "type": "string", "minLength": 2, "maxLength": 5 },
        "kind": { "$ref": "#/$defs/Kind" },
        "age": { "type": ["integer", "null"], "minimum": 0 },
        "code": { "type": "string", "pattern": "^[a-z]+$" },
        "at": { "type": "string", "format": "date" },
        "tags": { "type": "array", "uniqueItems": true, "maxItems": 2, "items": { "type": "string", "minLength": 1 } },
        "inner": { "type": "object", "required": ["x"], "properties": { "x": { "type": "number", "maximum": 1 } } },
    }, "$defs": { "Kind": { "enum": ["cat", "dog"] } } });
    let cases = negative(&schema, &mut drawn(1));
    let told = abouts(&cases);
    for about in [
        "a text instead of an object",
        "`name` is missing",
        "`kind` is missing",
        "a property that is not declared",
        "`name`: null instead of a text",
        "`name`: one shorter than the least length 2",
        "`name`: one longer than the greatest length 5",
        "`kind`: none of the listed values",
        "`age`: one below the minimum 0",
        "`code`: a text that the pattern does not match",
        "`at`: a text that is not of the format date",
        "`tags`: the same item twice",
        "`tags`: one item more than the most, 2",
        "`tags`: item 0: one shorter than the least length 1",
        "`inner`: `x` is missing",
        "`inner`: `x`: a little above the maximum 1",
    ] {
        assert!(told.contains(about), "{about}: {told:#?}");
    }
    assert!(!told.iter().any(|about| about.contains("`age`: null")), "null is allowed: {told:?}");
}

#[test]
fn what_cannot_be_made_right_is_not_blamed_on_a_change() {
    let schema = json!({ "type": "object", "required": ["a", "b"], "properties": { "a": { "pattern": "^(?=zz)" }, "b": {} } });
    let cases = negative(&schema, &mut drawn(1));
    assert!(
        !cases.is_empty() && cases.iter().all(|case| case.about.ends_with("instead of an object")),
        "{cases:?}"
    );
}

#[test]
fn schemas_without_end_have_some_cases() {
    let branch = |index: usize| {
        json!({ "type": "object", "required": ["op", "l", "r"], "properties": {
        "op": { "const": index }, "l": { "$ref": "#/$defs/E" }, "r": { "$ref": "#/$defs/E" }, "e": { "anyOf": [{ "$ref": "#/$defs/E" }, {}] } } })
    };
    let branches: Vec<Value> =
        std::iter::once(json!({ "type": "integer" })).chain((0..19).map(branch)).collect();
    for schema in [
        json!({ "$ref": "#/$defs/N", "$defs": { "N": { "type": "object", "required": ["a", "b"], "properties": {
            "a": { "$ref": "#/$defs/N" }, "b": { "$ref": "#/$defs/N" } } } } }),
        json!({ "$ref": "#/$defs/N", "$defs": { "N": { "oneOf": [{ "$ref": "#/$defs/N" }, { "type": "string" }] } } }),
        json!({ "$ref": "#/$defs/T", "$defs": { "T": { "anyOf": [
            { "type": "object", "required": ["l", "r"], "properties": { "l": { "$ref": "#/$defs/T" }, "r": { "$ref": "#/$defs/T" } } },
            { "type": "integer" }] } } }),
        json!({ "allOf": [{ "$ref": "#/$defs/A" }], "$defs": { "A": { "allOf": [{ "$ref": "#/$defs/A" }] } } }),
        json!({ "$ref": "#/$defs/E", "$defs": { "E": { "oneOf": branches } } }),
        json!(true),
        json!(false),
    ] {
        let cases = positive(&schema, &mut drawn(1)).len() + negative(&schema, &mut drawn(1)).len();
        assert!(cases <= MAX_CASES * 2, "{schema}");
        negative_texts(&schema, &mut drawn(1));
    }
    assert!(positive(&json!({ "pattern": "(" }), &mut drawn(1)).is_empty(), "no schema, no cases");
}

#[test]
fn shrinking_finds_the_simple_cause() {
    let schema = json!({ "type": "object", "required": ["name"], "properties": {
        "name": { "type": "string" }, "age": { "type": "integer" }, "tags": { "items": { "type": "string" } } } });
    let value = json!({ "name": "Ünïcode & more", "age": 912, "tags": ["one", "two", "three"] });
    let fails_on_age = |value: &Value| value["age"].as_i64().is_some_and(|age| age > 100);
    assert_eq!(
        shrink(value.clone(), &schema, &mut { fails_on_age }, 1_000),
        json!({ "name": "", "age": 101 })
    );
    let mut calls = 0;
    let kept = shrink(
        value.clone(),
        &schema,
        &mut |_| {
            calls += 1;
            false
        },
        5,
    );
    assert_eq!((kept, calls), (value, 5), "the budget is kept");
    let bounded = json!({ "type": "integer", "minimum": 10 });
    assert_eq!(
        shrink(json!(500), &bounded, &mut |_| true, 1_000),
        json!(10),
        "what is allowed stays allowed"
    );
    assert_eq!(shrink(json!(-500), &bounded, &mut |_| true, 1_000), json!(0), "what is not stays outside");
}

/// Schemas of several kinds, nested a little.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (-50_i64..50, 0_i64..50, 1_i64..6).prop_map(|(low, span, step)| json!({ "type": "integer", "minimum": low, "maximum": low + span, "multipleOf": step })),
        (-50_i64..50).prop_map(|low| json!({ "type": "number", "exclusiveMinimum": low })),
        (0_usize..6, 0_usize..6).prop_map(|(low, span)| json!({ "type": "string", "minLength": low, "maxLength": low + span })),
        proptest::sample::select(vec!["date", "uuid", "email", "ipv4", "uri"]).prop_map(|format| json!({ "type": "string", "format": format })),
        proptest::sample::select(vec!["^[a-c]{2,4}$", "^x_[0-9]+$", "a|b"]).prop_map(|pattern| json!({ "type": "string", "pattern": pattern })),
        Just(json!({ "type": ["boolean", "null"] })),
        Just(json!({ "enum": ["a", 1, null] })),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            (inner.clone(), 0_usize..3, any::<bool>()).prop_map(|(items, least, is_set)| json!({ "type": "array", "items": items, "minItems": least, "maxItems": least + 2, "uniqueItems": is_set })),
            (inner.clone(), inner.clone(), any::<bool>()).prop_map(|(a, b, is_open)| json!({ "type": "object", "required": ["a"],
                "properties": { "a": a, "b": b }, "additionalProperties": is_open })),
            (inner.clone(), inner).prop_map(|(a, b)| json!({ "anyOf": [a, b] })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cases_are_on_their_side_and_the_same_for_equal_draws(schema in schemas(), seed in any::<u64>()) {
        let validator = Validator::new(&schema).unwrap();
        let (allowed, outside) = (positive(&schema, &mut drawn(seed)), negative(&schema, &mut drawn(seed)));
        prop_assert!(allowed.len() <= MAX_CASES && outside.len() <= MAX_CASES);
        for case in &allowed {
            prop_assert!(validator.is_valid(&case.value) && !case.about.is_empty(), "{case:?}");
        }
        for case in &outside {
            prop_assert!(!validator.is_valid(&case.value) && !case.about.is_empty(), "{case:?}");
        }
        prop_assert!(!outside.is_empty());
        prop_assert_eq!(allowed, positive(&schema, &mut drawn(seed)));
        prop_assert_eq!(outside, negative(&schema, &mut drawn(seed)));
        prop_assert_eq!(negative_texts(&schema, &mut drawn(seed)), negative_texts(&schema, &mut drawn(seed)));
    }

    #[test]
    fn shrinking_ends_and_still_fails(schema in schemas(), seed in any::<u64>(), parts in 0_usize..30) {
        for case in positive(&schema, &mut drawn(seed)).into_iter().take(10) {
            for simpler in smaller(&schema, &case.value) {
                prop_assert!(size::Size::of(&simpler) < size::Size::of(&case.value), "{} {simpler}", case.value);
            }
            let mut fails = |value: &Value| value.to_string().len() >= parts;
            if fails(&case.value) {
                let shrunk = shrink(case.value, &schema, &mut fails, usize::MAX);
                prop_assert!(fails(&shrunk) && Validator::new(&schema).unwrap().is_valid(&shrunk));
            }
        }
    }
}
