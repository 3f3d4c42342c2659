//! One value that a schema most likely allows.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::flat::{flat, with_branch};
use super::pattern::Pattern;
use super::{formats, number, words};
use crate::{MAX_CASE_DEPTH, MAX_CASE_ITEMS, MAX_CASE_NODES, MAX_CASE_TEXT, MAX_DEPTH, MAX_PATTERN_TEXTS};

/// How much of what may be left out is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Nothing.
    Least,
    /// Everything, as far as values stay of a readable size.
    Most,
}

/// Makes values of one schema and what it refers to.
pub(super) struct Maker<'a> {
    root: &'a Value,
    draw: &'a mut dyn FnMut(u64) -> u64,
    /// Parts of the value that is being made.
    nodes: usize,
    /// Places looked at for cases.
    pub(super) places: usize,
}

impl<'a> Maker<'a> {
    pub(super) fn new(root: &'a Value, draw: &'a mut dyn FnMut(u64) -> u64) -> Self {
        Self { root, draw, nodes: 0, places: 0 }
    }

    /// A number below `below`, which is at least 1.
    pub(super) fn drawn(&mut self, below: u64) -> u64 {
        (self.draw)(below.max(1)).min(below.saturating_sub(1))
    }

    /// The schema in one piece.
    pub(super) fn flat<'b>(&self, schema: &'b Value) -> Cow<'b, Value>
    where
        'a: 'b,
    {
        flat(self.root, schema)
    }

    /// A value.
    pub(super) fn value(&mut self, schema: &Value, extent: Extent) -> Value {
        self.nodes = 0;
        self.make(schema, extent, 0)
    }

    fn make(&mut self, schema: &Value, extent: Extent, depth: usize) -> Value {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_CASE_NODES {
            return Value::Null;
        }
        let root = self.root;
        let schema = &*flat(root, schema);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return values.iter().find(|value| !value.is_null()).cloned().unwrap_or_default();
        }
        if let Some((key, list)) = words::branches(schema) {
            // Further down another branch than the first, which may be the one that leads here again.
            let index = if depth <= MAX_CASE_DEPTH { 0 } else { depth % list.len() };
            let branch = list.get(index).unwrap_or(&Value::Null);
            return self.make(&with_branch(schema, key, branch), extent, depth + 1);
        }
        let kinds = words::kinds(schema);
        match kinds.iter().find(|kind| **kind != "null").or(kinds.first()).copied() {
            Some("object") => self.object(schema, extent, depth),
            Some("array") => self.array(schema, extent, depth),
            Some("integer") => number::base(schema, true),
            Some("number") => number::base(schema, false),
            Some("boolean") => Value::Bool(true),
            Some("null") => Value::Null,
            _ => Value::String(self.text(schema)),
        }
    }

    fn object(&mut self, schema: &Value, extent: Extent, depth: usize) -> Value {
        let mut out = Map::new();
        let described = schema.get("properties").and_then(Value::as_object);
        let other = schema.get("additionalProperties").filter(|other| other.is_object()).cloned();
        let other = other.unwrap_or_else(|| json!({ "type": "string" }));
        for name in words::required(schema) {
            let property = described.and_then(|described| described.get(name)).unwrap_or(&other);
            out.insert(name.to_owned(), self.make(property, extent, depth + 1));
        }
        let least = words::count(schema, "minProperties").unwrap_or(0).min(MAX_CASE_ITEMS);
        let most = words::count(schema, "maxProperties").unwrap_or(usize::MAX);
        let is_full = extent == Extent::Most && depth < MAX_CASE_DEPTH;
        for (name, property) in words::properties(schema) {
            let is_wanted = out.len() < least || (is_full && out.len() < most);
            if is_wanted && !out.contains_key(name) && self.nodes < MAX_CASE_NODES {
                out.insert(name.clone(), self.make(property, extent, depth + 1));
            }
        }
        let names = (1..).map(|index| format!("key{index}"));
        for name in names.take(least.saturating_sub(out.len())) {
            out.insert(name, self.make(&other, extent, depth + 1));
        }
        Value::Object(out)
    }

    fn array(&mut self, schema: &Value, extent: Extent, depth: usize) -> Value {
        let usual = usize::from(extent == Extent::Most || depth <= MAX_CASE_DEPTH);
        let most = words::count(schema, "maxItems").unwrap_or(usize::MAX);
        let least = words::count(schema, "minItems").unwrap_or(0);
        self.items(schema, least.max(usual.min(most)).min(MAX_CASE_ITEMS), extent, depth)
    }

    /// A list of `count` items, different ones where that is asked.
    pub(super) fn list(&mut self, schema: &Value, count: usize) -> Value {
        self.nodes = 0;
        self.items(schema, count, Extent::Least, 0)
    }

    fn items(&mut self, schema: &Value, count: usize, extent: Extent, depth: usize) -> Value {
        let is_set = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let mut items: Vec<Value> = Vec::new();
        for index in 0..count {
            let item = words::item(schema, index).cloned().unwrap_or_else(|| json!({ "type": "string" }));
            let mut made = self.make(&item, extent, depth + 1);
            if is_set && items.contains(&made) {
                made = self.another(&item, &made, &items);
            }
            items.push(made);
        }
        Value::Array(items)
    }

    /// A value like `made` that is none of `others`.
    fn another(&mut self, schema: &Value, made: &Value, others: &[Value]) -> Value {
        let root = self.root;
        let schema = &*flat(root, schema);
        let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        if let Some(next) = listed.into_iter().find(|value| !others.contains(value)) {
            return next.clone();
        }
        let index = others.len();
        match made {
            Value::String(_) if schema.get("pattern").is_some() => Value::String(self.text(schema)),
            Value::String(text) => {
                let least = words::count(schema, "minLength").unwrap_or(0);
                let most = words::count(schema, "maxLength").unwrap_or(MAX_CASE_TEXT);
                let number = index.to_string();
                let kept = text.chars().count().max(least).min(most).saturating_sub(number.len());
                Value::String(text.chars().take(kept).chain(number.chars()).collect())
            }
            Value::Number(_) => number::nth(schema, index),
            Value::Bool(value) => Value::Bool(!value),
            Value::Object(map) => {
                let mut map = map.clone();
                for (name, value) in map.iter_mut() {
                    let property =
                        schema.get("properties").and_then(|all| all.get(name)).unwrap_or(&Value::Null);
                    if value.is_string() || value.is_number() {
                        let taken = vec![value.clone(); index];
                        *value = self.another(property, value, &taken);
                        break;
                    }
                }
                Value::Object(map)
            }
            other => other.clone(),
        }
    }

    fn text(&mut self, schema: &Value) -> String {
        if let Some(text) = self.matching(schema).into_iter().next() {
            return text;
        }
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        let (least, most) = (words::count(schema, "minLength"), words::count(schema, "maxLength"));
        let (least, most) = (least.unwrap_or(0), most.unwrap_or(usize::MAX));
        let fits = |text: &&&str| (least..=most).contains(&text.chars().count());
        if let Some(text) = formats::allowed(format).iter().find(fits) {
            return (*text).to_owned();
        }
        letters("text".len().max(least).min(most))
    }

    /// Texts that the pattern of a schema matches, within its lengths.
    pub(super) fn matching(&mut self, schema: &Value) -> Vec<String> {
        let pattern = schema.get("pattern").and_then(Value::as_str).and_then(Pattern::new);
        let Some(pattern) = pattern else { return Vec::new() };
        let length = |key: &str| words::count(schema, key);
        let (least, most) = (length("minLength").unwrap_or(0), length("maxLength").unwrap_or(usize::MAX));
        let exact = [length("minLength"), length("maxLength")]
            .into_iter()
            .flatten()
            .filter_map(|n| u32::try_from(n).ok());
        let ways = std::iter::repeat_n(0, MAX_PATTERN_TEXTS).chain([1]).chain(exact);
        let mut texts = Vec::new();
        for repeat in ways {
            let text = pattern.text(repeat, &mut *self.draw);
            let fitting = text.filter(|text| (least..=most).contains(&text.chars().count()));
            texts.extend(fitting.filter(|text| !texts.contains(text)));
        }
        texts
    }
}

/// A text of letters.
pub(super) fn letters(length: usize) -> String {
    "text".chars().cycle().take(length.min(MAX_CASE_TEXT)).collect()
}
