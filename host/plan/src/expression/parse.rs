//! Reading a threshold: the common parts, the comparison and the limit.

use std::str::FromStr;

use super::options::Options;
use super::quantity::{Quantity, RawLimit};
use super::words::{Family, OPTIONS};
use super::{Aggregate, Comparison, Expression, ExpressionError, ExpressionFault, Metric};
use crate::{MAX_EXPRESSION_BYTES, nearest};

pub(super) type Result<T> = std::result::Result<T, ExpressionError>;

impl Expression {
    /// Reads a threshold such as `http.response_us{scenario=checkout}.p95 < 300ms over 30s, abort after 10s`.
    ///
    /// # Errors
    /// When the text is no threshold or the threshold makes no sense; the error knows where and what to do.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { text, at: 0 };
        if text.len() > MAX_EXPRESSION_BYTES {
            return Err(parser.error(0, ExpressionFault::TooLong(text.len()), None));
        }
        parser.threshold()
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    /// Byte offset of what comes next; always between two characters.
    pub(super) at: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn error(&self, at: usize, fault: ExpressionFault, hint: Option<String>) -> ExpressionError {
        ExpressionError::new(self.text, at, fault, hint)
    }

    /// An error about a word, with the nearest one of `known`.
    pub(super) fn unknown(
        &self,
        at: usize,
        what: &'static str,
        word: &str,
        known: impl IntoIterator<Item = &'static str> + Clone,
    ) -> ExpressionError {
        let hint = match nearest(word, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let known: Vec<String> = known.into_iter().map(|word| format!("`{word}`")).collect();
                format!("there are {}", known.join(", "))
            }
        };
        self.error(at, ExpressionFault::Unknown { what, word: word.to_owned() }, Some(hint))
    }

    pub(super) fn unexpected(&self, expected: &'static str, hint: Option<&str>) -> ExpressionError {
        let found = match self.rest().chars().next() {
            Some(c) => format!("`{c}`"),
            None => "the end".to_owned(),
        };
        self.error(self.at, ExpressionFault::Unexpected { expected, found }, hint.map(str::to_owned))
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes `token` if it comes next.
    pub(super) fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Takes as many characters as `fits`; may be none.
    pub(super) fn run(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub(super) fn word(&mut self) -> &'a str {
        self.run(|c| c.is_alphanumeric() || c == '_')
    }

    fn threshold(&mut self) -> Result<Expression> {
        self.space();
        let (metric, short) = self.metric()?;
        let tags = self.tags(&metric)?;
        let aggregate = match short {
            Some(short) => Some(short),
            None if self.take(".") => Some(self.aggregate(&metric)?),
            None => None,
        };
        if aggregate.is_some() && self.rest().starts_with('{') {
            let hint = "filters come before the aggregate, as in `http.errors{scenario=checkout}.rate`";
            return Err(self.unexpected("a comparison", Some(hint)));
        }
        let after_subject = self.at;
        self.space();
        let comparison = self.comparison()?;
        self.space();
        let limit_at = self.at;
        let raw = self.limit()?;
        let aggregate = match aggregate {
            Some(aggregate) => aggregate,
            None => obvious(&metric, &raw).ok_or_else(|| {
                let allowed = metric.family().allowed();
                let fault = ExpressionFault::NoAggregate { metric: metric.to_string(), allowed };
                self.error(after_subject, fault, Some(format!("for example `{metric}.p95`")))
            })?,
        };
        let limit = Quantity::of(&metric, aggregate).read(&raw, comparison).map_err(|fault| {
            let hint = limit_hint(aggregate, &raw, short.is_some());
            self.error(limit_at, fault, hint)
        })?;
        let Options { window_ms, abort_after_ms, warn, key, weight } = self.options()?;
        let weight = weight.unwrap_or(1.0);
        Ok(Expression {
            metric,
            tags,
            aggregate,
            comparison,
            limit,
            window_ms,
            abort_after_ms,
            warn,
            weight,
            key,
        })
    }

    fn comparison(&mut self) -> Result<Comparison> {
        const SIGNS: [(&str, Comparison); 8] = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("≤", Comparison::AtMost),
            ("≥", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::More),
        ];
        for (sign, comparison) in SIGNS {
            if self.take(sign) {
                return Ok(comparison);
            }
        }
        let hint = match self.rest().get(..2).unwrap_or(self.rest()) {
            "=<" => Some("write `<=`"),
            "=>" => Some("write `>=`"),
            sign if sign.starts_with('=') => Some("write `==`"),
            _ => None,
        };
        Err(self.unexpected("a comparison: `<`, `<=`, `>`, `>=`, `==` or `!=`", hint))
    }

    fn limit(&mut self) -> Result<RawLimit<'a>> {
        let start = self.at;
        self.take("-");
        if self.run(is_digit).is_empty() {
            self.at = start;
            return Err(
                self.unexpected("a number", Some("limits are written as `300ms`, `1%`, `10MB` or `5`"))
            );
        }
        if self.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(is_digit)) {
            self.at += 1;
            self.run(is_digit);
        }
        let number = &self.text[start..self.at];
        let after_number = self.at;
        self.space();
        let unit_at = self.at;
        let mut unit = if self.take("%") { "%" } else { self.run(char::is_alphabetic) };
        if OPTIONS.contains(&unit) {
            (self.at, unit) = (unit_at, "");
        }
        let per = if self.take("/") { Some(self.run(char::is_alphabetic)) } else { None };
        if unit.is_empty() && per.is_none() {
            self.at = after_number;
        }
        Ok(RawLimit { text: &self.text[start..self.at], number, unit, per })
    }
}

