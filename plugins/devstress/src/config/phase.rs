//! Phases: parts of the run that depend on each other.

use stresshost_sdk::config::{Fields, Found, Node};
use stresshost_sdk::documents::{MAX_PHASES, MAX_SCENARIOS, Mix, Phase, Scenario, nearest};

use crate::config::goal::{CRITERIA_KEYS, Located, all_criteria, thresholds};
use crate::config::load::Load;
use crate::config::mix::mix_of;
use crate::config::places::Places;

/// The phases of a config.
#[derive(Debug, Default)]
pub(crate) struct Phases {
    pub(crate) list: Vec<Phase>,
    path: String,
    /// Of each phase, the indices of its scenarios.
    members: Vec<Vec<usize>>,
    /// Thresholds that are about one phase.
    pub(crate) thresholds: Vec<Located>,
}

/// The scenarios of a plan, each with the index of the one of the config that it is, and its mixes with their places.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    pub(crate) scenarios: Vec<(Scenario, usize)>,
    pub(crate) mixes: Vec<(Mix, String)>,
}

impl Phases {
    /// Reads a list of phases. `scenarios` are the names of all, `flags` what the command line gives.
    pub(crate) fn read(
        node: &Node<'_>,
        scenarios: &[Scenario],
        flags: &Load,
        places: &mut Places,
        found: &mut Found,
    ) -> Self {
        let mut phases = Self { path: node.path.clone(), ..Self::default() };
        let items = node.items(found, "a list of phases", MAX_PHASES);
        if items.is_empty() && node.value.is_array() {
            found.problem(&node.path, "there are no phases in the list");
        }
        let own = [
            "name",
            "description",
            "depends_on",
            "scenarios",
            "thresholds",
            "load_multiplier",
            "duration",
            "warmup",
            "graceful_stop",
        ];
        let known = [&own[..], &CRITERIA_KEYS].concat();
        for item in items {
            let Some(fields) = item.fields(found, "a phase: a mapping", &known) else { continue };
            phases.add(&fields, scenarios, flags, places, found);
        }
        phases
    }

    fn add(
        &mut self,
        fields: &Fields<'_>,
        scenarios: &[Scenario],
        flags: &Load,
        places: &mut Places,
        found: &mut Found,
    ) {
        let at = format!("/phases/{}", self.list.len());
        places.add(&at, &fields.path);
        let members = members(fields, scenarios, found);
        let depends_on = depends_on(fields, &at, places, found);
        let name = match fields.get("name") {
            Some(node) => node.scalar(found, "the phase's name").unwrap_or_default(),
            None => {
                found.problem(&fields.path, "the phase has no `name`");
                String::new()
            }
        };
        if let Some(node) = fields.get("name") {
            if name.is_empty() && node.value.is_string() {
                found.problem(&node.path, "the name is empty");
            } else if self.list.iter().any(|other| other.name == name) {
                found.problem(&node.path, format!("the name `{name}` is taken"));
            }
        }
        let criteria = all_criteria(fields, found);
        for (index, (_, path)) in criteria.iter().enumerate() {
            places.add(format!("{at}/criteria/{index}"), path);
        }
        self.thresholds.extend(thresholds(fields, &name, found));
        let description = fields.get("description").and_then(|node| node.text(found, "a sentence"));
        let factor = fields.get("load_multiplier").map(|node| node.number(found, "a factor on the load"));
        let length = |key: &str, found: &mut Found| {
            let node = fields.get(key)?;
            let ms = node.duration_ms(found)?;
            let Some(flag) = flags.place(key) else { return Some(ms) };
            found.notes.push(format!("phase `{name}`: `{flag}` replaces `{}` of the config", node.path));
            None
        };
        let (duration_ms, warmup_ms) = (length("duration", found), length("warmup", found));
        let graceful_stop_ms = length("graceful_stop", found);
        self.list.push(Phase {
            description: description.unwrap_or_default(),
            depends_on,
            criteria: criteria.into_iter().map(|(threshold, _)| threshold).collect(),
            load_multiplier: factor.flatten().unwrap_or(1.0),
            duration_ms,
            warmup_ms,
            graceful_stop_ms,
            ..Phase::new(name)
        });
        self.members.push(members);
    }

    /// Scenarios that no phase has.
    pub(crate) fn left_out(&self, count: usize) -> Vec<usize> {
        (0..count).filter(|index| !self.members.iter().any(|members| members.contains(index))).collect()
    }

    /// The scenarios and mixes of the plan: a copy of each for every phase that has it.
    pub(crate) fn spread(
        &self,
        scenarios: &[Scenario],
        mixes: &[(Mix, String)],
        found: &mut Found,
    ) -> Spread {
        let total: usize = self.members.iter().map(Vec::len).sum();
        if total > MAX_SCENARIOS {
            let message = format!("the phases have {total} scenarios in all; the most is {MAX_SCENARIOS}");
            found.problem(&self.path, message);
            return Spread::default();
        }
        let mut spread = Spread::default();
        for (phase, members) in self.list.iter().zip(&self.members) {
            let members = || members.iter().filter_map(|&index| Some((scenarios.get(index)?, index)));
            for (scenario, index) in members() {
                let own_index = u32::try_from(index).ok();
                let copy = Scenario { phase: phase.name.clone(), own_index, ..scenario.clone() };
                spread.scenarios.push((copy, index));
            }
            for (mix, path) in mixes {
                if members().any(|(scenario, _)| mix_of(&scenario.executor) == Some(&mix.name)) {
                    spread.mixes.push((Mix { phase: phase.name.clone(), ..mix.clone() }, path.clone()));
                }
            }
        }
        spread
    }
}

/// The scenarios of a phase: those it names, or all.
fn members(fields: &Fields<'_>, scenarios: &[Scenario], found: &mut Found) -> Vec<usize> {
    let Some(node) = fields.get("scenarios") else { return (0..scenarios.len()).collect() };
    let items = if node.value.is_array() {
        node.items(found, "names of scenarios", MAX_SCENARIOS)
    } else {
        vec![node.clone()]
    };
    if items.is_empty() && node.value.as_array().is_some_and(Vec::is_empty) {
        found.problem_with_hint(
            &node.path,
            "the phase has no scenarios",
            "leave `scenarios` out for all of them",
        );
    }
    let mut members = Vec::with_capacity(items.len());
    for item in items {
        let Some(name) = item.scalar(found, "the name of a scenario") else { continue };
        let names = || scenarios.iter().map(|scenario| scenario.name.as_str());
        match names().position(|known| known == name) {
            Some(index) if members.contains(&index) => {
                found.problem(&item.path, format!("the scenario `{name}` is there twice"));
            }
            Some(index) => members.push(index),
            None => {
                let hint = match nearest(&name, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
                };
                found.problem_with_hint(&item.path, format!("there is no scenario `{name}`"), hint);
            }
        }
    }
    members
}

/// The phases before: one name, or several.
fn depends_on(fields: &Fields<'_>, at: &str, places: &mut Places, found: &mut Found) -> Vec<String> {
    let Some(node) = fields.get("depends_on") else { return Vec::new() };
    let items = if node.value.is_array() {
        node.items(found, "names of phases", MAX_PHASES)
    } else {
        vec![node.clone()]
    };
    let mut names = Vec::with_capacity(items.len());
    for item in items {
        if let Some(name) = item.scalar(found, "the name of a phase") {
            places.add(format!("{at}/depends_on/{}", names.len()), &item.path);
            names.push(name);
        }
    }
    names
}
