//! `ci`: what CI checks, run the same way by a person.

use crate::build;
use crate::tools::{cargo, must};

/// Format, lints, tests, docs.
pub(crate) fn ci() -> anyhow::Result<()> {
    must(cargo().args(["fmt", "--all", "--check"]))?;
    must(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    build::test(&[])?;
    must(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}
