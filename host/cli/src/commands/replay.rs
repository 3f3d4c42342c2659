//! `stresshost replay`: the plan, seed, plugins and grants of a run directory, run again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::ArgMatches;
use serde::{Deserialize, Serialize};
use stresshost_wasm::{GuestLimits, Plugin};

use super::prepare::{Prepared, describe, on_fault};
use super::resolve::LoadedPart;
use super::run::run_prepared;
use crate::exit::{Exit, coded, usage};
use crate::grants::Grants;
use crate::printer::Printer;
use crate::run_dir::{OpenRun, RecordedRun};
use crate::sources::Sources;
use crate::url_passwords::PREFIX;
use crate::{args, loader, secrets};

/// What a run directory keeps besides plan, seed and grants so that the run can be done again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Recorded {
    /// The file of each plugin, and its digest.
    plugins: Vec<RecordedPlugin>,
    /// Flags that decide what the run connects to and how.
    flags: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RecordedPlugin {
    path: PathBuf,
    digest: String,
}

impl Recorded {
    /// What a run that is about to begin is made of.
    pub(super) fn of(prepared: &Prepared, matches: &ArgMatches) -> Self {
        let plugin = |part: &LoadedPart| RecordedPlugin {
            path: part.path.clone(),
            digest: part.loadable.digest.clone(),
        };
        let mut flags = Vec::new();
        for name in ["resolve", "ca", "client-cert", "client-key", "on-fault", "secret"] {
            for value in args::texts(matches, name) {
                // A file is named from where the run was started.
                let (before, path) = match name {
                    "ca" | "client-cert" | "client-key" => ("", value.as_str()),
                    "secret" => value.split_once("=file:").unwrap_or_default(),
                    _ => ("", ""),
                };
                let between = if before.is_empty() { "" } else { "=file:" };
                let path = Path::new(path).canonicalize().ok();
                let value =
                    path.map_or_else(|| value.clone(), |path| format!("{before}{between}{}", path.display()));
                flags.push(format!("--{name}={value}"));
            }
        }
        if args::is_set(matches, "insecure") {
            flags.push("--insecure".to_owned());
        }
        Self { plugins: prepared.parts.iter().map(plugin).collect(), flags }
    }
}

/// Runs a recorded run again, into a new run directory.
pub(super) fn replay(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    let directory = Path::new(args::text(matches, "dir").unwrap_or("."));
    let run = OpenRun::open(directory)?.recorded()?;
    let RecordedRun { seed, granted, limits, replay, plan, .. } = run;
    let given = args::texts(matches, "flags");
    let parsed = |argv: &[String]| super::parse(args::run_command(), argv, printer);
    match parsed(&given)? {
        super::Parsed::Shown(exit) => return Ok(exit),
        super::Parsed::Matches(given) => refuse_changes(&given)?,
    }
    let matches = match parsed(&[replay.flags.clone(), given].concat())? {
        super::Parsed::Shown(exit) => return Ok(exit),
        super::Parsed::Matches(matches) => matches,
    };
    let known = || format!("cannot replay `{}`", directory.display());
    let limits = limits_of(&limits).with_context(known)?;
    let (plugin, parts) = load_parts(&replay, limits, printer).with_context(known)?;
    if parts.len() != plan.parts.len().max(1) {
        return Err(usage("its plan and its list of plugins do not belong together")).with_context(known);
    }
    let problems = plan.validate();
    if !problems.is_empty() {
        return Err(usage(crate::config::render(None, &problems))).with_context(known);
    }
    let grants = Grants::new(&granted).with_context(known)?;
    grants.check_plan(&plan)?;
    let descriptor = parts[0].descriptor.clone();
    run_prepared(&plugin, &descriptor, &matches, printer, || {
        let (on_fault, secrets) = (on_fault(&matches)?, secrets::given(&matches)?);
        let passwords = Vec::new();
        Ok(Prepared { plan, parts, grants, secrets, passwords, limits, on_fault, seed })
    })
}

/// A replay is the run as it was: flags that would make it another are refused.
fn refuse_changes(matches: &ArgMatches) -> anyhow::Result<()> {
    let changes = [
        "plugin",
        "registry",
        "locked",
        "offline",
        "allow-unsigned",
        "accept",
        "config",
        "set",
        "seed",
        "threshold",
        "limit",
        "allow",
        "guest-limit",
        "on-fault",
        "resolve",
        "ca",
        "client-cert",
        "client-key",
        "secret",
        "insecure",
        "find-max",
    ];
    let given = |name: &&&str| matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine);
    // The record has no passwords of URLs: they are given again.
    let is_password = |text: &String| text.starts_with(PREFIX);
    let given = |name: &&&str| {
        given(name) && !(**name == "secret" && args::texts(matches, "secret").iter().all(is_password))
    };
    match changes.iter().find(given) {
        Some(name) => {
            Err(usage(format!("--{name}: a replay is the run as it was; `stresshost run` makes another")))
        }
        None => Ok(()),
    }
}

/// The limits as they were recorded; those this host does not know any more are told.
fn limits_of(recorded: &serde_json::Map<String, serde_json::Value>) -> anyhow::Result<GuestLimits> {
    let mut limits = GuestLimits::default();
    for (name, value) in recorded {
        let value = value.as_u64().ok_or_else(|| usage(format!("limit `{name}` is no number")))?;
        limits.set_value(name, value).map_err(usage)?;
    }
    Ok(limits)
}

/// Reads every plugin again and holds it against its recorded digest.
fn load_parts(
    recorded: &Recorded,
    limits: GuestLimits,
    printer: &Printer,
) -> anyhow::Result<(Plugin, Vec<LoadedPart>)> {
    let mut parts = Vec::new();
    let mut first = None;
    for RecordedPlugin { path, digest } in &recorded.plugins {
        let reference = path.display().to_string();
        let (path, plugin) = loader::load(&Sources::files_only(printer), &reference, limits)?;
        let found = &plugin.loadable().digest;
        if found != digest {
            let message = format!(
                "plugin `{reference}` has changed since: it was {digest} and is {found}; put the old file back"
            );
            return Err(coded(Exit::NotVerified, message));
        }
        let descriptor = describe(&plugin, &reference)?;
        let loadable = Arc::clone(plugin.loadable());
        parts.push(LoadedPart { path, descriptor, loadable });
        first.get_or_insert(plugin);
    }
    let plugin =
        first.ok_or_else(|| usage("it was made by a version that did not record its plugins' files"))?;
    Ok((plugin, parts))
}
