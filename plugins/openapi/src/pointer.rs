//! JSON pointers (RFC 6901).

use serde_json::Value;

/// The pointer of a child.
pub(crate) fn child(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The value that the fragment of a `$ref` points to: a JSON pointer, percent-encoded (RFC 6901, 6).
pub(crate) fn find<'a>(root: &'a Value, fragment: &str) -> Option<&'a Value> {
    root.pointer(&percent_decoded(fragment)?)
}

/// Text without its percent-encoding (RFC 3986, 2.1); none when that is broken.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = tail.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_are_escaped_and_fragments_decoded() {
        let root = json!({ "paths": { "/a~b/{c d}": { "x": 1 } } });
        assert_eq!(child("/paths", "/a~b/{c d}"), "/paths/~1a~0b~1{c d}");
        assert_eq!(find(&root, "/paths/~1a~0b~1%7Bc%20d%7D/x"), Some(&json!(1)));
        for wrong in ["/paths/%", "/paths/%f", "/paths/%zz", "/paths/%ff", "paths"] {
            assert_eq!(find(&root, wrong), None, "{wrong}");
        }
        assert_eq!(find(&root, ""), Some(&root));
    }
}
