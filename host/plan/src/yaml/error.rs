//! What is wrong with the text of a document.

use super::{
    Located, MAX_DEPTH, MAX_DOCUMENT_TEXT_BYTES, MAX_EXPANDED_BYTES, MAX_FLOW_MARKS, MAX_NODES, Position,
    render,
};

/// A text that is no document. Displays as one line; [`DocumentError::render`] shows the source as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    file_name: Box<str>,
    position: Option<Position>,
    fault: Box<Fault>,
    rendered: Box<str>,
}

impl DocumentError {
    pub(super) fn new(file_name: &str, text: &str, fault: Fault, position: Option<Position>) -> Self {
        let (message, hint) = (fault.to_string(), fault.hint());
        let note = match &fault {
            Fault::DuplicateKey { first, .. } => Some(format!("it was first given at {first}")),
            _ => None,
        };
        let rendered = match position {
            None => render::plain(&message, file_name, hint.as_deref()),
            Some(position) => render::excerpt(
                &message,
                file_name,
                position,
                render::line_of(text, position.line),
                note.as_deref(),
                hint.as_deref(),
            ),
        };
        Self { file_name: file_name.into(), position, fault: Box::new(fault), rendered: rendered.into() }
    }

    /// What is wrong.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Where, when it is at one place.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// The error as text for a terminal, in the form of [`super::Document::render_problem`].
    pub fn render(&self) -> &str {
        &self.rendered
    }
}

impl std::fmt::Display for DocumentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file_name)?;
        if let Some(position) = self.position {
            write!(f, ":{}:{}", position.line, position.column)?;
        }
        write!(f, ": {}", self.fault)?;
        match self.fault.hint() {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for DocumentError {}

/// Kinds of [`DocumentError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The text is longer than [`MAX_DOCUMENT_TEXT_BYTES`].
    #[error("the text has {bytes} bytes; a document may have {MAX_DOCUMENT_TEXT_BYTES}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// A control character other than tab and line breaks.
    #[error("the character U+{:04X} is not allowed in a document", u32::from(*.0))]
    ControlCharacter(char),
    /// The text does not follow the grammar.
    #[error("{message}")]
    Syntax {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A second document in the same text.
    #[error("the file has more than one document")]
    ManyDocuments,
    /// A map has the same key twice.
    #[error("the key `{key}` is given twice")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Where it was first given.
        first: Position,
    },
    /// A key is a map or a list.
    #[error("a key must be a text; this one is a map or a list")]
    ComplexKey,
    /// A tag outside the core schema.
    #[error("the tag `{0}` is not known")]
    UnknownTag(String),
    /// A tag that does not fit its value.
    #[error("this value is not a `{0}`, as its tag says")]
    WrongTag(String),
    /// Infinity or not-a-number.
    #[error("`{0}` is not a finite number")]
    NotFinite(String),
    /// A number outside the range of 64-bit integers or floats.
    #[error("the number `{0}` does not fit into 64 bits")]
    NumberTooLarge(String),
    /// More levels than [`MAX_DEPTH`].
    #[error("maps and lists are nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// More nodes than [`MAX_NODES`].
    #[error("the document has more than {MAX_NODES} values with its aliases resolved")]
    TooManyNodes,
    /// More than [`MAX_FLOW_MARKS`] in one bracket.
    #[error("the bracket that begins here holds more than {MAX_FLOW_MARKS} commas, colons and brackets")]
    LongFlow,
    /// More text than [`MAX_EXPANDED_BYTES`].
    #[error("the texts of the document exceed {MAX_EXPANDED_BYTES} bytes with its aliases resolved")]
    TooMuchText,
    /// An alias inside the value it refers to.
    #[error("this alias refers to a value that contains it")]
    RecursiveAlias,
    /// A merge key whose value cannot be merged.
    #[error("the value of `<<` must be a map or a list of maps")]
    BadMerge,
}

impl Fault {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Syntax { hint, .. } => return hint.clone(),
            Self::UnknownTag(tag) => {
                return Some(format!("quote the text if `{tag}` belongs to it; tags are not used here"));
            }
            Self::NumberTooLarge(number) => {
                return Some(format!("quote it to make it a text: \"{number}\""));
            }
            Self::TooLarge { .. } | Self::TooManyNodes | Self::TooMuchText => {
                "move the data into a feed file"
            }
            Self::ControlCharacter(_) => "write it as an escape such as \"\\x1b\" in double quotes",
            Self::ManyDocuments => "remove the `---` line, or split the file",
            Self::DuplicateKey { .. } => "remove one of them",
            Self::ComplexKey => "quote a text that begins with `{` or `[`",
            Self::WrongTag(_) => "remove the tag",
            Self::NotFinite(_) => "write a number, or quote it to make it a text",
            Self::TooDeep => "flatten the document",
            Self::LongFlow => "write the list as lines that begin with `- `, or the whole file as JSON",
            Self::RecursiveAlias => "refer to a value that ends before the alias",
            Self::BadMerge => "write `<<: *name`, or `<<: [*first, *second]` for several",
        };
        Some(hint.to_owned())
    }

    pub(super) fn at(self, position: Position) -> Located {
        Located(self, Some(position))
    }
}
