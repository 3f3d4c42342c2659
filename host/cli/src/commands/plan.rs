//! `stresshost plan`

use std::path::Path;

use clap::ArgMatches;
use stresshost_plan::Descriptor;
use stresshost_report::{PlanSetting, plan_text};
use stresshost_wasm::Plugin;

use super::prepare::{Prepared, prepare};
use crate::args;
use crate::capacity::Machine;
use crate::exit::Exit;
use crate::printer::Printer;

pub(super) fn plan(
    located: (&Path, &Plugin),
    descriptor: &Descriptor,
    matches: &ArgMatches,
    printer: &Printer,
) -> anyhow::Result<Exit> {
    let Prepared { plan, grants, .. } = prepare(located, descriptor, matches, printer)?;
    if args::is_set(matches, "json") {
        printer.result(format!("{}\n", serde_json::to_string_pretty(&plan)?).as_bytes())?;
        return Ok(Exit::Pass);
    }
    let machine = Machine::read();
    let (granted, capacity) = (grants.describe(), machine.needs(&plan));
    let setting = PlanSetting { granted: &granted, capacity: &capacity };
    printer.result(plan_text(&plan, &setting, &printer.report_options()).as_bytes())?;
    for shortfall in machine.shortfalls(&plan) {
        printer.warn(&shortfall.to_string());
    }
    Ok(Exit::Pass)
}
