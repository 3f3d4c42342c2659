//! Finds a hundred thousand things.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exporting symbols is unsafe in the 2024 edition")]

stresshost_guests::answers!(
    describe: stresshost_guests::described("flood_findings"),
    plan: stresshost_guests::planned(),
    analyze: {
        let finding = |number: u32| format!(r#"{{"rule": "r{number}", "severity": "high", "message": "m"}}"#);
        let findings = (0..100_000).map(finding).collect::<Vec<_>>().join(",");
        format!(r#"{{"schema": "stresshost.analysis/1", "findings": [{findings}]}}"#)
    }
);
