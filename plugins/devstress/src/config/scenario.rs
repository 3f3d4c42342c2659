//! Scenarios and their journeys.

use stresshost_sdk::documents::{Executor, MAX_DURATION_MS, MAX_SCENARIOS, Scenario as PlanScenario};
use stresshost_sdk::serde_json::Value;

use crate::config::load::Load;
use crate::config::node::{Fields, Found, Node};
use crate::config::request::{Common, request};
use crate::config::scope::Scope;
use crate::document::{Journey, Scenario, Think};

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
}

/// The scenarios as the plan and as the virtual users need them.
#[derive(Debug, Default)]
pub(crate) struct Scenarios {
    pub(crate) load: Vec<PlanScenario>,
    pub(crate) work: Vec<Scenario>,
    /// Targets of their requests.
    pub(crate) targets: Vec<String>,
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
            let known = [["name", "start"].as_slice(), &Load::KEYS, &JOURNEY_KEYS].concat();
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
            self.add(name, &fields, Load::read(&fields, found), setting, found);
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
        setting.flags.note_replaced(&config, &name, found);
        let load = setting.flags.or(&config);
        load.check(&fields.path, found);
        let start_ms = fields.get("start").and_then(|node| {
            let ms = node.duration_ms(found)?;
            if ms > MAX_DURATION_MS {
                found.problem(&node.path, "the start is more than 100 days away");
                return None;
            }
            Some(ms)
        });
        let executor = load.shape.executor(&format!("scenario `{name}`: "), &mut found.notes);
        let mut journeys = self.journeys(fields, load.think, setting, found);
        name_apart(&mut journeys);
        self.work.push(Scenario {
            open: matches!(executor, Executor::ConstantArrivalRate(_)),
            journeys: journeys.into_iter().map(|(_, journey)| journey).collect(),
        });
        self.load.push(PlanScenario { name, start_ms: start_ms.unwrap_or(0), executor });
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
            let weight = fields.get("weight").map_or(Some(1), |node| weight(node, found)).unwrap_or(1);
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

fn weight(node: &Node<'_>, found: &mut Found) -> Option<u64> {
    let weight = node.whole(found, "a whole number")?;
    if !(1..=MAX_WEIGHT).contains(&weight) {
        found.problem(&node.path, format!("a weight is 1 to {MAX_WEIGHT}, not {weight}"));
        return None;
    }
    Some(weight)
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
