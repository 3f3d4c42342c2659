//! Rules for phases.

use std::collections::VecDeque;

use super::{at_most_ms, no_such, unique};
use crate::{
    Executor, MAX_ITERATIONS, MAX_LOAD_MULTIPLIER, MAX_RATE_PER_S, MAX_VUS, Phase, Plan, Problem,
    format_duration_ms,
};

impl Plan {
    /// Whether other plugins are yet to add their scenarios, so that names of scenarios and plugins are not all known.
    pub(super) fn is_unresolved(&self) -> bool {
        self.parts.is_empty() && self.phases.iter().any(|phase| !phase.workloads.is_empty())
    }
}

pub(super) fn check(problems: &mut Vec<Problem>, plan: &Plan) {
    unique(problems, "/phases", plan.phases.iter().map(|phase| ((), (), phase.name.as_str())));
    for (index, phase) in plan.phases.iter().enumerate() {
        let path = format!("/phases/{index}");
        check_dependencies(problems, &path, plan, phase);
        check_numbers(problems, &path, phase);
        check_multiplied(problems, &path, plan, phase);
        let is_loaded = plan.scenarios.iter().any(|scenario| scenario.phase == phase.name)
            || plan.mixes.iter().any(|mix| mix.phase == phase.name);
        if !is_loaded && phase.workloads.is_empty() {
            let message = format!("phase `{}` has no scenario and no workload", phase.name);
            problems
                .push(Problem::new(&path, message).hint("leave it out, or name it as a scenario's `phase`"));
        }
        for (index, _) in
            phase.workloads.iter().enumerate().filter(|(_, workload)| workload.plugin.is_empty())
        {
            let path = format!("{path}/workloads/{index}/plugin");
            problems.push(Problem::new(path, "a workload without a plugin"));
        }
    }
    check_cycles(problems, plan);
}

fn check_dependencies(problems: &mut Vec<Problem>, path: &str, plan: &Plan, phase: &Phase) {
    let names = || plan.phases.iter().map(|phase| phase.name.as_str());
    for (index, name) in phase.depends_on.iter().enumerate() {
        if !names().any(|known| known == name) {
            let others = names().filter(|other| *other != phase.name);
            let message = format!("there is no phase `{name}`");
            problems.push(no_such(format!("{path}/depends_on/{index}"), message, name, others));
        }
    }
}

fn check_numbers(problems: &mut Vec<Problem>, path: &str, phase: &Phase) {
    let factor = phase.load_multiplier;
    if !(factor > 0.0 && factor <= MAX_LOAD_MULTIPLIER) {
        let message =
            format!("{factor} times the load; factors are more than 0 and at most {MAX_LOAD_MULTIPLIER}");
        problems.push(Problem::new(format!("{path}/load_multiplier"), message));
    }
    if phase.duration_ms == Some(0) {
        problems.push(Problem::new(format!("{path}/duration_ms"), "a duration of 0 measures nothing"));
    }
    for (field, ms) in [
        ("duration_ms", phase.duration_ms),
        ("warmup_ms", phase.warmup_ms),
        ("graceful_stop_ms", phase.graceful_stop_ms),
    ] {
        at_most_ms(problems, &format!("{path}/{field}"), ms.unwrap_or(0));
    }
}

