//! Examples of the document, and what answers have that the document does not speak of.

use stresshost_openapi::Validator;
use stresshost_sdk::serde_json::{self, Value};

use super::Prober;
use crate::client::Call;
use crate::document::{Content, Operation};

/// Depth to which answers are held against what is declared.
const MAX_DEPTH: usize = 4;

/// Undeclared fields that are told of one answer.
const MAX_TOLD: usize = 10;

pub(super) fn has_examples(operation: &Operation) -> bool {
    let pairs = |content: &Content| content.example.is_some() && content.schema.is_some();
    operation.answers.iter().flat_map(|answer| &answer.contents).any(pairs)
}

pub(super) fn has_schemas(operation: &Operation) -> bool {
    operation.answers.iter().flat_map(|answer| &answer.contents).any(|content| content.schema.is_some())
}

/// Holds the document's examples of answers against its own schemas; no request is needed.
pub(super) fn documented(prober: &mut Prober<'_>) {
    const RULE: &str = "documented_examples";
    let operation = prober.operation;
    for answer in &operation.answers {
        for content in &answer.contents {
            let (Some(example), Some(schema)) = (&content.example, &content.schema) else { continue };
            let Ok(validator) = Validator::new(schema) else { continue };
            let Some(first) = validator.deviations(example).into_iter().next() else {
                prober.holds(RULE);
                continue;
            };
            let message =
                format!("the example of status {} is not as its own schema says", answer.statuses.0);
            let call =
                Call { method: operation.method.clone(), target: operation.path.clone(), ..Call::default() };
            prober.report.checks.push((RULE.to_owned(), false));
            prober.finding(RULE, "low", message, &first.to_string(), &call);
        }
    }
}

/// Tells fields of the usual answer that no schema declares: the document may be older than the API.
pub(super) fn undeclared(prober: &mut Prober<'_>) {
    const RULE: &str = "undeclared_fields";
    let case = prober.usual();
    let call = prober.call(&case);
    let heard = prober.send(&call);
    let operation = prober.operation;
    let answer = operation
        .answers
        .iter()
        .find(|answer| (answer.statuses.0..=answer.statuses.1).contains(&heard.status));
    let schema = answer.and_then(|answer| answer.contents.iter().find_map(|content| content.schema.as_ref()));
    let (Some(schema), Ok(body)) = (schema, serde_json::from_str::<Value>(&heard.body)) else { return };
    let mut fields = Vec::new();
    collect(schema, schema, &body, "", 0, &mut fields);
    if fields.is_empty() {
        prober.holds(RULE);
        return;
    }
    fields.truncate(MAX_TOLD);
    let message = format!("answers have fields that the document does not declare: {}", fields.join(", "));
    prober.finding(RULE, "info", message, "", &call);
}

fn collect(root: &Value, schema: &Value, value: &Value, place: &str, depth: usize, fields: &mut Vec<String>) {
    let mut schema = schema;
    for _ in 0..MAX_DEPTH {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { break };
        let Some(target) = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) else {
            return;
        };
        schema = target;
    }
    // What is put together of several schemas may declare a field in any of them.
    let is_simple =
        ["allOf", "anyOf", "oneOf", "patternProperties"].iter().all(|key| schema.get(key).is_none());
    if !is_simple || depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Object(map) => {
            let Some(declared) = schema.get("properties").and_then(Value::as_object) else { return };
            for (name, value) in map {
                match declared.get(name) {
                    Some(schema) => {
                        collect(root, schema, value, &format!("{place}/{name}"), depth + 1, fields)
                    }
                    None if schema.get("additionalProperties").is_none() => {
                        fields.push(format!("{place}/{name}"))
                    }
                    None => {}
                }
            }
        }
        Value::Array(items) => {
            if let (Some(first), Some(schema)) = (items.first(), schema.get("items")) {
                collect(root, schema, first, &format!("{place}/*"), depth + 1, fields);
            }
        }
        _ => {}
    }
}
