//! The course of the run: latency and throughput over time.

use stresshost_metrics::{Percentiles, SeriesPoint, Summary};

use crate::html::chart::{Band, Chart, Line, Places};
use crate::html::markup::{Markup, tick, time};
use crate::html::page::{begin, end};
use crate::limits::{MAX_BANDS, MAX_TIP_PHASES};
use crate::{format, objectives};

/// A percentile: its name, the class of its colour, and where to find it.
type Point = (&'static str, &'static str, fn(&Percentiles) -> u64);

/// Response time percentiles over time.
pub(super) fn latency(out: &mut Markup, summary: &Summary) {
    if summary.series.iter().all(|point| point.response_us.is_none()) {
        return;
    }
    begin(out, "Latency over time", "Response time from the intended start, so waiting in a queue counts.");
    let points: [Point; 4] = [
        ("max", "max", |p| p.max),
        ("p99", "p99", |p| p.p99),
        ("p95", "p95", |p| p.p95),
        ("p50", "p50", |p| p.p50),
    ];
    let line = |(label, class, of): Point| Line {
        label: label.to_owned(),
        class,
        // A logarithmic axis has no zero, and no time shorter than a microsecond is measured.
        values: summary.series.iter().map(|p| p.response_us.as_ref().map(|r| of(r).max(1) as f64)).collect(),
        area: false,
    };
    let tip = |point: &SeriesPoint| {
        let Some(r) = point.response_us else { return format!("{}\nnothing ended", span(point)) };
        let [max, p99, p95, p50] = [r.max, r.p99, r.p95, r.p50].map(time);
        format!(
            "{}\nmax {max}\np99 {p99}\np95 {p95}\np50 {p50}\n{} ended",
            span(point),
            format::count(r.count)
        )
    };
    chart(
        summary,
        "Response time percentiles over time",
        points.map(line).into(),
        "response time",
        true,
        tip,
    )
    .write(out);
    end(out);
}

/// Operations per second over time, and errors on a scale of their own: a few would be lost beside many.
pub(super) fn throughput(out: &mut Markup, summary: &Summary) {
    if summary.series.is_empty() {
        return;
    }
    begin(
        out,
        "Throughput over time",
        "Operations counted at the moment they were sent, errors when they ended.",
    );
    let line = |label: &str, class, area, of: fn(&SeriesPoint) -> u64| Line {
        label: label.to_owned(),
        class,
        values: summary.series.iter().map(|point| Some(per_s(of(point), point.width_s))).collect(),
        area,
    };
    let tip = |p: &SeriesPoint| {
        let rate = |count| format::rate(per_s(count, p.width_s));
        let (sent, ended, errors) = (rate(p.fired), rate(p.done), rate(p.errors));
        format!(
            "{}\n{sent}/s sent\n{ended}/s ended\n{errors}/s errors\n{} VUs busy",
            span(p),
            format::count(p.vus_busy)
        )
    };
    let lines = vec![
        line("sent per second", "rate", true, |p| p.fired),
        line("ended per second", "done", false, |p| p.done),
    ];
    chart(summary, "Operations per second over time", lines, "per second", false, tip).write(out);
    if summary.series.iter().any(|point| point.errors > 0) {
        let lines = vec![line("errors per second", "error", true, |p| p.errors)];
        let mut errors = chart(summary, "Errors per second over time", lines, "per second", false, tip);
        errors.low = true;
        errors.write(out);
    }
    end(out);
}

fn chart(
    summary: &Summary,
    label: &str,
    lines: Vec<Line>,
    y_title: &'static str,
    log: bool,
    tip: impl Fn(&SeriesPoint) -> String,
) -> Chart {
    // A point stands for its whole width and is drawn in the middle of it.
    let times = summary.series.iter().map(|point| point.t_s + point.width_s / 2.0).collect();
    Chart {
        label: label.to_owned(),
        x_title: "time since the load began",
        y_title,
        places: Places::Time(times),
        lines,
        tips: summary.series.iter().map(|point| tip(point) + &phases(summary, point)).collect(),
        low: false,
        log,
        y_text: if log { tick } else { format::number },
        x_text: format_moment,
        bands: bands(summary),
    }
}

/// Stretches of time to set off: the phases that ran; without any, the warm-up.
fn bands(summary: &Summary) -> Vec<Band> {
    if summary.phases.is_empty() {
        let warmup = summary.warmup.iter();
        return warmup
            .map(|warmup| Band { from: 0.0, to: warmup.duration_s, label: "warm-up".to_owned() })
            .collect();
    }
    let ran = summary.phases.iter().filter_map(|phase| Some((phase, phase.started_s?)));
    let bands =
        ran.map(|(phase, from)| Band { from, to: from + phase.duration_s, label: phase.name.clone() });
    bands.take(MAX_BANDS).collect()
}

/// The phases that went on during a point, as lines of its tip.
fn phases(summary: &Summary, point: &SeriesPoint) -> String {
    let names = objectives::phases_between(summary, point.t_s, point.t_s + point.width_s);
    let more = names.len().saturating_sub(MAX_TIP_PHASES);
    let mut text: String = names.iter().take(MAX_TIP_PHASES).map(|name| format!("\nphase {name}")).collect();
    if more > 0 {
        text.push_str(&format!("\nand {more} more phases"));
    }
    text
}

fn format_moment(t_s: f64) -> String {
    if t_s < 60.0 { format!("{}s", format::number(t_s)) } else { format::seconds(t_s) }
}

fn span(point: &SeriesPoint) -> String {
    format!("{} to {}", format_moment(point.t_s), format_moment(point.t_s + point.width_s))
}

fn per_s(count: u64, width_s: f64) -> f64 {
    if width_s > 0.0 { count as f64 / width_s } else { 0.0 }
}
