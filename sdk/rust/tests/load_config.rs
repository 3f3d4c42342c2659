//! The keys of a load in a config.

use stresshost_sdk::config::{Found, Node};
use stresshost_sdk::load::GivenLoad;
use stresshost_sdk::serde_json::{self, Value, json};

fn read(config: &Value) -> (GivenLoad, Found) {
    let mut found = Found::default();
    let known = [&GivenLoad::KEYS[..], &GivenLoad::RUN_KEYS].concat();
    let fields =
        Node::new(config, "/s").fields(&mut found, "a load", &known).expect("the config is a mapping");
    let load = GivenLoad::read(&fields, &mut found);
    load.check("/s", &mut found);
    (load, found)
}

#[test]
fn a_config_makes_every_shape() {
    for (config, executor) in [
        (
            json!({"users": 5, "duration": "1m", "ramp_up": 10}),
            json!({"type": "constant-vus", "vus": 5, "duration_ms": 60_000, "ramp_up_ms": 10_000}),
        ),
        (
            json!({"vus": 5, "rps": "600/m", "arrivals": "poisson", "duration": 1}),
            json!({"type": "constant-arrival-rate", "vus": 5, "rate_per_s": 10.0, "spacing": "poisson",
                   "duration_ms": 1_000, "ramp_up_ms": 0}),
        ),
        (
            json!({"stages": [{"duration": "30s", "users": 50}, {"duration": 5, "vus": 0}], "start_users": 3}),
            json!({"type": "ramping-vus", "start_vus": 3,
                   "stages": [{"duration_ms": 30_000, "vus": 50}, {"duration_ms": 5_000, "vus": 0}]}),
        ),
        (
            json!({"stages": [{"duration": 3, "rate": "100/s"}, "5s:7/s"], "start_rate": 9, "users": 4}),
            json!({"type": "ramping-arrival-rate", "start_rate_per_s": 9.0, "vus": 4, "spacing": "even",
                   "stages": [{"duration_ms": 3_000, "rate_per_s": 100.0}, {"duration_ms": 5_000, "rate_per_s": 7.0}]}),
        ),
        (
            json!({"stages": "30s:5"}),
            json!({"type": "ramping-vus", "start_vus": 0, "stages": [{"duration_ms": 30_000, "vus": 5}]}),
        ),
        (
            json!({"iterations": 9, "users": 3, "max_duration": "1m"}),
            json!({"type": "shared-iterations", "iterations": 9, "vus": 3, "max_duration_ms": 60_000}),
        ),
        (
            json!({"iterations": 9, "users": 3, "per_user": true, "max_duration": "1m"}),
            json!({"type": "per-vu-iterations", "iterations": 9, "vus": 3, "max_duration_ms": 60_000}),
        ),
        (
            json!({"control": "external", "users": 3, "max_users": 30, "duration": "1h"}),
            json!({"type": "externally-controlled", "vus": 3, "max_vus": 30, "duration_ms": 3_600_000}),
        ),
    ] {
        let (given, found) = read(&config);
        assert_eq!(found.problems, [], "{config}");
        let mut notes = Vec::new();
        let made = given.shape.executor("", &mut notes);
        assert_eq!(serde_json::to_value(made).unwrap(), executor, "{config}");
        assert_eq!(notes, Vec::<String>::new(), "{config}");
    }
    let (given, _) = read(&json!({"pacing": "250ms", "warmup": 1, "graceful_stop": 2}));
    assert_eq!((given.shape.pacing_ms, given.shape.warmup_ms), (Some(250), Some(1_000)));
    assert_eq!(given.shape.graceful_stop_ms, Some(2_000));
    assert_eq!(given.place("pacing"), Some("/s/pacing"));
    assert_eq!(given.places().collect::<Vec<_>>(), ["/s/pacing", "/s/warmup", "/s/graceful_stop"]);
}

