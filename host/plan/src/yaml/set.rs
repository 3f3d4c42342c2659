//! `--set path=value`.

use serde_json::{Map, Value};

use super::build::depth;
use super::mark::{Mark, Place};
use super::scalar::resolve_plain;
use super::{Document, DocumentError, Fault, MAX_DEPTH};

/// Why a value cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// The path does not follow the grammar.
    #[error(
        "`{path}` is not a path: {reason}; write it like `scenarios[0].users`, with quotes around a key that has dots"
    )]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A key of something that is not a map.
    #[error("cannot set `{path}`: `{parent}` is {found}, which has no keys{advice}")]
    NotAMap {
        /// The path.
        path: String,
        /// Where it stops.
        parent: String,
        /// What is there.
        found: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// An index of something that is not a list.
    #[error("cannot set `{path}`: `{parent}` is {found}, which has no items")]
    NotAList {
        /// The path.
        path: String,
        /// Where it stops.
        parent: String,
        /// What is there.
        found: &'static str,
    },
    /// An index behind the end.
    #[error("cannot set `{path}`: `{parent}` has {len} items; the next one is `[{len}]`")]
    PastEnd {
        /// The path.
        path: String,
        /// The list.
        parent: String,
        /// Items it has.
        len: usize,
    },
    /// The value is no YAML.
    #[error("cannot set `{path}` to `{value}`: {fault}{}", advice(.fault))]
    Value {
        /// The path.
        path: String,
        /// The value's text.
        value: String,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The document would be deeper than [`MAX_DEPTH`].
    #[error("cannot set `{path}`: maps and lists would be nested deeper than {MAX_DEPTH} levels")]
    TooDeep {
        /// The path.
        path: String,
    },
}

fn advice(fault: &Fault) -> String {
    fault.hint().map_or_else(String::new, |hint| format!("; {hint}"))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Document {
    /// Sets the value at `path`, such as `a.b[0].c` or `headers."x.y"`. Missing maps are made; a list grows by one
    /// when the index is its length.
    ///
    /// A value that begins with `{`, `[` or a quote is read as YAML; any other is one scalar up to its end, `#` and
    /// `: ` included. Text that looks like a number, boolean or null becomes one; an empty text is null.
    ///
    /// # Errors
    /// When the path or the value is malformed or the path does not fit the document, which then stays as it was.
    pub fn set(&mut self, path: &str, value_text: &str) -> Result<(), SetError> {
        let steps = parse_path(path).map_err(|reason| SetError::Path { path: path.to_owned(), reason })?;
        let (leaf, plain) = parse_value(value_text).map_err(|fault| SetError::Value {
            path: path.to_owned(),
            value: value_text.to_owned(),
            fault,
        })?;
        if steps.len() + depth(&leaf) > MAX_DEPTH {
            return Err(SetError::TooDeep { path: path.to_owned() });
        }
        let place = Place::Override(self.overrides.len() as u32);
        assign(&mut self.value, &mut self.root, &Assignment { path, steps: &steps, plain, place }, leaf)?;
        self.overrides.push(format!("{path}={value_text}"));
        Ok(())
    }
}

/// The value and whether it is a scalar without quotes.
fn parse_value(text: &str) -> Result<(Value, bool), Fault> {
    let text = text.trim();
    if !text.starts_with(['{', '[', '"', '\'']) {
        return Ok((resolve_plain(text)?, true));
    }
    let document = Document::parse("", text).map_err(|error: DocumentError| error.fault().clone())?;
    // A quoted text followed by `:` reads as a map.
    if text.starts_with(['"', '\'']) && !document.value.is_string() {
        return Err(Fault::Syntax {
            message: "text follows the closing quote".to_owned(),
            hint: Some("quote the whole value".to_owned()),
        });
    }
    Ok((document.value, false))
}

fn parse_path(path: &str) -> Result<Vec<Step>, &'static str> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() || steps.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (digits, after) = after.split_once(']').ok_or("`[` has no `]`")?;
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let index = digits.parse().ok().filter(|_| is_number);
            steps.push(Step::Index(index.ok_or("an index must be a whole number of 0 or more")?));
            rest = after;
            continue;
        }
        if !steps.is_empty() {
            rest = rest.strip_prefix('.').ok_or("a `.` or `[` must follow `]` and `\"`")?;
        }
        let (key, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quote is not closed")?,
            None => rest.split_at(rest.find(['.', '[', ']', '"']).unwrap_or(rest.len())),
        };
        if key.is_empty() && !rest.starts_with('"') {
            return Err("a key is empty");
        }
        steps.push(Step::Key(key.to_owned()));
        rest = after;
    }
    Ok(steps)
}

