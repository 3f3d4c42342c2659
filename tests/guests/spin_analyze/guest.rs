//! Never comes to a conclusion.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exporting symbols is unsafe in the 2024 edition")]

stresshost_guests::answers!(
    describe: stresshost_guests::described("spin_analyze"),
    plan: stresshost_guests::planned(),
    analyze: spin()
);

/// Computes for ever.
fn spin() -> String {
    loop {
        std::hint::black_box(());
    }
}
