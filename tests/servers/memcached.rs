//! Memcached.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::Signal;

use crate::process::{Running, directory, find, free_port};

/// The system's user that it runs as when root starts it.
const OWNER: &str = "memcache";

const PACKAGE: &str = "memcached";

/// A private memcached on TCP.
#[derive(Debug)]
pub struct Memcached {
    directory: PathBuf,
    port: u16,
    running: Mutex<Option<Running>>,
}

impl Memcached {
    /// A server.
    ///
    /// # Panics
    /// When it does not start; the message says why.
    pub fn start() -> Self {
        Self::try_start().unwrap_or_else(|reason| panic!("{reason}"))
    }

    fn try_start() -> Result<Self, String> {
        let server = Self { directory: directory(OWNER)?, port: free_port()?, running: Mutex::default() };
        server.launch()?;
        Ok(server)
    }

    fn launch(&self) -> Result<(), String> {
        let (port, log) = (self.port.to_string(), self.directory.join("log"));
        let args = ["-l", "127.0.0.1", "-p", &port, "-U", "0", "-m", "64", "-t", "2"];
        let args: Vec<String> = args.iter().map(|&word| word.to_owned()).collect();
        let mut running = Running::start(OWNER, &server()?, &args, &log, Signal::SIGKILL)?;
        let is_version = |lines: Vec<String>| lines.iter().any(|line| line.starts_with("VERSION "));
        running.await_ready(&log, || self.ask("version").is_ok_and(is_version))?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }

    /// Its port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its address as users write targets.
    pub fn url(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// Ends the server at once, as a crash would.
    pub fn stop(&self) {
        drop(self.running.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Starts it again, empty, on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        self.launch().unwrap_or_else(|reason| panic!("{reason}"));
    }

    /// A number of `stats`, such as `cmd_get`.
    ///
    /// # Panics
    /// When the server does not tell it.
    pub fn stat(&self, name: &str) -> u64 {
        let lines = self.ask("stats").unwrap_or_else(|error| panic!("no stats: {error}"));
        let value = lines.iter().find_map(|line| line.strip_prefix(&format!("STAT {name} ")));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no `{name}` in {lines:?}"))
    }

    /// Lines of the answer to a command of the text protocol, up to `END` or the first that is no part of a list.
    fn ask(&self, command: &str) -> std::io::Result<Vec<String>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut lines = Vec::new();
        for line in BufReader::new(stream).lines() {
            let line = line?;
            let is_last = !line.starts_with("STAT ");
            lines.push(line);
            if is_last {
                break;
            }
        }
        Ok(lines)
    }
}

impl Drop for Memcached {
    fn drop(&mut self) {
        self.stop();
        // What is left of it harms nobody.
        drop(fs::remove_dir_all(&self.directory));
    }
}

pub(crate) fn server() -> Result<PathBuf, String> {
    find("memcached", &[], PACKAGE)
}
