//! What the thread of a stream does: format, deliver, try again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stresshost_report::streams::{StreamContext, StreamFormat};

use super::queue::{Job, Queue};
use super::{Failure, Payload, Sink, Then};

/// How long a delivery may take: a receiver on the same continent answers within a fraction of it.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a payload is offered before it is lost.
const MAX_ATTEMPTS: u32 = 5;

/// The first wait before trying again; it doubles with every failure until something is delivered.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);

/// The longest wait: a receiver that has come back is found within this time.
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// Makes a format once the run is known.
pub(super) type MakeFormat = fn(StreamContext) -> Box<dyn StreamFormat>;

/// What was delivered, read by the run at the end.
#[derive(Debug, Default)]
pub(super) struct Counts {
    delivered: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl Counts {
    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Keeps why something was lost: the last reason is the one that still holds.
    pub(super) fn note(&self, why: &str) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
    }

    /// The last reason; without any the queue was full.
    pub(super) fn why(&self) -> String {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone().unwrap_or_else(|| "the receiver is too slow".to_owned())
    }
}

pub(super) struct Worker {
    make: MakeFormat,
    sink: Box<dyn Sink>,
    queue: Arc<Queue>,
    counts: Arc<Counts>,
    backoff: Duration,
    /// Whether the receiver was away for the last payload.
    failing: bool,
}

/// What became of a payload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Came {
    Delivered,
    /// The receiver does not want it.
    Lost,
    /// It is lost as well, because the receiver is away.
    Away,
    /// Everything from here on is lost.
    Ended,
}

impl Worker {
    pub(super) fn new(make: MakeFormat, sink: Box<dyn Sink>, queue: Arc<Queue>, counts: Arc<Counts>) -> Self {
        Self { make, sink, queue, counts, backoff: FIRST_BACKOFF, failing: false }
    }

    /// Works until the run has ended; returns what the sink had to say at the end.
    pub(super) fn work(mut self) -> Option<String> {
        let mut format = None;
        loop {
            let came = match self.queue.next() {
                Job::Begin(context) => {
                    let made = (self.make)(context);
                    let came = self.deliver(&made.header(), made.content_type());
                    format = Some(made);
                    came
                }
                Job::Snapshot(snapshot) => match &mut format {
                    Some(format) => {
                        let (bytes, content_type) = (format.snapshot(&snapshot), format.content_type());
                        let came = self.deliver(&bytes, content_type);
                        if came == Came::Delivered {
                            self.counts.delivered.fetch_add(1, Ordering::Relaxed);
                        }
                        came
                    }
                    None => Came::Lost,
                },
                Job::End => break,
            };
            if came == Came::Ended {
                return None;
            }
        }
        if let Some(mut format) = format {
            let bytes = format.end();
            self.deliver(&bytes, format.content_type());
        }
        self.sink.close(self.queue.left().unwrap_or_default())
    }

    fn deliver(&mut self, bytes: &[u8], content_type: &'static str) -> Came {
        if bytes.is_empty() {
            return Came::Delivered;
        }
        let came = self.offer(&Payload { bytes, content_type });
        self.failing = matches!(came, Came::Away | Came::Ended);
        match came {
            // Nobody waits at the end of a run for a receiver that is away.
            Came::Away if self.queue.left().is_some() => Came::Ended,
            came => came,
        }
    }

