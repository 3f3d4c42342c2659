//! A short text that is expected, compared a word at a time: most of what a JSON document consists of are names, and to call
//! a function that compares bytes costs more than the comparison.

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// Words of the longest text.
const MAX_WORDS: usize = 3;

/// A text of at most [`MAX_WORDS`] words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    words: [u64; MAX_WORDS],
    /// The bits of the last word that belong to the text.
    last: u64,
    /// Words before the last.
    whole: usize,
    /// Bytes; 0 when the text is too long, or empty.
    length: usize,
}

impl Token {
    pub(super) fn new(text: &[u8]) -> Self {
        let mut token = Self { words: [0; MAX_WORDS], last: 0, whole: 0, length: 0 };
        if text.is_empty() || text.len() > MAX_WORDS * WORD {
            return token;
        }
        for (word, bytes) in token.words.iter_mut().zip(text.chunks(WORD)) {
            let mut padded = [0; WORD];
            padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            *word = u64::from_le_bytes(padded);
        }
        token.length = text.len();
        token.whole = (text.len() - 1) / WORD;
        token.last = u64::MAX >> (8 * ((token.whole + 1) * WORD - text.len()));
        token
    }

    /// What follows the text, where it comes next. None says nothing when less than a word of input follows.
    #[inline]
    pub(super) fn strip<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = input;
        for place in 0..self.whole {
            let (word, after) = rest.split_first_chunk::<WORD>()?;
            if u64::from_le_bytes(*word) != *self.words.get(place)? {
                return None;
            }
            rest = after;
        }
        let word = u64::from_le_bytes(*rest.first_chunk::<WORD>()?);
        let is_there = self.length > 0 && word & self.last == *self.words.get(self.whole)?;
        if is_there { input.get(self.length..) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// With a word of input behind it, a token is found exactly where its text stands.
        #[test]
        fn a_token_is_found_where_its_text_stands(text in "[ab\"]{0,30}", input in "[ab\"]{0,40}") {
            let token = Token::new(text.as_bytes());
            let padded = format!("{input}{}", " ".repeat(WORD));
            let expected = padded.as_bytes().strip_prefix(text.as_bytes());
            let is_known = (1..=MAX_WORDS * WORD).contains(&text.len());
            prop_assert_eq!(token.strip(padded.as_bytes()), expected.filter(|_| is_known));
            // Never where it does not stand.
            prop_assert!(token.strip(input.as_bytes()).is_none_or(|rest| Some(rest) == input.as_bytes().strip_prefix(text.as_bytes())));
            let whole = format!("{text}{input}");
            if is_known && input.len() >= WORD {
                prop_assert_eq!(token.strip(whole.as_bytes()), Some(input.as_bytes()));
            }
        }
    }
}
