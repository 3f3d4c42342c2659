//! Reads one HTTP/1.1 answer: a pure state machine over the bytes of a buffer.
//!
//! The buffer holds, in this order, the head of the final answer, the body as far as it is kept (chunked framing
//! removed in place), and bytes not looked at yet. Nothing is copied for an answer that is not chunked.

use std::fmt;
use std::mem::MaybeUninit;

use super::chunked::{Chunked, Step};
use super::known_heads::KnownHeads;
use crate::buffer_pool::Buffer;
use crate::http::limits::{BULK_READ_BYTES, MAX_HEADERS, MAX_INFORMATIONAL};

/// Sizes an answer may have.
#[derive(Clone, Copy, Debug)]
pub struct ReaderLimits {
    /// Status line and headers, and apart from those the trailers.
    pub head_bytes: usize,
    /// Body kept in the buffer.
    pub kept_bytes: usize,
    /// The whole answer on the wire.
    pub response_bytes: u64,
}

/// Whether an answer is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed: append them to the buffer.
    NeedMore,
    /// The answer is complete; [`ResponseReader::parsed`] describes it.
    Done,
}

/// Why an answer cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is not valid HTTP/1.1.
    Malformed(String),
    /// It is larger than a limit.
    TooLarge(String),
    /// The connection ended before the answer did.
    Closed(&'static str),
}

/// A complete answer's place in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Status code.
    pub status: u16,
    /// Bytes of the head, from the start of the buffer.
    pub head_len: usize,
    /// End of the kept body, which starts after the head.
    pub body_end: usize,
    /// Bytes of the whole body, content coding still on.
    pub body_bytes: u64,
    /// Whether the connection can carry another request.
    pub reusable: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    Fixed { remaining: u64 },
    ToClose,
    Chunked(Chunked),
    Done,
    Failed,
}

/// What a head says about the message that follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) len: usize,
    pub(crate) status: u16,
    pub(crate) keep_alive: bool,
    pub(crate) framing: Framing,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
    ToClose,
}

/// Reads one answer.
#[derive(Clone, Debug)]
pub struct ResponseReader {
    limits: ReaderLimits,
    /// The request was a HEAD: its answer has no body, whatever its headers say.
    is_head: bool,
    state: State,
    status: u16,
    keep_alive: bool,
    informational: u8,
    head_len: usize,
    body_end: usize,
    /// Offset of the first byte not looked at yet.
    next: usize,
    /// While the head is incomplete: bytes already searched for its end.
    searched: usize,
    /// And its length when it was last parsed in vain.
    parsed_at: usize,
    body_bytes: u64,
    /// Bytes of the wire that were consumed.
    consumed: u64,
}

impl ResponseReader {
    /// A reader for the answer to a request, which may be a HEAD.
    pub fn new(limits: ReaderLimits, is_head: bool) -> Self {
        Self {
            limits,
            is_head,
            state: State::Head,
            status: 0,
            keep_alive: false,
            informational: 0,
            head_len: 0,
            body_end: 0,
            next: 0,
            searched: 0,
            parsed_at: 0,
            body_bytes: 0,
            consumed: 0,
        }
    }

    /// Looks at the bytes appended to `buffer` since the last call; `eof` when the peer will send no more.
    ///
    /// # Errors
    /// When the bytes are not an answer within the limits, or end too early. The reader stays failed.
    pub fn advance(&mut self, buffer: &mut Buffer, eof: bool) -> Result<Progress, ReadError> {
        self.advance_with(None, buffer, eof)
    }

    /// As [`Self::advance`], but a head that is known is not parsed.
    pub(crate) fn advance_with(
        &mut self,
        known: Option<&mut KnownHeads>,
        buffer: &mut Buffer,
        eof: bool,
    ) -> Result<Progress, ReadError> {
        let result = self.run(known, buffer, eof);
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }

    /// The complete answer.
    pub fn parsed(&self) -> Option<Parsed> {
        matches!(self.state, State::Done).then_some(Parsed {
            status: self.status,
            head_len: self.head_len,
            body_end: self.body_end,
            body_bytes: self.body_bytes,
            reusable: self.keep_alive,
        })
    }

