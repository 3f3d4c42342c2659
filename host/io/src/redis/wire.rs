//! One connection: commands out, replies in.

use std::io;
use std::task::{Context, Poll, ready};

use stresshost_metrics::ErrorKind;

use super::core::RedisCore;
use super::reader::{Parsed, ReadError, ReplyReader};
use crate::buffer_pool::Buffer;
use crate::failure::Failure;
use crate::sender::Sender;
use crate::stream::Stream;

/// Room made for more of a reply that fills its buffer.
const READ_BYTES: usize = 16 * 1024;

/// A connection to a server. At most one exchange is under way on it.
pub(crate) struct Wire {
    stream: Stream,
    reader: ReplyReader,
    sender: Sender,
    /// Of the replies under way; none while nothing has arrived.
    buffer: Option<Buffer>,
    replies: Vec<Arrived>,
    expected: usize,
    /// Replies are awaited, or were when the exchange was given up.
    is_busy: bool,
    first_byte_ns: u64,
}

/// When things happened in an exchange, in nanoseconds on the run clock; 0 for not yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) written_ns: u64,
    pub(crate) first_byte_ns: u64,
}

/// A reply, and when its last byte was there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    pub(crate) parsed: Parsed,
    pub(crate) at_ns: u64,
}

impl Wire {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            reader: ReplyReader::default(),
            sender: Sender::default(),
            buffer: None,
            replies: Vec::new(),
            expected: 0,
            is_busy: false,
            first_byte_ns: 0,
        }
    }

    /// Whether commands can be sent: no exchange was given up, and nothing has arrived that nobody asked for, the end of
    /// the stream included. Costs no system call while nothing happened.
    pub(crate) fn is_usable(&mut self, core: &RedisCore) -> bool {
        !self.is_busy && self.stream.is_silent(core.pool())
    }

    /// Sends commands, to which so many replies are awaited.
    pub(crate) fn begin(&mut self, cx: &mut Context<'_>, core: &RedisCore, bytes: &[u8], expected: usize) {
        self.is_busy = true;
        self.expected = expected;
        self.replies.clear();
        self.reader.restart();
        self.first_byte_ns = 0;
        self.sender.restart();
        self.sender.send(cx, &mut self.stream, core.clock(), bytes);
    }

    /// When things happened in the exchange.
    pub(crate) const fn times(&self) -> Times {
        Times { written_ns: self.sender.written_ns(), first_byte_ns: self.first_byte_ns }
    }

    /// Ready when every reply is there, or none will come any more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, core: &RedisCore) -> Poll<Result<(), Failure>> {
        self.sender.poll(cx, &mut self.stream, core.clock());
        match self.stream.poll_readable(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(self.read_failed(&error))),
        }
        loop {
            let buffer = self.buffer.get_or_insert_with(|| core.pool().take());
            if buffer.space().is_empty() && !buffer.grow(READ_BYTES) {
                self.reader.drop_current();
                drop_surplus(&mut self.reader, buffer);
                if buffer.space().is_empty() {
                    // What fills it are the replies before this one, and a part of a line.
                    buffer.reserve(READ_BYTES);
                }
            }
            let count = match self.stream.poll_recv(cx, buffer.space()) {
                Poll::Pending => {
                    if buffer.is_empty() {
                        self.give_back(core);
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.closed())),
                Poll::Ready(Ok(count)) => count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.read_failed(&error))),
            };
            buffer.commit(count);
            let now_ns = core.clock().now_ns();
            if self.first_byte_ns == 0 {
                self.first_byte_ns = now_ns;
            }
            while self.replies.len() < self.expected {
                match self.reader.advance(buffer.data(), core.limits()) {
                    Ok(Some(parsed)) => self.replies.push(Arrived { parsed, at_ns: now_ns }),
                    Ok(None) => break,
                    Err(error) => return Poll::Ready(Err(unreadable(&error))),
                }
            }
            if self.replies.len() >= self.expected {
                return Poll::Ready(self.end());
            }
            drop_surplus(&mut self.reader, buffer);
            // A server that never stops sending must not keep the core's other users waiting.
            ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
        }
    }

    /// Ends an exchange whose replies are all there. The connection carries another one if nothing is left over.
    fn end(&mut self) -> Result<(), Failure> {
        self.is_busy =
            !self.sender.is_sent() || self.reader.has_more(self.buffer.as_ref().map_or(0, Buffer::len));
        Ok(())
    }

    /// The replies there are, and the bytes they are in.
    pub(crate) fn take_replies(&mut self) -> (&[Arrived], Option<Buffer>) {
        (&self.replies, self.buffer.take())
    }

    /// Gives the buffer of an exchange back that failed.
    pub(crate) fn give_back(&mut self, core: &RedisCore) {
        if let Some(buffer) = self.buffer.take() {
            core.pool().put(buffer);
        }
    }

    fn read_failed(&self, error: &io::Error) -> Failure {
        self.sender.read_failed(error, self.first_byte_ns > 0)
    }

    fn closed(&self) -> Failure {
        self.sender.closed(self.first_byte_ns > 0)
    }
}

/// Removes what the reader need not have kept.
fn drop_surplus(reader: &mut ReplyReader, buffer: &mut Buffer) {
    if let Some(surplus) = reader.take_surplus() {
        let len = buffer.len();
        buffer.move_within(surplus.end..len, surplus.start);
        buffer.truncate(len - surplus.len());
    }
}

fn unreadable(error: &ReadError) -> Failure {
    let kind = match error {
        ReadError::Malformed(_) => ErrorKind::Malformed,
        ReadError::TooLarge(_) => ErrorKind::TooLarge,
    };
    Failure::new(kind, error.to_string())
}
