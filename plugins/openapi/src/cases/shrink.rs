//! From a value with which something fails to a simple one with which it still does.

use serde_json::{Value, json};

use super::flat::flat;
use super::size::Size;
use super::words;
use crate::{MAX_CASE_ITEMS, MAX_DEPTH, MAX_SMALLER, Validator};

/// Simpler values than `value`: without optional properties, with fewer items, with shorter texts and numbers nearer to 0. The
/// boldest come first, and each is smaller by one measure, so that a loop over them ends. They need not be valid.
pub fn smaller(schema: &Value, value: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    add(schema, schema, value, 0, &mut out);
    let size = Size::of(value);
    out.retain(|candidate| Size::of(candidate) < size);
    out.truncate(MAX_SMALLER);
    out
}

/// The simplest value found with which `fails` still holds, after at most `budget` calls of it. A value that the schema allows
/// stays allowed, and one that it does not stays outside.
pub fn shrink(
    value: Value,
    schema: &Value,
    fails: &mut dyn FnMut(&Value) -> bool,
    mut budget: usize,
) -> Value {
    let validator = Validator::new(schema).ok();
    let is_valid = |value: &Value| validator.as_ref().is_none_or(|validator| validator.is_valid(value));
    let wanted = is_valid(&value);
    let mut value = value;
    'smaller: loop {
        for candidate in smaller(schema, &value) {
            if is_valid(&candidate) != wanted {
                continue;
            }
            if budget == 0 {
                return value;
            }
            budget -= 1;
            if fails(&candidate) {
                value = candidate;
                continue 'smaller;
            }
        }
        return value;
    }
}

fn add(root: &Value, schema: &Value, value: &Value, depth: usize, out: &mut Vec<Value>) {
    if depth > MAX_DEPTH {
        return;
    }
    let schema = &*flat(root, schema);
    match value {
        Value::Null | Value::Bool(false) => {}
        Value::Bool(true) => out.push(Value::Bool(false)),
        Value::Number(number) => numbers(number, out),
        Value::String(text) => texts(text, out),
        Value::Array(items) => {
            let half = items.len() / 2;
            let halves =
                [&[][..], items.get(..half).unwrap_or_default(), items.get(half..).unwrap_or_default()];
            out.extend(halves.map(|part| json!(part)));
            for index in 0..items.len().min(MAX_CASE_ITEMS) {
                let mut fewer = items.clone();
                fewer.remove(index);
                out.push(Value::Array(fewer));
            }
            for (index, item) in items.iter().enumerate() {
                let part = words::item(schema, index).unwrap_or(&Value::Null);
                inside(root, part, item, depth, out, |simpler| {
                    let mut items = items.clone();
                    *items.get_mut(index)? = simpler;
                    Some(Value::Array(items))
                });
            }
        }
        Value::Object(map) => {
            let required: Vec<&str> = words::required(schema).collect();
            let is_optional = |name: &String| !required.contains(&name.as_str());
            let needed = map.iter().filter(|(name, _)| !is_optional(name));
            out.push(Value::Object(needed.map(|(name, value)| (name.clone(), value.clone())).collect()));
            for name in map.keys().filter(|name| is_optional(name)) {
                let mut fewer = map.clone();
                fewer.shift_remove(name);
                out.push(Value::Object(fewer));
            }
            for (name, value) in map {
                let property = schema.get("properties").and_then(|all| all.get(name)).unwrap_or(&Value::Null);
                inside(root, property, value, depth, out, |simpler| {
                    let mut map = map.clone();
                    map.insert(name.clone(), simpler);
                    Some(Value::Object(map))
                });
            }
        }
    }
}

/// The simpler values of a part, each in its whole.
fn inside(
    root: &Value,
    schema: &Value,
    part: &Value,
    depth: usize,
    out: &mut Vec<Value>,
    whole: impl Fn(Value) -> Option<Value>,
) {
    if out.len() < MAX_SMALLER {
        let mut simpler = Vec::new();
        add(root, schema, part, depth + 1, &mut simpler);
        let room = MAX_SMALLER - out.len();
        out.extend(simpler.into_iter().take(room).filter_map(whole));
    }
}

fn numbers(number: &serde_json::Number, out: &mut Vec<Value>) {
    out.extend([0, 1].map(|simple| json!(simple)));
    if let Some(whole) = number.as_i64() {
        out.push(json!(whole.saturating_neg()));
        out.extend([whole / 2, whole - whole / 8, whole - whole.signum()].map(|nearer| json!(nearer)));
    } else if let Some(whole) = number.as_u64() {
        out.extend([whole / 2, whole - whole / 8, whole - 1].map(|nearer| json!(nearer)));
    } else if let Some(float) = number.as_f64() {
        out.extend(
            [float.trunc(), -float, float / 2.0].into_iter().filter(|float| float.is_finite()).map(short),
        );
    }
}

/// A number without a fraction where it has none.
fn short(float: f64) -> Value {
    if float.fract() == 0.0 && float.abs() < 9e15 { json!(float as i64) } else { json!(float) }
}

fn texts(text: &str, out: &mut Vec<Value>) {
    let length = text.chars().count();
    let part = |from: usize, count: usize| json!(text.chars().skip(from).take(count).collect::<String>());
    out.push(json!(""));
    out.extend([part(0, length / 2), part(length / 2, length)]);
    out.extend([part(0, length.saturating_sub(1)), part(1, length)]);
    out.push(json!(
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { 'a' }).collect::<String>()
    ));
}
