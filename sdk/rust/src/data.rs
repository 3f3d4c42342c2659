//! Rows of the plan's feeds, shared between virtual users.
//!
//! ```
//! use stresshost_sdk::data::Feed;
//! use stresshost_sdk::testing::FakeHost;
//!
//! let host = FakeHost::new();
//! host.feed("users", &["email"], &[&["a@shop.test"], &["b@shop.test"]]);
//! let users = Feed::open("users")?;
//! assert_eq!(users.next(), Some(vec!["a@shop.test".to_owned()]));
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```

use crate::{Failure, host};

/// An open feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed(u32);

impl Feed {
    /// Opens a feed of the plan by its name.
    ///
    /// # Errors
    /// When the plan has no such feed.
    pub fn open(name: &str) -> Result<Self, Failure> {
        host::data::open(name).map(Self).map_err(|reason| Failure::setup(format!("feed `{name}`: {reason}")))
    }

    /// Names of its columns.
    pub fn columns(self) -> Vec<String> {
        host::data::columns(self.0)
    }

    /// Number of its rows.
    pub fn rows(self) -> u64 {
        host::data::len(self.0)
    }

    /// The next row for this virtual user, in the feed's order; `None` when the feed is used up.
    #[allow(clippy::should_implement_trait, reason = "a feed is a shared cursor, not an iterator of its own")]
    pub fn next(self) -> Option<Vec<String>> {
        host::data::next(self.0)
    }

    /// Any row by its index; `None` past the end.
    pub fn row(self, index: u64) -> Option<Vec<String>> {
        host::data::row(self.0, index)
    }
}
