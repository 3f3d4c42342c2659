//! From a file to a plugin's bytes and digest.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::limits::MAX_PLUGIN_BYTES;

/// A plugin's bytes and what they are identified by.
#[derive(Clone, PartialEq, Eq)]
pub struct PluginFile {
    /// Where it was read.
    pub path: PathBuf,
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Digest of `bytes`.
    pub digest: Digest,
}

impl std::fmt::Debug for PluginFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, bytes, digest } = self;
        f.debug_struct("PluginFile")
            .field("path", path)
            .field("bytes", &bytes.len())
            .field("digest", digest)
            .finish()
    }
}

/// Why a plugin cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Nothing there.
    #[error("there is no file {}; check the path, or build the plugin first", .0.display())]
    Missing(PathBuf),
    /// A directory.
    #[error("{} is a directory; name the .wasm file in it", .0.display())]
    Directory(PathBuf),
    /// A device, pipe or socket.
    #[error("{} is not a regular file; copy the plugin into one", .0.display())]
    NotAFile(PathBuf),
    /// No permission.
    #[error("no permission to read {}; make it readable, for example with `chmod +r`", .0.display())]
    Permission(PathBuf),
    /// Longer than [`MAX_PLUGIN_BYTES`].
    #[error(
        "{} is larger than {} MiB, the largest plugin that is loaded; strip it, or check that it is a plugin",
        .0.display(), MAX_PLUGIN_BYTES >> 20
    )]
    TooLarge(PathBuf),
    /// No bytes.
    #[error("{} is empty; build or download the plugin again", .0.display())]
    Empty(PathBuf),
    /// Any other failure.
    #[error("cannot read {}: {source}; check the disk and try again", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Reads the plugin at `path`. It blocks; call it before the run starts.
///
/// # Errors
/// When the file is missing, not readable, not a file, empty or too large.
pub fn read(path: &Path) -> Result<PluginFile, ReadError> {
    read_at_most(path, MAX_PLUGIN_BYTES)
}

fn read_at_most(path: &Path, limit: u64) -> Result<PluginFile, ReadError> {
    let io = |error| failure(path, error);
    // Opening a pipe waits for a writer, so the kind is looked at before.
    let metadata = std::fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        return Err(ReadError::Directory(path.to_owned()));
    }
    if !metadata.is_file() {
        return Err(ReadError::NotAFile(path.to_owned()));
    }
    if metadata.len() > limit {
        return Err(ReadError::TooLarge(path.to_owned()));
    }
    // The file may grow while it is read.
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge(path.to_owned()));
    }
    if bytes.is_empty() {
        return Err(ReadError::Empty(path.to_owned()));
    }
    let digest = Digest::of(&bytes);
    Ok(PluginFile { path: path.to_owned(), bytes, digest })
}

fn failure(path: &Path, source: std::io::Error) -> ReadError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::Missing(path),
        ErrorKind::PermissionDenied => ReadError::Permission(path),
        ErrorKind::IsADirectory => ReadError::Directory(path),
        _ => ReadError::Io { path, source },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_file_is_read_with_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.wasm");
        fs::write(&path, "abc").unwrap();
        let plugin = read(&path).unwrap();
        assert_eq!(plugin.path, path);
        assert_eq!(plugin.bytes, b"abc");
        assert_eq!(plugin.digest, Digest::of(b"abc"));
        assert!(format!("{plugin:?}").contains("bytes: 3"));
    }

    #[test]
    fn the_limit_is_inclusive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.wasm");
        fs::write(&path, "abcd").unwrap();
        assert!(read_at_most(&path, 4).is_ok());
        assert!(matches!(read_at_most(&path, 3), Err(ReadError::TooLarge(_))));
        // A file that says it has no bytes and then has many, as one that grows while it is read.
        let growing = Path::new("/proc/self/status");
        assert_eq!(fs::metadata(growing).unwrap().len(), 0);
        assert!(matches!(read_at_most(growing, 10), Err(ReadError::TooLarge(_))));
        // A sparse file: large without taking space.
        File::create(&path).unwrap().set_len(MAX_PLUGIN_BYTES + 1).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.ends_with(
            "larger than 256 MiB, the largest plugin that is loaded; strip it, or check that it is a plugin"
        ));
    }

    #[test]
    fn every_failure_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let (absent, empty, socket) =
            (dir.path().join("a.wasm"), dir.path().join("e.wasm"), dir.path().join("s"));
        fs::write(&empty, "").unwrap();
        let _listener = UnixListener::bind(&socket).unwrap();
        let below_file = empty.join("x.wasm");
        for (path, expected) in [
            (absent.as_path(), "there is no file {}; check the path, or build the plugin first"),
            (&below_file, "there is no file {}; check the path, or build the plugin first"),
            (dir.path(), "{} is a directory; name the .wasm file in it"),
            (&empty, "{} is empty; build or download the plugin again"),
            (&socket, "{} is not a regular file; copy the plugin into one"),
        ] {
            let expected = expected.replace("{}", &path.display().to_string());
            assert_eq!(read(path).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn system_errors_are_told_apart() {
        let path = Path::new("x.wasm");
        let denied = failure(path, ErrorKind::PermissionDenied.into());
        assert_eq!(
            denied.to_string(),
            "no permission to read x.wasm; make it readable, for example with `chmod +r`"
        );
        let other = failure(path, std::io::Error::other("bad sector"));
        assert_eq!(other.to_string(), "cannot read x.wasm: bad sector; check the disk and try again");
    }
}
