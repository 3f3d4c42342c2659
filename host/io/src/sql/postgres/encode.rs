//! Parameters in PostgreSQL's binary notation.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgTypeInfo, Postgres};
use sqlx::{Arguments, Encode, Type, TypeInfo};

use super::Value;

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
    pub(super) fn of(info: &PgTypeInfo) -> Self {
        match info.name() {
            "BOOL" => Self::Boolean,
            "INT2" => Self::Int2,
            "INT4" => Self::Int4,
            "INT8" => Self::Int8,
            "OID" => Self::Oid,
            "FLOAT4" => Self::Float4,
            "FLOAT8" => Self::Float8,
            "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "UNKNOWN" | "JSON" => Self::Text,
            "JSONB" => Self::Jsonb,
            "BYTEA" => Self::Bytes,
            _ => Self::Cast,
        }
    }
}

/// Writes values. Err: a value that is none of its parameter's type.
pub(super) fn arguments(kinds: &[Kind], names: &[String], values: &[Value]) -> Result<PgArguments, String> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), 12 * values.len());
    for (place, (&kind, value)) in kinds.iter().zip(values).enumerate() {
        arguments.add(Parameter { kind, value }).map_err(|_| {
            let shown = match value {
                Value::Text(text) => format!("the text `{}`", text.chars().take(40).collect::<String>()),
                Value::Integer(number) => format!("the integer {number}"),
                Value::Real(number) => format!("the real {number}"),
                other => other.kind().to_owned(),
            };
            format!(
                "${} is {shown}, which is no {}",
                place + 1,
                names.get(place).map_or("value", String::as_str)
            )
        })?;
    }
    Ok(arguments)
}

struct Parameter<'a> {
    kind: Kind,
    value: &'a Value,
}

impl Type<Postgres> for Parameter<'_> {
    // The statement is prepared by then, so its own types hold.
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Parameter<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        if *self.value == Value::Null {
            return Ok(IsNull::Yes);
        }
        match self.kind {
            Kind::Boolean => buffer.push(u8::from(boolean(self.value)?)),
            Kind::Int2 => buffer.extend_from_slice(&i16::try_from(integer(self.value)?)?.to_be_bytes()),
            Kind::Int4 => buffer.extend_from_slice(&i32::try_from(integer(self.value)?)?.to_be_bytes()),
            Kind::Int8 => buffer.extend_from_slice(&integer(self.value)?.to_be_bytes()),
            Kind::Oid => buffer.extend_from_slice(&u32::try_from(integer(self.value)?)?.to_be_bytes()),
            // Rounded to the nearest, as the server itself does.
            Kind::Float4 => buffer.extend_from_slice(&(real(self.value)? as f32).to_be_bytes()),
            Kind::Float8 => buffer.extend_from_slice(&real(self.value)?.to_be_bytes()),
            Kind::Text | Kind::Cast => text(self.value, buffer)?,
            Kind::Jsonb => {
                buffer.push(1);
                text(self.value, buffer)?;
            }
            Kind::Bytes => bytes(self.value, buffer)?,
        }
        Ok(IsNull::No)
    }
}

/// What cannot be converted. [`arguments`] says which value it was.
fn wrong<T>() -> Result<T, BoxDynError> {
    Err("the value is of another type".into())
}

/// 2^63: the first number past those of an `i64`.
const PAST_I64: f64 = 9_223_372_036_854_775_808.0;

fn integer(value: &Value) -> Result<i64, BoxDynError> {
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

fn real(value: &Value) -> Result<f64, BoxDynError> {
    match value {
        Value::Real(number) => Ok(*number),
        Value::Integer(number) => Ok(*number as f64),
        Value::Text(text) => Ok(text.trim().parse()?),
        _ => wrong(),
    }
}

/// The texts that PostgreSQL reads as truth values.
fn boolean(value: &Value) -> Result<bool, BoxDynError> {
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

fn text(value: &Value, buffer: &mut PgArgumentBuffer) -> Result<(), BoxDynError> {
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
fn bytes(value: &Value, buffer: &mut PgArgumentBuffer) -> Result<(), BoxDynError> {
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
                    buffer.push(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
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
        let mut buffer = PgArgumentBuffer::default();
        let written = Parameter { kind, value: &value }.encode_by_ref(&mut buffer);
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
        let error = arguments(&[Kind::Int4], &["int4".into()], &[text("abc")]).unwrap_err();
        assert_eq!(error, "$1 is the text `abc`, which is no int4");
    }
}
