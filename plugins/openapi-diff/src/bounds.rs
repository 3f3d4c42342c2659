//! Least and greatest values, lengths and counts.

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Number, Value};

use crate::kinds::Kinds;
use crate::rules::Aspect;
use crate::value::{beside, order};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// A number itself.
    Value,
    /// Characters of a text.
    Length,
    /// Items of a list.
    Items,
    /// Properties of an object.
    Properties,
}

/// A bound.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) limit: Number,
    /// Whether the limit itself is excluded.
    pub(crate) is_open: bool,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.limit, if self.is_open { " (excluded)" } else { "" })
    }
}

/// From where to where.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Range {
    pub(crate) least: Option<Bound>,
    pub(crate) most: Option<Bound>,
}

impl Range {
    fn tighten(&mut self, is_least: bool, bound: Bound) {
        let own = if is_least { &mut self.least } else { &mut self.most };
        if own.as_ref().is_none_or(|own| tightness(is_least, &bound, own) == Ordering::Greater) {
            *own = Some(bound);
        }
    }

    /// What both allow.
    pub(crate) fn meet(&mut self, other: Self) {
        for (is_least, bound) in [(true, other.least), (false, other.most)] {
            if let Some(bound) = bound {
                self.tighten(is_least, bound);
            }
        }
    }

    /// Whether a number lies within.
    pub(crate) fn allows(&self, number: &Number) -> bool {
        let keeps = |bound: &Option<Bound>, wanted: Ordering| {
            bound.as_ref().is_none_or(|bound| match order(number, &bound.limit) {
                Ordering::Equal => !bound.is_open,
                other => other == wanted,
            })
        };
        keeps(&self.least, Ordering::Greater) && keeps(&self.most, Ordering::Less)
    }

    /// Limits without their directions.
    pub(crate) fn limits(&self) -> impl Iterator<Item = &Number> {
        [&self.least, &self.most].into_iter().flatten().map(|bound| &bound.limit)
    }

    /// Rewrites excluded limits of whole numbers as included ones, so that `> 0` equals `>= 1`.
    pub(crate) fn settle(&mut self, kinds: Kinds) {
        if kinds.overlaps(Kinds::FRACTION) {
            return;
        }
        for (bound, step) in [(&mut self.least, 1), (&mut self.most, -1)] {
            if let Some(bound) = bound
                && bound.is_open
                && let Some(limit) = beside(&bound.limit, step)
            {
                *bound = Bound { limit, is_open: false };
            }
        }
    }
}

/// How much tighter the one bound is than the other.
fn tightness(is_least: bool, one: &Bound, other: &Bound) -> Ordering {
    let by_limit = order(&one.limit, &other.limit);
    let by_limit = if is_least { by_limit } else { by_limit.reverse() };
    by_limit.then(one.is_open.cmp(&other.is_open))
}

/// The ranges of a schema, by what they measure.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ranges([Range; 4]);

impl Ranges {
    pub(crate) fn of(&self, measure: Measure) -> &Range {
        &self.0[measure as usize]
    }

    pub(crate) fn meet(&mut self, other: Self) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            own.meet(other);
        }
    }

    pub(crate) fn settle(&mut self, kinds: Kinds) {
        self.0[Measure::Value as usize].settle(kinds);
    }

    /// Takes a keyword in; whether it is one of a bound.
    pub(crate) fn absorb(&mut self, keyword: &str, value: &Value) -> bool {
        let (measure, is_least, is_open) = match keyword {
            "minimum" => (Measure::Value, true, false),
            "maximum" => (Measure::Value, false, false),
            "exclusiveMinimum" => (Measure::Value, true, true),
            "exclusiveMaximum" => (Measure::Value, false, true),
            "minLength" => (Measure::Length, true, false),
            "maxLength" => (Measure::Length, false, false),
            "minItems" => (Measure::Items, true, false),
            "maxItems" => (Measure::Items, false, false),
            "minProperties" => (Measure::Properties, true, false),
            "maxProperties" => (Measure::Properties, false, false),
            _ => return false,
        };
        // Nothing is shorter than nothing.
        let is_void = measure != Measure::Value && is_least && value.as_f64() == Some(0.0);
        if let Some(limit) = value.as_number().filter(|_| !is_void) {
            self.0[measure as usize].tighten(is_least, Bound { limit: limit.clone(), is_open });
        }
        true
    }
}

/// What became of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Increased,
    Decreased,
    Set,
    Unset,
}

fn moved(is_least: bool, base: Option<&Bound>, revision: Option<&Bound>) -> Option<Move> {
    Some(match (base, revision) {
        (None, None) => return None,
        (None, Some(_)) => Move::Set,
        (Some(_), None) => Move::Unset,
        (Some(base), Some(revision)) => match (is_least, tightness(is_least, revision, base)) {
            (_, Ordering::Equal) => return None,
            (true, Ordering::Greater) | (false, Ordering::Less) => Move::Increased,
            (true, Ordering::Less) | (false, Ordering::Greater) => Move::Decreased,
        },
    })
}

