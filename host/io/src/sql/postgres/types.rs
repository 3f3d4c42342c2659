//! Types of parameters and columns: what the server calls them, and how it writes their values in binary.

use std::collections::HashMap;

use super::connection::Connection;
use crate::sql::error::SqlError;

/// A type of the server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Type {
    /// As it can stand in a cast.
    pub(super) name: String,
    pub(super) notation: Notation,
    /// Whether every server has it.
    pub(super) is_builtin: bool,
}

/// How values are written in binary: what the server's `*_send` functions do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    Boolean,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    /// The text itself.
    Text,
    /// A version byte before the text.
    Jsonb,
    Bytes,
    Void,
    Numeric,
    Uuid,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Interval,
    Array(Box<Self>),
    /// None that is read here.
    Unknown,
}

impl Type {
    /// What is a text to its reader.
    #[cfg(test)]
    pub(super) fn text() -> Self {
        Self { name: "text".to_owned(), notation: Notation::Text, is_builtin: true }
    }
}

/// Types that are the same on every server, by their ids (src/include/catalog/pg_type.dat).
fn builtin(oid: u32) -> Option<Type> {
    let (name, notation) = match oid {
        16 => ("bool", Notation::Boolean),
        17 => ("bytea", Notation::Bytes),
        // Without the quotes it would be another type.
        18 => ("\"char\"", Notation::Text),
        19 => ("name", Notation::Text),
        20 => ("int8", Notation::Int8),
        21 => ("int2", Notation::Int2),
        23 => ("int4", Notation::Int4),
        25 => ("text", Notation::Text),
        26 => ("oid", Notation::Oid),
        114 => ("json", Notation::Text),
        142 => ("xml", Notation::Text),
        700 => ("float4", Notation::Float4),
        701 => ("float8", Notation::Float8),
        705 => ("unknown", Notation::Text),
        1042 => ("char", Notation::Text),
        1043 => ("varchar", Notation::Text),
        1082 => ("date", Notation::Date),
        1083 => ("time", Notation::Time),
        1114 => ("timestamp", Notation::Timestamp),
        1184 => ("timestamptz", Notation::Timestamptz),
        1186 => ("interval", Notation::Interval),
        1700 => ("numeric", Notation::Numeric),
        2278 => ("void", Notation::Void),
        2950 => ("uuid", Notation::Uuid),
        3802 => ("jsonb", Notation::Jsonb),
        _ => return None,
    };
    Some(Type { name: name.to_owned(), notation, is_builtin: true })
}

/// Types that were asked for on a connection.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<u32, Type>);

/// How deep domains and arrays may lie in each other.
const MAX_DEPTH: usize = 8;

/// A type by its id; the server is asked once for those that it need not have.
pub(super) async fn find(connection: &mut Connection, oid: u32) -> Result<Type, SqlError> {
    if let Some(found) = builtin(oid).or_else(|| connection.known.0.get(&oid).cloned()) {
        return Ok(found);
    }
    let mut found = Type { name: "unknown".to_owned(), notation: Notation::Unknown, is_builtin: false };
    let mut arrays = 0;
    let mut next = oid;
    for depth in 0..MAX_DEPTH {
        if let Some(Type { notation, .. }) = builtin(next) {
            found.notation = notation;
            break;
        }
        let Some(entry) = entry(connection, next).await? else { break };
        if depth == 0 {
            found.name = entry.name;
        }
        match entry.of {
            Of::Domain(base) => next = base,
            Of::Array(element) => {
                arrays += 1;
                next = element;
            }
            Of::Text => {
                found.notation = Notation::Text;
                break;
            }
            Of::Other => break,
        }
    }
    for _ in 0..arrays {
        found.notation = Notation::Array(Box::new(found.notation));
    }
    connection.known.0.insert(oid, found.clone());
    Ok(found)
}

/// What the catalogue says of a type.
struct Entry {
    name: String,
    of: Of,
}

/// What a type is made of.
enum Of {
    Domain(u32),
    Array(u32),
    Text,
    Other,
}

async fn entry(connection: &mut Connection, oid: u32) -> Result<Option<Entry>, SqlError> {
    let query = format!(
        "SELECT format_type(oid, NULL), typtype, typcategory, typbasetype, typelem, typname \
         FROM pg_type WHERE oid = {oid}"
    );
    let rows = connection.texts(&query).await?;
    let Some([Some(name), Some(kind), Some(category), Some(base), Some(element), Some(own)]) =
        rows.first().map(Vec::as_slice)
    else {
        return Ok(None);
    };
    let number = |text: &String| text.parse().unwrap_or(0);
    let of = match (kind.as_str(), category.as_str()) {
        ("d", _) => Of::Domain(number(base)),
        ("e", _) => Of::Text,
        ("b", "A") => Of::Array(number(element)),
        // An extension's own text.
        _ if own == "citext" => Of::Text,
        _ => Of::Other,
    };
    Ok(Some(Entry { name: name.clone(), of }))
}
