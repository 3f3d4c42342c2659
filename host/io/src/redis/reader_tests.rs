use proptest::prelude::*;

use super::*;
use crate::redis::ReplyText;

const LIMITS: ReaderLimits = ReaderLimits { kept_bytes: 1_000, reply_bytes: 10_000 };

fn read_all(data: &[u8]) -> Result<Vec<Parsed>, ReadError> {
    let (mut reader, mut replies) = (ReplyReader::default(), Vec::new());
    while let Some(parsed) = reader.advance(data, LIMITS)? {
        replies.push(parsed);
    }
    Ok(replies)
}

/// Reads with a buffer into which the bytes come in pieces, and from which surplus is removed.
fn read_in_pieces(data: &[u8], size: usize, limits: ReaderLimits) -> Result<Vec<Parsed>, ReadError> {
    let (mut reader, mut replies, mut buffer) = (ReplyReader::default(), Vec::new(), Vec::new());
    for piece in data.chunks(size.max(1)) {
        buffer.extend_from_slice(piece);
        while let Some(parsed) = reader.advance(&buffer, limits)? {
            replies.push(parsed);
        }
        if let Some(surplus) = reader.take_surplus() {
            buffer.drain(surplus);
        }
    }
    Ok(replies)
}

#[test]
fn every_kind_is_read_and_shown() {
    for (text, kind, json) in [
        ("+OK\r\n", Kind::Simple, r#""OK""#),
        ("+\r\n", Kind::Simple, r#""""#),
        ("-ERR no\r\n", Kind::Error, r#"{"error":"ERR no"}"#),
        (":-42\r\n", Kind::Integer, "-42"),
        (":+7\r\n", Kind::Integer, "7"),
        ("$5\r\nab\r\nc\r\n", Kind::Bulk, r#""ab\r\nc""#),
        ("$0\r\n\r\n", Kind::Bulk, r#""""#),
        ("$3\r\na\u{0}\"\r\n", Kind::Bulk, r#""a\u0000\"""#),
        ("$-1\r\n", Kind::Nil, "null"),
        ("*-1\r\n", Kind::Nil, "null"),
        ("_\r\n", Kind::Nil, "null"),
        ("*0\r\n", Kind::Array, "[]"),
        ("*3\r\n:1\r\n$-1\r\n*2\r\n+a\r\n-E b\r\n", Kind::Array, r#"[1,null,["a",{"error":"E b"}]]"#),
        ("%2\r\n+a\r\n:1\r\n:2\r\n~1\r\n#t\r\n", Kind::Map, r#"{"a":1,"2":[true]}"#),
        ("~2\r\n+a\r\n+b\r\n", Kind::Set, r#"["a","b"]"#),
        ("#f\r\n", Kind::Boolean, "false"),
        (",1.5\r\n", Kind::Double, "1.5"),
        (",1e3\r\n", Kind::Double, "1000.0"),
        (",10\r\n", Kind::Double, "10"),
        (",-inf\r\n", Kind::Double, r#""-inf""#),
        ("(12345678901234567890\r\n", Kind::Other, r#""12345678901234567890""#),
        ("!5\r\nSYN x\r\n", Kind::Error, r#"{"error":"SYN x"}"#),
        ("=6\r\ntxt:hi\r\n", Kind::Other, r#""hi""#),
        ("|1\r\n+ttl\r\n:3\r\n+v\r\n", Kind::Simple, r#""v""#),
        ("*2\r\n|1\r\n+k\r\n*1\r\n:1\r\n:5\r\n:6\r\n", Kind::Array, "[5,6]"),
    ] {
        let replies = read_all(text.as_bytes()).unwrap();
        let place = Some((0, text.len()));
        assert_eq!(replies, [Parsed { kind, place, bytes: text.len() as u64 }], "{text:?}");
        assert_eq!(ReplyText(text.as_bytes()).json().as_deref(), Some(json), "{text:?}");
    }
}

#[test]
fn strings_and_integers_are_read_as_such() {
    let bytes = |text: &'static str| ReplyText(text.as_bytes()).bytes();
    let integer = |text: &'static str| ReplyText(text.as_bytes()).integer();
    assert_eq!(bytes("$2\r\n\r\n\r\n"), Some(b"\r\n".as_slice()));
    assert_eq!((bytes("+OK\r\n"), bytes(":1\r\n")), (Some(b"OK".as_slice()), None));
    assert_eq!((bytes("$-1\r\n"), bytes("-E\r\n"), bytes("*0\r\n")), (None, None, None));
    assert_eq!(
        (integer(":9\r\n"), integer("$2\r\n10\r\n"), integer("$1\r\nx\r\n")),
        (Some(9), Some(10), None)
    );
}

#[test]
fn what_is_no_reply_is_refused() {
    for text in [
        "HTTP/1.1 400 Bad Request\r\n",
        "$-2\r\n",
        "$x\r\n",
        "$\r\n",
        "$?\r\n",
        "$+5\r\n",
        "$99999999999999999999\r\n",
        "*-5\r\n",
        "$3\r\nabcd\r\n",
        ":1.5\r\n",
        ":\r\n",
        "#x\r\n",
        "+OK\n",
        "\r\n",
        "SSH-2.0",
    ] {
        assert!(matches!(read_all(text.as_bytes()), Err(ReadError::Malformed(_))), "{text:?}");
    }
    for text in ["$10001\r\n", "*10001\r\n", "%999999\r\n"] {
        assert!(matches!(read_all(text.as_bytes()), Err(ReadError::TooLarge(_))), "{text:?}");
    }
    let deep = "*1\r\n".repeat(MAX_DEPTH + 1);
    assert!(matches!(read_all(deep.as_bytes()), Err(ReadError::Malformed(text)) if text.contains("deeper")));
    let deep = "*1\r\n".repeat(MAX_DEPTH) + ":1\r\n";
    assert_eq!(read_all(deep.as_bytes()).unwrap().len(), 1);
    let endless = [b"+".as_slice(), &vec![b'x'; MAX_LINE_BYTES]].concat();
    assert!(matches!(read_all(&endless), Err(ReadError::Malformed(text)) if text.contains("line")));
    let endless = "*3000\r\n".to_owned() + &":1\r\n$5\r\nabcde\r\n*1\r\n".repeat(1_000);
    assert!(read_in_pieces(endless.as_bytes(), 100, LIMITS).is_err());
}

#[test]
fn what_is_pushed_answers_nothing() {
    let text = b">2\r\n+invalidate\r\n*1\r\n+k\r\n:1\r\n>1\r\n+x\r\n:2\r\n";
    let kinds: Vec<_> = read_all(text).unwrap().into_iter().map(|parsed| parsed.kind).collect();
    assert_eq!(kinds, [Kind::Integer, Kind::Integer]);
}

#[test]
fn what_is_too_large_to_keep_is_read_over() {
    let large = format!("$3000\r\n{}\r\n", "x".repeat(3_000));
    let text = format!("+a\r\n{large}:5\r\n");
    let replies = read_in_pieces(text.as_bytes(), 100, LIMITS).unwrap();
    assert_eq!(replies.len(), 3);
    assert_eq!(replies[0].place, Some((0, 4)));
    assert_eq!((replies[1].place, replies[1].bytes), (None, large.len() as u64));
    assert_eq!((replies[2].kind, replies[2].bytes), (Kind::Integer, 4));
    let many = format!("*500\r\n{}", "$4\r\nabcd\r\n".repeat(500));
    let replies = read_in_pieces(many.as_bytes(), 64, LIMITS).unwrap();
    assert_eq!((replies[0].place, replies[0].bytes), (None, many.len() as u64));
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z ]{0,20}".prop_map(|text| format!("+{text}\r\n")),
        any::<i64>().prop_map(|number| format!(":{number}\r\n")),
        "[ -~\r\n]{0,40}".prop_map(|text| format!("${}\r\n{text}\r\n", text.len())),
        Just("$-1\r\n".to_owned()),
        Just("_\r\n".to_owned()),
        Just("#t\r\n".to_owned()),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!(
                "*{}\r\n{}",
                items.len(),
                items.concat()
            )),
            prop::collection::vec((inner.clone(), inner), 0..3).prop_map(|pairs| {
                let items: String = pairs.iter().map(|(key, value)| format!("{key}{value}")).collect();
                format!("%{}\r\n{items}", pairs.len())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn pieces_do_not_matter(values in prop::collection::vec(value(), 1..5), size in 1_usize..50) {
        let text = values.concat();
        let limits = ReaderLimits { kept_bytes: 1 << 20, reply_bytes: 1 << 20 };
        let whole = read_in_pieces(text.as_bytes(), text.len(), limits).unwrap();
        prop_assert_eq!(whole.len(), values.len());
        prop_assert_eq!(&read_in_pieces(text.as_bytes(), size, limits).unwrap(), &whole);
        for (parsed, value) in whole.iter().zip(&values) {
            let (from, to) = parsed.place.unwrap();
            prop_assert_eq!(&text[from..to], value);
            let json = ReplyText(value.as_bytes()).json().unwrap();
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
        }
        let few = ReaderLimits { kept_bytes: 10, reply_bytes: 1 << 20 };
        let bytes = |replies: &[Parsed]| replies.iter().map(|parsed| (parsed.kind, parsed.bytes)).collect::<Vec<_>>();
        prop_assert_eq!(bytes(&read_in_pieces(text.as_bytes(), size, few).unwrap()), bytes(&whole));
    }

    #[test]
    fn nothing_panics(bytes in "[+\\-:$*_,#!=(%~>|0-9a-f\r\n]{0,80}", size in 1_usize..20) {
        drop(read_in_pieces(bytes.as_bytes(), size, LIMITS));
        let reply = ReplyText(bytes.as_bytes());
        drop((reply.json(), reply.bytes(), reply.integer(), reply.error()));
    }
}
