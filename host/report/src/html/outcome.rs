//! What held and what did not: findings, errors, checks, iterations, faults, the generator.

use stresshost_metrics::{IterationsSummary, ScenarioSummary, Summary};
use stresshost_plan::Analysis;

use crate::html::markup::{Markup, Table, time};
use crate::html::objectives::status_class;
use crate::html::page::{begin, definition, end};
use crate::objectives::{self, Grade};
use crate::{facts, format};

pub(super) fn findings(out: &mut Markup, summary: &Summary, analysis: Option<&Analysis>) {
    let findings = facts::findings(summary, analysis);
    let recommendations = analysis.map(|analysis| analysis.recommendations.as_slice()).unwrap_or_default();
    if findings.is_empty() && recommendations.is_empty() {
        return;
    }
    begin(out, "Findings and recommendations", "The plugin's reading of the run, beside what was measured.");
    out.raw("<ul class=\"findings\">\n");
    for finding in &findings {
        let class = match facts::severity_rank(&finding.severity) {
            0 | 1 => "tag bad",
            2 => "tag warn",
            _ => "tag",
        };
        out.raw("<li>");
        out.leaf("span", class, &finding.severity);
        out.raw("<div>");
        out.leaf("p", "", &finding.message);
        let behind = [&finding.location, &finding.evidence, &finding.rule];
        let behind: Vec<_> = behind.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
        if !behind.is_empty() {
            out.leaf("p", "dim", &behind.join("  ·  "));
        }
        out.raw("</div></li>\n");
    }
    for advice in recommendations {
        out.raw("<li>");
        out.leaf("span", "tag accent", "advice");
        out.raw("<div>");
        out.leaf("p", "", &advice.message);
        if !advice.because.is_empty() {
            out.leaf("p", "dim", &format!("because {}", advice.because));
        }
        out.raw("</div></li>\n");
    }
    out.raw("</ul>\n");
    end(out);
}

pub(super) fn errors(out: &mut Markup, summary: &Summary) {
    let (done, failed) = facts::done_and_failed(summary);
    if failed == 0 {
        return;
    }
    let note = format!(
        "{} of {} operations failed, {}.",
        format::count(failed),
        format::count(done),
        format::percent(failed, done)
    );
    begin(out, "Errors", &note);
    for error in facts::errors(summary) {
        out.raw("<div class=\"error\">");
        out.raw("<div class=\"row\">");
        out.leaf("code", "", error.kind);
        out.leaf("strong", "", &format::count(error.count));
        out.leaf("span", "dim", &format!("{} of the errors", format::percent(error.count, failed)));
        out.raw("</div>\n");
        out.open("div", &[("class", "bar"), ("aria-hidden", "true")]);
        stripe(out, "bad", error.count, failed);
        out.close("div");
        out.leaf("p", "", error.explain);
        for failure in &error.examples {
            out.raw("<figure class=\"example\">");
            let at = format!("{} at {}", failure.operation, format::seconds(failure.t_s));
            out.leaf("figcaption", "dim", &at);
            out.leaf("pre", "", &failure.text);
            out.raw("</figure>\n");
        }
        out.raw("</div>\n");
    }
    end(out);
}

/// A part of a bar, as long as its share.
fn stripe(out: &mut Markup, class: &'static str, part: u64, whole: u64) {
    if part > 0 {
        let width = (part as f64 / whole.max(1) as f64 * 100.0).min(100.0);
        out.open("i", &[("class", class), ("style", &format!("width:{width:.2}%"))]);
        out.close("i");
    }
}

pub(super) fn checks(out: &mut Markup, summary: &Summary) {
    if summary.checks.is_empty() {
        return;
    }
    begin(out, "Checks", "");
    let mut table =
        Table::new(&[("", "status"), ("name", "check"), ("n", "held"), ("n", "failed"), ("n", "ratio")]);
    for check in &summary.checks {
        let (word, grade) = if check.failed == 0 { ("PASS", Grade::Good) } else { ("FAIL", Grade::Bad) };
        table.row(&[
            (status_class(grade), word.to_owned()),
            ("name", check.name.clone()),
            ("n", format::count(check.passed)),
            ("n", format::count(check.failed)),
            ("n", format::percent(check.passed, check.passed.saturating_add(check.failed))),
        ]);
    }
    table.write(out, "Checks");
    end(out);
}

pub(super) fn iterations(out: &mut Markup, summary: &Summary) {
    if summary.scenarios.is_empty() {
        return;
    }
    begin(out, "Iterations", "Every iteration of the measured window, accounted for.");
    for group in objectives::groups(summary, &summary.scenarios) {
        for scenario in group.members {
            out.raw("<div class=\"iterations\">");
            out.leaf("h3", "", &scenario.name);
            let load = [group.title.as_str(), scenario.load.as_str()];
            let load: Vec<_> = load.into_iter().filter(|part| !part.is_empty()).collect();
            out.leaf("p", "dim", &load.join("  ·  "));
            accounting(out, scenario);
            out.raw("</div>\n");
        }
    }
    end(out);
}

fn accounting(out: &mut Markup, scenario: &ScenarioSummary) {
    bar(out, &scenario.iterations);
    for equation in facts::accounting(&scenario.iterations) {
        let class = if equation.contains("!=") { "sum bad" } else { "sum" };
        out.leaf("p", class, &equation);
    }
    if scenario.duration_s > 0.0 {
        let rate = format::rate(scenario.iterations.started as f64 / scenario.duration_s);
        let text = format!("{rate} started per second of {}.", format::seconds(scenario.duration_s));
        out.leaf("p", "dim", &text);
    }
    if let Some(response) = scenario.response_us {
        let [p50, p99, max] = [response.p50, response.p99, response.max].map(time);
        let text = format!("One takes p50 {p50}, p99 {p99}, max {max} from its intended start.");
        out.leaf("p", "dim", &text);
    }
}

