//! Where an operation goes: the scheme and authority of its URL.

use std::fmt;
use std::net::IpAddr;

/// Protocol named by a URL's scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http://`
    Http,
    /// `https://`
    Https,
    /// `http+unix://`, HTTP over a unix socket.
    Unix,
    /// `postgresql://` or `postgres://`
    Postgresql,
    /// `mysql://` or `mariadb://`
    Mysql,
    /// `sqlite:`, a file of this machine.
    Sqlite,
    /// `redis://`
    Redis,
    /// `rediss://`, Redis over TLS.
    Rediss,
    /// `mongodb://`
    Mongodb,
    /// `tcp://`
    Tcp,
}

impl Scheme {
    /// The scheme as it is shown and granted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Unix => "http+unix",
            Self::Postgresql => "postgresql",
            Self::Mysql => "mysql",
            Self::Sqlite => "sqlite",
            Self::Redis => "redis",
            Self::Rediss => "rediss",
            Self::Mongodb => "mongodb",
            Self::Tcp => "tcp",
        }
    }

    /// Whether it is one that HTTP requests are sent to.
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https | Self::Unix)
    }

    /// The port of a URL that names none.
    pub const fn default_port(self) -> Option<u16> {
        match self {
            Self::Http => Some(80),
            Self::Https => Some(443),
            Self::Postgresql => Some(5432),
            Self::Mysql => Some(3306),
            Self::Redis | Self::Rediss => Some(6379),
            Self::Mongodb => Some(27017),
            Self::Unix | Self::Sqlite | Self::Tcp => None,
        }
    }

    /// The scheme at the beginning of a URL, and what follows it.
    fn split(url: &str) -> Option<(Self, &str)> {
        const SCHEMES: &[(&str, Scheme)] = &[
            ("http://", Scheme::Http),
            ("https://", Scheme::Https),
            ("http+unix://", Scheme::Unix),
            ("postgresql://", Scheme::Postgresql),
            ("postgres://", Scheme::Postgresql),
            ("mysql://", Scheme::Mysql),
            ("mariadb://", Scheme::Mysql),
            ("sqlite://", Scheme::Sqlite),
            ("sqlite:", Scheme::Sqlite),
            ("redis://", Scheme::Redis),
            ("rediss://", Scheme::Rediss),
            ("mongodb://", Scheme::Mongodb),
            ("tcp://", Scheme::Tcp),
        ];
        SCHEMES.iter().find_map(|&(text, scheme)| Some((scheme, strip_scheme(url, text)?)))
    }
}

/// Decides whether an origin may be connected to: asked once by name (`None`) and once per resolved address.
pub type EgressRule = dyn Fn(&Origin, Option<IpAddr>) -> bool + Send + Sync;

/// Scheme, host and port of a URL; for unix sockets and SQLite the path of the socket or file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Protocol.
    pub scheme: Scheme,
    /// Lower-case host name or address, IPv6 without brackets; `localhost` for sockets and files.
    pub host: Box<str>,
    /// Port, the scheme's default when the URL has none; 0 for sockets and files.
    pub port: u16,
    /// Path of the unix socket or of the database's file.
    pub path: Option<Box<str>>,
}

