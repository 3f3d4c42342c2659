//! What was asked for and what came of it: thresholds and phases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::VerdictStatus;

/// A threshold and the value it was held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdResult {
    /// The threshold as written.
    pub expression: String,
    /// The words of the person who asked for it, when they were others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The phase it is about; empty: every phase.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phase: String,
    /// The plugin it is about; empty: every plugin.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plugin: String,
    /// What was measured, in `unit`: of a sliding window the value of the worst window. Absent when there was no data.
    pub actual: Option<f64>,
    /// `<`, `<=`, `>`, `>=`, `==` or `!=`.
    #[serde(default)]
    pub comparison: String,
    /// The limit, in `unit`.
    pub limit: f64,
    /// `us`, `ratio`, `per_s`, `bytes`, `bytes_per_s`, or empty for a plain number.
    #[serde(default)]
    pub unit: String,
    /// `pass`, `fail` or `inconclusive`.
    pub status: VerdictStatus,
    /// Number of values it was judged on.
    #[serde(default)]
    pub samples: u64,
    /// Whether its failure is only a warning.
    #[serde(default)]
    pub warn: bool,
    /// Whether its failure fails the run whatever the score.
    #[serde(default)]
    pub key: bool,
    /// Its share in the score.
    #[serde(default = "one")]
    pub weight: f64,
    /// End of the worst window, in seconds since the load began; sliding windows only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_t_s: Option<f64>,
    /// Whether its failure ended the run.
    #[serde(default)]
    pub aborted: bool,
    /// Why there is no answer, when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

const fn one() -> f64 {
    1.0
}

/// The weights of the thresholds that held, against all weights. Warnings have no weight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// Sum of the weights of the thresholds that held.
    pub met: f64,
    /// Sum of all weights.
    pub of: f64,
    /// The share that must hold, from 0 to 1.
    pub required: f64,
}

/// A phase and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseSummary {
    /// Name in the plan.
    pub name: String,
    /// One sentence for people, from the plan.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Names of the phases that come before.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// What became of it.
    pub status: PhaseStatus,
    /// Why, unless it passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When its load began, in seconds since the first load did; absent when it never did.
    pub started_s: Option<f64>,
    /// From then to the end of its last iteration, in seconds.
    #[serde(default)]
    pub duration_s: f64,
    /// Its criteria with the value each was held against.
    #[serde(default)]
    pub criteria: Vec<ThresholdResult>,
}

/// What became of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseStatus {
    /// It ended and its criteria held.
    Passed,
    /// It ended and a criterion did not hold.
    Failed,
    /// It ended and there was no data for a criterion.
    Inconclusive,
    /// It never began, because of a phase it depends on.
    Skipped,
    /// The run was stopped before it ended.
    Stopped,
    /// It could not begin: a set-up failed.
    Broken,
    /// It goes on: only in the report of a run that was cut short.
    Running,
}

impl PhaseStatus {
    /// The status as reports print it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Skipped => "skipped",
            Self::Stopped => "stopped",
            Self::Broken => "broken",
            Self::Running => "running",
        }
    }
}
