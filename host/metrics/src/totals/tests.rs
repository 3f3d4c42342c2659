use proptest::prelude::*;
use stresshost_plan::{Executor, MixShare};

use crate::testing::{Run, S, START, ns, open, simple, two_phases};
use crate::*;

#[test]
fn a_rate_is_per_second_of_the_load_not_of_the_grace_period() {
    let mut run = Run::simple(&[], 10.0, 0.0);
    let op = run.op("GET /", "http");
    for _ in 0..10 {
        (0..5_000).for_each(|_| _ = run.done(op, 0, 100));
        run.tick(run.now_s + 1.0);
    }
    run.tick(10.4);
    let summary = run.summary();
    assert_eq!((summary.scenarios[0].duration_s, summary.operations[0].rate_per_s), (10.0, 5_000.0));
    assert_eq!((summary.operations[0].fired, summary.operations[0].count), (50_000, 50_000));
    assert_eq!(summary.warmup, None);
}

#[test]
fn a_rate_is_per_second_of_the_load_though_its_last_iteration_ended_sooner() {
    let thresholds =
        ["count.per_s == 5000/s over 10s", "count.per_s == 5000/s", "service_us.max < 1s over 10s"];
    let mut run = Run::simple(&thresholds, 10.0, 0.0);
    let op = run.op("GET /", "http");
    for _ in 0..10 {
        (0..5_000).for_each(|_| _ = run.done(op, 0, 100));
        if run.now_s < 9.0 {
            run.tick(run.now_s + 1.0);
        }
    }
    run.end_phase(0, 9.9999);
    run.tick(9.9999);
    let late = run.sample(op, 0, 2_000);
    run.core.record(&late);
    run.tick(9.99995);
    let summary = run.summary();
    assert_eq!((summary.scenarios[0].duration_s, summary.operations[0].rate_per_s), (10.0, 5_000.0));
    let judged: Vec<_> = summary.thresholds.iter().map(|result| (result.actual, result.worst_t_s)).collect();
    assert_eq!(judged, [(Some(5_000.0), Some(10.0)), (Some(5_000.0), None), (Some(2_000.0), Some(10.0))]);
}

#[test]
fn the_warm_up_is_reported_apart_with_its_own_rate() {
    let mut run = Run::simple(&[], 10.0, 2.0);
    let op = run.op("GET /", "http");
    for _ in 0..60 {
        let warm = Sample { window: Window::Warmup, ..run.sample(op, 0, 50) };
        run.take(&warm);
    }
    run.core.iterations_due(0, Window::Warmup, 3);
    (0..40).for_each(|_| _ = run.done(op, 0, 100));
    run.tick(5.0);
    let early = run.summary();
    assert_eq!(early.scenarios[0].duration_s, 3.0, "a run that is not over has the rates of its time so far");
    run.tick(10.0);
    let summary = run.summary();
    let warmup = summary.warmup.unwrap();
    assert_eq!((warmup.duration_s, warmup.scenarios[0].iterations.due), (2.0, 3));
    assert_eq!((warmup.operations[0].count, warmup.operations[0].rate_per_s), (60, 30.0));
    assert_eq!((summary.operations[0].count, summary.operations[0].rate_per_s), (40, 5.0));
    assert_eq!(summary.overall.unwrap().count, 40);
    assert_eq!(run.totals.counts(0).due, 3);
    assert_eq!(summary.run.duration_s, 8.0);
    let known = RunInfo { duration_s: 7.5, ..RunInfo::default() };
    let end = RunEnd { run: known, end_ns: ns(10.0), ..RunEnd::default() };
    assert_eq!(run.totals.summary(&run.names, &end).run.duration_s, 7.5);
}

#[test]
fn a_scenario_that_ended_sooner_than_planned_has_the_rates_of_its_true_length() {
    let mut run = Run::simple(&[], 600.0, 0.0);
    let op = run.op("GET /", "http");
    (0..30).for_each(|_| _ = run.done(op, 0, 100));
    run.tick(1.0);
    run.span(0, 0.0, 1.5, 0.0);
    run.tick(2.0);
    assert_eq!(run.summary().operations[0].rate_per_s, 20.0);
    run.totals.scenario_span(99, 0, 1, 0);
    assert_eq!(run.summary().scenarios.len(), 1, "a scenario the plan does not have is nothing");
}

