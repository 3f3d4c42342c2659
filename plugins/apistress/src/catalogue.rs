//! Operations, of a document and of a config, with the values of their usual requests.

use stresshost_openapi as openapi;
use stresshost_openapi::{Scheme, Spec, example};
use stresshost_sdk::serde_json::{Map, Value, json};

use crate::config::endpoint::Endpoint;
use crate::document::{Answer, Body, Content, Credential, Operation, Parameter, Place};
use crate::words::{Purpose, purpose, variable, words};

/// Why an operation is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsendable {
    /// It needs a scheme for which there are no credentials; the names of those that would do.
    NeedsAuth(Vec<String>),
    /// It takes a body of none of the media types that are made here.
    Body(String),
}

/// Credentials by the name of a scheme.
pub(crate) type Given<'a> = &'a dyn Fn(&str, Option<&Scheme>) -> Option<Credential>;

/// An operation of a document.
pub(crate) fn documented(
    spec: &Spec,
    operation: &openapi::Operation,
    given: Given<'_>,
) -> Result<Operation, Unsendable> {
    let mut made = Operation {
        name: operation.name(),
        method: operation.method.clone(),
        path: operation.path.clone(),
        answers: operation.responses.iter().map(answer).collect(),
        auth_required: operation.needs_auth(),
        methods: methods(spec, &operation.path),
        deprecated: operation.deprecated,
        is_tested: true,
        ..Operation::default()
    };
    made.parameters = operation.parameters.iter().map(|one| parameter(&operation.path, one)).collect();
    if let Some(body) = &operation.body {
        made.body = body_of(operation, body)?;
    }
    made.credentials = credentials(spec, operation, given)?;
    Ok(made)
}

/// Methods that the document has for a path.
fn methods(spec: &Spec, path: &str) -> Vec<String> {
    let same = spec.operations.iter().filter(|operation| operation.path == path);
    same.map(|operation| operation.method.clone()).collect()
}

fn parameter(path: &str, one: &openapi::Parameter) -> Parameter {
    let place = place(one.place);
    let plain = one.example.clone().or_else(|| one.required.then(|| example(&one.schema)));
    let value = match place {
        Place::Path => Some(json!(format!("{{{{{}}}}}", variable(path, &one.name)))),
        // The same key again would ask for the answer of another request.
        Place::Header if words(&one.name).iter().any(|word| word == "idempotency") => {
            plain.map(|_| json!("{{unique}}"))
        }
        _ => plain,
    };
    Parameter { name: one.name.clone(), place, required: one.required, schema: one.schema.clone(), value }
}

/// What variables of paths are before anybody knows better: the examples of the document.
pub(crate) fn defaults(spec: &Spec) -> Vec<(String, String)> {
    let mut defaults: Vec<(String, String)> = Vec::new();
    for operation in &spec.operations {
        for one in operation.parameters.iter().filter(|one| one.place == openapi::Place::Path) {
            let name = variable(&operation.path, &one.name);
            let value = crate::case::text(&one.example.clone().unwrap_or_else(|| example(&one.schema)));
            match defaults.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) if one.example.is_some() => *old = value,
                Some(_) => {}
                None => defaults.push((name, value)),
            }
        }
    }
    defaults
}

const fn place(place: openapi::Place) -> Place {
    match place {
        openapi::Place::Path => Place::Path,
        openapi::Place::Query => Place::Query,
        openapi::Place::Header => Place::Header,
        openapi::Place::Cookie => Place::Cookie,
    }
}

/// Media type of forms (RFC 1866, 8.2.1), which is made beside JSON.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