struct Assignment<'a> {
    path: &'a str,
    steps: &'a [Step],
    plain: bool,
    place: Place,
}

fn assign(
    root: &mut Value,
    root_mark: &mut Mark,
    assignment: &Assignment<'_>,
    leaf: Value,
) -> Result<(), SetError> {
    let (mut value, mut mark) = (root, root_mark);
    for (index, step) in assignment.steps.iter().enumerate() {
        if value.is_null() {
            let made = assignment.build(index, leaf)?;
            let entry = mark.entry;
            *mark = Mark { entry, ..Mark::uniform(&made, assignment.place, assignment.plain) };
            *value = made;
            return Ok(());
        }
        let found = kind(value);
        let child = match (step, value) {
            (Step::Key(key), Value::Object(map)) => {
                let Some(position) = map.keys().position(|known| known == key) else {
                    let made = assignment.build(index + 1, leaf)?;
                    mark.children.push(Mark::uniform(&made, assignment.place, assignment.plain));
                    map.insert(key.clone(), made);
                    return Ok(());
                };
                map.get_mut(key).zip(mark.children.get_mut(position))
            }
            (Step::Index(item), Value::Array(items)) => {
                if *item == items.len() {
                    let made = assignment.build(index + 1, leaf)?;
                    mark.children.push(Mark::uniform(&made, assignment.place, assignment.plain));
                    items.push(made);
                    return Ok(());
                }
                if *item > items.len() {
                    return Err(assignment.past_end(index, items.len()));
                }
                items.get_mut(*item).zip(mark.children.get_mut(*item))
            }
            _ => None,
        };
        (value, mark) = child.ok_or_else(|| assignment.mismatch(index, found))?;
    }
    *mark = Mark::uniform(&leaf, assignment.place, assignment.plain);
    *value = leaf;
    Ok(())
}

