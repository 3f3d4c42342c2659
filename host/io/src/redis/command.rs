//! Commands, compiled once and rendered per send.

use std::fmt;
use std::ops::Range;
use std::rc::Rc;

use super::key::{KeyPlace, key_place};
use super::limits::{MAX_SLOTS, MAX_WORDS};
use crate::http::push_decimal;
use crate::origin::Origin;
use crate::placeholders::{Part, parts, value, wrong_slot};
use crate::secrets::{SecretError, Secrets};
use crate::timeout::millis;

/// A command as a plugin writes it.
#[derive(Clone, Copy, Debug)]
pub struct CommandSpec<'a> {
    /// Its words. `{{slot}}` in one is replaced by the slot's value as it is, `{{secret:NAME}}` by the secret.
    pub words: &'a [Vec<u8>],
    /// Names of the slots, in the order in which values are given.
    pub slots: &'a [String],
    /// Options by name: `timeout-ms`, `expect`, `key`.
    pub options: &'a [(String, String)],
}

/// What is wrong with a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is nothing to send.
    #[error("it has no words")]
    Empty,
    /// It has too many parts.
    #[error("it has {count} {what}; {most} are the most")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// A slot's name that is none.
    #[error("slot `{0}`: names are made of letters, digits, `_`, `-` and `.`, and each is declared once")]
    Slot(String),
    /// A secret that cannot stand in it.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// An option that cannot be read.
    #[error("option `{name}`: {reason}")]
    Option {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// A compiled command. Its text may hold secrets.
pub struct Command {
    text: Vec<u8>,
    pieces: Vec<Piece>,
    slots: usize,
    key: Option<Key>,
    pub(crate) timeout_ns: Option<u64>,
    pub(crate) expects_value: bool,
}

#[derive(Clone, Copy)]
enum Piece {
    /// Fixed bytes up to this offset of `text`.
    Text(usize),
    Slot(usize),
    /// The length of a word: its fixed bytes, and the pieces after this one up to `end`, whose slots are in it.
    Length {
        fixed: usize,
        end: usize,
    },
}

/// Which word of a cluster's command says where it goes.
enum Key {
    /// Hash slot of a word without placeholders.
    Fixed(u16),
    /// Pieces of the word, and where its text begins.
    Pieces { pieces: Range<usize>, text: usize },
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

impl Command {
    /// Compiles a command for a connection to `origin`.
    ///
    /// # Errors
    /// When it cannot be sent as it is written.
    pub fn compile(spec: &CommandSpec<'_>, secrets: &Secrets, origin: &Origin) -> Result<Self, CommandError> {
        check(spec)?;
        let mut command = Self {
            text: Vec::new(),
            pieces: Vec::new(),
            slots: spec.slots.len(),
            key: None,
            timeout_ns: None,
            expects_value: false,
        };
        let mut place = key_place(spec.words);
        for (name, value) in spec.options {
            let wrong = |reason: String| CommandError::Option { name: name.clone(), reason };
            match name.as_str() {
                "key" => place = KeyPlace::named(value, spec.words.len()).map_err(wrong)?,
                _ => command.set(name, value.trim()).map_err(wrong)?,
            }
        }
        command.push_text(format!("*{}\r\n", spec.words.len()).as_bytes());
        for (index, word) in spec.words.iter().enumerate() {
            let parts = parts(word, spec.slots, secrets, origin)?;
            let (pieces, text) = command.push_word(&parts);
            if place == KeyPlace::Word(index) {
                let fixed = match parts.as_slice() {
                    [] => Some(&b""[..]),
                    [Part::Text(text)] => Some(*text),
                    _ => None,
                };
                command.key = Some(match fixed {
                    Some(word) => Key::Fixed(super::key::hash_slot(word)),
                    None => Key::Pieces { pieces, text },
                });
            }
            command.push_text(b"\r\n");
        }
        Ok(command)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "timeout-ms" => self.timeout_ns = Some(millis(value)?),
            "expect" if value == "value" => self.expects_value = true,
            "expect" => return Err(format!("`{value}` is not `value`")),
            _ => return Err("there is no such option; there are: expect, key, timeout-ms".to_owned()),
        }
        Ok(())
    }

    fn push_text(&mut self, text: &[u8]) {
        self.text.extend_from_slice(text);
        match self.pieces.last_mut() {
            Some(Piece::Text(end)) => *end = self.text.len(),
            _ => self.pieces.push(Piece::Text(self.text.len())),
        }
    }

    /// Appends a word; its pieces, and where their text begins.
    fn push_word(&mut self, parts: &[Part<'_>]) -> (Range<usize>, usize) {
        let fixed = parts.iter().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum();
        if parts.iter().all(|part| matches!(part, Part::Text(_))) {
            self.push_text(format!("${fixed}\r\n").as_bytes());
            for part in parts {
                if let Part::Text(text) = part {
                    self.push_text(text);
                }
            }
            return (0..0, self.text.len());
        }
        self.push_text(b"$");
        let length = self.pieces.len();
        self.pieces.push(Piece::Length { fixed, end: 0 });
        self.push_text(b"\r\n");
        // The word's text does not run on from the line break before it: a key is found by its pieces.
        let (from, text) = (self.pieces.len(), self.text.len());
        for part in parts {
            match part {
                Part::Text(text) => {
                    self.text.extend_from_slice(text);
                    self.pieces.push(Piece::Text(self.text.len()));
                }
                Part::Slot(index) => self.pieces.push(Piece::Slot(*index)),
            }
        }
        let to = self.pieces.len();
        if let Some(Piece::Length { end, .. }) = self.pieces.get_mut(length) {
            *end = to;
        }
        // What follows is no part of the word.
        self.pieces.push(Piece::Text(self.text.len()));
        (from..to, text)
    }

    /// Bytes the compiled command holds.
    pub fn held_bytes(&self) -> u64 {
        (self.text.len() + self.pieces.len() * size_of::<Piece>()) as u64
    }

    /// Whether there are as many values as slots.
    pub(crate) fn takes(&self, values: &[Vec<u8>]) -> bool {
        values.len() == self.slots
    }

    /// Appends the command with `values` in the place of its slots.
    pub(crate) fn render(&self, values: &[Vec<u8>], out: &mut Vec<u8>) {
        if self.slots == 0 {
            out.extend_from_slice(&self.text);
            return;
        }
        let mut start = 0;
        for (index, piece) in self.pieces.iter().enumerate() {
            match *piece {
                Piece::Text(end) => {
                    out.extend_from_slice(self.text.get(start..end).unwrap_or_default());
                    start = end;
                }
                Piece::Slot(slot) => out.extend_from_slice(value(values, slot)),
                Piece::Length { fixed, end } => {
                    let slots = self.pieces.get(index..end).unwrap_or_default().iter();
                    let of_slots = slots.map(|piece| match *piece {
                        Piece::Slot(slot) => value(values, slot).len(),
                        _ => 0,
                    });
                    push_decimal(fixed + of_slots.sum::<usize>(), out);
                }
            }
        }
    }

    /// Hash slot of its key; none when it has no key, and any node will do.
    pub(crate) fn hash_slot(&self, values: &[Vec<u8>]) -> Option<u16> {
        match self.key.as_ref()? {
            Key::Fixed(slot) => Some(*slot),
            Key::Pieces { pieces, text } => {
                let (mut key, mut start) = (Vec::new(), *text);
                for piece in self.pieces.get(pieces.clone()).unwrap_or_default() {
                    match *piece {
                        Piece::Text(end) => {
                            key.extend_from_slice(self.text.get(start..end).unwrap_or_default());
                            start = end;
                        }
                        Piece::Slot(slot) => key.extend_from_slice(value(values, slot)),
                        Piece::Length { .. } => {}
                    }
                }
                Some(super::key::hash_slot(&key))
            }
        }
    }
}

fn check(spec: &CommandSpec<'_>) -> Result<(), CommandError> {
    if spec.words.is_empty() {
        return Err(CommandError::Empty);
    }
    for (what, count, most) in
        [("words", spec.words.len(), MAX_WORDS), ("slots", spec.slots.len(), MAX_SLOTS)]
    {
        if count > most {
            return Err(CommandError::TooMany { what, count, most });
        }
    }
    wrong_slot(spec.slots).map_or(Ok(()), |name| Err(CommandError::Slot(name.clone())))
}

/// A command that does not depend on a plugin: of the handshake and of a cluster's redirections.
pub(crate) fn plain(words: &[&[u8]]) -> Vec<u8> {
    let mut text = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        text.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        text.extend_from_slice(word);
        text.extend_from_slice(b"\r\n");
    }
    text
}

/// A command and its values, as one of a pipeline.
#[derive(Clone, Debug)]
pub struct Call {
    /// The command.
    pub command: Rc<Command>,
    /// Values of its slots.
    pub values: Vec<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(words: &[&str], slots: &[&str], options: &[(&str, &str)]) -> Result<Command, CommandError> {
        let words: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let slots: Vec<_> = slots.iter().map(|&slot| slot.to_owned()).collect();
        let pair = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let options: Vec<_> = options.iter().map(pair).collect();
        let spec = CommandSpec { words: &words, slots: &slots, options: &options };
        let secret = crate::Secret::new("pin".into(), "1234".into(), Box::new(|_| true));
        let origin = Origin::of_url("redis://h").unwrap();
        Command::compile(&spec, &[secret].into_iter().collect(), &origin)
    }

    fn rendered(words: &[&str], slots: &[&str], values: &[&str]) -> String {
        let values: Vec<_> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        let mut out = Vec::new();
        compile(words, slots, &[]).unwrap().render(&values, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_become_an_array_with_values_in_place() {
        assert_eq!(rendered(&["GET", "a"], &[], &[]), "*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
        assert_eq!(
            rendered(&["SET", "k:{{id}}", "{{v}}", "{{no}}"], &["id", "v"], &["12", "\r\n{{id}}"]),
            "*4\r\n$3\r\nSET\r\n$4\r\nk:12\r\n$8\r\n\r\n{{id}}\r\n$6\r\n{{no}}\r\n"
        );
        assert_eq!(rendered(&["{{{a}}}", ""], &["a"], &[""]), "*2\r\n$2\r\n{}\r\n$0\r\n\r\n");
        assert_eq!(
            rendered(&["x{{a}}y{{a}}"], &["a"], &["0123456789"]),
            "*1\r\n$22\r\nx0123456789y0123456789\r\n"
        );
        assert_eq!(rendered(&["AUTH", "{{secret:pin}}"], &[], &[]), "*2\r\n$4\r\nAUTH\r\n$4\r\n1234\r\n");
    }

    #[test]
    fn keys_with_values_in_them_have_the_slot_of_what_is_sent() {
        let command = compile(&["GET", "user{{id}}:{x}{{id}}"], &["id"], &[]).unwrap();
        assert_eq!(command.hash_slot(&[b"1".to_vec()]), Some(super::super::key::hash_slot(b"x")));
        let command = compile(&["GET", "a{{id}}"], &["id"], &[]).unwrap();
        assert_eq!(command.hash_slot(&[b"1".to_vec()]), Some(super::super::key::hash_slot(b"a1")));
        assert_eq!(compile(&["PING"], &[], &[]).unwrap().hash_slot(&[]), None);
    }

    #[test]
    fn wrong_commands_are_refused() {
        for (words, slots, options, text) in [
            (&[][..], &[][..], &[][..], "it has no words"),
            (&["GET"], &["a b"], &[], "slot `a b`"),
            (&["GET"], &["a", "a"], &[], "slot `a`"),
            (&["GET"], &[], &[("x", "1")], "option `x`: there is no such option"),
            (&["GET"], &[], &[("timeout-ms", "-1")], "option `timeout-ms`"),
            (&["GET"], &[], &[("expect", "x")], "option `expect`"),
            (&["GET"], &[], &[("key", "7")], "option `key`"),
            (&["GET", "{{secret:other}}"], &[], &[], "there is no secret `other`"),
        ] {
            let error = compile(words, slots, options).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
        let words: Vec<_> = (0..=MAX_WORDS).map(|_| "x").collect();
        assert!(matches!(compile(&words, &[], &[]), Err(CommandError::TooMany { what: "words", .. })));
    }
}
