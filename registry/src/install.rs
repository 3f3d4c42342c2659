//! From a plugin's name to bytes that may run: lock file, store, registries, signatures, in this order.

mod checks;
mod pinned;

use std::path::PathBuf;

use semver::Version;

use self::checks::{check_manifest, check_order, nothing_fits, pinned_note};

use crate::capabilities::{beyond, capabilities};
use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::location::{Configured, Location, read_registries, registries_for};
use crate::lock_file::{LockFile, Locked};
use crate::oci_reference::OciReference;
use crate::package::PackageName;
use crate::reference::VersionRequirement;
use crate::registry::Registry;
use crate::release::{Release, World};
use crate::select::{Rejected, choose};
use crate::signature::KeyId;
use crate::store::{Store, Stored};
use crate::trust::Trust;

/// Where things lie and who is asked.
#[derive(Clone)]
pub struct Places {
    /// The lock file.
    pub lock_file: PathBuf,
    /// The store.
    pub store: Store,
    /// The trust file.
    pub trust_file: PathBuf,
    /// The list of registries.
    pub registries_file: PathBuf,
    /// Registries given for this command alone: they are asked instead of all others.
    pub given: Vec<Location>,
    /// Logins.
    pub credentials: Credentials,
}

/// What is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The lock file must suffice, and is not changed.
    pub locked: bool,
    /// No registry is asked, not even a directory.
    pub offline: bool,
    /// Plugins without a signature are accepted.
    pub allow_unsigned: bool,
}

/// What the host knows that this crate does not.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// Whether it runs plugins built for a version of the contract.
    pub runs: &'a dyn Fn(&str) -> bool,
    /// What a component imports and exports, or why it is none.
    pub world: &'a dyn Fn(&[u8]) -> Result<World, String>,
    /// Asks whether a plugin may have what it did not ask for before.
    pub accept: &'a dyn Fn(&PackageName, &Version, &[String]) -> bool,
}

/// A plugin that may run.
#[derive(Clone)]
pub struct Installed {
    /// Where it lies in the store.
    pub path: PathBuf,
    /// Its bytes, which have the digest of `locked`.
    pub bytes: Vec<u8>,
    /// How it is pinned.
    pub locked: Locked,
    /// What the user is told: a changed file that was fetched again, a new entry of the lock file.
    pub notes: Vec<String>,
}

/// What an update did to a plugin.
pub struct Updated {
    /// The version before.
    pub from: Version,
    /// The plugin as it is pinned now.
    pub installed: Installed,
    /// Newer versions that were passed over.
    pub rejected: Vec<Rejected>,
}

/// Finds, fetches and pins plugins.
pub struct Installer<'a> {
    places: Places,
    rules: Rules,
    host: Host<'a>,
    trust: Trust,
    configured: Vec<Configured>,
}

/// Where a version comes from.
struct Found {
    registry: Registry,
    release: Release,
    rejected: Vec<Rejected>,
}

impl<'a> Installer<'a> {
    /// Reads the trust file and the list of registries.
    ///
    /// # Errors
    /// When one of them is malformed.
    pub fn new(places: Places, rules: Rules, host: Host<'a>) -> Result<Self> {
        let trust = Trust::read(&places.trust_file)?;
        let configured = read_registries(&places.registries_file)?;
        Ok(Self { places, rules, host, trust, configured })
    }

    /// Whether any registry may have plugins of a namespace.
    pub fn has_registry_for(&self, namespace: &str) -> bool {
        !self.locations(namespace).is_empty()
    }

    /// The registries that are asked for a namespace, first to last.
    pub fn locations(&self, namespace: &str) -> Vec<Location> {
        if self.places.given.is_empty() {
            registries_for(&self.configured, namespace).into_iter().cloned().collect()
        } else {
            self.places.given.clone()
        }
    }

    /// Every registry there is.
    pub fn all_locations(&self) -> Vec<Location> {
        if self.places.given.is_empty() {
            self.configured.iter().map(|registry| registry.location.clone()).collect()
        } else {
            self.places.given.clone()
        }
    }

