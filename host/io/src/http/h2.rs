//! HTTP/2 through hyper: one connection a session, its driver a task of the same core.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2;
use hyper::http::{HeaderName, HeaderValue, Method, Request, Response, Uri, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use stresshost_clock::Clock;
use stresshost_metrics::ErrorKind;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::config::HttpConfig;
use super::h1::exchange::Times;
use super::h1::reader::{Parsed, ReaderLimits};
use super::prepared::Prepared;
use crate::buffer_pool::{Buffer, KeptBudget};
use crate::failure::{Failure, chain};
use crate::stream::Stream;

/// Bytes of one answer in flight: enough for a fast link, bounded per stream.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of all answers of a connection in flight.
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// An HTTP/2 connection; clones share it.
#[derive(Clone)]
pub(crate) struct Http2 {
    sender: http2::SendRequest<Full<Bytes>>,
    counters: Arc<Counters>,
    _driver: Arc<Driver>,
}

/// Bytes on the wire that no outcome has counted yet. Streams share a connection, so what belongs to none of them
/// (settings, window updates) falls to the outcome that ends next; sums over a connection are exact.
#[derive(Default)]
struct Counters {
    sent: AtomicU64,
    received: AtomicU64,
}

/// Ends the connection when its last user goes.
struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts HTTP/2 on a stream.
pub(crate) async fn start(stream: Stream, config: &HttpConfig) -> Result<Http2, Failure> {
    let counters = Arc::<Counters>::default();
    let io = TokioIo::new(Counted { stream, counters: Arc::clone(&counters) });
    let head_bytes = u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX);
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(head_bytes)
        .handshake(io)
        .await
        .map_err(|error| explain(&error, false))?;
    let driver = tokio::spawn(async move {
        // The streams report the failure; here it is only the end of the connection.
        if let Err(error) = connection.await {
            tracing::debug!(error = chain(&error), "http/2 connection ended");
        }
    });
    Ok(Http2 { sender, counters, _driver: Arc::new(Driver(driver)) })
}

/// One finished or failed HTTP/2 exchange.
pub(crate) struct Exchanged {
    pub(crate) result: Result<(Parsed, Buffer), Failure>,
    pub(crate) times: Times,
    /// Status, if the head of the answer came.
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
}

impl Http2 {
    /// Whether the connection takes no more requests.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Bytes sent and received that no outcome has counted yet.
    pub(crate) fn take_bytes(&self) -> (u64, u64) {
        (self.counters.sent.swap(0, Relaxed), self.counters.received.swap(0, Relaxed))
    }

    /// Sends a request and reads its answer within the limits.
    pub(crate) async fn exchange(
        mut self,
        request: Request<Full<Bytes>>,
        clock: Clock,
        limits: (ReaderLimits, Arc<KeptBudget>),
        idempotent: bool,
    ) -> Exchanged {
        let mut done = Exchanged {
            result: Err(Failure::new(ErrorKind::Closed, "no answer")),
            times: Times::default(),
            status: 0,
            body_bytes: 0,
        };
        let result = match self.send(request, idempotent).await {
            Ok(response) => {
                done.times.first_byte_ns = clock.now_ns();
                done.status = response.status().as_u16();
                read(response, limits, &mut done.body_bytes).await
            }
            Err(failure) => Err(failure),
        };
        done.times.done_ns = clock.now_ns();
        done.result = result;
        done
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        idempotent: bool,
    ) -> Result<Response<Incoming>, Failure> {
        // Not ready means that the connection ended: nothing was sent.
        self.sender.ready().await.map_err(|error| Failure { retry: true, ..explain(&error, true) })?;
        self.sender.send_request(request).await.map_err(|error| explain(&error, idempotent))
    }
}

