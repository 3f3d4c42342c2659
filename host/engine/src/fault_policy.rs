//! What a run does about a plugin that breaks.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::MAX_FAULTS;

/// What a run does about a plugin that breaks. A virtual user that broke is started again after a pause that doubles with
/// each fault, until its plugin has used up its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultPolicy {
    /// Faults of one plugin, of all its virtual users, with which it is given up.
    pub budget: u64,
    /// Whether the run ends with it. Otherwise the plugin's virtual users begin nothing more and other plugins go on; the
    /// run ends when none is left.
    pub ends_run: bool,
}

impl Default for FaultPolicy {
    fn default() -> Self {
        Self { budget: MAX_FAULTS, ends_run: false }
    }
}

impl FromStr for FaultPolicy {
    type Err = String;

    /// Reads `restart-vu`, `restart-vu:BUDGET`, `stop-plugin` or `abort-run`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (action, budget) =
            text.split_once(':').map_or((text, None), |(action, budget)| (action, Some(budget)));
        match (action, budget) {
            ("restart-vu", None) => Ok(Self::default()),
            ("restart-vu", Some(budget)) => match budget.parse() {
                Ok(budget) if budget > 0 => Ok(Self { budget, ends_run: false }),
                _ => Err(format!("`{budget}` is no number of faults; write such as `restart-vu:50`")),
            },
            ("stop-plugin", None) => Ok(Self { budget: 1, ends_run: false }),
            ("abort-run", None) => Ok(Self { budget: 1, ends_run: true }),
            _ => Err(format!("`{text}` is none of restart-vu, restart-vu:FAULTS, stop-plugin and abort-run")),
        }
    }
}

/// Which plugins have been given up: written by control, read by every core before each iteration.
#[derive(Debug)]
pub(crate) struct GivenUp {
    parts: Box<[AtomicBool]>,
}

impl GivenUp {
    pub(crate) fn new(parts: usize) -> Self {
        Self { parts: (0..parts).map(|_| AtomicBool::new(false)).collect() }
    }

    pub(crate) fn is(&self, part: u16) -> bool {
        self.parts.get(usize::from(part)).is_some_and(|given_up| given_up.load(Ordering::Relaxed))
    }

    /// Gives a plugin up; whether it was not before.
    pub(crate) fn give_up(&self, part: usize) -> bool {
        self.parts.get(part).is_some_and(|given_up| !given_up.swap(true, Ordering::Relaxed))
    }

    /// Whether no plugin is left.
    pub(crate) fn all(&self) -> bool {
        self.parts.iter().all(|given_up| given_up.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_they_are_written() {
        let policy = |budget, ends_run| Ok(FaultPolicy { budget, ends_run });
        for (text, expected) in [
            ("restart-vu", policy(MAX_FAULTS, false)),
            ("restart-vu:5", policy(5, false)),
            ("stop-plugin", policy(1, false)),
            ("abort-run", policy(1, true)),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        for text in ["", "restart", "restart-vu:", "restart-vu:0", "restart-vu:-1", "abort-run:5"] {
            let error = text.parse::<FaultPolicy>().expect_err(text);
            assert!(error.contains("restart-vu"), "{error}");
        }
    }

    #[test]
    fn plugins_are_given_up_one_by_one() {
        let given_up = GivenUp::new(2);
        assert!(given_up.give_up(1) && !given_up.give_up(1), "told once");
        assert!(given_up.is(1) && !given_up.is(0) && !given_up.all());
        assert!(given_up.give_up(0) && given_up.all());
        assert!(!given_up.give_up(2) && !given_up.is(2));
    }
}
