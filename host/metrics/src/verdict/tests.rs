use super::*;
use crate::{
    FaultSummary, IterationsSummary, MAX_CORE_SHARE, MAX_OWN_LAG_US, MAX_VERDICT_REASONS, MIN_LATE_STARTS,
    OperationSummary, PhaseStatus, PhaseSummary, ScenarioSummary, Score,
};
use VerdictStatus::{Denied, Fail, Fault, Inconclusive, Invalid, Pass, Unreachable};

fn operation(done: u64, errors: &[(&str, u64)]) -> OperationSummary {
    OperationSummary {
        name: "GET /".into(),
        protocol: "http".into(),
        scenario: "main".into(),
        phase: String::new(),
        plugin: String::new(),
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
    }
}

fn scenario(done: u64) -> ScenarioSummary {
    ScenarioSummary {
        name: "main".into(),
        phase: String::new(),
        plugin: String::new(),
        load: String::new(),
        duration_s: 10.0,
        open: false,
        limit_s: None,
        iterations: IterationsSummary { due: done, started: done, finished: done, ..Default::default() },
        service_us: None,
        response_us: None,
        lag_us: None,
    }
}

fn summary(done: u64, errors: &[(&str, u64)]) -> Summary {
    Summary {
        schema: crate::SUMMARY_SCHEMA.into(),
        run: Default::default(),
        verdict: Verdict { status: Pass, reasons: Vec::new() },
        scenarios: vec![scenario(done)],
        operations: vec![operation(done, errors)],
        overall: None,
        phases: Vec::new(),
        thresholds: Vec::new(),
        score: None,
        checks: Vec::new(),
        findings: Vec::new(),
        metrics: Vec::new(),
        generator: Default::default(),
        faults: Vec::new(),
        limits: Vec::new(),
        series: Vec::new(),
        warmup: None,
        failures: Vec::new(),
        notes: Vec::new(),
    }
}

fn result(status: VerdictStatus) -> ThresholdResult {
    ThresholdResult {
        expression: "http.response_us.p95 < 300ms".into(),
        label: String::new(),
        phase: String::new(),
        plugin: String::new(),
        actual: (status != Inconclusive).then_some(412_000.0),
        comparison: "<".into(),
        limit: 300_000.0,
        unit: "us".into(),
        status,
        samples: 9,
        warn: false,
        key: false,
        weight: 1.0,
        worst_t_s: None,
        aborted: false,
        reason: if status == Inconclusive { "no operation ended".into() } else { String::new() },
    }
}

fn phase(status: PhaseStatus, criteria: Vec<ThresholdResult>) -> PhaseSummary {
    PhaseSummary {
        name: "peak".into(),
        description: String::new(),
        depends_on: Vec::new(),
        status,
        reason: "why".into(),
        started_s: None,
        duration_s: 0.0,
        criteria,
    }
}

/// The verdict of a healthy run after a change.
fn after(change: impl FnOnce(&mut Summary)) -> Verdict {
    let mut summary = summary(10, &[]);
    change(&mut summary);
    judge(&summary)
}

fn said(verdict: &Verdict) -> (VerdictStatus, Vec<&str>) {
    (verdict.status, verdict.reasons.iter().map(String::as_str).collect())
}

#[test]
fn what_operations_say() {
    type Errors = &'static [(&'static str, u64)];
    let cases: [(u64, Errors, VerdictStatus); 9] = [
        (10, &[], Pass),
        (10, &[("timeout", 9)], Pass),
        (10, &[("timeout", 10)], Fail),
        (10, &[("connect_refused", 10)], Unreachable),
        (10, &[("connect_refused", 9), ("denied", 1)], Denied),
        (10, &[("no_descriptors", 1)], Invalid),
        (10, &[("no_ports", 1)], Invalid),
        (10, &[("no_memory", 1), ("denied", 1)], Invalid),
        (0, &[], Inconclusive),
    ];
    for (done, errors, status) in cases {
        let verdict = judge(&summary(done, errors));
        assert_eq!(verdict.status, status, "{done} {errors:?}");
        assert_eq!(verdict.reasons.is_empty(), status == Pass);
    }
}

