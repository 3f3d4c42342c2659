//! The verdict of a run, from its summary alone.

use crate::{Summary, Verdict, VerdictStatus};

/// Judges a summary. Every rule that applies adds a reason; the gravest one decides the status.
pub fn judge(summary: &Summary) -> Verdict {
    let rules = [faults, unreachable, no_data, every_operation_failed, failed_checks, failed_iterations];
    let found: Vec<(VerdictStatus, String)> = rules.iter().filter_map(|rule| rule(summary)).collect();
    let status = found.iter().map(|(status, _)| *status).max_by_key(|status| gravity(*status));
    Verdict {
        status: status.unwrap_or(VerdictStatus::Pass),
        reasons: found.into_iter().map(|(_, reason)| reason).collect(),
    }
}

/// What outweighs what: a broken plugin or instrument makes every other statement worthless.
const fn gravity(status: VerdictStatus) -> u8 {
    match status {
        VerdictStatus::Pass => 0,
        VerdictStatus::Inconclusive => 1,
        VerdictStatus::Fail => 2,
        VerdictStatus::Unreachable => 3,
        VerdictStatus::Invalid => 4,
        VerdictStatus::Fault => 5,
    }
}

type Found = Option<(VerdictStatus, String)>;

fn faults(summary: &Summary) -> Found {
    let count: u64 = summary.faults.iter().map(|fault| fault.count).sum();
    let first = summary.faults.first()?;
    let line = first.text.lines().next().unwrap_or_default();
    Some((
        VerdictStatus::Fault,
        format!("plugin `{}` broke {count} times in `{}`: {line}", first.plugin, first.during),
    ))
}

fn unreachable(summary: &Summary) -> Found {
    let done = summary.operations_done();
    let refused: u64 = summary.operations.iter().map(crate::OperationSummary::unreachable).sum();
    (done > 0 && refused == done).then(|| {
        let example =
            summary.failures.first().map(|failure| format!(": {}", failure.text)).unwrap_or_default();
        (VerdictStatus::Unreachable, format!("none of {done} operations could connect{example}"))
    })
}

fn no_data(summary: &Summary) -> Found {
    let ended: u64 = summary.scenarios.iter().map(|s| s.iterations.finished + s.iterations.failed).sum();
    (summary.operations_done() == 0 && ended == 0)
        .then(|| (VerdictStatus::Inconclusive, "no iteration ended in the measured window".to_owned()))
}

fn every_operation_failed(summary: &Summary) -> Found {
    let (done, failed) = (summary.operations_done(), summary.operations_failed());
    let all = done > 0 && failed == done && unreachable(summary).is_none();
    all.then(|| (VerdictStatus::Fail, format!("all {done} operations failed")))
}

fn failed_checks(summary: &Summary) -> Found {
    let failed: Vec<_> = summary.checks.iter().filter(|check| check.failed > 0).collect();
    let first = failed.first()?;
    let more =
        if failed.len() > 1 { format!(" (and {} more checks)", failed.len() - 1) } else { String::new() };
    let total = first.passed + first.failed;
    Some((
        VerdictStatus::Fail,
        format!("check `{}` failed {} of {total} times{more}", first.name, first.failed),
    ))
}

fn failed_iterations(summary: &Summary) -> Found {
    let scenario =
        summary.scenarios.iter().find(|s| s.iterations.failed > 0 && s.iterations.finished == 0)?;
    let failed = scenario.iterations.failed;
    Some((VerdictStatus::Fail, format!("all {failed} iterations of scenario `{}` failed", scenario.name)))
}
