//! Privileged fields that are no part of a body, and are taken from it.

use stresshost_sdk::serde_json::{self, Value, json};

use super::stage::{Shown, Stage};
use super::words::checks_credentials;
use crate::case::{Case, Input, encoded};
use crate::client::{Call, Heard};
use crate::document::Operation;
use crate::identity::found;

/// Fields with values that nobody gives to themselves, the likeliest first.
const FIELDS: [(&str, &str); 9] = [
    ("role", "\"admin\""),
    ("is_admin", "true"),
    ("isAdmin", "true"),
    ("admin", "true"),
    ("balance", "1000000"),
    ("verified", "true"),
    ("credit", "1000000"),
    ("permissions", "[\"admin\"]"),
    ("roles", "[\"admin\"]"),
];

/// A field that means nothing: a server that shows it stores, or repeats, whatever it is sent.
const MEANINGLESS: (&str, &str) = ("sh_meaningless", "sh-meaningless-1");

/// References that are followed within a schema: more would be a circle.
const MAX_REFERENCES: usize = 8;

pub(super) fn applies(operation: &Operation) -> bool {
    matches!(operation.method.as_str(), "POST" | "PUT" | "PATCH")
        && operation
            .body
            .as_ref()
            .is_some_and(|body| body.value.is_object() && body.media_type.contains("json"))
        && !checks_credentials(operation)
}

pub(super) fn run(stage: &mut Stage<'_, '_>) -> Option<()> {
    stage.baseline()?;
    // The control holds a field, too, so that it is told whether any field would be shown.
    let (name, value) = MEANINGLESS;
    let control = match written(stage, Some((name, &json!(value))))? {
        Some((_, control)) => control,
        None => written(stage, None)?.map(|(_, control)| control).unwrap_or_default(),
    };
    let shows_all = control.iter().any(|body| shows(body, name, &json!(value)));
    for (name, value) in FIELDS.iter().take(stage.by_depth(4, 7, FIELDS.len())) {
        let value: Value = serde_json::from_str(value).unwrap_or_default();
        if is_declared(stage.operation, name) {
            continue;
        }
        stage.tested.inputs += 1;
        let Some((call, bodies)) = written(stage, Some((name, &value)))? else { continue };
        let is_new = |body: &&Value| shows(body, name, &value);
        if control.iter().any(|body| is_new(&body)) || !bodies.iter().any(|body| is_new(&body)) {
            continue;
        }
        stage.report(Shown {
            severity: if shows_all { "medium" } else { "high" },
            is_confirmed: !shows_all,
            message: format!("The body field `{name}`, which is no part of the body, is taken from it."),
            evidence: format!(
                "`{name}` sent as {value} is shown as {value}; without it, it has another value or none{}",
                if shows_all { ", but every unknown field is shown" } else { "" }
            ),
            remedy: "Take only the fields that callers may set, by name.",
            call: &call,
        });
        restore(stage, name, &control)?;
    }
    Some(())
}

/// Gives a field of an object that was there before its old value again: other tests take the caller for ordinary.
fn restore(stage: &mut Stage<'_, '_>, name: &str, control: &[Value]) -> Option<()> {
    if stage.operation.method != "POST"
        && let Some(old) = control.iter().find_map(|body| body.get(name))
    {
        written(stage, Some((name, old)))?;
    }
    Some(())
}

/// Sends the usual body, with one more field, and reads what became of it; None inside: it is refused.
fn written(stage: &mut Stage<'_, '_>, field: Option<(&str, &Value)>) -> Option<Option<(Call, Vec<Value>)>> {
    let mut case = stage.case();
    if let (Some(Value::Object(body)), Some((name, value))) = (&mut case.body, field) {
        body.insert(name.to_owned(), value.clone());
    }
    let call = stage.call(&case);
    let heard = stage.send(&call)?;
    if !heard.succeeded() {
        return Some(None);
    }
    let mut bodies: Vec<Value> = serde_json::from_str(&heard.body).ok().into_iter().collect();
    if let Some(read) = read_back(stage, &case, &call, &heard) {
        let heard = stage.send(&read)?;
        bodies.extend(serde_json::from_str::<Value>(&heard.body).ok().filter(|_| heard.succeeded()));
    }
    Some(Some((call, bodies)))
}

