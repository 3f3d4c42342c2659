//! What of memcached's text protocol is used here ("Storage commands" and "Retrieval command" of its `protocol.txt`).

use stresshost_sdk::ErrorKind;
use stresshost_sdk::tcp::{Operation, ReadError};

/// Bytes of a line: a key has 250 at most, and flags and length are numbers.
const MAX_LINE_BYTES: u32 = 512;

/// Bytes of a value: memcached's own limit of an item.
pub const MAX_VALUE_BYTES: u32 = 1024 * 1024;

/// Stores a value that does not expire; it is answered with `STORED`.
pub const SET: &str = "set {{key}} 0 0 {{length}}\r\n{{value}}\r\n";

/// Asks for values; the keys are separated by spaces.
pub const GET: &str = "get {{keys}}\r\n";

const LINE_END: &[u8] = b"\r\n";

/// Reads the answer to a retrieval: for each key that is there `VALUE <key> <flags> <bytes>`, a line break and the value, and
/// at last `END`. `found` is given keys and values.
///
/// # Errors
/// When the server refuses the command, or answers with something else.
pub fn read_values(reading: &mut Operation, mut found: impl FnMut(&[u8], &[u8])) -> Result<(), ReadError> {
    loop {
        let line = reading.read_until(LINE_END, MAX_LINE_BYTES)?;
        if line == b"END\r\n" {
            return Ok(());
        }
        let (key, length) = head(&line).ok_or_else(|| refusal(&line))?;
        let value = reading.read(length + LINE_END.len() as u32)?;
        let value = value
            .strip_suffix(LINE_END)
            .ok_or_else(|| ReadError::malformed("a value is longer than its length says"))?;
        found(key, value);
    }
}

/// Key and length of `VALUE <key> <flags> <bytes>`.
fn head(line: &[u8]) -> Option<(&[u8], u32)> {
    let line = line.strip_prefix(b"VALUE ")?.strip_suffix(LINE_END)?;
    let mut words = line.split(|&byte| byte == b' ');
    let (key, _flags, length) = (words.next()?, words.next()?, words.next()?);
    let length = std::str::from_utf8(length).ok()?.parse().ok()?;
    (length <= MAX_VALUE_BYTES).then_some((key, length))
}

/// What a line says that is none of a value: `SERVER_ERROR` and its like leave the connection in order.
fn refusal(line: &[u8]) -> ReadError {
    let text = String::from_utf8_lossy(line).trim_end().to_owned();
    match text.split(' ').next() {
        Some("SERVER_ERROR") => ReadError::new(ErrorKind::ServerError, text),
        Some("ERROR" | "CLIENT_ERROR") => ReadError::new(ErrorKind::Statement, text),
        _ => ReadError::malformed(format!("`{text}` begins no value")),
    }
}
