//! Values of MySQL's rows: as text from `run`, in its binary notation from prepared statements
//! (<https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>).

use sqlx::mysql::{MySql, MySqlRow};
use sqlx::{Column, Decode, Row, Type, TypeInfo};

use super::Value;

/// In which notation a row came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Binary,
}

pub(super) fn row(row: &MySqlRow, format: Format) -> Vec<Value> {
    (0..row.len()).map(|place| cell(row, place, format)).collect()
}

pub(super) fn cell(row: &MySqlRow, place: usize, format: Format) -> Value {
    let (Some(bytes), Some(column)) = (raw(row, place), row.columns().get(place)) else { return Value::Null };
    let info = column.type_info();
    // The flag that makes a text's name that of bytes also says that its collation is one of codes, as JSON's is.
    if is_bytes(info.name()) && !<str as Type<MySql>>::compatible(info) {
        return Value::Bytes(bytes.to_vec());
    }
    match format {
        Format::Text => Value::text(bytes),
        Format::Binary => binary(info.name(), bytes).unwrap_or_else(|| Value::Bytes(bytes.to_vec())),
    }
}

/// A value as it came; `None` for `NULL`.
pub(super) fn raw(row: &MySqlRow, place: usize) -> Option<&[u8]> {
    let value = row.try_get_raw(place).ok()?;
    <&[u8] as Decode<'_, MySql>>::decode(value).ok()
}

fn is_bytes(name: &str) -> bool {
    name.ends_with("BLOB") || name.ends_with("BINARY") || name == "GEOMETRY"
}

fn binary(name: &str, bytes: &[u8]) -> Option<Value> {
    Some(match name {
        "BOOLEAN" | "TINYINT" => Value::Integer(i8::from_le_bytes(bytes.try_into().ok()?).into()),
        "TINYINT UNSIGNED" => Value::Integer(u8::from_le_bytes(bytes.try_into().ok()?).into()),
        "SMALLINT" => Value::Integer(i16::from_le_bytes(bytes.try_into().ok()?).into()),
        "SMALLINT UNSIGNED" | "YEAR" => Value::Integer(u16::from_le_bytes(bytes.try_into().ok()?).into()),
        "INT" | "MEDIUMINT" => Value::Integer(i32::from_le_bytes(bytes.try_into().ok()?).into()),
        "INT UNSIGNED" | "MEDIUMINT UNSIGNED" => {
            Value::Integer(u32::from_le_bytes(bytes.try_into().ok()?).into())
        }
        "BIGINT" => Value::Integer(i64::from_le_bytes(bytes.try_into().ok()?)),
        "BIGINT UNSIGNED" => unsigned(u64::from_le_bytes(bytes.try_into().ok()?)),
        "BIT" => bits(bytes)?,
        "FLOAT" => Value::Real(f32::from_le_bytes(bytes.try_into().ok()?).into()),
        "DOUBLE" => Value::Real(f64::from_le_bytes(bytes.try_into().ok()?)),
        "DATE" | "DATETIME" | "TIMESTAMP" => Value::Text(date_time(name, bytes)?),
        "TIME" => Value::Text(time(bytes)?),
        _ => Value::text(bytes),
    })
}

fn unsigned(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Integer)
}

/// Up to 64 bits, the most significant first.
fn bits(bytes: &[u8]) -> Option<Value> {
    let mut number = [0; 8];
    number.get_mut(8_usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    Some(unsigned(u64::from_be_bytes(number)))
}

/// A length byte, then as much of year, month, day, hour, minute, second and microseconds as is not 0.
fn date_time(name: &str, bytes: &[u8]) -> Option<String> {
    let (_, bytes) = bytes.split_first()?;
    let part = |place: usize| bytes.get(place).copied().unwrap_or(0);
    let year = u16::from_le_bytes([part(0), part(1)]);
    let date = format!("{year:04}-{:02}-{:02}", part(2), part(3));
    if name == "DATE" {
        return Some(date);
    }
    let us = u32::from_le_bytes([part(7), part(8), part(9), part(10)]);
    Some(format!("{date} {:02}:{:02}:{:02}{}", part(4), part(5), part(6), fraction(us)))
}

/// A length byte, then a sign, days, hours, minutes, seconds and microseconds as far as they are not 0.
fn time(bytes: &[u8]) -> Option<String> {
    let (_, bytes) = bytes.split_first()?;
    let part = |place: usize| bytes.get(place).copied().unwrap_or(0);
    let sign = if part(0) == 1 { "-" } else { "" };
    let days = u32::from_le_bytes([part(1), part(2), part(3), part(4)]);
    let hours = u64::from(days) * 24 + u64::from(part(5));
    let us = u32::from_le_bytes([part(8), part(9), part(10), part(11)]);
    Some(format!("{sign}{hours:02}:{:02}:{:02}{}", part(6), part(7), fraction(us)))
}

/// Microseconds as six digits, as the server shows columns that have any.
fn fraction(us: u32) -> String {
    if us == 0 { String::new() } else { format!(".{us:06}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_values_are_read() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (name, bytes, expected) in [
            ("TINYINT", &[0xff][..], Value::Integer(-1)),
            ("TINYINT UNSIGNED", &[0xff], Value::Integer(255)),
            ("YEAR", &[0xea, 0x07], Value::Integer(2026)),
            ("BIGINT UNSIGNED", &[0xff; 8], text("18446744073709551615")),
            ("BIT", &[1, 2], Value::Integer(258)),
            ("DOUBLE", &[0, 0, 0, 0, 0, 0, 0xe0, 0x3f], Value::Real(0.5)),
            ("DATE", &[4, 0xea, 7, 11, 27], text("2026-11-27")),
            ("DATETIME", &[4, 0xea, 7, 11, 27], text("2026-11-27 00:00:00")),
            (
                "TIMESTAMP",
                &[11, 0xea, 7, 11, 27, 1, 2, 3, 0x40, 0xe2, 1, 0],
                text("2026-11-27 01:02:03.123456"),
            ),
            ("TIME", &[8, 1, 1, 0, 0, 0, 2, 3, 4], text("-26:03:04")),
            ("TIME", &[0], text("00:00:00")),
            ("DECIMAL", b"1.50", text("1.50")),
            ("VARCHAR", "é".as_bytes(), text("é")),
        ] {
            assert_eq!(binary(name, bytes), Some(expected), "{name}");
        }
        for (name, bytes) in [("INT", &[1][..]), ("DATE", &[]), ("BIT", &[1; 9])] {
            assert_eq!(binary(name, bytes), None, "{name}");
        }
    }
}
