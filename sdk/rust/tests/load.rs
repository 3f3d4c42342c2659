//! The standard flags and the load they make.

use proptest::prelude::*;
use stresshost_sdk::documents::{Pause, Spacing};
use stresshost_sdk::load::Stages;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{self, Value, json};
use stresshost_sdk::testing::input;

fn read(flags: Value) -> (LoadFlags, Problems) {
    let mut problems = Problems::new();
    let load = LoadFlags::read(&input(&[], flags, ()), &mut problems);
    (load, problems)
}

/// A plan of one scenario with the load.
fn plan(load: &LoadFlags) -> Plan {
    let mut plan = Plan {
        schema: stresshost_sdk::documents::PLAN_SCHEMA.to_owned(),
        name: "test".to_owned(),
        scenarios: vec![load.scenario("main", "", &mut Vec::new())],
        ..Plan::default()
    };
    load.apply(&mut plan);
    plan
}

fn iterations(kind: &str, iterations: u64, vus: u64, max_duration_ms: u64) -> Value {
    json!({"type": kind, "iterations": iterations, "vus": vus, "max_duration_ms": max_duration_ms})
}

#[test]
fn flags_become_executors_and_defaults_become_notes() {
    let users = |vus: u64, duration_ms: u64, ramp_up_ms: u64| json!({"type": "constant-vus", "vus": vus, "duration_ms": duration_ms, "ramp_up_ms": ramp_up_ms});
    let rate = |rate: f64, vus: u64, spacing: &str| {
        json!({"type": "constant-arrival-rate", "rate_per_s": rate, "vus": vus, "duration_ms": 5_000, "ramp_up_ms": 0,
               "spacing": spacing})
    };
    let ramp = |stages: Value, vus: u64, spacing: &str| json!({"type": "ramping-arrival-rate", "start_rate_per_s": 0.0, "stages": stages, "vus": vus, "spacing": spacing});
    for (flags, executor, notes) in [
        (json!({}), users(10, 30_000, 0), 2),
        (json!({"vus": 3, "duration": 5_000}), users(3, 5_000, 0), 0),
        (json!({"vus": 3, "duration": 5_000, "ramp-up": 1_000}), users(3, 5_000, 1_000), 0),
        (json!({"rate": 5.0, "duration": 5_000}), rate(5.0, 10, "even"), 1),
        (json!({"rate": 501.0, "duration": 5_000}), rate(501.0, 51, "even"), 1),
        (json!({"rate": 1e6, "duration": 5_000}), rate(1e6, 1_000, "even"), 1),
        (json!({"rate": 5.0, "vus": 70, "duration": 5_000}), rate(5.0, 70, "even"), 0),
        (
            json!({"rate": 5.0, "vus": 7, "duration": 5_000, "arrivals": "poisson"}),
            rate(5.0, 7, "poisson"),
            0,
        ),
        (
            json!({"stages": "30s:50,1m:0"}),
            json!({"type": "ramping-vus", "start_vus": 0,
                   "stages": [{"duration_ms": 30_000, "vus": 50}, {"duration_ms": 60_000, "vus": 0}]}),
            0,
        ),
        (
            json!({"stages": "5s:100/s,5s:500/s"}),
            ramp(
                json!([{"duration_ms": 5_000, "rate_per_s": 100.0}, {"duration_ms": 5_000, "rate_per_s": 500.0}]),
                50,
                "even",
            ),
            1,
        ),
        (
            json!({"stages": "0s:60/m,5s:5/s", "vus": 3, "arrivals": "poisson"}),
            ramp(
                json!([{"duration_ms": 0, "rate_per_s": 1.0}, {"duration_ms": 5_000, "rate_per_s": 5.0}]),
                3,
                "poisson",
            ),
            0,
        ),
        (json!({"iterations": 100}), iterations("shared-iterations", 100, 10, 600_000), 2),
        (json!({"iterations": 3}), iterations("shared-iterations", 3, 3, 600_000), 2),
        (
            json!({"iterations": 3, "vus": 5, "per-user": true, "max-duration": 60_000}),
            iterations("per-vu-iterations", 3, 5, 60_000),
            0,
        ),
        (json!({"iterations": 3, "per-user": true}), iterations("per-vu-iterations", 3, 10, 600_000), 2),
        (
            json!({"controlled": true, "duration": 60_000, "vus": 2, "max-vus": 9}),
            json!({"type": "externally-controlled", "vus": 2, "max_vus": 9, "duration_ms": 60_000}),
            0,
        ),
        (
            json!({"controlled": true, "duration": 60_000, "rate": 50.0}),
            json!({"type": "externally-controlled", "vus": 10, "max_vus": 0, "rate_per_s": 50.0,
                   "duration_ms": 60_000}),
            1,
        ),
    ] {
        let (read, problems) = read(flags.clone());
        let mut noted = Vec::new();
        assert_eq!(problems, [], "{flags}");
        assert_eq!(serde_json::to_value(read.executor("", &mut noted)).unwrap(), executor, "{flags}");
        assert_eq!(noted.len(), notes, "{flags}: {noted:?}");
        assert_eq!(plan(&read).validate(), [], "{flags}");
    }
}

