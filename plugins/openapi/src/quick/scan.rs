//! Reads JSON (RFC 8259) and holds it against a schema in one pass over its bytes, keeping nothing.
//!
//! `None` ends the look: the value breaks the schema, is no JSON, or is written in a way that is left to the validator.

use super::{ARRAY, BOOLEAN, NULL, Node, OBJECT, Others};
use crate::MAX_DEPTH;

/// Digits that a float holds exactly whatever they are.
const EXACT_DIGITS: usize = 15;

/// The same bit of each byte of a word.
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

static ANYTHING: Node = Node::ANY;

pub(super) struct Scan<'a> {
    nodes: &'a [Node],
    /// What is left to read.
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Scan<'a> {
    pub(super) const fn new(nodes: &'a [Node], json: &'a [u8]) -> Self {
        Self { nodes, rest: json, depth: 0 }
    }

    /// Whether the text is one value that `node` allows.
    pub(super) fn accepts(mut self, node: &Node) -> bool {
        self.value(node).is_some() && {
            self.space();
            self.rest.is_empty()
        }
    }

    #[inline]
    fn space(&mut self) {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// Takes a byte that must come next, after space.
    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        // Programs write JSON without space more often than with it.
        if self.rest.first() != Some(&byte) {
            self.space();
        }
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    /// Takes a byte if it comes next, after space.
    #[inline]
    fn takes(&mut self, byte: u8) -> bool {
        self.take(byte).is_some()
    }

    fn value(&mut self, node: &Node) -> Option<()> {
        if self.rest.first().is_some_and(u8::is_ascii_whitespace) {
            self.space();
        }
        match self.rest.first()? {
            b'"' => self.text(node),
            b'{' => self.nested(|scan| scan.object(node)),
            b'[' => self.nested(|scan| scan.array(node)),
            b't' => self.word(b"true", node, BOOLEAN),
            b'f' => self.word(b"false", node, BOOLEAN),
            b'n' => self.word(b"null", node, NULL),
            _ => self.number(node),
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        let read = (self.depth <= MAX_DEPTH).then(|| read(self))?;
        self.depth -= 1;
        read
    }

    fn word(&mut self, word: &[u8], node: &Node, kind: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        (node.types & kind != 0).then_some(())
    }

    fn object(&mut self, node: &Node) -> Option<()> {
        self.take(b'{')?;
        if node.types & OBJECT == 0 {
            return None;
        }
        let (mut seen, mut next) = (0, 0);
        if !self.takes(b'}') {
            loop {
                let property = match node.properties.get(next).and_then(|next| next.token.strip(self.rest)) {
                    // Most servers write properties in the schema's order, and without space.
                    Some(rest) => {
                        self.rest = rest;
                        Some(next)
                    }
                    None => self.name(node)?,
                };
                match property.and_then(|place| Some((place, node.properties.get(place)?))) {
                    Some((place, property)) => {
                        next = place + 1;
                        seen |= property.bit;
                        self.value(self.nodes.get(property.node)?)?;
                    }
                    None => match node.others {
                        Others::Any => self.value(&ANYTHING)?,
                        Others::Forbidden => return None,
                        Others::Node(index) => self.value(self.nodes.get(index)?)?,
                    },
                }
                if !self.takes(b',') {
                    break;
                }
            }
            self.take(b'}')?;
        }
        (seen & node.required == node.required).then_some(())
    }

    /// Takes a name and the colon after it: the place of the property, if the schema has it.
    fn name(&mut self, node: &Node) -> Option<Option<usize>> {
        self.space();
        let (name, 0) = self.string()? else { return None };
        self.take(b':')?;
        Some(node.property(name))
    }

    fn array(&mut self, node: &Node) -> Option<()> {
        self.take(b'[')?;
        if node.types & ARRAY == 0 {
            return None;
        }
        let item = node.items.map_or(Some(&ANYTHING), |index| self.nodes.get(index))?;
        let mut count = 0;
        if !self.takes(b']') {
            loop {
                self.value(item)?;
                count += 1;
                if !self.takes(b',') {
                    break;
                }
            }
            self.take(b']')?;
        }
        (node.items_count.0..=node.items_count.1).contains(&count).then_some(())
    }

    fn text(&mut self, node: &Node) -> Option<()> {
        let (text, escapes) = self.string()?;
        node.allows_text(text, escapes).then_some(())
    }

    /// Takes a string: what stands between its quotes, and the number of escapes in it.
    fn string(&mut self) -> Option<(&'a [u8], usize)> {
        let text = self.rest.strip_prefix(b"\"")?;
        let (mut length, mut escapes, mut is_ascii) = (0, 0, true);
        loop {
            let (plain, is_plain_ascii) = plain_length(text.get(length..)?);
            length += plain;
            is_ascii &= is_plain_ascii;
            match text.get(length)? {
                b'"' => break,
                b'\\' => {
                    escapes += 1;
                    // Of \u only pairs of surrogates are text; that is left to the validator.
                    if !matches!(
                        text.get(length + 1)?,
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'
                    ) {
                        return None;
                    }
                    length += 2;
                }
                _ => return None,
            }
        }
        let (text, rest) = text.split_at_checked(length)?;
        self.rest = rest.get(1..)?;
        // JSON is UTF-8 (RFC 8259, 8.1). Only within strings can it be more than ASCII.
        (is_ascii || std::str::from_utf8(text).is_ok()).then_some((text, escapes))
    }

    fn number(&mut self, node: &Node) -> Option<()> {
        let text = self.rest;
        let (is_negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let (mut whole, mut length) = (0_u64, 0);
        for byte in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
            whole = whole.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            length += 1;
        }
        if length == 0 || (length > 1 && digits.first() == Some(&b'0')) {
            return None;
        }
        let after = digits.get(length..)?;
        if length <= EXACT_DIGITS && !matches!(after.first(), Some(b'.' | b'e' | b'E')) {
            self.rest = after;
            let number = if is_negative { -(whole as f64) } else { whole as f64 };
            return node.allows_number(number, true).then_some(());
        }
        let after = fraction(after).and_then(exponent)?;
        let text = text.get(..text.len() - after.len())?;
        let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        self.rest = after;
        (number.is_finite() && node.allows_number(number, number.fract() == 0.0)).then_some(())
    }
}

/// What follows a fraction, if there is one; `None` when it has no digits.
fn fraction(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'.', rest @ ..] => digits(rest),
        _ => Some(text),
    }
}

