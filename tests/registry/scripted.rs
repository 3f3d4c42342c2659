//! A registry that answers by a script: what it holds is a table, and a test may change how it answers.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;
use stresshost_registry::{Digest, Signature};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An answer to a GET.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Bytes of the body after which the connection is cut.
    pub(crate) cut_at: Option<usize>,
}

impl Answer {
    pub(crate) fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status: 200, headers, body: body.into(), cut_at: None }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), cut_at: None }
    }
}

/// A request.
#[derive(Clone)]
pub(crate) struct Request {
    /// Path with query.
    pub(crate) path: String,
    /// First byte that is asked for.
    pub(crate) from: Option<usize>,
    pub(crate) authorization: Option<String>,
}

type Change = Box<dyn FnMut(&Request, Option<Answer>) -> Option<Answer> + Send>;

struct State {
    answers: BTreeMap<String, Answer>,
    change: Change,
    requests: Vec<Request>,
}

/// The registry; it ends with the test's process.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Scripted {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let change: Change = Box::new(|_, answer| answer);
        let state = State { answers: BTreeMap::new(), change, requests: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that hangs up ends its own connection only.
                std::thread::spawn(move || drop(serve(&stream, &shared)));
            }
        });
        Self { address, state }
    }

    /// Its address for `--registry`.
    pub(crate) fn location(&self) -> String {
        format!("oci://{}", self.address)
    }

    /// Answers a path from now on.
    pub(crate) fn put(&self, path: &str, answer: Answer) {
        self.state.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    /// Looks at every request and may answer otherwise than the table says.
    pub(crate) fn on_request(
        &self,
        change: impl FnMut(&Request, Option<Answer>) -> Option<Answer> + Send + 'static,
    ) {
        self.state.lock().unwrap().change = Box::new(change);
    }

    /// What was asked for so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    /// Offers versions of `stress:ok`, newest last, with a referrers API that lists signatures.
    pub(crate) fn offer(&self, versions: &[(&str, &[u8], Option<Signature>)]) {
        let tags: Vec<&str> = versions.iter().map(|(version, ..)| *version).collect();
        self.put(
            "/v2/stress/ok/tags/list?n=100",
            Answer::ok("application/json", json!({ "tags": tags }).to_string()),
        );
        for (version, component, signature) in versions {
            let manifest = self.artifact(component);
            self.put(&format!("/v2/stress/ok/manifests/{version}"), Answer::ok(MANIFEST, manifest.clone()));
            let subject = Digest::of(manifest.as_bytes());
            let referrers = signature.iter().map(|signature| self.signature(signature)).collect::<Vec<_>>();
            let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": referrers });
            self.put(&format!("/v2/stress/ok/referrers/{subject}"), Answer::ok(INDEX, index.to_string()));
        }
    }

    /// Where a blob is.
    pub(crate) fn blob_path(bytes: &[u8]) -> String {
        format!("/v2/stress/ok/blobs/{}", Digest::of(bytes))
    }

    /// Puts a blob in; its descriptor.
    pub(crate) fn blob(&self, media_type: &str, bytes: &[u8]) -> serde_json::Value {
        self.put(&Self::blob_path(bytes), Answer::ok("application/octet-stream", bytes));
        json!({ "mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len() })
    }

    /// The manifest of a component, whose blobs are put in.
    pub(crate) fn artifact(&self, component: &[u8]) -> String {
        let config = json!({
            "created": "2026-01-01T00:00:00Z", "architecture": "wasm", "os": "wasip2", "layerDigests": [],
            "component": { "exports": ["stresshost:workload/guest@0.1.0"], "imports": [] },
        });
        let config = self.blob("application/vnd.wasm.config.v0+json", config.to_string().as_bytes());
        let layer = self.blob("application/wasm", component);
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] }).to_string()
    }

    /// Puts a signature in; its descriptor as a referrer.
    fn signature(&self, signature: &Signature) -> serde_json::Value {
        let config = self.blob("application/vnd.oci.empty.v1+json", b"{}");
        let layer = self.blob("text/plain", signature.text().as_bytes());
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] })
                .to_string();
        let digest = Digest::of(manifest.as_bytes()).to_string();
        self.put(&format!("/v2/stress/ok/manifests/{digest}"), Answer::ok(MANIFEST, manifest.clone()));
        let artifact_type = "application/vnd.stresshost.signature.v1.minisig";
        json!({ "mediaType": MANIFEST, "digest": digest, "size": manifest.len(), "artifactType": artifact_type })
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut request = Request { path, from: None, authorization: None };
    while let Some(line) = lines.next().transpose()?.filter(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "range" => request.from = value.trim_start_matches("bytes=").trim_end_matches('-').parse().ok(),
            "authorization" => request.authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let answer = {
        let mut state = state.lock().unwrap();
        state.requests.push(request.clone());
        let known = state.answers.get(&request.path).cloned().map(|answer| ranged(answer, request.from));
        (state.change)(&request, known)
    };
    write_answer(stream, &answer.unwrap_or(Answer::status(404)))
}

/// The part of an answer that is asked for.
fn ranged(mut answer: Answer, from: Option<usize>) -> Answer {
    let Some(from) = from.filter(|&from| from < answer.body.len() && answer.status == 200) else {
        return answer;
    };
    let size = answer.body.len();
    answer.headers.push(("content-range".to_owned(), format!("bytes {from}-{}/{size}", size - 1)));
    answer.status = 206;
    answer.body.drain(..from);
    answer
}

fn write_answer(mut stream: &TcpStream, answer: &Answer) -> std::io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {} x\r\nconnection: close\r\ncontent-length: {}\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    stream.write_all(&answer.body[..answer.cut_at.unwrap_or(answer.body.len())])
}
