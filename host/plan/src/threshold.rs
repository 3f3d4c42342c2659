//! Thresholds as a plan holds them; [`Expression::parse`](crate::Expression::parse) reads their text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that must hold, such as `http.response_us{scenario=checkout}.p95 < 300ms over 30s, abort after 10s`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// The expression.
    pub expression: String,
    /// The words of the person who asked for it, when they were others, such as `p95_response_time: "<100ms"`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The phase it is about; empty: every phase.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phase: String,
    /// The plugin it is about; empty: every plugin.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plugin: String,
}

impl Threshold {
    /// A threshold about the whole run.
    pub fn new(expression: impl Into<String>) -> Self {
        Self { expression: expression.into(), ..Self::default() }
    }
}

/// A custom metric that a plugin will record, so that thresholds on it can be checked before the load begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetricDeclaration {
    /// Its name.
    pub name: String,
    /// `counter`, `gauge`, `rate` or `distribution`.
    pub kind: String,
    /// Its unit; may be empty.
    #[serde(default)]
    pub unit: String,
}
