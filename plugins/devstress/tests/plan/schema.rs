//! The schema is written by hand, so every setting is tried against the reader.

use devstress::DevStress;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{Map, Value, json};

use crate::{problems, with_request};

/// Puts a mapping into a config.
type Wrap = fn(Value) -> Value;

#[test]
fn the_schema_knows_the_settings_that_the_reader_knows() {
    let schema = DevStress::describe().config_schema.expect("the schema is JSON");
    let definition = |name: &str| {
        let definition = &schema["$defs"][name];
        let object = if definition["oneOf"].is_array() { &definition["oneOf"][1] } else { definition };
        object["properties"].as_object().unwrap_or_else(|| panic!("{name} has no properties")).clone()
    };
    let places: [(&str, Wrap, &str); 12] = [
        ("config", |value| value, ""),
        ("http", |value| json!({ "http": value }), "/http"),
        ("feed", |value| json!({ "data": [value] }), "/data/0"),
        ("scenario", |value| json!({ "scenarios": [value] }), "/scenarios/0"),
        ("journey", |value| json!({ "journeys": [value] }), "/journeys/0"),
        ("request", with_request, "/requests/0"),
        ("mix", |value| json!({ "mixes": [value] }), "/mixes/0"),
        ("phase", |value| json!({ "phases": [value] }), "/phases/0"),
        ("limit", |value| json!({ "limits": [value] }), "/limits/0"),
        ("threshold", |value| json!({ "thresholds": [value] }), "/thresholds/0"),
        ("stage", |value| json!({ "stages": [value] }), "/stages/0"),
        ("checks", |value| with_request(json!({"url": "/", "check": value})), "/requests/0/check"),
    ];
    for (name, wrap, path) in places {
        let known: Map<String, Value> = definition(name).keys().map(|key| (key.clone(), json!({}))).collect();
        let mut tried = known.clone();
        tried.insert("zzzzzzzzzzzz".into(), Value::Null);
        let problems = problems(&["http://a"], json!({}), wrap(Value::Object(tried)));
        let unknown: Vec<_> =
            problems.iter().filter(|problem| problem.message.contains("there is no setting")).collect();
        assert_eq!(unknown.len(), 1, "{name}: {unknown:?}");
        assert_eq!(unknown[0].path, format!("{path}/zzzzzzzzzzzz"));
        let hint = unknown[0].hint.as_deref().unwrap_or_default();
        let listed: Vec<_> = hint.trim_start_matches("known here: ").split(", ").collect();
        for key in &listed {
            assert!(known.contains_key(*key), "`{key}` of {name} is not in the schema");
        }
        assert_eq!(listed.len(), known.len(), "{name}");
    }
}
