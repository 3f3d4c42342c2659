//! From a plugin's reference to a loaded plugin.

use std::path::PathBuf;

use anyhow::Context;
use stresshost_registry::{Reference, Resolver};
use stresshost_wasm::{GuestLimits, Loadable, Plugin};

use crate::env;
use crate::exit::usage;

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

/// Where a plugin is. A path is not looked at.
pub(crate) fn find(reference: &str) -> anyhow::Result<PathBuf> {
    let parsed = Reference::parse(reference).map_err(usage)?;
    let located = Resolver { dirs: plugin_dirs() }.resolve(&parsed).map_err(usage)?;
    Ok(located.path)
}

/// Reads a plugin and checks what it is, without compiling it.
pub(crate) fn read(reference: &str) -> anyhow::Result<(PathBuf, Loadable)> {
    let file = stresshost_registry::read(&find(reference)?).map_err(usage)?;
    let loadable = Loadable::new(file.bytes, file.digest).map_err(usage);
    let loadable = loadable.with_context(|| format!("plugin `{}`", file.path.display()))?;
    Ok((file.path, loadable))
}

/// Loads a plugin so that it can describe and plan, within limits; where it is, and the plugin.
pub(crate) fn load(reference: &str, limits: GuestLimits) -> anyhow::Result<(PathBuf, Plugin)> {
    let (path, loadable) = read(reference)?;
    let plugin = Plugin::load(loadable, limits, env::compiled_dir().as_deref()).map_err(usage);
    let plugin = plugin.with_context(|| format!("plugin `{}`", path.display()))?;
    // A run can be replayed from elsewhere.
    Ok((path.canonicalize().unwrap_or(path), plugin))
}
