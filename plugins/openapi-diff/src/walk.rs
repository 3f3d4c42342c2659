//! Walking two schemas side by side.

use std::collections::HashSet;

use serde_json::Value;

use crate::bounds::Measure;
use crate::kinds::Kinds;
use crate::prove::{Proof, Prover};
use crate::report::{Change, NotComparable, Report};
use crate::rules::{Aspect, Level, Rule, Subject};
use crate::value::shown;
use crate::view::{Key, Node, View};
use crate::{MAX_DEPTH, MAX_SCHEMA_CHANGES, MAX_VISITS};

/// A pair of things, one of each document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<T> {
    pub(crate) base: T,
    pub(crate) revision: T,
}

/// One step from a schema into a part of it.
#[derive(Clone, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) into: Into<'a>,
    /// What the part is, in the document that allows what the other forbids.
    pub(crate) from: Node<'a>,
}

/// Where a step leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Into<'a> {
    Property(&'a str),
    Items,
    Others,
}

/// Which two schemas are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) operation: &'a str,
    pub(crate) place: &'a str,
    pub(crate) subject: Subject,
    /// Examples that the documents give.
    pub(crate) examples: Pair<Option<&'a Value>>,
    /// Whether values can be held against the schemas as they are; not so for what is no JSON.
    pub(crate) is_json: bool,
}

static ANYTHING: Value = Value::Bool(true);

/// Compares two schemas; none allows anything.
pub(crate) fn schemas(report: &mut Report, place: Place<'_>, base: Option<&Value>, revision: Option<&Value>) {
    if base == revision {
        return;
    }
    let roots = Pair { base: base.unwrap_or(&ANYTHING), revision: revision.unwrap_or(&ANYTHING) };
    let visits = report.visits.min(MAX_VISITS);
    let mut walker = Walker::new(place, roots, report.proofs, visits);
    walker.nodes(&Node::one(roots.base), &Node::one(roots.revision));
    report.proofs = walker.prover.left;
    report.visits -= visits - walker.visits;
    if walker.is_cut {
        report.cut();
    }
    walker.changes.into_iter().for_each(|change| report.change(change));
    walker.unclear.into_iter().for_each(|unclear| report.not_comparable(unclear));
}

pub(crate) struct Walker<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) roots: Pair<&'a Value>,
    pub(crate) prover: Prover<'a>,
    pub(crate) steps: Vec<Step<'a>>,
    /// Whether it only asks if there is a difference.
    is_probe: bool,
    changes: Vec<Change>,
    unclear: Vec<NotComparable>,
    /// Changes and unclear places so far.
    found: usize,
    is_cut: bool,
    /// Pairs that are being compared further out: what they are is decided there.
    open: HashSet<(Key, Key)>,
    /// Pairs without a difference.
    same: HashSet<(Key, Key)>,
    /// Pairs without a difference in values, from probes.
    alike: HashSet<(Key, Key)>,
    /// How deep the comparison is that asks, for a probe.
    outer: usize,
    /// Pairs that may still be visited.
    visits: usize,
}

impl<'a> Walker<'a> {
    fn new(place: Place<'a>, roots: Pair<&'a Value>, proofs: usize, visits: usize) -> Self {
        let examples = place.examples;
        let prover = if place.subject.is_request() {
            Prover::new(roots.base, roots.revision, examples.base, proofs)
        } else {
            Prover::new(roots.revision, roots.base, examples.revision, proofs)
        };
        Self {
            place,
            roots,
            prover,
            steps: Vec::new(),
            is_probe: false,
            changes: Vec::new(),
            unclear: Vec::new(),
            found: 0,
            is_cut: false,
            open: HashSet::new(),
            same: HashSet::new(),
            alike: HashSet::new(),
            outer: 0,
            visits,
        }
    }

