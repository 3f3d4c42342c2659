//! Reading a document value by value, collecting every problem with its place.

use stresshost_sdk::documents::{parse_bytes, parse_duration_ms, parse_rate};
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::Value;

use super::nearest::nearest;

/// Problems kept: a person mends them in rounds, and a generated config may have one on every line.
pub(crate) const MAX_PROBLEMS: usize = 100;

/// A value of the document and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a Value,
    /// JSON pointer, after the name of the flag when the document came by one.
    pub(crate) path: String,
}

/// What was found while reading: problems and notes.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) problems: Problems,
    pub(crate) notes: Vec<String>,
}

impl Found {
    /// Adds a problem.
    pub(crate) fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.add(Problem::new(path, message));
    }

    /// Adds a problem with advice.
    pub(crate) fn problem_with_hint(
        &mut self,
        path: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(Problem::new(path, message).hint(hint));
    }

    pub(crate) fn add(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

impl<'a> Node<'a> {
    pub(crate) fn new(value: &'a Value, path: impl Into<String>) -> Self {
        Self { value, path: path.into() }
    }

    /// The value of a key, for maps whose keys are the author's own.
    fn child(&self, key: &str, value: &'a Value) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        Self::new(value, format!("{}/{key}", self.path))
    }

    /// Says that the value is not what is wanted.
    pub(crate) fn wrong(&self, found: &mut Found, wanted: &str) {
        let given = match self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(_) | Value::Number(_) => format!("`{}`", self.value),
            Value::String(text) => format!("`{}`", short(text)),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "a mapping".to_owned(),
        };
        found.problem(&self.path, format!("{wanted} is wanted here, not {given}"));
    }

    /// A mapping with known keys; others are problems.
    pub(crate) fn fields(&self, found: &mut Found, wanted: &str, known: &[&str]) -> Option<Fields<'a>> {
        let entries = self.entries(found, wanted)?;
        for (key, node) in &entries {
            if !known.contains(&key.as_str()) {
                let hint = match nearest(key, known) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("known here: {}", known.join(", ")),
                };
                found.problem_with_hint(&node.path, format!("there is no setting `{}`", short(key)), hint);
            }
        }
        Some(Fields { entries, path: self.path.clone() })
    }

    /// The entries of a mapping with any keys.
    pub(crate) fn entries(&self, found: &mut Found, wanted: &str) -> Option<Vec<(String, Self)>> {
        let Value::Object(map) = self.value else {
            self.wrong(found, wanted);
            return None;
        };
        Some(map.iter().map(|(key, value)| (key.clone(), self.child(key, value))).collect())
    }

    /// The items of a list of at most `most`.
    pub(crate) fn items(&self, found: &mut Found, wanted: &str, most: usize) -> Vec<Self> {
        let Value::Array(items) = self.value else {
            self.wrong(found, wanted);
            return Vec::new();
        };
        if items.len() > most {
            found.problem(&self.path, format!("{} entries; the most is {most}", items.len()));
            return Vec::new();
        }
        let item = |(index, value)| Self::new(value, format!("{}/{index}", self.path));
        items.iter().enumerate().map(item).collect()
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, found: &mut Found, wanted: &str) -> Option<String> {
        match self.value {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            _ => {
                self.wrong(found, wanted);
                None
            }
        }
    }

    /// A text, or a number or truth value as text, as people write header values and form fields.
    pub(crate) fn scalar(&self, found: &mut Found, wanted: &str) -> Option<String> {
        match self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(self.value.to_string()),
            _ => {
                self.wrong(found, wanted);
                None
            }
        }
    }

    /// A whole number of 0 or more.
    pub(crate) fn whole(&self, found: &mut Found, wanted: &str) -> Option<u64> {
        let number = self.value.as_u64();
        if number.is_none() {
            self.wrong(found, wanted);
        }
        number
    }

    /// A truth value.
    pub(crate) fn boolean(&self, found: &mut Found) -> Option<bool> {
        let boolean = self.value.as_bool();
        if boolean.is_none() {
            self.wrong(found, "`true` or `false`");
        }
        boolean
    }

    /// A duration: seconds, or a text such as `5m`.
    pub(crate) fn duration_ms(&self, found: &mut Found) -> Option<u64> {
        self.parsed(found, "a duration such as `30`, `250ms` or `5m`", parse_duration_ms)
    }

    /// A duration of more than 0.
    pub(crate) fn timeout_ms(&self, found: &mut Found) -> Option<u64> {
        let ms = self.duration_ms(found)?;
        if ms == 0 {
            found.problem(&self.path, "a limit of 0 lets nothing through");
            return None;
        }
        Some(ms)
    }

    /// A rate: a number per second, or a text such as `600/m`.
    pub(crate) fn rate(&self, found: &mut Found) -> Option<f64> {
        self.parsed(found, "a rate such as `5000` or `600/m`", parse_rate)
    }

    /// A size: bytes, or a text such as `64KiB`.
    pub(crate) fn bytes(&self, found: &mut Found) -> Option<u64> {
        self.parsed(found, "a size such as `4096` or `64KiB`", parse_bytes)
    }

    fn parsed<T, E: std::fmt::Display>(
        &self,
        found: &mut Found,
        wanted: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = match self.value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                self.wrong(found, wanted);
                return None;
            }
        };
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                found.problem(&self.path, short(&error.to_string()));
                None
            }
        }
    }

    /// A word of a list.
    pub(crate) fn choice(&self, found: &mut Found, words: &[&str]) -> Option<String> {
        let given = self.scalar(found, &format!("one of {}", words.join(", ")))?;
        if words.contains(&given.as_str()) {
            return Some(given);
        }
        let message = format!("`{}` is not one of {}", short(&given), words.join(", "));
        match nearest(&given, words) {
            Some(word) => found.problem_with_hint(&self.path, message, format!("did you mean `{word}`?")),
            None => found.problem(&self.path, message),
        }
        None
    }
}

/// The entries of a mapping whose keys were checked. A key with nothing after it counts as absent.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    entries: Vec<(String, Node<'a>)>,
    pub(crate) path: String,
}

impl<'a> Fields<'a> {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.entries.iter().find(|(name, node)| name == key && !node.value.is_null()).map(|(_, node)| node)
    }

    /// The value of one of several keys that mean the same; more than one of them is a problem.
    pub(crate) fn one_of(&self, found: &mut Found, keys: &[&str]) -> Option<(&str, &Node<'a>)> {
        let mut given = self
            .entries
            .iter()
            .filter(|(name, node)| keys.contains(&name.as_str()) && !node.value.is_null())
            .map(|(name, node)| (name.as_str(), node));
        let first = given.next()?;
        for (name, node) in given {
            found.problem(&node.path, format!("`{name}` and `{}` cannot both be given", first.0));
        }
        Some(first)
    }
}

/// The beginning of a text, for messages.
pub(crate) fn short(text: &str) -> String {
    /// Characters of a quoted value that a message shows.
    const MAX_CHARS: usize = 120;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
