//! A request of an operation as values in their places, of which any can be changed.

use stresshost_sdk::serde_json::{Map, Value};

use crate::client::Call;
use crate::document::{Operation, Place, Variables};

/// The values of one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case<'a> {
    pub(crate) operation: &'a Operation,
    /// Values of parameters, in the order of the operation's; None: left out.
    parameters: Vec<Option<String>>,
    /// Parameters that no document speaks of.
    more: Vec<(Place, String, String)>,
    /// The body; None: there is none.
    pub(crate) body: Option<Value>,
    /// Sent instead of the body's JSON.
    pub(crate) raw_body: Option<String>,
    pub(crate) method: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// Something of a request that can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The parameter with this index.
    Parameter(usize),
    /// The value at this JSON pointer of the body.
    Body(String),
}

/// Fields of a body that are offered as inputs: more are variations of the same.
const MAX_BODY_INPUTS: usize = 40;

impl<'a> Case<'a> {
    /// The usual request, with the variables of a user.
    pub(crate) fn usual(operation: &'a Operation, variables: &Variables) -> Self {
        let parameters = operation.parameters.iter().map(|parameter| {
            // A variable of the parameter's own name is about an object that is known to be there.
            let known = (parameter.place == Place::Path).then(|| variables.get(&parameter.name)).flatten();
            known.map(str::to_owned).or_else(|| Some(text(&filled(parameter.value.as_ref()?, variables))))
        });
        Self {
            operation,
            parameters: parameters.collect(),
            more: Vec::new(),
            body: operation.body.as_ref().map(|body| filled(&body.value, variables)),
            raw_body: None,
            method: operation.method.clone(),
            headers: Vec::new(),
        }
    }

    /// What can be changed: parameters (those left out, too) and the single values of the body.
    pub(crate) fn inputs(&self) -> Vec<Input> {
        let mut inputs: Vec<Input> = (0..self.operation.parameters.len()).map(Input::Parameter).collect();
        let mut pointers = Vec::new();
        if let Some(body) = &self.body {
            leaves(body, "", &mut pointers);
        }
        inputs.extend(pointers.into_iter().take(MAX_BODY_INPUTS).map(Input::Body));
        inputs
    }

    /// What reports call an input.
    pub(crate) fn label(&self, input: &Input) -> String {
        match input {
            Input::Parameter(index) => match self.operation.parameters.get(*index) {
                Some(parameter) => format!("{} parameter `{}`", place(parameter.place), parameter.name),
                None => "a parameter".to_owned(),
            },
            Input::Body(pointer) => format!("body field `{pointer}`"),
        }
    }

    /// The value of an input as text; empty when it is left out.
    pub(crate) fn value(&self, input: &Input) -> String {
        match input {
            Input::Parameter(index) => self.parameters.get(*index).cloned().flatten().unwrap_or_default(),
            Input::Body(pointer) => {
                self.body.as_ref().and_then(|body| body.pointer(pointer)).map(text).unwrap_or_default()
            }
        }
    }

    /// The value of a field of the body; None for anything else.
    pub(crate) fn body_value(&self, input: &Input) -> Option<&Value> {
        match input {
            Input::Parameter(_) => None,
            Input::Body(pointer) => self.body.as_ref()?.pointer(pointer),
        }
    }

