//! Holds replies against the OpenAPI document the shop serves: as much of JSON Schema as that document uses.

use std::sync::LazyLock;

use serde_json::Value;

use crate::client::Reply;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(stresshost_shop::OPENAPI).unwrap());

/// Panics unless `reply` is one the document promises. What no operation describes must be a 404 or 405.
pub(crate) fn check(method: &str, path: &str, sent: Option<&str>, reply: &Reply) {
    let what = format!("{method} {path} -> {}", reply.status);
    let path = path.split('?').next().unwrap();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    // A path without parameters goes before one with them.
    let described =
        paths.get_key_value(path).or_else(|| paths.iter().find(|(template, _)| matches(template, path)));
    let method = if method == "HEAD" { "GET" } else { method };
    let Some(operation) = described.and_then(|(_, item)| item.get(method.to_lowercase())) else {
        assert_eq!(reply.status, if described.is_some() { 405 } else { 404 }, "{what}");
        reply.problem();
        return;
    };
    let responses = &operation["responses"];
    let class = format!("{}XX", reply.status / 100);
    let response = responses.get(reply.status.to_string()).or_else(|| responses.get(class));
    let response = resolve(response.unwrap_or_else(|| panic!("{what}: this status is not documented")));
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        if header["required"] == true {
            assert!(reply.header(&name.to_lowercase()).is_some(), "{what}: no {name}");
        }
    }
    if !reply.body.is_empty() {
        let media = reply.header("content-type").unwrap_or_default();
        let content =
            response["content"].get(media).unwrap_or_else(|| panic!("{what}: unexpected {media:?}"));
        if media.ends_with("json") {
            validate(&content["schema"], &reply.json()).unwrap_or_else(|why| panic!("{what}: {why}"));
        }
    }
    if let (200..=299, Some(sent)) = (reply.status, sent) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let sent = serde_json::from_str(sent).unwrap();
        validate(schema, &sent).unwrap_or_else(|why| panic!("{what}: accepted against its document: {why}"));
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(part), Some(actual)) if part == actual || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => resolve(DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap()),
        None => value,
    }
}

fn validate(schema: &'static Value, value: &Value) -> Result<(), String> {
    let schema = resolve(schema);
    let expect =
        |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{value} against {what}")) };
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    expect(types.is_empty() || types.iter().any(|name| is(name, value)), &schema["type"].to_string())?;
    if let Some(constant) = schema.get("const") {
        expect(value == constant, "const")?;
    }
    if let Some(choices) = schema["enum"].as_array() {
        expect(choices.contains(value), "enum")?;
    }
    if let Some(shapes) = schema["oneOf"].as_array() {
        expect(shapes.iter().filter(|shape| validate(shape, value).is_ok()).count() == 1, "oneOf")?;
    }
    let size = match value {
        Value::String(text) => Some(("minLength", "maxLength", text.chars().count() as f64)),
        Value::Array(items) => Some(("minItems", "maxItems", items.len() as f64)),
        Value::Number(number) => number.as_f64().map(|number| ("minimum", "maximum", number)),
        _ => None,
    };
    if let Some((lowest, highest, size)) = size {
        expect(schema[lowest].as_f64().is_none_or(|lowest| size >= lowest), lowest)?;
        expect(schema[highest].as_f64().is_none_or(|highest| size <= highest), highest)?;
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        values.iter().try_for_each(|value| validate(items, value))?;
    }
    let Some(fields) = value.as_object() else { return Ok(()) };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        expect(fields.contains_key(name), &format!("required {name}"))?;
    }
    for (name, value) in fields {
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (Some(property), _) => validate(property, value)?,
            (None, Some(Value::Bool(false))) => return Err(format!("{name} is not documented")),
            (None, Some(other)) => validate(other, value)?,
            (None, None) => {}
        }
    }
    Ok(())
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("the document uses the type {other}"),
    }
}
