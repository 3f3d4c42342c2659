//! Finds the ends of replies in what a server sends (RESP2 and RESP3), without making anything of them.
//!
//! Format: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use super::limits::{MAX_DEPTH, MAX_LINE_BYTES};
use super::reply::Kind;

/// Limits of a reader.
#[derive(Clone, Copy, Debug)]
pub struct ReaderLimits {
    /// Bytes of replies that are kept together; what exceeds them is read and dropped.
    pub kept_bytes: usize,
    /// Bytes of one reply after which it is not read further.
    pub reply_bytes: u64,
}

/// Why bytes are no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// They are not the protocol.
    #[error("the reply is not valid: {0}")]
    Malformed(String),
    /// The reply, or what it announces, exceeds a limit.
    #[error("the reply is too large: {0}")]
    TooLarge(String),
}

/// A reply that is there in whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// What it is.
    pub kind: Kind,
    /// Its place in the bytes kept; none when it was dropped for its size.
    pub place: Option<(usize, usize)>,
    /// Its bytes on the wire, attributes before it included.
    pub bytes: u64,
}

/// Reads replies from bytes as they arrive.
#[derive(Debug, Default)]
pub struct ReplyReader {
    /// What is yet to come of the arrays around the current element, the innermost last.
    frames: Vec<Frame>,
    /// How far the bytes kept are read.
    pos: usize,
    /// Bytes of a string yet to come, and whether its line break is.
    string: Option<u64>,
    /// Where the current reply begins in the bytes kept.
    start: usize,
    /// Bytes of the current reply that are no longer among those kept.
    dropped: u64,
    kind: Option<Kind>,
    is_dropped: bool,
    is_push: bool,
}

/// An array, map or the like of which elements are yet to come.
#[derive(Clone, Copy, Debug)]
struct Frame {
    left: u64,
    /// Attributes stand before a value and are no part of what holds it.
    is_attribute: bool,
}

impl ReplyReader {
    /// Gets ready for the replies to the next commands, at the beginning of the bytes kept.
    pub fn restart(&mut self) {
        let mut frames = std::mem::take(&mut self.frames);
        frames.clear();
        *self = Self { frames, ..Self::default() };
    }

    /// Reads on in all bytes kept so far; the next reply if it is there.
    ///
    /// # Errors
    /// When the bytes are no replies, or larger ones than the limits allow.
    pub fn advance(&mut self, data: &[u8], limits: ReaderLimits) -> Result<Option<Parsed>, ReadError> {
        loop {
            let is_whole = match self.string {
                Some(left) => self.read_string(data, left)?,
                None => self.read_line(data, limits)?,
            };
            let bytes = self.dropped + (self.pos - self.start) as u64;
            if bytes > limits.reply_bytes {
                return Err(too_large(limits));
            }
            match is_whole {
                Step::More => {
                    self.is_dropped |= self.pos > limits.kept_bytes;
                    return Ok(None);
                }
                Step::Value if self.close_value() => {
                    let (kind, start) = (self.kind.take(), self.start);
                    let is_dropped = std::mem::take(&mut self.is_dropped) || self.pos > limits.kept_bytes;
                    self.start = self.pos;
                    self.dropped = 0;
                    // What a server pushes answers no command.
                    if std::mem::take(&mut self.is_push) {
                        continue;
                    }
                    let place = (!is_dropped).then_some((start, self.pos));
                    return Ok(Some(Parsed { kind: kind.unwrap_or(Kind::Other), place, bytes }));
                }
                Step::Value | Step::Header => {}
            }
        }
    }

    /// Bytes of the current reply that need not be kept: its own, once it is too large.
    pub fn take_surplus(&mut self) -> Option<std::ops::Range<usize>> {
        if !self.is_dropped || self.pos == self.start {
            return None;
        }
        let surplus = self.start..self.pos;
        self.dropped += surplus.len() as u64;
        self.pos = self.start;
        Some(surplus)
    }

    /// Whether some of `len` bytes kept were not read yet.
    pub fn has_more(&self, len: usize) -> bool {
        self.pos < len
    }

    /// Drops the current reply: there is no memory to keep it in.
    pub fn drop_current(&mut self) {
        self.is_dropped = true;
    }

    fn read_string(&mut self, data: &[u8], left: u64) -> Result<Step, ReadError> {
        let there = (data.len() - self.pos) as u64;
        let taken = left.min(there);
        self.pos += usize::try_from(taken).unwrap_or(0);
        self.string = Some(left - taken);
        if left > taken {
            return Ok(Step::More);
        }
        match data.get(self.pos..self.pos + 2) {
            None => Ok(Step::More),
            Some(b"\r\n") => {
                self.pos += 2;
                self.string = None;
                Ok(Step::Value)
            }
            Some(_) => Err(malformed("a string is longer than its length says")),
        }
    }

