//! The limit of a criterion, in the words of the threshold language.

use serde_json::Value;

use crate::Problem;

/// What the values of a criterion are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// A time; plain numbers are in this unit.
    Time(TimeUnit),
    /// A share, of something wanted or of something unwanted.
    Share {
        /// Whether more of it is better.
        is_good: bool,
    },
    /// A number of errors.
    Errors,
    /// A number each second.
    Throughput,
}

/// The unit of a time without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeUnit {
    Microseconds,
    Milliseconds,
    Seconds,
}

impl Measure {
    /// How its limits are written.
    pub(super) const fn form(self) -> &'static str {
        match self {
            Self::Time(_) => "write a time, such as `\"<200ms\"` or `200`",
            Self::Share { is_good: true } => "write a share, such as `\">95%\"` or `0.95`",
            Self::Share { is_good: false } => "write a share, such as `\"<5%\"` or `0.05`",
            Self::Errors => "write a whole number, such as `0` or `\"<10\"`",
            Self::Throughput => "write a number per second, such as `1000` or `\">1000/s\"`",
        }
    }

    /// A target that is reached exactly is met.
    const fn comparison(self) -> &'static str {
        match self {
            Self::Time(_) | Self::Share { is_good: false } | Self::Errors => "<=",
            Self::Share { is_good: true } | Self::Throughput => ">=",
        }
    }
}

/// Comparison, number, unit and options, such as `<= 100ms over 30s`.
pub(super) fn read(name: &str, measure: Measure, value: &Value) -> Result<String, Problem> {
    let wrong = || Problem::new("", format!("{value} is not a limit for `{name}`")).hint(measure.form());
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        // Without an exponent, which the language does not have.
        Value::Number(number) => number.as_f64().ok_or_else(wrong)?.to_string(),
        _ => return Err(wrong()),
    };
    let (comparison, rest) = comparison(&text, measure);
    // What follows a comma or ` over ` is for the threshold language to judge.
    let end = rest.find(',').into_iter().chain(rest.find(" over ")).min().unwrap_or(rest.len());
    let (limit, options) = rest.split_at(end);
    let limit = limit.trim();
    let digits = limit.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(limit.len());
    let (number, unit) = (&limit[..digits], limit[digits..].trim());
    let amount: f64 = number.parse().map_err(|_| wrong())?;
    let limit = match measure {
        Measure::Time(default) => format!("{number}{}", time_unit(unit, default).ok_or_else(wrong)?),
        Measure::Share { .. } => share(number, amount, unit).ok_or_else(wrong)?.map_err(|question| {
            Problem::new("", format!("{value} is not clear for `{name}`")).hint(question)
        })?,
        Measure::Errors if unit.is_empty() => number.to_owned(),
        Measure::Throughput => format!("{number}{}", throughput_unit(unit).ok_or_else(wrong)?),
        Measure::Errors => return Err(wrong()),
    };
    Ok(format!("{comparison} {limit}{options}"))
}

fn comparison(text: &str, measure: Measure) -> (&str, &str) {
    const SIGNS: [&str; 8] = ["<=", ">=", "==", "!=", "≤", "≥", "<", ">"];
    let sign = SIGNS.into_iter().find_map(|sign| Some((sign, text.strip_prefix(sign)?)));
    let (sign, rest) = sign.unwrap_or((measure.comparison(), text));
    (sign, rest.trim_start())
}

fn time_unit(unit: &str, default: TimeUnit) -> Option<&'static str> {
    Some(match unit {
        "" => match default {
            TimeUnit::Microseconds => "us",
            TimeUnit::Milliseconds => "ms",
            TimeUnit::Seconds => "s",
        },
        "us" | "µs" | "μs" | "microseconds" => "us",
        "ms" | "millis" | "milliseconds" => "ms",
        "s" | "sec" | "seconds" | "second" => "s",
        "m" | "min" | "minutes" | "minute" => "min",
        _ => return None,
    })
}

/// The share as text; or what to ask when it could be meant in two ways. `None` when it is no share.
fn share(number: &str, amount: f64, unit: &str) -> Option<Result<String, &'static str>> {
    match unit {
        "%" | "percent" => Some(Ok(format!("{number}%"))),
        "" if amount < 1.0 => Some(Ok(number.to_owned())),
        "" if amount > 1.0 && amount <= 100.0 => Some(Ok(format!("{number}%"))),
        "" if amount <= 1.0 => Some(Err("write `1%` or `100%`")),
        _ => None,
    }
}

fn throughput_unit(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "" | "/s" | "/sec" | "rps" | "tps" | "qps" | "req/s" | "requests/s" | "ops/s" | "per second" => "/s",
        "/m" | "/min" | "per minute" => "/min",
        "/h" | "per hour" => "/h",
        _ => return None,
    })
}
