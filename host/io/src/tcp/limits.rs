//! Every cap of the TCP engine, with its reason. Bytes of replies are those of the run's HTTP settings.

/// Connections one virtual user opens. A client has one, or one for each of a few servers; each costs the server memory.
pub const MAX_CONNECTIONS: usize = 64;

/// Slots of one exchange.
pub const MAX_SLOTS: usize = 1_000;

/// Bytes of what ends a reply: a line break, a closing word, a boundary.
pub const MAX_DELIMITER_BYTES: usize = 256;

/// Bytes that may stand before a length field. Headers of protocols have some dozens.
pub const MAX_LENGTH_OFFSET: usize = 1024;

/// Beginnings of a reply that an exchange may expect.
pub const MAX_EXPECTED: usize = 16;

/// Bytes of one of them.
pub const MAX_EXPECTED_BYTES: usize = 256;

/// Bytes kept of a reply that is too long to be kept whole: enough for a length field and the beginnings to expect.
pub(crate) const HEAD_BYTES: usize = MAX_LENGTH_OFFSET + 8;

/// Room made for more of a reply that fills its buffer.
pub(crate) const READ_BYTES: usize = 16 * 1024;

/// Bytes of a reply that the words of a failure show.
pub(crate) const SHOWN_BYTES: usize = 80;
