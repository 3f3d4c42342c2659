//! Bytes in the text of an option: `\r`, `\n`, `\t`, `\0`, `\\` and `\xHH`; everything else is itself.

/// The bytes that a text stands for.
pub(crate) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let value = high.zip(low).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
                value.ok_or("after `\\x` come two hexadecimal digits")?
            }
            _ => return Err("after `\\` comes one of `r`, `n`, `t`, `0`, `\\` and `xHH`".to_owned()),
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_stand_for_bytes() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("END\\r\\n", b"END\r\n"),
            ("\r\n", b"\r\n"),
            ("\\0\\t\\\\x", b"\0\t\\x"),
            ("\\x0a\\xFf", b"\x0a\xff"),
            ("ü", b"\xc3\xbc"),
        ] {
            assert_eq!(unescape(text).as_deref(), Ok(bytes), "{text:?}");
        }
        for text in ["\\", "\\q", "\\x", "\\x1", "\\xg0"] {
            assert!(unescape(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_escaped_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let text: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            prop_assert_eq!(unescape(&text).unwrap(), bytes);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            drop(unescape(&text));
        }
    }
}
