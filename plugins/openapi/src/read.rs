//! Reading a document.

use serde_json::{Map, Value};
use stresshost_plan::Problem;

use crate::pointer::child;
use crate::schema::{Side, standalone};
use crate::spec::{Body, Content, Operation, Parameter, Place, Scheme, Spec, Version};
use crate::{MAX_OPERATIONS, MAX_PROBLEMS, reference};

/// Methods that a path item may have.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Reads a document. The problems are those of parts that were left out; they point into the document.
///
/// # Errors
/// When it is no OpenAPI 3.0 or 3.1 at all.
pub fn read(document: &Value) -> Result<(Spec, Vec<Problem>), Problem> {
    let version = version(document)?;
    let mut reader = Reader { root: document, version, problems: Vec::new() };
    let text =
        |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let spec = Spec {
        title: text("/info/title"),
        version: text("/info/version"),
        openapi: version,
        servers: reader.servers(),
        schemes: reader.schemes(),
        operations: reader.operations(),
    };
    Ok((spec, capped(reader.problems)))
}

/// The first problems, and how many more there are.
pub(crate) fn capped(mut problems: Vec<Problem>) -> Vec<Problem> {
    if problems.len() > MAX_PROBLEMS {
        let more = problems.len() - MAX_PROBLEMS;
        problems.truncate(MAX_PROBLEMS);
        problems.push(Problem::new("", format!("{more} more problems")));
    }
    problems
}

fn version(document: &Value) -> Result<Version, Problem> {
    match document.get("openapi").and_then(Value::as_str) {
        Some(text) if text.starts_with("3.0") => Ok(Version::V30),
        Some(text) if text.starts_with("3.1") => Ok(Version::V31),
        Some(text) => {
            Err(Problem::new("/openapi", format!("OpenAPI `{text}` is not read")).hint("use 3.0 or 3.1"))
        }
        None if document.get("swagger").is_some() => Err(Problem::new("/swagger", "Swagger 2.0 is not read")
            .hint("convert it to OpenAPI 3 first, such as with swagger2openapi")),
        None => Err(Problem::new("", "this is no OpenAPI document: it has no `openapi`")),
    }
}

