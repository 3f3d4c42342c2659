//! Finds a run and talks to it.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::protocol::{MAX_ANSWER_BYTES, News, Reply, Request, line};
use super::{RECORD, Record, SOCKET};
use crate::exit::{Exit, coded};

/// How long a run may take to answer: it does so at once, from a thread of its own.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Where runs are by default.
const RUNS: &str = "stresshost-out";

/// Bytes read of a `control.json`.
const MAX_RECORD_BYTES: u64 = 64 << 10;

/// Directories looked at for a run: more than a person keeps.
const MAX_DIRECTORIES: usize = 10_000;

/// A connection to a run.
pub(crate) struct Client {
    from: BufReader<UnixStream>,
    to: UnixStream,
    directory: PathBuf,
}

/// Why there is no connection.
enum Missing {
    /// Nothing says that a run goes on here.
    Over,
    /// Something does, but nobody answers.
    Dead(Option<Record>),
    Other(io::Error),
}

impl Client {
    /// Connects to the run in a directory, or to the newest below `stresshost-out` that goes on.
    ///
    /// # Errors
    /// With exit code 3 when there is no such run, with words that say what is there instead.
    pub(crate) fn connect(directory: Option<&Path>) -> anyhow::Result<Self> {
        match directory {
            Some(directory) => Self::to(directory).map_err(|missing| gone(explain(directory, missing))),
            None => Self::to_newest(),
        }
    }

    fn to_newest() -> anyhow::Result<Self> {
        let mut dead = Vec::new();
        for directory in candidates(Path::new(RUNS)) {
            match Self::to(&directory) {
                Ok(client) => return Ok(client),
                Err(missing) => dead.push(explain(&directory, missing)),
            }
        }
        let newest = dead.into_iter().next().map(|why| format!("; {why}")).unwrap_or_default();
        Err(gone(format!("no run goes on below `{RUNS}`; name one with --run DIR{newest}")))
    }

    fn to(directory: &Path) -> Result<Self, Missing> {
        let record = record(directory);
        // The record is what the run wrote; the directory may have been moved since.
        let recorded = record.as_ref().and_then(|record| record.socket.clone());
        let mut found = false;
        for path in recorded.into_iter().chain([directory.join(SOCKET)]) {
            match UnixStream::connect(&path) {
                Ok(stream) => return Self::over(stream, directory).map_err(Missing::Other),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // Too long a path: it cannot have been served.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => found = true,
                Err(error) => return Err(Missing::Other(error)),
            }
        }
        if let Some(Record { socket: None, http: Some(url), .. }) = &record {
            return Err(Missing::Other(io::Error::other(format!(
                "it has no socket; it is controlled at {url}"
            ))));
        }
        if found || record.is_some() { Err(Missing::Dead(record)) } else { Err(Missing::Over) }
    }

    fn over(stream: UnixStream, directory: &Path) -> io::Result<Self> {
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        let to = stream.try_clone()?;
        Ok(Self { from: BufReader::new(stream), to, directory: directory.to_owned() })
    }

    /// The run's directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Sends a request and waits for the answer.
    pub(crate) fn ask(&mut self, request: &Request) -> anyhow::Result<Reply> {
        let lost = |error: &dyn std::fmt::Display, directory: &Path| {
            gone(format!("the run in `{}` does not answer: {error}", directory.display()))
        };
        // A run that turns a client away may have closed the connection already; its reason is still there.
        let sent = self.to.write_all(&line(request));
        let reply = self.read().map_err(|error| lost(&error, &self.directory))?;
        let Some(reply) = reply else {
            let error = sent.err().map_or_else(|| "it has ended".to_owned(), |error| error.to_string());
            return Err(lost(&error, &self.directory));
        };
        serde_json::from_slice(&reply).map_err(|error| lost(&error, &self.directory))
    }

    /// The next line of a watch, as sent and read; none when the run is gone without a word.
    pub(crate) fn news(&mut self) -> anyhow::Result<Option<(Vec<u8>, News)>> {
        // A paused or preparing run has nothing to tell for as long as it likes.
        self.to.set_read_timeout(None)?;
        // A killed run resets the connection.
        let Ok(Some(line)) = self.read() else { return Ok(None) };
        let news = serde_json::from_slice(&line).map_err(|error| gone(format!("a strange line: {error}")))?;
        Ok(Some((line, news)))
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        (&mut self.from).take(MAX_ANSWER_BYTES).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a line has no end"));
        }
        Ok(Some(line))
    }
}

fn gone(message: impl std::fmt::Display) -> anyhow::Error {
    coded(Exit::Unreachable, message)
}

/// What is in a directory instead of a run that goes on.
fn explain(directory: &Path, missing: Missing) -> String {
    let shown = directory.display();
    let is_run = directory.join("run.json").exists();
    match missing {
        Missing::Over if directory.join("summary.json").exists() => {
            format!("the run in `{shown}` has ended; `stresshost report {shown}` shows it")
        }
        Missing::Over if is_run => format!("the run in `{shown}` does not go on"),
        Missing::Over => format!("`{shown}` is no run directory: it has no run.json"),
        Missing::Dead(record) => {
            let process = record.map(|record| format!(" (process {})", record.pid)).unwrap_or_default();
            format!(
                "the run in `{shown}` is dead: its process{process} has ended without a word; \
                 `stresshost report {shown}` shows what it recorded"
            )
        }
        Missing::Other(error) => format!("cannot reach the run in `{shown}`: {error}"),
    }
}

/// The record of a run that goes on, or was killed.
fn record(directory: &Path) -> Option<Record> {
    let file = fs::File::open(directory.join(RECORD)).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_RECORD_BYTES).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Run directories with a record, the newest first: those of runs, and those of trials one level below.
fn candidates(runs: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    let mut looked = 0;
    for directory in directories(runs) {
        for candidate in std::iter::once(directory.clone()).chain(directories(&directory)) {
            looked += 1;
            if looked > MAX_DIRECTORIES {
                break;
            }
            found.extend(record(&candidate).map(|record| (record.started_unix_ms, candidate)));
        }
    }
    found.sort_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, directory)| directory).collect()
}

fn directories(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir())
}
