//! What the server answers and what is asked of an answer.

use serde_json::{Value, json};

/// Size of every body.
pub(crate) const BODY_BYTES: usize = 1_024;

/// What [`json_config`] extracts: in the middle of the document.
const POINTER: &str = "/items/6/sku";

/// Items of the document.
const ITEMS: usize = 12;

/// A text of [`BODY_BYTES`].
pub(crate) fn text_body() -> String {
    "x".repeat(BODY_BYTES)
}

/// A JSON document of [`BODY_BYTES`], such as a shop answers with. Without apostrophes and `$` it can stand as it is in a
/// config of nginx.
pub(crate) fn json_body() -> String {
    let item = |index: usize| json!({ "sku": format!("A-{index:04}"), "price_cents": 1_999, "stock": 12 });
    let items: Vec<Value> = (0..ITEMS).map(item).collect();
    let body = |note: &str| json!({ "id": 4_711, "items": items, "note": note }).to_string();
    body(&"x".repeat(BODY_BYTES.saturating_sub(body("").len())))
}

/// A config of DevStress: one request, one value taken from its answer, one check.
pub(crate) fn json_config(origin: &str) -> String {
    format!(
        "target_url: {origin}\nrequests:\n  - {{ get: /json, extract: {{ sku: {POINTER} }}, check: {{ status: 200 }} }}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_its_size_and_the_value() {
        let body = json_body();
        assert_eq!(body.len(), BODY_BYTES);
        assert!(!body.contains(['\'', '$', '\\']));
        let document: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(document.pointer(POINTER), Some(&json!("A-0006")));
        let at = body.find("A-0006").unwrap();
        assert!((BODY_BYTES / 4..BODY_BYTES * 3 / 4).contains(&at), "{at}");
    }
}
