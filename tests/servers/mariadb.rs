//! MariaDB.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::sys::signal::Signal;

use crate::process::{Running, as_user, directory, find, free_port, run};
use crate::{PASSWORD, USER};

/// The system's user that it runs as when root starts it.
const OWNER: &str = "mysql";

const PACKAGE: &str = "mariadb-server";

/// A private MariaDB. Nothing is written through to the disk at once.
#[derive(Debug)]
pub struct MariaDb {
    directory: PathBuf,
    port: u16,
    settings: Vec<String>,
    running: Mutex<Option<Running>>,
    databases: AtomicU32,
}

impl MariaDb {
    /// The server that the tests of this process share.
    ///
    /// # Panics
    /// When it does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<MariaDb> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]).unwrap_or_else(|reason| panic!("{reason}")))
    }

    /// A server of one's own, with settings such as `--max-connections=10`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(settings: &[&str]) -> Result<Self, String> {
        let directory = directory(OWNER)?;
        let install = find("mariadb-install-db", &[], PACKAGE)?;
        let mut install = as_user(OWNER, &install, None)?;
        install.arg("--no-defaults").arg(format!("--datadir={}/data", directory.display()));
        install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]).current_dir(&directory);
        run(&mut install)?;
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let server = Self {
            port: free_port()?,
            directory,
            settings,
            running: Mutex::default(),
            databases: AtomicU32::new(0),
        };
        server.resume()?;
        server.sql("", &format!("CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"));
        server.sql("", &format!("GRANT ALL ON *.* TO {USER}@'127.0.0.1' WITH GRANT OPTION"));
        Ok(server)
    }

    /// Lets it replicate what another, which needs the settings `--log-bin` and `--server-id`, writes from now on;
    /// changes are applied so many seconds later.
    ///
    /// # Panics
    /// When one of the two refuses.
    pub fn follow(&self, primary: &Self, delay_s: u32) {
        // Both have the same users already.
        primary.sql("", "RESET MASTER");
        let port = primary.port;
        let source = format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='{USER}', \
             MASTER_PASSWORD='{PASSWORD}', MASTER_USE_GTID=slave_pos, MASTER_DELAY={delay_s}"
        );
        self.sql("", &source);
        self.sql("", "START SLAVE");
    }

    /// Starts it again after [`stop`](Self::stop).
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&self) -> Result<(), String> {
        let path = self.directory.display();
        let mut args = vec![
            "--no-defaults".to_owned(),
            format!("--datadir={path}/data"),
            format!("--socket={path}/socket"),
            format!("--pid-file={path}/pid"),
            format!("--port={}", self.port),
            "--bind-address=127.0.0.1".to_owned(),
            "--skip-name-resolve".to_owned(),
            "--character-set-server=utf8mb4".to_owned(),
            "--innodb-flush-log-at-trx-commit=0".to_owned(),
            "--sync-binlog=0".to_owned(),
            "--max-connections=300".to_owned(),
        ];
        args.extend(self.settings.iter().cloned());
        let log = self.directory.join("log");
        let mut running = Running::start(OWNER, &server()?, &args, &log, Signal::SIGTERM)?;
        running.await_ready(&log, || self.client("", "SELECT 1").is_ok())?;
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
        format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// A new database made by some statements; its name.
    ///
    /// # Panics
    /// When a statement fails.
    pub fn database(&self, schema: &str) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("", &format!("CREATE DATABASE {name}"));
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
        self.client(database, text).unwrap_or_else(|reason| panic!("{reason}"))
    }

    fn client(&self, database: &str, text: &str) -> Result<String, String> {
        let mut client = Command::new(find("mariadb", &[], "mariadb-client")?);
        client.arg("--no-defaults").arg(format!("--socket={}/socket", self.directory.display()));
        // Root of the server has no password, and its socket is this process's alone.
        client.args(["--user=root", "--batch", "--skip-column-names", "--execute", text]);
        if !database.is_empty() {
            client.arg(database);
        }
        run(&mut client).map(|text| text.trim_end().to_owned())
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.stop();
        // What is left is removed by the next process that starts a server.
        drop(fs::remove_dir_all(&self.directory));
    }
}

pub(crate) fn server() -> Result<PathBuf, String> {
    find("mariadbd", &[], PACKAGE)
}
