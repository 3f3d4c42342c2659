//! Reads one value out of a JSON text by its pointer (RFC 6901) without building the document.
//!
//! Values off the path are skipped, and reading stops at the value found: the text after it is not checked. Of two
//! members with the same name the first counts.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::response::BodyError;

/// A JSON value as it stands in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonText<'a> {
    raw: &'a str,
}

impl<'a> JsonText<'a> {
    /// The value's JSON text.
    pub fn raw(self) -> &'a str {
        self.raw
    }

    /// What a string holds; the JSON text of any other value.
    pub fn text(self) -> Cow<'a, str> {
        if !self.raw.starts_with('"') {
            return Cow::Borrowed(self.raw);
        }
        let inner = self.raw.get(1..self.raw.len().saturating_sub(1)).unwrap_or_default();
        if !inner.contains('\\') {
            return Cow::Borrowed(inner);
        }
        serde_json::from_str(self.raw).map_or(Cow::Borrowed(inner), Cow::Owned)
    }
}

/// A value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The pointer is no pointer.
    #[error("`{0}` is not a JSON pointer: it is empty, or starts with `/` and has `~` only as `~0` and `~1`")]
    Pointer(String),
    /// The body is no JSON up to the value.
    #[error("the body is not JSON: {0}")]
    Syntax(String),
}

/// The value `pointer` points to; `None` when the document has no such value.
pub(crate) fn find<'a>(json: &'a [u8], pointer: &str) -> Result<Option<JsonText<'a>>, JsonError> {
    let tokens = parse_pointer(pointer).ok_or_else(|| JsonError::Pointer(pointer.to_owned()))?;
    let mut found = None;
    let mut reader = serde_json::Deserializer::from_slice(json);
    let seed = Seek { tokens: &tokens, found: &mut found };
    let result = seed.deserialize(&mut reader);
    match (found, result) {
        // Stopping at the value ends the parse with an error.
        (Some(value), _) => Ok(Some(JsonText { raw: value.get() })),
        (None, Ok(())) => Ok(None),
        (None, Err(error)) => Err(JsonError::Syntax(error.to_string())),
    }
}

fn parse_pointer(pointer: &str) -> Option<Vec<Cow<'_, str>>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    pointer.strip_prefix('/')?.split('/').map(unescape).collect()
}

fn unescape(token: &str) -> Option<Cow<'_, str>> {
    if !token.contains('~') {
        return Some(Cow::Borrowed(token));
    }
    let mut parts = token.split('~');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (escaped, rest) = (part.get(..1)?, part.get(1..)?);
        text.push(match escaped {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        text.push_str(rest);
    }
    Some(Cow::Owned(text))
}

/// Array index of a token: no sign, no leading zero.
fn array_index(token: &str) -> Option<usize> {
    let plain = token == "0" || (!token.starts_with('0') && token.bytes().all(|b| b.is_ascii_digit()));
    if plain { token.parse().ok() } else { None }
}

/// Walks along `tokens`; a path that leads nowhere is read to the end of the value.
struct Seek<'t, 'f, 'de> {
    tokens: &'t [Cow<'t, str>],
    found: &'f mut Option<&'de RawValue>,
}

impl<'de> DeserializeSeed<'de> for Seek<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.tokens.is_empty() {
            *self.found = Some(serde::Deserialize::deserialize(deserializer)?);
            return Err(D::Error::custom("found"));
        }
        deserializer.deserialize_any(self)
    }
}

macro_rules! leads_nowhere {
    ($($name:ident: $kind:ty),*) => {
        $(fn $name<E>(self, _: $kind) -> Result<(), E> {
            Ok(())
        })*
    };
}

impl<'de> Visitor<'de> for Seek<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    leads_nowhere!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((token, rest)) = self.tokens.split_first() else { return Ok(()) };
        while let Some(matches) = map.next_key_seed(KeyIs(token))? {
            if matches {
                map.next_value_seed(Seek { tokens: rest, found: &mut *self.found })?;
                // The name was there but the rest of the path was not.
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((token, rest)) = self.tokens.split_first() else { return Ok(()) };
        let wanted = array_index(token);
        let mut index = 0;
        loop {
            if wanted == Some(index) {
                if seq.next_element_seed(Seek { tokens: rest, found: &mut *self.found })?.is_none() {
                    return Ok(());
                }
            } else if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }
}

/// Compares a member's name without keeping it.
struct KeyIs<'t>(&'t str);

impl<'de> DeserializeSeed<'de> for KeyIs<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyIs<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(json: &str, pointer: &str) -> Option<String> {
        find(json.as_bytes(), pointer).unwrap().map(|value| value.raw().to_owned())
    }

    #[test]
    fn follows_the_examples_of_the_rfc() {
        let json =
            r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        for (pointer, value) in [
            ("/foo", r#"["bar","baz"]"#),
            ("/foo/0", r#""bar""#),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
            ("", json),
        ] {
            assert_eq!(raw(json, pointer).as_deref(), Some(value), "{pointer}");
        }
    }

    #[test]
    fn says_what_is_not_there() {
        for pointer in ["/b", "/a/2", "/a/-", "/a/01", "/a/x", "/a/0/0", "/s/0", "/n/0", "/a/0/x/y"] {
            assert_eq!(raw(r#"{"a":[1,2],"s":"x","n":null}"#, pointer), None, "{pointer}");
        }
    }

    #[test]
    fn strings_are_unescaped() {
        let json = br#"{"a":"x\n\u00fc\"","b":"plain","c":true}"#;
        let text = |pointer| find(json, pointer).unwrap().unwrap().text();
        assert_eq!(text("/a"), "x\nü\"");
        assert_eq!(text("/b"), "plain");
        assert_eq!(text("/c"), "true");
    }

    #[test]
    fn stops_at_the_value_and_reports_what_breaks_before_it() {
        assert_eq!(raw(r#"{"a":1, broken"#, "/a").as_deref(), Some("1"));
        assert!(matches!(find(br#"{"a":1, broken"#, "/b"), Err(JsonError::Syntax(_))));
        assert!(matches!(find(b"", "/b"), Err(JsonError::Syntax(_))));
        assert!(matches!(find(b"{}", "b"), Err(JsonError::Pointer(_))));
        assert!(matches!(find(b"{}", "/~2"), Err(JsonError::Pointer(_))));
        let deep = "[".repeat(100_000);
        assert!(matches!(find(deep.as_bytes(), "/0"), Err(JsonError::Syntax(_))));
    }

    proptest! {
        #[test]
        fn agrees_with_the_full_parser(
            keys in proptest::collection::vec("[ab/~0]{0,3}", 1..4),
            pointer in "(/[ab0-2]{0,2}|/~0|/~1){0,3}",
        ) {
            let mut value = serde_json::json!([1, {"a": [true, "x"]}, null]);
            for key in keys {
                value = serde_json::json!({ key: value, "b": [0, {"a": 2}] });
            }
            let json = value.to_string();
            let expected = value.pointer(&pointer).map(ToString::to_string);
            prop_assert_eq!(raw(&json, &pointer), expected);
        }

        #[test]
        fn never_panics(json: Vec<u8>, pointer in "(/.{0,2}){0,3}") {
            prop_assert!(find(&json, &pointer).map_or(true, |found| found.is_none() || !json.is_empty()));
        }
    }
}
