//! SQL injection: by errors of the database, then by conditions, then by delays.

mod conditions;
mod delays;
mod signatures;

use super::answers::Shape;
use super::stage::{Shown, Stage};
use super::targets::Target;
use crate::client::Call;
use crate::document::{Operation, Place};

/// What closes a text or a statement too early. `{x}` is the usual value; the likeliest come first.
const BREAKERS: [&str; 8] = ["{x}'", "{x}\"", "{x}')", "{x}'\"", "{x}`", "{x}\\", "{x}))", "'"];

/// The same size and harmless: what is heard of a database here does not come from a quote.
const HARMLESS: &str = "{x}z";

const REMEDY: &str = "Pass the value as a parameter of a prepared statement instead of writing it into SQL.";

pub(super) fn applies(operation: &Operation) -> bool {
    operation.body.is_some() || operation.parameters.iter().any(|parameter| parameter.place != Place::Cookie)
}

pub(super) fn run(stage: &mut Stage<'_, '_>) -> Option<()> {
    let baseline = stage.baseline()?;
    for target in stage.targets() {
        stage.tested.inputs += 1;
        // What is shown once needs no second proof, and what has no stable answer can show nothing by conditions.
        if breaks(stage, &target, &baseline.body)? || conditions::differ(stage, &target)? {
            continue;
        }
        if target.is_text {
            delays::grow(stage, &target)?;
        }
    }
    Some(())
}

/// Whether a quote makes the database complain.
fn breaks(stage: &mut Stage<'_, '_>, target: &Target, usual: &str) -> Option<bool> {
    let (call, _) = stage.injected(target, HARMLESS);
    let harmless = stage.send(&call)?.body;
    let known = |system: &str| [usual, &harmless].iter().any(|body| signatures::has(body, system));
    for template in BREAKERS.iter().take(stage.by_depth(3, 6, BREAKERS.len())) {
        let (call, payload) = stage.injected(target, template);
        let heard = stage.send(&call)?;
        let Some((system, sign)) = signatures::found(&heard.body).filter(|(system, _)| !known(system)) else {
            continue;
        };
        let (again, _) = stage.injected(target, template);
        let again = stage.send(&again)?;
        if !signatures::has(&again.body, system) {
            continue;
        }
        let evidence = format!(
            "`{payload}` for the {}: status {}, twice with `{sign}`, which the usual and a harmless value do not get",
            target.label, heard.status
        );
        show(
            stage,
            format!("The {} reaches SQL: an error of {system} comes back.", target.label),
            evidence,
            &call,
        );
        return Some(true);
    }
    Some(false)
}

