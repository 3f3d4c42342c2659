//! `deny`: what the dependencies may be, by cargo-deny and `deny.toml`.

use anyhow::bail;

use crate::tools::{cargo, find, must};

/// How to get cargo-deny.
const INSTALL: &str = "cargo install cargo-deny --locked";

/// What cargo-deny says when the database of advisories is not on this machine.
const NO_DATABASE: &str = "failed to load advisory database";

/// Checks licences, bans and sources, and advisories when their database is on this machine.
pub(crate) fn run() -> anyhow::Result<()> {
    find("cargo-deny", INSTALL)?;
    check()
}

/// The same as a part of CI. A missing cargo-deny is told and no error: it takes minutes to compile, and what it checks
/// changes only with the manifests.
pub(crate) fn run_when_installed() -> anyhow::Result<()> {
    match find("cargo-deny", INSTALL) {
        Ok(_) => check(),
        Err(missing) => {
            eprintln!("> licences, bans and sources of dependencies are NOT checked: {missing}");
            Ok(())
        }
    }
}

fn check() -> anyhow::Result<()> {
    must(cargo().args(["deny", "check", "licenses", "bans", "sources"]))?;
    // Offline, so that the result does not depend on what the network says today.
    let output = cargo().args(["deny", "--offline", "check", "advisories"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        eprintln!("> advisories: none applies");
    } else if said.contains(NO_DATABASE) {
        eprintln!("> advisories are NOT checked: their database is not here; `cargo deny fetch db` gets it");
    } else {
        eprint!("{said}");
        bail!("advisories apply to dependencies");
    }
    Ok(())
}