fn body_of(operation: &openapi::Operation, body: &openapi::Body) -> Result<Option<Body>, Unsendable> {
    let form = |content: &&openapi::Content| content.media_type.eq_ignore_ascii_case(FORM);
    let json = body.contents.iter().find(|content| content.is_json());
    match (json.or_else(|| body.contents.iter().find(form)), body.required) {
        (Some(content), _) => {
            let value = content.example.clone();
            let value = value.or_else(|| content.schema.as_ref().map(example)).unwrap_or(Value::Null);
            let value = with_variables(purpose(&operation.method, &operation.path), value);
            let (media_type, schema) = (content.media_type.clone(), content.schema.clone());
            Ok(Some(Body { media_type, schema, value }))
        }
        (None, true) => {
            let known = body.contents.iter().map(|content| content.media_type.as_str());
            Err(Unsendable::Body(known.collect::<Vec<_>>().join(", ")))
        }
        (None, false) => Ok(None),
    }
}

/// A body whose fields that name the caller, or an object that was seen before, are variables.
fn with_variables(purpose: Purpose, mut value: Value) -> Value {
    let Value::Object(map) = &mut value else { return value };
    for (key, value) in map.iter_mut() {
        let name = words(key).join("_");
        let is_text = value.is_string();
        let template = match (purpose, name.as_str()) {
            (Purpose::Register, "username" | "user_name" | "login" | "user") if is_text => "u{{unique}}",
            (Purpose::Register, "email" | "email_address") if is_text => "{{unique}}@example.com",
            (Purpose::Register, "password") if is_text => "Pw-{{unique}}-9x",
            (Purpose::LogIn, "username" | "user_name" | "login" | "user") if is_text => "{{username}}",
            (Purpose::LogIn, "email" | "email_address") if is_text => "{{email}}",
            (Purpose::LogIn, "password") if is_text => "{{password}}",
            _ => continue,
        };
        *value = json!(template);
    }
    value
}

/// The credentials of the first way in for which there are all.
fn credentials(
    spec: &Spec,
    operation: &openapi::Operation,
    given: Given<'_>,
) -> Result<Vec<Credential>, Unsendable> {
    if operation.security.is_empty() {
        return Ok(Vec::new());
    }
    let scheme = |name: &str| spec.schemes.iter().find(|(known, _)| known == name).map(|(_, scheme)| scheme);
    let way =
        |way: &Vec<String>| way.iter().map(|name| given(name, scheme(name))).collect::<Option<Vec<_>>>();
    operation.security.iter().find_map(way).ok_or_else(|| {
        Unsendable::NeedsAuth(operation.security.iter().map(|way| way.join(" and ")).collect())
    })
}

fn answer(response: &openapi::Response) -> Answer {
    let statuses = match response.status {
        openapi::Status::Exact(code) => (code, code),
        openapi::Status::Hundred(hundred) => (hundred * 100, hundred * 100 + 99),
        openapi::Status::Default => (100, 599),
    };
    let content = |content: &openapi::Content| Content {
        media_type: content.media_type.clone(),
        schema: content.schema.clone().filter(|_| content.is_json()),
        example: content.example.clone().filter(|_| content.is_json()),
    };
    let headers = response.headers.iter().filter(|header| header.required).map(|header| header.name.clone());
    Answer { statuses, contents: response.contents.iter().map(content).collect(), headers: headers.collect() }
}

