//! Events of a YAML text, and what its syntax errors mean to the person who wrote it.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::build::{Builder, Properties};
use super::render::{line_of, position_of};
use super::{Fault, Located, MAX_FLOW_MARKS, Position};

/// Reads a YAML text.
pub(super) fn read(text: &str, builder: &mut Builder) -> Result<(), Located> {
    refuse_long_flow(text)?;
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| explain(&error, text, builder.innermost_open()))?;
        let at = position(span.start);
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(Fault::ManyDocuments.at(at));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let properties = Properties { anchor, tag: tag.as_deref().map(full_tag) };
                builder.scalar(text, style == ScalarStyle::Plain, properties, at)?;
            }
            Event::SequenceStart(anchor, tag) => {
                builder.begin_list(Properties { anchor, tag: tag.as_deref().map(full_tag) }, at)?;
            }
            Event::MappingStart(anchor, tag) => {
                builder.begin_map(Properties { anchor, tag: tag.as_deref().map(full_tag) }, at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => builder.end()?,
            Event::Alias(anchor) => builder.alias(anchor, at)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }
    Ok(())
}

/// Refuses what would make the parser hold gigabytes. Brackets in texts and comments count as well: that is wrong only
/// for a text with an unpaired bracket before very many commas and colons.
fn refuse_long_flow(text: &str) -> Result<(), Located> {
    let (mut depth, mut marks, mut begin) = (0_usize, 0, 0);
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'{' => {
                if depth == 0 {
                    (marks, begin) = (0, offset);
                }
                depth += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' | b':' if depth > 0 => {}
            _ => continue,
        }
        marks += 1;
        if marks > MAX_FLOW_MARKS && depth > 0 {
            return Err(Fault::LongFlow.at(position_of(text, begin)));
        }
    }
    Ok(())
}