#[test]
fn what_makes_no_load_is_refused_by_flag() {
    let century = 101_u64 * 24 * 3_600_000;
    for (flags, path, words) in [
        (json!({"vus": 0}), "--vus", "0 virtual users do nothing"),
        (json!({"vus": 1_000_001}), "--vus", "the most is 1000000"),
        (json!({"rate": 0.0}), "--rate", "more than 0"),
        (json!({"rate": 1e8}), "--rate", "the most is"),
        (json!({"duration": 0}), "--duration", "measures nothing"),
        (json!({"duration": century}), "--duration", "too long"),
        (json!({"ramp-up": 30_001}), "--ramp-up", "longer than the 30s"),
        (json!({"warmup": century}), "--warmup", "too long"),
        (json!({"graceful-stop": century}), "--graceful-stop", "too long"),
        (json!({"iterations": 0}), "--iterations", "0 iterations do nothing"),
        (json!({"iterations": 2_000_000_000_000_u64}), "--iterations", "the most of all users is"),
        (
            json!({"iterations": 20_000_000_000_u64, "per-user": true, "vus": 100}),
            "--iterations",
            "the most of all users is",
        ),
        (json!({"iterations": 1, "max-duration": 0}), "--max-duration", "measures nothing"),
        (json!({"pacing": 0}), "--pacing", "leave it out"),
        (json!({"controlled": true, "max-vus": 0}), "--max-vus", "do nothing"),
        (
            json!({"controlled": true, "max-vus": 5}),
            "--max-vus",
            "5 virtual users at most are fewer than the 10",
        ),
        (json!({"stages": "30s"}), "--stages", "stage 1: `30s` is not a length and a target"),
        (json!({"stages": "30s:50,1m:5/s"}), "--stages", "stage 2: it leads to a rate"),
        (json!({"stages": "0s:50"}), "--stages", "a length of 0"),
    ] {
        let problems = read(flags.clone()).1;
        assert_eq!(problems.len(), 1, "{flags}: {problems:?}");
        assert_eq!(problems[0].path, path, "{flags}");
        assert!(problems[0].message.contains(words), "{flags}: {problems:?}");
        assert_eq!(problems[0].hint.is_some(), path == "--stages", "{flags}");
    }
}

