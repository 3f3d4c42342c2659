//! What a person writes to name a plugin.

use std::path::PathBuf;

/// Longest reference, in bytes; OCI limits a name to 255 and a tag to 128.
const MAX_REFERENCE_BYTES: usize = 1024;

/// Longest plugin name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// A parsed plugin reference.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reference {
    /// A file: anything with a path separator or ending in `.wasm`.
    File(PathBuf),
    /// A plugin by its name, from the plugin directories.
    Name {
        /// Lower-case letters, digits and hyphens.
        name: String,
        /// What follows the `@`.
        version: Option<VersionRequirement>,
    },
    /// A plugin in an OCI registry.
    Oci(OciReference),
}

/// A requirement on a plugin's version: comparisons joined by commas, such as `^0.2` or `>=1.2, <2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRequirement(String);

impl VersionRequirement {
    /// The requirement as it was written, without surrounding spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        text.split(',').all(is_comparison).then(|| Self(text.to_owned()))
    }
}

impl std::fmt::Display for VersionRequirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// `[=|>|>=|<|<=|~|^] MAJOR[.MINOR[.PATCH[-PRE][+BUILD]]]`, or `*` for any part from the first one on.
fn is_comparison(text: &str) -> bool {
    let text = text.trim();
    let operator =
        ["<=", ">=", "=", "<", ">", "~", "^"].into_iter().find_map(|operator| text.strip_prefix(operator));
    let version = operator.unwrap_or(text).trim_start();
    let suffix_at = version.find(['-', '+']).unwrap_or(version.len());
    let (numbers, suffix) = version.split_at(suffix_at);
    let parts: Vec<&str> = numbers.split('.').collect();
    let wildcard_at = parts.iter().position(|part| matches!(*part, "*" | "x" | "X")).unwrap_or(parts.len());
    let is_number =
        |part: &&str| part.parse::<u64>().is_ok() && (*part == "0" || !part.starts_with(['0', '+']));
    let parts_fit = parts.len() <= 3
        && parts.iter().take(wildcard_at).all(is_number)
        && parts.iter().skip(wildcard_at).all(|part| matches!(*part, "*" | "x" | "X"));
    let suffix_fits = suffix.is_empty()
        || parts.len() == 3
            && wildcard_at == 3
            && suffix
                .split(['-', '+', '.'])
                .skip(1)
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    parts_fit && suffix_fits
}

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

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Name { name, version: None } => f.write_str(name),
            Self::Name { name, version: Some(version) } => write!(f, "{name}@{version}"),
            Self::Oci(reference) => reference.fmt(f),
        }
    }
}

/// A text that names no plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The text is empty.
    #[error(
        "the plugin reference is empty; write a file such as `./devstress.wasm` or a name such as `devstress`"
    )]
    Empty,
    /// The text is longer than any reference.
    #[error("the plugin reference has {bytes} bytes; at most {MAX_REFERENCE_BYTES} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not a plugin name.
    #[error(
        "`{}` is not a plugin name; use lower-case letters, digits and hyphens, or write a path such as `./x.wasm`",
        .0.escape_debug()
    )]
    Name(String),
    /// Not a version requirement.
    #[error("`{}` is not a version requirement; write one such as `1.2.3`, `^0.2` or `>=1.2, <2`", .0.escape_debug())]
    Version(String),
    /// Not an OCI reference.
    #[error(
        "`{}` is not an OCI reference: {reason}; write `oci://HOST/NAME:TAG` or `oci://HOST/NAME@sha256:HEX`",
        .text.escape_debug()
    )]
    Oci {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A scheme other than `oci` and `stress`.
    #[error("plugins are not fetched by `{}`; download the file and give its path", .0.escape_debug())]
    Scheme(String),
}

impl Reference {
    /// Parses what a person wrote. Paths are not looked at: `./x.wasm` is a file whether it exists or not.
    ///
    /// # Errors
    /// When it is no path, name or OCI reference.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.trim().is_empty() {
            return Err(ReferenceError::Empty);
        }
        if text.len() > MAX_REFERENCE_BYTES {
            return Err(ReferenceError::TooLong { bytes: text.len() });
        }
        if let Some(rest) = text.strip_prefix("oci://") {
            let parsed = OciReference::parse(rest);
            return parsed
                .map(Self::Oci)
                .map_err(|reason| ReferenceError::Oci { text: text.to_owned(), reason });
        }
        if let Some(named) = text.strip_prefix("stress:") {
            return parse_name(named);
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(ReferenceError::Scheme(scheme.to_owned()));
        }
        let is_path = text.contains(['/', std::path::MAIN_SEPARATOR]) || text.ends_with(".wasm");
        if is_path { Ok(Self::File(PathBuf::from(text))) } else { parse_name(text) }
    }
}

