//! A blocking HTTP/1.1 client over one connection, small enough to trust, which holds every reply against the
//! OpenAPI document.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use stresshost_shop::{Faults, Shop, ShopConfig, ShopThread};

use crate::openapi;

/// Far beyond any reply of these tests; turns a hang into a failure.
const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Chunks the body came in, when it was chunked.
    pub(crate) chunks: Option<usize>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The last segment of a problem's type, after checking that this is a whole problem document.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(
            ["title", "detail"].iter().all(|field| problem[field].as_str().is_some_and(|s| !s.is_empty()))
        );
        problem["type"].as_str().unwrap().trim_start_matches("/problems/").to_owned()
    }
}

pub(crate) struct Client<S = TcpStream> {
    stream: BufReader<S>,
    token: Option<String>,
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        Self::over(stream)
    }

    /// A client logged in as a seeded user.
    pub(crate) fn user(addr: SocketAddr, n: u64) -> Self {
        Self::logged_in(addr, &format!("user{n}"), &format!("password{n}"))
    }

    pub(crate) fn logged_in(addr: SocketAddr, username: &str, password: &str) -> Self {
        let mut client = Self::connect(addr);
        let credentials = format!(r#"{{"username":"{username}","password":"{password}"}}"#);
        let reply = client.post("/auth/token", &credentials);
        assert_eq!(reply.status, 200);
        client.token = Some(reply.json()["access_token"].as_str().unwrap().to_owned());
        client
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream: BufReader::new(stream), token: None }
    }

    pub(crate) fn set_token(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.call("GET", path, &[], None)
    }

    pub(crate) fn post(&mut self, path: &str, json: &str) -> Reply {
        self.call("POST", path, &[], Some(json))
    }

    /// One exchange. A body is sent as JSON unless a Content-Type is given.
    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Reply {
        self.send(method, path, headers, body);
        let reply = self.receive(method);
        openapi::check(method, path, body, &reply);
        reply
    }

    /// One exchange that is not held against the document, which a weakness departs from.
    pub(crate) fn raw(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Reply {
        self.send(method, path, headers, body);
        self.receive(method)
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: shop\r\n");
        let mut line = |name: &str, value: &str| request.push_str(&format!("{name}: {value}\r\n"));
        headers.iter().for_each(|(name, value)| line(name, value));
        if let Some(token) = &self.token {
            line("Authorization", &format!("Bearer {token}"));
        }
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| *name == "Content-Type") {
                line("Content-Type", "application/json");
            }
            line("Content-Length", &body.len().to_string());
        }
        request.push_str("\r\n");
        request.push_str(body.unwrap_or_default());
        self.write(request.as_bytes());
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    pub(crate) fn receive(&mut self, method: &str) -> Reply {
        let status = self.line().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut reply = Reply { status, headers, body: Vec::new(), chunks: None };
        if method == "HEAD" || status == 204 || status == 304 {
            return reply;
        }
        if reply.header("transfer-encoding") == Some("chunked") {
            let mut chunks = 0;
            loop {
                let size = usize::from_str_radix(&self.line(), 16).unwrap();
                reply.body.extend(self.exactly(size));
                assert_eq!(self.line(), "");
                if size == 0 {
                    break;
                }
                chunks += 1;
            }
            reply.chunks = Some(chunks);
        } else {
            let length = reply.header("content-length").expect("a length").parse().unwrap();
            reply.body = self.exactly(length);
        }
        reply
    }

    /// Whether the server closed the connection, with nothing left to read.
    pub(crate) fn closed(&mut self) -> bool {
        self.stream.read(&mut [0]).is_ok_and(|read| read == 0)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.strip_suffix("\r\n").expect("a whole line").to_owned()
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }
}

pub(crate) fn start(config: ShopConfig) -> ShopThread {
    Shop::start_in_thread(config).unwrap()
}

pub(crate) fn start_with(faults: Faults) -> ShopThread {
    start(ShopConfig { faults, ..ShopConfig::default() })
}

/// Spins until `done`: for what happens in another thread without a signal to wait on.
pub(crate) fn until(what: &str, done: impl Fn() -> bool) {
    let clock = stresshost_clock::Clock::start();
    while !done() {
        assert!(clock.now_ns() < 20 * stresshost_clock::NS_PER_S, "waited in vain until {what}");
        std::thread::yield_now();
    }
}