    /// The schema of a parameter that has one.
    pub(crate) fn parameter_schema(&self, input: &Input) -> Option<&'a Value> {
        let Input::Parameter(index) = input else { return None };
        let schema = &self.operation.parameters.get(*index)?.schema;
        Some(schema).filter(|schema| schema.as_object().is_some_and(|map| !map.is_empty()))
    }

    /// The name of a header that must be there.
    pub(crate) fn required_header(&self, input: &Input) -> Option<&'a str> {
        let Input::Parameter(index) = input else { return None };
        let parameter = self.operation.parameters.get(*index)?;
        (parameter.place == Place::Header && parameter.required).then_some(&parameter.name)
    }

    /// Whether an input stands in the path.
    pub(crate) fn is_in_path(&self, input: &Input) -> bool {
        let Input::Parameter(index) = input else { return false };
        self.operation.parameters.get(*index).is_some_and(|parameter| parameter.place == Place::Path)
    }

    /// The same request with another text for an input.
    pub(crate) fn with(&self, input: &Input, value: impl Into<String>) -> Self {
        let value = value.into();
        match input {
            Input::Parameter(_) => {
                let mut changed = self.clone();
                changed.set_parameter(input, Some(value));
                changed
            }
            Input::Body(_) => self.with_json(input, Value::String(value)),
        }
    }

    /// The same request with another value for an input; parameters are written as text.
    pub(crate) fn with_json(&self, input: &Input, value: Value) -> Self {
        let mut changed = self.clone();
        match input {
            Input::Parameter(_) => changed.set_parameter(input, Some(text(&value))),
            Input::Body(pointer) => {
                if let Some(place) = changed.body.as_mut().and_then(|body| body.pointer_mut(pointer)) {
                    *place = value;
                }
            }
        }
        changed
    }

    /// The same request without an input.
    pub(crate) fn without(&self, input: &Input) -> Self {
        let mut changed = self.clone();
        match input {
            Input::Parameter(_) => changed.set_parameter(input, None),
            Input::Body(pointer) => {
                let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
                let key = key.replace("~1", "/").replace("~0", "~");
                if let Some(Value::Object(map)) =
                    changed.body.as_mut().and_then(|body| body.pointer_mut(parent))
                {
                    map.shift_remove(&key);
                }
            }
        }
        changed
    }

    /// The same request with a value by name: of a parameter, of a field of the body, or of one that no document
    /// speaks of, which becomes a query parameter, or a field of a body where there is one.
    pub(crate) fn named(&self, name: &str, value: &Value) -> Self {
        if let Some(index) = self.parameter(name) {
            return self.with_json(&Input::Parameter(index), value.clone());
        }
        let mut changed = self.clone();
        match &mut changed.body {
            Some(Value::Object(map)) => {
                map.insert(name.to_owned(), value.clone());
            }
            _ => changed.more.push((Place::Query, name.to_owned(), text(value))),
        }
        changed
    }

    /// Index of a parameter by its name.
    pub(crate) fn parameter(&self, name: &str) -> Option<usize> {
        self.operation.parameters.iter().position(|parameter| parameter.name == name)
    }

    fn set_parameter(&mut self, input: &Input, value: Option<String>) {
        if let Input::Parameter(index) = input
            && let Some(place) = self.parameters.get_mut(*index)
        {
            *place = value;
        }
    }

    /// The request with every value in its place, with a caller's credentials; none: nobody's.
    pub(crate) fn call(&self, caller: Option<&Variables>) -> Call {
        let mut path = self.operation.path.clone();
        let (mut query, mut cookies, mut headers) = (Vec::new(), Vec::new(), Vec::new());
        let known = self.operation.parameters.iter().zip(&self.parameters);
        let known = known.filter_map(|(parameter, value)| {
            Some((parameter.place, parameter.name.as_str(), value.as_deref()?.to_owned()))
        });
        let more = self.more.iter().map(|(place, name, value)| (*place, name.as_str(), value.clone()));
        let none = Variables::default();
        let credentials = caller.map(|caller| {
            let value = |template: &str| filled_text(template, caller);
            self.operation
                .credentials
                .iter()
                .map(move |one| (one.place, one.name.as_str(), value(&one.value)))
        });
        for (place, name, value) in known.chain(more).chain(credentials.into_iter().flatten()) {
            match place {
                Place::Path => path = path.replace(&format!("{{{name}}}"), &segment(&value)),
                Place::Query => query.push(format!("{}={}", encoded(name), encoded_but_secrets(&value))),
                Place::Header => headers.push((name.to_owned(), header_value(&value))),
                Place::Cookie => cookies.push(format!("{name}={}", encoded_but_secrets(&value))),
            }
        }
        if !cookies.is_empty() {
            headers.push(("Cookie".to_owned(), cookies.join("; ")));
        }
        let accepted = accepted(self.operation);
        if !accepted.is_empty() {
            headers.push(("Accept".to_owned(), accepted));
        }
        headers.extend(self.operation.headers.iter().cloned());
        let body = match (&self.raw_body, &self.body) {
            (Some(raw), _) => Some(raw.clone()),
            (None, Some(body)) => {
                let media_type = self.operation.body.as_ref().map(|body| body.media_type.as_str());
                Some(body_text(media_type.unwrap_or_default(), &filled(body, caller.unwrap_or(&none))))
            }
            (None, None) => None,
        };
        if let Some(body) = self.operation.body.as_ref().filter(|_| body.is_some()) {
            headers.push(("Content-Type".to_owned(), body.media_type.clone()));
        }
        let target = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        let call =
            Call { name: self.operation.name.clone(), method: self.method.clone(), target, headers, body };
        self.headers.iter().fold(call, |call, (name, value)| call.header(name, value.clone()))
    }
}

