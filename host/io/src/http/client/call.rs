//! One fired request from connection to outcome, redirects and the one permitted retry included.

use std::cell::OnceCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use stresshost_metrics::ErrorKind;

use super::links::{Found, Links};
use super::outcome::Outcome;
use crate::buffer_pool::Buffer;
use crate::dial::Dial;
use crate::failure::Failure;
use crate::http::connect::{Connected, Plan, Protocol, connect};
use crate::http::core::CoreInner;
use crate::http::h1::exchange::{Exchange, Times};
use crate::http::h1::reader::Parsed;
use crate::http::h2::{self, Exchanged, Http2};
use crate::http::prepared::Prepared;
use crate::http::redirect;
use crate::http::response::Response;
use crate::stream::Stream;

/// A request on its way.
pub(crate) struct Call<'a> {
    original: &'a Prepared,
    values: &'a [String],
    /// The request a redirect led to.
    hop: Option<Arc<Prepared>>,
    state: State,
    retried: bool,
    outcome: Outcome,
    deadline_ns: u64,
    /// When the connection was there and writing could start.
    ready_ns: u64,
}

#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is the usual one; a box would cost an allocation per request"
)]
enum State {
    Start,
    Connecting(Pin<Box<dyn Future<Output = Connected> + Send>>),
    Http1(Exchange),
    Http2(Http2, Pin<Box<dyn Future<Output = Exchanged> + Send>>),
    Finished,
}

/// Whether the state machine goes on at once.
#[derive(Clone, Copy)]
enum Next {
    Go,
    Wait,
    End,
}

impl<'a> Call<'a> {
    pub(crate) fn new(original: &'a Prepared, values: &'a [String]) -> Self {
        Self {
            original,
            values,
            hop: None,
            state: State::Start,
            retried: false,
            outcome: Outcome::default(),
            deadline_ns: u64::MAX,
            ready_ns: 0,
        }
    }

    /// When the call fails for want of time.
    pub(crate) fn deadline_ns(&self) -> u64 {
        self.deadline_ns
    }

    /// What is known of the call; all there is to know once it ended.
    pub(crate) fn into_outcome(self) -> Outcome {
        self.outcome
    }

