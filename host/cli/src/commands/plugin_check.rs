//! `stresshost plugin check`

use std::fmt::Write;

use clap::ArgMatches;
use stresshost_plan::{Asks, Descriptor};
use stresshost_wasm::{CodeFacts, GuestLimits, Loadable, Plugin};

use crate::exit::{Exit, usage};
use crate::printer::Printer;
use crate::sources::Sources;
use crate::{args, env, loader};

/// Bytes past which a component's size is remarked on: what Rust's own and those of small engines stay below.
const LARGE_BYTES: usize = 4 << 20;

/// Says what a plugin is, and whether this host can run it.
pub(super) fn check(matches: &ArgMatches, sources: &Sources<'_>, printer: &Printer) -> anyhow::Result<Exit> {
    let reference = args::text(matches, "plugin").unwrap_or_default();
    let (path, loadable) = loader::read(sources, reference)?;
    let facts = loadable.clone();
    let plugin = Plugin::load(loadable, GuestLimits::default(), env::compiled_dir().as_deref());
    let plugin = plugin.map_err(|error| usage(format!("plugin `{}`: {error}", path.display())))?;
    let descriptor = super::prepare::describe(&plugin, reference)?;
    let mut text = String::new();
    facts_of(&mut text, &facts, &descriptor)?;
    for hint in hints(&facts) {
        writeln!(text, "hint        {hint}")?;
    }
    writeln!(text, "ok          this host can run it")?;
    printer.result(text.as_bytes())?;
    Ok(Exit::Pass)
}

fn facts_of(text: &mut String, loadable: &Loadable, descriptor: &Descriptor) -> std::fmt::Result {
    let facts = &loadable.facts;
    writeln!(text, "plugin      {} {}: {}", descriptor.name, descriptor.version, descriptor.summary)?;
    writeln!(text, "contract    stresshost:workload {}", facts.api)?;
    writeln!(text, "built with  {}", facts.sdk.as_deref().unwrap_or("unknown: no `stresshost:api` section"))?;
    writeln!(text, "size        {} bytes", loadable.bytes.len())?;
    let own = facts.imports.iter().filter_map(|import| {
        let interface = import.strip_prefix("stresshost:workload/")?;
        Some(interface.split('@').next().unwrap_or(interface))
    });
    writeln!(text, "imports     {}", or_nothing(&own.collect::<Vec<_>>().join(", ")))?;
    let wasi = facts.imports.iter().filter(|import| import.starts_with("wasi:")).count();
    if wasi > 0 {
        writeln!(
            text,
            "            {wasi} interfaces of WASI, which grant nothing but the run's clock and random numbers"
        )?;
    }
    writeln!(text, "asks for    {}", asks(&descriptor.asks))
}

fn or_nothing(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}

fn asks(asks: &Asks) -> String {
    let mut asked: Vec<String> = asks.targets.iter().map(|target| format!("target {target}")).collect();
    asked.extend(asks.secrets.iter().map(|secret| match secret.as_str() {
        "*" => "the secrets its config names".to_owned(),
        secret => format!("secret {secret}"),
    }));
    if asks.artifacts {
        asked.push("writing artifacts".to_owned());
    }
    if asked.is_empty() { "nothing beyond the targets you name".to_owned() } else { asked.join(", ") }
}

/// What would make it faster, smaller or easier to understand.
fn hints(loadable: &Loadable) -> Vec<String> {
    let (facts, code) = (&loadable.facts, CodeFacts::read(&loadable.bytes));
    let mut hints = Vec::new();
    if facts.sdk.is_none() {
        hints.push("it does not name its SDK; `stresshost plugin build` adds that, so that version problems are told in words".to_owned());
    }
    if !code.has_names {
        hints.push(
            "it has no names of functions: a backtrace will show numbers; do not strip them when you build"
                .to_owned(),
        );
    }
    if code.is_unoptimised() {
        hints.push("it looks unoptimised: build with --release and opt-level 3".to_owned());
    }
    if loadable.bytes.len() > LARGE_BYTES {
        hints.push(format!(
            "it is large: each virtual user has an instance of it; see the table of costs in the SDK's README, and `stresshost plan` with your number of users ({} MB)",
            loadable.bytes.len() >> 20
        ));
    }
    hints
}