    /// Status of the final answer, once its head was read.
    pub fn status(&self) -> Option<u16> {
        (self.head_len > 0).then_some(self.status)
    }

    /// Bytes of the body seen so far.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Makes room in `buffer` for the next read. Without memory for it the body is counted from there on.
    pub(crate) fn make_room(&mut self, buffer: &mut Buffer) {
        let dropping = self.body_bytes > self.kept() as u64;
        if dropping || !buffer.grow(1) {
            self.limits.kept_bytes = self.limits.kept_bytes.min(self.kept());
            buffer.reserve(BULK_READ_BYTES);
        }
    }

    fn kept(&self) -> usize {
        self.body_end - self.head_len
    }

    fn run(
        &mut self,
        mut known: Option<&mut KnownHeads>,
        buffer: &mut Buffer,
        eof: bool,
    ) -> Result<Progress, ReadError> {
        while matches!(self.state, State::Head) {
            if !self.read_head(known.as_deref_mut(), buffer, eof)? {
                return self.incomplete(buffer, eof);
            }
        }
        match self.state {
            State::Fixed { remaining } => self.read_fixed(buffer, remaining)?,
            State::ToClose => {
                let take = buffer.len() - self.next;
                self.take_body(buffer, take)?;
                if eof {
                    self.state = State::Done;
                }
            }
            State::Chunked(chunked) => self.read_chunked(buffer, chunked)?,
            State::Failed => return Err(ReadError::Malformed("reading on after a failure".to_owned())),
            State::Head | State::Done => {}
        }
        if !matches!(self.state, State::Done) {
            return self.incomplete(buffer, eof);
        }
        let extra = buffer.len() - self.next;
        if extra > 0 {
            return Err(ReadError::Malformed(format!("{extra} bytes follow the end of the answer")));
        }
        buffer.truncate(self.body_end);
        Ok(Progress::Done)
    }

    /// More bytes are needed: drops those that were consumed and are not kept.
    fn incomplete(&mut self, buffer: &mut Buffer, eof: bool) -> Result<Progress, ReadError> {
        if eof {
            return Err(ReadError::Closed(match self.state {
                State::Head if buffer.is_empty() => "the server closed the connection without an answer",
                State::Head => "the server closed the connection within the head of the answer",
                _ => "the server closed the connection within the body of the answer",
            }));
        }
        if self.next == buffer.len() {
            buffer.truncate(self.body_end);
            self.next = self.body_end;
        }
        Ok(Progress::NeedMore)
    }

