//! Bytes over TCP, measured by the host: for protocols that it does not know.
//!
//! An exchange whose options say how its reply ends is sent in one call:
//!
//! ```
//! use stresshost_sdk::tcp::Target;
//! use stresshost_sdk::testing::{FakeHost, TcpReply};
//!
//! let host = FakeHost::new();
//! host.tcp_reply("version", TcpReply::bytes("VERSION 1.6.18\r\n"));
//!
//! let cache = Target::new("cache.test:11211").open()?;
//! let version = cache.exchange("version", "version\r\n").until("\r\n").expect_start("VERSION ").prepare()?;
//! assert_eq!(version.send(&[]).text().as_deref(), Some("VERSION 1.6.18\r\n"));
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```
//!
//! A reply whose framing only the plugin knows is read in pieces, which are one operation all the same:
//!
//! ```
//! use stresshost_sdk::tcp::{ReadError, Target};
//! use stresshost_sdk::testing::{FakeHost, TcpReply};
//!
//! let host = FakeHost::new();
//! host.tcp_reply("get", TcpReply::bytes("5\r\nhello"));
//!
//! let store = Target::new("store.test:7000").open()?;
//! let get = store.exchange("get", "get {{key}}\r\n").slot("key").prepare()?;
//! let (reply, value) = get.send_and_read(&[b"greeting"], |reading| {
//!     let line = reading.read_until(b"\r\n", 100)?;
//!     let length = String::from_utf8_lossy(&line).trim().parse();
//!     reading.read(length.map_err(|_| ReadError::malformed("a length comes first"))?)
//! });
//! assert_eq!((reply.ok(), value.as_deref()), (true, Some(&b"hello"[..])));
//! assert_eq!(host.exchanges()[0].bytes, b"get greeting\r\n");
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```

use std::fmt::Write as _;
use std::time::Duration;

use stresshost_metrics::ErrorKind;

use crate::bindings::stresshost::workload::tcp as contract;
use crate::target::pairs;
use crate::{Failure, host};

#[cfg(not(target_arch = "wasm32"))]
pub use crate::testing::TcpReply;

/// A server to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a target does nothing until it is opened"]
pub struct Target {
    address: String,
    options: Vec<(String, String)>,
}

impl Target {
    /// A server by its `host:port`; `tcp://` may stand before it, as users write targets.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), options: Vec::new() }
    }

    /// Sets an option by its name in the contract.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Limit for making a connection, TLS included.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.option("connect-timeout-ms", timeout.as_millis().to_string())
    }

    /// Limit for each operation, unless its exchange sets its own.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.option("timeout-ms", timeout.as_millis().to_string())
    }

    /// Whether the connection is encrypted.
    pub fn tls(self, yes: bool) -> Self {
        self.option("tls", yes.to_string())
    }

    /// Name to expect in the server's certificate instead of the host.
    pub fn server_name(self, name: impl Into<String>) -> Self {
        self.option("server-name", name)
    }

    /// Bytes of a reply after which its operation fails as `too_large`.
    pub fn max_reply_bytes(self, bytes: u64) -> Self {
        self.option("max-reply-bytes", bytes.to_string())
    }

    /// Whether a lost connection is made again before the next operation, which it is unless this says otherwise. Not for
    /// protocols that begin with a handshake: those open another connection themselves.
    pub fn reconnect(self, yes: bool) -> Self {
        self.option("reconnect", yes.to_string())
    }

    /// Connects.
    ///
    /// # Errors
    /// When there is no connection; the message says why.
    pub fn open(&self) -> Result<Connection, Failure> {
        let options = pairs(&self.options);
        host::tcp::open(contract::Target { address: &self.address, options: &options })
            .map(|id| Connection { id })
            .map_err(|reason| Failure::setup(format!("tcp `{}`: {reason}", self.address)))
    }
}

/// A connection. Good for the instance's life, also when the server has closed it meanwhile: it is made again by the next
/// operation, unless its target says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    id: u32,
}

impl Connection {
    /// An exchange to prepare. `name` is what reports call the operation; keep what varies out of it. `{{slot}}` in the bytes is
    /// replaced by the slot's value as it is, `{{secret:NAME}}` by the secret.
    pub fn exchange(self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Exchange {
        Exchange {
            connection: self,
            name: name.into(),
            bytes: bytes.into(),
            slots: Vec::new(),
            options: Vec::new(),
        }
    }

    /// Closes the connection; its exchanges fail from then on.
    pub fn close(self) {
        host::tcp::close(self.id);
    }
}

/// What is sent, and how the reply to it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an exchange does nothing until it is prepared and sent"]
pub struct Exchange {
    connection: Connection,
    name: String,
    bytes: Vec<u8>,
    slots: Vec<String>,
    options: Vec<(String, String)>,
}

/// A field of a reply that tells how many bytes follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthField {
    /// Its bytes: 1, 2, 3, 4 or 8.
    pub bytes: u32,
    /// Whether its first byte is the lowest.
    pub little_endian: bool,
    /// Bytes before it.
    pub offset: u32,
    /// What is added to its value, such as -4 for a field of four bytes that counts itself.
    pub adjustment: i64,
}

