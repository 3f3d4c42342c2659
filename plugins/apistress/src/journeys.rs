//! What the users of a config do: their actions as operations, and what its named scenarios mean.

use stresshost_sdk::config::Found;

use crate::catalogue::configured;
use crate::config::endpoint::Endpoint;
use crate::config::{Config, scenario};
use crate::document::{Credential, Meaning, Named, Operation};
use crate::words::{Purpose, likeness, methods, nouns, purpose, same, words};

/// Journeys and scenarios of a config.
#[derive(Debug, Default)]
pub(crate) struct Journeys {
    /// Kinds of users.
    pub(crate) users: Vec<Walk>,
    /// By index of the operation, the scenarios of its endpoint.
    pub(crate) scenarios: Vec<(usize, Named)>,
    config: Config,
    documented: Vec<Operation>,
    credential: Option<Credential>,
}

/// What one kind of user does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) name: String,
    pub(crate) weight: u64,
    /// Names of actions and the indices of their operations.
    pub(crate) steps: Vec<(String, usize)>,
}

impl Journeys {
    pub(crate) fn new(config: &Config, documented: &[Operation], credential: Option<&Credential>) -> Self {
        Self {
            config: config.clone(),
            documented: documented.to_vec(),
            credential: credential.cloned(),
            ..Self::default()
        }
    }

    /// Finds the operations of all actions, and the meanings of all scenarios. Operations that only actions have are
    /// added to those that are known.
    pub(crate) fn read(&mut self, operations: &mut Vec<Operation>, found: &mut Found) {
        for (place, user) in self.config.testing.user_scenarios.clone().into_iter().enumerate() {
            let name = if user.name.is_empty() { format!("user scenario {}", place + 1) } else { user.name };
            let steps = user.actions.iter();
            let steps = steps.filter_map(|(action, at)| {
                Some((action.clone(), self.action(action, at, operations, found)?))
            });
            let steps = steps.collect();
            self.users.push(Walk { name, weight: user.weight, steps });
        }
        let endpoints: Vec<Endpoint> =
            self.config.services.iter().flat_map(|service| service.endpoints.clone()).collect();
        for endpoint in endpoints {
            let name = format!("{} {}", endpoint.method, endpoint.path);
            let Some(index) = operations.iter().position(|operation| operation.name == name) else {
                continue;
            };
            for (scenario, at) in &endpoint.scenarios {
                if let Some(named) = self.scenario(scenario, at, index, operations, found) {
                    self.scenarios.push((index, named));
                }
            }
        }
        // A scenario without credentials tells that there must be some.
        for (index, named) in &self.scenarios {
            if named.meaning == Some(Meaning::Anonymous)
                && let Some(operation) = operations.get_mut(*index)
            {
                operation.auth_required = !operation.credentials.is_empty();
            }
        }
    }

    /// The operation of an action: as the config defines it, or the endpoint whose path is most like its name, or what a
    /// service's own path gives to read.
    fn action(
        &self,
        action: &str,
        at: &str,
        operations: &mut Vec<Operation>,
        found: &mut Found,
    ) -> Option<usize> {
        if let Some((_, endpoint)) = self.config.actions.iter().find(|(name, _)| name == action) {
            return Some(found_or_added(operations, self.operation(endpoint)));
        }
        let wanted = methods(action);
        let fits = |operation: &Operation| wanted.is_empty() || wanted.contains(&operation.method.as_str());
        let meant = nouns(action);
        let whole = |text: &str| {
            let words = words(text);
            meant.iter().all(|noun| words.iter().any(|word| same(word, noun)))
        };
        let scored = |operation: &Operation| {
            likeness(action, &operation.path).filter(|_| fits(operation) && whole(&operation.path))
        };
        let tested = operations.iter().enumerate().filter(|(_, operation)| operation.is_tested);
        let best = tested.filter_map(|(index, operation)| Some((scored(operation)?, index)));
        let best = best.max_by_key(|(score, index)| (*score, std::cmp::Reverse(*index)));
        let service =
            self.config.services.iter().find(|service| {
                !meant.is_empty() && whole(&format!("{} {}", service.name, service.base_path))
            });
        let read = service.filter(|_| wanted.contains(&"GET")).map(|service| service.base_path.clone());
        // What only reads a service is not one of its other operations, such as its search.
        let is_whole = |index: usize| {
            operations.get(index).is_some_and(|operation| {
                let path = words(&operation.path);
                path.iter().all(|word| words(action).iter().any(|known| same(word, known)))
            })
        };
        let index = match (best, read) {
            (Some((_, index)), read) if read.is_none() || is_whole(index) => index,
            (_, Some(path)) => {
                let endpoint = Endpoint { method: "GET".to_owned(), path, ..Endpoint::default() };
                let index = found_or_added(operations, self.operation(&endpoint));
                found.notes.push(format!(
                    "action `{action}`: {}, the path of its service",
                    operations.get(index)?.name
                ));
                return Some(index);
            }
            (Some((_, index)), _) => index,
            (None, None) => {
                let message = format!("no endpoint is like the action `{action}`");
                let hint = "define it below `actions`, with `method` and `path`";
                found.problem_with_hint(at, message, hint);
                return None;
            }
        };
        let note = format!("action `{action}`: {}", operations.get(index)?.name);
        if !found.notes.contains(&note) {
            found.notes.push(note);
        }
        Some(index)
    }

