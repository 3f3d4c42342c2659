//! What a person writes to name a plugin.

use std::path::PathBuf;

use semver::{Version, VersionReq};

use crate::oci_reference::OciReference;
use crate::package::{PackageName, is_name};

/// Longest reference, in bytes; OCI limits a name to 255 and a tag to 128.
const MAX_REFERENCE_BYTES: usize = 1024;

/// A parsed plugin reference.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reference {
    /// A file: anything with a path separator or ending in `.wasm`.
    File(PathBuf),
    /// A bare name: from the plugin directories, or else a package of the default namespace.
    Name(PackageName),
    /// A plugin of a registry, with what follows the `@`.
    Package(PackageName, Option<VersionRequirement>),
    /// A plugin in an OCI registry.
    Oci(OciReference),
}

/// A requirement on a plugin's version: comparisons joined by commas, such as `^0.2` or `>=1.2, <2`, as cargo reads
/// them. A version alone means `^`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRequirement {
    text: String,
    parsed: VersionReq,
}

impl VersionRequirement {
    /// Reads a requirement.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let parsed = VersionReq::parse(text).ok()?;
        Some(Self { text: text.to_owned(), parsed })
    }

    /// This version and no other.
    pub fn exactly(version: &Version) -> Self {
        let comparator = semver::Comparator {
            op: semver::Op::Exact,
            major: version.major,
            minor: Some(version.minor),
            patch: Some(version.patch),
            pre: version.pre.clone(),
        };
        Self { text: format!("={version}"), parsed: VersionReq { comparators: vec![comparator] } }
    }

    /// Any release.
    pub fn any() -> Self {
        Self { text: "*".to_owned(), parsed: VersionReq::STAR }
    }

    /// Whether a version meets it. A pre-release only does where the requirement names one of the same version.
    pub fn matches(&self, version: &Version) -> bool {
        self.parsed.matches(version)
    }

    /// The requirement as it was written, without surrounding spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Display for VersionRequirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Name(package) => f.write_str(package.name()),
            Self::Package(package, None) => package.fmt(f),
            Self::Package(package, Some(requirement)) => write!(f, "{package}@{requirement}"),
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
        "`{}` is not a plugin name; use lower-case letters, digits and hyphens, `namespace:name` for a plugin of others, \
         or write a path such as `./x.wasm`",
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
    /// A scheme other than `oci`.
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
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(ReferenceError::Scheme(scheme.to_owned()));
        }
        let is_path = text.contains(['/', std::path::MAIN_SEPARATOR]) || text.ends_with(".wasm");
        if is_path { Ok(Self::File(PathBuf::from(text))) } else { parse_name(text) }
    }
}

fn parse_name(text: &str) -> Result<Reference, ReferenceError> {
    let (name, requirement) = match text.split_once('@') {
        Some((name, requirement)) => (name, Some(requirement)),
        None => (text, None),
    };
    let package = PackageName::parse(name).ok_or_else(|| ReferenceError::Name(name.to_owned()))?;
    let Some(requirement) = requirement else {
        return Ok(if is_name(name) { Reference::Name(package) } else { Reference::Package(package, None) });
    };
    let parsed = VersionRequirement::parse(requirement);
    let parsed = parsed.ok_or_else(|| ReferenceError::Version(requirement.to_owned()))?;
    Ok(Reference::Package(package, Some(parsed)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(name: &str) -> Reference {
        Reference::Name(PackageName::parse(name).unwrap())
    }

    fn package(name: &str, requirement: Option<&str>) -> Reference {
        let requirement = requirement.map(|text| VersionRequirement::parse(text).unwrap());
        Reference::Package(PackageName::parse(name).unwrap(), requirement)
    }

    #[test]
    fn every_form_is_parsed() {
        let table = [
            ("./x.wasm", Reference::File("./x.wasm".into())),
            ("/abs/x.wasm", Reference::File("/abs/x.wasm".into())),
            ("x.wasm", Reference::File("x.wasm".into())),
            ("dir/x", Reference::File("dir/x".into())),
            ("../a b@1/x.wasm", Reference::File("../a b@1/x.wasm".into())),
            ("apistress", name("apistress")),
            ("api-stress2", name("api-stress2")),
            ("apistress@^0.2", package("apistress", Some("^0.2"))),
            ("apistress@>=1.2, <2", package("apistress", Some(">=1.2, <2"))),
            ("apistress@1.2.*", package("apistress", Some("1.2.*"))),
            ("apistress@=1.0.0-rc.1+b5", package("apistress", Some("=1.0.0-rc.1+b5"))),
            ("stress:apistress@1.2.3", package("apistress", Some("1.2.3"))),
            ("stress:apistress", package("stress:apistress", None)),
            ("acme:load@1.2.3", package("acme:load", Some("1.2.3"))),
        ];
        for (text, expected) in table {
            assert_eq!(Reference::parse(text), Ok(expected), "{text}");
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
            ("acme:X", ReferenceError::Name("acme:X".into())),
            ("a:b:c", ReferenceError::Name("a:b:c".into())),
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

    #[test]
    fn requirements_are_those_of_semver() {
        let matches = |requirement: &str, version: &str| {
            VersionRequirement::parse(requirement).unwrap().matches(&Version::parse(version).unwrap())
        };
        for (requirement, version, expected) in [
            ("0.2", "0.2.9", true),
            ("^0.2", "0.3.0", false),
            ("=1.2.3", "1.2.4", false),
            ("*", "7.0.0", true),
            ("*", "7.0.0-rc.1", false),
            (">=7.0.0-rc.1", "7.0.0-rc.2", true),
        ] {
            assert_eq!(matches(requirement, version), expected, "{requirement} {version}");
        }
        let version = Version::parse("1.0.0-rc.1").unwrap();
        let exactly = VersionRequirement::exactly(&version);
        assert_eq!(exactly, VersionRequirement::parse("=1.0.0-rc.1").unwrap());
        assert!(exactly.matches(&version) && VersionRequirement::any().matches(&Version::new(0, 0, 1)));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_display_parses_back(text in "(oci://|stress:|acme:)?[a-z0-9./:@^<>=, -]{0,40}|\\PC*") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
            }
        }
    }
}
