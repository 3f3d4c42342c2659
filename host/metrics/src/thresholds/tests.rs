//! Thresholds over whole runs.

use proptest::prelude::*;
use stresshost_plan::{Plan, Threshold};

use crate::testing::{Run, S, START, simple, two_phases};
use crate::{
    ErrorKind, IterationEnd, MetricKind, PhaseStatus, Sample, ThresholdResult, Totals, VerdictStatus, Window,
};
use VerdictStatus::{Fail, Inconclusive, Pass};

/// A run of two phases of ten seconds each, one after the other: `browse` of plugin `web` and `buy` of plugin `db`.
fn rich(plan: &Plan) -> Run {
    let mut run = Run::of(plan);
    run.totals.phase_began(0, START);
    run.span(0, 0.0, 10.0, 2.0);
    let (get, post, select) = (run.op("GET /", "http"), run.op("POST /", "http"), run.op("SELECT", "sql"));
    let (ok, fast) = (run.check("ok"), run.check("fast"));
    let rows = run.metric("rows", MetricKind::Counter);
    let depth = run.metric("depth", MetricKind::Gauge);
    let hits = run.metric("hits", MetricKind::Rate);
    let size = run.metric("size", MetricKind::Distribution);
    run.metric("never", MetricKind::Gauge);
    run.metric("nothing", MetricKind::Counter);
    run.now_s = 1.0;
    let warm = Sample { window: Window::Warmup, ..run.sample(get, 0, 9_999_999) };
    run.take(&warm);
    run.now_s = 3.0;
    for (service_us, status) in [(100, 200), (200, 200), (300, 201), (400, 503)] {
        let mut sample = Sample { status, ..run.sample(get, 0, service_us) };
        sample.intended_ns -= 1_000_000;
        sample.phases.wait_ns = 50_000;
        run.take(&sample);
    }
    run.failed(get, 0, ErrorKind::Timeout);
    run.failed(post, 0, ErrorKind::Reset);
    for (end, times) in [
        (IterationEnd::Finished, 5),
        (IterationEnd::Failed, 1),
        (IterationEnd::Interrupted, 1),
        (IterationEnd::Faulted, 1),
    ] {
        (0..times).for_each(|_| run.iteration(0, end, 1_000));
    }
    run.core.iterations_due(0, Window::Measured, 2);
    run.core.iterations_dropped(0, Window::Measured, 2);
    for passed in [true, true, true, false] {
        run.core.check(ok, 0, Window::Measured, passed);
    }
    run.observe(rows, MetricKind::Counter, 0, 5.0);
    run.observe(depth, MetricKind::Gauge, 0, 9.0);
    run.observe(hits, MetricKind::Rate, 0, 1.0);
    run.observe(size, MetricKind::Distribution, 0, 10.0);
    run.core.own_lag(Window::Measured, 500_000);
    run.now_s = 0.0;
    run.tick(10.0);
    run.totals.phase_began(1, START + 10 * S);
    run.span(1, 10.0, 20.0, 10.0);
    run.now_s = 15.0;
    for service_us in [1_000, 2_000] {
        run.done(select, 1, service_us);
    }
    run.iteration(1, IterationEnd::Finished, 2_000);
    run.core.check(ok, 1, Window::Measured, true);
    run.core.check(fast, 1, Window::Measured, false);
    run.observe(rows, MetricKind::Counter, 1, 7.0);
    run.observe(depth, MetricKind::Gauge, 1, 4.0);
    run.observe(hits, MetricKind::Rate, 1, 0.0);
    run.observe(size, MetricKind::Distribution, 1, 30.0);
    run.now_s = 10.0;
    run.tick(20.0);
    run
}

