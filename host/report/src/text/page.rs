//! Lines of a report: wrapped, indented, perhaps coloured, always free of foreign control characters.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::Options;
use crate::escape::one_line;

/// What a piece of text wants to say; the words must say it too, for those who see no colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Heading,
    Dim,
    Good,
    Warn,
    Bad,
}

impl Tone {
    const fn style(self) -> Style {
        let style = Style::new();
        match self {
            Self::Plain => style,
            Self::Heading => style.bold(),
            Self::Dim => style.dimmed(),
            Self::Good => AnsiColor::Green.on_default().bold(),
            Self::Warn => AnsiColor::Yellow.on_default().bold(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// A report being written.
pub(crate) struct Page {
    out: String,
    width: usize,
    color: bool,
}

/// Columns the names of `name  value` lines take.
const LABEL_WIDTH: usize = 12;

/// Blanks before what stands under a heading.
pub(crate) const INDENT: usize = 2;

impl Page {
    pub(crate) fn new(options: Options) -> Self {
        Self { out: String::new(), width: options.columns(), color: options.color }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    /// Adds `text` as it stands: it must be clean and must fit.
    pub(crate) fn push(&mut self, text: &str, tone: Tone) {
        let style = tone.style();
        if self.color && tone != Tone::Plain && !text.is_empty() {
            // Writing to a `String` cannot fail.
            _ = write!(self.out, "{style}{text}{style:#}");
        } else {
            self.out.push_str(text);
        }
    }

    /// Ends the line, without blanks at its end.
    pub(crate) fn end_line(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
    }

    /// A blank line and a heading, with a remark behind it.
    pub(crate) fn heading(&mut self, title: &str, remark: &str) {
        self.out.push('\n');
        self.push(&fit(&one_line(title), self.width), Tone::Heading);
        let remark = one_line(remark);
        if !remark.is_empty() && title.width() + remark.width() + 2 <= self.width {
            self.out.push_str("  ");
            self.push(&remark, Tone::Dim);
            self.end_line();
        } else {
            self.end_line();
            if !remark.is_empty() {
                self.paragraph(INDENT, &remark, Tone::Dim);
            }
        }
    }

    /// A paragraph wrapped at the width.
    pub(crate) fn paragraph(&mut self, indent: usize, text: &str, tone: Tone) {
        for line in wrap(&one_line(text), self.width.saturating_sub(indent)) {
            self.blanks(indent);
            self.push(&line, tone);
            self.end_line();
        }
    }

    /// A bulleted paragraph.
    pub(crate) fn bullet(&mut self, indent: usize, mark: &str, text: &str) {
        self.marked(indent, (mark, Tone::Plain), 1, text);
    }

    /// A paragraph that hangs behind a mark and a gap.
    pub(crate) fn marked(&mut self, indent: usize, (mark, tone): (&str, Tone), gap: usize, text: &str) {
        let hang = indent + mark.width() + gap;
        for (index, line) in wrap(&one_line(text), self.width.saturating_sub(hang)).iter().enumerate() {
            self.blanks(if index == 0 { indent } else { hang });
            if index == 0 {
                self.push(mark, tone);
                self.blanks(gap);
            }
            self.push(line, Tone::Plain);
            self.end_line();
        }
    }

    /// A `name  value` line; an empty name continues the one before.
    pub(crate) fn pair(&mut self, name: &str, value: &str) {
        let lines = wrap(&one_line(value), self.width.saturating_sub(LABEL_WIDTH));
        for (index, line) in lines.iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            self.push(name, Tone::Dim);
            self.blanks(LABEL_WIDTH.saturating_sub(name.width()));
            self.push(line, Tone::Plain);
            self.end_line();
        }
    }

    pub(crate) fn blanks(&mut self, count: usize) {
        self.out.extend(std::iter::repeat_n(' ', count));
    }
}

/// `text` cut to `width` columns, two dots standing for what was cut.
pub(crate) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for letter in text.chars() {
        let columns = letter.width().unwrap_or(0);
        if used + columns > width.saturating_sub(2) {
            break;
        }
        used += columns;
        out.push(letter);
    }
    out.push_str(&".."[..width.min(2)]);
    out
}

/// Lines of at most `width` columns. Words longer than a line are broken.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let columns = word.width();
        if used > 0 && used + 1 + columns > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        for letter in word.chars() {
            let columns = letter.width().unwrap_or(0);
            if used + columns > width && used > 0 {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(letter);
            used += columns;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_broken_and_short_ones_kept() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("a bcdefghij k", 4), ["a", "bcde", "fghi", "j k"]);
        assert_eq!(wrap("", 4), Vec::<String>::new());
    }

    #[test]
    fn text_is_cut_by_columns_not_letters() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdefg", 6), "abcd..");
        assert_eq!(fit("日本語日本語", 7), "日本..");
        assert_eq!(fit("abc", 1), ".");
    }

    #[test]
    fn colour_only_when_asked_for() {
        for (color, expected) in [(false, "x\n"), (true, "\u{1b}[1m\u{1b}[31mx\u{1b}[0m\n")] {
            let mut page = Page::new(Options { color, ..Options::default() });
            page.paragraph(0, "x", Tone::Bad);
            assert_eq!(page.finish(), expected);
        }
    }
}
