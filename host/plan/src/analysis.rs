//! What a plugin concludes from a summary.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::MAX_FINDINGS;

/// Schema id of [`Analysis`].
pub const ANALYSIS_SCHEMA: &str = "stresshost.analysis/1";

/// A plugin's reading of a run. Reports show it beside the measured numbers and never instead of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    /// Always `stresshost.analysis/1`.
    pub schema: String,
    /// What stands out.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// What to do, with the numbers it rests on.
    #[serde(default)]
    pub recommendations: Vec<Recommendation>,
    /// Further sections of the report.
    #[serde(default)]
    pub sections: Vec<Section>,
}

impl Analysis {
    /// Cuts every list to [`MAX_FINDINGS`] entries; how many were left out, if any.
    pub fn bound(&mut self) -> usize {
        let cut = |len: usize| len.saturating_sub(MAX_FINDINGS);
        let left_out = cut(self.findings.len()) + cut(self.recommendations.len()) + cut(self.sections.len());
        self.findings.truncate(MAX_FINDINGS);
        self.recommendations.truncate(MAX_FINDINGS);
        self.sections.truncate(MAX_FINDINGS);
        left_out
    }
}

/// Something that stands out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Id of the rule that found it.
    pub rule: String,
    /// `info`, `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// One sentence.
    pub message: String,
    /// What in the target it is about.
    #[serde(default)]
    pub location: String,
    /// The numbers or words that show it.
    #[serde(default)]
    pub evidence: String,
}

/// Advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// What to do, in one sentence.
    pub message: String,
    /// The numbers it rests on.
    pub because: String,
}

/// A titled part of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// Paragraphs of plain text.
    #[serde(default)]
    pub text: Vec<String>,
    /// A table: rows of cells, the first row being the heading. May be empty.
    #[serde(default)]
    pub table: Vec<Vec<String>>,
}
