//! `stresshost completions`

use clap::ArgMatches;
use clap_complete::Shell;

use crate::args;
use crate::exit::{Exit, usage};
use crate::printer::Printer;

pub(super) fn completions(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    let shell = *matches.get_one::<Shell>("shell").ok_or_else(|| usage("name a shell"))?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::cli(), "stresshost", &mut script);
    printer.result(&script)?;
    Ok(Exit::Pass)
}
