use proptest::prelude::*;

use super::*;
use crate::{
    ConstantArrivalRate, ConstantVus, ExternallyControlled, FeedOrder, Iterations, LimitScope,
    MAX_ITERATIONS, MAX_RATE_PER_S, MAX_STAGES, MetricDeclaration, Mix, MixShare, Part, Pause, Phase,
    PhaseWorkload, RampingArrivalRate, RampingVus, RateLimit, RateStage, Spacing, Threshold, VuStage,
};

fn plan(executor: Executor) -> Plan {
    let scenarios = vec![Scenario::new("main", executor)];
    Plan { schema: PLAN_SCHEMA.into(), name: "test".into(), scenarios, ..Plan::default() }
}

fn vus(vus: u64) -> Executor {
    Executor::ConstantVus(ConstantVus { vus, duration_ms: 1_000, ramp_up_ms: 0 })
}

fn rate(rate_per_s: f64) -> ConstantArrivalRate {
    ConstantArrivalRate { rate_per_s, duration_ms: 1_000, vus: 1, ..ConstantArrivalRate::default() }
}

fn ramp(stages: &[(u64, f64)]) -> Executor {
    let stage = |&(duration_ms, rate_per_s): &(u64, f64)| RateStage { duration_ms, rate_per_s };
    Executor::RampingArrivalRate(RampingArrivalRate {
        start_rate_per_s: 0.0,
        stages: stages.iter().map(stage).collect(),
        vus: 1,
        spacing: Spacing::Even,
    })
}

fn ramp_vus(stages: &[(u64, u64)]) -> Executor {
    let stage = |&(duration_ms, vus): &(u64, u64)| VuStage { duration_ms, vus };
    Executor::RampingVus(RampingVus { start_vus: 0, stages: stages.iter().map(stage).collect() })
}

fn counted(vus: u64, iterations: u64) -> Iterations {
    Iterations { vus, iterations, max_duration_ms: 1_000 }
}

fn share(mix: &str, weight: u64) -> Executor {
    Executor::MixShare(MixShare { mix: mix.into(), weight })
}

fn mix(name: &str, executor: Executor) -> Mix {
    Mix { name: name.into(), phase: String::new(), start_ms: 0, executor, pause: None, part: 0 }
}

/// A plan of one mix with a share for each weight.
fn mixed(weights: &[u64]) -> Plan {
    let mut mixed = plan(vus(1));
    mixed.scenarios = weights
        .iter()
        .enumerate()
        .map(|(index, &weight)| Scenario::new(format!("s{index}"), share("shop", weight)))
        .collect();
    mixed.mixes = vec![mix("shop", Executor::ConstantArrivalRate(rate(5.0)))];
    mixed
}

fn phase(name: &str, before: &[&str]) -> Phase {
    Phase { depends_on: before.iter().map(|&name| name.to_owned()).collect(), ..Phase::new(name) }
}

/// A plan with a scenario `main` in each phase.
fn phased(phases: &[Phase]) -> Plan {
    let scenario = |phase: &Phase| Scenario { phase: phase.name.clone(), ..Scenario::new("main", vus(10)) };
    Plan { phases: phases.to_vec(), scenarios: phases.iter().map(scenario).collect(), ..plan(vus(1)) }
}

fn with(mut plan: Plan, change: impl FnOnce(&mut Plan)) -> Plan {
    change(&mut plan);
    plan
}

fn judged(expression: &str) -> Plan {
    with(plan(vus(1)), |plan| plan.thresholds = vec![Threshold::new(expression)])
}

fn paths(plan: &Plan) -> Vec<String> {
    plan.validate().into_iter().map(|problem| problem.path).collect()
}

/// The plan has exactly this problem.
#[track_caller]
fn assert_problem(plan: &Plan, path: &str, words: &str) {
    let problems = plan.validate();
    assert_eq!(problems.len(), 1, "{path}: {problems:?}");
    assert_eq!(problems[0].path, path, "{problems:?}");
    assert!(problems[0].to_string().contains(words), "{path}: {}", problems[0]);
}

