//! Comparing types, values, texts, numbers and lists.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Number, Value, json};
use stresshost_openapi::Validator;

use crate::MAX_VALUES;
use crate::bounds::{self, Measure};
use crate::kinds::Kinds;
use crate::prove::{Edit, Proof};
use crate::rules::Aspect;
use crate::value::{beside, float, is_multiple, shown};
use crate::view::{Node, View};
use crate::walk::Walker;

/// Texts of many shapes, for patterns and formats.
const TEXTS: [&str; 20] = [
    "text",
    "",
    "a",
    "A",
    "0",
    "1",
    "42",
    "123456",
    "abc",
    "ABC",
    "a-b",
    "a_b",
    "abc123",
    "a b",
    "é",
    "2026-01-02",
    "2026-01-02T03:04:05Z",
    "user@example.com",
    "https://example.com/",
    "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
];

/// What an enumeration may break with.
const CHOICE: &[&str] = &["enum", "const", "type"];

impl<'a> Walker<'a> {
    /// Compares types and enumerations; whether the rest is worth comparing.
    pub(crate) fn values(&mut self, base: &View<'a>, revision: &View<'a>) -> bool {
        match (&base.values, &revision.values) {
            (None, None) => {
                self.types(base, revision);
                true
            }
            (Some(old), Some(new)) => {
                self.null(base, revision);
                let (old, is_old_all) = allowed(base, old);
                let (new, is_new_all) = allowed(revision, new);
                self.lost_and_gained(&missing(&old, &new), &missing(&new, &old));
                // Constraints on values that are listed anyway say no more.
                !(is_old_all && is_new_all)
            }
            (None, Some(new)) => self.chosen(base, revision, new, false),
            (Some(old), None) => self.chosen(revision, base, old, true),
        }
    }

    fn types(&mut self, base: &View<'a>, revision: &View<'a>) {
        let (old, new) = (base.kinds - Kinds::NULL, revision.kinds - Kinds::NULL);
        // That anything may be null goes without saying.
        let is_any = base.kinds == Kinds::ALL || revision.kinds == Kinds::ALL;
        if old == new || !is_any {
            self.null(base, revision);
        }
        if old == new {
            return;
        }
        let (from, to) = self.directed(base, revision);
        let message = format!("the type is {}; it was {}", revision.kinds, base.kinds);
        if (from.kinds - to.kinds - Kinds::NULL).is_empty() {
            self.aspect(Aspect::TypeCompatible, message, Proof::none());
            return;
        }
        let samples = [json!("text"), json!(1), json!(1.5), json!(true), json!({}), json!([]), json!("1")];
        let lost = from.kinds - to.kinds;
        let edits = samples.into_iter().filter(|sample| lost.has(Kinds::of(sample))).map(Edit::Replace);
        let own = self.steps.last().map(|step| Edit::Example(step.from.clone()));
        let edits = own.into_iter().chain(edits).collect();
        self.aspect(Aspect::TypeChanged, message, Proof { edits, keywords: CHOICE });
    }

    fn null(&mut self, base: &View<'a>, revision: &View<'a>) {
        let aspect = match (base.kinds.has(Kinds::NULL), revision.kinds.has(Kinds::NULL)) {
            (true, false) => Aspect::BecameNotNullable,
            (false, true) => Aspect::BecameNullable,
            _ => return,
        };
        let message =
            if aspect == Aspect::BecameNullable { "it may be null" } else { "it may no longer be null" };
        let edits = vec![Edit::Replace(Value::Null)];
        self.aspect(aspect, message.to_owned(), Proof { edits, keywords: CHOICE });
    }

    fn lost_and_gained(&mut self, lost: &[&'a Value], gained: &[&'a Value]) {
        for (aspect, values, word) in [
            (Aspect::EnumValueRemoved, lost, "is no longer allowed"),
            (Aspect::EnumValueAdded, gained, "was added"),
        ] {
            for value in values.iter().filter(|value| !value.is_null()) {
                let edits = vec![Edit::Replace((*value).clone())];
                let proof = Proof { edits, keywords: CHOICE };
                self.aspect(aspect, format!("{} {word}", shown(value)), proof);
            }
        }
    }

