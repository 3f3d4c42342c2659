//! `plugin list`, `search` and `info`: what there is.

use std::path::Path;

use clap::ArgMatches;
use stresshost_registry::{
    Error, Installer, LOCK_FILE, LockFile, Locked, MAX_TRIED, PackageName, Registry, Release, Store, Stored,
    VersionRequirement, capabilities, unfit,
};

use super::{asked, package_and_requirement, size};
use crate::printer::Printer;
use crate::sources::{self, Sources, failed};
use crate::{args, loader};

pub(super) fn list(printer: &Printer) -> anyhow::Result<()> {
    let dirs = loader::plugin_dirs();
    let listed = stresshost_registry::list(&dirs);
    let lock = LockFile::read(Path::new(LOCK_FILE)).map_err(failed)?;
    let mut text = String::new();
    for plugin in &listed {
        let hidden = if plugin.shadowed { "  (hidden by one of the same name before it)" } else { "" };
        text.push_str(&format!("{:<20} {}{hidden}\n", plugin.name, plugin.path.display()));
    }
    if !lock.plugins().is_empty() {
        let store = sources::store()?;
        for locked in lock.plugins() {
            text.push_str(&pinned_line(locked, &store)?);
        }
    } else if listed.is_empty() {
        let dirs: Vec<String> = dirs.iter().map(|dir| format!("  {}", dir.display())).collect();
        printer.note(&format!("no plugins; searched:\n{}", dirs.join("\n")));
    }
    printer.result(text.as_bytes())
}

fn pinned_line(locked: &Locked, store: &Store) -> anyhow::Result<String> {
    let state = match store.read(&locked.digest).map_err(failed)? {
        Stored::Good(bytes) => size(bytes.len() as u64),
        Stored::Absent => "not fetched yet".to_owned(),
        Stored::Changed(_) => "changed in the store: it will not run".to_owned(),
    };
    let signer =
        locked.signer.as_ref().map_or_else(|| "not signed".to_owned(), |id| format!("signed by {id}"));
    let runs = if stresshost_wasm::runs(&locked.api) { "" } else { ", which this host does not run" };
    Ok(format!(
        "{:<20} {} (`{}`)  {state}, workload {}{runs}, {signer}, asks for {}\n",
        locked.package.to_string(),
        locked.version,
        locked.requirement,
        locked.api,
        asked(&locked.capabilities)
    ))
}

pub(super) fn search(matches: &ArgMatches, sources: &Sources<'_>) -> anyhow::Result<()> {
    let text = args::text(matches, "text").unwrap_or_default().to_ascii_lowercase();
    let lines = sources.with_installer(|installer| {
        let locations = installer.all_locations();
        if locations.is_empty() {
            return Err(no_registry());
        }
        let mut lines = String::new();
        for location in locations {
            let registry = installer.open(&location)?;
            for package in
                registry.packages()?.into_iter().filter(|package| package.to_string().contains(&text))
            {
                lines.push_str(&found_line(&registry, &package)?);
            }
        }
        Ok(lines)
    })?;
    if lines.is_empty() {
        sources.printer().note("nothing found");
    }
    sources.printer().result(lines.as_bytes())
}

fn no_registry() -> Error {
    Error::Usage(
        "no registry is configured; give one with --registry, or list it in registries.yaml".to_owned(),
    )
}

/// A plugin, its newest release and what that is for.
fn found_line(registry: &Registry, package: &PackageName) -> Result<String, Error> {
    let newest = registry.versions(package)?.into_iter().filter(|version| version.pre.is_empty()).max();
    let Some(newest) = newest else { return Ok(String::new()) };
    let release = registry.release(package, &newest)?;
    let about = release.description.unwrap_or_default();
    Ok(format!("{:<30} {newest:<10} {}\n", package.to_string(), one_line(&about)))
}

/// A text of a registry, which must not command the terminal.
fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(100).collect::<String>().escape_debug().to_string()
}

pub(super) fn info(matches: &ArgMatches, sources: &Sources<'_>) -> anyhow::Result<()> {
    let (package, requirement) = package_and_requirement(args::text(matches, "name").unwrap_or_default())?;
    let text = sources.with_installer(|installer| {
        let requirement = requirement.unwrap_or_else(VersionRequirement::any);
        let lock = installer.lock_file()?;
        let locked = lock.get(&package);
        let mut text = format!("{package}\n");
        if let Some(locked) = locked {
            text.push_str(&format!(
                "pinned      {} for `{}`, from {}\n",
                locked.version, locked.requirement, locked.source
            ));
        }
        let mut locations = installer.locations(package.namespace());
        // Where a pinned plugin is from is asked even if no registry is configured.
        locations.extend(locked.map(|locked| locked.source.clone()).filter(|_| locations.is_empty()));
        if locations.is_empty() {
            return Err(no_registry());
        }
        // Only the first registry that has a plugin counts, so a second one's versions would mislead.
        for location in locations {
            let registry = installer.open(&location)?;
            let versions = registry.versions(&package)?;
            if !versions.is_empty() {
                text.push_str(&format!("registry    {location}\n"));
                text.push_str(&versions_table(installer, &registry, &package, versions, &requirement)?);
                return Ok(text);
            }
        }
        Err(Error::Usage(format!("no registry has {package}")))
    })?;
    sources.printer().result(text.as_bytes())
}

/// A paragraph a version, newest first, with what became of it in a choice for `requirement`.
fn versions_table(
    installer: &Installer<'_>,
    registry: &Registry,
    package: &PackageName,
    mut versions: Vec<semver::Version>,
    requirement: &VersionRequirement,
) -> Result<String, Error> {
    versions.sort_by(|a, b| b.cmp(a));
    let left_out = versions.len().saturating_sub(MAX_TRIED);
    let mut text = String::new();
    let mut chosen = false;
    for version in versions.into_iter().take(MAX_TRIED) {
        let release = registry.release(package, &version)?;
        let verdict = match unfit(&release, stresshost_wasm::runs) {
            Some(why) => why,
            None if !requirement.matches(&version) => format!("`{requirement}` does not include it"),
            None if chosen => "an older one than the chosen".to_owned(),
            None => {
                chosen = true;
                format!("chosen for `{requirement}`")
            }
        };
        text.push_str(&format!("{version:<11} {verdict}\n{}", details(installer, package, &release)));
    }
    if left_out > 0 {
        text.push_str(&format!("and {left_out} older ones\n"));
    }
    Ok(text)
}

fn details(installer: &Installer<'_>, package: &PackageName, release: &Release) -> String {
    let signed: Vec<String> = release
        .signatures
        .iter()
        .map(|signature| {
            let id = signature.key_id();
            format!("{id} ({})", installer.trust().standing(package.namespace(), id))
        })
        .collect();
    let signed = if signed.is_empty() { "nobody".to_owned() } else { signed.join(", ") };
    let mut text =
        format!("            {}, {}\n            signed by {signed}\n", size(release.size), release.digest);
    if let Some(world) = &release.world {
        let api = one_line(world.api().unwrap_or("unknown"));
        let asks: Vec<String> = capabilities(world.imports.iter().map(String::as_str))
            .iter()
            .map(|name| one_line(name))
            .collect();
        text.push_str(&format!("            workload {api}, asks for {}\n", asked(&asks)));
    }
    if let Some(about) = &release.description {
        text.push_str(&format!("            {}\n", one_line(about)));
    }
    text
}
