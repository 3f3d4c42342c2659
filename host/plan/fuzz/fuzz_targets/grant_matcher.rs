#![no_main]

#[path = "../checks/grant_matcher.rs"]
mod grant_matcher;

libfuzzer_sys::fuzz_target!(|input: &[u8]| grant_matcher::check(input));
