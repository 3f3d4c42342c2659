//! `histograms/records.jsonl`: a line each second, merged now and then so that it stays bounded.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use stresshost_metrics::record::merge;
use stresshost_metrics::{IntervalRecord, MAX_RECORD_BYTES, MAX_RECORDS, RecordReader};

use super::lines::Lines;

/// Lines at which the log is merged down to at most [`MAX_RECORDS`]: rarely enough that merging costs nothing, often
/// enough that a week weighs what an hour does.
const MERGE_AT_LINES: usize = 2 * MAX_RECORDS;

/// The log while it is written.
pub(super) struct RecordLog {
    path: PathBuf,
    lines: Lines,
    /// Lines in the file.
    count: usize,
    /// Ticks in these lines.
    ticks: u64,
    merge_at: usize,
    /// What could not be written yet, to be merged into the next record: a disk may have room again.
    unwritten: Option<IntervalRecord>,
    /// Why what is unwritten could not be written.
    failure: Option<io::Error>,
    /// Why the log could not be merged, the first time.
    unmerged: Option<io::Error>,
}

impl RecordLog {
    /// An empty log at `path`.
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        let lines = Lines::create(&path)?;
        Ok(Self {
            path,
            lines,
            count: 0,
            ticks: 0,
            merge_at: MERGE_AT_LINES,
            unwritten: None,
            failure: None,
            unmerged: None,
        })
    }

    /// Appends a record, together with what could not be written before. What fails now is tried again with the next.
    pub(super) fn append(&mut self, record: IntervalRecord) {
        let record = match self.unwritten.take() {
            Some(waiting) => merge(waiting, record),
            None => record,
        };
        let line = record.to_line();
        let written = if line.len() > MAX_RECORD_BYTES { Err(too_long()) } else { self.lines.append(&line) };
        match written {
            Ok(()) => {
                self.failure = None;
                self.count += 1;
                self.ticks += u64::from(record.ticks);
            }
            Err(error) => {
                self.failure.get_or_insert(error);
                self.unwritten = Some(record);
            }
        }
        if self.count >= self.merge_at {
            self.merge();
        }
    }

    /// Why the log lacks its end; `None` when it is whole.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Why the log is longer than it need be.
    pub(super) fn take_unmerged(&mut self) -> Option<io::Error> {
        self.unmerged.take()
    }

    /// Replaces the log by one of at most [`MAX_RECORDS`] lines that says the same. Where that fails the log goes on
    /// growing until it is tried again.
    fn merge(&mut self) {
        let temporary = temporary(&self.path);
        let merged = write_merged(&self.path, &temporary, self.ticks);
        match merged.and_then(|merged| fs::rename(&temporary, &self.path).map(|()| merged)) {
            Ok((lines, count)) => {
                (self.lines, self.count, self.merge_at) = (lines, count, MERGE_AT_LINES);
            }
            Err(error) => {
                self.unmerged.get_or_insert(error);
                self.merge_at = self.count + MAX_RECORDS;
                // It may be that it could not even be made.
                drop(fs::remove_file(&temporary));
            }
        }
    }
}

fn too_long() -> io::Error {
    io::Error::other(format!("what was measured in one interval takes more than {MAX_RECORD_BYTES} bytes"))
}

fn temporary(log: &Path) -> PathBuf {
    log.with_extension("jsonl.new")
}

/// Writes the log at `from`, which holds this many ticks, to `to` in at most [`MAX_RECORDS`] lines. One line at a time:
/// a whole log in memory would be hundreds of megabytes.
fn write_merged(from: &Path, to: &Path, ticks: u64) -> io::Result<(Lines, usize)> {
    let mut slots = Slots::new(ticks);
    let mut out = BufWriter::new(File::create(to)?);
    let (mut bytes, mut count) = (0_u64, 0);
    let mut write = |record: IntervalRecord| {
        let line = record.to_line();
        if line.len() > MAX_RECORD_BYTES {
            return Err(too_long());
        }
        bytes += line.len() as u64 + 1;
        count += 1;
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")
    };
    for record in RecordReader::new(BufReader::new(File::open(from)?)) {
        if let Some(full) = slots.push(record.map_err(io::Error::other)?) {
            write(full)?;
        }
    }
    slots.last.map_or(Ok(()), |(_, last)| write(last))?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok((Lines::written(file, bytes), count))
}

