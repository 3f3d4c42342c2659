//! Requests of a journey.

use stresshost_sdk::documents::Feed;
use stresshost_sdk::serde_json::{self, Value};

use crate::config::http::{Http, Located, RequestHttp, headers};
use crate::config::load::think;
use crate::config::response::{checks, extracts, show_ranges};
use crate::config::scope::Scope;
use crate::config::template::{Piece, Slots, display, is_name, split};
use crate::config::url::Url;
use crate::document::{Encoding, OnFailure, Request, Rule, Think};
use stresshost_sdk::config::{Fields, Found, Node, short};

/// Keys that give method and URL in one.
const SHORTHANDS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// Fields of a form.
const MAX_FORM_FIELDS: usize = 200;

/// What the requests of a config have in common.
#[derive(Debug)]
pub(crate) struct Common<'a> {
    pub(crate) base: Option<&'a Url>,
    pub(crate) http: &'a Http,
    pub(crate) feeds: &'a [Feed],
}

/// Reads a request; also the target it goes to.
pub(crate) fn request(
    node: &Node<'_>,
    common: &Common<'_>,
    pause: Option<Think>,
    scope: &mut Scope<'_>,
    found: &mut Found,
) -> Option<(Request, String)> {
    if !node.value.is_string() {
        return long_request(node, common, pause, scope, found);
    }
    // A text alone is a URL to get.
    let long = serde_json::json!({ "url": node.value });
    let before = found.problems.len();
    let request = long_request(&Node::new(&long, node.path.clone()), common, pause, scope, found);
    for problem in found.problems.iter_mut().skip(before) {
        problem.path.clone_from(&node.path);
    }
    request
}

fn long_request(
    node: &Node<'_>,
    common: &Common<'_>,
    pause: Option<Think>,
    scope: &mut Scope<'_>,
    found: &mut Found,
) -> Option<(Request, String)> {
    let own = [
        "name",
        "method",
        "url",
        "headers",
        "body",
        "json",
        "form",
        "extract",
        "check",
        "expect",
        "think_time",
        "on_failure",
    ];
    let known = [own.as_slice(), &SHORTHANDS, &RequestHttp::KEYS].concat();
    let fields = node.fields(found, "a request: a URL or a mapping with `url`", &known)?;
    let mut slots = Slots::default();
    let body = body(&fields, &mut slots, scope, found);
    let line = request_line(&fields, common, body.is_some(), found);
    let url = line.as_ref().map(|line| {
        let at = Node::new(node.value, line.path.clone());
        check_braces(&line.url.path, &at, found);
        slots.fill(&line.url.text(), Encoding::Plain, scope, &at, found)
    });
    let headers = request_headers(&fields, common, body.as_ref(), &mut slots, scope, found);
    let checks = fields.one_of(found, &["check", "expect"]).map(|(_, node)| checks(node, found));
    let extract = fields.get("extract").map(|node| extracts(node, scope, found)).unwrap_or_default();
    let pause = fields.get("think_time").map_or(pause, |node| think(node, found));
    let on_failure = on_failure(&fields, found);
    let name = fields.get("name").map(|node| node.text(found, "the request's name"));
    let mut options = RequestHttp::read(&fields, found).options(&common.http.request);
    let (line, url) = (line?, url?);
    let name = match name {
        Some(name) => name?,
        None => format!("{} {}", line.method, display(line.url.path_only())),
    };
    let mut checks = checks.unwrap_or_default();
    for check in &mut checks {
        if let Rule::Status(ranges) = &check.rule {
            options.push(("expect-status".to_owned(), show_ranges(ranges)));
        }
        check.name = format!("{name}: {}", check.name);
    }
    let request = Request {
        name,
        method: line.method,
        url,
        headers,
        body: body.map(|body| body.text),
        slots: slots.slots,
        options,
        extract,
        checks,
        think: pause,
        on_failure,
    };
    Some((request, line.url.target))
}

/// Method and URL.
struct Line {
    method: String,
    url: Url,
    path: String,
}