/// An operation of a config, with what a document says of it where there is one. The text tells what was assumed.
pub(crate) fn configured(
    endpoint: &Endpoint,
    known: Option<&Operation>,
    credential: Option<&Credential>,
) -> (Operation, Option<String>) {
    let name = format!("{} {}", endpoint.method, endpoint.path);
    let mut made = known.cloned().unwrap_or_default();
    let mut assumed = None;
    // The config may name what stands in the path otherwise than the document does.
    let names = path_parameters(&endpoint.path);
    let in_path = made.parameters.iter_mut().filter(|parameter| parameter.place == Place::Path);
    for (parameter, named) in in_path.zip(&names) {
        parameter.name.clone_from(&named.name);
        parameter.value.clone_from(&named.value);
    }
    if known.is_none() {
        let purpose = purpose(&endpoint.method, &endpoint.path);
        made.parameters = names;
        made.parameters.extend(customary_query(purpose).into_iter().map(|(name, value)| query(name, value)));
        if ["POST", "PUT", "PATCH"].contains(&endpoint.method.as_str()) && endpoint.body.is_none() {
            let value = customary_body(purpose);
            assumed = Some(format!("{name}: no body is given; {value} is sent"));
            made.body = Some(Body { media_type: "application/json".to_owned(), schema: None, value });
        }
    }
    for (name, value) in &endpoint.query {
        made.parameters.retain(|other| other.place != Place::Query || other.name != *name);
        made.parameters.push(query(name, Some(value.clone())));
    }
    for (name, value) in &endpoint.path_values {
        match made.parameters.iter_mut().find(|other| other.place == Place::Path && other.name == *name) {
            Some(parameter) => parameter.value = Some(value.clone()),
            None => made.parameters.push(query(name, Some(value.clone()))),
        }
    }
    for (name, value) in &endpoint.headers {
        made.parameters
            .retain(|other| other.place != Place::Header || !other.name.eq_ignore_ascii_case(name));
        made.parameters.push(Parameter { place: Place::Header, ..query(name, Some(json!(value))) });
    }
    if let Some(value) = &endpoint.body {
        let media_type = made.body.as_ref().map_or("application/json", |body| &body.media_type).to_owned();
        let schema = made.body.as_ref().and_then(|body| body.schema.clone());
        made.body = Some(Body { media_type, schema, value: value.clone() });
    }
    if made.credentials.is_empty() && endpoint.auth != Some(false) {
        made.credentials = credential.cloned().into_iter().collect();
    }
    if endpoint.auth == Some(false) {
        made.credentials.clear();
    }
    made.auth_required = endpoint.auth.unwrap_or(made.auth_required) && !made.credentials.is_empty();
    (
        Operation {
            name,
            method: endpoint.method.clone(),
            path: endpoint.path.clone(),
            expected_status: endpoint.expected_status,
            is_tested: true,
            ..made
        },
        assumed,
    )
}

fn query(name: &str, value: Option<Value>) -> Parameter {
    Parameter { name: name.to_owned(), place: Place::Query, required: false, schema: json!({}), value }
}

fn path_parameters(path: &str) -> Vec<Parameter> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name));
    let parameter = |name: &str| Parameter {
        name: name.to_owned(),
        place: Place::Path,
        required: true,
        schema: json!({}),
        value: Some(json!(format!("{{{{{}}}}}", variable(path, name)))),
    };
    names.map(parameter).collect()
}

/// Query parameters that a search usually takes; those without a value are left out of the usual request.
fn customary_query(purpose: Purpose) -> Vec<(&'static str, Option<Value>)> {
    match purpose {
        Purpose::Search => vec![
            ("q", Some(json!("a"))),
            ("category", None),
            ("min_price", None),
            ("max_price", None),
            ("page", None),
            ("per_page", None),
        ],
        _ => Vec::new(),
    }
}

/// The body that such a request usually has.
fn customary_body(purpose: Purpose) -> Value {
    match purpose {
        Purpose::Register => json!({
            "username": "u{{unique}}", "email": "{{unique}}@example.com", "password": "Pw-{{unique}}-9x"
        }),
        Purpose::LogIn => json!({ "username": "{{username}}", "password": "{{password}}" }),
        Purpose::AddToCart => json!({ "product_id": "{{#product_id}}", "quantity": 1 }),
        Purpose::Pay => json!({ "card": "4242424242424242", "address": "1 Test Street" }),
        Purpose::Search | Purpose::Other => Value::Object(Map::new()),
    }
}

/// The operation that makes accounts, or gives tokens, as the account of a virtual user calls it: with that user's name
/// and password.
pub(crate) fn of_account(operation: &Operation) -> Operation {
    let own = |text: &str| match text {
        "u{{unique}}" => "{{username}}".to_owned(),
        "{{unique}}@example.com" => "{{email}}".to_owned(),
        "Pw-{{unique}}-9x" => "{{password}}".to_owned(),
        other => other.to_owned(),
    };
    let mut made =
        Operation { is_tested: false, credentials: Vec::new(), auth_required: false, ..operation.clone() };
    if let Some(Value::Object(map)) = made.body.as_mut().map(|body| &mut body.value) {
        for value in map.values_mut() {
            if let Value::String(text) = value {
                *text = own(text);
            }
        }
    }
    made
}

