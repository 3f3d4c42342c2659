//! Reading a log of intervals, whole or torn off in the middle of a line.

use std::io::BufRead;

use super::{IntervalRecord, RunEndRecord, compact, run_end};
use crate::{MAX_LOG_COUNT, MAX_RECORD_BYTES, MAX_RECORDS};

/// A log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A line says what cannot be.
    #[error("line {line} of the interval log is damaged: {what}")]
    Damaged {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A line refers to what the plan or the lines before it do not have.
    #[error(
        "line {line} of the interval log refers to {what}: a line before it is missing, or the log belongs to another plan"
    )]
    Dangling {
        /// Number of the line, from 1.
        line: u64,
        /// What it refers to.
        what: String,
    },
    /// A line is missing.
    #[error(
        "line {line} of the interval log begins {from_ns} ns into the load, the line before it ended at {expected_ns} ns: a line is missing"
    )]
    Gap {
        /// Number of the line, from 1.
        line: u64,
        /// Where it begins.
        from_ns: u64,
        /// Where it should.
        expected_ns: u64,
    },
    /// The plan of the run cannot be used.
    #[error("the plan in the run directory cannot be used: {0}")]
    Plan(String),
    /// The log cannot be read.
    #[error("the interval log cannot be read: {0}")]
    Read(#[from] std::io::Error),
}

impl RecordError {
    pub(super) fn damaged(line: u64, what: impl Into<String>) -> Self {
        Self::Damaged { line, what: what.into() }
    }
}

/// Reads records line by line and checks that they follow each other.
///
/// A last line without a line break that is not a record was being written when the run was killed; reading ends
/// before it and [`RecordReader::note`] says so.
#[derive(Debug)]
pub struct RecordReader<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    expected_ns: u64,
    counted: u64,
    note: Option<String>,
    done: bool,
}

impl<R: BufRead> RecordReader<R> {
    /// Reads from `input`.
    pub const fn new(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0, expected_ns: 0, counted: 0, note: None, done: false }
    }

    /// What is odd about the log, once all of it was read.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    fn read(&mut self) -> Result<Option<IntervalRecord>, RecordError> {
        self.line.clear();
        // One byte more than allowed tells a line that is too long from one that just fits.
        let mut limited = std::io::Read::take(&mut self.input, MAX_RECORD_BYTES as u64 + 1);
        if limited.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let whole = self.line.pop_if(|last| *last == b'\n').is_some();
        if self.line.len() > MAX_RECORD_BYTES {
            return Err(RecordError::damaged(
                self.number,
                format!("it is longer than {MAX_RECORD_BYTES} bytes"),
            ));
        }
        match serde_json::from_slice(&self.line) {
            Ok(record) => self.follow(record).map(Some),
            Err(_) if !whole => {
                let bytes = self.line.len();
                self.note = Some(format!(
                    "the run was cut off while it wrote line {} of its interval log; {bytes} bytes of it were ignored",
                    self.number
                ));
                Ok(None)
            }
            Err(error) => Err(RecordError::damaged(self.number, error.to_string())),
        }
    }

    fn follow(&mut self, record: IntervalRecord) -> Result<IntervalRecord, RecordError> {
        let line = self.number;
        if let Some(what) = record.flaw() {
            return Err(RecordError::damaged(line, what));
        }
        if record.from_ns != self.expected_ns {
            let (from_ns, expected_ns) = (record.from_ns, self.expected_ns);
            return Err(RecordError::Gap { line, from_ns, expected_ns });
        }
        self.expected_ns = record.to_ns;
        self.counted = self.counted.saturating_add(record.weight());
        if self.counted > MAX_LOG_COUNT {
            return Err(RecordError::damaged(line, "its counts are greater than any run could reach"));
        }
        Ok(record)
    }
}

impl<R: BufRead> Iterator for RecordReader<R> {
    type Item = Result<IntervalRecord, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// A log in memory, merged to at most [`MAX_RECORDS`] records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunLog {
    /// The records in order.
    pub records: Vec<IntervalRecord>,
    /// What is odd about the log.
    pub notes: Vec<String>,
}

impl RunLog {
    /// Reads a log. Memory does not grow with its length.
    ///
    /// # Errors
    /// When a line but a torn last one is not a record, or does not follow the one before.
    pub fn read(input: impl BufRead) -> Result<Self, RecordError> {
        let mut reader = RecordReader::new(input);
        let mut records = Vec::new();
        for record in reader.by_ref() {
            records.push(record?);
            if records.len() >= 2 * MAX_RECORDS {
                records = compact(records, MAX_RECORDS);
            }
        }
        let notes = reader.note().map(str::to_owned).into_iter().collect();
        Ok(Self { records: compact(records, MAX_RECORDS), notes })
    }

