//! Yes-or-no statements about what the target did, counted by the host.
//!
//! ```
//! use stresshost_sdk::checks::Check;
//! use stresshost_sdk::testing::FakeHost;
//!
//! let host = FakeHost::new();
//! let cheap = Check::register("price is below 100")?;
//! assert!(cheap.mark(42 < 100));
//! assert_eq!(host.check("price is below 100"), (1, 0));
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```

use crate::{Failure, host};

/// A registered check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check(u32);

impl Check {
    /// Registers the check, or finds it.
    ///
    /// # Errors
    /// When the host refuses it, such as when there are too many.
    pub fn register(name: &str) -> Result<Self, Failure> {
        host::checks::register(name)
            .map(Self)
            .map_err(|reason| Failure::setup(format!("check `{name}`: {reason}")))
    }

    /// Counts one outcome and returns it.
    pub fn mark(self, passed: bool) -> bool {
        host::checks::mark(self.0, passed);
        passed
    }
}

/// Outcomes of the checks of a [`Checks`], each by its place there; what is not told is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    passed: u32,
    failed: u32,
}

impl Outcomes {
    /// Tells the outcome of the check at `place`. Places past the last check are passed over.
    pub fn tell(&mut self, place: usize, passed: bool) {
        let bit = u32::try_from(place).ok().and_then(|place| 1_u32.checked_shl(place)).unwrap_or(0);
        if passed { self.passed |= bit } else { self.failed |= bit }
    }
}

/// Checks that are counted together, in one call of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    checks: Vec<Check>,
    /// Whether the host's handles follow one another.
    is_row: bool,
}

impl Checks {
    /// Most checks that are counted together.
    pub const MAX: usize = 32;

    /// Registers checks, or finds them.
    ///
    /// # Errors
    /// When there are more than [`MAX`](Self::MAX), or the host refuses one.
    pub fn register(names: &[&str]) -> Result<Self, Failure> {
        if names.len() > Self::MAX {
            let (count, most) = (names.len(), Self::MAX);
            return Err(Failure::setup(format!("{count} checks cannot be counted together, only {most}")));
        }
        let checks: Vec<Check> = names.iter().map(|name| Check::register(name)).collect::<Result<_, _>>()?;
        let is_row = checks.is_sorted_by(|one, next| one.0.checked_add(1) == Some(next.0));
        Ok(Self { checks, is_row })
    }

    /// Counts the outcomes.
    pub fn mark(&self, outcomes: Outcomes) {
        match self.checks.first() {
            Some(first) if self.is_row => {
                host::checks::mark_all(first.0, outcomes.passed, outcomes.failed);
            }
            _ => {
                for (place, check) in self.checks.iter().enumerate() {
                    host::checks::mark_all(
                        check.0,
                        outcomes.passed >> place & 1,
                        outcomes.failed >> place & 1,
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    #[test]
    fn checks_are_counted_together_whatever_their_handles_are() {
        for (others, is_row) in [(vec![], true), (vec!["b"], false)] {
            let host = FakeHost::new();
            for other in others {
                Check::register(other).unwrap();
            }
            let checks = Checks::register(&["a", "b", "c"]).unwrap();
            assert_eq!(checks.is_row, is_row);
            let mut outcomes = Outcomes::default();
            outcomes.tell(0, true);
            outcomes.tell(2, false);
            outcomes.tell(40, true);
            checks.mark(outcomes);
            checks.mark(Outcomes::default());
            assert_eq!([host.check("a"), host.check("b"), host.check("c")], [(1, 0), (0, 0), (0, 1)]);
        }
        assert!(Checks::register(&["x"; 33]).is_err());
    }
}
