//! No config panics.

use devstress::DevStress;
use proptest::prelude::*;
use stresshost_plan::yaml::Document;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::Value;
use stresshost_sdk::testing::{self, FakeHost, input};

/// Keys that mean something, and one that does not.
const KEYS: &str = "target_url http headers users rps duration think_time min max data name columns rows order scenarios requests journeys weight get url json body form extract check status header regex group matches on_failure stages iterations per_user arrivals control max_users pacing start_users start_rate mix mixes phases depends_on load_multiplier criteria thresholds limits pass_share burst global scenario target x";

/// Texts that mean something somewhere.
const TEXTS: &str = "5s:3 5s:3/s external poisson errors.rate<1% 80% / http://a/{{x}} {{vu}} {{random.5}} {{ }} {{f.c}} 5m 2xx ( (a) stop_journey é f c ?{{&uuid}} 0";

fn words(text: &'static str) -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(text.split(' ').collect::<Vec<_>>())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u64..5).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words(TEXTS).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((words(KEYS), inner), 0..6).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

/// The config of the example, which uses nearly every setting.
fn example() -> Value {
    let text = include_str!("../../examples/shop.yaml");
    Document::parse("shop.yaml", text).unwrap_or_else(|error| panic!("{}", error.render())).into_value()
}

/// Pointers to every value within a value.
fn pointers(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| pointers(item, &format!("{at}/{index}"), into));
        }
        Value::Object(map) => {
            let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
            map.iter().for_each(|(key, item)| pointers(item, &format!("{at}/{}", escape(key)), into));
        }
        _ => {}
    }
}

/// Plans; a plan must be one that the host takes and that virtual users can run.
fn plan_and_run(args: &[&str], flags: &Value, config: &Value) -> Result<(), TestCaseError> {
    match DevStress::plan(input(args, flags, config)) {
        Err(problems) => prop_assert!(!problems.is_empty()),
        Ok(plan) => {
            prop_assert_eq!(plan.validate(), []);
            for (index, scenario) in (0_u32..).zip(&plan.scenarios) {
                let _host = FakeHost::new();
                let started = testing::start_in::<DevStress>(&plan, &scenario.phase, 0);
                prop_assert!(started.is_ok(), "{:?}", started.err());
                let mut user = started.unwrap_or_default();
                let own = scenario.own_index.unwrap_or(index);
                let done = user.iterate(Iteration { scenario: own, number: 0 });
                let code = done.err().map(|failure| failure.code);
                prop_assert_ne!(code.as_deref(), Some(Failure::SETUP));
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_config(config in any_json(), flags in any_json(), url in "\\PC{0,20}") {
        for args in [vec![], vec!["http://a/"], vec![url.as_str()]] {
            plan_and_run(&args, &flags, &config)?;
        }
    }

    #[test]
    fn a_good_config_with_one_value_replaced(at in any::<prop::sample::Index>(), value in any_json()) {
        let mut config = example();
        let mut places = Vec::new();
        pointers(&config, "", &mut places);
        if let Some(place) = config.pointer_mut(&places[at.index(places.len())]) {
            *place = value;
        }
        plan_and_run(&["http://a/"], &Value::Null, &config)?;
    }
}
