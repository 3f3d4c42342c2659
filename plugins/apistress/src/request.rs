//! One operation of the document as a request with values.

use base64::prelude::{BASE64_STANDARD, Engine};
use stresshost_openapi::{Operation, Place, Response, Scheme, Spec, Status, example};
use stresshost_sdk::serde_json::Value;

use crate::document::{Answer, Content, Request};

/// Why an operation is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsendable {
    /// It needs a scheme for which there are no credentials; the names of those that would do.
    NeedsAuth(Vec<String>),
    /// It takes a body of none of the media types that are made here.
    Body(String),
}

/// The request of an operation below a base URL.
pub(crate) fn request(
    spec: &Spec,
    operation: &Operation,
    base_url: &str,
    auth: &[(String, String)],
) -> Result<Request, Unsendable> {
    let mut made = Request { name: operation.name(), method: operation.method.clone(), ..Request::default() };
    let mut path = operation.path.clone();
    let mut query = Vec::new();
    let mut cookies = Vec::new();
    for parameter in &operation.parameters {
        if !parameter.required && parameter.example.is_none() {
            continue;
        }
        let value = text(parameter.example.as_ref().unwrap_or(&example(&parameter.schema)));
        match parameter.place {
            Place::Path => path = path.replace(&format!("{{{}}}", parameter.name), &encoded(&value)),
            Place::Query => query.push((parameter.name.clone(), value)),
            Place::Header => made.headers.push((parameter.name.clone(), value)),
            Place::Cookie => cookies.push(format!("{}={value}", parameter.name)),
        }
    }
    let media_types = answers_media_types(operation);
    if !media_types.is_empty() {
        made.headers.push(("Accept".to_owned(), media_types.join(", ")));
    }
    if let Some(body) = &operation.body {
        let json = body.contents.iter().find(|content| content.is_json());
        match (json, body.required) {
            (Some(content), _) => {
                let value = content.example.clone();
                let value = value.or_else(|| content.schema.as_ref().map(example)).unwrap_or(Value::Null);
                made.headers.push(("Content-Type".to_owned(), content.media_type.clone()));
                made.body = Some(value.to_string());
            }
            (None, true) => {
                let known = body.contents.iter().map(|content| content.media_type.as_str());
                return Err(Unsendable::Body(known.collect::<Vec<_>>().join(", ")));
            }
            (None, false) => {}
        }
    }
    let_in(spec, operation, auth, &mut made, &mut query, &mut cookies)?;
    if !cookies.is_empty() {
        made.headers.push(("Cookie".to_owned(), cookies.join("; ")));
    }
    let query: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded_but_secrets(value)))
        .collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    made.url = format!("{}{path}{query}", base_url.trim_end_matches('/'));
    made.answers = operation.responses.iter().map(answer).collect();
    Ok(made)
}

/// Adds the credentials of the first way in for which there are all.
fn let_in(
    spec: &Spec,
    operation: &Operation,
    auth: &[(String, String)],
    made: &mut Request,
    query: &mut Vec<(String, String)>,
    cookies: &mut Vec<String>,
) -> Result<(), Unsendable> {
    if operation.security.is_empty() {
        return Ok(());
    }
    let given = |name: &str| auth.iter().find(|(scheme, _)| scheme == name).map(|(_, value)| value.as_str());
    let way = operation.security.iter().find(|way| way.iter().all(|name| given(name).is_some()));
    let Some(way) = way else {
        return Err(Unsendable::NeedsAuth(operation.security.iter().map(|way| way.join(" and ")).collect()));
    };
    for name in way {
        let Some(value) = given(name) else { continue };
        let scheme = spec.schemes.iter().find(|(known, _)| known == name).map(|(_, scheme)| scheme);
        match scheme {
            Some(Scheme::Basic) => {
                made.headers
                    .push(("Authorization".to_owned(), format!("Basic {}", BASE64_STANDARD.encode(value))));
            }
            Some(Scheme::ApiKey { place, name }) => match place {
                Place::Query => query.push((name.clone(), value.to_owned())),
                Place::Cookie => cookies.push(format!("{name}={value}")),
                Place::Header | Place::Path => made.headers.push((name.clone(), value.to_owned())),
            },
            _ => made.headers.push(("Authorization".to_owned(), format!("Bearer {value}"))),
        }
    }
    Ok(())
}

