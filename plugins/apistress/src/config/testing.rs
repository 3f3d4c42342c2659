//! Which tests run, and how.

use stresshost_sdk::config::{Found, Node};
use stresshost_sdk::documents::nearest;
use stresshost_sdk::load::GivenLoad;

use super::endpoint::{self, Endpoint};
use crate::document::Depth;
use crate::security;

/// User scenarios of one config.
const MAX_USER_SCENARIOS: usize = 100;

/// Actions of one user scenario.
const MAX_ACTIONS: usize = 100;

/// What `test_configuration` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Testing {
    /// The load, when there is any.
    pub(crate) load: Option<GivenLoad>,
    pub(crate) user_scenarios: Vec<UserScenario>,
    /// Security tests by name, when they are on; an empty list is all of them.
    pub(crate) security: Option<Vec<String>>,
    pub(crate) depth: Option<Depth>,
    pub(crate) destructive: bool,
    pub(crate) contract: Option<Contract>,
}

/// What the contract part asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contract {
    pub(crate) backwards_compatibility: bool,
}

/// A kind of user.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserScenario {
    pub(crate) name: String,
    pub(crate) weight: u64,
    /// Names of actions, and where each stands.
    pub(crate) actions: Vec<(String, String)>,
}

pub(crate) fn read(node: &Node<'_>, actions: &mut Vec<(String, Endpoint)>, found: &mut Found) -> Testing {
    let known = ["load_testing", "security_testing", "contract_testing"];
    let mut testing = Testing::default();
    let Some(fields) = node.fields(found, "a mapping of kinds of tests", &known) else { return testing };
    if let Some(node) = fields.get("load_testing") {
        load(node, &mut testing, actions, found);
    }
    if let Some(node) = fields.get("security_testing") {
        security(node, &mut testing, found);
    }
    if let Some(node) = fields.get("contract_testing") {
        contract(node, &mut testing, found);
    }
    testing
}

fn load(node: &Node<'_>, testing: &mut Testing, actions: &mut Vec<(String, Endpoint)>, found: &mut Found) {
    let own =
        ["enabled", "concurrent_users", "ramp_up_duration", "test_duration", "user_scenarios", "actions"];
    let known = [&own[..], &GivenLoad::KEYS, &GivenLoad::RUN_KEYS].concat();
    let Some(fields) = node.fields(found, "a mapping of the load's settings", &known) else { return };
    let is_on = fields.get("enabled").and_then(|node| node.boolean(found)).unwrap_or(true);
    let more = [("vus", "concurrent_users"), ("ramp_up", "ramp_up_duration"), ("duration", "test_duration")];
    let given = GivenLoad::read_with(&fields, &more, found);
    given.check(&node.path, found);
    if let Some(node) = fields.get("user_scenarios") {
        for node in node.items(found, "a list of user scenarios", MAX_USER_SCENARIOS) {
            testing.user_scenarios.extend(user_scenario(&node, found));
        }
    }
    if let Some(node) = fields.get("actions") {
        actions.extend(endpoint::actions(node, found));
    }
    testing.load = is_on.then_some(given);
}

fn user_scenario(node: &Node<'_>, found: &mut Found) -> Option<UserScenario> {
    let fields =
        node.fields(found, "a user scenario: a mapping with `actions`", &["name", "weight", "actions"])?;
    let name = fields.get("name").and_then(|node| node.text(found, "a name")).unwrap_or_default();
    let weight = match fields.get("weight") {
        Some(node) => {
            let weight = node.whole(found, "a weight");
            if weight == Some(0) {
                found.problem(&node.path, "a weight is more than 0");
            }
            weight
        }
        None => Some(1),
    };
    let Some(actions) = fields.get("actions") else {
        found.problem(&node.path, "the user scenario has no `actions`");
        return None;
    };
    let items = actions.items(found, "a list of names of actions", MAX_ACTIONS);
    let actions = items
        .into_iter()
        .filter_map(|item| Some((item.text(found, "the name of an action")?, item.path)))
        .collect();
    Some(UserScenario { name, weight: weight?, actions })
}

fn security(node: &Node<'_>, testing: &mut Testing, found: &mut Found) {
    let known = ["enabled", "tests", "scan_depth", "depth", "destructive"];
    let Some(fields) = node.fields(found, "a mapping with `tests`", &known) else { return };
    let is_on = fields.get("enabled").and_then(|node| node.boolean(found)).unwrap_or(true);
    let items = fields.get("tests").map(|node| node.items(found, "a list of security tests", 100));
    let mut tests = Vec::new();
    for item in items.into_iter().flatten() {
        let Some(name) = item.text(found, "the name of a security test") else { continue };
        match security_test(&name) {
            Ok(()) => tests.push(name),
            Err((message, hint)) => found.problem_with_hint(&item.path, message, hint),
        }
    }
    let depth = fields.one_of(found, &["scan_depth", "depth"]).map(|(_, node)| node.clone());
    testing.depth = depth.and_then(|node| node.choice(found, &DEPTHS)).and_then(|word| depth_of(&word));
    testing.destructive = fields.get("destructive").and_then(|node| node.boolean(found)).unwrap_or(false);
    testing.security = is_on.then_some(tests);
}

/// Words for how thorough probes are.
pub(crate) const DEPTHS: [&str; 4] = ["quick", "standard", "normal", "deep"];

pub(crate) fn depth_of(word: &str) -> Option<Depth> {
    Some(match word {
        "quick" => Depth::Quick,
        "standard" | "normal" => Depth::Standard,
        "deep" => Depth::Deep,
        _ => return None,
    })
}

/// The name under which generated inputs are held against the document, which seeds count among the security tests.
pub(crate) const DATA_VALIDATION: &str = "data_validation";

/// Whether there is a security test of this name; else a problem and a hint.
pub(crate) fn security_test(name: &str) -> Result<(), (String, String)> {
    if security::find(name).is_some() || name == DATA_VALIDATION {
        return Ok(());
    }
    let known: Vec<&str> = security::TESTS.iter().map(|test| test.name).chain([DATA_VALIDATION]).collect();
    let aliases = security::TESTS.iter().flat_map(|test| test.aliases.iter().copied());
    let hint = match nearest(name, known.iter().copied().chain(aliases)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.join(", ")),
    };
    Err((format!("there is no security test `{}`", stresshost_sdk::config::short(name)), hint))
}

fn contract(node: &Node<'_>, testing: &mut Testing, found: &mut Found) {
    let known =
        ["enabled", "schema_validation", "response_structure_validation", "backwards_compatibility_check"];
    let Some(fields) = node.fields(found, "a mapping of switches", &known) else { return };
    let switch = |key: &str, found: &mut Found| fields.get(key).and_then(|node| node.boolean(found));
    let is_on = switch("enabled", found).unwrap_or(true);
    for key in ["schema_validation", "response_structure_validation"] {
        if switch(key, found) == Some(false) {
            found
                .notes
                .push(format!("{}/{key}: answers are held against the document in any case", node.path));
        }
    }
    let backwards_compatibility = switch("backwards_compatibility_check", found).unwrap_or(false);
    testing.contract = is_on.then_some(Contract { backwards_compatibility });
}
