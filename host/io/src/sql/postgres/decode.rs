//! Values of PostgreSQL's rows: as text from `run`, in its binary notation from prepared statements.
//!
//! The notations are those of the server's own `*_send` functions (src/backend/utils/adt); texts are written as its
//! `*_out` functions do with `DateStyle` ISO.

use std::fmt::Write as _;

use super::Value;
use super::types::{Notation, Type};
use crate::sql::calendar;

/// A row's values in the binary notations of their types.
pub(super) fn row(body: &[u8], types: &[Type]) -> Vec<Value> {
    let mut types = types.iter();
    fields(body, |bytes| {
        // Also where there is no value: types and fields go side by side.
        let kind = types.next();
        kind.zip(bytes).map_or(Value::Null, |(kind, bytes)| cell(kind, bytes))
    })
}

/// A row's values as texts.
pub(super) fn text_row(body: &[u8]) -> Vec<Value> {
    fields(body, |bytes| bytes.map_or(Value::Null, Value::text))
}

/// The fields of a `DataRow`: their number, and each after its length.
fn fields(body: &[u8], read: impl FnMut(Option<&[u8]>) -> Value) -> Vec<Value> {
    let Some((count, bytes)) = body.split_first_chunk::<2>() else { return Vec::new() };
    let mut reader = Reader { bytes };
    (0..u16::from_be_bytes(*count)).map_while(|_| reader.value()).map(read).collect()
}

fn cell(kind: &Type, bytes: &[u8]) -> Value {
    decoded(&kind.notation, bytes).unwrap_or_else(|| {
        Value::Text(format!("(a value of type {0}: cast it to see it, as in `column::text`)", kind.name))
    })
}

fn decoded(notation: &Notation, bytes: &[u8]) -> Option<Value> {
    Some(match notation {
        Notation::Boolean => Value::Boolean(*bytes.first()? != 0),
        Notation::Int2 => Value::Integer(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        Notation::Int4 => Value::Integer(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        Notation::Int8 => Value::Integer(i64::from_be_bytes(bytes.try_into().ok()?)),
        Notation::Oid => Value::Integer(u32::from_be_bytes(bytes.try_into().ok()?).into()),
        Notation::Float4 => Value::Real(f32::from_be_bytes(bytes.try_into().ok()?).into()),
        Notation::Float8 => Value::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
        Notation::Text => Value::text(bytes),
        Notation::Jsonb => Value::text(bytes.get(1..)?),
        Notation::Bytes => Value::Bytes(bytes.to_vec()),
        Notation::Void => Value::Null,
        Notation::Numeric => Value::Text(numeric(bytes)?),
        Notation::Uuid => Value::Text(uuid(bytes)?),
        Notation::Date => Value::Text(date(i32::from_be_bytes(bytes.try_into().ok()?))),
        Notation::Time => Value::Text(calendar::time(i64::from_be_bytes(bytes.try_into().ok()?))),
        Notation::Timestamp => Value::Text(timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "")),
        // The session's zone is UTC.
        Notation::Timestamptz => Value::Text(timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "+00")),
        Notation::Interval => Value::Text(interval(bytes)?),
        Notation::Array(element) => Value::Text(array(element, bytes)?),
        Notation::Unknown => return None,
    })
}

/// Days and microseconds count from 2000-01-01.
const EPOCH_DAYS: i64 = 10_957;

const DAY_US: i64 = 86_400_000_000;

fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        _ => before_christ(i64::from(days) + EPOCH_DAYS, ""),
    }
}

fn timestamp(us: i64, zone: &str) -> String {
    match us {
        i64::MAX => "infinity".to_owned(),
        i64::MIN => "-infinity".to_owned(),
        _ => {
            let time = calendar::time(us.rem_euclid(DAY_US));
            before_christ(us.div_euclid(DAY_US) + EPOCH_DAYS, &format!(" {time}{zone}"))
        }
    }
}

/// A day since 1970 and what follows it, in the server's way of writing years before the first.
fn before_christ(days: i64, rest: &str) -> String {
    let (year, month, day) = calendar::civil(days);
    if year > 0 {
        return format!("{year:04}-{month:02}-{day:02}{rest}");
    }
    format!("{:04}-{month:02}-{day:02}{rest} BC", 1 - year)
}

/// Microseconds, days and months.
fn interval(bytes: &[u8]) -> Option<String> {
    let us = i64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
    let days = i32::from_be_bytes(bytes.get(8..12)?.try_into().ok()?);
    let months = i32::from_be_bytes(bytes.get(12..16)?.try_into().ok()?);
    let mut out = String::new();
    for (number, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if number != 0 {
            // The sign is written where it could be taken for the one before.
            let sign = if !out.is_empty() && number > 0 && out.contains('-') { "+" } else { "" };
            let plural = if number == 1 { "" } else { "s" };
            let space = if out.is_empty() { "" } else { " " };
            write!(out, "{space}{sign}{number} {unit}{plural}").ok()?;
        }
    }
    if us != 0 || out.is_empty() {
        let sign = match (us < 0, out.contains('-')) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        let space = if out.is_empty() { "" } else { " " };
        let time = calendar::time(i64::try_from(us.unsigned_abs()).unwrap_or(i64::MAX));
        write!(out, "{space}{sign}{time}").ok()?;
    }
    Some(out)
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let mut out = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        write!(out, "{byte:02x}").ok()?;
    }
    Some(out)
}

