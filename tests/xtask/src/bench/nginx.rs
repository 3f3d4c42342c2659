//! A private nginx on a free loopback port, pinned to one core.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};

use crate::tools::find;

/// Attempts to reach a server that was just started; each waits for the connection itself or 10 ms.
const ATTEMPTS: u32 = 500;

/// A running nginx; stopped when dropped.
pub(crate) struct Nginx {
    child: Child,
    pub(crate) port: u16,
    _directory: tempfile::TempDir,
}

impl Nginx {
    /// Starts nginx on `core`, serving a 1 KB body at `/`.
    pub(crate) fn start(core: u32) -> anyhow::Result<Self> {
        let nginx = find("nginx", "apt-get install nginx")?;
        let taskset = find("taskset", "apt-get install util-linux")?;
        let directory = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = write_config(directory.path().to_owned(), port)?;
        let child = Command::new(taskset)
            .args(["-c", &core.to_string()])
            .arg(nginx)
            .arg("-p")
            .arg(directory.path())
            .arg("-c")
            .arg(config)
            .args(["-g", "daemon off;"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start nginx")?;
        let server = Self { child, port, _directory: directory };
        server.wait()?;
        Ok(server)
    }

    fn wait(&self) -> anyhow::Result<()> {
        for _ in 0..ATTEMPTS {
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer)?;
                if answer.starts_with("HTTP/1.1 200") {
                    return Ok(());
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        bail!("nginx does not answer on port {}", self.port)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers on SIGTERM; `kill` would leave them behind.
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(0));
        if kill(pid, Signal::SIGTERM).is_ok() {
            drop(self.child.wait());
        }
    }
}

fn write_config(directory: PathBuf, port: u16) -> anyhow::Result<PathBuf> {
    let body = "x".repeat(1_024);
    let config = format!(
        "worker_processes 1;\nerror_log stderr crit;\npid nginx.pid;\n\
         events {{ worker_connections 20000; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 100000000;\n  keepalive_timeout 3600s;\n\
         \x20 server {{\n    listen 127.0.0.1:{port} backlog=16384 reuseport;\n\
         \x20   location / {{ default_type text/plain; return 200 \"{body}\"; }}\n  }}\n}}\n"
    );
    let path = directory.join("nginx.conf");
    std::fs::write(&path, config)?;
    Ok(path)
}
