#![no_main]

#[path = "../checks/run_record.rs"]
mod run_record;

libfuzzer_sys::fuzz_target!(|input: &[u8]| run_record::check(input));
