#![no_main]

#[path = "../checks/component.rs"]
mod component;

libfuzzer_sys::fuzz_target!(|input: &[u8]| component::check(input));
