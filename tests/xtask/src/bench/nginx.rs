//! A private nginx on a free loopback port.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};

use crate::bench::child::{descriptors, on_cores};
use crate::bench::workload::{json_body, text_body};
use crate::tools::find;

/// Attempts to reach a server that was just started; each waits for the connection itself or 10 ms.
const ATTEMPTS: u32 = 500;

/// Connections of a worker at most: it sets memory aside for each of them.
const CONNECTIONS_MOST: u64 = 65_536;

/// A running nginx; stopped when dropped.
pub(crate) struct Nginx {
    child: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Nginx {
    /// Starts nginx with so many workers, on `cores` alone if some are named. It serves 1 KB of text at `/` and 1 KB of
    /// JSON at `/json`.
    pub(crate) fn start(cores: Option<&str>, workers: u32) -> anyhow::Result<Self> {
        let nginx = find("nginx", "apt-get install nginx")?;
        let directory = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = write_config(directory.path().to_owned(), port, workers)?;
        let child = on_cores(cores, &nginx)?
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

    /// Scheme, host and port of its URLs.
    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn wait(&self) -> anyhow::Result<()> {
        for _ in 0..ATTEMPTS {
            if self.get("/").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        bail!("nginx does not answer on port {}", self.port)
    }

    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
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

fn write_config(directory: PathBuf, port: u16, workers: u32) -> anyhow::Result<PathBuf> {
    let (text, json) = (text_body(), json_body());
    let connections = descriptors()?.min(CONNECTIONS_MOST);
    let config = format!(
        "worker_processes {workers};\nworker_rlimit_nofile {connections};\nerror_log stderr crit;\npid nginx.pid;\n\
         events {{ worker_connections {connections}; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 100000000;\n  keepalive_timeout 3600s;\n\
         \x20 server {{\n    listen 127.0.0.1:{port} backlog=16384 reuseport;\n\
         \x20   location / {{ default_type text/plain; return 200 \"{text}\"; }}\n\
         \x20   location = /json {{ default_type application/json; return 200 '{json}'; }}\n  }}\n}}\n"
    );
    let path = directory.join("nginx.conf");
    std::fs::write(&path, config)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_serves_text_and_json_of_the_size_they_should_have() {
        let server = Nginx::start(None, 1).unwrap();
        for (path, kind, body) in
            [("/", "text/plain", text_body()), ("/json", "application/json", json_body())]
        {
            let answer = server.get(path).unwrap();
            assert!(answer.contains(&format!("Content-Type: {kind}\r\n")), "{answer}");
            assert_eq!(answer.split_once("\r\n\r\n").unwrap().1, body);
        }
    }
}
