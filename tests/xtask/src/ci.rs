//! `ci`: what CI checks, run the same way by a person.

use crate::tools::{cargo, must};
use crate::{build, deny, instructions};

/// Format, lints, dependencies, tests, a short soak, the instructions of an iteration, docs.
pub(crate) fn ci() -> anyhow::Result<()> {
    // What is missing should be told before the long part.
    instructions::valgrind()?;
    must(cargo().args(["fmt", "--all", "--check"]))?;
    must(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    deny::run_when_installed()?;
    build::test(&[])?;
    // Short and slow enough for any machine: a leak in each iteration still shows.
    must(cargo().args(["xtask", "soak", "--duration", "20s", "--rate", "2000/s"]))?;
    must(cargo().args(["xtask", "instructions"]))?;
    must(cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}