    fn read_line(&mut self, data: &[u8], limits: ReaderLimits) -> Result<Step, ReadError> {
        let rest = data.get(self.pos..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', rest) else {
            let is_type = rest.first().is_none_or(|first| b"+-:$*_,#!=(%~>|".contains(first));
            return match rest.len() {
                _ if !is_type => Err(unknown_type(rest)),
                ..=MAX_LINE_BYTES => Ok(Step::More),
                _ => Err(malformed(format!("a line of more than {MAX_LINE_BYTES} bytes"))),
            };
        };
        let line = rest.get(..end).and_then(|line| line.strip_suffix(b"\r"));
        let Some((&first, text)) = line.and_then(<[u8]>::split_first) else {
            return Err(malformed("a line does not begin with a type, or not end with CR LF"));
        };
        self.pos += end + 1;
        let kind = match first {
            b'+' => Kind::Simple,
            b'-' | b'!' => Kind::Error,
            b':' => Kind::Integer,
            b'$' => Kind::Bulk,
            b'*' => Kind::Array,
            b'_' => Kind::Nil,
            b',' => Kind::Double,
            b'#' => Kind::Boolean,
            b'%' => Kind::Map,
            b'~' => Kind::Set,
            b'=' | b'(' | b'>' | b'|' => Kind::Other,
            _ => return Err(unknown_type(rest)),
        };
        let is_attribute = first == b'|';
        if self.frames.is_empty() && self.kind.is_none() && !is_attribute {
            self.kind = Some(kind);
            self.is_push = first == b'>';
        }
        match first {
            b'$' | b'!' | b'=' => match length(text)? {
                None => self.note_nil(),
                Some(length) if length > limits.reply_bytes => return Err(too_large(limits)),
                Some(length) => {
                    self.string = Some(length);
                    return Ok(Step::Header);
                }
            },
            b'*' | b'~' | b'>' | b'%' | b'|' => match length(text)? {
                None => self.note_nil(),
                // Each element takes three bytes at least.
                Some(length) if length > limits.reply_bytes / 3 => return Err(too_large(limits)),
                Some(length) => return self.open(length, first),
            },
            b':' if !is_integer(text) => return Err(malformed("an integer is not one")),
            b'#' if text != b"t" && text != b"f" => return Err(malformed("a boolean is neither t nor f")),
            _ => {}
        }
        Ok(Step::Value)
    }

    /// In RESP2 a string or array of length -1 is nil.
    fn note_nil(&mut self) {
        if self.frames.is_empty() {
            self.kind = Some(Kind::Nil);
        }
    }

    fn open(&mut self, length: u64, first: u8) -> Result<Step, ReadError> {
        let left = if matches!(first, b'%' | b'|') { length * 2 } else { length };
        let is_attribute = first == b'|';
        if left == 0 {
            return Ok(if is_attribute { Step::Header } else { Step::Value });
        }
        if self.frames.len() >= MAX_DEPTH {
            return Err(malformed(format!("it nests deeper than {MAX_DEPTH}")));
        }
        self.frames.push(Frame { left, is_attribute });
        Ok(Step::Header)
    }

    /// Counts a value that is there in whole, and those that it completes; whether the reply is one of them.
    fn close_value(&mut self) -> bool {
        while let Some(frame) = self.frames.last_mut() {
            frame.left -= 1;
            if frame.left > 0 {
                return false;
            }
            let is_attribute = frame.is_attribute;
            self.frames.pop();
            if is_attribute {
                return false;
            }
        }
        true
    }
}

enum Step {
    /// More bytes are needed.
    More,
    /// Something began that has more parts.
    Header,
    /// A value is there in whole.
    Value,
}

/// A length; none for -1, which stands for nil.
fn length(text: &[u8]) -> Result<Option<u64>, ReadError> {
    if text == b"-1" {
        return Ok(None);
    }
    let digits = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let wrong =
        || malformed(format!("`{}` is not a length", String::from_utf8_lossy(&text[..text.len().min(24)])));
    digits.and_then(|text| text.parse().ok()).map(Some).ok_or_else(wrong)
}

fn is_integer(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok())
}

fn unknown_type(rest: &[u8]) -> ReadError {
    let shown = String::from_utf8_lossy(&rest[..rest.len().min(24)]).into_owned();
    malformed(format!("{shown:?} does not begin with a type; does the server speak the protocol of Redis?"))
}

fn malformed(text: impl Into<String>) -> ReadError {
    ReadError::Malformed(text.into())
}

fn too_large(limits: ReaderLimits) -> ReadError {
    ReadError::TooLarge(format!("more than {} bytes", limits.reply_bytes))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