#[test]
fn counts_from_a_foreign_file_do_not_overflow() {
    let mut summary = summary(u64::MAX, &[("timeout", u64::MAX), ("denied", u64::MAX), ("tls", u64::MAX)]);
    summary.operations.push(operation(u64::MAX, &[("no_ports", u64::MAX)]));
    summary.scenarios[0].iterations.failed = u64::MAX;
    summary.checks.push(CheckResult { name: "c".into(), passed: u64::MAX, failed: u64::MAX });
    let fault = FaultSummary { plugin: "p".into(), during: "x".into(), count: u64::MAX, text: String::new() };
    summary.faults = vec![fault.clone(), fault];
    assert_eq!(judge(&summary).status, Fault);
    assert_eq!(summary.operations_done(), u64::MAX);
    assert_eq!(summary.operations_failed(), u64::MAX);
}

#[test]
fn a_failed_check_fails_the_run_and_a_fault_outweighs_it() {
    let mut summary = summary(10, &[]);
    summary.checks.push(CheckResult { name: "status is 200".into(), passed: 7, failed: 3 });
    assert_eq!(said(&judge(&summary)), (Fail, vec!["check `status is 200` failed 3 of 10 times"]));
    let (plugin, during) = ("p".into(), "iterate".into());
    summary.faults.push(FaultSummary { plugin, during, count: 2, text: "boom\n  at x".into() });
    let verdict = judge(&summary);
    assert_eq!(verdict.status, Fault);
    assert_eq!(verdict.reasons.len(), 2);
    assert_eq!(verdict.reasons[0], "plugin `p` broke 2 times in `iterate`: boom");
}

#[test]
fn a_threshold_on_a_check_says_how_often_it_must_hold() {
    let cases = [
        ("checks.rate > 60%", Pass),
        ("checks{check=status*}.rate > 60%", Pass),
        ("checks{check=other}.rate > 60%", Fail),
        ("checks.rate > 60%, warn", Fail),
        ("http.errors.rate < 1%", Fail),
    ];
    for (expression, status) in cases {
        let verdict = after(|summary| {
            summary.checks.push(CheckResult { name: "status is 200".into(), passed: 7, failed: 3 });
            let warn = expression.ends_with("warn");
            summary.thresholds =
                vec![ThresholdResult { expression: expression.into(), warn, ..result(Pass) }];
        });
        assert_eq!(verdict.status, status, "{expression}");
    }
}

#[test]
fn thresholds_without_a_share() {
    let line = "`http.response_us.p95 < 300ms`: 412ms";
    let open = "`http.response_us.p95 < 300ms`: no operation ended";
    let warn = |status| ThresholdResult { warn: true, ..result(status) };
    let cases = [
        (vec![result(Pass)], (Pass, vec![])),
        (vec![result(Pass), result(Fail)], (Fail, vec![line])),
        (vec![result(Inconclusive), result(Fail)], (Fail, vec![line, open])),
        (vec![result(Inconclusive)], (Inconclusive, vec![open])),
        (vec![warn(Fail), warn(Inconclusive)], (Pass, vec![])),
    ];
    for (thresholds, expected) in cases {
        let verdict = after(|summary| summary.thresholds = thresholds.clone());
        assert_eq!(said(&verdict), expected, "{thresholds:?}");
    }
}

#[test]
fn a_line_says_where_when_and_for_whom() {
    let result = ThresholdResult {
        label: "p95_response_time: \"<300ms\"".into(),
        phase: "peak".into(),
        worst_t_s: Some(74.0),
        ..result(Fail)
    };
    assert_eq!(
        result.line(),
        "p95_response_time: \"<300ms\" (`http.response_us.p95 < 300ms`) of phase `peak`: 412ms in the window \
         that ended at 74s"
    );
    assert_eq!((result.actual_text().as_deref(), result.limit_text().as_str()), (Some("412ms"), "300ms"));
    let foreign = ThresholdResult { expression: "of another version".into(), ..result };
    assert_eq!(
        (foreign.actual_text().as_deref(), foreign.limit_text().as_str()),
        (Some("412000 us"), "300000 us")
    );
}

