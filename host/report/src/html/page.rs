//! The page: its shell and the order of its parts.

use stresshost_metrics::{Summary, VerdictStatus};
use stresshost_plan::Analysis;

use crate::html::markup::{Markup, time};
use crate::html::style::{SCRIPT, STYLE};
use crate::html::{latency, objectives, outcome, timeline};
use crate::{facts, format};

/// The whole page.
pub(super) fn page(summary: &Summary, analysis: Option<&Analysis>) -> Markup {
    let mut out = Markup::default();
    out.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
    out.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n");
    out.raw("<meta name=\"color-scheme\" content=\"light dark\"/>\n");
    // Nothing may be fetched, whatever a name in the summary manages to say.
    out.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ");
    out.raw("style-src 'unsafe-inline'; script-src 'unsafe-inline'\"/>\n");
    let title = format!("{}: {}", summary.verdict.status.label(), run_name(summary));
    out.leaf("title", "", &title);
    out.raw("\n<style>\n");
    out.raw(STYLE);
    out.raw("</style>\n</head>\n<body>\n");
    header(&mut out, summary);
    out.raw("<main>\n");
    objectives::invalid(&mut out, summary);
    tiles(&mut out, summary);
    objectives::thresholds(&mut out, summary);
    objectives::phases(&mut out, summary);
    outcome::findings(&mut out, summary, analysis);
    timeline::latency(&mut out, summary);
    timeline::throughput(&mut out, summary);
    latency::operations(&mut out, summary);
    latency::profile(&mut out, summary);
    latency::comparison(&mut out, summary);
    latency::parts(&mut out, summary);
    latency::answers(&mut out, summary);
    outcome::errors(&mut out, summary);
    outcome::checks(&mut out, summary);
    outcome::iterations(&mut out, summary);
    outcome::metrics(&mut out, summary);
    outcome::faults(&mut out, summary);
    outcome::limits(&mut out, summary);
    outcome::sections(&mut out, analysis);
    outcome::generator(&mut out, summary);
    outcome::warmup(&mut out, summary);
    about(&mut out, summary);
    out.raw("</main>\n<script>\n");
    out.raw(SCRIPT);
    out.raw("</script>\n</body>\n</html>\n");
    out
}

fn run_name(summary: &Summary) -> &str {
    if summary.run.name.is_empty() { "load test" } else { &summary.run.name }
}

/// Name and version of the plugin; empty when the run got no further than looking for it.
fn plugin(summary: &Summary) -> String {
    let plugin = &summary.run.plugin;
    if plugin.name.is_empty() { String::new() } else { format!("{}@{}", plugin.name, plugin.version) }
}

/// Class of a verdict's colours.
fn verdict_class(status: VerdictStatus) -> &'static str {
    match status {
        VerdictStatus::Pass => "good",
        VerdictStatus::Inconclusive => "warn",
        _ => "bad",
    }
}

fn header(out: &mut Markup, summary: &Summary) {
    let run = &summary.run;
    out.raw("<header>\n");
    out.leaf("h1", "", run_name(summary));
    let mut facts_line = vec![run.targets.join(", "), plugin(summary)];
    facts_line.push(format!("{} measured", format::seconds(run.duration_s)));
    facts_line.push(run.started.clone());
    facts_line.retain(|part| !part.is_empty());
    out.leaf("p", "dim", &facts_line.join("  ·  "));
    let status = summary.verdict.status;
    out.open(
        "section",
        &[("class", &format!("verdict {}", verdict_class(status))), ("aria-label", "Verdict")],
    );
    out.leaf("p", "word", status.label());
    out.raw("<div>");
    out.leaf("p", "", facts::verdict_meaning(status));
    if run.interrupted {
        out.leaf("p", "", "The run was interrupted before its plan was done.");
    }
    if !summary.verdict.reasons.is_empty() {
        out.raw("<ul>");
        for reason in &summary.verdict.reasons {
            out.leaf("li", "", reason);
        }
        out.raw("</ul>");
    }
    out.raw("</div></section>\n</header>\n");
}

fn tiles(out: &mut Markup, summary: &Summary) {
    let (done, failed) = facts::done_and_failed(summary);
    out.raw("<section class=\"tiles\" aria-label=\"Key numbers\">\n");
    tile(out, "Operations", &format::count(done), &format!("{} kinds", summary.operations.len()), "");
    tile(
        out,
        "Throughput",
        &format!("{}/s", format::rate(facts::rate_per_s(summary))),
        "operations sent",
        "",
    );
    let class = if failed > 0 { "bad" } else { "" };
    tile(out, "Errors", &format::percent(failed, done), &format!("{} failed", format::count(failed)), class);
    let responses = summary.operations.iter().filter_map(|op| Some((op, op.response_us?)));
    if let Some((op, response)) = responses.max_by_key(|(_, response)| response.p99) {
        let title = if summary.operations.len() > 1 { "Slowest response p99" } else { "Response p99" };
        tile(out, title, &time(response.p99), &format!("{}, p50 {}", op.name, time(response.p50)), "");
    }
    let due = facts::total(summary.scenarios.iter().map(|s| s.iterations.due));
    let dropped = facts::total(summary.scenarios.iter().map(|s| s.iterations.dropped));
    let class = if dropped > 0 { "warn" } else { "" };
    let note = format!("of {} iterations due", format::count(due));
    tile(out, "Dropped", &format::count(dropped), &note, class);
    out.raw("</section>\n");
}

fn tile(out: &mut Markup, title: &str, value: &str, note: &str, class: &'static str) {
    out.open("div", &[("class", &format!("tile {class}"))]);
    out.leaf("p", "dim", title);
    out.leaf("p", "value", value);
    out.leaf("p", "dim note", note);
    out.raw("</div>\n");
}

/// Opens a part of the page; [`end`] closes it.
pub(super) fn begin(out: &mut Markup, title: &str, note: &str) {
    out.raw("<section class=\"part\">\n");
    out.leaf("h2", "", title);
    if !note.is_empty() {
        out.leaf("p", "dim", note);
    }
    out.raw("\n");
}

pub(super) fn end(out: &mut Markup) {
    out.raw("</section>\n");
}

fn about(out: &mut Markup, summary: &Summary) {
    let run = &summary.run;
    begin(out, "About this run", "");
    out.raw("<dl>\n");
    for group in crate::objectives::groups(summary, &summary.scenarios) {
        let of = if group.title.is_empty() { String::new() } else { format!("{}, ", group.title) };
        for scenario in group.members {
            definition(out, "Load", &format!("{of}{}: {}", scenario.name, scenario.load));
        }
    }
    definition(out, "Run", &run.id);
    definition(out, "Seed", &run.seed.to_string());
    definition(out, "Plugin", &format!("{} {}", plugin(summary), run.plugin.digest));
    let host = &run.host;
    definition(out, "Host", &format!("stresshost {} on {} {}", host.version, host.os, host.arch));
    for note in &summary.notes {
        definition(out, "Note", note);
    }
    out.raw("</dl>\n");
    end(out);
}

pub(super) fn definition(out: &mut Markup, name: &str, value: &str) {
    out.raw("<div>");
    out.leaf("dt", "", name);
    out.leaf("dd", "", value);
    out.raw("</div>\n");
}
