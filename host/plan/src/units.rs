//! Durations, rates and sizes as people write them.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no duration, rate or size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// No duration.
    #[error("`{0}` is not a duration; write seconds or units, such as `300`, `250ms`, `5m` or `1h30m`")]
    Duration(String),
    /// No rate.
    #[error("`{0}` is not a rate; write a number per second, such as `5000`, `100/s` or `600/m`")]
    Rate(String),
    /// No size.
    #[error("`{0}` is not a size; write bytes or units, such as `4096`, `64KiB` or `10MB`")]
    Bytes(String),
}

/// Milliseconds of a duration: plain numbers are seconds; units are `ms`, `s`, `m`, `h` and `d`, largest first.
///
/// # Errors
/// When the text is no duration or does not fit.
pub fn parse_duration_ms(text: &str) -> Result<u64, UnitError> {
    let error = || UnitError::Duration(text.to_owned());
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<f64>() {
        return to_ms(seconds, 1_000.0).ok_or_else(error);
    }
    let (mut total_ms, mut last_unit_ms) = (0_u64, f64::INFINITY);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
        let number: f64 = rest[..digits].parse().map_err(|_| error())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit_ms = match &rest[..letters] {
            "ms" => 1.0,
            "s" | "sec" => 1_000.0,
            "m" | "min" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return Err(error()),
        };
        if unit_ms >= last_unit_ms {
            return Err(error());
        }
        last_unit_ms = unit_ms;
        total_ms = to_ms(number, unit_ms).and_then(|ms| total_ms.checked_add(ms)).ok_or_else(error)?;
        rest = &rest[letters..];
    }
    if last_unit_ms.is_infinite() { Err(error()) } else { Ok(total_ms) }
}

fn to_ms(number: f64, unit_ms: f64) -> Option<u64> {
    let ms = (number * unit_ms).round();
    // 2^53 ms is 285,000 years; beyond it floats skip whole numbers.
    (0.0..9_007_199_254_740_992.0).contains(&ms).then_some(ms as u64)
}

/// Iterations per second of a rate: a plain number, or a number `/s`, `/m` or `/h`.
///
/// # Errors
/// When the text is no rate.
pub fn parse_rate(text: &str) -> Result<f64, UnitError> {
    let error = || UnitError::Rate(text.to_owned());
    let (number, per_s) = match text.trim().split_once('/') {
        None => (text.trim(), 1.0),
        Some((number, "s")) => (number, 1.0),
        Some((number, "m" | "min")) => (number, 60.0),
        Some((number, "h")) => (number, 3_600.0),
        Some(_) => return Err(error()),
    };
    let number: f64 = number.trim().parse().map_err(|_| error())?;
    if number.is_finite() && number >= 0.0 { Ok(number / per_s) } else { Err(error()) }
}

/// Bytes of a size: a plain number, or one with `B`, `KB`, `MB`, `GB` (powers of 1,000) or `KiB`, `MiB`, `GiB`.
///
/// # Errors
/// When the text is no size or does not fit.
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    let error = || UnitError::Bytes(text.to_owned());
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| error())?;
    let unit: u64 = match text[digits..].trim() {
        "" | "B" => 1,
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(error()),
    };
    number.checked_mul(unit).ok_or_else(error)
}

/// A duration in its shortest form, such as `1h30m`, `10s` or `250ms`; the inverse of [`parse_duration_ms`].
pub fn format_duration_ms(ms: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let mut text = String::new();
    let mut rest = ms;
    for (unit_ms, name) in units {
        if rest >= unit_ms {
            text.push_str(&format!("{}{name}", rest / unit_ms));
            rest %= unit_ms;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A duration in a config file: `30`, `"30s"`, `"1h30m"`. Holds milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DurationText(pub u64);

/// A rate in a config file: `500`, `"500/s"`, `"600/m"`. Holds iterations per second.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct RateText(pub f64);

/// A number or a text, as YAML gives them.
struct NumberOrText<T>(T);

impl<'de, T: FromText> Deserialize<'de> for NumberOrText<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => T::from_text(&text),
            serde_json::Value::Number(number) => T::from_text(&number.to_string()),
            other => T::from_text(&other.to_string()),
        }
        .map(NumberOrText)
        .map_err(serde::de::Error::custom)
    }
}

trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, UnitError>;
}

impl FromText for DurationText {
    fn from_text(text: &str) -> Result<Self, UnitError> {
        parse_duration_ms(text).map(Self)
    }
}

impl FromText for RateText {
    fn from_text(text: &str) -> Result<Self, UnitError> {
        parse_rate(text).map(Self)
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NumberOrText::deserialize(deserializer).map(|NumberOrText(value)| value)
    }
}

impl<'de> Deserialize<'de> for RateText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NumberOrText::deserialize(deserializer).map(|NumberOrText(value)| value)
    }
}

impl Serialize for DurationText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_duration_ms(self.0))
    }
}

impl Serialize for RateText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

macro_rules! number_or_text_schema {
    ($type:ident, $name:literal, $description:literal) => {
        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": ["number", "string"], "description": $description })
            }
        }
    };
}

number_or_text_schema!(DurationText, "Duration", "Seconds, or a text such as `250ms`, `5m` or `1h30m`.");
number_or_text_schema!(RateText, "Rate", "A number per second, or a text such as `100/s` or `600/m`.");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations() {
        let good = [
            ("300", 300_000),
            ("0.5", 500),
            ("250ms", 250),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1_500),
            ("0", 0),
        ];
        for (text, ms) in good {
            assert_eq!(parse_duration_ms(text), Ok(ms), "{text}");
        }
        for text in [
            "5 parsecs",
            "",
            "s",
            "-3",
            "-3s",
            "1m1h",
            "5s5s",
            "1e400",
            "nan",
            "inf",
            "9e99d",
            "٣s",
            "1h 30m",
        ] {
            assert_eq!(parse_duration_ms(text), Err(UnitError::Duration(text.into())), "{text}");
        }
    }

    #[test]
    fn rates_and_sizes() {
        assert_eq!(parse_rate("5000"), Ok(5000.0));
        assert_eq!(parse_rate("600/m"), Ok(10.0));
        assert_eq!(parse_bytes("64KiB"), Ok(65_536));
        for text in ["fast", "-1", "5/fortnight", "inf", ""] {
            assert!(parse_rate(text).is_err(), "{text}");
            assert!(parse_bytes(text).is_err(), "{text}");
        }
        assert!(parse_bytes("99999999999999999999GB").is_err());
    }

    #[test]
    fn config_values_may_be_numbers_or_texts() {
        let parse = serde_json::from_str::<DurationText>;
        assert_eq!(parse("30").unwrap().0, 30_000);
        assert_eq!(parse("\"1m\"").unwrap().0, 60_000);
        assert!(parse("\"5 parsecs\"").unwrap_err().to_string().contains("`5 parsecs` is not a duration"));
        assert!(parse("[1]").is_err());
    }

    proptest! {
        #[test]
        fn formatting_is_the_inverse_of_parsing(ms in 0_u64..10_000_000_000) {
            prop_assert_eq!(parse_duration_ms(&format_duration_ms(ms)), Ok(ms));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = (parse_duration_ms(&text).is_ok(), parse_rate(&text).is_ok(), parse_bytes(&text).is_ok());
        }
    }
}
