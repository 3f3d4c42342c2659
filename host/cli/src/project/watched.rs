//! The files of a project: what they are now, and which of them changed since.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files that are looked at: a project's sources, not all that its package manager has fetched.
const MAX_FILES: usize = 10_000;

/// When each file was changed last, and its length.
pub(crate) type State = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Looks at files, and at those below directories. What is missing is left out.
pub(crate) fn look(paths: &[PathBuf]) -> State {
    let mut state = BTreeMap::new();
    let mut open = paths.to_vec();
    while let Some(path) = open.pop() {
        if state.len() >= MAX_FILES {
            break;
        }
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            // What an interpreter leaves beside its sources is no source.
            open.extend(entries.filter(|entry| entry.file_name() != "__pycache__").map(|entry| entry.path()));
        } else {
            state.insert(path, (metadata.modified().ok(), metadata.len()));
        }
    }
    state
}

/// A file that was changed after `built` was written.
pub(super) fn newer(paths: &[PathBuf], built: &Path) -> Option<PathBuf> {
    let built = std::fs::metadata(built).and_then(|metadata| metadata.modified()).ok()?;
    look(paths)
        .into_iter()
        .find(|(_, (changed, _))| changed.is_some_and(|at| at > built))
        .map(|(path, _)| path)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_changed_file_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let (source, nested) = (directory.path().join("a.c"), directory.path().join("src"));
        fs::write(&source, "1").unwrap();
        fs::create_dir(&nested).unwrap();
        let paths = [source.clone(), nested.clone(), directory.path().join("missing")];
        let state = look(&paths);
        assert_eq!(look(&paths), state);
        fs::write(nested.join("b.c"), "").unwrap();
        let more = look(&paths);
        assert_ne!(more, state);
        fs::write(&source, "22").unwrap();
        assert_ne!(look(&paths), more);
    }

    #[test]
    fn a_file_that_is_newer_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let (source, built) = (directory.path().join("a.c"), directory.path().join("a.wasm"));
        fs::write(&source, "1").unwrap();
        assert_eq!(newer(std::slice::from_ref(&source), &built), None, "nothing is built");
        fs::write(&built, "1").unwrap();
        let built_at = fs::metadata(&built).unwrap().modified().unwrap();
        let touch = |at| File::options().write(true).open(&source).unwrap().set_modified(at).unwrap();
        touch(built_at);
        assert_eq!(newer(std::slice::from_ref(&source), &built), None);
        touch(built_at + Duration::from_millis(1));
        assert_eq!(newer(std::slice::from_ref(&source), &built), Some(source.clone()));
    }
}
