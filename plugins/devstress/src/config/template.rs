//! `{{variables}}` in texts.

use crate::config::scope::Scope;
use crate::document::{Encoding, Slot};
use stresshost_sdk::config::{Found, Node, short};

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text between variables.
    Text(&'a str),
    /// `{{name}}`, or `{{&name}}` when `raw`.
    Variable {
        /// Its name.
        name: &'a str,
        /// Whether it asks not to be encoded.
        raw: bool,
    },
}

/// Splits a text at its variables. Braces that enclose no name are text.
pub(crate) fn split(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut begin, mut from) = (Vec::new(), 0, 0);
    while let Some(open) = text[from..].find("{{").map(|at| at + from) {
        let Some((variable, end)) = variable(text, open) else {
            from = open + 1;
            continue;
        };
        if begin < open {
            pieces.push(Piece::Text(&text[begin..open]));
        }
        pieces.push(variable);
        (begin, from) = (end, end);
    }
    if begin < text.len() {
        pieces.push(Piece::Text(&text[begin..]));
    }
    pieces
}

/// The variable that opens at `open`, and where it ends.
fn variable(text: &str, open: usize) -> Option<(Piece<'_>, usize)> {
    let inner = open + 2;
    let close = inner + text[inner..].find("}}")?;
    let name = text[inner..close].trim();
    let (raw, name) = match name.strip_prefix('&') {
        Some(name) => (true, name.trim_start()),
        None => (false, name),
    };
    is_name(name).then_some((Piece::Variable { name, raw }, close + 2))
}

/// Whether a text can name a variable.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(fits)
}

/// Turns the variables of a request's texts into slots, each once per way of writing it.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    pub(crate) slots: Vec<Slot>,
}

impl Slots {
    /// The text with slots for variables. An unknown variable is a problem at `node`.
    pub(crate) fn fill(
        &mut self,
        text: &str,
        encoding: Encoding,
        scope: &mut Scope<'_>,
        node: &Node<'_>,
        found: &mut Found,
    ) -> String {
        let mut filled = String::with_capacity(text.len());
        for piece in split(text) {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Variable { name, raw } => {
                    if let Some(slot) = self.slot(name, raw, encoding, scope, node, found) {
                        let raw = if raw { "&" } else { "" };
                        filled.push_str(&format!("{{{{{raw}s{slot}}}}}"));
                    }
                }
            }
        }
        filled
    }

    fn slot(
        &mut self,
        name: &str,
        raw: bool,
        encoding: Encoding,
        scope: &mut Scope<'_>,
        node: &Node<'_>,
        found: &mut Found,
    ) -> Option<usize> {
        let source = match scope.source(name) {
            Ok(source) => source,
            Err(hint) => {
                let message = format!("there is no variable `{}` here", short(name));
                found.problem_with_hint(&node.path, message, hint);
                return None;
            }
        };
        let encoding = if raw { Encoding::Plain } else { encoding };
        let slot = Slot { source, encoding };
        Some(self.slots.iter().position(|known| *known == slot).unwrap_or_else(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        }))
    }
}

/// The text with `{name}` for `{{name}}`, as names of operations show it.
pub(crate) fn display(text: &str) -> String {
    split(text).into_iter().fold(String::new(), |shown, piece| match piece {
        Piece::Text(text) => shown + text,
        Piece::Variable { name, .. } => format!("{shown}{{{name}}}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_variables_only() {
        let variable = |name, raw| Piece::Variable { name, raw };
        for (text, pieces) in [
            ("", vec![]),
            ("plain", vec![Piece::Text("plain")]),
            (
                "/p/{{id}}?q={{ q.x }}",
                vec![Piece::Text("/p/"), variable("id", false), Piece::Text("?q="), variable("q.x", false)],
            ),
            ("{{&path}}", vec![variable("path", true)]),
            (r#"{"a":{{x}}}"#, vec![Piece::Text(r#"{"a":"#), variable("x", false), Piece::Text("}")]),
            (r#"{{"a":1}}"#, vec![Piece::Text(r#"{{"a":1}}"#)]),
            ("{{{x}}", vec![Piece::Text("{"), variable("x", false)]),
            ("{{", vec![Piece::Text("{{")]),
            ("{{}}", vec![Piece::Text("{{}}")]),
            ("é{{é}}", vec![Piece::Text("é{{é}}")]),
        ] {
            assert_eq!(split(text), pieces, "{text}");
        }
    }

    #[test]
    fn names_of_operations_show_single_braces() {
        assert_eq!(display("/products/{{ id }}/x"), "/products/{id}/x");
    }
}
