//! The standard flags and the load they make.

use proptest::prelude::*;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{Value, json};
use stresshost_sdk::testing::input;

fn read(flags: Value) -> (LoadFlags, Problems) {
    let mut problems = Problems::new();
    let load = LoadFlags::read(&input(&[], flags, ()), &mut problems);
    (load, problems)
}

#[test]
fn flags_become_executors_and_defaults_become_notes() {
    for (flags, load, notes) in [
        (json!({}), "10 virtual users for 30s", 2),
        (json!({"vus": 3, "duration": 5_000}), "3 virtual users for 5s", 0),
        (json!({"vus": 3, "duration": 5_000, "ramp-up": 1_000}), "3 virtual users for 5s, ramp-up 1s", 0),
        (json!({"rate": 5.0, "duration": 5_000}), "5/s for 5s, up to 10 at once", 1),
        (json!({"rate": 501.0, "duration": 5_000}), "501/s for 5s, up to 51 at once", 1),
        (json!({"rate": 1e6, "duration": 5_000}), "1000000/s for 5s, up to 1000 at once", 1),
        (json!({"rate": 5.0, "vus": 70, "duration": 5_000}), "5/s for 5s, up to 70 at once", 0),
    ] {
        let (read, problems) = read(flags.clone());
        let mut noted = Vec::new();
        assert_eq!(problems, []);
        assert_eq!(read.executor("", &mut noted).describe(), load, "{flags}");
        assert_eq!(noted.len(), notes, "{flags}: {noted:?}");
    }
}

#[test]
fn what_makes_no_load_is_refused_by_flag() {
    let century = 101_u64 * 24 * 3_600_000;
    for (flags, path) in [
        (json!({"vus": 0}), "--vus"),
        (json!({"vus": 1_000_001}), "--vus"),
        (json!({"rate": 0.0}), "--rate"),
        (json!({"rate": 1e8}), "--rate"),
        (json!({"duration": 0}), "--duration"),
        (json!({"duration": century}), "--duration"),
        (json!({"ramp-up": 30_001}), "--ramp-up"),
        (json!({"warmup": century}), "--warmup"),
        (json!({"graceful-stop": century}), "--graceful-stop"),
    ] {
        let paths: Vec<_> = read(flags.clone()).1.into_iter().map(|problem| problem.path).collect();
        assert_eq!(paths, [path], "{flags}");
    }
}

#[test]
fn every_flag_is_read() {
    let all = json!({
        "vus": 1, "rate": 2.0, "duration": 3, "ramp-up": 3, "warmup": 4, "graceful-stop": 5,
    });
    let names: Vec<_> = LoadFlags::flags().into_iter().map(|flag| flag.name).collect();
    assert!(names.iter().all(|name| all.get(name).is_some()), "{names:?}");
    let (load, problems) = read(all);
    assert_eq!(problems, []);
    let mut plan = Plan::default();
    load.apply(&mut plan);
    assert_eq!((plan.warmup_ms, plan.graceful_stop_ms), (4, 5));
    assert_eq!(load.or(&LoadFlags::default()), load);
    assert_eq!(LoadFlags::default().or(&load), load);
}

proptest! {
    #[test]
    fn what_has_no_problems_makes_a_valid_plan(
        vus in prop::option::of(0..2_000_000_u64),
        rate in prop::option::of(any::<f64>()),
        duration in prop::option::of(0..100_000_u64),
        ramp in prop::option::of(0..100_000_u64),
    ) {
        let load = LoadFlags { vus, rate_per_s: rate, duration_ms: duration, ramp_up_ms: ramp, ..LoadFlags::default() };
        let mut problems = Problems::new();
        load.check(str::to_owned, &mut problems);
        let executor = load.executor("", &mut Vec::new());
        let plan = Plan {
            schema: stresshost_sdk::documents::PLAN_SCHEMA.to_owned(),
            scenarios: vec![Scenario { name: "main".to_owned(), start_ms: 0, executor }],
            ..Plan::default()
        };
        prop_assert_eq!(problems.is_empty(), plan.validate().is_empty(), "{:?} {:?}", problems, plan.validate());
    }
}
