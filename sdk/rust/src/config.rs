//! Reading a config value by value, collecting every problem with its place.
//!
//! ```
//! use stresshost_sdk::config::{Found, Node};
//!
//! let config = serde_json::json!({"timeout": "5s", "retires": 2});
//! let mut found = Found::default();
//! let fields = Node::new(&config, "").fields(&mut found, "a mapping of settings", &["timeout", "retries"]);
//! let timeout = fields.and_then(|fields| fields.get("timeout")?.duration_ms(&mut found));
//! assert_eq!(timeout, Some(5_000));
//! assert_eq!(found.problems[0].to_string(), "/retires: there is no setting `retires` (did you mean `retries`?)");
//! ```

use serde_json::Value;
use stresshost_plan::{Problem, nearest, parse_bytes, parse_duration_ms, parse_rate};

use crate::Problems;

/// Problems kept: a person mends them in rounds, and a generated config may have one on every line.
pub const MAX_PROBLEMS: usize = 100;

/// A value of the document and where it stands.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// The value.
    pub value: &'a Value,
    /// JSON pointer, after the name of the flag when the document came by one.
    pub path: String,
}

/// What was found while reading: problems and notes.
#[derive(Debug, Default)]
pub struct Found {
    /// What makes no plan.
    pub problems: Problems,
    /// What was inferred or replaced, for [`Plan::notes`](stresshost_plan::Plan::notes).
    pub notes: Vec<String>,
}

