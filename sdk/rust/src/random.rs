//! Random numbers that the run's seed reproduces. Each virtual user has its own stream.
//!
//! ```
//! use stresshost_sdk::{random, testing::FakeHost};
//!
//! let _host = FakeHost::new();
//! assert!(random::below(6) < 6);
//! ```

use crate::host;

/// A uniform 64-bit number.
pub fn next() -> u64 {
    host::random::next()
}

/// A uniform number from 0 up to but not including `bound`; 0 when `bound` is 0.
pub fn below(bound: u64) -> u64 {
    host::random::below(bound)
}

/// A uniform number from `min` to `max`, both included; `min` when `max` is less.
pub fn between(min: u64, max: u64) -> u64 {
    match max.checked_sub(min) {
        None => min,
        Some(u64::MAX) => next(),
        Some(span) => min + below(span + 1),
    }
}

/// A random UUID (version 4) in its usual form.
pub fn uuid() -> String {
    let (high, low) = (next(), next());
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
