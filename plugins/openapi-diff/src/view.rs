//! A schema as one flat set of constraints: references followed, `allOf` merged, and what says the same written the same way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::bounds::Ranges;
use crate::kinds::Kinds;
use crate::{MAX_DEPTH, MAX_PARTS};

/// Schemas that all hold at one place. None of them allow anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Node<'a>(pub(crate) Vec<&'a Value>);

/// What tells nodes of one document apart.
pub(crate) type Key = Vec<usize>;

impl<'a> Node<'a> {
    pub(crate) fn one(schema: &'a Value) -> Self {
        Self(vec![schema])
    }

    /// Equal for nodes that are made of the same schemas, references followed.
    pub(crate) fn key(&self, root: &'a Value) -> Key {
        let mut key: Key =
            self.0.iter().map(|schema| std::ptr::from_ref(settled(root, schema)) as usize).collect();
        key.sort_unstable();
        key.dedup();
        key
    }
}

/// What a schema that is nothing but a reference stands for.
fn settled<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..MAX_DEPTH {
        let is_alone = |map: &&Map<String, Value>| map.keys().all(|key| key == "$ref" || key == "$defs");
        let Some(map) = schema.as_object().filter(is_alone) else { break };
        let Some(next) = map.get("$ref").and_then(|reference| target(root, reference)) else { break };
        schema = next;
    }
    schema
}

fn target<'a>(root: &'a Value, reference: &Value) -> Option<&'a Value> {
    root.pointer(reference.as_str()?.strip_prefix('#')?)
}

/// A `oneOf` or `anyOf`.
#[derive(Clone, Debug)]
pub(crate) struct Union<'a> {
    pub(crate) is_one: bool,
    pub(crate) branches: &'a [Value],
}

/// An `additionalProperties`, with the properties that it does not speak of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest<'a> {
    pub(crate) schema: &'a Value,
    beside: Option<&'a Map<String, Value>>,
}

impl<'a> Rest<'a> {
    /// The properties that it does not speak of.
    pub(crate) fn names(&self) -> BTreeSet<&'a str> {
        self.beside.into_iter().flat_map(Map::keys).map(String::as_str).collect()
    }
}

/// What properties that are not described may be.
pub(crate) enum Others<'a> {
    /// Anything.
    Open,
    /// Nothing: they are forbidden.
    Closed,
    /// What this schema says.
    Are(&'a Value),
    /// More than one part of an `allOf` speaks of them.
    Tangled,
}

/// A flat schema.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    pub(crate) kinds: Kinds,
    /// The only values, when there are some.
    pub(crate) values: Option<Vec<&'a Value>>,
    pub(crate) ranges: Ranges,
    pub(crate) patterns: BTreeSet<&'a str>,
    pub(crate) formats: BTreeSet<&'a str>,
    pub(crate) multiples: Vec<&'a serde_json::Number>,
    pub(crate) is_unique: bool,
    pub(crate) properties: BTreeMap<&'a str, Node<'a>>,
    pub(crate) required: BTreeSet<&'a str>,
    pub(crate) items: Node<'a>,
    pub(crate) unions: Vec<Union<'a>>,
    /// Keywords that are only compared for being the same.
    pub(crate) opaque: BTreeMap<&'a str, Vec<&'a Value>>,
    pub(crate) default: Option<&'a Value>,
    pub(crate) is_deprecated: bool,
    pub(crate) is_read_only: bool,
    pub(crate) is_write_only: bool,
    /// Why the schema cannot be looked at.
    pub(crate) problem: Option<&'static str>,
    pub(crate) rests: Vec<Rest<'a>>,
    parts: usize,
}

/// Keywords that say something about values and that are only compared for being the same.
const OPAQUE: [&str; 20] = [
    "not",
    "if",
    "then",
    "else",
    "contains",
    "minContains",
    "maxContains",
    "propertyNames",
    "patternProperties",
    "dependentSchemas",
    "dependentRequired",
    "dependencies",
    "prefixItems",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "$dynamicRef",
    "$recursiveRef",
];