#[test]
fn good_plans_have_no_problems() {
    let full = with(phased(&[phase("a", &[]), phase("b", &["a"])]), |plan| {
        plan.requires = FEATURES.iter().map(|&feature| feature.to_owned()).collect();
        plan.phases[1].load_multiplier = 3.0;
        plan.phases[1].duration_ms = Some(500);
        plan.phases[0].criteria = vec![Threshold::new("errors{scenario=main, phase=a} < 1%")];
        plan.thresholds = vec![Threshold { phase: "b".into(), ..Threshold::new("p95{scenario=ma*} < 1s") }];
        plan.scenarios[0].pause = Some(Pause::ThinkTime { min_ms: 0, max_ms: 10 });
        plan.pass_share = Some(0.5);
    });
    let external = Executor::ExternallyControlled(ExternallyControlled {
        vus: 0,
        max_vus: 10,
        rate_per_s: Some(0.0),
        duration_ms: 5,
    });
    for (name, plan) in [
        ("constant", plan(vus(1))),
        ("ramp", plan(ramp(&[(0, 5.0), (1_000, 0.0)]))),
        ("ramp of users", plan(ramp_vus(&[(1_000, 5), (0, 0)]))),
        ("iterations", plan(Executor::SharedIterations(counted(3, 1)))),
        ("external", plan(external)),
        ("mix", mixed(&[3_000_000 / 3, 500_000])),
        ("phases", full),
    ] {
        assert_eq!(plan.validate(), [], "{name}");
    }
}

#[test]
fn every_problem_is_found_at_once() {
    let bad = Executor::ConstantArrivalRate(ConstantArrivalRate {
        rate_per_s: f64::NAN,
        duration_ms: 0,
        ramp_up_ms: 5,
        vus: 0,
        ..ConstantArrivalRate::default()
    });
    let mut bad = plan(bad);
    bad.scenarios.push(bad.scenarios[0].clone());
    bad.requires = vec!["time-travel".into()];
    bad.warmup_ms = 1;
    bad.feeds = vec![Feed {
        name: "f".into(),
        columns: vec!["a".into()],
        rows: vec![vec![]],
        order: FeedOrder::Unique,
    }];
    bad.thresholds = vec![Threshold::new("errors < many"), Threshold::new("p95{scenario=x} < 1s")];
    let first = "/scenarios/0/executor";
    let found = paths(&bad);
    for path in ["vus", "duration_ms", "rate_per_s", "ramp_up_ms"] {
        assert!(found.contains(&format!("{first}/{path}")), "{path} in {found:?}");
    }
    for path in [
        "/requires",
        "/scenarios/1/name",
        "/warmup_ms",
        "/feeds/0/rows/0",
        "/thresholds/0/expression",
        "/thresholds/1/expression",
    ] {
        assert!(found.contains(&path.to_owned()), "{path} in {found:?}");
    }
}

