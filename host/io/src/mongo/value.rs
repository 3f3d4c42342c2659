//! Values of a command, as BSON writes them (<https://bsonspec.org/spec.html>).

use bson::Bson;
use bson::spec::{BinarySubtype, ElementType};

/// A value of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A whole number of 64 bits.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Anything else, as Extended JSON.
    Json(String),
}

/// Appends an element of a document: kind, key, value. Err: what is wrong with the value.
pub(super) fn push_element(key: &[u8], value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let mut head = |kind: ElementType| {
        out.push(kind as u8);
        out.extend_from_slice(key);
        out.push(0);
    };
    match value {
        Value::Null => head(ElementType::Null),
        Value::Boolean(yes) => {
            head(ElementType::Boolean);
            out.push(u8::from(*yes));
        }
        Value::Integer(number) => {
            head(ElementType::Int64);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Real(number) => {
            head(ElementType::Double);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Text(text) => {
            head(ElementType::String);
            out.extend_from_slice(&length(text.len() + 1)?);
            out.extend_from_slice(text.as_bytes());
            out.push(0);
        }
        Value::Bytes(bytes) => {
            head(ElementType::Binary);
            out.extend_from_slice(&length(bytes.len())?);
            out.push(BinarySubtype::Generic.into());
            out.extend_from_slice(bytes);
        }
        Value::Json(text) => push_bson(key, read_json(text)?, out)?,
    }
    Ok(())
}

/// The same for a value that was read.
pub(super) fn push_bson(key: &[u8], value: Bson, out: &mut Vec<u8>) -> Result<(), String> {
    let key = std::str::from_utf8(key).map_err(|error| error.to_string())?;
    let mut document = bson::Document::new();
    document.insert(key, value);
    let bytes = document.to_vec().map_err(|error| error.to_string())?;
    // A length before it, a zero after it.
    out.extend_from_slice(bytes.get(4..bytes.len() - 1).unwrap_or_default());
    Ok(())
}

/// A value of Extended JSON.
pub(super) fn read_json(text: &str) -> Result<Bson, String> {
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    Bson::try_from(json).map_err(|error| format!("it is no Extended JSON: {error}"))
}

/// A length as BSON writes it.
pub(super) fn length(bytes: usize) -> Result<[u8; 4], String> {
    i32::try_from(bytes).map(i32::to_le_bytes).map_err(|_| "it is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use bson::{RawDocument, doc};

    use super::*;

    #[test]
    fn values_are_what_the_library_reads() {
        let object = bson::oid::ObjectId::parse_str("0123456789abcdef01234567").unwrap();
        for (value, expected) in [
            (Value::Null, Bson::Null),
            (Value::Boolean(true), Bson::Boolean(true)),
            (Value::Integer(-5), Bson::Int64(-5)),
            (Value::Real(0.5), Bson::Double(0.5)),
            (Value::Text("zażółć".into()), Bson::String("zażółć".into())),
            (
                Value::Bytes(vec![0, 255]),
                Bson::Binary(bson::Binary { subtype: BinarySubtype::Generic, bytes: vec![0, 255] }),
            ),
            (Value::Json("[1, {\"a\": null}]".into()), Bson::Array(vec![1.into(), doc! {"a": null}.into()])),
            (Value::Json("{\"$oid\": \"0123456789abcdef01234567\"}".into()), Bson::ObjectId(object)),
        ] {
            let mut bytes = vec![0; 4];
            push_element(b"key", &value, &mut bytes).unwrap();
            bytes.push(0);
            let length = i32::try_from(bytes.len()).unwrap().to_le_bytes();
            bytes[..4].copy_from_slice(&length);
            let read = bson::Document::try_from(RawDocument::from_bytes(&bytes).unwrap()).unwrap();
            assert_eq!(read, doc! {"key": expected}, "{value:?}");
        }
        for text in ["{", "{\"$oid\": 1}", ""] {
            assert!(push_element(b"k", &Value::Json(text.into()), &mut Vec::new()).is_err(), "{text}");
        }
    }
}
