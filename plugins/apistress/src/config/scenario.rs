//! Named test scenarios: those a config defines, and what well-known names mean.

use stresshost_sdk::config::{Found, Node};
use stresshost_sdk::serde_json::Value;

use super::endpoint::{status, values};
use crate::document::{Meaning, Named, Operation, Place};

/// A scenario that the config defines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Definition {
    pub(crate) named: Named,
    /// Names of actions that come before, and where each stands.
    pub(crate) before: Vec<(String, String)>,
}

/// Actions before a scenario.
const MAX_BEFORE: usize = 20;

/// Reads definitions by name.
pub(crate) fn definitions(node: &Node<'_>, found: &mut Found) -> Vec<Definition> {
    let entries = node.entries(found, "a mapping of names to scenarios").unwrap_or_default();
    entries.into_iter().filter_map(|(name, node)| definition(name, &node, found)).collect()
}

fn definition(name: String, node: &Node<'_>, found: &mut Found) -> Option<Definition> {
    let known = ["description", "request", "expected_status", "checks", "before"];
    let fields = node.fields(found, "a scenario: a mapping with `expected_status`", &known)?;
    let mut named = Named { name, ..Named::default() };
    if let Some(node) = fields.get("request") {
        request(node, &mut named, found);
    }
    match fields.get("expected_status") {
        Some(node) if node.value.is_array() => {
            let items = node.items(found, "a list of statuses", 100);
            named.statuses = items.iter().filter_map(|item| status(item, found)).collect();
        }
        Some(node) => named.statuses.extend(status(node, found)),
        None => found.problem(&node.path, "the scenario has no `expected_status`"),
    }
    named.expect = match fields.get("checks") {
        Some(node) => {
            let entries =
                node.entries(found, "JSON pointers and the values that stand there").unwrap_or_default();
            for (pointer, node) in &entries {
                if !pointer.starts_with('/') {
                    let hint = "write a JSON pointer such as `/items/0/id`";
                    found.problem_with_hint(&node.path, format!("`{pointer}` is no JSON pointer"), hint);
                }
            }
            entries.into_iter().map(|(pointer, node)| (pointer, node.value.clone())).collect()
        }
        None => Vec::new(),
    };
    let before = match fields.get("before") {
        Some(node) => node
            .items(found, "a list of names of actions", MAX_BEFORE)
            .into_iter()
            .filter_map(|item| Some((item.text(found, "the name of an action")?, item.path)))
            .collect(),
        None => Vec::new(),
    };
    Some(Definition { named, before })
}

fn request(node: &Node<'_>, named: &mut Named, found: &mut Found) {
    let known = ["query", "parameters", "headers", "body", "fields", "auth"];
    let Some(fields) = node.fields(found, "a mapping of what differs from the usual request", &known) else {
        return;
    };
    for key in ["query", "parameters", "headers", "fields"] {
        named.values.extend(values(&fields, key, found));
    }
    named.body = fields.get("body").map(|node| node.value.clone());
    named.anonymous = fields.get("auth").and_then(|node| node.boolean(found)) == Some(false);
}

/// What a well-known name means for an operation; None: nothing that could be derived.
pub(crate) fn meaning(name: &str, operation: &Operation) -> Option<Meaning> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    let has = |any: &[&str]| any.iter().any(|word| words.contains(word));
    let starts = |any: &[&str]| words.first().is_some_and(|first| any.contains(first));
    let ends = |any: &[&str]| words.last().is_some_and(|last| any.contains(last));
    let has_path_value = operation.parameters.iter().any(|parameter| parameter.place == Place::Path);
    let has_body = operation.body.is_some();
    let field = |word: &str| {
        let plain = |name: &str| name.to_ascii_lowercase().contains(word);
        let body = operation.body.as_ref().and_then(|body| body.value.as_object());
        operation.parameters.iter().any(|parameter| plain(&parameter.name))
            || body.is_some_and(|map: &stresshost_sdk::serde_json::Map<String, Value>| {
                map.keys().any(|key| plain(key))
            })
    };
    let meaning = if has(&["duplicate", "duplicated"]) || name.contains("already_exists") {
        Meaning::Duplicate
    } else if has(&["locked", "lockout"]) {
        Meaning::Locked
    } else if has(&["unauthorized", "unauthenticated", "anonymous"])
        || name.contains("no_token")
        || name.contains("missing_token")
    {
        Meaning::Anonymous
    } else if name.contains("invalid_credential")
        || name.contains("wrong_password")
        || name.contains("bad_credential")
    {
        Meaning::WrongPassword
    } else if has(&["declined"]) || name.contains("payment_fail") {
        Meaning::Declined
    } else if has(&["shortage"]) || name.contains("out_of_stock") || name.contains("insufficient_stock") {
        Meaning::Shortage
    } else if has(&["pagination", "paging", "pages"]) {
        Meaning::Pages
    } else if ends(&["filter", "filtered"]) && words.len() > 1 {
        Meaning::Filter
    } else if ends(&["range"]) && words.len() > 1 {
        Meaning::Range
    } else if ends(&["limits", "limit", "boundaries"]) && has_body {
        Meaning::NumberLimits
    } else if has(&["nonexistent", "missing", "unknown"])
        || name.contains("not_found")
        || name.contains("non_existent")
    {
        if has_path_value { Meaning::NotThere } else { Meaning::WrongReference }
    } else if (name.contains("validation_error")
        || has(&["malformed"])
        || name.contains("invalid_input")
        || name.contains("invalid_data")
        || name.contains("missing_fields"))
        && has_body
    {
        Meaning::InvalidBody
    } else if starts(&["invalid"]) && words.get(1).is_some_and(|word| field(word)) {
        if has_body { Meaning::WrongReference } else { Meaning::NotThere }
    } else if name == "happy_path"
        || starts(&["valid", "successful", "success", "authenticated", "add", "create", "basic", "normal"])
        || ends(&["search", "success"])
    {
        Meaning::Usual
    } else {
        return None;
    };
    Some(meaning)
}

