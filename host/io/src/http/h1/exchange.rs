//! One request and its answer on one HTTP/1.1 connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use stresshost_metrics::ErrorKind;
use tokio::io::{AsyncRead, ReadBuf};

use super::reader::{Parsed, Progress, ReadError, ReaderLimits, ResponseReader};
use super::writer::{WriteError, Writer};
use crate::http::buffer_pool::Buffer;
use crate::http::core::CoreInner;
use crate::http::failure::Failure;
use crate::http::prepared::Prepared;
use crate::http::stream::Stream;

/// An exchange in progress; it owns the connection, so that one given up half-way is never used again.
pub(crate) struct Exchange {
    stream: Stream,
    reader: ResponseReader,
    writer: Writer,
    buffer: Option<Buffer>,
    /// The connection carried a request before, so the server may have closed it meanwhile.
    reused: bool,
    checked: bool,
    written: bool,
    write_error: Option<io::Error>,
    pub(crate) times: Times,
    pub(crate) bytes_received: u64,
}

/// When things happened, in nanoseconds on the run clock; 0 for not yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) written_ns: u64,
    pub(crate) first_byte_ns: u64,
    pub(crate) done_ns: u64,
}

/// A finished exchange.
pub(crate) struct Answer {
    pub(crate) parsed: Parsed,
    pub(crate) buffer: Buffer,
    /// The connection, if it can carry another request.
    pub(crate) stream: Option<Stream>,
}

impl Exchange {
    pub(crate) fn new(stream: Stream, reused: bool, limits: ReaderLimits, is_head: bool) -> Self {
        Self {
            stream,
            reader: ResponseReader::new(limits, is_head),
            writer: Writer::default(),
            buffer: None,
            reused,
            checked: !reused,
            written: false,
            write_error: None,
            times: Times::default(),
            bytes_received: 0,
        }
    }

    pub(crate) fn bytes_sent(&self) -> u64 {
        self.writer.sent() as u64
    }

    /// Status, once the head of the answer was read.
    pub(crate) fn status(&self) -> Option<u16> {
        self.reader.status()
    }

