//! Plugins that a plan's phases name: each is loaded, planned with what it is given, and put into the plan.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use stresshost_plan::{
    Descriptor, Mix, PLAN_INPUT_SCHEMA, Part, PhaseWorkload, Plan, PlanInput, Problem, Scenario, nearest,
};
use stresshost_wasm::{Loadable, Plugin};

use super::prepare::{call_error, describe};
use crate::exit::usage;
use crate::sources::Sources;
use crate::{config, loader};

/// Plugins of a run at most: each is compiled and has its own statistics.
const MAX_PARTS: usize = 64;

/// A plugin of a run, as far as the load needs it.
#[derive(Clone)]
pub(super) struct LoadedPart {
    /// The file it was read from.
    pub(super) path: PathBuf,
    pub(super) descriptor: Descriptor,
    pub(super) loadable: Arc<Loadable>,
}

/// Plans the workloads of every phase and puts them into `plan`, whose own plugin is part 0. Returns every part; one
/// for a plan that names no other plugin.
pub(super) fn resolve(
    plan: &mut Plan,
    (path, plugin): (&Path, &Plugin),
    descriptor: &Descriptor,
    sources: &Sources<'_>,
) -> anyhow::Result<Vec<LoadedPart>> {
    let own = LoadedPart {
        path: path.to_owned(),
        descriptor: descriptor.clone(),
        loadable: Arc::clone(plugin.loadable()),
    };
    let mut parts = vec![own];
    if plan.phases.iter().all(|phase| phase.workloads.is_empty()) {
        return Ok(parts);
    }
    // The planning plugin's own scenarios belong to it, wherever they stand.
    plan.parts.push(Part {
        plugin: descriptor.name.clone(),
        version: descriptor.version.clone(),
        digest: plugin.loadable().digest.clone(),
        phase: String::new(),
        http: plan.http.clone(),
        feeds: plan.feeds.clone(),
        workload: plan.workload.clone(),
    });
    for (index, scenario) in (0..).zip(&mut plan.scenarios) {
        scenario.own_index.get_or_insert(index);
    }
    for index in 0..plan.phases.len() {
        for workload in std::mem::take(&mut plan.phases[index].workloads) {
            if parts.len() >= MAX_PARTS {
                return Err(usage(format!("the phases name more than {MAX_PARTS} plugins")));
            }
            let phase = plan.phases[index].name.clone();
            let named = || format!("phase `{phase}`, plugin `{}`", workload.plugin);
            let (path, loaded) =
                loader::load(sources, &workload.plugin, plugin.limits()).with_context(named)?;
            let descriptor = describe(&loaded, &workload.plugin).with_context(named)?;
            check_flags(&descriptor, &workload).with_context(named)?;
            let input = PlanInput {
                schema: PLAN_INPUT_SCHEMA.to_owned(),
                args: workload.args.clone(),
                flags: workload.flags.clone(),
                config: workload.config.clone(),
                ..PlanInput::default()
            };
            let planned = loaded.plan(&input).map_err(|error| call_error(error, None)).with_context(named)?;
            if !planned.phases.is_empty() {
                let message = "its plan has phases of its own; phases do not nest";
                return Err(usage(message)).with_context(named);
            }
            merge(plan, index, planned, &descriptor, &loaded)?;
            parts.push(LoadedPart { path, descriptor, loadable: Arc::clone(loaded.loadable()) });
        }
    }
    let problems = plan.validate();
    if problems.is_empty() {
        Ok(parts)
    } else {
        Err(call_error(stresshost_wasm::CallError::Plan(problems), None))
    }
}

/// Refuses flags the plugin does not have; their values are the plugin's to judge.
fn check_flags(descriptor: &Descriptor, workload: &PhaseWorkload) -> anyhow::Result<()> {
    let known: HashSet<&str> = descriptor.flags.iter().map(|flag| flag.name.as_str()).collect();
    let unknown = workload.flags.keys().filter(|name| !known.contains(name.as_str()));
    let problem = |name: &String| {
        let problem = Problem::new("", format!("it has no flag `--{name}`"));
        match nearest(name, known.iter().copied()) {
            Some(near) => problem.hint(format!("did you mean `--{near}`?")),
            None => problem,
        }
    };
    let problems: Vec<Problem> = unknown.map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(usage(config::render(None, &problems))) }
}

/// Puts one plugin's plan into the phase.
fn merge(
    plan: &mut Plan,
    phase_index: usize,
    planned: Plan,
    descriptor: &Descriptor,
    plugin: &Plugin,
) -> anyhow::Result<()> {
    let part = u16::try_from(plan.parts.len())?;
    let phase = &mut plan.phases[phase_index];
    let name = phase.name.clone();
    // Side by side, the longest warm-up and the longest grace serve all.
    phase.warmup_ms = Some(phase.warmup_ms.unwrap_or(0).max(planned.warmup_ms));
    phase.graceful_stop_ms = Some(phase.graceful_stop_ms.unwrap_or(0).max(planned.graceful_stop_ms));
    for (index, scenario) in (0..).zip(planned.scenarios) {
        let own_index = Some(scenario.own_index.unwrap_or(index));
        plan.scenarios.push(Scenario { phase: name.clone(), part, own_index, ..scenario });
    }
    plan.mixes.extend(planned.mixes.into_iter().map(|mix| Mix { phase: name.clone(), part, ..mix }));
    for mut threshold in planned.thresholds {
        threshold.phase.clone_from(&name);
        threshold.plugin.clone_from(&descriptor.name);
        plan.thresholds.push(threshold);
    }
    for limit in planned.limits {
        if plan.limits.iter().any(|known| known.name == limit.name && *known != limit) {
            let message = format!(
                "phase `{name}`: two plugins name a rate limit `{}` and mean different ones",
                limit.name
            );
            return Err(usage(message));
        }
        if !plan.limits.contains(&limit) {
            plan.limits.push(limit);
        }
    }
    let more = |into: &mut Vec<String>, from: Vec<String>| {
        for text in from {
            if !into.contains(&text) {
                into.push(text);
            }
        }
    };
    more(&mut plan.targets, planned.targets);
    more(&mut plan.requires, planned.requires);
    for metric in planned.metrics {
        if !plan.metrics.contains(&metric) {
            plan.metrics.push(metric);
        }
    }
    let notes = planned.notes.into_iter().map(|note| format!("{name}, {}: {note}", descriptor.name));
    plan.notes.extend(notes);
    plan.parts.push(Part {
        plugin: descriptor.name.clone(),
        version: descriptor.version.clone(),
        digest: plugin.loadable().digest.clone(),
        phase: name,
        http: planned.http,
        feeds: planned.feeds,
        workload: planned.workload,
    });
    Ok(())
}
