//! The summary of a run directory, from the record where the run did not write one.

use std::borrow::Cow;

use stresshost_metrics::Summary;

use crate::exit::Exit;
use crate::printer::Printer;
use crate::run_dir::OpenRun;

/// The summary of a run, and 11 when it was cut short: what is said of such a run is not the last word. `name` tells
/// the run from others in what is printed.
pub(super) fn summary<'a>(
    run: &'a OpenRun,
    name: Option<&str>,
    printer: &Printer,
) -> anyhow::Result<(Cow<'a, Summary>, Exit)> {
    if let Some(summary) = run.summary() {
        return Ok((Cow::Borrowed(summary), Exit::Pass));
    }
    let rebuilt = run.rebuild()?;
    let which = name.map_or_else(|| "run".to_owned(), |name| format!("run {name}"));
    if !rebuilt.cut_short {
        printer.note(&format!("{which} ended without a summary; rebuilt from the record"));
        return Ok((Cow::Owned(rebuilt.summary), Exit::Pass));
    }
    // The points of the series follow each other from the beginning of the load to the last record.
    let last = rebuilt.summary.series.last();
    let seconds = last.map_or(0.0, |point| point.t_s + point.width_s);
    printer.note(&format!("{which} cut short after {seconds:.1} s; rebuilt from the record"));
    Ok((Cow::Owned(rebuilt.summary), Exit::Inconclusive))
}
