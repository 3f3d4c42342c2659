//! Does while it describes and analyses what only a running user may do.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "exporting symbols is unsafe in the 2024 edition")]

use stresshost_sdk::bindings::stresshost::workload::{artifacts, data, http, log, pacing};

/// Tries everything; the number of attempts that were answered with success.
fn attempts() -> usize {
    for number in 0..100_000 {
        log::write("warn", &format!("line {number}"));
    }
    pacing::sleep_us(3_600_000_000);
    let request = http::Request {
        name: "GET /",
        method: "GET",
        url: "http://127.0.0.1:9/",
        headers: &[],
        body: None,
        slots: &[],
        options: &[],
    };
    let fired = http::fire(0);
    let tried = [
        http::prepare(request).is_ok(),
        fired >> 48 == 0,
        artifacts::write("stolen.txt", b"x").is_ok(),
        data::open("users").is_ok(),
        pacing::acquire(0, 1_000) != 0,
    ];
    tried.into_iter().filter(|succeeded| *succeeded).count()
}

stresshost_guests::answers!(
    describe: match attempts() {
        0 => stresshost_guests::described("analyze_io"),
        _ => String::new(),
    },
    plan: stresshost_guests::planned(),
    analyze: format!(
        r#"{{"schema": "stresshost.analysis/1", "sections": [{{"title": "Attempts", "text": ["{} succeeded"]}}]}}"#,
        attempts()
    )
);
