//! Where a reply ends, as its exchange says. Pure.

use std::fmt;

use memchr::memmem::Finder;

/// How a reply ends.
#[derive(Clone)]
pub(crate) enum Framing {
    /// There is none: the exchange is over when its bytes are sent.
    Nothing,
    /// With a delimiter, which is part of it.
    Until(Box<Finder<'static>>),
    /// After so many bytes.
    Exactly(u64),
    /// As a length field within it says.
    Prefix(LengthField),
}

impl fmt::Debug for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Until(finder) => write!(f, "Until({:?})", finder.needle().escape_ascii().to_string()),
            Self::Exactly(length) => write!(f, "Exactly({length})"),
            Self::Prefix(field) => write!(f, "Prefix({field:?})"),
        }
    }
}

/// A length field, which tells how many bytes follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LengthField {
    /// Bytes before it.
    pub(crate) offset: usize,
    /// Its bytes: 1 to 8.
    pub(crate) width: usize,
    pub(crate) is_little_endian: bool,
    /// What is added to its value: below 0 where it counts itself, or what is before it, too.
    pub(crate) adjustment: i64,
}

/// A reply cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FramingError {
    /// It is longer than allowed.
    #[error("the reply is longer than {0} bytes")]
    TooLarge(u64),
    /// Its length field cannot be true.
    #[error("the length field says {0}, which with its adjustment is below 0")]
    Length(u64),
}

/// How far a reply was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scan {
    /// Bytes of the buffer that hold no beginning of a delimiter but in their last few.
    looked_at: usize,
    /// Bytes that were left out of the buffer.
    left_out: u64,
    length: Option<u64>,
}

impl Scan {
    /// The length of the reply that begins with `data`, once all of it is there: of a reply that is too long for the
    /// buffer, what was [left out](Self::left_out) is missing in its middle.
    pub(crate) fn advance(
        &mut self,
        framing: &Framing,
        data: &[u8],
        most: u64,
    ) -> Result<Option<u64>, FramingError> {
        let there = data.len() as u64 + self.left_out;
        if self.length.is_none() {
            self.length = match framing {
                Framing::Nothing => Some(0),
                Framing::Exactly(length) => Some(*length),
                Framing::Until(finder) => self.find(finder, data),
                Framing::Prefix(field) => field.length(data)?,
            };
        }
        match self.length {
            Some(length) if length > most => Err(FramingError::TooLarge(most)),
            Some(length) => Ok(Some(length).filter(|_| length <= there)),
            None if there > most => Err(FramingError::TooLarge(most)),
            None => Ok(None),
        }
    }

    fn find(&mut self, finder: &Finder<'static>, data: &[u8]) -> Option<u64> {
        let length = finder.needle().len();
        let from = self.looked_at.saturating_sub(length.saturating_sub(1));
        let found = finder.find(data.get(from..).unwrap_or_default());
        self.looked_at = data.len();
        found.map(|at| (from + at + length) as u64 + self.left_out)
    }

    /// Bytes at the end of the data in which a delimiter may have begun.
    pub(crate) fn tail(framing: &Framing) -> usize {
        match framing {
            Framing::Until(finder) => finder.needle().len().saturating_sub(1),
            _ => 0,
        }
    }

    /// Notes that the buffer holds `count` bytes fewer than it did, all of them looked at.
    pub(crate) fn left_out(&mut self, count: usize) {
        self.left_out += count as u64;
        self.looked_at = self.looked_at.saturating_sub(count);
    }

    /// Whether the buffer holds all that was looked at.
    pub(crate) const fn is_whole(&self) -> bool {
        self.left_out == 0
    }
}

