//! Values that a schema allows, without a look at what is inside them.

use serde_json::{Value, json};

use super::make::{Extent, Maker, letters};
use super::{Case, formats, number, words};
use crate::{MAX_CASE_ITEMS, MAX_CASE_TEXT, MAX_CHOICES};

/// Candidates of one place.
pub(super) fn local(maker: &mut Maker<'_>, schema: &Value) -> Vec<Case> {
    if let Some(value) = schema.get("const") {
        return vec![Case::new(value.clone(), "the only value")];
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let listed = values.iter().take(MAX_CHOICES);
        return listed.map(|value| Case::new(value.clone(), format!("the listed {value}"))).collect();
    }
    let mut cases = Vec::new();
    if let Some(value) = schema.get("default") {
        cases.push(Case::new(value.clone(), "the default"));
    }
    let kinds = words::kinds(schema);
    if kinds.is_empty() {
        cases.extend(
            [json!("text"), json!(1), json!(true), json!({})].map(|value| Case::new(value, "any value")),
        );
    }
    for kind in kinds {
        match kind {
            "string" => texts(maker, schema, &mut cases),
            "integer" => cases.extend(number::allowed(schema, true, &mut |below| maker.drawn(below))),
            "number" => cases.extend(number::allowed(schema, false, &mut |below| maker.drawn(below))),
            "boolean" => cases.extend([true, false].map(|value| Case::new(value, value.to_string()))),
            "array" => lists(maker, schema, &mut cases),
            "object" => objects(maker, schema, &mut cases),
            "null" => cases.push(Case::new(Value::Null, "null")),
            _ => {}
        }
    }
    cases
}

fn texts(maker: &mut Maker<'_>, schema: &Value, cases: &mut Vec<Case>) {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    if schema.get("pattern").is_some() {
        let matching = maker.matching(schema);
        cases.extend(matching.into_iter().map(|text| Case::new(text, "a text that the pattern matches")));
    }
    let known = formats::allowed(format);
    cases.extend(known.iter().map(|text| Case::new(*text, format!("a text of the format {format}"))));
    if !known.is_empty() || schema.get("pattern").is_some() {
        return;
    }
    let least = words::count(schema, "minLength").unwrap_or(0);
    let most = words::count(schema, "maxLength").filter(|most| *most <= MAX_CASE_TEXT);
    cases.push(Case::new(letters("text".len().max(least).min(most.unwrap_or(MAX_CASE_TEXT))), "a text"));
    if least < MAX_CASE_TEXT {
        cases.push(Case::new(letters(least), format!("the shortest, length {least}")));
        cases.push(Case::new(letters(least + 1), format!("length {}", least + 1)));
    }
    if let Some(most) = most {
        cases.push(Case::new(letters(most), format!("the longest, length {most}")));
        cases.push(Case::new(letters(most.saturating_sub(1)), "one shorter than the longest"));
    }
    let room = most.unwrap_or(MAX_CASE_TEXT);
    let fitted = |text: &str| text.chars().cycle().take(least.max(5).min(room)).collect::<String>();
    cases.push(Case::new(fitted("é☃𝄞ß中"), "letters beyond ASCII"));
    cases.push(Case::new(fitted("'\"<&\\"), "characters that some languages escape"));
    let drawn: String =
        (0..least.max(8).min(room)).filter_map(|_| char::from_digit(maker.drawn(36) as u32, 36)).collect();
    cases.push(Case::new(drawn, "drawn letters and digits"));
}

fn lists(maker: &mut Maker<'_>, schema: &Value, cases: &mut Vec<Case>) {
    let least = words::count(schema, "minItems").unwrap_or(0);
    let most = words::count(schema, "maxItems");
    let mut add = |count: usize, about: String| {
        if count <= MAX_CASE_ITEMS {
            cases.push(Case::new(maker.list(schema, count), about));
        }
    };
    add(least, format!("the fewest items, {least}"));
    add(least + 1, format!("{} items", least + 1));
    add(least + 2, format!("{} items", least + 2));
    if let Some(most) = most {
        add(most, format!("the most items, {most}"));
        add(most.saturating_sub(1), "one item fewer than the most".to_owned());
    }
    cases.push(Case::new(maker.value(schema, Extent::Most), "items with everything"));
}

fn objects(maker: &mut Maker<'_>, schema: &Value, cases: &mut Vec<Case>) {
    let least = maker.value(schema, Extent::Least);
    cases.push(Case::new(maker.value(schema, Extent::Most), "every optional property"));
    let is_open = schema.get("additionalProperties").is_none_or(|other| *other == Value::Bool(true));
    if let (true, Some(map)) = (schema.get("properties").is_none() && is_open, least.as_object()) {
        let mut map = map.clone();
        map.insert("key".to_owned(), json!("text"));
        cases.push(Case::new(map, "a property of any name"));
    }
    cases.push(Case::new(least, "no optional property"));
}
