//! A plugin in an OCI registry, and a registry's address.

use semver::Version;

use crate::package::PackageName;

/// A plugin in an OCI registry: `oci://HOST[:PORT]/NAME[:TAG][@sha256:HEX]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciReference {
    /// Host and optional port of the registry.
    pub registry: String,
    /// Name in the registry, such as `load/apistress`.
    pub repository: String,
    /// Tag, when one is given.
    pub tag: Option<String>,
    /// Digest, when one is given, as `sha256:` and 64 lower-case hexadecimal digits.
    pub digest: Option<String>,
}

impl std::fmt::Display for OciReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "oci://{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl OciReference {
    /// Reads what follows `oci://`.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (text, digest) = match text.split_once('@') {
            Some((text, digest)) => (text, Some(digest)),
            None => (text, None),
        };
        let (registry, path) = text.split_once('/').ok_or("it has no name after the host")?;
        // A colon after the last slash begins a tag; the one of the port is before the first.
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        if !is_host(registry) {
            return Err("the host is malformed");
        }
        if !repository.split('/').all(is_repository_part) {
            return Err("the name must be lower-case letters, digits and `.`, `_`, `-` between them");
        }
        if !tag.is_none_or(is_tag) {
            return Err("the tag is malformed");
        }
        if !digest.is_none_or(is_digest) {
            return Err("the digest must be `sha256:` and 64 lower-case hexadecimal digits");
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// Registry, name and version that it means: the last two parts of its name are namespace and name, what stands
    /// before them belongs to the registry's address, and the tag is the version. `None` without these.
    pub fn package(&self) -> Option<(OciLocation, PackageName, Version)> {
        let (rest, name) = self.repository.rsplit_once('/')?;
        let (prefix, namespace) = rest.rsplit_once('/').unwrap_or(("", rest));
        let location = OciLocation { host: self.registry.clone(), prefix: prefix.to_owned() };
        let version = Version::parse(self.tag.as_deref()?).ok()?;
        Some((location, PackageName::new(namespace, name)?, version))
    }
}

/// Address of a registry: `oci://HOST[:PORT][/PREFIX]`. Its plugins are `PREFIX/NAMESPACE/NAME`, as wkg names them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OciLocation {
    /// Host and optional port.
    pub host: String,
    /// What stands before the namespace, without slashes at its ends; may be empty.
    pub prefix: String,
}

impl OciLocation {
    /// Reads what follows `oci://`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, prefix) = text.split_once('/').unwrap_or((text, ""));
        let prefix = prefix.trim_end_matches('/');
        let fits = is_host(host) && (prefix.is_empty() || prefix.split('/').all(is_repository_part));
        fits.then(|| Self { host: host.to_owned(), prefix: prefix.to_owned() })
    }

    /// Name of a plugin's repository.
    pub fn repository(&self, package: &PackageName) -> String {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        format!("{}{slash}{}/{}", self.prefix, package.namespace(), package.name())
    }

    /// Whether it is this machine, by its address or as `localhost`: the only ones spoken to without TLS.
    pub fn is_loopback(&self) -> bool {
        is_loopback(
            self.host
                .rsplit_once(':')
                .filter(|(_, port)| !port.contains(']'))
                .map_or(&self.host, |(host, _)| host),
        )
    }
}

impl std::fmt::Display for OciLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "oci://{}", self.host)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

/// Whether a host, without its port, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_host(text: &str) -> bool {
    // An IPv6 address stands in brackets.
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
        Some(_) => return false,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let host_fits = host.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    let port_fits = match port.strip_prefix(':') {
        Some(port) => {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        }
        None => port.is_empty(),
    };
    host_fits && port_fits
}

fn is_repository_part(part: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    part.bytes().next().is_some_and(is_inner)
        && part.bytes().last().is_some_and(is_inner)
        && part.bytes().all(|byte| is_inner(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_tag(tag: &str) -> bool {
    tag.len() <= 128
        && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_digest(digest: &str) -> bool {
    let hex = digest.strip_prefix("sha256:").unwrap_or("");
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reference, ReferenceError};

    #[test]
    fn oci_references_are_parsed() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let table = [
            (
                "oci://registry.example/load/apistress:1.2".to_owned(),
                "registry.example",
                "load/apistress",
                Some("1.2"),
                None,
            ),
            ("oci://localhost:5000/x".to_owned(), "localhost:5000", "x", None, None),
            (format!("oci://[::1]:5000/x@{digest}"), "[::1]:5000", "x", None, Some(digest.clone())),
            (format!("oci://h/x:latest@{digest}"), "h", "x", Some("latest"), Some(digest.clone())),
        ];
        for (text, registry, repository, tag, digest) in table {
            let expected = OciReference {
                registry: registry.to_owned(),
                repository: repository.to_owned(),
                tag: tag.map(str::to_owned),
                digest,
            };
            assert_eq!(Reference::parse(&text), Ok(Reference::Oci(expected)), "{text}");
        }
        for text in [
            "oci://",
            "oci://registry.example",
            "oci://registry.example/",
            "oci:///x",
            "oci://h:0/x",
            "oci://h:99999/x",
            "oci://h:/x",
            "oci://[::g]/x",
            "oci://-h/x",
            "oci://h/X",
            "oci://h/a//b",
            "oci://h/x:",
            "oci://h/x:.t",
            "oci://h/x@sha256:12",
            "oci://h/x@md5:12",
            "oci://u:p@h/x",
        ] {
            assert!(matches!(Reference::parse(text), Err(ReferenceError::Oci { .. })), "{text}");
        }
    }

    #[test]
    fn a_reference_names_registry_package_and_version() {
        let read = |text| OciReference::parse(text).unwrap().package();
        let (location, package, version) = read("h:5000/a/b/acme/load:1.2.3").unwrap();
        assert_eq!(location, OciLocation { host: "h:5000".into(), prefix: "a/b".into() });
        assert_eq!((package.to_string(), version), ("acme:load".into(), Version::new(1, 2, 3)));
        let (location, ..) = read("h/acme/load:1.2.3").unwrap();
        assert_eq!(
            (location.to_string(), location.repository(&package)),
            ("oci://h".into(), "acme/load".into())
        );
        for text in ["h/load:1.2.3", "h/acme/load:latest", "h/acme/load", "h/acme/lo.ad:1.0.0"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_of_registries_are_parsed() {
        for (text, host, prefix, loopback) in [
            ("registry.example/load/plugins", "registry.example", "load/plugins", false),
            ("localhost:5000", "localhost:5000", "", true),
            ("127.0.0.9/x/", "127.0.0.9", "x", true),
            ("[::1]:5000/x", "[::1]:5000", "x", true),
            ("[::1]", "[::1]", "", true),
            ("127.0.0.1.example", "127.0.0.1.example", "", false),
            ("localhost.example:80", "localhost.example:80", "", false),
        ] {
            let location = OciLocation::parse(text).unwrap();
            assert_eq!(
                (&*location.host, &*location.prefix, location.is_loopback()),
                (host, prefix, loopback),
                "{text}"
            );
        }
        for wrong in ["", "/x", "h//x", "h/X", "u@h", "h:0"] {
            assert_eq!(OciLocation::parse(wrong), None, "{wrong}");
        }
    }
}