    /// One side lists its values and the other does not. `was` tells that the base is the one that lists them.
    fn chosen(&mut self, free: &View<'a>, listed: &View<'a>, values: &[&'a Value], was: bool) -> bool {
        let aspect = if was { Aspect::BecameNotEnum } else { Aspect::BecameEnum };
        let told: Vec<String> = values.iter().take(MAX_VALUES).map(|value| shown(value)).collect();
        let more = if values.len() > MAX_VALUES { ", …" } else { "" };
        let message = format!("it {} one of {}{more}", if was { "was" } else { "is" }, told.join(", "));
        let mut edits: Vec<Edit<'a>> =
            self.steps.last().map(|step| Edit::Example(step.from.clone())).into_iter().collect();
        edits.extend(TEXTS.map(|text| Edit::Replace(json!(text))));
        edits.extend(numbers_near(free));
        edits.extend([json!(true), json!(false), Value::Null, json!({}), json!([])].map(Edit::Replace));
        self.aspect(aspect, message, Proof { edits, keywords: CHOICE });

        let scalar = Scalar::of(free);
        let (mut refused, mut unknown) = (Vec::new(), false);
        for value in values {
            match scalar.as_ref().and_then(|scalar| scalar.allows(value)) {
                Some(true) => {}
                Some(false) => refused.push(*value),
                None => unknown = true,
            }
        }
        if was {
            self.lost_and_gained(&refused, &[]);
        } else {
            self.lost_and_gained(&[], &refused);
        }
        if refused.iter().any(|value| value.is_null()) {
            let (base, revision) = if was { (listed, free) } else { (free, listed) };
            self.null(base, revision);
        }
        if unknown {
            let side = if was { "revision" } else { "base" };
            self.unclear(format!("whether the {side} allows each listed value is not decided"));
        }
        false
    }

    pub(crate) fn strings(&mut self, base: &View<'a>, revision: &View<'a>) {
        self.ranges(Measure::Length, base, revision);
        if base.patterns == revision.patterns {
            return;
        }
        let told = |patterns: &BTreeSet<&str>| {
            let quoted: Vec<String> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
            quoted.join(" and ")
        };
        let (old, new) = (told(&base.patterns), told(&revision.patterns));
        // More patterns than before only narrow, fewer only widen.
        let (aspect, message) = if base.patterns.is_subset(&revision.patterns) {
            (Aspect::PatternAdded, format!("it must match {new}"))
        } else if revision.patterns.is_subset(&base.patterns) {
            (Aspect::PatternRemoved, format!("it need not match {old}"))
        } else {
            (Aspect::PatternChanged, format!("the pattern is {new}; it was {old}"))
        };
        self.aspect(aspect, message, Proof { edits: texts(), keywords: &["pattern"] });
    }

    pub(crate) fn formats(&mut self, base: &View<'a>, revision: &View<'a>) {
        if base.formats == revision.formats {
            return;
        }
        let told = |formats: &BTreeSet<&str>| match formats.len() {
            0 => "none".to_owned(),
            _ => formats.iter().copied().collect::<Vec<_>>().join(" and "),
        };
        let message = format!("the format is {}; it was {}", told(&revision.formats), told(&base.formats));
        let (from, to) = self.directed(&base.formats, &revision.formats);
        let is_safe = to.iter().all(|wide| from.iter().any(|narrow| is_within(narrow, wide)));
        let aspect = if is_safe { Aspect::TypeCompatible } else { Aspect::FormatChanged };
        self.aspect(aspect, message, Proof { edits: texts(), keywords: &["format"] });
    }

    pub(crate) fn numbers(&mut self, base: &View<'a>, revision: &View<'a>) {
        self.ranges(Measure::Value, base, revision);
        let told = |steps: &[&Number]| {
            let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
            steps.join(" and ")
        };
        let covers = |narrow: &[&Number], wide: &[&Number]| {
            wide.iter().all(|wide| narrow.iter().any(|narrow| is_multiple(narrow, wide)))
        };
        let (old, new) = (&base.multiples, &revision.multiples);
        let (narrows, widens) = (covers(new, old), covers(old, new));
        if narrows && widens {
            return;
        }
        let message =
            format!("it must be a multiple of {}; it was {}", or_nothing(told(new)), or_nothing(told(old)));
        let is_safe = if self.is_request() { widens } else { narrows };
        let aspect = match (old.is_empty(), new.is_empty()) {
            (true, _) => Aspect::MultipleOfSet,
            (_, true) => Aspect::MultipleOfUnset,
            _ if is_safe => Aspect::MultipleOfCompatible,
            _ => Aspect::MultipleOfChanged,
        };
        let (from, to) = self.directed(base, revision);
        let mut edits: Vec<Edit<'a>> =
            from.multiples.iter().map(|step| Edit::Replace(Value::Number((*step).clone()))).collect();
        edits.extend(numbers_near(from).chain(numbers_near(to)));
        edits.extend([1, 2, 3, 5, 7].map(|number| Edit::Replace(json!(number))));
        self.aspect(aspect, message, Proof { edits, keywords: &["multipleOf"] });
    }

    pub(crate) fn lists(&mut self, base: &View<'a>, revision: &View<'a>) {
        self.ranges(Measure::Items, base, revision);
        if base.is_unique != revision.is_unique {
            let (aspect, message) = if revision.is_unique {
                (Aspect::UniqueItemsSet, "its items must differ")
            } else {
                (Aspect::UniqueItemsUnset, "its items need not differ")
            };
            let (from, _) = self.directed(base, revision);
            let item = if from.items.0.is_empty() { json!("text") } else { self.sample(&from.items) };
            let edits = (2..5).map(|count| Edit::Replace(json!(vec![&item; count]))).collect();
            self.aspect(aspect, message.to_owned(), Proof { edits, keywords: &["uniqueItems"] });
        }
    }

    pub(crate) fn ranges(&mut self, measure: Measure, base: &View<'a>, revision: &View<'a>) {
        let (old, new) = (base.ranges.of(measure), revision.ranges.of(measure));
        if old == new {
            return;
        }
        let (from, to) = self.directed(base, revision);
        let limits = to.ranges.of(measure).limits().chain(from.ranges.of(measure).limits());
        let near: Vec<u64> = limits.filter_map(Number::as_u64).flat_map(around).collect();
        for (aspect, message) in bounds::changes(measure, old, new) {
            let edits: Vec<Edit<'a>> = match measure {
                Measure::Value => numbers_near(to).chain(numbers_near(from)).collect(),
                Measure::Length => near.iter().copied().map(Edit::Length).collect(),
                Measure::Items => near.iter().copied().map(Edit::Items).collect(),
                Measure::Properties => near.iter().copied().map(Edit::Properties).collect(),
            };
            self.aspect(aspect, message, Proof { edits, keywords: keywords(measure, aspect) });
        }
    }

