//! The server: one answer of fixed bytes for each path, on every machine alike, where nginx would tell its version and
//! the date.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crate::bench::workload::{json_body, text_body};

/// What a client may take until it sends more; under valgrind everything takes long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a free loopback port. Its threads end with this program.
pub(crate) struct Server {
    port: u16,
}

struct Answers {
    text: String,
    json: String,
}

impl Server {
    /// Serves 1 KB of JSON at `/json` and 1 KB of text everywhere else, and keeps connections alive.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let answers = Arc::new(Answers {
            text: answer("text/plain", &text_body()),
            json: answer("application/json", &json_body()),
        });
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = Arc::clone(&answers);
                // A connection that breaks is the client's affair: it says so itself.
                std::thread::spawn(move || drop(serve(&stream, &answers)));
            }
        });
        Ok(Self { port })
    }

    /// Scheme, host and port of its URLs.
    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn answer(content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nServer: xtask\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\nConnection: keep-alive\r\n\r\n{body}",
        body.len()
    )
}

/// Answers every request of a connection until the client closes it.
fn serve(mut stream: &TcpStream, answers: &Answers) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut requests = BufReader::new(stream);
    let mut head = String::new();
    loop {
        head.clear();
        while !head.ends_with("\r\n\r\n") {
            if requests.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let answer = if head.starts_with("GET /json ") { &answers.json } else { &answers.text };
        stream.write_all(answer.as_bytes())?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_connection_is_answered_again_and_again() {
        let server = Server::start().unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        for (path, body) in [("/", text_body()), ("/json", json_body()), ("/", text_body())] {
            write!(client, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let kind = if path == "/" { "text/plain" } else { "application/json" };
            let mut got = vec![0; answer(kind, &body).len()];
            client.read_exact(&mut got).unwrap();
            assert!(got.ends_with(body.as_bytes()));
        }
    }
}
