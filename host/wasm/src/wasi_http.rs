//! `wasi:http` outgoing requests, so that the usual clients of a language work inside a guest.
//!
//! Every request goes through the same engine as those of the contract: the same grants, limits and measurements. It is
//! prepared for this once, so a plugin that fires the same request often is faster with the contract's own `http`. A
//! request's body is collected before it is sent, and an answer is whole before the guest sees it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use stresshost_engine::Ticket;
use stresshost_io::http::{HttpSession, Outcome, RequestSpec};
use stresshost_metrics::{ErrorKind, SandboxLimit};
use tokio::sync::oneshot;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::firing::Flight;
use crate::memory_budget::MemoryBudget;
use crate::on_core::OnCore;
use crate::state::{CoreShared, Live};
use crate::{MAX_REQUEST_BODY_BYTES, MAX_REQUESTS_IN_HAND};

type Answer = http::Response<WasiBody>;
/// What `send_request` resolves to: the answer, and what is left to do for it.
type Sent = Result<(Answer, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

/// Requests of one virtual user that are under way, and connections of those that have ended. They go on while the
/// guest waits, and end with the user.
#[derive(Default)]
pub(crate) struct Outgoing {
    calls: RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>>,
    free: RefCell<Vec<HttpSession>>,
}

impl Outgoing {
    /// Lets every request go on.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) {
        let mut calls = self.calls.borrow_mut();
        if !calls.is_empty() {
            calls.retain_mut(|call| call.as_mut().poll(cx).is_pending());
        }
    }

    /// Whether nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.calls.borrow().is_empty()
    }

    /// Drops every request.
    pub(crate) fn end(&self) {
        self.calls.take();
    }
}

/// Sends a guest's requests through the engine.
pub(crate) struct Hooks {
    /// Missing while a plugin describes, plans or analyses: then nothing is granted.
    live: Option<OnCore<Rc<RefCell<Live>>>>,
}

impl Hooks {
    pub(crate) fn new(live: Option<Rc<RefCell<Live>>>) -> Self {
        Self { live: live.map(OnCore::new) }
    }
}

impl WasiHttpHooks for Hooks {
    fn set_host_header(&mut self) -> bool {
        // The engine writes its own.
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        // Tells how the guest fared with the answer's body, which is of no concern here.
        drop(processed);
        let Some(live) = self.live.as_deref() else {
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        };
        let (mut send, receive) = oneshot::channel();
        let mut call = match Call::begin(&mut live.borrow_mut()) {
            Ok(call) => call,
            Err(error) => return Box::new(std::future::ready(Err(error))),
        };
        let outgoing = Rc::clone(&call.outgoing);
        let call = async move {
            let answer = async {
                let outcome = call.send(request, options.unwrap_or_default()).await?;
                call.answer(&outcome)
            };
            tokio::select! {
                // It does not matter whether the guest still listens.
                answer = answer => drop(send.send(answer)),
                // The guest has dropped the request.
                () = send.closed() => {}
            }
        };
        outgoing.calls.borrow_mut().push(Box::pin(call));
        Box::new(async move {
            let answer = receive.await.unwrap_or(Err(Error::ConnectionTerminated))?;
            let done: Box<dyn Future<Output = _> + Send> = Box::new(std::future::ready(Ok(())));
            Ok((answer, done))
        })
    }
}

/// One request under way.
struct Call {
    outgoing: Rc<Outgoing>,
    core: Rc<CoreShared>,
    session: Option<HttpSession>,
    ticket: Option<Ticket>,
    intended_ns: Option<u64>,
}

impl Call {
    fn begin(user: &mut Live) -> Result<Self, Error> {
        let (core, outgoing) = (Rc::clone(&user.core), Rc::clone(&user.outgoing));
        if outgoing.calls.borrow().len() >= MAX_REQUESTS_IN_HAND {
            core.reached(SandboxLimit::Requests);
            return Err(Error::ConnectionLimitReached);
        }
        let session = outgoing.free.borrow_mut().pop();
        let session = Some(session.unwrap_or_else(|| HttpSession::new(core.http.clone())));
        let (ticket, intended_ns) = (user.ticket, user.intended_ns.take());
        Ok(Self { outgoing, core, session, ticket, intended_ns })
    }

