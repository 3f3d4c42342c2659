//! Redis.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::Signal;

use crate::looks::comes_true;
use crate::process::{Running, directory, find, free_port, run};

/// The system's user that it runs as when root starts it.
const OWNER: &str = "redis";

const PACKAGE: &str = "redis-server";

/// A private Redis that keeps nothing on disk.
#[derive(Debug)]
pub struct Redis {
    directory: PathBuf,
    port: u16,
    settings: Vec<String>,
    running: Mutex<Option<Running>>,
}

impl Redis {
    /// A server with settings such as `--maxclients 10`, word by word.
    ///
    /// # Panics
    /// When it does not start; the message says why.
    pub fn start(settings: &[&str]) -> Self {
        Self::try_start(settings).unwrap_or_else(|reason| panic!("{reason}"))
    }

    fn try_start(settings: &[&str]) -> Result<Self, String> {
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let (directory, port) = (directory(OWNER)?, free_port()?);
        let server = Self { directory, port, settings, running: Mutex::default() };
        server.launch()?;
        Ok(server)
    }

    fn launch(&self) -> Result<(), String> {
        let (port, log) = (self.port.to_string(), self.directory.join("log"));
        let words = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"];
        let mut args: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        args.push(self.directory.to_string_lossy().into_owned());
        args.extend(self.settings.iter().cloned());
        let program = server()?;
        let mut running = Running::start(OWNER, &program, &args, &log, Signal::SIGKILL)?;
        running.await_ready(&log, || answers(self.port))?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }

    /// Its port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Running::pid)
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

    /// What `redis-cli` prints for a command.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn cli(&self, words: &[&str]) -> String {
        let port = self.port.to_string();
        let program = find("redis-cli", &[], "redis-tools").unwrap_or_else(|reason| panic!("{reason}"));
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &port, "--no-auth-warning"]).args(words);
        run(&mut command).unwrap_or_else(|reason| panic!("{reason}")).trim_end().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
        // What is left of it harms nobody.
        drop(fs::remove_dir_all(&self.directory));
    }
}

/// Whether a server answers, be it that it wants a password.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut first = [0];
    stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut first).is_ok()
        && b"+-".contains(&first[0])
}

/// A private Redis cluster of three masters without replicas.
#[derive(Debug)]
pub struct RedisCluster {
    /// Its nodes.
    pub nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts a cluster.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        Self::try_start().unwrap_or_else(|reason| panic!("{reason}"))
    }

    fn try_start() -> Result<Self, String> {
        let bus = || free_port().map(|port| port.to_string());
        let start = |_| {
            let bus = bus()?;
            Redis::try_start(&[
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &bus,
                "--cluster-node-timeout",
                "2000",
            ])
        };
        let nodes = (0..3).map(start).collect::<Result<Vec<_>, String>>()?;
        let mut create = Command::new(find("redis-cli", &[], "redis-tools")?);
        create.args(["--cluster", "create"]);
        create.args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
        run(create.arg("--cluster-yes"))?;
        let agrees = |node: &Redis| node.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok");
        if comes_true(|| nodes.iter().all(agrees)) {
            Ok(Self { nodes })
        } else {
            Err("the nodes of the cluster do not agree".to_owned())
        }
    }
}

pub(crate) fn server() -> Result<PathBuf, String> {
    find("redis-server", &[], PACKAGE)
}
