//! The reader against known answers, every split of them, and garbage.

use proptest::prelude::*;

use super::*;

const LIMITS: ReaderLimits = ReaderLimits { head_bytes: 1024, kept_bytes: 64, response_bytes: 4096 };

#[derive(Debug, PartialEq, Eq)]
struct Read {
    status: u16,
    head: String,
    body: String,
    body_bytes: u64,
    reusable: bool,
}

/// Feeds `input` in pieces of the given sizes (the last one repeats), then the end of the stream if `closes`.
fn read(input: &[u8], pieces: &[usize], is_head: bool, closes: bool) -> Result<Read, ReadError> {
    read_knowing(None, input, pieces, is_head, closes)
}

/// As [`read`], with the heads known from other answers.
fn read_knowing(
    mut known: Option<&mut KnownHeads>,
    input: &[u8],
    pieces: &[usize],
    is_head: bool,
    closes: bool,
) -> Result<Read, ReadError> {
    let mut reader = ResponseReader::new(LIMITS, is_head);
    let mut buffer = Buffer::with_capacity(16);
    let (mut at, mut index) = (0, 0);
    let mut progress = Progress::NeedMore;
    while at < input.len() {
        let size = pieces.get(index).or(pieces.last()).copied().unwrap_or(1).max(1);
        index += 1;
        reader.make_room(&mut buffer);
        let count = size.min(input.len() - at).min(buffer.space().len());
        buffer.space()[..count].copy_from_slice(&input[at..at + count]);
        buffer.commit(count);
        at += count;
        progress = reader.advance_with(known.as_deref_mut(), &mut buffer, false)?;
    }
    if progress == Progress::NeedMore && closes {
        progress = reader.advance_with(known, &mut buffer, true)?;
    }
    let Some(parsed) = reader.parsed() else {
        assert_eq!(progress, Progress::NeedMore);
        return Err(ReadError::Closed("incomplete"));
    };
    assert_eq!(progress, Progress::Done);
    let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&buffer.data()[range]).into_owned();
    Ok(Read {
        status: parsed.status,
        head: text(0..parsed.head_len),
        body: text(parsed.head_len..parsed.body_end),
        body_bytes: parsed.body_bytes,
        reusable: parsed.reusable,
    })
}

/// Input, is it the answer to a HEAD, expected status, body and whether the connection can be reused.
const GOOD: &[(&str, bool, u16, &str, bool)] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, 200, "hello", true),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, 200, "", true),
    ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nContent-Length: 5\r\n\r\nhello", false, 200, "hello", true),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", false, 200, "hello", false),
    ("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\nh", false, 200, "h", false),
    ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, 200, "hello", false),
    (
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: Keep-Alive\r\n\r\nhello",
        false,
        200,
        "hello",
        true,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        false,
        200,
        "hello",
        true,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: t\r\n\r\n",
        false,
        200,
        "hello",
        true,
    ),
    ("HTTP/1.1 200 OK\r\n\r\nuntil the end", false, 200, "until the end", false),
    ("HTTP/1.1 200 OK\r\n\r\n", false, 200, "", false),
    ("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", true, 200, "", true),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, 200, "", true),
    ("HTTP/1.1 204 No Content\r\n\r\n", false, 204, "", true),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", false, 304, "", true),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", false, 204, "", true),
    (
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        false,
        200,
        "ok",
        true,
    ),
    ("HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", false, 404, "", true),
    ("HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false, 200, "ok", true),
];

#[test]
fn reads_answers_in_any_pieces() {
    for &(input, is_head, status, body, reusable) in GOOD {
        let whole = read(input.as_bytes(), &[usize::MAX], is_head, true).unwrap();
        assert_eq!(
            (whole.status, whole.body.as_str(), whole.reusable),
            (status, body, reusable),
            "{input:?}"
        );
        assert_eq!(whole.body_bytes, body.len() as u64);
        assert!(
            whole.head.starts_with("HTTP/1.") && whole.head.ends_with('\n') && !whole.head.contains("Link")
        );
        for split in 1..input.len() {
            let pieces = read(input.as_bytes(), &[split, usize::MAX], is_head, true).unwrap();
            assert_eq!(pieces, whole, "{input:?} split at {split}");
            let pieces = read(input.as_bytes(), &[split], is_head, true).unwrap();
            assert_eq!(pieces, whole, "{input:?} in steps of {split}");
        }
    }
}

