//! Heads that were read before, and what they say.
//!
//! A server sends the same head again and again: its `Date` changes once a second. What a head says depends on its
//! bytes alone and on whether the request was a HEAD, so comparing them replaces parsing them.

use super::reader::Head;
use crate::http::limits::{MAX_KNOWN_HEAD_BYTES, MAX_KNOWN_HEADS};

/// Misses in a row after which only one head in as many is remembered: where every head differs, remembering them is
/// wasted.
const MANY_MISSES: u32 = 16;

/// The latest heads, the one met last in front.
#[derive(Debug, Default)]
pub(crate) struct KnownHeads {
    heads: Vec<Known>,
    /// The one to replace next.
    oldest: usize,
    misses: u32,
}

#[derive(Debug)]
struct Known {
    /// The whole head, its empty line included.
    bytes: Vec<u8>,
    is_head: bool,
    head: Head,
}

impl KnownHeads {
    /// What the head at the start of `data` says, if it is known.
    pub(crate) fn find(&mut self, data: &[u8], is_head: bool) -> Option<Head> {
        let known = |known: &Known| known.is_head == is_head && data.starts_with(&known.bytes);
        let position = self.heads.iter().position(known)?;
        if position > 0 {
            self.heads.swap(0, position);
        }
        self.misses = 0;
        self.heads.first().map(|known| known.head)
    }

    /// Remembers a complete head, found at the start of `data`.
    pub(crate) fn remember(&mut self, data: &[u8], is_head: bool, head: Head) {
        self.misses = self.misses.wrapping_add(1);
        let bytes = data.get(..head.len).unwrap_or_default();
        let rare = self.misses > MANY_MISSES && !self.misses.is_multiple_of(MANY_MISSES);
        if rare || bytes.is_empty() || bytes.len() > MAX_KNOWN_HEAD_BYTES {
            return;
        }
        if self.heads.len() < MAX_KNOWN_HEADS {
            self.heads.push(Known { bytes: bytes.to_vec(), is_head, head });
            return;
        }
        self.oldest = (self.oldest + 1) % MAX_KNOWN_HEADS;
        if let Some(known) = self.heads.get_mut(self.oldest) {
            known.bytes.clear();
            known.bytes.extend_from_slice(bytes);
            (known.is_head, known.head) = (is_head, head);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::reader::Framing;

    fn head(len: usize, status: u16) -> Head {
        Head { len, status, keep_alive: true, framing: Framing::Length(3) }
    }

    fn status(known: &mut KnownHeads, data: &[u8], is_head: bool) -> Option<u16> {
        known.find(data, is_head).map(|head| head.status)
    }

    #[test]
    fn a_head_is_known_by_all_its_bytes_and_the_request() {
        let mut known = KnownHeads::default();
        known.remember(b"one\r\n\r\nbody", false, head(7, 200));
        assert_eq!(status(&mut known, b"one\r\n\r\nother", false), Some(200));
        assert_eq!(status(&mut known, b"one\r\n\r\n", false), Some(200));
        assert_eq!(status(&mut known, b"one\r\n\r", false), None);
        assert_eq!(status(&mut known, b"One\r\n\r\nbody", false), None);
        assert_eq!(status(&mut known, b"one\r\n\r\nbody", true), None);
    }

    #[test]
    fn it_holds_a_few_and_forgets_the_others() {
        let mut known = KnownHeads::default();
        known.remember(&[b'x'; MAX_KNOWN_HEAD_BYTES + 1], false, head(MAX_KNOWN_HEAD_BYTES + 1, 200));
        assert!(known.heads.is_empty());
        let texts: Vec<String> = (0..10 * MANY_MISSES).map(|number| format!("{number:03}")).collect();
        for text in &texts {
            known.remember(text.as_bytes(), false, head(3, 200));
        }
        assert_eq!(known.heads.len(), MAX_KNOWN_HEADS);
        let mut held = texts.iter().filter(|text| known.find(text.as_bytes(), false).is_some());
        assert!(held.next().is_some_and(|text| text.as_str() > "100"), "old ones make room");
        // Once one is met again, new ones are remembered at once.
        known.remember(b"new", false, head(3, 404));
        assert_eq!(status(&mut known, b"new", false), Some(404));
    }
}
