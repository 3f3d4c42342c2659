//! Texts of plugins and servers on their way to a terminal.

use std::borrow::Cow;

/// Whether a character changes how others are shown instead of being shown: control characters, characters that break lines or
/// reverse the order of what follows, and non-characters, which XML forbids.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(letter, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Lines of text that a terminal cannot mistake for a command: hidden characters but tabs become U+FFFD.
pub fn plain_lines(text: &str) -> Cow<'_, str> {
    let odd = |letter: char| is_hidden(letter) && !matches!(letter, '\n' | '\t');
    if text.contains(odd) {
        text.chars().map(|letter| if odd(letter) { '\u{fffd}' } else { letter }).collect()
    } else {
        text.into()
    }
}

/// The same with every line but the first indented, so that none of them can pass for a message of the host's own.
pub fn plain_paragraph(text: &str) -> Cow<'_, str> {
    match plain_lines(text) {
        text if text.contains('\n') => text.replace('\n', "\n    ").into(),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_line_ends_and_tabs_are_left() {
        assert!(matches!(plain_lines("two\nlines, ü"), Cow::Borrowed("two\nlines, ü")));
        assert_eq!(plain_lines("a\x1b[2J\r\t\u{202e}\u{9b}b"), "a\u{fffd}[2J\u{fffd}\t\u{fffd}\u{fffd}b");
        assert_eq!(plain_paragraph("a\nerror: b\n"), "a\n    error: b\n    ");
    }
}
