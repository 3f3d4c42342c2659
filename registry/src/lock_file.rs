//! `stresshost.lock`: which plugins a directory runs, pinned by digest.

use std::fmt::Write;
use std::path::Path;

use semver::Version;
use serde::Deserialize;

use crate::digest::Digest;
use crate::document::{self, quoted};
use crate::error::{Error, Result};
use crate::limits::MAX_DOCUMENT_BYTES;
use crate::location::Location;
use crate::package::PackageName;
use crate::reference::VersionRequirement;
use crate::signature::KeyId;

/// Name of the file.
pub const LOCK_FILE: &str = "stresshost.lock";

/// Version of the format.
const FORMAT: u64 = 1;

/// A plugin as it is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// The plugin.
    pub package: PackageName,
    /// What was asked for: an update stays within it.
    pub requirement: VersionRequirement,
    /// The version that was chosen.
    pub version: Version,
    /// Digest of its bytes.
    pub digest: Digest,
    /// Digest of its manifest in an OCI registry.
    pub manifest: Option<Digest>,
    /// The registry it is from.
    pub source: Location,
    /// Version of the contract it was built for.
    pub api: String,
    /// What it was granted: see [`crate::capabilities`].
    pub capabilities: Vec<String>,
    /// The key that signed it. `None` for one that was accepted unsigned.
    pub signer: Option<KeyId>,
}

/// The lock file's content: each plugin once, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockFile {
    plugins: Vec<Locked>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    version: u64,
    plugins: Vec<PluginForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginForm {
    name: String,
    requirement: String,
    version: String,
    sha256: String,
    manifest: Option<String>,
    source: String,
    api: String,
    capabilities: Vec<String>,
    signer: Option<String>,
    #[serde(default)]
    unsigned: bool,
}

impl LockFile {
    /// Reads a lock file; empty when there is none.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self> {
        match document::read_text(path, MAX_DOCUMENT_BYTES)? {
            Some(text) => Self::parse(path, &text),
            None => Ok(Self::default()),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        let form: FileForm = document::parse(path, text)?;
        let wrong = |reason: String| Error::Document { path: path.to_owned(), reason };
        if form.version != FORMAT {
            return Err(wrong(format!(
                "its format is {}, this stresshost reads {FORMAT}: upgrade it",
                form.version
            )));
        }
        let mut lock = Self::default();
        for plugin in form.plugins {
            let name = plugin.name.clone();
            let locked = locked(plugin).ok_or_else(|| {
                wrong(format!("the entry of `{}` is malformed; add the plugin again", name.escape_debug()))
            })?;
            if lock.get(&locked.package).is_some() {
                return Err(wrong(format!("`{}` stands in it twice; remove one", name.escape_debug())));
            }
            lock.put(locked);
        }
        Ok(lock)
    }

    /// Writes the lock file, if that changes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = self.render();
        let same =
            document::read_text(path, MAX_DOCUMENT_BYTES).ok().flatten().is_some_and(|old| old == text);
        if same { Ok(()) } else { document::replace(path, text.as_bytes()) }
    }

    /// The pinned plugins, by name.
    pub fn plugins(&self) -> &[Locked] {
        &self.plugins
    }

    /// A pinned plugin.
    pub fn get(&self, package: &PackageName) -> Option<&Locked> {
        self.plugins.iter().find(|locked| locked.package == *package)
    }

    /// Pins a plugin, in the place of what was pinned under its name.
    pub fn put(&mut self, locked: Locked) {
        self.remove(&locked.package);
        let place = self.plugins.partition_point(|other| other.package < locked.package);
        self.plugins.insert(place, locked);
    }

    /// Takes a plugin out. False when it was not in.
    pub fn remove(&mut self, package: &PackageName) -> bool {
        let before = self.plugins.len();
        self.plugins.retain(|locked| locked.package != *package);
        self.plugins.len() < before
    }

    /// One line a fact, so that a change of it is a line in a diff.
    fn render(&self) -> String {
        let mut text = String::from(
            "# The plugins this directory runs. `stresshost plugin add` and `update` write it; keep it under version control.\n",
        );
        text.push_str(&format!("version: {FORMAT}\n"));
        text.push_str(if self.plugins.is_empty() { "plugins: []\n" } else { "plugins:\n" });
        for locked in &self.plugins {
            push_entry(&mut text, locked);
        }
        text
    }
}

fn push_entry(text: &mut String, locked: &Locked) {
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _infallible = writeln!(text, "{name}: {value}");
    };
    line("  - name", &quoted(&locked.package.to_string()));
    line("    requirement", &quoted(locked.requirement.as_str()));
    line("    version", &quoted(&locked.version.to_string()));
    line("    sha256", &quoted(locked.digest.hex()));
    if let Some(manifest) = &locked.manifest {
        line("    manifest", &quoted(&manifest.to_string()));
    }
    line("    source", &quoted(&locked.source.to_string()));
    line("    api", &quoted(&locked.api));
    let capabilities: Vec<String> = locked.capabilities.iter().map(|capability| quoted(capability)).collect();
    line("    capabilities", &format!("[{}]", capabilities.join(", ")));
    match &locked.signer {
        Some(signer) => line("    signer", &quoted(&signer.to_string())),
        None => line("    unsigned", "true"),
    }
}

