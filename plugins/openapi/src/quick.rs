//! A first look at a value while it is read: most values are as they should be, and to see that needs no tree of them.
//!
//! It knows the keywords that most schemas consist of. What it accepts is valid; what it does not accept is for a
//! [`Validator`](crate::Validator) to judge, which also tells why.

mod scan;
mod token;

use serde_json::{Map, Value};

use self::scan::Scan;
use self::token::Token;
use crate::MAX_DEPTH;

/// Names that an object must have, at most: one bit each.
const MAX_REQUIRED: usize = 64;

/// Whole numbers that a float holds exactly; beyond them bounds are for the validator.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

const NULL: u8 = 1;
const BOOLEAN: u8 = 2;
const INTEGER: u8 = 4;
const NUMBER: u8 = 8;
const STRING: u8 = 16;
const ARRAY: u8 = 32;
const OBJECT: u8 = 64;
const ANY: u8 = 127;

/// A schema that consists of keywords that are known here.
#[derive(Clone, Debug)]
pub struct Quick {
    /// The schema itself is the first.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    types: u8,
    least: f64,
    most: f64,
    /// Least and greatest number of characters.
    length: (usize, usize),
    /// Least and greatest number of items.
    items_count: (usize, usize),
    items: Option<usize>,
    properties: Vec<Property>,
    required: u64,
    /// What properties of other names must be; None: anything.
    others: Others,
    /// Texts that are allowed; none: all.
    texts: Vec<String>,
}

#[derive(Clone, Debug)]
struct Property {
    name: String,
    /// Name, quotes and colon, as most servers write them.
    token: Token,
    node: usize,
    /// The bit of a required one.
    bit: u64,
}

#[derive(Clone, Copy, Debug)]
enum Others {
    Any,
    Forbidden,
    Node(usize),
}

impl Node {
    /// What any value is.
    const ANY: Self = Self {
        types: ANY,
        least: f64::NEG_INFINITY,
        most: f64::INFINITY,
        length: (0, usize::MAX),
        items_count: (0, usize::MAX),
        items: None,
        properties: Vec::new(),
        required: 0,
        others: Others::Any,
        texts: Vec::new(),
    };

    fn allows_number(&self, number: f64, is_whole: bool) -> bool {
        let kind = if is_whole { INTEGER } else { NUMBER };
        let is_bound = self.least > f64::NEG_INFINITY || self.most < f64::INFINITY;
        self.types & kind != 0
            && (self.least..=self.most).contains(&number)
            && !(is_bound && number.abs() >= MAX_EXACT)
    }

    /// `text` is UTF-8 as it is written; each of its `escapes` is two bytes of one character.
    fn allows_text(&self, text: &[u8], escapes: usize) -> bool {
        let (least, most) = self.length;
        let characters = || text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() - escapes;
        // There are at most as many characters as bytes.
        let is_short = least > 0 && (text.len() < least || characters() < least);
        let is_long = text.len() > most && characters() > most;
        let is_known = self.texts.is_empty()
            || (escapes == 0 && self.texts.iter().any(|known| known.as_bytes() == text));
        self.types & STRING != 0 && is_known && !is_short && !is_long
    }

    /// Place of the property of a name.
    fn property(&self, name: &[u8]) -> Option<usize> {
        self.properties.iter().position(|known| known.name.as_bytes() == name)
    }
}

impl Quick {
    /// Reads a schema that stands alone; None when it has a keyword that is not known here.
    pub fn new(schema: &Value) -> Option<Self> {
        let mut reader = Reader { root: schema, nodes: Vec::new(), references: Vec::new() };
        reader.node(schema, 0)?;
        Some(Self { nodes: reader.nodes })
    }

    /// Whether a text is JSON that the schema allows. False says nothing.
    pub fn accepts(&self, json: &[u8]) -> bool {
        let Some(root) = self.nodes.first() else { return false };
        Scan::new(&self.nodes, json).accepts(root)
    }
}

struct Reader<'a> {
    root: &'a Value,
    nodes: Vec<Node>,
    /// References that were read, and their nodes.
    references: Vec<(&'a str, usize)>,
}

