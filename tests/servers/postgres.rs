//! PostgreSQL.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::sys::signal::Signal;

use crate::process::{Running, as_user, directory, find, free_port, listens, run, told};
use crate::{PASSWORD, USER};

/// The system's user that it runs as when root starts it.
const OWNER: &str = "postgres";

const PACKAGE: &str = "postgresql";

/// A private PostgreSQL. A deadlock is found after 100 ms, nothing is written through to the disk.
#[derive(Debug)]
pub struct Postgres {
    directory: PathBuf,
    port: u16,
    settings: Vec<String>,
    running: Mutex<Option<Running>>,
    databases: AtomicU32,
}

impl Postgres {
    /// The server that the tests of this process share.
    ///
    /// # Panics
    /// When it does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]).unwrap_or_else(|reason| panic!("{reason}")))
    }

    /// A server of one's own, with settings such as `max_connections=10`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(settings: &[&str]) -> Result<Self, String> {
        let directory = directory(OWNER)?;
        let password = directory.join("password");
        fs::write(&password, PASSWORD).map_err(told(&password))?;
        let mut initdb = as_user(OWNER, &program("initdb")?, None)?;
        initdb.arg("--pgdata").arg(directory.join("data")).arg("--pwfile").arg(&password);
        initdb.args(["--username", USER, "--auth-local=trust", "--auth-host=scram-sha-256"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--no-sync"]).current_dir(&directory);
        run(&mut initdb)?;
        Self::of(directory, settings)
    }

    /// A server that replicates this one, with settings of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub fn replica(&self, settings: &[&str]) -> Result<Self, String> {
        let directory = directory(OWNER)?;
        let mut copy = as_user(OWNER, &program("pg_basebackup")?, None)?;
        copy.arg("--pgdata").arg(directory.join("data")).args(["--write-recovery-conf", "--checkpoint=fast"]);
        copy.args(["--no-sync", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", USER]);
        run(copy.env("PGPASSWORD", PASSWORD).current_dir(&directory))?;
        Self::of(directory, settings)
    }

    fn of(directory: PathBuf, settings: &[&str]) -> Result<Self, String> {
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let server = Self {
            port: free_port()?,
            directory,
            settings,
            running: Mutex::default(),
            databases: AtomicU32::new(0),
        };
        server.resume()?;
        Ok(server)
    }

    /// Starts it again after [`stop`](Self::stop).
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&self) -> Result<(), String> {
        let path = self.directory.to_string_lossy();
        let mut args = vec!["-D".to_owned(), format!("{path}/data"), "-p".to_owned(), self.port.to_string()];
        let fixed = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={path}"),
            "fsync=off".to_owned(),
            "synchronous_commit=off".to_owned(),
            "full_page_writes=off".to_owned(),
            "deadlock_timeout=100ms".to_owned(),
            "max_connections=300".to_owned(),
        ];
        for setting in fixed.iter().chain(&self.settings) {
            args.extend(["-c".to_owned(), setting.clone()]);
        }
        let log = self.directory.join("log");
        // SIGINT ends sessions at once and leaves nothing to recover.
        let mut running = Running::start(OWNER, &program("postgres")?, &args, &log, Signal::SIGINT)?;
        running.await_ready(&log, || listens(self.port) && self.psql("postgres", "SELECT 1").is_ok())?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }

    /// Stops it; every session ends.
    pub fn stop(&self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Its process id; 0 while it is stopped.
    pub fn pid(&self) -> u32 {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map_or(0, Running::pid)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// A new database made by some statements; its name.
    ///
    /// # Panics
    /// When a statement fails.
    pub fn database(&self, schema: &str) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        if !schema.is_empty() {
            self.sql(&name, schema);
        }
        name
    }

    /// Runs statements beside the load; what they return, a line for each row.
    ///
    /// # Panics
    /// When one fails.
    pub fn sql(&self, database: &str, text: &str) -> String {
        self.psql(database, text).unwrap_or_else(|reason| panic!("{reason}"))
    }

    fn psql(&self, database: &str, text: &str) -> Result<String, String> {
        let mut psql = Command::new(program("psql")?);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h"]).arg(&self.directory);
        psql.args(["-p", &self.port.to_string(), "-U", USER, "-d", database, "-c", text]);
        run(&mut psql).map(|text| text.trim_end().to_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        // What is left is removed by the next process that starts a server.
        drop(fs::remove_dir_all(&self.directory));
    }
}

/// A program of PostgreSQL's: distributions keep the servers of each version apart, the newest is taken.
pub(crate) fn program(name: &str) -> Result<PathBuf, String> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut directories: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    directories.sort();
    directories.reverse();
    find(name, &directories, PACKAGE)
}