/// The call that reads what was written, where an operation does that.
fn read_back(stage: &Stage<'_, '_>, case: &Case<'_>, call: &Call, heard: &Heard) -> Option<Call> {
    let reads =
        |path: &str| stage.workload.operations.iter().find(|one| one.method == "GET" && one.path == path);
    let get = |target: String, operation: &Operation| {
        let call = Call {
            name: operation.name.clone(),
            method: "GET".to_owned(),
            target,
            body: None,
            ..call.clone()
        };
        let headers = call.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        Call { headers: headers.cloned().collect(), ..call }
    };
    let has_parameter = case.inputs().iter().any(|input| matches!(input, Input::Parameter(_)));
    if call.method != "POST" || has_parameter {
        return reads(&stage.operation.path).map(|operation| get(call.target.clone(), operation));
    }
    let item = stage.workload.operations.iter().find(|one| {
        let rest =
            one.path.strip_prefix(stage.operation.path.as_str()).and_then(|rest| rest.strip_prefix("/{"));
        one.method == "GET" && rest.is_some_and(|rest| rest.ends_with('}') && !rest.contains('/'))
    })?;
    let location = heard.header("location").and_then(|url| stage.below_base(url));
    let by_id =
        || found(&heard.body, &["/id", "/data/id"]).map(|id| format!("{}/{}", call.target, encoded(&id)));
    location.or_else(by_id).map(|target| get(target, item))
}

/// Whether a field stands anywhere in a value, with a value of its own.
fn shows(body: &Value, name: &str, expected: &Value) -> bool {
    match body {
        Value::Object(map) => {
            map.get(name) == Some(expected) || map.values().any(|value| shows(value, name, expected))
        }
        Value::Array(items) => items.iter().any(|value| shows(value, name, expected)),
        _ => false,
    }
}

/// Whether callers may set a field: those that are only read are part of a schema, and not to be written.
fn is_declared(operation: &Operation, name: &str) -> bool {
    let Some(body) = &operation.body else { return false };
    body.value.get(name).is_some()
        || body.schema.as_ref().is_some_and(|schema| declares(schema, schema, name, MAX_REFERENCES))
}

