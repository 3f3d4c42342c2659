//! Live control over HTTP, on a loopback address, with a token.
//!
//! A browser on this machine can be led to send requests here: a page cannot know the token, a name that was rebound
//! to this address is not in the list of hosts it serves, and no answer allows another origin to read it.

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::board::{Board, next};
use super::protocol::{
    Halt, MAX_REQUEST_BYTES, MAX_UNREAD_SNAPSHOTS, News, Refusal, Reply, Request, Scale, WRITE_TIMEOUT, line,
};
use crate::exit::usage;
use crate::http::{self, Answer};

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest connection: someone who watches for more than a day connects again.
const LIFETIME: Duration = Duration::from_secs(24 * 3_600);

const JSON: &str = "application/json";

/// A listening address and its token.
pub(crate) struct Listener {
    /// Taken when it is served.
    socket: Mutex<Option<TcpListener>>,
    address: SocketAddr,
    token: String,
}

/// What answers need to know.
struct Door {
    board: Arc<Board>,
    hosts: Vec<String>,
    token: String,
}

impl Listener {
    /// Listens on `127.0.0.1:PORT`, `[::1]:PORT` or `localhost:PORT`; port 0 takes any free one.
    ///
    /// # Errors
    /// When other machines could reach the address, or it cannot be listened on.
    pub(crate) fn open(text: &str) -> anyhow::Result<Self> {
        let address = address(text).map_err(|error| usage(format!("--control: {error}")))?;
        let (socket, address) = http::listen(address)
            .map_err(|error| usage(format!("{error}; name another port, or 0 for any")))
            .with_context(|| format!("--control: cannot listen on {address}"))?;
        Ok(Self { socket: Mutex::new(Some(socket)), address, token: token()? })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Serves clients until the run has ended.
    pub(super) fn serve(
        &self,
        board: Arc<Board>,
        ended: watch::Receiver<bool>,
    ) -> anyhow::Result<impl Future<Output = ()> + use<>> {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = socket.take().context("live control is served once")?;
        let door = Arc::new(Door { board, hosts: hosts(self.address), token: self.token.clone() });
        let answer = move |request, cut| {
            let door = Arc::clone(&door);
            async move { door.answer(request, cut).await }
        };
        Ok(async move {
            // Without a runtime that takes the socket there is nobody to answer.
            drop(http::serve(socket, ended, LIFETIME, answer).await);
        })
    }
}

/// Reads an address; anything that other machines could reach is refused.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").map(|port| format!("{}:{port}", Ipv4Addr::LOCALHOST));
    let address: SocketAddr = local
        .as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| format!("`{text}` is no address; write 127.0.0.1:PORT"))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!(
            "{address} is not a loopback address, and whoever reaches it could steer this run; write \
             127.0.0.1:{} and forward the port",
            address.port()
        ))
    }
}

/// What a client on this machine calls this address.
fn hosts(address: SocketAddr) -> Vec<String> {
    vec![address.to_string(), format!("localhost:{}", address.port())]
}

