//! What must hold for the reader of Redis's replies on any input; used by the fuzz target and by an ordinary test.

use stresshost_io::redis::{Kind, Parsed, ReadError, ReaderLimits, ReplyReader, ReplyText};

const LIMITS: ReaderLimits = ReaderLimits { kept_bytes: 256, reply_bytes: 1 << 20 };

/// Reads `input`, whose first byte is the size of the pieces.
///
/// The reader never panics, keeps what it should and no more, and finds the same replies in pieces as in the whole; what a
/// kept reply says can be read.
pub fn check(input: &[u8]) {
    let Some((&step, input)) = input.split_first() else { return };
    let (pieces, pieces_end) = read(input, usize::from(step) + 1);
    let (whole, whole_end) = read(input, input.len().max(1));
    let seen = |replies: &[Parsed]| -> Vec<(Kind, u64)> {
        replies.iter().map(|parsed| (parsed.kind, parsed.bytes)).collect()
    };
    assert_eq!(seen(&pieces), seen(&whole), "pieces of {step}");
    let kind = |end: &Option<ReadError>| end.as_ref().map(std::mem::discriminant);
    assert_eq!(kind(&pieces_end), kind(&whole_end), "pieces of {step}: {pieces_end:?}, whole: {whole_end:?}");
    let bytes: u64 = whole.iter().map(|parsed| parsed.bytes).sum();
    assert!(bytes <= input.len() as u64);
}

/// The replies, and the error that ended them.
fn read(input: &[u8], step: usize) -> (Vec<Parsed>, Option<ReadError>) {
    let (mut reader, mut replies, mut kept) = (ReplyReader::default(), Vec::new(), Vec::new());
    for piece in input.chunks(step) {
        kept.extend_from_slice(piece);
        loop {
            match reader.advance(&kept, LIMITS) {
                Ok(Some(parsed)) => {
                    if let Some((from, to)) = parsed.place {
                        assert!(to <= LIMITS.kept_bytes);
                        readable(parsed.kind, &kept[from..to]);
                    }
                    replies.push(parsed);
                }
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
        if let Some(surplus) = reader.take_surplus() {
            kept.drain(surplus);
        }
    }
    (replies, None)
}

fn readable(kind: Kind, bytes: &[u8]) {
    let reply = ReplyText(bytes);
    assert_eq!(reply.error().is_some(), kind == Kind::Error);
    if kind == Kind::Bulk {
        assert!(reply.bytes().is_some());
    }
    if kind == Kind::Integer {
        assert!(reply.integer().is_some());
    }
    // A map may have a key twice, and a number more digits than a reader keeps; it is JSON all the same.
    let _: Option<String> = reply.json();
}
