//! A thread that writes, so that a slow or dead disk never slows the run.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use stresshost_metrics::record::merge;
use stresshost_metrics::{IntervalRecord, ReportedFinding, Snapshot};

/// Seconds of a run that may wait for the disk. A disk that is busy for a minute catches up without a trace; each
/// second takes as much memory as a run's busiest one, some hundred kilobytes.
const MAX_WAITING: usize = 60;

/// What takes the run's data, one thing at a time and as slowly as it likes.
pub(super) trait Disk: Send + 'static {
    /// The load began, at this wall time.
    fn started(&mut self, started: String);
    /// A record of the log.
    fn record(&mut self, record: IntervalRecord);
    /// A snapshot.
    fn snapshot(&mut self, snapshot: &Snapshot);
    /// A finding.
    fn finding(&mut self, finding: &ReportedFinding);
}

/// What waits for the disk.
#[derive(Default)]
struct Queue {
    started: Option<String>,
    records: VecDeque<IntervalRecord>,
    snapshots: VecDeque<Snapshot>,
    /// As many as a run may have.
    findings: VecDeque<ReportedFinding>,
    missed: Missed,
    closed: bool,
}

/// What did not reach the disk as it was, because the disk was too slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Missed {
    /// Records that were merged into the one before.
    pub(super) merged: u64,
    /// Snapshots that were dropped.
    pub(super) snapshots: u64,
}

enum Next {
    Started(String),
    Record(IntervalRecord),
    Snapshot(Snapshot),
    Finding(ReportedFinding),
}

impl Queue {
    /// Adds a record. No record is lost: where there is no room it is merged into the last one that waits.
    fn record(&mut self, record: IntervalRecord) {
        let last = if self.records.len() < MAX_WAITING { None } else { self.records.pop_back() };
        match last {
            Some(last) => {
                self.missed.merged += 1;
                self.records.push_back(merge(last, record));
            }
            None => self.records.push_back(record),
        }
    }

    fn snapshot(&mut self, snapshot: Snapshot) {
        if self.snapshots.len() < MAX_WAITING {
            self.snapshots.push_back(snapshot);
        } else {
            self.missed.snapshots += 1;
        }
    }

