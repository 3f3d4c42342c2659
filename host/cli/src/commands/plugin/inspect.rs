//! `plugin inspect`

use std::fmt::Write;

use clap::ArgMatches;
use stresshost_plan::Descriptor;
use stresshost_wasm::{GuestLimits, Loadable};

use crate::sources::Sources;
use crate::{args, loader};

pub(super) fn inspect(matches: &ArgMatches, sources: &Sources<'_>) -> anyhow::Result<()> {
    let reference = args::text(matches, "plugin").unwrap_or_default();
    let (_, plugin) = loader::load(sources, reference, GuestLimits::default())?;
    let descriptor = super::super::prepare::describe(&plugin, reference)?;
    let text = if args::is_set(matches, "json") {
        format!("{}\n", serde_json::to_string_pretty(&descriptor)?)
    } else {
        describe(plugin.loadable(), &descriptor)?
    };
    sources.printer().result(text.as_bytes())
}

fn describe(loadable: &Loadable, descriptor: &Descriptor) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(text, "{} {}: {}", descriptor.name, descriptor.version, descriptor.summary)?;
    writeln!(text, "digest      {}", loadable.digest)?;
    writeln!(text, "size        {} bytes", loadable.bytes.len())?;
    writeln!(text, "contract    stresshost:workload {}", loadable.facts.api)?;
    writeln!(
        text,
        "built with  {}",
        loadable.facts.sdk.as_deref().unwrap_or("unknown: no `stresshost:api` section")
    )?;
    writeln!(text, "imports")?;
    for import in &loadable.facts.imports {
        writeln!(text, "  {import}")?;
    }
    writeln!(text, "asks for")?;
    for target in &descriptor.asks.targets {
        writeln!(text, "  target {target}")?;
    }
    for secret in &descriptor.asks.secrets {
        let which = if secret == "*" { "whichever secrets its config names" } else { secret };
        writeln!(text, "  secret {which}")?;
    }
    if descriptor.asks.artifacts {
        writeln!(text, "  writing artifacts into the run directory")?;
    }
    if descriptor.asks == stresshost_plan::Asks::default() {
        writeln!(text, "  nothing beyond the targets you name")?;
    }
    Ok(text)
}
