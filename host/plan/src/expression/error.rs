//! What is wrong with the text of a threshold.

use crate::yaml::{Position, render};
use crate::{MAX_EXPRESSION_BYTES, MAX_WEIGHT, MAX_WINDOW_MS, Problem, format_duration_ms};

/// A text that is no threshold. Displays as one line; [`ExpressionError::render`] shows the text with a caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    text: Box<str>,
    column: u32,
    fault: Box<ExpressionFault>,
    hint: Option<Box<str>>,
}

impl ExpressionError {
    /// `at` is a byte offset between two characters of `text`.
    pub(super) fn new(text: &str, at: usize, fault: ExpressionFault, hint: Option<String>) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let column = u32::try_from(before.chars().count()).unwrap_or(u32::MAX).saturating_add(1);
        // A text that is too long is not worth keeping, and the message does not show it.
        let kept = if text.len() > MAX_EXPRESSION_BYTES { "" } else { text };
        Self { text: kept.into(), column, fault: Box::new(fault), hint: hint.map(Into::into) }
    }

    /// What is wrong.
    pub fn fault(&self) -> &ExpressionFault {
        &self.fault
    }

    /// Where, in characters from 1.
    pub fn column(&self) -> u32 {
        self.column
    }

    /// What to do about it, when that is known; often the nearest word there is.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The error as a problem of the document that holds the threshold at `path`.
    pub fn into_problem(self, path: impl Into<String>) -> Problem {
        // A text that is too long would hide the message.
        let place = if self.text.is_empty() {
            String::new()
        } else {
            format!(", at column {} of `{}`", self.column, self.text)
        };
        Problem {
            path: path.into(),
            message: format!("{}{place}", self.fault),
            hint: self.hint.map(Into::into),
        }
    }

    /// The error as text for a terminal, with the line and a caret. There is no line break at the end.
    pub fn render(&self) -> String {
        let position = Position { line: 1, column: self.column };
        render::excerpt(
            &self.fault.to_string(),
            "threshold",
            position,
            render::line_of(&self.text, 1),
            None,
            self.hint(),
        )
    }
}

impl std::fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "column {}: {}", self.column, self.fault)?;
        match self.hint() {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ExpressionError {}

/// Kinds of [`ExpressionError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionFault {
    /// More text than is read.
    #[error("a threshold of {0} bytes; the most is {MAX_EXPRESSION_BYTES}")]
    TooLong(usize),
    /// Something else was due.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What was due.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A word nobody knows.
    #[error("unknown {what} `{word}`")]
    Unknown {
        /// What the word would have to be.
        what: &'static str,
        /// The word.
        word: String,
    },
    /// A quoted text without an end.
    #[error("the quotation mark is never closed")]
    Unclosed,
    /// A filter or option that is there already.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// A filter the metric does not have.
    #[error("`{metric}` cannot be filtered by `{tag}`; it takes {allowed}")]
    Tag {
        /// The metric.
        metric: String,
        /// The filter.
        tag: &'static str,
        /// The filters it has, as text.
        allowed: String,
    },
    /// An aggregate that means nothing for the metric.
    #[error("`{metric}` has no `{aggregate}`; it takes {allowed}")]
    Aggregate {
        /// The metric.
        metric: String,
        /// The aggregate.
        aggregate: String,
        /// The aggregates it has, as text.
        allowed: &'static str,
    },
    /// The metric has many values and none of them goes without saying.
    #[error("name one value of `{metric}`: {allowed}")]
    NoAggregate {
        /// The metric.
        metric: String,
        /// The aggregates it has, as text.
        allowed: &'static str,
    },
    /// A percentile outside of what can be asked for.
    #[error("`{0}` is no percentile; they lie between 0 and 100, such as `p95` or `p99.9`")]
    Percentile(String),
    /// A limit in a unit the value does not have.
    #[error("`{limit}` is not a limit for {quantity}; write {form}")]
    Limit {
        /// The limit as written.
        limit: String,
        /// What it would have to be a limit for.
        quantity: &'static str,
        /// The forms there are.
        form: &'static str,
    },
    /// A limit every value meets, or none.
    #[error("`{comparison} {limit}` {verdict} for {quantity}")]
    Pointless {
        /// The comparison.
        comparison: &'static str,
        /// The limit as written.
        limit: String,
        /// `always holds` or `never holds`.
        verdict: &'static str,
        /// What the limit is for.
        quantity: &'static str,
    },
    /// No duration, or none that is allowed here.
    #[error("{0}")]
    Duration(String),
    /// A window out of range.
    #[error(
        "a window of `{0}`; windows are whole seconds, from 1s to {most}",
        most = format_duration_ms(MAX_WINDOW_MS)
    )]
    Window(String),
    /// A weight out of range.
    #[error("a weight of `{0}`; weights are more than 0 and at most {MAX_WEIGHT}")]
    Weight(String),
    /// Two options that exclude each other.
    #[error("`{option}` contradicts `warn`: a warning never fails a run")]
    Contradiction {
        /// The other option.
        option: &'static str,
    },
    /// A status that is no number.
    #[error("`{0}` is not a status; write digits and `*`, such as `503` or `5*`")]
    Status(String),
}