    /// Sends the request and waits for its answer, which the session holds then.
    async fn send(
        &mut self,
        request: http::Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Outcome, Error> {
        let (parts, body) = request.into_parts();
        let has_body = !http_body::Body::is_end_stream(&body);
        let held = Held::collect(body, &self.core).await?;
        let headers = headers(&parts.headers)?;
        let (method, url) = (parts.method.as_str(), parts.uri.to_string());
        let options = engine_options(options);
        let spec = RequestSpec {
            method,
            url: &url,
            headers: &headers,
            body: (has_body || !held.bytes.is_empty()).then_some(&held.bytes),
            slots: &[],
            options: &options,
        };
        let invalid = |text: String| Error::InternalError(Some(text));
        let prepared = self.core.http.prepare(&spec).map_err(|error| invalid(error.to_string()))?;
        drop(held);
        let Some(_charge) = self.core.charges.charge(&prepared, &self.core.run.memory) else {
            self.core.reached(SandboxLimit::TotalMemory);
            return Err(Error::HttpRequestBodySize(None));
        };
        let name = self.core.run.secrets.redact(&operation(method, parts.uri.path())).into_owned();
        let op = {
            let mut names =
                self.core.context.names.lock().map_err(|_| invalid("the run is ending".into()))?;
            let named = names.op(&name, "http").or_else(|_| names.op(&format!("{method} (others)"), "http"));
            named.map_err(|error| invalid(self.core.refused_name(&error)))?
        };
        let context = &self.core.context;
        if let Some(ticket) = self.ticket.filter(|_| !context.limits.is_empty()) {
            // The request is intended for the time at which the wait for a token begins, so the wait is lag.
            self.intended_ns.get_or_insert(context.clock.now_ns());
            let origin = prepared.origin();
            let limits = context.limits.of_target(origin.scheme.name(), &origin.host, origin.port);
            context.take_tokens(Some(ticket.scenario), &limits).await;
        }
        let Some(session) = &mut self.session else { return Err(Error::ConnectionTerminated) };
        let flight = Flight::begin(&self.core, op, self.ticket, self.intended_ns);
        let outcome = session.fire(&prepared, &[]).await;
        flight.end(&outcome);
        Ok(outcome)
    }

    fn answer(&self, outcome: &Outcome) -> Result<Answer, Error> {
        let response = self.session.as_ref().and_then(|session| session.response(0));
        let response = response.ok_or_else(|| error(outcome))?;
        let body = response.body().map_err(|_| {
            self.core.reached(SandboxLimit::BodyBytes);
            Error::HttpResponseBodySize(Some(response.body_bytes()))
        })?;
        let mut answer = http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let body = Full::new(Bytes::copy_from_slice(body)).map_err(Error::from).boxed_unsync();
        answer.body(body).map_err(|error| Error::InternalError(Some(error.to_string())))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(mut session) = self.session.take() {
            session.release();
            self.outgoing.free.borrow_mut().push(session);
        }
    }
}

/// A request's body while it is collected.
struct Held {
    bytes: Vec<u8>,
    taken: u64,
    budget: Arc<MemoryBudget>,
}

impl Held {
    async fn collect(mut body: WasiBody, core: &CoreShared) -> Result<Self, Error> {
        let mut held = Self { bytes: Vec::new(), taken: 0, budget: Arc::clone(&core.run.memory) };
        while let Some(frame) = body.frame().await {
            // Trailers are not sent.
            let Ok(data) = frame?.into_data() else { continue };
            let more = data.len() as u64;
            let size = held.bytes.len() as u64 + more;
            if size > MAX_REQUEST_BODY_BYTES {
                core.reached(SandboxLimit::PreparedBytes);
                return Err(Error::HttpRequestBodySize(Some(size)));
            }
            if !held.budget.take(more) {
                core.reached(SandboxLimit::TotalMemory);
                return Err(Error::HttpRequestBodySize(Some(size)));
            }
            held.taken += more;
            held.bytes.extend_from_slice(&data);
        }
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.give_back(self.taken);
    }
}

/// The guest's headers without the length, which the engine writes itself.
fn headers(map: &http::HeaderMap) -> Result<Vec<(String, String)>, Error> {
    let sent = map.iter().filter(|(name, _)| *name != http::header::CONTENT_LENGTH);
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| Error::HttpRequestHeaderSize {
            field_name: Some(name.to_string()),
            field_size: None,
        })?;
        Ok((name.to_string(), value.to_owned()))
    };
    sent.map(text).collect()
}

