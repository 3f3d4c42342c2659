//! Requests of the load: what can be known before it is written into them, the rest are slots.

use std::borrow::Cow;

use stresshost_sdk::serde_json::Value;

use crate::case::{accepted, encoded, encoded_but_secrets, filled_text, text};
use crate::document::{Extract, Operation, Place, Request, Variables};
use crate::words::{same, words};

/// Places of a list in an answer; `*` stands for any of its first items.
const LISTS: [&str; 6] = ["/items/*", "/data/*", "/results/*", "/*", "/content/*", "/records/*"];

/// The request of an operation. `known` are the variables whose values do not change.
pub(crate) fn request(base_url: &str, index: usize, operation: &Operation, known: &Variables) -> Request {
    let mut made = Request { operation: index, ..Request::default() };
    let (mut path, mut query, mut cookies) = (operation.path.clone(), Vec::new(), Vec::new());
    let values = operation.parameters.iter().filter_map(|parameter| {
        Some((parameter.place, parameter.name.as_str(), text(parameter.value.as_ref()?)))
    });
    let credentials =
        operation.credentials.iter().map(|one| (one.place, one.name.as_str(), one.value.clone()));
    for (place, name, value) in values.chain(credentials) {
        let value = filled_text(&value, known);
        match place {
            Place::Path => {
                let value = made.template(&value, "", encoded);
                path = path.replace(&format!("{{{name}}}"), &value);
            }
            Place::Query => {
                let value = made.template(&value, "", encoded_but_secrets);
                query.push(format!("{}={value}", encoded(name)));
            }
            Place::Header => {
                let value = made.template(&value, "", str::to_owned);
                made.headers.push((name.to_owned(), value));
            }
            Place::Cookie => {
                cookies.push(format!("{name}={}", made.template(&value, "", encoded_but_secrets)))
            }
        }
    }
    if !cookies.is_empty() {
        made.headers.push(("Cookie".to_owned(), cookies.join("; ")));
    }
    let accepted = accepted(operation);
    if !accepted.is_empty() {
        made.headers.push(("Accept".to_owned(), accepted));
    }
    made.headers.extend(operation.headers.iter().cloned());
    if let Some(body) = &operation.body {
        made.headers.push(("Content-Type".to_owned(), body.media_type.clone()));
        let json = crate::case::body_text(&body.media_type, &body.value);
        made.body = Some(made.body_template(&json, known));
    }
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    made.url = format!("{base_url}{path}{query}");
    made
}

impl Request {
    /// A text whose variables are slots, and whose other parts are written by `plain`.
    fn template(&mut self, text: &str, prefix: &str, plain: fn(&str) -> String) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else { break };
            out.push_str(&plain(before));
            if name.starts_with("secret:") {
                out.push_str(&format!("{{{{{name}}}}}"));
            } else {
                let slot = match name.strip_prefix('#') {
                    Some(name) => format!("raw.{name}"),
                    None => format!("{prefix}{name}"),
                };
                out.push_str(&format!("{{{{{slot}}}}}"));
                if !self.slots.contains(&slot) {
                    self.slots.push(slot);
                }
            }
            rest = after;
        }
        out.push_str(&plain(rest));
        out
    }

    /// A body; a text that is only `{{#name}}` loses its quotes.
    fn body_template(&mut self, json: &str, known: &Variables) -> String {
        let json = filled_text(&unquoted(json), known);
        self.template(&json, "json.", str::to_owned)
    }
}

