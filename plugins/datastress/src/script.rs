//! Texts of several statements: where each begins and ends, and what comments say of it.
//!
//! The scanner knows what can hold a `;` or a `$1` that is none: strings, quoted names, comments and PostgreSQL's dollar
//! quotes. Everything else is the parser's.

/// A statement of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The statement without the `;`, comments before it left out.
    pub(crate) text: String,
    /// Line on which it begins, from 1.
    pub(crate) line: u32,
    /// What `-- name: x` before it says.
    pub(crate) name: Option<String>,
    /// What `-- weight: n` before it says, as written.
    pub(crate) weight: Option<String>,
}

/// Splits a text at its semicolons. Parts that hold nothing but blanks and comments are no statements.
pub(crate) fn split(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < text.len() {
        let (kind, end) = token(text, at);
        if kind == Token::Semicolon {
            pieces.extend(piece(text, start, at));
            start = end;
        }
        at = end;
    }
    pieces.extend(piece(text, start, text.len()));
    pieces
}

/// Places of parameters `$1`, `$2`, ...: begin, end and number.
pub(crate) fn parameters(text: &str) -> Vec<(usize, usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let (kind, end) = token(text, at);
        if kind == Token::Parameter
            && let Some(number) = text.get(at + 1..end).and_then(|digits| digits.parse().ok())
        {
            found.push((at, end, number));
        }
        at = end;
    }
    found
}

/// The text with each parameter replaced.
pub(crate) fn filled(text: &str, value: impl Fn(usize) -> String) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut copied = 0;
    for (begin, end, number) in parameters(text) {
        filled.push_str(text.get(copied..begin).unwrap_or_default());
        filled.push_str(&value(number));
        copied = end;
    }
    filled.push_str(text.get(copied..).unwrap_or_default());
    filled
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Blank,
    Comment,
    Semicolon,
    Parameter,
    Other,
}

/// The token that begins at a place, and where it ends. What is not closed reaches to the end of the text.
fn token(text: &str, at: usize) -> (Token, usize) {
    let rest = text.get(at..).unwrap_or_default();
    let Some(first) = rest.chars().next() else { return (Token::Other, text.len()) };
    let until = |skip: usize, close: &str| {
        rest.get(skip..)
            .and_then(|rest| rest.find(close))
            .map_or(rest.len(), |found| skip + found + close.len())
    };
    let (kind, length) = match first {
        ';' => (Token::Semicolon, 1),
        '\'' | '"' | '`' => (Token::Other, quoted(rest, first)),
        '-' if rest.starts_with("--") => (Token::Comment, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => (Token::Comment, until(2, "*/")),
        '$' => dollar(rest),
        blank if blank.is_whitespace() => (Token::Blank, blank.len_utf8()),
        letter if letter.is_alphanumeric() || letter == '_' => {
            let end = rest.find(|other: char| !(other.is_alphanumeric() || other == '_' || other == '$'));
            (Token::Other, end.unwrap_or(rest.len()))
        }
        other => (Token::Other, other.len_utf8()),
    };
    (kind, at + length)
}

/// Length of what is quoted: a doubled quote stands for itself, and so does one after a backslash in a string.
fn quoted(rest: &str, quote: char) -> usize {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && quote == '\'' && characters.peek().is_some_and(|(_, next)| *next == '\\') {
            characters.next();
        } else if character == quote {
            match characters.peek() {
                Some((_, next)) if *next == quote => {
                    characters.next();
                }
                _ => return at + quote.len_utf8(),
            }
        }
    }
    rest.len()
}

/// A parameter, a dollar quote, or a dollar.
fn dollar(rest: &str) -> (Token, usize) {
    let after = rest.get(1..).unwrap_or_default();
    let digits = after.find(|other: char| !other.is_ascii_digit()).unwrap_or(after.len());
    if digits > 0 {
        return (Token::Parameter, 1 + digits);
    }
    let tag = after.find(|other: char| !(other.is_alphanumeric() || other == '_'));
    match tag {
        Some(end) if after.get(end..).is_some_and(|rest| rest.starts_with('$')) => {
            let open = end + 2;
            let quote = rest.get(..open).unwrap_or_default();
            let closing = rest.get(open..).and_then(|body| body.find(quote));
            (Token::Other, closing.map_or(rest.len(), |found| open + found + open))
        }
        _ => (Token::Other, 1),
    }
}