#[test]
fn impossible_loads_are_refused() {
    let shape = "/scenarios/0/executor";
    let long = Executor::ConstantVus(ConstantVus { vus: 1, duration_ms: u64::MAX, ramp_up_ms: 0 });
    let open = |change: fn(&mut ConstantArrivalRate)| {
        let mut config = rate(5.0);
        change(&mut config);
        Executor::ConstantArrivalRate(config)
    };
    let external = |vus, max_vus, rate_per_s| {
        Executor::ExternallyControlled(ExternallyControlled { vus, max_vus, rate_per_s, duration_ms: 1_000 })
    };
    let late = Iterations { max_duration_ms: 0, ..counted(1, 1) };
    let cases = [
        (vus(0), "/vus", "0 virtual users do nothing"),
        (vus(1_000_000_000), "/vus", "the most is 1000000"),
        (long, "/duration_ms", "the most is"),
        (open(|config| config.rate_per_s = 0.0), "/rate_per_s", "more than 0"),
        (open(|config| config.rate_per_s = -1.0), "/rate_per_s", "a rate cannot be -1"),
        (open(|config| config.rate_per_s = f64::NAN), "/rate_per_s", "a rate cannot be NaN"),
        (open(|config| config.rate_per_s = 1e12), "/rate_per_s", "the most is"),
        (open(|config| config.ramp_up_ms = 1_001), "/ramp_up_ms", "longer than the 1000 ms"),
        (ramp(&[]), "/stages", "without stages"),
        (ramp(&[(1_000, 0.0)]), "/stages", "stays at 0"),
        (ramp(&[(1_000, -5.0)]), "/stages/0/rate_per_s", "cannot be -5"),
        (ramp(&[(1_000, f64::INFINITY)]), "/stages/0/rate_per_s", "cannot be inf"),
        (ramp(&[(1_000, 2.0 * MAX_RATE_PER_S)]), "/stages/0/rate_per_s", "the most is"),
        (ramp(&vec![(1, 1.0); MAX_STAGES + 1]), "/stages", "the most is 1000"),
        (ramp(&[(u64::MAX, 1.0), (u64::MAX, 1.0)]), "/stages", "the most is"),
        (ramp_vus(&[(1_000, 0)]), "/stages", "stays at 0"),
        (ramp_vus(&[(0, 5)]), "/stages", "0 ms in all"),
        (ramp_vus(&[(1_000, u64::MAX)]), "/stages/0/vus", "the most is"),
        (Executor::SharedIterations(counted(1, 0)), "/iterations", "0 iterations"),
        (Executor::SharedIterations(counted(1, MAX_ITERATIONS + 1)), "/iterations", "the most is"),
        (Executor::PerVuIterations(counted(10, MAX_ITERATIONS / 9)), "/iterations", "the most is"),
        (Executor::PerVuIterations(late), "/max_duration_ms", "every iteration is dropped"),
        (external(0, 0, None), "/vus", "0 virtual users"),
        (external(5, 4, None), "/max_vus", "at most 4 virtual users, but 5"),
        (external(5, 0, Some(-1.0)), "/rate_per_s", "cannot be -1"),
    ];
    for (executor, path, words) in cases {
        assert_problem(&plan(executor), &format!("{shape}{path}"), words);
    }
}

#[test]
fn pauses_are_checked() {
    let pause =
        |executor: Executor, pause| with(plan(executor), |plan| plan.scenarios[0].pause = Some(pause));
    let pacing = |interval_ms| Pause::Pacing { interval_ms };
    let open = Executor::ConstantArrivalRate(rate(1.0));
    let at = "/scenarios/0/pause";
    assert_problem(&pause(open, pacing(1)), at, "no effect on an open model");
    assert_problem(&pause(vus(1), pacing(0)), &format!("{at}/interval_ms"), "paces nothing");
    assert_problem(&pause(vus(1), pacing(u64::MAX)), &format!("{at}/interval_ms"), "the most is");
    let think = Pause::ThinkTime { min_ms: 2, max_ms: 1 };
    assert_problem(&pause(vus(1), think), &format!("{at}/min_ms"), "above the greatest");
}

#[test]
fn mixes_are_checked() {
    let two = || mixed(&[1, 2]);
    assert_problem(
        &with(two(), |plan| plan.scenarios[1].executor = share("shpo", 1)),
        "/scenarios/1/executor/mix",
        "there is no mix `shpo` (did you mean `shop`?)",
    );
    assert_problem(&mixed(&[1, 0]), "/scenarios/1/executor/weight", "weights are from 1");
    assert_problem(
        &with(two(), |plan| plan.scenarios[0].start_ms = 5),
        "/scenarios/0/start_ms",
        "give it to the mix",
    );
    assert_problem(
        &with(two(), |plan| plan.mixes.push(mix("own", vus(1)))),
        "/mixes/1",
        "no scenario is a share",
    );
    assert_problem(&mixed(&[10_000, 1]), "/mixes/0", "add up to 10001 in lowest terms");
    assert_problem(
        &with(two(), |plan| plan.mixes[0].executor = share("shop", 1)),
        "/mixes/0/executor",
        "a mix cannot be a share",
    );
    assert_problem(
        &with(two(), |plan| plan.mixes[0].executor = vus(0)),
        "/mixes/0/executor/vus",
        "0 virtual",
    );
    let other = with(phased(&[phase("a", &[]), phase("b", &[])]), |plan| {
        plan.scenarios[0].executor = share("shop", 1);
        plan.mixes = vec![Mix { phase: "b".into(), ..mix("shop", vus(1)) }];
    });
    assert_eq!(paths(&other), ["/scenarios/0/executor/mix", "/mixes/0"]);
    assert!(other.validate()[0].message.contains("belongs to another phase"));
    assert_eq!(
        paths(&mixed(&[u64::MAX, u64::MAX]))[..2],
        ["/scenarios/0/executor/weight", "/scenarios/1/executor/weight"]
    );
}