#[test]
fn thresholds_with_a_share() {
    let weighed = |status, weight| ThresholdResult { weight, ..result(status) };
    let key = |status| ThresholdResult { key: true, ..result(status) };
    // Thresholds, weight that held, weight of all, share; status and number of reasons.
    let cases = [
        (vec![weighed(Pass, 4.0), weighed(Fail, 1.0)], (4.0, 5.0, 0.8), Pass, 0),
        (vec![weighed(Pass, 0.1), weighed(Pass, 0.7), weighed(Fail, 0.2)], (0.1 + 0.7, 1.0, 0.8), Pass, 0),
        (vec![weighed(Pass, 3.0), weighed(Fail, 1.0)], (3.0, 4.0, 0.8), Fail, 2),
        (vec![weighed(Pass, 4.0), key(Fail)], (4.0, 5.0, 0.8), Fail, 1),
        (vec![weighed(Pass, 4.0), key(Inconclusive)], (4.0, 5.0, 0.8), Inconclusive, 1),
        (vec![weighed(Pass, 4.0), weighed(Inconclusive, 1.0)], (4.0, 5.0, 0.8), Pass, 0),
        (vec![weighed(Pass, 3.0), weighed(Inconclusive, 2.0)], (3.0, 5.0, 0.8), Inconclusive, 2),
        (vec![weighed(Pass, 3.0), weighed(Inconclusive, 1.0), weighed(Fail, 2.0)], (3.0, 6.0, 0.8), Fail, 2),
        (vec![], (0.0, 0.0, 0.8), Pass, 0),
    ];
    for (thresholds, (met, of, required), status, reasons) in cases {
        let verdict = after(|summary| {
            summary.thresholds = thresholds.clone();
            summary.score = Some(Score { met, of, required });
        });
        assert_eq!((verdict.status, verdict.reasons.len()), (status, reasons), "{verdict:?}");
    }
    let verdict = after(|summary| {
        summary.thresholds = vec![weighed(Pass, 3.0), weighed(Fail, 1.0)];
        summary.score = Some(Score { met: 3.0, of: 4.0, required: 0.8 });
    });
    assert_eq!(verdict.reasons[0], "thresholds with a weight of 3 of 4 held, 80% must");
}

#[test]
fn reasons_are_bounded() {
    let verdict = after(|summary| summary.thresholds = vec![result(Fail); MAX_VERDICT_REASONS + 5]);
    assert_eq!(verdict.reasons.len(), MAX_VERDICT_REASONS + 1);
    assert_eq!(verdict.reasons.last().map(String::as_str), Some("and 5 more thresholds"));
}

#[test]
fn what_phases_say() {
    let warn = ThresholdResult { warn: true, ..result(Fail) };
    let aborted = ThresholdResult { aborted: true, ..result(Fail) };
    let line = "phase `peak`: `http.response_us.p95 < 300ms`: 412ms";
    let open = "phase `peak` was stopped before its criteria could be judged";
    let cases = [
        (phase(PhaseStatus::Passed, vec![warn.clone()]), (Pass, vec![])),
        (phase(PhaseStatus::Failed, vec![warn.clone(), result(Fail)]), (Fail, vec![line])),
        (
            phase(PhaseStatus::Inconclusive, vec![result(Inconclusive)]),
            (Inconclusive, vec!["phase `peak`: `http.response_us.p95 < 300ms`: no operation ended"]),
        ),
        (phase(PhaseStatus::Skipped, vec![]), (Inconclusive, vec!["phase `peak` was skipped: why"])),
        (phase(PhaseStatus::Broken, vec![]), (Unreachable, vec!["phase `peak` could not be done: why"])),
        (phase(PhaseStatus::Stopped, vec![warn]), (Pass, vec![])),
        (phase(PhaseStatus::Stopped, vec![result(Fail)]), (Inconclusive, vec![open])),
        (phase(PhaseStatus::Stopped, vec![aborted]), (Fail, vec![line])),
        (
            phase(PhaseStatus::Running, vec![]),
            (Inconclusive, vec!["the record ends before phase `peak` does"]),
        ),
    ];
    for (phase, expected) in cases {
        let verdict = after(|summary| summary.phases = vec![phase.clone()]);
        assert_eq!(said(&verdict), expected, "{:?}", phase.status);
    }
}

