//! What a run directory takes on the disk, and that it stays bounded.

use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use stresshost_metrics::MAX_RECORDS;

/// Lines the record may have: it is merged when it has twice as many as it is merged down to. One more ends the run.
const RECORD_LINES_MOST: u64 = 2 * MAX_RECORDS as u64 + 1;

/// Bytes a line of the record may have here: it holds the histograms of a handful of operations, each of some kilobytes.
const RECORD_LINE_BYTES_MOST: u64 = 256 * 1024;

/// Bytes of a snapshot of a handful of operations, which has no histograms.
const SNAPSHOT_BYTES_MOST: u64 = 8 * 1024;

/// Bytes of everything else: documents that do not grow with the run but up to a fixed number of points.
const OTHER_BYTES_MOST: u64 = 4 * 1024 * 1024;

/// Lines and bytes of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

/// What a run directory takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Disk {
    pub(super) records: Lines,
    pub(super) snapshots: Lines,
    /// Bytes of all other files.
    pub(super) other_bytes: u64,
}

impl Disk {
    /// Measures a run directory.
    pub(super) fn of(run_dir: &Path) -> anyhow::Result<Self> {
        let records = lines(&run_dir.join("histograms/records.jsonl"))?;
        let snapshots = lines(&run_dir.join("snapshots.jsonl"))?;
        let other_bytes = bytes_below(run_dir)?.saturating_sub(records.bytes + snapshots.bytes);
        Ok(Self { records, snapshots, other_bytes })
    }

    /// All bytes.
    pub(super) const fn bytes(&self) -> u64 {
        self.records.bytes + self.snapshots.bytes + self.other_bytes
    }

    /// What is more than a run of this many seconds may take.
    pub(super) fn problems(&self, seconds: u64) -> Vec<String> {
        let record_bytes = self.records.lines * RECORD_LINE_BYTES_MOST;
        // The first and the last one may be parts of a second.
        let snapshots = seconds + 2;
        let snapshot_bytes = self.snapshots.lines * SNAPSHOT_BYTES_MOST;
        let checks = [
            ("lines of the record", self.records.lines, RECORD_LINES_MOST),
            ("bytes of the record", self.records.bytes, record_bytes),
            ("snapshots", self.snapshots.lines, snapshots),
            ("bytes of snapshots", self.snapshots.bytes, snapshot_bytes),
            ("bytes of other files", self.other_bytes, OTHER_BYTES_MOST),
        ];
        let above = checks.into_iter().filter(|(_, actual, most)| actual > most);
        above.map(|(what, actual, most)| format!("{actual} {what}, at most {most} are expected")).collect()
    }
}

fn lines(path: &Path) -> anyhow::Result<Lines> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut counted = Lines { lines: 0, bytes: file.metadata()?.len() };
    for line in BufReader::new(file).split(b'\n') {
        line?;
        counted.lines += 1;
    }
    Ok(counted)
}

fn bytes_below(directory: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_counted_once() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        std::fs::create_dir(directory.path().join("histograms")).unwrap();
        write("histograms/records.jsonl", "one\ntwo\n");
        write("snapshots.jsonl", "one\n");
        write("summary.json", "{}");
        let disk = Disk::of(directory.path()).unwrap();
        assert_eq!(disk.records, Lines { lines: 2, bytes: 8 });
        assert_eq!((disk.snapshots, disk.other_bytes), (Lines { lines: 1, bytes: 4 }, 2));
        assert_eq!((disk.bytes(), disk.problems(1)), (14, vec![]));
        assert!(Disk::of(&directory.path().join("none")).is_err());
    }

    #[test]
    fn a_record_that_is_not_merged_is_a_problem() {
        let grown = |lines| Disk { records: Lines { lines, bytes: lines }, ..Disk::default() };
        assert_eq!(grown(RECORD_LINES_MOST).problems(10_000), Vec::<String>::new());
        let problems = grown(RECORD_LINES_MOST + 1).problems(10_000);
        assert_eq!(problems, ["2402 lines of the record, at most 2401 are expected"]);
        let fat = Disk {
            records: Lines { lines: 1, bytes: RECORD_LINE_BYTES_MOST + 1 },
            snapshots: Lines { lines: 9, bytes: 10 * SNAPSHOT_BYTES_MOST },
            other_bytes: OTHER_BYTES_MOST + 1,
        };
        assert_eq!(fat.problems(1).len(), 4);
    }
}
