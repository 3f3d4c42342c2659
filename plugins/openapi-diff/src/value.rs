//! Numbers, exactly where JSON allows it.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// The order of two numbers. Whole ones are compared exactly, which matters beyond 2^53.
pub(crate) fn order(a: &Number, b: &Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => float(a).total_cmp(&float(b)),
    }
}

pub(crate) fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or_default()
}

/// The number beside a whole one.
pub(crate) fn beside(number: &Number, step: i128) -> Option<Number> {
    Number::from_i128(number.as_i128()?.checked_add(step)?)
}

/// Whether one is a multiple of the other, as far as numbers in JSON allow it to be told.
pub(crate) fn is_multiple(number: &Number, step: &Number) -> bool {
    if let (Some(number), Some(step)) = (number.as_i128(), step.as_i128()) {
        return step != 0 && number % step == 0;
    }
    let quotient = float(number) / float(step);
    quotient.is_finite() && (quotient - quotient.round()).abs() < 1e-9
}

/// A value in a message, shortened: documents may have values of any size.
pub(crate) fn shown(value: &Value) -> String {
    const MOST: usize = 80;
    let text = value.to_string();
    if text.chars().count() <= MOST {
        return text;
    }
    text.chars().take(MOST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_keep_their_order() {
        let number = |value: Value| value.as_number().unwrap().clone();
        for (a, b, expected) in [
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64), Ordering::Greater),
            (json!(1), json!(1.0), Ordering::Equal),
            (json!(0.5), json!(1), Ordering::Less),
        ] {
            assert_eq!(order(&number(a), &number(b)), expected);
        }
        assert!(is_multiple(&number(json!(0.3)), &number(json!(0.1))));
        assert!(!is_multiple(&number(json!(3)), &number(json!(2))));
        assert!(!is_multiple(&number(json!(3)), &number(json!(0))));
        assert_eq!(beside(&number(json!(u64::MAX)), 1), None, "no JSON number of this crate");
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(shown(&json!("x".repeat(500))).chars().count(), 81);
    }
}
