//! Comparing alternatives, and keywords that are only the same or not.

use serde_json::Value;

use crate::MAX_BRANCHES;
use crate::prove::{Edit, Proof};
use crate::rules::{Aspect, Level};
use crate::view::{Node, Union, View};
use crate::walk::Walker;

impl<'a> Walker<'a> {
    pub(crate) fn unions(&mut self, base: &View<'a>, revision: &View<'a>) {
        match (base.unions.as_slice(), revision.unions.as_slice()) {
            ([], []) => {}
            ([old], [new]) if old.is_one == new.is_one => self.union(old, new),
            _ if self.are_same(&base.unions, &revision.unions) => {}
            _ => self
                .unclear("a `oneOf` or `anyOf` is there on one side only, or there are several".to_owned()),
        }
    }

    fn are_same(&mut self, old: &[Union<'a>], new: &[Union<'a>]) -> bool {
        old.len() == new.len()
            && old.iter().zip(new).all(|(old, new)| {
                old.is_one == new.is_one
                    && old.branches.len() == new.branches.len()
                    && self.pairs_are_same(old.branches.iter().zip(new.branches))
            })
    }

    fn union(&mut self, old: &Union<'a>, new: &Union<'a>) {
        if old.branches.len().max(new.branches.len()) > MAX_BRANCHES {
            self.unclear(format!("more than {MAX_BRANCHES} alternatives"));
            return;
        }
        let mut gained: Vec<&'a Value> = new.branches.iter().collect();
        let mut lost = Vec::new();
        for branch in old.branches {
            let same = gained.iter().position(|other| self.is_same(&Node::one(branch), &Node::one(other)));
            match same {
                Some(at) => {
                    gained.remove(at);
                }
                None => lost.push(branch),
            }
        }
        let (aspect, count) = match (lost.is_empty(), gained.is_empty(), old.is_one) {
            (true, true, _) => return,
            (true, false, true) => (Aspect::OneOfAdded, gained.len()),
            (true, false, false) => (Aspect::AnyOfAdded, gained.len()),
            (false, true, true) => (Aspect::OneOfRemoved, lost.len()),
            (false, true, false) => (Aspect::AnyOfRemoved, lost.len()),
            (false, false, _) => {
                self.unclear("alternatives changed, and which was which is not known".to_owned());
                return;
            }
        };
        let is_added = lost.is_empty();
        let word = if is_added { "added" } else { "removed" };
        let message = if count == 1 {
            format!("an alternative was {word}")
        } else {
            format!("{count} alternatives were {word}")
        };
        let is_safe = is_added == self.is_request();
        // Of a `oneOf` exactly one may fit, so that an alternative more can also forbid what was allowed.
        let tried: Vec<&'a Value> = match (is_safe, old.is_one) {
            (true, false) => Vec::new(),
            (true, true) if is_added => old.branches.iter().collect(),
            (true, true) => new.branches.iter().collect(),
            (false, _) if is_added => gained,
            (false, _) => lost,
        };
        let edits = tried.into_iter().map(|branch| Edit::Example(Node::one(branch))).collect();
        match (self.prove(Proof { edits, keywords: &["oneOf", "anyOf"] }), is_safe) {
            (Some(witness), _) => self.found_aspect(aspect, Level::Breaking, message, Some(witness)),
            (None, true) => self.found_aspect(aspect, Level::Info, message, None),
            (None, false) => {
                self.unclear(format!("{message}, and no value shows that the others do not cover it"));
            }
        }
    }

    /// Keywords that are only the same or not.
    pub(crate) fn opaque(&mut self, base: &View<'a>, revision: &View<'a>) {
        let mut changed: Vec<&'a str> = Vec::new();
        let keywords: std::collections::BTreeSet<&'a str> =
            base.opaque.keys().chain(revision.opaque.keys()).copied().collect();
        for keyword in keywords {
            let (old, new) = (base.opaque.get(keyword), revision.opaque.get(keyword));
            let (Some(old), Some(new)) = (old, new) else {
                changed.push(keyword);
                continue;
            };
            let is_same = old.len() == new.len()
                && old.iter().zip(new).all(|(old, new)| self.is_same_keyword(keyword, old, new));
            if !is_same {
                changed.push(keyword);
            }
        }
        if !changed.is_empty() {
            let told: Vec<String> = changed.iter().map(|keyword| format!("`{keyword}`")).collect();
            self.unclear(format!("{} changed", told.join(" and ")));
        }
    }

    fn is_same_keyword(&mut self, keyword: &str, old: &'a Value, new: &'a Value) -> bool {
        match (keyword, old, new) {
            (
                "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "propertyNames"
                | "unevaluatedItems"
                | "unevaluatedProperties"
                | "contentSchema",
                _,
                _,
            ) => self.is_same(&Node::one(old), &Node::one(new)),
            ("prefixItems", Value::Array(old), Value::Array(new)) => {
                old.len() == new.len() && self.pairs_are_same(old.iter().zip(new))
            }
            ("patternProperties" | "dependentSchemas", Value::Object(old), Value::Object(new)) => {
                old.len() == new.len()
                    && old.iter().all(|(name, old)| {
                        new.get(name).is_some_and(|new| self.is_same(&Node::one(old), &Node::one(new)))
                    })
            }
            _ => old == new,
        }
    }

    fn pairs_are_same(&mut self, mut pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> bool {
        pairs.all(|(old, new)| self.is_same(&Node::one(old), &Node::one(new)))
    }
}
