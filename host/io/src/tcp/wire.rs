//! One connection: bytes out, bytes in.

use std::io;
use std::task::{Context, Poll, Waker, ready};

use stresshost_metrics::ErrorKind;

use super::core::TcpCore;
use super::framing::{Framing, FramingError, Scan};
use super::limits::{HEAD_BYTES, READ_BYTES};
use crate::buffer_pool::Buffer;
use crate::failure::Failure;
use crate::sender::Sender;
use crate::stream::Stream;

/// A connection to a server. At most one exchange is under way on it.
pub(crate) struct Wire {
    stream: Stream,
    pub(crate) sender: Sender,
    /// What has arrived and was not given back; none while there is nothing.
    buffer: Option<Buffer>,
    /// Bytes at its beginning that were taken.
    taken: usize,
    /// Nothing was sent yet: a server that speaks first may have done so.
    is_fresh: bool,
    /// An exchange is under way, or was when it was given up.
    is_busy: bool,
    /// Bytes that arrived in the exchange, and when the first and the last did, in nanoseconds on the run clock.
    pub(crate) received: u64,
    pub(crate) first_byte_ns: u64,
    pub(crate) last_byte_ns: u64,
}

impl Wire {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            sender: Sender::default(),
            buffer: None,
            taken: 0,
            is_fresh: true,
            is_busy: false,
            received: 0,
            first_byte_ns: 0,
            last_byte_ns: 0,
        }
    }

    /// Whether something can be sent: no exchange was given up, and nothing has arrived that nobody asked for, the end of
    /// the stream included. Costs no system call while nothing happened.
    pub(crate) fn is_usable(&mut self, core: &TcpCore) -> bool {
        if self.is_busy {
            return false;
        }
        if self.stream.is_untouched() || self.buffer.is_some() {
            return true;
        }
        let mut buffer = core.pool().take();
        let mut cx = Context::from_waker(Waker::noop());
        let result = self.stream.poll_recv(&mut cx, buffer.space());
        match result {
            Poll::Ready(Ok(count)) if count > 0 && self.is_fresh => {
                buffer.commit(count);
                self.buffer = Some(buffer);
                true
            }
            result => {
                core.pool().put(buffer);
                result.is_pending()
            }
        }
    }

    /// Begins an exchange by sending bytes. What a server said first is the beginning of what is read.
    pub(crate) fn begin(&mut self, cx: &mut Context<'_>, core: &TcpCore, bytes: &[u8]) {
        self.is_busy = true;
        self.is_fresh = false;
        self.received = self.unread().len() as u64;
        let early_ns = if self.received > 0 { core.clock().now_ns() } else { 0 };
        (self.first_byte_ns, self.last_byte_ns) = (early_ns, early_ns);
        self.sender.restart();
        self.send(cx, core, bytes);
    }

    /// Sends more bytes.
    pub(crate) fn send(&mut self, cx: &mut Context<'_>, core: &TcpCore, bytes: &[u8]) {
        self.sender.send(cx, &mut self.stream, core.clock(), bytes);
    }

    /// Ready when nothing is left to send. An error shows when something is read.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>, core: &TcpCore) -> Poll<()> {
        self.sender.poll(cx, &mut self.stream, core.clock());
        if self.sender.is_over() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ready with the reply's length when it is there.
    pub(crate) fn poll_reply(
        &mut self,
        cx: &mut Context<'_>,
        core: &TcpCore,
        framing: &Framing,
        scan: &mut Scan,
        most: u64,
    ) -> Poll<Result<u64, Failure>> {
        if matches!(framing, Framing::Nothing) {
            ready!(self.poll_sent(cx, core));
            return Poll::Ready(self.sender.failure().map_or(Ok(0), Err));
        }
        let mut has_read = false;
        loop {
            match scan.advance(framing, self.unread(), most) {
                Ok(Some(length)) => return Poll::Ready(Ok(length)),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Err(unreadable(&error))),
            }
            if has_read {
                // A server that never stops sending must not keep the core's other users waiting.
                ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
            }
            self.make_room(core, framing, scan);
            ready!(self.poll_more(cx, core))?;
            has_read = true;
        }
    }

    /// Makes room in a full buffer: it grows while its reply may be kept, else the middle of the reply is left out.
    fn make_room(&mut self, core: &TcpCore, framing: &Framing, scan: &mut Scan) {
        let Some(buffer) = &mut self.buffer else { return };
        let len = buffer.len();
        if !buffer.space().is_empty() || (len < core.kept_bytes() && buffer.grow(READ_BYTES)) {
            return;
        }
        let to = len.saturating_sub(Scan::tail(framing));
        let from = HEAD_BYTES.min(to);
        buffer.move_within(to..len, from);
        buffer.truncate(len - (to - from));
        scan.left_out(to - from);
    }

    /// Ready when more has arrived. There must be room for it.
    pub(crate) fn poll_more(&mut self, cx: &mut Context<'_>, core: &TcpCore) -> Poll<Result<(), Failure>> {
        self.sender.poll(cx, &mut self.stream, core.clock());
        match self.stream.poll_readable(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(self.read_failed(&error))),
        }
        let buffer = self.buffer.get_or_insert_with(|| core.pool().take());
        let count = match self.stream.poll_recv(cx, buffer.space()) {
            Poll::Pending => {
                self.give_back_empty(core);
                return Poll::Pending;
            }
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.closed())),
            Poll::Ready(Ok(count)) => count,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(self.read_failed(&error))),
        };
        buffer.commit(count);
        self.received += count as u64;
        self.last_byte_ns = core.clock().now_ns();
        if self.first_byte_ns == 0 {
            self.first_byte_ns = self.last_byte_ns;
        }
        Poll::Ready(Ok(()))
    }

    /// What has arrived and was not taken.
    pub(crate) fn unread(&self) -> &[u8] {
        let data = self.buffer.as_ref().map(Buffer::data).unwrap_or_default();
        data.get(self.taken..).unwrap_or_default()
    }

    /// Takes bytes that have arrived.
    pub(crate) fn take(&mut self, core: &TcpCore, count: usize) {
        self.taken += count;
        if self.unread().is_empty() {
            self.taken = 0;
            if let Some(buffer) = &mut self.buffer {
                buffer.truncate(0);
            }
            self.give_back_empty(core);
        }
    }

    /// Makes room for at least `least` bytes after those that were not taken; false when there is no memory for them.
    pub(crate) fn make_room_for(&mut self, core: &TcpCore, least: usize) -> bool {
        let buffer = self.buffer.get_or_insert_with(|| core.pool().take());
        if buffer.space().len() >= least {
            return true;
        }
        let len = buffer.len();
        buffer.move_within(self.taken..len, 0);
        buffer.truncate(len - self.taken);
        self.taken = 0;
        buffer.grow(least)
    }

    /// Ends an exchange of which nothing is left to read or send. Else the connection carries no other one.
    pub(crate) fn end(&mut self, unread: usize) {
        self.is_busy = !self.sender.is_sent() || unread > 0;
    }

    /// The bytes of a reply that was read whole.
    pub(crate) fn take_buffer(&mut self) -> Option<Buffer> {
        self.taken = 0;
        self.buffer.take()
    }

    /// Gives the buffer back of an exchange that failed.
    pub(crate) fn give_back(&mut self, core: &TcpCore) {
        if let Some(buffer) = self.take_buffer() {
            core.pool().put(buffer);
        }
    }

    /// A connection that waits holds no buffer.
    fn give_back_empty(&mut self, core: &TcpCore) {
        if self.buffer.as_ref().is_some_and(Buffer::is_empty) {
            self.give_back(core);
        }
    }

    fn read_failed(&self, error: &io::Error) -> Failure {
        self.sender.read_failed(error, self.first_byte_ns > 0)
    }

    fn closed(&self) -> Failure {
        self.sender.closed(self.first_byte_ns > 0)
    }

    /// How the bytes could not be written, unless something was read after that.
    pub(crate) fn unwritten(&self) -> Option<Failure> {
        self.sender.unanswered(self.first_byte_ns > 0)
    }
}

fn unreadable(error: &FramingError) -> Failure {
    let kind = match error {
        FramingError::TooLarge(_) => ErrorKind::TooLarge,
        FramingError::Length(_) => ErrorKind::Malformed,
    };
    Failure::new(kind, error.to_string())
}
