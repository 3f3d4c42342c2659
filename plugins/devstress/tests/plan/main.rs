//! From command line and config to a plan, and every way in which that fails.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod accepted;
mod any;
mod goals;
mod loads;
mod phases;
mod refused;
mod schema;

use devstress::DevStress;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{Value, json};
use stresshost_sdk::testing::input;

const URL: &str = "http://shop.test:8080/products";

fn plan(args: &[&str], flags: Value, config: Value) -> Plan {
    let plan = DevStress::plan(input(args, flags, config)).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(plan.validate(), []);
    plan
}

/// The plan of a config for one target.
fn plan_of(mut config: Value) -> Plan {
    config["target_url"] = "http://a".into();
    plan(&[], json!({}), config)
}

/// A config, and the path and words of the only problem of it.
type Case = (Value, &'static str, &'static str);

fn check_refused(cases: &[Case]) {
    for (config, path, words) in cases {
        let mut config = config.clone();
        config["target_url"] = "http://a".into();
        let problems = problems(&[], json!({}), config.clone());
        assert_eq!(problems.len(), 1, "{config}: {problems:?}");
        assert_eq!(problems[0].path, *path, "{config}: {problems:?}");
        let said = format!("{} ({})", problems[0].message, problems[0].hint.as_deref().unwrap_or_default());
        assert!(said.contains(words), "{config}: {said}");
    }
}

fn problems(args: &[&str], flags: Value, config: Value) -> Problems {
    DevStress::plan(input(args, flags, config)).expect_err("the plan should be refused")
}

fn with_request(request: Value) -> Value {
    json!({ "target_url": "http://a", "data": [
        {"name": "user", "columns": ["email"], "rows": [["a@b"]]},
    ], "requests": [request] })
}