    /// What is to be written next; records first, for everything else can be made from them.
    fn next(&mut self) -> Option<Next> {
        let started = self.started.take().map(Next::Started);
        let record = || self.records.pop_front().map(Next::Record);
        let next = started.or_else(record).or_else(|| self.snapshots.pop_front().map(Next::Snapshot));
        next.or_else(|| self.findings.pop_front().map(Next::Finding))
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be written next; `None` when the run is over and everything was.
    fn next(&self) -> Option<Next> {
        let mut queue = self.queue();
        loop {
            match queue.next() {
                None if queue.closed => return None,
                None => queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                next => return next,
            }
        }
    }
}

/// Hands data to a disk on a thread of its own.
pub(super) struct Writer<D: Disk> {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<D>>,
}

impl<D: Disk> Writer<D> {
    /// Starts the thread.
    pub(super) fn start(mut disk: D) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let thread = thread::Builder::new().name("stresshost-record".to_owned()).spawn(move || {
            while let Some(next) = own.next() {
                match next {
                    Next::Started(started) => disk.started(started),
                    Next::Record(record) => disk.record(record),
                    Next::Snapshot(snapshot) => disk.snapshot(&snapshot),
                    Next::Finding(finding) => disk.finding(&finding),
                }
            }
            disk
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The load began, at this wall time.
    pub(super) fn started(&self, started: String) {
        self.shared.queue().started = Some(started);
        self.shared.changed.notify_one();
    }

    /// Takes a record; never waits for the disk.
    pub(super) fn record(&self, record: IntervalRecord) {
        self.shared.queue().record(record);
        self.shared.changed.notify_one();
    }

    /// Takes a snapshot; never waits for the disk.
    pub(super) fn snapshot(&self, snapshot: Snapshot) {
        self.shared.queue().snapshot(snapshot);
        self.shared.changed.notify_one();
    }

    /// Takes a finding; never waits for the disk.
    pub(super) fn finding(&self, finding: ReportedFinding) {
        self.shared.queue().findings.push_back(finding);
        self.shared.changed.notify_one();
    }

    /// Waits until everything was written and gives the disk back, with what it was too slow for; `None` when that was
    /// done before or the thread broke.
    pub(super) fn close(&mut self) -> Option<(D, Missed)> {
        self.shared.queue().closed = true;
        self.shared.changed.notify_one();
        let disk = self.thread.take()?.join().ok()?;
        Some((disk, self.shared.queue().missed))
    }
}

impl<D: Disk> Drop for Writer<D> {
    /// A run that failed leaves what it has measured.
    fn drop(&mut self) {
        drop(self.close());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use stresshost_metrics::record::IterationRecord;

    use super::*;

    /// A disk that takes a thing only when it is told to.
    struct Stuck {
        entered: Sender<()>,
        go_on: Receiver<()>,
        started: Vec<String>,
        records: Vec<IntervalRecord>,
        snapshots: u64,
    }

    impl Stuck {
        fn pause(&self) {
            self.entered.send(()).unwrap();
            // Nobody holds it up any more when the other end is gone.
            self.go_on.recv().ok();
        }
    }

    impl Disk for Stuck {
        fn started(&mut self, started: String) {
            self.pause();
            self.started.push(started);
        }
        fn record(&mut self, record: IntervalRecord) {
            self.pause();
            self.records.push(record);
        }
        fn snapshot(&mut self, _: &Snapshot) {
            self.pause();
            self.snapshots += 1;
        }
        fn finding(&mut self, _: &ReportedFinding) {
            self.pause();
        }
    }

    fn second(index: u64) -> IntervalRecord {
        let mut row = IterationRecord::default();
        row.counts.due = index;
        let (from_ns, to_ns) = (index, index + 1);
        IntervalRecord { from_ns, to_ns, ticks: 1, iterations: vec![row], ..IntervalRecord::default() }
    }

    fn snapshot() -> Snapshot {
        let text = r#"{"t_s":1,"interval_s":1,"vus_busy":0,"fired":0,"done":0,"errors":0,"bytes_received":0,
            "response_us":null,"lag_p99_us":0,"scenarios":[]}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_dead_disk_holds_nobody_up_and_loses_no_record() {
        let ((entered, was_entered), (let_go, go_on)) = (channel(), channel());
        let disk = Stuck { entered, go_on, started: Vec::new(), records: Vec::new(), snapshots: 0 };
        let mut writer = Writer::start(disk).unwrap();
        writer.started("now".into());
        was_entered.recv().unwrap();
        // From here on the disk hangs, for longer than there is room.
        let seconds = 5 * MAX_WAITING as u64;
        for index in 0..seconds {
            writer.record(second(index));
            writer.snapshot(snapshot());
        }
        drop(let_go);
        let (disk, missed) = writer.close().unwrap();
        let waited = MAX_WAITING as u64;
        assert_eq!(missed, Missed { merged: seconds - waited, snapshots: seconds - waited });
        assert_eq!((disk.started.as_slice(), disk.snapshots), (&["now".to_owned()][..], waited));
        assert_eq!(disk.records.len(), MAX_WAITING);
        assert!(disk.records.windows(2).all(|pair| pair[0].to_ns == pair[1].from_ns));
        let due = disk.records.iter().flat_map(|record| &record.iterations).map(|row| row.counts.due);
        assert_eq!(due.sum::<u64>(), (0..seconds).sum::<u64>());
        assert!(writer.close().is_none());
    }

    #[test]
    fn a_disk_that_keeps_up_gets_everything_as_it_was() {
        let ((entered, was_entered), (let_go, go_on)) = (channel(), channel());
        let disk = Stuck { entered, go_on, started: Vec::new(), records: Vec::new(), snapshots: 0 };
        let mut writer = Writer::start(disk).unwrap();
        for index in 0..2 * MAX_WAITING as u64 {
            writer.record(second(index));
            was_entered.recv().unwrap();
            let_go.send(()).unwrap();
        }
        let (disk, missed) = writer.close().unwrap();
        assert_eq!(missed, Missed::default());
        assert_eq!(disk.records, (0..2 * MAX_WAITING as u64).map(second).collect::<Vec<_>>());
    }
}
