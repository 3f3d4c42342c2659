//! Phases and what is copied into them.

use stresshost_sdk::documents::Phase;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{Value, json};
use stresshost_sdk::testing::{FakeHost, start_in};

use crate::{check_refused, plan, plan_of, problems};
use devstress::DevStress;

/// Name, phase and own index of each scenario of a plan.
fn placed(plan: &Plan) -> Vec<(&str, &str, Option<u32>)> {
    let place = |scenario: &'_ Scenario| scenario.own_index;
    plan.scenarios.iter().map(|one| (one.name.as_str(), one.phase.as_str(), place(one))).collect()
}

#[test]
fn scenarios_are_copied_into_their_phases() {
    let config = json!({
        "scenarios": [
            {"name": "browse", "users": 5, "requests": ["/browse"]}, {"name": "check", "iterations": 1, "requests": ["/check"]},
        ],
        "phases": [
            {"name": "baseline", "description": "As usual", "scenarios": ["browse"], "criteria": {"error_rate": "<1%"}},
            {"name": "validation", "scenarios": "check", "depends_on": "baseline",
             "thresholds": ["checks.rate > 99%"]},
            {"name": "peak", "depends_on": ["baseline", "validation"], "load_multiplier": 3, "duration": "10s",
             "warmup": "2s", "graceful_stop": "5s"},
        ],
        "thresholds": ["errors{phase=peak}.rate < 5%"],
    });
    let plan = plan_of(config);
    assert_eq!(
        placed(&plan),
        [
            ("browse", "baseline", Some(0)),
            ("check", "validation", Some(1)),
            ("browse", "peak", Some(0)),
            ("check", "peak", Some(1)),
        ]
    );
    let peak = Phase {
        depends_on: vec!["baseline".into(), "validation".into()],
        load_multiplier: 3.0,
        duration_ms: Some(10_000),
        warmup_ms: Some(2_000),
        graceful_stop_ms: Some(5_000),
        ..Phase::new("peak")
    };
    assert_eq!(plan.phases[2], peak);
    assert_eq!(plan.phases[0].criteria[0].expression, "errors.rate < 1%");
    let thresholds: Vec<_> = plan
        .thresholds
        .iter()
        .map(|threshold| (threshold.expression.as_str(), threshold.phase.as_str()))
        .collect();
    assert_eq!(thresholds, [("errors{phase=peak}.rate < 5%", ""), ("checks.rate > 99%", "validation")]);
    // A copy does what the scenario does.
    let host = FakeHost::new();
    let mut user: DevStress = start_in(&plan, "peak", 0).unwrap();
    assert_eq!(user.iterate(Iteration { scenario: 1, number: 0 }), Ok(()));
    assert_eq!(host.requests()[0].url, "http://a/check");
}

#[test]
fn the_only_scenario_runs_in_every_phase() {
    let plan = plan_of(
        json!({"users": 2, "duration": 5, "phases": [{"name": "a"}, {"name": "b", "depends_on": ["a"]}]}),
    );
    assert_eq!(placed(&plan), [("main", "a", Some(0)), ("main", "b", Some(0))]);
    assert_eq!(plan.duration_ms(), 10_000);
    assert_eq!(placed(&plan_of(json!({"users": 2}))), [("main", "", None)]);
}

#[test]
fn mixes_are_copied_into_the_phases_of_their_shares() {
    let plan = plan_of(json!({
        "rate": 10,
        "duration": 5,
        "scenarios": [{"name": "a", "weight": 3}, {"name": "b", "weight": 1}, {"name": "c", "users": 1}],
        "phases": [{"name": "one"}, {"name": "two", "scenarios": ["a"]}, {"name": "three", "scenarios": ["c"]}],
    }));
    let mixes: Vec<_> = plan.mixes.iter().map(|mix| (mix.name.as_str(), mix.phase.as_str())).collect();
    assert_eq!(mixes, [("mix", "one"), ("mix", "two")]);
    let shares: Vec<_> = plan.schedule().phases.iter().map(|phase| phase.streams.len()).collect();
    assert_eq!(shares, [2, 1, 1]);
}

#[test]
fn flags_win_over_phases() {
    let config = json!({"target_url": "http://a", "users": 2, "duration": "1m", "phases": [
        {"name": "a", "duration": "20s", "warmup": "5s"},
    ]});
    let plan = plan(&[], json!({"duration": 3_000, "warmup": 1_000}), config);
    assert_eq!((plan.phases[0].duration_ms, plan.phases[0].warmup_ms, plan.warmup_ms), (None, None, 1_000));
    assert_eq!(plan.duration_ms(), 3_000);
    assert_eq!(
        plan.notes,
        [
            "scenario `main`: `--duration` replaces `/duration` of the config",
            "phase `a`: `--duration` replaces `/phases/0/duration` of the config",
            "phase `a`: `--warmup` replaces `/phases/0/warmup` of the config",
        ]
    );
}

