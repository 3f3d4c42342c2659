//! The summary as text, readable without colour on 60 columns and more.

mod latency;
mod live;
mod more;
mod objectives;
mod outcome;
pub(crate) mod page;
pub(crate) mod table;

use std::io;

use stresshost_metrics::Summary;
use stresshost_plan::Analysis;

use crate::Options;
use crate::text::page::Page;

pub use live::live_line;

/// Writes the text report. The first line is the verdict.
///
/// # Errors
///
/// Those of `out`.
pub fn render(
    summary: &Summary,
    analysis: Option<&Analysis>,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut page = Page::new(*options);
    outcome::verdict(&mut page, summary);
    outcome::run(&mut page, summary);
    objectives::invalid(&mut page, summary);
    objectives::thresholds(&mut page, summary);
    objectives::phases(&mut page, summary);
    latency::operations(&mut page, summary);
    latency::comparison(&mut page, summary);
    latency::parts(&mut page, summary);
    outcome::errors(&mut page, summary);
    outcome::statuses(&mut page, summary);
    outcome::iterations(&mut page, summary);
    outcome::checks(&mut page, summary);
    more::metrics(&mut page, summary);
    more::faults(&mut page, summary);
    more::limits(&mut page, summary);
    more::generator(&mut page, summary);
    more::warmup(&mut page, summary);
    more::findings(&mut page, summary, analysis);
    more::notes(&mut page, summary);
    out.write_all(page.finish().as_bytes())
}
