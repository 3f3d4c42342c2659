//! Parameters in PostgreSQL's binary notation.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;

use super::Value;
use super::types::Notation;

type BoxError = Box<dyn Error + Send + Sync>;

/// How a parameter's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    /// Its binary notation is the text itself.
    Text,
    /// A version byte before the text.
    Jsonb,
    Bytes,
    /// The server is given a text, which it casts.
    Cast,
}

impl Kind {
    /// How values of a type are written whose notation is `notation`. `is_builtin`: the server has it from the start; for
    /// others the server says what belongs to them.
    pub(super) const fn of(notation: &Notation, is_builtin: bool) -> Self {
        if !is_builtin {
            return Self::Cast;
        }
        match notation {
            Notation::Boolean => Self::Boolean,
            Notation::Int2 => Self::Int2,
            Notation::Int4 => Self::Int4,
            Notation::Int8 => Self::Int8,
            Notation::Oid => Self::Oid,
            Notation::Float4 => Self::Float4,
            Notation::Float8 => Self::Float8,
            Notation::Text => Self::Text,
            Notation::Jsonb => Self::Jsonb,
            Notation::Bytes => Self::Bytes,
            _ => Self::Cast,
        }
    }
}

/// Bytes of a message besides its values, roughly.
const OVERHEAD_BYTES: usize = 64;

/// The messages that execute a prepared statement: bind values to it, fetch all rows in binary notation, end. Err: a value
/// that is none of its parameter's type.
pub(super) fn bind(
    statement: &str,
    kinds: &[Kind],
    names: &[String],
    values: &[Value],
) -> Result<BytesMut, String> {
    let mut out = BytesMut::with_capacity(OVERHEAD_BYTES + 16 * values.len());
    let mut place = 0;
    let write = |(&kind, value): (&Kind, &Value), out: &mut BytesMut| {
        place += 1;
        parameter(kind, value, out)
    };
    let binary = [1];
    let bound = frontend::bind("", statement, binary, kinds.iter().zip(values), write, binary, &mut out);
    if bound.is_err() {
        return Err(refusal(place, names, values));
    }
    let executed = frontend::execute("", 0, &mut out);
    frontend::sync(&mut out);
    executed.map(|()| out).map_err(|error| error.to_string())
}

fn refusal(place: usize, names: &[String], values: &[Value]) -> String {
    let index = place.wrapping_sub(1);
    let shown = match values.get(index) {
        Some(Value::Text(text)) => format!("the text `{}`", text.chars().take(40).collect::<String>()),
        Some(Value::Integer(number)) => format!("the integer {number}"),
        Some(Value::Real(number)) => format!("the real {number}"),
        Some(other) => other.kind().to_owned(),
        None => "nothing".to_owned(),
    };
    format!("${place} is {shown}, which is no {}", names.get(index).map_or("value", String::as_str))
}

fn parameter(kind: Kind, value: &Value, out: &mut BytesMut) -> Result<IsNull, BoxError> {
    if *value == Value::Null {
        return Ok(IsNull::Yes);
    }
    match kind {
        Kind::Boolean => out.put_u8(u8::from(boolean(value)?)),
        Kind::Int2 => out.put_i16(integer(value)?.try_into()?),
        Kind::Int4 => out.put_i32(integer(value)?.try_into()?),
        Kind::Int8 => out.put_i64(integer(value)?),
        Kind::Oid => out.put_u32(integer(value)?.try_into()?),
        // Rounded to the nearest, as the server itself does.
        Kind::Float4 => out.put_f32(real(value)? as f32),
        Kind::Float8 => out.put_f64(real(value)?),
        Kind::Text | Kind::Cast => text(value, out)?,
        Kind::Jsonb => {
            out.put_u8(1);
            text(value, out)?;
        }
        Kind::Bytes => bytes(value, out)?,
    }
    Ok(IsNull::No)
}

/// What cannot be converted. [`bind`] says which value it was.
fn wrong<T>() -> Result<T, BoxError> {
    Err("the value is of another type".into())
}

/// 2^63: the first number past those of an `i64`.
const PAST_I64: f64 = 9_223_372_036_854_775_808.0;

fn integer(value: &Value) -> Result<i64, BoxError> {
    match value {
        Value::Integer(number) => Ok(*number),
        Value::Boolean(yes) => Ok(i64::from(*yes)),
        Value::Real(number) if number.fract() == 0.0 && (-PAST_I64..PAST_I64).contains(number) => {
            Ok(*number as i64)
        }
        Value::Text(text) => Ok(text.trim().parse()?),
        _ => wrong(),
    }
}

fn real(value: &Value) -> Result<f64, BoxError> {
    match value {
        Value::Real(number) => Ok(*number),
        Value::Integer(number) => Ok(*number as f64),
        Value::Text(text) => Ok(text.trim().parse()?),
        _ => wrong(),
    }
}

