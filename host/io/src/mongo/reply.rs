//! What a reply says of its command.

use bson::{RawBsonRef, RawDocument};
use stresshost_metrics::ErrorKind;

use super::error::kind;
use super::limits::MAX_DEPTH;
use super::message::malformed;
use crate::failure::Failure;

/// What a command has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// Documents returned; inserted, matched or deleted ones otherwise.
    pub(super) count: u64,
    pub(super) error: Option<Refused>,
}

/// A failure that the server tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) kind: ErrorKind,
    pub(super) code: Option<i32>,
    pub(super) text: String,
}

/// Reads a reply: <https://www.mongodb.com/docs/manual/reference/command/#response>.
pub(super) fn judge(reply: &RawDocument) -> Result<Judged, Failure> {
    let unreadable = |error: bson::error::Error| malformed(format!("the server's reply: {error}"));
    let mut is_ok = None;
    let (mut counted, mut returned, mut found) = (None, None, None);
    let (mut code, mut text, mut write_error) = (None, None, None);
    for element in reply {
        let (key, value) = element.map_err(unreadable)?;
        match (key.as_str(), value) {
            ("ok", value) => is_ok = Some(number(value) != Some(0)),
            ("n", value) => counted = number(value),
            ("cursor", RawBsonRef::Document(cursor)) => returned = Some(batch(cursor).map_err(unreadable)?),
            ("values", RawBsonRef::Array(values)) => {
                returned = Some(values.into_iter().count() as i64);
            }
            // Of findAndModify.
            ("lastErrorObject", RawBsonRef::Document(last)) => {
                found = last.get("n").map_err(unreadable)?.and_then(number);
            }
            ("code", value) => code = number(value),
            ("errmsg", RawBsonRef::String(message)) => text = Some(message.to_owned()),
            ("writeErrors", RawBsonRef::Array(errors)) => {
                if let Some(first) = errors.into_iter().next() {
                    write_error = refused_in(first.map_err(unreadable)?);
                }
            }
            ("writeConcernError", value) => {
                // That the writes are done is not known then.
                let concern = refused_in(value);
                write_error = write_error.or_else(|| {
                    concern.map(|refused| Refused { kind: ErrorKind::OutcomeUnknown, ..refused })
                });
            }
            _ => {}
        }
    }
    let count = returned.or(found.filter(|_| counted.is_none())).or(counted);
    let count = count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
    let error = match is_ok {
        None => return Err(malformed("the server's reply does not say whether the command succeeded")),
        Some(true) => write_error,
        Some(false) => Some(refused(code, text)),
    };
    Ok(Judged { count, error })
}

/// Documents of a cursor's batch.
fn batch(cursor: &RawDocument) -> bson::error::Result<i64> {
    for element in cursor {
        if let (key, RawBsonRef::Array(batch)) = element?
            && matches!(key.as_str(), "firstBatch" | "nextBatch")
        {
            let mut count = 0;
            for document in batch {
                document?;
                count += 1;
            }
            return Ok(count);
        }
    }
    Ok(0)
}

fn refused_in(error: RawBsonRef<'_>) -> Option<Refused> {
    let error = error.as_document()?;
    let code = error.get("code").ok().flatten().and_then(number);
    let text = error.get("errmsg").ok().flatten().and_then(|text| text.as_str().map(str::to_owned));
    Some(refused(code, text))
}

fn refused(code: Option<i64>, text: Option<String>) -> Refused {
    let code = code.and_then(|code| i32::try_from(code).ok());
    let text = text.unwrap_or_else(|| "the server gave no reason".to_owned());
    Refused { kind: code.map_or(ErrorKind::ServerError, kind), code, text }
}

/// A whole number, whatever it is written as.
fn number(value: RawBsonRef<'_>) -> Option<i64> {
    match value {
        RawBsonRef::Int32(number) => Some(number.into()),
        RawBsonRef::Int64(number) => Some(number),
        RawBsonRef::Double(number) => Some(number as i64),
        RawBsonRef::Boolean(yes) => Some(yes.into()),
        _ => None,
    }
}

/// The reply as relaxed Extended JSON. Err: what is wrong with it.
pub(super) fn json(reply: &RawDocument) -> Result<String, String> {
    // The conversion works without a limit of its own.
    if !is_flat(reply, MAX_DEPTH) {
        return Err(format!("the reply is damaged, or nests deeper than {MAX_DEPTH} levels"));
    }
    let document = bson::Document::try_from(reply).map_err(|error| error.to_string())?;
    Ok(bson::Bson::Document(document).into_relaxed_extjson().to_string())
}