impl Found {
    /// Adds a problem.
    pub fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.add(Problem::new(path, message));
    }

    /// Adds a problem with advice.
    pub fn problem_with_hint(&mut self, path: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Problem::new(path, message).hint(hint));
    }

    /// Adds a problem that is made already. Past [`MAX_PROBLEMS`] it is dropped.
    pub fn add(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

impl<'a> Node<'a> {
    /// A value at a path.
    pub fn new(value: &'a Value, path: impl Into<String>) -> Self {
        Self { value, path: path.into() }
    }

    /// The value of a key, for maps whose keys are the author's own.
    fn child(&self, key: &str, value: &'a Value) -> Self {
        let key = key.replace('~', "~0").replace('/', "~1");
        Self::new(value, format!("{}/{key}", self.path))
    }

    /// Says that the value is not what is wanted.
    pub fn wrong(&self, found: &mut Found, wanted: &str) {
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
    pub fn fields(&self, found: &mut Found, wanted: &str, known: &[&str]) -> Option<Fields<'a>> {
        let entries = self.entries(found, wanted)?;
        for (key, node) in &entries {
            if !known.contains(&key.as_str()) {
                let hint = match nearest(key, known.iter().copied()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("known here: {}", known.join(", ")),
                };
                found.problem_with_hint(&node.path, format!("there is no setting `{}`", short(key)), hint);
            }
        }
        Some(Fields { entries, path: self.path.clone() })
    }

    /// The entries of a mapping with any keys.
    pub fn entries(&self, found: &mut Found, wanted: &str) -> Option<Vec<(String, Self)>> {
        let Value::Object(map) = self.value else {
            self.wrong(found, wanted);
            return None;
        };
        Some(map.iter().map(|(key, value)| (key.clone(), self.child(key, value))).collect())
    }

    /// The items of a list of at most `most`.
    pub fn items(&self, found: &mut Found, wanted: &str, most: usize) -> Vec<Self> {
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
    pub fn text(&self, found: &mut Found, wanted: &str) -> Option<String> {
        match self.value {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            _ => {
                self.wrong(found, wanted);
                None
            }
        }
    }

    /// A text, or a number or truth value as text, as people write header values and form fields.
    pub fn scalar(&self, found: &mut Found, wanted: &str) -> Option<String> {
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
    pub fn whole(&self, found: &mut Found, wanted: &str) -> Option<u64> {
        let number = self.value.as_u64();
        if number.is_none() {
            self.wrong(found, wanted);
        }
        number
    }

    /// A number.
    pub fn number(&self, found: &mut Found, wanted: &str) -> Option<f64> {
        let number = self.value.as_f64();
        if number.is_none() {
            self.wrong(found, wanted);
        }
        number
    }

    /// A share: a number from 0 to 1, or a text such as `80%`.
    pub fn share(&self, found: &mut Found) -> Option<f64> {
        let wanted = "a share such as `80%` or `0.8`";
        let text = self.scalar(found, wanted)?;
        let (number, whole) = match text.trim().strip_suffix('%') {
            Some(percent) => (percent.trim(), 100.0),
            None => (text.trim(), 1.0),
        };
        let share = number.parse::<f64>().ok().map(|number| number / whole);
        let share = share.filter(|share| (0.0..=1.0).contains(share));
        if share.is_none() {
            self.wrong(found, wanted);
        }
        share
    }

    /// A truth value.
    pub fn boolean(&self, found: &mut Found) -> Option<bool> {
        let boolean = self.value.as_bool();
        if boolean.is_none() {
            self.wrong(found, "`true` or `false`");
        }
        boolean
    }

    /// A duration: seconds, or a text such as `5m`.
    pub fn duration_ms(&self, found: &mut Found) -> Option<u64> {
        self.parsed(found, "a duration such as `30`, `250ms` or `5m`", parse_duration_ms)
    }

    /// A duration of more than 0.
    pub fn timeout_ms(&self, found: &mut Found) -> Option<u64> {
        let ms = self.duration_ms(found)?;
        if ms == 0 {
            found.problem(&self.path, "a limit of 0 lets nothing through");
            return None;
        }
        Some(ms)
    }

    /// A rate: a number per second, or a text such as `600/m`.
    pub fn rate(&self, found: &mut Found) -> Option<f64> {
        self.parsed(found, "a rate such as `5000` or `600/m`", parse_rate)
    }

    /// A size: bytes, or a text such as `64KiB`.
    pub fn bytes(&self, found: &mut Found) -> Option<u64> {
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
    pub fn choice(&self, found: &mut Found, words: &[&str]) -> Option<String> {
        let given = self.scalar(found, &format!("one of {}", words.join(", ")))?;
        if words.contains(&given.as_str()) {
            return Some(given);
        }
        let message = format!("`{}` is not one of {}", short(&given), words.join(", "));
        match nearest(&given, words.iter().copied()) {
            Some(word) => found.problem_with_hint(&self.path, message, format!("did you mean `{word}`?")),
            None => found.problem(&self.path, message),
        }
        None
    }
}

/// The entries of a mapping whose keys were checked. A key with nothing after it counts as absent.
#[derive(Debug)]
pub struct Fields<'a> {
    entries: Vec<(String, Node<'a>)>,
    /// Path of the mapping.
    pub path: String,
}

impl<'a> Fields<'a> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.entries.iter().find(|(name, node)| name == key && !node.value.is_null()).map(|(_, node)| node)
    }

    /// The value of one of several keys that mean the same; more than one of them is a problem.
    pub fn one_of(&self, found: &mut Found, keys: &[&str]) -> Option<(&str, &Node<'a>)> {
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
pub fn short(text: &str) -> String {
    /// Characters of a quoted value that a message shows.
    const MAX_CHARS: usize = 120;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_are_numbers_or_per_cent() {
        for (value, share) in [
            (json!("80%"), Some(0.8)),
            (json!(0.8), Some(0.8)),
            (json!("1"), Some(1.0)),
            (json!("100 %"), Some(1.0)),
            (json!(80), None),
            (json!("101%"), None),
            (json!("-1%"), None),
            (json!("most"), None),
            (json!([]), None),
        ] {
            let mut found = Found::default();
            assert_eq!(Node::new(&value, "/share").share(&mut found), share, "{value}");
            assert_eq!(found.problems.len(), usize::from(share.is_none()), "{value}");
        }
    }

    #[test]
    fn a_problem_past_the_most_is_dropped_and_long_values_are_cut() {
        let mut found = Found::default();
        let long = json!("x".repeat(500));
        (0..200).for_each(|_| assert_eq!(Node::new(&long, "/a").whole(&mut found, "a number"), None));
        assert_eq!(found.problems.len(), MAX_PROBLEMS);
        assert!(found.problems[0].message.len() < 200, "{}", found.problems[0].message);
    }

    #[test]
    fn keys_are_escaped_in_paths_and_meant_ones_are_named() {
        let config = json!({"a/b~c": {}, "raet": 1, "unheard of": 1});
        let mut found = Found::default();
        let fields = Node::new(&config, "").fields(&mut found, "settings", &["rate", "a/b~c"]).unwrap();
        assert_eq!(fields.get("a/b~c").map(|node| node.path.as_str()), Some("/a~1b~0c"));
        let hints: Vec<_> = found.problems.iter().filter_map(|problem| problem.hint.as_deref()).collect();
        assert_eq!(hints, ["did you mean `rate`?", "known here: rate, a/b~c"]);
    }
}
