//! Rules for the shape of a load.

use super::{at_most, at_most_ms, too_many};
use crate::{
    ConstantArrivalRate, Executor, ExternallyControlled, Iterations, MAX_ITERATIONS, MAX_RATE_PER_S,
    MAX_STAGES, MAX_VUS, Pause, Problem, RampingArrivalRate, RampingVus,
};

/// Rules for an executor at `path` that is no share of a mix.
pub(super) fn check(problems: &mut Vec<Problem>, path: &str, executor: &Executor) {
    match executor {
        Executor::ConstantVus(config) => {
            check_vus(problems, path, config.vus);
            check_duration(problems, path, config.duration_ms, config.ramp_up_ms);
        }
        Executor::RampingVus(config) => check_ramping_vus(problems, path, config),
        Executor::SharedIterations(config) => check_iterations(problems, path, config, config.iterations),
        Executor::PerVuIterations(config) => {
            check_iterations(problems, path, config, config.iterations.saturating_mul(config.vus.max(1)));
        }
        Executor::ConstantArrivalRate(config) => check_constant_rate(problems, path, config),
        Executor::RampingArrivalRate(config) => check_ramping_rate(problems, path, config),
        Executor::ExternallyControlled(config) => check_external(problems, path, config),
        Executor::MixShare(_) => {}
    }
}

fn check_vus(problems: &mut Vec<Problem>, path: &str, vus: u64) {
    if vus == 0 {
        problems.push(Problem::new(format!("{path}/vus"), "0 virtual users do nothing"));
    }
    at_most(problems, format!("{path}/vus"), vus, MAX_VUS, "virtual users");
}

fn check_duration(problems: &mut Vec<Problem>, path: &str, duration_ms: u64, ramp_up_ms: u64) {
    if duration_ms == 0 {
        problems.push(Problem::new(format!("{path}/duration_ms"), "a duration of 0 measures nothing"));
    }
    at_most_ms(problems, &format!("{path}/duration_ms"), duration_ms);
    if ramp_up_ms > duration_ms {
        let message = format!("a ramp-up of {ramp_up_ms} ms is longer than the {duration_ms} ms of load");
        problems.push(Problem::new(format!("{path}/ramp_up_ms"), message));
    }
}

/// A rate that may be 0 for a while.
fn check_rate(problems: &mut Vec<Problem>, path: String, rate_per_s: f64) {
    if !(rate_per_s >= 0.0 && rate_per_s.is_finite()) {
        problems.push(Problem::new(path, format!("a rate cannot be {rate_per_s} per second")));
    } else if rate_per_s > MAX_RATE_PER_S {
        problems.push(Problem::new(path, format!("{rate_per_s} per second, the most is {MAX_RATE_PER_S}")));
    }
}

/// A rate that stays.
pub(super) fn check_positive_rate(problems: &mut Vec<Problem>, path: String, rate_per_s: f64) {
    if rate_per_s == 0.0 {
        problems.push(Problem::new(path, "a rate must be more than 0 per second"));
    } else {
        check_rate(problems, path, rate_per_s);
    }
}

/// What stages have in common. The targets include the value at the beginning.
fn check_stages(
    problems: &mut Vec<Problem>,
    path: &str,
    lengths_ms: impl ExactSizeIterator<Item = u64>,
    mut targets: impl Iterator<Item = f64>,
) {
    let path = format!("{path}/stages");
    if lengths_ms.len() == 0 {
        problems.push(Problem::new(path, "without stages there is no load"));
        return;
    }
    too_many(problems, &path, lengths_ms.len(), MAX_STAGES);
    let total_ms = lengths_ms.fold(0, u64::saturating_add);
    if total_ms == 0 {
        problems.push(Problem::new(&path, "stages of 0 ms in all measure nothing"));
    }
    at_most_ms(problems, &path, total_ms);
    if targets.all(|target| target == 0.0) {
        problems.push(Problem::new(&path, "every stage stays at 0, so there is no load"));
    }
}

