//! Values made of a schema: those it allows, and those just outside.
//!
//! Every value is held against the schema before it is handed out, so what makes them may guess: a wrong guess is dropped.
//! Whoever draws the same numbers gets the same values.

mod flat;
mod formats;
mod make;
mod negative;
mod number;
mod pattern;
mod positive;
mod shrink;
mod size;
mod texts;
mod walk;
mod words;

use std::collections::HashSet;

use serde_json::Value;

use crate::{MAX_CASES, Validator};
use make::{Extent, Maker};
use walk::Side;

pub use shrink::{shrink, smaller};
pub use texts::negative_texts;

/// A made value.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The value.
    pub value: Value,
    /// What is special about it, such as "one below the minimum 3".
    pub about: String,
}

impl Case {
    fn new(value: impl Into<Value>, about: impl Into<String>) -> Self {
        Self { value: value.into(), about: about.into() }
    }
}

/// Values that a schema allows, at most [`MAX_CASES`]; none when the schema cannot be used or nothing valid was found.
/// `draw(n)` gives a number below `n`.
pub fn positive(schema: &Value, draw: &mut dyn FnMut(u64) -> u64) -> Vec<Case> {
    let Ok(validator) = Validator::new(schema) else { return Vec::new() };
    let mut candidates = vec![Case::new(crate::example(schema), "the example")];
    candidates.extend(Maker::new(schema, draw).cases(schema, Side::Allowed));
    confirmed(candidates, |value| validator.is_valid(value))
}

/// Values that a schema does not allow, each wrong in one way where that can be told, at most [`MAX_CASES`].
/// `draw(n)` gives a number below `n`.
pub fn negative(schema: &Value, draw: &mut dyn FnMut(u64) -> u64) -> Vec<Case> {
    let Ok(validator) = Validator::new(schema) else { return Vec::new() };
    let mut maker = Maker::new(schema, draw);
    let (base, mut candidates) = (maker.value(schema, Extent::Least), maker.cases(schema, Side::Outside));
    // Changes to what was wrong already would be told as the cause.
    let is_container = |value: &Value| value.is_object() || value.is_array();
    if is_container(&base) && !validator.is_valid(&base) {
        candidates.retain(|case| !is_container(&case.value));
    }
    confirmed(candidates, |value| !validator.is_valid(value))
}

/// The candidates that are right, each value once.
fn confirmed(candidates: Vec<Case>, is_right: impl Fn(&Value) -> bool) -> Vec<Case> {
    let mut seen = HashSet::new();
    let is_new = |case: &Case| seen.insert(case.value.to_string());
    candidates.into_iter().filter(is_new).filter(|case| is_right(&case.value)).take(MAX_CASES).collect()
}

#[cfg(test)]
mod tests;