/// [`stresshost_metrics::record::compact`], one record at a time.
struct Slots {
    /// Ticks in a slot: the least power of two with which the log fits.
    width: u64,
    /// Ticks so far.
    ticks: u64,
    last: Option<(u64, IntervalRecord)>,
}

impl Slots {
    fn new(ticks: u64) -> Self {
        let mut width = 1;
        while ticks.div_ceil(width) > MAX_RECORDS as u64 {
            width *= 2;
        }
        Self { width, ticks: 0, last: None }
    }

    /// Takes the next record; returns the one before it when that is full.
    fn push(&mut self, record: IntervalRecord) -> Option<IntervalRecord> {
        let slot = self.ticks / self.width;
        self.ticks += u64::from(record.ticks);
        match self.last.take() {
            // A line without a tick belongs to the interval before it.
            Some((last_slot, last)) if last_slot == slot || record.ticks == 0 => {
                self.last = Some((last_slot, merge(last, record)));
                None
            }
            last => {
                self.last = Some((slot, record));
                last.map(|(_, full)| full)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use stresshost_metrics::RunLog;
    use stresshost_metrics::record::{IterationRecord, compact};

    use super::*;

    /// The record of a second in which as many iterations were due as it has seconds before it.
    fn second(index: u64) -> IntervalRecord {
        let mut row = IterationRecord::default();
        row.counts.due = index;
        IntervalRecord {
            from_ns: index * 1_000,
            to_ns: (index + 1) * 1_000,
            ticks: 1,
            iterations: vec![row],
            ..IntervalRecord::default()
        }
    }

    fn read(path: &Path) -> Vec<IntervalRecord> {
        let reader = RecordReader::new(BufReader::new(File::open(path).unwrap()));
        reader.collect::<Result<_, _>>().unwrap()
    }

    fn due(records: &[IntervalRecord]) -> u64 {
        records.iter().flat_map(|record| &record.iterations).map(|row| row.counts.due).sum()
    }

    /// A log with this many seconds in it, and its directory.
    fn log(seconds: u64) -> (tempfile::TempDir, PathBuf, RecordLog) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("records.jsonl");
        let mut log = RecordLog::create(path.clone()).unwrap();
        (0..seconds).for_each(|index| log.append(second(index)));
        (dir, path, log)
    }

    #[test]
    fn every_record_is_in_the_file_as_soon_as_it_was_appended() {
        let (_dir, path, mut log) = log(0);
        for index in 0..5 {
            log.append(second(index));
            assert_eq!(read(&path).len() as u64, index + 1);
        }
        assert!(log.take_failure().is_none() && log.take_unmerged().is_none());
    }

    #[test]
    fn a_long_log_stays_bounded_and_keeps_every_count() {
        let seconds = 5 * MERGE_AT_LINES as u64 + 17;
        let (_dir, path, mut log) = log(0);
        for index in 0..seconds {
            log.append(second(index));
            assert!(log.count < MERGE_AT_LINES);
        }
        log.append(IntervalRecord::ended(seconds * 1_000, Default::default()));
        let records = read(&path);
        assert_eq!((records.len(), due(&records)), (log.count, (0..seconds).sum::<u64>()));
        let told = RunLog::read(BufReader::new(File::open(&path).unwrap())).unwrap();
        assert!(told.end().is_some() && told.records.len() <= MAX_RECORDS);
    }

    #[test]
    fn merging_one_at_a_time_is_merging_all_at_once() {
        for seconds in [0, 1, MAX_RECORDS as u64, MAX_RECORDS as u64 + 1, 3 * MAX_RECORDS as u64] {
            let mut records: Vec<_> = (0..seconds).map(second).collect();
            records.push(IntervalRecord::ended(seconds * 1_000, Default::default()));
            let mut slots = Slots::new(seconds);
            let mut merged: Vec<_> =
                records.iter().cloned().filter_map(|record| slots.push(record)).collect();
            merged.extend(slots.last.map(|(_, last)| last));
            assert_eq!(merged, compact(records, MAX_RECORDS), "{seconds} s");
        }
    }

    /// What is left by a kill before, while and after the merged log is written, before and after it takes the old
    /// one's place, and after more was appended.
    #[test]
    fn a_kill_at_any_step_of_merging_leaves_a_whole_log() {
        let seconds = MERGE_AT_LINES as u64 - 1;
        let (_dir, path, mut log) = log(seconds);
        let old = read(&path);
        let new = compact(old.clone(), MAX_RECORDS);
        let temporary = temporary(&path);
        let (_, count) = write_merged(&path, &temporary, seconds).unwrap();
        assert_eq!((count, &read(&path)), (new.len(), &old), "the old log is not touched");
        let whole = fs::read(&temporary).unwrap();
        for cut in [0, 1, whole.len() / 3, whole.len() - 1] {
            fs::write(&temporary, &whole[..cut]).unwrap();
            assert_eq!(read(&path), old, "killed after {cut} bytes");
        }
        fs::write(&temporary, &whole).unwrap();
        fs::rename(&temporary, &path).unwrap();
        assert_eq!(read(&path), new);
        let file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        let mut lines = Lines::written(file, whole.len() as u64);
        lines.append(&second(seconds).to_line()).unwrap();
        assert_eq!(read(&path), [&new[..], &[second(seconds)]].concat());
        // What a killed run left of its temporary file does not hinder the next.
        fs::write(&temporary, "half a li").unwrap();
        (log.lines, log.count) = (lines, MERGE_AT_LINES - 1);
        log.append(second(seconds + 1));
        assert!(log.take_unmerged().is_none() && !temporary.exists());
        assert_eq!(due(&read(&path)), (0..seconds + 2).sum::<u64>());
    }

    #[test]
    fn a_log_that_cannot_be_merged_goes_on() {
        let (dir, path, mut log) = log(0);
        fs::create_dir(dir.path().join("records.jsonl.new")).unwrap();
        let seconds = MERGE_AT_LINES as u64 + 3;
        (0..seconds).for_each(|index| log.append(second(index)));
        assert_eq!(read(&path), (0..seconds).map(second).collect::<Vec<_>>());
        assert!(log.take_failure().is_none() && log.take_unmerged().is_some());
        fs::remove_dir(dir.path().join("records.jsonl.new")).unwrap();
        (seconds..log.merge_at as u64).for_each(|index| log.append(second(index)));
        assert!(log.count < MERGE_AT_LINES);
    }

    #[test]
    fn what_could_not_be_written_comes_with_the_next_record() {
        let (dir, path, mut log) = log(2);
        let full = dir.path().join("full");
        std::os::unix::fs::symlink("/dev/full", &full).unwrap();
        let good = std::mem::replace(&mut log.lines, Lines::create(&full).unwrap());
        (2..5).for_each(|index| log.append(second(index)));
        assert_eq!(log.failure.as_ref().unwrap().kind(), io::ErrorKind::StorageFull, "the first is kept");
        log.lines = good;
        log.append(second(5));
        let records = read(&path);
        assert_eq!(records.iter().map(|record| record.ticks).collect::<Vec<_>>(), [1, 1, 4]);
        assert_eq!(due(&records), (0..6).sum::<u64>());
        assert!(log.take_failure().is_none(), "nothing is missing");
    }
}
