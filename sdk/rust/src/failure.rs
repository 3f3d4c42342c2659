//! Why a call of a virtual user did not succeed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a call did not succeed. It is counted and reported as a failed iteration; it is not a plugin fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Short and stable, for grouping: `check`, `extract`, `expectation`, or your own.
    pub code: String,
    /// One sentence for people.
    pub message: String,
}

impl Failure {
    /// Code of a failure of the SDK's own: a registration the host refused, a document that cannot be read.
    pub const SETUP: &'static str = "setup";

    /// A failure with a code of your own.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// A failure while a virtual user was made ready.
    pub fn setup(message: impl Into<String>) -> Self {
        Self::new(Self::SETUP, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}
