//! What foreign text must lose before it is shown. Names and messages come from plugins and servers.

use stresshost_plan::is_hidden;

/// One line of text that a terminal cannot mistake for a command, nor a reader for another order of letters:
/// line breaks and tabs become blanks, control and direction characters become U+FFFD.
pub(crate) fn one_line(text: &str) -> String {
    let plain = |letter: char| match letter {
        '\n' | '\r' | '\t' => ' ',
        letter if is_hidden(letter) => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(plain).collect()
}

/// Appends `text` so that it is plain text inside an element or a quoted attribute, of HTML as of XML 1.0.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            '\r' => out.push(' '),
            letter if is_hidden(letter) => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        assert_eq!(one_line("a\r\nb\tc\u{1b}[31m\u{202e}d"), "a  b c\u{fffd}[31m\u{fffd}d");
    }

    #[test]
    fn markup_becomes_text() {
        let mut out = String::new();
        push_escaped(&mut out, "<a href=\"x\" b='y'>&]]>\0\n\u{ffff}");
        assert_eq!(out, "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;]]&gt;\u{fffd}\n\u{fffd}");
    }
}