static NULL: Value = Value::Null;

impl<'a> View<'a> {
    /// Boxed, as the views of every level are alive at once and stacks of plugins are small.
    #[inline(never)]
    pub(crate) fn of(root: &'a Value, node: &Node<'a>) -> Box<Self> {
        let mut view = Box::new(Self::empty());
        let mut references = Vec::new();
        for schema in &node.0 {
            view.absorb(root, schema, &mut references, 0);
        }
        view.settle();
        view
    }

    fn empty() -> Self {
        Self {
            kinds: Kinds::ALL,
            values: None,
            ranges: Ranges::default(),
            patterns: BTreeSet::new(),
            formats: BTreeSet::new(),
            multiples: Vec::new(),
            is_unique: false,
            properties: BTreeMap::new(),
            required: BTreeSet::new(),
            items: Node::default(),
            unions: Vec::new(),
            opaque: BTreeMap::new(),
            default: None,
            is_deprecated: false,
            is_read_only: false,
            is_write_only: false,
            problem: None,
            rests: Vec::new(),
            parts: 0,
        }
    }

    /// What properties that are not described may be.
    pub(crate) fn others(&self) -> Others<'a> {
        match self.rests.as_slice() {
            [] => Others::Open,
            [rest] => {
                let described = |name: &str| rest.beside.is_some_and(|beside| beside.contains_key(name));
                match rest.schema {
                    _ if !self.properties.keys().all(|name| described(name)) => Others::Tangled,
                    Value::Bool(false) => Others::Closed,
                    schema => Others::Are(schema),
                }
            }
            _ => Others::Tangled,
        }
    }

    fn absorb(&mut self, root: &'a Value, schema: &'a Value, references: &mut Vec<&'a Value>, depth: usize) {
        self.parts += 1;
        if depth > MAX_DEPTH || self.parts > MAX_PARTS {
            self.problem = Some("it is made of too many parts");
            return;
        }
        let map = match schema {
            Value::Object(map) => map,
            Value::Bool(true) => return,
            Value::Bool(false) => {
                self.kinds = Kinds::NONE;
                return;
            }
            _ => {
                self.problem = Some("it is no schema");
                return;
            }
        };
        for (keyword, value) in map {
            match (keyword.as_str(), value) {
                ("$ref", _) => {
                    let Some(target) = target(root, value) else {
                        self.problem = Some("a reference leads nowhere");
                        continue;
                    };
                    // A schema that is itself and more: the more is all that it says.
                    if !references.contains(&value) {
                        references.push(value);
                        self.absorb(root, target, references, depth + 1);
                        references.pop();
                    }
                }
                ("allOf", Value::Array(parts)) => {
                    parts.iter().for_each(|part| self.absorb(root, part, references, depth + 1));
                }
                ("oneOf" | "anyOf", Value::Array(branches)) => {
                    self.union(root, keyword == "oneOf", branches, references, depth);
                }
                ("additionalProperties", schema) => {
                    let is_open =
                        *schema == Value::Bool(true) || schema.as_object().is_some_and(Map::is_empty);
                    if !is_open {
                        let beside = map.get("properties").and_then(Value::as_object);
                        self.rests.push(Rest { schema, beside });
                    }
                }
                _ => self.keyword(keyword, value),
            }
        }
    }

    fn union(
        &mut self,
        root: &'a Value,
        is_one: bool,
        branches: &'a [Value],
        references: &mut Vec<&'a Value>,
        depth: usize,
    ) {
        if let [only] = branches {
            self.absorb(root, only, references, depth + 1);
            return;
        }
        let is_null = |branch: &Value| {
            branch.get("type").is_some_and(|kind| kind == "null" || *kind == serde_json::json!(["null"]))
        };
        // "This or null" is how JSON Schema says that something may be null.
        if let [a, b] = branches
            && is_null(a) != is_null(b)
        {
            let mut view = Self::empty();
            view.parts = self.parts;
            view.absorb(root, if is_null(a) { b } else { a }, references, depth + 1);
            view.settle();
            if view.is_simple() && (!is_one || !view.kinds.has(Kinds::NULL)) {
                view.kinds = view.kinds | Kinds::NULL;
                if let Some(values) = &mut view.values {
                    values.push(&NULL);
                }
                self.meet(view);
                return;
            }
        }
        self.unions.push(Union { is_one, branches });
    }

    /// Whether nothing of it speaks of null.
    fn is_simple(&self) -> bool {
        self.unions.is_empty() && self.opaque.is_empty() && self.problem.is_none()
    }

    fn keyword(&mut self, keyword: &'a str, value: &'a Value) {
        match (keyword, value) {
            ("type", _) => self.kinds = self.kinds & Kinds::named(value),
            ("enum", Value::Array(values)) => self.only(values.iter().collect()),
            ("const", _) => self.only(vec![value]),
            ("pattern", Value::String(pattern)) => {
                self.patterns.insert(pattern);
            }
            ("format", Value::String(format)) => {
                self.formats.insert(format);
            }
            ("multipleOf", Value::Number(step)) => self.multiples.push(step),
            ("uniqueItems", Value::Bool(is_unique)) => self.is_unique |= is_unique,
            ("properties", Value::Object(properties)) => {
                for (name, schema) in properties {
                    self.properties.entry(name).or_default().0.push(schema);
                }
            }
            ("required", Value::Array(names)) => {
                self.required.extend(names.iter().filter_map(Value::as_str));
            }
            ("items", schema) => self.items.0.push(schema),
            ("default", _) => self.default = Some(value),
            ("deprecated", Value::Bool(flag)) => self.is_deprecated |= flag,
            ("readOnly", Value::Bool(flag)) => self.is_read_only |= flag,
            ("writeOnly", Value::Bool(flag)) => self.is_write_only |= flag,
            _ if self.ranges.absorb(keyword, value) => {}
            _ if OPAQUE.contains(&keyword) => self.opaque.entry(keyword).or_default().push(value),
            _ => {}
        }
    }

    fn only(&mut self, values: Vec<&'a Value>) {
        self.values = Some(match self.values.take() {
            Some(own) => own.into_iter().filter(|value| values.contains(value)).collect(),
            None => values,
        });
    }

    /// What both allow.
    fn meet(&mut self, other: Self) {
        self.kinds = self.kinds & other.kinds;
        if let Some(values) = other.values {
            self.only(values);
        }
        self.ranges.meet(other.ranges);
        self.patterns.extend(other.patterns);
        self.formats.extend(other.formats);
        self.multiples.extend(other.multiples);
        self.is_unique |= other.is_unique;
        for (name, node) in other.properties {
            self.properties.entry(name).or_default().0.extend(node.0);
        }
        self.required.extend(other.required);
        self.items.0.extend(other.items.0);
        self.unions.extend(other.unions);
        for (keyword, values) in other.opaque {
            self.opaque.entry(keyword).or_default().extend(values);
        }
        self.default = self.default.or(other.default);
        self.is_deprecated |= other.is_deprecated;
        self.is_read_only |= other.is_read_only;
        self.is_write_only |= other.is_write_only;
        self.problem = self.problem.or(other.problem);
        self.rests.extend(other.rests);
        self.parts = other.parts;
    }

    fn settle(&mut self) {
        if let Some(values) = &mut self.values {
            let kinds = self.kinds;
            values.retain(|value| kinds.has(Kinds::of(value)));
            let mut unique: Vec<&Value> = Vec::new();
            let mut told = std::collections::HashSet::new();
            for value in values.drain(..) {
                if told.insert(value) {
                    unique.push(value);
                }
            }
            *values = unique;
            self.kinds = values.iter().fold(Kinds::NONE, |all, value| all | Kinds::of(value));
        }
        self.ranges.settle(self.kinds);
    }
}