    /// Whether two schemas allow the same, as far as a comparison can tell.
    pub(crate) fn is_same(&mut self, base: &Node<'a>, revision: &Node<'a>) -> bool {
        let mut probe = Self::new(self.place, self.roots, 0, self.visits);
        probe.is_probe = true;
        probe.outer = self.outer + self.steps.len() + 1;
        probe.open = std::mem::take(&mut self.open);
        let known = if self.is_probe { &mut self.same } else { &mut self.alike };
        probe.same = std::mem::take(known);
        probe.nodes(base, revision);
        let is_same = probe.found == 0;
        // What was the same only if a pair further out is: of no use once that pair is not.
        if is_same {
            *known = probe.same;
        }
        self.open = probe.open;
        self.visits = probe.visits;
        is_same
    }

    pub(crate) fn is_request(&self) -> bool {
        self.place.subject.is_request()
    }

    /// What is compared here: the whole, or a part of it.
    fn subject(&self) -> Subject {
        if self.steps.is_empty() { self.place.subject } else { self.place.subject.part() }
    }

    /// The one of a pair that allows what breaks, and the one that forbids it.
    pub(crate) fn directed<T>(&self, base: T, revision: T) -> (T, T) {
        if self.is_request() { (base, revision) } else { (revision, base) }
    }

    pub(crate) fn nodes(&mut self, base: &Node<'a>, revision: &Node<'a>) {
        if self.is_probe && self.found > 0 {
            return;
        }
        if self.found >= MAX_SCHEMA_CHANGES {
            self.is_cut = true;
            return;
        }
        let key = (base.key(self.roots.base), revision.key(self.roots.revision));
        if self.open.contains(&key) || self.same.contains(&key) {
            return;
        }
        if self.visits == 0 || self.outer + self.steps.len() > MAX_DEPTH {
            self.unclear("the schemas are too large or too deep".to_owned());
            return;
        }
        self.visits -= 1;
        let before = self.found;
        self.open.insert(key.clone());
        let base = View::of(self.roots.base, base);
        let revision = View::of(self.roots.revision, revision);
        self.views(&base, &revision);
        self.open.remove(&key);
        if self.found == before {
            self.same.insert(key);
        }
    }

    /// Compares the parts that a step leads to.
    pub(crate) fn step(&mut self, into: Into<'a>, base: &Node<'a>, revision: &Node<'a>) {
        if base.0.is_empty() && revision.0.is_empty() {
            return;
        }
        let from = self.directed(base, revision).0.clone();
        self.steps.push(Step { into, from });
        self.nodes(base, revision);
        self.steps.pop();
    }

    /// Does something one step further in.
    pub(crate) fn within(&mut self, into: Into<'a>, from: &Node<'a>, act: impl FnOnce(&mut Self)) {
        self.steps.push(Step { into, from: from.clone() });
        act(self);
        self.steps.pop();
    }

    fn views(&mut self, base: &View<'a>, revision: &View<'a>) {
        if !self.own(base, revision) {
            return;
        }
        let shared = base.kinds & revision.kinds;
        if shared.overlaps(Kinds::ARRAY) {
            self.step(Into::Items, &base.items, &revision.items);
        }
        if shared.overlaps(Kinds::OBJECT) {
            self.objects(base, revision);
        }
        self.unions(base, revision);
        self.opaque(base, revision);
    }

    /// Compares what two schemas say without their parts; whether the parts are worth comparing. Not a part of its caller,
    /// whose frame is on the stack once per level.
    #[inline(never)]
    fn own(&mut self, base: &View<'a>, revision: &View<'a>) -> bool {
        if let Some(problem) = base.problem.or(revision.problem) {
            self.unclear(problem.to_owned());
            return false;
        }
        if !self.is_probe {
            self.notes(base, revision);
        }
        if !self.values(base, revision) {
            return false;
        }
        let shared = base.kinds & revision.kinds;
        if shared.overlaps(Kinds::STRING) {
            self.strings(base, revision);
        }
        if shared.overlaps(Kinds::NUMBER) {
            self.numbers(base, revision);
        }
        if shared.overlaps(Kinds::STRING | Kinds::NUMBER) {
            self.formats(base, revision);
        }
        if shared.overlaps(Kinds::ARRAY) {
            self.lists(base, revision);
        }
        if shared.overlaps(Kinds::OBJECT) {
            self.ranges(Measure::Properties, base, revision);
        }
        true
    }

