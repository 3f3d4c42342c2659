//! `artifacts`: files into the run directory, and nowhere else.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

use stresshost_metrics::SandboxLimit;

use crate::GuestLimits;
use crate::bindings::artifacts::Host;
use crate::imports::NOT_LIVE;
use crate::state::VuState;

/// Bytes of an artifact's name: what common file systems hold.
const MAX_NAME_BYTES: usize = 255;

/// The artifacts of one run.
#[derive(Debug)]
pub struct ArtifactStore {
    directory: PathBuf,
    most_files: u64,
    most_bytes: u64,
    /// Held while a file is written, so that two users do not tear one file.
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    sizes: HashMap<PathBuf, u64>,
    total_bytes: u64,
}

/// Why an artifact was not written.
#[derive(Debug)]
struct Refusal {
    /// The limit that was reached, if one was.
    limit: Option<SandboxLimit>,
    reason: String,
}

impl<T: Into<String>> From<T> for Refusal {
    fn from(reason: T) -> Self {
        Self { limit: None, reason: reason.into() }
    }
}

impl ArtifactStore {
    /// Artifacts below `directory`, which is made when the first is written.
    pub fn new(directory: PathBuf, limits: &GuestLimits) -> Self {
        let GuestLimits { artifacts: most_files, artifact_bytes: most_bytes, .. } = *limits;
        Self { directory, most_files, most_bytes, written: Mutex::default() }
    }

    fn put(&self, name: &str, bytes: &[u8], append: bool) -> Result<(), Refusal> {
        let relative = plain(name)?;
        let refuse = |limit, reason| Err(Refusal { limit: Some(limit), reason });
        let mut written = self.written.lock().map_err(|_| "the run is ending")?;
        let known = written.sizes.get(&relative).copied();
        if known.is_none() && written.sizes.len() as u64 >= self.most_files {
            return refuse(SandboxLimit::Artifacts, format!("more than {} artifacts", self.most_files));
        }
        let size = bytes.len() as u64 + if append { known.unwrap_or(0) } else { 0 };
        let total_bytes = written.total_bytes - known.unwrap_or(0) + size;
        if total_bytes > self.most_bytes {
            let reason = format!("more than {} bytes of artifacts", self.most_bytes);
            return refuse(SandboxLimit::ArtifactBytes, reason);
        }
        let path = self.directory.join(&relative);
        no_links(&self.directory, &relative)
            .and_then(|()| store(&path, bytes, append && known.is_some()))
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        written.sizes.insert(relative, size);
        written.total_bytes = total_bytes;
        Ok(())
    }
}

fn store(path: &Path, bytes: &[u8], append: bool) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = OpenOptions::new().create(true).write(true).append(append).truncate(!append).open(path)?;
    file.write_all(bytes)
}

/// Refuses to go through a link. Guests cannot make any, but somebody else may have put one into the run directory.
fn no_links(directory: &Path, relative: &Path) -> std::io::Result<()> {
    let mut path = directory.to_owned();
    for part in relative.components() {
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                return Err(std::io::Error::other("there is a link on the way, which is not followed"));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A relative path of plain names.
fn plain(name: &str) -> Result<PathBuf, String> {
    let path = Path::new(name);
    let named = !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control);
    if named && path.components().all(|part| matches!(part, Component::Normal(_))) {
        Ok(path.to_owned())
    } else {
        Err(format!("`{}` is not a relative path of plain names", name.escape_debug()))
    }
}

impl VuState {
    fn artifact(&self, name: &str, bytes: &[u8], append: bool) -> Result<(), String> {
        let live = self.granted().ok_or(NOT_LIVE)?;
        let store = live.core.run.artifacts.as_ref();
        let store = store.ok_or("the plugin did not ask for artifacts in its descriptor")?;
        let bytes = live.core.run.secrets.redact_bytes(bytes);
        store.put(name, &bytes, append).map_err(|Refusal { limit, reason }| {
            if let Some(limit) = limit {
                live.core.reached(limit);
            }
            reason
        })
    }
}

impl Host for VuState {
    fn write(&mut self, name: String, bytes: Vec<u8>) -> Result<(), String> {
        self.artifact(&name, &bytes, false)
    }

    fn append(&mut self, name: String, bytes: Vec<u8>) -> Result<(), String> {
        self.artifact(&name, &bytes, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_replaces_and_appends_below_its_directory() {
        let root = tempfile::tempdir().unwrap();
        let store = ArtifactStore::new(root.path().join("artifacts"), &GuestLimits::default());
        store.put("a/rows.csv", b"one\n", true).unwrap();
        store.put("a/rows.csv", b"two\n", true).unwrap();
        let path = root.path().join("artifacts/a/rows.csv");
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
        store.put("a/rows.csv", b"new", false).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn names_cannot_leave_the_directory() {
        for name in ["", "..", "../x", "a/../../x", "/etc/passwd", "a\0b", "a\nb", ".", &"x".repeat(256)] {
            assert!(plain(name).is_err(), "{name:?}");
        }
        assert!(plain("a/b.txt").is_ok());
    }

    #[test]
    fn size_is_bounded() {
        let root = tempfile::tempdir().unwrap();
        let limits = GuestLimits { artifacts: 3, artifact_bytes: 12, ..GuestLimits::default() };
        let store = ArtifactStore::new(root.path().to_owned(), &limits);
        let refused = |name: &str, bytes: &[u8]| {
            let refusal = store.put(name, bytes, false).unwrap_err();
            assert!(refusal.limit.is_some(), "it is counted");
            refusal.reason
        };
        store.put("big", b"0123456789", false).unwrap();
        store.put("small", b"12", false).unwrap();
        assert!(refused("other", b"1").contains("more than 12 bytes of artifacts"));
        store.put("empty", b"", false).unwrap();
        assert!(refused("one more", b"").contains("more than 3 artifacts"));
    }

    #[test]
    #[cfg(unix)]
    fn links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let outside = root.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "kept").unwrap();
        let directory = root.path().join("artifacts");
        fs::create_dir(&directory).unwrap();
        std::os::unix::fs::symlink(&outside, directory.join("way")).unwrap();
        std::os::unix::fs::symlink(outside.join("file"), directory.join("file")).unwrap();
        let store = ArtifactStore::new(directory, &GuestLimits::default());
        for name in ["way/new", "way/file", "file"] {
            assert!(
                store.put(name, b"changed", false).unwrap_err().reason.contains("not followed"),
                "{name}"
            );
        }
        assert_eq!(fs::read(outside.join("file")).unwrap(), b"kept");
        assert!(!outside.join("new").exists());
    }
}
