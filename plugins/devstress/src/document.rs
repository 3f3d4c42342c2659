//! What the plan hands to every virtual user: scenarios with everything resolved but the values.

use stresshost_sdk::serde::{Deserialize, Serialize};

/// The workload of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Workload {
    /// Names of the feeds in use; [`Source::Feed`] refers to them by index.
    pub feeds: Vec<String>,
    /// In the plan's order.
    pub scenarios: Vec<Scenario>,
}

/// What the iterations of one scenario do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Scenario {
    /// Whether iterations start on a schedule, so that a pause after the last request would only occupy a user.
    pub open: bool,
    /// One is chosen per iteration, by weight.
    pub journeys: Vec<Journey>,
}

/// Requests in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Journey {
    /// Share of the iterations, relative to the other journeys.
    pub weight: u64,
    /// Feeds of which the journey takes a row.
    pub feeds: Vec<usize>,
    /// Number of extracted variables.
    pub variables: usize,
    /// The requests.
    pub requests: Vec<Request>,
}

/// One request with what is done with its response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Request {
    /// Name of the operation.
    pub name: String,
    /// Method.
    pub method: String,
    /// Absolute URL with slots `{{s0}}`, `{{s1}}`, ...
    pub url: String,
    /// Headers; values may hold slots.
    pub headers: Vec<(String, String)>,
    /// Body; may hold slots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Where the slots' values come from, in order.
    pub slots: Vec<Slot>,
    /// Options of the request, by their names in the contract.
    pub options: Vec<(String, String)>,
    /// Values taken from the response.
    pub extract: Vec<Extract>,
    /// Statements about the response.
    pub checks: Vec<Check>,
    /// Pause after the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<Think>,
    /// What a failure does to the journey.
    pub on_failure: OnFailure,
}

/// A slot of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Slot {
    /// Where its value comes from.
    pub source: Source,
    /// How its value is written.
    pub encoding: Encoding,
}

/// How a value is written where it stands. The host itself encodes values in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub enum Encoding {
    /// As it is.
    Plain,
    /// As the inside of a JSON string.
    Json,
    /// As part of an HTML form.
    Form,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub enum Source {
    /// Number of the virtual user.
    Vu,
    /// Number of the iteration.
    Iteration,
    /// A new random UUID.
    Uuid,
    /// A random whole number, both bounds included.
    Random {
        /// Least.
        min: u64,
        /// Greatest.
        max: u64,
    },
    /// A variable extracted earlier in the journey.
    Extracted {
        /// Index among the journey's variables.
        index: usize,
        /// For messages.
        name: String,
    },
    /// A column of the journey's row of a feed.
    Feed {
        /// Index in [`Workload::feeds`].
        feed: usize,
        /// Index of the column.
        column: usize,
    },
}

/// A value taken from a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Extract {
    /// Name of the variable, for messages.
    pub name: String,
    /// Index among the journey's variables.
    pub index: usize,
    /// Where it is found.
    pub from: From,
    /// Taken from what is found there: the pattern and the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<(String, usize)>,
}

/// A part of a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub enum From {
    /// The value at a JSON pointer in the body.
    Json(String),
    /// A header.
    Header(String),
    /// The body's text.
    Body,
}

/// A statement about a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Check {
    /// Name in reports.
    pub name: String,
    /// What must hold.
    pub rule: Rule,
}

/// What must hold of a response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub enum Rule {
    /// The status lies in one of these ranges, bounds included.
    Status(Vec<(u16, u16)>),
    /// The request took no more than this many microseconds.
    MaxLatencyUs(u64),
    /// The body holds a text.
    BodyContains(String),
    /// The body matches a regular expression.
    BodyMatches(String),
    /// The value at a JSON pointer equals this one.
    Json(String, stresshost_sdk::serde_json::Value),
    /// A header has exactly this value.
    HeaderIs(String, String),
    /// A header's value matches a regular expression.
    HeaderMatches(String, String),
}

/// A pause, drawn evenly from a range of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Think {
    /// Shortest.
    pub min_ms: u64,
    /// Longest.
    pub max_ms: u64,
}

/// What a failure does to the journey.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub enum OnFailure {
    /// A failed request or extraction ends it, a failed check does not.
    #[default]
    Usual,
    /// Any failure ends it.
    Stop,
    /// It goes on.
    Continue,
}
