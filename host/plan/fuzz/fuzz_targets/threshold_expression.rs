#![no_main]

#[path = "../checks/threshold_expression.rs"]
mod threshold_expression;

libfuzzer_sys::fuzz_target!(|input: &[u8]| threshold_expression::check(input));