#[test]
fn all_operations_together_are_merged_not_averaged() {
    let mut run = Run::of(&two_phases(&[], &[], &[]));
    let (fast, slow) = (run.op("fast", "http"), run.op("slow", "sql"));
    run.span(0, 0.0, 1.0, 0.0);
    (0..99).for_each(|_| _ = run.done(fast, 0, 100));
    run.done(slow, 1, 1_000);
    run.failed(slow, 1, ErrorKind::Timeout);
    run.tick(1.0);
    let overall = run.summary().overall.unwrap();
    assert_eq!((overall.count, overall.errors), (101, 1));
    let service = overall.service_us.unwrap();
    assert_eq!((service.count, service.p50, service.p99, service.max), (101, 100, 100, 1_000));
    assert_eq!(Run::simple(&[], 1.0, 0.0).summary().overall, None);
}

fn used(name: &str, guest_cpu_s: f64, core_share: f64) -> PluginUsage {
    PluginUsage { name: name.into(), guest_cpu_s, core_share }
}

#[test]
fn what_a_plugin_used_is_the_sum_of_its_parts_over_the_whole_load() {
    let mut plan = two_phases(&[], &[], &[]);
    plan.parts.push(plan.parts[0].clone());
    let mut run = Run::of(&plan);
    run.span(0, 0.0, 8.0, 4.0);
    assert_eq!(run.summary().generator.plugins, [used("web", 0.0, 0.0), used("db", 0.0, 0.0)]);
    run.core.guest_cpu(0, S);
    run.core.guest_cpu(1, 4 * S);
    run.tick(4.0);
    run.core.guest_cpu(2, 3 * S);
    run.tick(8.0);
    let generator = run.summary().generator;
    assert_eq!(generator.plugins, [used("web", 4.0, 0.5), used("db", 4.0, 0.5)], "warm-up and load");
    assert_eq!(generator.guest_cpu_s, 8.0);
}

#[test]
fn limits_reached_are_told_by_plugin_over_all_its_parts() {
    let mut plan = two_phases(&[], &[], &[]);
    plan.parts.push(plan.parts[0].clone());
    let mut run = Run::of(&plan);
    run.span(0, 0.0, 8.0, 4.0);
    assert_eq!(run.summary().limits, []);
    assert!(!serde_json::to_string(&run.summary()).unwrap().contains("limits"));
    run.core.limit_hit(1, SandboxLimit::Memory);
    run.core.limit_hit(2, SandboxLimit::LogLines);
    run.tick(4.0);
    run.core.limit_hits(0, SandboxLimit::LogLines, 4);
    run.core.limit_hit(0, SandboxLimit::Table);
    run.tick(8.0);
    let told = run.summary().limits;
    let told: Vec<_> = told.iter().map(|r| (&r.plugin[..], &r.limit[..], r.count)).collect();
    assert_eq!(told, [("web", "table", 1), ("web", "log-lines", 5), ("db", "memory", 1)]);
}

#[test]
fn the_generator_is_judged_by_its_busiest_core() {
    let mut run = Run::simple(&[], 10.0, 0.0);
    for late_ns in [7_000_000, 100_000_000, 101_000_000, 3_000_000_000] {
        run.core.own_lag(Window::Measured, late_ns);
    }
    run.core.own_lag(Window::Warmup, 3_000_000_000);
    run.core.limited(2 * S);
    run.core.guest_cpu(0, S / 2);
    run.tick(4.0);
    run.tick(10.0);
    let end = RunEnd { end_ns: ns(10.0), cpu_s: 9.5, rss_max_bytes: 5, ..RunEnd::default() };
    let generator = run.totals.summary(&run.names, &end).generator;
    let expected = GeneratorSummary {
        cpu_s: 9.5,
        cpu_share: 0.5,
        busiest_core_share: 0.75,
        rss_max_bytes: 1_010,
        guest_cpu_s: 0.5,
        plugins: vec![used("web", 0.5, 0.05)],
        lag_p99_us: 0,
        own_lag_p99_us: generator.own_lag_p99_us,
        own_late_starts: 2,
        limited_s: 2.0,
    };
    assert_eq!(generator, expected);
    assert!(generator.own_lag_p99_us.abs_diff(3_000_000) <= 3_000);
}

