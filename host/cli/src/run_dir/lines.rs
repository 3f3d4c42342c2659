//! A file of lines that is appended to while somebody may kill this process or the disk may fill up.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// A file that holds whole lines only: each is one write, and one that fails is cut off again.
pub(super) struct Lines {
    file: File,
    bytes: u64,
    /// Whether half a line could not be cut off: whatever followed it could not be read.
    torn: bool,
}

impl Lines {
    /// An empty file at `path`.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::create(path)?, bytes: 0, torn: false })
    }

    /// A file that was just written and is `bytes` long.
    pub(super) const fn written(file: File, bytes: u64) -> Self {
        Self { file, bytes, torn: false }
    }

    /// Appends a line. After an error the file is as it was, or takes nothing more.
    pub(super) fn append(&mut self, line: &str) -> io::Result<()> {
        if self.torn {
            return Err(io::Error::other("an earlier write failed half-way"));
        }
        let line = [line.as_bytes(), b"\n"].concat();
        let written = self.file.write_all(&line);
        match written {
            Ok(()) => self.bytes += line.len() as u64,
            Err(_) => self.torn = self.cut_back().is_err(),
        }
        written
    }

    fn cut_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.bytes)?;
        self.file.seek(SeekFrom::Start(self.bytes)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn half_a_line_is_cut_off_before_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let mut lines = Lines::create(&path).unwrap();
        lines.append("one").unwrap();
        // What a disk that fills up in the middle of a write leaves behind.
        lines.file.write_all(b"tw").unwrap();
        lines.cut_back().unwrap();
        lines.append("three").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\nthree\n");
    }

    #[test]
    fn nothing_follows_half_a_line_that_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("full");
        // It takes nothing and cannot be cut.
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut lines = Lines::create(&path).unwrap();
        assert_eq!(lines.append("one").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(lines.append("two").unwrap_err().to_string().contains("earlier write"));
    }
}
