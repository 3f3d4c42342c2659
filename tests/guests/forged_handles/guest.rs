//! Uses handles it was never given, in every function that takes one.

use stresshost_sdk::bindings::stresshost::workload::{checks, data, http, metrics, pacing};
use stresshost_sdk::checks::Check;
use stresshost_sdk::random;

/// The error `invalid`, as an answer holds it.
fn is_invalid(answer: u64) -> bool {
    let error = u32::try_from(answer >> 48).unwrap_or(u32::MAX);
    (answer >> 32) & 0xffff == 0 && http::error_name(error) == "invalid"
}

stresshost_guests::iterates!("forged_handles", || {
    let names = ["fire", "fire-with", "send-all", "responses", "feeds", "ignored", "errors"];
    let mut held = [true; 7];
    for attempt in 0..200 {
        let forged = match attempt {
            0 => 0,
            1 => u32::MAX,
            _ => u32::try_from(random::next() >> 32).unwrap_or(7),
        };
        held[0] &= is_invalid(http::fire(forged));
        held[1] &= is_invalid(http::fire_with(forged, &["a", "b"]));
        let shot = || http::Shot { request: forged, values: &[] };
        let answers = http::send_all(&[shot(), shot()]);
        held[2] &= answers.len() == 2 && answers.iter().all(|answer| is_invalid(*answer));
        held[3] &= http::body_bytes(forged) == 0
            && http::duration_us(forged) == 0
            && http::header(forged, "date").is_none()
            && http::headers(forged).is_empty()
            && http::body(forged).is_err()
            && http::json(forged, "/id").is_none()
            && http::error_text(forged).is_empty();
        held[4] &= data::columns(forged).is_empty()
            && data::len(forged) == 0
            && data::next(forged).is_none()
            && data::row(forged, u64::MAX).is_none();
        // Nothing is registered but the checks below, which have the first numbers.
        let unknown = forged.max(7);
        checks::mark(unknown, true);
        metrics::add(forged, f64::NAN);
        held[5] &= pacing::acquire(forged, u32::MAX) == 0;
        held[6] &= forged <= 100 || http::error_name(forged) == "unknown";
    }
    for (name, held) in names.into_iter().zip(held) {
        Check::register(name)?.mark(held);
    }
    stresshost_sdk::pacing::sleep(std::time::Duration::from_millis(5));
    Ok(())
});
