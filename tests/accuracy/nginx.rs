//! A private nginx: a server nobody here wrote, with a log of its own to count by.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};

use rustix::process::{Pid, Signal, kill_process};

use crate::measure::holds_before;

/// Bytes of the files it serves.
pub(crate) const FILE_BYTES: usize = 1024;

/// Attempts to find a port that is still free when nginx listens on it.
const PORT_ATTEMPTS: usize = 5;

/// An nginx with files in `dir`: `/file` with a length and keep-alive, `/close/file` closing each connection,
/// `/chunked/file` chunked.
pub(crate) struct Nginx {
    child: Child,
    log: PathBuf,
    addr: SocketAddr,
}

/// What its access log adds up to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Served {
    /// Requests answered 200.
    pub(crate) requests: u64,
    /// Distinct connections they came on.
    pub(crate) connections: u64,
    /// Bytes sent to clients, heads included.
    pub(crate) sent: u64,
    /// Bytes received from clients, heads included.
    pub(crate) received: u64,
}

impl Nginx {
    pub(crate) fn start(dir: &Path) -> Self {
        for folder in ["files", "files/close", "files/chunked", "temp"] {
            std::fs::create_dir(dir.join(folder)).expect("create a folder for nginx");
        }
        for file in ["file", "close/file", "chunked/file"] {
            std::fs::write(dir.join("files").join(file), [b'x'; FILE_BYTES]).expect("write a file for nginx");
        }
        for _ in 0..PORT_ATTEMPTS {
            if let Some(nginx) = Self::try_start(dir) {
                return nginx;
            }
        }
        let log = std::fs::read_to_string(dir.join("error.log")).unwrap_or_default();
        panic!("nginx does not start:\n{log}");
    }

    fn try_start(dir: &Path) -> Option<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("find a free port");
        let addr = free.local_addr().expect("address of a listener");
        drop(free);
        std::fs::write(dir.join("nginx.conf"), config(addr)).expect("write nginx.conf");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(dir).arg("-c").arg(dir.join("nginx.conf")).arg("-e").arg(dir.join("error.log"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.unwrap_or_else(|error| {
            panic!("cannot run nginx: {error}; install it: apt-get install nginx, or brew install nginx")
        });
        // It says nothing there, and its end closes it.
        let mut output = child.stdout.take().expect("nginx has an output");
        let (running, ended) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            drop(std::io::copy(&mut output, &mut std::io::sink()));
            drop(running);
        });
        let nginx = Self { child, log: dir.join("access.log"), addr };
        let ended_within = |limit| ended.recv_timeout(limit) != Err(RecvTimeoutError::Timeout);
        holds_before("nginx listens", ended_within, || TcpStream::connect(addr).is_ok()).then_some(nginx)
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Stops it in good order, so that its log is whole, and adds the log up.
    pub(crate) fn stop(mut self) -> Served {
        kill_process(Pid::from_child(&self.child), Signal::QUIT).expect("ask nginx to quit");
        let status = self.child.wait().expect("wait for nginx");
        assert!(status.success(), "nginx ended with {status}");
        let log = std::fs::read_to_string(&self.log).expect("nginx's access log");
        let mut served = Served { requests: 0, connections: 0, sent: 0, received: 0 };
        let mut connections = BTreeSet::new();
        for line in log.lines() {
            let fields: Vec<u64> = line.split(' ').map(|field| field.parse().expect("a number")).collect();
            let [status, connection, sent, received] = fields[..] else { panic!("not a log line: {line}") };
            assert_eq!(status, 200, "{line}");
            connections.insert(connection);
            served.requests += 1;
            served.sent += sent;
            served.received += received;
        }
        served.connections = connections.len() as u64;
        served
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It fails only when nginx has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One process in the foreground, so that it is our child and a signal reaches all of it.
fn config(addr: SocketAddr) -> String {
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
    log_format counted '$status $connection $bytes_sent $request_length';
    access_log access.log counted;
    client_body_temp_path temp/body;
    proxy_temp_path temp/proxy;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    default_type text/html;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    server {{
        listen {addr} backlog=1024;
        root files;
        location / {{ }}
        location /close/ {{ keepalive_timeout 0; }}
        # Server-side includes change a body's length, so nginx does not announce one.
        location /chunked/ {{ ssi on; }}
    }}
}}
"
    )
}
