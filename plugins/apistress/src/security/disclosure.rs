//! What malformed requests get for an answer: a refusal, a server error, or how the server looks inside.

mod traces;

use stresshost_sdk::serde_json::{Value, json};

use super::stage::{Shown, Stage};
use super::targets::Target;
use crate::case::Case;
use crate::client::{Call, Heard};
use crate::document::{Operation, Place};

/// Characters of a very long text.
const LONG: usize = 10_000;

const NO_TRACES: &str = "Answer errors with a message of their own, and write traces to the log only.";

const REFUSE: &str =
    "Check the request before it is worked on, and refuse what is malformed with a status from 400 on.";

pub(super) fn applies(operation: &Operation) -> bool {
    operation.body.is_some() || operation.parameters.iter().any(|parameter| parameter.place != Place::Cookie)
}

/// A malformed request.
struct Malformed {
    /// What is wrong with it, for messages.
    what: String,
    sent: &'static str,
    call: Call,
}

/// A way to spoil a request: what is sent, for evidence, and the request that is built each time anew.
enum Spoil<'t> {
    /// The whole body.
    Body(&'static str, &'static str),
    MediaType,
    Text(&'t Target, &'static str, String),
    Json(&'t Target, &'static str, Value),
}

impl Spoil<'_> {
    fn build(&self, stage: &mut Stage<'_, '_>) -> Malformed {
        let mut case = stage.case();
        let (what, sent) = match self {
            Self::Body(what, text) => {
                case.raw_body = Some((*text).to_owned());
                ((*what).to_owned(), *text)
            }
            Self::MediaType => {
                case.headers.push(("Content-Type".to_owned(), "application/x-unknown".to_owned()));
                ("a body of an unknown media type".to_owned(), "application/x-unknown")
            }
            Self::Text(target, sent, text) => {
                case = case.with(&target.input, text.clone());
                (format!("a malformed {}", target.label), *sent)
            }
            Self::Json(target, sent, value) => {
                case = case.with_json(&target.input, value.clone());
                (format!("a malformed {}", target.label), *sent)
            }
        };
        let call = stage.call(&case);
        Malformed { what, sent, call }
    }
}

pub(super) fn run(stage: &mut Stage<'_, '_>) -> Option<()> {
    let baseline = stage.baseline()?;
    let case = stage.case();
    if stage.operation.body.is_some() {
        stage.tested.inputs += 1;
        try_all(stage, &whole_bodies(&case), &baseline)?;
    }
    let targets = stage.targets();
    for target in &targets {
        stage.tested.inputs += 1;
        let spoils = spoils(stage, &case, target);
        try_all(stage, &spoils, &baseline)?;
    }
    Some(())
}