impl<'a> Reader<'a> {
    fn node(&mut self, schema: &'a Value, depth: usize) -> Option<usize> {
        if depth > MAX_DEPTH {
            return None;
        }
        let index = self.nodes.len();
        self.nodes.push(Node::ANY);
        let map = match schema {
            Value::Bool(true) => return Some(index),
            Value::Object(map) => map,
            _ => return None,
        };
        if let Some(reference) = map.get("$ref") {
            let reference = reference.as_str()?;
            // What stands beside a reference holds as well; that is not known here.
            if map.keys().any(|key| key != "$ref" && key != "$defs" && !says_nothing(key)) {
                return None;
            }
            self.nodes.pop();
            return self.reference(reference, depth);
        }
        let node = self.read(map, depth)?;
        *self.nodes.get_mut(index)? = node;
        Some(index)
    }

    fn reference(&mut self, reference: &'a str, depth: usize) -> Option<usize> {
        if let Some((_, index)) = self.references.iter().find(|(known, _)| *known == reference) {
            return Some(*index);
        }
        let target = self.root.pointer(reference.strip_prefix('#')?)?;
        if target.get("$ref").is_some() {
            return None;
        }
        self.references.push((reference, self.nodes.len()));
        self.node(target, depth + 1)
    }

    fn read(&mut self, map: &'a Map<String, Value>, depth: usize) -> Option<Node> {
        let mut node = Node::ANY;
        for (key, value) in map {
            match key.as_str() {
                "type" => node.types = types(value)?,
                "minimum" => node.least = bound(value)?,
                "maximum" => node.most = bound(value)?,
                "minLength" => node.length.0 = count(value)?,
                "maxLength" => node.length.1 = count(value)?,
                "minItems" => node.items_count.0 = count(value)?,
                "maxItems" => node.items_count.1 = count(value)?,
                "items" => node.items = Some(self.node(value, depth + 1)?),
                "properties" => {
                    for (name, schema) in value.as_object()? {
                        // Names are compared as they are written.
                        if name.bytes().any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')) {
                            return None;
                        }
                        let index = self.node(schema, depth + 1)?;
                        let token = Token::new(format!("\"{name}\":").as_bytes());
                        node.properties.push(Property { name: name.clone(), token, node: index, bit: 0 });
                    }
                }
                "additionalProperties" => {
                    node.others = match value {
                        Value::Bool(true) => Others::Any,
                        Value::Bool(false) => Others::Forbidden,
                        schema => Others::Node(self.node(schema, depth + 1)?),
                    }
                }
                "enum" => {
                    let texts = value.as_array()?.iter().map(|one| one.as_str().map(str::to_owned));
                    node.texts = texts.collect::<Option<Vec<_>>>().filter(|texts| !texts.is_empty())?;
                }
                "format" if is_unchecked(value) => {}
                "required" | "$defs" => {}
                key if says_nothing(key) => {}
                _ => return None,
            }
        }
        if !node.texts.is_empty() {
            node.types &= STRING;
        }
        for (place, name) in map.get("required").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let (name, bit) = (name.as_str()?, 1_u64.checked_shl(u32::try_from(place).ok()?)?);
            if place >= MAX_REQUIRED {
                return None;
            }
            node.required |= bit;
            match node.properties.iter_mut().find(|known| known.name == name) {
                Some(property) => property.bit |= bit,
                // A name that no property has may still be forbidden, or be of the other kind.
                None => return None,
            }
        }
        Some(node)
    }
}

/// Whether a keyword says nothing of a value.
fn says_nothing(key: &str) -> bool {
    matches!(key, "title" | "description" | "default" | "deprecated" | "readOnly" | "writeOnly" | "$comment")
        || key.starts_with("x-")
}

/// Formats that JSON Schema does not know: they say nothing of a value.
fn is_unchecked(format: &Value) -> bool {
    matches!(format.as_str(), Some("int32" | "int64" | "float" | "double" | "password" | "binary" | "byte"))
}

fn types(value: &Value) -> Option<u8> {
    let one = |name: &Value| {
        Some(match name.as_str()? {
            "null" => NULL,
            "boolean" => BOOLEAN,
            "integer" => INTEGER,
            "number" => NUMBER | INTEGER,
            "string" => STRING,
            "array" => ARRAY,
            "object" => OBJECT,
            _ => return None,
        })
    };
    match value {
        Value::Array(names) => names.iter().map(one).try_fold(0, |all, kind| Some(all | kind?)),
        name => one(name),
    }
}

