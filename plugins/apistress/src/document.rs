//! What the plan hands to every virtual user.

use stresshost_sdk::serde::{Deserialize, Serialize};
use stresshost_sdk::serde_json::Value;

/// The workload of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Workload {
    /// One is sent an iteration, in turn.
    pub requests: Vec<Request>,
    /// Of how many answers of each request one is held against the document; 0: of none.
    pub one_in: u64,
}

/// One operation with values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Request {
    /// Method and path as the document writes them.
    pub name: String,
    /// Method.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What the document says of its answers.
    pub answers: Vec<Answer>,
}

/// What the document says of answers with some statuses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Answer {
    /// Bounds of the statuses, both included.
    pub statuses: (u16, u16),
    /// Media types; none: nothing is said of the body.
    pub contents: Vec<Content>,
    /// Headers that must be there.
    pub headers: Vec<String>,
}

/// A body of one media type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub struct Content {
    /// As the document writes it.
    pub media_type: String,
    /// JSON Schema of a JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
}