#[test]
fn flags_that_contradict_each_other_are_both_named() {
    for (flags, path, message) in [
        (
            json!({"iterations": 5, "rate": 5.0}),
            "--iterations",
            "`--iterations` and `--rate` cannot both be given: a number of iterations is done as fast as the users can",
        ),
        (
            json!({"stages": "5s:5", "duration": 5_000}),
            "--stages",
            "`--stages` and `--duration` cannot both be given: every stage has a length of its own",
        ),
        (json!({"stages": "5s:5", "vus": 5}), "--stages", "`--stages` and `--vus` cannot both"),
        (json!({"stages": "5s:5/s", "rate": 5.0}), "--stages", "`--stages` and `--rate` cannot both"),
        (json!({"stages": "5s:5", "iterations": 5}), "--iterations", "`--iterations` and `--stages`"),
        (json!({"stages": "5s:5", "ramp-up": 5}), "--stages", "`--stages` and `--ramp-up`"),
        (json!({"stages": "5s:5", "controlled": true}), "--stages", "`--stages` and `--controlled`"),
        (json!({"iterations": 5, "duration": 5}), "--iterations", "`--iterations` and `--duration`"),
        (json!({"iterations": 5, "ramp-up": 5}), "--iterations", "`--iterations` and `--ramp-up`"),
        (json!({"iterations": 5, "controlled": true}), "--iterations", "`--iterations` and `--controlled`"),
        (json!({"controlled": true, "ramp-up": 5}), "--controlled", "`--controlled` and `--ramp-up`"),
        (
            json!({"controlled": true, "rate": 5.0, "arrivals": "poisson"}),
            "--controlled",
            "`--controlled` and `--arrivals`",
        ),
        (json!({"pacing": 5, "rate": 5.0}), "--pacing", "`--pacing` and `--rate`"),
        (json!({"pacing": 5, "stages": "5s:5/s"}), "--pacing", "`--pacing` and `--stages`"),
        (json!({"arrivals": "poisson"}), "--arrivals", "`--arrivals` is about a rate, and there is none"),
        (json!({"arrivals": "even", "stages": "5s:5"}), "--arrivals", "`--arrivals` is about a rate"),
        (json!({"per-user": true}), "--per-user", "`--per-user` is about a number of iterations"),
        (json!({"max-duration": 5}), "--max-duration", "`--max-duration` limits a number of iterations"),
        (json!({"max-vus": 50}), "--max-vus", "`--max-vus` is for a controlled load"),
        (json!({"max-vus": 50, "rate": 5.0}), "--max-vus", "`--max-vus` is for a controlled load"),
    ] {
        let problems = read(flags.clone()).1;
        assert_eq!(problems.len(), 1, "{flags}: {problems:?}");
        assert_eq!(problems[0].path, path, "{flags}");
        assert!(problems[0].message.starts_with(message), "{flags}: {problems:?}");
    }
}

#[test]
fn every_flag_is_read() {
    let all = json!({
        "vus": 1, "rate": 2.0, "duration": 3, "ramp-up": 3, "warmup": 4, "graceful-stop": 5, "stages": "5s:5/s",
        "iterations": 6, "per-user": true, "max-duration": 7, "arrivals": "poisson", "pacing": 8, "controlled": true,
        "max-vus": 9,
    });
    let names: Vec<_> = LoadFlags::flags().into_iter().map(|flag| flag.name).collect();
    assert!(names.iter().all(|name| all.get(name).is_some()), "{names:?}");
    assert_eq!(names.len(), all.as_object().map_or(0, serde_json::Map::len));
    let (load, _) = read(all);
    assert_eq!(
        (load.vus, load.rate_per_s, load.duration_ms, load.ramp_up_ms),
        (Some(1), Some(2.0), Some(3), Some(3))
    );
    assert_eq!((load.iterations, load.per_user, load.max_duration_ms), (Some(6), Some(true), Some(7)));
    assert_eq!((load.arrivals, load.controlled, load.max_vus), (Some(Spacing::Poisson), Some(true), Some(9)));
    assert_eq!(load.pause(), Some(Pause::Pacing { interval_ms: 8 }));
    assert!(matches!(load.stages, Some(Stages::Rate(ref stages)) if stages.len() == 1));
    let mut plan = Plan::default();
    load.apply(&mut plan);
    assert_eq!((plan.warmup_ms, plan.graceful_stop_ms), (4, 5));
}

