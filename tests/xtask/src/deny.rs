//! `deny`: what the dependencies may be, by cargo-deny and `deny.toml`.

use anyhow::bail;

use crate::tools::{cargo, find, must};

/// How to get cargo-deny.
const INSTALL: &str = "cargo install cargo-deny --locked";

/// How cargo-deny sums up a check that was made and found something; without a database there is no such line.
const FOUND: &str = "advisories FAILED";

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
    let output = cargo().args(["deny", "--color", "never", "--offline", "check", "advisories"]).output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    if output.status.success() {
        eprintln!("> advisories: none applies");
    } else if said.contains(FOUND) {
        eprint!("{said}");
        bail!("advisories apply to dependencies");
    } else {
        let why = said.trim();
        eprintln!("> advisories are NOT checked; `cargo deny fetch db` gets their database: {why}");
    }
    Ok(())
}