#[test]
fn phases_are_checked() {
    let two = || phased(&[phase("base", &[]), phase("peak", &["base"])]);
    let change = |change: fn(&mut Phase)| with(two(), |plan| change(&mut plan.phases[1]));
    let cases = [
        (
            change(|phase| phase.depends_on = vec!["bsae".into()]),
            "/phases/1/depends_on/0",
            "did you mean `base`?",
        ),
        (change(|phase| phase.load_multiplier = 0.0), "/phases/1/load_multiplier", "0 times the load"),
        (change(|phase| phase.load_multiplier = f64::NAN), "/phases/1/load_multiplier", "NaN times"),
        (change(|phase| phase.load_multiplier = 1_001.0), "/phases/1/load_multiplier", "at most 1000"),
        (
            change(|phase| phase.warmup_ms = Some(1_000)),
            "/phases/1/warmup_ms",
            "leaves nothing of phase `peak`",
        ),
        (
            with(two(), |plan| plan.scenarios[0].phase = "paek".into()),
            "/scenarios/0/phase",
            "did you mean `peak`?",
        ),
        (with(two(), |plan| plan.scenarios[0].phase.clear()), "/scenarios/0/phase", "belongs to no phase"),
        (with(two(), |plan| plan.phases.clear()), "/scenarios/0/phase", "the plan has no phases"),
        (
            with(two(), |plan| plan.phases.push(phase("idle", &[]))),
            "/phases/2",
            "no scenario and no workload",
        ),
        (
            change(|phase| phase.workloads = vec![PhaseWorkload::default()]),
            "/phases/1/workloads/0/plugin",
            "without a plugin",
        ),
        (
            with(two(), |plan| plan.scenarios[0].part = 3),
            "/scenarios/0/part",
            "part 3 of a plan with 0 parts",
        ),
    ];
    for (plan, path, words) in cases {
        let problem = plan.validate().into_iter().find(|problem| problem.path == path);
        let problem = problem.unwrap_or_else(|| panic!("{path}: {:?}", plan.validate()));
        assert!(problem.to_string().contains(words), "{problem}");
    }
    let cut = with(two(), |plan| {
        plan.phases[1].duration_ms = Some(100);
        plan.scenarios[1].start_ms = 100;
    });
    assert_problem(&cut, "/scenarios/1/start_ms", "begins after 100ms, when phase `peak` has ended");
    let names = with(phased(&[phase("a", &[]), phase("a", &[])]), |plan| plan.phases[0].name.clear());
    assert!(paths(&names).contains(&"/phases/0/name".to_owned()));
    assert!(paths(&phased(&[phase("a", &[]), phase("a", &[])])).contains(&"/phases/1/name".to_owned()));
}

#[test]
fn a_cycle_is_shown_once() {
    let plan = phased(&[
        phase("a", &["c"]),
        phase("b", &["a"]),
        phase("c", &["d", "b"]),
        phase("d", &[]),
        phase("self", &["self", "a"]),
    ]);
    let problems = plan.validate();
    assert_eq!(paths(&plan), ["/phases/0/depends_on", "/phases/4/depends_on"]);
    assert!(problems[0].message.ends_with("a -> c -> b -> a"), "{}", problems[0]);
    assert!(problems[1].message.ends_with("self -> self"), "{}", problems[1]);
}