/// The HTTP/2 form of a request.
pub(crate) fn build(request: &Prepared, values: &[String]) -> Result<Request<Full<Bytes>>, Failure> {
    let invalid = |text: String| Failure::new(ErrorKind::Invalid, text);
    request.check(values).map_err(invalid)?;
    let source = request.source.as_deref();
    let source = source.ok_or_else(|| invalid("the request was prepared for HTTP/1.1".to_owned()))?;
    let mut scratch = Vec::new();
    let mut render = |template: &super::template::Template| {
        scratch.clear();
        let rendered = template.render(values, 0, &mut scratch);
        rendered.map_err(|bad| invalid(format!("a value {}", bad.reason)))?;
        Ok::<_, Failure>(Bytes::copy_from_slice(&scratch))
    };
    let scheme = if request.origin.is_tls() { "https" } else { "http" };
    let authority = match &source.host {
        Some(host) => render(host)?,
        None => Bytes::from(request.origin.authority()),
    };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(authority.as_ref())
        .path_and_query(render(&source.path)?.as_ref())
        .build()
        .map_err(|error| invalid(format!("the URL cannot be sent by HTTP/2: {error}")))?;
    let body = match &source.body {
        Some(body) => render(body)?,
        None => Bytes::new(),
    };
    let method = Method::from_bytes(source.method.as_bytes()).map_err(|error| invalid(error.to_string()))?;
    let mut built = Request::new(Full::new(body));
    *built.method_mut() = method;
    *built.uri_mut() = uri;
    *built.version_mut() = Version::HTTP_2;
    for (name, template) in &source.headers {
        let value = HeaderValue::from_maybe_shared(render(template)?);
        let value = value.map_err(|error| invalid(format!("header `{name}`: {error}")))?;
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|error| invalid(error.to_string()))?;
        // RFC 9113, 8.2.2: these describe one connection and are an error in HTTP/2.
        if matches!(header.as_str(), "keep-alive" | "proxy-connection") {
            continue;
        }
        built.headers_mut().append(header, value);
    }
    Ok(built)
}

/// Writes the answer into a buffer in the form the HTTP/1.1 reader leaves it in.
async fn read(
    response: Response<Incoming>,
    (mut limits, kept): (ReaderLimits, Arc<KeptBudget>),
    body_bytes: &mut u64,
) -> Result<(Parsed, Buffer), Failure> {
    let (head, mut body) = response.into_parts();
    let mut buffer = Buffer::budgeted(0, kept);
    buffer.extend(format!("HTTP/2 {}\r\n", head.status.as_u16()).as_bytes());
    for (name, value) in &head.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            buffer.extend(part);
        }
    }
    buffer.extend(b"\r\n");
    let head_len = buffer.len();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| explain(&error, false))?;
        let Ok(data) = frame.into_data() else { continue };
        *body_bytes += data.len() as u64;
        if *body_bytes + head_len as u64 > limits.response_bytes {
            let text = format!("the answer does not end; the limit is {} bytes", limits.response_bytes);
            return Err(Failure::new(ErrorKind::TooLarge, text));
        }
        let room = limits.kept_bytes.saturating_sub(buffer.len() - head_len);
        let data = data.get(..data.len().min(room)).unwrap_or_default();
        if buffer.grow(data.len()) {
            buffer.extend(data);
        } else {
            // Without memory for it the body is counted from here on.
            limits.kept_bytes = 0;
        }
    }
    let parsed = Parsed {
        status: head.status.as_u16(),
        head_len,
        body_end: buffer.len(),
        body_bytes: *body_bytes,
        reusable: true,
    };
    Ok((parsed, buffer))
}

fn explain(error: &hyper::Error, idempotent: bool) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut kind = if error.is_canceled() || error.is_closed() || error.is_incomplete_message() {
        ErrorKind::Closed
    } else {
        ErrorKind::Malformed
    };
    let mut retry = error.is_canceled();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<::h2::Error>() {
            let refused = error.reason() == Some(::h2::Reason::REFUSED_STREAM);
            retry |= refused || (error.is_go_away() && error.is_remote() && idempotent);
            if error.is_go_away() && error.is_remote() {
                kind = ErrorKind::Closed;
            } else if error.is_reset() && error.is_remote() {
                kind = ErrorKind::Reset;
            } else if !error.is_io() {
                kind = ErrorKind::Malformed;
            }
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            kind = Failure::from_io(error, ErrorKind::Closed).kind;
            retry |= idempotent;
        }
        cause = error.source();
    }
    Failure { retry, ..Failure::new(kind, chain(error)) }
}

/// Counts the bytes of a stream.
struct Counted {
    stream: Stream,
    counters: Arc<Counters>,
}

impl Counted {
    fn sent(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &result {
            self.counters.sent.fetch_add(*count as u64, Relaxed);
        }
        result
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.counters.received.fetch_add((buf.filled().len() - before) as u64, Relaxed);
        result
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.sent(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.sent(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
