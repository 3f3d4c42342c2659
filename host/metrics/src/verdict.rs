//! The verdict of a run, from its summary alone.

mod generator;
mod objectives;
#[cfg(test)]
mod tests;

use stresshost_plan::{Expression, Metric, Tag};

use crate::summary::saturating_sum;
use crate::{CheckResult, ErrorKind, Summary, ThresholdResult, Verdict, VerdictStatus};

/// What a rule has to say: the status it leads to, and why.
type Found = Vec<(VerdictStatus, String)>;

/// Judges a summary. Every rule that applies adds reasons; the gravest one decides the status and comes first.
pub fn judge(summary: &Summary) -> Verdict {
    let rules: [fn(&Summary) -> Found; 13] = [
        faults,
        denied,
        unreachable,
        no_data,
        every_operation_failed,
        failed_checks,
        failed_iterations,
        objectives::thresholds,
        objectives::phases,
        generator::dropped,
        generator::own_lag,
        generator::busiest_core,
        generator::exhausted,
    ];
    let mut found: Found = rules.iter().flat_map(|rule| rule(summary)).collect();
    found.sort_by_key(|(status, _)| std::cmp::Reverse(gravity(*status)));
    Verdict {
        status: found.first().map_or(VerdictStatus::Pass, |(status, _)| *status),
        reasons: found.into_iter().map(|(_, reason)| reason).collect(),
    }
}

/// Why the generator itself was the bottleneck of a run; empty when it was not. Dropped iterations are not among the
/// reasons: too few virtual users drop them as well.
pub fn generator_limits(summary: &Summary) -> Vec<String> {
    let rules = [generator::own_lag, generator::busiest_core, generator::exhausted];
    rules.iter().flat_map(|rule| rule(summary)).map(|(_, reason)| reason).collect()
}

/// What outweighs what: a broken plugin or instrument makes every other statement worthless.
const fn gravity(status: VerdictStatus) -> u8 {
    match status {
        VerdictStatus::Pass => 0,
        VerdictStatus::Inconclusive => 1,
        VerdictStatus::Fail => 2,
        VerdictStatus::Unreachable => 3,
        VerdictStatus::Denied => 4,
        VerdictStatus::Invalid => 5,
        VerdictStatus::Fault => 6,
    }
}

fn when(applies: bool, status: VerdictStatus, reason: impl FnOnce() -> String) -> Found {
    if applies { vec![(status, reason())] } else { Vec::new() }
}

fn faults(summary: &Summary) -> Found {
    let count = saturating_sum(summary.faults.iter().map(|fault| fault.count));
    let Some(first) = summary.faults.first() else { return Vec::new() };
    let line = first.text.lines().next().unwrap_or_default();
    let reason = format!("plugin `{}` broke {count} times in `{}`: {line}", first.plugin, first.during);
    vec![(VerdictStatus::Fault, reason)]
}

fn denied(summary: &Summary) -> Found {
    let name = ErrorKind::Denied.name();
    let count = saturating_sum(summary.operations.iter().filter_map(|op| op.errors.get(name)).copied());
    when(count > 0, VerdictStatus::Denied, || {
        let example = summary.failures.iter().find(|failure| failure.kind == name);
        let example = example.map(|failure| format!(": {}", failure.text)).unwrap_or_default();
        format!("{count} operations went to targets that were not granted{example}")
    })
}

fn is_unreachable(summary: &Summary) -> bool {
    let done = summary.operations_done();
    let refused = saturating_sum(summary.operations.iter().map(crate::OperationSummary::unreachable));
    done > 0 && refused == done
}

fn unreachable(summary: &Summary) -> Found {
    when(is_unreachable(summary), VerdictStatus::Unreachable, || {
        let example =
            summary.failures.first().map(|failure| format!(": {}", failure.text)).unwrap_or_default();
        format!("none of {} operations could connect{example}", summary.operations_done())
    })
}

fn no_data(summary: &Summary) -> Found {
    let ended = summary.scenarios.iter().flat_map(|s| [s.iterations.finished, s.iterations.failed]);
    let nothing = summary.operations_done() == 0 && saturating_sum(ended) == 0;
    when(nothing, VerdictStatus::Inconclusive, || "no iteration ended in the measured window".to_owned())
}

fn every_operation_failed(summary: &Summary) -> Found {
    let (done, failed) = (summary.operations_done(), summary.operations_failed());
    let all = done > 0 && failed == done && !is_unreachable(summary);
    when(all, VerdictStatus::Fail, || format!("all {done} operations failed"))
}

fn failed_checks(summary: &Summary) -> Found {
    let left: Vec<_> = summary.checks.iter().filter(|check| check.failed > 0).collect();
    let failed: Vec<_> = left.into_iter().filter(|check| !has_threshold(summary, check)).collect();
    let Some(first) = failed.first() else { return Vec::new() };
    let more =
        if failed.len() > 1 { format!(" (and {} more checks)", failed.len() - 1) } else { String::new() };
    let total = first.passed.saturating_add(first.failed);
    let reason = format!("check `{}` failed {} of {total} times{more}", first.name, first.failed);
    vec![(VerdictStatus::Fail, reason)]
}

/// Whether a threshold of the plan says how often a check must hold: then that is what is asked for, not always.
fn has_threshold(summary: &Summary, check: &CheckResult) -> bool {
    let says = |threshold: &ThresholdResult| {
        let everywhere = threshold.phase.is_empty() && threshold.plugin.is_empty() && !threshold.warn;
        let Ok(expression) = Expression::parse(&threshold.expression) else { return false };
        let mut tags = expression.tags.iter();
        everywhere
            && expression.metric == Metric::Checks
            && tags.all(|filter| filter.tag == Tag::Check && filter.matches(&check.name))
    };
    summary.thresholds.iter().any(says)
}

fn failed_iterations(summary: &Summary) -> Found {
    let hopeless = summary.scenarios.iter().filter(|s| s.iterations.failed > 0 && s.iterations.finished == 0);
    hopeless
        .map(|scenario| {
            let failed = scenario.iterations.failed;
            (VerdictStatus::Fail, format!("all {failed} iterations of scenario `{}` failed", scenario.name))
        })
        .collect()
}
