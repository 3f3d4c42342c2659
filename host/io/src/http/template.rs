//! Text with placeholders, compiled once and rendered per request.

use std::fmt;

use super::limits::MAX_SLOTS;
use crate::origin::Origin;
use crate::secrets::{SecretError, Secrets};

/// What stands before the name of a secret.
const SECRET: &[u8] = b"secret:";

/// Where a template stands, which decides how values are written into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Path and query: values are percent-encoded.
    Url,
    /// A header value: line breaks are refused.
    Header,
    /// The body: values are copied.
    Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encode {
    Percent,
    UrlRaw,
    Header,
    Copy,
}

#[derive(Clone, Copy, Debug)]
enum Piece {
    /// Fixed text up to this offset of `text`.
    Text(usize),
    Slot {
        index: usize,
        encode: Encode,
    },
    /// The body's length in decimal.
    BodyLength,
}

/// A compiled template.
#[derive(Clone, Default)]
pub(crate) struct Template {
    text: Vec<u8>,
    pieces: Vec<Piece>,
    has_secret: bool,
}

/// Its text may hold secrets.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

/// A value that cannot stand where its placeholder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadValue {
    pub(crate) slot: usize,
    pub(crate) reason: &'static str,
}

/// What the placeholders of a request may name.
#[derive(Clone, Copy)]
pub(crate) struct Slots<'a> {
    /// The declared slots, by position.
    names: &'a [String],
    /// `None`: the text is not a plugin's, and what looks like a secret's name is none.
    secrets: Option<&'a Secrets>,
    /// Where the request goes.
    origin: &'a Origin,
}

enum Named<'a> {
    Slot(usize),
    Secret(&'a str),
}

impl<'a> Slots<'a> {
    /// Checks the names.
    pub(crate) fn new(
        names: &'a [String],
        secrets: Option<&'a Secrets>,
        origin: &'a Origin,
    ) -> Result<Self, String> {
        if names.len() > MAX_SLOTS {
            return Err(format!("{} slots; a request takes at most {MAX_SLOTS}", names.len()));
        }
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() || !name.bytes().all(fits) {
                return Err(format!("slot `{name}`: names are made of letters, digits, `_`, `-` and `.`"));
            }
            if names.iter().take(index).any(|other| other == name) {
                return Err(format!("slot `{name}` is declared twice"));
            }
        }
        Ok(Self { names, secrets, origin })
    }

    fn find(self, name: &[u8]) -> Result<Option<Named<'a>>, SecretError> {
        if let (Some(secrets), Some(name)) = (self.secrets, name.strip_prefix(SECRET)) {
            return secrets.value(name.trim_ascii(), self.origin).map(|value| Some(Named::Secret(value)));
        }
        Ok(self.names.iter().position(|slot| slot.as_bytes() == name).map(Named::Slot))
    }
}

impl Template {
    /// Appends fixed bytes.
    pub(crate) fn push_text(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        self.text.extend_from_slice(text);
        if let Some(Piece::Text(end)) = self.pieces.last_mut() {
            *end = self.text.len();
        } else {
            self.pieces.push(Piece::Text(self.text.len()));
        }
    }

    /// Appends `text`, whose `{{name}}` (or, unencoded, `{{&name}}`) become placeholders where `name` is declared, and
    /// whose `{{secret:name}}` become the secret's value.
    pub(crate) fn push_parsed(
        &mut self,
        text: &[u8],
        slots: Slots<'_>,
        place: Place,
    ) -> Result<(), SecretError> {
        let mut rest = text;
        while let Some(open) = memchr::memmem::find(rest, b"{{") {
            let (before, from) = rest.split_at(open);
            let inner = from.get(2..).unwrap_or_default();
            let close = memchr::memmem::find(inner, b"}}");
            let name = close.and_then(|close| inner.get(..close)).unwrap_or_default().trim_ascii();
            let (raw, name) = match name.strip_prefix(b"&") {
                Some(name) => (true, name.trim_ascii()),
                None => (false, name),
            };
            let encode = match (place, raw) {
                (Place::Url, false) => Encode::Percent,
                (Place::Url, true) => Encode::UrlRaw,
                (Place::Header, _) => Encode::Header,
                (Place::Body, _) => Encode::Copy,
            };
            self.push_text(before);
            match slots.find(name)? {
                Some(Named::Slot(index)) => self.pieces.push(Piece::Slot { index, encode }),
                Some(Named::Secret(value)) => self.push_secret(name, value, encode)?,
                None => {
                    // One brace only: in `{{{id}}` the placeholder starts at the second.
                    self.push_text(b"{");
                    rest = from.get(1..).unwrap_or_default();
                    continue;
                }
            }
            rest = inner.get(close.unwrap_or(0) + 2..).unwrap_or_default();
        }
        self.push_text(rest);
        Ok(())
    }

