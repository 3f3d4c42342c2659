//! Reading what a threshold looks at: the metric, its filters and the aggregate.

use super::display::{is_bare, is_bare_name};
use super::parse::{Parser, Result, is_digit};
use super::words::{
    AGGREGATES, COMMON_PROTOCOLS, Family, GENERATOR_FIELDS, ITERATION_FIELDS, NAMESPACES, OPERATION_FIELDS,
};
use super::{
    Aggregate, ExpressionError, ExpressionFault, GeneratorField, IterationField, Metric, OperationField, Tag,
    TagFilter,
};
use crate::nearest;

impl<'a> Parser<'a> {
    /// The metric, and the aggregate of a short form such as `p99`.
    pub(super) fn metric(&mut self) -> Result<(Metric, Option<Aggregate>)> {
        let start = self.at;
        let word = self.word();
        match word {
            "" => {
                return Err(self.unexpected("a metric such as `http.response_us`", None));
            }
            "checks" => return Ok((Metric::Checks, None)),
            "iterations" => {
                let field = self.field("field of `iterations`", ITERATION_FIELDS, IterationField::from_word);
                return field.map(|field| (Metric::Iterations(field), None));
            }
            "generator" => {
                let field = self.field("field of `generator`", GENERATOR_FIELDS, GeneratorField::from_word);
                return field.map(|field| (Metric::Generator(field), None));
            }
            "metrics" => return self.custom().map(|metric| (metric, None)),
            _ => {}
        }
        if let Some(field) = OperationField::from_word(word) {
            return Ok((Metric::Operations { protocol: None, field }, None));
        }
        let is_path = self.rest().starts_with('.');
        let fraction = is_percentile(word) && self.rest()[usize::from(is_path)..].starts_with(is_digit);
        if !is_path || fraction {
            return self.short(start);
        }
        let dot = self.at;
        self.at += 1;
        let field_at = self.at;
        let name = self.word();
        if aggregate_word(word).is_some() || is_percentile(word) {
            self.at = dot;
            let hint = "the aggregate comes last, as in `http.response_us.p95`";
            return Err(self.unexpected("a comparison", Some(hint)));
        }
        if let Some(field) = OperationField::from_word(name) {
            let protocol = self.protocol(start, word)?;
            return Ok((Metric::Operations { protocol: Some(protocol), field }, None));
        }
        if nearest(word, NAMESPACES.iter().copied()).is_some() {
            return Err(self.unknown(start, "metric", word, NAMESPACES.iter().copied()));
        }
        if aggregate_word(name).is_some() || is_percentile(name) {
            return Err(self.unknown_metric(start, word));
        }
        if name.is_empty() {
            return Err(self.unexpected("a field such as `response_us`", None));
        }
        Err(self.unknown(field_at, "field", name, OPERATION_FIELDS.iter().copied()))
    }

    fn unknown_metric(&self, at: usize, word: &str) -> ExpressionError {
        let known = OPERATION_FIELDS.iter().chain(NAMESPACES).chain(AGGREGATES).chain(COMMON_PROTOCOLS);
        let hint = match nearest(word, known.copied()) {
            Some(near) if COMMON_PROTOCOLS.contains(&near) => format!("did you mean `{near}.response_us`?"),
            Some(near) => format!("did you mean `{near}`?"),
            None => "write one such as `http.response_us`, `errors`, `iterations.failed`, `checks` or \
                     `metrics.NAME` for a plugin's own"
                .to_owned(),
        };
        self.error(at, ExpressionFault::Unknown { what: "metric", word: word.to_owned() }, Some(hint))
    }

    fn protocol(&self, at: usize, word: &str) -> Result<String> {
        let is_lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(is_lower) {
            return Ok(word.to_owned());
        }
        Err(self.unknown(at, "protocol", word, COMMON_PROTOCOLS.iter().copied()))
    }