fn show(stage: &mut Stage<'_, '_>, message: String, evidence: String, call: &Call) {
    stage.report(Shown { severity: "critical", is_confirmed: true, message, evidence, remedy: REMEDY, call });
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use crate::client::fake::json as answer;
    use crate::client::{Call, Heard};
    use crate::document::Depth;
    use crate::security::testing::{at, body, get, probe, query, value};

    /// How many quotes of a kind stand in a text.
    fn quotes(text: &str) -> usize {
        text.matches('\'').count()
    }

    /// Evaluates the condition after the value, as `name = 'text'` with the text written into it would be.
    fn selects(text: &str) -> Option<bool> {
        let Some((value, rest)) = text.split_once('\'') else { return Some(text == "lamp") };
        let holds = |condition: &str| {
            let (a, b) = condition.split_once('=')?;
            // The statement adds the last quote.
            Some(quotes(condition) == 3 && a.trim_matches('\'') == b.trim_matches('\''))
        };
        let rest = rest.trim();
        match (rest.strip_prefix("AND "), rest.strip_prefix("OR ")) {
            (Some(condition), _) => Some(value == "lamp" && holds(condition)?),
            (_, Some(condition)) => Some(value == "lamp" || holds(condition)?),
            _ => None,
        }
    }

    fn listed(found: bool) -> Heard {
        answer(200, if found { r#"[{"id":1,"name":"lamp"}]"# } else { "[]" })
    }

    #[test]
    fn errors_of_a_database_are_confirmed_and_a_patched_twin_has_none() {
        let search = get("/search", &[("q", json!("lamp"))]);
        let vulnerable = |call: &Call| match quotes(&query(call, "q")) % 2 {
            0 => listed(true),
            _ => answer(500, r#"{"error":"near \"'\": syntax error"}"#),
        };
        let (tested, _) = probe("sqli", search.clone(), vulnerable);
        assert_eq!(tested.findings.len(), 1);
        let finding = &tested.findings[0];
        assert_eq!(finding.message, "The query parameter `q` reaches SQL: an error of SQLite comes back.");
        assert_eq!((finding.rule.as_str(), finding.confidence.as_str()), ("sql_injection", "confirmed"));
        assert!(
            finding.evidence.contains("curl -X GET 'http://api.test/search?q=lamp%27'"),
            "{}",
            finding.evidence
        );
        let (tested, _) = probe("sqli", search, |call: &Call| listed(query(call, "q") == "lamp"));
        assert_eq!((tested.findings.len(), tested.inputs), (0, 1));
    }

    #[test]
    fn errors_that_other_values_get_too_show_nothing() {
        let search = get("/search", &[("q", json!("lamp"))]);
        let (tested, _) = probe("sqli", search, |call: &Call| match query(call, "q").as_str() {
            "lamp" => listed(true),
            _ => answer(500, "SQLITE_ERROR: no such table"),
        });
        assert!(tested.findings.is_empty(), "{:?}", tested.findings);
    }

    #[test]
    fn conditions_are_confirmed_in_texts_and_numbers() {
        let search = get("/search", &[("q", json!("lamp"))]);
        let (tested, _) = probe("sqli", search, |call: &Call| match selects(&query(call, "q")) {
            Some(found) => listed(found),
            None => answer(500, "{}"),
        });
        assert_eq!(tested.findings.len(), 1, "{:?}", tested.notes);
        assert!(tested.findings[0].message.contains("condition"), "{}", tested.findings[0].message);

        let item = get("/items/{id}", &[("id", json!(7))]);
        let by_number = |call: &Call| match at(call, 1).as_str() {
            "7" | "7 AND 1=1" => answer(200, r#"{"id":7}"#),
            "7 AND 1=2" => answer(404, "{}"),
            _ => answer(500, "{}"),
        };
        let (tested, _) = probe("sqli", item.clone(), by_number);
        assert_eq!(tested.findings.len(), 1, "{:?}", tested.notes);
        let (tested, _) = probe("sqli", item, |call: &Call| match at(call, 1).as_str() {
            "7" => answer(200, r#"{"id":7}"#),
            _ => answer(400, "{}"),
        });
        assert!(tested.findings.is_empty());
    }

    #[test]
    fn a_pattern_of_like_is_a_condition_too() {
        let search = get("/search", &[("q", json!("lamp"))]);
        let (tested, _) = probe("sqli", search, |call: &Call| {
            let text = query(call, "q");
            match text.strip_prefix("lamp%' AND ") {
                Some(rest) if rest.starts_with("'1'='1'") => listed(true),
                Some(rest) if rest.starts_with("'1'='2'") => listed(false),
                _ => listed(text == "lamp"),
            }
        });
        assert_eq!(tested.findings.len(), 1);
    }

    #[test]
    fn a_search_that_knows_words_is_no_statement() {
        // Finds what has any of the words, so that the conditions differ, and so does their control.
        let search = get("/search", &[("q", json!("lamp"))]);
        let (tested, _) = probe("sqli", search, |call: &Call| {
            let text = query(call, "q");
            listed(text == "lamp" || text.ends_with("='1") || text.ends_with("1=1"))
        });
        assert!(tested.findings.is_empty(), "{:?}", tested.findings);
    }

    #[test]
    fn delays_that_grow_as_asked_are_confirmed_and_a_slow_server_is_not() {
        let login = body("/items", json!({ "name": "lamp", "count": 3 }));
        let delay_s = |text: &str| {
            let at = text.find("SLEEP(")? + "SLEEP(".len();
            text[at..].split(')').next()?.parse::<f64>().ok()
        };
        let mut number = 0_u64;
        let mut vulnerable = move |call: &Call| {
            number += 1;
            let name = value(call, "/name");
            let delay_s = if name.contains("' AND SLEEP(") && name.ends_with("'1'='1") {
                delay_s(&name).unwrap_or(0.0)
            } else {
                0.0
            };
            let duration_us = 3_000 + number % 5 * 2_000 + (delay_s * 1e6) as u64;
            Heard { duration_us, ..answer(201, r#"{"id":1}"#) }
        };
        let (tested, _) = probe("sqli", login.clone(), &mut vulnerable);
        assert_eq!(tested.findings.len(), 1, "{:?}", tested.notes);
        assert!(tested.findings[0].message.contains("delay"), "{}", tested.findings[0].message);
        let mut number = 0_u64;
        let (tested, _) = probe("sqli", login, move |_: &Call| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Heard { duration_us: (number >> 33) % 2_000_000, ..answer(201, r#"{"id":1}"#) }
        });
        assert!(tested.findings.is_empty(), "{:?}", tested.findings);
    }

    #[test]
    fn what_changes_data_is_sent_only_when_that_is_allowed() {
        let write = body("/items", json!({ "name": "lamp" }));
        let (_, sent) = probe("sqli", write, |_: &Call| answer(201, "{}"));
        let sent: String = sent.iter().filter_map(|call| call.body.clone()).collect();
        for word in ["DROP", "DELETE", "INSERT", "UPDATE", "' OR ", "--", ";"] {
            assert!(!sent.to_uppercase().contains(word), "{word}");
        }
        assert_eq!(Depth::default(), Depth::Standard);
    }
}