/// Every threshold that [`rich`] can judge: expression, value, number of values, unit.
const ANSWERS: &[(&str, f64, u64, &str)] = &[
    // Aggregates of times. The operations last 100, 200, 300, 400, 100 and 100 us, then 1,000 and 2,000.
    ("service_us.p50 < 1s", 200.0, 8, "us"),
    ("http.service_us.p50 < 1s", 100.0, 6, "us"),
    ("http.service_us.p90 < 1s", 400.0, 6, "us"),
    ("http.service_us.mean < 1s", 200.0, 6, "us"),
    ("http.service_us.min < 1s", 100.0, 6, "us"),
    ("http.service_us.max < 1s", 400.0, 6, "us"),
    ("http.response_us.max < 1s", 1_400.0, 6, "us"),
    ("http.lag_us.max < 1s", 1_000.0, 6, "us"),
    ("http.wait_us.max < 1s", 50.0, 6, "us"),
    ("sql.service_us.max < 1s", 2_000.0, 2, "us"),
    // Counts, shares and rates. The load of `browse` is measured for 8 s, that of `buy` for 10 s; a protocol or an
    // operation does not narrow the time, a scenario does.
    ("http.count > 0", 6.0, 6, ""),
    ("http.count.per_s > 0/s", 6.0 / 18.0, 6, "per_s"),
    ("count.per_s > 0/s", 8.0 / 18.0, 8, "per_s"),
    ("sql.count.per_s > 0/s", 2.0 / 18.0, 2, "per_s"),
    ("http.errors.count < 100", 2.0, 6, ""),
    ("http.errors.rate < 100%", 2.0 / 6.0, 6, "ratio"),
    ("http.errors.per_s < 100/s", 2.0 / 18.0, 6, "per_s"),
    ("http.successes.count > 0", 4.0, 6, ""),
    ("http.successes.rate > 0%", 4.0 / 6.0, 6, "ratio"),
    ("http.bytes_sent.count > 0", 60.0, 6, "bytes"),
    ("http.bytes_received.per_s > 0/s", 600.0 / 18.0, 6, "bytes_per_s"),
    // Tags.
    ("errors{error=timeout}.count < 100", 1.0, 8, ""),
    ("errors{error=t*}.rate < 100%", 1.0 / 8.0, 8, "ratio"),
    ("http.count{status=503} < 100", 1.0, 6, ""),
    ("http.count{status=2*} < 100", 5.0, 6, ""),
    ("http.count{status=5*}.per_s < 100/s", 1.0 / 18.0, 6, "per_s"),
    ("count{scenario=buy} > 0", 2.0, 2, ""),
    ("count{scenario=b*} > 0", 8.0, 8, ""),
    ("count{phase=base} > 0", 6.0, 6, ""),
    ("count{plugin=db} > 0", 2.0, 2, ""),
    ("count{operation=\"POST *\"} > 0", 1.0, 1, ""),
    ("count{operation=\"* /\", scenario=browse}.per_s > 0/s", 6.0 / 8.0, 6, "per_s"),
    // Iterations.
    ("iterations.due > 0", 11.0, 11, ""),
    ("iterations.due{scenario=browse} > 0", 10.0, 10, ""),
    ("iterations.started > 0", 9.0, 11, ""),
    ("iterations.started{phase=base}.per_s > 0/s", 1.0, 10, "per_s"),
    ("iterations.finished{scenario=browse}.rate > 0%", 5.0 / 8.0, 8, "ratio"),
    ("iterations.failed{scenario=browse} < 100", 3.0, 8, ""),
    ("iterations.failed{scenario=browse}.rate < 100%", 3.0 / 8.0, 8, "ratio"),
    ("iterations.dropped{scenario=browse}.rate < 100%", 2.0 / 10.0, 10, "ratio"),
    ("iterations.service_us.max < 1s", 2_000.0, 8, "us"),
    ("iterations.lag_us.max < 1s", 0.0, 9, "us"),
    // Checks.
    ("checks.rate > 0%", 4.0 / 6.0, 6, "ratio"),
    ("checks.count > 0", 6.0, 6, ""),
    ("checks{check=ok}.rate > 0%", 4.0 / 5.0, 5, "ratio"),
    ("checks{check=ok, phase=base}.rate > 0%", 3.0 / 4.0, 4, "ratio"),
    ("checks{plugin=db}.rate > 0%", 1.0 / 2.0, 2, "ratio"),
    // Custom metrics; a counter could have been incremented in any of 9 iterations.
    ("metrics.rows.count > 0", 12.0, 9, ""),
    ("metrics.rows.per_s > 0/s", 12.0 / 18.0, 9, "per_s"),
    ("metrics.rows{phase=peak}.count > 0", 7.0, 1, ""),
    ("metrics.nothing.count < 100", 0.0, 9, ""),
    ("metrics.depth.last > 0", 4.0, 1, ""),
    ("metrics.depth.max > 0", 9.0, 1, ""),
    ("metrics.depth{plugin=web}.min > 0", 9.0, 1, ""),
    ("metrics.hits.rate > 0%", 0.5, 2, "ratio"),
    ("metrics.size.p50 > 0", 10.0, 2, ""),
    ("metrics.size.mean > 0", 20.0, 2, ""),
    ("metrics.size.count > 0", 2.0, 2, ""),
    ("metrics.size{phase=peak}.min > 0", 30.0, 1, ""),
    // The generator.
    ("generator.lag_us.max < 1s", 500.0, 1, "us"),
    ("generator.cpu < 90%", 0.75, 2, "ratio"),
    ("generator.rss < 1GB", 1_020.0, 2, "bytes"),
];

