//! `stresshost compare`

use std::collections::BTreeSet;
use std::path::Path;

use clap::ArgMatches;
use serde::Serialize;
use stresshost_metrics::compare::{
    Change, CompareOptions, Comparison, MetricComparison, OperationKey, Run, compare,
};
use stresshost_metrics::{RunLog, Summary, VerdictStatus};

use super::rebuilt;
use crate::args;
use crate::exit::{Exit, usage};
use crate::printer::Printer;
use crate::run_dir::OpenRun;

/// Schema id of the JSON form.
const SCHEMA: &str = "stresshost.comparison/1";

/// Compares two runs, and judges the second when it is a gate.
pub(super) fn compare_runs(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    let threshold = args::text(matches, "fail-on-regression").map(share).transpose()?;
    let (a, b) = (Side::read("A", matches, printer)?, Side::read("B", matches, printer)?);
    let mut comparison = compare(a.run(), b.run(), CompareOptions::default());
    choose(&mut comparison, &args::texts(matches, "metric"))?;
    let gate = threshold.map(|threshold| Gate::judge(threshold, &comparison, [&a, &b]));
    if args::is_set(matches, "json") {
        comparison.warnings.iter().for_each(|warning| printer.warn(warning));
        let document =
            Document { schema: SCHEMA, a: a.shown(), b: b.shown(), comparison: &comparison, gate: &gate };
        printer.result(format!("{}\n", serde_json::to_string_pretty(&document)?).as_bytes())?;
    } else {
        let text = stresshost_report::compare_text(&comparison, threshold, &printer.report_options());
        printer.result(text.as_bytes())?;
    }
    let Some(gate) = gate else { return Ok(Exit::Pass) };
    for reason in &gate.unsaid {
        printer.warn(&format!("nothing can be said about regressions: {reason}"));
    }
    Ok(gate.exit())
}

/// One of the two runs.
struct Side<'a> {
    name: &'static str,
    directory: &'a str,
    summary: Summary,
    log: RunLog,
}

impl<'a> Side<'a> {
    fn read(name: &'static str, matches: &'a ArgMatches, printer: &Printer) -> anyhow::Result<Self> {
        let directory = args::text(matches, name).unwrap_or(".");
        let run = OpenRun::open(Path::new(directory))?;
        let (summary, _) = rebuilt::summary(&run, Some(name), printer)?;
        let (summary, log) = (summary.into_owned(), run.records()?);
        log.notes.iter().for_each(|note| printer.note(&format!("run {name}: {note}")));
        Ok(Self { name, directory, summary, log })
    }

    fn run(&self) -> Run<'_> {
        Run { summary: &self.summary, records: &self.log.records }
    }

    fn shown(&self) -> ShownRun<'_> {
        ShownRun { directory: self.directory, id: &self.summary.run.id }
    }
}

/// Reads `5%`. A bare number would leave open whether 5 or 0.05 is meant.
fn share(text: &str) -> anyhow::Result<f64> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let share = number.filter(|percent| (0.0..=1_000_000.0).contains(percent)).map(|percent| percent / 100.0);
    share.ok_or_else(|| {
        usage(format!("--fail-on-regression: `{text}` is not a share; write percent, such as `5%`"))
    })
}

/// Leaves the numbers that were asked for: by name, or all of a kind by what stands before the dot.
fn choose(comparison: &mut Comparison, wanted: &[String]) -> anyhow::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let is = |metric: &MetricComparison, wanted: &String| {
        let kind = metric.metric.split('.').next();
        metric.metric == wanted || kind == Some(wanted.as_str())
    };
    let all = || comparison.operations.iter().flat_map(|operation| &operation.metrics);
    if let Some(unknown) = wanted.iter().find(|wanted| !all().any(|metric| is(metric, wanted))) {
        let there: BTreeSet<&str> = all().map(|metric| metric.metric).collect();
        let there = if there.is_empty() {
            "they have no operation in common".to_owned()
        } else {
            format!("there are {}", there.into_iter().collect::<Vec<_>>().join(", "))
        };
        return Err(usage(format!("--metric: the two runs have no `{unknown}` to compare; {there}")));
    }
    for operation in &mut comparison.operations {
        operation.metrics.retain(|metric| wanted.iter().any(|wanted| is(metric, wanted)));
    }
    Ok(())
}

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// Nothing is worse by more than the threshold.
    Pass,
    /// Something is.
    Fail,
    /// There is not enough to say either.
    Inconclusive,
}

