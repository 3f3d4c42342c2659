//! Signs that the generator, not the target, set the limit: then the numbers say nothing about the target.

use stresshost_plan::format_duration_ms;

use super::{Found, when};
use crate::summary::saturating_sum;
use crate::{
    ErrorKind, MAX_CORE_SHARE, MAX_OWN_LAG_US, MIN_CPU_JUDGED_S, MIN_LATE_STARTS, ScenarioSummary, Summary,
    VerdictStatus,
};

/// Iterations that were due and never begun. A run that was stopped leaves some behind, which is what was asked for.
pub(super) fn dropped(summary: &Summary) -> Found {
    if summary.run.interrupted || summary.thresholds.iter().any(|threshold| threshold.aborted) {
        return Vec::new();
    }
    let criteria = summary.phases.iter().flat_map(|phase| &phase.criteria);
    if criteria.clone().any(|criterion| criterion.aborted) {
        return Vec::new();
    }
    summary.scenarios.iter().filter(|scenario| scenario.iterations.dropped > 0).filter_map(reason).collect()
}

fn reason(scenario: &ScenarioSummary) -> Option<(VerdictStatus, String)> {
    let (dropped, due, name) = (scenario.iterations.dropped, scenario.iterations.due, &scenario.name);
    if scenario.open {
        return Some((
            VerdictStatus::Invalid,
            format!(
                "{dropped} of {due} iterations of scenario `{name}` were never begun, because no virtual user \
                 was free: raise its virtual users or lower its rate"
            ),
        ));
    }
    // A fixed number of iterations is a task: not to have done it in time is the target's failure.
    let limit = format_duration_ms((scenario.limit_s? * 1e3).round() as u64);
    Some((
        VerdictStatus::Fail,
        format!("{dropped} of {due} iterations of scenario `{name}` were not begun within {limit}"),
    ))
}

/// Starts that were late although a virtual user was free and waiting.
pub(super) fn own_lag(summary: &Summary) -> Found {
    let lag_us = summary.generator.own_lag_p99_us;
    let late = lag_us > MAX_OWN_LAG_US && summary.generator.own_late_starts >= MIN_LATE_STARTS;
    when(late, VerdictStatus::Invalid, || {
        format!(
            "the generator itself was {} late at the 99th percentile, more than {}: use more cores, lower the \
             load, or stop what else runs on this machine",
            format_duration_ms(lag_us / 1_000),
            format_duration_ms(MAX_OWN_LAG_US / 1_000)
        )
    })
}

/// A core without a pause.
pub(super) fn busiest_core(summary: &Summary) -> Found {
    let load_s = summary.run.duration_s + summary.warmup.as_ref().map_or(0.0, |warmup| warmup.duration_s);
    let share = summary.generator.busiest_core_share;
    let busy = load_s >= MIN_CPU_JUDGED_S && share >= MAX_CORE_SHARE;
    when(busy, VerdictStatus::Invalid, || {
        format!(
            "the generator's busiest core worked {:.0}% of the time, with {:.0}% and more it is the bottleneck: \
             use more cores or lower the load",
            share * 100.0,
            MAX_CORE_SHARE * 100.0
        )
    })
}

/// Operations that failed for want of something on the generator's machine.
pub(super) fn exhausted(summary: &Summary) -> Found {
    let advice = |kind: ErrorKind| match kind {
        ErrorKind::NoDescriptors => Some(("file descriptors", "raise the limit with `ulimit -n`")),
        ErrorKind::NoPorts => Some((
            "local ports",
            "keep connections open between requests, or widen `net.ipv4.ip_local_port_range`",
        )),
        ErrorKind::NoMemory => Some(("memory", "use fewer virtual users or a larger machine")),
        _ => None,
    };
    let found = ErrorKind::ALL.iter().filter_map(|&kind| {
        let (what, advice) = advice(kind)?;
        let count = saturating_sum(summary.operations.iter().map(|op| op.failed_as(|other| other == kind)));
        (count > 0).then(|| {
            let reason =
                format!("{count} operations failed because the generator ran out of {what}: {advice}");
            (VerdictStatus::Invalid, reason)
        })
    });
    found.collect()
}
