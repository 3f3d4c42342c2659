//! Files that a document refers to with `$ref` (JSON Reference): a plugin cannot open files, so the host hands them over.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::Context;
use serde_json::Value;
use stresshost_io::percent_decode;
use stresshost_plan::{DocumentFiles, MAX_DOCUMENT_BYTES};

use crate::config;
use crate::exit::usage;

/// Files of one document. The largest public ones have a few hundred.
const MAX_FILES: usize = 2_000;

/// Bytes of the files of one document together.
const MAX_BYTES: u64 = 4 * MAX_DOCUMENT_BYTES as u64;

/// Reads the files that the document at `path` and they themselves refer to, as far as they are in its directory or
/// below; what is not there is for the plugin to tell, which knows the places. `None` when there are none.
///
/// # Errors
/// When a file cannot be read, is no YAML or JSON, or there are too many.
pub(crate) fn files(path: &str, document: &Value) -> anyhow::Result<Option<DocumentFiles>> {
    let path = Path::new(path);
    let (Some(name), Some(directory)) = (path.file_name().and_then(|name| name.to_str()), path.parent())
    else {
        return Ok(None);
    };
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let mut files = BTreeMap::new();
    let mut waiting = Vec::new();
    let mut total = 0;
    names(document, name, &mut waiting);
    while let Some(next) = waiting.pop() {
        if next == name || files.contains_key(&next) {
            continue;
        }
        let Some(file) = within(directory, &next) else { continue };
        let size =
            file.metadata().map_err(usage).with_context(|| format!("cannot read `{}`", file.display()))?;
        total += size.len();
        if files.len() >= MAX_FILES || total > MAX_BYTES {
            let most = format!("{MAX_FILES} files or {MAX_BYTES} bytes");
            return Err(usage(format!("`{}` refers to more than {most}; bundle it", path.display())));
        }
        let read = config::read(&file.to_string_lossy(), &[])?;
        names(read.value(), &next, &mut waiting);
        files.insert(next, read.value().clone());
    }
    Ok((!files.is_empty()).then(|| DocumentFiles { name: name.to_owned(), files }))
}

/// Adds the files that `value`, which stands in the file `own`, refers to.
fn names(value: &Value, own: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("$ref" | "operationRef", Value::String(reference)) => {
                        found.extend(file_of(reference, own))
                    }
                    _ => names(value, own, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, own, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The file of a reference, relative to the document's directory; `None` when it names none there.
fn file_of(reference: &str, own: &str) -> Option<String> {
    let file = reference.split('#').next().filter(|file| !file.is_empty() && !file.contains(':'))?;
    let file = percent_decode(file)?;
    let base = Path::new(own).parent().unwrap_or(Path::new(""));
    let mut parts: Vec<&str> = Vec::new();
    let joined = base.join(file);
    for part in joined.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The file's own path when it is a file within the directory, links followed: a document of somebody else must not make
/// the host read what is elsewhere.
fn within(directory: &Path, name: &str) -> Option<PathBuf> {
    let directory = directory.canonicalize().ok()?;
    let file = directory.join(name).canonicalize().ok()?;
    (file.starts_with(&directory) && file.is_file()).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn files_are_named_relative_to_the_document() {
        for (own, reference, expected) in [
            ("api.yaml", "schemas/pet.yaml#/Pet", Some("schemas/pet.yaml")),
            ("schemas/pet.yaml", "./tag.yaml", Some("schemas/tag.yaml")),
            ("schemas/pet.yaml", "../a%20b.json", Some("a b.json")),
            ("api.yaml", "#/components", None),
            ("api.yaml", "../outside.yaml", None),
            ("api.yaml", "/etc/hosts", None),
            ("api.yaml", "https://a.test/b.yaml", None),
            ("api.yaml", "%zz", None),
        ] {
            assert_eq!(file_of(reference, own).as_deref(), expected, "{own} {reference}");
        }
    }

    #[test]
    fn files_are_read_with_those_they_name_and_nothing_outside() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret.yaml"), "a: 1").unwrap();
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        std::fs::create_dir(directory.path().join("s")).unwrap();
        write("s/a.yaml", "x: { $ref: '../b.json' }");
        write("b.json", r#"{ "y": { "$ref": "s/a.yaml#/x" } }"#);
        std::os::unix::fs::symlink(outside.path().join("secret.yaml"), directory.path().join("link.yaml"))
            .unwrap();
        let path = directory.path().join("api.yaml");
        let document =
            json!({ "p": [{ "$ref": "s/a.yaml#/x" }, { "$ref": "link.yaml" }, { "$ref": "none.yaml" }] });
        let found = files(&path.to_string_lossy(), &document).unwrap().unwrap();
        assert_eq!(found.name, "api.yaml");
        assert_eq!(found.files.keys().collect::<Vec<_>>(), ["b.json", "s/a.yaml"]);
        assert!(files(&path.to_string_lossy(), &json!({ "$ref": "#/x" })).unwrap().is_none());
        write("bad.yaml", "a: [");
        let error = files(&path.to_string_lossy(), &json!({ "$ref": "bad.yaml" })).unwrap_err();
        assert!(format!("{error:#}").contains("bad.yaml"), "{error:#}");
    }
}