impl Assignment<'_> {
    /// The value that holds `leaf` under the steps from `first` on, all of which are new.
    fn build(&self, first: usize, leaf: Value) -> Result<Value, SetError> {
        let mut value = leaf;
        for (index, step) in self.steps.iter().enumerate().skip(first).rev() {
            value = match step {
                Step::Key(key) => Value::Object(Map::from_iter([(key.clone(), value)])),
                Step::Index(0) => Value::Array(vec![value]),
                Step::Index(_) => return Err(self.past_end(index, 0)),
            };
        }
        Ok(value)
    }

    fn past_end(&self, index: usize, len: usize) -> SetError {
        SetError::PastEnd { path: self.path.to_owned(), parent: self.parent(index), len }
    }

    fn mismatch(&self, index: usize, found: &'static str) -> SetError {
        let (path, parent) = (self.path.to_owned(), self.parent(index));
        match self.steps.get(index) {
            Some(Step::Index(_)) => SetError::NotAList { path, parent, found },
            _ => {
                let advice = if found == "a list" { "; name an item with `[0]`" } else { "" };
                SetError::NotAMap { path, parent, found, advice }
            }
        }
    }

    /// The path of what holds step `index`.
    fn parent(&self, index: usize) -> String {
        let mut text = String::new();
        for step in self.steps.iter().take(index) {
            match step {
                Step::Index(item) => text.push_str(&format!("[{item}]")),
                Step::Key(key) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    let quote = if key.contains(['.', '[', ']']) || key.is_empty() { "\"" } else { "" };
                    text.push_str(&format!("{quote}{key}{quote}"));
                }
            }
        }
        if text.is_empty() { "the document".to_owned() } else { text }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(text: &str, path: &str, value: &str) -> Result<Value, String> {
        let mut document = Document::parse("t.yaml", text).unwrap();
        let before = document.value().clone();
        match document.set(path, value) {
            Ok(()) => Ok(document.into_value()),
            Err(error) => {
                assert_eq!(*document.value(), before, "a failed set changes nothing");
                Err(error.to_string())
            }
        }
    }

    #[test]
    fn values_are_set_and_parents_made() {
        let table = [
            ("", "a.b[0].c", "1", json!({"a": {"b": [{"c": 1}]}})),
            ("a: 1\nb: 2", "a", "x", json!({"a": "x", "b": 2})),
            ("a: [1, 2]", "a[1]", "true", json!({"a": [1, true]})),
            ("a: [1, 2]", "a[2].x", "3", json!({"a": [1, 2, {"x": 3}]})),
            ("[1]", "[0]", "2", json!([2])),
            ("a:", "a.b", "2", json!({"a": {"b": 2}})),
            ("", "a.\"b.c\".d", "", json!({"a": {"b.c": {"d": null}}})),
            ("", "u", "http://h:1/#x: y # z", json!({"u": "http://h:1/#x: y # z"})),
            ("", "u", "*@`%|>&!", json!({"u": "*@`%|>&!"})),
            ("", "u", "\"1\"", json!({"u": "1"})),
            ("", "u", "'1'", json!({"u": "1"})),
            ("", "u", "{a: [1, x], b: {c: 2}}", json!({"u": {"a": [1, "x"], "b": {"c": 2}}})),
            ("", "u", " 7 ", json!({"u": 7})),
            ("a: {b: 1}", "a", "[]", json!({"a": []})),
        ];
        for (text, path, value, expected) in table {
            assert_eq!(set(text, path, value), Ok(expected), "{path}={value}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let table = [
            ("a: 1", "a.b", "2", "cannot set `a.b`: `a` is a number, which has no keys"),
            (
                "a: [1]",
                "a.b",
                "2",
                "cannot set `a.b`: `a` is a list, which has no keys; name an item with `[0]`",
            ),
            ("a: {}", "a[0]", "2", "cannot set `a[0]`: `a` is a map, which has no items"),
            ("a: 1", "[0]", "2", "cannot set `[0]`: `the document` is a map, which has no items"),
            ("a: [1]", "a[5]", "2", "cannot set `a[5]`: `a` has 1 items; the next one is `[1]`"),
            ("", "a.b[1]", "2", "cannot set `a.b[1]`: `a.b` has 0 items; the next one is `[0]`"),
        ];
        for (text, path, value, expected) in table {
            assert_eq!(set(text, path, value), Err(expected.to_owned()), "{path}={value}");
        }
        for path in [
            "", ".", "a.", ".a", "a..b", "a[", "a[]", "a[-1]", "a[+1]", "a[x]", "a]", "a[0]b", "\"a",
            "a\"b\"",
        ] {
            let error = set("", path, "1").unwrap_err();
            assert!(error.starts_with(&format!("`{path}` is not a path: ")), "{error}");
        }
        for (value, expected) in [
            ("[1", "cannot set `a` to `[1`: "),
            ("\"x\": 1", "cannot set `a` to `\"x\": 1`: text follows the closing quote"),
            (".inf", "cannot set `a` to `.inf`: `.inf` is not a finite number"),
            ("99999999999999999999", "does not fit into 64 bits; quote it"),
        ] {
            let error = set("", "a", value).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(set("", &vec!["a"; MAX_DEPTH].join("."), "1").is_ok());
        assert!(set("", &vec!["a"; MAX_DEPTH + 1].join("."), "1").unwrap_err().contains("nested deeper"));
    }
}