impl LengthField {
    /// The length of the whole reply, once the field is there.
    fn length(self, data: &[u8]) -> Result<Option<u64>, FramingError> {
        let header = self.offset + self.width;
        let Some(field) = data.get(self.offset..header) else { return Ok(None) };
        let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let value =
            if self.is_little_endian { field.iter().rev().fold(0, add) } else { field.iter().fold(0, add) };
        let follow = value.checked_add_signed(self.adjustment);
        let follow = match follow {
            Some(follow) => follow,
            None if self.adjustment < 0 => return Err(FramingError::Length(value)),
            None => u64::MAX,
        };
        Ok(Some(follow.saturating_add(header as u64)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn until(delimiter: &[u8]) -> Framing {
        Framing::Until(Box::new(Finder::new(delimiter).into_owned()))
    }

    fn prefix(offset: usize, width: usize, is_little_endian: bool, adjustment: i64) -> Framing {
        Framing::Prefix(LengthField { offset, width, is_little_endian, adjustment })
    }

    fn whole(framing: &Framing, data: &[u8]) -> Result<Option<u64>, FramingError> {
        Scan::default().advance(framing, data, 1_000)
    }

    #[test]
    fn replies_end_where_their_framing_says() {
        for (framing, data, length) in [
            (Framing::Nothing, &b""[..], Some(0)),
            (Framing::Exactly(0), b"", Some(0)),
            (Framing::Exactly(3), b"ab", None),
            (Framing::Exactly(3), b"abcd", Some(3)),
            (until(b"\r\n"), b"OK\r", None),
            (until(b"\r\n"), b"OK\r\nmore\r\n", Some(4)),
            (until(b"aab"), b"aaab", Some(4)),
            (prefix(0, 1, false, 0), b"\x02ab", Some(3)),
            (prefix(0, 2, false, 0), b"\x00\x03ab", None),
            (prefix(0, 2, true, 0), b"\x02\x00abc", Some(4)),
            (prefix(1, 4, false, -4), b"x\x00\x00\x00\x06ab", Some(7)),
            (prefix(0, 3, true, 1), b"\x01\x00\x00#a", Some(5)),
            (prefix(2, 8, false, 0), b"..\0\0\0\0\0\0\0\x01a", Some(11)),
            (prefix(2, 8, false, 0), b"..\0\0\0\0", None),
        ] {
            assert_eq!(whole(&framing, data), Ok(length), "{framing:?} {}", data.escape_ascii());
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_errors() {
        assert_eq!(whole(&prefix(0, 1, false, -4), b"\x03"), Err(FramingError::Length(3)));
        assert_eq!(whole(&prefix(0, 8, false, 1), &[0xff; 8]), Err(FramingError::TooLarge(1_000)));
        assert_eq!(whole(&Framing::Exactly(1_001), b""), Err(FramingError::TooLarge(1_000)));
        assert_eq!(whole(&until(b"x"), &[b'a'; 1_001]), Err(FramingError::TooLarge(1_000)));
        assert_eq!(whole(&until(b"x"), &[b'a'; 1_000]), Ok(None));
        let mut long = vec![b'a'; 1_000];
        long.push(b'x');
        assert_eq!(whole(&until(b"x"), &long), Err(FramingError::TooLarge(1_000)));
    }

    proptest! {
        /// However a reply arrives, and wherever the middle of it is left out, it ends at the same byte.
        #[test]
        fn pieces_end_where_the_whole_does(
            data in prop::collection::vec(prop::sample::select(&b"ab\r\n\x02"[..]), 0..60),
            delimiter in prop::collection::vec(prop::sample::select(&b"ab\r\n"[..]), 1..5),
            sizes in prop::collection::vec(1_usize..7, 1..10),
            kept in 0_usize..12,
            kind in 0..3,
        ) {
            let framing = match kind {
                0 => until(&delimiter),
                1 => Framing::Exactly(data.len() as u64 / 2),
                _ => prefix(1, 1, false, 3),
            };
            let expected = whole(&framing, &data);
            let (mut scan, mut buffer, mut rest) = (Scan::default(), Vec::new(), &data[..]);
            let mut found = scan.advance(&framing, &buffer, 1_000);
            for size in sizes.iter().cycle() {
                if rest.is_empty() || found != Ok(None) {
                    break;
                }
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                buffer.extend_from_slice(piece);
                rest = after;
                found = scan.advance(&framing, &buffer, 1_000);
                // A header is always kept.
                let (from, to) = (kept.max(2), buffer.len().saturating_sub(Scan::tail(&framing)));
                if from < to {
                    buffer.drain(from..to);
                    scan.left_out(to - from);
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