fn whole_bodies(case: &Case<'_>) -> Vec<Spoil<'static>> {
    let mut spoils = vec![Spoil::MediaType];
    if case.operation.body.as_ref().is_some_and(|body| body.media_type.contains("json")) {
        spoils.insert(0, Spoil::Body("a body that is cut off", "{\"a\":"));
        spoils.push(Spoil::Body("a body that is null", "null"));
        spoils.push(Spoil::Body("a body that is a list", "[]"));
    }
    spoils
}

fn spoils<'t>(stage: &Stage<'_, '_>, case: &Case<'_>, target: &'t Target) -> Vec<Spoil<'t>> {
    let mut spoils = Vec::new();
    if !target.is_text {
        spoils.push(Spoil::Text(target, "not-a-number", "not-a-number".to_owned()));
        let huge = "99999999999999999999999".to_owned();
        spoils.push(Spoil::Text(target, "99999999999999999999999", huge));
    }
    spoils.push(Spoil::Text(target, "a null byte", format!("{}\0", case.value(&target.input))));
    if target.label.starts_with("body") {
        spoils.push(Spoil::Json(target, "an object", json!({ "a": [] })));
        spoils.push(Spoil::Json(target, "null", Value::Null));
    }
    if stage.by_depth(false, false, true) {
        spoils.push(Spoil::Text(target, "10000 characters", "a".repeat(LONG)));
    }
    spoils
}

/// Tries ways to spoil one input, and reports the first trace and the first server error.
fn try_all(stage: &mut Stage<'_, '_>, spoils: &[Spoil<'_>], baseline: &Heard) -> Option<()> {
    let (mut has_trace, mut has_error) = (false, false);
    for spoil in spoils {
        let malformed = spoil.build(stage);
        let heard = stage.send(&malformed.call)?;
        let trace = trace(&heard, baseline);
        let is_new = (trace.is_some() && !has_trace) || (is_error(&heard) && !has_error);
        if !is_new {
            continue;
        }
        let again = spoil.build(stage);
        let again = stage.send(&again.call)?;
        match trace {
            Some(kind) if self::trace(&again, baseline) == Some(kind) => {
                (has_trace, has_error) = (true, true);
                let message = format!("The answer to {} holds a stack trace.", malformed.what);
                let evidence =
                    format!("{} sent: status {}, twice with a trace of {kind}", malformed.sent, heard.status);
                show(stage, &malformed.call, message, evidence, NO_TRACES);
            }
            None if is_error(&again) => {
                has_error = true;
                let message = format!("The operation answers {} with a server error.", malformed.what);
                let evidence =
                    format!("{} sent: status {}, and {} again", malformed.sent, heard.status, again.status);
                show(stage, &malformed.call, message, evidence, REFUSE);
            }
            _ => {}
        }
    }
    Some(())
}

/// Whose trace an answer holds that the usual one does not.
fn trace(heard: &Heard, baseline: &Heard) -> Option<&'static str> {
    traces::found(&heard.body).filter(|kind| traces::found(&baseline.body) != Some(kind))
}

/// Whether a status tells of a fault of the server: one that is busy, or does not do something, is at no fault.
const fn is_error(heard: &Heard) -> bool {
    heard.status >= 500 && !matches!(heard.status, 501 | 503 | 504 | 505)
}

fn show(stage: &mut Stage<'_, '_>, call: &Call, message: String, evidence: String, remedy: &'static str) {
    stage.report(Shown { severity: "medium", is_confirmed: true, message, evidence, remedy, call });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fake::json as answer;
    use crate::security::testing::{at, body, get, probe, value};

    const TRACE: &str = "Traceback (most recent call last):\n  File \"/app/main.py\", line 3, in run";

    #[test]
    fn traces_are_found_once_for_an_input_and_a_patched_twin_has_none() {
        let item = get("/items/{id}", &[("id", json!(7))]);
        let (tested, _) = probe("stack_traces", item.clone(), |call: &Call| match at(call, 1).as_str() {
            "7" => answer(200, "{}"),
            _ => answer(500, TRACE),
        });
        let messages: Vec<&str> = tested.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["The answer to a malformed path parameter `id` holds a stack trace."]);
        assert!(
            tested.findings[0]
                .evidence
                .starts_with("not-a-number sent: status 500, twice with a trace of Python")
        );
        let (tested, _) = probe("stack_traces", item, |call: &Call| match at(call, 1).as_str() {
            "7" => answer(200, "{}"),
            _ => answer(400, "{}"),
        });
        assert_eq!((tested.findings.len(), tested.requests), (0, 4));
    }

    #[test]
    fn server_errors_are_found_for_bodies_and_their_fields() {
        let order = body("/orders", json!({ "name": "lamp", "count": 3 }));
        let (tested, _) = probe("error_handling", order, |call: &Call| match call.body.as_deref() {
            Some("{\"a\":") => answer(500, "{}"),
            _ if value(call, "/count").parse::<u8>().is_err() => answer(502, "{}"),
            _ => answer(201, "{}"),
        });
        let messages: Vec<&str> = tested.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "The operation answers a body that is cut off with a server error.",
                "The operation answers a malformed body field `/count` with a server error.",
            ]
        );
    }

    #[test]
    fn errors_that_come_by_chance_are_none() {
        let item = get("/items/{id}", &[("id", json!(7))]);
        let mut number = 0;
        let (tested, _) = probe("error_handling", item, |_: &Call| {
            number += 1;
            answer(if number % 2 == 0 { 500 } else { 200 }, "{}")
        });
        assert!(tested.findings.is_empty());
    }
}
