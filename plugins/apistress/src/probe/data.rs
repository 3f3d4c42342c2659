//! Generated inputs: what the document allows is accepted, what it does not allow is refused.

use stresshost_openapi::cases;
use stresshost_sdk::serde_json::{Map, Value, json};

use super::{NEGATIVE, Prober, REFUSED};
use crate::case::{Case, Input};
use crate::client::Client;
use crate::document::Depth;
use crate::words::words;

/// Requests of one check of one operation, by depth: generated inputs grow with the size of the document.
const MOST: [(Depth, usize); 3] = [(Depth::Quick, 20), (Depth::Standard, 80), (Depth::Deep, 400)];

/// Requests that look for a smaller input with the same outcome.
const SHRINKING: usize = 30;

/// An input and a value for it.
struct Trial {
    input: Input,
    value: Value,
    about: String,
}

fn most(prober: &Prober<'_>) -> usize {
    let depth = prober.asked.workload.probing.depth;
    MOST.iter().find(|(known, _)| *known == depth).map_or(80, |(_, most)| *most)
}

pub(super) fn positive(prober: &mut Prober<'_>) {
    const RULE: &str = "positive_data_acceptance";
    let Some(case) = accepted(prober) else { return };
    let trials = trials(&case, prober.client, |schema, draw| {
        cases::positive(schema, draw).into_iter().map(|one| (one.value, one.about)).collect()
    });
    for trial in taken(trials, most(prober)) {
        // Which objects there are is not a matter of form, and a path may name one that is not there.
        let label = case.label(&trial.input);
        if case.is_in_path(&trial.input) || is_reference(&label) {
            continue;
        }
        let fresh = prober.usual();
        let call = prober.call(&fresh.with_json(&trial.input, trial.value.clone()));
        let heard = prober.send(&call);
        if REFUSED.contains(&heard.status) && !is_taken_from_somebody_new(prober, &trial) {
            let message = format!("{label}: a value that the document allows is refused ({})", trial.about);
            let evidence = format!("status {}: {}", heard.status, crate::identity::beginning(&heard));
            prober.broken(RULE, "medium", message, &evidence, &call);
        } else if heard.status >= 500 {
            smallest(prober, &trial);
        } else if heard.status > 0 {
            prober.holds(RULE);
        }
    }
}

/// Whether somebody for whom nothing was made yet may send the value: then it was not its form that was refused.
fn is_taken_from_somebody_new(prober: &mut Prober<'_>, trial: &Trial) -> bool {
    let Some((case, somebody)) = prober.of_somebody_new() else { return false };
    let call = case.with_json(&trial.input, trial.value.clone()).call(Some(&somebody.variables));
    let heard = prober.ask(&call);
    heard.status > 0 && !REFUSED.contains(&heard.status)
}

pub(super) fn negative(prober: &mut Prober<'_>) {
    let Some(case) = accepted(prober) else { return };
    let mut all = trials(&case, prober.client, |schema, draw| {
        cases::negative(schema, draw).into_iter().map(|one| (one.value, one.about)).collect()
    });
    all.retain(|trial| matches!(trial.input, Input::Body(_)));
    for input in case.inputs() {
        let Some(schema) = case.parameter_schema(&input) else { continue };
        let client = &mut *prober.client;
        let texts = cases::negative_texts(schema, &mut |bound| client.draw(bound));
        let of_input = |(text, about): (String, String)| Trial {
            input: input.clone(),
            value: Value::String(text),
            about,
        };
        // An empty segment makes another path of it.
        let texts = texts.into_iter().filter(|(text, _)| !text.is_empty() || !case.is_in_path(&input));
        all.extend(texts.map(of_input));
    }
    for trial in taken(all, most(prober)) {
        let fresh = prober.usual();
        let call = prober.call(&fresh.with_json(&trial.input, trial.value.clone()));
        let heard = prober.send(&call);
        judge(prober, &fresh, &trial.input, &trial.about, (&call, &heard));
        if heard.status >= 500 {
            smallest(prober, &trial);
        }
    }
    for input in required_fields(&case) {
        let fresh = prober.usual();
        let call = prober.call(&fresh.without(&input));
        let heard = prober.send(&call);
        judge(prober, &fresh, &input, "left out, although it is required", (&call, &heard));
    }
}

