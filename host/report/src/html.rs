//! The summary as one page that needs nothing but itself: no network, no fonts, complete without scripts.
//!
//! The page is well-formed XML as well as HTML, so that a test can prove that nothing in a summary breaks it.

mod chart;
mod latency;
mod markup;
mod objectives;
mod outcome;
mod page;
mod style;
mod timeline;

use std::io;

use stresshost_metrics::Summary;
use stresshost_plan::Analysis;

use crate::Options;

/// Writes the page.
///
/// # Errors
///
/// Those of `out`.
pub fn render(
    summary: &Summary,
    analysis: Option<&Analysis>,
    _options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    out.write_all(page::page(summary, analysis).finish().as_bytes())
}
