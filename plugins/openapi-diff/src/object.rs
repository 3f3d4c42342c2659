//! Comparing objects.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::prove::{Edit, Proof};
use crate::rules::{Aspect, Level, Single};
use crate::view::{Node, Others, View};
use crate::walk::{Into, Walker};

static NOTHING: Value = Value::Bool(false);

/// What forbids a property.
const FORBIDS: &[&str] = &["additionalProperties"];

impl<'a> Walker<'a> {
    pub(crate) fn objects(&mut self, base: &View<'a>, revision: &View<'a>) {
        let (old, new) = (base.others(), revision.others());
        let is_tangled = matches!(old, Others::Tangled) || matches!(new, Others::Tangled);
        if is_tangled && !self.are_rests_same(base, revision) {
            let reason = "parts of an `allOf` speak of each other's properties by `additionalProperties`";
            self.unclear(reason.to_owned());
            return;
        }
        self.others(&old, &new);
        let names: BTreeSet<&'a str> = [base, revision]
            .into_iter()
            .flat_map(|view| view.properties.keys().chain(&view.required).copied())
            .collect();
        for name in names {
            match (self.has(true, base, name), self.has(false, revision, name)) {
                (true, true) => self.property(base, revision, name, &old, &new),
                (true, false) => self.removed(base, revision, name, &new),
                (false, true) => self.added(base, revision, name, &old),
                (false, false) => {}
            }
        }
    }

    /// Whether every part of an `allOf` says the same of the properties that it does not describe.
    fn are_rests_same(&mut self, base: &View<'a>, revision: &View<'a>) -> bool {
        base.rests.len() == revision.rests.len()
            && base.rests.iter().zip(&revision.rests).all(|(old, new)| {
                old.names() == new.names() && self.is_same(&Node::one(old.schema), &Node::one(new.schema))
            })
    }

    /// Whether a view has a property, on the side that it is read for.
    fn has(&self, is_base: bool, view: &View<'a>, name: &'a str) -> bool {
        let Some(node) = view.properties.get(name) else { return view.required.contains(name) };
        let root = if is_base { self.roots.base } else { self.roots.revision };
        !self.is_of_other_side(root, node)
    }

