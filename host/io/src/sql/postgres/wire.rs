//! Messages out, messages in.
//!
//! Format: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use stresshost_metrics::ErrorKind;
use tokio::io::AsyncWrite;

use crate::buffer_pool::Buffer;
use crate::http::HttpCore;
use crate::sender::Sender;
use crate::sql::error::SqlError;
use crate::sql::rows::Traffic;
use crate::stream::Stream;

/// Bytes of a message's kind and length.
const HEAD_BYTES: usize = 5;

/// Longest message that is no row, in bytes: servers quote statements in errors, and name columns.
const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// Room made for more of a message that fills its buffer.
const READ_BYTES: usize = 16 * 1024;

/// A row.
pub(super) const DATA_ROW: u8 = b'D';
/// A part of what `COPY` writes.
pub(super) const COPY_DATA: u8 = b'd';

/// A message of the server's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) tag: u8,
    /// Bytes of the body.
    pub(super) len: usize,
    /// The whole message; none of a row that is too long to be kept.
    pub(super) bytes: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// What follows kind and length.
    pub(super) fn body(&self) -> Option<&'a [u8]> {
        self.bytes.and_then(|bytes| bytes.get(HEAD_BYTES..))
    }
}

/// What becomes of a message: whether more are awaited.
pub(super) type Taken = Result<ControlFlow<()>, SqlError>;

/// A connection on which messages are exchanged.
pub(super) struct Wire {
    stream: Stream,
    sender: Sender,
    core: HttpCore,
    /// Of what has arrived; none while nothing has.
    buffer: Option<Buffer>,
    /// Bytes of a long row that are still to come, and are dropped.
    skip: usize,
    traffic: Traffic,
}

impl Wire {
    pub(super) fn new(stream: Stream, core: HttpCore) -> Self {
        let (sender, traffic) = (Sender::default(), Traffic::default());
        Self { stream, sender, core, buffer: None, skip: 0, traffic }
    }

