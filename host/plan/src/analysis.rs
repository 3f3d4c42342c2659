//! What a plugin concludes from a summary.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{MAX_FINDING_RULE_BYTES, MAX_FINDING_TEXT_BYTES, MAX_FINDINGS, is_hidden};

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// `confirmed` when a control has reproduced it, `suspected` when none has; empty where that is no question.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub confidence: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Finding {
    /// Words for how grave a finding is, the gravest first.
    pub const SEVERITIES: [&str; 5] = ["critical", "high", "medium", "low", "info"];

    /// Reads a finding that a plugin reports while the load runs. Long texts are cut.
    ///
    /// # Errors
    /// One sentence: it is no JSON of this form, has no rule or message, or a word that is none of those there are.
    pub fn read(json: &str) -> Result<Self, String> {
        let mut finding: Self =
            serde_json::from_str(json).map_err(|error| format!("this is no finding: {error}"))?;
        if finding.rule.is_empty() || finding.message.is_empty() {
            return Err("a finding has a rule and a message".to_owned());
        }
        if finding.rule.len() > MAX_FINDING_RULE_BYTES || finding.rule.contains(is_hidden) {
            return Err(format!("a rule is at most {MAX_FINDING_RULE_BYTES} bytes of text"));
        }
        if !Self::SEVERITIES.contains(&finding.severity.as_str()) {
            return Err(format!("a severity is one of {}", Self::SEVERITIES.join(", ")));
        }
        if !["", "confirmed", "suspected"].contains(&finding.confidence.as_str()) {
            return Err("a confidence is `confirmed`, `suspected` or empty".to_owned());
        }
        for text in [&mut finding.message, &mut finding.location, &mut finding.evidence, &mut finding.remedy]
        {
            text.truncate(text.floor_char_boundary(MAX_FINDING_TEXT_BYTES));
        }
        Ok(finding)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_read_and_bounded() {
        let read = |text: &str| Finding::read(text);
        let long = "x".repeat(2 * MAX_FINDING_TEXT_BYTES);
        let text = format!(r#"{{"rule": "r", "severity": "low", "message": "m", "evidence": "{long}"}}"#);
        let finding = read(&text).unwrap();
        assert_eq!((finding.evidence.len(), finding.confidence.as_str()), (MAX_FINDING_TEXT_BYTES, ""));
        for (text, told) in [
            ("[]", "this is no finding"),
            (r#"{"rule": "", "severity": "low", "message": "m"}"#, "has a rule"),
            (r#"{"rule": "a\u001b", "severity": "low", "message": "m"}"#, "bytes of text"),
            (r#"{"rule": "r", "severity": "awful", "message": "m"}"#, "one of critical, high"),
            (
                r#"{"rule": "r", "severity": "low", "message": "m", "confidence": "sure"}"#,
                "suspected or empty",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told) || error.contains("`suspected`"), "{text}: {error}");
        }
    }
}
