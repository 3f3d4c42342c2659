//! What `run` and `plan` have in common: config, input, plan, grants.

use anyhow::Context;
use clap::ArgMatches;
use stresshost_plan::yaml::Document;
use stresshost_plan::{Descriptor, Plan};
use stresshost_wasm::{CallError, Plugin};

use crate::exit::{Exit, coded, usage};
use crate::grants::Grants;
use crate::{args, config, plugin_args};

/// A plan and what it may reach.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) grants: Grants,
    pub(super) seed: u64,
}

/// Asks a plugin what it is. Only a plugin that answers has a name, so an error tells what the user called it.
pub(super) fn describe(plugin: &Plugin, reference: &str) -> anyhow::Result<Descriptor> {
    let described = plugin.describe().map_err(|error| call_error(error, None));
    described.with_context(|| format!("plugin `{reference}`"))
}

/// Turns arguments into a plan.
pub(super) fn prepare(
    plugin: &Plugin,
    descriptor: &Descriptor,
    matches: &ArgMatches,
) -> anyhow::Result<Prepared> {
    let set = args::texts(matches, "set");
    let config = match args::text(matches, "config") {
        Some(path) => Some(config::read(path, &set)?),
        None if set.is_empty() => None,
        None => Some(config::empty(&set)?),
    };
    let input = plugin_args::read(matches, descriptor, config)?;
    let mut grants = Grants::new(&args::texts(matches, "allow"))?;
    input.targets.iter().for_each(|target| grants.name_url(target));
    grants.name_urls_in(&input.input.config);
    input.input.flags.values().for_each(|value| grants.name_urls_in(value));
    let plan = plugin.plan(&input.input).map_err(|error| call_error(error, input.document.as_ref()))?;
    grants.check_plan(&plan)?;
    let seed = matches.get_one::<u64>("seed").copied().unwrap_or_else(fresh_seed);
    Ok(Prepared { plan, grants, seed })
}

/// An error of `describe`, `plan` or `analyze`, with its exit code; problems are shown in the document they are in.
pub(super) fn call_error(error: CallError, document: Option<&Document>) -> anyhow::Error {
    match error {
        CallError::Problems(problems) => usage(config::render(document, &problems)),
        error => coded(Exit::PluginFault, error),
    }
}

/// A seed nobody chose: the standard library's own random keys.
fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // Documents hold numbers exactly up to 2^53.
    std::hash::RandomState::new().build_hasher().finish() >> 11
}
