//! A registry that is a directory, in the layout of wkg's local back end.
//!
//! ```text
//! NAMESPACE/NAME/VERSION.wasm           the component
//! NAMESPACE/NAME/VERSION.wasm.minisig   its signature
//! NAMESPACE/NAME/VERSION.json           its config, as an OCI registry holds it
//! NAMESPACE/NAME/VERSION.txt            one line on what it is for
//! NAMESPACE/NAME/VERSION.yanked         present: not to be chosen any more; its text says why
//! NAMESPACE/NAME/VERSION/               README, licences, WIT, bill of materials
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use semver::Version;

use crate::digest::Digest;
use crate::document::{read_text, replace};
use crate::error::{Error, Result};
use crate::limits::{MAX_CONFIG_BYTES, MAX_PACKAGES, MAX_SIGNATURE_BYTES, MAX_VERSIONS};
use crate::package::PackageName;
use crate::read::{self, ReadError};
use crate::release::{Publication, Release, WasmConfig};
use crate::signature::Signature;

/// A directory of plugins.
#[derive(Clone, Debug)]
pub(crate) struct DirectoryRegistry {
    root: PathBuf,
}

impl DirectoryRegistry {
    pub(crate) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Makes the directory of a registry that begins.
    pub(crate) fn create(&self) -> Result<()> {
        fs::create_dir_all(&self.root).map_err(Error::disk("create", &self.root))
    }

    fn dir(&self, package: &PackageName) -> PathBuf {
        self.root.join(package.namespace()).join(package.name())
    }

    fn file(&self, package: &PackageName, version: &Version, extension: &str) -> PathBuf {
        self.dir(package).join(format!("{version}.{extension}"))
    }

    /// Every version there is; none of a plugin that is not there.
    pub(crate) fn versions(&self, package: &PackageName) -> Result<Vec<Version>> {
        // A root that is missing is a mistake in the configuration, not a registry without plugins.
        if !self.root.is_dir() {
            return Err(self.broken("there is no such directory; check the path"));
        }
        let version = |path: PathBuf| Version::parse(path.file_name()?.to_str()?.strip_suffix(".wasm")?).ok();
        Ok(self.entries(&self.dir(package))?.into_iter().filter_map(version).take(MAX_VERSIONS).collect())
    }

    /// What is offered under a version.
    pub(crate) fn release(&self, package: &PackageName, version: &Version) -> Result<Release> {
        let file = self.read(package, version)?;
        let config = read_text(&self.file(package, version, "json"), MAX_CONFIG_BYTES)?;
        let config = config.as_deref().and_then(|text| serde_json::from_str::<WasmConfig>(text).ok());
        let signature = read_text(&self.file(package, version, "wasm.minisig"), MAX_SIGNATURE_BYTES)?;
        let yanked = read_text(&self.file(package, version, "yanked"), MAX_SIGNATURE_BYTES)?;
        let description = read_text(&self.file(package, version, "txt"), MAX_SIGNATURE_BYTES)?;
        Ok(Release {
            version: version.clone(),
            digest: file.digest,
            size: file.bytes.len() as u64,
            world: config.and_then(|config| config.component),
            yanked: yanked.map(|reason| reason.trim().to_owned()),
            signatures: signature.as_deref().and_then(Signature::parse).into_iter().collect(),
            manifest: None,
            description: description.map(|text| text.trim().to_owned()),
        })
    }

    /// A component's bytes.
    pub(crate) fn read(&self, package: &PackageName, version: &Version) -> Result<read::PluginFile> {
        match read::read(&self.file(package, version, "wasm")) {
            Err(ReadError::Missing(_)) => Err(self.broken(&format!("it has no {package} {version}"))),
            read => Ok(read?),
        }
    }

