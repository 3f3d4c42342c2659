//! A server that does exactly what a test says, and a client to try on it.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::Arc;

use stresshost_clock::Clock;
use stresshost_io::EgressRule;
use stresshost_io::http::{HttpConfig, HttpCore, HttpSession, HttpShared, Outcome, Prepared, RequestSpec};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One step of a scripted connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Read one whole request.
    Request,
    /// Read until what was received ends with these bytes.
    Read(Vec<u8>),
    /// Write bytes.
    Send(Vec<u8>),
    /// Let the client see what was sent before going on.
    Pause,
    /// Write the same bytes until the client hangs up.
    SendForever(Vec<u8>),
    /// Keep the connection open until the client hangs up.
    Hold,
    /// Abort the connection (RST).
    Reset,
}

pub(crate) fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// A scripted server: connection by connection; each script's end closes its connection.
pub(crate) struct Server {
    pub(crate) port: u16,
    task: JoinHandle<Vec<String>>,
}

impl Server {
    pub(crate) async fn start(scripts: Vec<Vec<Step>>) -> Self {
        Self::start_on("127.0.0.1", scripts).await
    }

    pub(crate) async fn start_on(address: &str, scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            let mut requests = Vec::new();
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                if script.iter().any(|step| matches!(step, Step::Reset)) {
                    stream.set_zero_linger().unwrap();
                }
                play(stream, script, &mut requests).await;
            }
            requests
        });
        Self { port, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The requests that came, once every script was played.
    pub(crate) async fn requests(self) -> Vec<String> {
        self.task.await.unwrap()
    }
}

/// Plays a script on a connection; a client that hangs up ends it.
pub(crate) async fn play(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: Vec<Step>,
    requests: &mut Vec<String>,
) {
    for step in script {
        match step {
            Step::Request => match read_request(&mut stream).await {
                Some(request) => requests.push(request),
                None => return,
            },
            Step::Read(end) => {
                let mut received = Vec::new();
                while !received.ends_with(&end) {
                    match stream.read_u8().await {
                        Ok(byte) => received.push(byte),
                        Err(_) => return,
                    }
                }
            }
            Step::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            Step::Pause => tokio::task::yield_now().await,
            Step::SendForever(bytes) => while stream.write_all(&bytes).await.is_ok() {},
            Step::Hold => {
                let mut rest = Vec::new();
                let _gone = stream.read_to_end(&mut rest).await;
            }
            Step::Reset => return,
        }
    }
    let _closed = stream.shutdown().await;
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    loop {
        if let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&request[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if request.len() >= head + 4 + length {
                return Some(String::from_utf8_lossy(&request).into_owned());
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => request.extend_from_slice(&piece[..count]),
        }
    }
}

/// A session, and what is needed to fire with it.
pub(crate) struct Client {
    pub(crate) core: HttpCore,
    pub(crate) session: HttpSession,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::with(HttpConfig::default())
    }

    pub(crate) fn with(config: HttpConfig) -> Self {
        Self::granted(config, Arc::new(|_, _| true))
    }

    pub(crate) fn granted(config: HttpConfig, egress: Arc<EgressRule>) -> Self {
        let shared = HttpShared::new(config, egress).unwrap();
        let core = HttpCore::new(shared, Clock::start());
        Self { session: HttpSession::new(core.clone()), core }
    }

    pub(crate) fn prepare(&self, method: &str, url: &str, options: &[(&str, &str)]) -> Arc<Prepared> {
        let options = pairs(options);
        let spec = RequestSpec { method, url, headers: &[], body: None, slots: &[], options: &options };
        self.core.prepare(&spec).unwrap()
    }

    pub(crate) async fn get(&mut self, url: &str, options: &[(&str, &str)]) -> Outcome {
        self.request("GET", url, options).await
    }

    pub(crate) async fn request(&mut self, method: &str, url: &str, options: &[(&str, &str)]) -> Outcome {
        let request = self.prepare(method, url, options);
        self.session.fire(&request, &[]).await
    }

    pub(crate) fn body(&self) -> String {
        String::from_utf8(self.session.response(0).unwrap().body().unwrap().to_vec()).unwrap()
    }
}

pub(crate) fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

pub(crate) fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

/// An answer with a content length.
pub(crate) fn ok(body: &str) -> Step {
    send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}
