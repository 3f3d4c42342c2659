//! `stresshost run --find-max`: runs at different rates, each judged by the same objectives.

use std::path::Path;

use anyhow::Context;
use clap::ArgMatches;
use serde::Serialize;
use stresshost_engine::{Ceiling, FindMax, Found, Trial};
use stresshost_metrics::{Summary, ThresholdResult, VerdictStatus, generator_limits};
use stresshost_plan::{
    Aggregate, Comparison, ConstantArrivalRate, Executor, Expression, Metric, OperationField, Plan, Problem,
    Threshold, parse_duration_ms, parse_rate,
};
use stresshost_report::objective_value;

use super::prepare::Prepared;
use super::run::{Job, load};
use crate::args;
use crate::capacity::Machine;
use crate::config;
use crate::exit::{Exit, usage};

/// Where a search begins when the plan has no rate, per second.
const START_PER_S: f64 = 100.0;

/// Where a search ends at the latest, per second: more than one machine can offer.
const MOST_PER_S: f64 = 1_000_000.0;

/// Length of a trial in milliseconds.
const STEP_MS: u64 = 10_000;

/// Shortest trial in milliseconds: less holds too few values for a percentile.
const LEAST_STEP_MS: u64 = 1_000;

/// How near to the limit a search goes.
const PRECISION: f64 = 0.05;

/// Objective added when none says how many operations may fail: a target that refuses everything is fast.
const ERRORS: &str = "errors < 1%";

/// Response time assumed for the number of virtual users when no objective limits it, in seconds.
const ASSUMED_RESPONSE_S: f64 = 1.0;

/// Virtual users are this many times those that the longest response time allowed would keep busy.
const SPARE_USERS: f64 = 2.0;

/// Fewest virtual users of a trial.
const LEAST_USERS: u64 = 10;

/// Longest grace of a trial, in milliseconds: what is still in flight then has missed the objective already.
const GRACE_MS: u64 = 5_000;

/// What is searched for, and how.
struct Search {
    objectives: Vec<(String, Expression)>,
    step_ms: u64,
    find: FindMax,
}

/// A trial as the evidence shows it.
#[derive(Serialize)]
struct Evidence {
    rate_per_s: f64,
    outcome: &'static str,
    /// Where its run is recorded.
    run: String,
    objectives: Vec<ThresholdResult>,
    /// Why the generator was the limit, when it was.
    generator: Vec<String>,
}

/// Searches for the highest rate at which the plan's load meets the objectives.
pub(super) fn find_max(
    job: &Job<'_>,
    prepared: &Prepared,
    id: &str,
    path: &Path,
    json: bool,
) -> anyhow::Result<Exit> {
    let mut search = Search::read(job.matches, &prepared.plan)?;
    let what: Vec<&str> = search.objectives.iter().map(|(text, _)| text.as_str()).collect();
    job.printer.note(&format!("the highest rate that meets: {}", what.join(", ")));
    let mut evidence = Vec::new();
    while let Some(rate_per_s) = search.find.next() {
        let number = evidence.len() + 1;
        let run = path.join(format!("trial-{number:02}"));
        let trial = Prepared {
            plan: search.plan(&prepared.plan, rate_per_s),
            parts: prepared.parts.clone(),
            grants: prepared.grants.clone(),
            secrets: prepared.secrets.clone(),
            passwords: prepared.passwords.clone(),
            limits: prepared.limits,
            on_fault: prepared.on_fault,
            seed: prepared.seed,
        };
        super::run::check_capacity(&trial.plan, job.matches, job.printer)?;
        let (summary, mut directory) = load(job, &trial, &format!("{id}-{number:02}"), &run)?;
        directory.finish(&summary, None, &[])?;
        directory.warnings().iter().for_each(|warning| job.printer.warn(warning));
        if let Some(exit) = ends_search(&summary) {
            job.printer.warn(&format!(
                "the search ends at {}: {}",
                rate(rate_per_s),
                summary.verdict.reasons.join("; ")
            ));
            return Ok(exit);
        }
        let (outcome, limits) = judge(&summary);
        search.find.tried(rate_per_s, outcome);
        let shown = Evidence {
            rate_per_s,
            outcome: word(outcome),
            run: run.display().to_string(),
            objectives: summary.thresholds,
            generator: limits,
        };
        job.printer.note(&line(&shown));
        evidence.push(shown);
        if job.signals.received() {
            job.printer.warn("the search was stopped; this is how far it got");
            break;
        }
    }
    report(job, &search, &evidence, path, json)
}