fn is_flat(document: &RawDocument, levels: usize) -> bool {
    let fits = |value: RawBsonRef<'_>| match value {
        RawBsonRef::Document(inner) => is_flat(inner, levels - 1),
        // An array is a document whose keys are numbers.
        RawBsonRef::Array(inner) => {
            RawDocument::from_bytes(inner.as_bytes()).is_ok_and(|inner| is_flat(inner, levels - 1))
        }
        _ => true,
    };
    levels > 0 && document.into_iter().all(|element| element.is_ok_and(|(_, value)| fits(value)))
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};
    use proptest::prelude::*;

    use super::*;

    fn judged(document: &Document) -> Result<Judged, Failure> {
        let bytes = document.to_vec().unwrap();
        judge(RawDocument::from_bytes(&bytes).unwrap())
    }

    #[test]
    fn replies_say_how_many() {
        for (reply, count) in [
            (doc! {"cursor": {"firstBatch": [{"a": 1}, {}], "id": 0_i64, "ns": "d.c"}, "ok": 1.0}, 2),
            (doc! {"cursor": {"nextBatch": [], "id": 0_i64}, "ok": 1}, 0),
            (doc! {"n": 3, "ok": 1.0}, 3),
            (doc! {"n": 1, "nModified": 0, "ok": 1.0}, 1),
            (doc! {"lastErrorObject": {"n": 1, "updatedExisting": true}, "value": {"a": 1}, "ok": 1.0}, 1),
            (doc! {"values": [1, 2, 3], "ok": 1.0}, 3),
            (doc! {"ok": true}, 0),
            (doc! {"n": -1, "ok": 1.0}, 0),
        ] {
            assert_eq!(judged(&reply).unwrap(), Judged { count, error: None }, "{reply}");
        }
    }

    #[test]
    fn failures_are_the_commands_or_the_first_writes() {
        let duplicate = doc! {"index": 0, "code": 11_000, "errmsg": "E11000 duplicate key"};
        for (reply, kind, code, text) in [
            (
                doc! {"ok": 0.0, "errmsg": "no such command", "code": 59},
                ErrorKind::Statement,
                Some(59),
                "no such",
            ),
            (doc! {"ok": 0, "errmsg": "odd"}, ErrorKind::ServerError, None, "odd"),
            (doc! {"ok": 0}, ErrorKind::ServerError, None, "no reason"),
            (
                doc! {"n": 0, "writeErrors": [duplicate.clone()], "ok": 1.0},
                ErrorKind::Constraint,
                Some(11_000),
                "E11000",
            ),
            (
                doc! {"n": 1, "writeConcernError": {"code": 64, "errmsg": "waiting timed out"}, "ok": 1.0},
                ErrorKind::OutcomeUnknown,
                Some(64),
                "waiting",
            ),
            (
                doc! {"writeConcernError": {"code": 64, "errmsg": "x"}, "writeErrors": [duplicate], "ok": 1.0},
                ErrorKind::Constraint,
                Some(11_000),
                "E11000",
            ),
        ] {
            let error = judged(&reply).unwrap().error.unwrap();
            assert_eq!((error.kind, error.code), (kind, code), "{reply}");
            assert!(error.text.contains(text), "{reply}");
        }
        assert_eq!(judged(&doc! {"n": 1}).unwrap_err().kind, ErrorKind::Malformed);
    }

    #[test]
    fn replies_are_shown_unless_they_nest_too_deep() {
        let bytes = doc! {"a": [{"b": 5_000_000_000_i64}], "ok": 1.0}.to_vec().unwrap();
        let shown = json(RawDocument::from_bytes(&bytes).unwrap()).unwrap();
        assert_eq!(shown, "{\"a\":[{\"b\":5000000000}],\"ok\":1.0}");
        // By hand: the library would overflow the stack with the deepest.
        let nested = |levels| {
            (0..levels).fold(vec![5, 0, 0, 0, 0], |inner: Vec<u8>, _| {
                let length = i32::try_from(inner.len() + 8).unwrap().to_le_bytes();
                [&length, b"\x03a\0".as_slice(), &inner, b"\0"].concat()
            })
        };
        assert!(json(RawDocument::from_bytes(&nested(MAX_DEPTH - 1)).unwrap()).is_ok());
        let deep = nested(5_000);
        assert!(json(RawDocument::from_bytes(&deep).unwrap()).unwrap_err().contains("levels"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 5..80)) {
            let length = i32::try_from(bytes.len()).unwrap().to_le_bytes();
            bytes[..4].copy_from_slice(&length);
            if let Some(last) = bytes.last_mut() {
                *last = 0;
            }
            if let Ok(document) = RawDocument::from_bytes(&bytes) {
                drop(judge(document));
                drop(json(document));
            }
        }
    }
}
