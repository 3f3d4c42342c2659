//! What is sent, compiled once and rendered per send, and how the reply to it ends.

use std::fmt;

use memchr::memmem::Finder;

use super::escapes::unescape;
use super::framing::{Framing, LengthField};
use super::limits::{
    MAX_DELIMITER_BYTES, MAX_EXPECTED, MAX_EXPECTED_BYTES, MAX_LENGTH_OFFSET, MAX_SLOTS, SHOWN_BYTES,
};
use crate::origin::Origin;
use crate::placeholders::{Part, parts, value, wrong_slot};
use crate::secrets::{SecretError, Secrets};
use crate::timeout::millis;

/// Names of the options, for messages.
const KNOWN: &str = "delimiter, expect-start, length, length-adjustment, length-bytes, length-endian, \
                     length-offset, reply, timeout-ms";

/// An exchange as a plugin writes it.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeSpec<'a> {
    /// What is sent. `{{slot}}` in it is replaced by the slot's value as it is, `{{secret:NAME}}` by the secret.
    pub bytes: &'a [u8],
    /// Names of the slots, in the order in which values are given.
    pub slots: &'a [String],
    /// Options by name.
    pub options: &'a [(String, String)],
}

/// What is wrong with an exchange.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// It has too many slots.
    #[error("it has {0} slots; {MAX_SLOTS} are the most")]
    TooManySlots(usize),
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
    /// An option that its kind of reply needs.
    #[error("a reply of kind `{kind}` needs the option `{option}`")]
    Missing {
        /// Kind of the reply.
        kind: &'static str,
        /// The option.
        option: &'static str,
    },
}

/// A compiled exchange. Its text may hold secrets.
pub struct Exchange {
    text: Vec<u8>,
    pieces: Vec<Piece>,
    slots: usize,
    /// None when the caller reads the reply itself.
    pub(crate) framing: Option<Framing>,
    /// Beginnings of which the reply must have one; none for any reply.
    expected: Vec<Vec<u8>>,
    pub(crate) timeout_ns: Option<u64>,
}

#[derive(Clone, Copy)]
enum Piece {
    /// Fixed bytes up to this offset of `text`.
    Text(usize),
    Slot(usize),
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

/// Options as they are read, before they are put together.
#[derive(Default)]
struct Options {
    reply: Option<String>,
    delimiter: Option<Vec<u8>>,
    length: Option<u64>,
    width: Option<usize>,
    is_little_endian: bool,
    offset: usize,
    adjustment: i64,
    expected: Vec<Vec<u8>>,
    timeout_ns: Option<u64>,
}

impl Options {
    fn read(options: &[(String, String)]) -> Result<Self, ExchangeError> {
        let mut read = Self::default();
        for (name, value) in options {
            let wrong = |reason| ExchangeError::Option { name: name.clone(), reason };
            read.set(name, value).map_err(wrong)?;
        }
        Ok(read)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "timeout-ms" => self.timeout_ns = Some(millis(value.trim())?),
            "reply" if ["none", "until", "exactly", "prefix"].contains(&value) => {
                self.reply = Some(value.to_owned());
            }
            "reply" => return Err(format!("`{value}` is none of `none`, `until`, `exactly` and `prefix`")),
            "delimiter" => self.delimiter = Some(sized(unescape(value)?, 1, MAX_DELIMITER_BYTES)?),
            "length" => self.length = Some(number(value)?),
            "length-bytes" => match value.trim() {
                "1" | "2" | "3" | "4" | "8" => self.width = Some(number(value)?),
                _ => return Err(format!("`{value}` is none of 1, 2, 3, 4 and 8")),
            },
            "length-endian" => match value.trim() {
                "big" => self.is_little_endian = false,
                "little" => self.is_little_endian = true,
                _ => return Err(format!("`{value}` is neither `big` nor `little`")),
            },
            "length-offset" => match number(value)? {
                offset if offset <= MAX_LENGTH_OFFSET => self.offset = offset,
                _ => return Err(format!("at most {MAX_LENGTH_OFFSET} bytes stand before it")),
            },
            "length-adjustment" => self.adjustment = number(value)?,
            "expect-start" if self.expected.len() >= MAX_EXPECTED => {
                return Err(format!("it is given more than {MAX_EXPECTED} times"));
            }
            "expect-start" => self.expected.push(sized(unescape(value)?, 1, MAX_EXPECTED_BYTES)?),
            _ => return Err(format!("there is no such option; there are: {KNOWN}")),
        }
        Ok(())
    }

