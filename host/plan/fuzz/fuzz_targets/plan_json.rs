#![no_main]

#[path = "../checks/plan_json.rs"]
mod plan_json;

libfuzzer_sys::fuzz_target!(|input: &[u8]| plan_json::check(input));