fn request_line(fields: &Fields<'_>, common: &Common<'_>, has_body: bool, found: &mut Found) -> Option<Line> {
    let given = fields.one_of(found, &[["url"].as_slice(), &SHORTHANDS].concat());
    let method = match (fields.get("method"), &given) {
        (Some(node), Some((key, _))) if *key != "url" => {
            found.problem(&node.path, format!("`{key}` already says the method"));
            None
        }
        (Some(node), _) => method(node, found),
        (None, Some((key, _))) if *key != "url" => Some(key.to_ascii_uppercase()),
        (None, _) => Some(if has_body { "POST" } else { "GET" }.to_owned()),
    };
    let Some((_, node)) = given else {
        let hint = "write `url: /products`, or `get: /products`";
        found.problem_with_hint(&fields.path, "the request has no URL", hint);
        return None;
    };
    let text = node.text(found, "a URL")?;
    match Url::below(common.base, &text) {
        Ok(url) => Some(Line { method: method?, url, path: node.path.clone() }),
        Err((message, hint)) => {
            found.problem_with_hint(&node.path, short(&message), hint);
            None
        }
    }
}

fn method(node: &Node<'_>, found: &mut Found) -> Option<String> {
    let method = node.text(found, "a method such as `GET`")?;
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !method.bytes().all(token) || method.eq_ignore_ascii_case("connect") {
        found.problem(&node.path, format!("`{}` is not a method that can be sent", short(&method)));
        return None;
    }
    // Methods are case-sensitive, but nobody who writes `post` means anything else.
    let usual = SHORTHANDS.iter().any(|known| method.eq_ignore_ascii_case(known));
    Some(if usual { method.to_ascii_uppercase() } else { method })
}

/// A body with the content type that goes with it.
struct Body {
    text: String,
    content_type: Option<&'static str>,
}

fn body(fields: &Fields<'_>, slots: &mut Slots, scope: &mut Scope<'_>, found: &mut Found) -> Option<Body> {
    let (key, node) = fields.one_of(found, &["body", "json", "form"])?;
    match key {
        "json" => {
            let text = unquote_raw(&node.value.to_string());
            let text = slots.fill(&text, Encoding::Json, scope, node, found);
            Some(Body { text, content_type: Some("application/json") })
        }
        "form" => {
            let text = form(node, slots, scope, found);
            Some(Body { text, content_type: Some("application/x-www-form-urlencoded") })
        }
        _ => {
            let text = node.scalar(found, "the body's text")?;
            let text = slots.fill(&text, Encoding::Plain, scope, node, found);
            Some(Body { text, content_type: None })
        }
    }
}

/// JSON in which a text that is nothing but `{{&name}}` has lost its quotes, so that a number stays one.
fn unquote_raw(json: &str) -> String {
    let pieces = split(json);
    let mut text = String::with_capacity(json.len());
    let mut was_unquoted = false;
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(part) => text.push_str(if was_unquoted { &part[1..] } else { part }),
            Piece::Variable { name, raw: false } => text.push_str(&format!("{{{{{name}}}}}")),
            Piece::Variable { name, raw: true } => {
                // A quote after a backslash is part of a text; one before a colon ends a key.
                let opens = text.ends_with('"') && !text.ends_with("\\\"");
                let closes = matches!(
                    pieces.get(index + 1),
                    Some(Piece::Text(after)) if after.starts_with('"') && !after.starts_with("\":")
                );
                was_unquoted = opens && closes;
                if was_unquoted {
                    text.pop();
                }
                text.push_str(&format!("{{{{&{name}}}}}"));
                continue;
            }
        }
        was_unquoted = false;
    }
    text
}

