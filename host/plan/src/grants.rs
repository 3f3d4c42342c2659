//! Which targets a plugin may reach.
//!
//! A pattern is `scheme://host:port`; any part may be `*`, and a host may begin with `*.` to mean every name below a
//! domain. A missing port means the scheme's own. Parsed once; matching allocates nothing.

use std::net::{IpAddr, Ipv4Addr};

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

/// How exactly a pattern names a host; the most exact comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breadth {
    /// The host itself.
    Named,
    /// Any name below a domain.
    Domain,
    /// Any host.
    Any,
}

/// Whether an address may be connected to for a host that a pattern covers.
///
/// Who owns a name decides where it leads. A host that the user named may lead anywhere but to link-local addresses,
/// where clouds keep their metadata services. A name below a domain was chosen by the plugin, so it must not lead into
/// the user's own network. `*` is for tests on the machine itself: any other host must be named.
pub fn may_lead_to(breadth: Breadth, host: &str, address: IpAddr) -> bool {
    let address = address.to_canonical();
    if host.parse() == Ok(address) {
        return breadth != Breadth::Any || address.is_loopback();
    }
    let is_localhost = host == "localhost" || host.ends_with(".localhost");
    match breadth {
        Breadth::Named => !is_link_local(address),
        Breadth::Domain => is_public(address) || (is_localhost && address.is_loopback()),
        Breadth::Any => address.is_loopback(),
    }
}

/// The IPv4 address that an address of NAT64 (RFC 6052) or 6to4 (RFC 3056) leads to, else the address itself.
fn carried(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => address,
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match carried(address) {
        IpAddr::V4(v4) => v4.is_link_local(),
        // fd00:ec2::254 is where one cloud keeps its metadata service (RFC 4193 addresses are not link-local as such).
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local() || matches!(v6.segments(), [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254])
        }
    }
}

/// Whether an address is nobody's own network: not of the special-purpose registries of IANA (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match carried(address) {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmark = a == 198 && (18..20).contains(&b);
            let protocol = (a, b, c) == (192, 0, 0);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || a == 0
                || a >= 240
                || shared
                || benchmark
                || protocol)
        }
        IpAddr::V6(v6) => {
            // Global unicast is 2000::/3; of it 2001::/23 and 2001:db8::/32 are special.
            let [first, second, ..] = v6.segments();
            first & 0xe000 == 0x2000 && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
        }
    }
}

/// A pattern could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a target: {reason}; write `scheme://host:port`, such as `https://api.example:443` or `http://*.test:*`",
    text.escape_debug()
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
        let scheme = scheme.to_ascii_lowercase();
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(error("it has more than a host and a port"));
        }
        let (host, port) = split_port(rest).ok_or_else(|| error("the port is not a number"))?;
        let port = match port {
            Some("*") => None,
            Some(number) => Some(number.parse().map_err(|_| error("the port is not a number"))?),
            None => match scheme.as_str() {
                "http" => Some(80),
                "https" => Some(443),
                "http+unix" => Some(0),
                "postgresql" => Some(5432),
                "mysql" => Some(3306),
                "redis" | "rediss" => Some(6379),
                "mongodb" => Some(27017),
                _ => return Err(error("the port is missing")),
            },
        };
        let host = host.to_ascii_lowercase();
        let host = match host.strip_prefix('*') {
            Some("") => HostPattern::Any,
            // Every name may end with a dot, so that a dot alone would be no domain but any host.
            Some(".") => return Err(error("`*.` stands for the names below a domain")),
            Some(domain) if domain.starts_with('.') => HostPattern::Below(domain.to_owned()),
            Some(_) => return Err(error("`*` stands for a whole name or before a dot")),
            None if host.is_empty() || host.contains('*') => return Err(error("the host is missing")),
            None => HostPattern::Exact(host),
        };
        let scheme = (scheme != "*").then_some(scheme);
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

    /// How much of the host was left to whoever uses the grant.
    pub const fn breadth(&self) -> Breadth {
        match self.host {
            HostPattern::Exact(_) => Breadth::Named,
            HostPattern::Below(_) => Breadth::Domain,
            HostPattern::Any => Breadth::Any,
        }
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
            ("HTTP://A.test", "http", "a.test", 80, true),
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
    fn addresses_follow_from_how_the_host_was_named() {
        let cases = [
            // host, address, named, below a domain, by `*`
            ("api.test", "93.184.216.34", [true, true, false]),
            ("api.test", "10.0.0.1", [true, false, false]),
            ("api.test", "172.16.9.9", [true, false, false]),
            ("api.test", "192.168.1.1", [true, false, false]),
            ("api.test", "100.64.0.1", [true, false, false]),
            ("api.test", "127.0.0.1", [true, false, true]),
            ("api.test", "0.0.0.0", [true, false, false]),
            ("api.test", "::1", [true, false, true]),
            ("api.test", "fd12::1", [true, false, false]),
            ("api.test", "2606:4700::1111", [true, true, false]),
            ("api.test", "::ffff:10.0.0.1", [true, false, false]),
            ("api.test", "64:ff9b::10.0.0.1", [true, false, false]),
            ("api.test", "64:ff9b::8.8.8.8", [true, true, false]),
            ("api.test", "2002:a00:1::", [true, false, false]),
            ("api.test", "169.254.169.254", [false, false, false]),
            ("api.test", "::ffff:169.254.169.254", [false, false, false]),
            ("api.test", "64:ff9b::169.254.169.254", [false, false, false]),
            ("api.test", "fe80::1", [false, false, false]),
            ("api.test", "fd00:ec2::254", [false, false, false]),
            ("a.localhost", "127.0.0.1", [true, true, true]),
            ("a.localhost", "10.0.0.1", [true, false, false]),
            ("169.254.169.254", "169.254.169.254", [true, true, false]),
            ("127.0.0.1", "127.0.0.1", [true, true, true]),
            ("10.0.0.1", "10.0.0.1", [true, true, false]),
        ];
        for (host, address, expected) in cases {
            let to = |breadth| may_lead_to(breadth, host, address.parse().expect(address));
            let found = [Breadth::Named, Breadth::Domain, Breadth::Any].map(to);
            assert_eq!(found, expected, "{host} at {address}");
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
            "http://*.:80",
            "http://a:b",
            "ftp://a",
            "http://u@h",
            "http://[::1",
            "http://a:99999",
        ] {
            let error = TargetPattern::parse(text).expect_err(text).to_string();
            assert!(error.contains("scheme://host:port"), "{error}");
        }
        let error = TargetPattern::parse("a\u{1b}[2J\n").unwrap_err().to_string();
        assert!(error.starts_with("`a\\u{1b}[2J\\n` is not a target"), "{error}");
    }
}
