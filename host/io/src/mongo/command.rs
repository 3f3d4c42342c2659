//! Commands, compiled once and rendered per execution.

use std::fmt;

use bson::Bson;
use bson::spec::ElementType;
use stresshost_clock::NS_PER_MS;

use super::limits::{MAX_COMMAND_BYTES, MAX_OPEN, MAX_VALUES};
use super::message;
use super::target::Target;
use super::value::{Value, length, push_bson, push_element, read_json};
use crate::timeout::millis;

/// Names of the options, for messages.
const KNOWN: &str = "database, expect, timeout-ms";

/// Commands that end by `maxTimeMS` on every server.
const TIMED: [&str; 8] =
    ["aggregate", "count", "delete", "distinct", "find", "findAndModify", "insert", "update"];

/// A command as a plugin writes it.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec<'a> {
    /// A document of Extended JSON, the command's name first. A text `$1`, `$2`, ... stands for a value.
    pub text: &'a str,
    /// Options by name: `timeout-ms`, `database`, `expect`.
    pub options: &'a [(String, String)],
}

/// What is wrong with a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It cannot be read.
    #[error("{0}")]
    Text(String),
    /// A value's number is missing.
    #[error("it has ${most} but no ${missing}")]
    Gap {
        /// The highest number.
        most: usize,
        /// The lowest that is not there.
        missing: usize,
    },
    /// It has too many parts.
    #[error("it has {count} {what}; {most} are the most")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// An option that cannot be read.
    #[error("option `{name}`: {reason}")]
    Option {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// A compiled command.
pub struct Command {
    /// Elements and keys that are the same in each execution.
    fixed: Vec<u8>,
    pieces: Vec<Piece>,
    values: usize,
    pub(crate) timeout_ns: u64,
    pub(crate) expects_documents: bool,
}

#[derive(Clone, Copy, Debug)]
enum Piece {
    /// Fixed bytes up to this offset.
    Fixed(usize),
    /// A document or array begins, whose length depends on a value.
    Open,
    Close,
    /// A value, whose key is the fixed bytes up to this offset.
    Value {
        number: usize,
        key_end: usize,
    },
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("bytes", &self.fixed.len()).finish_non_exhaustive()
    }
}

impl Command {
    /// Compiles a command for connections to a target.
    ///
    /// # Errors
    /// When it cannot be sent as it is written.
    pub(crate) fn compile(spec: &CommandSpec<'_>, target: &Target) -> Result<Self, CommandError> {
        let mut settings = Settings { timeout_ns: target.timeout_ns, ..Settings::default() };
        for (name, value) in spec.options {
            let wrong = |reason| CommandError::Option { name: name.clone(), reason };
            settings.set(name, value.trim()).map_err(wrong)?;
        }
        let mut document = read(spec.text)?;
        let database = settings.database.unwrap_or_else(|| target.database.clone());
        let name = document.keys().next().cloned().unwrap_or_default();
        let timeout_ms = settings.timeout_ns / NS_PER_MS;
        if TIMED.contains(&name.as_str()) && !document.contains_key("maxTimeMS") && timeout_ms > 0 {
            document.insert("maxTimeMS", i64::try_from(timeout_ms).unwrap_or(i64::MAX));
        }
        document.insert("$db", database);
        let mut command = Self {
            fixed: Vec::new(),
            pieces: Vec::new(),
            values: 0,
            timeout_ns: settings.timeout_ns,
            expects_documents: settings.expects_documents,
        };
        let mut used = vec![false; MAX_VALUES];
        command.push_open();
        for (key, value) in document {
            command.push(&key, value, 1, &mut used)?;
        }
        command.pieces.push(Piece::Close);
        command.values = used.iter().rposition(|used| *used).map_or(0, |last| last + 1);
        match used.iter().take(command.values).position(|used| !used) {
            Some(gap) => Err(CommandError::Gap { most: command.values, missing: gap + 1 }),
            None => Ok(command),
        }
    }

