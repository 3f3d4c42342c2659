//! What stands behind the numbers: custom metrics, faults, the generator, the warm-up, findings and notes.

use stresshost_metrics::Summary;
use stresshost_plan::{Analysis, Section};

use crate::limits::MAX_FAULT_LINES;
use crate::text::page::{INDENT, Page, Tone};
use crate::text::table::{Cell, Table};
use crate::{facts, format};

pub(super) fn metrics(page: &mut Page, summary: &Summary) {
    if summary.metrics.is_empty() {
        return;
    }
    page.heading("Metrics", "recorded by the plugin");
    for metric in &summary.metrics {
        let text =
            format!("{} ({}): {}", metric.name, facts::metric_kind(metric), facts::metric_value(metric));
        page.bullet(INDENT, "-", &text);
    }
}

pub(super) fn faults(page: &mut Page, summary: &Summary) {
    if summary.faults.is_empty() {
        return;
    }
    page.heading("Plugin faults", "");
    for fault in &summary.faults {
        let title = format!("{} x in `{}` of {}", format::count(fault.count), fault.during, fault.plugin);
        page.paragraph(INDENT, &title, Tone::Bad);
        for line in fault.text.lines().take(MAX_FAULT_LINES) {
            page.paragraph(2 * INDENT, line, Tone::Plain);
        }
        let more = fault.text.lines().count().saturating_sub(MAX_FAULT_LINES);
        if more > 0 {
            page.paragraph(2 * INDENT, &format!(".. and {more} more lines, in summary.json"), Tone::Dim);
        }
    }
}

pub(super) fn limits(page: &mut Page, summary: &Summary) {
    if summary.limits.is_empty() {
        return;
    }
    page.heading("Limits reached", "of the sandbox, warm-up included");
    let mut table = Table::new(&["plugin"]).words("limit").numbers("", &["times"]).words("what");
    for reached in &summary.limits {
        table.row(vec![
            Cell::new(&reached.plugin),
            Cell::new(&reached.limit),
            Cell::new(format::count(reached.count)),
            Cell::new(&reached.meaning),
        ]);
    }
    table.write(page);
}

pub(super) fn generator(page: &mut Page, summary: &Summary) {
    let used = &summary.generator;
    page.heading("Generator", "what the load itself cost this machine");
    let cores = match summary.run.host.cores {
        1 => "1 core".to_owned(),
        cores => format!("{} cores", format::count(cores)),
    };
    // An estimate can come out above what it is a part of.
    let of_them = if used.guest_cpu_s <= used.cpu_s { " of them" } else { "" };
    page.paragraph(
        INDENT,
        &format!(
            "{} of {cores} ({:.1} CPU s, about {:.1}{of_them} in the {}), busiest core {}, peak memory {}, schedule lag \
             p99 {}, the generator's own p99 {}{}",
            format::percent_of(used.cpu_share),
            used.cpu_s,
            used.guest_cpu_s,
            facts::plugins(used),
            format::percent_of(used.busiest_core_share),
            format::bytes(used.rss_max_bytes),
            format::duration_us(used.lag_p99_us),
            format::duration_us(used.own_lag_p99_us),
            facts::limited(used)
        ),
        Tone::Plain,
    );
    for (name, usage) in facts::plugin_usages(used) {
        page.bullet(INDENT, "-", &format!("{name}: {usage}"));
    }
}

pub(super) fn warmup(page: &mut Page, summary: &Summary) {
    let Some(warmup) = &summary.warmup else { return };
    let done = facts::total(warmup.operations.iter().map(|op| op.count));
    let failed = facts::total(warmup.operations.iter().map(facts::failed));
    page.heading("Warm-up", "reported apart and never judged");
    page.paragraph(
        INDENT,
        &format!(
            "{}: {} operations, {} failed ({})",
            format::seconds(warmup.duration_s),
            format::count(done),
            format::count(failed),
            format::percent(failed, done)
        ),
        Tone::Plain,
    );
    for op in &warmup.operations {
        let Some(response) = op.response_us else { continue };
        let (p50, p99) = (format::duration_us(response.p50), format::duration_us(response.p99));
        page.bullet(INDENT, "-", &format!("{}: response p50 {p50}, p99 {p99}", op.name));
    }
}

pub(super) fn findings(page: &mut Page, summary: &Summary, analysis: Option<&Analysis>) {
    let findings = facts::findings(summary, analysis);
    if !findings.is_empty() {
        page.heading("Findings", "of the plugin");
    }
    for finding in &findings {
        let location =
            if finding.location.is_empty() { String::new() } else { format!(" ({})", finding.location) };
        let rule = if finding.rule.is_empty() { String::new() } else { format!(" [{}]", finding.rule) };
        page.bullet(INDENT, "-", &format!("{}: {}{location}{rule}", finding.severity, finding.message));
        page.paragraph(2 * INDENT, &finding.evidence, Tone::Dim);
    }
    let Some(analysis) = analysis else { return };
    if !analysis.recommendations.is_empty() {
        page.heading("Recommendations", "of the plugin");
    }
    for advice in &analysis.recommendations {
        page.bullet(INDENT, "-", &advice.message);
        if !advice.because.is_empty() {
            page.paragraph(2 * INDENT, &format!("because {}", advice.because), Tone::Dim);
        }
    }
    for part in &analysis.sections {
        section(page, part);
    }
}

fn section(page: &mut Page, part: &Section) {
    page.heading(&part.title, "");
    for text in &part.text {
        page.paragraph(INDENT, text, Tone::Plain);
    }
    let Some((titles, rows)) = part.table.split_first() else { return };
    let Some((name, columns)) = titles.split_first() else { return };
    let mut table = Table::new(&[name.as_str()]);
    for column in columns {
        table = table.words(column);
    }
    for row in rows {
        table.row(row.iter().map(Cell::new).collect());
    }
    table.write(page);
}

pub(super) fn notes(page: &mut Page, summary: &Summary) {
    if summary.notes.is_empty() {
        return;
    }
    page.heading("Notes", "");
    for note in &summary.notes {
        page.bullet(INDENT, "-", note);
    }
}
