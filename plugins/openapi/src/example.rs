//! A value that a schema allows, for a request.

use serde_json::{Map, Number, Value, json};

use crate::reference;
use crate::{MAX_CASE_ITEMS, MAX_CASE_NODES, MAX_DEPTH};

/// A value for a schema that stands alone: its own example or default where it has one, else the simplest that its
/// keywords describe. It need not be valid where keywords are at odds, or a pattern asks for more than letters.
pub fn example(schema: &Value) -> Value {
    make(schema, schema, 0, &mut 0)
}

/// `parts` counts those of the whole example: with a depth alone, a schema that needs itself twice would double at each level.
fn make(root: &Value, schema: &Value, depth: usize, parts: &mut usize) -> Value {
    let Ok((schema, _)) = reference::follow(root, schema) else { return Value::Null };
    *parts += 1;
    if depth > MAX_DEPTH || *parts > MAX_CASE_NODES {
        return Value::Null;
    }
    for key in ["const", "default"] {
        if let Some(value) = schema.get(key) {
            return value.clone();
        }
    }
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return first.clone();
    }
    if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
        return merged(root, schema, all, depth, parts);
    }
    for key in ["oneOf", "anyOf"] {
        let first = schema.get(key).and_then(Value::as_array).and_then(|options| options.first());
        if let Some(first) = first {
            return make(root, first, depth + 1, parts);
        }
    }
    match kind(schema) {
        "object" => object(root, schema, depth, parts),
        "array" => array(root, schema, depth, parts),
        "string" => Value::String(text(schema)),
        "integer" => number(schema, true),
        "number" => number(schema, false),
        "boolean" => Value::Bool(true),
        _ => Value::Null,
    }
}

/// The type of a value; guessed from the keywords when there is none.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "string",
    }
}

fn merged(root: &Value, schema: &Value, all: &[Value], depth: usize, parts: &mut usize) -> Value {
    let mut out = Map::new();
    for part in all {
        match make(root, part, depth + 1, parts) {
            Value::Object(more) => out.extend(more),
            other if all.len() == 1 => return other,
            _ => {}
        }
    }
    if schema.get("properties").is_some()
        && let Value::Object(own) = object(root, schema, depth, parts)
    {
        out.extend(own);
    }
    Value::Object(out)
}

/// The required properties; optional ones would only add what may be wrong.
fn object(root: &Value, schema: &Value, depth: usize, parts: &mut usize) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let mut property = |name: &str| {
        let schema = properties.and_then(|properties| properties.get(name));
        schema.map_or_else(|| json!("text"), |schema| make(root, schema, depth + 1, parts))
    };
    let pairs = required.filter_map(Value::as_str).map(|name| (name.to_owned(), property(name)));
    Value::Object(pairs.collect())
}

fn array(root: &Value, schema: &Value, depth: usize, parts: &mut usize) -> Value {
    let least = schema.get("minItems").and_then(Value::as_u64).and_then(|least| usize::try_from(least).ok());
    let least = least.unwrap_or(1).min(MAX_CASE_ITEMS);
    let before = *parts;
    let item = schema.get("items").map_or(Value::Null, |items| make(root, items, depth + 1, parts));
    // Every copy counts, or lists of lists would multiply.
    let size = (*parts - before).max(1);
    let copies = least.min((MAX_CASE_NODES.saturating_sub(before) / size).max(1));
    *parts = before + size * copies;
    (0..copies).map(|_| item.clone()).collect()
}

fn text(schema: &Value) -> String {
    let known = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2026-01-02T03:04:05Z",
        Some("date") => "2026-01-02",
        Some("time") => "03:04:05Z",
        Some("email") => "user@example.com",
        Some("uuid") => "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        Some("uri") => "https://example.com/",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        Some("hostname") => "example.com",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let length =
        |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok());
    let (least, most) = (length("minLength").unwrap_or(0), length("maxLength").unwrap_or(usize::MAX));
    let wanted = "text".len().max(least).min(most).min(10_000);
    "text".chars().cycle().take(wanted).collect()
}

fn number(schema: &Value, whole: bool) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let step = bound("multipleOf").filter(|step| *step > 0.0).unwrap_or(1.0);
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|least| least + step));
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|most| most - step));
    let value = match (least, most) {
        (Some(least), _) => (least / step).ceil() * step,
        (None, Some(most)) => ((most / step).floor() * step).min(step),
        (None, None) => step,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a bound beyond the whole numbers has no exact example"
    )]
    let rounded = value as i64;
    if whole { json!(rounded) } else { Number::from_f64(value).map_or(json!(1), Value::Number) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Validator;

    #[test]
    fn examples_are_what_their_schemas_allow() {
        for schema in [
            json!({ "type": "string" }),
            json!({ "type": "string", "minLength": 9, "maxLength": 10 }),
            json!({ "type": "string", "maxLength": 2 }),
            json!({ "type": ["null", "integer"], "minimum": 3 }),
            json!({ "type": "integer", "exclusiveMinimum": 3, "multipleOf": 5 }),
            json!({ "type": "number", "exclusiveMaximum": -2.5 }),
            json!({ "type": "integer", "maximum": -7 }),
            json!({ "enum": ["b", "a"] }),
            json!({ "const": { "a": [1] } }),
            json!({ "type": "array", "minItems": 3, "items": { "type": "boolean" } }),
            json!({ "allOf": [{ "$ref": "#/$defs/A" }, { "required": ["b"], "properties": { "b": { "type": "integer" } } }],
                "$defs": { "A": { "type": "object", "required": ["a"], "properties": { "a": { "format": "uuid" } } } } }),
            json!({ "oneOf": [{ "type": "boolean" }, { "type": "string" }] }),
            json!({ "required": ["anything"] }),
            json!({ "type": "string", "format": "date-time" }),
            json!({ "type": "string", "format": "email" }),
        ] {
            let value = example(&schema);
            let deviations = Validator::new(&schema).unwrap().deviations(&value);
            assert!(deviations.is_empty(), "{schema}: {value} {deviations:?}");
        }
    }

    #[test]
    fn a_schema_that_needs_itself_has_an_end() {
        let schema = json!({ "$ref": "#/$defs/N", "$defs": {
            "N": { "type": "object", "required": ["n"], "properties": { "n": { "$ref": "#/$defs/N" } } } } });
        assert!(example(&schema).is_object());
        let twice = json!({ "$ref": "#/$defs/N", "$defs": { "N": { "type": "object", "required": ["a", "b"],
            "properties": { "a": { "$ref": "#/$defs/N" }, "b": { "$ref": "#/$defs/N" } } } } });
        assert!(example(&twice).to_string().len() < 100_000);
    }

    proptest! {
        #[test]
        fn numbers_keep_to_their_bounds(least in -1_000_i64..1_000, span in 0_i64..1_000, step in 1_i64..20) {
            prop_assume!(span >= step);
            let schema = json!({ "type": "integer", "minimum": least, "maximum": least + span, "multipleOf": step });
            prop_assert!(Validator::new(&schema).unwrap().is_valid(&example(&schema)));
        }
    }
}