fn declares(root: &Value, schema: &Value, name: &str, references: usize) -> bool {
    if let Some(property) = schema.get("properties").and_then(|properties| properties.get(name)) {
        return property.get("readOnly") != Some(&Value::Bool(true));
    }
    let referred =
        schema.get("$ref").and_then(Value::as_str).and_then(|text| root.pointer(text.strip_prefix('#')?));
    if let Some(referred) = referred.filter(|_| references > 0) {
        return declares(root, referred, name, references - 1);
    }
    let parts = ["allOf", "anyOf", "oneOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    parts.into_iter().any(|part| declares(root, part, name, references))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fake::json as answer;
    use crate::document::{Session, Workload};
    use crate::security::testing::{body, get, probe, probe_in, value, workload};

    fn register() -> Operation {
        body("/users", json!({ "username": "{{username}}", "password": "{{password}}" }))
    }

    /// Stores accounts, each with the fields that are taken from the body.
    fn server(taken: &'static [&'static str]) -> impl FnMut(&Call) -> Heard {
        let mut known: Vec<String> = Vec::new();
        move |call: &Call| {
            let name = value(call, "/username");
            if known.contains(&name) {
                return answer(409, "{}");
            }
            known.push(name.clone());
            let sent: Value = serde_json::from_str(call.body.as_deref().unwrap()).unwrap();
            let mut user = json!({ "id": known.len(), "username": name, "role": "user" });
            for field in taken {
                if let Some(value) = sent.get(field) {
                    user[field] = value.clone();
                }
            }
            answer(201, &user.to_string())
        }
    }

    #[test]
    fn a_role_that_is_taken_is_found_and_its_twin_is_not() {
        let session = Some(Session { register: Some(0), ..Session::default() });
        let workload = Workload { session, ..workload(vec![register()]) };
        let (tested, _) = probe_in("mass_assignment", &workload, &[], server(&["role"]));
        let messages: Vec<&str> = tested.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["The body field `role`, which is no part of the body, is taken from it."]);
        assert_eq!(tested.findings[0].confidence, "confirmed");
        let (tested, _) = probe_in("mass_assignment", &workload, &[], server(&[]));
        assert!(tested.findings.is_empty() && tested.inputs == 7, "{:?}", tested.notes);
    }

    #[test]
    fn names_are_new_even_where_no_session_says_so() {
        let mut known = vec!["alice".to_owned()];
        let (tested, _) = probe("mass_assignment", register(), move |call: &Call| {
            let name = value(call, "/username");
            if known.contains(&name) {
                return answer(409, "{}");
            }
            known.push(name);
            answer(201, &format!(r#"{{"is_admin":{}}}"#, value(call, "/is_admin") == "true"))
        });
        assert_eq!(tested.findings.len(), 1, "{:?}", tested.notes);
    }

    #[test]
    fn what_is_stored_shows_when_it_is_read() {
        let workload = workload(vec![register(), get("/users/{id}", &[("id", json!(1))])]);
        let mut role = "user".to_owned();
        let mut known = 0;
        let (tested, _) =
            probe_in("mass_assignment", &workload, &[], move |call: &Call| match call.method.as_str() {
                "GET" => answer(200, &json!({ "id": known, "role": role }).to_string()),
                _ => {
                    known += 1;
                    role = if value(call, "/role").is_empty() {
                        "user".to_owned()
                    } else {
                        value(call, "/role")
                    };
                    answer(201, &json!({ "id": known }).to_string())
                }
            });
        assert_eq!(tested.findings.len(), 1, "{:?}", tested.notes);
    }

    #[test]
    fn a_role_that_was_taken_is_given_back() {
        let body = body("/me", json!({ "city": "Bonn" }));
        let me = Operation { name: "PATCH /me".into(), method: "PATCH".into(), ..body };
        let mut role = "user".to_owned();
        let (tested, _) = probe("mass_assignment", me, |call: &Call| {
            if !value(call, "/sh_meaningless").is_empty() {
                return answer(400, "{}");
            }
            if !value(call, "/role").is_empty() {
                role = value(call, "/role");
            }
            answer(200, &json!({ "role": role }).to_string())
        });
        assert_eq!((tested.findings.len(), role.as_str()), (1, "user"));
    }

    #[test]
    fn a_server_that_repeats_everything_is_only_suspected() {
        let (tested, _) = probe("mass_assignment", register(), |call: &Call| {
            answer(200, call.body.as_deref().unwrap_or_default())
        });
        assert!(!tested.findings.is_empty());
        assert!(tested.findings.iter().all(|finding| finding.confidence == "suspected"));
    }

    #[test]
    fn fields_of_the_schema_are_no_secret() {
        let mut operation = register();
        let schema = json!({
            "allOf": [{ "$ref": "#/$defs/user" }, { "properties": { "admin": {}, "verified": { "readOnly": true } } }],
            "$defs": { "user": { "properties": { "role": {} } } },
        });
        operation.body.as_mut().unwrap().schema = Some(schema);
        let declared: Vec<bool> = ["role", "admin", "verified", "balance", "username"]
            .iter()
            .map(|name| is_declared(&operation, name))
            .collect();
        assert_eq!(declared, [true, true, false, false, true]);
    }
}
