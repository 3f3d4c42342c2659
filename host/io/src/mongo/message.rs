//! `OP_MSG` (<https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>).

use bson::RawDocument;
use stresshost_metrics::ErrorKind;

use super::limits::MAX_MESSAGE_BYTES;
use super::value::length;
use crate::failure::Failure;

const OP_MSG: i32 = 2013;

/// Length, id, id of what is answered, kind.
pub(super) const HEAD_BYTES: usize = 16;

/// Flags, and the kind of the only section.
const PREAMBLE_BYTES: usize = 5;

const CHECKSUM_PRESENT: u32 = 1;
const MORE_TO_COME: u32 = 2;

/// Begins a message whose document follows.
pub(super) fn begin(id: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; 4]);
    for field in [id, 0, OP_MSG] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.extend_from_slice(&[0; PREAMBLE_BYTES]);
}

/// Ends a message that [`begin`] has begun at the start of `out`. Err: it is too long.
pub(super) fn end(out: &mut [u8]) -> Result<(), String> {
    let len = out.len();
    if len > MAX_MESSAGE_BYTES {
        return Err(format!("the command has {len} bytes; {MAX_MESSAGE_BYTES} are the most"));
    }
    if let Some(field) = out.first_chunk_mut::<4>() {
        *field = length(len)?;
    }
    Ok(())
}

/// Bytes of the message in all, once its head is there.
pub(super) fn total(bytes: &[u8], most: usize) -> Result<Option<usize>, Failure> {
    let Some(field) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = i32::from_le_bytes(*field);
    match usize::try_from(length) {
        Ok(length) if length > most => {
            let text = format!("the server's reply has {length} bytes; {most} are the most");
            Err(Failure::new(ErrorKind::TooLarge, text))
        }
        Ok(length) if length >= HEAD_BYTES + PREAMBLE_BYTES => Ok(Some(length)),
        _ => Err(malformed(format!("the server's reply says that it has {length} bytes"))),
    }
}

/// The document of a whole message that answers `id`.
pub(super) fn document(bytes: &[u8], id: i32) -> Result<&RawDocument, Failure> {
    let field = |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied();
    let number = |at: usize| field(at).map(i32::from_le_bytes);
    if number(8) != Some(id) {
        return Err(malformed("the server's reply answers another command"));
    }
    if number(12) != Some(OP_MSG) {
        return Err(malformed(
            "the server does not answer with OP_MSG: it is older than MongoDB 3.6, or none",
        ));
    }
    let flags = field(HEAD_BYTES).map_or(0, u32::from_le_bytes);
    if flags & MORE_TO_COME != 0 {
        return Err(malformed("the server announces more replies than one"));
    }
    let end = bytes.len() - if flags & CHECKSUM_PRESENT == 0 { 0 } else { 4 };
    match bytes.get(HEAD_BYTES + 4..end) {
        Some([0, rest @ ..]) => {
            RawDocument::from_bytes(rest).map_err(|error| malformed(format!("the server's reply: {error}")))
        }
        _ => Err(malformed("the server's reply has no document")),
    }
}

pub(super) fn malformed(text: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::Malformed, text)
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use proptest::prelude::*;

    use super::*;

    fn message(id: i32, document: &bson::Document) -> Vec<u8> {
        let mut out = Vec::new();
        begin(id, &mut out);
        out.extend_from_slice(&document.to_vec().unwrap());
        // What a server answers to.
        out[8..12].copy_from_slice(&id.to_le_bytes());
        end(&mut out).unwrap();
        out
    }

    #[test]
    fn messages_are_read_as_they_are_written() {
        let sent = doc! {"ping": 1, "$db": "x"};
        let bytes = message(7, &sent);
        assert_eq!(total(&bytes, 100).unwrap(), Some(bytes.len()));
        assert_eq!(bson::Document::try_from(document(&bytes, 7).unwrap()).unwrap(), sent);
        assert!(document(&bytes, 8).unwrap_err().text.contains("another command"));
        let mut checked = bytes.clone();
        checked[16] = 1;
        checked.extend_from_slice(&[0; 4]);
        assert_eq!(document(&checked, 7).unwrap().as_bytes(), sent.to_vec().unwrap());
    }

    #[test]
    fn what_is_no_reply_is_told() {
        for (length, kind) in [
            (0, ErrorKind::Malformed),
            (20, ErrorKind::Malformed),
            (-1, ErrorKind::Malformed),
            (101, ErrorKind::TooLarge),
        ] {
            let bytes = i32::to_le_bytes(length);
            assert_eq!(total(&bytes, 100).unwrap_err().kind, kind, "{length}");
        }
        assert_eq!(total(b"ab", 100).unwrap(), None);
        let good = message(1, &doc! {"ok": 1});
        for (at, byte) in [(12, 1), (16, 2), (20, 1), (21, 200), (25, 0)] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            let read = document(&bytes, 1).map(|read| bson::Document::try_from(read).is_err());
            assert!(read.unwrap_or(true), "{at}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            drop(total(&bytes, 60));
            drop(document(&bytes, 0));
        }
    }
}
