//! `plugin add`, `update`, `remove` and `prune`: what the lock file and the store hold.

use std::path::Path;

use clap::ArgMatches;
use stresshost_registry::{LOCK_FILE, LockFile, Reference};

use super::{asked, package_and_requirement, size};
use crate::args;
use crate::exit::usage;
use crate::printer::Printer;
use crate::sources::{self, Sources, failed};

pub(super) fn add(matches: &ArgMatches, sources: &Sources<'_>) -> anyhow::Result<()> {
    let text = args::text(matches, "name").unwrap_or_default();
    let installed = match Reference::parse(text).map_err(usage)? {
        Reference::File(path) => {
            let advice = "a file needs no adding: run it with `--plugin`, or publish it into a registry, which may be a directory";
            return Err(usage(format!("{}: {advice}", path.display())));
        }
        Reference::Oci(oci) => sources.with_installer(|installer| installer.require_oci(&oci))?,
        _ => {
            let (package, requirement) = package_and_requirement(text)?;
            sources.with_installer(|installer| installer.add(&package, requirement.as_ref()))?
        }
    };
    for note in &installed.notes {
        sources.printer().note(note);
    }
    let locked = &installed.locked;
    let text = format!("{} {} {}\n", locked.package, locked.version, locked.digest);
    sources.printer().result(text.as_bytes())
}

pub(super) fn update(matches: &ArgMatches, sources: &Sources<'_>) -> anyhow::Result<()> {
    let rules = sources.rules();
    if rules.locked || rules.offline {
        return Err(usage(
            "an update asks registries and changes the lock file; leave --locked and --offline out",
        ));
    }
    let package = match args::text(matches, "name") {
        Some(text) => match package_and_requirement(text)? {
            (package, None) => Some(package),
            (package, Some(requirement)) => {
                return Err(usage(format!(
                    "an update keeps to what was required; `stresshost plugin add {package}@{requirement}` requires something else"
                )));
            }
        },
        None => None,
    };
    let updated = sources.with_installer(|installer| installer.update(package.as_ref()))?;
    if updated.is_empty() {
        sources.printer().note(&format!("nothing is pinned in {LOCK_FILE}"));
    }
    let mut text = String::new();
    for update in &updated {
        let locked = &update.installed.locked;
        if update.from == locked.version {
            text.push_str(&format!("{} {} is the newest that fits\n", locked.package, locked.version));
        } else {
            let asks = asked(&locked.capabilities);
            text.push_str(&format!(
                "{} {} -> {}, asks for {asks}\n",
                locked.package, update.from, locked.version
            ));
        }
        for rejected in update.rejected.iter().filter(|rejected| rejected.version > locked.version) {
            text.push_str(&format!("  not {}: {}\n", rejected.version, rejected.why));
        }
    }
    sources.printer().result(text.as_bytes())
}

pub(super) fn remove(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<()> {
    let (package, _) = package_and_requirement(args::text(matches, "name").unwrap_or_default())?;
    let _guard = sources::store()?.lock().map_err(failed)?;
    let path = Path::new(LOCK_FILE);
    let mut lock = LockFile::read(path).map_err(failed)?;
    if !lock.remove(&package) {
        return Err(usage(format!("{package} is not in {LOCK_FILE}")));
    }
    lock.write(path).map_err(failed)?;
    printer
        .note(&format!("removed {package} from {LOCK_FILE}; `stresshost plugin prune` frees what it took"));
    Ok(())
}

pub(super) fn prune(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<()> {
    let store = sources::store()?;
    let guard = store.lock().map_err(failed)?;
    let pruned = store.prune(&guard, args::is_set(matches, "all")).map_err(failed)?;
    printer.result(format!("removed {} plugins, {}\n", pruned.plugins, size(pruned.bytes)).as_bytes())
}