#[test]
fn wrong_phases_are_named() {
    let with = |phases: Value| json!({"users": 1, "scenarios": [{"name": "browse"}, {"name": "buy"}], "phases": phases});
    let two = |second: Value| with(json!([{"name": "first"}, second]));
    check_refused(&[
        (with(json!({})), "/phases", "a list of phases"),
        (with(json!([])), "/phases", "there are no phases"),
        (with(json!([5])), "/phases/0", "a phase: a mapping"),
        (with(json!([{}])), "/phases/0", "the phase has no `name`"),
        (two(json!({"name": ""})), "/phases/1/name", "the name is empty"),
        (two(json!({"name": "first"})), "/phases/1/name", "the name `first` is taken"),
        (two(json!({"name": "b", "depend_on": []})), "/phases/1/depend_on", "did you mean `depends_on`?"),
        (
            two(json!({"name": "b", "depends_on": ["frist"]})),
            "/phases/1/depends_on/0",
            "did you mean `first`?",
        ),
        (two(json!({"name": "b", "depends_on": "frist"})), "/phases/1/depends_on", "did you mean `first`?"),
        (
            two(json!({"name": "b", "scenarios": ["brows"]})),
            "/phases/1/scenarios/0",
            "did you mean `browse`?",
        ),
        (two(json!({"name": "b", "scenarios": []})), "/phases/1/scenarios", "the phase has no scenarios"),
        (two(json!({"name": "b", "scenarios": ["buy", "buy"]})), "/phases/1/scenarios/1", "is there twice"),
        (
            with(json!([{"name": "a", "scenarios": ["buy"]}])),
            "/scenarios/0",
            "no phase has the scenario `browse`",
        ),
        (two(json!({"name": "b", "load_multiplier": 0})), "/phases/1/load_multiplier", "0 times the load"),
        (
            two(json!({"name": "b", "load_multiplier": "x"})),
            "/phases/1/load_multiplier",
            "a factor on the load",
        ),
        (two(json!({"name": "b", "duration": 0})), "/phases/1/duration", "measures nothing"),
        (two(json!({"name": "b", "duration": "x"})), "/phases/1/duration", "not a duration"),
        (two(json!({"name": "b", "warmup": "1h"})), "/phases/1/warmup", "leaves nothing of phase `b`"),
        (two(json!({"name": "b", "criteria": {"x": 5}})), "/phases/1/criteria/x", "nothing measures `x`"),
        (
            two(json!({"name": "b", "criteria": ["errors{scenario=brows}.rate < 1%"]})),
            "/phases/1/criteria",
            "matches no scenario (did you mean `browse`?)",
        ),
        (
            two(
                json!({"name": "b", "scenarios": ["buy"], "thresholds": ["errors{scenario=browse}.rate < 1%"]}),
            ),
            "/phases/1/thresholds/0",
            "matches no scenario of that phase",
        ),
        (
            with(json!([{"name": "a", "depends_on": "b"}, {"name": "b", "depends_on": "a"}])),
            "/phases/0/depends_on",
            "a -> b -> a",
        ),
    ]);
}

#[test]
fn problems_of_phases_are_reported_with_all_others() {
    let config = json!({
        "target_url": "http://a",
        "scenarios": [{"name": "browse", "users": 0}],
        "phases": [{"name": "a", "depends_on": ["z"]}],
        "limits": [{"rate": 5, "scenario": "z"}],
        "thresholds": ["errors{scenario=z}.rate < 1%"],
    });
    let problems = problems(&[], json!({}), config);
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        ["/scenarios/0/users", "/phases/0/depends_on/0", "/limits/0/scenario", "/thresholds/0"]
    );
}

#[test]
fn too_many_copies_are_refused() {
    let scenarios: Vec<Value> =
        (0..50).map(|index| json!({"name": format!("s{index}"), "users": 1})).collect();
    let phases: Vec<Value> = (0..11).map(|index| json!({"name": format!("p{index}")})).collect();
    check_refused(&[(
        json!({"scenarios": scenarios, "phases": phases}),
        "/phases",
        "the phases have 550 scenarios in all; the most is 500",
    )]);
}