fn check_ramping_vus(problems: &mut Vec<Problem>, path: &str, config: &RampingVus) {
    at_most(problems, format!("{path}/start_vus"), config.start_vus, MAX_VUS, "virtual users");
    for (index, stage) in config.stages.iter().enumerate() {
        at_most(problems, format!("{path}/stages/{index}/vus"), stage.vus, MAX_VUS, "virtual users");
    }
    let targets = config.stages.iter().map(|stage| stage.vus).chain([config.start_vus]);
    check_stages(
        problems,
        path,
        config.stages.iter().map(|stage| stage.duration_ms),
        targets.map(|vus| vus as f64),
    );
}

fn check_ramping_rate(problems: &mut Vec<Problem>, path: &str, config: &RampingArrivalRate) {
    check_vus(problems, path, config.vus);
    check_rate(problems, format!("{path}/start_rate_per_s"), config.start_rate_per_s);
    for (index, stage) in config.stages.iter().enumerate() {
        check_rate(problems, format!("{path}/stages/{index}/rate_per_s"), stage.rate_per_s);
    }
    let targets = config.stages.iter().map(|stage| stage.rate_per_s).chain([config.start_rate_per_s]);
    check_stages(problems, path, config.stages.iter().map(|stage| stage.duration_ms), targets);
}

fn check_constant_rate(problems: &mut Vec<Problem>, path: &str, config: &ConstantArrivalRate) {
    check_vus(problems, path, config.vus);
    check_positive_rate(problems, format!("{path}/rate_per_s"), config.rate_per_s);
    check_duration(problems, path, config.duration_ms, config.ramp_up_ms);
}

fn check_iterations(problems: &mut Vec<Problem>, path: &str, config: &Iterations, total: u64) {
    check_vus(problems, path, config.vus);
    if config.iterations == 0 {
        problems.push(Problem::new(format!("{path}/iterations"), "0 iterations do nothing"));
    }
    at_most(problems, format!("{path}/iterations"), total, MAX_ITERATIONS, "iterations in all");
    if config.max_duration_ms == 0 {
        let message = "with a longest duration of 0 every iteration is dropped";
        problems.push(Problem::new(format!("{path}/max_duration_ms"), message));
    }
    at_most_ms(problems, &format!("{path}/max_duration_ms"), config.max_duration_ms);
}

fn check_external(problems: &mut Vec<Problem>, path: &str, config: &ExternallyControlled) {
    if config.max_vus != 0 && config.max_vus < config.vus {
        let message =
            format!("at most {} virtual users, but {} at the beginning", config.max_vus, config.vus);
        problems.push(Problem::new(format!("{path}/max_vus"), message));
    }
    check_vus(problems, path, config.vus.max(config.max_vus));
    if let Some(rate_per_s) = config.rate_per_s {
        check_rate(problems, format!("{path}/rate_per_s"), rate_per_s);
    }
    check_duration(problems, path, config.duration_ms, 0);
}

/// Rules for the pause of a scenario or mix at `path`.
pub(super) fn check_pause(
    problems: &mut Vec<Problem>,
    path: &str,
    executor: &Executor,
    pause: Option<Pause>,
) {
    let Some(pause) = pause else { return };
    let path = format!("{path}/pause");
    if executor.is_open() {
        let message = "a pause has no effect on an open model, whose iterations start on a schedule";
        let problem = Problem::new(&path, message);
        problems.push(problem.hint("leave it out, or give a number of virtual users instead of a rate"));
    }
    match pause {
        Pause::ThinkTime { min_ms, max_ms } => {
            if min_ms > max_ms {
                let message =
                    format!("the least think time, {min_ms} ms, is above the greatest, {max_ms} ms");
                problems.push(Problem::new(format!("{path}/min_ms"), message));
            }
            at_most_ms(problems, &format!("{path}/max_ms"), max_ms);
        }
        Pause::Pacing { interval_ms } => {
            if interval_ms == 0 {
                let message = "an interval of 0 paces nothing";
                problems
                    .push(Problem::new(format!("{path}/interval_ms"), message).hint("leave the pause out"));
            }
            at_most_ms(problems, &format!("{path}/interval_ms"), interval_ms);
        }
    }
}
