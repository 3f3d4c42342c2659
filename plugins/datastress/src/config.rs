//! The config: `database`, `test_scenarios`, `performance_targets`, `monitoring`, and what goes beyond them.

use stresshost_sdk::config::{Fields, Found, Node};
use stresshost_sdk::load::GivenLoad;
use stresshost_sdk::serde_json::Value;

use crate::builtin::Builtin;
use crate::database::{Database, Kind};
use crate::document::{Invariant, QueryType};
use crate::generator::{Generator, read as generators};
use crate::limits::{MAX_INVARIANTS, MAX_PARAMETERS, MAX_SCENARIOS, MAX_STATEMENTS};

/// What a config says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    /// URL of the database, and where it stands.
    pub(crate) url: Option<(String, String)>,
    /// Engine that `database_type` names, and where.
    pub(crate) kind: Option<(Kind, String)>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) parameters: Vec<(String, Generator)>,
    pub(crate) invariants: Vec<Invariant>,
    /// Targets by the kind of scenario.
    pub(crate) targets: Vec<(QueryType, Targets)>,
}

/// A scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) path: String,
    pub(crate) query_type: Option<QueryType>,
    pub(crate) load: GivenLoad,
    pub(crate) queries: Vec<Query>,
    pub(crate) workload: Option<Builtin>,
    pub(crate) parameters: Vec<(String, Generator)>,
    pub(crate) transaction: Option<bool>,
}

/// A statement as it was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) sql: String,
    pub(crate) name: Option<String>,
    pub(crate) weight: Option<u64>,
    /// Where it stands.
    pub(crate) path: String,
    /// What comes before messages about it, such as `query 3 of 5: `.
    pub(crate) label: String,
    /// Line of the file on which it begins; 0 outside of a file.
    pub(crate) line: u32,
}

/// What is expected of a kind of scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    /// Key of the config.
    pub(crate) name: String,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) throughput_rps: Option<f64>,
}

/// Reads a config.
pub(crate) fn read(document: &Value, found: &mut Found) -> Config {
    let known =
        ["database", "test_scenarios", "performance_targets", "monitoring", "parameters", "invariants"];
    let node = Node::new(document, "");
    let mut config = Config::default();
    let Some(fields) = node.fields(found, "a mapping with `database` and `test_scenarios`", &known) else {
        return config;
    };
    if let Some(node) = fields.get("database") {
        database(node, &mut config, found);
    }
    if let Some(node) = fields.get("test_scenarios") {
        let items = node.items(found, "a list of scenarios", MAX_SCENARIOS);
        config.scenarios = items.iter().filter_map(|item| scenario(item, found)).collect();
        twice(&config.scenarios, found);
    }
    if let Some(node) = fields.get("parameters") {
        config.parameters = parameters(node, found);
    }
    if let Some(node) = fields.get("invariants") {
        let items = node.items(found, "a list of invariants", MAX_INVARIANTS);
        config.invariants = items.iter().filter_map(|item| invariant(item, found)).collect();
    }
    if let Some(node) = fields.get("performance_targets") {
        config.targets = targets(node, found);
    }
    if let Some(node) = fields.get("monitoring") {
        monitoring(node, found);
    }
    config
}

fn database(node: &Node<'_>, config: &mut Config, found: &mut Found) {
    let known = ["connection_string", "database_type", "statement_timeout"];
    let Some(fields) = node.fields(found, "a mapping with `connection_string`", &known) else { return };
    if let Some(node) = fields.get("connection_string") {
        config.url = node.text(found, "the URL of a database").map(|url| (url, node.path.clone()));
    }
    if let Some(node) = fields.get("database_type") {
        let word = node.choice(found, &Kind::WORDS);
        config.kind = word.and_then(|word| Kind::of_word(&word)).map(|kind| (kind, node.path.clone()));
    }
    config.timeout_ms = fields.get("statement_timeout").and_then(|node| node.timeout_ms(found));
}

fn scenario(node: &Node<'_>, found: &mut Found) -> Option<Scenario> {
    let own = [
        "name",
        "query_type",
        "concurrent_connections",
        "queries",
        "workload",
        "parameters",
        "transaction",
        "description",
    ];
    let known = [&own[..], &GivenLoad::KEYS].concat();
    let fields = node.fields(found, "a scenario", &known)?;
    let load = GivenLoad::read_with(&fields, &[("vus", "concurrent_connections")], found);
    load.check(&node.path, found);
    let name = match fields.get("name") {
        Some(name) => name.text(found, "a name")?,
        None => {
            found.problem(&node.path, "the scenario has no `name`");
            return None;
        }
    };
    let word = fields.get("query_type").and_then(|node| node.choice(found, &QueryType::WORDS));
    let workload = fields.get("workload").and_then(|node| node.choice(found, &Builtin::WORDS));
    let queries = queries(&fields, found);
    if queries.is_empty() == workload.is_none() && found.problems.is_empty() {
        found.problem(&node.path, "the scenario has either `queries` or a `workload`");
    }
    Some(Scenario {
        name,
        path: node.path.clone(),
        query_type: word.and_then(|word| QueryType::of_word(&word)),
        load,
        queries,
        workload: workload.and_then(|word| Builtin::of_word(&word)),
        parameters: fields.get("parameters").map(|node| parameters(node, found)).unwrap_or_default(),
        transaction: fields.get("transaction").and_then(|node| node.boolean(found)),
    })
}

