//! Which targets a plugin may reach.
//!
//! A pattern is `scheme://host:port`; any part may be `*`, and a host may begin with `*.` to mean every name below a
//! domain. A missing port means the scheme's own. Parsed once; matching allocates nothing.

/// One granted target or group of targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetPattern {
    scheme: Option<String>,
    host: HostPattern,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    Exact(String),
    /// A domain with its leading dot.
    Below(String),
}

/// A pattern could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a target: {reason}; write `scheme://host:port`, such as `https://api.example:443` or `http://*.test:*`"
)]
pub struct PatternError {
    text: String,
    reason: &'static str,
}

impl TargetPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When a part is missing or cannot be read. `*` alone is refused: granting everything is written `*://*:*`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let error = |reason| PatternError { text: text.to_owned(), reason };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| error("the scheme is missing"))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(error("it has more than a host and a port"));
        }
        let (host, port) = split_port(rest).ok_or_else(|| error("the port is not a number"))?;
        let port = match port {
            Some("*") => None,
            Some(number) => Some(number.parse().map_err(|_| error("the port is not a number"))?),
            None => match scheme {
                "http" => Some(80),
                "https" => Some(443),
                "http+unix" => Some(0),
                _ => return Err(error("the port is missing")),
            },
        };
        let host = host.to_ascii_lowercase();
        let host = match host.strip_prefix('*') {
            Some("") => HostPattern::Any,
            Some(domain) if domain.starts_with('.') => HostPattern::Below(domain.to_owned()),
            Some(_) => return Err(error("`*` stands for a whole name or before a dot")),
            None if host.is_empty() || host.contains('*') => return Err(error("the host is missing")),
            None => HostPattern::Exact(host),
        };
        let scheme = (scheme != "*").then(|| scheme.to_ascii_lowercase());
        Ok(Self { scheme, host, port })
    }

    /// Whether the pattern covers a target. `host` is lower case, IPv6 without brackets.
    pub fn matches(&self, scheme: &str, host: &str, port: u16) -> bool {
        self.scheme.as_ref().is_none_or(|granted| granted == scheme)
            && self.port.is_none_or(|granted| granted == port)
            && match &self.host {
                HostPattern::Any => true,
                HostPattern::Exact(granted) => granted == host,
                HostPattern::Below(domain) => host.len() > domain.len() && host.ends_with(domain.as_str()),
            }
    }

    /// Whether the host was named itself, not by a wildcard.
    pub const fn names_host(&self) -> bool {
        matches!(self.host, HostPattern::Exact(_))
    }
}

/// Host (without brackets) and port text; `None` when there is something else after the brackets.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return if after.is_empty() {
            Some((host, None))
        } else {
            Some((host, Some(after.strip_prefix(':')?)))
        };
    }
    Some(match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_by_part() {
        let cases = [
            ("http://127.0.0.1:8080", "http", "127.0.0.1", 8080, true),
            ("http://127.0.0.1:8080", "http", "127.0.0.1", 8081, false),
            ("http://127.0.0.1:8080", "https", "127.0.0.1", 8080, false),
            ("http://A.test", "http", "a.test", 80, true),
            ("https://a.test/", "https", "a.test", 443, true),
            ("http://*.test:*", "http", "a.b.test", 9, true),
            ("http://*.test:*", "http", "test", 9, false),
            ("http://*.test:*", "http", "nottest", 9, false),
            ("*://*:*", "https", "anything", 1, true),
            ("http://[::1]:80", "http", "::1", 80, true),
        ];
        for (pattern, scheme, host, port, expected) in cases {
            let parsed = TargetPattern::parse(pattern).expect(pattern);
            assert_eq!(parsed.matches(scheme, host, port), expected, "{pattern} {scheme} {host} {port}");
        }
    }

    #[test]
    fn half_patterns_are_refused_with_the_form() {
        for text in [
            "*",
            "a.test",
            "http://",
            "http://a.test/x",
            "http://*com:80",
            "http://a:b",
            "ftp://a",
            "http://u@h",
            "http://[::1",
            "http://a:99999",
        ] {
            let error = TargetPattern::parse(text).expect_err(text).to_string();
            assert!(error.contains("scheme://host:port"), "{error}");
        }
    }
}