    /// Sends messages and hands those that arrive to `take`, until it has what it wants. Rows of more than `row_bytes` are
    /// handed over without their bytes unless those are there already.
    pub(super) async fn exchange(
        &mut self,
        bytes: &[u8],
        row_bytes: usize,
        mut take: impl FnMut(Message<'_>) -> Taken,
    ) -> Result<(), SqlError> {
        self.traffic = Traffic::default();
        let mut to_send = Some(bytes);
        poll_fn(|cx| {
            if let Some(bytes) = to_send.take() {
                self.sender.restart();
                self.also_send(cx, bytes);
            }
            self.poll(cx, row_bytes, &mut take)
        })
        .await
    }

    /// What went over the connection in the latest exchange.
    pub(super) const fn traffic(&self) -> Traffic {
        Traffic { written_ns: self.sender.written_ns(), ..self.traffic }
    }

    fn also_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) {
        self.traffic.bytes_sent += bytes.len() as u64;
        self.sender.send(cx, &mut self.stream, self.core.inner().clock, bytes);
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        row_bytes: usize,
        take: &mut impl FnMut(Message<'_>) -> Taken,
    ) -> Poll<Result<(), SqlError>> {
        let clock = self.core.inner().clock;
        self.sender.poll(cx, &mut self.stream, clock);
        // What was left over from the last exchange comes first.
        if self.buffer.is_some() && self.hand_over(row_bytes, take)?.is_break() {
            return Poll::Ready(Ok(()));
        }
        match self.stream.poll_readable(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(self.lost(&error))),
        }
        loop {
            let buffer = self.buffer.get_or_insert_with(|| self.core.inner().pool.take());
            let count = match self.stream.poll_recv(cx, buffer.space()) {
                Poll::Pending => {
                    self.give_back_empty();
                    return Poll::Pending;
                }
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.closed())),
                Poll::Ready(Ok(count)) => count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.lost(&error))),
            };
            buffer.commit(count);
            self.traffic.bytes_received += count as u64;
            if self.traffic.first_byte_ns == 0 {
                self.traffic.first_byte_ns = clock.now_ns();
            }
            if self.hand_over(row_bytes, take)?.is_break() {
                return Poll::Ready(Ok(()));
            }
            // A server that never stops sending must not keep the core's other users waiting.
            ready!(tokio::task::coop::poll_proceed(cx)).made_progress();
        }
    }

    /// Hands over the messages that are there, and makes room for more.
    fn hand_over(&mut self, row_bytes: usize, take: &mut impl FnMut(Message<'_>) -> Taken) -> Taken {
        let Some(buffer) = &mut self.buffer else { return Ok(ControlFlow::Continue(())) };
        let skipped = self.skip.min(buffer.len());
        self.skip -= skipped;
        let mut scan = Scan { data: buffer.data(), pos: skipped, skip: 0 };
        let mut taken = ControlFlow::Continue(());
        while taken.is_continue()
            && let Some(message) = scan.next(row_bytes)?
        {
            taken = take(message)?;
        }
        let (pos, missing) = (scan.pos, scan.missing());
        self.skip += scan.skip;
        let len = buffer.len();
        buffer.move_within(pos..len, 0);
        buffer.truncate(len - pos);
        if missing > 0 && taken.is_continue() && buffer.space().len() < missing {
            buffer.reserve(missing.max(READ_BYTES));
        }
        if taken.is_break() {
            self.give_back_empty();
        }
        Ok(taken)
    }

    fn give_back_empty(&mut self) {
        if let Some(buffer) = self.buffer.take_if(|buffer| buffer.is_empty()) {
            self.core.inner().pool.put(buffer);
        }
    }

    fn lost(&self, error: &std::io::Error) -> SqlError {
        self.unwritten().unwrap_or_else(|| SqlError::lost(error))
    }

    fn closed(&self) -> SqlError {
        let text = "the server closed the connection before it had answered";
        self.unwritten().unwrap_or_else(|| SqlError::fatal(ErrorKind::Closed, text))
    }

    /// How the messages could not be written, unless something was read after that.
    fn unwritten(&self) -> Option<SqlError> {
        let failure = self.sender.unanswered(self.traffic.first_byte_ns > 0)?;
        Some(SqlError::fatal(failure.kind, failure.text))
    }

    /// Sends last words, as far as the socket takes them at once.
    pub(super) fn say_goodbye(&mut self, bytes: &[u8]) {
        let mut cx = Context::from_waker(Waker::noop());
        if self.stream.poll_send(&mut cx, bytes).is_ready() {
            // A stream that is closed by its drop is lost no more than it would be.
            drop(Pin::new(&mut self.stream).poll_flush(&mut cx));
            drop(Pin::new(&mut self.stream).poll_shutdown(&mut cx));
        }
    }
}

/// Finds the messages in what has arrived.
struct Scan<'a> {
    data: &'a [u8],
    pos: usize,
    /// Bytes of the last message that are yet to come and not wanted.
    skip: usize,
}

impl<'a> Scan<'a> {
    /// The next message, if it is there, or is a row whose bytes are not to be kept.
    fn next(&mut self, row_bytes: usize) -> Result<Option<Message<'a>>, SqlError> {
        let rest = self.data.get(self.pos..).unwrap_or_default();
        let Some((tag, total)) = head(rest)? else { return Ok(None) };
        let len = total - HEAD_BYTES;
        if let Some(bytes) = rest.get(..total) {
            self.pos += total;
            return Ok(Some(Message { tag, len, bytes: Some(bytes) }));
        }
        if !matches!(tag, DATA_ROW | COPY_DATA) {
            return if len > MAX_MESSAGE_BYTES { Err(too_long(tag, len)) } else { Ok(None) };
        }
        if len <= row_bytes {
            return Ok(None);
        }
        self.skip = total - rest.len();
        self.pos = self.data.len();
        Ok(Some(Message { tag, len, bytes: None }))
    }

    /// Bytes that the message lacks whose beginning is there.
    fn missing(&self) -> usize {
        let rest = self.data.get(self.pos..).unwrap_or_default();
        head(rest).ok().flatten().map_or(0, |(_, total)| total.saturating_sub(rest.len()))
    }
}

