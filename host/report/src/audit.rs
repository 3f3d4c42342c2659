//! An audit as text: what of a summary was computed again, and what is not as it says.

use stresshost_metrics::Audit;

use crate::text::page::{INDENT, Page, Tone};
use crate::text::table::{Cell, Table};
use crate::{Options, format};

/// Renders an audit. The first line says whether everything held.
pub fn audit_text(audit: &Audit, options: &Options) -> String {
    let mut page = Page::new(*options);
    let failed = audit.failed().count() as u64 + audit.unlisted;
    let compared = format!("{} values computed again from the raw record", format::count(audit.compared));
    let held = audit.is_ok() && audit.unlisted == 0;
    let (word, text) = if held {
        (("HOLDS", Tone::Good), format!("{compared}: the summary is as it must be."))
    } else {
        (("DOES NOT HOLD", Tone::Bad), format!("{compared}: {} not as it must be.", format::count(failed)))
    };
    page.marked(0, word, INDENT, &text);
    differences(&mut page, audit);
    let mut table = Table::new(&["what holds"]).words("reported");
    for check in audit.checks.iter().filter(|check| check.ok) {
        table.row(vec![Cell::new(&check.what), Cell::new(&check.reported)]);
    }
    if !table.is_empty() {
        page.end_line();
        table.write(&mut page);
    }
    if !audit.left_out.is_empty() {
        page.heading("Not computed again", "");
        for part in &audit.left_out {
            page.bullet(INDENT, "-", &format!("{}: {}", part.what, part.reason));
        }
    }
    page.finish()
}

fn differences(page: &mut Page, audit: &Audit) {
    if audit.failed().next().is_none() {
        return;
    }
    page.heading("What does not hold", "");
    for check in audit.failed() {
        page.bullet(INDENT, "-", &check.what);
        page.paragraph(2 * INDENT, &format!("must be   {}", check.expected), Tone::Plain);
        page.paragraph(2 * INDENT, &format!("reported  {}", check.reported), Tone::Bad);
    }
    if audit.unlisted > 0 {
        let more = format::count(audit.unlisted);
        page.paragraph(INDENT, &format!(".. and {more} more"), Tone::Dim);
    }
}
