//! The server: answers from the script and remembers what was asked.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use stresshost_plan::parse_duration_ms;
use tokio::sync::watch;

use super::Reply;
use crate::http;

/// Requests that are remembered: more are no test of what a plugin does.
const MAX_SEEN: usize = 100_000;

/// Longest life of a connection.
const LIFETIME: Duration = Duration::from_secs(3_600);

/// What was asked of the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// `METHOD /path?query`, in the order of their arrival.
    pub(crate) requests: Vec<String>,
    /// Those that no reply was scripted for.
    pub(crate) unexpected: Vec<String>,
}

/// A server on a free loopback port, in a thread of its own; it ends when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<Script>>,
    ended: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

struct Script {
    /// Replies with how often each may still be given.
    replies: Vec<(Reply, Option<u64>)>,
    seen: Seen,
}

impl Script {
    /// The reply to a request, which is remembered.
    fn reply(&mut self, request: String) -> Option<Reply> {
        let reply =
            self.replies.iter_mut().find(|(reply, left)| *left != Some(0) && reply.request.matches(&request));
        let reply = reply.map(|(reply, left)| {
            *left = left.map(|left| left - 1);
            reply.clone()
        });
        if reply.is_none() && self.seen.unexpected.len() < MAX_SEEN {
            self.seen.unexpected.push(request.clone());
        }
        if self.seen.requests.len() < MAX_SEEN {
            self.seen.requests.push(request);
        }
        reply
    }
}

impl Server {
    pub(crate) fn start(replies: &[Reply]) -> anyhow::Result<Self> {
        let (listener, address) = http::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .context("cannot open a port for the mock")?;
        let replies = replies.iter().map(|reply| (reply.clone(), reply.times)).collect();
        let script = Arc::new(Mutex::new(Script { replies, seen: Seen::default() }));
        let (ended, until) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&script);
        let serve = move || {
            let answer = move |request, _| answer(request, Arc::clone(&shared));
            // A server that cannot serve is a target that does not answer: the plugin's requests tell.
            drop(runtime.block_on(http::serve(listener, until, LIFETIME, answer)));
        };
        let thread = std::thread::Builder::new().name("stresshost-mock".into()).spawn(serve)?;
        Ok(Self { address, script, ended, thread: Some(thread) })
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Seen {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).seen.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.send_replace(true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

async fn answer(request: Request<Incoming>, script: Arc<Mutex<Script>>) -> http::Answer {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let line = format!("{} {path}", request.method());
    // The connection is used again, so the body must be out of it.
    drop(request.into_body().collect().await);
    let reply = script.lock().unwrap_or_else(PoisonError::into_inner).reply(line);
    let Some(reply) = reply else {
        return http::text(StatusCode::NOT_FOUND, "the mock has no reply for this request");
    };
    if let Some(Ok(delay_ms)) = reply.delay.as_deref().map(parse_duration_ms) {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    scripted(&reply)
}

fn scripted(reply: &Reply) -> http::Answer {
    let json = reply.json.as_ref().map(serde_json::Value::to_string);
    let body = json.or_else(|| reply.body.clone()).unwrap_or_default();
    let mut answer = Response::new(Full::new(Bytes::from(body)).map_err(|never: Infallible| never).boxed());
    *answer.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    if reply.json.is_some() {
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(replies: &str) -> Script {
        let replies: Vec<Reply> = serde_json::from_str(replies).unwrap();
        let replies = replies.into_iter().map(|reply| (reply.clone(), reply.times)).collect();
        Script { replies, seen: Seen::default() }
    }

    #[test]
    fn replies_are_given_in_turn_and_all_requests_are_remembered() {
        let mut script =
            script(r#"[{"request": "GET /a", "status": 500, "times": 2}, {"request": "GET /a"}]"#);
        let statuses: Vec<_> =
            (0..3).map(|_| script.reply("GET /a".to_owned()).map(|reply| reply.status)).collect();
        assert_eq!(statuses, [Some(500), Some(500), Some(200)]);
        assert!(script.reply("GET /b".to_owned()).is_none());
        assert_eq!(script.seen.unexpected, ["GET /b"]);
        assert_eq!(script.seen.requests.len(), 4);
    }
}
