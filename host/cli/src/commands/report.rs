//! `stresshost report`

use std::path::Path;

use clap::ArgMatches;
use stresshost_metrics::audit;
use stresshost_report::Format;

use crate::args;
use crate::exit::{Exit, usage};
use crate::printer::Printer;
use crate::run_dir::OpenRun;

pub(super) fn report(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    let directory = Path::new(args::text(matches, "dir").unwrap_or("."));
    let format = match args::text(matches, "output-format") {
        Some(name) => name.parse().map_err(usage)?,
        None => Format::Text,
    };
    let run = OpenRun::open(directory)?;
    if args::is_set(matches, "audit") {
        audit_run(directory, &run, args::is_set(matches, "json"), printer)
    } else {
        render(&run, format, printer)
    }
}

/// Renders a run. The exit code tells whether it was whole, not what came of it: that was told when it ended.
fn render(run: &OpenRun, format: Format, printer: &Printer) -> anyhow::Result<Exit> {
    let analysis = run.analysis()?;
    let (summary, exit) = super::rebuilt::summary(run, None, printer)?;
    let mut text = Vec::new();
    stresshost_report::render(format, &summary, analysis.as_ref(), &printer.report_options(), &mut text)?;
    printer.result(&text)?;
    Ok(exit)
}

/// Computes every number again from the record and compares it with the summary.
fn audit_run(directory: &Path, run: &OpenRun, json: bool, printer: &Printer) -> anyhow::Result<Exit> {
    let Some(summary) = run.summary() else {
        let directory = directory.display();
        return Err(usage(format!(
            "there is no summary to audit in `{directory}`: the host was killed before it was written; without \
             --audit it is rebuilt from the record"
        )));
    };
    let rebuilt = run.rebuild()?;
    let audit = audit(summary, &rebuilt);
    let text = if json {
        format!("{}\n", serde_json::to_string_pretty(&audit)?)
    } else {
        stresshost_report::audit_text(&audit, &printer.report_options())
    };
    printer.result(text.as_bytes())?;
    // What was too much to list was not as it must be either.
    let holds = audit.is_ok() && audit.unlisted == 0;
    Ok(if holds { Exit::Pass } else { Exit::NotVerified })
}