/// A message's kind, and its bytes in all. Its length counts itself.
fn head(bytes: &[u8]) -> Result<Option<(u8, usize)>, SqlError> {
    let Some(&[tag, a, b, c, d]) = bytes.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
    let length = i32::from_be_bytes([a, b, c, d]);
    match usize::try_from(length) {
        Ok(length) if length >= 4 => Ok(Some((tag, length + 1))),
        _ => {
            let text = format!("a message of the server's says that it has {length} bytes");
            Err(SqlError::fatal(ErrorKind::Malformed, text))
        }
    }
}

fn too_long(tag: u8, len: usize) -> SqlError {
    let text = format!("a message `{}` of the server's has {len} bytes", char::from(tag).escape_default());
    SqlError::fatal(ErrorKind::TooLarge, text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag][..], &length.to_be_bytes(), body].concat()
    }

    /// Kind, length and body.
    type Scanned = (u8, usize, Option<Vec<u8>>);

    /// The messages of bytes that arrive in pieces, and how many bytes were held at most.
    fn scanned(bytes: &[u8], piece: usize, row_bytes: usize) -> (Vec<Scanned>, usize) {
        let (mut out, mut held, mut skip, mut most) = (Vec::new(), Vec::new(), 0, 0);
        for piece in bytes.chunks(piece) {
            let skipped = piece.len().min(skip);
            skip -= skipped;
            held.extend_from_slice(&piece[skipped..]);
            most = most.max(held.len());
            let mut scan = Scan { data: &held, pos: 0, skip: 0 };
            while let Some(message) = scan.next(row_bytes).unwrap() {
                out.push((message.tag, message.len, message.body().map(<[u8]>::to_vec)));
            }
            skip += scan.skip;
            held = held.split_off(scan.pos);
        }
        assert_eq!((held.len(), skip), (0, 0));
        (out, most)
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        for length in [3, 0, -1, i32::MIN] {
            let bytes = [&b"Z"[..], &length.to_be_bytes()].concat();
            let error = Scan { data: &bytes, pos: 0, skip: 0 }.next(0).unwrap_err();
            assert!(error.kind == ErrorKind::Malformed && error.is_fatal, "{error:?}");
        }
        let bytes = [&b"E"[..], &i32::MAX.to_be_bytes()].concat();
        let error = Scan { data: &bytes, pos: 0, skip: 0 }.next(0).unwrap_err();
        assert_eq!((error.kind, error.is_fatal), (ErrorKind::TooLarge, true));
    }

    #[test]
    fn rows_that_are_not_wanted_are_not_held() {
        let bytes = [message(DATA_ROW, &[1; 10_000]), message(b'C', b"SELECT 1\0")].concat();
        let (messages, most) = scanned(&bytes, 100, 0);
        let end = (b'C', 9, Some(b"SELECT 1\0".to_vec()));
        assert_eq!(messages, [(DATA_ROW, 10_000, None), end.clone()]);
        assert!(most <= 100, "{most}");
        let (messages, _) = scanned(&bytes, 100, 10_000);
        assert_eq!(messages, [(DATA_ROW, 10_000, Some(vec![1; 10_000])), end]);
    }

    proptest! {
        #[test]
        fn messages_are_the_same_however_they_arrive(
            messages in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
            piece in 1_usize..60,
        ) {
            let bytes: Vec<u8> = messages.iter().flat_map(|(tag, body)| message(*tag, body)).collect();
            let expected: Vec<_> =
                messages.into_iter().map(|(tag, body)| (tag, body.len(), Some(body))).collect();
            prop_assert_eq!(scanned(&bytes, piece, 64).0, expected);
        }
    }
}
