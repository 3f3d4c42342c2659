//! What must hold of an answer. The names are those that Schemathesis gives its checks.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use stresshost_openapi::{Quick, Validator, ValidatorError};
use stresshost_sdk::http::Response;
use stresshost_sdk::serde_json::{self, Value};

use crate::client::Heard;
use crate::document::{Answer, Operation};

/// Checks on every answer that is held against the document.
pub(crate) const CHECKS: [&str; 5] = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
];

/// Deviations of one body that are told.
const MAX_TOLD: usize = 3;

/// Content types of one answer that are remembered. A server that writes a new one each time is asked each time.
const MAX_SEEN: usize = 4;

/// What came of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The document says nothing of it.
    Unsaid,
    /// It holds.
    Holds,
    /// It does not: what, in a sentence without what varies, and what varies.
    Deviates(String, String),
}

/// Contents of answers that one virtual user has seen, with their schemas.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    /// By the places of request and answer.
    seen: BTreeMap<(usize, usize), Vec<Seen>>,
}

/// A content type as it came, and what it is of.
#[derive(Debug)]
struct Seen {
    content_type: String,
    /// Place of the described content.
    content: usize,
    schema: Option<Schema>,
}

/// A schema for a first look, and for a judgement when that does not suffice.
#[derive(Debug)]
struct Schema {
    quick: Option<Quick>,
    /// Made when it is needed first.
    full: OnceCell<Result<Validator, ValidatorError>>,
}

/// How grave a failed check is, in the order of [`CHECKS`].
pub(crate) const SEVERITIES: [&str; CHECKS.len()] = ["high", "medium", "medium", "low", "medium"];

/// What an answer is made of, as far as the checks look at it.
pub(crate) trait Received {
    fn status(&self) -> u16;
    fn header(&self, name: &str) -> Option<String>;
    fn header_is(&self, name: &str, value: &str) -> bool {
        self.header(name).is_some_and(|found| found == value)
    }
    fn body(&self) -> Result<Vec<u8>, String>;
}

impl Received for Response {
    fn status(&self) -> u16 {
        Self::status(*self)
    }

    fn header(&self, name: &str) -> Option<String> {
        Self::header(*self, name)
    }

    fn header_is(&self, name: &str, value: &str) -> bool {
        Self::header_is(*self, name, value)
    }

    fn body(&self) -> Result<Vec<u8>, String> {
        Self::body(*self).map_err(|failure| failure.message)
    }
}

impl Received for Heard {
    fn status(&self) -> u16 {
        self.status
    }

    fn header(&self, name: &str) -> Option<String> {
        Self::header(self, name).map(str::to_owned)
    }

    fn body(&self) -> Result<Vec<u8>, String> {
        Ok(self.body.clone().into_bytes())
    }
}

/// Holds an answer against what the document says; one outcome a check, in the order of [`CHECKS`].
pub(crate) fn check(
    (place, operation): (usize, &Operation),
    received: &impl Received,
    schemas: &mut Schemas,
) -> [Outcome; CHECKS.len()] {
    let status = received.status();
    let server_error = if status >= 500 {
        Outcome::Deviates(format!("answers with status {status}"), String::new())
    } else {
        Outcome::Holds
    };
    let Some((answer_place, answer)) = described(&operation.answers, status) else {
        let known = operation.answers.is_empty();
        let undocumented = if known {
            Outcome::Unsaid
        } else {
            let statuses: Vec<String> =
                operation.answers.iter().map(|answer| shown(answer.statuses)).collect();
            let message = format!("answers with status {status}, which is not documented");
            Outcome::Deviates(message, format!("documented: {}", statuses.join(", ")))
        };
        return [server_error, undocumented, Outcome::Unsaid, Outcome::Unsaid, Outcome::Unsaid];
    };
    let content = seen((place, answer_place), answer, received, schemas);
    let has_body = !matches!(status, 204 | 304) && operation.method != "HEAD";
    let content_type = match (answer.contents.is_empty() || !has_body, &content) {
        (true, _) => Outcome::Unsaid,
        (false, Some(_)) => Outcome::Holds,
        (false, None) => {
            let media_type = received.header("content-type").unwrap_or_default();
            let known: Vec<&str> =
                answer.contents.iter().map(|content| content.media_type.as_str()).collect();
            let media_type = if media_type.is_empty() { "none" } else { &media_type };
            let message = format!("answers status {status} with content type {}", essence(media_type));
            Outcome::Deviates(message, format!("documented: {}", known.join(", ")))
        }
    };
    let schema = content.filter(|_| has_body);
    let schema = schema.and_then(|seen| Some((answer.contents.get(seen.content)?.schema.as_ref()?, seen)));
    let body = schema.map_or(Outcome::Unsaid, |(schema, seen)| body(schema, received, &mut seen.schema));
    [server_error, Outcome::Holds, content_type, headers(answer, received), body]
}

