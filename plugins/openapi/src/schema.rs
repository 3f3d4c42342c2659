//! Schemas of OpenAPI as JSON Schema 2020-12.
//!
//! OpenAPI 3.1 uses that language itself. The dialect of 3.0 differs: `nullable`, `exclusiveMinimum` and
//! `exclusiveMaximum` as booleans, and no siblings beside `$ref` (OpenAPI 3.0.3, 4.7.24).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::pointer::child;
use crate::reference::{self, ReferenceError};
use crate::{MAX_DEPTH, MAX_SCHEMA_NODES, Version};

/// Whose side a schema is read for: what only the server writes has no place in a request, and the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// What is sent to the server: `readOnly` properties are not required.
    Request,
    /// What the server sends: `writeOnly` properties are not required.
    Response,
}

/// A schema that cannot be used, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SchemaError {
    pub(crate) pointer: String,
    pub(crate) message: String,
}

/// Turns a schema into one that stands alone: everything it refers to is below its `$defs`.
pub(crate) fn standalone(
    root: &Value,
    version: Version,
    schema: &Value,
    pointer: &str,
    side: Side,
) -> Result<Value, SchemaError> {
    let mut reader = Reader { root, version, side, names: BTreeMap::new(), waiting: Vec::new(), nodes: 0 };
    let mut own = reader.convert(schema, pointer, 0)?;
    let mut definitions = Map::new();
    while let Some(reference) = reader.waiting.pop() {
        let fail =
            |error: ReferenceError| SchemaError { pointer: pointer.to_owned(), message: error.to_string() };
        let target = reference::target(root, &reference).map_err(fail)?;
        let converted = reader.convert(target, reference.trim_start_matches('#'), 0)?;
        let name = reader.names.get(&reference).cloned().unwrap_or_default();
        definitions.insert(name, converted);
    }
    if !definitions.is_empty() {
        if !own.is_object() {
            own = json!({ "allOf": [own] });
        }
        if let Some(own) = own.as_object_mut() {
            own.insert("$defs".to_owned(), Value::Object(definitions));
        }
    }
    Ok(own)
}

struct Reader<'a> {
    root: &'a Value,
    version: Version,
    side: Side,
    /// By reference: its name in `$defs`.
    names: BTreeMap<String, String>,
    /// References whose targets are still to be read.
    waiting: Vec<String>,
    nodes: usize,
}

/// Keywords whose value is one schema.
const ONE: [&str; 11] = [
    "items",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contentSchema",
];
/// Keywords whose value is a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value maps names to schemas.
const NAMED: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];
/// Keywords of OpenAPI that say nothing about a value.
const DROPPED: [&str; 9] =
    ["discriminator", "xml", "externalDocs", "example", "examples", "nullable", "$schema", "$id", "$anchor"];

impl Reader<'_> {
    fn convert(&mut self, schema: &Value, pointer: &str, depth: usize) -> Result<Value, SchemaError> {
        let fail = |message: String| SchemaError { pointer: pointer.to_owned(), message };
        self.nodes += 1;
        if depth > MAX_DEPTH {
            return Err(fail(format!("the schema is nested more than {MAX_DEPTH} deep")));
        }
        if self.nodes > MAX_SCHEMA_NODES {
            return Err(fail(format!(
                "the schema and what it refers to have more than {MAX_SCHEMA_NODES} parts"
            )));
        }
        let map = match schema {
            Value::Object(map) => map,
            Value::Bool(_) => return Ok(schema.clone()),
            _ => return Err(fail("a schema is an object".to_owned())),
        };
        let mut out = Map::new();
        if let Some(reference) = map.get("$ref") {
            let reference = reference.as_str().ok_or_else(|| fail(ReferenceError::NotText.to_string()))?;
            reference::target(self.root, reference).map_err(|error| fail(error.to_string()))?;
            out.insert("$ref".to_owned(), json!(format!("#/$defs/{}", self.name(reference))));
            if self.version == Version::V30 {
                return Ok(Value::Object(out));
            }
        }
        for (key, value) in map {
            let at = child(pointer, key);
            let key_text = key.as_str();
            let converted = if key_text == "$ref" || DROPPED.contains(&key_text) || key_text.starts_with("x-")
            {
                continue;
            } else if ONE.contains(&key_text) {
                self.convert(value, &at, depth + 1)?
            } else if LIST.contains(&key_text) {
                let list = value.as_array().ok_or_else(|| fail(format!("`{key}` is a list of schemas")))?;
                let items = list.iter().enumerate();
                let items =
                    items.map(|(index, item)| self.convert(item, &child(&at, &index.to_string()), depth + 1));
                Value::Array(items.collect::<Result<_, _>>()?)
            } else if NAMED.contains(&key_text) {
                let named =
                    value.as_object().ok_or_else(|| fail(format!("`{key}` maps names to schemas")))?;
                let items = named.iter().map(|(name, item)| {
                    Ok((name.clone(), self.convert(item, &child(&at, name), depth + 1)?))
                });
                Value::Object(items.collect::<Result<_, SchemaError>>()?)
            } else {
                value.clone()
            };
            out.insert(key.clone(), converted);
        }
        self.drop_other_side(map, &mut out);
        if self.version == Version::V30 {
            from_30(map, &mut out);
        }
        Ok(Value::Object(out))
    }

    /// Name of a reference's target below `$defs`: short, and free of what a JSON pointer escapes.
    fn name(&mut self, reference: &str) -> String {
        if let Some(name) = self.names.get(reference) {
            return name.clone();
        }
        let last = reference.rsplit('/').next().unwrap_or_default();
        let plain: String = last.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let name = format!("{plain}_{}", self.names.len());
        self.names.insert(reference.to_owned(), name.clone());
        self.waiting.push(reference.to_owned());
        name
    }

    /// Leaves properties of the other side out of `required`.
    fn drop_other_side(&self, map: &Map<String, Value>, out: &mut Map<String, Value>) {
        let flag = if self.side == Side::Request { "readOnly" } else { "writeOnly" };
        let Some(properties) = map.get("properties").and_then(Value::as_object) else { return };
        let Some(required) = out.get_mut("required").and_then(Value::as_array_mut) else { return };
        let is_other = |name: &str| {
            let property = properties.get(name)?;
            let (property, _) = reference::follow(self.root, property).ok()?;
            property.get(flag)?.as_bool()
        };
        required.retain(|name| !name.as_str().and_then(is_other).unwrap_or(false));
    }
}