/// A body as its media type writes it: a form, or JSON.
pub(crate) fn body_text(media_type: &str, body: &Value) -> String {
    match body {
        Value::Object(map) if media_type.eq_ignore_ascii_case(crate::catalogue::FORM) => {
            let written = |value: &str| {
                let inside = value.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
                let is_variable = inside.is_some_and(|name| {
                    name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:#.-".contains(&b))
                });
                if is_variable { value.to_owned() } else { encoded(value) }
            };
            let fields =
                map.iter().map(|(name, value)| format!("{}={}", encoded(name), written(&text(value))));
            fields.collect::<Vec<_>>().join("&")
        }
        body => body.to_string(),
    }
}

/// Media types of all answers, each once, for the `Accept` header.
pub(crate) fn accepted(operation: &Operation) -> String {
    let mut types: Vec<&str> = Vec::new();
    for content in operation.answers.iter().flat_map(|answer| &answer.contents) {
        if !types.contains(&content.media_type.as_str()) {
            types.push(&content.media_type);
        }
    }
    types.join(", ")
}

const fn place(place: Place) -> &'static str {
    match place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
        Place::Cookie => "cookie",
    }
}

/// JSON pointers of the single values of a body.
fn leaves(value: &Value, pointer: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                leaves(value, &format!("{pointer}/{key}"), out);
            }
        }
        Value::Array(items) => {
            if let Some(first) = items.first() {
                leaves(first, &format!("{pointer}/0"), out);
            }
        }
        _ if pointer.is_empty() => {}
        _ => out.push(pointer.to_owned()),
    }
}

/// A value with its variables replaced: `{{name}}` in a text, and a text that is only `{{#name}}` as the JSON it holds.
pub(crate) fn filled(value: &Value, variables: &Variables) -> Value {
    match value {
        Value::String(text) => {
            let raw = text.strip_prefix("{{#").and_then(|rest| rest.strip_suffix("}}"));
            match raw.and_then(|name| variables.get(name)) {
                Some(raw) => stresshost_sdk::serde_json::from_str(raw)
                    .unwrap_or_else(|_| Value::String(raw.to_owned())),
                None => Value::String(filled_text(text, variables)),
            }
        }
        Value::Array(items) => items.iter().map(|item| filled(item, variables)).collect(),
        Value::Object(map) => {
            let filled: Map<_, _> =
                map.iter().map(|(key, value)| (key.clone(), filled(value, variables))).collect();
            Value::Object(filled)
        }
        other => other.clone(),
    }
}

