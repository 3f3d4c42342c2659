//! What stands out about the target.
//!
//! ```
//! use stresshost_sdk::prelude::*;
//! use stresshost_sdk::testing::FakeHost;
//!
//! let host = FakeHost::new();
//! stresshost_sdk::findings::report(&Finding {
//!     rule: "content-type".into(),
//!     severity: "medium".into(),
//!     message: "answers HTML where JSON is documented".into(),
//!     location: "GET /products".into(),
//!     ..Finding::default()
//! })?;
//! assert_eq!(host.findings()[0].location, "GET /products");
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```

use stresshost_plan::Finding;

use crate::{Failure, host};

/// Reports a finding. The same rule, location and message again is counted.
///
/// # Errors
/// When a field is not what it should be, or there are too many different findings.
pub fn report(finding: &Finding) -> Result<(), Failure> {
    let text = serde_json::to_string(finding).map_err(|error| Failure::new("finding", error.to_string()))?;
    host::findings::report(&text).map_err(|reason| Failure::new("finding", reason))
}
