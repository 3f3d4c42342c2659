#![no_main]

#[path = "../checks/config_yaml.rs"]
mod config_yaml;

libfuzzer_sys::fuzz_target!(|input: &[u8]| config_yaml::check(input));
