//! What stands out in the numbers of a run. Every finding carries the numbers it rests on.

use stresshost_sdk::prelude::*;
use stresshost_sdk::summary::{OperationSummary, Percentiles};

/// Operations of one kind that must have ended before their distribution says anything.
const MIN_COUNT: u64 = 100;

/// A response time this many times the service time means that requests waited before they were sent.
const QUEUEING_RATIO: u64 = 2;

/// Waits shorter than this, in microseconds, are no one's concern.
const MIN_WAIT_US: u64 = 10_000;

/// A 99th percentile this many times the median is a long tail.
const TAIL_RATIO: u64 = 10;

/// Tails shorter than this, in microseconds, are within what a scheduler does.
const MIN_TAIL_US: u64 = 50_000;

/// The slowest operation stands out when its 99th percentile is this many times that of the next.
const SLOWEST_RATIO: u64 = 2;

/// Share of operations that made a connection, from which on connections are not being kept.
const CONNECT_SHARE: f64 = 0.9;

/// Findings of one rule; a config can have thousands of operations.
const MAX_PER_RULE: usize = 20;

/// Reads the summary.
pub(crate) fn analyze(summary: &Summary) -> Analysis {
    let mut analysis = Analysis::default();
    let rules: [fn(&OperationSummary) -> Option<Note>; 5] = [errors, refused, limited, tail, connections];
    for rule in rules {
        summary
            .operations
            .iter()
            .filter_map(rule)
            .take(MAX_PER_RULE)
            .for_each(|note| note.add(&mut analysis));
    }
    summary.scenarios.iter().filter_map(queueing).take(MAX_PER_RULE).for_each(|note| note.add(&mut analysis));
    checks(summary, &mut analysis);
    slowest(summary, &mut analysis);
    analysis
}

/// A finding, perhaps with advice.
struct Note {
    finding: Finding,
    advice: Option<String>,
}

impl Note {
    fn new(rule: &str, severity: &str, location: String, message: String, evidence: String) -> Self {
        let (rule, severity) = (rule.to_owned(), severity.to_owned());
        Self {
            finding: Finding { rule, severity, message, location, evidence, ..Finding::default() },
            advice: None,
        }
    }

    fn advise(mut self, advice: &str) -> Self {
        self.advice = Some(advice.to_owned());
        self
    }

    fn add(self, analysis: &mut Analysis) {
        if let Some(message) = self.advice {
            let because = format!("{}: {}", self.finding.location, self.finding.evidence);
            // The same advice for several operations is given once.
            if !analysis.recommendations.iter().any(|known| known.message == message) {
                analysis.recommendations.push(Recommendation { message, because });
            }
        }
        analysis.findings.push(self.finding);
    }
}

fn place(operation: &OperationSummary) -> String {
    format!("{} in {}", operation.name, operation.scenario)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn percent(part: u64, whole: u64) -> String {
    let percent = share(part, whole) * 100.0;
    if percent > 0.0 && percent < 0.01 { "less than 0.01%".to_owned() } else { format!("{percent:.2}%") }
}

/// Microseconds as people read them.
fn time(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        _ => format!("{:.2} s", us as f64 / 1e6),
    }
}

/// Failures, with the kind most of them are of.
fn errors(operation: &OperationSummary) -> Option<Note> {
    let failed = operation.failed();
    let (kind, _) =
        operation.errors.iter().filter(|(_, count)| **count > 0).max_by_key(|(_, count)| **count)?;
    let severity = match share(failed, operation.count) {
        0.5.. => "critical",
        0.05.. => "high",
        0.01.. => "medium",
        _ => "low",
    };
    let mut kinds: Vec<_> = operation.errors.iter().filter(|(_, count)| **count > 0).collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let kinds: Vec<_> = kinds.into_iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let message =
        format!("{} of the requests failed, most often with {kind}.", percent(failed, operation.count));
    let evidence = format!("{failed} of {} failed: {}", operation.count, kinds.join(", "));
    Some(Note::new("request-errors", severity, place(operation), message, evidence))
}

/// Nothing but 401 and 403.
fn refused(operation: &OperationSummary) -> Option<Note> {
    let count = |status: &str| operation.statuses.get(status).copied().unwrap_or(0);
    let (unauthorised, forbidden) = (count("401"), count("403"));
    let answered: u64 = operation.statuses.values().sum();
    if answered == 0 || unauthorised + forbidden < answered {
        return None;
    }
    let message = "Every response says that the request was not authorised.".to_owned();
    let evidence =
        format!("{answered} responses: {unauthorised} with status 401, {forbidden} with status 403");
    Some(Note::new("all-unauthorised", "high", place(operation), message, evidence).advise(
        "Send credentials, such as --header 'authorization: Bearer ...', or a request that extracts a token first.",
    ))
}

