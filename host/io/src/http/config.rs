//! What a run may say about its HTTP traffic.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use crate::buffer_pool::KeptBudget;
use crate::secrets::Secrets;

/// Which protocol version to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; without TLS by prior knowledge (h2c).
    Http2,
}

impl FromStr for HttpVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "auto" => Ok(Self::Auto),
            "1" | "1.1" => Ok(Self::Http1),
            "2" => Ok(Self::Http2),
            _ => Err(()),
        }
    }
}

/// How the two ends of a connection are authenticated.
#[derive(Clone, Debug, Default)]
pub struct TlsConfig {
    /// Accept any certificate.
    pub insecure: bool,
    /// Contents of PEM files with certificates to trust besides the system's.
    pub ca_pem: Vec<Vec<u8>>,
    /// Name expected in the certificate and sent as SNI instead of the URL's host.
    pub server_name: Option<String>,
    /// What is shown to servers that ask who the client is.
    pub client: Option<ClientCertificate>,
}

/// A certificate of the client's own, and its private key.
#[derive(Clone)]
pub struct ClientCertificate {
    /// A PEM file with the certificate, and after it those between it and its authority.
    pub chain_pem: Vec<u8>,
    /// A PEM file with the key, not encrypted: PKCS#8, PKCS#1 or SEC1.
    pub key_pem: Vec<u8>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

/// One `name:port=address:port` rule: connections to the left side go to the right side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    /// Host as it stands in the URL, lower case, IPv6 without brackets.
    pub host: String,
    /// Port as it stands in the URL.
    pub port: u16,
    /// Where to connect.
    pub to: SocketAddr,
}

/// A resolve rule could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot read resolve rule `{0}`: write `name:port=address:port`, such as `shop.test:443=127.0.0.1:8443`"
)]
pub struct ResolveError(String);

impl FromStr for Resolve {
    type Err = ResolveError;

    fn from_str(text: &str) -> Result<Self, ResolveError> {
        let error = || ResolveError(text.to_owned());
        let (name, to) = text.split_once('=').ok_or_else(error)?;
        let (host, port) = name.rsplit_once(':').ok_or_else(error)?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(error());
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port: port.parse().map_err(|_| error())?,
            to: to.parse().map_err(|_| error())?,
        })
    }
}

/// Settings of a run's HTTP engine. Requests may override some of them by their options.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Longest time to make a connection, TLS included, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Longest time from firing a request to the last byte of its answer, in milliseconds.
    pub request_timeout_ms: u64,
    /// Whether connections are reused.
    pub keep_alive: bool,
    /// Protocol version.
    pub version: HttpVersion,
    /// How the two ends of a connection are authenticated.
    pub tls: TlsConfig,
    /// Rules that replace name look-up.
    pub resolve: Vec<Resolve>,
    /// Bytes of a body kept for reading; the rest is counted only.
    pub max_body_kept_bytes: usize,
    /// Memory of all bodies kept that are not small, shared with other plugins of the run.
    pub kept: Arc<KeptBudget>,
    /// Bytes of an answer on the wire after which it fails as too large.
    pub max_response_bytes: u64,
    /// Bytes of an answer's status line and headers.
    pub max_header_bytes: usize,
    /// Bytes a compressed body may unpack to.
    pub max_decoded_bytes: usize,
    /// What requests may name as `{{secret:NAME}}`.
    pub secrets: Secrets,
    /// `User-Agent` of requests that do not set their own.
    pub user_agent: String,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 10_000,
            request_timeout_ms: 60_000,
            keep_alive: true,
            version: HttpVersion::Auto,
            tls: TlsConfig::default(),
            resolve: Vec::new(),
            max_body_kept_bytes: 1024 * 1024,
            kept: Arc::default(),
            max_response_bytes: 256 * 1024 * 1024,
            max_header_bytes: 64 * 1024,
            max_decoded_bytes: 16 * 1024 * 1024,
            secrets: Secrets::default(),
            user_agent: concat!("stresshost/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_resolve_rules() {
        let rule: Resolve = "Shop.test:443=127.0.0.1:8443".parse().unwrap();
        assert_eq!((rule.host.as_str(), rule.port), ("shop.test", 443));
        assert_eq!(rule.to, "127.0.0.1:8443".parse().unwrap());
        let v6: Resolve = "[::1]:80=[::1]:8080".parse().unwrap();
        assert_eq!(v6.host, "::1");
        for bad in ["", "a=b", "a:80", "a:80=localhost:80", ":80=127.0.0.1:80", "a:99999=127.0.0.1:80"] {
            assert!(bad.parse::<Resolve>().is_err(), "{bad}");
        }
    }
}
