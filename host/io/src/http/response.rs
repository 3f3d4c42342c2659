//! An answer that is looked into only when asked.

use std::cell::OnceCell;

use super::decode::decode;
use super::json_pointer::{self, JsonError, JsonText};
use crate::buffer_pool::{Buffer, BufferPool};

/// A body that cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Only its start was kept.
    #[error("the body has {total} bytes, of which only the first {kept} were kept")]
    Truncated {
        /// Bytes kept.
        kept: usize,
        /// Bytes of the body.
        total: u64,
    },
    /// Its content coding could not be undone.
    #[error("cannot decode the body: {0}")]
    Decode(String),
    /// It unpacks to more than the limit.
    #[error("the body unpacks to more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

/// The answer to one request, held by its session until released.
#[derive(Debug)]
pub struct Response {
    pub(crate) status: u16,
    /// The head as text lines, then the body.
    pub(crate) buffer: Buffer,
    pub(crate) head_len: usize,
    pub(crate) body_bytes: u64,
    /// Largest decoded body; `None` when content codings are left on.
    pub(crate) decode_limit: Option<usize>,
    pub(crate) decoded: OnceCell<Result<Option<Vec<u8>>, BodyError>>,
}

impl Response {
    /// Status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Value of the first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// Names and values in the order they came. Names are not text-checked beyond being HTTP tokens.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let head = self.buffer.data().get(..self.head_len).unwrap_or_default();
        let lines = head.split(|&byte| byte == b'\n').skip(1);
        lines.filter_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            let (name, value) = line.split_at(colon);
            Some((name, value.get(1..)?.trim_ascii()))
        })
    }

    /// Bytes of the body on the wire, content coding still on, whether kept or not.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// The body; with the option `decompress`, its content codings undone.
    ///
    /// # Errors
    /// When not all of it was kept, or it cannot be decoded.
    pub fn body(&self) -> Result<&[u8], BodyError> {
        let kept = self.buffer.data().get(self.head_len..).unwrap_or_default();
        if (kept.len() as u64) < self.body_bytes {
            return Err(BodyError::Truncated { kept: kept.len(), total: self.body_bytes });
        }
        let Some(limit) = self.decode_limit else { return Ok(kept) };
        let decoded = self.decoded.get_or_init(|| match self.header("content-encoding") {
            Some(codings) if !kept.is_empty() => decode(kept, codings, limit),
            _ => Ok(None),
        });
        match decoded {
            Ok(Some(decoded)) => Ok(decoded),
            Ok(None) => Ok(kept),
            Err(error) => Err(error.clone()),
        }
    }

    /// The start of the body that was kept, content coding still on; for showing it to people.
    pub fn kept_body(&self) -> &[u8] {
        self.buffer.data().get(self.head_len..).unwrap_or_default()
    }

    /// The value in the JSON body that `pointer` (RFC 6901) points to; `None` when there is none.
    ///
    /// # Errors
    /// When the body cannot be given, the pointer is none, or the body is no JSON up to the value.
    pub fn json(&self, pointer: &str) -> Result<Option<JsonText<'_>>, JsonError> {
        json_pointer::find(self.body()?, pointer)
    }

    /// Gives the buffer back.
    pub(crate) fn recycle(self, pool: &BufferPool) {
        pool.put(self.buffer);
    }

    /// Moves a small answer out of a pooled buffer.
    pub(crate) fn compact(&mut self, pool: &BufferPool) {
        let compacted = self.buffer.compacted();
        pool.put(std::mem::replace(&mut self.buffer, compacted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(head: &str, body: &[u8]) -> Response {
        let mut buffer = Buffer::default();
        buffer.extend(head.as_bytes());
        buffer.extend(body);
        Response {
            status: 200,
            buffer,
            head_len: head.len(),
            body_bytes: body.len() as u64,
            decode_limit: None,
            decoded: OnceCell::new(),
        }
    }

    #[test]
    fn finds_headers_in_any_case_and_line_end() {
        let head = "HTTP/1.1 200 OK\r\nA: 1\r\nset-cookie:x=1\r\nSet-Cookie: x=2 \nEmpty:\r\n\r\n";
        let response = response(head, b"B: body is no header\r\n");
        assert_eq!(response.header("SET-COOKIE"), Some(b"x=1".as_slice()));
        assert_eq!(response.header("empty"), Some(b"".as_slice()));
        assert_eq!(response.header("b"), None);
        assert_eq!(response.header("HTTP/1.1 200 OK"), None);
        assert_eq!(response.headers().count(), 4);
        assert_eq!(response.headers().nth(2), Some((b"Set-Cookie".as_slice(), b"x=2".as_slice())));
    }

    #[test]
    fn a_body_not_kept_whole_is_an_error() {
        let mut response = response("HTTP/1.1 200 OK\r\n\r\n", b"{\"a\":1}");
        assert_eq!(response.json("/a").unwrap().unwrap().raw(), "1");
        response.body_bytes = 9;
        assert_eq!(response.body(), Err(BodyError::Truncated { kept: 7, total: 9 }));
        assert!(matches!(response.json("/a"), Err(JsonError::Body(BodyError::Truncated { .. }))));
        assert_eq!(response.kept_body(), b"{\"a\":1}");
    }

    #[test]
    fn compacting_keeps_the_answer_and_frees_the_buffer() {
        let pool = BufferPool::new(Default::default());
        let mut response = response("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", b"body");
        let mut pooled = pool.take();
        pooled.extend(response.buffer.data());
        response.buffer = pooled;
        response.compact(&pool);
        assert_eq!(pool.free_count(), 1);
        assert_eq!((response.header("a"), response.body()), (Some(b"b".as_slice()), Ok(b"body".as_slice())));
    }
}