    fn operation(&self, endpoint: &Endpoint) -> Operation {
        let known = self.documented.iter().find(|one| {
            one.method == endpoint.method && crate::catalogue::same_path(&one.path, &endpoint.path)
        });
        configured(endpoint, known, self.credential.as_ref().filter(|_| known.is_none())).0
    }

    fn scenario(
        &self,
        name: &str,
        at: &str,
        index: usize,
        operations: &mut Vec<Operation>,
        found: &mut Found,
    ) -> Option<Named> {
        if let Some(definition) = self.config.scenarios.iter().find(|one| one.named.name == name) {
            let before = definition.before.iter();
            let before =
                before.filter_map(|(action, at)| self.action(action, at, operations, found)).collect();
            return Some(Named { before, ..definition.named.clone() });
        }
        let Some(meaning) = scenario::meaning(name, operations.get(index)?) else {
            let message = format!("nothing is known of the scenario `{name}`, and it cannot be derived");
            let hint = "define it below `scenario_definitions`, with `request` and `expected_status`";
            found.problem_with_hint(at, message, hint);
            return None;
        };
        Some(Named {
            name: name.to_owned(),
            meaning: Some(meaning),
            before: self.before(index),
            statuses: scenario::expected(meaning),
            ..Named::default()
        })
    }

    /// By operation, what must come before it: what users make before on their shortest way, or what fills the cart
    /// before a purchase.
    pub(crate) fn needed(&self, operations: &[Operation]) -> Vec<(usize, Vec<usize>)> {
        let purpose_of = |index: usize| operations.get(index).map(|one| purpose(&one.method, &one.path));
        let makes = |index: &usize| operations.get(*index).is_some_and(|one| one.method == "POST");
        let mut needed = Vec::new();
        for (index, operation) in operations.iter().enumerate().filter(|(_, operation)| operation.is_tested) {
            let mut before: Vec<usize> = self.before(index).into_iter().filter(makes).collect();
            if before.is_empty() && purpose(&operation.method, &operation.path) == Purpose::Pay {
                before.extend(
                    (0..operations.len()).find(|other| purpose_of(*other) == Some(Purpose::AddToCart)),
                );
            }
            if !before.is_empty() {
                needed.push((index, before));
            }
        }
        needed
    }

    /// What users do before an operation: the shortest way of any of them.
    fn before(&self, index: usize) -> Vec<usize> {
        let way = |walk: &Walk| {
            let place = walk.steps.iter().position(|(_, step)| *step == index)?;
            Some(walk.steps.iter().take(place).map(|(_, step)| *step).collect::<Vec<_>>())
        };
        self.users.iter().filter_map(way).min_by_key(Vec::len).unwrap_or_default()
    }
}

/// Index of an operation by its name; it is added when there is none.
fn found_or_added(operations: &mut Vec<Operation>, operation: Operation) -> usize {
    operations.iter().position(|known| known.name == operation.name).unwrap_or_else(|| {
        operations.push(operation);
        operations.len() - 1
    })
}
