//! Describes itself in prose instead of JSON. The SDK cannot do that, so this guest implements the contract itself.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exporting symbols is unsafe in the 2024 edition")]

use stresshost_sdk::bindings::exports::stresshost::workload::guest::{Failure, Guest, Iteration, VuInfo};

stresshost_sdk::export_api_section!();

struct Component;

impl Guest for Component {
    fn describe() -> String {
        "I load things".to_owned()
    }

    fn plan(_: String) -> Result<String, String> {
        Ok(String::new())
    }

    fn setup(_: String) -> Result<String, Failure> {
        Ok(String::new())
    }

    fn setup_phase(_: String) -> Result<String, Failure> {
        Ok(String::new())
    }

    fn start(_: VuInfo, _: String) -> Result<(), Failure> {
        Ok(())
    }

    fn iterate(_: Iteration) -> Result<(), ()> {
        Ok(())
    }

    fn finish() {}

    fn teardown_phase(_: String) -> Result<(), Failure> {
        Ok(())
    }

    fn teardown(_: String) -> Result<(), Failure> {
        Ok(())
    }

    fn analyze(_: String) -> String {
        String::new()
    }
}

stresshost_sdk::bindings::export_component!(Component with_types_in stresshost_sdk::bindings);
