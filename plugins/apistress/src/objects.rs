//! Objects that belong to a caller: made by the API's own operations, and found again by what it answers.

use stresshost_sdk::serde_json::{self, Value};

use crate::case::Case;
use crate::client::{Client, Heard};
use crate::document::{Operation, Place, Variables, Work, Workload};
use crate::identity::Identity;
use crate::words::{Purpose, purpose, variable};

/// For an operation, by its index, the values of its path parameters that name an object of the caller.
pub(crate) type Owned = (usize, Vec<(String, String)>);

/// Passes over the operations that make objects: what one makes another may need.
const PASSES: usize = 2;

/// Requests of one pass.
const MAX_REQUESTS: usize = 60;

/// Lets the caller make objects, and remembers the number of each among the caller's variables.
pub(crate) fn gather(workload: &Workload, owner: &mut Identity, client: &mut dyn Client) -> Vec<Owned> {
    let mut own = Variables::default();
    if let Some(id) = owner.variables.get("user_id") {
        own.set("user_id", id);
    }
    let wanted = |own: &Variables| {
        workload.operations.iter().any(|operation| {
            let names = path_variables(operation);
            operation.is_tested && !names.is_empty() && names.iter().any(|name| own.get(name).is_none())
        })
    };
    for _ in 0..PASSES {
        if !wanted(&own) {
            break;
        }
        for operation in makers(workload) {
            let heard = client.send(&Case::usual(operation, &owner.variables).call(Some(&owner.variables)));
            for (name, value) in learned(workload, operation, &heard) {
                owner.variables.set(&name, value.clone());
                own.set(&name, value);
            }
        }
    }
    let mut owned = Vec::new();
    for (index, operation) in workload.operations.iter().enumerate() {
        let parameters = operation.parameters.iter().filter(|parameter| parameter.place == Place::Path);
        let values = parameters.map(|parameter| {
            let value = own.get(&variable(&operation.path, &parameter.name))?;
            Some((parameter.name.clone(), value.to_owned()))
        });
        match values.collect::<Option<Vec<_>>>() {
            Some(values) if !values.is_empty() => owned.push((index, values)),
            _ => {}
        }
    }
    owned
}

fn path_variables(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().filter(|parameter| parameter.place == Place::Path);
    parameters.map(|parameter| variable(&operation.path, &parameter.name)).collect()
}

/// Operations that make objects: those of journeys in their order, then the others.
fn makers(workload: &Workload) -> Vec<&Operation> {
    let mut order: Vec<usize> = Vec::new();
    let journeys = workload.scenarios.iter().filter_map(|work| match work {
        Work::Journey(steps) => Some(steps),
        _ => None,
    });
    for step in journeys.flatten() {
        order.push(step.operation);
    }
    order.extend(0..workload.operations.len());
    let mut makers: Vec<&Operation> = Vec::new();
    for operation in order.into_iter().filter_map(|index| workload.operations.get(index)) {
        let makes = operation.method == "POST"
            && operation.is_tested
            && !matches!(purpose(&operation.method, &operation.path), Purpose::Register | Purpose::LogIn);
        if makes && !makers.iter().any(|known| known.name == operation.name) {
            makers.push(operation);
        }
    }
    makers.truncate(MAX_REQUESTS);
    // What is paid for must have been put into the cart before.
    makers.sort_by_key(|operation| purpose(&operation.method, &operation.path) == Purpose::Pay);
    makers
}

/// Variables whose values an answer gives: by its `Location`, or by the number of what was made.
fn learned(workload: &Workload, made_by: &Operation, heard: &Heard) -> Vec<(String, String)> {
    if !heard.succeeded() {
        return Vec::new();
    }
    let mut learned = Vec::new();
    if let Some(location) = heard.header("location") {
        let path = location.split(['?', '#']).next().unwrap_or_default();
        let path = path
            .split_once("://")
            .map_or(path, |(_, rest)| rest.find('/').map_or("", |at| rest.get(at..).unwrap_or("")));
        for operation in &workload.operations {
            learned.extend(matched(&operation.path, path));
        }
    }
    let id = serde_json::from_str::<Value>(&heard.body).ok().and_then(|body| match body.get("id")? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    if let Some(id) = id {
        for operation in &workload.operations {
            let below = operation.path.strip_prefix(&made_by.path).and_then(|rest| rest.strip_prefix("/{"));
            if let Some(name) = below.and_then(|rest| rest.split('}').next()) {
                learned.push((variable(&operation.path, name), id.clone()));
            }
        }
    }
    learned.dedup();
    learned
}

/// The variables of a path template whose values stand in a path.
fn matched(template: &str, path: &str) -> Vec<(String, String)> {
    let (wanted, given): (Vec<&str>, Vec<&str>) =
        (template.trim_matches('/').split('/').collect(), path.trim_matches('/').split('/').collect());
    // The path may begin with what stands before all operations.
    let Some(skipped) = given.len().checked_sub(wanted.len()) else { return Vec::new() };
    let mut values = Vec::new();
    for (wanted, given) in wanted.iter().zip(given.iter().skip(skipped)) {
        match wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if !given.is_empty() => values.push((variable(template, name), (*given).to_owned())),
            None if wanted == given => {}
            _ => return Vec::new(),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;
    use crate::client::Call;
    use crate::client::fake::{FakeClient, json as answer};
    use crate::document::{Body, Parameter};

    fn operation(method: &str, path: &str) -> Operation {
        let names = path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
        let parameter = |name: &str| Parameter {
            name: name.into(),
            place: Place::Path,
            required: true,
            schema: json!({}),
            value: Some(json!("1")),
        };
        let body = Body { media_type: "application/json".into(), schema: None, value: json!({}) };
        Operation {
            name: format!("{method} {path}"),
            method: method.into(),
            path: path.into(),
            parameters: names.map(parameter).collect(),
            body: (method == "POST").then_some(body),
            is_tested: true,
            ..Operation::default()
        }
    }

    #[test]
    fn what_a_caller_makes_is_found_again() {
        let operations = vec![
            operation("POST", "/checkout"),
            operation("GET", "/orders/{id}"),
            operation("POST", "/cart/items"),
            operation("DELETE", "/cart/items/{id}"),
            operation("GET", "/users/{user_id}/profile"),
            operation("GET", "/products/{id}"),
        ];
        let workload = Workload { operations, ..Workload::default() };
        let mut client = FakeClient::new(|call: &Call| match call.target.as_str() {
            "/cart/items" => answer(201, r#"{"id": "c-5"}"#),
            _ => {
                let mut heard = answer(201, "{}");
                heard.headers.push(("Location".into(), "http://h/v1/orders/77?x=1".into()));
                heard
            }
        });
        let mut owner = Identity::default();
        owner.variables.set("user_id", "9");
        let owned = gather(&workload, &mut owner, &mut client);
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(owned, [(1, pair("id", "77")), (3, pair("id", "c-5")), (4, pair("user_id", "9"))]);
        assert_eq!(client.sent[0].target, "/cart/items", "what is paid for is put into the cart first");
    }

    #[test]
    fn an_answer_that_fails_teaches_nothing() {
        let workload = Workload {
            operations: vec![operation("POST", "/orders"), operation("GET", "/orders/{id}")],
            ..Workload::default()
        };
        let mut client = FakeClient::new(|_: &Call| answer(500, r#"{"id": 1}"#));
        assert_eq!(gather(&workload, &mut Identity::default(), &mut client), []);
        assert_eq!(matched("/orders/{id}", "/orders"), []);
    }
}
