//! Scalars of the YAML core schema (YAML 1.2.2, section 10.3).

use serde_json::{Number, Value};

use super::Fault;

const CORE: &str = "tag:yaml.org,2002:";

/// The value of a scalar without quotes and tag.
pub(super) fn resolve_plain(text: &str) -> Result<Value, Fault> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return Err(Fault::NotFinite(text.to_owned())),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Err(Fault::NotFinite(text.to_owned()));
    }
    let too_large = || Fault::NumberTooLarge(text.to_owned());
    if let Some(integer) = integer(text, unsigned) {
        return integer.map(Value::Number).ok_or_else(too_large);
    }
    if is_float(unsigned) {
        let float = text.parse().ok().and_then(Number::from_f64);
        return float.map(Value::Number).ok_or_else(too_large);
    }
    Ok(Value::String(text.to_owned()))
}

/// `None` when it is no integer, `Some(None)` when it is too large.
fn integer(text: &str, unsigned: &str) -> Option<Option<Number>> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
            return is_number.then(|| u64::from_str_radix(digits, radix).ok().map(Number::from));
        }
    }
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let signed = text.parse::<i64>().map(Number::from);
    Some(signed.or_else(|_| text.parse::<u64>().map(Number::from)).ok().or_else(|| rounded(text)))
}

/// A larger one as a float when that is how programs write the float: then nothing is lost. Documents made by programs have
/// such bounds of 64-bit integers.
fn rounded(text: &str) -> Option<Number> {
    let float: f64 = text.parse().ok()?;
    (format!("{float}") == text).then(|| Number::from_f64(float)).flatten()
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(unsigned: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    exponent_fits && digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// The value of a scalar with a tag.
pub(super) fn resolve_tagged(tag: &str, text: &str) -> Result<Value, Fault> {
    let wrong = || Fault::WrongTag(short_tag(tag));
    let value = match tag.strip_prefix(CORE) {
        Some("str") => return Ok(Value::String(text.to_owned())),
        // The non-specific tag `!` says "as if quoted".
        None if tag == "!" => return Ok(Value::String(text.to_owned())),
        Some("null" | "bool" | "int" | "float") => resolve_plain(text)?,
        Some("map" | "seq") => return Err(wrong()),
        _ => return Err(Fault::UnknownTag(short_tag(tag))),
    };
    match (tag.strip_prefix(CORE), value) {
        (Some("null"), Value::Null) => Ok(Value::Null),
        (Some("bool"), Value::Bool(value)) => Ok(Value::Bool(value)),
        (Some("int"), Value::Number(number)) if !number.is_f64() => Ok(Value::Number(number)),
        (Some("float"), Value::Number(number)) => {
            number.as_f64().and_then(Number::from_f64).map(Value::Number).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// Refuses a tag that is not the one of `kind`, `map` or `seq`.
pub(super) fn check_collection_tag(tag: &str, kind: &str) -> Result<(), Fault> {
    match tag.strip_prefix(CORE) {
        Some(name) if name == kind => Ok(()),
        None if tag == "!" => Ok(()),
        Some("str" | "null" | "bool" | "int" | "float" | "map" | "seq") => {
            Err(Fault::WrongTag(short_tag(tag)))
        }
        _ => Err(Fault::UnknownTag(short_tag(tag))),
    }
}

/// The tag as people write it.
fn short_tag(tag: &str) -> String {
    match tag.strip_prefix(CORE) {
        Some(name) => format!("!!{name}"),
        None => tag.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        let table = [
            ("", json!(null)),
            ("~", json!(null)),
            ("null", json!(null)),
            ("NULL", json!(null)),
            ("nULL", json!("nULL")),
            ("true", json!(true)),
            ("False", json!(false)),
            ("yes", json!("yes")),
            ("on", json!("on")),
            ("0", json!(0)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("007", json!(7)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("0o18", json!("0o18")),
            ("0x", json!("0x")),
            ("-0x1", json!("-0x1")),
            ("+-5", json!("+-5")),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709552000", json!(18446744073709552000.0)),
            ("-9223372036854776000", json!(-9223372036854776000.0)),
            ("1.5", json!(1.5)),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("-.5", json!(-0.5)),
            ("1e3", json!(1000.0)),
            ("1.5E-1", json!(0.15)),
            ("1e", json!("1e")),
            (".", json!(".")),
            ("-", json!("-")),
            ("e5", json!("e5")),
            ("1_000", json!("1_000")),
            ("1.2.3", json!("1.2.3")),
            ("12:30", json!("12:30")),
            ("inf", json!("inf")),
            ("nan", json!("nan")),
            ("2024-01-01", json!("2024-01-01")),
            ("٣", json!("٣")),
        ];
        for (text, value) in table {
            assert_eq!(resolve_plain(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn numbers_json_cannot_hold_are_refused() {
        for text in [".inf", "-.Inf", "+.INF", ".nan", ".NaN"] {
            assert_eq!(resolve_plain(text), Err(Fault::NotFinite(text.into())), "{text}");
        }
        for text in ["18446744073709551616", "-9223372036854775809", "0x10000000000000000", "1e400", "-1e999"]
        {
            assert_eq!(resolve_plain(text), Err(Fault::NumberTooLarge(text.into())), "{text}");
        }
    }

    #[test]
    fn tags_of_the_core_schema_are_applied() {
        let table = [
            ("!", "1", json!("1")),
            ("tag:yaml.org,2002:str", "1", json!("1")),
            ("tag:yaml.org,2002:int", "1", json!(1)),
            ("tag:yaml.org,2002:float", "1", json!(1.0)),
            ("tag:yaml.org,2002:bool", "true", json!(true)),
            ("tag:yaml.org,2002:null", "", json!(null)),
        ];
        for (tag, text, value) in table {
            assert_eq!(resolve_tagged(tag, text), Ok(value), "{tag} {text}");
        }
        assert_eq!(resolve_tagged("tag:yaml.org,2002:int", "1.5"), Err(Fault::WrongTag("!!int".into())));
        assert_eq!(resolve_tagged("tag:yaml.org,2002:seq", ""), Err(Fault::WrongTag("!!seq".into())));
        assert_eq!(resolve_tagged("!Ref", "a"), Err(Fault::UnknownTag("!Ref".into())));
        assert_eq!(check_collection_tag("tag:yaml.org,2002:map", "map"), Ok(()));
        assert_eq!(
            check_collection_tag("tag:yaml.org,2002:set", "map"),
            Err(Fault::UnknownTag("!!set".into()))
        );
    }
}
