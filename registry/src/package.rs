//! The name of a plugin in registries.

/// Namespace of a plugin that is named without one: the first-party plugins'.
pub const DEFAULT_NAMESPACE: &str = "stress";

/// Longest namespace or name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// `NAMESPACE:NAME`, such as `stress:apistress`. Keys are trusted for a namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName {
    namespace: String,
    name: String,
}

impl PackageName {
    /// The two parts as a name, if both are lower-case letters, digits and single hyphens and begin with a letter: joined
    /// to a directory or a URL they cannot leave it.
    pub fn new(namespace: &str, name: &str) -> Option<Self> {
        (is_name(namespace) && is_name(name))
            .then(|| Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// Reads `NAMESPACE:NAME`, or `NAME` for [`DEFAULT_NAMESPACE`].
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once(':').unwrap_or((DEFAULT_NAMESPACE, text));
        Self::new(namespace, name)
    }

    /// What keys and registries are chosen by.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name within the namespace.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Display for PackageName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.namespace, self.name)
    }
}

/// Whether `text` may be a plugin's name or a namespace.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_namespace() {
        let name = PackageName::parse("acme:load-test2").unwrap();
        assert_eq!(
            (name.namespace(), name.name(), name.to_string()),
            ("acme", "load-test2", "acme:load-test2".into())
        );
        assert_eq!(PackageName::parse("apistress").unwrap().to_string(), "stress:apistress");
        for wrong in [
            "",
            ":",
            "a:",
            ":a",
            "a:b:c",
            "A:b",
            "a:../b",
            "a:b/c",
            "a:b--c",
            "1a:b",
            "a:b.c",
            &"a".repeat(65),
        ] {
            assert_eq!(PackageName::parse(wrong), None, "{wrong}");
        }
    }
}