/// What is within bounds alone and beyond them with the multiplier.
fn check_multiplied(problems: &mut Vec<Problem>, path: &str, plan: &Plan, phase: &Phase) {
    let factor = phase.load_multiplier;
    if !(factor > 1.0 && factor <= MAX_LOAD_MULTIPLIER) {
        return;
    }
    let scenarios = plan.scenarios.iter().map(|one| (&one.phase, &one.name, &one.executor));
    let mixes = plan.mixes.iter().map(|one| (&one.phase, &one.name, &one.executor));
    for (_, name, executor) in scenarios.chain(mixes).filter(|(home, ..)| **home == phase.name) {
        let multiplied = executor.multiplied(factor);
        let mut exceeded = |alone: f64, multiplied: f64, most: f64, unit: &str| {
            if alone <= most && multiplied > most {
                let message =
                    format!("{factor} times the load of `{name}` is {multiplied} {unit}, the most is {most}");
                problems.push(Problem::new(format!("{path}/load_multiplier"), message));
            }
        };
        exceeded(executor.vus() as f64, multiplied.vus() as f64, MAX_VUS as f64, "virtual users");
        let rate = |executor: &Executor| executor.peak_rate_per_s().unwrap_or(0.0);
        exceeded(rate(executor), rate(&multiplied), MAX_RATE_PER_S, "iterations per second");
        exceeded(counted(executor), counted(&multiplied), MAX_ITERATIONS as f64, "iterations");
    }
}

fn counted(executor: &Executor) -> f64 {
    match executor {
        Executor::SharedIterations(config) => config.iterations as f64,
        Executor::PerVuIterations(config) => config.iterations as f64 * config.vus as f64,
        _ => 0.0,
    }
}

/// Reports each cycle of dependencies once, as `a -> b -> a`.
fn check_cycles(problems: &mut Vec<Problem>, plan: &Plan) {
    let edges: Vec<Vec<usize>> = plan
        .phases
        .iter()
        .map(|phase| {
            let index = |name: &String| plan.phases.iter().position(|other| other.name == *name);
            phase.depends_on.iter().filter_map(index).collect()
        })
        .collect();
    let mut reported = vec![false; edges.len()];
    for start in 0..edges.len() {
        if reported[start] {
            continue;
        }
        let Some(cycle) = cycle_through(start, &edges) else { continue };
        let names: Vec<&str> = cycle.iter().map(|&index| plan.phases[index].name.as_str()).collect();
        for index in cycle {
            reported[index] = true;
        }
        let message = format!("phases wait for each other: {}", names.join(" -> "));
        let problem = Problem::new(format!("/phases/{start}/depends_on"), message);
        problems.push(problem.hint("`a -> b` means that `a` depends on `b`; leave one of these out"));
    }
}

/// The shortest way from `start` back to itself, both ends included.
fn cycle_through(start: usize, edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut came_from: Vec<Option<usize>> = vec![None; edges.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for &next in &edges[at] {
            if next == start {
                let mut way = vec![start];
                let mut back = at;
                while back != start {
                    way.push(back);
                    back = came_from[back]?;
                }
                way.push(start);
                way.reverse();
                return Some(way);
            }
            if came_from[next].is_none() {
                came_from[next] = Some(at);
                queue.push_back(next);
            }
        }
    }
    None
}

/// Rules for the phase of a scenario or mix at `path`.
pub(super) fn check_place(problems: &mut Vec<Problem>, plan: &Plan, path: &str, name: &str, start_ms: u64) {
    let at = format!("{path}/phase");
    if plan.phases.is_empty() {
        if !name.is_empty() {
            problems
                .push(Problem::new(at, format!("it belongs to phase `{name}`, but the plan has no phases")));
        }
        return;
    }
    let Some(phase) = plan.phases.iter().find(|phase| phase.name == name) else {
        let message = if name.is_empty() {
            "it belongs to no phase, but the plan has phases".to_owned()
        } else {
            format!("there is no phase `{name}`")
        };
        let names = plan.phases.iter().map(|phase| phase.name.as_str());
        problems.push(no_such(at, message, name, names));
        return;
    };
    if let Some(duration_ms) =
        phase.duration_ms.filter(|&duration_ms| duration_ms > 0 && start_ms >= duration_ms)
    {
        let (start, end) = (format_duration_ms(start_ms), format_duration_ms(duration_ms));
        let message = format!("it begins after {start}, when phase `{name}` has ended: that lasts {end}");
        problems.push(Problem::new(format!("{path}/start_ms"), message));
    }
}