    pub(crate) fn body_bytes(&self) -> u64 {
        self.reader.body_bytes()
    }

    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        core: &CoreInner,
        request: &Prepared,
        values: &[String],
    ) -> Poll<Result<Answer, Failure>> {
        if !self.checked {
            self.checked = true;
            if !self.is_quiet(cx, core) {
                let mut failure =
                    Failure::new(ErrorKind::Closed, "the server had closed the idle connection");
                failure.retry = true;
                return Poll::Ready(Err(failure));
            }
        }
        if !self.written {
            match self.writer.poll(cx, &mut self.stream, core, request, values) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => {
                    self.written = true;
                    self.times.written_ns = core.clock.now_ns();
                }
                Poll::Ready(Err(WriteError::Value(text))) => {
                    return Poll::Ready(Err(Failure::new(ErrorKind::Invalid, text)));
                }
                // The server may have answered before it closed: that answer says more than the broken write.
                Poll::Ready(Err(WriteError::Io(error))) => {
                    self.written = true;
                    self.write_error = Some(error);
                }
            }
        }
        self.poll_answer(cx, core, request)
    }

    /// Whether an idle connection is still open and silent. Costs no system call while nothing happened on it.
    ///
    /// Bytes that nobody asked for would be taken for the answer to this request.
    fn is_quiet(&mut self, cx: &mut Context<'_>, core: &CoreInner) -> bool {
        let mut buffer = core.pool.take();
        let result = poll_fill(&mut self.stream, cx, &mut buffer);
        core.pool.put(buffer);
        result.is_pending()
    }

    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        core: &CoreInner,
        request: &Prepared,
    ) -> Poll<Result<Answer, Failure>> {
        loop {
            let mut buffer = self.buffer.take().unwrap_or_else(|| core.pool.take());
            self.reader.make_room(&mut buffer);
            let count = match poll_fill(&mut self.stream, cx, &mut buffer) {
                Poll::Pending => {
                    if buffer.is_empty() {
                        core.pool.put(buffer);
                    } else {
                        self.buffer = Some(buffer);
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Ok(count)) => count,
                Poll::Ready(Err(error)) => {
                    core.pool.put(buffer);
                    return Poll::Ready(Err(self.read_failed(&error, request)));
                }
            };
            let eof = count == 0;
            let now_ns = if eof || self.bytes_received == 0 { core.clock.now_ns() } else { 0 };
            if !eof && self.bytes_received == 0 {
                self.times.first_byte_ns = now_ns;
            }
            self.bytes_received += count as u64;
            match self.reader.advance(&mut buffer, eof) {
                Ok(Progress::NeedMore) => self.buffer = Some(buffer),
                Ok(Progress::Done) => {
                    self.times.done_ns = if now_ns > 0 { now_ns } else { core.clock.now_ns() };
                    return Poll::Ready(self.finish(buffer));
                }
                Err(error) => {
                    core.pool.put(buffer);
                    return Poll::Ready(Err(self.parse_failed(error, request)));
                }
            }
        }
    }

    fn finish(&mut self, buffer: Buffer) -> Result<Answer, Failure> {
        let parsed = self.reader.parsed();
        let parsed = parsed.ok_or_else(|| Failure::new(ErrorKind::Malformed, "the answer is incomplete"))?;
        // An answer that came before the request was sent whole leaves the rest of the request unsent.
        let reusable = parsed.reusable && self.written && self.write_error.is_none();
        let stream = reusable.then(|| self.stream.take());
        Ok(Answer { parsed, buffer, stream })
    }

    fn read_failed(&mut self, error: &io::Error, request: &Prepared) -> Failure {
        let failure = match &self.write_error {
            Some(error) if self.bytes_received == 0 => Failure::from_io(error, ErrorKind::Write),
            _ => Failure::from_io(error, ErrorKind::Reset),
        };
        self.may_retry(failure, request)
    }

    fn parse_failed(&mut self, error: ReadError, request: &Prepared) -> Failure {
        if let Some(error) = self.write_error.as_ref().filter(|_| self.bytes_received == 0) {
            return self.may_retry(Failure::from_io(error, ErrorKind::Write), request);
        }
        let kind = match &error {
            ReadError::Malformed(_) => ErrorKind::Malformed,
            ReadError::TooLarge(_) => ErrorKind::TooLarge,
            ReadError::Closed(_) => ErrorKind::Closed,
        };
        self.may_retry(Failure::new(kind, error.to_string()), request)
    }

    /// A server may close an idle connection just when a request is sent on it. That is no failure of the server
    /// (RFC 9112, 9.3.1) where the request was not acted on or may be repeated.
    fn may_retry(&self, mut failure: Failure, request: &Prepared) -> Failure {
        let harmless = request.is_idempotent || self.writer.sent() == 0;
        let closing = matches!(failure.kind, ErrorKind::Closed | ErrorKind::Reset | ErrorKind::Write);
        failure.retry = self.reused && self.bytes_received == 0 && harmless && closing;
        failure
    }

    /// Gives the buffer back when the exchange is given up.
    pub(crate) fn abandon(&mut self, core: &CoreInner) {
        if let Some(buffer) = self.buffer.take() {
            core.pool.put(buffer);
        }
    }
}

/// Reads once; 0 at the end of the stream.
fn poll_fill(stream: &mut Stream, cx: &mut Context<'_>, buffer: &mut Buffer) -> Poll<io::Result<usize>> {
    let mut space = ReadBuf::new(buffer.space());
    match Pin::new(stream).poll_read(cx, &mut space) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        Poll::Ready(Ok(())) => {
            let count = space.filled().len();
            buffer.commit(count);
            Poll::Ready(Ok(count))
        }
    }
}