/// Outcomes of a trial that say something other than how fast the target is.
fn ends_search(summary: &Summary) -> Option<Exit> {
    match summary.verdict.status {
        VerdictStatus::Fault | VerdictStatus::Denied | VerdictStatus::Unreachable => {
            Some(Exit::of_summary(summary))
        }
        VerdictStatus::Pass | VerdictStatus::Fail | VerdictStatus::Inconclusive | VerdictStatus::Invalid => {
            None
        }
    }
}

/// Whether the objectives held. Iterations dropped for want of a virtual user are a miss: there are twice as many users
/// as the longest response time allowed could keep busy.
fn judge(summary: &Summary) -> (Trial, Vec<String>) {
    let met = summary.thresholds.iter().all(|threshold| threshold.status == VerdictStatus::Pass)
        && summary.scenarios.iter().all(|scenario| scenario.iterations.dropped == 0);
    let limits = generator_limits(summary);
    match (met, limits.is_empty()) {
        (true, true) => (Trial::Met, limits),
        (_, false) => (Trial::GeneratorLimited, limits),
        (false, true) => (Trial::Missed, limits),
    }
}

const fn word(outcome: Trial) -> &'static str {
    match outcome {
        Trial::Met => "met",
        Trial::Missed => "missed",
        Trial::GeneratorLimited => "generator limited",
    }
}

fn rate(per_s: f64) -> String {
    objective_value("per_s", per_s)
}

fn line(evidence: &Evidence) -> String {
    let objective = |result: &ThresholdResult| {
        let actual =
            result.actual.map_or_else(|| "no data".to_owned(), |value| objective_value(&result.unit, value));
        format!("{}: {actual}", result.expression)
    };
    let objectives: Vec<String> = evidence.objectives.iter().map(objective).collect();
    let why = evidence.generator.first().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("  {:>10}  {}{why}   {}", rate(evidence.rate_per_s), evidence.outcome, objectives.join(", "))
}

fn report(
    job: &Job<'_>,
    search: &Search,
    evidence: &[Evidence],
    path: &Path,
    json: bool,
) -> anyhow::Result<Exit> {
    let (text, exit, found) = match search.find.verdict() {
        Found::Max { rate: best } => {
            (format!("highest rate that met the objectives: {}", rate(best)), Exit::Pass, Some(best))
        }
        Found::AtLeast { rate: best, why } => {
            let why = match why {
                Ceiling::GeneratorLimited => "more is not known, because the generator was the limit",
                Ceiling::MostReached => "the search was not to go further (--find-most)",
            };
            (format!("the objectives held up to {}; {why}", rate(best)), Exit::Pass, Some(best))
        }
        Found::NoneMet { least } => {
            let least = least.map_or_else(String::new, |least| format!(", not even {}", rate(least)));
            (format!("no rate met the objectives{least}"), Exit::Failed, None)
        }
    };
    let document = serde_json::json!({
        "schema": "stresshost.find-max/1",
        "found_per_s": found,
        "confirmed": search.find.is_confirmed(),
        "text": text,
        "trials": evidence,
    });
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    let file = path.join("find-max.json");
    std::fs::write(&file, &bytes).with_context(|| format!("cannot write `{}`", file.display()))?;
    job.printer.result(if json { bytes } else { format!("{text}\n").into_bytes() }.as_slice())?;
    job.printer.note(&format!("evidence: {}", file.display()));
    Ok(exit)
}

