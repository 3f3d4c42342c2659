//! A registry of either kind: what it offers, and how a plugin is taken from it or put in.

use semver::Version;

use crate::credentials::Credentials;
use crate::digest::Digest;
use crate::directory::DirectoryRegistry;
use crate::error::{Error, Result};
use crate::limits::{MAX_EXTRA_BYTES, MAX_PLUGIN_BYTES, MAX_VERSION_BYTES};
use crate::location::Location;
use crate::oci::OciRegistry;
use crate::package::PackageName;
use crate::release::{Publication, Release};
use crate::store::Store;

/// A registry that is open.
pub struct Registry {
    location: Location,
    backend: Backend,
}

enum Backend {
    Directory(DirectoryRegistry),
    Oci(Box<OciRegistry>),
}

/// What publishing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The version is new.
    New,
    /// The same bytes were there already; the signature and the documents were written again.
    Again,
}

impl Registry {
    /// Opens a registry; nothing is asked of it yet.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn open(location: &Location, credentials: &Credentials) -> Result<Self> {
        let backend = match location {
            Location::Directory(root) => Backend::Directory(DirectoryRegistry::new(root.clone())),
            Location::Oci(location) => {
                Backend::Oci(Box::new(OciRegistry::new(location.clone(), credentials.clone())?))
            }
        };
        Ok(Self { location: location.clone(), backend })
    }

    /// Its address.
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// Every version of a plugin, yanked ones too; none of one it does not have.
    ///
    /// # Errors
    /// When it cannot be reached or answers nonsense.
    pub fn versions(&self, package: &PackageName) -> Result<Vec<Version>> {
        let mut versions = match &self.backend {
            Backend::Directory(directory) => directory.versions(package)?,
            Backend::Oci(oci) => oci.versions(package)?,
        };
        // A longer one could not be kept: it becomes a part of a file's name.
        versions.retain(|version| version.to_string().len() <= MAX_VERSION_BYTES);
        Ok(versions)
    }

    /// What it offers under a version.
    ///
    /// # Errors
    /// When it has no such version, cannot be reached or answers nonsense.
    pub fn release(&self, package: &PackageName, version: &Version) -> Result<Release> {
        match &self.backend {
            Backend::Directory(directory) => directory.release(package, version),
            Backend::Oci(oci) => oci.release(package, version),
        }
    }

    /// Fetches a release's component. What is returned has the release's digest.
    ///
    /// # Errors
    /// When it cannot be had whole, or has another digest.
    pub fn fetch(&self, package: &PackageName, release: &Release, store: &Store) -> Result<Vec<u8>> {
        match &self.backend {
            Backend::Directory(directory) => {
                let file = directory.read(package, &release.version)?;
                if file.digest == release.digest {
                    Ok(file.bytes)
                } else {
                    Err(other_bytes(package, release, file.digest))
                }
            }
            Backend::Oci(oci) => oci.fetch(package, release, store),
        }
    }

    /// Publishes a version. A version that is there is never replaced by other bytes.
    ///
    /// # Errors
    /// When the version is taken, or the registry refuses.
    pub fn publish(&self, package: &PackageName, publication: &Publication) -> Result<Published> {
        check(publication)?;
        if let Backend::Directory(directory) = &self.backend {
            directory.create()?;
        }
        let digest = Digest::of(&publication.bytes);
        let taken = self.versions(package)?.contains(&publication.version);
        if taken {
            let there = self.release(package, &publication.version)?.digest;
            if there != digest {
                return Err(Error::Usage(format!(
                    "{} has {package} {} already, with other bytes ({there}); a published version never changes: publish \
                     a new one",
                    self.location, publication.version
                )));
            }
        }
        match &self.backend {
            Backend::Directory(directory) => directory.publish(package, publication)?,
            Backend::Oci(oci) => oci.publish(package, publication)?,
        }
        Ok(if taken { Published::Again } else { Published::New })
    }

    /// Marks a version as not to be chosen any more. Lock files that pin it go on.
    ///
    /// # Errors
    /// When there is no such version, or the registry refuses.
    pub fn yank(&self, package: &PackageName, version: &Version, reason: &str) -> Result<()> {
        match &self.backend {
            Backend::Directory(directory) => directory.yank(package, version, reason),
            Backend::Oci(oci) => oci.yank(package, version, reason),
        }
    }

    /// Every plugin it has.
    ///
    /// # Errors
    /// When it does not tell: many OCI registries have no catalogue.
    pub fn packages(&self) -> Result<Vec<PackageName>> {
        match &self.backend {
            Backend::Directory(directory) => directory.packages(),
            Backend::Oci(oci) => oci.packages(),
        }
    }
}

fn check(publication: &Publication) -> Result<()> {
    let Publication { version, bytes, .. } = publication;
    if !version.build.is_empty() {
        // An OCI tag cannot hold a `+`, and versions that differ in it only are equal to semver.
        return Err(Error::Usage(format!(
            "{version}: a version with build metadata cannot be published; leave `+{}` out",
            version.build
        )));
    }
    if version.to_string().len() > MAX_VERSION_BYTES {
        return Err(Error::Usage(format!("{version}: a version has at most {MAX_VERSION_BYTES} characters")));
    }
    if bytes.len() as u64 > MAX_PLUGIN_BYTES {
        return Err(Error::Usage(format!(
            "the plugin is larger than {} MiB, the largest that is loaded",
            MAX_PLUGIN_BYTES >> 20
        )));
    }
    match publication
        .documents
        .iter()
        .chain(&publication.sbom)
        .find(|extra| extra.bytes.len() as u64 > MAX_EXTRA_BYTES)
    {
        Some(extra) => {
            Err(Error::Usage(format!("{} is larger than {} MiB", extra.name, MAX_EXTRA_BYTES >> 20)))
        }
        None => Ok(()),
    }
}

/// The error of a component that is not what its manifest says.
pub(crate) fn other_bytes(package: &PackageName, release: &Release, found: Digest) -> Error {
    Error::Digest {
        what: format!("{package} {} as the registry sends it", release.version),
        expected: release.digest.clone(),
        found,
        advice: "it was damaged or replaced; try again, and tell the registry's owner if it stays so",
    }
}
