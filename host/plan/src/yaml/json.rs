//! Events of a JSON text.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::build::{Builder, Properties};
use super::{Fault, Located, Position};

/// Whether the whole text is JSON. False for JSON nested deeper than serde_json goes, which is too deep for us too.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Reads a text for which [`is_json`] is true: the grammar needs no second check, only positions.
pub(super) fn read(text: &str, builder: &mut Builder) -> Result<(), Located> {
    let mut scanner = Scanner { rest: text, at: Position { line: 1, column: 1 } };
    loop {
        let at = scanner.at;
        let Some(first) = scanner.rest.chars().next() else { return Ok(()) };
        match first {
            '{' => builder.begin_map(Properties::default(), at)?,
            '[' => builder.begin_list(Properties::default(), at)?,
            '}' | ']' => builder.end()?,
            '"' => {
                let text = string(scanner.take(string_len(scanner.rest))).map_err(|fault| fault.at(at))?;
                builder.scalar(text, false, Properties::default(), at)?;
                continue;
            }
            ',' | ':' | ' ' | '\t' | '\n' | '\r' => {}
            _ => {
                let end = scanner.rest.find([',', ']', '}', ' ', '\t', '\n', '\r']);
                let text = scanner.take(end.unwrap_or(scanner.rest.len()));
                builder.scalar(Cow::Borrowed(text), true, Properties::default(), at)?;
                continue;
            }
        }
        scanner.take(first.len_utf8());
    }
}

struct Scanner<'text> {
    rest: &'text str,
    at: Position,
}

impl<'text> Scanner<'text> {
    /// Moves over `bytes`, at most all.
    fn take(&mut self, bytes: usize) -> &'text str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        for c in taken.chars() {
            match c {
                // Of `\r\n` only the second character breaks the line; strings hold neither.
                '\r' if rest.starts_with('\n') => {}
                '\n' | '\r' => self.at = Position { line: self.at.line + 1, column: 1 },
                _ => self.at.column += 1,
            }
        }
        self.rest = rest;
        taken
    }
}

/// Bytes of the string at the start of `text`, quotes included.
fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (offset, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return offset + 1,
            _ => {}
        }
    }
    text.len()
}

fn string(quoted: &str) -> Result<Cow<'_, str>, Fault> {
    if !quoted.contains('\\') {
        return Ok(Cow::Borrowed(quoted.trim_matches('"')));
    }
    serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| Fault::Syntax {
        message: "the escapes of this text are not Unicode".to_owned(),
        hint: Some("write both halves of a surrogate pair, such as \"\\ud83d\\ude00\"".to_owned()),
    })
}
