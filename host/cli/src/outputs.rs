//! START HERE: live streams of a run, `--stream SPEC`.
//!
//! A stream is a format (see `stresshost_report::streams`) and a [`Sink`]. Each has a thread and a bounded queue of its
//! own: the run hands a snapshot over and goes on, whatever the receiver does. What could not be delivered is counted
//! and told at the end.
//!
//! `STREAMS.md` of this crate is the reference.
//!
//! | sink | module | of |
//! |---|---|---|
//! | a file, a pipe or standard output | `file` | `jsonl`, `csv` |
//! | a page that is fetched | `scrape` | `prometheus` |
//! | an address that is sent to | `post` | `prometheus-rw`, `otlp` |

mod file;
mod post;
mod queue;
mod scrape;
mod spec;
mod worker;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::Context;
use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_engine::Event;
use stresshost_report::streams::StreamContext;

use self::queue::Queue;
use self::worker::{Counts, Worker};
use crate::exit::usage;
use crate::printer::Printer;

pub(crate) use self::spec::Specs;

/// Streams of a run: each costs a thread and a copy of what it sends.
const MAX_STREAMS: usize = 16;

/// How long the end of a run waits for what is still on its way, in milliseconds.
const FLUSH_LIMIT_MS: u64 = 3_000;

/// How much later than its limit a thread may say that it is done.
const FLUSH_GRACE: Duration = Duration::from_millis(250);

/// Where a payload goes.
trait Sink: Send {
    /// Hands over a payload, taking at most about `limit`.
    fn deliver(&mut self, payload: &Payload<'_>, limit: Duration) -> Result<(), Failure>;

    /// After the last payload: waits at most `limit` for what is still to happen, and tells what did not.
    fn close(&mut self, limit: Duration) -> Option<String>;
}

/// What a format made of a snapshot.
struct Payload<'a> {
    bytes: &'a [u8],
    content_type: &'static str,
}

/// Why a payload was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    text: String,
    then: Then,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The same again, not before this long.
    Again(Duration),
    /// Go on with the next.
    Next,
    /// The sink is gone for good.
    End,
}

/// The streams of a run that goes on.
pub(crate) struct Outputs {
    run: String,
    name: String,
    streams: Vec<Stream>,
}

struct Stream {
    label: String,
    queue: Arc<Queue>,
    counts: Arc<Counts>,
    /// Snapshots handed over.
    offered: u64,
    /// Told when the thread is done, with what the sink had to say.
    done: Receiver<Option<String>>,
}

impl Outputs {
    /// Opens every stream: files are made and addresses listened on, nobody is connected to yet.
    ///
    /// # Errors
    /// When a file or an address cannot be had.
    pub(crate) fn open(specs: &Specs, run: &str, name: &str, printer: &Printer) -> anyhow::Result<Self> {
        let mut streams = Vec::new();
        let clock = Clock::start();
        for spec in &specs.streams {
            let opened = spec.open(specs).with_context(|| format!("--stream {}", spec.label))?;
            let (queue, counts) = (Arc::new(Queue::new(clock)), Arc::new(Counts::default()));
            let (tell, done) = sync_channel(1);
            let format = spec.format();
            let worker = Worker::new(format, opened.sink, Arc::clone(&queue), Arc::clone(&counts));
            let thread = std::thread::Builder::new().name("stresshost-stream".into());
            // The run may have given up waiting; then nobody hears it.
            let work = move || drop(tell.send(worker.work()));
            thread.spawn(work).map_err(usage).context("cannot start a thread for a stream")?;
            if let Some(note) = opened.note {
                printer.note(&format!("stream {}: {note}", spec.label));
            }
            streams.push(Stream { label: spec.label.clone(), queue, counts, offered: 0, done });
        }
        Ok(Self { run: run.to_owned(), name: name.to_owned(), streams })
    }

    /// Hands an event of the run to every stream. Never waits.
    pub(crate) fn on_event(&mut self, event: &Event<'_>) {
        if self.streams.is_empty() {
            return;
        }
        match event {
            Event::Started => {
                let context = StreamContext {
                    run_id: self.run.clone(),
                    name: self.name.clone(),
                    started_unix_ms: stresshost_clock::wall_unix_ms(),
                };
                self.streams.iter().for_each(|stream| stream.queue.begin(context.clone()));
            }
            Event::Tick(tick) => {
                let snapshot = Arc::new(tick.snapshot.clone());
                for stream in &mut self.streams {
                    stream.offered += 1;
                    stream.queue.push(Arc::clone(&snapshot));
                }
            }
            _ => {}
        }
    }

    /// Ends every stream and tells what was lost, a line for each that lost something or has something to say.
    pub(crate) fn finish(self) -> Vec<String> {
        let clock = Clock::start();
        for stream in &self.streams {
            stream.queue.end(Duration::from_millis(FLUSH_LIMIT_MS));
        }
        let mut notes = Vec::new();
        for stream in self.streams {
            let left_ms = FLUSH_LIMIT_MS.saturating_sub(clock.now_ns() / NS_PER_MS);
            let said = match stream.done.recv_timeout(Duration::from_millis(left_ms) + FLUSH_GRACE) {
                Ok(said) => said,
                Err(RecvTimeoutError::Timeout) => {
                    stream.counts.note("it takes too long");
                    None
                }
                Err(RecvTimeoutError::Disconnected) => {
                    stream.counts.note("its thread broke");
                    None
                }
            };
            let lost = stream.offered.saturating_sub(stream.counts.delivered());
            let label = &stream.label;
            if lost > 0 {
                let why = stream.counts.why();
                notes.push(format!("stream {label}: {lost} of {} snapshots lost: {why}", stream.offered));
            }
            notes.extend(said.map(|said| format!("stream {label}: {said}")));
        }
        notes
    }
}

impl Failure {
    fn new(then: Then, text: impl Into<String>) -> Self {
        Self { text: text.into(), then }
    }
}
