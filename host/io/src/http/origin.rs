//! Where a request goes: the scheme and authority of its URL.

use std::fmt;

/// Transport named by a URL's scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http://`
    Http,
    /// `https://`
    Https,
    /// `http+unix://`, HTTP over a unix socket.
    Unix,
}

impl Scheme {
    /// The scheme as URLs have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Unix => "http+unix",
        }
    }
}

/// Scheme, host and port of a URL; for unix sockets the socket's path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Transport.
    pub scheme: Scheme,
    /// Lower-case host name or address, IPv6 without brackets; `localhost` for unix sockets.
    pub host: Box<str>,
    /// Port, the scheme's default when the URL has none; 0 for unix sockets.
    pub port: u16,
    /// Path of the unix socket.
    pub unix_path: Option<Box<str>>,
}

/// Why a URL was refused. The text names what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not one of the schemes served.
    #[error("it must start with `http://`, `https://` or `http+unix://`")]
    Scheme,
    /// A placeholder before the path.
    #[error("scheme, host and port must be fixed: a placeholder may stand in the path and the query only")]
    SlotInAuthority,
    /// `user:password@`.
    #[error("credentials in the URL are not sent: set an `authorization` header instead")]
    Credentials,
    /// A host that cannot be one.
    #[error("`{0}` is not a host name or address (write international names in their `xn--` form)")]
    Host(String),
    /// A port that cannot be one.
    #[error("`{0}` is not a port")]
    Port(String),
    /// The path of a unix socket is missing or not percent-encoded.
    #[error(
        "the socket's path must stand percent-encoded as the host, such as `http+unix://%2Frun%2Fapp.sock/path`"
    )]
    UnixPath,
    /// A character that cannot stand in a request line.
    #[error("character {0:?} cannot stand in a URL: percent-encode it")]
    Character(char),
}

impl Origin {
    /// Splits a URL into its origin and the rest: path and query as written, without the fragment.
    ///
    /// # Errors
    /// When the URL is not one this engine can send to.
    pub fn split_url(url: &str) -> Result<(Self, &str), UrlError> {
        let (scheme, rest) = if let Some(rest) = strip_scheme(url, "http://") {
            (Scheme::Http, rest)
        } else if let Some(rest) = strip_scheme(url, "https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = strip_scheme(url, "http+unix://") {
            (Scheme::Unix, rest)
        } else {
            return Err(UrlError::Scheme);
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split('#').next().unwrap_or_default();
        if authority.contains("{{") {
            return Err(UrlError::SlotInAuthority);
        }
        if authority.contains('@') {
            return Err(UrlError::Credentials);
        }
        let origin = if scheme == Scheme::Unix { unix(authority)? } else { internet(scheme, authority)? };
        Ok((origin, path))
    }

    /// Host and port as the `Host` header has them: the port only where it is not the scheme's default.
    pub fn authority(&self) -> String {
        let default = match self.scheme {
            Scheme::Http => 80,
            Scheme::Https => 443,
            Scheme::Unix => self.port,
        };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_string() };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.scheme == Scheme::Https
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.scheme, &self.unix_path) {
            (Scheme::Unix, Some(path)) => {
                let mut encoded = Vec::new();
                super::template::percent_encode(path.as_bytes(), &mut encoded);
                write!(f, "http+unix://{}", String::from_utf8_lossy(&encoded))
            }
            (Scheme::Https, _) => write!(f, "https://{}", self.authority()),
            _ => write!(f, "http://{}", self.authority()),
        }
    }
}

fn strip_scheme<'a>(url: &'a str, scheme: &str) -> Option<&'a str> {
    let head = url.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &url[scheme.len()..])
}

fn internet(scheme: Scheme, authority: &str) -> Result<Origin, UrlError> {
    let (host, port) = split_port(authority)?;
    let port = match port {
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 && text.bytes().all(|b| b.is_ascii_digit()) => port,
            _ => return Err(UrlError::Port(text.to_owned())),
        },
        None if scheme == Scheme::Https => 443,
        None => 80,
    };
    Ok(Origin { scheme, host: host.to_ascii_lowercase().into(), port, unix_path: None })
}

/// Host without brackets, and the text after the colon.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    let bad = || UrlError::Host(authority.to_owned());
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or_else(bad)?;
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(bad());
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(bad()),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if host.is_empty() || host.len() > 253 || !host.bytes().all(fits) {
        return Err(UrlError::Host(host.to_owned()));
    }
    Ok((host, port))
}

fn unix(authority: &str) -> Result<Origin, UrlError> {
    let path = percent_decode(authority).ok_or(UrlError::UnixPath)?;
    if path.is_empty() || path.contains('\0') {
        return Err(UrlError::UnixPath);
    }
    Ok(Origin { scheme: Scheme::Unix, host: "localhost".into(), port: 0, unix_path: Some(path.into()) })
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        };
        decoded.push(byte);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_urls() {
        for (url, origin, rest) in [
            ("http://Example.COM", "http://example.com", ""),
            ("HTTP://example.com:8080/a?b=c#d", "http://example.com:8080", "/a?b=c"),
            ("https://h:443?x", "https://h", "?x"),
            ("http://[::1]:80/", "http://[::1]", "/"),
            ("http://[::1]:81/", "http://[::1]:81", "/"),
            ("http+unix://%2Frun%2Fa.sock/p", "http+unix://%2Frun%2Fa.sock", "/p"),
            ("http://h/{{id}}", "http://h", "/{{id}}"),
        ] {
            let (parsed, path) = Origin::split_url(url).unwrap();
            assert_eq!((parsed.to_string().as_str(), path), (origin, rest), "{url}");
        }
        let (unix, _) = Origin::split_url("http+unix://%2Frun%2Fa.sock/p").unwrap();
        assert_eq!(unix.unix_path.as_deref(), Some("/run/a.sock"));
        assert_eq!(unix.authority(), "localhost");
    }

    #[test]
    fn refuses_what_cannot_be_sent_to() {
        for (url, error) in [
            ("ftp://h/", UrlError::Scheme),
            ("/path", UrlError::Scheme),
            ("http://{{host}}/", UrlError::SlotInAuthority),
            ("http://u:p@h/", UrlError::Credentials),
            ("http:///x", UrlError::Host(String::new())),
            ("http://h:/", UrlError::Port(String::new())),
            ("http://h:0/", UrlError::Port("0".into())),
            ("http://h:+1/", UrlError::Port("+1".into())),
            ("http://h:65536/", UrlError::Port("65536".into())),
            ("http://a b/", UrlError::Host("a b".into())),
            ("http://bücher.de/", UrlError::Host("bücher.de".into())),
            ("http://[::g]/", UrlError::Host("[::g]".into())),
            ("http+unix:///run/a.sock", UrlError::UnixPath),
            ("http+unix://%2/x", UrlError::UnixPath),
        ] {
            assert_eq!(Origin::split_url(url).unwrap_err(), error, "{url}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_displays_what_it_reads(url in "(http|https|http\\+unix)://[a-z0-9.%\\[\\]:@{}/?#-]{0,40}") {
            if let Ok((origin, _)) = Origin::split_url(&url) {
                let (again, _) = Origin::split_url(&origin.to_string()).unwrap();
                prop_assert_eq!(again, origin);
            }
        }
    }
}