pub(crate) struct Reader<'a> {
    root: &'a Value,
    version: Version,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(crate) fn problem(&mut self, pointer: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(pointer, message));
    }

    pub(crate) fn root(&self) -> &'a Value {
        self.root
    }

    /// What a node stands for; a reference that leads nowhere is a problem.
    pub(crate) fn follow(&mut self, node: &'a Value, pointer: &str) -> Option<&'a Value> {
        match reference::follow(self.root, node) {
            Ok((node, _)) => Some(node),
            Err(error) => {
                self.problem(pointer, error.to_string());
                None
            }
        }
    }

    pub(crate) fn schema(&mut self, node: &Value, pointer: &str, side: Side) -> Option<Value> {
        match standalone(self.root, self.version, node, pointer, side) {
            Ok(schema) => Some(schema),
            Err(error) => {
                self.problem(&error.pointer, error.message);
                None
            }
        }
    }

    fn servers(&mut self) -> Vec<String> {
        let list = self.root.get("servers").and_then(Value::as_array);
        let url = |server: &Value| {
            let mut url = server.get("url")?.as_str()?.to_owned();
            for (name, variable) in server.get("variables").and_then(Value::as_object).into_iter().flatten() {
                let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
                url = url.replace(&format!("{{{name}}}"), default);
            }
            Some(url)
        };
        list.into_iter().flatten().filter_map(url).collect()
    }

    fn schemes(&mut self) -> Vec<(String, Scheme)> {
        let Some(schemes) = self.root.pointer("/components/securitySchemes").and_then(Value::as_object)
        else {
            return Vec::new();
        };
        let mut read = Vec::new();
        for (name, node) in schemes {
            let pointer = child("/components/securitySchemes", name);
            let Some(node) = self.follow(node, &pointer) else { continue };
            let text = |key: &str| node.get(key).and_then(Value::as_str).unwrap_or_default();
            let scheme = match (text("type"), text("scheme").to_ascii_lowercase().as_str()) {
                ("http", "bearer") => Scheme::Bearer,
                ("http", "basic") => Scheme::Basic,
                ("apiKey", _) => match place(text("in")) {
                    Some(place) => Scheme::ApiKey { place, name: text("name").to_owned() },
                    None => {
                        self.problem(&pointer, "an API key is `in` a header, the query or a cookie");
                        continue;
                    }
                },
                ("oauth2", _) => {
                    let token_url = node.pointer("/flows/clientCredentials/tokenUrl").and_then(Value::as_str);
                    match token_url {
                        Some(url) => Scheme::ClientCredentials { token_url: url.to_owned() },
                        None => Scheme::Other("oauth2".to_owned()),
                    }
                }
                (kind, _) => Scheme::Other(kind.to_owned()),
            };
            read.push((name.clone(), scheme));
        }
        read
    }

    fn operations(&mut self) -> Vec<Operation> {
        let mut operations = Vec::new();
        let Some(paths) = self.root.get("paths").and_then(Value::as_object) else {
            self.problem("/paths", "the document has no paths");
            return operations;
        };
        for (path, item) in paths {
            let pointer = child("/paths", path);
            if path.starts_with("x-") {
                continue;
            }
            if !path.starts_with('/') {
                self.problem(&pointer, format!("path `{path}` does not begin with `/`"));
                continue;
            }
            let Some(item) = self.follow(item, &pointer) else { continue };
            for method in METHODS {
                let Some(node) = item.get(method) else { continue };
                if operations.len() >= MAX_OPERATIONS {
                    self.problem("/paths", format!("only the first {MAX_OPERATIONS} operations are read"));
                    return operations;
                }
                let pointer = child(&pointer, method);
                operations.extend(self.operation(method, path, item, node, &pointer));
            }
        }
        operations
    }

    fn operation(
        &mut self,
        method: &str,
        path: &str,
        item: &'a Value,
        node: &'a Value,
        pointer: &str,
    ) -> Option<Operation> {
        if !node.is_object() {
            self.problem(pointer, "an operation is an object");
            return None;
        }
        let before = self.problems.len();
        let mut parameters = self.parameters(item, pointer.rsplit_once('/').map_or("", |(parent, _)| parent));
        for own in self.parameters(node, pointer) {
            parameters.retain(|other: &Parameter| (other.place, &other.name) != (own.place, &own.name));
            parameters.push(own);
        }
        let body = node.get("requestBody").and_then(|body| self.body(body, &child(pointer, "requestBody")));
        // A part of the request that cannot be read leaves nothing that could be sent.
        let is_whole = self.problems.len() == before;
        let (responses, links) = self.responses(node, pointer);
        let defined = |name: &str| parameters.iter().any(|one| one.place == Place::Path && one.name == name);
        let missing: Vec<&str> = placeholders(path).filter(|name| !defined(name)).collect();
        if !missing.is_empty() {
            self.problem(pointer, format!("no parameter describes {} of `{path}`", missing.join(" and ")));
        }
        let security = node.get("security").or_else(|| self.root.get("security"));
        let text = |key: &str| node.get(key).and_then(Value::as_str).map(str::to_owned);
        let tags = node.get("tags").and_then(Value::as_array).into_iter().flatten();
        (is_whole && missing.is_empty()).then(|| Operation {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            id: text("operationId"),
            summary: text("summary"),
            tags: tags.filter_map(Value::as_str).map(str::to_owned).collect(),
            pointer: pointer.to_owned(),
            deprecated: node.get("deprecated") == Some(&Value::Bool(true)),
            parameters,
            body,
            responses,
            links,
            security: ways(security),
        })
    }

    fn parameters(&mut self, owner: &'a Value, pointer: &str) -> Vec<Parameter> {
        let list = owner.get("parameters").and_then(Value::as_array);
        let pointer = child(pointer, "parameters");
        let mut read = Vec::new();
        for (index, node) in list.into_iter().flatten().enumerate() {
            let pointer = child(&pointer, &index.to_string());
            let Some(node) = self.follow(node, &pointer) else { continue };
            let name = node.get("name").and_then(Value::as_str);
            let place = node.get("in").and_then(Value::as_str).and_then(place);
            let (Some(name), Some(place)) = (name, place) else {
                self.problem(&pointer, "a parameter has a `name` and is `in` path, query, header or cookie");
                continue;
            };
            let content =
                node.get("content").and_then(Value::as_object).and_then(|content| content.values().next());
            let schema = node.get("schema").or_else(|| content?.get("schema"));
            let empty = Value::Object(Map::new());
            let Some(schema) =
                self.schema(schema.unwrap_or(&empty), &child(&pointer, "schema"), Side::Request)
            else {
                continue;
            };
            let is_true = |key: &str| node.get(key) == Some(&Value::Bool(true));
            let (required, deprecated) = (place == Place::Path || is_true("required"), is_true("deprecated"));
            let example = self.given_example(node);
            read.push(Parameter { name: name.to_owned(), place, required, deprecated, schema, example });
        }
        read
    }

    fn body(&mut self, node: &'a Value, pointer: &str) -> Option<Body> {
        let node = self.follow(node, pointer)?;
        let required = node.get("required") == Some(&Value::Bool(true));
        Some(Body { required, contents: self.contents(node, pointer, Side::Request) })
    }

    pub(crate) fn contents(&mut self, owner: &'a Value, pointer: &str, side: Side) -> Vec<Content> {
        let mut read = Vec::new();
        for (media_type, node) in owner.get("content").and_then(Value::as_object).into_iter().flatten() {
            let pointer = child(&child(pointer, "content"), media_type);
            let Some(node) = self.follow(node, &pointer) else { continue };
            let schema =
                node.get("schema").map(|schema| self.schema(schema, &child(&pointer, "schema"), side));
            let (media_type, example) = (media_type.clone(), self.given_example(node));
            if let Some(None) = schema {
                continue;
            }
            read.push(Content { media_type, schema: schema.flatten(), example });
        }
        read
    }

    /// The example that stands beside a schema, or in it.
    fn given_example(&mut self, node: &'a Value) -> Option<Value> {
        if let Some(example) = node.get("example") {
            return Some(example.clone());
        }
        let named = node.get("examples").and_then(Value::as_object).into_iter().flatten();
        let value = |named| reference::follow(self.root, named).ok()?.0.get("value");
        // One that lies elsewhere (`externalValue`) has no value here.
        if let Some(value) = named.map(|(_, named)| named).find_map(value) {
            return Some(value.clone());
        }
        let (schema, _) = reference::follow(self.root, node.get("schema")?).ok()?;
        let listed = schema.get("examples").and_then(Value::as_array).and_then(|examples| examples.first());
        schema.get("example").or(listed).cloned()
    }
}

