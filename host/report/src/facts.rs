//! What more than one report derives from a summary, derived once so that they cannot disagree.

use std::collections::{BTreeMap, HashSet};

use stresshost_metrics::{
    ErrorKind, FailureSummary, GeneratorSummary, IterationsSummary, OperationSummary, OverallSummary,
    Percentiles, Summary,
};
use stresshost_plan::{Analysis, Finding};

use crate::format;
use crate::limits::MAX_EXAMPLES;

/// Response time this many times the service time is worth a sentence: below it the difference is scheduling noise.
const QUEUEING_FACTOR: f64 = 1.5;

/// A sum that stays at its greatest value: a summary read from a file may hold any numbers.
pub(crate) fn total(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0, u64::saturating_add)
}

/// Operations that failed.
pub(crate) fn failed(operation: &OperationSummary) -> u64 {
    total(operation.errors.values().copied())
}

/// Operations of the measured window that ended, and those that failed.
pub(crate) fn done_and_failed(summary: &Summary) -> (u64, u64) {
    let done = total(summary.operations.iter().map(|op| op.count));
    (done, total(summary.operations.iter().map(failed)))
}

/// Operations sent per second, over all operations. Rates of phases that follow each other do not add up, so with
/// phases it is taken over the whole measured window.
pub(crate) fn rate_per_s(summary: &Summary) -> f64 {
    if summary.phases.is_empty() {
        return summary.operations.iter().map(|op| op.rate_per_s).sum();
    }
    let fired = total(summary.operations.iter().map(|op| op.fired));
    if summary.run.duration_s > 0.0 { fired as f64 / summary.run.duration_s } else { 0.0 }
}

/// What the row of all operations is called.
pub(crate) const OVERALL: &str = "all operations";

/// All operations together; `None` when there is only one or nothing was measured.
pub(crate) fn overall(summary: &Summary) -> Option<&OverallSummary> {
    summary.overall.as_ref().filter(|_| summary.operations.len() > 1)
}

/// The errors of one kind.
pub(crate) struct ErrorFact<'a> {
    /// Its name.
    pub(crate) kind: &'a str,
    /// One sentence for people.
    pub(crate) explain: &'static str,
    /// How many, over all operations.
    pub(crate) count: u64,
    /// A few with different texts.
    pub(crate) examples: Vec<&'a FailureSummary>,
}

/// Errors by kind, the most frequent first.
pub(crate) fn errors(summary: &Summary) -> Vec<ErrorFact<'_>> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, count) in summary.operations.iter().flat_map(|op| &op.errors) {
        let entry = counts.entry(kind).or_default();
        *entry = entry.saturating_add(*count);
    }
    counts.retain(|_, count| *count > 0);
    let fact =
        |(kind, count)| ErrorFact { kind, count, explain: explain(kind), examples: examples(summary, kind) };
    let mut facts: Vec<_> = counts.into_iter().map(fact).collect();
    facts.sort_by_key(|fact| std::cmp::Reverse(fact.count));
    facts
}

/// What an error kind means. A summary of a newer host may name kinds this one does not know.
fn explain(kind: &str) -> &'static str {
    ErrorKind::from_name(kind).map_or("A kind of error this version does not know.", ErrorKind::explain)
}

fn examples<'a>(summary: &'a Summary, kind: &str) -> Vec<&'a FailureSummary> {
    let mut seen = HashSet::new();
    let of_kind = summary.failures.iter().filter(|failure| failure.kind == kind);
    of_kind.filter(|failure| seen.insert(&failure.text)).take(MAX_EXAMPLES).collect()
}