    fn sample(&self, node: &Node<'a>) -> Value {
        let (from, _) = self.directed(self.roots.base, self.roots.revision);
        crate::prove::example_of(from, node)
    }
}

fn or_nothing(text: String) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text }
}

fn around(limit: u64) -> impl Iterator<Item = u64> {
    [limit.checked_add(1), limit.checked_sub(1), Some(limit)].into_iter().flatten()
}

fn keywords(measure: Measure, aspect: Aspect) -> &'static [&'static str] {
    let is_least = matches!(
        aspect,
        Aspect::MinIncreased
            | Aspect::MinDecreased
            | Aspect::MinSet
            | Aspect::MinUnset
            | Aspect::MinLengthIncreased
            | Aspect::MinLengthDecreased
            | Aspect::MinLengthSet
            | Aspect::MinLengthUnset
            | Aspect::MinItemsIncreased
            | Aspect::MinItemsDecreased
            | Aspect::MinItemsSet
            | Aspect::MinItemsUnset
            | Aspect::MinPropertiesIncreased
            | Aspect::MinPropertiesDecreased
            | Aspect::MinPropertiesSet
            | Aspect::MinPropertiesUnset
    );
    match (measure, is_least) {
        (Measure::Value, true) => &["minimum", "exclusiveMinimum"],
        (Measure::Value, false) => &["maximum", "exclusiveMaximum"],
        (Measure::Length, true) => &["minLength"],
        (Measure::Length, false) => &["maxLength"],
        (Measure::Items, true) => &["minItems"],
        (Measure::Items, false) => &["maxItems"],
        (Measure::Properties, true) => &["minProperties"],
        (Measure::Properties, false) => &["maxProperties"],
    }
}

