//! `stresshost plugin`

use std::fmt::Write;

use clap::ArgMatches;
use stresshost_plan::Descriptor;
use stresshost_wasm::{GuestLimits, Loadable};

use crate::args;
use crate::exit::{Exit, usage};
use crate::loader;
use crate::printer::Printer;

pub(super) fn plugin(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    match matches.subcommand() {
        Some(("list", _)) => list(printer)?,
        Some(("inspect", matches)) => inspect(matches, printer)?,
        Some(("build", matches)) => return super::plugin_build::build(matches, printer),
        Some(("check", matches)) => return super::plugin_check::check(matches, printer),
        Some(("test", matches)) => return super::plugin_test::test(matches, printer),
        _ => return Err(usage("no such command; see `stresshost plugin --help`")),
    }
    Ok(Exit::Pass)
}

fn list(printer: &Printer) -> anyhow::Result<()> {
    let dirs = loader::plugin_dirs();
    let listed = stresshost_registry::list(&dirs);
    let mut text = String::new();
    for plugin in &listed {
        let hidden = if plugin.shadowed { "  (hidden by one of the same name before it)" } else { "" };
        text.push_str(&format!("{:<20} {}{hidden}\n", plugin.name, plugin.path.display()));
    }
    if listed.is_empty() {
        let dirs: Vec<String> = dirs.iter().map(|dir| format!("  {}", dir.display())).collect();
        printer.note(&format!("no plugins; searched:\n{}", dirs.join("\n")));
    }
    printer.result(text.as_bytes())
}

fn inspect(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<()> {
    let reference = args::text(matches, "plugin").unwrap_or_default();
    let (_, plugin) = loader::load(reference, GuestLimits::default())?;
    let descriptor = super::prepare::describe(&plugin, reference)?;
    let text = if args::is_set(matches, "json") {
        format!("{}\n", serde_json::to_string_pretty(&descriptor)?)
    } else {
        describe(plugin.loadable(), &descriptor)?
    };
    printer.result(text.as_bytes())
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