    /// Whose signatures count.
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        &self.places.store
    }

    /// Opens a registry.
    ///
    /// # Errors
    /// When that is forbidden, or TLS cannot be set up.
    pub fn open(&self, location: &Location) -> Result<Registry> {
        if self.rules.offline {
            return Err(Error::Usage(format!("--offline forbids to ask {location}")));
        }
        Registry::open(location, &self.places.credentials)
    }

    /// The lock file.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn lock_file(&self) -> Result<LockFile> {
        LockFile::read(&self.places.lock_file)
    }

    /// The plugin for a run: the pinned version if it meets the requirement, or else the newest one, which is then pinned.
    ///
    /// # Errors
    /// When there is none that may run.
    pub fn require(
        &self,
        package: &PackageName,
        requirement: Option<&VersionRequirement>,
    ) -> Result<Installed> {
        let fits =
            |locked: &Locked| requirement.is_none_or(|requirement| requirement.matches(&locked.version));
        if let Some(locked) = self.lock_file()?.get(package)
            && fits(locked)
        {
            return self.load(locked);
        }
        self.add(package, requirement)
    }

    /// The plugin of an OCI reference, as [`Self::require`].
    ///
    /// # Errors
    /// When it is not there, not what was meant, or may not run.
    pub fn require_oci(&self, reference: &OciReference) -> Result<Installed> {
        let (location, package, version) = reference.package().ok_or_else(|| {
            Error::Usage(format!(
                "`{reference}` does not say which plugin and version: write `oci://HOST/NAMESPACE/NAME:VERSION`, with \
                 `@sha256:HEX` after it to pin the manifest"
            ))
        })?;
        let location = Location::Oci(location);
        let lock = self.lock_file()?;
        let pinned =
            lock.get(&package).filter(|locked| locked.version == version && locked.source == location);
        let installed = match pinned {
            Some(locked) => self.load(locked)?,
            None => self.choose_and_pin(
                &package,
                &VersionRequirement::exactly(&version),
                &[location],
                reference.digest.as_deref(),
            )?,
        };
        check_manifest(&package, &version, installed.locked.manifest.as_ref(), reference.digest.as_deref())?;
        Ok(installed)
    }

    /// Chooses the newest version that meets a requirement and pins it.
    ///
    /// # Errors
    /// When there is none that may run, or the lock file must not change.
    pub fn add(&self, package: &PackageName, requirement: Option<&VersionRequirement>) -> Result<Installed> {
        let any = VersionRequirement::any();
        let requirement = requirement.unwrap_or(&any);
        self.choose_and_pin(package, requirement, &self.locations(package.namespace()), None)
    }

    /// Moves pinned plugins to the newest versions within their requirements: one by its name, or all.
    ///
    /// # Errors
    /// When one of them cannot be moved; those before it are.
    pub fn update(&self, package: Option<&PackageName>) -> Result<Vec<Updated>> {
        let pinned: Vec<Locked> = match package {
            None => self.lock_file()?.plugins().to_vec(),
            Some(package) => {
                let lock = self.lock_file()?;
                let locked = lock.get(package).cloned();
                let missing = || {
                    Error::Usage(format!(
                        "{package} is not in {}; add it first",
                        self.places.lock_file.display()
                    ))
                };
                vec![locked.ok_or_else(missing)?]
            }
        };
        let mut updated = Vec::new();
        for Locked { package, requirement, version, source, .. } in pinned {
            let locations =
                if self.places.given.is_empty() { vec![source] } else { self.places.given.clone() };
            let found = self.find(&package, &requirement, &locations)?;
            let rejected = found.rejected.clone();
            let installed = self.pin(&package, &requirement, found, None)?;
            updated.push(Updated { from: version, installed, rejected });
        }
        Ok(updated)
    }

    fn choose_and_pin(
        &self,
        package: &PackageName,
        requirement: &VersionRequirement,
        locations: &[Location],
        manifest: Option<&str>,
    ) -> Result<Installed> {
        let lock_file = self.places.lock_file.display();
        if self.rules.locked {
            let what = match self.lock_file()?.get(package) {
                Some(locked) => format!(
                    "{package} {} is pinned in {lock_file}, which is not `{requirement}`",
                    locked.version
                ),
                None => format!("{package} is not in {lock_file}"),
            };
            return Err(Error::Usage(format!(
                "{what}, and --locked forbids to change that; run `stresshost plugin add` first"
            )));
        }
        if self.rules.offline {
            return Err(Error::Usage(format!(
                "{package} is not pinned in {lock_file} as `{requirement}`, and --offline forbids to ask a registry; run \
                 `stresshost plugin add` first"
            )));
        }
        let found = self.find(package, requirement, locations)?;
        self.pin(package, requirement, found, manifest)
    }

    /// The version to use, of the first registry that has the plugin at all.
    fn find(
        &self,
        package: &PackageName,
        requirement: &VersionRequirement,
        locations: &[Location],
    ) -> Result<Found> {
        if locations.is_empty() {
            return Err(Error::Usage(format!(
                "no registry is known for {package}: list one in {}, or give it with --registry or STRESSHOST_REGISTRY",
                self.places.registries_file.display()
            )));
        }
        for location in locations {
            let registry = self.open(location)?;
            let versions = registry.versions(package)?;
            if versions.is_empty() {
                continue;
            }
            let choice =
                choose(versions, requirement, self.host.runs, |version| registry.release(package, version))?;
            return match choice.chosen {
                Some(release) => Ok(Found { registry, release, rejected: choice.rejected }),
                None => Err(nothing_fits(package, requirement, location, &choice.rejected)),
            };
        }
        let asked: Vec<String> = locations.iter().map(Location::to_string).collect();
        Err(Error::Usage(format!("no registry has {package}; asked {}", asked.join(", "))))
    }

    /// Fetches a version, checks it, and writes it into the lock file.
    fn pin(
        &self,
        package: &PackageName,
        requirement: &VersionRequirement,
        found: Found,
        manifest: Option<&str>,
    ) -> Result<Installed> {
        let Found { registry, release, .. } = found;
        check_manifest(package, &release.version, release.manifest.as_ref(), manifest)?;
        let _guard = self.places.store.lock()?;
        // Another process may have changed it meanwhile.
        let mut lock = self.lock_file()?;
        let before = lock.get(package);
        if let Some(before) = before {
            check_order(before, requirement, &release, registry.location())?;
        }
        let (bytes, signer) = self.take(package, &release, &registry)?;
        let world = (self.host.world)(&bytes)
            .map_err(|why| Error::Usage(format!("{package} {}: {why}", release.version)))?;
        let asked = capabilities(world.imports.iter().map(String::as_str));
        let added = before.map_or_else(Vec::new, |before| beyond(&asked, &before.capabilities));
        if !added.is_empty() && !(self.host.accept)(package, &release.version, &added) {
            return Err(Error::MoreCapabilities {
                package: package.clone(),
                version: release.version,
                added,
            });
        }
        let locked = Locked {
            package: package.clone(),
            requirement: requirement.clone(),
            version: release.version,
            digest: release.digest,
            manifest: release.manifest,
            source: registry.location().clone(),
            api: world.api().unwrap_or_default().to_owned(),
            capabilities: asked,
            signer,
        };
        let mut notes = Vec::new();
        if before != Some(&locked) {
            notes.push(pinned_note(&locked, &self.places.lock_file.display().to_string()));
        }
        lock.put(locked.clone());
        lock.write(&self.places.lock_file)?;
        self.places.store.remember(&self.places.lock_file)?;
        Ok(Installed { path: self.places.store.path(&locked.digest), bytes, locked, notes })
    }

    /// A release's bytes, from the store or the registry, and the key that signed them; both are in the store then.
    fn take(
        &self,
        package: &PackageName,
        release: &Release,
        registry: &Registry,
    ) -> Result<(Vec<u8>, Option<KeyId>)> {
        let store = &self.places.store;
        let (bytes, is_new) = match store.read(&release.digest)? {
            Stored::Good(bytes) => (bytes, false),
            Stored::Absent | Stored::Changed(_) => (registry.fetch(package, release, store)?, true),
        };
        let signer = self.signer(package, release, &bytes)?;
        if is_new {
            store.insert(&release.digest, &bytes)?;
        }
        Ok((bytes, signer))
    }

    /// Checks a release's signatures and keeps the one that counts.
    fn signer(&self, package: &PackageName, release: &Release, bytes: &[u8]) -> Result<Option<KeyId>> {
        let Release { version, digest, signatures, .. } = release;
        if signatures.is_empty() && self.rules.allow_unsigned {
            return Ok(None);
        }
        let signature = self.trust.verify(package, version, digest, Some(bytes), signatures)?;
        self.places.store.insert_signature(digest, package, version, signature)?;
        Ok(Some(signature.key_id().clone()))
    }
}
