//! Documents over several files as one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use stresshost_plan::Problem;

use crate::pointer::{self, child};
use crate::read::capped;

/// Where the other files stand in the bundled document.
const FILES: &str = "x-files";

/// Keys whose value is data and no part of the document, whatever it looks like.
const DATA: [&str; 5] = ["example", "default", "enum", "const", "value"];

/// Keys whose value maps names to parts, so that a name may look like a keyword: a response is called `default`.
const NAMES: [&str; 18] = [
    "properties",
    "patternProperties",
    "dependentSchemas",
    "$defs",
    "definitions",
    "schemas",
    "responses",
    "parameters",
    "examples",
    "requestBodies",
    "headers",
    "securitySchemes",
    "links",
    "callbacks",
    "pathItems",
    "paths",
    "content",
    "variables",
];

/// Puts the files that a document refers to into it, each once, below `/x-files`, and makes references to them internal.
///
/// Names are paths with `/` relative to one directory, `root_name` among them; `files` has them without `.` and `..`. The
/// problems are those of references that could not be made internal; they point into the bundled document.
pub fn bundle(mut root: Value, root_name: &str, files: &BTreeMap<String, Value>) -> (Value, Vec<Problem>) {
    let root_name = normalised("", root_name).unwrap_or_else(|| root_name.to_owned());
    let mut bundler = Bundler {
        root_name: &root_name,
        files,
        seen: BTreeSet::new(),
        waiting: Vec::new(),
        problems: Vec::new(),
    };
    let is_taken = root.get(FILES).is_some();
    bundler.rewrite(&mut root, &root_name, "");
    let mut embedded = BTreeMap::new();
    while let Some(name) = bundler.waiting.pop() {
        let Some(mut file) = files.get(&name).cloned() else { continue };
        bundler.rewrite(&mut file, &name, &child(&format!("/{FILES}"), &name));
        embedded.insert(name, file);
    }
    let mut problems = bundler.problems;
    if !embedded.is_empty()
        && let Some(root) = root.as_object_mut()
    {
        if is_taken {
            let message =
                format!("`{FILES}` is where other files are put, and the document has one of its own");
            problems.push(Problem::new(format!("/{FILES}"), message).hint("rename it"));
        } else {
            root.insert(FILES.to_owned(), Value::Object(Map::from_iter(embedded)));
        }
    }
    (root, capped(problems))
}

/// The names of the files that a document refers to, each once, in the order of the document.
pub fn referenced_files(document: &Value, own_name: &str) -> Vec<String> {
    let own_name = normalised("", own_name).unwrap_or_else(|| own_name.to_owned());
    let mut names: Vec<String> = Vec::new();
    for (_, reference) in references(document) {
        if let Ok((name, _)) = locate(&reference, &own_name)
            && name != own_name
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

struct Bundler<'a> {
    root_name: &'a str,
    files: &'a BTreeMap<String, Value>,
    seen: BTreeSet<String>,
    /// Files that are referred to and not yet embedded.
    waiting: Vec<String>,
    problems: Vec<Problem>,
}

impl Bundler<'_> {
    /// Makes the references of one file internal. `base` is where the file stands in the bundled document.
    fn rewrite(&mut self, file: &mut Value, name: &str, base: &str) {
        for (place, reference) in references(file) {
            match self.internal(&reference, name) {
                Ok(internal) => {
                    if let Some(slot) = file.pointer_mut(&place) {
                        *slot = Value::String(internal);
                    }
                }
                Err(message) => self.problems.push(Problem::new(format!("{base}{place}"), message)),
            }
        }
    }

    fn internal(&mut self, reference: &str, own_name: &str) -> Result<String, String> {
        let (name, fragment) = locate(reference, own_name)?;
        if name == self.root_name {
            return Ok(format!("#{fragment}"));
        }
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return Err(format!("`{reference}` names an anchor of another file; use a JSON pointer"));
        }
        if !self.files.contains_key(&name) {
            return Err(format!("`{reference}` refers to the file `{name}`, which is not there"));
        }
        if self.seen.insert(name.clone()) {
            self.waiting.push(name.clone());
        }
        Ok(format!("#/{FILES}{}{fragment}", child("", &name).replace('%', "%25")))
    }
}

/// The file that a reference of `own_name` leads to, and the fragment in it.
fn locate(reference: &str, own_name: &str) -> Result<(String, String), String> {
    let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    if path.is_empty() {
        return Ok((own_name.to_owned(), fragment.to_owned()));
    }
    if is_url(path) {
        return Err(format!(
            "`{reference}` is a URL, and nothing is fetched; use a file beside the document"
        ));
    }
    let decoded = pointer::percent_decoded(path).unwrap_or_else(|| path.to_owned());
    let directory = own_name.rsplit_once('/').map_or("", |(directory, _)| directory);
    match normalised(directory, &decoded) {
        Some(name) => Ok((name, fragment.to_owned())),
        None => Err(format!("`{reference}` leads out of the directory of the document")),
    }
}

fn is_url(path: &str) -> bool {
    let scheme = path.split_once(':').map(|(scheme, _)| scheme);
    path.starts_with("//")
        || scheme.is_some_and(|scheme| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
        })
}

