//! What must hold for thresholds, whatever was written.

use stresshost_plan::{Expression, MAX_EXPRESSION_BYTES};

/// Reads `input` as a threshold. An error points into the text; the canonical text of a threshold reads as the same.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let expression = match Expression::parse(&text) {
        Ok(expression) => expression,
        Err(error) => {
            let column = error.column() as usize;
            assert!((1..=text.chars().count() + 1).contains(&column), "{column}");
            assert!(error.render().starts_with("error: "));
            assert!(!error.to_string().is_empty());
            assert!(!error.into_problem("/thresholds/0").message.is_empty());
            return;
        }
    };
    assert!(text.len() <= MAX_EXPRESSION_BYTES);
    assert!(expression.limit.is_finite() && expression.weight.is_finite());
    for value in [0.0, 1.0, -1.0, 0.123_456_789, 1e300, f64::NAN, f64::INFINITY] {
        assert!(!expression.format_value(value).is_empty());
    }
    assert!(!expression.format_limit().is_empty());
    for tag in &expression.tags {
        assert!(tag.matches(&tag.pattern), "{}", tag.pattern);
        let _: bool = tag.matches("");
    }
    // Quotation marks and units may make the canonical text longer than what was read.
    let canonical = expression.to_string();
    if canonical.len() <= MAX_EXPRESSION_BYTES {
        assert_eq!(Expression::parse(&canonical).as_ref(), Ok(&expression), "{canonical}");
    }
}