    fn push(&mut self, key: &str, value: Bson, depth: usize, used: &mut [bool]) -> Result<(), CommandError> {
        if let Some(number) = place(&value) {
            let too_many = CommandError::TooMany { what: "values", count: number, most: MAX_VALUES };
            *used.get_mut(number - 1).ok_or(too_many)? = true;
            self.fixed.extend_from_slice(key.as_bytes());
            self.pieces.push(Piece::Value { number: number - 1, key_end: self.fixed.len() });
            return Ok(());
        }
        if !holds_place(&value) {
            push_bson(key.as_bytes(), value, &mut self.fixed).map_err(CommandError::Text)?;
            self.close_fixed();
            return Ok(());
        }
        if depth >= MAX_OPEN {
            return Err(CommandError::TooMany {
                what: "levels around a value",
                count: depth + 1,
                most: MAX_OPEN,
            });
        }
        let (kind, entries): (_, Vec<(String, Bson)>) = match value {
            Bson::Document(document) => (ElementType::EmbeddedDocument, document.into_iter().collect()),
            Bson::Array(items) => {
                let numbered = items.into_iter().enumerate().map(|(index, item)| (index.to_string(), item));
                (ElementType::Array, numbered.collect())
            }
            _ => return Ok(()),
        };
        if key.contains('\0') {
            return Err(CommandError::Text("a key holds a zero byte".to_owned()));
        }
        self.fixed.push(kind as u8);
        self.fixed.extend_from_slice(key.as_bytes());
        self.fixed.push(0);
        self.close_fixed();
        self.push_open();
        for (key, value) in entries {
            self.push(&key, value, depth + 1, used)?;
        }
        self.pieces.push(Piece::Close);
        Ok(())
    }

    fn push_open(&mut self) {
        self.pieces.push(Piece::Open);
    }

    fn close_fixed(&mut self) {
        let end = self.fixed.len();
        match self.pieces.last_mut() {
            Some(Piece::Fixed(last)) => *last = end,
            _ => self.pieces.push(Piece::Fixed(end)),
        }
    }

    /// Bytes of memory that it takes.
    pub fn held_bytes(&self) -> u64 {
        (self.fixed.len() + self.pieces.len() * size_of::<Piece>()) as u64
    }

    /// Writes the message with its values. Err: what is wrong with them.
    pub(crate) fn render(&self, id: i32, values: &[Value], out: &mut Vec<u8>) -> Result<(), String> {
        if values.len() != self.values {
            let (expected, found) = (self.values, values.len());
            return Err(format!("the command has {expected} values and was given {found}"));
        }
        message::begin(id, out);
        let mut from = 0;
        let mut open = [0; MAX_OPEN];
        let mut depth = 0;
        let fixed = |range| self.fixed.get(range).unwrap_or_default();
        for piece in &self.pieces {
            match *piece {
                Piece::Fixed(end) => {
                    out.extend_from_slice(fixed(from..end));
                    from = end;
                }
                Piece::Open => {
                    if let Some(slot) = open.get_mut(depth) {
                        *slot = out.len();
                    }
                    depth += 1;
                    out.extend_from_slice(&[0; 4]);
                }
                Piece::Close => {
                    depth -= 1;
                    out.push(0);
                    let start = open.get(depth).copied().unwrap_or_default();
                    let bytes = length(out.len() - start)?;
                    if let Some(field) = out.get_mut(start..start + 4) {
                        field.copy_from_slice(&bytes);
                    }
                }
                Piece::Value { number, key_end } => {
                    let key = fixed(from..key_end);
                    from = key_end;
                    let value = values.get(number).unwrap_or(&Value::Null);
                    push_element(key, value, out).map_err(|reason| format!("${}: {reason}", number + 1))?;
                }
            }
        }
        message::end(out)
    }
}

/// What the options of a command say.
#[derive(Default)]
struct Settings {
    timeout_ns: u64,
    database: Option<String>,
    expects_documents: bool,
}

impl Settings {
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match (name, value) {
            ("timeout-ms", _) => self.timeout_ns = millis(value)?,
            ("database", "") => return Err("it is empty".to_owned()),
            ("database", _) => self.database = Some(value.to_owned()),
            ("expect", "documents") => self.expects_documents = true,
            ("expect", _) => return Err(format!("`{value}` is not `documents`")),
            _ => return Err(format!("there is no such option; there are: {KNOWN}")),
        }
        Ok(())
    }
}

fn read(text: &str) -> Result<bson::Document, CommandError> {
    if text.len() > MAX_COMMAND_BYTES {
        let (what, count, most) = ("bytes", text.len(), MAX_COMMAND_BYTES);
        return Err(CommandError::TooMany { what, count, most });
    }
    let wrong = |reason: &str| CommandError::Text(format!("{reason}: write {{\"find\": \"users\", ...}}"));
    match read_json(text).map_err(CommandError::Text)? {
        Bson::Document(document) if document.is_empty() => Err(wrong("the command is empty")),
        Bson::Document(document) => {
            match document.keys().find(|key| matches!(key.as_str(), "$db" | "lsid")) {
                Some(key) => Err(CommandError::Text(format!("`{key}` is the host's to set"))),
                None => Ok(document),
            }
        }
        _ => Err(wrong("the command is no document")),
    }
}