impl Default for LengthField {
    /// Four bytes, the highest first, at the beginning, which count what follows them.
    fn default() -> Self {
        Self { bytes: 4, little_endian: false, offset: 0, adjustment: 0 }
    }
}

impl Exchange {
    /// Declares a slot. Values are taken in the order of the declarations.
    pub fn slot(mut self, name: impl Into<String>) -> Self {
        self.slots.push(name.into());
        self
    }

    /// There is no reply: the operation is over when the last byte is sent.
    pub fn no_reply(self) -> Self {
        self.option("reply", "none")
    }

    /// The reply ends with these bytes.
    pub fn until(self, delimiter: impl AsRef<[u8]>) -> Self {
        self.option("reply", "until").option("delimiter", escaped(delimiter.as_ref()))
    }

    /// The reply has so many bytes.
    pub fn exactly(self, length: u64) -> Self {
        self.option("reply", "exactly").option("length", length.to_string())
    }

    /// The reply holds its length.
    pub fn length_prefixed(self, field: LengthField) -> Self {
        let endian = if field.little_endian { "little" } else { "big" };
        self.option("reply", "prefix")
            .option("length-bytes", field.bytes.to_string())
            .option("length-endian", endian)
            .option("length-offset", field.offset.to_string())
            .option("length-adjustment", field.adjustment.to_string())
    }

    /// Makes a reply a failure that begins otherwise. Called several times, any of the beginnings will do.
    pub fn expect_start(self, start: impl AsRef<[u8]>) -> Self {
        self.option("expect-start", escaped(start.as_ref()))
    }

    /// Limit for the whole operation.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.option("timeout-ms", timeout.as_millis().to_string())
    }

    /// Sets an option by its name in the contract.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Has the host compile the exchange; nothing is sent.
    ///
    /// # Errors
    /// When the host refuses the exchange; the message says what is wrong with it.
    pub fn prepare(&self) -> Result<Prepared, Failure> {
        let slots: Vec<_> = self.slots.iter().map(String::as_str).collect();
        let options = pairs(&self.options);
        let exchange =
            contract::Exchange { name: &self.name, bytes: &self.bytes, slots: &slots, options: &options };
        host::tcp::prepare(self.connection.id, exchange)
            .map(|id| Prepared { id })
            .map_err(|reason| Failure::setup(format!("exchange `{}`: {reason}", self.name)))
    }
}

/// Bytes as an option's text.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => write!(text, "\\x{byte:02x}").unwrap_or_default(),
        }
    }
    text
}

/// An exchange the host has compiled. Good for the instance's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    id: u32,
}

impl Prepared {
    /// Sends the exchange and waits for the whole reply, whose end its options must tell. `values` fill the slots, in their
    /// order.
    ///
    /// An exchange that fails is a [`Reply`] with an [`error`](Reply::error): the host has measured and counted it.
    pub fn send(self, values: &[&[u8]]) -> Reply {
        // Without values nothing goes through the guest's memory.
        Reply(match values {
            [] => host::tcp::send(self.id),
            values => host::tcp::send_with(self.id, values),
        })
    }

    /// Sends the exchange and reads the reply in pieces, as `read` knows it to be made. An error of `read` is the operation's;
    /// else it has succeeded, and what `read` returned is there.
    pub fn send_and_read<T>(
        self,
        values: &[&[u8]],
        read: impl FnOnce(&mut Operation) -> Result<T, ReadError>,
    ) -> (Reply, Option<T>) {
        let mut operation = self.begin(values);
        match read(&mut operation) {
            Ok(value) => {
                let reply = operation.end();
                (reply, Some(value).filter(|_| reply.ok()))
            }
            Err(error) => (operation.fail(&error), None),
        }
    }

    /// Sends the exchange and leaves the operation open. One can be open at a time.
    pub fn begin(self, values: &[&[u8]]) -> Operation {
        // An operation that has failed already says so when it is read or ended.
        let _failed_already = host::tcp::begin(self.id, values);
        Operation(())
    }
}

