//! What a limit is a limit for, and how such values are read and written.

use super::words::Family;
use super::{Aggregate, Comparison, Expression, ExpressionFault, Metric};
use crate::format_duration_ms;

/// A sort of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Microseconds.
    Time,
    /// From 0 to 1.
    Share,
    /// A whole number.
    Count,
    /// A number each second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// Bytes each second.
    BytesPerSecond,
    /// In a unit only the plugin knows.
    Own,
    /// In such a unit each second.
    OwnPerSecond,
}

/// A limit as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawLimit<'a> {
    /// All of it.
    pub(super) text: &'a str,
    /// Digits, perhaps with a point and with a minus.
    pub(super) number: &'a str,
    /// What follows the number; may be empty.
    pub(super) unit: &'a str,
    /// The unit after a `/`.
    pub(super) per: Option<&'a str>,
}

/// Longest first, so that what is written is as short as it can be.
const TIME_UNITS: &[(&str, i32)] = &[("s", 6), ("ms", 3)];
const BYTE_UNITS: &[(&str, f64)] = &[
    ("GiB", 1_073_741_824.0),
    ("GB", 1e9),
    ("MiB", 1_048_576.0),
    ("MB", 1e6),
    ("KiB", 1_024.0),
    ("KB", 1e3),
];

impl Quantity {
    pub(super) fn of(metric: &Metric, aggregate: Aggregate) -> Self {
        match (metric.family(), aggregate) {
            (Family::Times, _) => Self::Time,
            (_, Aggregate::Rate) => Self::Share,
            (Family::Own, Aggregate::PerSecond) => Self::OwnPerSecond,
            (Family::Own, _) => Self::Own,
            (Family::Bytes, Aggregate::PerSecond) => Self::BytesPerSecond,
            (Family::Bytes | Family::Peak, _) => Self::Bytes,
            (_, Aggregate::PerSecond) => Self::PerSecond,
            _ => Self::Count,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Time => "a time",
            Self::Share => "a share",
            Self::Count => "a count",
            Self::PerSecond => "a number per second",
            Self::Bytes => "a number of bytes",
            Self::BytesPerSecond => "bytes per second",
            Self::Own | Self::OwnPerSecond => "a metric of a plugin",
        }
    }

    const fn form(self) -> &'static str {
        match self {
            Self::Time => "it with its unit, such as `300ms`, `1.5s` or `250us`",
            Self::Share => "`0%` to `100%`, or `0` to `1`",
            Self::Count => "a whole number",
            Self::PerSecond => "`1000/s` or `600/min`",
            Self::Bytes => "`4096`, `64KiB` or `10MB`",
            Self::BytesPerSecond => "`64KiB/s` or `10MB/s`",
            Self::Own => "a plain number in the metric's own unit",
            Self::OwnPerSecond => "a plain number in the metric's own unit, or one `/s`",
        }
    }

    /// The limit in the quantity's base unit.
    pub(super) fn read(self, limit: &RawLimit<'_>, comparison: Comparison) -> Result<f64, ExpressionFault> {
        let is_own = matches!(self, Self::Own | Self::OwnPerSecond);
        let value = self
            .value(limit)
            .filter(|value| value.is_finite() && (is_own || !limit.number.starts_with('-')))
            .ok_or_else(|| ExpressionFault::Limit {
                limit: limit.text.to_owned(),
                quantity: self.name(),
                form: self.form(),
            })?;
        match self.foregone(comparison, value) {
            None => Ok(value),
            Some(verdict) => Err(ExpressionFault::Pointless {
                comparison: comparison.symbol(),
                limit: limit.text.to_owned(),
                verdict,
                quantity: self.name(),
            }),
        }
    }

    fn value(self, limit: &RawLimit<'_>) -> Option<f64> {
        let RawLimit { number, unit, .. } = *limit;
        let is_per_second = matches!(self, Self::PerSecond | Self::BytesPerSecond | Self::OwnPerSecond);
        let seconds = match limit.per {
            None => 1.0,
            Some("s" | "sec") if is_per_second => 1.0,
            Some("m" | "min") if is_per_second => 60.0,
            Some("h") if is_per_second => 3_600.0,
            Some(_) => return None,
        };
        match (self, unit) {
            (Self::Time, "us" | "µs" | "μs") => scaled(number, 0),
            (Self::Time, "ms") => scaled(number, 3),
            (Self::Time, "s" | "sec") => scaled(number, 6),
            (Self::Time, "m" | "min") => Some(scaled(number, 6)? * 60.0),
            (Self::Time, "h") => Some(scaled(number, 6)? * 3_600.0),
            (Self::Share, "%") => scaled(number, -2).filter(|value| *value <= 1.0),
            (Self::Share, "") => scaled(number, 0).filter(|value| *value <= 1.0),
            (Self::Count, "") => scaled(number, 0).filter(|value| value.fract() == 0.0),
            (Self::PerSecond | Self::Own | Self::OwnPerSecond, "") => Some(scaled(number, 0)? / seconds),
            (Self::Bytes | Self::BytesPerSecond, _) => {
                let bytes = match unit {
                    "" | "B" => 1.0,
                    "kB" => 1e3,
                    _ => BYTE_UNITS.iter().find(|(name, _)| *name == unit)?.1,
                };
                Some(scaled(number, 0)? * bytes / seconds)
            }
            _ => None,
        }
    }

    /// Whether every possible value meets the limit, or none.
    #[expect(clippy::float_cmp, reason = "the bounds are exact, and so is a limit that names them")]
    fn foregone(self, comparison: Comparison, limit: f64) -> Option<&'static str> {
        let (never, always) = (Some("never holds"), Some("always holds"));
        match (self, comparison) {
            (Self::Own | Self::OwnPerSecond, _) => None,
            (_, Comparison::Less) if limit == 0.0 => never,
            (_, Comparison::AtLeast) if limit == 0.0 => always,
            (Self::Share, Comparison::More) if limit == 1.0 => never,
            (Self::Share, Comparison::AtMost) if limit == 1.0 => always,
            _ => None,
        }
    }

    /// The value so that reading it gives exactly the same.
    pub(super) fn exact(self, value: f64) -> String {
        match self {
            Self::Time => exact_time(value),
            Self::Share => format!("{}%", shifted(value)),
            Self::Count | Self::Own => value.to_string(),
            Self::PerSecond | Self::OwnPerSecond => format!("{value}/s"),
            Self::Bytes => exact_bytes(value),
            Self::BytesPerSecond => format!("{}/s", exact_bytes(value)),
        }
    }

    /// The value for people, in five significant digits.
    fn rounded(self, value: f64) -> String {
        match self {
            Self::Time if value >= 6e7 => format_duration_ms((value / 1e3).round() as u64),
            Self::Time if value >= 1e6 => format!("{}s", significant(value / 1e6)),
            Self::Time if value >= 1e3 => format!("{}ms", significant(value / 1e3)),
            Self::Time => format!("{}us", significant(value)),
            Self::Share => format!("{}%", significant(value * 100.0)),
            Self::Count => value.to_string(),
            Self::Own => significant(value),
            Self::PerSecond | Self::OwnPerSecond => format!("{}/s", significant(value)),
            Self::Bytes => rounded_bytes(value),
            Self::BytesPerSecond => format!("{}/s", rounded_bytes(value)),
        }
    }
}