/// What changed of a range: aspects with their messages.
pub(crate) fn changes(measure: Measure, base: &Range, revision: &Range) -> Vec<(Aspect, String)> {
    let what = match measure {
        Measure::Value => "value",
        Measure::Length => "length",
        Measure::Items => "number of items",
        Measure::Properties => "number of properties",
    };
    let ends = [(true, &base.least, &revision.least), (false, &base.most, &revision.most)];
    let change = |(is_least, base, revision): (bool, &Option<Bound>, &Option<Bound>)| {
        let (base, revision) = (base.as_ref(), revision.as_ref());
        let moved = moved(is_least, base, revision)?;
        let told = |bound: Option<&Bound>| bound.map_or_else(|| "none".to_owned(), Bound::to_string);
        let end = if is_least { "least" } else { "greatest" };
        let message = format!("the {end} {what} is {}; it was {}", told(revision), told(base));
        Some((aspect(measure, is_least, moved), message))
    };
    ends.into_iter().filter_map(change).collect()
}

fn aspect(measure: Measure, is_least: bool, moved: Move) -> Aspect {
    use Aspect as A;
    let row = match (measure, is_least) {
        (Measure::Value, true) => [A::MinIncreased, A::MinDecreased, A::MinSet, A::MinUnset],
        (Measure::Value, false) => [A::MaxIncreased, A::MaxDecreased, A::MaxSet, A::MaxUnset],
        (Measure::Length, true) => {
            [A::MinLengthIncreased, A::MinLengthDecreased, A::MinLengthSet, A::MinLengthUnset]
        }
        (Measure::Length, false) => {
            [A::MaxLengthIncreased, A::MaxLengthDecreased, A::MaxLengthSet, A::MaxLengthUnset]
        }
        (Measure::Items, true) => {
            [A::MinItemsIncreased, A::MinItemsDecreased, A::MinItemsSet, A::MinItemsUnset]
        }
        (Measure::Items, false) => {
            [A::MaxItemsIncreased, A::MaxItemsDecreased, A::MaxItemsSet, A::MaxItemsUnset]
        }
        (Measure::Properties, true) => {
            [A::MinPropertiesIncreased, A::MinPropertiesDecreased, A::MinPropertiesSet, A::MinPropertiesUnset]
        }
        (Measure::Properties, false) => {
            [A::MaxPropertiesIncreased, A::MaxPropertiesDecreased, A::MaxPropertiesSet, A::MaxPropertiesUnset]
        }
    };
    row[moved as usize]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ranges(keywords: &Value, kinds: Kinds) -> Ranges {
        let mut ranges = Ranges::default();
        for (keyword, value) in keywords.as_object().unwrap() {
            assert!(ranges.absorb(keyword, value));
        }
        ranges.settle(kinds);
        ranges
    }

    #[test]
    fn the_same_range_may_be_written_in_many_ways() {
        for (kinds, a, b, same) in [
            (Kinds::INTEGER, json!({ "exclusiveMinimum": 0 }), json!({ "minimum": 1 }), true),
            (Kinds::NUMBER, json!({ "exclusiveMinimum": 0 }), json!({ "minimum": 1 }), false),
            (
                Kinds::NUMBER,
                json!({ "minimum": 0, "exclusiveMinimum": 0 }),
                json!({ "exclusiveMinimum": 0 }),
                true,
            ),
            (Kinds::STRING, json!({ "minLength": 0, "minItems": 0 }), json!({}), true),
            (Kinds::NUMBER, json!({ "maximum": 5, "exclusiveMaximum": 9 }), json!({ "maximum": 5.0 }), true),
        ] {
            let (a, b) = (ranges(&a, kinds), ranges(&b, kinds));
            assert_eq!(changes(Measure::Value, a.of(Measure::Value), b.of(Measure::Value)).is_empty(), same);
        }
    }

    #[test]
    fn an_excluded_limit_is_tighter() {
        let (open, closed) = (json!({ "exclusiveMaximum": 5 }), json!({ "maximum": 5 }));
        let (open, closed) = (ranges(&open, Kinds::NUMBER), ranges(&closed, Kinds::NUMBER));
        let (open, closed) = (open.of(Measure::Value), closed.of(Measure::Value));
        let (aspect, message) = &changes(Measure::Value, closed, open)[0];
        assert_eq!(*aspect, Aspect::MaxDecreased);
        assert_eq!(message, "the greatest value is 5 (excluded); it was 5");
        assert!(closed.allows(&5.into()) && !open.allows(&5.into()) && open.allows(&4.into()));
    }
}
