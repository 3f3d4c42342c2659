//! The summary as a JSON document: what other programs read.

use std::io;

use stresshost_metrics::Summary;
use stresshost_plan::Analysis;

use crate::Options;

/// Writes `summary.json`: pretty-printed, fields in the order of their types, one line break at the end.
///
/// A plugin's analysis is a document of its own and not part of it.
///
/// # Errors
///
/// Those of `out`.
pub fn render(
    summary: &Summary,
    _analysis: Option<&Analysis>,
    _options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, summary).map_err(io::Error::from)?;
    out.write_all(b"\n")
}