#[test]
fn refuses_what_is_no_answer() {
    for input in [
        "hello there, no HTTP here",
        "\x15\x03\x01\x00\x02\x02\x46",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 99999\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
        "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!",
        "HTTP/1.1 204 No Content\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        for step in [1, 7, usize::MAX] {
            let error = read(input.as_bytes(), &[step], false, false).map(|read| read.status);
            let extra = input.ends_with("hello!")
                || input.ends_with("body")
                || input.contains("\r\n\r\nHTTP/1.1 200");
            if extra && step != usize::MAX {
                // The answer ended before the extra bytes came; the session finds them when it reuses the connection.
                continue;
            }
            assert!(matches!(error, Err(ReadError::Malformed(_))), "{input:?} in steps of {step}: {error:?}");
        }
    }
    let forever = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
    assert!(matches!(read(forever.as_bytes(), &[30], false, false), Err(ReadError::Malformed(_))));
}

#[test]
fn names_the_protocol_that_is_spoken_instead() {
    let text = |input: &[u8]| read(input, &[usize::MAX], false, false).unwrap_err().to_string();
    assert!(text(b"\x15\x03\x03\x00\x02\x02\x46").contains("https"));
    assert!(text(b"SSH-2.0-OpenSSH_9.2\r\n").contains("SSH"));
    assert!(text(b"220 mail\x00").contains("220 mail\\x00"));
}

#[test]
fn an_early_end_is_closed_wherever_it_comes() {
    for &(input, is_head, ..) in GOOD {
        // An answer that lasts until the end of the connection cannot be cut short in its body.
        let head_end = input.find("\r\n\r\n").map_or(input.len(), |at| at + 4);
        let until_end = !is_head
            && !input.contains("ength")
            && !input.contains("hunked")
            && input.contains("200 OK\r\n\r\n");
        let end = if until_end { head_end } else { input.len() };
        for cut in 0..end {
            let result = read(&input.as_bytes()[..cut], &[usize::MAX], is_head, true);
            let eof_only = cut == 0;
            if !eof_only {
                assert!(matches!(result, Err(ReadError::Closed(_))), "{input:?} cut at {cut}: {result:?}");
            }
        }
    }
    let mut reader = ResponseReader::new(LIMITS, false);
    let error = reader.advance(&mut Buffer::default(), true).unwrap_err();
    assert_eq!(error, ReadError::Closed("the server closed the connection without an answer"));
}

#[test]
fn a_body_past_the_kept_size_is_counted_only() {
    let body = "0123456789".repeat(20);
    let fixed = format!("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{body}");
    let chunks: String = body
        .as_bytes()
        .chunks(7)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap()))
        .collect();
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    let to_close = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    for input in [fixed, chunked, to_close] {
        for step in [1, 3, 50, usize::MAX] {
            let read = read(input.as_bytes(), &[step], false, true).unwrap();
            assert_eq!((read.body.as_str(), read.body_bytes), (&body[..LIMITS.kept_bytes], 200), "{step}");
        }
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let head = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(2000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A:b\r\n".repeat(MAX_HEADERS + 1));
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n".to_owned();
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(5000));
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", "1\r\nx\r\n".repeat(1000));
    for input in [head, many, announced, endless, chunked] {
        for step in [1, 100, usize::MAX] {
            let result = read(input.as_bytes(), &[step], false, false);
            assert!(matches!(result, Err(ReadError::TooLarge(_))), "{step}: {result:?}");
        }
    }
}