/// A token endpoint of which nothing but its path is known.
pub(crate) fn token_endpoint(path: &str, body: Option<(String, Value)>) -> Operation {
    let (media_type, value) =
        body.unwrap_or_else(|| ("application/json".to_owned(), customary_body(Purpose::LogIn)));
    Operation {
        name: format!("POST {path}"),
        method: "POST".to_owned(),
        path: path.to_owned(),
        body: Some(Body { media_type, schema: None, value }),
        ..Operation::default()
    }
}

/// Whether two paths are the same but for the names in their braces.
pub(crate) fn same_path(a: &str, b: &str) -> bool {
    let plain = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
    let parts = |path: &str| path.trim_matches('/').split('/').map(plain).collect::<Vec<_>>();
    parts(a) == parts(b)
}

#[cfg(test)]
mod tests {
    use stresshost_openapi::read;

    use super::*;
    use crate::case::Case;
    use crate::document::Variables;

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

    fn made(path: &str, known: &[&str]) -> Result<Operation, Unsendable> {
        let spec = spec();
        let operation = spec.operations.iter().find(|operation| operation.path == path).unwrap();
        let given = |name: &str, _: Option<&Scheme>| {
            let credential =
                Credential { place: Place::Query, name: name.to_owned(), value: "{{secret:s}}".into() };
            known.contains(&name).then_some(credential)
        };
        documented(&spec, operation, &given)
    }

    #[test]
    fn parameters_stand_where_the_document_says() {
        let operation = made("/p/{id}", &[]).unwrap();
        let mut variables = Variables::default();
        for (name, value) in defaults(&spec()) {
            variables.set(&name, value);
        }
        let call = Case::usual(&operation, &variables).call(None);
        assert_eq!(call.target, "/p/a%2Fb?sort=up%20down");
        let headers: Vec<_> = call.headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(headers, [("X-Id", "1"), ("Accept", "application/json")]);
        assert_eq!(operation.answers[1].statuses, (100, 599));
    }

    #[test]
    fn credentials_open_the_first_way_for_which_there_are_all() {
        let needs = Unsendable::NeedsAuth(vec!["token and key".into(), "basic".into()]);
        assert_eq!(made("/a", &["token"]), Err(needs));
        let both = made("/a", &["token", "key"]).unwrap();
        let names: Vec<&str> = both.credentials.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["token", "key"]);
        let call = Case::usual(&both, &Variables::default()).call(Some(&Variables::default()));
        assert_eq!(call.target, "/a?token={{secret:s}}&key={{secret:s}}");
        assert_eq!(call.body.as_deref(), Some(r#"{"n":4}"#));
        assert!(both.auth_required);
        assert_eq!(made("/f", &[]), Err(Unsendable::Body("text/csv".into())));
    }

    #[test]
    fn a_config_says_what_a_document_does_not() {
        let endpoint = Endpoint {
            method: "POST".into(),
            path: "/users/register".into(),
            expected_status: Some(201),
            ..Endpoint::default()
        };
        let (operation, assumed) = configured(&endpoint, None, None);
        assert!(assumed.unwrap().contains("no body is given"));
        let mut variables = Variables::default();
        for (name, value) in [("unique", "7"), ("username", "me"), ("email", "me@h"), ("password", "p")] {
            variables.set(name, value);
        }
        let body = |operation: &Operation| Case::usual(operation, &variables).call(None).body.unwrap();
        assert_eq!(body(&operation), r#"{"username":"u7","email":"7@example.com","password":"Pw-7-9x"}"#);
        assert_eq!(body(&of_account(&operation)), r#"{"username":"me","email":"me@h","password":"p"}"#);
        assert!(same_path("/a/{id}/b", "a/{key}/b") && !same_path("/a/{id}", "/a/id"));
    }
}