#[test]
fn every_aggregate_and_every_tag() {
    for &(expression, actual, samples, unit) in ANSWERS {
        let run = rich(&two_phases(&[expression], &[], &[]));
        let result = run.threshold();
        let close = result.actual.is_some_and(|found| (found - actual).abs() <= 1e-9 * actual.abs());
        assert!(close, "{expression}: {:?} instead of {actual}; {}", result.actual, result.reason);
        assert_eq!((result.samples, result.unit.as_str()), (samples, unit), "{expression}");
        assert_eq!(result.status, Pass, "{expression}");
        assert_eq!(result.expression, expression);
        assert!(result.reason.is_empty() && result.worst_t_s.is_none());
    }
}

#[test]
fn a_phase_or_plugin_of_the_threshold_narrows_it_like_a_tag() {
    for (phase, plugin, count) in [("", "", 8.0), ("base", "", 6.0), ("", "db", 2.0), ("*", "w*", 6.0)] {
        let mut plan = two_phases(&[], &[], &[]);
        let (phase, plugin) = (phase.to_owned(), plugin.to_owned());
        plan.thresholds = vec![Threshold { phase, plugin, ..Threshold::new("count > 0") }];
        assert_eq!(rich(&plan).threshold().actual, Some(count));
    }
}

#[test]
fn without_data_the_reason_says_what_is_missing() {
    let cases = [
        ("redis.errors.rate < 1%", "there is no redis operation"),
        (
            "http.errors{operation=\"GET /x\"}.rate < 1%",
            "there is no operation `GET /x`; the nearest is `GET /`",
        ),
        ("http.errors{operation=SELECT}.rate < 1%", "there is no operation `SELECT`"),
        ("http.errors{scenario=buy}.rate < 1%", "no such operation ended in the measured window"),
        ("checks{check=fost}.rate > 1%", "there is no check `fost`; the nearest is `fast`"),
        ("checks{check=fast, phase=base}.rate > 1%", "no such check was made in the measured window"),
        ("metrics.row.count > 1", "there is no metric `row`; the nearest is `rows`"),
        ("metrics.never.last > 1", "the metric was not recorded in the measured window"),
        ("metrics.rows.p95 < 1", "metric `rows` is a counter, which has no p95"),
        ("metrics.depth.rate < 1%", "metric `depth` is a gauge, which has no rate"),
        ("http.count > 1 over 20s", "the measured time was shorter than the window of 20s"),
    ];
    for (expression, reason) in cases {
        let result = rich(&two_phases(&[expression], &[], &[])).threshold();
        assert_eq!((result.status, result.actual), (Inconclusive, None), "{expression}");
        assert_eq!(result.reason, reason, "{expression}");
    }
    let empty = |expression: &str| Run::simple(&[expression], 10.0, 0.0).threshold().reason;
    assert_eq!(empty("count > 1"), "no operation ended in the measured window");
    assert_eq!(empty("iterations.finished > 1"), "no iteration ended in the measured window");
    assert_eq!(empty("generator.cpu < 1%"), "nothing is known of the generator in the measured window");
}