    /// Reads a head; false when it is incomplete, true when one was consumed (an informational one: state stays).
    fn read_head(
        &mut self,
        known: Option<&mut KnownHeads>,
        buffer: &mut Buffer,
        eof: bool,
    ) -> Result<bool, ReadError> {
        let data = buffer.data();
        let window = data.get(..data.len().min(self.limits.head_bytes)).unwrap_or_default();
        if window.is_empty() || !self.worth_parsing(window, eof) {
            self.searched = window.len();
            return Ok(false);
        }
        let Some(head) = recall_head(known, window, self.is_head)? else {
            if data.len() > window.len() {
                let limit = self.limits.head_bytes;
                return Err(ReadError::TooLarge(format!(
                    "the head of the answer takes more than {limit} bytes"
                )));
            }
            (self.searched, self.parsed_at) = (window.len(), window.len());
            return Ok(false);
        };
        (self.searched, self.parsed_at) = (0, 0);
        self.consumed += head.len as u64;
        if (100..200).contains(&head.status) {
            return self.skip_informational(buffer, &head).map(|()| true);
        }
        self.status = head.status;
        self.keep_alive = head.keep_alive;
        (self.head_len, self.body_end, self.next) = (head.len, head.len, head.len);
        self.state = match head.framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(remaining) => {
                if remaining.saturating_add(self.consumed) > self.limits.response_bytes {
                    return Err(self.too_large(&format!("announces a body of {remaining} bytes")));
                }
                State::Fixed { remaining }
            }
            Framing::Chunked => State::Chunked(Chunked::new(self.limits.head_bytes)),
            Framing::ToClose => {
                self.keep_alive = false;
                State::ToClose
            }
        };
        Ok(true)
    }

    fn skip_informational(&mut self, buffer: &mut Buffer, head: &Head) -> Result<(), ReadError> {
        if head.status == 101 {
            return Err(malformed("the server switches protocols (101) though it was not asked to"));
        }
        self.informational += 1;
        if self.informational > MAX_INFORMATIONAL {
            return Err(malformed("the server sends informational answers without end"));
        }
        let rest = buffer.len() - head.len;
        buffer.move_within(head.len..buffer.len(), 0);
        buffer.truncate(rest);
        Ok(())
    }

    /// The first bytes are tried at once, which is the usual case. After that a head that drips in is parsed when
    /// its end is there and whenever it doubled: garbage is noticed soon, and the cost stays linear.
    fn worth_parsing(&self, window: &[u8], eof: bool) -> bool {
        let full = window.len() == self.limits.head_bytes;
        full || eof || window.len() >= 2 * self.parsed_at || has_head_end(window, self.searched)
    }

    fn too_large(&self, what: &str) -> ReadError {
        ReadError::TooLarge(format!("the answer {what}; the limit is {} bytes", self.limits.response_bytes))
    }

    fn read_fixed(&mut self, buffer: &mut Buffer, remaining: u64) -> Result<(), ReadError> {
        let available = buffer.len() - self.next;
        let take = usize::try_from(remaining).unwrap_or(usize::MAX).min(available);
        self.take_body(buffer, take)?;
        let remaining = remaining - take as u64;
        self.state = if remaining == 0 { State::Done } else { State::Fixed { remaining } };
        Ok(())
    }

    fn read_chunked(&mut self, buffer: &mut Buffer, mut chunked: Chunked) -> Result<(), ReadError> {
        loop {
            let input = buffer.data().get(self.next..).unwrap_or_default();
            if input.is_empty() {
                self.state = State::Chunked(chunked);
                return Ok(());
            }
            match chunked.step(input).map_err(malformed)? {
                Step::Framing(count) => self.consume(count)?,
                Step::Data(count) => self.take_body(buffer, count)?,
                Step::End(count) => {
                    self.consume(count)?;
                    self.state = State::Done;
                    return Ok(());
                }
            }
        }
    }

    fn consume(&mut self, count: usize) -> Result<(), ReadError> {
        self.next += count;
        self.consumed += count as u64;
        if self.consumed > self.limits.response_bytes { Err(self.too_large("does not end")) } else { Ok(()) }
    }

    /// Consumes `count` bytes of body, of which as many as the limit allows are kept.
    fn take_body(&mut self, buffer: &mut Buffer, count: usize) -> Result<(), ReadError> {
        let keep = count.min(self.limits.kept_bytes.saturating_sub(self.kept()));
        if keep > 0 && self.body_end != self.next {
            buffer.move_within(self.next..self.next + keep, self.body_end);
        }
        self.body_end += keep;
        self.body_bytes += count as u64;
        self.consume(count)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(text) | Self::TooLarge(text) => f.write_str(text),
            Self::Closed(text) => f.write_str(text),
        }
    }
}

fn malformed(text: &str) -> ReadError {
    ReadError::Malformed(text.to_owned())
}

/// Whether an empty line ends within `data`, of which the first `searched` bytes are known to hold none.
fn has_head_end(data: &[u8], searched: usize) -> bool {
    let from = searched.saturating_sub(3);
    let tail = data.get(from..).unwrap_or_default();
    memchr::memchr_iter(b'\n', tail)
        .any(|at| matches!(tail.get(at + 1..), Some([b'\n', ..] | [b'\r', b'\n', ..])))
}

