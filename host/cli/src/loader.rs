//! From a plugin's reference to a loaded plugin.

use std::path::{Path, PathBuf};

use anyhow::Context;
use stresshost_registry::{
    Error, Installed, PackageName, Reference, Resolver, VersionRequirement, beyond, capabilities,
};
use stresshost_wasm::{GuestLimits, Loadable, Plugin};

use crate::env;
use crate::exit::usage;
use crate::sources::{Sources, failed};

/// Directories searched for a plugin that is named without a path: the user's, those beside the program, and the
/// build's when the program runs from a checkout's `target` directory.
pub(crate) fn plugin_dirs() -> Vec<PathBuf> {
    let mut dirs = env::plugin_path();
    if let Ok(program) = std::env::current_exe().and_then(|path| path.canonicalize())
        && let Some(beside) = program.parent()
    {
        dirs.push(beside.join("plugins"));
        dirs.push(beside.join("../wasm32-wasip2/plugin"));
    }
    dirs
}

/// Refuses a word that is neither a command nor a plugin anybody could have.
pub(crate) fn check_named(sources: &Sources<'_>, word: &str) -> anyhow::Result<()> {
    let Reference::Name(package) = Reference::parse(word).map_err(usage)? else { return Ok(()) };
    let resolver = Resolver { dirs: plugin_dirs() };
    if resolver.find(package.name()).is_some() || is_known(sources, &package)? {
        return Ok(());
    }
    Err(usage(resolver.not_found(package.name())))
}

/// Whether the lock file or a registry may have a plugin.
fn is_known(sources: &Sources<'_>, package: &PackageName) -> anyhow::Result<bool> {
    sources.with_installer(|installer| {
        let pinned = installer.lock_file()?.get(package).is_some();
        Ok(pinned || installer.has_registry_for(package.namespace()))
    })
}

/// Reads a plugin and checks what it is, without compiling it.
pub(crate) fn read(sources: &Sources<'_>, reference: &str) -> anyhow::Result<(PathBuf, Loadable)> {
    match Reference::parse(reference).map_err(usage)? {
        Reference::File(path) => read_file(&path),
        Reference::Name(package) => read_named(sources, &package),
        Reference::Package(package, requirement) => read_package(sources, &package, requirement.as_ref()),
        Reference::Oci(oci) => {
            let installed = sources.with_installer(|installer| installer.require_oci(&oci))?;
            checked(sources, installed)
        }
        other => Err(usage(format!("`{other}` cannot be loaded"))),
    }
}

fn read_file(path: &Path) -> anyhow::Result<(PathBuf, Loadable)> {
    let file = stresshost_registry::read(path).map_err(usage)?;
    let loadable = Loadable::new(file.bytes, file.digest.to_string()).map_err(usage);
    let loadable = loadable.with_context(|| format!("plugin `{}`", file.path.display()))?;
    Ok((file.path, loadable))
}

/// A bare name is a file of the plugin directories first. With `--locked` it is what is pinned and nothing else.
fn read_named(sources: &Sources<'_>, package: &PackageName) -> anyhow::Result<(PathBuf, Loadable)> {
    let resolver = Resolver { dirs: plugin_dirs() };
    match resolver.find(package.name()) {
        Some(path) if !sources.rules().locked => read_file(&path),
        _ if sources.rules().locked || is_known(sources, package)? => read_package(sources, package, None),
        _ => Err(usage(resolver.not_found(package.name()))),
    }
}

fn read_package(
    sources: &Sources<'_>,
    package: &PackageName,
    requirement: Option<&VersionRequirement>,
) -> anyhow::Result<(PathBuf, Loadable)> {
    let installed = sources.with_installer(|installer| installer.require(package, requirement))?;
    checked(sources, installed)
}

/// Holds a plugin against its entry in the lock file, which may have been edited.
fn checked(sources: &Sources<'_>, installed: Installed) -> anyhow::Result<(PathBuf, Loadable)> {
    let Installed { path, bytes, locked, notes } = installed;
    for note in notes {
        sources.printer().note(&note);
    }
    let name = format!("{} {}", locked.package, locked.version);
    let loadable = Loadable::new(bytes, locked.digest.to_string()).map_err(usage);
    let loadable = loadable.with_context(|| format!("plugin `{name}`"))?;
    let asked = capabilities(loadable.facts.imports.iter().map(String::as_str));
    let added = beyond(&asked, &locked.capabilities);
    if !added.is_empty() {
        return Err(failed(Error::MoreCapabilities {
            package: locked.package,
            version: locked.version,
            added,
        }));
    }
    if loadable.facts.api != locked.api {
        let message = format!(
            "{name}: the lock file says it was built for workload {}, it was for {}",
            locked.api, loadable.facts.api
        );
        return Err(failed(Error::NotVerified(message)));
    }
    Ok((path, loadable))
}

/// Loads a plugin so that it can describe and plan, within limits; where it is, and the plugin.
pub(crate) fn load(
    sources: &Sources<'_>,
    reference: &str,
    limits: GuestLimits,
) -> anyhow::Result<(PathBuf, Plugin)> {
    let (path, loadable) = read(sources, reference)?;
    let plugin = Plugin::load(loadable, limits, env::compiled_dir().as_deref()).map_err(usage);
    let plugin = plugin.with_context(|| format!("plugin `{}`", path.display()))?;
    // A run can be replayed from elsewhere.
    Ok((path.canonicalize().unwrap_or(path), plugin))
}