#[test]
fn multiplied_loads_stay_within_bounds() {
    let peak = |executor: Executor| {
        with(phased(&[phase("peak", &[])]), |plan| {
            plan.phases[0].load_multiplier = 3.0;
            plan.scenarios[0].executor = executor;
        })
    };
    let at = "/phases/0/load_multiplier";
    assert_problem(&peak(vus(400_000)), at, "3 times the load of `main` is 1200000 virtual users");
    let fast = Executor::ConstantArrivalRate(rate(MAX_RATE_PER_S / 2.0));
    assert_problem(&peak(fast), at, "iterations per second");
    assert_problem(
        &peak(Executor::SharedIterations(counted(1, MAX_ITERATIONS / 2))),
        at,
        "iterations, the most",
    );
}

#[test]
fn phases_that_overlap_share_the_bounds() {
    let beside = |before: &[&str]| {
        with(phased(&[phase("a", &[]), phase("b", before)]), |plan| {
            plan.scenarios[0].executor = vus(600_000);
            plan.scenarios[1].executor = vus(600_000);
        })
    };
    assert_problem(&beside(&[]), "/phases", "1200000 virtual users at once");
    assert_eq!(beside(&["a"]).validate(), []);
    let endless = with(phased(&[phase("a", &[]), phase("b", &["a"])]), |plan| {
        for scenario in &mut plan.scenarios {
            scenario.executor =
                Executor::ConstantVus(ConstantVus { vus: 1, duration_ms: MAX_DURATION_MS, ramp_up_ms: 0 });
        }
    });
    assert_problem(&endless, "/phases", "200d in all");
}

#[test]
fn names_may_repeat_in_other_phases_and_plugins_only() {
    let two = with(plan(vus(1)), |plan| plan.scenarios.push(plan.scenarios[0].clone()));
    assert_problem(&two, "/scenarios/1/name", "the name `main` is taken");
    let parts = with(two, |plan| {
        plan.parts = vec![Part::default(), Part::default()];
        plan.scenarios[1].part = 1;
    });
    assert_eq!(parts.validate(), []);
    let mixes = with(mixed(&[1]), |plan| plan.mixes.push(plan.mixes[0].clone()));
    assert_eq!(paths(&mixes), ["/mixes/1/name"]);
}

#[test]
fn rate_limits_are_checked() {
    let limited = |change: fn(&mut RateLimit)| {
        with(plan(vus(1)), |plan| {
            let mut limit =
                RateLimit { name: "x".into(), rate_per_s: 1.0, burst: 1, scope: LimitScope::Global };
            change(&mut limit);
            plan.limits = vec![limit];
        })
    };
    assert_eq!(limited(|limit| limit.scope = LimitScope::Scenario("main".into())).validate(), []);
    assert_eq!(limited(|limit| limit.scope = LimitScope::Target("http://*:*".into())).validate(), []);
    let cases = [
        (limited(|limit| limit.rate_per_s = 0.0), "rate_per_s", "more than 0"),
        (limited(|limit| limit.rate_per_s = f64::NAN), "rate_per_s", "cannot be NaN"),
        (limited(|limit| limit.burst = 0), "burst", "bursts are from 1"),
        (limited(|limit| limit.burst = u64::MAX), "burst", "bursts are from 1"),
        (limited(|limit| limit.name.clear()), "name", "empty"),
        (limited(|limit| limit.scope = LimitScope::Scenario("mian".into())), "scope", "did you mean `main`?"),
        (limited(|limit| limit.scope = LimitScope::Target("nowhere".into())), "scope", "scheme://host:port"),
    ];
    for (plan, field, words) in cases {
        assert_problem(&plan, &format!("/limits/0/{field}"), words);
    }
    let twice = with(limited(|_| {}), |plan| plan.limits.push(plan.limits[0].clone()));
    assert_problem(&twice, "/limits/1/name", "taken");
}