pub(super) const fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// The aggregate that goes without saying, given the limit.
fn obvious(metric: &Metric, limit: &RawLimit<'_>) -> Option<Aggregate> {
    let family = metric.family();
    let allowed = |aggregate: Aggregate| family.allows(aggregate).then_some(aggregate);
    // A count is whole, so a fraction between 0 and 1 can only be a share.
    let is_share = limit.unit == "%" || limit.unit.is_empty() && is_fraction(limit.number);
    match family {
        Family::Times => None,
        Family::Own if limit.per.is_some() => Some(Aggregate::PerSecond),
        Family::Own => {
            if limit.unit == "%" {
                Some(Aggregate::Rate)
            } else {
                None
            }
        }
        Family::Cpu => Some(Aggregate::Rate),
        Family::Peak => Some(Aggregate::Max),
        _ if limit.per.is_some() => allowed(Aggregate::PerSecond).or(Some(Aggregate::Count)),
        _ if is_share => allowed(Aggregate::Rate).or(Some(Aggregate::Count)),
        _ => Some(Aggregate::Count),
    }
}

fn is_fraction(number: &str) -> bool {
    number.parse::<f64>().is_ok_and(|number| number > 0.0 && number < 1.0)
}

/// What was probably meant by a limit that does not fit.
fn limit_hint(aggregate: Aggregate, limit: &RawLimit<'_>, is_short: bool) -> Option<String> {
    let number = limit.number;
    let is_plain = limit.unit.is_empty() && limit.per.is_none() && !number.starts_with('-');
    match aggregate {
        Aggregate::PerSecond if is_short && limit.unit == "%" => Some(
            "`rate` alone is operations per second; name the share: `errors.rate` or `successes.rate`".into(),
        ),
        Aggregate::Rate if is_plain && number.parse::<f64>().is_ok_and(|number| number <= 100.0) => {
            Some(format!("did you mean `{number}%`?"))
        }
        Aggregate::Quantile(_) | Aggregate::Mean | Aggregate::Min | Aggregate::Max if is_plain => {
            Some(format!("did you mean `{number}ms`?"))
        }
        _ => None,
    }
}
