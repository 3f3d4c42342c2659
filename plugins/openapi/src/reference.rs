//! Following `$ref`.

use serde_json::Value;

use crate::MAX_REFERENCE_CHAIN;
use crate::pointer;

/// A reference that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReferenceError {
    /// There is nothing there.
    #[error("`{0}` refers to nothing in this document")]
    Missing(String),
    /// It leads to itself.
    #[error("`{0}` refers to itself")]
    Cycle(String),
    /// It leads out of the document.
    #[error("`{0}` refers to another file; bundle the document into one file first")]
    External(String),
    /// It is no text.
    #[error("`$ref` is not a text")]
    NotText,
}

/// The value that `node` stands for: itself, or what its chain of references leads to, with the last reference.
pub(crate) fn follow<'a>(
    root: &'a Value,
    node: &'a Value,
) -> Result<(&'a Value, Option<&'a str>), ReferenceError> {
    let (mut node, mut last) = (node, None);
    for _ in 0..=MAX_REFERENCE_CHAIN {
        let Some(reference) = node.get("$ref") else { return Ok((node, last)) };
        let reference = reference.as_str().ok_or(ReferenceError::NotText)?;
        node = target(root, reference)?;
        last = Some(reference);
    }
    Err(ReferenceError::Cycle(last.unwrap_or_default().to_owned()))
}

/// What one reference points to.
pub(crate) fn target<'a>(root: &'a Value, reference: &str) -> Result<&'a Value, ReferenceError> {
    let Some(fragment) = reference.strip_prefix('#') else {
        return Err(ReferenceError::External(reference.to_owned()));
    };
    pointer::find(root, fragment).ok_or_else(|| ReferenceError::Missing(reference.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn chains_are_followed_to_their_end() {
        let root = json!({
            "a": { "$ref": "#/b" }, "b": { "$ref": "#/c" }, "c": { "type": "string" },
            "loop": { "$ref": "#/pool" }, "pool": { "$ref": "#/loop" }
        });
        assert_eq!(follow(&root, &root["a"]), Ok((&root["c"], Some("#/c"))));
        assert_eq!(follow(&root, &root["c"]), Ok((&root["c"], None)));
        assert!(matches!(follow(&root, &root["loop"]), Err(ReferenceError::Cycle(_))));
        for (reference, text) in [
            (json!("#/none"), "refers to nothing"),
            (json!("other.yaml#/a"), "bundle the document"),
            (json!(5), "not a text"),
        ] {
            let error = follow(&root, &json!({ "$ref": reference.clone() }).clone()).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
