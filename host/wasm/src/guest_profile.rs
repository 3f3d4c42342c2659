//! Where guests spend their CPU: what they were doing when an epoch ended while they computed.
//!
//! One sample in 10 ms costs nothing that shows, and says little about what takes less than a few hundred samples. An
//! interpreter's functions are those of the interpreter, not of what it runs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use wasmtime::{AsContext, WasmBacktrace};

/// Functions that are told apart: more than any plugin has that take time.
const MAX_FUNCTIONS: usize = 10_000;

/// Samples of the guests of one plugin.
#[derive(Debug, Default)]
pub struct GuestProfile {
    functions: Mutex<HashMap<String, u64>>,
}

impl GuestProfile {
    /// Counts the function a guest is in.
    pub(crate) fn sample(&self, store: impl AsContext) {
        let backtrace = WasmBacktrace::force_capture(store);
        let Some(frame) = backtrace.frames().first() else { return };
        let name = match frame.func_name() {
            Some(name) => format!("{:#}", rustc_demangle::demangle(name)),
            None => format!("function {}", frame.func_index()),
        };
        self.count(name);
    }

    fn count(&self, name: String) {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if functions.len() < MAX_FUNCTIONS || functions.contains_key(&name) {
            *functions.entry(name).or_default() += 1;
        }
    }

    /// The number of samples, and the functions with most of them, most first.
    pub fn top(&self, most: usize) -> (u64, Vec<(String, u64)>) {
        let functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut top: Vec<(String, u64)> =
            functions.iter().map(|(name, count)| (name.clone(), *count)).collect();
        top.sort_by(|(name, count), (other, others)| others.cmp(count).then_with(|| name.cmp(other)));
        top.truncate(most);
        (functions.values().sum(), top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_sampled_comes_first() {
        let profile = GuestProfile::default();
        for name in ["a", "b", "b", "c", "b", "c"] {
            profile.count(name.to_owned());
        }
        let (samples, top) = profile.top(2);
        assert_eq!(samples, 6);
        assert_eq!(top, [("b".to_owned(), 3), ("c".to_owned(), 2)]);
    }
}