#[test]
fn a_buffer_does_not_grow_past_what_is_kept() {
    let mut reader = ResponseReader::new(ReaderLimits { response_bytes: 1 << 30, ..LIMITS }, false);
    let mut buffer = Buffer::with_capacity(64);
    buffer.extend(b"HTTP/1.1 200 OK\r\n\r\n");
    for _ in 0..1000 {
        assert_eq!(reader.advance(&mut buffer, false).unwrap(), Progress::NeedMore);
        reader.make_room(&mut buffer);
        let count = buffer.space().len();
        buffer.commit(count);
    }
    assert!(buffer.data().len() <= 4 * BULK_READ_BYTES, "{}", buffer.data().len());
    assert!(reader.body_bytes() > 10_000_000);
}

/// Mutates good answers: flips, cuts, repeats.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let seed = prop::sample::select(GOOD).prop_map(|(input, ..)| input.as_bytes().to_vec());
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..6);
    (seed, edits).prop_map(|(mut input, edits)| {
        for (at, byte, edit) in edits {
            let at = at.index(input.len().max(1)).min(input.len().saturating_sub(1));
            match edit {
                _ if input.is_empty() => {}
                0 => input[at] = byte,
                1 => input.insert(at, byte),
                2 => drop(input.remove(at)),
                _ => input.extend_from_within(at..),
            }
        }
        input
    })
}

/// A good answer, the same with one byte changed, or its start; or a mutation.
fn variant() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    let near = (prop::sample::select(&GOOD[..4]), edit).prop_map(|((input, ..), (at, byte, edit))| {
        let mut input = input.as_bytes().to_vec();
        let at = at.index(input.len());
        match edit {
            0 => input[at] = byte,
            1 => input.truncate(at),
            _ => {}
        }
        input
    });
    prop_oneof![3 => near, 1 => mutated()]
}

/// The result as far as pieces cannot change it: of an input with extra bytes after the answer, a reader may see the
/// answer end before those bytes come.
fn comparable(result: Result<Read, ReadError>) -> Option<Result<Read, std::mem::Discriminant<ReadError>>> {
    match result {
        Err(ReadError::Malformed(text)) if text.contains("follow the end") => None,
        other => Some(other.map_err(|error| std::mem::discriminant(&error))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn pieces_never_change_the_result(input in mutated(), pieces in prop::collection::vec(1..40_usize, 1..20), is_head: bool) {
        let whole = comparable(read_stopping(&input, &[usize::MAX], is_head));
        let split = comparable(read_stopping(&input, &pieces, is_head));
        if let (Some(whole), Some(split)) = (whole, split) {
            prop_assert_eq!(whole, split);
        }
    }

    #[test]
    fn knowing_heads_never_changes_the_result(
        inputs in prop::collection::vec((variant(), any::<bool>()), 1..12),
        pieces in prop::collection::vec(1..80_usize, 1..20),
    ) {
        let mut known = KnownHeads::default();
        // Whole first, so that the pieces meet heads that are known.
        for (input, is_head) in &inputs {
            let input = first_answer(input, *is_head);
            for pieces in [[usize::MAX].as_slice(), &pieces] {
                let with = read_knowing(Some(&mut known), input, pieces, *is_head, true);
                prop_assert_eq!(with, read(input, pieces, *is_head, true));
            }
        }
    }

    #[test]
    fn garbage_never_panics(input: Vec<u8>, pieces in prop::collection::vec(1..40_usize, 1..20), is_head: bool) {
        let whole = read_stopping(&input, &[usize::MAX], is_head);
        let split = read_stopping(&input, &pieces, is_head);
        prop_assert_eq!(whole.is_ok(), split.is_ok());
    }
}

/// Reads as the exchange does: stops at the end of the answer.
fn read_stopping(input: &[u8], pieces: &[usize], is_head: bool) -> Result<Read, ReadError> {
    read(first_answer(input, is_head), pieces, is_head, true)
}

/// The input up to the end of its first answer.
fn first_answer(input: &[u8], is_head: bool) -> &[u8] {
    let ends = |end: &usize| {
        let mut reader = ResponseReader::new(LIMITS, is_head);
        let mut buffer = Buffer::with_capacity(16);
        buffer.extend(&input[..*end]);
        matches!(reader.advance(&mut buffer, false), Ok(Progress::Done))
    };
    (0..=input.len()).find(ends).map_or(input, |end| &input[..end])
}
