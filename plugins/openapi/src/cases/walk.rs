//! Cases of a schema and of the places inside it.

use serde_json::Value;

use super::flat::with_branch;
use super::make::{Extent, Maker};
use super::{Case, negative, positive, words};
use crate::{
    MAX_CASE_DEPTH, MAX_CASE_ITEMS, MAX_CASE_PLACES, MAX_CASES, MAX_CASES_BELOW, MAX_CHOICES,
    MAX_NESTED_CHOICES,
};

/// On which side of a schema values are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Those it allows.
    Allowed,
    /// Those just outside.
    Outside,
}

/// Where in a schema cases are made, and how many of them are of use there.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    choices: usize,
    limit: usize,
}

impl Maker<'_> {
    /// Candidates for cases, those of the schema itself before those of places inside.
    pub(super) fn cases(&mut self, schema: &Value, side: Side) -> Vec<Case> {
        // Some turn out wrong, and some twice.
        self.cases_at(schema, side, Place { depth: 0, choices: 0, limit: MAX_CASES * 2 })
    }

    fn cases_at(&mut self, schema: &Value, side: Side, place: Place) -> Vec<Case> {
        self.places += 1;
        if self.places > MAX_CASE_PLACES {
            return Vec::new();
        }
        let schema = self.flat(schema).into_owned();
        let chosen = words::branches(&schema).filter(|_| place.choices < MAX_NESTED_CHOICES);
        if let Some((key, list)) = chosen {
            return self.choices(&schema, key, list, side, place);
        }
        let mut local = match side {
            Side::Allowed => positive::local(self, &schema),
            Side::Outside => negative::local(self, &schema),
        };
        if place.depth < MAX_CASE_DEPTH && local.len() < place.limit.saturating_mul(2) {
            let below = self.below(&schema, side, place);
            if place.depth == 0 {
                local.extend(below);
            } else {
                local = interleaved(vec![local, below]);
            }
        }
        if place.depth > 0 {
            local.truncate(place.limit);
        }
        local
    }

    /// The cases of each branch. With one that is wrong in the first branch some other may still agree; that is seen later.
    fn choices(&mut self, schema: &Value, key: &str, list: &[Value], side: Side, place: Place) -> Vec<Case> {
        let count = list.len().min(MAX_CHOICES).min(place.limit);
        let limit = (place.limit / count.max(1)).max(2);
        let inner = Place { choices: place.choices + 1, limit, ..place };
        let mut groups = Vec::new();
        for (index, branch) in list.iter().take(count).enumerate() {
            let mut cases = self.cases_at(&with_branch(schema, key, branch), side, inner);
            if side == Side::Allowed && count > 1 {
                for case in &mut cases {
                    case.about = format!("choice {}: {}", index + 1, case.about);
                }
            }
            groups.push(cases);
        }
        interleaved(groups)
    }

    /// The cases of properties and items, each in a value that is right otherwise.
    fn below(&mut self, schema: &Value, side: Side, place: Place) -> Vec<Case> {
        let mut parts: Vec<(Slot, &Value)> = Vec::new();
        parts.extend(words::properties(schema).map(|(name, schema)| (Slot::Property(name.clone()), schema)));
        if let Some(other) = schema.get("additionalProperties").filter(|other| other.is_object()) {
            parts.push((Slot::Property("key".to_owned()), other));
        }
        let prefix = schema.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len).min(MAX_CHOICES);
        for index in 0..=prefix {
            if let Some(item) = words::item(schema, index) {
                parts.push((Slot::Item(index), item));
            }
        }
        if parts.is_empty() {
            return Vec::new();
        }
        let taken = parts.len().min(place.limit.max(1));
        let limit = (place.limit / taken).clamp(2, MAX_CASES_BELOW);
        // With more parts than cases it is drawn which ones have a turn.
        let from = if taken < parts.len() { self.drawn(parts.len() as u64) } else { 0 };
        let from = usize::try_from(from).unwrap_or(0);
        let mut groups = Vec::new();
        for (slot, part) in parts.iter().cycle().skip(from).take(taken) {
            let inner = Place { depth: place.depth + 1, limit, ..place };
            let cases = self.cases_at(part, side, inner);
            let whole = self.around(schema, slot);
            groups.push(cases.into_iter().filter_map(|case| slot.filled(&whole, case)).collect());
        }
        interleaved(groups)
    }

    /// A value with a place for the slot.
    fn around(&mut self, schema: &Value, slot: &Slot) -> Value {
        match slot {
            Slot::Property(_) => self.value(schema, Extent::Least),
            Slot::Item(index) => {
                let least = words::count(schema, "minItems").unwrap_or(0).min(MAX_CASE_ITEMS);
                self.list(schema, least.max(index + 1))
            }
        }
    }
}

/// A place directly inside a value.
enum Slot {
    Property(String),
    Item(usize),
}

impl Slot {
    fn filled(&self, whole: &Value, case: Case) -> Option<Case> {
        let mut whole = whole.clone();
        let about = match self {
            Self::Property(name) => {
                whole.as_object_mut()?.insert(name.clone(), case.value);
                format!("`{name}`: {}", case.about)
            }
            Self::Item(index) => {
                *whole.as_array_mut()?.get_mut(*index)? = case.value;
                format!("item {index}: {}", case.about)
            }
        };
        Some(Case { value: whole, about })
    }
}

/// One of each group in turn.
fn interleaved(groups: Vec<Vec<Case>>) -> Vec<Case> {
    let mut out = Vec::with_capacity(groups.iter().map(Vec::len).sum());
    let mut groups: Vec<_> = groups.into_iter().map(Vec::into_iter).collect();
    loop {
        let before = out.len();
        out.extend(groups.iter_mut().filter_map(Iterator::next));
        if out.len() == before {
            return out;
        }
    }
}
