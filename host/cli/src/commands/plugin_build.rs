//! `stresshost plugin build`

use std::path::Path;

use clap::ArgMatches;

use crate::args;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::project::Project;

pub(super) fn build(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    let directory = args::text(matches, "dir").unwrap_or(".");
    let component = Project::read(Path::new(directory))?.build(printer)?;
    let bytes = std::fs::metadata(&component)?.len();
    printer.note(&format!("`{}`: {bytes} bytes", component.display()));
    Ok(Exit::Pass)
}
