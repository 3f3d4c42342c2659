//! A server that misbehaves on cue: the path of a request says how it is answered.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A whole answer that ends its connection.
const OK_CLOSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

/// A whole answer that keeps its connection.
const OK_KEEP: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Requests `/fickle` answers on one connection before it closes it without having said so.
const FICKLE_ANSWERS: u64 = 10;

/// A server with a thread for each connection.
pub(crate) struct Scripted {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Requests whose head was read whole, by path.
    seen: Mutex<BTreeMap<String, u64>>,
    /// Answers written whole.
    answered: AtomicU64,
    stopping: AtomicBool,
}

impl Scripted {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen on a free port");
        let addr = listener.local_addr().expect("address of a listener");
        let shared = Arc::new(Shared::default());
        let of_connections = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || accept(&listener, &of_connections));
        Self { addr, shared, accepting: Some(accepting) }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Requests seen so far, by path.
    pub(crate) fn seen(&self) -> BTreeMap<String, u64> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests seen so far.
    pub(crate) fn seen_in_all(&self) -> u64 {
        self.seen().values().sum()
    }

    /// Answers written whole so far.
    pub(crate) fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::SeqCst)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts; threads of connections end with their clients.
        let woken = TcpStream::connect(self.addr);
        if let (Ok(_), Some(accepting)) = (woken, self.accepting.take()) {
            drop(accepting.join());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // How a connection ends is the client's side of the test.
        std::thread::spawn(move || drop(serve(stream, &shared)));
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut answers = 0;
    while let Some(path) = read_head(&mut reader)? {
        *shared.seen.lock().unwrap_or_else(PoisonError::into_inner).entry(path.clone()).or_default() += 1;
        let answer = |bytes: &[u8]| {
            (&stream).write_all(bytes)?;
            shared.answered.fetch_add(1, Ordering::SeqCst);
            std::io::Result::Ok(())
        };
        match path.as_str() {
            "/ok" => return answer(OK_CLOSE),
            "/fickle" => {
                answer(OK_KEEP)?;
                answers += 1;
                if answers == FICKLE_ANSWERS {
                    return Ok(());
                }
            }
            "/silent-close" => return Ok(()),
            "/cut-head" => return (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Le"),
            "/cut-body" => {
                return (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.");
            }
            "/cut-chunk" => {
                let cut = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nab";
                return (&stream).write_all(cut);
            }
            "/garbage" => return (&stream).write_all(b"\x16\x03\x01 this is no HTTP at all\r\n\r\n"),
            "/reset" => {
                return rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))
                    .map_err(Into::into);
            }
            "/never" => drop(reader.read(&mut [0])?),
            other => {
                let status = other.strip_prefix("/status/").expect("a path of the script");
                return answer(
                    format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        .as_bytes(),
                );
            }
        }
    }
    Ok(())
}

/// Reads the head of a request without a body and returns its path; `None` when the client has closed.
pub(crate) fn read_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut path = None;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line == "\r\n" {
            return Ok(path);
        }
        path = path.or_else(|| line.split(' ').nth(1).map(str::to_owned));
    }
}