/// The open operation. One that is not ended when the iteration is has failed, and its connection is closed.
#[derive(Debug)]
#[must_use = "an operation that is not ended has failed"]
pub struct Operation(());

impl Operation {
    /// Sends more bytes, as they are.
    ///
    /// # Errors
    /// When the operation has failed.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        ReadError::of_code(host::tcp::write(bytes))
    }

    /// Reads up to a delimiter, itself included, at most `most` bytes.
    ///
    /// # Errors
    /// When the operation has failed.
    pub fn read_until(&mut self, delimiter: &[u8], most: u32) -> Result<Vec<u8>, ReadError> {
        host::tcp::read_until(delimiter, most).map_err(ReadError::of_host)
    }

    /// Reads so many bytes.
    ///
    /// # Errors
    /// When the operation has failed.
    pub fn read(&mut self, length: u32) -> Result<Vec<u8>, ReadError> {
        host::tcp::read(length).map_err(ReadError::of_host)
    }

    /// Reads so many bytes and drops them, which costs the plugin nothing.
    ///
    /// # Errors
    /// When the operation has failed.
    pub fn skip(&mut self, length: u64) -> Result<(), ReadError> {
        ReadError::of_code(host::tcp::skip(length))
    }

    /// Ends the operation: it has succeeded, unless it has failed by itself.
    pub fn end(self) -> Reply {
        Reply(host::tcp::end("", ""))
    }

    /// Ends the operation as failed.
    pub fn fail(self, error: &ReadError) -> Reply {
        Reply(host::tcp::end(&error.name, &error.text))
    }
}

/// Why an operation has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    name: String,
    text: String,
}

impl ReadError {
    /// An error that the plugin finds in a reply.
    pub fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { name: kind.name().to_owned(), text: text.into() }
    }

    /// The reply is none of the protocol. The connection is closed: nobody knows where the next reply begins.
    pub fn malformed(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, text)
    }

    /// The reply is another than expected.
    pub fn unexpected(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::StatusUnexpected, text)
    }

    fn of_host(code: u32) -> Self {
        let kind = ErrorKind::from_code(code);
        let name = kind.map_or_else(|| host::tcp::error_name(code), |kind| kind.name().to_owned());
        Self { name, text: String::new() }
    }

    fn of_code(code: u32) -> Result<(), Self> {
        if code == 0 { Ok(()) } else { Err(Self::of_host(code)) }
    }
}

/// What came of an operation.
///
/// The reply stays with the host until it is asked for, and is gone with the next operation or at the iteration's end; then
/// it reads as absent.
#[derive(Clone, Copy, Debug)]
pub struct Reply(contract::Answer);

impl Reply {
    /// Names it to the host.
    const fn id(self) -> u32 {
        self.0 as u32
    }

    const fn failure(self) -> u32 {
        (self.0 >> 48) as u32
    }

    /// Whether the operation succeeded.
    pub const fn ok(self) -> bool {
        self.failure() == 0
    }

    /// Why the operation failed; `None` when it succeeded, or failed in a way this SDK does not know (see
    /// [`error_name`](Self::error_name)).
    pub fn error(self) -> Option<ErrorKind> {
        ErrorKind::from_code(self.failure())
    }

    /// Name of the error; empty when the operation succeeded.
    pub fn error_name(self) -> String {
        match self.error() {
            _ if self.ok() => String::new(),
            Some(kind) => kind.name().to_owned(),
            None => host::tcp::error_name(self.failure()),
        }
    }

    /// The transport's words for a failure, or the plugin's own.
    pub fn error_text(self) -> String {
        host::tcp::error_text(self.id())
    }

    /// Nothing when the operation succeeded, else the error's name and text as a failure of the iteration.
    ///
    /// # Errors
    /// When the operation failed.
    pub fn check(self) -> Result<(), Failure> {
        if self.ok() { Ok(()) } else { Err(Failure::new(self.error_name(), self.error_text())) }
    }

    /// The whole reply of [`send`](Prepared::send).
    pub fn bytes(self) -> Option<Vec<u8>> {
        host::tcp::bytes(self.id())
    }

    /// The same as text; bytes that are no UTF-8 become `U+FFFD`.
    pub fn text(self) -> Option<String> {
        let text = String::from_utf8(self.bytes()?);
        Some(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// Bytes of the reply, those that were skipped included.
    pub fn reply_bytes(self) -> u64 {
        match (self.0 >> 32) as u16 {
            u16::MAX => host::tcp::reply_bytes(self.id()),
            few => u64::from(few),
        }
    }

    /// Service time: from the first byte sent to the last byte read.
    pub fn duration(self) -> Duration {
        Duration::from_micros(host::tcp::duration_us(self.id()))
    }
}
