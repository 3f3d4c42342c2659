//! Reads SQL as far as needed to find placeholders and statements: what is a string, a comment, a quoted name.

use std::ops::Range;

use super::limits::MAX_PARAMETERS;

/// Whose notation a text is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgresql,
    /// MySQL and MariaDB.
    Mysql,
    Sqlite,
}

/// What was found in a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// `$1` and the like: where, and the number.
    pub(crate) placeholders: Vec<(Range<usize>, u16)>,
    /// The words of each statement outside of strings, comments and quoted names, in upper case; the first few of them.
    pub(crate) statements: Vec<Vec<String>>,
}

/// Words kept of a statement.
const MAX_WORDS: usize = 64;

impl Scanned {
    /// The highest number of a placeholder.
    pub(crate) fn parameters(&self) -> usize {
        self.placeholders.iter().map(|(_, number)| usize::from(*number)).max().unwrap_or(0)
    }

    /// The first word of the last statement.
    pub(crate) fn last_verb(&self) -> &str {
        self.statements.last().and_then(|words| words.first()).map_or("", String::as_str)
    }

    /// The text with another in the place of each placeholder.
    pub(crate) fn replace(&self, text: &str, mut with: impl FnMut(u16) -> String) -> String {
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for (range, number) in &self.placeholders {
            out.push_str(text.get(end..range.start).unwrap_or_default());
            out.push_str(&with(*number));
            end = range.end;
        }
        out.push_str(text.get(end..).unwrap_or_default());
        out
    }
}

/// Reads a text. Err: a placeholder that cannot be one, or what would be read in another way than the server reads it.
pub(crate) fn scan(text: &str, dialect: Dialect) -> Result<Scanned, String> {
    if text.contains('\0') {
        return Err("a NUL character cannot stand in a statement".to_owned());
    }
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, dialect };
    let mut found = Scanned::default();
    let mut words: Vec<String> = Vec::new();
    while let Some(byte) = scanner.peek(0) {
        let start = scanner.at;
        match byte {
            b'\'' | b'"' | b'`' => scanner.quoted(byte, false),
            b'[' if dialect == Dialect::Sqlite => scanner.until(b"]"),
            b'-' if scanner.begins_line_comment() => scanner.until(b"\n"),
            b'#' if dialect == Dialect::Mysql => scanner.until(b"\n"),
            b'/' if scanner.peek(1) == Some(b'*') => scanner.block_comment(),
            // SQLite takes a byte order mark for a space (its tokenize.c, CC_BOM).
            0xef if dialect == Dialect::Sqlite
                && scanner.peek(1) == Some(0xbb)
                && scanner.peek(2) == Some(0xbf) =>
            {
                scanner.at += 3;
            }
            b'$' | b'@' | b':' | b'#' if dialect == Dialect::Sqlite => {
                found.placeholders.push((start..start, scanner.sqlite_placeholder()?));
                if let Some((range, _)) = found.placeholders.last_mut() {
                    range.end = scanner.at;
                }
            }
            b'$' => match scanner.placeholder()? {
                Some(number) => found.placeholders.push((start..scanner.at, number)),
                None if dialect == Dialect::Postgresql => scanner.dollar_quoted(),
                None => scanner.at += 1,
            },
            b';' => {
                scanner.at += 1;
                if !words.is_empty() {
                    found.statements.push(std::mem::take(&mut words));
                }
            }
            _ if is_word(byte) => {
                let word = scanner.word();
                let escapes = dialect == Dialect::Postgresql && word.eq_ignore_ascii_case(b"e");
                if escapes && scanner.peek(0) == Some(b'\'') {
                    scanner.quoted(b'\'', true);
                } else if words.len() < MAX_WORDS {
                    words.push(String::from_utf8_lossy(word).to_uppercase());
                }
            }
            _ => scanner.at += 1,
        }
    }
    if !words.is_empty() {
        found.statements.push(words);
    }
    Ok(found)
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    dialect: Dialect,
}