    fn framing(&self) -> Result<Option<Framing>, ExchangeError> {
        let missing = |kind, option| ExchangeError::Missing { kind, option };
        Ok(match self.reply.as_deref() {
            Some("none") => Some(Framing::Nothing),
            Some("until") => {
                let delimiter = self.delimiter.as_ref().ok_or(missing("until", "delimiter"))?;
                Some(Framing::Until(Box::new(Finder::new(delimiter).into_owned())))
            }
            Some("exactly") => Some(Framing::Exactly(self.length.ok_or(missing("exactly", "length"))?)),
            Some(_) => Some(Framing::Prefix(LengthField {
                offset: self.offset,
                width: self.width.ok_or(missing("prefix", "length-bytes"))?,
                is_little_endian: self.is_little_endian,
                adjustment: self.adjustment,
            })),
            None => None,
        })
    }
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
    value.trim().parse().map_err(|_| format!("`{value}` is not such a number"))
}

fn sized(bytes: Vec<u8>, least: usize, most: usize) -> Result<Vec<u8>, String> {
    match bytes.len() {
        length if (least..=most).contains(&length) => Ok(bytes),
        length => Err(format!("it has {length} bytes, and may have {least} to {most}")),
    }
}

impl Exchange {
    /// Compiles an exchange for a connection to `origin`.
    ///
    /// # Errors
    /// When it cannot be sent as it is written, or its options do not say how the reply ends.
    pub fn compile(
        spec: &ExchangeSpec<'_>,
        secrets: &Secrets,
        origin: &Origin,
    ) -> Result<Self, ExchangeError> {
        if spec.slots.len() > MAX_SLOTS {
            return Err(ExchangeError::TooManySlots(spec.slots.len()));
        }
        if let Some(name) = wrong_slot(spec.slots) {
            return Err(ExchangeError::Slot(name.clone()));
        }
        let options = Options::read(spec.options)?;
        let mut exchange = Self {
            text: Vec::new(),
            pieces: Vec::new(),
            slots: spec.slots.len(),
            framing: options.framing()?,
            expected: options.expected,
            timeout_ns: options.timeout_ns,
        };
        for part in parts(spec.bytes, spec.slots, secrets, origin)? {
            exchange.pieces.push(match part {
                Part::Text(text) => {
                    exchange.text.extend_from_slice(text);
                    Piece::Text(exchange.text.len())
                }
                Part::Slot(slot) => Piece::Slot(slot),
            });
        }
        Ok(exchange)
    }

    /// Bytes the compiled exchange holds.
    pub fn held_bytes(&self) -> u64 {
        let expected: usize = self.expected.iter().map(Vec::len).sum();
        (self.text.len() + self.pieces.len() * size_of::<Piece>() + expected) as u64
    }

    /// Whether there are as many values as slots.
    pub(crate) fn takes(&self, values: &[Vec<u8>]) -> bool {
        values.len() == self.slots
    }

    /// Appends what is sent, with `values` in the place of its slots.
    pub(crate) fn render(&self, values: &[Vec<u8>], out: &mut Vec<u8>) {
        let mut start = 0;
        for piece in &self.pieces {
            match *piece {
                Piece::Text(end) => {
                    out.extend_from_slice(self.text.get(start..end).unwrap_or_default());
                    start = end;
                }
                Piece::Slot(slot) => out.extend_from_slice(value(values, slot)),
            }
        }
    }