    /// Ready when the call ended; its answer, if there is one, is then in `response`.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        core: &CoreInner,
        links: &mut Links,
        response: &mut Option<Response>,
    ) -> Poll<()> {
        loop {
            let next = match &mut self.state {
                State::Start => self.start(core, links),
                State::Connecting(connecting) => match connecting.as_mut().poll(cx) {
                    Poll::Ready(connected) => self.connected(core, links, connected),
                    Poll::Pending => Next::Wait,
                },
                State::Http1(exchange) => {
                    let (request, values) = match &self.hop {
                        Some(hop) => (&**hop, [].as_slice()),
                        None => (self.original, self.values),
                    };
                    match exchange.poll(cx, core, request, values) {
                        Poll::Ready(Ok(())) => self.answered_http1(core, links, response),
                        Poll::Ready(Err(failure)) => self.fail(core, links, failure),
                        Poll::Pending => Next::Wait,
                    }
                }
                State::Http2(_, exchanging) => match exchanging.as_mut().poll(cx) {
                    Poll::Ready(exchanged) => self.answered_http2(core, links, exchanged, response),
                    Poll::Pending => Next::Wait,
                },
                State::Finished => Next::Wait,
            };
            match next {
                Next::Go => {}
                Next::Wait => return Poll::Pending,
                Next::End => return Poll::Ready(()),
            }
        }
    }

    /// Ends the call because its time is up.
    pub(crate) fn expire(&mut self, core: &CoreInner, links: &mut Links) {
        let limit_ms = self.original.options.request_timeout_ns / stresshost_clock::NS_PER_MS;
        let failure = match &self.state {
            State::Connecting(_) | State::Start => {
                let origin = Arc::clone(&self.request().origin);
                if matches!(self.state, State::Connecting(_)) {
                    links.opened(&origin, None);
                }
                let text = format!("no connection to {origin} within the request's {limit_ms} ms");
                Failure::new(ErrorKind::ConnectTimeout, text)
            }
            _ => Failure::new(ErrorKind::Timeout, format!("no complete answer within {limit_ms} ms")),
        };
        self.end_failed(core, failure);
    }

    fn request(&self) -> &Prepared {
        self.hop.as_deref().unwrap_or(self.original)
    }

    fn values(&self) -> &'a [String] {
        if self.hop.is_some() { &[] } else { self.values }
    }

    fn start(&mut self, core: &CoreInner, links: &mut Links) -> Next {
        if self.outcome.fired_ns == 0 {
            let now_ns = core.clock.now_ns();
            self.outcome.fired_ns = now_ns;
            self.ready_ns = now_ns;
            self.deadline_ns = now_ns.saturating_add(self.original.options.request_timeout_ns);
        }
        match links.find(self.request(), self.retried) {
            Found::Http1(stream) => self.begin_http1(core, stream, true),
            Found::Http2(http2) => return self.begin_http2(core, links, http2),
            Found::Wait => return Next::Wait,
            Found::Open => {
                let request = self.request();
                if let Err(text) = request.check(self.values()) {
                    links.opened(&Arc::clone(&self.request().origin), None);
                    return self.end_failed(core, Failure::new(ErrorKind::Invalid, text));
                }
                let dial = Dial {
                    shared: core.shared.clone(),
                    clock: core.clock,
                    origin: Arc::clone(&request.origin),
                    timeout_ns: request.options.connect_timeout_ns,
                };
                let plan = Plan { dial, version: request.options.version };
                self.state = State::Connecting(Box::pin(connect(plan)));
            }
        }
        Next::Go
    }

    fn begin_http1(&mut self, core: &CoreInner, stream: Stream, reused: bool) {
        let is_head = self.request().is_head;
        self.state = State::Http1(Exchange::new(stream, reused, core.limits, is_head));
    }

    fn begin_http2(&mut self, core: &CoreInner, links: &mut Links, http2: Http2) -> Next {
        let request = self.request();
        match h2::build(request, self.values()) {
            Ok(built) => {
                let limits = (core.limits, Arc::clone(&core.shared.config().kept));
                let exchange = http2.clone().exchange(built, core.clock, limits, request.is_idempotent);
                self.state = State::Http2(http2, Box::pin(exchange));
                Next::Go
            }
            Err(failure) => self.fail(core, links, failure),
        }
    }

    fn connected(&mut self, core: &CoreInner, links: &mut Links, connected: Connected) -> Next {
        let phases = &mut self.outcome.phases;
        phases.lookup_ns += connected.phases.lookup_ns;
        phases.connect_ns += connected.phases.connect_ns;
        phases.tls_ns += connected.phases.tls_ns;
        self.ready_ns = connected.at_ns;
        let origin = Arc::clone(&self.request().origin);
        match connected.result {
            Ok(Protocol::Http1(stream)) => {
                self.count_connect();
                links.opened(&origin, None);
                self.begin_http1(core, stream, false);
                Next::Go
            }
            Ok(Protocol::Http2(http2)) => {
                self.count_connect();
                links.opened(&origin, Some(&http2));
                self.begin_http2(core, links, http2)
            }
            Err(failure) => {
                links.opened(&origin, None);
                self.end_failed(core, failure)
            }
        }
    }

    fn count_connect(&mut self) {
        self.outcome.connects += 1;
        self.outcome.reconnects += u16::from(self.retried);
    }

    fn answered_http1(
        &mut self,
        core: &CoreInner,
        links: &mut Links,
        response: &mut Option<Response>,
    ) -> Next {
        let State::Http1(exchange) = &mut self.state else { return Next::Wait };
        let times = exchange.times;
        let Some((parsed, buffer)) = exchange.take_answer() else {
            return self.fail(core, links, Failure::new(ErrorKind::Malformed, "the answer is incomplete"));
        };
        let request = self.hop.as_deref().unwrap_or(self.original);
        if request.options.keep_alive
            && let Some(stream) = exchange.take_stream()
        {
            links.keep(&request.origin, Protocol::Http1(stream));
        }
        self.count_http1();
        self.state = State::Finished;
        self.answered(core, parsed, buffer, times, response)
    }

    fn answered_http2(
        &mut self,
        core: &CoreInner,
        links: &mut Links,
        exchanged: Exchanged,
        response: &mut Option<Response>,
    ) -> Next {
        self.outcome.status = exchanged.status;
        self.outcome.body_bytes = exchanged.body_bytes;
        match exchanged.result {
            Ok((parsed, buffer)) => {
                self.count_http2();
                self.state = State::Finished;
                if !self.request().options.keep_alive {
                    links.drop_http2(&Arc::clone(&self.request().origin));
                }
                self.answered(core, parsed, buffer, exchanged.times, response)
            }
            Err(failure) => self.fail(core, links, failure),
        }
    }

    fn answered(
        &mut self,
        core: &CoreInner,
        parsed: Parsed,
        buffer: Buffer,
        times: Times,
        response: &mut Option<Response>,
    ) -> Next {
        let phases = &mut self.outcome.phases;
        // An answer may come before the request was sent whole; HTTP/2 does not tell when it was.
        let written_ns = if times.written_ns == 0 { self.ready_ns } else { times.written_ns };
        phases.write_ns += written_ns.saturating_sub(self.ready_ns);
        phases.wait_ns += times.first_byte_ns.saturating_sub(written_ns);
        phases.body_ns += times.done_ns.saturating_sub(times.first_byte_ns);
        self.ready_ns = times.done_ns;
        self.outcome.status = parsed.status;
        self.outcome.body_bytes = parsed.body_bytes;
        self.outcome.done_ns = times.done_ns;
        let request = self.request();
        let decode_limit = request.options.decompress.then(|| core.shared.config().max_decoded_bytes);
        let answer = response.insert(Response {
            status: parsed.status,
            buffer,
            head_len: parsed.head_len,
            body_bytes: parsed.body_bytes,
            decode_limit,
            decoded: OnceCell::new(),
        });
        if request.options.follow_redirects > 0 {
            match redirect::follow(&core.shared, request, self.values(), answer) {
                Ok(None) => {}
                Ok(Some(hop)) => return self.redirected(core, hop, response),
                Err(failure) => return self.end_failed(core, failure),
            }
        }
        self.outcome.error = self.judge(parsed.status);
        Next::End
    }

    fn redirected(&mut self, core: &CoreInner, hop: Arc<Prepared>, response: &mut Option<Response>) -> Next {
        let limit = self.original.options.follow_redirects;
        if u32::from(self.outcome.redirects) >= limit {
            return self
                .end_failed(core, Failure::new(ErrorKind::Redirect, format!("more than {limit} redirects")));
        }
        if let Some(response) = response.take() {
            response.recycle(&core.pool);
        }
        self.outcome.redirects += 1;
        self.hop = Some(hop);
        self.retried = false;
        self.state = State::Start;
        Next::Go
    }

    /// The failure that a status is, if it is one.
    fn judge(&self, status: u16) -> Option<ErrorKind> {
        if self.original.options.expects(status) {
            return None;
        }
        Some(match status {
            400..=499 => ErrorKind::Status4xx,
            500.. => ErrorKind::Status5xx,
            _ => ErrorKind::StatusUnexpected,
        })
    }

    /// Ends the call, or starts it anew on a fresh connection where that is permitted.
    fn fail(&mut self, core: &CoreInner, links: &mut Links, failure: Failure) -> Next {
        if matches!(self.state, State::Http2(..)) && failure.retry {
            links.drop_http2(&Arc::clone(&self.request().origin));
        }
        if !failure.retry || self.retried {
            return self.end_failed(core, failure);
        }
        self.count_attempt(core);
        self.retried = true;
        self.state = State::Start;
        Next::Go
    }

    fn end_failed(&mut self, core: &CoreInner, failure: Failure) -> Next {
        self.count_attempt(core);
        self.state = State::Finished;
        self.outcome.error = Some(failure.kind);
        self.outcome.error_text = Some(failure.text);
        self.outcome.done_ns = core.clock.now_ns();
        Next::End
    }

    /// Adds what an attempt that gave no answer sent and received.
    fn count_attempt(&mut self, core: &CoreInner) {
        self.count_http1();
        self.count_http2();
        if let State::Http1(exchange) = &mut self.state {
            exchange.abandon(core);
            self.outcome.status = exchange.status().unwrap_or(self.outcome.status);
            self.outcome.body_bytes = exchange.body_bytes();
        }
    }

    fn count_http1(&mut self) {
        if let State::Http1(exchange) = &self.state {
            self.outcome.bytes_sent += exchange.bytes_sent();
            self.outcome.bytes_received += exchange.bytes_received;
        }
    }

    fn count_http2(&mut self) {
        if let State::Http2(http2, _) = &self.state {
            let (sent, received) = http2.take_bytes();
            self.outcome.bytes_sent += sent;
            self.outcome.bytes_received += received;
        }
    }
}