#[test]
fn a_value_is_held_against_its_limit() {
    for (expression, status) in [
        ("http.count == 6", Pass),
        ("http.count != 6", Fail),
        ("http.count > 6", Fail),
        ("http.count >= 6", Pass),
        ("http.count < 6", Fail),
        ("http.count <= 6, weight 3", Pass),
    ] {
        let result = rich(&two_phases(&[expression], &[], &[])).threshold();
        assert_eq!(result.status, status, "{expression}");
        assert_eq!((result.limit, result.weight), (6.0, if expression.contains(',') { 3.0 } else { 1.0 }));
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let mut plan = two_phases(&["count > 0", "nonsense"], &["more nonsense"], &[]);
    plan.thresholds.push(Threshold::new("http.count >"));
    let problems = Totals::new(&plan, "web", 0).unwrap_err();
    let paths: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        ["/thresholds/1/expression", "/thresholds/2/expression", "/phases/0/criteria/0/expression"]
    );
}

#[test]
fn criteria_look_at_their_phase_only() {
    let both = &["count == 6", "checks.rate > 70%", "metrics.rows.count == 5", "generator.lag_us.max < 1ms"];
    let mut run = rich(&two_phases(&[], both, both));
    assert_eq!(run.end_phase(0, 10.0), PhaseStatus::Passed);
    assert_eq!(run.end_phase(1, 20.0), PhaseStatus::Failed);
    let phases = run.summary().phases;
    let actual = |phase: usize| phases[phase].criteria.iter().map(|c| c.actual).collect::<Vec<_>>();
    assert_eq!(actual(0), [Some(6.0), Some(0.75), Some(5.0), Some(500.0)]);
    assert_eq!(actual(1), [Some(2.0), Some(0.5), Some(7.0), None]);
    assert_eq!(phases[1].reason, "`count == 6`: 2");
    assert_eq!((phases[1].started_s, phases[1].duration_s), (Some(10.0), 10.0));
}

#[test]
fn a_phase_is_judged_with_what_came_since_the_last_tick() {
    let criteria = &["count.per_s == 2/s", "errors.rate < 1%, warn", "service_us.max < 1ms over 2s"];
    let mut run = Run::of(&two_phases(&[], criteria, &[]));
    run.totals.phase_began(0, START);
    run.span(0, 0.0, 1.5, 0.0);
    run.span(0, 0.0, 2.0, 0.0);
    let op = run.op("GET /", "http");
    run.done(op, 0, 100);
    run.done(op, 0, 100);
    run.tick(1.0);
    run.done(op, 0, 900);
    run.failed(op, 0, ErrorKind::Timeout);
    assert_eq!(run.end_phase(0, 2.0), PhaseStatus::Passed, "a warning does not count");
    let summary = run.summary();
    let criteria = &summary.phases[0].criteria;
    let held: Vec<_> = criteria.iter().map(|c| (c.status, c.actual)).collect();
    assert_eq!(held, [(Pass, Some(2.0)), (Fail, Some(0.25)), (Pass, Some(900.0))]);
    assert_eq!(criteria[2].worst_t_s, Some(2.0));
    assert_eq!(summary.phases[1].status, PhaseStatus::Skipped);
}

