//! The verdict of a run, from its summary alone.

use crate::{ErrorKind, Summary, Verdict, VerdictStatus};

/// Judges a summary. Every rule that applies adds a reason; the gravest one decides the status.
pub fn judge(summary: &Summary) -> Verdict {
    let rules =
        [faults, denied, unreachable, no_data, every_operation_failed, failed_checks, failed_iterations];
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
        VerdictStatus::Denied => 4,
        VerdictStatus::Invalid => 5,
        VerdictStatus::Fault => 6,
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

fn denied(summary: &Summary) -> Found {
    let name = ErrorKind::Denied.name();
    let count: u64 = summary.operations.iter().filter_map(|op| op.errors.get(name)).sum();
    let example = summary.failures.iter().find(|failure| failure.kind == name);
    let example = example.map(|failure| format!(": {}", failure.text)).unwrap_or_default();
    (count > 0).then(|| {
        (VerdictStatus::Denied, format!("{count} operations went to targets that were not granted{example}"))
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CheckResult, FaultSummary, IterationsSummary, OperationSummary, ScenarioSummary};

    fn summary(done: u64, errors: &[(&str, u64)]) -> Summary {
        let operation = OperationSummary {
            name: "GET /".into(),
            protocol: "http".into(),
            scenario: "main".into(),
            count: done,
            fired: done,
            errors: errors.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
            statuses: Default::default(),
            bytes: Default::default(),
            rate_per_s: 0.0,
            service_us: None,
            response_us: None,
            lag_us: None,
            phases_us: Default::default(),
        };
        let iterations = IterationsSummary { due: done, started: done, finished: done, ..Default::default() };
        let (service_us, response_us, lag_us) = (None, None, None);
        let scenario = ScenarioSummary {
            name: "main".into(),
            load: String::new(),
            iterations,
            service_us,
            response_us,
            lag_us,
        };
        Summary {
            schema: crate::SUMMARY_SCHEMA.into(),
            run: Default::default(),
            verdict: Verdict { status: VerdictStatus::Pass, reasons: Vec::new() },
            scenarios: vec![scenario],
            operations: vec![operation],
            thresholds: Vec::new(),
            checks: Vec::new(),
            findings: Vec::new(),
            metrics: Vec::new(),
            generator: Default::default(),
            faults: Vec::new(),
            series: Vec::new(),
            warmup: None,
            failures: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn what_operations_say() {
        type Errors = &'static [(&'static str, u64)];
        let cases: [(u64, Errors, VerdictStatus); 6] = [
            (10, &[], VerdictStatus::Pass),
            (10, &[("timeout", 9)], VerdictStatus::Pass),
            (10, &[("timeout", 10)], VerdictStatus::Fail),
            (10, &[("connect_refused", 10)], VerdictStatus::Unreachable),
            (10, &[("connect_refused", 9), ("denied", 1)], VerdictStatus::Denied),
            (0, &[], VerdictStatus::Inconclusive),
        ];
        for (done, errors, status) in cases {
            let verdict = judge(&summary(done, errors));
            assert_eq!(verdict.status, status, "{done} {errors:?}");
            assert_eq!(verdict.reasons.is_empty(), status == VerdictStatus::Pass);
        }
    }

    #[test]
    fn a_failed_check_fails_the_run_and_a_fault_outweighs_it() {
        let mut summary = summary(10, &[]);
        summary.checks.push(CheckResult { name: "status is 200".into(), passed: 7, failed: 3 });
        let verdict = judge(&summary);
        assert_eq!(verdict.status, VerdictStatus::Fail);
        assert_eq!(verdict.reasons, ["check `status is 200` failed 3 of 10 times"]);
        let (plugin, during) = ("p".into(), "iterate".into());
        summary.faults.push(FaultSummary { plugin, during, count: 2, text: "boom\n  at x".into() });
        let verdict = judge(&summary);
        assert_eq!(verdict.status, VerdictStatus::Fault);
        assert_eq!(verdict.reasons.len(), 2);
        assert_eq!(verdict.reasons[0], "plugin `p` broke 2 times in `iterate`: boom");
    }
}
