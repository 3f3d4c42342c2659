//! What must hold for config files and `--set`, whatever a person wrote.

use serde_json::Value;
use stresshost_plan::Problem;
use stresshost_plan::yaml::{Document, MAX_DEPTH};

/// Parts of a value that are pointed at: enough to meet each kind.
const MAX_POINTERS: usize = 64;

/// Reads `input` up to its first zero byte, which no document may hold, as a config file, and each further part
/// between zero bytes as an argument of `--set`.
///
/// What is wrong is told in printable text. A value that cannot be set changes nothing, and every part of the
/// document can be pointed at.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.split('\0');
    let text = parts.next().unwrap_or_default();
    let mut document = match Document::parse("run.yaml", text) {
        Ok(document) => document,
        Err(error) => {
            printable(error.render());
            assert!(error.to_string().starts_with("run.yaml"));
            assert!(error.position().is_none_or(|position| position.line >= 1 && position.column >= 1));
            return;
        }
    };
    check_parts(&document);
    for set in parts {
        let Some((path, value)) = set.split_once('=') else { continue };
        let before = document.value().clone();
        if let Err(error) = document.set(path, value) {
            assert!(!error.to_string().is_empty());
            assert_eq!(document.value(), &before, "{error}");
        }
        check_parts(&document);
    }
}

fn check_parts(document: &Document) {
    let mut pointers = vec![String::new(), "/no/such/part".to_owned(), "no pointer".to_owned()];
    collect(document.value(), "", 0, &mut pointers);
    for pointer in pointers {
        let position = document.position(&pointer);
        assert!(position.is_none_or(|position| position.line >= 1 && position.column >= 1), "{pointer}");
        let problem = Problem::new(pointer, "it is wrong").hint("write it right");
        printable(&document.render_problem(&problem));
    }
}

fn collect(value: &Value, pointer: &str, depth: usize, pointers: &mut Vec<String>) {
    assert!(depth <= MAX_DEPTH);
    let token = |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, child)| (token(key), child)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, child)| (token(&index.to_string()), child)).collect()
        }
        _ => return,
    };
    for (pointer, child) in children {
        if pointers.len() < MAX_POINTERS {
            pointers.push(pointer.clone());
        }
        collect(child, &pointer, depth + 1, pointers);
    }
}

fn printable(rendered: &str) {
    assert!(rendered.starts_with("error: "), "{rendered:?}");
    assert!(rendered.chars().all(|c| c == '\n' || !c.is_control()), "{rendered:?}");
}