/// The texts that PostgreSQL reads as truth values.
fn boolean(value: &Value) -> Result<bool, BoxError> {
    match value {
        Value::Boolean(yes) => Ok(*yes),
        Value::Integer(number @ (0 | 1)) => Ok(*number == 1),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "on" | "1" => Ok(true),
            "f" | "false" | "n" | "no" | "off" | "0" => Ok(false),
            _ => wrong(),
        },
        _ => wrong(),
    }
}

fn text(value: &Value, buffer: &mut BytesMut) -> Result<(), BoxError> {
    match value {
        Value::Text(text) => buffer.extend_from_slice(text.as_bytes()),
        Value::Integer(number) => buffer.extend_from_slice(number.to_string().as_bytes()),
        Value::Real(number) => buffer.extend_from_slice(number.to_string().as_bytes()),
        Value::Boolean(yes) => buffer.extend_from_slice(if *yes { b"true" } else { b"false" }),
        Value::Bytes(bytes) => buffer.extend_from_slice(std::str::from_utf8(bytes)?.as_bytes()),
        Value::Null => {}
    }
    Ok(())
}

/// Bytes, or a text of them: hexadecimal digits after `\x`, else its characters.
fn bytes(value: &Value, buffer: &mut BytesMut) -> Result<(), BoxError> {
    match value {
        Value::Bytes(bytes) => buffer.extend_from_slice(bytes),
        Value::Text(text) => match text.strip_prefix("\\x") {
            None => buffer.extend_from_slice(text.as_bytes()),
            Some(digits) => {
                let digits = digits.as_bytes();
                if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return wrong();
                }
                for pair in digits.chunks_exact(2) {
                    buffer.put_u8(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
                }
            }
        },
        _ => return wrong(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: Kind, value: Value) -> Result<Vec<u8>, String> {
        let mut buffer = BytesMut::new();
        let written = parameter(kind, &value, &mut buffer);
        written.map(|_| buffer.to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_written_as_wide_as_their_parameter() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (kind, value, expected) in [
            (Kind::Int2, Value::Integer(-2), &[0xff, 0xfe][..]),
            (Kind::Int4, text(" 7 "), &[0, 0, 0, 7]),
            (Kind::Int8, Value::Real(3.0), &[0, 0, 0, 0, 0, 0, 0, 3]),
            (Kind::Oid, Value::Integer(4_000_000_000), &[0xee, 0x6b, 0x28, 0]),
            (Kind::Float4, Value::Integer(1), &[0x3f, 0x80, 0, 0]),
            (Kind::Float8, text("0.5"), &[0x3f, 0xe0, 0, 0, 0, 0, 0, 0]),
            (Kind::Boolean, text("ON"), &[1]),
            (Kind::Boolean, Value::Integer(0), &[0]),
            (Kind::Text, Value::Integer(-12), b"-12"),
            (Kind::Text, Value::Bytes(b"a".to_vec()), b"a"),
            (Kind::Cast, text("2026-01-02"), b"2026-01-02"),
            (Kind::Jsonb, text("{}"), b"\x01{}"),
            (Kind::Bytes, text("\\x00fF"), &[0, 255]),
            (Kind::Bytes, text("x"), b"x"),
            (Kind::Int4, Value::Null, &[]),
        ] {
            assert_eq!(written(kind, value.clone()).as_deref(), Ok(expected), "{kind:?} {value:?}");
        }
    }

    #[test]
    fn a_statement_is_bound_executed_and_ended() {
        let messages = bind("s1", &[Kind::Int4, Kind::Text], &[], &[Value::Integer(7), Value::Null]).unwrap();
        let expected = b"B\0\0\0\x1e\0s1\0\0\x01\0\x01\0\x02\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff\0\x01\0\x01\
            E\0\0\0\x09\0\0\0\0\0S\0\0\0\x04";
        assert_eq!(messages.as_ref(), expected.as_slice());
    }

    #[test]
    fn what_cannot_be_converted_is_refused() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (kind, value) in [
            (Kind::Int2, Value::Integer(40_000)),
            (Kind::Int4, text("abc")),
            (Kind::Int8, Value::Real(0.5)),
            (Kind::Int8, Value::Real(1e300)),
            (Kind::Int8, Value::Bytes(vec![1])),
            (Kind::Float8, Value::Boolean(true)),
            (Kind::Boolean, Value::Integer(2)),
            (Kind::Text, Value::Bytes(vec![255])),
            (Kind::Bytes, text("\\x0")),
            (Kind::Bytes, text("\\xé0")),
        ] {
            assert!(written(kind, value.clone()).is_err(), "{kind:?} {value:?}");
        }
        let names = ["int8".to_owned(), "int4".to_owned()];
        let values = [Value::Integer(1), text("abc")];
        let error = bind("s", &[Kind::Int8, Kind::Int4], &names, &values).unwrap_err();
        assert_eq!(error, "$2 is the text `abc`, which is no int4");
    }
}