/// What stands between two semicolons, if it is a statement.
fn piece(text: &str, start: usize, end: usize) -> Option<Piece> {
    let (mut name, mut weight) = (None, None);
    let mut at = start;
    while at < end {
        let (kind, next) = token(text, at);
        match kind {
            Token::Blank => {}
            Token::Comment => {
                let comment = text.get(at..next).unwrap_or_default().trim_start_matches('-').trim();
                name = annotation(comment, "name").or(name);
                weight = annotation(comment, "weight").or(weight);
            }
            _ => break,
        }
        at = next;
    }
    if at >= end {
        return None;
    }
    let line = text.get(..at)?.matches('\n').count() + 1;
    let text = text.get(at..end)?.trim_end().to_owned();
    Some(Piece { text, line: u32::try_from(line).unwrap_or(u32::MAX), name, weight })
}

/// What a comment says of a key.
pub(crate) fn annotation(comment: &str, key: &str) -> Option<String> {
    let value = comment.strip_prefix(key)?.trim_start().strip_prefix(':')?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<String> {
        split(text).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn statements_end_at_semicolons_that_are_none_of_a_string() {
        for (text, expected) in [
            ("SELECT 1; SELECT 2", vec!["SELECT 1", "SELECT 2"]),
            ("SELECT ';'; SELECT 'it''s;'", vec!["SELECT ';'", "SELECT 'it''s;'"]),
            ("-- a; b\nSELECT 1 -- c; d\n;", vec!["SELECT 1 -- c; d"]),
            ("/* ; */ SELECT \"a;b\", `c;d`;;", vec!["SELECT \"a;b\", `c;d`"]),
            ("DO $$ BEGIN; END $$; SELECT $f$;$f$", vec!["DO $$ BEGIN; END $$", "SELECT $f$;$f$"]),
            ("  \n -- nothing\n", vec![]),
            ("SELECT 'open;", vec!["SELECT 'open;"]),
        ] {
            assert_eq!(texts(text), expected, "{text}");
        }
    }

    #[test]
    fn comments_name_and_weigh_the_statement_after_them() {
        let pieces = split("-- name: top products\n-- weight: 3\nSELECT 1;\n\n-- plain\nSELECT\n 2;");
        assert_eq!(pieces[0].name.as_deref(), Some("top products"));
        assert_eq!((pieces[0].weight.as_deref(), pieces[0].line), (Some("3"), 3));
        assert_eq!((pieces[1].name.as_deref(), pieces[1].line), (None, 6));
    }

    #[test]
    fn parameters_are_found_outside_of_strings_only() {
        let text = "SELECT $1, '$2', $tag$ $3 $tag$, a$4, $10 -- $5";
        let numbers: Vec<usize> = parameters(text).into_iter().map(|(_, _, number)| number).collect();
        assert_eq!(numbers, [1, 10]);
        assert_eq!(filled("a = $1 AND b = $2", |number| format!("<{number}>")), "a = <1> AND b = <2>");
    }

    proptest! {
        #[test]
        fn any_text_is_split_without_loss_of_statements(parts in prop::collection::vec("[a-z ]{1,9}('[a-z;]{0,5}')?", 0..6)) {
            let wanted: Vec<String> = parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
            prop_assert_eq!(texts(&parts.join(";\n")), wanted);
        }

        #[test]
        fn no_text_breaks_the_scanner(text in "\\PC{0,60}") {
            for piece in split(&text) {
                prop_assert!(text.contains(&piece.text));
            }
            prop_assert_eq!(filled(&text, |number| format!("${number}")).len() <= text.len(), true);
        }
    }
}
