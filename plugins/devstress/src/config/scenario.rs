//! Scenarios and their journeys.

use stresshost_sdk::documents::{
    Executor, MAX_SCENARIOS, MAX_SHARE_WEIGHT, Mix, MixShare, Pause, Scenario as PlanScenario,
};
use stresshost_sdk::serde_json::Value;

use crate::config::load::{Load, start_ms};
use crate::config::mix::{Mixes, Shared, mix_of};
use crate::config::request::{Common, request};
use crate::config::scope::Scope;
use crate::document::{Journey, Scenario, Think};
use stresshost_sdk::config::{Fields, Found, Node};

/// Journeys of a scenario; each virtual user holds the requests of all of them.
const MAX_JOURNEYS: usize = 100;

/// Requests of a journey; each virtual user holds them prepared.
const MAX_REQUESTS: usize = 500;

/// Weight of a journey; sums of weights have room to spare.
const MAX_WEIGHT: u64 = 1_000_000;

/// What a scenario is made with.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) common: Common<'a>,
    /// Given by flags: before what the scenario says.
    pub(crate) flags: &'a Load,
    /// Given at the top level: after what the scenario says.
    pub(crate) defaults: &'a Load,
    /// The one request of a scenario that has none.
    pub(crate) request: &'a Node<'a>,
    /// Loads that scenarios share.
    pub(crate) mixes: &'a Mixes,
}

/// The scenarios as the plan and as the virtual users need them.
#[derive(Debug, Default)]
pub(crate) struct Scenarios {
    pub(crate) load: Vec<PlanScenario>,
    pub(crate) work: Vec<Scenario>,
    /// Where each stands in the config.
    pub(crate) paths: Vec<String>,
    /// Targets of their requests.
    pub(crate) targets: Vec<String>,
    /// Whether one is a share of a mix that is not known.
    pub(crate) has_lost_share: bool,
    /// Whether any of them does the one request of a scenario that has none.
    pub(crate) uses_default_request: bool,
}

/// Keys of a scenario, and of the top level when that is one.
pub(crate) const JOURNEY_KEYS: [&str; 2] = ["requests", "journeys"];

impl Scenarios {
    /// Reads a list of scenarios.
    pub(crate) fn read(&mut self, node: &Node<'_>, setting: &Setting<'_>, found: &mut Found) {
        let items = node.items(found, "a list of scenarios", MAX_SCENARIOS);
        if items.is_empty() && node.value.is_array() {
            found.problem(&node.path, "there are no scenarios in the list");
        }
        for (index, item) in items.iter().enumerate() {
            let known =
                [&["name", "start", "weight", "mix"], Load::keys().as_slice(), &JOURNEY_KEYS].concat();
            let Some(fields) = item.fields(found, "a scenario: a mapping", &known) else { continue };
            let name = match fields.get("name") {
                Some(node) => node.scalar(found, "the scenario's name").unwrap_or_default(),
                None => format!("scenario-{}", index + 1),
            };
            let at = fields.get("name").map_or(&item.path, |node| &node.path);
            if name.is_empty() && fields.get("name").is_some_and(|node| node.value.is_string()) {
                found.problem(at, "the name is empty");
            } else if self.load.iter().any(|other| other.name == name) {
                found.problem(at, format!("the name `{name}` is taken"));
            }
            let own = Load::read(&fields, found);
            let is_share = fields.get("weight").is_some() || fields.get("mix").is_some();
            let mix = if is_share { setting.mixes.of(&fields, found) } else { None };
            self.has_lost_share |= is_share && mix.is_none();
            match mix {
                Some(mix) => self.add_share(name, &fields, &own, &mix, setting, found),
                None => self.add(name, &fields, own, setting, found),
            }
        }
    }

    /// Adds a scenario of the given fields.
    pub(crate) fn add(
        &mut self,
        name: String,
        fields: &Fields<'_>,
        own: Load,
        setting: &Setting<'_>,
        found: &mut Found,
    ) {
        let config = own.or(setting.defaults);
        let whose = format!("scenario `{name}`");
        let (load, executor) = setting.flags.over(&config, &whose, &fields.path, found);
        let start_ms = start_ms(fields, found).unwrap_or(0);
        let mut journeys = self.journeys(fields, load.think, setting, found);
        let is_open = executor.is_open();
        let between =
            || if is_open { None } else { take_pause(journeys.iter_mut().map(|(_, journey)| journey)) };
        let pause = load.pause().or_else(between);
        let scenario = PlanScenario { start_ms, pause, ..PlanScenario::new(name, executor) };
        self.push(scenario, is_open, journeys, &fields.path);
    }

    /// Adds a scenario that has a share of a mix's load.
    fn add_share(
        &mut self,
        name: String,
        fields: &Fields<'_>,
        own: &Load,
        mix: &Shared,
        setting: &Setting<'_>,
        found: &mut Found,
    ) {
        let start = fields.get("start").map(|node| node.path.as_str());
        for place in own.given.places().chain(start) {
            let key = place.rsplit('/').next().unwrap_or(place);
            let message =
                format!("`{key}` belongs to the mix `{}`, of which the scenario is a share", mix.name);
            found.problem_with_hint(place, message, "leave out the `weight` to give it a load of its own");
        }
        let weight = fields.get("weight").map_or(Some(1), |node| weight(node, MAX_SHARE_WEIGHT, found));
        let think = setting.flags.think.or(own.think).or(mix.think);
        let journeys = self.journeys(fields, think, setting, found);
        let share = MixShare { mix: mix.name.clone(), weight: weight.unwrap_or(1) };
        let scenario = PlanScenario::new(name, Executor::MixShare(share));
        self.push(scenario, mix.is_open, journeys, &fields.path);
    }