/// Timeouts as the engine's options. It has one for the whole answer, which `first-byte-timeout` sets.
fn engine_options(options: RequestOptions) -> Vec<(String, String)> {
    let RequestOptions { connect_timeout, first_byte_timeout, .. } = options;
    let times = [("connect-timeout-ms", connect_timeout), ("timeout-ms", first_byte_timeout)];
    let option = |(name, time): (&str, Option<std::time::Duration>)| {
        Some((name.to_owned(), time?.as_millis().max(1).to_string()))
    };
    times.into_iter().filter_map(option).collect()
}

/// What reports call a request: method and path without the query, and with `{id}` for each part of the path that looks
/// like a number or an identifier.
fn operation(method: &str, path: &str) -> String {
    let part = |part: &str| {
        let has_digit = part.bytes().any(|byte| byte.is_ascii_digit());
        let is_hex = part.len() >= 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_number || (is_hex && has_digit) { "{id}".to_owned() } else { part.to_owned() }
    };
    let parts: Vec<String> = path.split('/').map(part).collect();
    format!("{method} {}", parts.join("/"))
}

/// The engine's error as `wasi:http` names it.
fn error(outcome: &Outcome) -> Error {
    let text = || Some(outcome.error_text.as_deref().unwrap_or("no answer").to_owned());
    match outcome.error {
        Some(ErrorKind::Lookup) => Error::DnsError { rcode: text(), info_code: None },
        Some(ErrorKind::ConnectRefused) => Error::ConnectionRefused,
        Some(ErrorKind::ConnectTimeout) => Error::ConnectionTimeout,
        Some(ErrorKind::Connect) => Error::DestinationUnavailable,
        Some(ErrorKind::Tls) => Error::TlsProtocolError,
        Some(ErrorKind::Write | ErrorKind::Reset | ErrorKind::Interrupted) => Error::ConnectionTerminated,
        Some(ErrorKind::Closed) => Error::HttpResponseIncomplete,
        Some(ErrorKind::Malformed) => Error::HttpProtocolError,
        Some(ErrorKind::TooLarge) => Error::HttpResponseBodySize(None),
        Some(ErrorKind::Timeout) => Error::HttpResponseTimeout,
        Some(ErrorKind::Denied) => Error::HttpRequestDenied,
        Some(kind) if kind.is_exhaustion() => Error::ConnectionLimitReached,
        _ => Error::InternalError(text()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_in_a_path_is_left_out_of_the_name() {
        for (path, name) in [
            ("/", "GET /"),
            ("/products/17", "GET /products/{id}"),
            ("/v1/orders/", "GET /v1/orders/"),
            ("/u/6ba7b810-9dad-11d1-80b4-00c04fd430c8/x", "GET /u/{id}/x"),
            ("/u/deadbeef", "GET /u/deadbeef"),
            ("/u/deadbee1", "GET /u/{id}"),
        ] {
            assert_eq!(operation("GET", path), name);
        }
    }

    #[test]
    fn the_engine_writes_the_length_and_has_its_own_names_of_timeouts() {
        let mut map = http::HeaderMap::new();
        map.insert("content-length", http::HeaderValue::from_static("3"));
        map.insert("x-a", http::HeaderValue::from_static("1"));
        assert_eq!(headers(&map).unwrap(), [("x-a".to_owned(), "1".to_owned())]);
        map.insert("x-b", http::HeaderValue::from_bytes(b"\xff").unwrap());
        assert!(headers(&map).is_err());
        let options = RequestOptions {
            connect_timeout: Some(std::time::Duration::from_micros(10)),
            first_byte_timeout: Some(std::time::Duration::from_secs(2)),
            between_bytes_timeout: None,
        };
        let expected = [("connect-timeout-ms", "1"), ("timeout-ms", "2000")];
        assert_eq!(engine_options(options), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
}
