//! Events of a YAML text, and what its syntax errors mean to the person who wrote it.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::build::{Builder, Properties};
use super::render::line_of;
use super::{Fault, Located, Position};

/// Reads a YAML text.
pub(super) fn read(text: &str, builder: &mut Builder) -> Result<(), Located> {
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
        "a line of the quoted text that begins here is indented less than its key",
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
    (
        "unknown anchor",
        "no anchor of this name is defined above",
        "quote the text if it begins with `*`",
    ),
    (
        "scanning an anchor or alias",
        "a name must follow `&` or `*`",
        "quote the text if it begins with `&` or `*`",
    ),
    ("unexpected character", "a text without quotes cannot begin with this character", "quote the text"),
    ("tag", "this is not a tag", "quote the text if it begins with `!`"),
    ("the handle wasn't declared", "this tag is not declared", "quote the text if it begins with `!`"),
    (
        "misplaced bracket",
        "this bracket closes nothing",
        "remove it, or quote the text if it belongs to one",
    ),
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
    (
        "may not precede any of",
        "a space is missing after `:`",
        "write `key: value`",
    ),
    ("invalid indentation in flow construct", "this line is inside a bracket that is still open", CLOSE),
    ("indentation", "this line is indented differently from the lines it belongs to", "check its indentation"),
    ("wrongly indented", "this line is indented differently from the lines it belongs to", "check its indentation"),
    ("simple key expect", "this line is not of the form `key: value`", "write `key: value`, with a space after the colon"),
    ("comment intercepting", "a comment cannot stand inside a text of several lines", "quote the text, or move the comment"),
    ("did not find expected node content", "a value is missing here", "write the value, or quote a text that begins with a comma or bracket"),
    ("directive", "this is not a directive", "quote the text if it begins with `%`"),
];

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
    if info.contains("mapping values are not allowed") || info.contains("simple key expect") {
        if let Some(place) = missing_space(text, at) {
            return syntax("a space is missing after `:`", "write `key: value`", place);
        }
    }
    match KNOWN.iter().find(|(part, ..)| info.contains(part)) {
        Some((_, message, hint)) => syntax(message, hint, at),
        None => Fault::Syntax { message: format!("this is not YAML: {info}"), hint: None }.at(at),
    }
}

/// Errors inside brackets: a template in braces, a `${` reference without quotes, or a bracket that is not closed.
fn unclosed_or_template(
    info: &str,
    text: &str,
    innermost_open: Option<Position>,
    at: Position,
) -> Option<Located> {
    let kind = if info.contains("parsing a flow mapping") {
        ('{', "the brace that begins here is not closed", "close it with `}`, or separate its entries by commas")
    } else if info.contains("parsing a flow sequence") {
        ('[', "the bracket that begins here is not closed", "close it with `]`, or separate its items by commas")
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
    let place = if begins == Some(kind.0) { open } else { at };
    Some(Fault::Syntax { message: kind.1.to_owned(), hint: Some(kind.2.to_owned()) }.at(place))
}

/// The colon of a `key:value` on the line of `at` or the nearest line with text above it. Colons of URLs and times
/// do not count.
fn missing_space(text: &str, at: Position) -> Option<Position> {
    let first = at.line.saturating_sub(3).max(1);
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