    /// What is wrong with a reply that begins with none of what is expected.
    pub(crate) fn disappointment(&self, reply: &[u8]) -> Option<String> {
        if self.expected.is_empty() || self.expected.iter().any(|start| reply.starts_with(start)) {
            return None;
        }
        let shown = reply.get(..SHOWN_BYTES.min(reply.len())).unwrap_or_default();
        Some(format!("the reply begins with `{}`", shown.trim_ascii_end().escape_ascii()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(bytes: &str, slots: &[&str], options: &[(&str, &str)]) -> Result<Exchange, ExchangeError> {
        let slots: Vec<_> = slots.iter().map(|&slot| slot.to_owned()).collect();
        let pair = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let options: Vec<_> = options.iter().map(pair).collect();
        let spec = ExchangeSpec { bytes: bytes.as_bytes(), slots: &slots, options: &options };
        let secret = crate::Secret::new("pin".into(), "1234".into(), Box::new(|_| true));
        let origin = Origin::of_url("tcp://h:1").unwrap();
        Exchange::compile(&spec, &[secret].into_iter().collect(), &origin)
    }

    #[test]
    fn values_and_secrets_are_put_in() {
        for (bytes, values, sent) in [
            ("get {{key}}\r\n", &["a"][..], "get a\r\n"),
            ("{{key}}{{key}} {{no}}", &["{{key}}"], "{{key}}{{key}} {{no}}"),
            ("auth {{secret:pin}}", &["x"], "auth 1234"),
            ("", &["x"], ""),
        ] {
            let values: Vec<_> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
            let mut out = Vec::new();
            compile(bytes, &["key"], &[]).unwrap().render(&values, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), sent, "{bytes}");
        }
    }

    #[test]
    fn options_say_how_a_reply_ends() {
        for (options, framing) in [
            (&[][..], "None"),
            (&[("reply", "none")], "Some(Nothing)"),
            (&[("reply", "until"), ("delimiter", "\\r\\n")], "Some(Until(\"\\\\r\\\\n\"))"),
            (&[("reply", "exactly"), ("length", "24")], "Some(Exactly(24))"),
            (
                &[
                    ("reply", "prefix"),
                    ("length-bytes", "4"),
                    ("length-endian", "little"),
                    ("length-offset", "8"),
                    ("length-adjustment", "-4"),
                ],
                "Some(Prefix(LengthField { offset: 8, width: 4, is_little_endian: true, adjustment: -4 }))",
            ),
        ] {
            let exchange = compile("x", &[], options).unwrap();
            assert_eq!(format!("{:?}", exchange.framing), framing);
        }
    }

    #[test]
    fn a_reply_begins_with_one_of_what_is_expected() {
        let options = [("expect-start", "VALUE "), ("expect-start", "END\\r\\n")];
        let exchange = compile("x", &[], &options).unwrap();
        assert_eq!(exchange.disappointment(b"VALUE k"), None);
        assert_eq!(exchange.disappointment(b"END\r\n"), None);
        let told = exchange.disappointment(b"SERVER_ERROR out of memory\r\n").unwrap();
        assert_eq!(told, "the reply begins with `SERVER_ERROR out of memory`");
        assert_eq!(compile("x", &[], &[]).unwrap().disappointment(b"?"), None);
    }

    #[test]
    fn wrong_exchanges_are_refused() {
        for (slots, options, text) in [
            (&["a b"][..], &[][..], "slot `a b`"),
            (&["a", "a"], &[], "slot `a`"),
            (&[], &[("x", "1")], "there are: delimiter"),
            (&[], &[("reply", "x")], "option `reply`: `x` is none of"),
            (&[], &[("reply", "until")], "needs the option `delimiter`"),
            (&[], &[("reply", "exactly")], "needs the option `length`"),
            (&[], &[("reply", "prefix")], "needs the option `length-bytes`"),
            (&[], &[("delimiter", "")], "it has 0 bytes"),
            (&[], &[("delimiter", "\\q")], "option `delimiter`: after"),
            (&[], &[("length", "-1")], "option `length`: `-1`"),
            (&[], &[("length-bytes", "5")], "`5` is none of 1, 2, 3, 4 and 8"),
            (&[], &[("length-endian", "x")], "neither `big` nor `little`"),
            (&[], &[("length-offset", "1025")], "at most 1024"),
            (&[], &[("timeout-ms", "0")], "option `timeout-ms`"),
        ] {
            let error = compile("x", slots, options).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
        let error = compile("{{secret:other}}", &[], &[]).unwrap_err().to_string();
        assert!(error.contains("there is no secret `other`"), "{error}");
    }
}
