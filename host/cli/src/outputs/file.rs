//! Streams into a file, a named pipe or standard output.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Failure, Payload, Sink, Then};

/// Appends payloads. A write that blocks blocks the stream's own thread only.
pub(super) enum FileSink {
    Open(File),
    /// A pipe that is opened when there is something to write: that waits for a reader.
    Pipe(PathBuf),
}

impl FileSink {
    /// Makes a file, with the directories above it, or empties the one that is there.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        if path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo()) {
            return Ok(Self::Pipe(path.to_owned()));
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent)?;
        }
        File::create(path).map(Self::Open)
    }

    /// Standard output. It is a descriptor of its own, so that a reader who takes nothing holds up nobody else.
    pub(super) fn stdout() -> io::Result<Self> {
        Ok(Self::Open(File::from(io::stdout().as_fd().try_clone_to_owned()?)))
    }
}

impl Sink for FileSink {
    fn deliver(&mut self, payload: &Payload<'_>, _limit: Duration) -> Result<(), Failure> {
        // After half a line nothing that follows could be read.
        let failed = |error: io::Error| Failure::new(Then::End, error.to_string());
        if let Self::Pipe(path) = self {
            *self = Self::Open(OpenOptions::new().write(true).open(path).map_err(failed)?);
        }
        match self {
            Self::Open(file) => file.write_all(payload.bytes).map_err(failed),
            Self::Pipe(_) => Ok(()),
        }
    }

    fn close(&mut self, _limit: Duration) -> Option<String> {
        None
    }
}
