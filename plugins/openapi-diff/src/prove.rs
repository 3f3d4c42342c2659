//! Witnesses: values that one schema allows and the other does not.
//!
//! A value is made for the whole schema, changed at one place, and kept only if both schemas confirm it.

use serde_json::{Map, Value, json};
use stresshost_openapi::{Validator, example};

use crate::MAX_WITNESS_LENGTH;
use crate::view::Node;
use crate::walk::{Into, Step};

/// How a witness could be made.
#[derive(Clone, Debug)]
pub(crate) struct Proof<'a> {
    /// What could be done to the value at the place, most telling first.
    pub(crate) edits: Vec<Edit<'a>>,
    /// Keywords that must be what forbids it; none for any.
    pub(crate) keywords: &'static [&'static str],
}

/// A change to a value.
#[derive(Clone, Debug)]
pub(crate) enum Edit<'a> {
    /// Another value.
    Replace(Value),
    /// What the schema has as an example.
    Example(Node<'a>),
    /// A text of this length.
    Length(u64),
    /// A list of this length.
    Items(u64),
    /// An object of this many properties.
    Properties(u64),
    /// Without this property.
    Drop(&'a str),
    /// With this property.
    Insert(&'a str, Node<'a>),
}

impl Proof<'_> {
    /// There is nothing to prove.
    pub(crate) fn none() -> Self {
        Self { edits: Vec::new(), keywords: &[] }
    }
}

/// Makes witnesses for one pair of schemas.
pub(crate) struct Prover<'a> {
    from: &'a Value,
    to: &'a Value,
    /// Values to begin with; empty before the first attempt.
    seeds: Vec<Value>,
    given: Option<&'a Value>,
    /// Both schemas, compiled at the first attempt.
    validators: Option<Option<(Validator, Validator)>>,
    /// Attempts that may still be made.
    pub(crate) left: usize,
}

impl<'a> Prover<'a> {
    /// For values that `from` allows and `to` does not. `given` is an example of `from`.
    pub(crate) fn new(from: &'a Value, to: &'a Value, given: Option<&'a Value>, left: usize) -> Self {
        Self { from, to, seeds: Vec::new(), given, validators: None, left }
    }

    /// A confirmed witness.
    pub(crate) fn prove(&mut self, steps: &[Step<'a>], proof: Proof<'a>) -> Option<Value> {
        if self.left == 0 || proof.edits.is_empty() {
            return None;
        }
        self.left -= 1;
        let (from, to) = (self.from, self.to);
        let compile = || Some((Validator::new(from).ok()?, Validator::new(to).ok()?));
        let (allows, forbids) = self.validators.get_or_insert_with(compile).as_ref()?;
        if self.seeds.is_empty() {
            self.seeds.push(example(from));
            self.seeds.extend(self.given.cloned());
        }
        for seed in &self.seeds {
            for edit in &proof.edits {
                let mut value = seed.clone();
                let Some((place, pointer)) = descend(from, &mut value, steps) else { break };
                if !apply(from, place, edit) || !allows.is_valid(&value) {
                    continue;
                }
                let is_meant = |one: stresshost_openapi::Deviation| {
                    let keyword = one.keyword.as_str();
                    // Within alternatives the place that is told is theirs.
                    let is_outer = matches!(keyword, "oneOf" | "anyOf") && pointer.starts_with(&one.place);
                    let is_here = one.place == pointer || one.place.starts_with(&format!("{pointer}/"));
                    is_outer || is_here && (proof.keywords.is_empty() || proof.keywords.contains(&keyword))
                };
                if forbids.deviations(&value).into_iter().any(is_meant) {
                    return Some(value);
                }
            }
        }
        None
    }
}

/// The value at a place, with its pointer. What is not there on the way is made.
fn descend<'v>(root: &Value, value: &'v mut Value, steps: &[Step<'_>]) -> Option<(&'v mut Value, String)> {
    let (mut value, mut pointer) = (value, String::new());
    for step in steps {
        match step.into {
            Into::Items => {
                let items = value.as_array_mut()?;
                if items.is_empty() {
                    items.push(example_of(root, &step.from));
                }
                value = items.first_mut()?;
                pointer.push_str("/0");
            }
            Into::Property(name) => {
                value = entry(root, value, name, &step.from)?;
                pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            }
            Into::Others => {
                value = entry(root, value, OTHER, &step.from)?;
                pointer = format!("{pointer}/{OTHER}");
            }
        }
    }
    Some((value, pointer))
}

/// A property that no schema is likely to describe.
const OTHER: &str = "anotherProperty";

fn entry<'v>(root: &Value, value: &'v mut Value, name: &str, from: &Node<'_>) -> Option<&'v mut Value> {
    let object = value.as_object_mut()?;
    Some(object.entry(name).or_insert_with(|| example_of(root, from)))
}

/// An example of a part of a schema.
pub(crate) fn example_of(root: &Value, node: &Node<'_>) -> Value {
    let mut schema = match node.0.as_slice() {
        [Value::Object(one)] => one.clone(),
        parts => {
            let parts: Vec<Value> = parts.iter().map(|part| (*part).clone()).collect();
            Map::from_iter([("allOf".to_owned(), Value::Array(parts))])
        }
    };
    if let Some(definitions) = root.get("$defs") {
        schema.entry("$defs").or_insert_with(|| definitions.clone());
    }
    example(&Value::Object(schema))
}

/// Whether the edit could be done.
fn apply(root: &Value, value: &mut Value, edit: &Edit<'_>) -> bool {
    match edit {
        Edit::Replace(new) => *value = new.clone(),
        Edit::Example(node) => *value = example_of(root, node),
        Edit::Length(length) if *length <= MAX_WITNESS_LENGTH => {
            let own = value.as_str().filter(|own| !own.is_empty()).unwrap_or("text");
            let text: String = own.chars().cycle().take(usize::try_from(*length).unwrap_or(0)).collect();
            *value = Value::String(text);
        }
        Edit::Items(length) if *length <= MAX_WITNESS_LENGTH => {
            let Some(items) = value.as_array_mut() else { return false };
            let item = items.first().cloned().unwrap_or(json!("text"));
            *items = (0..*length)
                .map(|index| if index == 0 { item.clone() } else { varied(&item, index) })
                .collect();
        }
        Edit::Properties(count) if *count <= MAX_WITNESS_LENGTH => {
            let Some(object) = value.as_object_mut() else { return false };
            let count = usize::try_from(*count).unwrap_or(0);
            let surplus: Vec<String> = object.keys().skip(count).cloned().collect();
            for name in surplus {
                object.shift_remove(&name);
            }
            for index in object.len()..count {
                object.insert(format!("{OTHER}{index}"), json!("text"));
            }
        }
        Edit::Drop(name) => {
            let Some(object) = value.as_object_mut() else { return false };
            object.shift_remove(*name);
        }
        Edit::Insert(name, node) => {
            let Some(object) = value.as_object_mut() else { return false };
            let name = if name.is_empty() { OTHER } else { name };
            object.insert(name.to_owned(), example_of(root, node));
        }
        Edit::Length(_) | Edit::Items(_) | Edit::Properties(_) => return false,
    }
    true
}

/// Another item like this one, so that a list without repetition can be made.
fn varied(item: &Value, index: u64) -> Value {
    match item {
        Value::String(text) => json!(format!("{text}{index}")),
        Value::Number(number) => number
            .as_i64()
            .and_then(|number| number.checked_add_unsigned(index))
            .map_or(item.clone(), Value::from),
        _ => item.clone(),
    }
}
