//! A config of services and endpoints, as people write it who have no OpenAPI document.
//!
//! | module | what it reads |
//! |---|---|
//! | `auth` | `api_specification.authentication` |
//! | `endpoint` | `services[].endpoints[]` and named actions |
//! | `scenario` | named test scenarios, and what the well-known names mean |
//! | `testing` | `test_configuration` |

pub(crate) mod auth;
pub(crate) mod endpoint;
pub(crate) mod scenario;
pub(crate) mod testing;

use stresshost_sdk::config::{Found, Node};
use stresshost_sdk::serde_json::Value;

use auth::Auth;
use endpoint::{Endpoint, Service};
use scenario::Definition;
use testing::Testing;

/// Services of one config.
const MAX_SERVICES: usize = 200;

/// What a config says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    pub(crate) base_url: Option<String>,
    /// Name and version of the API, as far as they are given.
    pub(crate) title: String,
    pub(crate) auth: Option<Auth>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) services: Vec<Service>,
    /// Endpoints that no service has, by the names of the actions that use them.
    pub(crate) actions: Vec<(String, Endpoint)>,
    pub(crate) scenarios: Vec<Definition>,
    pub(crate) testing: Testing,
}

/// Whether a document is such a config, rather than an OpenAPI document.
pub(crate) fn is_config(document: &Value) -> bool {
    ["api_specification", "services", "test_configuration"].iter().any(|key| document.get(key).is_some())
}

/// Reads a config that stands at `path`.
pub(crate) fn read(document: &Value, path: &str, found: &mut Found) -> Config {
    let known = [
        "api_specification",
        "services",
        "test_configuration",
        "monitoring",
        "actions",
        "scenario_definitions",
    ];
    let node = Node::new(document, path);
    let Some(fields) = node.fields(found, "a mapping of services and tests", &known) else {
        return Config::default();
    };
    let mut config = Config::default();
    if let Some(node) = fields.get("api_specification") {
        specification(node, &mut config, found);
    }
    if let Some(node) = fields.get("services") {
        for node in node.items(found, "a list of services", MAX_SERVICES) {
            config.services.extend(endpoint::service(&node, found));
        }
    }
    if let Some(node) = fields.get("test_configuration") {
        config.testing = testing::read(node, &mut config.actions, found);
    }
    if let Some(node) = fields.get("actions") {
        config.actions.extend(endpoint::actions(node, found));
    }
    if let Some(node) = fields.get("scenario_definitions") {
        config.scenarios = scenario::definitions(node, found);
    }
    if let Some(node) = fields.get("monitoring") {
        monitoring(node, found);
    }
    config
}

fn specification(node: &Node<'_>, config: &mut Config, found: &mut Found) {
    let known = ["base_url", "version", "name", "title", "description", "authentication", "headers"];
    let Some(fields) = node.fields(found, "a mapping with `base_url`", &known) else { return };
    config.base_url = fields.get("base_url").and_then(|node| node.text(found, "a URL"));
    let named = fields.one_of(found, &["name", "title"]).map(|(_, node)| node.clone());
    let name = named.and_then(|node| node.text(found, "a name"));
    let version = fields.get("version").and_then(|node| node.scalar(found, "a version"));
    config.title = match (name, version) {
        (Some(name), Some(version)) => format!("{name} {version}"),
        (Some(name), None) => name,
        (None, Some(version)) => format!("API {version}"),
        (None, None) => String::new(),
    };
    config.auth = fields.get("authentication").and_then(|node| auth::read(node, found));
    for (name, node) in
        fields.get("headers").and_then(|node| node.entries(found, "headers")).unwrap_or_default()
    {
        config.headers.extend(node.scalar(found, "the value of a header").map(|value| (name, value)));
    }
}

/// What is measured and shown is not a choice: the keys are read so that a wrong one is told.
fn monitoring(node: &Node<'_>, found: &mut Found) {
    let known = [
        "real_time_metrics",
        "error_categorization",
        "performance_breakdown",
        "security_vulnerability_tracking",
    ];
    let Some(fields) = node.fields(found, "a mapping of switches", &known) else { return };
    for key in known {
        let Some(node) = fields.get(key) else { continue };
        if node.boolean(found) == Some(false) {
            found.notes.push(format!("{}: it is measured in any case, and costs nothing", node.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let document = json!({
            "api_specification": { "base_url": 5, "authentication": { "type": "magic" } },
            "services": [{ "base_path": "a", "endpoints": [{ "method": "GET" }, { "path": "/x", "method": "FETCH",
                "expected_status": 99, "expected_response_time": "soon" }] }],
            "test_configuration": { "load_testing": { "concurent_users": 5, "user_scenarios": [{ "weight": 0 }] },
                "security_testing": { "tests": ["sql_injektion"] } },
            "monitoring": { "real_time_metrics": "yes" }
        });
        let mut found = Found::default();
        read(&document, "", &mut found);
        let mut told: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        told.sort();
        let parts = [
            "/api_specification/authentication/type: `magic` is not one of",
            "/api_specification/base_url: a URL is wanted here, not `5`",
            "/monitoring/real_time_metrics: `true` or `false` is wanted here",
            "/services/0/base_path: a path begins with `/`",
            "/services/0/endpoints/0: the endpoint has no `path`",
            "/services/0/endpoints/1/expected_response_time",
            "/services/0/endpoints/1/expected_status: a status is 100 to 599, not 99",
            "/services/0/endpoints/1/method: `FETCH` is not one of",
            "/test_configuration/load_testing/concurent_users: there is no setting",
            "/test_configuration/load_testing/user_scenarios/0/weight: a weight is more than 0",
            "/test_configuration/load_testing/user_scenarios/0: the user scenario has no `actions`",
        ];
        let all = told.join("\n");
        for part in parts {
            assert!(all.contains(part), "`{part}` is not in:\n{all}");
        }
        assert!(all.contains("sql_injektion") && all.contains("did you mean `sql_injection`?"), "{all}");
    }
}
