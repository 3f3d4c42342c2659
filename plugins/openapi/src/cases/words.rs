//! What schemas say, read in one way by all who make values.

use serde_json::Value;

/// Kinds of values, with the words reports have for them.
pub(super) const KINDS: [(&str, &str); 7] = [
    ("string", "a text"),
    ("integer", "a whole number"),
    ("number", "a number"),
    ("boolean", "a boolean"),
    ("array", "a list"),
    ("object", "an object"),
    ("null", "null"),
];

/// What reports call a kind.
pub(super) fn named(kind: &str) -> &str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or(kind, |(_, name)| name)
}

/// The kinds of values that a schema allows; guessed from its keywords when it has no `type`, none when nothing tells.
pub(super) fn kinds(schema: &Value) -> Vec<&str> {
    let has = |keys: &[&str]| keys.iter().any(|key| schema.get(key).is_some());
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ if has(&["properties", "required", "additionalProperties", "minProperties"]) => vec!["object"],
        _ if has(&["items", "prefixItems", "minItems", "maxItems", "uniqueItems"]) => vec!["array"],
        _ if has(&["pattern", "format", "minLength", "maxLength"]) => vec!["string"],
        _ if has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) => {
            vec!["number"]
        }
        _ => Vec::new(),
    }
}

/// A count such as `minLength`.
pub(super) fn count(schema: &Value, key: &str) -> Option<usize> {
    let value = schema.get(key)?;
    let whole = value.as_u64().or_else(|| value.as_f64().map(|float| float as u64))?;
    usize::try_from(whole).ok()
}

/// The schema of the item at `index`, if there is one and it is no `false`.
pub(super) fn item(schema: &Value, index: usize) -> Option<&Value> {
    let prefix = schema.get("prefixItems").and_then(|list| list.get(index));
    prefix.or_else(|| schema.get("items")).filter(|item| **item != Value::Bool(false))
}

/// Names of required properties.
pub(super) fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Described properties, without those that may not be there.
pub(super) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let all = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    all.filter(|(_, schema)| **schema != Value::Bool(false))
}

/// The branches of a schema: the keyword and its list.
pub(super) fn branches(schema: &Value) -> Option<(&'static str, &[Value])> {
    ["oneOf", "anyOf"].into_iter().find_map(|key| {
        let list = schema.get(key)?.as_array()?;
        (!list.is_empty()).then_some((key, list.as_slice()))
    })
}
