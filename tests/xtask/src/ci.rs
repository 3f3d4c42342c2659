//! `ci`: what CI checks, run the same way by a person.

use crate::build;
use crate::tools::{cargo, must};

/// Format, lints, tests, a short soak, docs.
pub(crate) fn ci() -> anyhow::Result<()> {
    must(cargo().args(["fmt", "--all", "--check"]))?;
    must(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    build::test(&[])?;
    // Short and slow enough for any machine: a leak in each iteration still shows.
    must(cargo().args(["xtask", "soak", "--duration", "20s", "--rate", "2000/s"]))?;
    must(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}
