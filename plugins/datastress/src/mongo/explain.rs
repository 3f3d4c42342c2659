//! Plans of commands (`explain` with `queryPlanner`, which executes nothing): collections read whole.

use stresshost_sdk::mongo::{Connection, Value};
use stresshost_sdk::serde_json::Value as Json;

use super::user::{samples, value};
use crate::document::Step;
use crate::explain::Scan;

/// Commands that servers explain.
const EXPLAINED: [&str; 7] = ["find", "aggregate", "count", "distinct", "update", "delete", "findAndModify"];

/// The stage that reads a collection whole.
const WHOLE: &str = "COLLSCAN";

/// The collection that the plan of a command reads whole; None also for commands without a plan.
///
/// # Errors
/// The server's words when it has none.
pub(super) fn scan(connection: Connection, step: &Step) -> Result<Option<Scan>, String> {
    let Some(collection) = step.tables.first() else { return Ok(None) };
    if !EXPLAINED.iter().any(|name| is_named(&step.text, name)) {
        return Ok(None);
    }
    let text = format!(r#"{{"explain": {}, "verbosity": "queryPlanner"}}"#, step.text);
    let name = format!("explain {}", step.name);
    let cells = samples(step).map_err(|failure| failure.message)?;
    let values: Vec<Value<'_>> = cells.iter().map(value).collect();
    let command = connection.command(name, text).prepare().map_err(|failure| failure.message)?;
    let reply = command.execute(&values);
    reply.check().map_err(|failure| failure.message)?;
    let plan = reply.value().map_err(|failure| failure.message)?;
    if !reads_whole(&plan) {
        return Ok(None);
    }
    let rows = documents(connection, collection).map_or(f64::NAN, |count| count as f64);
    Ok(Some(Scan { table: collection.clone(), rows, removed: None }))
}

/// Whether a command has this name: it is its first key.
fn is_named(text: &str, name: &str) -> bool {
    let first = text.trim_start().trim_start_matches('{').trim_start();
    first.strip_prefix('"').and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('"'))
}

/// Whether a winning plan has the stage. Where winning plans stand depends on the command and the server's version.
fn reads_whole(plan: &Json) -> bool {
    fn has_stage(plan: &Json) -> bool {
        match plan {
            Json::Object(keys) => {
                keys.get("stage").and_then(Json::as_str) == Some(WHOLE) || keys.values().any(has_stage)
            }
            Json::Array(items) => items.iter().any(has_stage),
            _ => false,
        }
    }
    match plan {
        Json::Object(keys) => keys.iter().any(|(key, value)| match key.as_str() {
            "winningPlan" => has_stage(value),
            // It repeats the command, which may hold anything.
            "command" | "parsedQuery" | "rejectedPlans" => false,
            _ => reads_whole(value),
        }),
        Json::Array(items) => items.iter().any(reads_whole),
        _ => false,
    }
}

/// Documents of a collection, by its metadata.
fn documents(connection: Connection, collection: &str) -> Option<u64> {
    let count = connection.command("setup count", r#"{"count": "$1"}"#).prepare().ok()?;
    let reply = count.execute(&[Value::Text(collection)]);
    reply.is_ok().then(|| reply.count())
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::mongo::Target;
    use stresshost_sdk::prelude::ErrorKind;
    use stresshost_sdk::serde_json::json;
    use stresshost_sdk::testing::{FakeHost, MongoReply};

    use super::*;
    use crate::document::Filled;
    use crate::generator::Generator;

    fn step(text: &str) -> Step {
        let read = super::super::command::read(text).unwrap();
        let by = Some(Generator::Constant { value: json!(7) });
        let filled = |is| Filled { is, by: by.clone(), ..Filled::default() };
        Step {
            name: read.name,
            text: text.to_owned(),
            weight: 1,
            class: read.class,
            tables: read.tables,
            parameters: read.parameters.into_iter().map(filled).collect(),
            returning: Vec::new(),
            keeps_row: false,
            place: String::new(),
        }
    }

    #[test]
    fn collections_read_whole_are_told_with_their_documents() {
        let host = FakeHost::new();
        let connection = Target::new("mongodb://h/d").open().unwrap();
        let whole = json!({ "stage": "COLLSCAN", "direction": "forward" });
        for plan in [
            json!({ "queryPlanner": { "winningPlan": whole } }),
            json!({ "queryPlanner": { "winningPlan": { "stage": "LIMIT", "inputStage": whole } } }),
            json!({ "queryPlanner": { "winningPlan": { "queryPlan": whole, "slotBasedPlan": {} } } }),
            json!({ "stages": [{ "$cursor": { "queryPlanner": { "winningPlan": whole } } }] }),
        ] {
            host.mongo_reply("explain find users", MongoReply::json(plan));
            host.mongo_reply("setup count", MongoReply::count(5_000));
            let found = scan(connection, &step(r#"{"find": "users", "filter": {"a": "$1"}}"#)).unwrap();
            assert_eq!(found, Some(Scan { table: "users".into(), rows: 5_000.0, removed: None }));
        }
        assert_eq!(
            host.mongo_commands()[0].document(),
            json!({ "explain": { "find": "users", "filter": { "a": 7 } }, "verbosity": "queryPlanner" })
        );
    }

    #[test]
    fn other_plans_tell_nothing() {
        let host = FakeHost::new();
        let connection = Target::new("mongodb://h/d").open().unwrap();
        let find = step(r#"{"find": "users", "filter": {"stage": "COLLSCAN"}}"#);
        let plan = json!({ "queryPlanner": { "winningPlan": { "stage": "FETCH", "inputStage": { "stage": "IXSCAN" } },
            "rejectedPlans": [{ "stage": "COLLSCAN" }] }, "command": { "winningPlan": { "stage": "COLLSCAN" } } });
        host.mongo_reply_once("explain find users", MongoReply::json(plan));
        assert_eq!(scan(connection, &find), Ok(None));
        host.mongo_reply(
            "explain find users",
            MongoReply::error(ErrorKind::Statement, "59", "no such command"),
        );
        assert_eq!(scan(connection, &find), Err("no such command [59]".to_owned()));
        let sent = host.mongo_commands().len();
        assert_eq!(scan(connection, &step(r#"{"insert": "users", "documents": [{}]}"#)), Ok(None));
        assert_eq!(host.mongo_commands().len(), sent, "an insert has no plan");
    }
}
