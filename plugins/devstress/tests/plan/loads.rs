//! Every shape of load: by config, by flags, and shared by scenarios.

use stresshost_sdk::documents::{Pause, Spacing};
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{self, Value, json};

use crate::{URL, check_refused, plan, plan_of};

fn executor(scenario: &Scenario) -> Value {
    serde_json::to_value(&scenario.executor).unwrap()
}

#[test]
fn a_scenario_can_have_every_shape() {
    let stage =
        |duration_ms: u64, target: &str, value: Value| json!({"duration_ms": duration_ms, target: value});
    for (config, wanted) in [
        (
            json!({"stages": [{"duration": "30s", "users": 50}, {"duration": "1m", "users": 0}]}),
            json!({"type": "ramping-vus", "start_vus": 0,
                   "stages": [stage(30_000, "vus", json!(50)), stage(60_000, "vus", json!(0))]}),
        ),
        (
            json!({"stages": [{"duration": 1, "rate": "100/s"}], "start_rate": 5, "users": 9, "arrivals": "poisson"}),
            json!({"type": "ramping-arrival-rate", "start_rate_per_s": 5.0, "vus": 9, "spacing": "poisson",
                   "stages": [stage(1_000, "rate_per_s", json!(100.0))]}),
        ),
        (
            json!({"iterations": 100, "users": 5, "max_duration": "1m"}),
            json!({"type": "shared-iterations", "iterations": 100, "vus": 5, "max_duration_ms": 60_000}),
        ),
        (
            json!({"iterations": 100, "users": 5, "per_user": true, "max_duration": "1m"}),
            json!({"type": "per-vu-iterations", "iterations": 100, "vus": 5, "max_duration_ms": 60_000}),
        ),
        (
            json!({"control": "external", "users": 5, "max_users": 50, "duration": 9}),
            json!({"type": "externally-controlled", "vus": 5, "max_vus": 50, "duration_ms": 9_000}),
        ),
    ] {
        let in_scenario = plan_of(json!({ "scenarios": [config] }));
        assert_eq!(executor(&in_scenario.scenarios[0]), wanted, "{config}");
        assert_eq!(in_scenario.notes, Vec::<String>::new(), "{config}");
        let at_top = plan_of(config.clone());
        assert_eq!(executor(&at_top.scenarios[0]), wanted, "{config}");
    }
}

#[test]
fn flags_make_the_same_shapes() {
    for (flags, kind) in [
        (json!({"stages": "5s:5,5s:0"}), "ramping-vus"),
        (json!({"stages": "5s:5/s"}), "ramping-arrival-rate"),
        (json!({"iterations": 5}), "shared-iterations"),
        (json!({"iterations": 5, "per-user": true}), "per-vu-iterations"),
        (json!({"controlled": true, "max-vus": 50}), "externally-controlled"),
        (json!({"rate": 5.0, "arrivals": "poisson"}), "constant-arrival-rate"),
    ] {
        let plan = plan(&[URL], flags.clone(), Value::Null);
        assert_eq!(executor(&plan.scenarios[0])["type"], kind, "{flags}");
    }
}

#[test]
fn a_flag_replaces_what_contradicts_it_in_a_config() {
    let config = json!({"target_url": "http://a", "scenarios": [
        {"name": "staged", "stages": "5s:50"},
        {"name": "counted", "iterations": 9, "per_user": true},
        {"name": "paced", "rps": 5, "users": 7},
    ]});
    let plan = plan(&[], json!({"vus": 2, "duration": 3_000}), config);
    let loads: Vec<Value> = plan.scenarios.iter().map(executor).collect();
    let users = json!({"type": "constant-vus", "vus": 2, "duration_ms": 3_000, "ramp_up_ms": 0});
    assert_eq!(loads[..2], [users.clone(), users]);
    assert_eq!((&loads[2]["rate_per_s"], &loads[2]["vus"]), (&json!(5.0), &json!(2)));
    assert_eq!(
        plan.notes,
        [
            "scenario `staged`: `--duration` replaces `/scenarios/0/stages` of the config",
            "scenario `counted`: `--duration` replaces `/scenarios/1/iterations` of the config",
            "scenario `paced`: `--vus` replaces `/scenarios/2/users` of the config",
        ]
    );
}

#[test]
fn a_scenario_replaces_what_contradicts_it_at_the_top_level() {
    let plan = plan_of(json!({"rps": 5, "duration": "1m", "arrivals": "poisson", "scenarios": [
        {"name": "usual"}, {"name": "staged", "stages": "5s:50"}, {"name": "counted", "iterations": 9},
    ]}));
    let kinds: Vec<Value> =
        plan.scenarios.iter().map(|scenario| executor(scenario)["type"].clone()).collect();
    assert_eq!(kinds, ["constant-arrival-rate", "ramping-vus", "shared-iterations"]);
    let Executor::ConstantArrivalRate(usual) = &plan.scenarios[0].executor else { panic!() };
    assert_eq!(usual.spacing, Spacing::Poisson);
}

