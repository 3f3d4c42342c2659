//! From command line and config to a plan, and every way in which that fails.

mod accepted;
mod any;
mod refused;
mod schema;

use devstress::DevStress;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{Value, json};
use stresshost_sdk::testing::input;

const URL: &str = "http://shop.test:8080/products";

fn plan(args: &[&str], flags: Value, config: Value) -> Plan {
    DevStress::plan(input(args, flags, config)).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn problems(args: &[&str], flags: Value, config: Value) -> Problems {
    DevStress::plan(input(args, flags, config)).expect_err("the plan should be refused")
}

fn with_request(request: Value) -> Value {
    json!({ "target_url": "http://a", "data": [
        {"name": "user", "columns": ["email"], "rows": [["a@b"]]},
    ], "requests": [request] })
}
