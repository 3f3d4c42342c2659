//! Real documents: they are read whole, and nearly all their schemas have cases.

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use stresshost_openapi::{Spec, Validator, bundle, cases, read};

fn document(name: &str) -> Value {
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/apis/specs");
    let file = std::fs::File::open(specs.join(format!("{name}.json.gz"))).expect("the document is there");
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).expect("it is gzip");
    serde_json::from_str(&text).expect("it is JSON")
}

/// Numbers that look drawn, the same each time.
fn drawn() -> impl FnMut(u64) -> u64 {
    let mut state = 1_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    }
}

/// The schemas of what is sent.
fn schemas(spec: &Spec) -> impl Iterator<Item = (String, &Value)> {
    spec.operations.iter().flat_map(|operation| {
        let parameters = operation.parameters.iter();
        let parameters = parameters.map(|one| (format!("{}: {}", operation.name(), one.name), &one.schema));
        let contents = operation.body.iter().flat_map(|body| &body.contents);
        parameters.chain(contents.filter_map(|content| Some((operation.name(), content.schema.as_ref()?))))
    })
}

fn allows_everything(schema: &Value) -> bool {
    let validator = Validator::new(schema).expect("it is a schema");
    let values = [json!(null), json!(true), json!(1), json!("text"), json!([]), json!({})];
    values.iter().all(|value| validator.is_valid(value))
}

fn is_valid(schema: &Value, text: &str) -> bool {
    Validator::new(schema).expect("it is a schema").is_valid(&json!(text))
}

fn holds(name: &str, operations: usize, links: usize, impossible: &[&str]) {
    let document = document(name);
    let (spec, problems) = read(&document).expect("it is OpenAPI");
    assert_eq!(problems, []);
    assert_eq!(spec.operations.len(), operations);
    let found: Vec<_> = spec.operations.iter().flat_map(|operation| &operation.links).collect();
    assert_eq!(found.len(), links);
    let mut without = Vec::new();
    for (place, schema) in schemas(&spec) {
        if cases::positive(schema, &mut drawn()).is_empty() {
            without.push(place.clone());
        }
        let outside = cases::negative(schema, &mut drawn());
        assert!(!outside.is_empty() || allows_everything(schema), "{place}");
        for (text, _) in cases::negative_texts(schema, &mut drawn()) {
            assert!(!is_valid(schema, &text), "{place}: {text}");
        }
    }
    assert_eq!(without, impossible);
    let (bundled, problems) = bundle(document.clone(), "api.json", &std::collections::BTreeMap::new());
    assert!(bundled == document && problems.is_empty(), "nothing to bundle: {problems:?}");
}

#[test]
fn github() {
    holds("github", 966, 0, &[]);
}

#[test]
fn jira() {
    // Both require a property that they forbid.
    let impossible = [
        "PUT /rest/api/3/issuesecurityschemes/{schemeId}/level/{levelId}/member",
        "POST /rest/api/3/screenscheme",
    ];
    holds("jira", 499, 0, &impossible);
}

#[test]
fn digitalocean() {
    // What one of the choices allows, another does as well, and only one may.
    holds("digitalocean", 290, 12, &["POST /v2/droplets/actions"]);
}

#[test]
fn adyen() {
    holds("adyen-management", 132, 0, &[]);
}
