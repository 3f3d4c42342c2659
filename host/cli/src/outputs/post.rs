//! Payloads sent to an address, one request each.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::runtime::Runtime;

use super::spec::Specs;
use super::{Failure, Payload, Sink, Then};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes read of an answer: what a receiver says of a payload it did not like.
const MAX_ANSWER_BYTES: usize = 16 << 10;

/// Letters of it that are shown.
const MAX_SHOWN: usize = 200;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Plain,
    /// Snappy's block format, as remote write asks for.
    Snappy,
}

/// Sends payloads to a URL.
///
/// No proxy is asked and no redirect followed: requests, and the tokens in them, go where the user said.
pub(super) struct PostSink {
    runtime: Runtime,
    client: Client,
    url: Url,
    headers: HeaderMap,
    body: Body,
}

impl PostSink {
    pub(super) fn new(url: &Url, specs: &Specs, body: Body) -> io::Result<Self> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls(url, &specs.ca_pem)?)
            .user_agent(concat!("stresshost/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(1)
            .build()
            .map_err(io::Error::other)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut headers = specs.headers.clone();
        if body == Body::Snappy {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
            headers.insert("x-prometheus-remote-write-version", HeaderValue::from_static("0.1.0"));
        }
        Ok(Self { runtime, client, url: url.clone(), headers, body })
    }
}

/// Trusts the system's certificates and those of `--ca`. They are read for `https` only.
fn tls(url: &Url, ca_pem: &[Vec<u8>]) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if url.scheme() == "https" {
        // A system's store may hold certificates that cannot be read; the others still count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for certificate in ca_pem.iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem)) {
            let certificate = certificate.map_err(|error| io::Error::other(format!("--ca: {error}")))?;
            roots.add(certificate).map_err(io::Error::other)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth())
}

impl Sink for PostSink {
    fn deliver(&mut self, payload: &Payload<'_>, limit: Duration) -> Result<(), Failure> {
        let body = match self.body {
            Body::Plain => payload.bytes.to_vec(),
            Body::Snappy => snap::raw::Encoder::new()
                .compress_vec(payload.bytes)
                .map_err(|error| Failure::new(Then::Next, error.to_string()))?,
        };
        let request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, payload.content_type)
            .body(body);
        let exchange = async {
            let response = request.send().await.map_err(|error| unreachable(&error))?;
            judge(response).await
        };
        let answered = self.runtime.block_on(async { tokio::time::timeout(limit, exchange).await });
        answered.unwrap_or_else(|_| Err(Failure::new(Then::Again(Duration::ZERO), "no answer in time")))
    }

    fn close(&mut self, _limit: Duration) -> Option<String> {
        None
    }
}

/// A failure of the connection, in the words of what went wrong first.
fn unreachable(error: &reqwest::Error) -> Failure {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    Failure::new(Then::Again(Duration::ZERO), shown(&lower_first(text)))
}

/// What an answer means for its payload.
async fn judge(response: Response) -> Result<(), Failure> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let least = retry_after.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
    let answer = start_of(response).await;
    if status.is_success() {
        return match rejected(&answer) {
            // The receiver took the rest: to send it again would double that.
            Some(why) => Err(Failure::new(Then::Next, shown(&why))),
            None => Ok(()),
        };
    }
    // What was refused once is refused again, unless the receiver says that it is only busy.
    let again = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let then = if again { Then::Again(least.unwrap_or_default()) } else { Then::Next };
    let words = String::from_utf8_lossy(&answer);
    let words = words.trim();
    let colon = if words.is_empty() { "" } else { ": " };
    Err(Failure::new(then, shown(&format!("{status}{colon}{words}"))))
}

/// The beginning of a body; what cannot be read is left out.
async fn start_of(mut response: Response) -> Vec<u8> {
    let mut start = Vec::new();
    while start.len() < MAX_ANSWER_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        let room = MAX_ANSWER_BYTES - start.len();
        start.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    start
}

/// What OTLP calls a partial success: some points were refused.
fn rejected(answer: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let partial = answer.get("partialSuccess")?;
    let points = partial.get("rejectedDataPoints")?;
    // 64-bit integers are strings in the JSON form of protocol buffers.
    let points = points.as_u64().or_else(|| points.as_str()?.parse().ok())?;
    let why = partial.get("errorMessage").and_then(serde_json::Value::as_str).unwrap_or("it gave no reason");
    (points > 0).then(|| format!("{points} points were refused: {why}"))
}

/// A text on one line, without what a terminal would obey.
fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(MAX_SHOWN).map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if text.chars().count() > MAX_SHOWN {
        shown.push_str("...");
    }
    shown
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let second_is_lower = text.chars().nth(1).is_some_and(char::is_lowercase);
    match letters.next() {
        Some(first) if second_is_lower => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_success_is_a_loss() {
        let refused = br#"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too old"}}"#;
        assert_eq!(rejected(refused).as_deref(), Some("3 points were refused: too old"));
        for fine in [
            &b""[..],
            b"{}",
            b"ok",
            br#"{"partialSuccess":{}}"#,
            br#"{"partialSuccess":{"rejectedDataPoints":0}}"#,
        ] {
            assert_eq!(rejected(fine), None);
        }
    }

    #[test]
    fn what_a_receiver_says_is_one_short_line() {
        assert_eq!(shown("a\x1b[31m\nb"), "a [31m b");
        assert_eq!(shown(&"x".repeat(1_000)).len(), MAX_SHOWN + 3);
        assert_eq!(lower_first("Connection refused"), "connection refused");
        assert_eq!(lower_first("TLS is needed"), "TLS is needed");
    }
}