fn judge(
    prober: &mut Prober<'_>,
    case: &Case<'_>,
    input: &Input,
    about: &str,
    (call, heard): (&crate::client::Call, &crate::client::Heard),
) {
    if heard.succeeded() {
        let message =
            format!("{}: a value that the document does not allow is accepted ({about})", case.label(input));
        prober.broken(NEGATIVE, "medium", message, &format!("status {}", heard.status), call);
    } else if heard.status > 0 && heard.status < 500 {
        prober.holds(NEGATIVE);
    }
}

/// The usual request, when it is accepted; otherwise nothing that differs from it shows anything.
fn accepted<'a>(prober: &mut Prober<'a>) -> Option<Case<'a>> {
    let case = prober.usual();
    let call = prober.call(&case);
    let heard = prober.send(&call);
    if REFUSED.contains(&heard.status) || heard.status >= 500 || heard.status == 0 || heard.status == 401 {
        prober.note(format!(
            "the usual request answers {}, so generated inputs would show nothing",
            heard.status
        ));
        return None;
    }
    Some(case)
}

/// Values for every input that has a schema.
fn trials(
    case: &Case<'_>,
    client: &mut dyn Client,
    generate: impl Fn(&Value, &mut dyn FnMut(u64) -> u64) -> Vec<(Value, String)>,
) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |input: &Input, schema: &Value| {
        let values = generate(schema, &mut |bound| client.draw(bound));
        trials.extend(values.into_iter().map(|(value, about)| Trial { input: input.clone(), value, about }));
    };
    for input in case.inputs() {
        if let Some(schema) = case.parameter_schema(&input) {
            add(&input, schema);
        }
    }
    for (name, schema) in fields(case) {
        add(&Input::Body(pointer(&name)), &schema);
    }
    trials
}

/// Fields of the usual body with their schemas, each of which stands alone.
fn fields(case: &Case<'_>) -> Vec<(String, Value)> {
    let body = case.operation.body.as_ref();
    let Some(root) = body.and_then(|body| body.schema.as_ref()) else { return Vec::new() };
    let (Some(properties), Some(Value::Object(map))) = (properties(root), &case.body) else {
        return Vec::new();
    };
    let whole = |schema: &Value| {
        let mut schema = match schema {
            Value::Object(map) => map.clone(),
            other => Map::from_iter([("allOf".to_owned(), json!([other]))]),
        };
        if let Some(definitions) = root.get("$defs") {
            schema.insert("$defs".to_owned(), definitions.clone());
        }
        Value::Object(schema)
    };
    let known = properties.iter().filter(|(name, _)| map.contains_key(*name));
    known.map(|(name, schema)| (name.clone(), whole(schema))).collect()
}

/// The schema of an object, behind its references.
fn object(root: &Value) -> Option<&Value> {
    let mut schema = root;
    for _ in 0..8 {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => schema = root.pointer(reference.strip_prefix('#')?)?,
            None => return Some(schema),
        }
    }
    None
}

fn properties(root: &Value) -> Option<&Map<String, Value>> {
    object(root)?.get("properties")?.as_object()
}

fn required_fields(case: &Case<'_>) -> Vec<Input> {
    let body = case.operation.body.as_ref().and_then(|body| body.schema.as_ref());
    let required = body.and_then(object).and_then(|schema| schema.get("required")).and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    names.map(|name| Input::Body(pointer(name))).collect()
}

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// At most so many, spread over all inputs.
fn taken(trials: Vec<Trial>, most: usize) -> Vec<Trial> {
    let count = trials.len();
    if count <= most {
        return trials;
    }
    let every = |index: usize| index * most / count != (index + 1) * most / count;
    trials.into_iter().enumerate().filter(|(index, _)| every(*index)).map(|(_, trial)| trial).collect()
}

/// Whether an input names another object.
fn is_reference(label: &str) -> bool {
    let words = words(label);
    words.iter().any(|word| matches!(word.as_str(), "id" | "uuid" | "key" | "token" | "password" | "card"))
}

/// Looks for the smallest value that still makes the server fail, and tells that one.
fn smallest(prober: &mut Prober<'_>, trial: &Trial) {
    let schema = json!({});
    let case = prober.usual();
    let owner = prober.asked.owner.map(|owner| &owner.variables);
    let client = &mut *prober.client;
    let mut sent = 0_u64;
    let mut fails = |value: &Value| {
        sent += 1;
        client.send(&case.with_json(&trial.input, value.clone()).call(owner)).status >= 500
    };
    let value = cases::shrink(trial.value.clone(), &schema, &mut fails, SHRINKING);
    prober.requests += sent;
    if value != trial.value {
        let call = case.with_json(&trial.input, value).call(owner);
        prober.send(&call);
    }
}