#[test]
fn pauses_between_iterations_are_the_hosts() {
    let think = |min_ms, max_ms| Some(Pause::ThinkTime { min_ms, max_ms });
    let pacing = Some(Pause::Pacing { interval_ms: 2_000 });
    let journeys = |first: &str, second: &str| json!([{"requests": [{"get": "/a", "think_time": first}]}, {"requests": [{"get": "/b", "think_time": second}]}]);
    for (config, pause, in_guest) in [
        (json!({"think_time": {"min": 1, "max": 2}}), think(1_000, 2_000), false),
        (json!({"think_time": "1s", "requests": ["/a"]}), think(1_000, 1_000), false),
        (
            json!({"requests": [{"get": "/a", "think_time": "3s"}], "iterations": 5}),
            think(3_000, 3_000),
            false,
        ),
        (json!({"journeys": journeys("1s", "1s")}), think(1_000, 1_000), false),
        (json!({"think_time": 0}), None, true),
        (json!({"journeys": journeys("1s", "2s")}), None, true),
        (json!({"think_time": "1s", "requests": ["/a", "/b"]}), None, true),
        (json!({"think_time": "1s", "rps": 5}), None, true),
        (json!({"think_time": "1s", "control": "external", "rps": 5}), None, true),
        (json!({"pacing": "2s"}), pacing, false),
        (json!({"pacing": "2s", "think_time": "1s"}), pacing, true),
        (json!({"pacing": "2s", "stages": "5s:5"}), pacing, false),
    ] {
        let plan = plan_of(config.clone());
        assert_eq!(plan.scenarios[0].pause, pause, "{config}");
        assert_eq!(plan.workload.to_string().contains("\"think\""), in_guest, "{config}");
    }
    assert_eq!(plan(&[URL], json!({"pacing": 2_000}), Value::Null).scenarios[0].pause, pacing);
}

#[test]
fn scenarios_with_a_weight_share_a_load() {
    let scenarios = json!([
        {"name": "browse", "weight": 3, "requests": ["/a"]},
        {"name": "own", "users": 2, "duration": 5, "requests": ["/b"]},
        {"name": "buy", "weight": 1, "think_time": "1s", "requests": ["/c", "/d"]},
    ]);
    for load in [
        json!({"rate": "100/s", "users": 40, "duration": "3s", "scenarios": scenarios}),
        json!({"mix": {"rate": "100/s", "users": 40, "duration": "3s"}, "scenarios": scenarios}),
        json!({"users": 40, "mix": {"name": "mix", "rate": 100}, "duration": 3, "scenarios": scenarios}),
        json!({"mixes": [{"name": "mix", "rps": 100, "vus": 40, "duration": 3}], "scenarios": scenarios}),
    ] {
        let plan = plan_of(load.clone());
        assert_eq!(plan.mixes.len(), 1, "{load}");
        let Executor::ConstantArrivalRate(shared) = &plan.mixes[0].executor else { panic!("{load}") };
        assert_eq!((shared.rate_per_s, shared.vus, shared.duration_ms), (100.0, 40, 3_000), "{load}");
        let share = |weight: u64| json!({"type": "mix-share", "mix": "mix", "weight": weight});
        assert_eq!(executor(&plan.scenarios[0]), share(3), "{load}");
        assert_eq!(executor(&plan.scenarios[2]), share(1), "{load}");
        assert!(!plan.scenarios[1].executor.is_open() || load.get("rate").is_some(), "{load}");
        let open = |index: usize| plan.workload["scenarios"][index]["open"].clone();
        assert_eq!((open(0), open(2)), (json!(true), json!(true)), "{load}");
    }
}

#[test]
fn several_mixes_have_shares_of_their_own() {
    let config = json!({
        "mixes": [
            {"name": "visitors", "users": 9, "duration": 5, "think_time": "1s"},
            {"name": "staff", "iterations": 9, "users": 3, "start": "2s", "pacing": "3s"},
        ],
        "scenarios": [
            {"name": "a", "mix": "visitors", "weight": 2}, {"name": "b", "mix": "visitors"},
            {"name": "c", "mix": "staff", "think_time": "1s"},
        ],
    });
    let plan = plan_of(config.clone());
    assert_eq!(plan.mixes[0].pause, Some(Pause::ThinkTime { min_ms: 1_000, max_ms: 1_000 }));
    assert_eq!(plan.mixes[1].pause, Some(Pause::Pacing { interval_ms: 3_000 }));
    assert_eq!((plan.mixes[1].start_ms, plan.mixes[1].executor.vus()), (2_000, 3));
    let thinks = plan.workload["scenarios"].as_array().unwrap().iter();
    let thinks: Vec<bool> = thinks.map(|scenario| scenario.to_string().contains("\"think\"")).collect();
    assert_eq!(thinks, [false, false, true]);
    // One share that thinks otherwise leaves all pauses with the guests.
    let mut uneven = config;
    uneven["scenarios"][0]["think_time"] = "2s".into();
    assert_eq!(plan_of(uneven).mixes[0].pause, None);
}