fn queries(fields: &Fields<'_>, found: &mut Found) -> Vec<Query> {
    let Some(node) = fields.get("queries") else { return Vec::new() };
    let items = node.items(found, "a list of statements", MAX_STATEMENTS);
    let count = items.len();
    let query = |(number, item): (usize, &Node<'_>)| {
        let label = format!("query {number} of {count}: ");
        if item.value.is_string() {
            let sql = item.text(found, "a statement")?;
            return Some(Query { sql, path: item.path.clone(), label, ..Query::default() });
        }
        let fields = item.fields(found, "a statement", &["sql", "command", "name", "weight"])?;
        let Some(sql) = fields.get("sql").or_else(|| fields.get("command")) else {
            found.problem(&item.path, "the query has no `sql`, and no `command` of MongoDB");
            return None;
        };
        Some(Query {
            // A command of MongoDB may be written as a mapping.
            sql: if sql.value.is_object() { sql.value.to_string() } else { sql.text(found, "a statement")? },
            name: fields.get("name").and_then(|node| node.text(found, "a name")),
            weight: fields.get("weight").and_then(|node| node.whole(found, "a weight")),
            path: sql.path.clone(),
            label,
            line: 0,
        })
    };
    (1..).zip(&items).filter_map(query).collect()
}

fn twice(scenarios: &[Scenario], found: &mut Found) {
    for (place, scenario) in scenarios.iter().enumerate() {
        if scenarios.iter().take(place).any(|other| other.name == scenario.name) {
            found.problem(&scenario.path, format!("there are two scenarios `{}`", scenario.name));
        }
    }
}

fn parameters(node: &Node<'_>, found: &mut Found) -> Vec<(String, Generator)> {
    let entries = node.entries(found, "a mapping of parameters and generators").unwrap_or_default();
    if entries.len() > MAX_PARAMETERS {
        found.problem(&node.path, format!("{} parameters; the most is {MAX_PARAMETERS}", entries.len()));
    }
    entries.iter().filter_map(|(name, node)| Some((name.clone(), generators::node(node, found)?))).collect()
}

fn invariant(node: &Node<'_>, found: &mut Found) -> Option<Invariant> {
    let fields = node.fields(found, "an invariant", &["name", "sql"])?;
    let (Some(name), Some(sql)) = (fields.get("name"), fields.get("sql")) else {
        found.problem(
            &node.path,
            "an invariant has a `name` and its `sql`, which returns no rows while it holds",
        );
        return None;
    };
    Some(Invariant { name: name.text(found, "a name")?, sql: sql.text(found, "a query")? })
}

fn targets(node: &Node<'_>, found: &mut Found) -> Vec<(QueryType, Targets)> {
    const KINDS: [(&str, QueryType); 3] = [
        ("read_queries", QueryType::Read),
        ("write_queries", QueryType::Write),
        ("mixed_queries", QueryType::Mixed),
    ];
    let Some(fields) = node.fields(found, "a mapping of targets", &KINDS.map(|(key, _)| key)) else {
        return Vec::new();
    };
    let mut targets = Vec::new();
    for (key, query_type) in KINDS {
        let Some(node) = fields.get(key) else { continue };
        let known = ["p95_response_time", "p99_response_time", "throughput_rps"];
        let Some(fields) = node.fields(found, "a mapping of targets", &known) else { continue };
        let p95_ms = fields.get("p95_response_time").and_then(|node| milliseconds(node, found));
        let p99_ms = fields.get("p99_response_time").and_then(|node| milliseconds(node, found));
        let throughput_rps = fields.get("throughput_rps").and_then(|node| node.rate(found));
        targets.push((query_type, Targets { name: key.to_owned(), p95_ms, p99_ms, throughput_rps }));
    }
    targets
}

/// A number is milliseconds here, as the customary comments beside it say; a text has its unit.
fn milliseconds(node: &Node<'_>, found: &mut Found) -> Option<f64> {
    let ms = if node.value.is_number() {
        node.number(found, "milliseconds")?
    } else {
        node.duration_ms(found)? as f64
    };
    if ms > 0.0 {
        return Some(ms);
    }
    found.problem(&node.path, "a response time is more than 0");
    None
}

/// What is measured is no choice: the keys are read so that a wrong one is told.
fn monitoring(node: &Node<'_>, found: &mut Found) {
    let known = [
        "connection_pool_utilization",
        "query_performance_breakdown",
        "deadlock_detection",
        "table_lock_contention",
    ];
    let Some(fields) = node.fields(found, "a mapping of switches", &known) else { return };
    for key in known {
        let Some(node) = fields.get(key) else { continue };
        if node.boolean(found) == Some(false) {
            found.notes.push(format!("{}: it is measured in any case", node.path));
        }
    }
}

impl Config {
    /// The database of the config, or of the command line.
    pub(crate) fn database(&self, url: Option<&String>, found: &mut Found) -> Option<Database> {
        let own = self.url.as_ref().map(|(url, path)| (url.as_str(), path.as_str()));
        let Some((url, path)) = url.map(|url| (url.as_str(), "URL")).or(own) else {
            found.problem_with_hint("URL", "no database was given", crate::database::FORMS);
            return None;
        };
        match Database::read(url, path) {
            Ok(database) => {
                if let Some((kind, path)) = &self.kind
                    && *kind != database.kind
                {
                    let message =
                        format!("the URL is one of {}, not of {}", database.kind.name(), kind.name());
                    found.problem(path, message);
                }
                Some(database)
            }
            Err(problem) => {
                found.add(problem);
                None
            }
        }
    }
}