    /// A short form: an aggregate alone is that of response times, or of the number of operations.
    fn short(&mut self, start: usize) -> Result<(Metric, Option<Aggregate>)> {
        let after_word = self.at;
        self.at = start;
        let word = self.aggregate_text();
        if word == "p" && self.rest().starts_with('(') {
            let fault = ExpressionFault::Unknown { what: "metric", word: word.to_owned() };
            return Err(self.error(start, fault, Some("write a percentile as `p95`".to_owned())));
        }
        let aggregate = if is_percentile(word) {
            self.percentile(start, word)?
        } else {
            match aggregate_word(word) {
                Some(Aggregate::Rate) => Aggregate::PerSecond,
                Some(Aggregate::Last) | None => {
                    self.at = after_word;
                    return Err(self.unknown_metric(start, word));
                }
                Some(aggregate) => aggregate,
            }
        };
        let field = match aggregate {
            Aggregate::PerSecond | Aggregate::Count => OperationField::Count,
            _ => OperationField::ResponseUs,
        };
        Ok((Metric::Operations { protocol: None, field }, Some(aggregate)))
    }

    /// A dot and one of `known`.
    fn field<T>(
        &mut self,
        what: &'static str,
        known: &'static [&'static str],
        from_word: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        if !self.take(".") {
            let hint = format!("there are {}", known.join(", "));
            return Err(self.unexpected("`.` and a field", Some(&hint)));
        }
        let start = self.at;
        let word = self.word();
        from_word(word).ok_or_else(|| self.unknown(start, what, word, known.iter().copied()))
    }

    /// A plugin's metric, behind the word `metrics`.
    fn custom(&mut self) -> Result<Metric> {
        let hint = "as in `metrics.rows.count` or `metrics.\"rows read\".count`";
        if !self.take(".") {
            return Err(self.unexpected("`.` and the name of the metric", Some(hint)));
        }
        let name = match self.quoted()? {
            Some(name) => name,
            None => self.run(is_bare_name).to_owned(),
        };
        if name.is_empty() {
            return Err(self.unexpected("the name of the metric", Some(hint)));
        }
        Ok(Metric::Custom(name))
    }

    /// A text in quotation marks, if one comes next. `\"` and `\\` stand for themselves.
    fn quoted(&mut self) -> Result<Option<String>> {
        let start = self.at;
        if !self.take("\"") {
            return Ok(None);
        }
        let mut text = String::new();
        let mut escaped = false;
        for (index, c) in self.rest().char_indices() {
            match c {
                '\\' if !escaped => escaped = true,
                '"' if !escaped => {
                    self.at += index + 1;
                    return Ok(Some(text));
                }
                c => {
                    if escaped && !matches!(c, '\\' | '"') {
                        text.push('\\');
                    }
                    escaped = false;
                    text.push(c);
                }
            }
        }
        Err(self.error(start, ExpressionFault::Unclosed, None))
    }

    pub(super) fn tags(&mut self, metric: &Metric) -> Result<Vec<TagFilter>> {
        let mut tags: Vec<TagFilter> = Vec::new();
        if !self.take("{") {
            return Ok(tags);
        }
        loop {
            self.space();
            let start = self.at;
            let filter = self.tag(metric)?;
            if tags.iter().any(|other| other.tag == filter.tag) {
                let fault = ExpressionFault::Twice(filter.tag.word().to_owned());
                return Err(self.error(start, fault, Some("`*` stands for any text".to_owned())));
            }
            tags.push(filter);
            self.space();
            if self.take("}") {
                return Ok(tags);
            }
            if !self.take(",") {
                let hint = "put a value with other characters into quotation marks";
                return Err(self.unexpected("`,` or `}`", Some(hint)));
            }
        }
    }

    fn tag(&mut self, metric: &Metric) -> Result<TagFilter> {
        let start = self.at;
        let word = self.word();
        if word.is_empty() {
            return Err(self.unexpected("a filter such as `scenario=checkout`", None));
        }
        let Some(tag) = Tag::from_word(word) else {
            return Err(self.unknown(start, "filter", word, metric.tags().iter().map(|tag| tag.word())));
        };
        if !metric.tags().contains(&tag) {
            let allowed: Vec<String> = metric.tags().iter().map(|tag| format!("`{}`", tag.word())).collect();
            let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
            let fault = ExpressionFault::Tag { metric: metric.to_string(), tag: tag.word(), allowed };
            let hint = match tag {
                Tag::Error => Some("only `errors` have a kind".to_owned()),
                Tag::Status => Some("only `count` is counted by status".to_owned()),
                Tag::Check => Some("only `checks` have a name".to_owned()),
                _ => None,
            };
            return Err(self.error(start, fault, hint));
        }
        self.space();
        if !self.take("=") {
            return Err(self.unexpected("`=`", None));
        }
        self.space();
        let value_at = self.at;
        let pattern = match self.quoted()? {
            Some(pattern) => pattern,
            None => self.run(is_bare).to_owned(),
        };
        if pattern.is_empty() {
            return Err(self.unexpected("a value", Some("`*` stands for any text")));
        }
        if tag == Tag::Status && !pattern.chars().all(|c| c.is_ascii_digit() || c == '*') {
            return Err(self.error(value_at, ExpressionFault::Status(pattern), None));
        }
        Ok(TagFilter { tag, pattern })
    }

    /// The word of an aggregate; that of a percentile may hold a point.
    fn aggregate_text(&mut self) -> &'a str {
        let start = self.at;
        let word = self.word();
        if is_percentile(word) && self.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(is_digit))
        {
            self.at += 1;
            self.run(is_digit);
        }
        &self.text[start..self.at]
    }

    pub(super) fn aggregate(&mut self, metric: &Metric) -> Result<Aggregate> {
        let start = self.at;
        let word = self.aggregate_text();
        if word.is_empty() {
            return Err(self.unexpected("an aggregate", Some(metric.family().allowed())));
        }
        let aggregate = if is_percentile(word) {
            self.percentile(start, word)?
        } else {
            aggregate_word(word)
                .ok_or_else(|| self.unknown(start, "aggregate", word, AGGREGATES.iter().copied()))?
        };
        let family = metric.family();
        if family.allows(aggregate) {
            return Ok(aggregate);
        }
        let fault = ExpressionFault::Aggregate {
            metric: metric.to_string(),
            aggregate: word.to_owned(),
            allowed: family.allowed(),
        };
        let hint = match (family, aggregate) {
            (Family::Counts | Family::Bytes, Aggregate::Rate) => {
                Some("`per_s` is its number each second".to_owned())
            }
            (Family::Times, Aggregate::Count | Aggregate::PerSecond) => {
                Some("operations are counted by `count`".to_owned())
            }
            _ => None,
        };
        Err(self.error(start, fault, hint))
    }

    fn percentile(&self, at: usize, word: &str) -> Result<Aggregate> {
        let digits = word.strip_prefix('p').unwrap_or(word);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        // `p999` is what many tools call the 99.9th percentile.
        let is_nines = whole.len() > 2 && fraction.is_empty() && whole.bytes().all(|digit| digit == b'9');
        let text = match whole.len() {
            0..=2 => Some(format!("0.{whole:0>2}{fraction}")),
            _ if is_nines => Some(format!("0.{whole}")),
            _ => None,
        };
        let share =
            text.and_then(|text| text.parse::<f64>().ok()).filter(|share| *share > 0.0 && *share < 1.0);
        share.map(Aggregate::Quantile).ok_or_else(|| {
            let hint = match digits {
                "0" | "00" => Some("the least value is `min`".to_owned()),
                "100" => Some("the greatest value is `max`".to_owned()),
                _ => None,
            };
            self.error(at, ExpressionFault::Percentile(word.to_owned()), hint)
        })
    }
}

fn is_percentile(word: &str) -> bool {
    word.strip_prefix('p')
        .is_some_and(|rest| rest.starts_with(is_digit) && rest.chars().all(|c| is_digit(c) || c == '.'))
}

fn aggregate_word(word: &str) -> Option<Aggregate> {
    Some(match word {
        "median" => Aggregate::Quantile(0.5),
        "mean" | "avg" => Aggregate::Mean,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "count" => Aggregate::Count,
        "per_s" => Aggregate::PerSecond,
        "rate" => Aggregate::Rate,
        "last" => Aggregate::Last,
        _ => return None,
    })
}