/// Responses of 429.
fn limited(operation: &OperationSummary) -> Option<Note> {
    let limited = operation.statuses.get("429").copied().filter(|&count| count > 0)?;
    let answered: u64 = operation.statuses.values().sum();
    let message =
        format!("{} of the responses say that there were too many requests.", percent(limited, answered));
    let evidence = format!("{limited} of {answered} responses with status 429");
    let note = Note::new("rate-limited", "medium", place(operation), message, evidence);
    Some(
        note.advise(
            "Lower the rate below the target's limit, or lift the limit, to measure the target itself.",
        ),
    )
}

/// A 99th percentile far from the median.
fn tail(operation: &OperationSummary) -> Option<Note> {
    let service = enough(operation.service_us)?;
    if service.p99 < MIN_TAIL_US || service.p99 < service.p50.saturating_mul(TAIL_RATIO) {
        return None;
    }
    let message = "A few requests take much longer than most.".to_owned();
    let evidence = format!(
        "service time p50 {}, p99 {}, of {} requests",
        time(service.p50),
        time(service.p99),
        service.count
    );
    Some(Note::new("long-tail", "medium", place(operation), message, evidence))
}

/// Nearly as many connections as requests.
fn connections(operation: &OperationSummary) -> Option<Note> {
    let connects = operation.phases_us.get("connect")?;
    if operation.count < MIN_COUNT || share(connects.count, operation.count) < CONNECT_SHARE {
        return None;
    }
    let message = "Nearly every request made a connection of its own.".to_owned();
    let evidence = format!(
        "{} connections for {} requests; p50 of connecting {}",
        connects.count,
        operation.count,
        time(connects.p50)
    );
    Some(Note::new("connection-per-request", "info", place(operation), message, evidence))
}

fn enough(percentiles: Option<Percentiles>) -> Option<Percentiles> {
    percentiles.filter(|percentiles| percentiles.count >= MIN_COUNT)
}

/// Iterations that waited for a virtual user.
fn queueing(scenario: &stresshost_sdk::summary::ScenarioSummary) -> Option<Note> {
    let (service, response) = (enough(scenario.service_us)?, enough(scenario.response_us)?);
    let waited = response.p99.saturating_sub(service.p99);
    if waited < MIN_WAIT_US || response.p99 < service.p99.saturating_mul(QUEUEING_RATIO) {
        return None;
    }
    let lag = scenario.lag_us.map_or_else(String::new, |lag| format!(", lag p99 {}", time(lag.p99)));
    let message = "Iterations began much later than they were due.".to_owned();
    let evidence = format!(
        "p99 from the intended start {}, from the actual start {}{lag}; {}",
        time(response.p99),
        time(service.p99),
        scenario.load
    );
    let note = Note::new("late-iterations", "high", scenario.name.clone(), message, evidence);
    Some(note.advise(
        "Compare with a run of more virtual users (--vus): if the lag goes, users were too few for the rate; if it \
         stays, the target or the generator does not keep up.",
    ))
}

/// Checks that did not always hold.
fn checks(summary: &Summary, analysis: &mut Analysis) {
    let mut failed: Vec<_> = summary.checks.iter().filter(|check| check.failed > 0).collect();
    failed.sort_by_key(|check| std::cmp::Reverse(check.failed));
    for check in failed.into_iter().take(MAX_PER_RULE) {
        let all = check.passed.saturating_add(check.failed);
        let severity = if share(check.failed, all) >= 0.05 { "high" } else { "medium" };
        let message = format!("The check failed {} of the time.", percent(check.failed, all));
        let evidence = format!("{} of {all} failed", check.failed);
        Note::new("failed-check", severity, check.name.clone(), message, evidence).add(analysis);
    }
}

/// The operation with the greatest 99th percentile, when it stands out from the next.
fn slowest(summary: &Summary, analysis: &mut Analysis) {
    let timed = summary.operations.iter().filter_map(|op| Some((op, enough(op.service_us)?)));
    let mut timed: Vec<_> = timed.collect();
    timed.sort_by_key(|(_, service)| std::cmp::Reverse(service.p99));
    let [(slowest, first), (next, second), ..] = timed.as_slice() else { return };
    if first.p99 < second.p99.saturating_mul(SLOWEST_RATIO) {
        return;
    }
    let message = "This operation has the longest 99th percentile.".to_owned();
    let evidence =
        format!("service time p99 {}; next is {} with {}", time(first.p99), place(next), time(second.p99));
    Note::new("slowest-operation", "info", place(slowest), message, evidence).add(analysis);
}