fn bar(out: &mut Markup, iterations: &IterationsSummary) {
    let it = iterations;
    out.open("div", &[("class", "bar tall"), ("aria-hidden", "true")]);
    let bad = facts::total([it.failed, it.faulted].into_iter());
    for (class, part) in [("good", it.finished), ("bad", bad), ("warn", it.interrupted), ("none", it.dropped)]
    {
        stripe(out, class, part, it.due);
    }
    out.close("div");
}

pub(super) fn metrics(out: &mut Markup, summary: &Summary) {
    if summary.metrics.is_empty() {
        return;
    }
    begin(out, "Metrics", "Recorded by the plugin.");
    let mut table = Table::new(&[("name", "metric"), ("", "kind"), ("", "value")]);
    for metric in &summary.metrics {
        table.row(&[
            ("name", metric.name.clone()),
            ("", facts::metric_kind(metric).to_owned()),
            ("value", facts::metric_value(metric)),
        ]);
    }
    table.write(out, "Metrics");
    end(out);
}

pub(super) fn faults(out: &mut Markup, summary: &Summary) {
    if summary.faults.is_empty() {
        return;
    }
    begin(out, "Plugin faults", "");
    for fault in &summary.faults {
        out.raw("<div class=\"error\">");
        let title = format!("{} × in {} of {}", format::count(fault.count), fault.during, fault.plugin);
        out.leaf("p", "", &title);
        out.leaf("pre", "", &fault.text);
        out.raw("</div>\n");
    }
    end(out);
}

pub(super) fn limits(out: &mut Markup, summary: &Summary) {
    if summary.limits.is_empty() {
        return;
    }
    begin(
        out,
        "Limits reached",
        "Limits of the sandbox, and how often plugins reached them, warm-up included.",
    );
    let mut table = Table::new(&[("name", "plugin"), ("", "limit"), ("n", "times"), ("", "what")]);
    for reached in &summary.limits {
        table.row(&[
            ("name", reached.plugin.clone()),
            ("", reached.limit.clone()),
            ("n", format::count(reached.count)),
            ("", reached.meaning.clone()),
        ]);
    }
    table.write(out, "Limits reached");
    end(out);
}

/// Further sections the plugin wrote.
pub(super) fn sections(out: &mut Markup, analysis: Option<&Analysis>) {
    for section in analysis.iter().flat_map(|analysis| &analysis.sections) {
        begin(out, &section.title, "");
        for text in &section.text {
            out.leaf("p", "", text);
        }
        if let Some((titles, rows)) = section.table.split_first() {
            let columns: Vec<_> = titles.iter().map(|title| ("", title.as_str())).collect();
            let mut table = Table::new(&columns);
            for row in rows {
                // As many cells as columns: a ragged row would shift what stands below its neighbours' titles.
                let cells: Vec<_> =
                    (0..titles.len()).map(|i| ("", row.get(i).cloned().unwrap_or_default())).collect();
                table.row(&cells);
            }
            table.write(out, &section.title);
        }
        end(out);
    }
}

pub(super) fn generator(out: &mut Markup, summary: &Summary) {
    let used = &summary.generator;
    begin(out, "Generator", "What the load itself cost this machine. A saturated generator measures itself.");
    out.raw("<dl>\n");
    let cpu = format!(
        "{} of {} cores ({:.1} CPU s)",
        format::percent_of(used.cpu_share),
        format::count(summary.run.host.cores),
        used.cpu_s
    );
    definition(out, "CPU", &cpu);
    definition(out, "Busiest core", &format::percent_of(used.busiest_core_share));
    let plugins = format!("In the {}", facts::plugins(used));
    definition(out, &plugins, &format!("about {:.1} CPU s", used.guest_cpu_s));
    for (name, usage) in facts::plugin_usages(used) {
        definition(out, &format!("In {name}"), &usage);
    }
    definition(out, "Peak memory", &format::bytes(used.rss_max_bytes));
    definition(out, "Schedule lag p99", &time(used.lag_p99_us));
    definition(out, "The generator's own lag p99", &time(used.own_lag_p99_us));
    definition(out, "Waiting for rate limits", &format::seconds(used.limited_s));
    out.raw("</dl>\n");
    end(out);
}

pub(super) fn warmup(out: &mut Markup, summary: &Summary) {
    let Some(warmup) = &summary.warmup else { return };
    let note = format!("{}, reported apart and never judged.", format::seconds(warmup.duration_s));
    begin(out, "Warm-up", &note);
    let columns =
        [("name", "operation"), ("n", "count"), ("n", "errors"), ("n", "p50"), ("n", "p99"), ("n", "max")];
    let mut table = Table::new(&columns);
    for op in &warmup.operations {
        let at = |of: fn(&stresshost_metrics::Percentiles) -> u64| {
            ("n", op.response_us.as_ref().map_or_else(|| "–".to_owned(), |values| time(of(values))))
        };
        let (count, failed) = (format::count(op.count), format::count(facts::failed(op)));
        table.row(&[
            ("name", op.name.clone()),
            ("n", count),
            ("n", failed),
            at(|p| p.p50),
            at(|p| p.p99),
            at(|p| p.max),
        ]);
    }
    if table.is_empty() {
        out.leaf("p", "", "No operation ended in it.");
    } else {
        table.write(out, "Warm-up");
    }
    end(out);
}
