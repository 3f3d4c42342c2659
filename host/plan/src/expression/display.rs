//! The canonical text of a threshold.

use std::fmt::{self, Display, Formatter};

use super::quantity::{Quantity, shifted};
use super::{Aggregate, Expression, Metric, TagFilter};
use crate::format_duration_ms;

/// Whether the character may stand in a filter's value without quotation marks.
pub(super) fn is_bare(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '*' | '/' | ':')
}

/// Whether the character may stand in a metric's name without quotation marks.
pub(super) const fn is_bare_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

impl Display for Expression {
    /// The text that [`Expression::parse`] reads as the same threshold.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let limit = Quantity::of(&self.metric, self.aggregate).exact(self.limit);
        write!(f, "{} {} {limit}", self.subject(), self.comparison.symbol())?;
        if let Some(window_ms) = self.window_ms {
            write!(f, " over {}", format_duration_ms(window_ms))?;
        }
        match self.abort_after_ms {
            None => {}
            Some(0) => f.write_str(", abort")?,
            Some(after_ms) => write!(f, ", abort after {}", format_duration_ms(after_ms))?,
        }
        for (is_set, option) in [(self.warn, ", warn"), (self.key, ", key")] {
            if is_set {
                f.write_str(option)?;
            }
        }
        #[expect(clippy::float_cmp, reason = "1 is the default, written and read exactly")]
        if self.weight != 1.0 {
            write!(f, ", weight {}", self.weight)?;
        }
        Ok(())
    }
}

impl Expression {
    /// What is held against the limit, such as `http.response_us{scenario=checkout}.p95`.
    pub fn subject(&self) -> String {
        let tags: Vec<String> = self.tags.iter().map(ToString::to_string).collect();
        let tags = if tags.is_empty() { String::new() } else { format!("{{{}}}", tags.join(", ")) };
        format!("{}{tags}.{}", self.metric, self.aggregate)
    }
}

impl Display for Metric {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operations { protocol: Some(protocol), field } => write!(f, "{protocol}.{}", field.word()),
            Self::Operations { protocol: None, field } => f.write_str(&field.word()),
            Self::Iterations(field) => write!(f, "iterations.{}", field.word()),
            Self::Checks => f.write_str("checks"),
            Self::Custom(name) => write!(f, "metrics.{}", quoted(name, is_bare_name)),
            Self::Generator(field) => write!(f, "generator.{}", field.word()),
        }
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantile(share) => write!(f, "p{}", shifted(*share)),
            Self::Mean => f.write_str("mean"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Count => f.write_str("count"),
            Self::PerSecond => f.write_str("per_s"),
            Self::Rate => f.write_str("rate"),
            Self::Last => f.write_str("last"),
        }
    }
}

impl Display for TagFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.tag.word(), quoted(&self.pattern, is_bare))
    }
}

fn quoted(text: &str, is_bare: fn(char) -> bool) -> String {
    if !text.is_empty() && text.chars().all(is_bare) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