/// Takes the quotes around each `"{{#name}}"`.
fn unquoted(json: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(json.len()), json);
    while let Some((before, after)) = rest.split_once("\"{{#") {
        let Some((name, after)) = after.split_once("}}\"") else { break };
        out.push_str(&format!("{before}{{{{#{name}}}}}"));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Lets the steps of a journey take from their answers what later steps need.
pub(crate) fn connect(steps: &mut [Request], operations: &[Operation]) {
    for place in 0..steps.len() {
        let wanted: Vec<String> = steps
            .iter()
            .skip(place + 1)
            .flat_map(|later| later.slots.iter())
            .map(|slot| slot.trim_start_matches("json.").trim_start_matches("raw.").to_owned())
            .filter(|name| name.ends_with("_id") && name != "user_id")
            .collect();
        let Some(step) = steps.get_mut(place) else { continue };
        let path = operations.get(step.operation).map(|operation| words(&operation.path)).unwrap_or_default();
        for variable in wanted {
            let noun = variable.trim_end_matches("_id");
            let is_about = path.iter().any(|word| same(word, noun));
            if is_about && !step.extract.iter().any(|extract| extract.variable == variable) {
                step.extract.push(Extract { pointers: pointers(&variable, noun), variable });
            }
        }
    }
}

/// Where the number of an object may stand in an answer.
pub(crate) fn pointers(variable: &str, noun: &str) -> Vec<String> {
    let mut pointers =
        vec![format!("/{variable}"), "/id".to_owned(), format!("/{noun}/id"), "/data/id".to_owned()];
    for list in LISTS {
        pointers.push(format!("{list}/id"));
        pointers.push(format!("{list}/{variable}"));
    }
    pointers.push(format!("/{noun}s/*/id"));
    pointers
}

/// The value of a slot.
pub(crate) fn slot_value<'v>(slot: &str, variables: &'v Variables) -> Cow<'v, str> {
    if let Some(name) = slot.strip_prefix("json.") {
        let value = variables.get(name).unwrap_or_default();
        if !value.contains(|c: char| c == '"' || c == '\\' || c.is_control()) {
            return Cow::Borrowed(value);
        }
        let quoted = Value::String(value.to_owned()).to_string();
        return Cow::Owned(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned());
    }
    if let Some(name) = slot.strip_prefix("raw.") {
        let value = variables.get(name).unwrap_or("null");
        let is_json = stresshost_sdk::serde_json::from_str::<Value>(value).is_ok();
        return if is_json {
            Cow::Borrowed(value)
        } else {
            Cow::Owned(Value::String(value.to_owned()).to_string())
        };
    }
    Cow::Borrowed(variables.get(slot).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;
    use crate::document::{Body, Credential, Parameter};

    fn operation(path: &str, value: Value) -> Operation {
        Operation {
            path: path.into(),
            body: Some(Body { media_type: "application/json".into(), schema: None, value }),
            ..Operation::default()
        }
    }

    #[test]
    fn what_is_known_is_written_and_the_rest_are_slots() {
        let mut operation =
            operation("/p/{id}", json!({ "n": "{{#product_id}}", "name": "a {{who}}", "k": "{{key}}" }));
        operation.parameters = vec![Parameter {
            name: "id".into(),
            place: Place::Path,
            required: true,
            schema: json!({}),
            value: Some(json!("{{product_id}} /")),
        }];
        operation.credentials = vec![
            Credential {
                place: Place::Header,
                name: "Authorization".into(),
                value: "Bearer {{token}}".into(),
            },
            Credential { place: Place::Query, name: "k".into(), value: "{{secret:k}}".into() },
        ];
        let mut known = Variables::default();
        known.set("key", "fixed");
        let made = request("http://h", 3, &operation, &known);
        assert_eq!(made.url, "http://h/p/{{product_id}}%20%2F?k={{secret:k}}");
        assert_eq!(made.headers[0], ("Authorization".to_owned(), "Bearer {{token}}".to_owned()));
        assert_eq!(
            made.body.as_deref(),
            Some(r#"{"n":{{raw.product_id}},"name":"a {{json.who}}","k":"fixed"}"#)
        );
        assert_eq!(made.slots, ["product_id", "token", "raw.product_id", "json.who"]);
        let mut variables = Variables::default();
        variables.set("product_id", "7");
        variables.set("who", "is \"x\"\n");
        assert_eq!(slot_value("json.who", &variables), "is \\\"x\\\"\\n");
        assert_eq!(slot_value("raw.product_id", &variables), "7");
        assert_eq!(slot_value("raw.who", &variables), "\"is \\\"x\\\"\\n\"", "what is no JSON is a text");
        assert_eq!(slot_value("raw.none", &variables), "null");
    }

    #[test]
    fn a_step_takes_what_later_ones_need() {
        let operations = [
            operation("/products/search", json!({})),
            operation("/cart/add", json!({ "product_id": "{{#product_id}}" })),
        ];
        let known = Variables::default();
        let mut steps: Vec<Request> =
            operations.iter().enumerate().map(|(index, one)| request("", index, one, &known)).collect();
        connect(&mut steps, &operations);
        assert_eq!(steps[0].extract[0].variable, "product_id");
        assert!(
            steps[0].extract[0].pointers.contains(&"/items/*/id".to_owned()) && steps[1].extract.is_empty()
        );
    }
}
