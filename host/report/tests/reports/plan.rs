use stresshost_plan::{
    ConstantArrivalRate, ConstantVus, Executor, LimitScope, Mix, MixShare, Part, Pause, Phase, Plan,
    RampingArrivalRate, RateLimit, RateStage, Scenario, Spacing, Threshold,
};
use stresshost_report::{Options, PlanSetting, plan_text};
use unicode_width::UnicodeWidthStr;

fn open(rate_per_s: f64, duration_ms: u64, vus: u64) -> Executor {
    Executor::ConstantArrivalRate(ConstantArrivalRate {
        rate_per_s,
        duration_ms,
        vus,
        ..ConstantArrivalRate::default()
    })
}

fn closed(vus: u64, duration_ms: u64) -> Executor {
    Executor::ConstantVus(ConstantVus { vus, duration_ms, ramp_up_ms: 0 })
}

fn scenario(name: &str, phase: &str, executor: Executor) -> Scenario {
    Scenario { phase: phase.to_owned(), ..Scenario::new(name, executor) }
}

fn share(name: &str, weight: u64) -> Scenario {
    scenario(name, "peak", Executor::MixShare(MixShare { mix: "shop".to_owned(), weight }))
}

fn phases() -> Vec<Phase> {
    let after = |name: &str, before: &[&str]| Phase {
        depends_on: before.iter().map(|&name| name.to_owned()).collect(),
        ..Phase::new(name)
    };
    let peak = Phase {
        description: "What the sale's first hour looks like.".to_owned(),
        criteria: vec![Threshold {
            label: "p95_response_time: \"<100ms\"".to_owned(),
            ..Threshold::new("response_us.p95 < 100ms")
        }],
        load_multiplier: 2.5,
        duration_ms: Some(120_000),
        warmup_ms: Some(10_000),
        ..after("peak", &["warm"])
    };
    let warm = Phase {
        criteria: vec![Threshold::new("errors.rate < 1%"), Threshold::new("checks.rate > 95%")],
        ..after("warm", &[])
    };
    // Not in the order in which they run.
    vec![peak, after("reports", &["warm", "peak"]), warm]
}

fn plan() -> Plan {
    let ramp = Executor::RampingArrivalRate(RampingArrivalRate {
        start_rate_per_s: 20.0,
        stages: vec![
            RateStage { duration_ms: 60_000, rate_per_s: 200.0 },
            RateStage { duration_ms: 120_000, rate_per_s: 200.0 },
        ],
        vus: 60,
        spacing: Spacing::Poisson,
    });
    Plan {
        name: "shop: first hour of the sale".to_owned(),
        targets: vec!["https://shop.test:443".to_owned(), "http://stock.test:8080".to_owned()],
        scenarios: vec![
            Scenario {
                pause: Some(Pause::ThinkTime { min_ms: 500, max_ms: 1_500 }),
                ..scenario("browse", "warm", closed(10, 30_000))
            },
            share("browse", 7),
            share("buy", 2),
            share("complain", 1),
            Scenario { start_ms: 130_000, ..scenario("late", "peak", closed(1, 1_000)) },
            Scenario {
                part: 1,
                start_ms: 5_000,
                pause: Some(Pause::Pacing { interval_ms: 2_000 }),
                ..scenario("month", "reports", closed(4, 60_000))
            },
        ],
        mixes: vec![Mix {
            name: "shop".to_owned(),
            phase: "peak".to_owned(),
            start_ms: 0,
            executor: ramp,
            pause: None,
            part: 0,
        }],
        phases: phases(),
        thresholds: vec![
            Threshold::new("http.response_us{scenario=buy}.p95 < 300ms over 30s, abort after 10s"),
            Threshold { plugin: "sqlstress".to_owned(), ..Threshold::new("sql.errors.count == 0, key") },
        ],
        pass_share: Some(0.8),
        limits: vec![
            RateLimit {
                name: "payments".to_owned(),
                rate_per_s: 25.0,
                burst: 5,
                scope: LimitScope::Target("https://pay.test:443".to_owned()),
            },
            RateLimit { name: "sms".to_owned(), rate_per_s: 0.5, burst: 1, scope: LimitScope::Named },
        ],
        graceful_stop_ms: 30_000,
        notes: vec!["`think` not given: 500ms to 1.5s taken".to_owned()],
        parts: ["devstress", "sqlstress"]
            .map(|name| Part { plugin: name.to_owned(), version: "0.1.0".to_owned(), ..Part::default() })
            .to_vec(),
        ..Plan::default()
    }
}

fn text(plan: &Plan, width: usize) -> String {
    let capacity = [
        "memory: 184 virtual users of about 2.1 MiB each, 386 MiB of 7.6 GiB".to_owned(),
        "descriptors: 1,104 of 1,024; raise with `ulimit -n 2048`".to_owned(),
    ];
    let setting =
        PlanSetting { granted: "https://shop.test:443 (asked for by the plan)", capacity: &capacity };
    plan_text(plan, &setting, &Options { width, color: false })
}

#[test]
fn three_phases() {
    insta::assert_snapshot!(text(&plan(), 100));
}

#[test]
fn a_plan_without_phases() {
    let plan = Plan {
        name: "one load".to_owned(),
        scenarios: vec![scenario("main", "", open(50.0, 10_000, 20))],
        warmup_ms: 2_000,
        graceful_stop_ms: 5_000,
        thresholds: vec![Threshold::new("errors.rate < 1%")],
        ..Plan::default()
    };
    insta::assert_snapshot!(plan_text(&plan, &PlanSetting::default(), &Options::default()));
}

#[test]
fn phases_stand_after_those_they_depend_on() {
    let text = text(&plan(), 100);
    let at = |name: &str| text.find(&format!("\n  {name}\n")).expect(name);
    assert!(at("warm") < at("peak") && at("peak") < at("reports"), "{text}");
}

/// A plan that nobody validated must not hang or panic.
#[test]
fn a_cycle_is_shown_as_it_stands() {
    let mut plan = plan();
    plan.phases[2].depends_on = vec!["reports".to_owned()];
    let text = text(&plan, 80);
    for phase in ["warm", "peak", "reports"] {
        assert!(text.contains(&format!("\n  {phase}\n")), "{text}");
    }
}

#[test]
fn lines_fit_and_hostile_names_are_only_text() {
    let mut plan = plan();
    let hostile = "evil\u{1b}[2J\nname \u{202e}".repeat(20);
    for scenario in &mut plan.scenarios {
        scenario.name.clone_from(&hostile);
    }
    plan.name.clone_from(&hostile);
    plan.notes.push(hostile.clone());
    plan.targets.push(hostile.clone());
    plan.thresholds[0].expression.clone_from(&hostile);
    plan.limits[0].name.clone_from(&hostile);
    plan.parts[1].plugin = hostile;
    for width in [60, 80, 100, 160] {
        for line in text(&plan, width).lines() {
            assert!(line.width() <= width && !line.chars().any(char::is_control), "{line:?}");
        }
    }
}