#[test]
fn checks_and_metrics_of_all_scenarios_are_one_row() {
    let mut run = Run::of(&two_phases(&[], &[], &[]));
    run.span(0, 0.0, 2.0, 0.0);
    run.span(1, 2.0, 4.0, 0.0);
    let (check, rows) = (run.check("ok"), run.metric("rows", MetricKind::Counter));
    run.check("never made");
    run.metric("never recorded", MetricKind::Gauge);
    for scenario in [0, 1] {
        run.core.check(check, scenario, Window::Measured, scenario == 0);
        run.observe(rows, MetricKind::Counter, scenario, 6.0);
    }
    let tick = run.tick(4.0);
    let summary = run.summary();
    let row = |name: &str, passed, failed| CheckResult { name: name.into(), passed, failed };
    assert_eq!(summary.checks, [row("ok", 1, 1), row("never made", 0, 0)]);
    let value = MetricValueSummary::Counter { sum: 12.0, rate_per_s: 3.0 };
    assert_eq!(summary.metrics, [MetricSummary { name: "rows".into(), unit: String::new(), value }]);
    assert_eq!(tick.snapshot.metrics, summary.metrics);
}

#[test]
fn a_snapshot_has_counts_so_far_and_latencies_of_the_interval() {
    let mut run = Run::of(&two_phases(&[], &[], &[]));
    let (get, post) = (run.op("GET /", "http"), run.op("POST /", "http"));
    run.totals.phase_began(0, START);
    run.span(0, 0.0, 10.0, 1.0);
    let warm = Sample { window: Window::Warmup, ..run.sample(get, 0, 50) };
    run.take(&warm);
    run.done(get, 0, 700);
    run.core.own_lag(Window::Measured, 3_000);
    let first = run.tick(1.0).snapshot;
    assert_eq!(first.phases, ["base"]);
    assert_eq!((first.generator.cpu_share, first.generator.own_lag_p99_us), (0.5, 3));
    assert_eq!(first.generator.rss_bytes, 1_001);
    let service = first.operations[0].service_us.unwrap();
    assert_eq!((service.count, service.min, service.max), (2, 50, 700), "both windows");
    run.failed(get, 0, ErrorKind::Timeout);
    run.done(post, 0, 10);
    run.end_phase(0, 2.0);
    let second = run.tick(2.0).snapshot;
    assert!(second.phases.is_empty());
    let [of_get, of_post] = &second.operations[..] else { panic!("{:?}", second.operations) };
    assert_eq!(
        (of_get.name.as_str(), of_get.phase.as_str(), of_get.plugin.as_str()),
        ("GET /", "base", "web")
    );
    assert_eq!((of_get.fired, of_get.done, of_get.bytes_sent, of_get.bytes_received), (3, 3, 30, 300));
    assert_eq!(of_get.errors.get("timeout"), Some(&1));
    assert_eq!(of_get.service_us.unwrap().count, 1, "of the interval");
    assert_eq!(of_post.response_us.unwrap().max, 10);
    assert_eq!((second.fired, second.done, second.errors), (2, 2, 1));
    let third = run.tick(3.0).snapshot;
    assert_eq!((third.operations.len(), third.operations[0].service_us), (2, None));
}

#[test]
fn a_snapshot_lists_the_operations_sent_most_often() {
    let mut run = Run::simple(&[], 10.0, 0.0);
    for number in 0..MAX_SNAPSHOT_OPERATIONS + 5 {
        let op = run.op(&format!("op {number}"), "http");
        (0..=number % 7).for_each(|_| _ = run.done(op, 0, 1));
    }
    let operations = run.tick(1.0).snapshot.operations;
    assert_eq!(operations.len(), MAX_SNAPSHOT_OPERATIONS);
    assert!(operations.is_sorted_by_key(|op| std::cmp::Reverse(op.fired)));
    assert_eq!((operations[0].name.as_str(), operations[1].name.as_str()), ("op 6", "op 13"));
}

