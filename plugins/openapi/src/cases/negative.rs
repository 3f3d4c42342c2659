//! Values just outside a schema, without a look at what is inside them.

use serde_json::{Value, json};

use super::make::{Extent, Maker, letters};
use super::{Case, formats, number, words};
use crate::{MAX_CASE_ITEMS, MAX_CASE_TEXT};

/// A property that no document describes.
const UNDECLARED: &str = "undeclared";

/// Texts that patterns seldom match.
const ODD: [&str; 6] = ["", "!", "~", "a b", "0", "A-_.:"];

/// Candidates of one place.
pub(super) fn local(maker: &mut Maker<'_>, schema: &Value) -> Vec<Case> {
    let kinds = words::kinds(schema);
    let mut cases = wrong_kinds(&kinds);
    not_listed(schema, &mut cases);
    for kind in kinds {
        match kind {
            "string" => texts(maker, schema, &mut cases),
            "integer" => cases.extend(number::outside(schema, true)),
            "number" => cases.extend(number::outside(schema, false)),
            "array" => lists(maker, schema, &mut cases),
            "object" => objects(maker, schema, &mut cases),
            _ => {}
        }
    }
    if let Some(not) = schema.get("not") {
        cases.push(Case::new(maker.value(not, Extent::Least), "what is ruled out by `not`"));
    }
    cases
}

fn wrong_kinds(kinds: &[&str]) -> Vec<Case> {
    if kinds.is_empty() {
        return Vec::new();
    }
    let wanted: Vec<&str> =
        kinds.iter().filter(|kind| **kind != "null").map(|kind| words::named(kind)).collect();
    let wanted = if wanted.is_empty() { "null".to_owned() } else { wanted.join(" or ") };
    let others = [
        ("null", Value::Null),
        ("string", json!("text")),
        ("number", json!(1.5)),
        ("integer", json!(1)),
        ("boolean", json!(true)),
        ("array", json!([])),
        ("object", json!({})),
    ];
    let is_other = |kind: &str| !(kinds.contains(&kind) || kind == "integer" && kinds.contains(&"number"));
    let others = others.into_iter().filter(|(kind, _)| is_other(kind));
    others
        .map(|(kind, value)| Case::new(value, format!("{} instead of {wanted}", words::named(kind))))
        .collect()
}

fn not_listed(schema: &Value, cases: &mut Vec<Case>) {
    let constant = schema.get("const").into_iter();
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let Some(first) = constant.chain(listed).find(|value| !value.is_null()) else { return };
    let others = match first {
        Value::String(text) => {
            let other_case =
                if text.chars().any(char::is_lowercase) { text.to_uppercase() } else { text.to_lowercase() };
            vec![json!(format!("{text}x")), json!(other_case), json!("")]
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default().trunc();
            [1.0, 7_919.0].map(|more| json!((number + more) as i64)).to_vec()
        }
        Value::Bool(value) => vec![json!(!value)],
        _ => Vec::new(),
    };
    cases.extend(others.into_iter().map(|value| Case::new(value, "none of the listed values")));
}

fn texts(maker: &mut Maker<'_>, schema: &Value, cases: &mut Vec<Case>) {
    if let Some(least) = words::count(schema, "minLength").filter(|least| (1..=MAX_CASE_TEXT).contains(least))
    {
        cases.push(Case::new(letters(least - 1), format!("one shorter than the least length {least}")));
    }
    if let Some(most) = words::count(schema, "maxLength").filter(|most| *most < MAX_CASE_TEXT) {
        cases.push(Case::new(letters(most + 1), format!("one longer than the greatest length {most}")));
    }
    let right = maker.value(schema, Extent::Least);
    let right = right.as_str().unwrap_or_default();
    if schema.get("pattern").is_some() {
        let around = [format!("{right}!"), format!("!{right}"), right.chars().skip(1).collect()];
        let texts = ODD.iter().map(|text| (*text).to_owned()).chain(around);
        cases.extend(texts.map(|text| Case::new(text, "a text that the pattern does not match")));
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str) {
        let broken = formats::broken(format).iter();
        cases.extend(
            broken.map(|text| Case::new(*text, format!("a text that is not of the format {format}"))),
        );
    }
}

fn lists(maker: &mut Maker<'_>, schema: &Value, cases: &mut Vec<Case>) {
    let within = |count: &usize| *count <= MAX_CASE_ITEMS;
    if let Some(least) = words::count(schema, "minItems").filter(within).filter(|least| *least > 0) {
        let items = maker.list(schema, least - 1);
        cases.push(Case::new(items, format!("one item fewer than the least, {least}")));
    }
    if let Some(most) = words::count(schema, "maxItems").filter(within) {
        let items = maker.list(schema, most + 1);
        cases.push(Case::new(items, format!("one item more than the most, {most}")));
    }
    if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
        let least = words::count(schema, "minItems").unwrap_or(0).clamp(1, MAX_CASE_ITEMS);
        if let Value::Array(mut items) = maker.list(schema, least) {
            items.extend(items.first().cloned());
            cases.push(Case::new(items, "the same item twice"));
        }
    }
}

fn objects(maker: &mut Maker<'_>, schema: &Value, cases: &mut Vec<Case>) {
    let Value::Object(right) = maker.value(schema, Extent::Least) else { return };
    for name in words::required(schema) {
        let mut map = right.clone();
        map.remove(name);
        cases.push(Case::new(map, format!("`{name}` is missing")));
    }
    let mut more = right.clone();
    more.insert(UNDECLARED.to_owned(), json!("text"));
    cases.push(Case::new(more, "a property that is not declared"));
    if let Some(most) = words::count(schema, "maxProperties").filter(|most| *most < MAX_CASE_ITEMS) {
        let mut map = right.clone();
        for index in right.len()..=most {
            map.insert(format!("key{index}"), json!("text"));
        }
        cases.push(Case::new(map, format!("one property more than the most, {most}")));
    }
    if let Some(least) = words::count(schema, "minProperties") {
        let fewer = right.into_iter().take(least.saturating_sub(1));
        let fewer: Vec<_> = fewer.collect();
        let map = serde_json::Map::from_iter(fewer);
        cases.push(Case::new(map, format!("one property fewer than the least, {least}")));
    }
}