/// Rewrites what the dialect of 3.0 says otherwise.
fn from_30(map: &Map<String, Value>, out: &mut Map<String, Value>) {
    for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match map.get(exclusive) {
            Some(Value::Bool(true)) => {
                out.remove(exclusive);
                if let Some(limit) = out.remove(bound) {
                    out.insert(exclusive.to_owned(), limit);
                }
            }
            Some(Value::Bool(false)) => {
                out.remove(exclusive);
            }
            _ => {}
        }
    }
    if map.get("nullable") != Some(&Value::Bool(true)) {
        return;
    }
    // Without a type `nullable` adds nothing (OpenAPI 3.0.3, clarified by its proposal of 2019-10-31).
    if let Some(Value::String(kind)) = out.get_mut("type") {
        let kind = std::mem::take(kind);
        out.insert("type".to_owned(), json!([kind, "null"]));
        if let Some(Value::Array(values)) = out.get_mut("enum")
            && !values.contains(&Value::Null)
        {
            values.push(Value::Null);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(version: Version, schema: &Value) -> Value {
        let root = json!({ "components": { "schemas": {
            "Node": { "type": "object", "properties": { "next": { "$ref": "#/components/schemas/Node" } } },
            "Id": { "type": "integer", "readOnly": true },
        }}});
        standalone(&root, version, schema, "/s", Side::Request).unwrap()
    }

    #[test]
    fn the_dialect_of_30_becomes_json_schema() {
        for (from, to) in [
            (json!({ "type": "string", "nullable": true }), json!({ "type": ["string", "null"] })),
            (
                json!({ "type": "string", "nullable": true, "enum": ["a"] }),
                json!({ "type": ["string", "null"], "enum": ["a", null] }),
            ),
            (json!({ "nullable": true }), json!({})),
            (
                json!({ "type": "number", "minimum": 1, "exclusiveMinimum": true, "maximum": 2, "exclusiveMaximum": false }),
                json!({ "type": "number", "exclusiveMinimum": 1, "maximum": 2 }),
            ),
            (
                json!({ "type": "integer", "example": 3, "x-thing": 1, "xml": {} }),
                json!({ "type": "integer" }),
            ),
        ] {
            assert_eq!(convert(Version::V30, &from), to, "{from}");
        }
        let kept = json!({ "type": ["string", "null"], "exclusiveMinimum": 1 });
        assert_eq!(convert(Version::V31, &kept), kept);
    }

    #[test]
    fn what_is_referred_to_comes_along_once_cycles_included() {
        let reference = json!({ "$ref": "#/components/schemas/Node", "description": "here" });
        let converted = convert(Version::V31, &json!({ "type": "array", "items": reference }));
        let name = "Node_0";
        assert_eq!(converted["items"]["$ref"], json!(format!("#/$defs/{name}")));
        assert_eq!(converted["items"]["description"], json!("here"), "3.1 allows siblings");
        assert_eq!(converted["$defs"][name]["properties"]["next"]["$ref"], converted["items"]["$ref"]);
        assert_eq!(
            convert(Version::V30, &json!({ "items": reference }))["items"].as_object().unwrap().len(),
            1
        );
    }

    #[test]
    fn what_only_the_server_writes_is_not_required_of_a_request() {
        let schema = json!({ "type": "object", "required": ["id", "name"], "properties": {
            "id": { "$ref": "#/components/schemas/Id" }, "name": { "type": "string" } } });
        assert_eq!(convert(Version::V30, &schema)["required"], json!(["name"]));
    }

    #[test]
    fn what_cannot_be_a_schema_is_told_with_its_place() {
        let deep = (0..100).fold(json!({}), |inner, _| json!({ "items": inner }));
        for (schema, pointer, message) in [
            (json!({ "properties": { "a": 5 } }), "/s/properties/a", "a schema is an object"),
            (json!({ "allOf": {} }), "/s", "`allOf` is a list of schemas"),
            (json!({ "items": { "$ref": "#/none" } }), "/s/items", "refers to nothing"),
            (json!({ "$ref": "x.yaml" }), "/s", "bundle"),
            (deep, "/s/items", "nested more than"),
        ] {
            let error = standalone(&json!({}), Version::V31, &schema, "/s", Side::Response).unwrap_err();
            assert!(error.pointer.starts_with(pointer) && error.message.contains(message), "{error:?}");
        }
    }
}