#[test]
fn thresholds_are_checked_against_the_plan() {
    let at = "/thresholds/0/expression";
    let cases = [
        (
            judged("errors{scenario=mian} < 1%"),
            at,
            "`scenario=mian` matches no scenario (did you mean `main`?)",
        ),
        (judged("errors{phase=a} < 1%"), at, "the plan has no phases"),
        (judged("respons_us.p95 < 1s"), at, "did you mean `response_us`?), at column 1"),
        (judged(""), at, "expected a metric"),
    ];
    for (plan, path, words) in cases {
        let problem = plan.validate().remove(0);
        assert_eq!(problem.path, path);
        let text = problem.to_string();
        assert!(words.split("), ").all(|part| text.contains(part)), "{text}");
    }
    let two = || phased(&[phase("base", &[]), phase("peak", &["base"])]);
    let in_two = |threshold: Threshold| with(two(), |plan| plan.thresholds = vec![threshold]);
    assert_problem(&in_two(Threshold::new("errors{phase=paek} < 1%")), at, "did you mean `peak`?");
    let elsewhere = Threshold { phase: "bsae".into(), ..Threshold::new("errors < 1%") };
    assert_problem(&in_two(elsewhere), "/thresholds/0/phase", "did you mean `base`?");
    let never = Threshold { phase: "base".into(), ..Threshold::new("errors{phase=peak} < 1%") };
    assert_problem(&in_two(never), at, "matches no phase");
    let away = with(two(), |plan| {
        plan.scenarios[1].name = "other".into();
        plan.phases[0].criteria = vec![Threshold::new("errors{scenario=other} < 1%")];
    });
    assert_problem(&away, "/phases/0/criteria/0/expression", "matches no scenario of that phase and plugin");
    for share in [-0.1, 1.1, f64::NAN] {
        let plan = with(plan(vus(1)), |plan| plan.pass_share = Some(share));
        assert_problem(&plan, "/pass_share", "from 0 to 1");
    }
}

#[test]
fn thresholds_on_plugins_are_checked_once_the_plugins_are_known() {
    let expression = "errors{plugin=dtastress} < 1%";
    assert_eq!(judged(expression).validate(), []);
    let part = |plugin: &str| Part { plugin: plugin.into(), ..Part::default() };
    let resolved = with(judged(expression), |plan| plan.parts = vec![part("datastress"), part("devstress")]);
    assert_problem(&resolved, "/thresholds/0/expression", "did you mean `datastress`?");
    let named = with(resolved, |plan| {
        plan.thresholds[0] = Threshold { plugin: "devstres".into(), ..Threshold::new("errors < 1%") };
    });
    assert_problem(&named, "/thresholds/0/plugin", "did you mean `devstress`?");

    let workload = PhaseWorkload { plugin: "devstress".into(), ..PhaseWorkload::default() };
    let unresolved = with(judged("errors{scenario=theirs} < 1%"), |plan| {
        plan.scenarios.clear();
        plan.phases = vec![Phase { workloads: vec![workload], warmup_ms: Some(5), ..Phase::new("a") }];
    });
    assert_eq!(unresolved.validate(), []);
}

#[test]
fn declared_metrics_are_checked() {
    let declared = |kind: &str, expression: &str| {
        with(judged(expression), |plan| {
            let metric = MetricDeclaration { name: "rows".into(), kind: kind.into(), unit: String::new() };
            plan.metrics = vec![metric];
        })
    };
    let good = [
        ("counter", "metrics.rows.count > 5"),
        ("counter", "metrics.rows > 5/s"),
        ("gauge", "metrics.rows.last > 5"),
        ("rate", "metrics.rows > 5%"),
        ("distribution", "metrics.rows.p95 > 5"),
    ];
    for (kind, expression) in good {
        assert_eq!(declared(kind, expression).validate(), [], "{kind} {expression}");
    }
    let at = "/thresholds/0/expression";
    assert_problem(&declared("counter", "metrics.rows.p95 > 5"), at, "a counter, which has no `p95`");
    assert_problem(&declared("gauge", "metrics.rows.count > 5"), at, "it takes `last`, `min`, `max`");
    assert_problem(&declared("countr", "errors < 5"), "/metrics/0/kind", "did you mean `counter`?");
}

