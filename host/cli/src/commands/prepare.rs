//! What `run` and `plan` have in common: config, input, plan, grants.

use std::path::Path;

use anyhow::Context;
use clap::ArgMatches;
use stresshost_engine::FaultPolicy;
use stresshost_metrics::ErrorKind;
use stresshost_plan::yaml::Document;
use stresshost_plan::{Descriptor, LimitScope, Plan, Problem, RateLimit, Threshold, parse_rate};
use stresshost_wasm::{CallError, GuestLimits, PROTOCOLS, Plugin};

use super::resolve::{LoadedPart, resolve};
use crate::exit::{Exit, coded, usage};
use crate::grants::Grants;
use crate::printer::Printer;
use crate::secrets::{self, Given};
use crate::sources::Sources;
use crate::url_passwords::{self, UrlPassword};
use crate::{args, capacity, config, plugin_args};

/// A plan and what it may reach.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    /// The plugins of its parts; one for a plan without parts.
    pub(super) parts: Vec<LoadedPart>,
    pub(super) grants: Grants,
    pub(super) secrets: Vec<Given>,
    pub(super) passwords: Vec<UrlPassword>,
    pub(super) limits: GuestLimits,
    pub(super) on_fault: FaultPolicy,
    pub(super) seed: u64,
}

/// Asks a plugin what it is. Only a plugin that answers has a name, so an error tells what the user called it.
pub(super) fn describe(plugin: &Plugin, reference: &str) -> anyhow::Result<Descriptor> {
    let described = plugin.describe().map_err(|error| call_error(error, None));
    described.with_context(|| format!("plugin `{reference}`"))
}

/// Turns arguments into a plan.
pub(super) fn prepare(
    (path, plugin): (&Path, &Plugin),
    descriptor: &Descriptor,
    matches: &ArgMatches,
    printer: &Printer,
) -> anyhow::Result<Prepared> {
    let set = args::texts(matches, "set");
    let config = match args::text(matches, "config") {
        Some(path) => Some(config::read(path, &set)?),
        None if set.is_empty() => None,
        None => Some(config::empty(&set)?),
    };
    let mut input = plugin_args::read(matches, descriptor, config)?;
    let mut grants = Grants::new(&args::texts(matches, "allow"))?;
    input.targets.iter().for_each(|target| grants.name_url(target));
    grants.name_urls_in(&input.input.config);
    input.input.flags.values().for_each(|value| grants.name_urls_in(value));
    let passwords = url_passwords::hide(&mut input.input);
    let mut plan = plugin.plan(&input.input).map_err(|error| call_error(error, input.document.as_ref()))?;
    plan.notes.extend(plugin_args::notes(matches, descriptor));
    let parts = resolve(&mut plan, (path, plugin), descriptor, &Sources::from_matches(matches, printer))?;
    add_rules(&mut plan, matches)?;
    grants.check_plan(&plan)?;
    let seed = matches.get_one::<u64>("seed").copied().unwrap_or_else(fresh_seed);
    let on_fault = on_fault(matches)?;
    let secrets = secrets::given(matches)?;
    secrets::check_asked(&secrets, parts.iter().map(|part| &part.descriptor))?;
    Ok(Prepared { plan, parts, grants, secrets, passwords, limits: plugin.limits(), on_fault, seed })
}

/// Reads `--on-fault`.
pub(super) fn on_fault(matches: &ArgMatches) -> anyhow::Result<FaultPolicy> {
    let policy = args::text(matches, "on-fault").map(str::parse).transpose();
    Ok(policy.map_err(|error| usage(format!("--on-fault: {error}")))?.unwrap_or_default())
}

/// Reads `--guest-limit`. What all plugins of a run may grow to together is, unless said otherwise, three quarters of the
/// memory that is free, and bodies may take an eighth: a plugin that grows must not make the machine swap or the system end the host.
pub(super) fn guest_limits(assignments: &[String]) -> anyhow::Result<GuestLimits> {
    let mut limits = GuestLimits::default();
    if let Some(bytes) = capacity::memory_bytes() {
        limits.total_memory_bytes = bytes / 4 * 3;
        limits.kept_bodies_bytes = limits.kept_bodies_bytes.min(bytes / 8);
    }
    for assignment in assignments {
        limits.set(assignment).map_err(|error| usage(format!("--guest-limit: {error}")))?;
    }
    Ok(limits)
}

/// Adds the thresholds and rate limits of the command line; those stand beside the plan's own.
fn add_rules(plan: &mut Plan, matches: &ArgMatches) -> anyhow::Result<()> {
    let before = plan.thresholds.len();
    plan.thresholds.extend(args::texts(matches, "threshold").into_iter().map(Threshold::new));
    for text in args::texts(matches, "limit") {
        plan.limits.push(rate_limit(&text, plan)?);
    }
    // What is wrong now is what the command line added.
    let flag = |problem: Problem| {
        let own = problem.path.strip_prefix("/thresholds/").and_then(|rest| {
            let index: usize = rest.split('/').next()?.parse().ok()?;
            (index >= before).then_some("--threshold")
        });
        match own {
            Some(flag) => Problem { path: flag.to_owned(), ..problem },
            None if problem.path.starts_with("/limits") => Problem { path: "--limit".to_owned(), ..problem },
            None => problem,
        }
    };
    let kinds: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
    let mut found = plan.validate();
    found.extend(plan.unknown_error_kinds(&kinds));
    found.extend(plan.unknown_protocols(PROTOCOLS));
    let problems: Vec<Problem> = found.into_iter().map(flag).collect();
    if problems.is_empty() { Ok(()) } else { Err(usage(config::render(None, &problems))) }
}

/// Reads `--limit 100/s`, `--limit SCENARIO=100/s` or `--limit scheme://host:port=100/s`.
fn rate_limit(text: &str, plan: &Plan) -> anyhow::Result<RateLimit> {
    let (what, rate) = text.rsplit_once('=').map_or((None, text), |(what, rate)| (Some(what), rate));
    let rate_per_s = parse_rate(rate).map_err(|error| usage(format!("--limit: {error}")))?;
    let scope = match what {
        None => LimitScope::Global,
        Some(target) if target.contains("://") => LimitScope::Target(target.to_owned()),
        Some(scenario) => LimitScope::Scenario(scenario.to_owned()),
    };
    let known = |name: &str| plan.limits.iter().any(|limit| limit.name == name);
    let mut name = what.unwrap_or("all").to_owned();
    while known(&name) {
        name.push_str(" (--limit)");
    }
    Ok(RateLimit { name, rate_per_s, burst: 1, scope })
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