fn locked(form: PluginForm) -> Option<Locked> {
    // A signer's line that was lost must not make a signed plugin an unsigned one.
    if form.signer.is_some() == form.unsigned {
        return None;
    }
    let signer = match form.signer {
        Some(signer) => Some(KeyId::parse(&signer)?),
        None => None,
    };
    let manifest = match form.manifest {
        Some(manifest) => Some(Digest::parse(&manifest)?),
        None => None,
    };
    let locked = Locked {
        package: PackageName::parse(&form.name).filter(|package| package.to_string() == form.name)?,
        requirement: VersionRequirement::parse(&form.requirement)?,
        version: Version::parse(&form.version).ok()?,
        digest: Digest::parse(&form.sha256)?,
        manifest,
        source: Location::parse(&form.source).ok()?,
        api: form.api,
        capabilities: form.capabilities,
        signer,
    };
    Some(locked)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(name: &str, signer: Option<&str>) -> Locked {
        Locked {
            package: PackageName::parse(name).unwrap(),
            requirement: VersionRequirement::parse("^0.1").unwrap(),
            version: Version::new(0, 1, 2),
            digest: Digest::of(name.as_bytes()),
            manifest: signer.map(|_| Digest::of(b"manifest")),
            source: Location::parse("oci://h:5000/p").unwrap(),
            api: "0.1.0".into(),
            capabilities: vec!["artifacts".into(), "http".into()],
            signer: signer.and_then(KeyId::parse),
        }
    }

    #[test]
    fn it_is_read_as_it_is_written_and_sorted_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOCK_FILE);
        let mut lock = LockFile::read(&path).unwrap();
        lock.put(entry("stress:apistress", Some("E7620F1842B4E81F")));
        lock.put(entry("acme:load", None));
        lock.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = format!(
            r#"# The plugins this directory runs. `stresshost plugin add` and `update` write it; keep it under version control.
version: 1
plugins:
  - name: "acme:load"
    requirement: "^0.1"
    version: "0.1.2"
    sha256: "{}"
    source: "oci://h:5000/p"
    api: "0.1.0"
    capabilities: ["artifacts", "http"]
    unsigned: true
  - name: "stress:apistress"
    requirement: "^0.1"
    version: "0.1.2"
    sha256: "{}"
    manifest: "{}"
    source: "oci://h:5000/p"
    api: "0.1.0"
    capabilities: ["artifacts", "http"]
    signer: "E7620F1842B4E81F"
"#,
            Digest::of(b"acme:load").hex(),
            Digest::of(b"stress:apistress").hex(),
            Digest::of(b"manifest"),
        );
        assert_eq!(text, expected);
        assert_eq!(LockFile::read(&path).unwrap(), lock);
        assert!(lock.remove(&PackageName::parse("acme:load").unwrap()));
        assert!(!lock.remove(&PackageName::parse("acme:load").unwrap()));
        assert_eq!(lock.plugins().len(), 1);
    }

    proptest! {
        #[test]
        fn no_change_of_a_line_panics(line in 0_usize..12, text in "\\PC{0,40}") {
            let mut lock = LockFile::default();
            lock.put(entry("acme:load", Some("E7620F1842B4E81F")));
            let good = lock.render();
            let mut lines: Vec<&str> = good.lines().collect();
            if let Some(place) = lines.get_mut(line) {
                *place = &text;
            }
            let _parsed = LockFile::parse(Path::new(LOCK_FILE), &lines.join("\n"));
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let mut lock = LockFile::default();
        lock.put(entry("acme:load", Some("E7620F1842B4E81F")));
        let good = lock.render();
        let path = Path::new(LOCK_FILE);
        assert_eq!(LockFile::parse(path, &good).unwrap(), lock);
        let entry = &good[good.find("  - name").unwrap()..];
        for (text, why) in [
            (good.replace("version: 1\n", "version: 2\n"), "its format is 2"),
            (good.replace("    signer: \"E7620F1842B4E81F\"\n", ""), "malformed"),
            (format!("{good}    unsigned: true\n"), "malformed"),
            (good.replace("acme:load", "load"), "malformed"),
            (good.replace("0.1.2", "one"), "malformed"),
            (good.replace("    api", "    appi"), "unknown field `appi`"),
            (format!("{good}{entry}"), "twice"),
            ("version: [".into(), "stresshost.lock:2:1"),
        ] {
            let error = LockFile::parse(path, &text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