/// A text with its variables replaced; those that are not known stay, as do names of secrets.
pub(crate) fn filled_text(template: &str, variables: &Variables) -> String {
    let (mut out, mut rest) = (String::with_capacity(template.len()), template);
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        match after.split_once("}}") {
            Some((name, after)) => {
                match variables.get(name.trim_start_matches('#')) {
                    Some(value) => out.push_str(value),
                    None => out.push_str(&format!("{{{{{name}}}}}")),
                }
                rest = after;
            }
            None => {
                out.push_str("{{");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// A value as the simple style writes it (OpenAPI 3.1, 4.8.12.3): lists with commas between.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Percent-encodes all but the unreserved characters (RFC 3986, 2.3).
pub(crate) fn encoded(text: &str) -> String {
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

/// A segment of a path. One that is empty or a dot would make the URL another one.
fn segment(text: &str) -> String {
    match text {
        "" => "%20".to_owned(),
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        text => encoded(text),
    }
}

/// The same as [`encoded`], but the host's names of secrets stay as they are: it encodes the values itself.
pub(crate) fn encoded_but_secrets(text: &str) -> String {
    let is_secret = text.starts_with("{{secret:") && text.ends_with("}}");
    if is_secret { text.to_owned() } else { encoded(text) }
}

/// A value without what would end the header (RFC 9110, 5.5).
fn header_value(text: &str) -> String {
    text.chars().map(|c| if c == '\t' || (!c.is_control() && c.is_ascii()) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;
    use crate::document::{Body, Credential, Parameter};

    fn operation() -> Operation {
        let parameter = |name: &str, place, value| Parameter {
            name: name.into(),
            place,
            required: true,
            schema: json!({}),
            value,
        };
        Operation {
            name: "POST /u/{id}".into(),
            method: "POST".into(),
            path: "/u/{id}".into(),
            parameters: vec![
                parameter("id", Place::Path, Some(json!(7))),
                parameter("q", Place::Query, Some(json!("{{word}} &"))),
                parameter("X-A", Place::Header, None),
            ],
            body: Some(Body {
                media_type: "application/json".into(),
                schema: None,
                value: json!({ "name": "{{word}}", "count": "{{#number}}", "in": { "a/b": [1, 2] } }),
            }),
            credentials: vec![Credential {
                place: Place::Header,
                name: "Authorization".into(),
                value: "Bearer {{token}}".into(),
            }],
            ..Operation::default()
        }
    }

    fn variables() -> Variables {
        let mut variables = Variables::default();
        for (name, value) in [("word", "lamp"), ("number", "5"), ("token", "t-1")] {
            variables.set(name, value);
        }
        variables
    }

    #[test]
    fn the_usual_request_has_the_users_values() {
        let (operation, mut variables) = (operation(), variables());
        let call = Case::usual(&operation, &variables).call(Some(&variables));
        assert_eq!(call.target, "/u/7?q=lamp%20%26");
        assert_eq!(call.body.as_deref(), Some(r#"{"name":"lamp","count":5,"in":{"a/b":[1,2]}}"#));
        let header = |call: &Call, name: &str| {
            call.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        assert_eq!(header(&call, "Authorization").as_deref(), Some("Bearer t-1"));
        variables.set("id", "9/9");
        let call = Case::usual(&operation, &variables).call(None);
        assert_eq!((call.target.as_str(), header(&call, "Authorization")), ("/u/9%2F9?q=lamp%20%26", None));
    }

    #[test]
    fn every_input_can_be_changed_and_left_out() {
        let operation = operation();
        let case = Case::usual(&operation, &variables());
        let inputs = case.inputs();
        let labels: Vec<String> = inputs.iter().map(|input| case.label(input)).collect();
        assert_eq!(
            labels,
            [
                "path parameter `id`",
                "query parameter `q`",
                "header parameter `X-A`",
                "body field `/name`",
                "body field `/count`",
                "body field `/in/a~1b/0`"
            ]
        );
        for input in &inputs {
            let changed = case.with(input, "it's");
            assert_ne!(changed.call(None), case.call(None), "{input:?}");
            assert_eq!(changed.value(input), "it's");
        }
        assert_eq!(case.with(&inputs[0], "..").call(None).target, "/u/%2E%2E?q=lamp%20%26");
        assert_eq!(case.without(&inputs[1]).call(None).target, "/u/7");
        assert_eq!(case.without(&inputs[3]).body, Some(json!({ "count": 5, "in": { "a/b": [1, 2] } })));
        assert_eq!(case.named("q", &json!(3)).value(&inputs[1]), "3");
        assert_eq!(case.named("extra", &json!(true)).body.unwrap()["extra"], json!(true));
        let header = case.with(&inputs[2], "a\r\nb: c").call(None).headers[0].1.clone();
        assert_eq!(header, "a??b: c", "a value cannot add a header");
    }

    #[test]
    fn texts_without_variables_stay_as_they_are() {
        for (template, expected) in [
            ("{{word}}{{word}}", "lamplamp"),
            ("{{unknown}} {{secret:t}}", "{{unknown}} {{secret:t}}"),
            ("{{", "{{"),
            ("}} {{word", "}} {{word"),
        ] {
            assert_eq!(filled_text(template, &variables()), expected);
        }
    }
}
