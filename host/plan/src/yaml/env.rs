//! Environment references in the texts of a document.

use serde_json::Value;

use super::mark::{Mark, push_token};
use super::scalar::resolve_plain;
use super::{Document, MAX_EXPANDED_BYTES};
use crate::Problem;

/// How many problems one document may report: a list of a million unset references helps nobody.
const MAX_PROBLEMS: usize = 100;

impl Document {
    /// Replaces `${NAME}` and `${NAME:-default}` in texts, not in keys, with what `lookup` knows. As in a shell, the
    /// default stands for a variable that is unset or empty. `$${` is a literal `${`.
    ///
    /// Names are of capital letters, digits and `_`. Any other `${...}`, such as `${order.id}`, belongs to the
    /// plugin and stays as it is. A text that is one reference without quotes becomes a number or boolean when the
    /// result looks like one; in quotes it stays a text.
    ///
    /// Every unset variable without a default and every malformed reference is a problem; those stay unexpanded.
    pub fn expand_env(&mut self, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<Problem> {
        let mut expander = Expander { lookup, problems: Vec::new(), bytes_left: MAX_EXPANDED_BYTES };
        expander.walk(&mut self.value, &self.root, "");
        expander.problems
    }
}

struct Expander<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
    bytes_left: usize,
}

/// What a `${` begins.
enum Reference<'text> {
    /// `NAME` and default, and what follows the closing brace.
    Variable { name: &'text str, default: Option<&'text str>, rest: &'text str },
    /// Something of the plugin.
    Foreign,
    /// Neither; a message and a hint.
    Malformed(String, String),
}

impl Expander<'_> {
    fn walk(&mut self, value: &mut Value, mark: &Mark, pointer: &str) {
        match value {
            Value::Array(items) => {
                for (index, (item, mark)) in items.iter_mut().zip(&mark.children).enumerate() {
                    self.walk(item, mark, &format!("{pointer}/{index}"));
                }
            }
            Value::Object(map) => {
                for ((key, item), mark) in map.iter_mut().zip(&mark.children) {
                    self.walk(item, mark, &push_token(pointer, key));
                }
            }
            Value::String(text) if text.contains("${") => {
                if let Some(new) = self.expand(text, mark.plain, pointer) {
                    *value = new;
                }
            }
            _ => {}
        }
    }

    /// The expanded value; `None` when the text stays as it is.
    fn expand(&mut self, text: &str, plain: bool, pointer: &str) -> Option<Value> {
        if self.problems.len() >= MAX_PROBLEMS {
            return None;
        }
        let problems_before = self.problems.len();
        let mut expanded = String::new();
        let mut rest = text;
        let mut is_one_reference = false;
        while let Some(start) = rest.find("${") {
            let (before, after) = (&rest[..start], &rest[start + 2..]);
            if before.ends_with('$') {
                expanded.push_str(before);
                expanded.push('{');
                rest = after;
                continue;
            }
            expanded.push_str(before);
            match reference(after) {
                Reference::Variable { name, default, rest: after } => {
                    is_one_reference = rest.len() == text.len() && start == 0 && after.is_empty();
                    self.push_variable(&mut expanded, name, default, pointer);
                    rest = after;
                }
                Reference::Foreign => {
                    expanded.push_str("${");
                    rest = after;
                }
                Reference::Malformed(message, hint) => {
                    self.problems.push(Problem::new(pointer, message).hint(hint));
                    return None;
                }
            }
            if expanded.len() > self.bytes_left {
                let message =
                    format!("environment references expand to more than {MAX_EXPANDED_BYTES} bytes");
                self.problems.push(Problem::new(pointer, message));
                return None;
            }
        }
        if self.problems.len() > problems_before {
            return None;
        }
        expanded.push_str(rest);
        self.bytes_left = self.bytes_left.saturating_sub(expanded.len());
        if plain
            && is_one_reference
            && let Ok(value @ (Value::Number(_) | Value::Bool(_))) = resolve_plain(&expanded)
        {
            return Some(value);
        }
        Some(Value::String(expanded))
    }

    /// Adds the value of a variable, or a problem when it has none.
    fn push_variable(&mut self, expanded: &mut String, name: &str, default: Option<&str>, pointer: &str) {
        let value = (self.lookup)(name);
        match (value.filter(|value| !value.is_empty() || default.is_none()), default) {
            (Some(value), _) => expanded.push_str(&value),
            (None, Some(default)) => expanded.push_str(default),
            (None, None) => {
                let hint = format!(
                    "set it, give a default as `${{{name}:-value}}`, or write `$${{{name}}}` for the text"
                );
                let problem = Problem::new(pointer, format!("the environment variable `{name}` is not set"));
                self.problems.push(problem.hint(hint));
            }
        }
    }
}