/// Groups of four digits, the weight of the first, a sign, and how many digits are shown after the point.
fn numeric(bytes: &[u8]) -> Option<String> {
    let mut fields = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let groups = usize::from(fields.next()?);
    let weight = i32::from(fields.next()?.cast_signed());
    let sign = fields.next()?;
    let scale = usize::from(fields.next()?);
    let digits: Vec<u16> = fields.take(groups).collect();
    match sign {
        0xc000 => return Some("NaN".to_owned()),
        0xd000 => return Some("Infinity".to_owned()),
        0xf000 => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let group = |place: i32| {
        let index = usize::try_from(weight - place).ok();
        index.and_then(|index| digits.get(index)).copied().unwrap_or(0)
    };
    let mut out = String::new();
    if sign == 0x4000 {
        out.push('-');
    }
    if weight < 0 {
        out.push('0');
    }
    for place in (0..=weight).rev() {
        if place == weight {
            write!(out, "{}", group(place)).ok()?;
        } else {
            write!(out, "{:04}", group(place)).ok()?;
        }
    }
    if scale > 0 {
        out.push('.');
        let start = out.len();
        let mut place = -1;
        while out.len() < start + scale {
            write!(out, "{:04}", group(place)).ok()?;
            place -= 1;
        }
        out.truncate(start + scale);
    }
    Some(out)
}

/// Dimensions of an array (the server's `MAXDIM`).
const MAX_DIMENSIONS: usize = 6;

/// An array as the server writes it: `{1,2}`, with quotes where they are needed.
fn array(element: &Notation, bytes: &[u8]) -> Option<String> {
    let mut reader = Reader { bytes };
    let dimensions = usize::try_from(reader.int()?).ok()?;
    reader.int()?;
    reader.int()?;
    if dimensions == 0 {
        return Some("{}".to_owned());
    }
    let mut lengths = Vec::new();
    for _ in 0..dimensions.min(MAX_DIMENSIONS) {
        let length = usize::try_from(reader.int()?).ok()?;
        // Each element takes its length's bytes at least.
        lengths.push(Some(length).filter(|length| (1..=bytes.len()).contains(length))?);
        if reader.int()? != 1 {
            // Bounds that do not begin at 1 have a notation of their own.
            return None;
        }
    }
    let mut out = String::new();
    nested(element, &lengths, &mut reader, &mut out)?;
    Some(out)
}

fn nested(element: &Notation, lengths: &[usize], reader: &mut Reader<'_>, out: &mut String) -> Option<()> {
    let (&length, inner) = lengths.split_first()?;
    out.push('{');
    for place in 0..length {
        if place > 0 {
            out.push(',');
        }
        if inner.is_empty() {
            match reader.value()? {
                Some(bytes) => quoted(&written(&decoded(element, bytes)?), out),
                None => out.push_str("NULL"),
            }
        } else {
            nested(element, inner, reader, out)?;
        }
    }
    out.push('}');
    Some(())
}

/// A value as the server writes it.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(yes) => if *yes { "t" } else { "f" }.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => {
            bytes.iter().fold("\\x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
        }
    }
}

fn quoted(text: &str, out: &mut String) {
    let special = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ',' | '"' | '\\');
    if !text.is_empty() && !text.contains(special) && !text.eq_ignore_ascii_case("null") {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn int(&mut self) -> Option<i32> {
        let (head, rest) = self.bytes.split_first_chunk::<4>()?;
        self.bytes = rest;
        Some(i32::from_be_bytes(*head))
    }

    /// A value after its length; a length of -1 is `NULL`.
    fn value(&mut self) -> Option<Option<&'a [u8]>> {
        let Ok(length) = usize::try_from(self.int()?) else { return Some(None) };
        let (value, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_are_read_field_by_field() {
        let body = [0, 3, 0, 0, 0, 1, b'a', 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        let expected = [Value::Text("a".into()), Value::Null, Value::Text(String::new())];
        assert_eq!(text_row(&body), expected);
        assert_eq!(text_row(&body[..9]), expected[..1], "cut off in the second field");
        let body = [0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2, 0, 7];
        let int2 = Type { name: "int2".into(), notation: Notation::Int2, is_builtin: true };
        assert_eq!(row(&body, &[Type::text(), int2]), [Value::Null, Value::Integer(7)], "each has its type");
    }

    #[test]
    fn damaged_values_are_no_values() {
        assert_eq!(numeric(&[0, 1]), None);
        assert_eq!(uuid(&[0; 15]), None);
        assert_eq!(interval(&[0; 15]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            drop(numeric(&bytes));
            drop(interval(&bytes));
            drop(array(&Notation::Int4, &bytes));
            drop(text_row(&bytes));
            drop(row(&bytes, &[Type::text(), Type::text()]));
        }
    }
}