    fn push_secret(&mut self, name: &[u8], value: &str, encode: Encode) -> Result<(), SecretError> {
        let mut text = Vec::with_capacity(value.len());
        // In a URL a secret is encoded whatever was asked for: what it consists of is nobody's concern.
        let encode = if encode == Encode::UrlRaw { Encode::Percent } else { encode };
        write_value(value.as_bytes(), encode, &mut text).map_err(|_| {
            let name = name.strip_prefix(SECRET).unwrap_or(name).trim_ascii();
            SecretError::Header(String::from_utf8_lossy(name).into_owned())
        })?;
        self.push_text(&text);
        self.has_secret = true;
        Ok(())
    }

    /// Whether a secret stands in it.
    pub(crate) const fn has_secret(&self) -> bool {
        self.has_secret
    }

    /// Says that a secret stands in it, which came here as plain text.
    pub(crate) fn mark_secret(&mut self) {
        self.has_secret = true;
    }

    /// Appends the body's length as known when rendering.
    pub(crate) fn push_body_length(&mut self) {
        self.pieces.push(Piece::BodyLength);
    }

    /// Appends another template.
    pub(crate) fn push_template(&mut self, other: &Self) {
        self.has_secret |= other.has_secret;
        let mut start = 0;
        for piece in &other.pieces {
            if let Piece::Text(end) = *piece {
                self.push_text(other.text.get(start..end).unwrap_or_default());
                start = end;
            } else {
                self.pieces.push(*piece);
            }
        }
    }

    /// The whole text when there is no placeholder.
    pub(crate) fn fixed(&self) -> Option<&[u8]> {
        let fixed = self.pieces.iter().all(|piece| matches!(piece, Piece::Text(_)));
        fixed.then_some(self.text.as_slice())
    }

    /// The text with its placeholders left out.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Bytes of the text when every value is copied: exact for bodies.
    pub(crate) fn copied_len(&self, values: &[String]) -> usize {
        let mut len = self.text.len();
        for piece in &self.pieces {
            if let Piece::Slot { index, .. } = piece {
                len += values.get(*index).map_or(0, String::len);
            }
        }
        len
    }

    /// Writes the text with `values` in the place of the placeholders.
    pub(crate) fn render(
        &self,
        values: &[String],
        body_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), BadValue> {
        let mut start = 0;
        for piece in &self.pieces {
            match *piece {
                Piece::Text(end) => {
                    out.extend_from_slice(self.text.get(start..end).unwrap_or_default());
                    start = end;
                }
                Piece::Slot { index, encode } => {
                    let bad = |reason| BadValue { slot: index, reason };
                    let value = values.get(index).ok_or(bad("has no value"))?;
                    write_value(value.as_bytes(), encode, out).map_err(bad)?;
                }
                Piece::BodyLength => push_decimal(body_len, out),
            }
        }
        Ok(())
    }

    /// Whether `values` can be rendered, without rendering them.
    pub(crate) fn check(&self, values: &[String]) -> Result<(), BadValue> {
        for piece in &self.pieces {
            if let Piece::Slot { index, encode } = *piece {
                let bad = |reason| BadValue { slot: index, reason };
                let value = values.get(index).ok_or(bad("has no value"))?;
                check_value(value.as_bytes(), encode).map_err(bad)?;
            }
        }
        Ok(())
    }
}

