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