/// The number of the value that a text stands for.
fn place(value: &Bson) -> Option<usize> {
    let digits = value.as_str()?.strip_prefix('$')?;
    let is_number = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| is_number)
}

fn holds_place(value: &Bson) -> bool {
    match value {
        Bson::Document(document) => document.values().any(holds_place),
        Bson::Array(items) => items.iter().any(holds_place),
        value => place(value).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;
    use crate::mongo::target::tests::target;

    fn compiled(text: &str, options: &[(&str, &str)]) -> Result<Command, CommandError> {
        let options: Vec<_> =
            options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Command::compile(&CommandSpec { text, options: &options }, &target("mongodb://h/shop"))
    }

    fn rendered(text: &str, options: &[(&str, &str)], values: &[Value]) -> bson::Document {
        let mut out = Vec::new();
        compiled(text, options).unwrap().render(9, values, &mut out).unwrap();
        assert_eq!(message::total(&out, usize::MAX).unwrap(), Some(out.len()));
        out[8..12].copy_from_slice(&9_i32.to_le_bytes());
        bson::Document::try_from(message::document(&out, 9).unwrap()).unwrap()
    }

    #[test]
    fn values_stand_where_their_numbers_are() {
        let text = r#"{"find": "users", "filter": {"_id": {"$gte": "$1"}, "tags": ["x", "$2", {"y": "$1"}]}, "limit": 1}"#;
        let values = [Value::Text("user7".into()), Value::Json("{\"a\": [1]}".into())];
        assert_eq!(
            rendered(text, &[("timeout-ms", "250")], &values),
            doc! {
                "find": "users",
                "filter": {"_id": {"$gte": "user7"}, "tags": ["x", {"a": [1]}, {"y": "user7"}]},
                "limit": 1,
                "maxTimeMS": 250_i64,
                "$db": "shop",
            }
        );
        let text = r#"{"insert": "$1", "documents": "$2", "maxTimeMS": 5}"#;
        let values = [Value::Text("c".into()), Value::Json("[{\"_id\": 1}]".into())];
        assert_eq!(
            rendered(text, &[("database", "other")], &values),
            doc! {"insert": "c", "documents": [{"_id": 1}], "maxTimeMS": 5, "$db": "other"}
        );
        assert_eq!(
            rendered(r#"{"ping": 1, "comment": "$x"}"#, &[], &[]),
            doc! {"ping": 1, "comment": "$x", "$db": "shop"}
        );
    }

    #[test]
    fn what_cannot_be_sent_is_told() {
        let nested = format!("{{\"a\": {}\"$1\"{}}}", "[".repeat(40), "]".repeat(40));
        for (text, options, told) in [
            ("", &[][..], "no JSON"),
            ("[1]", &[], "no document"),
            ("{}", &[], "is empty"),
            (r#"{"find": {"$oid": "x"}}"#, &[], "Extended JSON"),
            (r#"{"find": "c", "$db": "x"}"#, &[], "`$db` is the host's"),
            (r#"{"find": "c", "filter": {"a": "$1", "b": "$3"}}"#, &[], "it has $3 but no $2"),
            (r#"{"find": "c", "filter": "$1001"}"#, &[], "1001 values; 1000"),
            (nested.as_str(), &[], "levels around a value"),
            (r#"{"ping": 1}"#, &[("timeout-ms", "0")], "option `timeout-ms`"),
            (r#"{"ping": 1}"#, &[("database", "")], "option `database`"),
            (r#"{"ping": 1}"#, &[("expect", "value")], "is not `documents`"),
            (r#"{"ping": 1}"#, &[("w", "1")], "there are: database"),
        ] {
            let error = compiled(text, options).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
        let command = compiled(r#"{"find": "c", "filter": {"a": "$1"}}"#, &[]).unwrap();
        for (values, told) in [
            (&[][..], "1 values and was given 0"),
            (&[Value::Null, Value::Null], "was given 2"),
            (&[Value::Json("{".into())], "$1: it is no JSON"),
        ] {
            let error = command.render(1, values, &mut Vec::new()).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