impl Search {
    fn read(matches: &ArgMatches, plan: &Plan) -> anyhow::Result<Self> {
        let mut problems = Vec::new();
        let mut objectives = Vec::new();
        for text in args::texts(matches, "slo") {
            match Expression::parse(&text) {
                Ok(expression) => objectives.push((text, expression)),
                Err(error) => problems.push(error.into_problem("--slo")),
            }
        }
        let says_errors = |(_, expression): &(String, Expression)| {
            matches!(
                &expression.metric,
                Metric::Operations { field: OperationField::Errors | OperationField::Successes, .. }
            )
        };
        if !objectives.iter().any(says_errors) {
            objectives
                .extend(Expression::parse(ERRORS).ok().map(|expression| (ERRORS.to_owned(), expression)));
        }
        if let Some(problem) = unsuitable(plan) {
            problems.push(problem);
        }
        let step_ms = text_or(
            matches,
            "find-step",
            STEP_MS,
            |text| parse_duration_ms(text).map_err(|e| e.to_string()),
            &mut problems,
        );
        let planned = plan.requirements().peak_rate_per_s.unwrap_or(START_PER_S);
        let rate = |text: &str| parse_rate(text).map_err(|error| error.to_string());
        let from = text_or(matches, "find-from", planned, rate, &mut problems);
        let most = text_or(matches, "find-most", MOST_PER_S, rate, &mut problems);
        let precision = text_or(matches, "find-precision", PRECISION, share, &mut problems);
        if step_ms < LEAST_STEP_MS {
            problems.push(Problem::new(
                "--find-step",
                format!("a run of {step_ms} ms is too short; at least 1s"),
            ));
        }
        if from.is_nan() || from <= 0.0 || from > most {
            problems.push(Problem::new(
                "--find-from",
                format!("a search from {from}/s to {most}/s has nowhere to go"),
            ));
        }
        if !problems.is_empty() {
            return Err(usage(config::render(None, &problems)));
        }
        Ok(Self { objectives, step_ms, find: FindMax::new(from, most, precision) })
    }

    /// The plan's scenarios at a rate of `rate_per_s` in all, shared as the plan shares its load.
    fn plan(&self, plan: &Plan, rate_per_s: f64) -> Plan {
        let mut trial = plan.clone();
        let response_s = self.objectives.iter().filter_map(|(_, expression)| longest_s(expression));
        let response_s = response_s.reduce(f64::min).unwrap_or(ASSUMED_RESPONSE_S);
        let (safe, _) = Machine::read().safe_vus();
        let loads = trial
            .scenarios
            .iter()
            .map(|s| weight(&s.executor))
            .chain(trial.mixes.iter().map(|m| weight(&m.executor)));
        let all: f64 = loads.sum();
        let executors = trial
            .scenarios
            .iter_mut()
            .map(|scenario| (&mut scenario.executor, &mut scenario.pause, &mut scenario.start_ms))
            .chain(trial.mixes.iter_mut().map(|mix| (&mut mix.executor, &mut mix.pause, &mut mix.start_ms)));
        for (executor, pause, start_ms) in executors {
            if matches!(executor, Executor::MixShare(_)) {
                continue;
            }
            let own = rate_per_s * weight(executor) / all;
            let busy = (own * response_s * SPARE_USERS).ceil() as u64;
            let vus = busy.max(LEAST_USERS).min(safe).max(1);
            *executor = Executor::ConstantArrivalRate(ConstantArrivalRate {
                rate_per_s: own,
                duration_ms: self.step_ms,
                vus,
                ..ConstantArrivalRate::default()
            });
            (*pause, *start_ms) = (None, 0);
        }
        trial.warmup_ms = self.step_ms / 5;
        trial.graceful_stop_ms = trial.graceful_stop_ms.min(GRACE_MS);
        trial.thresholds = self.objectives.iter().map(|(text, _)| Threshold::new(text.clone())).collect();
        trial.pass_share = None;
        trial
    }
}

/// How much of the plan's load a scenario is: its rate, or its virtual users.
fn weight(executor: &Executor) -> f64 {
    executor.peak_rate_per_s().unwrap_or(executor.vus() as f64)
}

/// Why a plan has no rate to search for.
fn unsuitable(plan: &Plan) -> Option<Problem> {
    if !plan.phases.is_empty() {
        return Some(Problem::new("--find-max", "the plan has phases; a search needs one load"));
    }
    let loads = || {
        let scenarios = plan.scenarios.iter().map(|scenario| &scenario.executor);
        let all = scenarios.chain(plan.mixes.iter().map(|mix| &mix.executor));
        all.filter(|executor| !matches!(executor, Executor::MixShare(_)))
    };
    if loads()
        .any(|executor| matches!(executor, Executor::SharedIterations(_) | Executor::PerVuIterations(_)))
    {
        return Some(Problem::new("--find-max", "a number of iterations has no rate to search for"));
    }
    let open = loads().filter(|executor| executor.is_open()).count();
    (open != 0 && open != loads().count()).then(|| {
        Problem::new("--find-max", "some scenarios have a rate and some only virtual users")
            .hint("give every scenario a rate, or none")
    })
}