/// Why a URL was refused. The text names what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not one of the schemes of HTTP.
    #[error("it must start with `http://`, `https://` or `http+unix://`")]
    Scheme,
    /// Not one of the schemes of any protocol.
    #[error(
        "it must start with a scheme such as `https://`, `postgresql://`, `mysql://`, `sqlite:`, `redis://`, `mongodb://` or `tcp://`"
    )]
    AnyScheme,
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
    /// The path of a database's file is missing.
    #[error("the path of the database's file is missing, as in `sqlite:shop.db`")]
    FilePath,
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
        let split = Scheme::split(url).filter(|(scheme, _)| scheme.is_http());
        let (scheme, rest) = split.ok_or(UrlError::Scheme)?;
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

    /// The origin of a URL of any protocol. Credentials and everything after the authority are passed over.
    ///
    /// # Errors
    /// When it names no place that an operation could go to.
    pub fn of_url(url: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = Scheme::split(url).ok_or(UrlError::AnyScheme)?;
        match scheme {
            Scheme::Http | Scheme::Https | Scheme::Unix => Self::split_url(url).map(|(origin, _)| origin),
            Scheme::Sqlite => {
                let path = percent_decode(rest.split('?').next().unwrap_or_default());
                let path = path.filter(|path| !path.is_empty() && !path.contains('\0'));
                Ok(at_path(Scheme::Sqlite, path.ok_or(UrlError::FilePath)?))
            }
            _ => {
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                let authority = &rest[..end];
                // A password may hold an `@` that nobody encoded: the last one ends the credentials.
                internet(scheme, authority.rsplit_once('@').map_or(authority, |(_, host)| host))
            }
        }
    }

    /// Host and port as the `Host` header has them: the port only where it is not the scheme's default.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_string() };
        if self.port == 0 || self.scheme.default_port() == Some(self.port) {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// Whether the connection is encrypted from its first byte.
    pub fn is_tls(&self) -> bool {
        matches!(self.scheme, Scheme::Https | Scheme::Rediss)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.scheme, &self.path) {
            (Scheme::Unix, Some(path)) => {
                let mut encoded = Vec::new();
                crate::http::percent_encode(path.as_bytes(), &mut encoded);
                write!(f, "http+unix://{}", String::from_utf8_lossy(&encoded))
            }
            (Scheme::Sqlite, Some(path)) => write!(f, "sqlite:{path}"),
            (scheme, _) => write!(f, "{}://{}", scheme.name(), self.authority()),
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
        None => scheme.default_port().ok_or_else(|| UrlError::Port(String::new()))?,
    };
    Ok(Origin { scheme, host: host.to_ascii_lowercase().into(), port, path: None })
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
    Ok(at_path(Scheme::Unix, path))
}

fn at_path(scheme: Scheme, path: String) -> Origin {
    Origin { scheme, host: "localhost".into(), port: 0, path: Some(path.into()) }
}

/// A text with its percent-encoding undone; `None` when a `%` begins no two digits, or it is no UTF-8.
pub fn percent_decode(text: &str) -> Option<String> {
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
        assert_eq!(unix.path.as_deref(), Some("/run/a.sock"));
        assert_eq!(unix.authority(), "localhost");
    }

    #[test]
    fn names_the_place_of_any_protocol() {
        for (url, origin) in [
            ("postgres://user:p@ss@Db.test/shop?sslmode=disable", "postgresql://db.test"),
            ("postgresql://[::1]:5433", "postgresql://[::1]:5433"),
            ("mariadb://h/x", "mysql://h"),
            ("redis://:secret@h:6380/0", "redis://h:6380"),
            ("rediss://h", "rediss://h"),
            ("mongodb://u:p@h:27017/x", "mongodb://h"),
            ("tcp://h:11211", "tcp://h:11211"),
            ("sqlite:/tmp/a b.db?mode=ro", "sqlite:/tmp/a b.db"),
            ("sqlite://shop.db", "sqlite:shop.db"),
            ("sqlite::memory:", "sqlite::memory:"),
            ("https://h/x", "https://h"),
        ] {
            assert_eq!(Origin::of_url(url).unwrap().to_string(), origin, "{url}");
        }
        for (url, error) in [
            ("ftp://h", UrlError::AnyScheme),
            ("tcp://h", UrlError::Port(String::new())),
            ("sqlite:", UrlError::FilePath),
            ("redis:///0", UrlError::Host(String::new())),
        ] {
            assert_eq!(Origin::of_url(url).unwrap_err(), error, "{url}");
        }
    }

    #[test]
    fn refuses_what_cannot_be_sent_to() {
        for (url, error) in [
            ("ftp://h/", UrlError::Scheme),
            ("redis://h/", UrlError::Scheme),
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
