//! What must hold for the answer reader on any input; used by the fuzz target and by an ordinary test.

use stresshost_io::http::wire::{Buffer, Parsed, Progress, ReadError, ReaderLimits, ResponseReader};

const LIMITS: ReaderLimits = ReaderLimits { head_bytes: 2048, kept_bytes: 256, response_bytes: 16 * 1024 };

/// Reads `input`, whose first byte says how: bit 0 for the answer to a HEAD, the rest the size of the pieces.
///
/// The reader never panics, accounts for what it was given, and gives the same result for pieces as for the whole.
pub fn check(input: &[u8]) {
    let Some((&control, input)) = input.split_first() else { return };
    let is_head = control & 1 == 1;
    let step = usize::from(control >> 1) + 1;
    let (pieces, used) = read(input, step, is_head);
    // Bytes after the answer are an error only when they come with its last byte.
    let (whole, _) = read(&input[..used], used.max(1), is_head);
    match (pieces, whole) {
        (Ok((parsed, data)), Ok(whole)) => assert_eq!((parsed, data), whole, "pieces of {step}"),
        (Err(pieces), Err(whole)) => {
            let same = std::mem::discriminant(&pieces) == std::mem::discriminant(&whole);
            assert!(same, "pieces of {step}: {pieces:?}, whole: {whole:?}");
        }
        // The whole may hold the end of the answer and more.
        (Err(ReadError::Malformed(text)), Ok(_)) | (Ok(_), Err(ReadError::Malformed(text))) => {
            assert!(text.contains("follow the end"), "{text}");
        }
        (pieces, whole) => panic!("pieces of {step}: {pieces:?}, whole: {whole:?}"),
    }
}

type Answer = Result<(Parsed, Vec<u8>), ReadError>;

/// The result, and how many bytes were given to the reader until it came.
fn read(input: &[u8], step: usize, is_head: bool) -> (Answer, usize) {
    let mut reader = ResponseReader::new(LIMITS, is_head);
    let mut buffer = Buffer::with_capacity(64);
    let mut used = 0;
    for piece in input.chunks(step) {
        buffer.extend(piece);
        used += piece.len();
        match reader.advance(&mut buffer, false) {
            Ok(Progress::NeedMore) => assert!(reader.parsed().is_none()),
            Ok(Progress::Done) => return (Ok(answer(&reader, &buffer)), used),
            Err(error) => return (Err(error), used),
        }
        assert!(buffer.len() <= LIMITS.head_bytes + LIMITS.kept_bytes + step.max(input.len().min(step)));
    }
    match reader.advance(&mut buffer, true) {
        Ok(Progress::Done) => (Ok(answer(&reader, &buffer)), used),
        Ok(Progress::NeedMore) => panic!("the reader asks for more after the end"),
        Err(error) => (Err(error), used),
    }
}

fn answer(reader: &ResponseReader, buffer: &Buffer) -> (Parsed, Vec<u8>) {
    let parsed = reader.parsed().expect("a complete answer is parsed");
    assert!(parsed.status >= 200 && parsed.head_len <= LIMITS.head_bytes);
    assert!(parsed.head_len <= parsed.body_end && parsed.body_end == buffer.len());
    let kept = (parsed.body_end - parsed.head_len) as u64;
    assert_eq!(kept, parsed.body_bytes.min(LIMITS.kept_bytes as u64));
    (parsed, buffer.data().to_vec())
}