    fn push(&mut self, load: PlanScenario, open: bool, mut journeys: Vec<(String, Journey)>, path: &str) {
        name_apart(&mut journeys);
        self.work
            .push(Scenario { open, journeys: journeys.into_iter().map(|(_, journey)| journey).collect() });
        self.load.push(load);
        self.paths.push(path.to_owned());
    }

    /// Lets the host pause between the iterations of a mix, where all its scenarios do nothing else with their pauses.
    pub(crate) fn pause_between(&mut self, mix: &mut Mix) {
        if mix.executor.is_open() || mix.pause.is_some() {
            return;
        }
        let shares = self.load.iter().zip(&mut self.work);
        let shares = shares.filter(|(load, _)| mix_of(&load.executor) == Some(&mix.name));
        mix.pause = take_pause(shares.flat_map(|(_, work)| &mut work.journeys));
    }

    /// Reads `journeys`, or `requests` as the only one; with neither, the one request.
    fn journeys(
        &mut self,
        fields: &Fields<'_>,
        pause: Option<Think>,
        setting: &Setting<'_>,
        found: &mut Found,
    ) -> Vec<(String, Journey)> {
        let Some((key, node)) = fields.one_of(found, &JOURNEY_KEYS) else {
            self.uses_default_request = true;
            let requests = Value::Array(vec![setting.request.value.clone()]);
            // The paths of its problems are the flags it is made of.
            let node = Node::new(&requests, setting.request.path.clone());
            return vec![(String::new(), self.journey(&node, 1, pause, setting, found))];
        };
        if key == "requests" {
            return vec![(String::new(), self.journey(node, 1, pause, setting, found))];
        }
        let items = node.items(found, "a list of journeys", MAX_JOURNEYS);
        if items.is_empty() && node.value.is_array() {
            found.problem(&node.path, "there are no journeys in the list");
        }
        let mut journeys = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let Some(fields) = item.fields(found, "a journey: a mapping", &["name", "weight", "requests"])
            else {
                continue;
            };
            let name = match fields.get("name") {
                Some(node) => node.scalar(found, "the journey's name").unwrap_or_default(),
                None => format!("journey-{}", index + 1),
            };
            let weight =
                fields.get("weight").map_or(Some(1), |node| weight(node, MAX_WEIGHT, found)).unwrap_or(1);
            match fields.get("requests") {
                Some(node) => journeys.push((name, self.journey(node, weight, pause, setting, found))),
                None => found.problem(&fields.path, "the journey has no `requests`"),
            }
        }
        journeys
    }

    fn journey(
        &mut self,
        node: &Node<'_>,
        weight: u64,
        pause: Option<Think>,
        setting: &Setting<'_>,
        found: &mut Found,
    ) -> Journey {
        let mut scope = Scope::new(setting.common.feeds);
        let mut requests = Vec::new();
        let items = node.items(found, "a list of requests", MAX_REQUESTS);
        if items.is_empty() && node.value.is_array() {
            found.problem(&node.path, "there are no requests in the list");
        }
        for item in items {
            if let Some((request, target)) = request(&item, &setting.common, pause, &mut scope, found) {
                requests.push(request);
                if !self.targets.contains(&target) {
                    self.targets.push(target);
                }
            }
        }
        Journey { weight, variables: scope.variables(), feeds: scope.feeds_used, requests }
    }
}

fn weight(node: &Node<'_>, most: u64, found: &mut Found) -> Option<u64> {
    let weight = node.whole(found, "a whole number")?;
    if !(1..=most).contains(&weight) {
        found.problem(&node.path, format!("a weight is 1 to {most}, not {weight}"));
        return None;
    }
    Some(weight)
}

/// Takes the pause out of journeys in which it is the same and comes at the very end: of one request, in each of them.
/// The host can then make it without keeping the user's stack. Others stay as they are.
fn take_pause<'a>(journeys: impl IntoIterator<Item = &'a mut Journey>) -> Option<Pause> {
    let mut only: Vec<&mut Option<Think>> = Vec::new();
    for journey in journeys {
        match journey.requests.as_mut_slice() {
            [request] => only.push(&mut request.think),
            _ => return None,
        }
    }
    let Think { min_ms, max_ms } = (**only.first()?)?;
    if max_ms == 0 || only.iter().any(|think| **think != Some(Think { min_ms, max_ms })) {
        return None;
    }
    only.into_iter().for_each(|think| *think = None);
    Some(Pause::ThinkTime { min_ms, max_ms })
}

/// Puts the journey's name before names of requests that several journeys have, so that reports keep them apart.
fn name_apart(journeys: &mut [(String, Journey)]) {
    let names: Vec<Vec<String>> = journeys
        .iter()
        .map(|(_, journey)| journey.requests.iter().map(|request| request.name.clone()).collect())
        .collect();
    for (index, (journey_name, journey)) in journeys.iter_mut().enumerate() {
        for request in &mut journey.requests {
            let elsewhere =
                |(other, names): (usize, &Vec<String>)| other != index && names.contains(&request.name);
            if names.iter().enumerate().any(elsewhere) {
                request.name = format!("{journey_name}: {}", request.name);
                for check in &mut request.checks {
                    check.name = format!("{journey_name}: {}", check.name);
                }
            }
        }
    }
}