#[derive(Serialize)]
struct Regression<'a> {
    #[serde(flatten)]
    operation: &'a OperationKey,
    metric: &'static str,
}

/// The judgement of the second run.
#[derive(Serialize)]
struct Gate<'a> {
    threshold: f64,
    outcome: Outcome,
    regressions: Vec<Regression<'a>>,
    /// Why it is inconclusive.
    unsaid: Vec<String>,
}

impl<'a> Gate<'a> {
    /// An established regression fails; where there is none, everything must have been looked at for a pass.
    fn judge(threshold: f64, comparison: &'a Comparison, sides: [&Side<'_>; 2]) -> Self {
        let regressions = comparison.regressions(threshold).into_iter();
        let regressions: Vec<_> =
            regressions.map(|(operation, metric)| Regression { operation, metric: metric.metric }).collect();
        let invalid: Vec<String> = sides
            .iter()
            .filter(|side| side.summary.verdict.status == VerdictStatus::Invalid)
            .map(|side| format!("the generator was the bottleneck of run {}", side.name))
            .collect();
        let (outcome, unsaid) = if !invalid.is_empty() {
            (Outcome::Inconclusive, invalid)
        } else if !regressions.is_empty() {
            (Outcome::Fail, Vec::new())
        } else {
            let unsaid = unsaid(comparison);
            (if unsaid.is_empty() { Outcome::Pass } else { Outcome::Inconclusive }, unsaid)
        };
        Self { threshold, outcome, regressions, unsaid }
    }

    const fn exit(&self) -> Exit {
        match self.outcome {
            Outcome::Pass => Exit::Pass,
            Outcome::Fail => Exit::Failed,
            Outcome::Inconclusive => Exit::Inconclusive,
        }
    }
}

/// What of the first run could not be held against the second.
fn unsaid(comparison: &Comparison) -> Vec<String> {
    let mut unsaid = Vec::new();
    if comparison.operations.is_empty() {
        unsaid.push("the runs have no operation in common".to_owned());
    } else if let [missing, rest @ ..] = &comparison.only_in_a[..] {
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        unsaid.push(format!("run B has no `{}`{more}", missing.name));
    }
    let all = comparison.operations.iter().flat_map(|operation| &operation.metrics);
    let short = all.filter(|metric| metric.change == Change::TooShort).count();
    if short > 0 {
        unsaid.push(format!(
            "{short} numbers were measured for too short; at least {} s of each run are needed",
            stresshost_metrics::MIN_BATCHES
        ));
    }
    unsaid
}

#[derive(Serialize)]
struct ShownRun<'a> {
    directory: &'a str,
    id: &'a str,
}

/// The JSON form.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    a: ShownRun<'a>,
    b: ShownRun<'a>,
    #[serde(flatten)]
    comparison: &'a Comparison,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: &'a Option<Gate<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_in_percent() {
        let table = [("5%", Some(0.05)), ("0.5 %", Some(0.005)), ("0%", Some(0.0)), ("200%", Some(2.0))];
        let wrong = ["5", "0.05", "-1%", "%", "five%", "nan%", "inf%", ""];
        for (text, expected) in table.into_iter().chain(wrong.map(|text| (text, None))) {
            assert_eq!(share(text).ok(), expected, "{text}");
        }
    }
}
