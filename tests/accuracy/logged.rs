//! A server that writes down when every request came and when its answer left. The path says how it is answered.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use stresshost_clock::Clock;

use crate::scripted::read_head;

/// A line of the log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: String,
    /// Number of the connection it came on.
    pub(crate) connection: u64,
    pub(crate) status: u16,
    /// When its head had been read, on the server's clock.
    pub(crate) came_ns: u64,
    /// Just before its answer was written: what the client does with the answer comes later.
    pub(crate) left_ns: u64,
}

impl Entry {
    /// How long the server took, in microseconds.
    pub(crate) const fn took_us(&self) -> u64 {
        (self.left_ns - self.came_ns) / 1_000
    }
}

/// What a path asks for: `/wait/20` 20 ms, `/slow/100/200` 200 ms of each 100th request, `/fail/10` a 500 of each
/// 10th; any other path is answered at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Behaviour {
    wait_ms: u64,
    /// Which requests wait: each one whose number, counted by path from 1, is a multiple.
    slow_every: u64,
    /// Which fail; 0: none.
    fail_every: u64,
}

impl Behaviour {
    fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let number = |text: &str| text.parse().expect("a number in a path of the script");
        let (wait_ms, slow_every, fail_every) = match parts[..] {
            ["wait", wait_ms] => (number(wait_ms), 1, 0),
            ["slow", every, wait_ms] => (number(wait_ms), number(every), 0),
            ["fail", every] => (0, 1, number(every)),
            _ => (0, 1, 0),
        };
        Self { wait_ms, slow_every, fail_every }
    }
}

/// A server with a thread for each connection.
pub(crate) struct Logged {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    clock: Clock,
    book: Mutex<Book>,
    stopping: AtomicBool,
}

#[derive(Default)]
struct Book {
    /// Requests that came, by path.
    came: BTreeMap<String, u64>,
    answered: Vec<Entry>,
}

impl Shared {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Logged {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen on a free port");
        let addr = listener.local_addr().expect("address of a listener");
        let book = Mutex::default();
        let shared = Arc::new(Shared { clock: Clock::start(), book, stopping: AtomicBool::new(false) });
        let of_connections = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || accept(&listener, &of_connections));
        Self { addr, shared, accepting: Some(accepting) }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The whole log in the order in which requests came. Every request must have been answered.
    pub(crate) fn log(&self) -> Vec<Entry> {
        let book = self.shared.book();
        let mut log = book.answered.clone();
        assert_eq!(log.len() as u64, book.came.values().sum::<u64>(), "requests without an answer");
        log.sort_by_key(|entry| entry.came_ns);
        log
    }

    /// Requests that came, by path.
    pub(crate) fn came(&self) -> BTreeMap<String, u64> {
        self.shared.book().came.clone()
    }
}

impl Drop for Logged {
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
    for (connection, stream) in (0..).zip(listener.incoming()) {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // How a connection ends is the client's side of the test.
        std::thread::spawn(move || drop(serve(stream, connection, &shared)));
    }
}

fn serve(stream: TcpStream, connection: u64, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(path) = read_head(&mut reader)? {
        let came_ns = shared.clock.now_ns();
        let number = {
            let mut book = shared.book();
            let number = book.came.entry(path.clone()).or_default();
            *number += 1;
            *number
        };
        let behaviour = Behaviour::of(&path);
        if behaviour.wait_ms > 0 && number.is_multiple_of(behaviour.slow_every) {
            std::thread::sleep(Duration::from_millis(behaviour.wait_ms));
        }
        let fails = behaviour.fail_every > 0 && number.is_multiple_of(behaviour.fail_every);
        let status = if fails { 500 } else { 200 };
        let left_ns = shared.clock.now_ns();
        shared.book().answered.push(Entry { path, connection, status, came_ns, left_ns });
        (&stream).write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok").as_bytes())?;
    }
    Ok(())
}