#[test]
fn phases_that_went_another_way() {
    let mut run = Run::of(&two_phases(&[], &["count > 0"], &[]));
    run.totals.phase_began(0, START);
    assert_eq!(run.end_phase(0, 1.0), PhaseStatus::Inconclusive);
    run.totals.phase_skipped(1, "phase `base` is inconclusive".into());
    let phases = run.summary().phases;
    assert_eq!(phases[0].reason, "`count > 0`: no operation ended in the measured window");
    assert_eq!(
        (phases[1].status, phases[1].reason.as_str()),
        (PhaseStatus::Skipped, "phase `base` is inconclusive")
    );
    assert_eq!((phases[1].started_s, phases[1].duration_s), (None, 0.0));
    for (end, status, reason) in [
        (crate::PhaseEnd::Stopped, PhaseStatus::Stopped, "the run was stopped"),
        (crate::PhaseEnd::Broken("no shop".into()), PhaseStatus::Broken, "no shop"),
    ] {
        let mut run = Run::of(&two_phases(&[], &[], &[]));
        run.totals.phase_began(0, START);
        assert_eq!(run.totals.phase_ended(0, START + S, end, &run.names), status);
        assert_eq!(run.summary().phases[0].reason, reason);
    }
    let mut run = Run::of(&two_phases(&[], &[], &[]));
    run.totals.phase_began(0, START);
    run.tick(1.0);
    assert_eq!(run.summary().phases[0].status, PhaseStatus::Running);
    let mut run = Run::of(&simple(&[]));
    assert_eq!(run.end_phase(0, 1.0), PhaseStatus::Passed);
    assert!(run.summary().phases.is_empty(), "a plan without phases shows none");
}

/// Runs ten seconds of one operation a second that lasts 500 ms from the fifth second on, and tells when and why the
/// run was aborted.
fn aborted(expression: &str) -> (Vec<(f64, String)>, ThresholdResult) {
    let mut run = Run::simple(&[expression], 10.0, 0.0);
    let op = run.op("GET /", "http");
    let mut aborts = Vec::new();
    for second in 0..10_u32 {
        let slow = (5..8).contains(&second);
        run.done(op, 0, if slow { 500_000 } else { 1_000 });
        if let Some(reason) = run.tick(f64::from(second) + 1.0).abort {
            aborts.push((run.now_s, reason));
        }
    }
    (aborts, run.threshold())
}

#[test]
fn a_failure_ends_the_run_once_and_stays_a_failure() {
    let cases = [
        ("http.response_us.p50 < 300ms, abort", None),
        ("http.response_us.p90 < 300ms, abort", Some(6.0)),
        ("http.response_us.p90 < 300ms, abort after 7s", Some(7.0)),
        ("http.response_us.p90 < 300ms", None),
        ("http.response_us.mean < 100ms, abort after 10s", Some(10.0)),
        ("http.response_us.p50 < 300ms over 3s, abort", Some(7.0)),
        ("http.count > 4, abort after 4s", Some(4.0)),
    ];
    for (expression, at) in cases {
        let (aborts, result) = aborted(expression);
        assert_eq!(aborts.iter().map(|(at, _)| *at).collect::<Vec<_>>(), Vec::from_iter(at), "{expression}");
        assert_eq!(result.aborted, at.is_some(), "{expression}");
        if at.is_some() {
            assert_eq!(result.status, Fail, "{expression}");
        }
    }
    let (aborts, result) = aborted("http.count > 4, abort after 4s");
    assert_eq!(aborts[0].1, "threshold `http.count > 4, abort after 4s`: count is 4, limit 4");
    assert_eq!(result.actual, Some(4.0), "what came later does not undo it");
    let (aborts, _) = aborted("http.response_us.p90 < 300ms, abort");
    let reason = "threshold `http.response_us.p90 < 300ms, abort`: p90 is 500.22ms, limit 300ms";
    assert_eq!(aborts[0].1, reason);
}

