//! `stresshost report`

use std::path::Path;

use anyhow::Context;
use clap::ArgMatches;
use serde::de::DeserializeOwned;
use stresshost_metrics::Summary;
use stresshost_plan::Analysis;
use stresshost_report::Format;

use crate::args;
use crate::exit::{Exit, usage};
use crate::printer::Printer;

pub(super) fn report(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    let directory = Path::new(args::text(matches, "dir").unwrap_or("."));
    let format = match args::text(matches, "output-format") {
        Some(name) => name.parse().map_err(usage)?,
        None => Format::Text,
    };
    let summary: Summary = read(&directory.join("summary.json"))?.ok_or_else(|| {
        let directory = directory.display();
        usage(format!("no run has ended in `{directory}`: it has no summary.json; name a run directory"))
    })?;
    let analysis: Option<Analysis> = read(&directory.join("analysis.json"))?;
    let mut text = Vec::new();
    stresshost_report::render(format, &summary, analysis.as_ref(), &printer.report_options(), &mut text)?;
    printer.result(&text)?;
    Ok(Exit::Pass)
}

/// Reads a document of a run directory; none when the file is not there.
fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes =
        std::fs::read(path).map_err(usage).with_context(|| format!("cannot read `{}`", path.display()))?;
    let document = serde_json::from_slice(&bytes).map_err(usage);
    document.map(Some).with_context(|| format!("`{}` is damaged or of another version", path.display()))
}