    /// What says nothing about values.
    fn notes(&mut self, base: &View<'a>, revision: &View<'a>) {
        let (aspect, message) = match (base.default, revision.default) {
            (None, Some(new)) => (Aspect::DefaultAdded, format!("the default is {}", shown(new))),
            (Some(old), None) => (Aspect::DefaultRemoved, format!("the default was {}", shown(old))),
            (Some(old), Some(new)) if old != new => {
                (Aspect::DefaultChanged, format!("the default is {}; it was {}", shown(new), shown(old)))
            }
            _ => return self.deprecation(base, revision),
        };
        self.aspect(aspect, message, Proof::none());
        self.deprecation(base, revision);
    }

    fn deprecation(&mut self, base: &View<'a>, revision: &View<'a>) {
        match (base.is_deprecated, revision.is_deprecated) {
            (false, true) => {
                self.aspect(Aspect::Deprecated, "it should no longer be used".to_owned(), Proof::none());
            }
            (true, false) => {
                self.aspect(Aspect::Reactivated, "it may be used again".to_owned(), Proof::none());
            }
            _ => {}
        }
    }

    pub(crate) fn aspect(&mut self, aspect: Aspect, message: String, proof: Proof<'a>) {
        let rule = aspect.rule(self.subject());
        self.record(rule, rule.level, message, proof);
    }

    #[inline(never)]
    fn record(&mut self, rule: &'static Rule, level: Level, message: String, proof: Proof<'a>) {
        let witness = if level == Level::Info { None } else { self.prove(proof) };
        let level = if witness.is_some() { Level::Breaking } else { level };
        self.found(rule, level, message, witness);
    }

    /// A value that breaks, confirmed.
    pub(crate) fn prove(&mut self, proof: Proof<'a>) -> Option<Value> {
        if self.is_probe || !self.place.is_json {
            return None;
        }
        self.prover.prove(&self.steps, proof)
    }

    /// As `found`, by what is compared here.
    pub(crate) fn found_aspect(
        &mut self,
        aspect: Aspect,
        level: Level,
        message: String,
        witness: Option<Value>,
    ) {
        self.found(aspect.rule(self.subject()), level, message, witness);
    }

    /// Lists a change whose witness is already looked for.
    pub(crate) fn found(
        &mut self,
        rule: &'static Rule,
        level: Level,
        message: String,
        witness: Option<Value>,
    ) {
        self.found += 1;
        if self.is_probe {
            return;
        }
        if self.changes.len() >= MAX_SCHEMA_CHANGES {
            self.is_cut = true;
            return;
        }
        self.changes.push(Change {
            rule: rule.id,
            level,
            operation: self.place.operation.to_owned(),
            place: self.path(),
            message,
            witness,
        });
    }

    #[inline(never)]
    pub(crate) fn unclear(&mut self, reason: String) {
        self.found += 1;
        if self.is_probe {
            return;
        }
        if self.unclear.len() >= MAX_SCHEMA_CHANGES {
            self.is_cut = true;
            return;
        }
        let (operation, place) = (self.place.operation.to_owned(), self.path());
        self.unclear.push(NotComparable { operation, place, reason });
    }

    fn path(&self) -> String {
        let mut path = self.place.place.to_owned();
        for (index, step) in self.steps.iter().enumerate() {
            path.push_str(if index == 0 { " /" } else { "/" });
            match step.into {
                Into::Property(name) => path.push_str(&name.replace('~', "~0").replace('/', "~1")),
                Into::Items | Into::Others => path.push('*'),
            }
        }
        path
    }
}
