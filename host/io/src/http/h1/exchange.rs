//! One request and its answer on one HTTP/1.1 connection.

use std::io;
use std::task::{Context, Poll, ready};

use stresshost_metrics::ErrorKind;

use super::reader::{Parsed, Progress, ReadError, ReaderLimits, ResponseReader};
use super::writer::{WriteError, Writer};
use crate::buffer_pool::Buffer;
use crate::failure::Failure;
use crate::http::core::CoreInner;
use crate::http::prepared::Prepared;
use crate::stream::Stream;

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
    ) -> Poll<Result<(), Failure>> {
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
        if self.stream.is_untouched() {
            return true;
        }
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
    ) -> Poll<Result<(), Failure>> {
        match self.stream.poll_readable(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(self.read_failed(&error, request))),
        }
        loop {
            let buffer = self.buffer.get_or_insert_with(|| core.pool.take());
            self.reader.make_room(buffer);
            let count = match poll_fill(&mut self.stream, cx, buffer) {
                Poll::Pending => {
                    if buffer.is_empty() {
                        self.abandon(core);
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Ok(count)) => count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.read_failed(&error, request))),
            };
            let eof = count == 0;
            let now_ns = if eof || self.bytes_received == 0 { core.clock.now_ns() } else { 0 };
            if !eof && self.bytes_received == 0 {
                self.times.first_byte_ns = now_ns;
            }
            self.bytes_received += count as u64;
            match self.reader.advance_with(Some(&mut core.known_heads.borrow_mut()), buffer, eof) {
                // A server that never stops sending must not keep the core's other users waiting.
                Ok(Progress::NeedMore) => ready!(tokio::task::coop::poll_proceed(cx)).made_progress(),
                Ok(Progress::Done) => {
                    self.times.done_ns = if now_ns > 0 { now_ns } else { core.clock.now_ns() };
                    return Poll::Ready(Ok(()));
                }
                Err(error) => return Poll::Ready(Err(self.parse_failed(error, request))),
            }
        }
    }

    /// The complete answer, once [`Self::poll`] said that it is there.
    pub(crate) fn take_answer(&mut self) -> Option<(Parsed, Buffer)> {
        Some((self.reader.parsed()?, self.buffer.take()?))
    }

    /// The connection, if it can carry another request after this one's complete answer.
    pub(crate) fn take_stream(&mut self) -> Option<Stream> {
        // An answer that came before the request was sent whole leaves the rest of the request unsent.
        let reusable = self.reader.parsed().is_some_and(|parsed| parsed.reusable);
        let reusable = reusable && self.written && self.write_error.is_none();
        reusable.then(|| self.stream.take())
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
    let count = ready!(stream.poll_recv(cx, buffer.space()))?;
    buffer.commit(count);
    Poll::Ready(Ok(count))
}