    /// Puts a version in. What it is called by comes last, so that nobody finds half of it.
    pub(crate) fn publish(&self, package: &PackageName, publication: &Publication) -> Result<()> {
        let version = &publication.version;
        let config = WasmConfig::new(&Digest::of(&publication.bytes), publication.world.clone());
        let config = serde_json::to_vec_pretty(&config).map_err(|error| Error::Usage(error.to_string()))?;
        let extras = self.dir(package).join(version.to_string());
        for extra in publication.documents.iter().chain(&publication.sbom) {
            replace(&extras.join(&extra.name), &extra.bytes)?;
        }
        if let Some(description) = &publication.description {
            replace(&self.file(package, version, "txt"), format!("{description}\n").as_bytes())?;
        }
        replace(&self.file(package, version, "json"), &config)?;
        if let Some(signature) = &publication.signature {
            replace(&self.file(package, version, "wasm.minisig"), signature.text().as_bytes())?;
        }
        replace(&self.file(package, version, "wasm"), &publication.bytes)
    }

    /// Marks a version as not to be chosen any more.
    pub(crate) fn yank(&self, package: &PackageName, version: &Version, reason: &str) -> Result<()> {
        self.read(package, version)?;
        replace(&self.file(package, version, "yanked"), format!("{reason}\n").as_bytes())
    }

    /// Every plugin there is.
    pub(crate) fn packages(&self) -> Result<Vec<PackageName>> {
        let mut packages = Vec::new();
        for namespace in self.entries(&self.root)? {
            for dir in self.entries(&namespace)? {
                let name = |path: &Path| path.file_name()?.to_str().map(str::to_owned);
                let (Some(namespace), Some(name)) = (name(&namespace), name(&dir)) else { continue };
                packages.extend(PackageName::new(&namespace, &name));
            }
        }
        packages.sort();
        Ok(packages)
    }

    fn entries(&self, dir: &Path) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            Err(source) => return Err(Error::Disk { what: "read", path: dir.to_owned(), source }),
        };
        Ok(entries.take(MAX_PACKAGES).filter_map(|entry| Some(entry.ok()?.path())).collect())
    }

    fn broken(&self, reason: &str) -> Error {
        Error::Registry { registry: self.root.display().to_string(), reason: reason.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Extra, World};

    #[test]
    fn what_is_published_is_offered() {
        let dir = tempfile::tempdir().unwrap();
        let registry = DirectoryRegistry::new(dir.path().to_owned());
        let package = PackageName::parse("acme:load").unwrap();
        assert!(registry.versions(&package).unwrap().is_empty());
        let readme =
            Extra { name: "wit/x.wit".into(), media_type: "text/plain".into(), bytes: b"hello".to_vec() };
        let publication = Publication {
            version: Version::new(1, 0, 0),
            bytes: b"component".to_vec(),
            world: World { exports: vec!["stresshost:workload/guest@0.1.0".into()], imports: Vec::new() },
            signature: None,
            description: Some("Loads".into()),
            licenses: None,
            documents: vec![readme],
            sbom: None,
        };
        registry.publish(&package, &publication).unwrap();
        fs::write(registry.dir(&package).join("notes.wasm"), "not a version").unwrap();
        assert_eq!(registry.versions(&package).unwrap(), [Version::new(1, 0, 0)]);
        let release = registry.release(&package, &publication.version).unwrap();
        assert_eq!((release.digest, release.size), (Digest::of(b"component"), 9));
        assert_eq!(release.world.unwrap().api(), Some("0.1.0"));
        assert_eq!((release.yanked, release.description.as_deref()), (None, Some("Loads")));
        registry.yank(&package, &publication.version, "broken").unwrap();
        assert_eq!(
            registry.release(&package, &publication.version).unwrap().yanked.as_deref(),
            Some("broken")
        );
        assert_eq!(registry.packages().unwrap(), std::slice::from_ref(&package));
        assert_eq!(fs::read(dir.path().join("acme/load/1.0.0/wit/x.wit")).unwrap(), b"hello");
        assert!(
            registry
                .yank(&package, &Version::new(2, 0, 0), "")
                .unwrap_err()
                .to_string()
                .contains("it has no acme:load 2.0.0")
        );
    }

    #[test]
    fn a_directory_that_is_not_there_is_no_empty_registry() {
        let registry = DirectoryRegistry::new(PathBuf::from("/nowhere/at/all"));
        let error = registry.versions(&PackageName::parse("a:b").unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "registry /nowhere/at/all: there is no such directory; check the path");
    }
}
