//! What changed since an older version of the document. The comparison needs no requests: the plan makes it, and the first
//! item of the contract tells it.

use stresshost_openapi::{Spec, read};
use stresshost_openapi_diff::{Change, Comparison, Level, compare};
use stresshost_sdk::config::Found;
use stresshost_sdk::prelude::Finding;
use stresshost_sdk::serde_json::Value;

use crate::document::Baseline;

/// Name of the check.
pub(crate) const NAME: &str = "backwards_compatibility";

/// Changes that are told: who has more is not comparing versions of one API.
const MAX_TOLD: usize = 200;

/// Compares with an older document; None: there is nothing to compare with.
pub(crate) fn baseline(older: Option<&Value>, spec: Option<&Spec>, found: &mut Found) -> Option<Baseline> {
    const FLAG: &str = "--baseline-spec";
    let older = older?;
    let Some(spec) = spec else {
        let hint = "give the newer one with --schema-file";
        found.problem_with_hint(FLAG, "there is no OpenAPI document to compare with", hint);
        return None;
    };
    match read(older) {
        Ok((older, problems)) => {
            for problem in problems.iter().take(5) {
                found.notes.push(format!("{FLAG}: left out: {problem}"));
            }
            Some(told(compare(&older, spec)))
        }
        Err(problem) => {
            found.problem(&format!("{FLAG}{}", problem.path), problem.message);
            None
        }
    }
}

fn told(comparison: Comparison) -> Baseline {
    let mut changes = comparison.changes;
    changes.sort_by_key(|change| std::cmp::Reverse(change.level));
    let mut broken: Vec<&str> = Vec::new();
    for change in changes.iter().filter(|change| change.level == Level::Breaking) {
        if !broken.contains(&change.operation.as_str()) {
            broken.push(&change.operation);
        }
    }
    let broken = broken.len() as u64;
    let compared = comparison.operations_compared as u64;
    let mut findings: Vec<Finding> = changes.iter().take(MAX_TOLD).map(finding).collect();
    if changes.len() > MAX_TOLD {
        findings.push(Finding {
            rule: NAME.to_owned(),
            severity: "info".to_owned(),
            message: format!("{} more changes are not shown", changes.len() - MAX_TOLD),
            ..Finding::default()
        });
    }
    findings.extend(comparison.not_comparable.iter().take(MAX_TOLD).map(|one| Finding {
        rule: NAME.to_owned(),
        severity: "info".to_owned(),
        message: format!("{}: it cannot be told whether this is compatible: {}", one.place, one.reason),
        location: one.operation.clone(),
        ..Finding::default()
    }));
    Baseline { broken, held: compared.saturating_sub(broken), findings }
}

fn finding(change: &Change) -> Finding {
    let (severity, confidence) = match (change.level, &change.witness) {
        (Level::Breaking, Some(_)) => ("high", "confirmed"),
        (Level::Breaking, None) => ("high", ""),
        (Level::Warning, _) => ("low", ""),
        (Level::Info, _) => ("info", ""),
    };
    let witness = change.witness.as_ref().map(|value| format!("only one of both versions allows {value}"));
    Finding {
        rule: format!("{NAME}/{}", change.rule),
        severity: severity.to_owned(),
        message: match change.place.as_str() {
            "" => change.message.clone(),
            place => format!("{place}: {}", change.message),
        },
        location: change.operation.clone(),
        evidence: witness.unwrap_or_default(),
        confidence: confidence.to_owned(),
        remedy: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;

    fn document(kind: &str, required: &[&str]) -> Value {
        json!({ "openapi": "3.1.0", "paths": { "/a": { "post": {
            "requestBody": { "content": { "application/json": { "schema": { "type": "object", "required": required,
                "properties": { "n": { "type": kind }, "m": { "type": "string" } } } } } },
            "responses": { "200": {} } } }, "/b": { "get": { "responses": { "200": {} } } } } })
    }

    #[test]
    fn what_breaks_clients_is_told_with_a_witness() {
        let spec = read(&document("integer", &["m"])).unwrap().0;
        let mut found = Found::default();
        let same = baseline(Some(&document("integer", &["m"])), Some(&spec), &mut found).unwrap();
        assert_eq!((same.held, same.broken, same.findings.len()), (2, 0, 0));
        let changed = baseline(Some(&document("string", &[])), Some(&spec), &mut found).unwrap();
        assert_eq!((changed.held, changed.broken), (1, 1));
        let grave: Vec<_> = changed.findings.iter().filter(|finding| finding.severity == "high").collect();
        assert!(grave.len() >= 2 && grave.iter().all(|finding| finding.location == "POST /a"), "{grave:?}");
        assert!(grave.iter().any(|finding| finding.confidence == "confirmed"), "{grave:?}");
        assert!(found.problems.is_empty());
        assert!(baseline(Some(&json!({})), Some(&spec), &mut found).is_none());
        assert!(baseline(Some(&json!({})), None, &mut found).is_none());
        assert_eq!(found.problems.len(), 2, "{:?}", found.problems);
    }
}
