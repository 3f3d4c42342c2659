//! Texts of commands, and the values in them.

use serde_json::{Value as Json, json};

use crate::mongo::Value;

/// How many values a command has. Err: what is wrong with its text.
pub(super) fn check(text: &str) -> Result<usize, String> {
    let document: Json = serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    match document {
        Json::Object(keys) if keys.is_empty() => return Err("the command is empty".to_owned()),
        Json::Object(keys) if keys.contains_key("$db") => {
            return Err("`$db` is the host's to set".to_owned());
        }
        Json::Object(_) => {}
        _ => return Err("the command is no document".to_owned()),
    }
    let numbers: Vec<usize> = places(text).into_iter().map(|(_, _, number)| number).collect();
    let most = numbers.iter().copied().max().unwrap_or(0);
    match (1..=most).find(|number| !numbers.contains(number)) {
        Some(missing) => Err(format!("it has ${most} but no ${missing}")),
        None => Ok(most),
    }
}

/// The text with its values in it. Err: what is wrong with one.
pub(super) fn fill(text: &str, values: &[Value<'_>]) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut copied = 0;
    for (begin, end, number) in places(text) {
        let value = values.get(number - 1).unwrap_or(&Value::Null);
        filled.push_str(&text[copied..begin]);
        filled.push_str(&json_of(value).map_err(|reason| format!("${number}: {reason}"))?);
        copied = end;
    }
    filled.push_str(&text[copied..]);
    Ok(filled)
}

/// Strings of a text of JSON that stand for a value: begin, end and number. Keys are none.
fn places(text: &str) -> Vec<(usize, usize, usize)> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(begin) = text[at..].find('"').map(|found| at + found) {
        let end = string_end(text, begin);
        let is_key = text[end..].trim_start().starts_with(':');
        let number = text.get(begin + 1..end - 1).and_then(number_of);
        places.extend(number.filter(|_| !is_key).map(|number| (begin, end, number)));
        at = end;
    }
    places
}

/// Where a string ends that begins at a quote.
fn string_end(text: &str, begin: usize) -> usize {
    let mut escaped = false;
    for (at, character) in text[begin + 1..].char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return begin + at + 2,
            _ => {}
        }
    }
    text.len()
}

fn number_of(text: &str) -> Option<usize> {
    let digits = text.strip_prefix('$')?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| is_number)
}

fn json_of(value: &Value<'_>) -> Result<String, String> {
    Ok(match *value {
        Value::Null => json!(null).to_string(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => json!(value).to_string(),
        Value::Text(value) => json!(value).to_string(),
        Value::Bytes(value) => json!({ "$binary": { "base64": base64(value), "subType": "00" } }).to_string(),
        Value::Json(text) => {
            serde_json::from_str::<Json>(text).map_err(|error| format!("it is no JSON: {error}"))?;
            text.to_owned()
        }
    })
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_for_texts_that_are_their_numbers() {
        let text = r#"{"a": "$1", "$2": "x\"$2", "b": ["$2", {"c": "$x"}], "d": "$1"}"#;
        assert_eq!(check(text), Ok(2));
        assert_eq!(
            fill(text, &[Value::Text("q\""), Value::Json("[1]")]).unwrap(),
            r#"{"a": "q\"", "$2": "x\"$2", "b": [[1], {"c": "$x"}], "d": "q\""}"#
        );
        for (value, expected) in [
            (Value::Null, "null"),
            (Value::Boolean(true), "true"),
            (Value::Integer(-5), "-5"),
            (Value::Real(0.5), "0.5"),
            (Value::Bytes(b"\0\xffa"), r#"{"$binary":{"base64":"AP9h","subType":"00"}}"#),
            (Value::Bytes(b"ab"), r#"{"$binary":{"base64":"YWI=","subType":"00"}}"#),
            (Value::Bytes(b"a"), r#"{"$binary":{"base64":"YQ==","subType":"00"}}"#),
        ] {
            assert_eq!(fill("\"$1\"", &[value]).unwrap(), expected);
        }
        assert!(fill("\"$1\"", &[Value::Json("{")]).unwrap_err().starts_with("$1: it is no JSON"));
    }

    #[test]
    fn what_cannot_be_sent_is_told() {
        for (text, told) in [
            ("", "no JSON"),
            ("[1]", "no document"),
            ("{}", "is empty"),
            (r#"{"find": "a", "$db": "b"}"#, "the host's"),
            (r#"{"find": "a", "b": "$1", "c": "$3"}"#, "it has $3 but no $2"),
        ] {
            assert!(check(text).unwrap_err().contains(told), "{text}");
        }
    }
}
