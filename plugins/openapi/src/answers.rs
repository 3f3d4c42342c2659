//! Reading what an operation may answer.

use serde_json::Value;

use crate::pointer::child;
use crate::read::Reader;
use crate::schema::Side;
use crate::spec::{Header, Link, LinkTarget, Response, Status};

impl<'a> Reader<'a> {
    /// The answers of an operation, and where they lead.
    pub(crate) fn responses(&mut self, operation: &'a Value, pointer: &str) -> (Vec<Response>, Vec<Link>) {
        let pointer = child(pointer, "responses");
        let (mut read, mut links) = (Vec::new(), Vec::new());
        for (code, node) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
            let pointer = child(&pointer, code);
            if code.starts_with("x-") {
                continue;
            }
            let Some(status) = status(code) else {
                self.problem(&pointer, format!("`{code}` is no status: 100 to 599, `4XX` or `default`"));
                continue;
            };
            let Some(node) = self.follow(node, &pointer) else { continue };
            let contents = self.contents(node, &pointer, Side::Response);
            let headers = self.headers(node, &pointer);
            self.links(node, &pointer, status, &mut links);
            read.push(Response { status, contents, headers });
        }
        (read, links)
    }

    fn headers(&mut self, response: &'a Value, pointer: &str) -> Vec<Header> {
        let pointer = child(pointer, "headers");
        let mut read = Vec::new();
        for (name, node) in response.get("headers").and_then(Value::as_object).into_iter().flatten() {
            let pointer = child(&pointer, name);
            let Some(node) = self.follow(node, &pointer) else { continue };
            let required = node.get("required") == Some(&Value::Bool(true));
            let Some(schema) = node.get("schema") else { continue };
            let Some(schema) = self.schema(schema, &child(&pointer, "schema"), Side::Response) else {
                continue;
            };
            read.push(Header { name: name.clone(), required, schema });
        }
        read
    }

    fn links(&mut self, response: &'a Value, pointer: &str, status: Status, links: &mut Vec<Link>) {
        let pointer = child(pointer, "links");
        for (name, node) in response.get("links").and_then(Value::as_object).into_iter().flatten() {
            let pointer = child(&pointer, name);
            let Some(node) = self.follow(node, &pointer) else { continue };
            let text = |key: &str| node.get(key).and_then(Value::as_str).map(str::to_owned);
            let target = text("operationId").map(LinkTarget::Id);
            let Some(target) =
                target.or_else(|| text("operationRef").map(|to| LinkTarget::Pointer(self.in_paths(to))))
            else {
                self.problem(&pointer, "a link has an `operationId` or an `operationRef`");
                continue;
            };
            let parameters = node.get("parameters").and_then(Value::as_object).into_iter().flatten();
            let parameters = parameters.map(|(name, value)| (name.clone(), expression(value))).collect();
            let body = node.get("requestBody").cloned();
            links.push(Link { name: name.clone(), status, target, parameters, body });
        }
    }

    /// A reference to an operation by its path, also where it names the place that the path refers to.
    fn in_paths(&self, reference: String) -> String {
        let found = reference.rsplit_once('/').and_then(|(item, method)| {
            let is_it = |node: &Value| node.get("$ref").and_then(Value::as_str) == Some(item);
            let (path, _) = self.root().get("paths")?.as_object()?.iter().find(|(_, node)| is_it(node))?;
            Some(format!("#{}", child(&child("/paths", path), method)))
        });
        found.unwrap_or(reference)
    }
}

/// A runtime expression, or a constant as it would be written.
fn expression(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn status(code: &str) -> Option<Status> {
    if code == "default" {
        return Some(Status::Default);
    }
    if let [hundred @ b'1'..=b'5', b'X' | b'x', b'X' | b'x'] = code.as_bytes() {
        return Some(Status::Hundred(u16::from(hundred - b'0')));
    }
    code.parse().ok().filter(|code| (100..600).contains(code)).map(Status::Exact)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::read;

    #[test]
    fn answers_have_their_examples_and_lead_on() {
        let (spec, problems) = read(&json!({ "openapi": "3.1.0", "paths": {
            "/pets": { "post": { "operationId": "make", "summary": "Makes a pet", "tags": ["pets", "new"], "responses": {
                "201": {
                    "content": { "application/json": { "examples": {
                        "far": { "externalValue": "far.json" }, "near": { "value": { "id": 7 } } } } },
                    "links": {
                        "one": { "operationId": "one", "parameters": { "path.id": "$response.body#/id", "limit": 5 } },
                        "same": { "$ref": "#/components/links/Same" },
                        "moved": { "operationRef": "#/components/pathItems/Other/get" },
                        "none": { "operationId": "elsewhere" },
                        "odd": {} } },
                "2XX": { "content": { "application/json": { "schema": { "example": 1 } } } } } } },
            "/pets/{id}": { "get": { "operationId": "one", "parameters": [
                { "name": "id", "in": "path" }, { "name": "limit", "in": "query", "deprecated": true }] } },
            "/other": { "$ref": "#/components/pathItems/Other" } },
            "components": { "pathItems": { "Other": { "get": {} } }, "links": { "Same": { "operationRef": "#/paths/~1pets~1%7Bid%7D/get", "requestBody": "$request.body" } } } }))
        .unwrap();
        let [make, one, other] = &spec.operations[..] else { panic!("{:?}", spec.operations) };
        assert_eq!(
            (make.summary.as_deref(), &make.tags[..]),
            (Some("Makes a pet"), &["pets".to_owned(), "new".to_owned()][..])
        );
        let examples: Vec<_> =
            make.responses.iter().map(|response| response.contents[0].example.clone()).collect();
        assert_eq!(examples, [Some(json!({ "id": 7 })), Some(json!(1))]);
        assert_eq!(one.parameters.iter().map(|one| one.deprecated).collect::<Vec<_>>(), [false, true]);
        let [first, same, moved, none] = &make.links[..] else { panic!("{:?}", make.links) };
        assert_eq!((first.name.as_str(), first.status), ("one", Status::Exact(201)));
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(first.parameters, [pair("path.id", "$response.body#/id"), pair("limit", "5")]);
        assert_eq!(same.body, Some(json!("$request.body")));
        assert_eq!([first, same, moved].map(|link| spec.linked(link)), [Some(one), Some(one), Some(other)]);
        assert_eq!(spec.linked(none), None);
        let places: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(places, ["/paths/~1pets/post/responses/201/links/odd"]);
    }
}
