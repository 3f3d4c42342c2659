//! What a reply says, read from its bytes when somebody asks.

use std::fmt::Write as _;

/// What a reply is. The numbers are the contract's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// There is none.
    #[default]
    None = 0,
    /// No value.
    Nil = 1,
    /// A short text such as `OK`.
    Simple = 2,
    /// A whole number.
    Integer = 3,
    /// Bytes.
    Bulk = 4,
    /// Replies in order.
    Array = 5,
    /// Pairs of replies (RESP3).
    Map = 6,
    /// Replies without order (RESP3).
    Set = 7,
    /// True or false (RESP3).
    Boolean = 8,
    /// A number (RESP3).
    Double = 9,
    /// The server refused the command.
    Error = 10,
    /// Another kind of RESP3.
    Other = 11,
}

/// A reply in whole, as the reader found it.
#[derive(Clone, Copy, Debug)]
pub struct ReplyText<'a>(pub &'a [u8]);

impl<'a> ReplyText<'a> {
    /// The words of an error reply.
    pub fn error(self) -> Option<&'a [u8]> {
        match Cursor(self.0).value()? {
            Value::Error(text) => Some(text),
            _ => None,
        }
    }

    /// A string reply.
    pub fn bytes(self) -> Option<&'a [u8]> {
        match Cursor(self.0).value()? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer reply, or a string that holds one.
    pub fn integer(self) -> Option<i64> {
        match Cursor(self.0).value()? {
            Value::Integer(text) | Value::Text(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// The whole reply as JSON: maps as objects, sets as arrays, errors as `{"error": ...}`, numbers that JSON has not
    /// as strings, and bytes that are no UTF-8 as `U+FFFD`.
    pub fn json(self) -> Option<String> {
        let mut json = String::with_capacity(self.0.len() * 2);
        Cursor(self.0).write(&mut json)?;
        Some(json)
    }
}

/// The values of a reply in the order of their bytes.
struct Cursor<'a>(&'a [u8]);

enum Value<'a> {
    Nil,
    Text(&'a [u8]),
    Integer(&'a [u8]),
    /// As JSON writes it, where it can.
    Number(&'a [u8]),
    Boolean(bool),
    Error(&'a [u8]),
    List(u64),
    Pairs(u64),
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn line(&mut self) -> Option<(u8, &'a [u8])> {
        let end = memchr::memchr(b'\n', self.0)?;
        let line = self.take(end + 1)?.strip_suffix(b"\r\n")?;
        line.split_first().map(|(first, text)| (*first, text))
    }

    fn string(&mut self, length: u64) -> Option<&'a [u8]> {
        let text = self.take(usize::try_from(length).ok()?)?;
        self.take(2).map(|_| text)
    }

    /// The next value; of arrays and their like only that they begin. Attributes are passed over.
    fn value(&mut self) -> Option<Value<'a>> {
        loop {
            let (first, text) = self.line()?;
            let length = || std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok());
            return Some(match first {
                b'$' | b'*' if text == b"-1" => Value::Nil,
                b'_' => Value::Nil,
                b'+' => Value::Text(text),
                b'$' => Value::Text(self.string(length()?)?),
                // Three characters and a colon say what kind of text it is.
                b'=' => Value::Text(self.string(length()?)?.get(4..)?),
                b':' => Value::Integer(text),
                b',' | b'(' => Value::Number(text),
                b'#' => Value::Boolean(text == b"t"),
                b'-' => Value::Error(text),
                b'!' => Value::Error(self.string(length()?)?),
                b'*' | b'~' | b'>' => Value::List(length()?),
                b'%' => Value::Pairs(length()?),
                b'|' => {
                    for _ in 0..length()?.checked_mul(2)? {
                        self.skip()?;
                    }
                    continue;
                }
                _ => return None,
            });
        }
    }

    fn skip(&mut self) -> Option<()> {
        let count = match self.value()? {
            Value::List(count) => count,
            Value::Pairs(count) => count.checked_mul(2)?,
            _ => 0,
        };
        (0..count).try_for_each(|_| self.skip())
    }

    fn write(&mut self, json: &mut String) -> Option<()> {
        match self.value()? {
            Value::Nil => json.push_str("null"),
            Value::Boolean(yes) => json.push_str(if yes { "true" } else { "false" }),
            Value::Integer(text) => write_number(text, json),
            Value::Number(text) => write_number(text, json),
            Value::Text(text) => write_text(text, json),
            Value::Error(text) => {
                json.push_str(r#"{"error":"#);
                write_text(text, json);
                json.push('}');
            }
            Value::List(count) => {
                json.push('[');
                for index in 0..count {
                    if index > 0 {
                        json.push(',');
                    }
                    self.write(json)?;
                }
                json.push(']');
            }
            Value::Pairs(count) => {
                json.push('{');
                for index in 0..count {
                    if index > 0 {
                        json.push(',');
                    }
                    self.write_name(json)?;
                    json.push(':');
                    self.write(json)?;
                }
                json.push('}');
            }
        }
        Some(())
    }

    /// A map's key, which in JSON is a string.
    fn write_name(&mut self, json: &mut String) -> Option<()> {
        let mut name = String::new();
        self.write(&mut name)?;
        if name.starts_with('"') {
            json.push_str(&name);
        } else {
            write_text(name.as_bytes(), json);
        }
        Some(())
    }
}

/// A number where JSON has it, else a string: `inf`, `nan`, and integers beyond 64 bits, which readers would round.
fn write_number(text: &[u8], json: &mut String) {
    let text = String::from_utf8_lossy(text);
    let is_integer = text.parse::<i64>().is_ok();
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    match number {
        // Writing to a string cannot fail.
        Some(_) if is_integer => write!(json, "{}", text.trim_start_matches('+')).unwrap_or_default(),
        Some(number) if text.contains(['.', 'e', 'E']) => {
            json.push_str(
                &serde_json::Number::from_f64(number).map_or_else(|| "null".into(), |n| n.to_string()),
            );
        }
        _ => write_text(text.as_bytes(), json),
    }
}

fn write_text(text: &[u8], json: &mut String) {
    // A string is always written.
    json.push_str(&serde_json::to_string(&*String::from_utf8_lossy(text)).unwrap_or_default());
}
