//! Rows of a result: counted, and kept up to a limit when they are wanted.

use std::rc::Rc;

use super::limits::{MAX_KEPT_BYTES, MAX_KEPT_ROWS};
use super::value::Value;

/// The rows kept of a virtual user's latest result.
#[derive(Debug, Default)]
pub struct Rows {
    columns: Rc<[String]>,
    rows: Vec<Vec<Value>>,
    bytes: usize,
    /// Rows that the limits did not let in.
    dropped: u64,
}

impl Rows {
    /// Names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// A row by its index, if it was kept.
    pub fn row(&self, index: usize) -> Option<&[Value]> {
        self.rows.get(index).map(Vec::as_slice)
    }

    /// Rows that came and were not kept, because there are too many or they are too large.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn begin(&mut self, columns: Rc<[String]>) {
        *self = Self { columns, ..Self::default() };
    }

    fn wants(&self, bytes: usize) -> bool {
        self.rows.len() < MAX_KEPT_ROWS
            && self.bytes.saturating_add(bytes) <= MAX_KEPT_BYTES
            && self.dropped == 0
    }
}

/// What went over the connection for an operation, as far as the driver says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    /// When its last byte had gone out, on the run clock; 0 for not known.
    pub(crate) written_ns: u64,
    /// When the first byte of the answer was there; 0 for not known.
    pub(crate) first_byte_ns: u64,
}

/// Takes the rows of one operation as they come.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    kept: Option<&'a mut Rows>,
    returned: u64,
    changed: u64,
    /// Whether the statement whose rows come has ended.
    ended: bool,
    pub(crate) traffic: Traffic,
}

impl<'a> Sink<'a> {
    /// Counts only, or also keeps.
    pub(crate) fn new(kept: Option<&'a mut Rows>) -> Self {
        Self { kept, returned: 0, changed: 0, ended: false, traffic: Traffic::default() }
    }

    /// Whether rows are more than counted.
    pub(crate) fn keeps(&self) -> bool {
        self.kept.is_some()
    }

    /// A row came, of so many `bytes`; `read` decodes it. What is only counted is not looked at.
    pub(crate) fn row(
        &mut self,
        bytes: impl FnOnce() -> usize,
        columns: impl FnOnce() -> Rc<[String]>,
        read: impl FnOnce() -> Vec<Value>,
    ) {
        let is_first = std::mem::take(&mut self.ended) || self.returned == 0;
        if is_first {
            self.returned = 0;
            self.changed = 0;
        }
        self.returned += 1;
        let Some(kept) = &mut self.kept else { return };
        if is_first {
            kept.begin(columns());
        }
        let bytes = bytes();
        if kept.wants(bytes) {
            kept.bytes += bytes;
            kept.rows.push(read());
        } else {
            kept.dropped += 1;
        }
    }

    /// A statement has ended, and says how many rows it concerned.
    pub(crate) fn end(&mut self, changed: u64) {
        if std::mem::replace(&mut self.ended, true) {
            // The one before had its rows; this one has none.
            self.returned = 0;
            if let Some(kept) = &mut self.kept {
                kept.begin(Rc::default());
            }
        }
        self.changed = changed;
    }

    /// Rows that the last statement returned or changed.
    pub(crate) fn count(&self) -> u64 {
        if self.returned > 0 { self.returned } else { self.changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(sink: &mut Sink<'_>, bytes: usize, value: i64) {
        sink.row(|| bytes, || Rc::from([format!("c{value}")]), || vec![Value::Integer(value)]);
    }

    #[test]
    fn rows_of_the_last_statement_count() {
        let mut rows = Rows::default();
        let mut sink = Sink::new(Some(&mut rows));
        one(&mut sink, 8, 1);
        one(&mut sink, 8, 2);
        sink.end(2);
        assert_eq!(sink.count(), 2);
        one(&mut sink, 8, 3);
        sink.end(1);
        assert_eq!(sink.count(), 1);
        assert_eq!(
            (rows.columns(), rows.row(0), rows.row(1)),
            (&["c3".to_owned()][..], Some(&[Value::Integer(3)][..]), None)
        );
        let mut sink = Sink::new(Some(&mut rows));
        one(&mut sink, 8, 1);
        sink.end(1);
        sink.end(7);
        assert_eq!(sink.count(), 7, "an update after a select");
        assert_eq!(rows.row(0), None);
    }

    #[test]
    fn too_many_or_too_large_rows_are_counted_only() {
        let mut rows = Rows::default();
        let mut sink = Sink::new(Some(&mut rows));
        for value in 0..MAX_KEPT_ROWS as i64 + 5 {
            one(&mut sink, 1, value);
        }
        assert_eq!(sink.count(), MAX_KEPT_ROWS as u64 + 5);
        assert_eq!((rows.dropped(), rows.row(MAX_KEPT_ROWS).is_none()), (5, true));
        let mut sink = Sink::new(Some(&mut rows));
        one(&mut sink, MAX_KEPT_BYTES, 1);
        one(&mut sink, 1, 2);
        assert_eq!((sink.count(), rows.dropped()), (2, 1));
    }
}
