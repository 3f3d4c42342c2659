//! Small YAML files of the user's: read whole and bounded, written whole and at once.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use stresshost_plan::yaml::Document;

use crate::error::{Error, Result};
use crate::limits::MAX_DOCUMENT_BYTES;

/// Reads a file of text; `None` when there is none.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Disk { what: "read", path: path.to_owned(), source }),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Error::disk("read", path))?;
    let wrong = |reason: String| Error::Document { path: path.to_owned(), reason };
    if bytes.len() as u64 > limit {
        return Err(wrong(format!("it has more than {limit} bytes")));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| wrong("it is not UTF-8".to_owned()))
}

/// Reads a document; `None` when there is no file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match read_text(path, MAX_DOCUMENT_BYTES)? {
        Some(text) => parse(path, &text).map(Some),
        None => Ok(None),
    }
}

/// Reads a document's text; `path` is for messages.
pub(crate) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    let wrong = |reason: String| Error::Document { path: path.to_owned(), reason };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let document = Document::parse(&name, text).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_value(document.into_value()).map_err(|error| wrong(error.to_string()))
}

/// Replaces a file as a whole: whoever reads it sees the old text or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(Error::disk("create", dir))?;
    // The process's own name for it: two processes never write into one file.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|source| {
        // What was begun is of no use; that it cannot be removed either changes nothing.
        drop(std::fs::remove_file(&temporary));
        Error::Disk { what: "write", path: path.to_owned(), source }
    })
}

/// A text as a YAML scalar that is read back as the same text.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