fn answer(response: &Response) -> Answer {
    let statuses = match response.status {
        Status::Exact(code) => (code, code),
        Status::Hundred(hundred) => (hundred * 100, hundred * 100 + 99),
        Status::Default => (100, 599),
    };
    let content = |content: &stresshost_openapi::Content| Content {
        media_type: content.media_type.clone(),
        schema: content.schema.clone().filter(|_| content.is_json()),
    };
    let headers = response.headers.iter().filter(|header| header.required).map(|header| header.name.clone());
    Answer { statuses, contents: response.contents.iter().map(content).collect(), headers: headers.collect() }
}

/// Media types of all answers, each once.
fn answers_media_types(operation: &Operation) -> Vec<String> {
    let mut types: Vec<String> = Vec::new();
    for content in operation.responses.iter().flat_map(|response| &response.contents) {
        if !types.contains(&content.media_type) {
            types.push(content.media_type.clone());
        }
    }
    types
}

/// A value as the simple style writes it (OpenAPI 3.1, 4.8.12.3): lists with commas between.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Percent-encodes all but the unreserved characters (RFC 3986, 2.3).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The same, but the host's names of secrets stay as they are: it encodes the values itself.
fn encoded_but_secrets(text: &str) -> String {
    let is_secret = text.starts_with("{{secret:") && text.ends_with("}}");
    if is_secret { text.to_owned() } else { encoded(text) }
}

#[cfg(test)]
mod tests {
    use stresshost_openapi::read;
    use stresshost_sdk::serde_json::json;

    use super::*;

    fn spec() -> Spec {
        let (spec, problems) = read(&json!({ "openapi": "3.0.3",
            "components": { "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" }, "basic": { "type": "http", "scheme": "basic" },
                "key": { "type": "apiKey", "in": "query", "name": "k" } } },
            "paths": {
                "/p/{id}": { "get": {
                    "parameters": [
                        { "name": "id", "in": "path", "required": true, "schema": { "type": "string" }, "example": "a/b" },
                        { "name": "q", "in": "query", "schema": { "type": "string" } },
                        { "name": "sort", "in": "query", "required": true, "schema": { "enum": ["up down"] } },
                        { "name": "X-Id", "in": "header", "required": true, "schema": { "type": "integer" } }],
                    "responses": { "200": { "content": { "application/json": {} } }, "default": {} } } },
                "/a": { "post": { "security": [{ "token": [], "key": [] }, { "basic": [] }],
                    "requestBody": { "content": { "application/json": { "schema": { "type": "object",
                        "required": ["n"], "properties": { "n": { "type": "integer", "minimum": 4 } } } } } },
                    "responses": {} } },
                "/f": { "post": { "requestBody": { "required": true, "content": { "text/csv": {} } }, "responses": {} } }
            } }))
        .unwrap();
        assert_eq!(problems, []);
        spec
    }

    fn made(path: &str, auth: &[(&str, &str)]) -> Result<Request, Unsendable> {
        let spec = spec();
        let operation = spec.operations.iter().find(|operation| operation.path == path).unwrap();
        let auth: Vec<_> = auth.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        request(&spec, operation, "http://h/v1/", &auth)
    }

    #[test]
    fn parameters_stand_where_the_document_says() {
        let request = made("/p/{id}", &[]).unwrap();
        assert_eq!(request.url, "http://h/v1/p/a%2Fb?sort=up%20down");
        let headers: Vec<_> = request.headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(headers, [("X-Id", "1"), ("Accept", "application/json")]);
        assert_eq!(request.answers[1].statuses, (100, 599));
    }

    #[test]
    fn credentials_open_the_first_way_for_which_there_are_all() {
        assert_eq!(
            made("/a", &[("token", "t")]),
            Err(Unsendable::NeedsAuth(vec!["token and key".into(), "basic".into()]))
        );
        let header = |request: &Request, name: &str| {
            request.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let both = made("/a", &[("token", "{{secret:t}}"), ("key", "{{secret:k}}")]).unwrap();
        assert_eq!(header(&both, "Authorization").as_deref(), Some("Bearer {{secret:t}}"));
        assert_eq!(both.url, "http://h/v1/a?k={{secret:k}}");
        assert_eq!(both.body.as_deref(), Some(r#"{"n":4}"#));
        let basic = made("/a", &[("basic", "user:pass")]).unwrap();
        assert_eq!(header(&basic, "Authorization").as_deref(), Some("Basic dXNlcjpwYXNz"));
    }

    #[test]
    fn what_cannot_be_made_is_told() {
        assert_eq!(made("/f", &[]), Err(Unsendable::Body("text/csv".into())));
    }
}
