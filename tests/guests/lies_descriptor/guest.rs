//! Calls itself what would be a path and a colour to a host that believes it.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exporting symbols is unsafe in the 2024 edition")]

stresshost_guests::answers!(
    describe: stresshost_guests::described("../../up\\u001b[31m"),
    plan: stresshost_guests::planned(),
    analyze: r#"{"schema": "stresshost.analysis/1"}"#.to_owned()
);