/// A path without `.` and `..`; none when it leads above the top.
fn normalised(directory: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Every reference of a document with the JSON pointer of its text.
fn references(document: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(document, "", false, &mut found);
    found
}

fn collect(node: &Value, pointer: &str, are_names: bool, found: &mut Vec<(String, String)>) {
    match node {
        Value::Object(map) => {
            for (key, value) in map {
                // The top of a file may map names to parts as well.
                let is_data = !pointer.is_empty()
                    && (DATA.contains(&key.as_str()) || (key == "examples" && value.is_array()));
                let at = child(pointer, key);
                match value {
                    _ if are_names => collect(value, &at, false, found),
                    Value::String(text) if key == "$ref" || key == "operationRef" => {
                        found.push((at, text.clone()));
                    }
                    _ if is_data => {}
                    _ => collect(value, &at, NAMES.contains(&key.as_str()), found),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &child(pointer, &index.to_string()), false, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Validator, read};

    fn files(list: Vec<(&str, Value)>) -> BTreeMap<String, Value> {
        list.into_iter().map(|(name, file)| (name.to_owned(), file)).collect()
    }

    #[test]
    fn references_become_internal() {
        let known =
            files(vec![("b.yaml", json!({ "x": 1 })), ("d/e f.json", json!({ "y": 2 })), ("50%", json!(3))]);
        for (own, from, to) in [
            ("a.yaml", "b.yaml#/x", "#/x-files/b.yaml/x"),
            ("a.yaml", "./d/../b.yaml", "#/x-files/b.yaml"),
            ("a.yaml", "b.yaml#", "#/x-files/b.yaml"),
            ("a.yaml", "d/e%20f.json#/y", "#/x-files/d~1e f.json/y"),
            ("a.yaml", "50%25", "#/x-files/50%25"),
            ("a.yaml", "#/z", "#/z"),
            ("a.yaml", "a.yaml#/z", "#/z"),
            ("d/a.yaml", "../b.yaml#/x", "#/x-files/b.yaml/x"),
            ("d/a.yaml", "e f.json", "#/x-files/d~1e f.json"),
        ] {
            let (bundled, problems) = bundle(json!({ "z": [{ "$ref": from }] }), own, &known);
            assert_eq!((bundled["z"][0]["$ref"].as_str(), &problems[..]), (Some(to), &[][..]), "{from}");
            if to.starts_with("#/x-files") {
                let target = crate::reference::target(&bundled, to);
                assert!(target.is_ok(), "{to}: {target:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_internal_is_told_with_its_place() {
        let known = files(vec![("b.yaml", json!({ "deep": { "$ref": "none.yaml" } }))]);
        for (from, place, told) in [
            ("none.yaml#/x", "/z/$ref", "not there"),
            ("http://x.test/a.json#/b", "/z/$ref", "URL"),
            ("//x.test/a.json", "/z/$ref", "URL"),
            ("urn:x", "/z/$ref", "URL"),
            ("../b.yaml", "/z/$ref", "leads out"),
            ("/b.yaml", "/z/$ref", "leads out"),
            ("b.yaml#anchor", "/z/$ref", "anchor"),
            ("b.yaml", "/x-files/b.yaml/deep/$ref", "not there"),
        ] {
            let (_, problems) = bundle(json!({ "z": { "$ref": from } }), "a.yaml", &known);
            let [problem] = &problems[..] else { panic!("{from}: {problems:?}") };
            assert!(problem.path == place && problem.message.contains(told), "{from}: {problem:?}");
        }
        let (_, problems) =
            bundle(json!({ "x-files": {}, "z": { "$ref": "c" } }), "a", &files(vec![("c", json!(1))]));
        assert_eq!(problems[0].path, "/x-files");
    }

    #[test]
    fn data_is_left_alone_and_names_are_no_keywords() {
        let data = json!({ "$ref": "data.yaml" });
        let root = json!({
            "schema": { "example": data, "enum": [data], "examples": [data], "default": data },
            "responses": { "default": { "$ref": "a.yaml" } },
            "properties": { "example": { "$ref": "b.yaml" }, "$ref": { "$ref": "c.yaml" }, "value": { "$ref": "./a.yaml" } },
            "links": { "x": { "operationRef": "d.yaml#/paths/~1a/get" } },
        });
        assert_eq!(referenced_files(&root, "root.yaml"), ["a.yaml", "b.yaml", "c.yaml", "d.yaml"]);
        assert_eq!(referenced_files(&json!({ "$ref": "../x" }), "s/t/root.yaml"), ["s/x"]);
    }

    #[test]
    fn a_document_over_three_files_is_read_cycles_included() {
        let root = json!({ "openapi": "3.0.3", "info": { "title": "t", "version": "1" },
            "paths": { "/pets": { "$ref": "paths/pets.yaml" } },
            "components": { "schemas": { "Name": { "type": "string", "minLength": 2 } } } });
        let known = files(vec![
            (
                "paths/pets.yaml",
                json!({ "post": {
                "requestBody": { "content": { "application/json": { "schema": { "$ref": "../schemas.yaml#/Pet" } } } },
                "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/x-own" } } } } } },
                "x-own": { "type": "array", "items": { "$ref": "../schemas.yaml#/Pet" } } }),
            ),
            (
                "schemas.yaml",
                json!({ "Pet": { "type": "object", "required": ["name"], "properties": {
                "name": { "$ref": "root.yaml#/components/schemas/Name" }, "mother": { "$ref": "#/Pet" },
                "list": { "$ref": "paths/pets.yaml#/x-own" } } } }),
            ),
            ("unused.yaml", json!({})),
        ]);
        let (bundled, problems) = bundle(root, "root.yaml", &known);
        assert_eq!(problems, []);
        assert_eq!(bundled["x-files"].as_object().unwrap().len(), 2);
        let (spec, problems) = read(&bundled).unwrap();
        assert_eq!(problems, []);
        let schema = spec.operations[0].body.as_ref().unwrap().contents[0].schema.as_ref().unwrap();
        let validator = Validator::new(schema).unwrap();
        assert!(validator.is_valid(&json!({ "name": "Io", "mother": { "name": "Eve" }, "list": [] })));
        assert!(!validator.is_valid(&json!({ "name": "Io", "list": [{ "name": "x" }] })));
    }
}