fn parse_name(text: &str) -> Result<Reference, ReferenceError> {
    let (name, version) = match text.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (text, None),
    };
    if !is_name(name) {
        return Err(ReferenceError::Name(name.to_owned()));
    }
    let version = match version {
        Some(text) => {
            Some(VersionRequirement::parse(text).ok_or_else(|| ReferenceError::Version(text.to_owned()))?)
        }
        None => None,
    };
    Ok(Reference::Name { name: name.to_owned(), version })
}

/// Lower-case letters, digits and single hyphens between them, beginning with a letter.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

impl OciReference {
    fn parse(text: &str) -> Result<Self, &'static str> {
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
    use proptest::prelude::*;

    use super::*;

    fn name(name: &str, version: Option<&str>) -> Reference {
        Reference::Name {
            name: name.to_owned(),
            version: version.map(|text| VersionRequirement(text.to_owned())),
        }
    }

    #[test]
    fn every_form_is_parsed() {
        let table = [
            ("./x.wasm", Reference::File("./x.wasm".into())),
            ("/abs/x.wasm", Reference::File("/abs/x.wasm".into())),
            ("x.wasm", Reference::File("x.wasm".into())),
            ("dir/x", Reference::File("dir/x".into())),
            ("../a b@1/x.wasm", Reference::File("../a b@1/x.wasm".into())),
            ("apistress", name("apistress", None)),
            ("api-stress2", name("api-stress2", None)),
            ("apistress@^0.2", name("apistress", Some("^0.2"))),
            ("apistress@>=1.2, <2", name("apistress", Some(">=1.2, <2"))),
            ("apistress@1.2.*", name("apistress", Some("1.2.*"))),
            ("apistress@=1.0.0-rc.1+b5", name("apistress", Some("=1.0.0-rc.1+b5"))),
            ("stress:apistress@1.2.3", name("apistress", Some("1.2.3"))),
            ("stress:apistress", name("apistress", None)),
        ];
        for (text, expected) in table {
            assert_eq!(Reference::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn oci_references_are_parsed() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let table = [
            ("oci://ghcr.io/load/apistress:1.2".to_owned(), "ghcr.io", "load/apistress", Some("1.2"), None),
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
            "oci://ghcr.io",
            "oci://ghcr.io/",
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
    fn anything_else_is_refused_with_advice() {
        let table = [
            ("", ReferenceError::Empty),
            (" ", ReferenceError::Empty),
            ("Apistress", ReferenceError::Name("Apistress".into())),
            ("-x", ReferenceError::Name("-x".into())),
            ("a--b", ReferenceError::Name("a--b".into())),
            ("1a", ReferenceError::Name("1a".into())),
            ("@1", ReferenceError::Name(String::new())),
            ("stress:./x", ReferenceError::Name("./x".into())),
            ("a@", ReferenceError::Version(String::new())),
            ("a@latest", ReferenceError::Version("latest".into())),
            ("a@1.2.3.4", ReferenceError::Version("1.2.3.4".into())),
            ("a@01", ReferenceError::Version("01".into())),
            ("a@1.*.2", ReferenceError::Version("1.*.2".into())),
            ("a@1.2-rc", ReferenceError::Version("1.2-rc".into())),
            ("a@^", ReferenceError::Version("^".into())),
            ("a@1,,2", ReferenceError::Version("1,,2".into())),
            ("https://h/x.wasm", ReferenceError::Scheme("https".into())),
        ];
        for (text, expected) in table {
            assert_eq!(Reference::parse(text), Err(expected), "{text}");
        }
        let long = "a".repeat(2000);
        assert_eq!(Reference::parse(&long), Err(ReferenceError::TooLong { bytes: 2000 }));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_display_parses_back(text in "(oci://|stress:)?[a-z0-9./:@^<>=, -]{0,40}|\\PC*") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
            }
        }
    }
}