fn form(node: &Node<'_>, slots: &mut Slots, scope: &mut Scope<'_>, found: &mut Found) -> String {
    let entries = node.entries(found, "a mapping of form fields to values").unwrap_or_default();
    if entries.len() > MAX_FORM_FIELDS {
        found.problem(&node.path, format!("{} form fields; the most is {MAX_FORM_FIELDS}", entries.len()));
        return String::new();
    }
    let mut parts = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        let Some(text) = value.scalar(found, "the value of a form field") else { continue };
        // Encoded around its variables, whose values are encoded when they are known.
        let text: String = split(&text)
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => form_encode(text),
                Piece::Variable { name, raw } => format!("{{{{{}{name}}}}}", if raw { "&" } else { "" }),
            })
            .collect();
        let text = slots.fill(&text, Encoding::Form, scope, &value, found);
        parts.push(format!("{}={text}", form_encode(&name)));
    }
    parts.join("&")
}

/// A text as `application/x-www-form-urlencoded` has it.
pub(crate) fn form_encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b' ' => encoded.push('+'),
            b'*' | b'-' | b'.' | b'_' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

/// The headers of all requests, replaced and added to by the request's own.
fn request_headers(
    fields: &Fields<'_>,
    common: &Common<'_>,
    body: Option<&Body>,
    slots: &mut Slots,
    scope: &mut Scope<'_>,
    found: &mut Found,
) -> Vec<(String, String)> {
    let own = fields.get("headers").map(|node| headers(node, found)).unwrap_or_default();
    let replaced = |name: &str| own.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    let mut all: Vec<(String, Located)> =
        common.http.headers.iter().filter(|(name, _)| !replaced(name)).cloned().collect();
    all.extend(own.iter().cloned());
    let content_type = body.and_then(|body| body.content_type);
    let mut sent = Vec::with_capacity(all.len() + 1);
    if let Some(content_type) = content_type
        && !all.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        sent.push(("content-type".to_owned(), content_type.to_owned()));
    }
    for (name, Located { text, path }) in all {
        let at = Node::new(&Value::Null, path);
        check_braces(&text, &at, found);
        sent.push((name, slots.fill(&text, Encoding::Plain, scope, &at, found)));
    }
    sent
}

/// Whether a text has braces that enclose neither a variable nor the name of a secret, which the host replaces.
fn opens(text: &str) -> bool {
    text.split("{{").skip(1).any(|inner| {
        let name = inner.split_once("}}").and_then(|(name, _)| name.trim().strip_prefix("secret:"));
        !name.is_some_and(|name| is_name(name.trim()))
    })
}

/// Says that braces in a URL or header, where they have no meaning of their own, enclose neither a variable nor a secret.
fn check_braces(text: &str, node: &Node<'_>, found: &mut Found) {
    if split(text).iter().any(|piece| matches!(piece, Piece::Text(text) if opens(text))) {
        let hint = "write `{{name}}` with letters, digits, `_`, `-` and `.`";
        found.problem_with_hint(&node.path, format!("`{{{{` in `{}` opens no variable", short(text)), hint);
    }
}

fn on_failure(fields: &Fields<'_>, found: &mut Found) -> OnFailure {
    let word = fields.get("on_failure").and_then(|node| node.choice(found, &["stop_journey", "continue"]));
    match word.as_deref() {
        Some("stop_journey") => OnFailure::Stop,
        Some("continue") => OnFailure::Continue,
        _ => OnFailure::Usual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_that_is_a_raw_variable_loses_its_quotes() {
        for (json, text) in [
            (serde_json::json!({"a": "{{&x}}", "b": ["{{ &y }}"]}), r#"{"a":{{&x}},"b":[{{&y}}]}"#),
            (serde_json::json!({"a": "{{x}}"}), r#"{"a":"{{x}}"}"#),
            (serde_json::json!({"a": "{{&x}} {{&y}}"}), r#"{"a":"{{&x}} {{&y}}"}"#),
            (serde_json::json!({"a": "say \"{{&x}}\""}), r#"{"a":"say \"{{&x}}\""}"#),
            (serde_json::json!({"{{&x}}": 1}), r#"{"{{&x}}":1}"#),
            (serde_json::json!("{{&x}}"), "{{&x}}"),
        ] {
            assert_eq!(unquote_raw(&json.to_string()), text, "{json}");
        }
    }
}