/// What the head at the start of `data` says; `None` while it is incomplete.
fn recall_head(
    known: Option<&mut KnownHeads>,
    data: &[u8],
    is_head: bool,
) -> Result<Option<Head>, ReadError> {
    let Some(known) = known else { return parse_head(data, is_head) };
    if let Some(head) = known.find(data, is_head) {
        return Ok(Some(head));
    }
    let head = parse_head(data, is_head)?;
    // Informational answers are rare, and would push the others out.
    if let Some(head) = head.filter(|head| head.status >= 200) {
        known.remember(data, is_head, head);
    }
    Ok(head)
}

/// Kept out of line: its room for headers would be probed for every answer.
#[inline(never)]
fn parse_head(data: &[u8], is_head: bool) -> Result<Option<Head>, ReadError> {
    let mut headers = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let len = match config.parse_response_with_uninit_headers(&mut response, data, &mut headers) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(not_http(data, error)),
    };
    let status = response.code.unwrap_or_default();
    if status < 100 {
        return Err(ReadError::Malformed(format!("{status:03} is not a status")));
    }
    let is_http11 = response.version == Some(1);
    let (framing, keep_alive) = read_framing(response.headers, is_http11)?;
    let no_body = is_head || status < 200 || status == 204 || status == 304;
    let framing = if no_body { Framing::None } else { framing };
    Ok(Some(Head { len, status, keep_alive, framing }))
}

/// Body framing (RFC 9112, 6.3) and persistence (9.3) as the headers have them.
fn read_framing(headers: &[httparse::Header<'_>], is_http11: bool) -> Result<(Framing, bool), ReadError> {
    let mut length: Option<u64> = None;
    let mut chunked = false;
    let mut keep_alive = is_http11;
    for header in headers {
        match header.name.len() {
            14 if header.name.eq_ignore_ascii_case("content-length") => {
                let value = content_length(header.value)?;
                if length.is_some_and(|other| other != value) {
                    return Err(malformed("the answer has two different content lengths"));
                }
                length = Some(value);
            }
            17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                if chunked || !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(malformed("the answer has a transfer coding other than chunked"));
                }
                chunked = true;
            }
            10 if header.name.eq_ignore_ascii_case("connection") => {
                for token in header.value.split(|&b| b == b',').map(<[u8]>::trim_ascii) {
                    if token.eq_ignore_ascii_case(b"close") {
                        keep_alive = false;
                    } else if !is_http11 && token.eq_ignore_ascii_case(b"keep-alive") {
                        keep_alive = true;
                    }
                }
            }
            _ => {}
        }
    }
    match (chunked, length) {
        (true, Some(_)) => Err(malformed("the answer has both a content length and a transfer coding")),
        (true, None) if !is_http11 => Err(malformed("an HTTP/1.0 answer has a transfer coding")),
        (true, None) => Ok((Framing::Chunked, keep_alive)),
        (false, Some(length)) => Ok((Framing::Length(length), keep_alive)),
        (false, None) => Ok((Framing::ToClose, keep_alive)),
    }
}

fn content_length(value: &[u8]) -> Result<u64, ReadError> {
    let digits = value.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(malformed("the content length is not a number"));
    }
    let text = std::str::from_utf8(digits).unwrap_or_default();
    text.parse().map_err(|_| malformed("the content length is out of range"))
}

/// Says what the peer seems to speak instead.
fn not_http(data: &[u8], error: httparse::Error) -> ReadError {
    if matches!(error, httparse::Error::TooManyHeaders) {
        return ReadError::TooLarge(format!("the answer has more than {MAX_HEADERS} headers"));
    }
    if data.starts_with(&[0x15, 0x03]) {
        return malformed("the server answers with a TLS alert: use https");
    }
    if data.starts_with(b"SSH-") {
        return malformed("the server speaks SSH");
    }
    let start = data.get(..data.len().min(32)).unwrap_or_default();
    ReadError::Malformed(format!(
        "not an HTTP/1.1 answer ({error}): it starts with \"{}\"",
        start.escape_ascii()
    ))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