/// Statuses that a built-in scenario expects beside the operation's own.
pub(crate) fn expected(meaning: Meaning) -> Vec<u16> {
    match meaning {
        Meaning::Usual | Meaning::Pages | Meaning::Filter | Meaning::Range => Vec::new(),
        Meaning::InvalidBody | Meaning::NumberLimits => vec![400, 422],
        Meaning::Duplicate => vec![409, 400, 422],
        Meaning::WrongPassword => vec![401, 400, 403],
        Meaning::Locked => vec![423, 401, 403, 429],
        Meaning::Anonymous => vec![401, 403],
        Meaning::NotThere => vec![404, 410, 400],
        Meaning::WrongReference => vec![404, 400, 409, 422],
        Meaning::Declined => vec![402, 400, 422],
        Meaning::Shortage => vec![409, 400, 422],
    }
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;
    use crate::document::{Body, Parameter};

    #[test]
    fn well_known_names_have_a_meaning_where_it_can_be_derived() {
        let with_body = |value| Operation {
            body: Some(Body { media_type: "application/json".into(), schema: None, value }),
            ..Operation::default()
        };
        let parameter = |name: &str, place| Parameter {
            name: name.into(),
            place,
            required: false,
            schema: json!({}),
            value: None,
        };
        let register = with_body(json!({ "username": "a", "password": "b" }));
        let add = with_body(json!({ "product_id": 1, "quantity": 1 }));
        let one =
            Operation { parameters: vec![parameter("product_id", Place::Path)], ..Operation::default() };
        let search =
            Operation { parameters: vec![parameter("category", Place::Query)], ..Operation::default() };
        for (name, operation, expected) in [
            ("happy_path", &register, Some(Meaning::Usual)),
            ("validation_errors", &register, Some(Meaning::InvalidBody)),
            ("duplicate_user", &register, Some(Meaning::Duplicate)),
            ("valid_credentials", &register, Some(Meaning::Usual)),
            ("invalid_credentials", &register, Some(Meaning::WrongPassword)),
            ("account_locked", &register, Some(Meaning::Locked)),
            ("authenticated_user", &one, Some(Meaning::Usual)),
            ("unauthorized_access", &one, Some(Meaning::Anonymous)),
            ("text_search", &search, Some(Meaning::Usual)),
            ("category_filter", &search, Some(Meaning::Filter)),
            ("price_range", &search, Some(Meaning::Range)),
            ("pagination", &search, Some(Meaning::Pages)),
            ("valid_product", &one, Some(Meaning::Usual)),
            ("nonexistent_product", &one, Some(Meaning::NotThere)),
            ("add_item", &add, Some(Meaning::Usual)),
            ("invalid_product", &add, Some(Meaning::WrongReference)),
            ("invalid_coupon", &add, None),
            ("quantity_limits", &add, Some(Meaning::NumberLimits)),
            ("successful_checkout", &add, Some(Meaning::Usual)),
            ("payment_failure", &add, Some(Meaning::Declined)),
            ("inventory_shortage", &add, Some(Meaning::Shortage)),
            ("quantum_flux", &add, None),
            ("validation_errors", &search, None),
        ] {
            assert_eq!(meaning(name, operation), expected, "{name}");
        }
    }

    #[test]
    fn definitions_say_what_they_lack() {
        let value = json!({ "a": { "request": { "query": { "q": "x" }, "auth": false }, "expected_status": [200, 204],
            "checks": { "/items/0/id": 1, "total": 2 }, "before": ["add_to_cart"] }, "b": {} });
        let mut found = Found::default();
        let read = definitions(&Node::new(&value, "/d"), &mut found);
        assert_eq!(read[0].named.statuses, [200, 204]);
        assert!(read[0].named.anonymous && read[0].before[0].0 == "add_to_cart");
        let told: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "/d/a/checks/total: `total` is no JSON pointer (write a JSON pointer such as `/items/0/id`)",
                "/d/b: the scenario has no `expected_status`"
            ]
        );
    }
}
