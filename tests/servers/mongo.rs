//! A server that speaks MongoDB's protocol: the one that `MONGODB_URL` names, or a private nx-27017.
//!
//! MongoDB itself is in no distribution's packages; nx-27017 answers the commands that tests send, keeps documents in SQLite
//! and comes as a Python package.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::sys::signal::Signal;

use crate::process::{Running, directory, free_port, listens, run, told};

/// The user that it runs as when root starts it: where cargo builds may be root's own.
const OWNER: &str = "root";

/// Names a server to use instead, such as `mongodb://127.0.0.1:27017`.
const URL: &str = "MONGODB_URL";

/// A server, private unless `MONGODB_URL` is set.
#[derive(Debug)]
pub struct Mongo {
    /// Scheme, host and port.
    url: String,
    private: Option<Private>,
    databases: AtomicU32,
}

#[derive(Debug)]
struct Private {
    directory: PathBuf,
    port: u16,
    running: Mutex<Option<Running>>,
}

impl Mongo {
    /// The server that the tests of this process share.
    ///
    /// # Panics
    /// When it does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Mongo> = OnceLock::new();
        SHARED.get_or_init(|| {
            let named = std::env::var_os(URL).and_then(|url| url.into_string().ok());
            match named.filter(|url| !url.is_empty()) {
                Some(url) => Self { url, private: None, databases: AtomicU32::new(0) },
                None => Self::start(),
            }
        })
    }

    /// A private server of one's own, which can be stopped.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let start = || -> Result<Self, String> {
            let private =
                Private { directory: directory(OWNER)?, port: free_port()?, running: Mutex::default() };
            private.launch()?;
            let url = format!("mongodb://127.0.0.1:{}", private.port);
            Ok(Self { url, private: Some(private), databases: AtomicU32::new(0) })
        };
        start().unwrap_or_else(|reason| panic!("{reason}"))
    }

    /// Ends a private server at once, as a crash would.
    ///
    /// # Panics
    /// When the server is not private.
    pub fn stop(&self) {
        let running = &self.private().running;
        drop(running.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Starts it again on the same port, with what it held.
    ///
    /// # Panics
    /// When it does not start, or is not private.
    pub fn resume(&self) {
        self.private().launch().unwrap_or_else(|reason| panic!("{reason}"));
    }

    fn private(&self) -> &Private {
        self.private.as_ref().unwrap_or_else(|| panic!("the server of {URL} is not ours to stop"))
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.url)
    }

    /// A name that no other test uses for a database or a collection.
    pub fn fresh(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        format!("test_{}_{number}", std::process::id())
    }

    /// Evaluates an expression of Python beside the load, in which `db` is the database; its value as text.
    ///
    /// # Panics
    /// When it fails.
    pub fn eval(&self, database: &str, expression: &str) -> String {
        let script = format!(
            "import pymongo; client = pymongo.MongoClient('{}', directConnection=True); db = client['{database}']; \
             print({expression})",
            self.url
        );
        let look = || run(Command::new(program("python")?).args(["-c", &script]));
        look().map(|text| text.trim_end().to_owned()).unwrap_or_else(|reason| panic!("{reason}"))
    }
}

impl Private {
    fn launch(&self) -> Result<(), String> {
        let (path, port) = (self.directory.to_string_lossy(), self.port.to_string());
        let (data, log, pid) =
            (format!("{path}/data.db"), format!("{path}/server.log"), format!("{path}/pid"));
        let args =
            ["--db", &data, "--host", "127.0.0.1", "--port", &port, "--log-file", &log, "--pid-file", &pid];
        let args: Vec<String> = args.iter().map(|&word| word.to_owned()).collect();
        let output = self.directory.join("output");
        let mut running = Running::start(OWNER, &program("nx-27017")?, &args, &output, Signal::SIGKILL)?;
        running.await_ready(&output, || listens(self.port))?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }
}

impl Drop for Mongo {
    fn drop(&mut self) {
        let Some(private) = &self.private else { return };
        drop(private.running.lock().unwrap_or_else(PoisonError::into_inner).take());
        // What is left is removed by the next process that starts a server.
        drop(fs::remove_dir_all(&private.directory));
    }
}

/// A program of the Python environment that `cargo xtask sdk-tools` makes beside what cargo builds.
fn program(name: &str) -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(told("this program"))?;
    let mut places = this.ancestors().map(|directory| directory.join("sdk-tools/python/bin").join(name));
    places.find(|program| program.is_file()).ok_or_else(|| {
        format!(
            "`{name}` is missing; install it: cargo xtask sdk-tools, or name a server of your own by {URL}"
        )
    })
}
