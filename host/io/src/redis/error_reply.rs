//! What an error reply means.

use stresshost_metrics::ErrorKind;

/// The first word of an error, such as `WRONGTYPE`; empty when it is no word in capitals.
pub(crate) fn code(text: &str) -> &str {
    let word = text.split([' ', '\r', '\n']).next().unwrap_or_default();
    let is_code = word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if is_code { word } else { "" }
}

/// The kind of an error, by its first word; `ERR` stands for many things, of which some are told by the words after it.
pub(crate) fn kind(text: &str) -> ErrorKind {
    match code(text) {
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "READONLY" | "DENIED" => ErrorKind::Permission,
        "LOADING" | "CLUSTERDOWN" | "MASTERDOWN" => ErrorKind::Unavailable,
        "ERR" if text.starts_with("ERR max number of clients") => ErrorKind::Unavailable,
        "ERR" if text.starts_with("ERR invalid password") || text.starts_with("ERR AUTH ") => {
            ErrorKind::Permission
        }
        "ERR" | "WRONGTYPE" | "NOSCRIPT" | "EXECABORT" | "CROSSSLOT" | "NOPROTO" | "SYNTAX" => {
            ErrorKind::Statement
        }
        _ => ErrorKind::ServerError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_kinds_by_their_first_word() {
        for (text, code_is, kind_is) in [
            ("ERR unknown command", "ERR", ErrorKind::Statement),
            ("WRONGTYPE Operation", "WRONGTYPE", ErrorKind::Statement),
            ("NOAUTH Authentication required.", "NOAUTH", ErrorKind::Permission),
            ("WRONGPASS invalid", "WRONGPASS", ErrorKind::Permission),
            ("NOPERM no", "NOPERM", ErrorKind::Permission),
            ("READONLY You can't", "READONLY", ErrorKind::Permission),
            ("ERR invalid password", "ERR", ErrorKind::Permission),
            ("LOADING Redis is loading", "LOADING", ErrorKind::Unavailable),
            ("CLUSTERDOWN The cluster", "CLUSTERDOWN", ErrorKind::Unavailable),
            ("MASTERDOWN Link", "MASTERDOWN", ErrorKind::Unavailable),
            ("ERR max number of clients reached", "ERR", ErrorKind::Unavailable),
            ("OOM command not allowed", "OOM", ErrorKind::ServerError),
            ("BUSY Redis is busy", "BUSY", ErrorKind::ServerError),
            ("MOVED 1 127.0.0.1:1", "MOVED", ErrorKind::ServerError),
            ("My own words", "", ErrorKind::ServerError),
            ("", "", ErrorKind::ServerError),
        ] {
            assert_eq!((code(text), kind(text)), (code_is, kind_is), "{text}");
        }
    }
}
