//! What was asked for: thresholds and phases.

use super::Found;
use crate::{MAX_VERDICT_REASONS, PhaseStatus, PhaseSummary, Score, Summary, ThresholdResult, VerdictStatus};

/// Shares are sums of decimal fractions: 0.1 + 0.7 must meet 0.8.
const SHARE_TOLERANCE: f64 = 1e-9;

pub(super) fn thresholds(summary: &Summary) -> Found {
    let counted: Vec<&ThresholdResult> = summary.thresholds.iter().filter(|result| !result.warn).collect();
    let with = |status: VerdictStatus, key_only: bool| -> Vec<&ThresholdResult> {
        counted.iter().copied().filter(|r| r.status == status && (r.key || !key_only)).collect()
    };
    let missed = summary.score.map_or(VerdictStatus::Pass, |score| share_met(&score, &counted));
    // With a share, what is not a key threshold only counts towards it.
    let key_only = |status: VerdictStatus| summary.score.is_some() && missed != status;
    let mut found = Vec::new();
    if let Some(Score { met, of, required }) = summary.score
        && missed != VerdictStatus::Pass
    {
        let reason = format!(
            "thresholds with a weight of {met} of {of} held, {}% must",
            (required * 1e4).round() / 1e2
        );
        found.push((missed, reason));
    }
    for status in [VerdictStatus::Fail, VerdictStatus::Inconclusive] {
        found.extend(listed(status, &with(status, key_only(status)), ""));
    }
    found
}

/// Whether enough weight held: pass, fail, or inconclusive when what has no answer would decide.
fn share_met(score: &Score, counted: &[&ThresholdResult]) -> VerdictStatus {
    let needed = score.required * score.of - SHARE_TOLERANCE * score.of.max(1.0);
    let open = counted.iter().filter(|result| result.status == VerdictStatus::Inconclusive);
    let open = open.fold(0.0, |sum, result| sum + result.weight);
    if score.met >= needed {
        VerdictStatus::Pass
    } else if score.met + open >= needed {
        VerdictStatus::Inconclusive
    } else {
        VerdictStatus::Fail
    }
}

fn listed(status: VerdictStatus, results: &[&ThresholdResult], prefix: &str) -> Found {
    let lines = results.iter().take(MAX_VERDICT_REASONS);
    let mut found: Found = lines.map(|result| (status, format!("{prefix}{}", result.line()))).collect();
    let more = results.len().saturating_sub(MAX_VERDICT_REASONS);
    if more > 0 {
        found.push((status, format!("{prefix}and {more} more thresholds")));
    }
    found
}

pub(super) fn phases(summary: &Summary) -> Found {
    summary.phases.iter().flat_map(phase).collect()
}

fn phase(phase: &PhaseSummary) -> Found {
    let PhaseSummary { name, reason, .. } = phase;
    let of_status = |status: VerdictStatus| -> Vec<&ThresholdResult> {
        phase.criteria.iter().filter(|result| !result.warn && result.status == status).collect()
    };
    let prefix = format!("phase `{name}`: ");
    let one = |status: VerdictStatus, reason: String| vec![(status, reason)];
    match phase.status {
        PhaseStatus::Passed => Vec::new(),
        PhaseStatus::Failed => listed(VerdictStatus::Fail, &of_status(VerdictStatus::Fail), &prefix),
        PhaseStatus::Inconclusive => {
            listed(VerdictStatus::Inconclusive, &of_status(VerdictStatus::Inconclusive), &prefix)
        }
        PhaseStatus::Skipped => {
            one(VerdictStatus::Inconclusive, format!("phase `{name}` was skipped: {reason}"))
        }
        PhaseStatus::Broken => {
            one(VerdictStatus::Unreachable, format!("phase `{name}` could not be done: {reason}"))
        }
        // Who stops a run has seen enough of it; only what was to be judged at the phase's end remains open.
        PhaseStatus::Stopped if phase.criteria.iter().all(|criterion| criterion.warn) => Vec::new(),
        PhaseStatus::Stopped => match listed(VerdictStatus::Fail, &aborting(phase), &prefix) {
            failed if !failed.is_empty() => failed,
            _ => one(
                VerdictStatus::Inconclusive,
                format!("phase `{name}` was stopped before its criteria could be judged"),
            ),
        },
        PhaseStatus::Running => {
            one(VerdictStatus::Inconclusive, format!("the record ends before phase `{name}` does"))
        }
    }
}

/// The criterion whose failure stopped the run.
fn aborting(phase: &PhaseSummary) -> Vec<&ThresholdResult> {
    phase.criteria.iter().filter(|criterion| criterion.aborted).collect()
}