/// The longest time an objective allows, in seconds; `None` when it is about something else.
fn longest_s(expression: &Expression) -> Option<f64> {
    let time = matches!(
        &expression.metric,
        Metric::Operations { field: OperationField::ServiceUs | OperationField::ResponseUs, .. }
            | Metric::Iterations(_)
    ) && matches!(expression.aggregate, Aggregate::Quantile(_) | Aggregate::Mean | Aggregate::Max);
    let above = matches!(expression.comparison, Comparison::Less | Comparison::AtMost);
    (time && above).then_some(expression.limit / 1e6)
}

fn share(text: &str) -> Result<f64, String> {
    let number = text
        .trim()
        .strip_suffix('%')
        .map_or_else(|| text.parse(), |percent| percent.trim().parse::<f64>().map(|p| p / 100.0));
    let within = number.ok().filter(|share| (0.001..=0.5).contains(share));
    within.ok_or_else(|| format!("`{text}` is not a share from 0.1% to 50%"))
}

fn text_or<T>(
    matches: &ArgMatches,
    name: &str,
    otherwise: T,
    read: impl Fn(&str) -> Result<T, String>,
    problems: &mut Vec<Problem>,
) -> T {
    let Some(text) = args::text(matches, name) else { return otherwise };
    read(text).unwrap_or_else(|reason| {
        problems.push(Problem::new(format!("--{name}"), reason));
        otherwise
    })
}

#[cfg(test)]
mod tests {
    use stresshost_plan::{ConstantVus, Iterations, Scenario};

    use super::*;

    fn plan(executors: Vec<Executor>) -> Plan {
        let scenario = |(index, executor)| Scenario::new(format!("s{index}"), executor);
        Plan { scenarios: executors.into_iter().enumerate().map(scenario).collect(), ..Plan::default() }
    }

    fn open(rate_per_s: f64) -> Executor {
        Executor::ConstantArrivalRate(ConstantArrivalRate {
            rate_per_s,
            duration_ms: 1,
            vus: 1,
            ..Default::default()
        })
    }

    fn users(vus: u64) -> Executor {
        Executor::ConstantVus(ConstantVus { vus, duration_ms: 1, ramp_up_ms: 0 })
    }

    #[test]
    fn a_trial_shares_its_rate_as_the_plan_shares_its_load() {
        let objective = Expression::parse("p99<200ms").expect("an expression");
        let search = Search {
            objectives: vec![("p99<200ms".into(), objective)],
            step_ms: 10_000,
            find: FindMax::new(1.0, 2.0, 0.1),
        };
        for executors in [vec![open(30.0), open(10.0)], vec![users(3), users(1)]] {
            let trial = search.plan(&plan(executors), 400.0);
            let rates: Vec<_> = trial.scenarios.iter().filter_map(|s| s.executor.peak_rate_per_s()).collect();
            assert_eq!(rates, [300.0, 100.0]);
            // 300/s x 0.2 s keeps 60 busy, and as many again are spare.
            assert_eq!(trial.scenarios[0].executor.vus(), 120);
            assert_eq!((trial.warmup_ms, trial.thresholds.len()), (2_000, 1));
        }
    }

    #[test]
    fn plans_without_one_rate_are_refused() {
        let iterations = Iterations { vus: 1, iterations: 1, max_duration_ms: 1 };
        assert!(unsuitable(&plan(vec![open(1.0)])).is_none());
        assert!(unsuitable(&plan(vec![users(1), users(2)])).is_none());
        assert!(unsuitable(&plan(vec![open(1.0), users(1)])).is_some());
        assert!(unsuitable(&plan(vec![Executor::SharedIterations(iterations)])).is_some());
    }

    #[test]
    fn shares_are_read_with_and_without_a_percent_sign() {
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!(share("0.1"), Ok(0.1));
        for bad in ["", "x", "0", "90%", "NaN"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
