//! `bench start`: time from just before the process is started until its first request arrives.
//!
//! Cached: the compiled plugin is on disk, as in every run but the first. Cold: it has to be compiled. Program and plugin
//! are in the page cache either way, and nothing is pinned.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde_json::json;

use crate::bench::child;
use crate::bench::generator::{OWN, READABLE};
use crate::bench::output::{table, write_json};
use crate::bench::stats::Spread;
use crate::build::{self, Profile};

/// The bar of a cached start.
const CACHED_MOST_MS: f64 = 50.0;

/// What a run may take; compiling on a slow machine takes some seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// What a client may take to send the rest of a request.
const PATIENCE: Duration = Duration::from_secs(30);

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

/// How often to start.
#[derive(Args)]
pub(crate) struct Options {
    /// Starts with the compiled plugin in the cache
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    cached: u32,
    /// Starts with an empty cache
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    cold: u32,
    /// Also write the results here as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Measures and prints a table and whether the bar holds.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let program = build::product(Profile::Dist)?;
    let target = Target::start()?;
    let warm = tempfile::tempdir()?;
    // Compiles the plugin, and brings the program's pages in.
    start_ms(&program, &target, warm.path())?;
    let cached = (0..options.cached).map(|_| start_ms(&program, &target, warm.path()));
    let cached = cached.collect::<anyhow::Result<Vec<f64>>>()?;
    let cold = (0..options.cold).map(|_| start_ms(&program, &target, tempfile::tempdir()?.path()));
    let cold = cold.collect::<anyhow::Result<Vec<f64>>>()?;

    println!("\nFrom the start of the process to the arrival of its first request");
    let rows = [("cached", &cached), ("cold", &cold)].map(|(name, values_ms)| {
        let spread = Spread::of(values_ms);
        vec![name.to_owned(), values_ms.len().to_string(), format!("{:.1}", spread.median), spread.ends(1)]
    });
    print!("{}", table(&["", "starts", "median ms", "least - most"], &rows));
    let median_ms = Spread::of(&cached).median;
    let holds = if median_ms < CACHED_MOST_MS { "holds" } else { "does not hold" };
    println!("  The bar, a cached median below {CACHED_MOST_MS} ms, {holds}.");
    let of = |values_ms: &[f64]| json!({ "median_ms": Spread::of(values_ms).median, "rounds_ms": values_ms });
    write_json(options.json.as_deref(), "start", json!({ "cached": of(&cached), "cold": of(&cold) }))
}

/// Starts stresshost with `cache` as its cache and returns the milliseconds until its request arrived.
fn start_ms(program: &Path, target: &Target, cache: &Path) -> anyhow::Result<f64> {
    let directory = tempfile::tempdir()?;
    let mut command = Command::new(program);
    command.args(OWN).arg(format!("http://127.0.0.1:{}/", target.port));
    command.args(["--vus", "1", "--iterations", "1"]).current_dir(directory.path());
    command.env("STRESSHOST_CACHE_DIR", cache);
    let finished = child::run("stresshost", &mut command, LIMIT)?;
    finished.ended_with(READABLE).context("stresshost")?;
    // It got its answer after this was sent.
    let arrived = target.arrivals.try_recv().context("stresshost sent no request")?;
    Ok(arrived.saturating_duration_since(finished.started).as_secs_f64() * 1e3)
}

/// A server that notes when requests arrive. Its thread ends with this program.
struct Target {
    port: u16,
    arrivals: Receiver<Instant>,
}

impl Target {
    fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (sender, arrivals) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that breaks is the client's affair: it says so itself.
                drop(serve(stream, &sender));
            }
        });
        Ok(Self { port, arrivals })
    }
}

/// Answers every request of a connection until the client closes it.
fn serve(mut stream: TcpStream, arrivals: &Sender<Instant>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut bytes, mut request) = ([0; 4096], Vec::new());
    loop {
        let read = stream.read(&mut bytes)?;
        if read == 0 {
            return Ok(());
        }
        if request.is_empty() && arrivals.send(child::now()).is_err() {
            return Ok(());
        }
        request.extend_from_slice(&bytes[..read]);
        if request.windows(4).any(|end| end == b"\r\n\r\n") {
            stream.write_all(ANSWER)?;
            request.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_notes_each_request_at_its_first_byte_and_answers() {
        let target = Target::start().unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", target.port)).unwrap();
        for _ in 0..2 {
            client.write_all(b"GET / HTTP/1.1\r\n").unwrap();
            target.arrivals.recv().unwrap();
            client.write_all(b"Host: x\r\n\r\n").unwrap();
            let mut answer = vec![0; ANSWER.len()];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(answer, ANSWER);
            assert!(target.arrivals.try_recv().is_err());
        }
    }
}
