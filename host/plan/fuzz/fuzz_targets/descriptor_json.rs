#![no_main]

#[path = "../checks/descriptor_json.rs"]
mod descriptor_json;

libfuzzer_sys::fuzz_target!(|input: &[u8]| descriptor_json::check(input));