#[test]
fn scenarios_say_what_kind_of_load_they_are() {
    let mut plan = simple(&[]);
    plan.scenarios.push(stresshost_plan::Scenario::new(
        "share",
        Executor::MixShare(MixShare { mix: "unknown".into(), weight: 1 }),
    ));
    plan.notes = vec!["from the plan".into()];
    let run = Run::of(&plan);
    let notes = vec!["from the plan".to_owned(), "from the run".to_owned()];
    let summary = run.totals.summary(&run.names, &RunEnd { end_ns: START, notes, ..RunEnd::default() });
    let [main, share] = &summary.scenarios[..] else { panic!() };
    assert_eq!((main.open, main.load.as_str()), (true, plan.scenarios[0].executor.describe().as_str()));
    assert!(!share.open && main.plugin.is_empty() && main.phase.is_empty());
    assert_eq!(summary.notes, ["from the plan", "from the run"]);
}

#[test]
fn the_score_is_the_weight_that_held() {
    let mut plan =
        simple(&["count > 0, weight 3", "count > 5, weight 2", "count > 9, warn", "redis.count > 0"]);
    plan.pass_share = Some(0.5);
    let mut run = Run::of(&plan);
    run.span(0, 0.0, 1.0, 0.0);
    let op = run.op("GET /", "http");
    run.done(op, 0, 1);
    run.iteration(0, IterationEnd::Finished, 1);
    run.tick(1.0);
    let summary = run.summary();
    assert_eq!(summary.score, Some(Score { met: 3.0, of: 6.0, required: 0.5 }));
    assert_eq!(summary.verdict, Verdict { status: VerdictStatus::Pass, reasons: Vec::new() });
}

#[test]
fn faults_of_the_last_tick_are_those_of_the_run() {
    let mut run = Run::simple(&[], 1.0, 0.0);
    let fault =
        FaultSummary { plugin: "web".into(), during: "iterate".into(), count: 2, text: "boom".into() };
    let facts = TickFacts {
        now_ns: ns(1.0),
        vus_busy: 0,
        cores_cpu_ns: &[],
        rss_bytes: 0,
        faults: std::slice::from_ref(&fault),
    };
    run.totals.tick(&facts, &run.names);
    let summary = run.summary();
    assert_eq!(summary.faults, [fault]);
    assert_eq!(summary.verdict.status, VerdictStatus::Fault);
}

/// What a core may do: an operation, its duration, its scenario, and whether it failed.
fn acts() -> impl Strategy<Value = Vec<(u8, u64, u16, bool)>> {
    prop::collection::vec((0..3_u8, 1..5_000_000_u64, 0..2_u16, any::<bool>()), 0..20)
}

/// The run of some cores whose blocks come in the order of `order`.
fn run_of(cores: &[Vec<(u8, u64, u16, bool)>], order: &[usize]) -> Summary {
    let thresholds = ["response_us.p95 < 1s over 1s", "errors.rate < 10%", "metrics.depth.last > 3"];
    let mut plan = simple(&thresholds);
    plan.scenarios.push(open("other", "", 0));
    let mut run = Run::of(&plan);
    run.span(0, 0.0, 2.0, 0.0);
    run.span(1, 0.0, 2.0, 0.0);
    let ops = ["a", "b", "c"].map(|name| run.op(name, "http"));
    let check = run.check("ok");
    let depth = run.metric("depth", MetricKind::Gauge);
    for second in 1..3_u32 {
        let mut blocks = Vec::new();
        for (core, acts) in cores.iter().enumerate() {
            for &(op, service_us, scenario, failed) in acts {
                let error = failed.then_some(ErrorKind::Timeout);
                let sample = Sample { error, ..run.sample(ops[usize::from(op)], scenario, service_us) };
                run.take(&sample);
                run.core.check(check, scenario, Window::Measured, failed);
                let at_ns = ns(f64::from(second)) + service_us + core as u64;
                let (kind, window) = (MetricKind::Gauge, Window::Measured);
                let value = service_us as f64;
                run.core.metric(&Observation { metric: depth, kind, scenario, window, value, at_ns });
            }
            blocks.push(run.core.take());
        }
        for &core in order {
            run.totals.absorb(&mut blocks[core]);
        }
        run.tick(f64::from(second));
    }
    run.summary()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_in_which_cores_hand_over_does_not_matter(
        cores in prop::collection::vec(acts(), 4),
        order in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
    ) {
        prop_assert_eq!(run_of(&cores, &[0, 1, 2, 3]), run_of(&cores, &order));
    }
}