#[test]
fn flags_shape_the_load_of_a_mix() {
    let config = json!({"target_url": "http://a", "mix": {"stages": "5s:5"}, "scenarios": [{"weight": 1}]});
    let plan = plan(&[], json!({"rate": 9.0, "vus": 4, "duration": 1_000}), config);
    let Executor::ConstantArrivalRate(shared) = &plan.mixes[0].executor else { panic!() };
    assert_eq!((shared.rate_per_s, shared.vus), (9.0, 4));
    assert_eq!(plan.notes, ["mix `mix`: `--rate` replaces `/mix/stages` of the config"]);
}

#[test]
fn what_makes_no_load_is_named_where_it_stands() {
    check_refused(&[
        (json!({"scenarios": [{"stages": "5s"}]}), "/scenarios/0/stages", "stage 1: `5s` is not a length"),
        (
            json!({"scenarios": [{"stages": [{"duration": 5, "users": 5}, {"duration": 5, "rate": 5}]}]}),
            "/scenarios/0/stages/1",
            "stage 2: it leads to a rate",
        ),
        (
            json!({"scenarios": [{"iterations": 5, "rps": 5}]}),
            "/scenarios/0/iterations",
            "`iterations` and `rps` cannot both be given",
        ),
        (json!({"stages": "5s:5", "duration": 5}), "/stages", "`stages` and `duration` cannot both be given"),
        (json!({"arrivals": "poisson"}), "/arrivals", "is about a rate, and there is none"),
        (json!({"control": "yes"}), "/control", "not one of external"),
        (json!({"pacing": 1, "rps": 5}), "/pacing", "`pacing` and `rps`"),
        (json!({"think_time": "101d"}), "/think_time", "more than 100 days"),
        (json!({"max_users": 5}), "/max_users", "is for a controlled load"),
    ]);
}

#[test]
fn wrong_mixes_are_named() {
    let share = json!([{"weight": 1}]);
    let two = json!([{"name": "visitors", "users": 1}, {"name": "staff", "users": 1}]);
    check_refused(&[
        (json!({"mix": 5, "scenarios": share}), "/mix", "a mix: a mapping"),
        (json!({"mix": {"rate": 0}, "scenarios": share}), "/mix/rate", "more than 0"),
        (json!({"mix": {"weight": 1}, "scenarios": share}), "/mix/weight", "no setting `weight`"),
        (json!({"mix": {"users": 1}}), "/mix", "no scenario has a share of the mix `mix`"),
        (json!({"mix": {}, "mixes": [], "scenarios": share}), "/mixes", "cannot both be given"),
        (json!({"mixes": [{"users": 1}], "scenarios": [{"users": 1}]}), "/mixes/0", "the mix has no `name`"),
        (
            json!({"mixes": two, "scenarios": [{"mix": "visitors"}, {"mix": "stuff"}, {"mix": "staff"}]}),
            "/scenarios/1/mix",
            "there is no mix `stuff` (did you mean `staff`?)",
        ),
        (
            json!({"mixes": two, "scenarios": [{"mix": "visitors"}, {"weight": 1}, {"mix": "staff"}]}),
            "/scenarios/1",
            "of which mix it is a share (write `mix:` and one of visitors, staff)",
        ),
        (json!({"scenarios": [{"weight": 0}]}), "/scenarios/0/weight", "a weight is 1 to"),
        (
            json!({"scenarios": [{"weight": 1, "users": 5}]}),
            "/scenarios/0/users",
            "`users` belongs to the mix",
        ),
        (
            json!({"scenarios": [{"weight": 1, "start": 5}]}),
            "/scenarios/0/start",
            "`start` belongs to the mix",
        ),
        (json!({"users": 0, "scenarios": [{"weight": 1}, {"weight": 2}]}), "/users", "0 virtual users"),
        (
            json!({"scenarios": [{"weight": 9_973}, {"weight": 9_967}]}),
            "",
            "the weights of mix `mix` add up to 19940",
        ),
    ]);
}