#[test]
fn dropped_iterations() {
    let dropped = |open: bool, limit_s: Option<f64>| ScenarioSummary {
        open,
        limit_s,
        iterations: IterationsSummary {
            due: 100,
            started: 88,
            finished: 88,
            dropped: 12,
            ..Default::default()
        },
        ..scenario(0)
    };
    let verdict = after(|summary| summary.scenarios = vec![dropped(true, None)]);
    let reason = "12 of 100 iterations of scenario `main` were never begun, because no virtual user was free: \
                  raise its virtual users or lower its rate";
    assert_eq!(said(&verdict), (Invalid, vec![reason]));
    let verdict = after(|summary| summary.scenarios = vec![dropped(false, Some(10.0))]);
    let reason = "12 of 100 iterations of scenario `main` were not begun within 10s";
    assert_eq!(said(&verdict), (Fail, vec![reason]));
    assert_eq!(after(|summary| summary.scenarios = vec![dropped(false, None)]).status, Pass);
    for open in [true, false] {
        let stopped = after(|summary| {
            summary.scenarios = vec![dropped(open, Some(1.0))];
            summary.run.interrupted = true;
        });
        assert_eq!(stopped.status, Pass, "a person stopped it");
        let aborted = after(|summary| {
            summary.scenarios = vec![dropped(open, Some(1.0))];
            summary.thresholds = vec![ThresholdResult { aborted: true, ..result(Fail) }];
        });
        assert_eq!((aborted.status, aborted.reasons.len()), (Fail, 1), "a threshold stopped it");
    }
}

#[test]
fn a_generator_at_its_limit_makes_the_run_invalid_whatever_else_failed() {
    // Own lag, starts with more than is allowed, share of the busiest core, length of the load and of its warm-up.
    let cases = [
        (MAX_OWN_LAG_US, 100, 0.0, 60.0, 0.0, Pass),
        (MAX_OWN_LAG_US + 1, MIN_LATE_STARTS, 0.0, 0.1, 0.0, Invalid),
        (MAX_OWN_LAG_US + 1, MIN_LATE_STARTS - 1, 0.0, 0.1, 0.0, Pass),
        (0, 0, MAX_CORE_SHARE - 0.01, 60.0, 0.0, Pass),
        (0, 0, MAX_CORE_SHARE, 5.0, 0.0, Invalid),
        (0, 0, MAX_CORE_SHARE, 4.9, 0.0, Pass),
        (0, 0, 1.0, 3.0, 2.0, Invalid),
    ];
    for (own_lag_p99_us, own_late_starts, busiest_core_share, duration_s, warmup_s, status) in cases {
        let verdict = after(|summary| {
            summary.generator.own_lag_p99_us = own_lag_p99_us;
            summary.generator.own_late_starts = own_late_starts;
            summary.generator.busiest_core_share = busiest_core_share;
            summary.run.duration_s = duration_s;
            let (scenarios, operations) = (Vec::new(), Vec::new());
            summary.warmup = Some(crate::WarmupSummary { duration_s: warmup_s, scenarios, operations });
        });
        assert_eq!(verdict.status, status, "{own_lag_p99_us} {busiest_core_share} {duration_s} {verdict:?}");
    }
    let verdict = after(|summary| {
        summary.generator.own_lag_p99_us = 250_000;
        summary.generator.own_late_starts = 40;
        summary.thresholds = vec![result(Fail)];
    });
    assert_eq!(verdict.status, Invalid);
    assert_eq!(verdict.reasons.len(), 2);
    assert!(
        verdict.reasons[0]
            .starts_with("the generator itself was 250ms late at the 99th percentile, more than 100ms"),
        "the gravest reason comes first: {verdict:?}"
    );
}
