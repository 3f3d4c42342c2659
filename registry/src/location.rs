//! Where plugins are published, and which registries answer for which namespace.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::document;
use crate::error::{Error, Result};
use crate::oci_reference::OciLocation;
use crate::package::is_name;

/// A registry's address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// A directory, in the layout of wkg's local back end: `NAMESPACE/NAME/VERSION.wasm`.
    Directory(PathBuf),
    /// An OCI registry.
    Oci(OciLocation),
}

impl Location {
    /// Reads `oci://HOST[:PORT][/PREFIX]` or a directory's path.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::Usage(format!(
                "`{}` is not a registry: {why}; write a directory or `oci://HOST[:PORT][/PREFIX]`",
                text.escape_debug()
            ))
        };
        if let Some(rest) = text.strip_prefix("oci://") {
            return OciLocation::parse(rest).map(Self::Oci).ok_or_else(|| wrong("the address is malformed"));
        }
        match text.split_once("://") {
            Some((scheme, _)) => {
                Err(wrong(&format!("`{}` is no protocol of registries", scheme.escape_debug())))
            }
            None if text.is_empty() => Err(wrong("it is empty")),
            None => Ok(Self::Directory(PathBuf::from(text))),
        }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Oci(location) => location.fmt(f),
        }
    }
}

/// A registry and the namespaces it answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    /// Its address.
    pub location: Location,
    /// The namespaces; empty for any that no other registry names.
    pub namespaces: Vec<String>,
}

/// The registries a namespace is looked up in, first to last. One that is given to some registries by name is looked up
/// there only: nobody else can slip a plugin of that namespace in.
pub fn registries_for<'a>(configured: &'a [Configured], namespace: &str) -> Vec<&'a Location> {
    let named = |registry: &&Configured| registry.namespaces.iter().any(|name| name == namespace);
    let own: Vec<&Location> = configured.iter().filter(named).map(|registry| &registry.location).collect();
    if !own.is_empty() {
        return own;
    }
    configured
        .iter()
        .filter(|registry| registry.namespaces.is_empty())
        .map(|registry| &registry.location)
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    registries: Vec<EntryForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryForm {
    location: String,
    #[serde(default)]
    namespaces: Vec<String>,
}

/// Reads the list of registries; none when there is no file.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn read_registries(path: &Path) -> Result<Vec<Configured>> {
    let Some(form) = document::read::<FileForm>(path)? else { return Ok(Vec::new()) };
    let wrong = |reason: String| Error::Document { path: path.to_owned(), reason };
    let read = |entry: EntryForm| {
        if let Some(name) = entry.namespaces.iter().find(|name| !is_name(name)) {
            return Err(wrong(format!("`{}` is not a namespace", name.escape_debug())));
        }
        let location = Location::parse(&entry.location).map_err(|error| wrong(error.to_string()))?;
        Ok(Configured { location, namespaces: entry.namespaces })
    };
    form.registries.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_parsed() {
        for text in ["oci://h:5000/p", "oci://h", "/srv/plugins", "plugins"] {
            assert_eq!(Location::parse(text).unwrap().to_string(), text);
        }
        for (text, why) in
            [("", "empty"), ("https://h", "`https`"), ("oci://h/P", "malformed"), ("oci://", "malformed")]
        {
            assert!(Location::parse(text).unwrap_err().to_string().contains(why), "{text}");
        }
    }

    #[test]
    fn a_namespace_given_to_a_registry_is_looked_up_there_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registries.yaml");
        let text = "registries:\n  - location: oci://any\n  - location: oci://own\n    namespaces: [stress]\n  - location: /srv\n";
        std::fs::write(&path, text).unwrap();
        let configured = read_registries(&path).unwrap();
        let for_ = |namespace| {
            registries_for(&configured, namespace).into_iter().map(Location::to_string).collect::<Vec<_>>()
        };
        assert_eq!(for_("stress"), ["oci://own"]);
        assert_eq!(for_("acme"), ["oci://any", "/srv"]);
        assert!(read_registries(&dir.path().join("absent")).unwrap().is_empty());
        for (text, why) in [
            ("registries: 5", "invalid type"),
            ("registries:\n  - {location: 'oci://'}", "malformed"),
            ("registries:\n  - {location: x, namespaces: [X]}", "`X` is not a namespace"),
            ("registries:\n  - {location: x, name: y}", "unknown field"),
            ("a: [", "registries.yaml:2:1"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read_registries(&path).unwrap_err();
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
    }
}