impl Expression {
    /// A measured value as text for people, in the form in which its limit is written, such as `287.3ms`, `99.2%` or
    /// `1204.5/s`. Rounded to five digits, counts not at all.
    pub fn format_value(&self, value: f64) -> String {
        Quantity::of(&self.metric, self.aggregate).rounded(value)
    }

    /// The limit as text, such as `300ms`; exact.
    pub fn format_limit(&self) -> String {
        Quantity::of(&self.metric, self.aggregate).exact(self.limit)
    }
}

/// `number` times ten to the power of `exponent`, correctly rounded.
fn scaled(number: &str, exponent: i32) -> Option<f64> {
    format!("{number}e{exponent}").parse().ok()
}

fn exact_time(us: f64) -> String {
    let whole = TIME_UNITS.iter().find_map(|(unit, exponent)| {
        let number = (us / 10_f64.powi(*exponent)).to_string();
        // The product can be off by a rounding step; then a smaller unit says it exactly.
        let is_short = !number.contains('.') && scaled(&number, *exponent) == Some(us) && us > 0.0;
        is_short.then(|| format!("{number}{unit}"))
    });
    whole.unwrap_or_else(|| format!("{us}us"))
}

fn exact_bytes(bytes: f64) -> String {
    let whole = BYTE_UNITS.iter().find_map(|(unit, size)| {
        let number = bytes / size;
        (number.fract() == 0.0 && number * size == bytes && number > 0.0).then(|| format!("{number}{unit}"))
    });
    whole.unwrap_or_else(|| format!("{bytes}B"))
}

fn rounded_bytes(bytes: f64) -> String {
    let unit = BYTE_UNITS.iter().filter(|(name, _)| name.len() == 2).find(|(_, size)| bytes >= *size);
    match unit {
        Some((name, size)) => format!("{}{name}", significant(bytes / size)),
        None => format!("{}B", significant(bytes)),
    }
}

/// A number with the decimal point two places to the right: a share as a percentage, without a rounding step.
pub(super) fn shifted(value: f64) -> String {
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let padded = format!("{fraction:0<2}");
    let (up, rest) = padded.split_at(2);
    let whole = format!("{whole}{up}");
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    if rest.is_empty() { whole.to_owned() } else { format!("{whole}.{rest}") }
}

/// Five significant digits without trailing zeros; whole numbers in full.
fn significant(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    let decimals = usize::try_from((4 - magnitude).clamp(0, 9)).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