fn token() -> anyhow::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("this machine has no random numbers for a token"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Door {
    async fn answer(&self, request: hyper::Request<Incoming>, cut: Arc<Notify>) -> Answer {
        let mut answer = match self.admit(request.headers()) {
            Ok(()) => self.route(request, cut).await,
            Err(refused) => *refused,
        };
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    /// Refuses whoever is not meant: names first, so that a rebound name learns nothing of tokens.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Box<Answer>> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        let known = host.is_some_and(|host| self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)));
        if !known || hosts.next().is_some() {
            return Err(Box::new(refuse(
                StatusCode::FORBIDDEN,
                Refusal::Request,
                &format!("the host must be {}", self.hosts.join(" or ")),
            )));
        }
        let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let token = match given.split_at_checked(7) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token,
            _ => &[],
        };
        if !same(token, self.token.as_bytes()) {
            let mut refused = refuse(
                StatusCode::UNAUTHORIZED,
                Refusal::Request,
                "send `authorization: Bearer TOKEN`; the token is in control.token of the run directory",
            );
            refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return Err(Box::new(refused));
        }
        Ok(())
    }

    async fn route(&self, request: hyper::Request<Incoming>, cut: Arc<Notify>) -> Answer {
        let (head, body) = request.into_parts();
        let method = match head.uri.path() {
            "/status" | "/watch" => Method::GET,
            "/pause" | "/resume" | "/scale" | "/stop" => Method::POST,
            path => {
                let message = format!(
                    "`{path}` is not here; there are GET /status and /watch, POST /pause, /resume, /scale and /stop"
                );
                return refuse(StatusCode::NOT_FOUND, Refusal::Request, &message);
            }
        };
        if head.method != method {
            let message = format!("`{}` takes {method}", head.uri.path());
            let mut refused = refuse(StatusCode::METHOD_NOT_ALLOWED, Refusal::Request, &message);
            let allowed = if method == Method::GET { "GET" } else { "POST" };
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
            return refused;
        }
        if head.uri.path() == "/watch" {
            return self.watch(&head.headers, cut);
        }
        let body = match read(body).await {
            Ok(body) => body,
            Err(refused) => return *refused,
        };
        let asked = match head.uri.path() {
            "/pause" => Ok(Request::Pause {}),
            "/resume" => Ok(Request::Resume {}),
            "/scale" => parse::<Scale>(&body).map(Request::Scale),
            "/stop" => parse::<Halt>(&body).map(Request::Stop),
            _ => Ok(Request::Status {}),
        };
        match asked {
            Ok(asked) => reply(&self.board.answer(&asked)),
            Err(error) => refuse(StatusCode::BAD_REQUEST, Refusal::Request, &error),
        }
    }

    /// Every snapshot from now on: server-sent events for those who ask for them, JSON lines for the others.
    fn watch(&self, headers: &HeaderMap, cut: Arc<Notify>) -> Answer {
        let accepts = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let events = accepts.contains("text/event-stream");
        let frame = move |line: Vec<u8>| -> Bytes {
            if events { [b"data: ", &line[..], b"\n"].concat().into() } else { line.into() }
        };
        let (mut to, body) = Channel::<Bytes, Infallible>::new(MAX_UNREAD_SNAPSHOTS);
        let (first, mut news) = self.board.watch();
        tokio::spawn(async move {
            let mut told = frame(line(&first));
            loop {
                match timeout(WRITE_TIMEOUT, to.send_data(told)).await {
                    Ok(Ok(())) => {}
                    // The client has left.
                    Ok(Err(_)) => return,
                    // It takes nothing: the connection would keep its place for ever.
                    Err(_) => return cut.notify_one(),
                }
                let latest = next(&mut news).await;
                told = frame(line(&latest));
                if matches!(latest, News::End { .. }) {
                    drop(timeout(WRITE_TIMEOUT, to.send_data(told)).await);
                    return;
                }
            }
        });
        let mut answer = Response::new(body.boxed());
        let kind = if events { "text/event-stream" } else { "application/x-ndjson" };
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        answer
    }
}

/// Compares in a time that does not tell how much was right.
fn same(given: &[u8], token: &[u8]) -> bool {
    let different = given.iter().zip(token).fold(0, |different, (a, b)| different | (a ^ b));
    given.len() == token.len() && std::hint::black_box(different) == 0
}

async fn read(body: Incoming) -> Result<Bytes, Box<Answer>> {
    match timeout(BODY_TIMEOUT, Limited::new(body, MAX_REQUEST_BYTES).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => {
            let message = format!("a body has at most {MAX_REQUEST_BYTES} bytes");
            Err(Box::new(refuse(StatusCode::PAYLOAD_TOO_LARGE, Refusal::Request, &message)))
        }
        Err(_) => Err(Box::new(refuse(
            StatusCode::REQUEST_TIMEOUT,
            Refusal::Request,
            "the body did not come in time",
        ))),
    }
}

/// Reads a body; none is one without any field.
fn parse<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, String> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| format!("the body cannot be read: {error}"))
}

fn reply(reply: &Reply) -> Answer {
    let status = match reply {
        Reply::Done { .. } => StatusCode::OK,
        Reply::Refused { kind: Refusal::Request, .. } => StatusCode::BAD_REQUEST,
        Reply::Refused { kind: Refusal::Refused, .. } => StatusCode::CONFLICT,
        Reply::Refused { kind: Refusal::Busy, .. } => StatusCode::SERVICE_UNAVAILABLE,
    };
    http::answer(status, JSON, line(reply))
}

fn refuse(status: StatusCode, kind: Refusal, error: &str) -> Answer {
    http::answer(status, JSON, line(&Reply::refused(kind, error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_listened_on() {
        for good in ["127.0.0.1:0", "127.8.9.1:80", "[::1]:8080", "localhost:7"] {
            assert!(address(good).is_ok_and(|address| address.ip().is_loopback()), "{good}");
        }
        for (bad, words) in [
            ("0.0.0.0:80", "not a loopback address"),
            ("[::]:80", "not a loopback address"),
            ("192.168.1.4:80", "127.0.0.1:80"),
            ("[::ffff:10.0.0.1]:80", "not a loopback address"),
            ("127.0.0.1", "is no address"),
            ("example.com:80", "is no address"),
            ("localhost:99999", "is no address"),
            ("", "is no address"),
        ] {
            let refused = address(bad).unwrap_err();
            assert!(refused.contains(words), "{bad}: {refused}");
        }
    }

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same(b"abc", b"abc"));
        for given in [&b""[..], b"ab", b"abcd", b"abd", b"ABC"] {
            assert!(!same(given, b"abc"), "{given:?}");
        }
        let (one, other) = (token().unwrap(), token().unwrap());
        assert_eq!(one.len(), 2 * TOKEN_BYTES);
        assert_ne!(one, other);
    }
}
