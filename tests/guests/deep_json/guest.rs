//! Its plan is nested a hundred thousand times.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exporting symbols is unsafe in the 2024 edition")]

stresshost_guests::answers!(
    describe: stresshost_guests::described("deep_json"),
    plan: {
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        format!(r#"{{"schema": "stresshost.plan/1", "workload": {open}1{close}}}"#)
    },
    analyze: r#"{"schema": "stresshost.analysis/1"}"#.to_owned()
);
