//! Kinds of the server's error codes.

use stresshost_metrics::ErrorKind;

/// The kind of a code (<https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml>).
pub(super) const fn kind(code: i32) -> ErrorKind {
    match code {
        // DuplicateKey and its older numbers; DocumentValidationFailure.
        11_000 | 11_001 | 12_582 | 121 => ErrorKind::Constraint,
        // WriteConflict, SnapshotUnavailable, SnapshotTooOld.
        112 | 246 | 239 => ErrorKind::Serialization,
        // LockTimeout, LockBusy.
        24 | 46 => ErrorKind::LockTimeout,
        // MaxTimeMSExpired, ExceededTimeLimit, NetworkInterfaceExceededTimeLimit.
        50 | 262 | 202 => ErrorKind::Timeout,
        // UserNotFound, Unauthorized, AuthenticationFailed, MechanismUnavailable.
        11 | 13 | 18 | 334 => ErrorKind::Permission,
        // HostUnreachable, HostNotFound, NetworkTimeout, ShutdownInProgress, PrimarySteppedDown, NotPrimaryNoSecondaryOk,
        // NotPrimaryOrSecondary, NotWritablePrimary, InterruptedAtShutdown, InterruptedDueToReplStateChange.
        6 | 7 | 89 | 91 | 189 | 13_435 | 13_436 | 10_107 | 11_600 | 11_602 => ErrorKind::Unavailable,
        // WriteConcernFailed, UnsatisfiableWriteConcern.
        64 | 100 => ErrorKind::OutcomeUnknown,
        // BadValue, NoSuchKey, GraphContainsCycle, FailedToParse, TypeMismatch, InvalidLength, CursorNotFound, NamespaceNotFound,
        // IndexNotFound, PathNotViable, ConflictingUpdateOperators, NamespaceExists, DollarPrefixedFieldName, EmptyFieldName,
        // CommandNotFound, ImmutableField, InvalidOptions, InvalidNamespace, and the parsers' own numbers.
        2 | 4 | 5 | 9 | 14 | 16 | 43 | 26 | 27 | 28 | 40 | 48 | 52 | 56 | 59 | 66 | 72 | 73 => {
            ErrorKind::Statement
        }
        15_000..=17_999 | 31_000..=51_999 => ErrorKind::Statement,
        _ => ErrorKind::ServerError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_kind() {
        for (code, expected) in [
            (11_000, ErrorKind::Constraint),
            (112, ErrorKind::Serialization),
            (24, ErrorKind::LockTimeout),
            (50, ErrorKind::Timeout),
            (13, ErrorKind::Permission),
            (10_107, ErrorKind::Unavailable),
            (59, ErrorKind::Statement),
            (40_324, ErrorKind::Statement),
            (64, ErrorKind::OutcomeUnknown),
            (11_601, ErrorKind::ServerError),
            (8, ErrorKind::ServerError),
            (-1, ErrorKind::ServerError),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }
}