fn full_tag(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

fn position(marker: Marker) -> Position {
    Position { line: marker.line() as u32, column: marker.col() as u32 + 1 }
}

/// Parts of the parser's messages, what they mean, and what to do. The first that matches counts.
const KNOWN: &[(&str, &str, &str)] = &[
    ("tab", "a tab is used for indentation", "indent with spaces"),
    (
        "quoted scalar, found unexpected",
        "the quoted text that begins here has no closing quote",
        "close it; within double quotes write `\\\"` for a quote, within single quotes `''`",
    ),
    (
        "invalid indentation in quoted scalar",
        "the quoted text that begins here has no closing quote before a line that is indented less",
        "close the quote, or indent the lines that belong to it",
    ),
    (
        "trailing content after double-quoted",
        "text follows the closing quote",
        "quote the whole value; within double quotes write `\\\"` for a quote, within single quotes `''`",
    ),
    (
        "unknown escape character",
        "the double-quoted text that begins here has an unknown escape",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    (
        "did not find expected hexadecimal number",
        "the double-quoted text that begins here has a malformed \\x or \\u escape",
        "write `\\xHH` or `\\uHHHH`; for a backslash write `\\\\`, or use single quotes",
    ),
    (
        "invalid Unicode character escape",
        "the double-quoted text that begins here has an escape that is no Unicode character",
        "write `\\UHHHHHHHH` for characters beyond U+FFFF",
    ),
    ("unknown anchor", "no anchor of this name is defined above", "quote the text if it begins with `*`"),
    (
        "scanning an anchor or alias",
        "a name must follow `&` or `*`",
        "quote the text if it begins with `&` or `*`",
    ),
    ("unexpected character", "a text without quotes cannot begin with this character", "quote the text"),
    ("tag", "this is not a tag", "quote the text if it begins with `!`"),
    ("the handle wasn't declared", "this tag is not declared", "quote the text if it begins with `!`"),
    ("misplaced bracket", "this bracket closes nothing", "remove it, or quote the text if it belongs to one"),
    (
        "block sequence entries are not allowed",
        "a list cannot begin here",
        "put each `- ` on a line of its own below the key",
    ),
    (
        "only valid inside a block",
        "`- ` cannot stand inside brackets",
        "separate the items by commas instead",
    ),
    (
        "did not find expected key",
        "this line does not fit the map it belongs to",
        "indent it like the map's other keys, and write keys as `key: value`",
    ),
    (
        "did not find expected '-'",
        "this line does not fit the list it belongs to",
        "begin items with `- `, all at the same indentation",
    ),
    (
        "did not find expected <document start>",
        "this line does not belong to the document above it",
        "check its indentation",
    ),
    (
        "mapping values are not allowed",
        "a `: ` cannot stand here",
        "quote a text that holds `: `; otherwise check the indentation",
    ),
    ("illegal placement of ':'", "a `:` cannot stand here", "close the bracket or quote before it"),
    ("may not precede any of", "a space is missing after `:`", "write `key: value`"),
    ("invalid indentation in flow construct", "this line is inside a bracket that is still open", CLOSE),
    (
        "indentation",
        "this line is indented differently from the lines it belongs to",
        "check its indentation",
    ),
    (
        "wrongly indented",
        "this line is indented differently from the lines it belongs to",
        "check its indentation",
    ),
    (
        "simple key expect",
        "this line is not of the form `key: value`",
        "write `key: value`, with a space after the colon",
    ),
    (
        "comment intercepting",
        "a comment cannot stand inside a text of several lines",
        "quote the text, or move the comment",
    ),
    (
        "did not find expected node content",
        "a value is missing here",
        "write the value, or quote a text that begins with a comma or bracket",
    ),
    ("directive", "this is not a directive", "quote the text if it begins with `%`"),
];

/// How far above the place where the parser stops a cause is looked for.
const LINES_LOOKED_BACK: u32 = 3;

const CLOSE: &str = "close the bracket with `]` or `}`, or indent the lines inside it";

fn explain(error: &ScanError, text: &str, innermost_open: Option<Position>) -> Located {
    let at = position(*error.marker());
    let info = error.info();
    if info.contains("recursion limit") {
        return Fault::TooDeep.at(at);
    }
    let syntax = |message: &str, hint: &str, at| {
        Fault::Syntax { message: message.to_owned(), hint: Some(hint.to_owned()) }.at(at)
    };
    if let Some(located) = unclosed_or_template(info, text, innermost_open, at) {
        return located;
    }
    let at = if info.contains("simple key expect") { line_above(text, at) } else { at };
    let may_lack_space =
        info.contains("mapping values are not allowed") || info.contains("simple key expect");
    if let Some(place) = missing_space(text, at).filter(|_| may_lack_space) {
        return syntax("a space is missing after `:`", "write `key: value`", place);
    }
    match KNOWN.iter().find(|(part, ..)| info.contains(part)) {
        Some((part, message, hint)) => {
            syntax(message, hint, if *part == "tab" { indenting_tab(text, at) } else { at })
        }
        None => Fault::Syntax { message: format!("this is not YAML: {info}"), hint: None }.at(at),
    }
}

/// The nearest line with content above `at`: a line that is no key is noticed on the next one only.
fn line_above(text: &str, at: Position) -> Position {
    for line in (at.line.saturating_sub(LINES_LOOKED_BACK).max(1)..at.line).rev() {
        let content = line_of(text, line);
        let trimmed = content.trim_start();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            return Position { line, column: (content.chars().count() - trimmed.chars().count()) as u32 + 1 };
        }
    }
    at
}

/// The first tab in the indentation of the line of `at` or the one after it.
fn indenting_tab(text: &str, at: Position) -> Position {
    for line in [at.line, at.line + 1] {
        let content = line_of(text, line);
        let indentation = content.chars().take_while(|c| c.is_whitespace());
        if let Some(column) = indentation.enumerate().find(|(_, c)| *c == '\t').map(|(index, _)| index) {
            return Position { line, column: column as u32 + 1 };
        }
    }
    at
}

/// Errors inside brackets: a template in braces, a `${` reference without quotes, or a bracket that is not closed.
fn unclosed_or_template(
    info: &str,
    text: &str,
    innermost_open: Option<Position>,
    at: Position,
) -> Option<Located> {
    let (open_mark, close_mark) = if info.contains("parsing a flow mapping") {
        ('{', '}')
    } else if info.contains("parsing a flow sequence") {
        ('[', ']')
    } else {
        return None;
    };
    let line = line_of(text, at.line);
    if let Some(column) = line.find("${") {
        let column = line[..column].chars().count() as u32 + 1;
        return Some(
            Fault::Syntax {
                message: "a reference inside brackets needs quotes".to_owned(),
                hint: Some("write \"${NAME}\"".to_owned()),
            }
            .at(Position { line: at.line, column }),
        );
    }
    let open = innermost_open.unwrap_or(at);
    let begins = line_of(text, open.line).chars().nth(open.column as usize - 1);
    let hint = Some(format!("close it with `{close_mark}`, or put commas between its parts"));
    let is_at_end = line_of(text, at.line + 1).is_empty() && line.chars().count() < at.column as usize;
    let (message, place) = if begins != Some(open_mark) || open.line == at.line && !is_at_end {
        (format!("a `,` or `{close_mark}` is missing before this"), at)
    } else if is_at_end {
        (format!("the `{open_mark}` that begins here is not closed"), open)
    } else {
        (
            format!(
                "the `{open_mark}` that begins here is not closed before {at}, or a comma is missing there"
            ),
            open,
        )
    };
    Some(Fault::Syntax { message, hint }.at(place))
}

/// The colon of a `key:value` on the line of `at` or the nearest line with text above it. Colons of URLs and times
/// do not count.
fn missing_space(text: &str, at: Position) -> Option<Position> {
    let first = at.line.saturating_sub(LINES_LOOKED_BACK).max(1);
    for number in (first..=at.line).rev() {
        let line = line_of(text, number);
        let content = line.trim_start_matches([' ', '-']);
        let Some(colon) = content.find(':') else { continue };
        let (key, after) = (&content[..colon], &content[colon + 1..]);
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
        let is_glued = after.starts_with(|c: char| !c.is_whitespace()) && !after.starts_with("//");
        if is_key && is_glued && !key.chars().all(|c| c.is_ascii_digit()) {
            let column = line[..line.len() - after.len()].chars().count() as u32;
            return Some(Position { line: number, column });
        }
    }
    None
}
