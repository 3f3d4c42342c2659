//! How a request fails, before it becomes an outcome.

use std::error::Error;
use std::fmt::Write as _;
use std::io;

use stresshost_metrics::ErrorKind;

use crate::http::limits::MAX_ERROR_TEXT_BYTES;

/// A failed request: its kind, and a text for the few examples that are kept.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) text: Box<str>,
    /// No server can have acted on the request, or the request allows repetition: worth one fresh connection.
    pub(crate) retry: bool,
}

impl Failure {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > MAX_ERROR_TEXT_BYTES {
            let end = (0..=MAX_ERROR_TEXT_BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            text.truncate(end);
        }
        Self { kind, text: text.into(), retry: false }
    }

    /// The failure of a read or write on a connection that was open.
    pub(crate) fn from_io(error: &io::Error, otherwise: ErrorKind) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => ErrorKind::Reset,
            // rustls reports an end of stream without `close_notify` this way.
            io::ErrorKind::UnexpectedEof => ErrorKind::Closed,
            io::ErrorKind::InvalidData => ErrorKind::Tls,
            _ => otherwise,
        };
        Self::new(kind, format!("{}{}", chain(error), alert_hint(error)))
    }

    /// The failure to make a connection to `to`.
    pub(crate) fn from_connect(error: &io::Error, to: &str) -> Self {
        use rustix::io::Errno;
        let kind = match Errno::from_io_error(error) {
            Some(Errno::MFILE | Errno::NFILE) => ErrorKind::NoDescriptors,
            Some(Errno::ADDRNOTAVAIL) => ErrorKind::NoPorts,
            Some(Errno::NOBUFS | Errno::NOMEM) => ErrorKind::NoMemory,
            Some(Errno::CONNREFUSED) => ErrorKind::ConnectRefused,
            Some(Errno::TIMEDOUT) => ErrorKind::ConnectTimeout,
            _ => ErrorKind::Connect,
        };
        Self::new(kind, format!("cannot connect to {to}: {error}"))
    }
}

/// What TLS says of an error of a stream that may be encrypted.
pub(crate) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// What an alert of the server's is about, where that is the client's certificate. Since TLS 1.3 it comes after the
/// handshake, as the answer to whatever was sent.
pub(crate) fn alert_hint(error: &io::Error) -> &'static str {
    use rustls::AlertDescription as Alert;
    match tls_error(error) {
        Some(rustls::Error::AlertReceived(Alert::CertificateRequired)) => {
            " (the server wants a certificate of the client's: --client-cert shows it one)"
        }
        Some(rustls::Error::AlertReceived(
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::DecryptError,
        )) => " (the server does not accept the client's certificate)",
        _ => "",
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            // Writing to a string cannot fail.
            write!(text, ": {more}").unwrap_or_default();
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_errors_have_their_kinds() {
        for (errno, kind) in [
            (rustix::io::Errno::MFILE, ErrorKind::NoDescriptors),
            (rustix::io::Errno::NFILE, ErrorKind::NoDescriptors),
            (rustix::io::Errno::ADDRNOTAVAIL, ErrorKind::NoPorts),
            (rustix::io::Errno::NOBUFS, ErrorKind::NoMemory),
            (rustix::io::Errno::NOMEM, ErrorKind::NoMemory),
            (rustix::io::Errno::CONNREFUSED, ErrorKind::ConnectRefused),
            (rustix::io::Errno::TIMEDOUT, ErrorKind::ConnectTimeout),
            (rustix::io::Errno::NETUNREACH, ErrorKind::Connect),
        ] {
            let error = io::Error::from_raw_os_error(errno.raw_os_error());
            assert_eq!(Failure::from_connect(&error, "x").kind, kind);
        }
    }

    #[test]
    fn texts_are_bounded_at_a_character() {
        let failure = Failure::new(ErrorKind::Tls, "ü".repeat(MAX_ERROR_TEXT_BYTES));
        assert_eq!(failure.text.len(), MAX_ERROR_TEXT_BYTES);
        let failure = Failure::new(ErrorKind::Tls, format!("x{}", "ü".repeat(MAX_ERROR_TEXT_BYTES)));
        assert_eq!(failure.text.len(), MAX_ERROR_TEXT_BYTES - 1);
    }
}
