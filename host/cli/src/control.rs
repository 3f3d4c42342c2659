//! START HERE: live control of a run, while it goes on.
//!
//! Every run serves a unix socket; `--control` adds HTTP on a loopback address. One thread of its own serves all
//! clients from the [`Board`], which the run only ever writes to: no client can make the run wait.
//!
//! | file in the run directory | content |
//! |---|---|
//! | `control.sock` | the socket, while the run goes on |
//! | `control.json` | where the socket is, which process serves it, and the HTTP address |
//! | `control.token` | the token for HTTP, only with `--control` |
//!
//! All three are removed when the load is over. One that is left tells of a run that was killed.

mod board;
pub(crate) mod client;
mod http;
pub(crate) mod protocol;
mod socket;

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use stresshost_engine::{Event, Steering, Stop};
use stresshost_plan::Plan;
use tokio::sync::watch;

use self::board::Board;
pub(crate) use self::http::Listener;
use crate::exit::usage;
use crate::printer::Printer;

/// The record of where a run is controlled.
const RECORD: &str = "control.json";

/// The socket's name.
const SOCKET: &str = "control.sock";

/// The file with the token for HTTP.
const TOKEN: &str = "control.token";

/// How long the end of a run waits for clients to take the last line.
const FAREWELL: Duration = Duration::from_millis(500);

/// What `control.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    schema: String,
    run: String,
    pid: u32,
    started_unix_ms: u64,
    /// Absolute; elsewhere than in the run directory when its path is too long for a socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    socket: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http: Option<String>,
}

/// Serves live control until it is dropped.
pub(crate) struct Control {
    /// None when this machine lets no socket be made.
    serving: Option<Serving>,
}

struct Serving {
    board: Arc<Board>,
    ended: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    socket: Option<PathBuf>,
    /// To be removed at the end.
    files: Vec<PathBuf>,
    /// Made for the socket alone.
    private: Option<PathBuf>,
}

/// The run to control.
pub(crate) struct Controlled<'a> {
    pub(crate) run: &'a str,
    pub(crate) plan: &'a Plan,
    pub(crate) directory: &'a Path,
    pub(crate) steering: &'a Steering,
    pub(crate) stop: &'a Stop,
    /// Of `--control`, if it was given.
    pub(crate) http: Option<Listener>,
}

impl Control {
    /// Starts to serve. A run goes on without a socket where none can be made, and says so.
    ///
    /// # Errors
    /// When the run directory cannot be written to.
    pub(crate) fn serve(controlled: &Controlled<'_>, printer: &Printer) -> anyhow::Result<Self> {
        let http = controlled.http.as_ref();
        let (steering, stop) = (controlled.steering.clone(), controlled.stop.clone());
        let board = Arc::new(Board::new(controlled.run, controlled.plan, steering, stop));
        let socket = match socket::listen(controlled.directory) {
            Ok(socket) => Some(socket),
            Err(error) => {
                printer.warn(&format!("`stresshost ctl` cannot reach this run: {error}"));
                None
            }
        };
        if socket.is_none() && http.is_none() {
            return Ok(Self { serving: None });
        }
        let mut serving = Serving::start(board, socket, http)?;
        serving.record(controlled, http)?;
        if let Some(http) = http {
            // Told once, here and in a file only its owner can read.
            printer.note(&format!("control: {}, token {}", http.url(), http.token()));
        }
        Ok(Self { serving: Some(serving) })
    }

    /// Shows clients an event of the run. Never waits for one.
    pub(crate) fn on_event(&self, event: &Event<'_>) {
        if let Some(serving) = &self.serving {
            serving.board.on_event(event);
        }
    }
}

impl Serving {
    fn start(
        board: Arc<Board>,
        socket: Option<socket::Socket>,
        http: Option<&Listener>,
    ) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (ended, end) = watch::channel(false);
        let (listener, path, private) = match socket {
            Some(socket) => (Some(socket.listener), Some(socket.path), socket.private),
            None => (None, None, None),
        };
        let http = http.map(|http| http.serve(Arc::clone(&board), end.clone())).transpose()?;
        let shown = Arc::clone(&board);
        let serve = async move {
            let (sockets, end_of_http) = (end.clone(), end.clone());
            let sockets = async {
                if let Some(listener) = listener {
                    socket::serve(listener, shown, sockets).await;
                }
            };
            let http = async {
                if let Some(http) = http {
                    http.await;
                }
            };
            let mut ended = end_of_http;
            tokio::select! {
                _ = async { tokio::join!(sockets, http) } => {}
                () = async {
                    // An error is the end as well: whoever could have told of it is gone.
                    drop(ended.wait_for(|ended| *ended).await);
                    tokio::time::sleep(FAREWELL).await;
                } => {}
            }
        };
        let thread = std::thread::Builder::new().name("stresshost-control".into());
        let thread = thread.spawn(move || runtime.block_on(serve)).context("cannot start a thread")?;
        let files = path.iter().cloned().collect();
        Ok(Self { board, ended, thread: Some(thread), socket: path, files, private })
    }

    /// Writes where the run is controlled.
    fn record(&mut self, controlled: &Controlled<'_>, http: Option<&Listener>) -> anyhow::Result<()> {
        let directory = controlled.directory;
        if let Some(http) = http {
            let path = directory.join(TOKEN);
            self.files.push(path.clone());
            write_private(&path, http.token())
                .map_err(usage)
                .with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        let record = Record {
            schema: "stresshost.control/1".to_owned(),
            run: controlled.run.to_owned(),
            pid: std::process::id(),
            started_unix_ms: stresshost_clock::wall_unix_ms(),
            socket: self.socket.clone(),
            http: http.map(Listener::url),
        };
        let path = directory.join(RECORD);
        let mut bytes = serde_json::to_vec_pretty(&record)?;
        bytes.push(b'\n');
        self.files.push(path.clone());
        fs::write(&path, bytes).map_err(usage).with_context(|| format!("cannot write `{}`", path.display()))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.board.end();
        self.ended.send_replace(true);
        // The thread ends soon: a client that takes nothing has until `FAREWELL`.
        drop(self.thread.take().map(JoinHandle::join));
        for file in &self.files {
            drop(fs::remove_file(file));
        }
        drop(self.private.take().map(fs::remove_dir));
    }
}

/// Writes a file that only its owner can read, also where one was before.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    drop(fs::remove_file(path));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")
}
