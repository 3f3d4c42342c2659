//! Its plan has a hundred megabytes.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exporting symbols is unsafe in the 2024 edition")]

stresshost_guests::answers!(
    describe: stresshost_guests::described("big_plan"),
    plan: " ".repeat(100 << 20),
    analyze: r#"{"schema": "stresshost.analysis/1"}"#.to_owned()
);
