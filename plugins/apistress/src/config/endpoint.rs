//! Services, their endpoints, and actions that a config defines.

use stresshost_sdk::config::{Fields, Found, Node};
use stresshost_sdk::serde_json::Value;

/// Endpoints of one service.
const MAX_ENDPOINTS: usize = 1_000;

/// Scenarios of one endpoint.
const MAX_SCENARIOS: usize = 100;

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// A service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) base_path: String,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// One endpoint as the config gives it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoint {
    /// Where it stands in the config.
    pub(crate) at: String,
    pub(crate) method: String,
    /// Path below the base URL.
    pub(crate) path: String,
    pub(crate) expected_status: Option<u16>,
    pub(crate) expected_ms: Option<f64>,
    /// Names of scenarios, and where each stands.
    pub(crate) scenarios: Vec<(String, String)>,
    pub(crate) query: Vec<(String, Value)>,
    pub(crate) path_values: Vec<(String, Value)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
    /// Whether a caller must be let in; None: as the document or the scenarios say.
    pub(crate) auth: Option<bool>,
}

pub(crate) fn service(node: &Node<'_>, found: &mut Found) -> Option<Service> {
    let known = ["name", "base_path", "description", "endpoints"];
    let fields = node.fields(found, "a service: a mapping with `endpoints`", &known)?;
    let base_path = fields.get("base_path").and_then(|node| path(node, found)).unwrap_or_default();
    let name = fields.get("name").and_then(|node| node.text(found, "a name")).unwrap_or_default();
    let mut endpoints = Vec::new();
    match fields.get("endpoints") {
        Some(node) => {
            for node in node.items(found, "a list of endpoints", MAX_ENDPOINTS) {
                endpoints.extend(endpoint(&node, &base_path, found));
            }
        }
        None => found.problem(&node.path, "the service has no `endpoints`"),
    }
    Some(Service { name, base_path, endpoints })
}

/// Actions by their names.
pub(crate) fn actions(node: &Node<'_>, found: &mut Found) -> Vec<(String, Endpoint)> {
    let entries = node.entries(found, "a mapping of actions to requests").unwrap_or_default();
    let mut actions = Vec::new();
    for (name, node) in entries {
        actions.extend(endpoint(&node, "", found).map(|endpoint| (name, endpoint)));
    }
    actions
}

fn path(node: &Node<'_>, found: &mut Found) -> Option<String> {
    let text = node.text(found, "a path such as `/users`")?;
    if !text.starts_with('/') {
        found.problem(&node.path, "a path begins with `/`");
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}

fn endpoint(node: &Node<'_>, base_path: &str, found: &mut Found) -> Option<Endpoint> {
    let known = [
        "path",
        "method",
        "description",
        "expected_response_time",
        "expected_status",
        "test_scenarios",
        "query",
        "parameters",
        "headers",
        "body",
        "auth",
    ];
    let fields = node.fields(found, "an endpoint: a mapping with `path` and `method`", &known)?;
    let below = match fields.get("path") {
        Some(node) => path(node, found),
        None => {
            found.problem(&node.path, "the endpoint has no `path`");
            None
        }
    };
    let method = match fields.get("method") {
        Some(node) => method(node, found),
        None => Some("GET".to_owned()),
    };
    let expected_status = fields.get("expected_status").and_then(|node| status(node, found));
    let expected_ms = fields.get("expected_response_time").and_then(|node| milliseconds(node, found));
    let endpoint = Endpoint {
        at: node.path.clone(),
        method: method.unwrap_or_default(),
        path: format!("{base_path}{}", below.as_deref().unwrap_or_default()),
        expected_status,
        expected_ms,
        scenarios: names(fields.get("test_scenarios"), found),
        query: values(&fields, "query", found),
        path_values: values(&fields, "parameters", found),
        headers: texts(&fields, "headers", found),
        body: fields.get("body").map(|node| node.value.clone()),
        auth: fields.get("auth").and_then(|node| node.boolean(found)),
    };
    let endpoint =
        Endpoint { path: if endpoint.path.is_empty() { "/".to_owned() } else { endpoint.path }, ..endpoint };
    below.map(|_| endpoint).filter(|endpoint| !endpoint.method.is_empty())
}

fn method(node: &Node<'_>, found: &mut Found) -> Option<String> {
    let text = node.text(found, "a method")?.to_ascii_uppercase();
    if METHODS.contains(&text.as_str()) {
        return Some(text);
    }
    let short = stresshost_sdk::config::short(&text);
    found.problem(&node.path, format!("`{short}` is not one of {}", METHODS.join(", ")));
    None
}

pub(crate) fn status(node: &Node<'_>, found: &mut Found) -> Option<u16> {
    let number = node.whole(found, "a status")?;
    let status = u16::try_from(number).ok().filter(|status| (100..600).contains(status));
    if status.is_none() {
        found.problem(&node.path, format!("a status is 100 to 599, not {number}"));
    }
    status
}

/// A number of milliseconds, or a duration with its unit.
fn milliseconds(node: &Node<'_>, found: &mut Found) -> Option<f64> {
    let ms = match node.value {
        Value::String(_) => node.duration_ms(found)? as f64,
        _ => node.number(found, "milliseconds, or a duration such as `150ms`")?,
    };
    if ms <= 0.0 {
        found.problem(&node.path, "a limit of 0 lets nothing through");
        return None;
    }
    Some(ms)
}

/// One name, or a list of them.
fn names(node: Option<&Node<'_>>, found: &mut Found) -> Vec<(String, String)> {
    let Some(node) = node else { return Vec::new() };
    let items = if node.value.is_string() {
        vec![node.clone()]
    } else {
        node.items(found, "a list of names of scenarios", MAX_SCENARIOS)
    };
    items
        .into_iter()
        .filter_map(|item| Some((item.text(found, "the name of a scenario")?, item.path)))
        .collect()
}

pub(crate) fn values(fields: &Fields<'_>, key: &str, found: &mut Found) -> Vec<(String, Value)> {
    let entries =
        fields.get(key).and_then(|node| node.entries(found, "names and values")).unwrap_or_default();
    entries.into_iter().map(|(name, node)| (name, node.value.clone())).collect()
}

fn texts(fields: &Fields<'_>, key: &str, found: &mut Found) -> Vec<(String, String)> {
    let entries = fields.get(key).and_then(|node| node.entries(found, "names and texts")).unwrap_or_default();
    entries.into_iter().filter_map(|(name, node)| Some((name, node.scalar(found, "a text")?))).collect()
}