fn check_value(value: &[u8], encode: Encode) -> Result<(), &'static str> {
    match encode {
        Encode::Percent | Encode::Copy => Ok(()),
        Encode::UrlRaw if value.iter().all(|&b| b > b' ' && b < 0x7f) => Ok(()),
        Encode::UrlRaw => {
            Err("holds a space, a control or a non-ASCII character, which cannot stand raw in a URL")
        }
        Encode::Header if value.iter().all(|&b| is_header_value_byte(b)) => Ok(()),
        Encode::Header => {
            Err("holds a control character such as a line break, which cannot stand in a header")
        }
    }
}

fn write_value(value: &[u8], encode: Encode, out: &mut Vec<u8>) -> Result<(), &'static str> {
    check_value(value, encode)?;
    if encode == Encode::Percent {
        percent_encode(value, out);
    } else {
        out.extend_from_slice(value);
    }
    Ok(())
}

/// Whether RFC 9110 allows the byte in a field value.
pub(crate) fn is_header_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Percent-encodes every byte but the unreserved ones of RFC 3986.
pub(crate) fn percent_encode(value: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in value {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

pub(crate) fn push_decimal(number: usize, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(names: &[String]) -> Result<Slots<'_>, String> {
        static NOWHERE: std::sync::LazyLock<(Origin, Secrets)> =
            std::sync::LazyLock::new(|| (Origin::split_url("http://h/").unwrap().0, Secrets::default()));
        Slots::new(names, Some(&NOWHERE.1), &NOWHERE.0)
    }
    use proptest::prelude::*;

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|&s| s.to_owned()).collect()
    }

    fn render(text: &str, place: Place, values: &[&str]) -> Result<String, BadValue> {
        let names = strings(&["id", "name"]);
        let mut template = Template::default();
        template.push_parsed(text.as_bytes(), slots(&names).unwrap(), place).unwrap();
        let mut out = Vec::new();
        let values = strings(values);
        assert_eq!(template.check(&values).is_ok(), template.render(&values, 0, &mut out).is_ok());
        template.render(&values, 0, &mut Vec::new())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn replaces_declared_names_only() {
        for (text, place, expected) in [
            ("/a/{{id}}?n={{name}}", Place::Url, "/a/7?n=x%20%26%2Fy"),
            ("/a/{{&id}}", Place::Url, "/a/7"),
            ("{{ id }}", Place::Body, "7"),
            ("{{other}} {{id}}", Place::Body, "{{other}} 7"),
            ("{{{id}}}", Place::Body, "{7}"),
            ("{{id", Place::Body, "{{id"),
            ("{{id}}{{id}}", Place::Header, "77"),
            ("{{}}{{{{id}}", Place::Body, "{{}}{{7"),
            ("{{name}}", Place::Body, "x &/y"),
        ] {
            assert_eq!(render(text, place, &["7", "x &/y"]).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_values_that_would_break_out() {
        assert!(render("{{id}}", Place::Header, &["a\r\nx: y", ""]).is_err());
        assert!(render("{{id}}", Place::Header, &["a\0", ""]).is_err());
        assert!(render("{{&id}}", Place::Url, &["a b", ""]).is_err());
        assert!(render("{{&id}}", Place::Url, &["a\r\n", ""]).is_err());
        assert_eq!(render("{{id}}", Place::Url, &["a\r\n", ""]).unwrap(), "a%0D%0A");
        assert!(render("{{name}}", Place::Body, &["one value only"]).is_err());
        assert_eq!(render("{{id}}", Place::Header, &["grün", ""]).unwrap(), "grün");
    }

    #[test]
    fn slot_names_are_checked() {
        assert!(slots(&strings(&["a", "a"])).is_err());
        assert!(slots(&strings(&["a b"])).is_err());
        assert!(slots(&strings(&[""])).is_err());
        assert!(slots(&vec![String::from("x"); MAX_SLOTS + 1]).is_err());
    }

    proptest! {
        #[test]
        fn a_body_has_the_length_it_says(text in "[a{}&id]{0,30}", value in ".{0,10}") {
            let names = strings(&["id"]);
            let mut template = Template::default();
            template.push_parsed(text.as_bytes(), slots(&names).unwrap(), Place::Body).unwrap();
            let values = [value];
            let mut out = Vec::new();
            template.render(&values, 0, &mut out).unwrap();
            prop_assert_eq!(out.len(), template.copied_len(&values));
        }

        #[test]
        fn decimals(number: usize) {
            let mut out = Vec::new();
            push_decimal(number, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}