    fn offer(&mut self, payload: &Payload<'_>) -> Came {
        for attempt in 1..=MAX_ATTEMPTS {
            let left = self.queue.left();
            let limit = left.unwrap_or(DELIVERY_TIMEOUT).min(DELIVERY_TIMEOUT);
            if limit.is_zero() {
                return Came::Away;
            }
            let Err(Failure { text, then }) = self.sink.deliver(payload, limit) else {
                self.backoff = FIRST_BACKOFF;
                return Came::Delivered;
            };
            self.counts.note(&text);
            match then {
                Then::Again(least) => {
                    if left.is_some() && (self.failing || attempt > 1) {
                        return Came::Away;
                    }
                    self.queue.rest(self.backoff.max(least).min(MAX_BACKOFF));
                    self.backoff = (self.backoff * 2).min(MAX_BACKOFF);
                }
                Then::Next => return Came::Lost,
                Then::End => return Came::Ended,
            }
        }
        Came::Away
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use stresshost_clock::Clock;
    use stresshost_metrics::Snapshot;

    use super::super::queue::MAX_QUEUED_SNAPSHOTS;
    use super::*;

    /// Writes the second of each snapshot.
    struct Seconds;

    impl StreamFormat for Seconds {
        fn content_type(&self) -> &'static str {
            "text/plain"
        }

        fn header(&self) -> Vec<u8> {
            b"header".to_vec()
        }

        fn snapshot(&mut self, snapshot: &Snapshot) -> Vec<u8> {
            snapshot.t_s.to_string().into_bytes()
        }

        fn end(&mut self) -> Vec<u8> {
            b"end".to_vec()
        }
    }

    /// Answers as it is told, and shows what it was given.
    struct Scripted {
        given: Sender<String>,
        answers: Receiver<Result<(), Failure>>,
    }

    impl Sink for Scripted {
        fn deliver(&mut self, payload: &Payload<'_>, _limit: Duration) -> Result<(), Failure> {
            self.given.send(String::from_utf8_lossy(payload.bytes).into_owned()).expect("the test listens");
            self.answers.recv().unwrap_or(Ok(()))
        }

        fn close(&mut self, _limit: Duration) -> Option<String> {
            Some("closed".to_owned())
        }
    }

    struct Bench {
        queue: Arc<Queue>,
        counts: Arc<Counts>,
        given: Receiver<String>,
        answers: Sender<Result<(), Failure>>,
        thread: std::thread::JoinHandle<Option<String>>,
    }

    fn bench() -> Bench {
        let (queue, counts) = (Arc::new(Queue::new(Clock::start())), Arc::new(Counts::default()));
        let ((tell_given, given), (answers, answer)) = (channel(), channel());
        let sink = Box::new(Scripted { given: tell_given, answers: answer });
        let worker = Worker::new(|_| Box::new(Seconds), sink, Arc::clone(&queue), Arc::clone(&counts));
        Bench { queue, counts, given, answers, thread: std::thread::spawn(move || worker.work()) }
    }

    fn context() -> StreamContext {
        StreamContext { run_id: "r".into(), name: "n".into(), started_unix_ms: 0 }
    }

    fn snapshot(t_s: u64) -> Arc<Snapshot> {
        let json = serde_json::json!({
            "t_s": t_s, "interval_s": 1.0, "vus_busy": 0, "fired": 0, "done": 0, "errors": 0,
            "bytes_received": 0, "response_us": null, "lag_p99_us": 0, "scenarios": [],
        });
        Arc::new(serde_json::from_value(json).expect("a snapshot"))
    }

    fn again() -> Result<(), Failure> {
        Err(Failure::new(Then::Again(Duration::ZERO), "away"))
    }

    #[test]
    fn everything_comes_in_order_between_header_and_end() {
        let bench = bench();
        bench.queue.begin(context());
        bench.queue.push(snapshot(1));
        bench.queue.push(snapshot(2));
        bench.queue.end(Duration::from_secs(60));
        (0..4).for_each(|_| bench.answers.send(Ok(())).expect("it listens"));
        let thread = bench.thread;
        assert_eq!(thread.join().expect("no panic").as_deref(), Some("closed"));
        assert_eq!(bench.given.iter().collect::<Vec<_>>(), ["header", "1", "2", "end"]);
        assert_eq!(bench.counts.delivered(), 2);
    }

    #[test]
    fn a_failure_is_tried_again_with_the_same_bytes() {
        let bench = bench();
        bench.queue.begin(context());
        bench.queue.push(snapshot(1));
        for answer in [Ok(()), again(), Ok(())] {
            bench.answers.send(answer).expect("it listens");
        }
        let seen: Vec<_> = bench.given.iter().take(3).collect();
        assert_eq!(seen, ["header", "1", "1"]);
        bench.queue.end(Duration::from_secs(60));
        bench.answers.send(Ok(())).expect("it listens");
        bench.thread.join().expect("no panic");
        assert_eq!((bench.counts.delivered(), bench.counts.why().as_str()), (1, "away"));
    }

