//! One connection: commands out, replies in.

use std::io;
use std::task::{Context, Poll, ready};

use stresshost_metrics::ErrorKind;

use super::core::MongoCore;
use super::message;
use crate::buffer_pool::Buffer;
use crate::failure::Failure;
use crate::sender::Sender;
use crate::stream::Stream;

/// Room made for more of a reply that fills its buffer.
const READ_BYTES: usize = 16 * 1024;

/// A connection to a server. At most one command is under way on it.
pub(crate) struct Wire {
    stream: Stream,
    sender: Sender,
    /// Of the reply under way; none while nothing has arrived.
    buffer: Option<Buffer>,
    last_id: i32,
    /// A reply is awaited, or was when the command was given up.
    is_busy: bool,
    first_byte_ns: u64,
}

/// When things happened in an exchange, in nanoseconds on the run clock; 0 for not yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) written_ns: u64,
    pub(crate) first_byte_ns: u64,
}

impl Wire {
    pub(crate) fn new(stream: Stream) -> Self {
        let (sender, buffer) = (Sender::default(), None);
        Self { stream, sender, buffer, last_id: 0, is_busy: false, first_byte_ns: 0 }
    }

    /// Whether a command can be sent: none was given up, and nothing has arrived that nobody asked for, the end of the stream
    /// included. Costs no system call while nothing happened.
    pub(crate) fn is_usable(&mut self, core: &MongoCore) -> bool {
        !self.is_busy && self.stream.is_silent(core.pool())
    }

    /// An id for the next message.
    pub(crate) fn next_id(&mut self) -> i32 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }

    /// Sends a message, whose id is the latest.
    pub(crate) fn begin(&mut self, cx: &mut Context<'_>, core: &MongoCore, bytes: &[u8]) {
        self.is_busy = true;
        self.first_byte_ns = 0;
        self.sender.restart();
        self.sender.send(cx, &mut self.stream, core.clock(), bytes);
    }

    /// When things happened in the exchange.
    pub(crate) const fn times(&self) -> Times {
        Times { written_ns: self.sender.written_ns(), first_byte_ns: self.first_byte_ns }
    }

    /// The latest id: what a reply must answer.
    pub(crate) const fn id(&self) -> i32 {
        self.last_id
    }

    /// Ready when the reply is there in whole, or none will come any more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, core: &MongoCore) -> Poll<Result<Buffer, Failure>> {
        self.sender.poll(cx, &mut self.stream, core.clock());
        match self.stream.poll_readable(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(self.read_failed(&error))),
        }
        loop {
            let buffer = self.buffer.get_or_insert_with(|| core.pool().take());
            let count = match self.stream.poll_recv(cx, buffer.space()) {
                Poll::Pending => {
                    if let Some(buffer) = self.buffer.take_if(|buffer| buffer.is_empty()) {
                        core.pool().put(buffer);
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.closed())),
                Poll::Ready(Ok(count)) => count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.read_failed(&error))),
            };
            buffer.commit(count);
            if self.first_byte_ns == 0 {
                self.first_byte_ns = core.clock().now_ns();
            }
            let total = match message::total(buffer.data(), core.most_bytes()) {
                Ok(total) => total.unwrap_or(message::HEAD_BYTES),
                Err(failure) => return Poll::Ready(Err(failure)),
            };
            if buffer.len() >= total {
                // More than the reply is what nobody asked for.
                self.is_busy = !self.sender.is_sent() || buffer.len() > total;
                buffer.truncate(total);
                return Poll::Ready(
                    self.buffer.take().ok_or_else(|| message::malformed("there is no reply")),
                );
            }
            let missing = total - buffer.len();
            if buffer.space().is_empty() && !buffer.grow(missing.min(READ_BYTES.max(buffer.len()))) {
                let text = "the memory that replies may take up together is used up";
                return Poll::Ready(Err(Failure::new(ErrorKind::TooLarge, text)));
            }
            // A server that never stops sending must not keep the core's other users waiting.
            ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
        }
    }

    /// Gives the buffer of a command back that failed.
    pub(crate) fn give_back(&mut self, core: &MongoCore) {
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
