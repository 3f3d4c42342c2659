//! Never comes to a plan.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exporting symbols is unsafe in the 2024 edition")]

stresshost_guests::answers!(
    describe: stresshost_guests::described("slow_plan"),
    plan: spin(),
    analyze: r#"{"schema": "stresshost.analysis/1"}"#.to_owned()
);

/// Computes for ever.
fn spin() -> String {
    loop {
        std::hint::black_box(());
    }
}
