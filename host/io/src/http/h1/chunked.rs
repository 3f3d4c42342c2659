//! The chunked transfer coding (RFC 9112, 7.1), as a state machine over bytes.
//!
//! Line ends are CRLF only and sizes plain hexadecimal: what is lenient here is what two parsers disagree about.

use crate::http::limits::MAX_CHUNK_EXTENSION_BYTES;

/// What the next bytes of the input are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This many bytes are framing.
    Framing(usize),
    /// This many bytes are body.
    Data(usize),
    /// This many bytes are framing, and the body ends with them.
    End(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size {
        digits: u8,
    },
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the first byte of a trailer line, or of the empty line that ends the body.
    TrailerStart,
    Trailer,
    TrailerLf,
    EndLf,
}

/// Reads a chunked body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunked {
    state: State,
    /// Size of the chunk being read; in its data, what is left of it.
    size: u64,
    extension_bytes: usize,
    trailer_bytes: usize,
    max_trailer_bytes: usize,
}

impl Chunked {
    pub(crate) fn new(max_trailer_bytes: usize) -> Self {
        let state = State::Size { digits: 0 };
        Self { state, size: 0, extension_bytes: 0, trailer_bytes: 0, max_trailer_bytes }
    }

    /// Says what the head of a non-empty `input` is.
    pub(crate) fn step(&mut self, input: &[u8]) -> Result<Step, &'static str> {
        if self.state == State::Data {
            let take = usize::try_from(self.size).unwrap_or(usize::MAX).min(input.len());
            self.size -= take as u64;
            if self.size == 0 {
                self.state = State::DataCr;
            }
            return Ok(Step::Data(take));
        }
        for (index, &byte) in input.iter().enumerate() {
            if self.framing(byte)? {
                return Ok(Step::End(index + 1));
            }
            if self.state == State::Data {
                return Ok(Step::Framing(index + 1));
            }
        }
        Ok(Step::Framing(input.len()))
    }

    /// Takes one byte of framing; true at the end of the body.
    fn framing(&mut self, byte: u8) -> Result<bool, &'static str> {
        self.state = match (self.state, byte) {
            (State::Size { digits }, _) => self.size_byte(digits, byte)?,
            (State::Extension, b'\r') => State::SizeLf,
            (State::Extension, b'\n') => return Err("a chunk extension ends without a carriage return"),
            (State::Extension, _) => {
                self.extension_bytes += 1;
                if self.extension_bytes > MAX_CHUNK_EXTENSION_BYTES {
                    return Err("the chunk extensions are too long");
                }
                State::Extension
            }
            (State::SizeLf, b'\n') if self.size == 0 => State::TrailerStart,
            (State::SizeLf, b'\n') => State::Data,
            (State::SizeLf, _) => return Err("a chunk's size line does not end with CRLF"),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.size = 0;
                State::Size { digits: 0 }
            }
            (State::DataCr | State::DataLf, _) => return Err("a chunk is longer than its size says"),
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerStart | State::Trailer, b'\n') => {
                return Err("a trailer ends without a carriage return");
            }
            (State::TrailerStart | State::Trailer, _) => {
                self.trailer_bytes += 1;
                if self.trailer_bytes > self.max_trailer_bytes {
                    return Err("the trailers are too long");
                }
                State::Trailer
            }
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::EndLf, b'\n') => return Ok(true),
            (State::TrailerLf | State::EndLf, _) => return Err("a trailer does not end with CRLF"),
            // `step` hands data out without looking at it.
            (State::Data, _) => State::Data,
        };
        Ok(false)
    }

    fn size_byte(&mut self, digits: u8, byte: u8) -> Result<State, &'static str> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ if digits == 0 => return Err("a chunk's size is not hexadecimal"),
            b'\r' => return Ok(State::SizeLf),
            b';' | b' ' | b'\t' => return Ok(State::Extension),
            _ => return Err("a chunk's size is not hexadecimal"),
        };
        if digits >= 16 {
            return Err("a chunk's size has more than 16 digits");
        }
        self.size = self.size << 4 | u64::from(digit);
        Ok(State::Size { digits: digits + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(input: &[u8], split: usize) -> Result<(Vec<u8>, usize), &'static str> {
        let mut chunked = Chunked::new(64);
        let (mut body, mut at) = (Vec::new(), 0);
        while at < input.len() {
            let end = (at + split).min(input.len());
            match chunked.step(&input[at..end])? {
                Step::Framing(count) => at += count,
                Step::Data(count) => {
                    body.extend_from_slice(&input[at..at + count]);
                    at += count;
                }
                Step::End(count) => return Ok((body, at + count)),
            }
        }
        Err("incomplete")
    }

    #[test]
    fn decodes_whatever_the_split() {
        for (input, body, rest) in [
            ("0\r\n\r\n", "", 0),
            ("5\r\nhello\r\n0\r\n\r\nNEXT", "hello", 4),
            ("000A;ext=\"1\"\r\n0123456789\r\n1 \r\nx\r\n0\r\n\r\n", "0123456789x", 0),
            ("3\r\nabc\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n!", "abc", 1),
        ] {
            for split in 1..=input.len() {
                let (decoded, end) = decode(input.as_bytes(), split).unwrap();
                assert_eq!(String::from_utf8(decoded).unwrap(), body);
                assert_eq!(input.len() - end, rest, "{input:?} in steps of {split}");
            }
        }
    }

    #[test]
    fn refuses_bad_framing() {
        for input in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "0x5\r\nhello\r\n",
            "5\nhello",
            "5\r\nhello!",
            "5\r\nhello\n",
            "5\r\rhello",
            "00000000000000001\r\n",
            "fffffffffffffffff\r\n",
            "5;a\nhello",
            "0\r\n\n",
            "0\r\na: b\n\r\n",
            "0\r\na: b\r\r",
        ] {
            let error = decode(input.as_bytes(), 1).unwrap_err();
            assert_ne!(error, "incomplete", "{input:?}");
        }
        let trailers = format!("0\r\n{}\r\n\r\n", "a".repeat(65));
        assert_eq!(decode(trailers.as_bytes(), 7).unwrap_err(), "the trailers are too long");
        let extensions = format!("0;{}\r\n\r\n", "a".repeat(MAX_CHUNK_EXTENSION_BYTES + 1));
        assert_eq!(decode(extensions.as_bytes(), 7).unwrap_err(), "the chunk extensions are too long");
    }
}