#[test]
fn nothing_is_aborted_before_there_is_something_to_judge() {
    let mut run = Run::simple(&["http.count > 4, abort", "http.errors.rate < 1%, abort"], 10.0, 2.0);
    let op = run.op("GET /", "http");
    let warm = Sample { window: Window::Warmup, error: Some(ErrorKind::Timeout), ..run.sample(op, 0, 5) };
    run.take(&warm);
    assert_eq!(run.tick(1.0).abort, None, "the warm-up is not judged");
    run.done(op, 0, 5);
    let reason = run.tick(3.0).abort.unwrap();
    assert!(reason.starts_with("threshold `http.count > 4, abort`"), "{reason}");
    run.failed(op, 0, ErrorKind::Timeout);
    assert_eq!(run.tick(4.0).abort, None, "a run is aborted once");
    assert_eq!(run.summary().thresholds.iter().filter(|result| result.aborted).count(), 1);
}

#[test]
fn a_criterion_can_end_the_run_while_its_phase_goes_on() {
    let mut run = Run::of(&two_phases(&[], &[], &["errors.rate < 10%, abort after 2s"]));
    let op = run.op("GET /", "http");
    run.totals.phase_began(0, START);
    run.span(0, 0.0, 5.0, 0.0);
    run.failed(op, 0, ErrorKind::Timeout);
    assert_eq!(run.tick(5.0).abort, None, "another phase");
    run.totals.phase_began(1, START + 5 * S);
    run.span(1, 5.0, 15.0, 5.0);
    run.failed(op, 1, ErrorKind::Timeout);
    assert_eq!(run.tick(6.0).abort, None, "too early in the phase");
    let reason = "phase `peak`: threshold `errors.rate < 10%, abort after 2s`: rate is 100%, limit 10%";
    assert_eq!(run.tick(7.0).abort.as_deref(), Some(reason));
    let status = run.totals.phase_ended(1, START + 7 * S, crate::PhaseEnd::Stopped, &run.names);
    assert_eq!(status, PhaseStatus::Stopped);
    assert!(run.summary().phases[1].criteria[0].aborted);
}

#[test]
fn windows_lie_within_the_measured_time() {
    // Warm-up up to 2 s, load up to 6 s, grace up to 9 s.
    let mut run =
        Run::simple(&["http.count.per_s >= 10/s over 2s", "http.response_us.max < 1s over 4s"], 6.0, 2.0);
    let op = run.op("GET /", "http");
    for second in 0..9_u32 {
        if (2..6).contains(&second) {
            (0..10).for_each(|_| _ = run.done(op, 0, 100));
        }
        if second == 7 {
            // Ended in the grace period: sent before.
            let late = run.sample(op, 0, 1_500_000);
            run.core.record(&late);
        }
        run.tick(f64::from(second) + 1.0);
    }
    let results = run.summary().thresholds;
    assert_eq!((results[0].status, results[0].actual, results[0].worst_t_s), (Pass, Some(10.0), Some(4.0)));
    assert_eq!(
        (results[1].status, results[1].worst_t_s),
        (Fail, Some(6.0)),
        "the last window has the grace period's"
    );
    assert_eq!(results[1].samples, 41);
}

#[test]
fn windows_do_not_reach_over_a_pause_between_phases() {
    let expressions = ["http.successes.per_s >= 5/s over 2s", "http.errors.count <= 3 over 2s"];
    let mut run = Run::of(&two_phases(&expressions, &[], &[]));
    let op = run.op("GET /", "http");
    run.span(0, 0.0, 3.0, 0.0);
    for second in 0..10_u32 {
        if second == 6 {
            run.span(1, 6.0, 10.0, 0.0);
        }
        if !(3..6).contains(&second) {
            (0..5).for_each(|_| _ = run.done(op, u16::from(second >= 6), 100));
        }
        // Three in the last second before the pause and three in the first one after it.
        if second == 2 || second == 6 {
            (0..3).for_each(|_| run.failed(op, u16::from(second == 6), ErrorKind::Timeout));
        }
        run.tick(f64::from(second) + 1.0);
    }
    let judged: Vec<_> = run.summary().thresholds.iter().map(|r| (r.status, r.actual)).collect();
    assert_eq!(judged, [(Pass, Some(5.0)), (Pass, Some(3.0))]);
}