/// The described content that an answer is of.
fn seen<'s>(
    place: (usize, usize),
    answer: &Answer,
    received: &impl Received,
    schemas: &'s mut Schemas,
) -> Option<&'s mut Seen> {
    // What is not described need not be asked of the host.
    if answer.contents.is_empty() {
        return None;
    }
    let seen = schemas.seen.entry(place).or_default();
    let known = seen.iter().position(|seen| received.header_is("content-type", &seen.content_type));
    let index = known.or_else(|| {
        let content_type = received.header("content-type")?;
        let content = answer.contents.iter().position(|content| fits(&content.media_type, &content_type))?;
        seen.truncate(MAX_SEEN - 1);
        seen.push(Seen { content_type, content, schema: None });
        Some(seen.len() - 1)
    })?;
    seen.get_mut(index)
}

/// What the document says of a status: the narrowest first.
fn described(answers: &[Answer], status: u16) -> Option<(usize, &Answer)> {
    let fitting = answers
        .iter()
        .enumerate()
        .filter(|(_, answer)| (answer.statuses.0..=answer.statuses.1).contains(&status));
    fitting.min_by_key(|(_, answer)| answer.statuses.1 - answer.statuses.0)
}

fn shown((from, to): (u16, u16)) -> String {
    match to - from {
        0 => from.to_string(),
        99 => format!("{}XX", from / 100),
        _ => "default".to_owned(),
    }
}

fn headers(answer: &Answer, received: &impl Received) -> Outcome {
    if answer.headers.is_empty() {
        return Outcome::Unsaid;
    }
    let missing = answer.headers.iter().filter(|name| received.header(name).is_none());
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    if missing.is_empty() {
        Outcome::Holds
    } else {
        Outcome::Deviates(format!("the header {} is missing", missing.join(", ")), String::new())
    }
}

fn body(schema: &Value, received: &impl Received, compiled: &mut Option<Schema>) -> Outcome {
    let compiled =
        compiled.get_or_insert_with(|| Schema { quick: Quick::new(schema), full: OnceCell::new() });
    let bytes = match received.body() {
        Ok(bytes) => bytes,
        Err(reason) => return Outcome::Deviates("the body cannot be read".to_owned(), reason),
    };
    if compiled.quick.as_ref().is_some_and(|quick| quick.accepts(&bytes)) {
        return Outcome::Holds;
    }
    let validator = match compiled.full.get_or_init(|| Validator::new(schema)) {
        Ok(validator) => validator,
        Err(error) => {
            return Outcome::Deviates("the document's schema cannot be used".to_owned(), error.to_string());
        }
    };
    let value: Value = match serde_json::from_slice(&bytes) {
        Ok(value) => value,
        Err(error) => return Outcome::Deviates("the body is no JSON".to_owned(), error.to_string()),
    };
    if validator.is_valid(&value) {
        return Outcome::Holds;
    }
    let deviations = validator.deviations(&value);
    let Some(first) = deviations.first() else { return Outcome::Holds };
    let told: Vec<String> = deviations.iter().take(MAX_TOLD).map(ToString::to_string).collect();
    // Places in lists differ from answer to answer; the finding is the same.
    let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty();
    let place: Vec<&str> =
        first.place.split('/').map(|part| if digits(&part) { "*" } else { part }).collect();
    let place = if first.place.is_empty() { "/".to_owned() } else { place.join("/") };
    Outcome::Deviates(
        format!("the body is not as documented: `{}` at {place}", first.keyword),
        told.join("; "),
    )
}

fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a documented media type, which may have a `*`, covers one that came.
fn fits(documented: &str, received: &str) -> bool {
    let plain = |text: &'_ str| text.split(';').next().unwrap_or_default().trim().len();
    let (documented, received) = (documented.trim_start(), received.trim_start());
    let documented = documented.get(..plain(documented)).unwrap_or_default();
    let received = received.get(..plain(received)).unwrap_or_default();
    match documented.split_once('/') {
        Some(("*", "*")) => !received.is_empty(),
        Some((kind, "*")) => {
            received.split_once('/').is_some_and(|(received, _)| received.eq_ignore_ascii_case(kind))
        }
        _ => documented.eq_ignore_ascii_case(received),
    }
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;
    use crate::document::Content;

    struct Given {
        status: u16,
        content_type: &'static str,
        body: &'static str,
    }

    impl Received for Given {
        fn status(&self) -> u16 {
            self.status
        }

        fn header(&self, name: &str) -> Option<String> {
            (name == "content-type" && !self.content_type.is_empty()).then(|| self.content_type.to_owned())
        }

        fn body(&self) -> Result<Vec<u8>, String> {
            Ok(self.body.as_bytes().to_vec())
        }
    }

    fn operation() -> Operation {
        let schema = json!({ "type": "array", "items": { "type": "object", "required": ["id"] } });
        let content =
            Content { media_type: "application/json".into(), schema: Some(schema), ..Content::default() };
        let answer = |statuses, contents, headers| Answer { statuses, contents, headers };
        let answers = vec![
            answer((100, 599), Vec::new(), vec!["X-Trace".to_owned()]),
            answer((200, 200), vec![content], Vec::new()),
            answer(
                (204, 204),
                vec![Content { media_type: "text/*".into(), ..Content::default() }],
                Vec::new(),
            ),
        ];
        Operation { method: "GET".into(), answers, ..Operation::default() }
    }

    fn outcomes(
        operation: &Operation,
        status: u16,
        content_type: &'static str,
        body: &'static str,
    ) -> Vec<String> {
        let given = Given { status, content_type, body };
        let outcome = |outcome: Outcome| match outcome {
            Outcome::Unsaid => "-".to_owned(),
            Outcome::Holds => "holds".to_owned(),
            Outcome::Deviates(message, _) => message,
        };
        check((0, operation), &given, &mut Schemas::default()).into_iter().map(outcome).collect()
    }

    #[test]
    fn an_answer_is_held_against_what_is_said_of_its_status() {
        let json = "application/json; charset=utf-8";
        for (status, content_type, body, expected) in [
            (200, json, r#"[{"id": 1}]"#, ["holds", "holds", "holds", "-", "holds"]),
            (
                200,
                json,
                r#"[{"id": 1}, {}]"#,
                ["holds", "holds", "holds", "-", "the body is not as documented: `required` at /*"],
            ),
            (200, json, "<html>", ["holds", "holds", "holds", "-", "the body is no JSON"]),
            (
                200,
                "text/html",
                "[]",
                ["holds", "holds", "answers status 200 with content type text/html", "-", "-"],
            ),
            (200, "", "[]", ["holds", "holds", "answers status 200 with content type none", "-", "-"]),
            (204, "", "", ["holds", "holds", "-", "-", "-"]),
            (
                500,
                json,
                "{}",
                ["answers with status 500", "holds", "-", "the header X-Trace is missing", "-"],
            ),
        ] {
            assert_eq!(
                outcomes(&operation(), status, content_type, body),
                expected,
                "{status} {content_type} {body}"
            );
        }
    }

    #[test]
    fn a_schema_that_cannot_be_used_is_told_and_not_passed_over() {
        let mut operation = operation();
        operation.answers[1].contents[0].schema = Some(json!({ "type": "string", "pattern": "(" }));
        assert_eq!(
            outcomes(&operation, 200, "application/json", "\"a\"")[4],
            "the document's schema cannot be used"
        );
    }

    #[test]
    fn media_types_are_the_same_in_any_case() {
        for (documented, received, expected) in [
            ("application/json", "Application/JSON ; charset=utf-8", true),
            (" text/html; charset=utf-8", "text/html", true),
            ("text/*", "TEXT/plain", true),
            ("*/*", "", false),
            ("application/json", "application/jsonx", false),
        ] {
            assert_eq!(fits(documented, received), expected, "{documented} {received}");
        }
    }

    #[test]
    fn an_undocumented_status_is_told_and_a_silent_document_is_not_held_to_anything() {
        let mut operation = operation();
        operation.answers.remove(0);
        assert_eq!(outcomes(&operation, 404, "", "")[1], "answers with status 404, which is not documented");
        operation.answers.clear();
        assert_eq!(outcomes(&operation, 404, "", ""), ["holds", "-", "-", "-", "-"]);
    }
}
