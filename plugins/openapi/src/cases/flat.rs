//! A schema with what it refers to and its `allOf` in one piece.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::{MAX_NESTED_CHOICES, reference};

/// A schema without `$ref` and `allOf` at its top. Where parts are at odds one of them is kept: what is made of it is
/// checked later.
pub(super) fn flat<'a>(root: &'a Value, schema: &'a Value) -> Cow<'a, Value> {
    flat_at(root, schema, 0)
}

fn flat_at<'a>(root: &'a Value, schema: &'a Value, depth: usize) -> Cow<'a, Value> {
    let Some(map) = schema.as_object() else { return Cow::Borrowed(schema) };
    let is_alone = map.len() == 1 || !map.contains_key("$ref");
    if is_alone && !map.contains_key("allOf") {
        return match reference::follow(root, schema) {
            Ok((target, Some(_))) if depth < MAX_NESTED_CHOICES => flat_at(root, target, depth + 1),
            Ok((target, None)) => Cow::Borrowed(target),
            // A cycle, or nothing at all.
            _ => Cow::Borrowed(&Value::Null),
        };
    }
    let mut out = Map::new();
    if depth < MAX_NESTED_CHOICES {
        let target = map.get("$ref").and_then(Value::as_str).and_then(|to| reference::target(root, to).ok());
        let parts = map.get("allOf").and_then(Value::as_array).into_iter().flatten();
        for part in target.into_iter().chain(parts) {
            merge(&mut out, &flat_at(root, part, depth + 1));
        }
    }
    merge(&mut out, &Value::Object(without(map, &["$ref", "allOf"])));
    Cow::Owned(Value::Object(out))
}

/// A schema that has one branch of its `oneOf` or `anyOf` as part of itself.
pub(super) fn with_branch(schema: &Value, key: &str, branch: &Value) -> Value {
    let Some(map) = schema.as_object() else { return branch.clone() };
    let own = without(map, &[key]);
    if own.is_empty() {
        return branch.clone();
    }
    json!({ "allOf": [own, branch] })
}

fn without(map: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    let stays = |key: &str| key != "$defs" && !keys.contains(&key);
    let pairs = map.iter().filter(|(key, _)| stays(key));
    pairs.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn merge(out: &mut Map<String, Value>, more: &Value) {
    let Some(more) = more.as_object() else { return };
    for (key, value) in more {
        if key == "$defs" {
            continue;
        }
        let merged = match out.get(key) {
            None => value.clone(),
            Some(old) => both(key, old, value),
        };
        out.insert(key.clone(), merged);
    }
}

/// One keyword of two schemas that both have to hold.
fn both(key: &str, old: &Value, new: &Value) -> Value {
    match (key, old, new) {
        ("properties", Value::Object(old), Value::Object(new)) => {
            let mut all = old.clone();
            for (name, schema) in new {
                let schema = match old.get(name) {
                    Some(first) if first != schema => json!({ "allOf": [first, schema] }),
                    _ => schema.clone(),
                };
                all.insert(name.clone(), schema);
            }
            Value::Object(all)
        }
        ("required", Value::Array(old), Value::Array(new)) => {
            let more = new.iter().filter(|name| !old.contains(name));
            Value::Array(old.iter().chain(more).cloned().collect())
        }
        ("enum", Value::Array(old), Value::Array(new)) => {
            Value::Array(old.iter().filter(|value| new.contains(value)).cloned().collect())
        }
        ("minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties", ..) => {
            if new.as_f64() > old.as_f64() { new.clone() } else { old.clone() }
        }
        ("maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties", ..) => {
            if new.as_f64() < old.as_f64() { new.clone() } else { old.clone() }
        }
        ("type", Value::Array(kinds), Value::String(_)) if kinds.contains(new) => new.clone(),
        ("type", Value::String(_), Value::Array(kinds)) if kinds.contains(old) => old.clone(),
        _ => new.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_one() {
        let root = json!({ "$defs": {
            "A": { "type": "object", "required": ["a"], "properties": { "a": { "type": "integer" } } },
            "B": { "$ref": "#/$defs/A" }, "Loop": { "allOf": [{ "$ref": "#/$defs/Loop" }] } } });
        for (schema, to) in [
            (json!({ "$ref": "#/$defs/B" }), root["$defs"]["A"].clone()),
            (json!({ "$ref": "#/$defs/Loop" }), json!({})),
            (
                json!({ "allOf": [{ "$ref": "#/$defs/A" }, { "properties": { "a": { "minimum": 1 } } }], "required": ["b"] }),
                json!({ "type": "object", "required": ["a", "b"],
                    "properties": { "a": { "allOf": [{ "type": "integer" }, { "minimum": 1 }] } } }),
            ),
            (
                json!({ "allOf": [{ "minimum": 1, "maximum": 9, "type": ["integer", "null"] }, { "minimum": 3, "maximum": 10 }],
                    "type": "integer" }),
                json!({ "minimum": 3, "maximum": 9, "type": "integer" }),
            ),
            (json!({ "allOf": [{ "enum": [1, 2, 3] }, { "enum": [2, 3, 4] }] }), json!({ "enum": [2, 3] })),
        ] {
            assert_eq!(*flat(&root, &schema), to, "{schema}");
        }
    }
}
