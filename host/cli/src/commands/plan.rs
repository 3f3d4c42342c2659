//! `stresshost plan`

use std::fmt::Write;

use clap::ArgMatches;
use stresshost_plan::{Descriptor, Plan, format_duration_ms};
use stresshost_wasm::Plugin;

use super::prepare::{Prepared, prepare};
use crate::args;
use crate::exit::Exit;
use crate::printer::Printer;

pub(super) fn plan(
    plugin: &Plugin,
    descriptor: &Descriptor,
    matches: &ArgMatches,
    printer: &Printer,
) -> anyhow::Result<Exit> {
    let Prepared { plan, grants, .. } = prepare(plugin, descriptor, matches)?;
    let text = if args::is_set(matches, "json") {
        format!("{}\n", serde_json::to_string_pretty(&plan)?)
    } else {
        describe(&plan, &grants.describe())?
    };
    printer.result(text.as_bytes())?;
    Ok(Exit::Pass)
}

fn describe(plan: &Plan, granted: &str) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(text, "plan      {}", plan.name)?;
    if !plan.targets.is_empty() {
        writeln!(text, "targets   {}", plan.targets.join(", "))?;
    }
    writeln!(text, "granted   {granted}")?;
    writeln!(text, "length    {}", format_duration_ms(plan.duration_ms()))?;
    if plan.warmup_ms > 0 {
        writeln!(text, "warm-up   {}", format_duration_ms(plan.warmup_ms))?;
    }
    writeln!(text, "grace     {}", format_duration_ms(plan.graceful_stop_ms))?;
    writeln!(text, "users     {}", plan.vus())?;
    writeln!(text, "scenarios")?;
    for scenario in &plan.scenarios {
        let start = if scenario.start_ms > 0 {
            format!(", from {}", format_duration_ms(scenario.start_ms))
        } else {
            String::new()
        };
        writeln!(text, "  {}: {}{start}", scenario.name, scenario.executor.describe())?;
    }
    for note in &plan.notes {
        writeln!(text, "note      {note}")?;
    }
    Ok(text)
}
