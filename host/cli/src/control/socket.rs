//! The unix socket of a run.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Mode;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::SOCKET;
use super::board::{Board, next};
use super::protocol::{IDLE_TIMEOUT, MAX_REQUEST_BYTES, News, Refusal, Reply, Request, WRITE_TIMEOUT, line};

/// Bytes of a socket's path, its final zero not among them: `sun_path` of the kernels this runs on has 104 or 108.
const MAX_PATH_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Clients served at once.
const MAX_CONNECTIONS: usize = 32;

/// Connections the kernel keeps until they are accepted.
const BACKLOG: u32 = 64;

/// Names tried for a private directory.
const PRIVATE_ATTEMPTS: u32 = 16;

/// A socket that is listened on, not yet served.
pub(super) struct Socket {
    pub(super) listener: Bound,
    /// Absolute.
    pub(super) path: PathBuf,
    /// Directory made for the socket alone.
    pub(super) private: Option<PathBuf>,
}

/// A listening socket that no runtime knows yet.
pub(super) struct Bound(std::os::unix::net::UnixListener);

/// Listens in the run directory, or in a private temporary directory when a socket cannot be there: its path may be
/// too long, or its file system may have no sockets.
pub(super) fn listen(directory: &Path) -> io::Result<Socket> {
    let within = directory.canonicalize().and_then(|directory| {
        let path = directory.join(SOCKET);
        Ok(Socket { listener: bind(&path)?, path, private: None })
    });
    within.or_else(|first| {
        elsewhere().map_err(|error| io::Error::new(error.kind(), format!("{first}; elsewhere: {error}")))
    })
}

fn elsewhere() -> io::Result<Socket> {
    let process = std::process::id();
    for attempt in 0..PRIVATE_ATTEMPTS {
        let private = std::env::temp_dir().join(format!("stresshost-{process}-{attempt}"));
        match DirBuilder::new().mode(0o700).create(&private) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
        let path = private.join(SOCKET);
        return match bind(&path) {
            Ok(listener) => Ok(Socket { listener, path, private: Some(private) }),
            Err(error) => {
                drop(std::fs::remove_dir(&private));
                Err(error)
            }
        };
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "every name of a temporary directory is taken"))
}

/// Binds a socket that only its owner can use, over one that nobody serves any more.
fn bind(path: &Path) -> io::Result<Bound> {
    let bytes = path.as_os_str().as_bytes().len();
    if bytes > MAX_PATH_BYTES {
        let message = format!("the path of a socket has at most {MAX_PATH_BYTES} bytes, this one {bytes}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    match try_bind(path) {
        Err(error)
            if error.kind() == io::ErrorKind::AddrInUse
                && StdUnixStream::connect(path)
                    .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) =>
        {
            std::fs::remove_file(path)?;
            try_bind(path)
        }
        bound => bound,
    }
}

fn try_bind(path: &Path) -> io::Result<Bound> {
    // Only a runtime makes such sockets; this one is never asked to do anything else.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    let socket = UnixSocket::new_stream()?;
    // On Linux a socket's file begins with the mode of its descriptor, so there is no moment at which others may
    // connect. Elsewhere this is refused, and the mode below is what counts.
    _ = rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR);
    socket.bind(path)?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(Bound(socket.listen(BACKLOG)?.into_std()?))
}

/// Serves clients until the run has ended and each has been told.
pub(super) async fn serve(listener: Bound, board: Arc<Board>, mut ended: watch::Receiver<bool>) {
    let Ok(listener) = UnixListener::from_std(listener.0) else { return };
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = ended.wait_for(|ended| *ended) => break,
            accepted = listener.accept() => accepted,
        };
        while clients.try_join_next().is_some() {}
        let Ok((stream, _)) = accepted else {
            // Out of descriptors: the load needs them more.
            tokio::time::sleep(crate::http::ACCEPT_PAUSE).await;
            continue;
        };
        match Arc::clone(&room).try_acquire_owned() {
            Ok(permit) => {
                let (board, ended) = (Arc::clone(&board), ended.clone());
                clients.spawn(async move {
                    let _permit = permit;
                    Client::new(stream).serve(&board, ended).await;
                });
            }
            Err(_) => turn_away(&stream),
        }
    }
    while clients.join_next().await.is_some() {}
}

/// A fresh socket has room for a line; one that has none is closed without.
fn turn_away(stream: &UnixStream) {
    let reply = Reply::refused(Refusal::Busy, format!("{MAX_CONNECTIONS} clients are connected; try again"));
    drop(stream.try_write(&line(&reply)));
}

struct Client {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
}

/// What came of waiting for a request.
enum Asked {
    Line(Vec<u8>),
    /// The client has left, or said nothing for too long.
    Nothing,
}

impl Client {
    fn new(stream: UnixStream) -> Self {
        let (from, to) = stream.into_split();
        Self { from: BufReader::with_capacity(MAX_REQUEST_BYTES, from), to }
    }

    async fn serve(mut self, board: &Board, mut ended: watch::Receiver<bool>) {
        loop {
            let asked = tokio::select! {
                asked = self.read() => asked,
                _ = ended.wait_for(|ended| *ended) => return,
            };
            let Asked::Line(asked) = asked else { return };
            let request = match Request::read(&asked) {
                Ok(request) => request,
                Err(error) => {
                    // Whoever cannot speak the protocol is not listened to any longer.
                    self.write(&line(&Reply::refused(Refusal::Request, error))).await;
                    return;
                }
            };
            if request == (Request::Watch {}) {
                return self.watch(board).await;
            }
            if !self.write(&line(&board.answer(&request))).await {
                return;
            }
        }
    }

    async fn read(&mut self) -> Asked {
        let mut asked = Vec::new();
        // Room for the line's end and one byte too many, which `Request::read` refuses.
        let mut bounded = (&mut self.from).take(MAX_REQUEST_BYTES as u64 + 2);
        match timeout(IDLE_TIMEOUT, bounded.read_until(b'\n', &mut asked)).await {
            Ok(Ok(_)) if !asked.is_empty() => Asked::Line(asked),
            _ => Asked::Nothing,
        }
    }

    /// Whether the client took it in time.
    async fn write(&mut self, bytes: &[u8]) -> bool {
        matches!(timeout(WRITE_TIMEOUT, self.to.write_all(bytes)).await, Ok(Ok(())))
    }

    async fn watch(&mut self, board: &Board) {
        let (reply, mut news) = board.watch();
        if !self.write(&line(&reply)).await {
            return;
        }
        loop {
            let mut byte = [0];
            let told = tokio::select! {
                told = next(&mut news) => told,
                // A watcher has nothing more to say: it has left.
                _ = self.from.read(&mut byte) => return,
            };
            let taken = self.write(&line(&told)).await;
            if !taken || matches!(told, News::End { .. }) {
                return;
            }
        }
    }
}