/// Names in braces of a path.
pub(crate) fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

fn place(text: &str) -> Option<Place> {
    Some(match text {
        "path" => Place::Path,
        "query" => Place::Query,
        "header" => Place::Header,
        "cookie" => Place::Cookie,
        _ => return None,
    })
}

fn ways(security: Option<&Value>) -> Vec<Vec<String>> {
    let list = security.and_then(Value::as_array).into_iter().flatten();
    list.map(|way| way.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(paths: Value) -> Value {
        json!({ "openapi": "3.0.3", "info": { "title": "Shop", "version": "2" }, "paths": paths,
            "components": { "parameters": { "Id": { "name": "id", "in": "path", "schema": { "type": "integer" } } } } })
    }

    #[test]
    fn an_operation_has_what_its_path_says_too() {
        let (spec, problems) = read(&document(json!({ "/p/{id}": {
            "parameters": [{ "$ref": "#/components/parameters/Id" }, { "name": "q", "in": "query" }],
            "get": { "operationId": "one", "deprecated": true,
                "parameters": [{ "name": "q", "in": "query", "required": true, "example": 5 }],
                "responses": { "200": { "content": { "application/json": { "schema": { "type": "object" } } },
                    "headers": { "X-Rate": { "required": true, "schema": { "type": "integer" } } } }, "4XX": {} } }
        } })))
        .unwrap();
        assert_eq!(problems, []);
        let [operation] = &spec.operations[..] else { panic!("{:?}", spec.operations) };
        assert_eq!((operation.name().as_str(), operation.id.as_deref()), ("GET /p/{id}", Some("one")));
        assert_eq!(operation.pointer, "/paths/~1p~1{id}/get");
        let parameters: Vec<_> =
            operation.parameters.iter().map(|one| (one.name.as_str(), one.place, one.required)).collect();
        assert_eq!(parameters, [("id", Place::Path, true), ("q", Place::Query, true)]);
        assert_eq!(operation.parameters[1].example, Some(json!(5)));
        assert_eq!(operation.responses.len(), 2);
        assert!(operation.response(200).unwrap().headers[0].required && operation.deprecated);
    }

    #[test]
    fn what_is_wrong_has_a_place_and_the_rest_is_read() {
        let (spec, problems) = read(&document(json!({
            "/good": { "get": { "responses": { "200": {} } } },
            "nothing": {},
            "/a/{id}": { "get": { "responses": {} } },
            "/b": { "post": { "requestBody": { "$ref": "#/components/requestBodies/None" }, "responses": {} } },
            "/c": { "get": { "responses": { "2000": {}, "200": { "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/None" } } } } } } },
            "/d": { "get": 5 },
        })))
        .unwrap();
        let names: Vec<_> = spec.operations.iter().map(Operation::name).collect();
        assert_eq!(names, ["GET /good", "GET /c"]);
        let mut told: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                "/paths/nothing",
                "/paths/~1a~1{id}/get",
                "/paths/~1b/post/requestBody",
                "/paths/~1c/get/responses/200/content/application~1json/schema",
                "/paths/~1c/get/responses/2000",
                "/paths/~1d/get",
            ]
        );
    }

    #[test]
    fn security_and_servers_are_read() {
        let (spec, problems) = read(&json!({ "openapi": "3.1.0", "security": [{ "token": [] }],
            "servers": [{ "url": "https://{region}.test/v1", "variables": { "region": { "default": "eu" } } }],
            "components": { "securitySchemes": {
                "token": { "type": "http", "scheme": "Bearer" },
                "key": { "type": "apiKey", "in": "header", "name": "X-Key" },
                "client": { "type": "oauth2", "flows": { "clientCredentials": { "tokenUrl": "/token" } } },
                "odd": { "type": "apiKey", "in": "body" } } },
            "paths": { "/a": { "get": {}, "post": { "security": [] } } } }))
        .unwrap();
        assert_eq!((spec.openapi, &spec.servers[..]), (Version::V31, &["https://eu.test/v1".to_owned()][..]));
        assert_eq!(spec.schemes.len(), 3);
        assert_eq!(problems.len(), 1, "{problems:?}");
        let needs: Vec<_> = spec.operations.iter().map(Operation::needs_auth).collect();
        assert_eq!(needs, [true, false]);
    }

    #[test]
    fn other_documents_are_named_for_what_they_are() {
        for (document, told) in [
            (json!({ "swagger": "2.0" }), "Swagger 2.0 is not read"),
            (json!({ "openapi": "4.0.0" }), "OpenAPI `4.0.0` is not read"),
            (json!({ "services": [] }), "this is no OpenAPI document"),
            (json!([]), "this is no OpenAPI document"),
        ] {
            assert!(read(&document).unwrap_err().message.contains(told), "{document}");
        }
    }
}