/// Bytes of names and numbers; those of characters beyond ASCII are names' as well.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl<'a> Scanner<'a> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// A name, keyword or number; a `$` within a name belongs to it.
    fn word(&mut self) -> &'a [u8] {
        let start = self.at;
        while self.peek(0).is_some_and(|byte| is_word(byte) || byte == b'$') {
            self.at += 1;
        }
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Goes past the next occurrence of `end`, or to the end of the text.
    fn until(&mut self, end: &[u8]) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += memchr::memmem::find(rest, end).map_or(rest.len(), |place| place + end.len());
    }

    /// Goes past a string or quoted name; the quote within it is doubled, or stands after a backslash.
    fn quoted(&mut self, quote: u8, escapes: bool) {
        let escapes = escapes || (self.dialect == Dialect::Mysql && quote != b'`');
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            if escapes && byte == b'\\' {
                self.at += 1;
            } else if byte == quote {
                if self.peek(0) != Some(quote) {
                    return;
                }
                self.at += 1;
            }
        }
        self.at = self.at.min(self.bytes.len());
    }

    /// MySQL wants a space after the two dashes.
    fn begins_line_comment(&self) -> bool {
        let spaced = self.peek(2).is_none_or(|byte| byte.is_ascii_whitespace());
        self.peek(1) == Some(b'-') && (self.dialect != Dialect::Mysql || spaced)
    }

    /// PostgreSQL's comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'*')) if depth == 0 || self.dialect == Dialect::Postgresql => {
                    depth += 1;
                    self.at += 2;
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// `$` and digits; `None` without moving when it is none.
    fn placeholder(&mut self) -> Result<Option<u16>, String> {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Ok(None);
        }
        self.at += 1 + digits;
        let text = std::str::from_utf8(rest.get(..digits).unwrap_or_default()).unwrap_or_default();
        match text.parse::<u16>() {
            Ok(number) if number > 0 && usize::from(number) <= MAX_PARAMETERS => Ok(Some(number)),
            _ => Err(format!("`${text}` is no parameter: they are numbered from $1 to ${MAX_PARAMETERS}")),
        }
    }

    /// A placeholder of SQLite. Its other variables may hold quotes and more, as in `$a(')`, so they are none here.
    fn sqlite_placeholder(&mut self) -> Result<u16, String> {
        let only = || "parameters of SQLite are written as $1, $2, ... and nothing else".to_owned();
        if self.peek(0) != Some(b'$') {
            return Err(only());
        }
        let number = self.placeholder()?.ok_or_else(only)?;
        match self.peek(0) {
            Some(byte) if is_word(byte) || matches!(byte, b'$' | b':' | b'(') => Err(only()),
            _ => Ok(number),
        }
    }

    /// `$tag$ ... $tag$`, or a lone `$`.
    fn dollar_quoted(&mut self) {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        let tag = rest.iter().take_while(|&&byte| is_word(byte)).count();
        if rest.get(tag) != Some(&b'$') {
            self.at += 1;
            return;
        }
        let end = self.bytes.get(self.at..self.at + tag + 2).unwrap_or_default();
        self.at += end.len();
        self.until(end);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(text: &str, dialect: Dialect) -> Vec<u16> {
        let scanned = scan(text, dialect).unwrap();
        for (range, number) in &scanned.placeholders {
            assert_eq!(text[range.clone()], format!("${number}"), "{text}");
        }
        scanned.placeholders.into_iter().map(|(_, number)| number).collect()
    }

    #[test]
    fn placeholders_are_found_outside_of_what_is_quoted() {
        use Dialect::{Mysql, Postgresql, Sqlite};
        for (text, dialect, expected) in [
            ("SELECT $1, $2+$1", Postgresql, &[1, 2, 1][..]),
            ("SELECT '$1' || '''$2' || \"$3\" || $4", Postgresql, &[4]),
            ("SELECT E'\\'$1' || $2", Postgresql, &[2]),
            ("SELECT '\\', $1", Postgresql, &[1]),
            ("SELECT '\\', $1', $2", Mysql, &[2]),
            ("SELECT `a$1`, `\\`, $1", Mysql, &[1]),
            ("SELECT a$1, _$2, é$3, $4", Postgresql, &[4]),
            ("SELECT $1::int, $$ $2 $$, $t$ $3 $$ $t$, $4", Postgresql, &[1, 4]),
            ("SELECT 1 -- $1\n, $2", Postgresql, &[2]),
            ("SELECT 1--$1\n, $2", Mysql, &[1, 2]),
            ("SELECT 1 # $1\n, $2", Mysql, &[2]),
            ("SELECT 1 # $1", Postgresql, &[1]),
            ("/* $1 /* $2 */ $3 */ $4", Postgresql, &[4]),
            ("/* $1 /* $2 */ $3", Mysql, &[3]),
            ("SELECT [a$1], $2", Sqlite, &[2]),
            ("SELECT a[$1]", Postgresql, &[1]),
            ("SELECT 'open $1", Postgresql, &[]),
            ("$", Postgresql, &[]),
            ("$a $1", Mysql, &[1]),
        ] {
            assert_eq!(numbers(text, dialect), expected, "{text}");
        }
        for text in [
            "SELECT $1(')",
            "SELECT $1::(')",
            "SELECT @a",
            "SELECT :a",
            "SELECT $a",
            "SELECT #1",
            "SELECT $1a",
            "a\0b",
        ] {
            assert!(scan(text, Sqlite).is_err(), "{text}");
        }
        for text in ["SELECT $0", "SELECT $65536", "SELECT $99999999999999999999"] {
            assert!(scan(text, Dialect::Postgresql).unwrap_err().contains("numbered from $1"), "{text}");
        }
    }

    #[test]
    fn placeholders_are_replaced_where_they_stand() {
        let text = "UPDATE t SET a = $2, b = '$1' WHERE c = $1";
        let scanned = scan(text, Dialect::Mysql).unwrap();
        assert_eq!(scanned.replace(text, |_| "?".to_owned()), "UPDATE t SET a = ?, b = '$1' WHERE c = ?");
        assert_eq!(scanned.parameters(), 2);
    }

    #[test]
    fn statements_are_told_apart_by_their_words() {
        let words = |text: &str| scan(text, Dialect::Sqlite).unwrap().statements;
        assert_eq!(
            words("  /* x */ attach 'f' as g; ; select ';' -- ; a"),
            [vec!["ATTACH", "AS", "G"], vec!["SELECT"]]
        );
        assert!(words(" ;; -- x").is_empty());
        assert_eq!(scan("select 1; Insert into t", Dialect::Sqlite).unwrap().last_verb(), "INSERT");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_nothing_is_lost(text in "[-$1-3a'\"`#/*\\\\\\[\\]; \né]{0,60}") {
            for dialect in [Dialect::Postgresql, Dialect::Mysql, Dialect::Sqlite] {
                if let Ok(scanned) = scan(&text, dialect) {
                    prop_assert_eq!(scanned.replace(&text, |number| format!("${number}")), text.clone());
                }
            }
        }
    }
}