fn bound(value: &Value) -> Option<f64> {
    value.as_f64().filter(|bound| bound.abs() < MAX_EXACT)
}

fn count(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::Validator;
    use crate::cases;

    fn schema() -> Value {
        json!({ "type": "object", "required": ["id", "items"], "additionalProperties": false, "properties": {
            "id": { "type": "integer", "minimum": 1, "maximum": 1_000_000 },
            "note": { "type": ["null", "string"], "minLength": 2, "maxLength": 5 },
            "kind": { "enum": ["a", "b"] },
            "more": { "type": "object", "additionalProperties": { "type": "number" } },
            "items": { "type": "array", "minItems": 1, "maxItems": 3, "items": { "$ref": "#/$defs/Item" } } },
            "$defs": { "Item": { "type": "object", "required": ["on"], "properties": {
                "on": { "type": "boolean" }, "next": { "$ref": "#/$defs/Item" } } } } })
    }

    #[test]
    fn what_is_accepted_and_what_is_left_to_the_validator() {
        let quick = Quick::new(&schema()).unwrap();
        for (json, expected) in [
            (r#"{"id": 1, "items": [{"on": true, "next": {"on": false, "x": [1]}}]}"#, true),
            (
                r#"{"items": [{"on": true}], "id": 2.0, "note": null, "kind": "b", "more": {"a": 1, "b": 2.5}}"#,
                true,
            ),
            (r#"{"id": 1, "items": [{"on": true}], "note": "ääääa"}"#, true),
            (r#"{"id": 1, "items": [{"on": true}], "note": "abcdef"}"#, false),
            (r#"{"id": 0, "items": [{"on": true}]}"#, false),
            (r#"{"id": 1.5, "items": [{"on": true}]}"#, false),
            (r#"{"id": 1, "items": []}"#, false),
            (r#"{"id": 1, "items": [{"on": 1}]}"#, false),
            (r#"{"id": 1, "items": [{"on": true, "next": {}}]}"#, false),
            (r#"{"id": 1}"#, false),
            (r#"{"id": 1, "items": [{"on": true}], "other": 1}"#, false),
            (r#"{"id": 1, "items": [{"on": true}], "kind": "c"}"#, false),
            (r#"{"id": 1, "items": [{"on": true}]} x"#, false),
            (r#"{"id": 1, "items": [{"on": true}]"#, false),
            ("<html>", false),
        ] {
            assert_eq!(quick.accepts(json.as_bytes()), expected, "{json}");
        }
    }

    #[test]
    fn schemas_with_other_keywords_are_left_to_the_validator() {
        for schema in [
            json!({ "pattern": "a" }),
            json!({ "oneOf": [{ "type": "string" }] }),
            json!({ "format": "date-time" }),
            json!({ "exclusiveMinimum": 1 }),
            json!({ "properties": { "a": { "not": {} } } }),
            json!({ "required": ["a"] }),
            json!({ "$ref": "#/$defs/A", "minimum": 1, "$defs": { "A": {} } }),
            json!({ "$ref": "#/$defs/None" }),
            json!({ "enum": [1] }),
            json!({ "properties": { "a\"b": {} } }),
            json!(false),
        ] {
            assert!(Quick::new(&schema).is_none(), "{schema}");
        }
        assert!(Quick::new(&json!({ "title": "x", "x-y": 1, "format": "int64" })).is_some());
    }

    proptest! {
        /// It accepts nothing that the validator does not, and all that it can judge.
        #[test]
        fn it_is_of_one_mind_with_the_validator(seed: u64) {
            let mut state = seed;
            let mut draw = |bound: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33).checked_rem(bound).unwrap_or(0)
            };
            let (schema, quick) = (schema(), Quick::new(&schema()).unwrap());
            let validator = Validator::new(&schema).unwrap();
            for case in cases::positive(&schema, &mut draw) {
                prop_assert!(quick.accepts(case.value.to_string().as_bytes()), "{}", case.value);
            }
            for case in cases::negative(&schema, &mut draw) {
                prop_assert!(!validator.is_valid(&case.value));
                prop_assert!(!quick.accepts(case.value.to_string().as_bytes()), "{}: {}", case.about, case.value);
            }
        }
    }
}
