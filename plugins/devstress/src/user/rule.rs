//! Checks of a response, with their patterns compiled.

use std::fmt;

use regex_lite::Regex;
use stresshost_sdk::Failure;
use stresshost_sdk::http::Response;
use stresshost_sdk::serde_json::{self, Value};

use crate::document;

/// What must hold of a response.
#[derive(Debug)]
pub(crate) enum Rule {
    Status(Vec<(u16, u16)>),
    MaxLatencyUs(u64),
    BodyContains(String),
    BodyMatches(Regex),
    Json(String, Value),
    HeaderIs(String, String),
    HeaderMatches(String, Regex),
}

/// A response's body, fetched from the host when first asked for.
#[derive(Debug)]
pub(crate) struct Body {
    response: Response,
    text: Option<Option<String>>,
}

impl Body {
    pub(crate) const fn new(response: Response) -> Self {
        Self { response, text: None }
    }

    /// The body's text; `None` when the host has none.
    pub(crate) fn text(&mut self) -> Option<&str> {
        let response = self.response;
        self.text.get_or_insert_with(|| response.text().ok()).as_deref()
    }
}

/// Compiles a pattern that the plan has found to be good.
pub(crate) fn compile(pattern: &str) -> Result<Regex, Failure> {
    Regex::new(pattern).map_err(|error| Failure::setup(format!("the pattern `{pattern}`: {error}")))
}

impl Rule {
    pub(crate) fn compile(rule: document::Rule) -> Result<Self, Failure> {
        Ok(match rule {
            document::Rule::Status(ranges) => Self::Status(ranges),
            document::Rule::MaxLatencyUs(most) => Self::MaxLatencyUs(most),
            document::Rule::BodyContains(text) => Self::BodyContains(text),
            document::Rule::BodyMatches(pattern) => Self::BodyMatches(compile(&pattern)?),
            document::Rule::Json(pointer, value) => Self::Json(pointer, value),
            document::Rule::HeaderIs(name, value) => Self::HeaderIs(name, value),
            document::Rule::HeaderMatches(name, pattern) => Self::HeaderMatches(name, compile(&pattern)?),
        })
    }

    /// Whether it holds. Nothing holds of a response that did not come.
    pub(crate) fn holds(&self, response: Response, body: &mut Body) -> bool {
        if response.status() == 0 {
            return false;
        }
        match self {
            Self::Status(ranges) => ranges.iter().any(|&(from, to)| (from..=to).contains(&response.status())),
            Self::MaxLatencyUs(most) => response.duration().as_micros() <= u128::from(*most),
            Self::BodyContains(text) => body.text().is_some_and(|body| body.contains(text.as_str())),
            Self::BodyMatches(regex) => body.text().is_some_and(|body| regex.is_match(body)),
            Self::Json(pointer, expected) => {
                response.json(pointer).is_some_and(|actual| json_equals(&actual, expected))
            }
            Self::HeaderIs(name, expected) => response.header(name).is_some_and(|value| value == *expected),
            Self::HeaderMatches(name, regex) => {
                response.header(name).is_some_and(|value| regex.is_match(&value))
            }
        }
    }
}

/// Whether the value a host found, a string's characters or else JSON text, is the expected one.
fn json_equals(actual: &str, expected: &Value) -> bool {
    match expected {
        Value::String(text) => actual == text,
        Value::Number(number) => {
            actual == number.to_string()
                || actual.parse::<f64>().is_ok_and(|actual| number.as_f64() == Some(actual))
        }
        Value::Bool(true) => actual == "true",
        Value::Bool(false) => actual == "false",
        Value::Null => actual == "null",
        Value::Array(_) | Value::Object(_) => {
            serde_json::from_str::<Value>(actual).is_ok_and(|actual| actual == *expected)
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(_) => f.write_str("the check of the status"),
            Self::MaxLatencyUs(_) => f.write_str("the check of the latency"),
            Self::BodyContains(_) | Self::BodyMatches(_) => f.write_str("a check of the body"),
            Self::Json(pointer, _) => write!(f, "the check of JSON {pointer}"),
            Self::HeaderIs(name, _) | Self::HeaderMatches(name, _) => write!(f, "the check of header {name}"),
        }
    }
}
