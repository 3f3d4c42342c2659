//! The closed list of ways in which an operation fails.

use serde::{Deserialize, Serialize};

macro_rules! error_kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal,)*) => {
        /// Why an operation failed. Counted by kind on the hot path; its text is kept for a few examples only.
        ///
        /// In documents a kind is its name; in the plugin contract it is [`ErrorKind::code`], where 0 means no error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum ErrorKind { $($(#[doc = $doc])* $variant,)* }

        impl ErrorKind {
            /// Every kind, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name used in documents and reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence for people.
            pub const fn explain(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

// The order is part of the contract (codes are positions + 1): append only.
error_kinds! {
    /// The host name could not be resolved.
    Lookup = "lookup",
    /// The target refused the connection.
    ConnectRefused = "connect_refused",
    /// No connection within the connect timeout.
    ConnectTimeout = "connect_timeout",
    /// The connection could not be made for another reason.
    Connect = "connect",
    /// The TLS handshake failed.
    Tls = "tls",
    /// The request could not be written.
    Write = "write",
    /// The connection was reset while the answer was awaited.
    Reset = "reset",
    /// The server closed the connection before the answer was complete.
    Closed = "closed",
    /// The answer is not valid protocol.
    Malformed = "malformed",
    /// The answer is larger than the limit.
    TooLarge = "too_large",
    /// No complete answer within the request timeout.
    Timeout = "timeout",
    /// The answer's content encoding could not be undone.
    Decode = "decode",
    /// More redirects than allowed, or a redirect that leads nowhere.
    Redirect = "redirect",
    /// The server answered with a status of 400 to 499 that was not expected.
    Status4xx = "status_4xx",
    /// The server answered with a status of 500 or more that was not expected.
    Status5xx = "status_5xx",
    /// The server answered with another status than the expected ones.
    StatusUnexpected = "status_unexpected",
    /// The target is not among those granted.
    Denied = "denied",
    /// The plugin asked for something that cannot be sent, such as a stale handle or a header with a line break.
    Invalid = "invalid",
    /// The machine ran out of local ports.
    NoPorts = "no_ports",
    /// The process ran out of file descriptors.
    NoDescriptors = "no_descriptors",
    /// The run ended while the operation was in flight.
    Interrupted = "interrupted",
    /// The machine had no memory or buffers left for the operation.
    NoMemory = "no_memory",
    /// The database ended the transaction to resolve a deadlock.
    Deadlock = "deadlock",
    /// The database ended the transaction because it could not be put in an order with others.
    Serialization = "serialization",
    /// A lock was not granted within the database's own limit.
    LockTimeout = "lock_timeout",
    /// A constraint of the database refused the change.
    Constraint = "constraint",
    /// The server did not accept the statement or command: its syntax, a name in it or the type of a value.
    Statement = "statement",
    /// The server refused the credentials, or what they may do.
    Permission = "permission",
    /// The server has no room for another connection, or is starting or stopping.
    Unavailable = "unavailable",
    /// The server reported another error.
    ServerError = "server_error",
    /// No connection of the pool became free in time.
    PoolTimeout = "pool_timeout",
    /// The connection was lost while a commit was under way: whether it took effect is not known.
    OutcomeUnknown = "outcome_unknown",
}

impl ErrorKind {
    /// Number of kinds.
    pub const COUNT: usize = Self::ALL.len();

    /// The code used in the plugin contract: 1 and up.
    pub const fn code(self) -> u32 {
        self as u32 + 1
    }

    /// The kind of a code; `None` for 0 and for codes of a newer contract.
    pub fn from_code(code: u32) -> Option<Self> {
        let index = usize::try_from(code.checked_sub(1)?).ok()?;
        Self::ALL.get(index).copied()
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether the generator itself ran out of something: the failure says nothing about the target.
    pub const fn is_exhaustion(self) -> bool {
        matches!(self, Self::NoPorts | Self::NoDescriptors | Self::NoMemory)
    }

    /// Whether the server never got to answer: the connection itself could not be made.
    pub const fn is_unreachable(self) -> bool {
        matches!(self, Self::Lookup | Self::ConnectRefused | Self::ConnectTimeout | Self::Connect | Self::Tls)
    }
}

impl Serialize for ErrorKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ErrorKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| serde::de::Error::custom(format!("unknown error kind `{name}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_names_and_kinds_map_both_ways() {
        assert_eq!(ErrorKind::from_code(0), None);
        assert_eq!(ErrorKind::from_code(10_000), None);
        for &kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_code(kind.code()), Some(kind));
            assert_eq!(ErrorKind::from_name(kind.name()), Some(kind));
            assert!(kind.explain().ends_with('.'));
        }
    }

    /// Compiled plugins hold these numbers.
    #[test]
    fn codes_never_move() {
        assert_eq!(ErrorKind::Lookup.code(), 1);
        assert_eq!(ErrorKind::Timeout.code(), 11);
        assert_eq!(ErrorKind::Denied.code(), 17);
        assert_eq!(ErrorKind::Interrupted.code(), 21);
        assert_eq!(ErrorKind::NoMemory.code(), 22);
        assert_eq!(ErrorKind::Deadlock.code(), 23);
        assert_eq!(ErrorKind::OutcomeUnknown.code(), 32);
    }
}
