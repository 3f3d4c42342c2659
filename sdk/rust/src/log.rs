//! Messages for the person who runs the test. The host bounds them: what is over its limit is counted, not shown.
//!
//! ```
//! use stresshost_sdk::testing::FakeHost;
//!
//! let host = FakeHost::new();
//! stresshost_sdk::warn!("{} products have no price", 3);
//! assert_eq!(host.logs(), [("warn".to_owned(), "3 products have no price".to_owned())]);
//! ```

use std::fmt::Arguments;

use crate::host;

/// Writes a message. Prefer the macros [`error!`](crate::error), [`warn!`](crate::warn), [`info!`](crate::info) and
/// [`debug!`](crate::debug).
pub fn write(level: &str, message: Arguments<'_>) {
    match message.as_str() {
        Some(text) => host::log::write(level, text),
        None => host::log::write(level, &message.to_string()),
    }
}

/// Says that something is wrong.
#[macro_export]
macro_rules! error {
    ($($arg:tt)+) => { $crate::log::write("error", format_args!($($arg)+)) };
}

/// Says that something may be wrong.
#[macro_export]
macro_rules! warn {
    ($($arg:tt)+) => { $crate::log::write("warn", format_args!($($arg)+)) };
}

/// Says what goes on.
#[macro_export]
macro_rules! info {
    ($($arg:tt)+) => { $crate::log::write("info", format_args!($($arg)+)) };
}

/// Says what helps to find a mistake in the workload.
#[macro_export]
macro_rules! debug {
    ($($arg:tt)+) => { $crate::log::write("debug", format_args!($($arg)+)) };
}