    /// How the run ended; `None` when it was cut short.
    pub fn end(&self) -> Option<&RunEndRecord> {
        run_end(self.records.iter())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{run, up_to};
    use super::*;

    fn text(records: &[IntervalRecord]) -> String {
        records.iter().map(|record| record.to_line() + "\n").collect()
    }

    fn read(text: &[u8]) -> Result<RunLog, RecordError> {
        RunLog::read(text)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_log_cut_anywhere_loses_only_its_last_line(
            intervals in prop::collection::vec(up_to(12), 1..6),
            cut: prop::sample::Index,
        ) {
            let records = run(&intervals, 0);
            let text = text(&records);
            let cut = cut.index(text.len() + 1);
            let log = read(&text.as_bytes()[..cut]).unwrap();
            let whole = text[..cut].matches('\n').count();
            // A line that lacks only its line break is whole.
            let kept = log.records.len();
            let torn = cut > 0 && !text[..cut].ends_with('\n');
            prop_assert!(kept == whole || (torn && kept == whole + 1 && text[cut..].starts_with('\n')));
            prop_assert_eq!(&log.records[..], &records[..kept]);
            prop_assert_eq!(log.notes.len(), usize::from(torn && kept == whole));
        }

        #[test]
        fn damaged_bytes_never_panic(
            intervals in prop::collection::vec(up_to(12), 1..4),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut text = text(&run(&intervals, 0)).into_bytes();
            for (at, byte) in damage {
                let index = at.index(text.len());
                text[index] = byte;
            }
            if let Ok(log) = read(&text) {
                prop_assert!(log.records.len() <= intervals.len() + 4);
            }
        }
    }

    #[test]
    fn says_which_line_is_wrong_and_why() {
        let good = r#"{"from_ns":0,"to_ns":5,"ticks":1}"#;
        let then = |line: &str| format!("{good}\n{line}\n");
        let huge = format!(r#"{{"from_ns":5,"to_ns":{},"ticks":1}}"#, u64::MAX);
        let op = |rest: &str| {
            format!(r#"{{"from_ns":5,"to_ns":6,"ticks":1,"ops":[{{"op":0,"scenario":0,{rest}}}]}}"#)
        };
        let guest =
            format!(r#"{{"from_ns":5,"to_ns":6,"ticks":1,"parts_guest_cpu_ns":[1,{MAX_LOG_COUNT}]}}"#);
        let limit = format!(
            r#"{{"from_ns":5,"to_ns":6,"ticks":1,"limits":[{{"part":0,"limit":"shots","count":{}}}]}}"#,
            MAX_LOG_COUNT + 1
        );
        let cases = [
            ("{}", "line 2 of the interval log is damaged: missing field `from_ns`"),
            ("", "line 2 of the interval log is damaged: EOF"),
            (r#"{"from_ns":6,"to_ns":7,"ticks":1}"#, "line 2 of the interval log begins 6 ns"),
            (r#"{"from_ns":5,"to_ns":4,"ticks":1}"#, "the interval ends before it begins"),
            (&huge, "36 years"),
            (&op(r#""fired":1,"done":1,"errors":{"oops":1}"#), "unknown error kind `oops`"),
            (&op(r#""fired":-1,"done":1"#), "invalid value"),
            (&op(r#""fired":9223372036854775807,"done":1"#), "greater than any run"),
            (&guest, "greater than any run"),
            (&limit, "greater than any run"),
            (&op(r#""fired":1,"done":1,"phases_us":{"nap":""}"#), "a histogram is shorter than its header"),
            (&op(r#""fired":1,"done":1,"service_us":"%""#), "a histogram is not base64"),
        ];
        for (line, expected) in cases {
            let error = read(then(line).as_bytes()).expect_err(line).to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn fields_of_a_newer_version_are_ignored() {
        let log = read(br#"{"from_ns":0,"to_ns":5,"ticks":1,"moon":{"phase":"full"}}"#).unwrap();
        assert_eq!((log.records.len(), log.notes.len()), (1, 0));
        assert!(log.end().is_none());
    }

    #[test]
    fn a_line_without_end_is_refused_and_a_long_log_is_merged() {
        let endless = std::io::BufReader::new(std::io::Read::take(std::io::repeat(b' '), 1 << 40));
        assert!(matches!(RunLog::read(endless), Err(RecordError::Damaged { line: 1, .. })));
        let line =
            |t: u64| format!(r#"{{"from_ns":{t},"to_ns":{},"ticks":1,"guest_cpu_ns":1}}"#, t + 1) + "\n";
        let log = read((0..10_000).map(line).collect::<String>().as_bytes()).unwrap();
        assert_eq!(log.records.len(), 625, "the least power of two that fits 10,000 ticks into 1,200 is 16");
        assert_eq!(log.records.iter().map(|record| record.guest_cpu_ns).sum::<u64>(), 10_000);
    }
}