#[test]
fn words_only_the_run_knows_are_checked_by_the_engine() {
    let known = ["rows", "bytes"];
    let metric = judged("metrics.rowz.count > 5");
    assert_eq!(metric.validate(), []);
    let problems = metric.unknown_metrics(&known);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, "/thresholds/0/expression");
    assert_eq!(
        problems[0].to_string(),
        "/thresholds/0/expression: no plugin records a metric `rowz` (did you mean `rows`?)"
    );
    assert_eq!(judged("metrics.rows.count > 5").unknown_metrics(&known), []);
    assert_eq!(judged("not a threshold").unknown_metrics(&known), []);
    let declared = with(judged("metrics.own.count > 5"), |plan| {
        plan.metrics =
            vec![MetricDeclaration { name: "own".into(), kind: "counter".into(), unit: String::new() }];
    });
    assert_eq!(declared.unknown_metrics(&known), []);

    let criterion = with(phased(&[phase("a", &[])]), |plan| {
        plan.phases[0].criteria = vec![Threshold::new("htpp.errors{error=timeot} < 1%")];
    });
    let protocols = criterion.unknown_protocols(&["http", "sql"]);
    assert_eq!(protocols[0].path, "/phases/0/criteria/0/expression");
    assert!(protocols[0].to_string().contains("did you mean `http`?"));
    let kinds = criterion.unknown_error_kinds(&["timeout", "reset"]);
    assert!(
        kinds[0].to_string().contains("`error=timeot` matches no kind of error (did you mean `timeout`?)")
    );
    assert_eq!(judged("errors{error=time*} < 1%").unknown_error_kinds(&["timeout"]), []);
}

#[test]
fn endless_lists_are_refused_without_comparing_them() {
    let many = with(plan(vus(1)), |plan| {
        plan.phases = (0..5_000).map(|index| phase(&format!("p{index}"), &["x"])).collect();
        plan.scenarios = vec![plan.scenarios[0].clone(); 5_000];
        plan.thresholds = vec![Threshold::new("errors < 1%"); 5_000];
    });
    assert_eq!(paths(&many), ["/scenarios", "/phases", "/thresholds"]);
}

proptest! {
    #[test]
    fn no_plan_panics(
        names in proptest::collection::vec("[ab]{0,2}", 8),
        numbers in proptest::collection::vec(prop_oneof![0_u64..5, proptest::num::u64::ANY], 8),
        floats in proptest::collection::vec(proptest::num::f64::ANY, 3),
        text in "\\PC{0,20}",
    ) {
        let plan = with(phased(&[phase(&names[0], &[&names[1]]), phase(&names[2], &[&names[3]])]), |plan| {
            plan.phases[0].load_multiplier = floats[0];
            plan.phases[1].duration_ms = Some(numbers[0]);
            plan.warmup_ms = numbers[1];
            plan.scenarios[0].start_ms = numbers[2];
            plan.scenarios[0].executor = ramp_vus(&[(numbers[3], numbers[4]), (numbers[5], numbers[6])]);
            plan.scenarios[1].executor = Executor::ConstantArrivalRate(rate(floats[1]));
            plan.scenarios.push(Scenario::new("s", share(&names[4], numbers[7])));
            plan.mixes = vec![Mix { phase: names[5].clone(), ..mix(&names[6], ramp(&[(numbers[0], floats[2])])) }];
            plan.thresholds = vec![Threshold { phase: names[7].clone(), ..Threshold::new(text) }];
        });
        let problems = plan.validate();
        if problems.is_empty() {
            prop_assert!(plan.vus() <= MAX_VUS);
            prop_assert!(plan.requirements().duration_ms <= MAX_DURATION_MS);
        }
    }
}