/// What follows an exponent, if there is one; `None` when it has no digits.
fn exponent(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => digits(rest),
        _ => Some(text),
    }
}

/// What follows one digit or more.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 { None } else { text.get(length..) }
}

/// Bytes up to the first that is a quote, a backslash or a control character, and whether they are ASCII: eight at a time,
/// by the test for a zero byte of H. S. Warren, Hacker's Delight, 6-1. Bytes after the first such one may count as well for
/// the second.
fn plain_length(text: &[u8]) -> (usize, bool) {
    let (mut length, mut all) = (0, 0);
    while let Some(bytes) = text.get(length..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*bytes);
        let is_zero = |word: u64| word.wrapping_sub(LOW_BITS) & !word;
        let is_control = word.wrapping_sub(LOW_BITS * 0x20) & !word;
        let special = is_zero(word ^ (LOW_BITS * 0x22)) | is_zero(word ^ (LOW_BITS * 0x5c)) | is_control;
        let special = special & HIGH_BITS;
        all |= word;
        if special != 0 {
            return (length + special.trailing_zeros() as usize / 8, all & HIGH_BITS == 0);
        }
        length += 8;
    }
    let rest = text.get(length..).unwrap_or_default();
    let plain = rest.iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count();
    (length + plain, all & HIGH_BITS == 0 && rest.is_ascii())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_bytes_are_counted_as_one_by_one(text in proptest::collection::vec(prop_oneof![0_u8..=255, 0x1e_u8..0x24, 0x5b_u8..0x5e], 0..40)) {
            let one_by_one = text.iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count();
            let (length, is_ascii) = plain_length(&text);
            prop_assert_eq!(length, one_by_one);
            prop_assert!(!is_ascii || text.get(..length).unwrap().is_ascii());
            prop_assert!(is_ascii || !text.is_ascii());
        }

        /// Bytes that are no UTF-8 are never accepted, wherever they are.
        #[test]
        fn what_is_accepted_is_utf_8(mut json in proptest::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=255], 0..20)) {
            json.retain(|byte| !matches!(byte, b'"' | b'\\'));
            let json = [&b"[\""[..], &json, b"\",1]"].concat();
            prop_assert_eq!(Scan::new(&[], &json).accepts(&ANYTHING), std::str::from_utf8(&json).is_ok());
        }

        /// What is accepted as some JSON is what serde_json reads.
        #[test]
        fn what_is_accepted_is_json(text in r#"[\[\]{}:,"\\ntfalsru 0-9.eE+-]{0,24}"#) {
            let accepted = Scan::new(&[], text.as_bytes()).accepts(&ANYTHING);
            let is_json = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            prop_assert!(is_json || !accepted, "{}", text);
        }
    }

    #[test]
    fn json_as_it_is_usually_written_is_accepted() {
        for (json, expected) in [
            ("[]", true),
            (" { } ", true),
            ("{\"a\": [1, -2.5e+3, 0, -0, 0.1, 12345678901234567890, true, false, null, \"x\"]}", true),
            (r#""a\n\"b\\""#, true),
            ("\"\u{e4}\"", true),
            ("1 ", true),
            (r#""\u00e4""#, false),
            ("01", false),
            ("1.", false),
            ("1e", false),
            ("1e999", false),
            ("-", false),
            ("+1", false),
            ("[1,]", false),
            ("[1 2]", false),
            ("{\"a\"}", false),
            ("{\"a\":1,}", false),
            ("{a:1}", false),
            ("\"a", false),
            ("\"a\u{1}\"", false),
            ("nul", false),
            ("nulls", false),
            ("[[1]", false),
            ("", false),
        ] {
            assert_eq!(Scan::new(&[], json.as_bytes()).accepts(&ANYTHING), expected, "{json}");
        }
        let deep = format!("{}{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1));
        assert!(!Scan::new(&[], deep.as_bytes()).accepts(&ANYTHING));
    }
}
