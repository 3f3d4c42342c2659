//! Messages with the line they are about, for a terminal without colours.

use super::Position;

/// Characters of a source line that are shown; more would wrap on common terminals and separate line and caret.
const MAX_SHOWN_COLUMNS: usize = 96;

/// Characters kept left of the caret when a line is cut: enough to see the key.
const CONTEXT_COLUMNS: usize = 48;

/// Width of a tab in a shown line.
const TAB: &str = "    ";

/// A message about a place that has no line to show.
pub(super) fn plain(message: &str, place: &str, hint: Option<&str>) -> String {
    let mut text = format!("error: {}\n  --> {}", printable(message), printable(place));
    if let Some(hint) = hint {
        text.push_str(&format!("\n   = hint: {}", printable(hint)));
    }
    text
}

/// A message about `position`, with its line.
pub(crate) fn excerpt(
    message: &str,
    file_name: &str,
    position: Position,
    line: &str,
    note: Option<&str>,
    hint: Option<&str>,
) -> String {
    let number = position.line.to_string();
    let gutter = " ".repeat(number.len() + 1);
    let (shown, caret) = window(line, position.column);
    let mut text = format!(
        "error: {message}\n{gutter}--> {file}:{number}:{column}\n{gutter} |\n {number} | {shown}\n{gutter} | {pad}^",
        message = printable(message),
        file = printable(file_name),
        column = position.column,
        pad = " ".repeat(caret),
    );
    for (kind, advice) in [("note", note), ("hint", hint)] {
        if let Some(advice) = advice {
            text.push_str(&format!("\n{gutter} = {kind}: {}", printable(advice)));
        }
    }
    text
}

/// The part of a line around `column` that fits, and the caret's offset in it.
fn window(line: &str, column: u32) -> (String, usize) {
    let column = (column as usize).saturating_sub(1);
    let length = line.chars().count();
    let column = column.min(length);
    let start = if length <= MAX_SHOWN_COLUMNS { 0 } else { column.saturating_sub(CONTEXT_COLUMNS) };
    let mut shown = String::new();
    if start > 0 {
        shown.push('…');
    }
    let mut caret = None;
    for (index, c) in line.chars().enumerate().skip(start) {
        if index == column {
            caret = Some(shown.chars().count());
        }
        if index - start == MAX_SHOWN_COLUMNS {
            shown.push('…');
            break;
        }
        push_printable(&mut shown, c);
    }
    let caret = caret.unwrap_or_else(|| shown.chars().count());
    (shown.trim_end().to_owned(), caret)
}

/// `text` with everything escaped that moves the cursor or reorders the line.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        push_printable(&mut shown, c);
    }
    shown
}

fn push_printable(shown: &mut String, c: char) {
    match c {
        '\t' => shown.push_str(TAB),
        // Control characters, line and paragraph separators, bidirectional overrides and invisible marks.
        c if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}') =>
        {
            shown.extend(c.escape_unicode());
        }
        c => shown.push(c),
    }
}

/// Line `number` of a text, without its break; empty behind the end. YAML breaks lines at `\n`, `\r\n` and `\r`.
pub(crate) fn line_of(text: &str, number: u32) -> &str {
    let mut rest = text;
    for _ in 1..number {
        let Some(end) = rest.find(['\n', '\r']) else { return "" };
        let is_pair = rest[end..].starts_with("\r\n");
        rest = &rest[end + if is_pair { 2 } else { 1 }..];
    }
    rest.split(['\n', '\r']).next().unwrap_or("")
}

/// Position of a byte offset, which is at a character.
pub(super) fn position_of(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let (mut line, mut line_start) = (1, 0);
    for (index, byte) in before.bytes().enumerate() {
        if byte == b'\n' || byte == b'\r' && !text[index + 1..].starts_with('\n') {
            line += 1;
            line_start = index + 1;
        }
    }
    Position { line, column: before[line_start..].chars().count() as u32 + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_positions_agree_for_every_line_break() {
        let text = "a\nbä\r\nc\rd";
        for (offset, line, column, content) in [
            (0, 1, 1, "a"),
            (2, 2, 1, "bä"),
            (5, 2, 3, "bä"),
            (7, 3, 1, "c"),
            (9, 4, 1, "d"),
            (10, 4, 2, "d"),
        ] {
            assert_eq!(position_of(text, offset), Position { line, column }, "{offset}");
            assert_eq!(line_of(text, line), content, "{offset}");
        }
        assert_eq!(line_of(text, 5), "");
    }

    #[test]
    fn long_lines_are_cut_around_the_column() {
        let line = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let (shown, caret) = window(&line, 501);
        assert_eq!(shown.chars().nth(caret), Some('X'));
        assert!(shown.starts_with("…aaa") && shown.ends_with("bbb…"), "{shown}");
        assert_eq!(shown.chars().count(), MAX_SHOWN_COLUMNS + 2);
        let (shown, caret) = window(&line, 1);
        assert!(shown.starts_with("aaa") && shown.ends_with("aaa…") && caret == 0, "{shown}");
        let (shown, caret) = window(&line, 9_999);
        assert!(shown.ends_with("bbb") && caret == shown.chars().count(), "{shown}");
    }

    #[test]
    fn the_caret_stays_under_its_character() {
        for (line, column, expected) in
            [("\tkey: v", 2, 'k'), ("a\u{1b}[31mred", 3, '['), ("\u{202e}x", 2, 'x'), ("äöü", 3, 'ü')]
        {
            let (shown, caret) = window(line, column);
            assert_eq!(shown.chars().nth(caret), Some(expected), "{shown}");
            assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown}");
        }
    }
}