#[test]
fn a_load_takes_from_another_what_does_not_contradict_it() {
    let load = |flags: Value| read(flags).0;
    for (high, low, merged) in [
        (json!({}), json!({"rate": 5.0}), json!({"rate": 5.0})),
        (json!({"vus": 5}), json!({"rate": 5.0, "vus": 9}), json!({"rate": 5.0, "vus": 5})),
        (json!({"rate": 5.0}), json!({"stages": "5s:5", "pacing": 5}), json!({"rate": 5.0})),
        (json!({"duration": 5}), json!({"stages": "5s:5/s", "vus": 3}), json!({"duration": 5, "vus": 3})),
        (json!({"vus": 5}), json!({"stages": "5s:5"}), json!({"vus": 5})),
        (json!({"vus": 5}), json!({"stages": "5s:5/s"}), json!({"vus": 5, "stages": "5s:5/s"})),
        (
            json!({"duration": 5}),
            json!({"iterations": 5, "per-user": true, "max-duration": 9, "vus": 3}),
            json!({"duration": 5, "vus": 3}),
        ),
        (
            json!({"iterations": 5}),
            json!({"rate": 5.0, "arrivals": "poisson", "duration": 9, "vus": 3}),
            json!({"iterations": 5, "vus": 3}),
        ),
        (
            json!({"rate": 9.0}),
            json!({"rate": 5.0, "arrivals": "poisson"}),
            json!({"rate": 9.0, "arrivals": "poisson"}),
        ),
        (json!({"iterations": 5}), json!({"controlled": true, "max-vus": 9}), json!({"iterations": 5})),
        // What was wrong before stays wrong, so that it is said.
        (json!({"vus": 5}), json!({"per-user": true}), json!({"vus": 5, "per-user": true})),
    ] {
        assert_eq!(load(high.clone()).or(&load(low.clone())), load(merged), "{high} over {low}");
    }
}

/// Any flags, whether they go together or not.
fn any_flags() -> impl Strategy<Value = Value> {
    let whole =
        || prop::option::weighted(0.3, prop_oneof![0..5_u64, 0..100_000_u64, 0..2_000_000_000_000_u64]);
    let stages = prop::option::weighted(0.3, "([0-9]{0,4}(ms|s|m)?:[0-9]{1,3}(/s)?,?){1,3}");
    let arrivals = prop::option::weighted(0.3, prop_oneof![Just("even"), Just("poisson")]);
    let switch = || prop::option::weighted(0.3, any::<bool>());
    let rate = prop::option::weighted(0.3, any::<f64>());
    let numbers = (whole(), whole(), whole(), whole(), whole(), whole(), whole());
    (numbers, rate, stages, arrivals, switch(), switch()).prop_map(
        |(numbers, rate, stages, arrivals, per_user, controlled)| {
            let (vus, duration, ramp, iterations, max_duration, max_vus, pacing) = numbers;
            json!({
                "vus": vus, "duration": duration, "ramp-up": ramp, "iterations": iterations,
                "max-duration": max_duration, "max-vus": max_vus, "pacing": pacing, "rate": rate, "stages": stages,
                "arrivals": arrivals, "per-user": per_user, "controlled": controlled,
            })
        },
    )
}

/// Flags that make a load.
fn good_flags() -> impl Strategy<Value = Value> {
    let arrivals = prop_oneof![Just(Value::Null), Just(json!("even")), Just(json!("poisson"))];
    let maybe = |range: std::ops::Range<u64>| prop::option::of(range);
    (0..6, 1..500_u64, maybe(1..100), maybe(1_000..90_000), maybe(1..9_000), arrivals).prop_map(
        |(shape, size, vus, length, pacing, arrivals)| match shape {
            0 => json!({"vus": vus, "duration": length, "pacing": pacing, "ramp-up": 500}),
            1 => json!({"rate": size, "vus": vus, "duration": length, "arrivals": arrivals}),
            2 => json!({"stages": format!("5s:{size},0s:3"), "pacing": pacing}),
            3 => json!({"stages": format!("5s:{size}/s"), "vus": vus, "arrivals": arrivals}),
            4 => json!({"iterations": size, "vus": vus, "per-user": size % 2 == 0, "max-duration": length}),
            _ => json!({"controlled": true, "vus": vus, "max-vus": 500, "duration": length}),
        },
    )
}

proptest! {
    #[test]
    fn what_has_no_problems_makes_a_valid_plan(flags in prop_oneof![any_flags(), good_flags()]) {
        let (load, problems) = read(flags);
        let found = plan(&load).validate();
        prop_assert!(!problems.is_empty() || found.is_empty(), "{:?}", found);
    }

    #[test]
    fn good_loads_merge_into_a_good_load(high in good_flags(), low in good_flags()) {
        let ((high, wrong), (low, also_wrong)) = (read(high), read(low));
        prop_assert_eq!((wrong, also_wrong), (vec![], vec![]));
        let merged = high.or(&low);
        let mut problems = Problems::new();
        merged.check(str::to_owned, &mut problems);
        prop_assert_eq!(problems, []);
    }
}