    #[test]
    fn what_was_refused_is_lost_and_the_next_is_sent() {
        let bench = bench();
        bench.queue.begin(context());
        bench.queue.push(snapshot(1));
        bench.queue.push(snapshot(2));
        for answer in [Ok(()), Err(Failure::new(Then::Next, "no")), Ok(()), Ok(())] {
            bench.answers.send(answer).expect("it listens");
        }
        assert_eq!(bench.given.iter().take(3).collect::<Vec<_>>(), ["header", "1", "2"]);
        bench.queue.end(Duration::from_secs(60));
        bench.thread.join().expect("no panic");
        assert_eq!(bench.counts.delivered(), 1);
    }

    #[test]
    fn a_sink_that_is_gone_ends_the_stream() {
        let bench = bench();
        bench.queue.begin(context());
        bench.answers.send(Err(Failure::new(Then::End, "full"))).expect("it listens");
        assert_eq!(bench.thread.join().expect("no panic"), None);
        bench.queue.push(snapshot(1));
        assert_eq!((bench.counts.delivered(), bench.counts.why().as_str()), (0, "full"));
    }

    #[test]
    fn a_slow_receiver_gets_the_newest() {
        let bench = bench();
        bench.queue.begin(context());
        assert_eq!(bench.given.recv().as_deref(), Ok("header"));
        // The receiver has not answered yet.
        let all = MAX_QUEUED_SNAPSHOTS as u64 + 40;
        (1..=all).for_each(|second| bench.queue.push(snapshot(second)));
        drop(bench.answers);
        let (queue, given) = (bench.queue, bench.given);
        let seen: Vec<_> = given.iter().take(MAX_QUEUED_SNAPSHOTS).collect();
        assert_eq!((seen[0].as_str(), seen.last().map(String::as_str)), ("41", Some("100")));
        queue.end(Duration::from_secs(60));
        bench.thread.join().expect("no panic");
        assert_eq!(bench.counts.delivered(), MAX_QUEUED_SNAPSHOTS as u64);
        assert_eq!(bench.counts.why(), "the receiver is too slow");
    }

    #[test]
    fn nobody_waits_at_the_end_for_a_receiver_that_is_away() {
        let bench = bench();
        bench.queue.begin(context());
        assert_eq!(bench.given.recv().as_deref(), Ok("header"));
        (1..=30).for_each(|second| bench.queue.push(snapshot(second)));
        bench.queue.end(Duration::from_secs(600));
        for answer in [Ok(()), again(), again()] {
            bench.answers.send(answer).expect("it listens");
        }
        let clock = Clock::start();
        let _done = bench.thread.join().expect("no panic");
        assert!(clock.now_ns() < 5 * stresshost_clock::NS_PER_S);
        assert_eq!(bench.given.iter().collect::<Vec<_>>(), ["1", "1"]);
        assert_eq!(bench.counts.delivered(), 0);
    }

    #[test]
    fn what_is_refused_at_the_end_does_not_end_the_rest() {
        let bench = bench();
        bench.queue.begin(context());
        assert_eq!(bench.given.recv().as_deref(), Ok("header"));
        (1..=3).for_each(|second| bench.queue.push(snapshot(second)));
        bench.queue.end(Duration::from_secs(60));
        for answer in [Ok(()), Err(Failure::new(Then::Next, "no")), Err(Failure::new(Then::Next, "no"))] {
            bench.answers.send(answer).expect("it listens");
        }
        drop(bench.answers);
        bench.thread.join().expect("no panic");
        assert_eq!(bench.given.iter().collect::<Vec<_>>(), ["1", "2", "3", "end"]);
        assert_eq!(bench.counts.delivered(), 1);
    }

    #[test]
    fn a_run_that_never_began_ends_its_streams() {
        let bench = bench();
        bench.queue.end(Duration::from_secs(60));
        assert_eq!(bench.thread.join().expect("no panic").as_deref(), Some("closed"));
        assert!(bench.given.try_iter().next().is_none());
    }
}