/// Reads what follows `${`.
fn reference(text: &str) -> Reference<'_> {
    let name_end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, after) = text.split_at(name_end);
    let is_variable = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || !name.bytes().all(is_variable) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Reference::Foreign;
    }
    if let Some(rest) = after.strip_prefix('}') {
        return Reference::Variable { name, default: None, rest };
    }
    if let Some(default) = after.strip_prefix(":-") {
        return match default.split_once('}') {
            Some((default, _)) if default.contains("${") => Reference::Malformed(
                format!("the default of `${{{name}:-...}}` holds another reference"),
                "write a plain text as the default".to_owned(),
            ),
            Some((default, rest)) => Reference::Variable { name, default: Some(default), rest },
            None => unclosed(name),
        };
    }
    match after.chars().next() {
        None => unclosed(name),
        Some(':' | '-' | '?' | '+' | '=') => Reference::Malformed(
            format!("`${{{name}` is not followed by `}}` or `:-`"),
            format!("give a default as `${{{name}:-value}}`, or write `$${{{name}` for the text"),
        ),
        Some(_) => Reference::Foreign,
    }
}

fn unclosed(name: &str) -> Reference<'_> {
    Reference::Malformed(
        format!("`${{{name}` has no closing `}}`"),
        format!("write `${{{name}}}`, or `$${{{name}` for the text"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lookup(name: &str) -> Option<String> {
        let value = match name {
            "HOST" => "shop.test",
            "PORT" => "8080",
            "ON" => "true",
            "EMPTY" => "",
            "HUGE" => "123456789012345678901234567890",
            "NESTED" => "${HOST}",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn expand(text: &str) -> (Value, Vec<Problem>) {
        let mut document = Document::parse("t.yaml", text).unwrap();
        let problems = document.expand_env(&lookup);
        (document.into_value(), problems)
    }

    #[test]
    fn references_are_replaced_and_retyped_when_plain() {
        let table = [
            ("${PORT}", json!(8080)),
            ("\"${PORT}\"", json!("8080")),
            ("'${PORT}'", json!("8080")),
            ("${ON}", json!(true)),
            ("p${PORT}", json!("p8080")),
            ("${PORT}${PORT}", json!("80808080")),
            ("http://${HOST}:${PORT}/", json!("http://shop.test:8080/")),
            ("${NONE:-9}", json!(9)),
            ("${NONE:-}", json!("")),
            ("${EMPTY:-x}", json!("x")),
            ("${EMPTY}", json!("")),
            ("${PORT:-1}", json!(8080)),
            ("${NONE:-http://a/b}", json!("http://a/b")),
            ("${HUGE}", json!("123456789012345678901234567890")),
            ("${NESTED}", json!("${HOST}")),
            ("$${HOST}", json!("${HOST}")),
            ("$$${HOST}", json!("$${HOST}")),
            ("$HOST $1 {PORT}", json!("$HOST $1 {PORT}")),
            (
                "${order_data.cart} ${host} ${Host} ${} ${ HOST }",
                json!("${order_data.cart} ${host} ${Host} ${} ${ HOST }"),
            ),
            ("${ORDER.id} ${0}", json!("${ORDER.id} ${0}")),
            ("{\"port\": \"${PORT}\", \"${PORT}\": 1}", json!({"port": "8080", "${PORT}": 1})),
            ("a: [x, {b: \"${HOST}\"}]", json!({"a": ["x", {"b": "shop.test"}]})),
        ];
        for (text, value) in table {
            assert_eq!(expand(text), (value, Vec::new()), "{text}");
        }
    }

    #[test]
    fn unset_and_malformed_references_are_problems_at_their_place() {
        let (value, problems) = expand("a/b:\n- x ${NONE} ${ALSO}\n- ${PORT:80}\n- ${PORT\n- ${A:-${B}}\n");
        assert_eq!(value, json!({"a/b": ["x ${NONE} ${ALSO}", "${PORT:80}", "${PORT", "${A:-${B}}"]}));
        let seen: Vec<_> = problems.iter().map(|p| (p.path.as_str(), p.message.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("/a~1b/0", "the environment variable `NONE` is not set"),
                ("/a~1b/0", "the environment variable `ALSO` is not set"),
                ("/a~1b/1", "`${PORT` is not followed by `}` or `:-`"),
                ("/a~1b/2", "`${PORT` has no closing `}`"),
                ("/a~1b/3", "the default of `${A:-...}` holds another reference"),
            ]
        );
        assert!(problems.iter().all(|problem| problem.hint.is_some()));
    }

    #[test]
    fn expansion_is_bounded() {
        let text = format!("[{}]", vec!["\"${BIG}\""; 100].join(","));
        let mut document = Document::parse("t.json", &text).unwrap();
        let big = "x".repeat(MAX_EXPANDED_BYTES / 10);
        let problems = document.expand_env(&|_| Some(big.clone()));
        assert_eq!(problems.len(), 90);
        let text = format!("[{}]", vec!["\"${NONE}\""; 1000].join(","));
        let problems = Document::parse("t.json", &text).unwrap().expand_env(&|_| None);
        assert_eq!(problems.len(), MAX_PROBLEMS);
    }
}
