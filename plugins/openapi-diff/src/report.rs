//! What a comparison found.

use serde_json::Value;

use crate::rules::{Level, Rule};
use crate::{MAX_ALL_VISITS, MAX_CHANGES, MAX_PROOFS};

/// What changed between two documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Changes, by operation, place and rule.
    pub changes: Vec<Change>,
    /// Operations that both documents have.
    pub operations_compared: usize,
    /// Places about which nothing can be said.
    pub not_comparable: Vec<NotComparable>,
    /// Whether every change is listed; otherwise there were more than the caps allow.
    pub complete: bool,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which rule it falls under, one of [`RULES`](crate::RULES).
    pub rule: &'static str,
    /// What it means for clients: the rule's level, or breaking where a witness or the schema itself proves it.
    pub level: Level,
    /// Method and path, as the base writes them.
    pub operation: String,
    /// Where in the operation, such as `request body /address/zip`; empty for the operation itself.
    pub place: String,
    /// What changed, in a sentence.
    pub message: String,
    /// A value that only one of the two documents allows, confirmed on both: for a request the base, for a response the
    /// revision. It is the whole body, parameter or header.
    pub witness: Option<Value>,
}

/// A place about which nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotComparable {
    /// Method and path, as the base writes them.
    pub operation: String,
    /// Where in the operation.
    pub place: String,
    /// Why.
    pub reason: String,
}

impl Comparison {
    /// How many changes break clients.
    pub fn breaking(&self) -> usize {
        self.count(Level::Breaking)
    }

    /// How many changes may break clients.
    pub fn warnings(&self) -> usize {
        self.count(Level::Warning)
    }

    /// How many changes break no client.
    pub fn infos(&self) -> usize {
        self.count(Level::Info)
    }

    fn count(&self, level: Level) -> usize {
        self.changes.iter().filter(|change| change.level == level).count()
    }
}

/// What is found while comparing.
pub(crate) struct Report {
    changes: Vec<Change>,
    not_comparable: Vec<NotComparable>,
    complete: bool,
    /// Attempts at witnesses that may still be made.
    pub(crate) proofs: usize,
    /// Pairs of schemas that may still be visited.
    pub(crate) visits: usize,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            changes: Vec::new(),
            not_comparable: Vec::new(),
            complete: true,
            proofs: MAX_PROOFS,
            visits: MAX_ALL_VISITS,
        }
    }

    /// Adds a change of an operation or of a part without a schema.
    pub(crate) fn rule(&mut self, rule: &'static Rule, operation: &str, place: &str, message: String) {
        self.change(Change {
            rule: rule.id,
            level: rule.level,
            operation: operation.to_owned(),
            place: place.to_owned(),
            message,
            witness: None,
        });
    }

    pub(crate) fn change(&mut self, change: Change) {
        if self.changes.len() < MAX_CHANGES {
            self.changes.push(change);
        } else {
            self.complete = false;
        }
    }

    pub(crate) fn not_comparable(&mut self, one: NotComparable) {
        if self.not_comparable.len() < MAX_CHANGES {
            self.not_comparable.push(one);
        } else {
            self.complete = false;
        }
    }

    /// A place had more changes than are listed.
    pub(crate) fn cut(&mut self) {
        self.complete = false;
    }

    pub(crate) fn finish(mut self, operations_compared: usize) -> Comparison {
        let key = |one: &Change| (one.operation.clone(), one.place.clone(), one.rule, one.message.clone());
        self.changes.sort_by_cached_key(key);
        self.not_comparable.sort();
        self.not_comparable.dedup();
        Comparison {
            changes: self.changes,
            operations_compared,
            not_comparable: self.not_comparable,
            complete: self.complete,
        }
    }
}
