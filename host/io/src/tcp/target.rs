//! The server a connection leads to, as its address and options say.

use std::sync::Arc;

use stresshost_clock::NS_PER_MS;

use crate::http::HttpConfig;
use crate::origin::{Origin, UrlError};
use crate::timeout::millis;

/// Names of the options, for messages.
const KNOWN: &str = "connect-timeout-ms, max-reply-bytes, reconnect, server-name, timeout-ms, tls";

/// Stands before an address where a user writes it as a target.
const SCHEME: &str = "tcp://";

/// A server as a plugin names it.
#[derive(Clone, Copy, Debug)]
pub struct TargetSpec<'a> {
    /// `host:port`; `tcp://` may stand before it.
    pub address: &'a str,
    /// Options by name.
    pub options: &'a [(String, String)],
}

/// What is wrong with a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No host and port, or more than that.
    #[error("it is no address: write `host:port`, such as `127.0.0.1:11211` or `[::1]:11211`")]
    Address,
    /// A host or port that cannot be one.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// An option that cannot be read.
    #[error("option `{name}`: {reason}")]
    Option {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// A server, and how to talk to it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) origin: Arc<Origin>,
    pub(crate) is_tls: bool,
    /// Name expected in the certificate instead of the address's host.
    pub(crate) server_name: Option<String>,
    pub(crate) connect_timeout_ns: u64,
    pub(crate) timeout_ns: u64,
    pub(crate) max_reply_bytes: u64,
    /// Whether a lost connection is made again before something is sent.
    pub(crate) reconnects: bool,
}

impl Target {
    pub(crate) fn read(spec: &TargetSpec<'_>, config: &HttpConfig) -> Result<Self, TargetError> {
        let address = spec.address.strip_prefix(SCHEME).unwrap_or(spec.address);
        let address = address.strip_suffix('/').unwrap_or(address);
        let has_port = address.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
        if !has_port || address.contains(['/', '?', '#', '@']) {
            return Err(TargetError::Address);
        }
        let mut target = Self {
            origin: Arc::new(Origin::of_url(&format!("{SCHEME}{address}"))?),
            is_tls: false,
            server_name: None,
            connect_timeout_ns: config.connect_timeout_ms.saturating_mul(NS_PER_MS),
            timeout_ns: config.request_timeout_ms.saturating_mul(NS_PER_MS),
            max_reply_bytes: config.max_response_bytes,
            reconnects: true,
        };
        for (name, value) in spec.options {
            let wrong = |reason| TargetError::Option { name: name.clone(), reason };
            target.set(name, value.trim()).map_err(wrong)?;
        }
        Ok(target)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "connect-timeout-ms" => self.connect_timeout_ns = millis(value)?,
            "timeout-ms" => self.timeout_ns = millis(value)?,
            "tls" => self.is_tls = flag(value)?,
            "reconnect" => self.reconnects = flag(value)?,
            "server-name" => self.server_name = Some(value.to_owned()),
            "max-reply-bytes" => {
                let bytes = value.parse().ok().filter(|&bytes| (1..=self.max_reply_bytes).contains(&bytes));
                let most = self.max_reply_bytes;
                self.max_reply_bytes =
                    bytes.ok_or_else(|| format!("`{value}` is not a number from 1 to {most}"))?;
            }
            _ => return Err(format!("there is no such option; there are: {KNOWN}")),
        }
        Ok(())
    }
}

fn flag(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| format!("`{value}` is neither `true` nor `false`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str, options: &[(&str, &str)]) -> Result<Target, TargetError> {
        let pair = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let options: Vec<_> = options.iter().map(pair).collect();
        Target::read(&TargetSpec { address, options: &options }, &HttpConfig::default())
    }

    #[test]
    fn addresses_are_hosts_with_ports() {
        for (address, origin) in [
            ("127.0.0.1:11211", "tcp://127.0.0.1:11211"),
            ("Cache.test:1", "tcp://cache.test:1"),
            ("tcp://h:9/", "tcp://h:9"),
            ("[::1]:65535", "tcp://[::1]:65535"),
        ] {
            assert_eq!(read(address, &[]).unwrap().origin.to_string(), origin, "{address}");
        }
    }

    #[test]
    fn options_are_read() {
        let options = [
            ("timeout-ms", "5"),
            ("connect-timeout-ms", "7"),
            ("tls", "true"),
            ("server-name", "cache.test"),
            ("max-reply-bytes", "9"),
            ("reconnect", "false"),
        ];
        let target = read("h:1", &options).unwrap();
        assert_eq!((target.timeout_ns, target.connect_timeout_ns), (5_000_000, 7_000_000));
        assert_eq!((target.is_tls, target.server_name.as_deref()), (true, Some("cache.test")));
        assert_eq!((target.max_reply_bytes, target.reconnects), (9, false));
        let unset = read("h:1", &[]).unwrap();
        assert_eq!((unset.is_tls, unset.reconnects, unset.max_reply_bytes), (false, true, 256 << 20));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (address, options, text) in [
            ("", &[][..], "write `host:port`"),
            ("h", &[], "write `host:port`"),
            ("[::1]", &[], "write `host:port`"),
            ("http://h:1", &[], "write `host:port`"),
            ("u:p@h:1", &[], "write `host:port`"),
            ("h:1/x", &[], "write `host:port`"),
            ("h:0", &[], "`0` is not a port"),
            ("a b:1", &[], "`a b` is not a host name"),
            ("h:1", &[("tls", "yes")], "option `tls`: `yes` is neither"),
            ("h:1", &[("timeout-ms", "0")], "option `timeout-ms`"),
            ("h:1", &[("max-reply-bytes", "0")], "option `max-reply-bytes`: `0` is not a number from 1"),
            ("h:1", &[("protocol", "3")], "there are: connect-timeout-ms"),
        ] {
            let error = read(address, options).unwrap_err().to_string();
            assert!(error.contains(text), "{address}: {error}");
        }
    }
}
