//! Parameters are written as texts, and a server may read a text in several ways.

use std::collections::HashSet;

use serde_json::{Number, Value, json};

use super::{Case, negative};
use crate::{MAX_CASES, Validator};

/// Texts that are wrong for most schemas that are no text themselves.
const ODD: [(&str, &str); 6] = [
    ("text", "a text"),
    ("-1", "a negative number"),
    ("1.5", "a fraction"),
    ("true", "a boolean"),
    ("null", "null"),
    ("99999999999999999999999", "a number beyond 64 bits"),
];

/// Texts, and what is wrong with them, that a schema does not allow however they are read: as text, number, boolean, null, or
/// as a list or an object of these, separated by commas. They are of printable ASCII, so that they can be written anywhere; one
/// may be empty. `draw(n)` gives a number below `n`.
pub fn negative_texts(schema: &Value, draw: &mut dyn FnMut(u64) -> u64) -> Vec<(String, String)> {
    let Ok(validator) = Validator::new(schema) else { return Vec::new() };
    let cases = negative(schema, draw).into_iter();
    let written = cases.filter_map(|Case { value, about }| Some((written(&value)?, about)));
    let odd = ODD.iter().map(|(text, about)| ((*text).to_owned(), (*about).to_owned()));
    let mut seen = HashSet::new();
    let is_new = |(text, _): &(String, String)| seen.insert(text.clone());
    let is_plain = |(text, _): &(String, String)| text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    let is_wrong =
        |(text, _): &(String, String)| !readings(text).iter().any(|value| validator.is_valid(value));
    written.chain(odd).filter(is_plain).filter(is_new).filter(is_wrong).take(MAX_CASES).collect()
}

/// A value as a parameter; none for what is nested.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(scalar).collect();
            Some(items?.join(","))
        }
        other => scalar(other),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) | Value::Null => Some(value.to_string()),
        _ => None,
    }
}

/// Every way to read a text.
fn readings(text: &str) -> Vec<Value> {
    let mut all = scalars(text);
    all.extend(serde_json::from_str::<Value>(text).ok());
    let parts: Vec<&str> = if text.is_empty() { Vec::new() } else { text.split(',').collect() };
    let kinds: [fn(&str) -> Vec<Value>; 4] = [|text| vec![json!(text)], numbers, booleans, scalars];
    for kind in kinds {
        // The last scalar is the one that says most about the text.
        let items: Option<Vec<Value>> = parts.iter().map(|part| kind(part).pop()).collect();
        all.extend(items.map(Value::Array));
    }
    for pairs in [text.split(',').map(|part| part.split_once('=')).collect(), in_pairs(&parts)] {
        let pairs: Option<Vec<(&str, &str)>> = pairs;
        let Some(pairs) = pairs else { continue };
        for kind in kinds {
            let map: Option<serde_json::Map<String, Value>> =
                pairs.iter().map(|(name, value)| Some(((*name).to_owned(), kind(value).pop()?))).collect();
            all.extend(map.map(Value::Object));
        }
    }
    all
}

fn in_pairs<'a>(parts: &[&'a str]) -> Option<Vec<(&'a str, &'a str)>> {
    let pair = |pair: &[&'a str]| match pair {
        [name, value] => Some((*name, *value)),
        _ => None,
    };
    parts.chunks(2).map(pair).collect()
}

/// A text as every scalar that it may be.
fn scalars(text: &str) -> Vec<Value> {
    let mut all = vec![json!(text)];
    if text.is_empty() || text.eq_ignore_ascii_case("null") {
        all.push(Value::Null);
    }
    all.extend(booleans(text));
    all.extend(numbers(text));
    all
}

/// Servers are generous with numbers: `+5`, `007` and `5.` may do.
fn numbers(text: &str) -> Vec<Value> {
    let text = text.trim();
    let whole =
        text.parse::<i64>().map(Value::from).ok().or_else(|| text.parse::<u64>().map(Value::from).ok());
    let float = || text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number);
    whole.or_else(float).into_iter().collect()
}

fn booleans(text: &str) -> Vec<Value> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => vec![Value::Bool(true)],
        "false" | "0" | "no" | "off" => vec![Value::Bool(false)],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(schema: &Value) -> Vec<String> {
        negative_texts(schema, &mut |_| 0).into_iter().map(|(text, _)| text).collect()
    }

    #[test]
    fn a_text_is_wrong_in_every_reading() {
        for (schema, has, has_not) in [
            (
                json!({ "type": "integer", "minimum": 1 }),
                &["0", "text", "1.5", "true"][..],
                &["1", "1.0"][..],
            ),
            (json!({ "type": "boolean" }), &["text", "1.5"], &["1", "true"]),
            (json!({ "type": "string" }), &[], &["text", ""]),
            (json!({ "type": ["integer", "null"] }), &["text"], &["null", ""]),
            (json!({ "enum": ["a", "b"] }), &["ax", "A", "1.5"], &["a"]),
            (json!({ "type": "array", "items": { "type": "integer" } }), &["text", "1.5"], &["", "1", "-1"]),
            (json!({ "type": "string", "maxLength": 2 }), &["tex", "true"], &["-1"]),
            (json!({ "type": "string", "format": "uuid" }), &["1", "text"], &[]),
            (json!({ "type": "string", "minLength": 1 }), &[""], &["text"]),
        ] {
            let texts = texts(&schema);
            for text in has {
                assert!(texts.iter().any(|one| one == text), "{schema} {text}: {texts:?}");
            }
            for text in has_not {
                assert!(!texts.iter().any(|one| one == text), "{schema} {text}: {texts:?}");
            }
        }
    }

    #[test]
    fn texts_are_read_generously() {
        for (text, value) in [
            ("007", json!(7)),
            ("+5", json!(5)),
            ("1e3", json!(1000.0)),
            ("TRUE", json!(true)),
            ("1,2", json!([1, 2])),
            ("a,1", json!(["a", 1])),
            ("a,1", json!({ "a": 1 })),
            ("a=1,b=x", json!({ "a": 1, "b": "x" })),
            ("[1]", json!([1])),
            ("", json!(null)),
            ("", json!([])),
        ] {
            assert!(readings(text).contains(&value), "{text}: {:?}", readings(text));
        }
    }
}