#[test]
fn a_window_in_which_nothing_ends_has_a_rate_of_0() {
    let mut run = Run::simple(&["http.successes.per_s > 1/s over 1s"], 3.0, 0.0);
    let op = run.op("GET /", "http");
    for second in 0..3_u32 {
        if second != 1 {
            (0..5).for_each(|_| _ = run.done(op, 0, 100));
        }
        run.tick(f64::from(second) + 1.0);
    }
    let result = run.threshold();
    assert_eq!((result.status, result.actual, result.worst_t_s), (Fail, Some(0.0), Some(2.0)));
}

/// The worst of all windows of `length` seconds, computed from the raw values of each second: value and end.
fn brute_force(
    seconds: &[Vec<u64>],
    length: usize,
    value: impl Fn(Vec<u64>) -> Option<f64>,
    worse: impl Fn(f64, f64) -> bool,
) -> Option<(f64, f64)> {
    let mut worst: Option<(f64, f64)> = None;
    for (start, window) in seconds.windows(length).enumerate() {
        if let Some(value) = value(window.concat())
            && worst.is_none_or(|(so_far, _)| worse(value, so_far))
        {
            worst = Some((value, (start + length) as f64));
        }
    }
    worst
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Below 2,048 us histograms are exact, so the raw values are the truth.
    #[test]
    fn windows_equal_brute_force(
        seconds in prop::collection::vec(prop::collection::vec(1..2_000_u64, 0..12), 1..25),
        length in 1..8_usize,
    ) {
        let expressions = [
            format!("http.service_us.p90 < 1ms over {length}s"),
            format!("http.service_us.min > 1ms over {length}s"),
            format!("http.count.per_s > 3/s over {length}s"),
            format!("http.errors.rate < 50% over {length}s"),
        ];
        let expressions: Vec<&str> = expressions.iter().map(String::as_str).collect();
        let mut run = Run::simple(&expressions, seconds.len() as f64, 0.0);
        let op = run.op("GET /", "http");
        for (second, values) in seconds.iter().enumerate() {
            for &service_us in values {
                // Every second microsecond is an error.
                let error = (service_us % 2 == 1).then_some(ErrorKind::Timeout);
                let sample = Sample { error, ..run.sample(op, 0, service_us) };
                run.take(&sample);
            }
            run.tick(second as f64 + 1.0);
        }
        let p90 = |mut values: Vec<u64>| {
            values.sort_unstable();
            let rank = (values.len() as f64 * 0.9).ceil() as usize;
            values.get(rank.max(1) - 1).map(|value| *value as f64)
        };
        let rate = |values: Vec<u64>| {
            let errors = values.iter().filter(|value| *value % 2 == 1).count();
            (!values.is_empty()).then(|| errors as f64 / values.len() as f64)
        };
        let all: u64 = seconds.iter().map(|values| values.len() as u64).sum();
        let (greater, less) = (|a: f64, b: f64| a > b, |a: f64, b: f64| a < b);
        let expected = [
            brute_force(&seconds, length, p90, greater),
            brute_force(&seconds, length, |values| values.into_iter().min().map(|value| value as f64), less),
            brute_force(&seconds, length, |values| Some(values.len() as f64 / length as f64), less),
            brute_force(&seconds, length, rate, greater),
        ];
        for (result, expected) in run.summary().thresholds.iter().zip(expected) {
            let expected = expected.filter(|_| all > 0);
            prop_assert_eq!(result.actual.zip(result.worst_t_s), expected, "{}", result.expression);
            prop_assert_eq!(result.samples, all);
            let status = match (result.expression.as_str(), expected) {
                (_, None) => Inconclusive,
                (text, Some((value, _))) => {
                    let limit = result.limit;
                    let holds = if text.contains('<') { value < limit } else { value > limit };
                    if holds { Pass } else { Fail }
                }
            };
            prop_assert_eq!(result.status, status);
        }
    }
}
