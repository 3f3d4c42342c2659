//! YAML 1.2 and JSON documents with source positions.
//!
//! A [`Document`] is a JSON value which remembers where every part of it was written, so that a [`Problem`] found
//! anywhere later can show the line that caused it. Values may come from the file, from `--set` and from
//! environment references; the reader itself opens no file and reads no variable.
//!
//! Scalars follow the YAML core schema: `yes` and `on` are texts, `0x1F` and `0o17` are integers. JSON is read by
//! a scanner of its own, because YAML limits keys to 1,024 characters and has no surrogate pairs.

mod build;
mod env;
mod error;
mod json;
pub(crate) mod mark;
pub(crate) mod render;
mod scalar;
mod set;
mod syntax;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use error::{DocumentError, Fault};
pub use set::SetError;

use crate::Problem;
use mark::{Mark, Place};

/// Bytes of a document's text. A scenario file is a few kilobytes; larger data belongs into a feed file.
pub const MAX_DOCUMENT_TEXT_BYTES: usize = 16 << 20;

/// Maps, lists, scalars and keys of a document after aliases are resolved. One costs a few hundred bytes with its
/// position, so a document stays below some hundred megabytes.
pub const MAX_NODES: usize = 1_000_000;

/// Bytes of all keys and texts of a document after aliases and environment references are resolved: an alias of a
/// long text is one node, so [`MAX_NODES`] alone does not bound memory.
pub const MAX_EXPANDED_BYTES: usize = 4 * MAX_DOCUMENT_TEXT_BYTES;

/// Maps and lists inside each other. A plugin receives the value inside another document and usually reads it with
/// a parser that stops at 128.
pub const MAX_DEPTH: usize = 100;

/// Commas, colons and brackets of one YAML list or map in brackets. The YAML parser holds all of its tokens until the
/// closing bracket, about half a kilobyte for each of these. JSON has no such limit.
pub const MAX_FLOW_MARKS: usize = 500_000;

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A value read from YAML or JSON, with the position of its parts.
#[derive(Clone, Debug)]
pub struct Document {
    file_name: String,
    text: String,
    value: Value,
    root: Mark,
    /// `--set` arguments, as `path=value`, for [`Place::Override`].
    overrides: Vec<String>,
}

impl Document {
    /// Reads `text`, a YAML 1.2 document or JSON. An empty text is null. `file_name` is used in messages only.
    ///
    /// # Errors
    /// When the text is no document; the error knows where and what to do.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, DocumentError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (value, root) =
            read(text).map_err(|located| DocumentError::new(file_name, text, located.0, located.1))?;
        Ok(Self {
            file_name: file_name.to_owned(),
            text: text.to_owned(),
            value,
            root,
            overrides: Vec::new(),
        })
    }

    /// The value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The value, without the positions.
    pub fn into_value(self) -> Value {
        self.value
    }

    /// Name of the file, as given to [`Document::parse`].
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Where the JSON pointer `pointer` (RFC 6901) was written: for an entry of a map its key, for an item of a list
    /// the item. When the pointer leads nowhere, the nearest ancestor that exists. `None` for parts set by
    /// [`Document::set`] and for texts that are no pointer.
    pub fn position(&self, pointer: &str) -> Option<Position> {
        let (mark, _) = self.root.find(&self.value, pointer)?;
        match mark.entry {
            Place::Source(position) => Some(position),
            Place::Override(_) => None,
        }
    }

    /// The problem as text for a terminal without colours: message, place, the line with a caret, hint. Control
    /// characters are escaped and long lines are cut. There is no line break at the end.
    pub fn render_problem(&self, problem: &Problem) -> String {
        let hint = problem.hint.as_deref();
        let found = match problem.path.as_str() {
            "" => None,
            pointer => self.root.find(&self.value, pointer),
        };
        let Some((mark, value)) = found else {
            let place = if problem.path.is_empty() { &self.file_name } else { &problem.path };
            return render::plain(&problem.message, place, hint);
        };
        // A wrong scalar is pointed at itself; a map or list begins on another line than its key.
        let place = if value.is_object() || value.is_array() { mark.entry } else { mark.value };
        match place {
            Place::Source(position) => {
                let line = render::line_of(&self.text, position.line);
                render::excerpt(&problem.message, &self.file_name, position, line, None, hint)
            }
            Place::Override(index) => {
                let argument = self.overrides.get(index as usize).map_or("", String::as_str);
                render::plain(&problem.message, &format!("--set {argument}"), hint)
            }
        }
    }
}

/// A fault and where it is.
struct Located(Fault, Option<Position>);

fn read(text: &str) -> Result<(Value, Mark), Located> {
    if text.len() > MAX_DOCUMENT_TEXT_BYTES {
        return Err(Located(Fault::TooLarge { bytes: text.len() }, None));
    }
    refuse_control_characters(text)?;
    let mut builder = build::Builder::default();
    if json::is_json(text) {
        json::read(text, &mut builder)?;
    } else {
        syntax::read(text, &mut builder)?;
    }
    Ok(builder.finish())
}

/// Neither YAML nor JSON may hold them, and they garble a terminal. The YAML parser takes U+0000 for the end.
fn refuse_control_characters(text: &str) -> Result<(), Located> {
    let is_bad = |c: char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{7f}');
    let Some(offset) = text.find(is_bad) else { return Ok(()) };
    let character = text[offset..].chars().next().unwrap_or_default();
    let position = render::position_of(text, offset);
    Err(Located(Fault::ControlCharacter(character), Some(position)))
}