#[test]
fn wrong_settings_are_named_with_their_place() {
    for (config, path, message) in [
        (json!({"users": -1}), "/s/users", "a number of users is wanted here, not `-1`"),
        (json!({"users": 1, "vus": 1}), "/s/vus", "`vus` and `users` cannot both be given"),
        (json!({"users": 0}), "/s/users", "0 virtual users do nothing"),
        (json!({"rate": "x"}), "/s/rate", "`x` is not a rate"),
        (json!({"stages": 5}), "/s/stages", "a list of stages is wanted here, not `5`"),
        (json!({"stages": []}), "/s/stages", "there are no stages"),
        (json!({"stages": ""}), "/s/stages", "there are no stages"),
        (json!({"stages": "5s:5,x"}), "/s/stages", "stage 2: `x` is not a length and a target"),
        (json!({"stages": ["5s:5", "x"]}), "/s/stages/1", "`x` is not a length and a target"),
        (json!({"stages": [{"users": 5}]}), "/s/stages/0", "the stage has no `duration`"),
        (json!({"stages": [{"duration": 5}]}), "/s/stages/0", "the stage has no target"),
        (
            json!({"stages": [{"duration": 5, "users": 5, "rate": 5}]}),
            "/s/stages/0/rate",
            "`rate` and `users` cannot",
        ),
        (
            json!({"stages": [{"duration": 5, "users": 5, "target": 5}]}),
            "/s/stages/0/target",
            "there is no setting `target`",
        ),
        (
            json!({"stages": [{"duration": 5, "users": 5}, {"duration": 5, "rate": 5}]}),
            "/s/stages/1",
            "stage 2: it leads to a rate, the first to a number of users",
        ),
        (json!({"stages": [{"duration": 0, "users": 5}]}), "/s/stages", "the stages have a length of 0"),
        (json!({"iterations": "x"}), "/s/iterations", "a number of iterations is wanted"),
        (
            json!({"iterations": 5, "rps": 5}),
            "/s/iterations",
            "`iterations` and `rps` cannot both be given: a number of iterations is done as fast",
        ),
        (
            json!({"stages": "5s:5", "duration": 5}),
            "/s/stages",
            "`stages` and `duration` cannot both be given",
        ),
        (json!({"stages": "5s:5", "users": 5}), "/s/stages", "`stages` and `users` cannot both be given"),
        (
            json!({"stages": "5s:5", "start_rate": 5}),
            "/s/start_rate",
            "`start_rate` and `stages` cannot both",
        ),
        (
            json!({"stages": "5s:5/s", "start_users": 5}),
            "/s/start_users",
            "`start_users` and `stages` cannot",
        ),
        (json!({"start_users": 5}), "/s/start_users", "`start_users` is where stages begin"),
        (json!({"arrivals": "poison", "rps": 5}), "/s/arrivals", "`poison` is not one of even, poisson"),
        (json!({"arrivals": "poisson"}), "/s/arrivals", "`arrivals` is about a rate"),
        (json!({"control": "internal"}), "/s/control", "`internal` is not one of external"),
        (json!({"per_user": true}), "/s/per_user", "`per_user` is about a number of iterations"),
        (json!({"per_user": 1, "iterations": 1}), "/s/per_user", "`true` or `false` is wanted"),
        (json!({"max_users": 20}), "/s/max_users", "`max_users` is for a controlled load"),
        (json!({"pacing": 5, "rps": 5}), "/s/pacing", "`pacing` and `rps` cannot both be given"),
    ] {
        let (_, found) = read(&config);
        assert_eq!(found.problems.len(), 1, "{config}: {:?}", found.problems);
        assert_eq!(found.problems[0].path, path, "{config}");
        assert!(found.problems[0].message.starts_with(message), "{config}: {:?}", found.problems);
    }
}

#[test]
fn a_closer_place_wins_and_says_what_it_replaces() {
    let flags = stresshost_sdk::testing::input(&[], json!({"rate": 9.0}), ());
    let mut found = Found::default();
    let flags = GivenLoad::from_flags(&flags, &mut found);
    let (config, _) = read(&json!({"stages": "5s:5", "warmup": 1, "start_users": 2}));
    assert_eq!(flags.replaces(&config), [("--rate", "/s/stages")]);
    let merged = flags.or(&config);
    assert_eq!((merged.place("rate"), merged.place("stages")), (Some("--rate"), None));
    assert_eq!((merged.place("start_vus"), merged.place("warmup")), (None, Some("/s/warmup")));
    let (config, _) = read(&json!({"rps": 5, "users": 3}));
    assert_eq!(flags.replaces(&config), [("--rate", "/s/rps")]);
    assert_eq!(flags.or(&config).shape.rate_per_s, Some(9.0));
    let (other, _) = read(&json!({"stages": "5s:9"}));
    let (config, _) = read(&json!({"stages": "5s:5", "start_users": 2}));
    assert_eq!(other.replaces(&config), [("/s/stages", "/s/stages")]);
    assert_eq!(other.or(&config), other, "where stages begin belongs to them");
}