    /// What only the server writes has no place in a request, and the other way round.
    fn is_of_other_side(&self, root: &'a Value, node: &Node<'a>) -> bool {
        let flag = if self.is_request() { "readOnly" } else { "writeOnly" };
        // Nearly every property has neither flag, and a reference is the only other place for one.
        let may_have = |schema: &&'a Value| {
            schema.as_object().is_some_and(|map| {
                ["$ref", "allOf", "oneOf", "anyOf", flag].iter().any(|key| map.contains_key(*key))
            })
        };
        if !node.0.iter().any(may_have) {
            return false;
        }
        let view = View::of(root, node);
        if self.is_request() { view.is_read_only } else { view.is_write_only }
    }

    fn property(
        &mut self,
        base: &View<'a>,
        revision: &View<'a>,
        name: &'a str,
        old: &Others<'a>,
        new: &Others<'a>,
    ) {
        let single = match (base.required.contains(name), revision.required.contains(name)) {
            (true, false) if self.is_request() => Some(Single::RequestPropertyBecameOptional),
            (true, false) => Some(Single::ResponsePropertyBecameOptional),
            (false, true) if self.is_request() => Some(Single::RequestPropertyBecameRequired),
            (false, true) => Some(Single::ResponsePropertyBecameRequired),
            _ => None,
        };
        let (own, other) = (effective(base, name, old), effective(revision, name, new));
        if let Some(single) = single {
            self.of_property(name, &own, &other, single, None, dropping(name));
        }
        self.step(Into::Property(name), &own, &other);
    }

    fn removed(&mut self, base: &View<'a>, revision: &View<'a>, name: &'a str, new: &Others<'a>) {
        let own = effective(base, name, &Others::Open);
        let is_required = base.required.contains(name);
        let is_forbidden = matches!(new, Others::Closed) && !revision.properties.contains_key(name);
        let single = match (self.is_request(), is_required) {
            (true, _) => Single::RequestPropertyRemoved,
            (false, true) => Single::ResponseRequiredPropertyRemoved,
            (false, false) => Single::ResponseOptionalPropertyRemoved,
        };
        let level = (self.is_request() && is_forbidden).then_some(Level::Breaking);
        let proof = if self.is_request() { inserting(name, &own) } else { dropping(name) };
        self.of_property(name, &own, &Node::default(), single, level, proof);
        if let Others::Are(schema) = new
            && !revision.properties.contains_key(name)
        {
            self.step(Into::Property(name), &own, &Node::one(schema));
        }
    }

    fn added(&mut self, base: &View<'a>, revision: &View<'a>, name: &'a str, old: &Others<'a>) {
        let own = effective(revision, name, &Others::Open);
        let is_required = revision.required.contains(name);
        let is_forbidden = matches!(old, Others::Closed) && !base.properties.contains_key(name);
        let single = match (self.is_request(), is_required) {
            (true, true) => Single::RequestRequiredPropertyAdded,
            (true, false) => Single::RequestOptionalPropertyAdded,
            (false, true) => Single::ResponseRequiredPropertyAdded,
            (false, false) => Single::ResponseOptionalPropertyAdded,
        };
        let level = (!self.is_request() && is_forbidden).then_some(Level::Breaking);
        let proof = if self.is_request() { dropping(name) } else { inserting(name, &own) };
        self.of_property(name, &Node::default(), &own, single, level, proof);
        if let Others::Are(schema) = old
            && !base.properties.contains_key(name)
        {
            self.step(Into::Property(name), &Node::one(schema), &own);
        }
    }

    #[inline(never)]
    /// A change that is told at the property and proven at its object.
    fn of_property(
        &mut self,
        name: &'a str,
        base: &Node<'a>,
        revision: &Node<'a>,
        single: Single,
        level: Option<Level>,
        proof: Proof<'a>,
    ) {
        let rule = single.rule();
        let level = level.unwrap_or(rule.level);
        // What a warning warns of is not decided by a value: an open schema allows the property as ever.
        let witness = if level == Level::Breaking { self.prove(proof) } else { None };
        let from = self.directed(base, revision).0.clone();
        self.within(Into::Property(name), &from, |walker| {
            walker.found(rule, level, message(single).to_owned(), witness);
        });
    }

    fn others(&mut self, old: &Others<'a>, new: &Others<'a>) {
        let node = |others: &Others<'a>| match others {
            Others::Are(schema) => Node::one(schema),
            _ => Node::default(),
        };
        let (aspect, message) = match (old, new) {
            (Others::Closed, Others::Closed) | (Others::Open, Others::Open) | (Others::Tangled, _) => return,
            (Others::Closed, _) => (Aspect::AdditionalPropertiesAllowed, "other properties are allowed"),
            (_, Others::Closed) => (Aspect::AdditionalPropertiesForbidden, "other properties are forbidden"),
            _ => return self.step(Into::Others, &node(old), &node(new)),
        };
        let (from, _) = self.directed(old, new);
        self.aspect(
            aspect,
            message.to_owned(),
            Proof { edits: vec![Edit::Insert("", node(from))], keywords: FORBIDS },
        );
    }
}

/// What a property may be: what is said of it, or else of all others.
fn effective<'a>(view: &View<'a>, name: &str, others: &Others<'a>) -> Node<'a> {
    match (view.properties.get(name), others) {
        (Some(node), _) => node.clone(),
        (None, Others::Are(schema)) => Node::one(schema),
        (None, Others::Closed) => Node::one(&NOTHING),
        (None, Others::Open | Others::Tangled) => Node::default(),
    }
}

fn dropping(name: &str) -> Proof<'_> {
    Proof { edits: vec![Edit::Drop(name)], keywords: &["required"] }
}

fn inserting<'a>(name: &'a str, node: &Node<'a>) -> Proof<'a> {
    Proof { edits: vec![Edit::Insert(name, node.clone())], keywords: FORBIDS }
}

fn message(single: Single) -> &'static str {
    match single {
        Single::RequestRequiredPropertyAdded | Single::ResponseRequiredPropertyAdded => {
            "a required property was added"
        }
        Single::RequestOptionalPropertyAdded | Single::ResponseOptionalPropertyAdded => {
            "an optional property was added"
        }
        Single::RequestPropertyRemoved => "the property was removed",
        Single::ResponseRequiredPropertyRemoved => "the property was removed; it was always there",
        Single::ResponseOptionalPropertyRemoved => "the property was removed; it was optional",
        Single::RequestPropertyBecameRequired | Single::ResponsePropertyBecameRequired => {
            "the property became required"
        }
        _ => "the property became optional",
    }
}