fn texts<'a>() -> Vec<Edit<'a>> {
    TEXTS.map(|text| Edit::Replace(json!(text))).into()
}

/// Numbers at the limits and beside them.
fn numbers_near<'a>(view: &View<'a>) -> impl Iterator<Item = Edit<'a>> {
    let near = |limit: &Number| {
        let whole = [1, -1, 0].map(|step| beside(limit, step));
        let halves = [0.5, -0.5, 0.0].map(|step| Number::from_f64(float(limit) + step));
        whole.into_iter().chain(halves).flatten().collect::<Vec<_>>()
    };
    let limits: Vec<Number> = view.ranges.of(Measure::Value).limits().flat_map(near).collect();
    limits.into_iter().map(|number| Edit::Replace(Value::Number(number)))
}

/// Listed values that the rest of a schema allows too, and whether that is known of all of them.
fn allowed<'a>(view: &View<'a>, values: &[&'a Value]) -> (Vec<&'a Value>, bool) {
    let Some(scalar) = Scalar::of(view) else { return (values.to_vec(), false) };
    let is_known = values.iter().all(|value| !value.is_object() && !value.is_array());
    (values.iter().copied().filter(|value| scalar.allows(value) != Some(false)).collect(), is_known)
}

/// What is in the one list and not in the other.
fn missing<'a>(from: &[&'a Value], other: &[&'a Value]) -> Vec<&'a Value> {
    let other: HashSet<&Value> = other.iter().copied().collect();
    from.iter().copied().filter(|value| !other.contains(value)).collect()
}

/// Whether all that the one format allows, the other does too.
fn is_within(narrow: &str, wide: &str) -> bool {
    narrow == wide
        || matches!(
            (narrow, wide),
            ("int32", "int64" | "float" | "double")
                | ("float", "double")
                | ("email", "idn-email")
                | ("hostname", "idn-hostname")
                | ("uri", "uri-reference" | "iri" | "iri-reference")
        )
}

/// A schema that speaks of nothing but one value without parts.
struct Scalar<'v, 'a> {
    view: &'v View<'a>,
    text: Option<Validator>,
}

impl<'v, 'a> Scalar<'v, 'a> {
    fn of(view: &'v View<'a>) -> Option<Self> {
        if !view.unions.is_empty() || !view.opaque.is_empty() {
            return None;
        }
        let each = |keyword: &str, all: &BTreeSet<&str>| -> Vec<Value> {
            all.iter().map(|one| json!({ keyword: one })).collect()
        };
        let parts = [each("pattern", &view.patterns), each("format", &view.formats)].concat();
        let text =
            if parts.is_empty() { None } else { Some(Validator::new(&json!({ "allOf": parts })).ok()?) };
        Some(Self { view, text })
    }

    /// Whether it allows a value; `None` for one with parts.
    fn allows(&self, value: &Value) -> Option<bool> {
        let view = self.view;
        if !view.kinds.has(Kinds::of(value)) {
            return Some(false);
        }
        Some(match value {
            Value::String(text) => {
                let length = Number::from(text.chars().count());
                view.ranges.of(Measure::Length).allows(&length)
                    && self.text.as_ref().is_none_or(|validator| validator.is_valid(value))
            }
            Value::Number(number) => {
                view.ranges.of(Measure::Value).allows(number)
                    && view.multiples.iter().all(|step| is_multiple(number, step))
            }
            Value::Null | Value::Bool(_) => true,
            Value::Array(_) | Value::Object(_) => return None,
        })
    }
}