/// The sentence that explains why response and service times differ; `None` when they hardly do.
pub(crate) fn queueing(summary: &Summary) -> Option<String> {
    let factor = |op: &OperationSummary| {
        let (service, response) = (op.service_us?.p99, op.response_us?.p99);
        let factor = response as f64 / service.max(1) as f64;
        (factor > QUEUEING_FACTOR).then_some(factor)
    };
    let queued: Vec<_> = summary.operations.iter().filter_map(|op| Some((op, factor(op)?))).collect();
    let (worst, factor) = queued.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let others = match queued.len() {
        1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    Some(format!(
        "Response p99 of `{}`{others} is {factor:.1} times its service p99: requests were queueing before they could \
         start, and whoever waits for an answer feels the response time.",
        worst.name
    ))
}

/// The two equations that account for every iteration; `!=` where the numbers do not add up.
pub(crate) fn accounting(iterations: &IterationsSummary) -> [String; 2] {
    let equation = |name: &str, whole: u64, parts: &[(&str, u64)]| {
        let holds = total(parts.iter().map(|part| part.1)) == whole;
        let parts: Vec<_> = parts.iter().map(|(name, n)| format!("{name} {}", format::count(*n))).collect();
        format!("{name} {} {} {}", format::count(whole), if holds { "=" } else { "!=" }, parts.join(" + "))
    };
    let it = iterations;
    [
        equation("due", it.due, &[("started", it.started), ("dropped", it.dropped)]),
        equation(
            "started",
            it.started,
            &[
                ("finished", it.finished),
                ("failed", it.failed),
                ("interrupted", it.interrupted),
                ("faulted", it.faulted),
            ],
        ),
    ]
}

/// A finding and what is known of it beside.
pub(crate) struct Found {
    /// Plugin that reported it; may be empty.
    pub(crate) plugin: String,
    /// How often; 0 where nobody counted.
    pub(crate) count: u64,
    pub(crate) finding: Finding,
}

impl Found {
    /// The finding with how often it was reported as part of its evidence.
    pub(crate) fn shown(mut self) -> Finding {
        if self.count > 1 {
            let evidence = std::mem::take(&mut self.finding.evidence);
            let more = if evidence.is_empty() { String::new() } else { format!("; {evidence}") };
            self.finding.evidence = format!("{} times{more}", format::count(self.count));
        }
        self.finding
    }
}

/// Findings of the plugin during the run and of its analysis after it, each once.
pub(crate) fn found(summary: &Summary, analysis: Option<&Analysis>) -> Vec<Found> {
    // A finding is whatever JSON the plugin reported: one that has no shape we know is shown as it is.
    let read = |value: &serde_json::Value| Found {
        plugin: value.get("plugin").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(),
        count: value.get("count").and_then(serde_json::Value::as_u64).unwrap_or(0),
        finding: serde_json::from_value(value.clone()).unwrap_or_else(|_| Finding {
            rule: String::new(),
            severity: "info".to_owned(),
            message: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            ..Finding::default()
        }),
    };
    let mut all: Vec<Found> = summary.findings.iter().map(read).collect();
    for finding in analysis.iter().flat_map(|analysis| &analysis.findings) {
        if !all.iter().any(|known| known.finding == *finding) {
            all.push(Found { plugin: summary.run.plugin.name.clone(), count: 0, finding: finding.clone() });
        }
    }
    all
}

/// The same as people read them, the gravest first.
pub(crate) fn findings(summary: &Summary, analysis: Option<&Analysis>) -> Vec<Finding> {
    let mut findings: Vec<_> = found(summary, analysis).into_iter().map(Found::shown).collect();
    findings.sort_by_key(|finding| severity_rank(&finding.severity));
    findings
}

/// Severity from the gravest, 0, on; unknown words rank last.
pub(crate) fn severity_rank(severity: &str) -> usize {
    const ORDER: [&str; 5] = ["critical", "high", "medium", "low", "info"];
    ORDER.iter().position(|known| *known == severity).unwrap_or(ORDER.len())
}

/// Parts of an operation's service time in the order in which they happen; unknown ones after them.
pub(crate) fn parts(operation: &OperationSummary) -> Vec<(&str, Percentiles)> {
    const ORDER: [&str; 6] = ["lookup", "connect", "tls", "write", "wait", "body"];
    let rank = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
    let mut parts: Vec<_> =
        operation.phases_us.iter().map(|(name, values)| (name.as_str(), *values)).collect();
    parts.sort_by_key(|(name, _)| rank(name));
    parts
}

/// How long operations waited for rate limits; empty when they never did.
pub(crate) fn limited(used: &GeneratorSummary) -> String {
    if used.limited_s > 0.0 {
        format!(", {} spent waiting for rate limits", format::seconds(used.limited_s))
    } else {
        String::new()
    }
}

/// What plugins are called together.
pub(crate) fn plugins(used: &GeneratorSummary) -> &'static str {
    if used.plugins.len() > 1 { "plugins" } else { "plugin" }
}

/// What each plugin used and its name; nothing when there is only one.
pub(crate) fn plugin_usages(used: &GeneratorSummary) -> impl Iterator<Item = (&str, String)> {
    let several = used.plugins.iter().filter(|_| used.plugins.len() > 1);
    several.map(|plugin| {
        let share = format::percent_of(plugin.core_share);
        (plugin.name.as_str(), format!("about {:.1} CPU s, {share} of a core", plugin.guest_cpu_s))
    })
}

/// One sentence per verdict for a reader who does not know its word.
pub(crate) fn verdict_meaning(status: stresshost_metrics::VerdictStatus) -> &'static str {
    use stresshost_metrics::VerdictStatus as V;
    match status {
        V::Pass => "Everything asked for held.",
        V::Fail => "Something asked for did not hold.",
        V::Inconclusive => "There is not enough data to say.",
        V::Invalid => "The generator was the bottleneck: the numbers say nothing about the target.",
        V::Fault => "The plugin broke.",
        V::Unreachable => "The target could not be reached.",
        V::Denied => "The plugin tried to reach what it was not granted.",
    }
}

/// What a custom metric came to, in words.
pub(crate) fn metric_value(metric: &stresshost_metrics::MetricSummary) -> String {
    use stresshost_metrics::MetricValueSummary as M;
    let unit = if metric.unit.is_empty() { String::new() } else { format!(" {}", metric.unit) };
    let number = |value: f64| format::number(value);
    match &metric.value {
        M::Counter { sum, rate_per_s } => format!("{}{unit}, {}/s", number(*sum), format::rate(*rate_per_s)),
        M::Gauge { last, min, max } => {
            format!("{}{unit} at the end, {} to {}", number(*last), number(*min), number(*max))
        }
        M::Rate { hits, total, .. } => format!(
            "{} ({} of {})",
            format::percent(*hits, *total),
            format::count(*hits),
            format::count(*total)
        ),
        M::Distribution { values } => format!(
            "p50 {}{unit}, p99 {}{unit}, max {}{unit} of {}",
            format::count(values.p50),
            format::count(values.p99),
            format::count(values.max),
            format::count(values.count)
        ),
    }
}

/// The kind of a custom metric.
pub(crate) fn metric_kind(metric: &stresshost_metrics::MetricSummary) -> &'static str {
    use stresshost_metrics::MetricValueSummary as M;
    match metric.value {
        M::Counter { .. } => "counter",
        M::Gauge { .. } => "gauge",
        M::Rate { .. } => "rate",
        M::Distribution { .. } => "distribution",
    }
}

/// Whether the summary tells scenarios apart by their name.
pub(crate) fn many_scenarios(summary: &Summary) -> bool {
    let names = summary.scenarios.iter().map(|scenario| &scenario.name);
    let mut names = names.chain(summary.operations.iter().map(|op| &op.scenario));
    let first = names.next();
    names.any(|name| Some(name) != first)
}
