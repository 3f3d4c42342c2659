//! A plugin that is pinned already: from the store, or once more from where it was from.

use super::checks::{check_same, shown};
use super::{Installed, Installer};
use crate::error::{Error, ErrorKind, Result};
use crate::lock_file::Locked;
use crate::store::Stored;

impl Installer<'_> {
    /// A pinned plugin, from the store if it is there, whole and signed; else from where it was from.
    pub(super) fn load(&self, locked: &Locked) -> Result<Installed> {
        let store = &self.places.store;
        let installed = |bytes, notes| Installed {
            path: store.path(&locked.digest),
            bytes,
            locked: locked.clone(),
            notes,
        };
        let (problem, note) = match store.read(&locked.digest)? {
            Stored::Good(bytes) => match self.check_signature(locked) {
                Ok(()) => return Ok(installed(bytes, Vec::new())),
                Err(error) => (error, "its signature in the store was missing or changed"),
            },
            Stored::Absent => (self.absent(locked), ""),
            Stored::Changed(found) => {
                let problem = Error::Digest {
                    what: format!(
                        "{} {} in the store ({})",
                        locked.package,
                        locked.version,
                        store.path(&locked.digest).display()
                    ),
                    expected: locked.digest.clone(),
                    found,
                    advice: "the file was changed or damaged; run once without --offline to fetch it again",
                };
                (problem, "its file in the store was changed or damaged")
            }
        };
        if self.rules.offline {
            return Err(problem);
        }
        let bytes = match self.fetch_again(locked) {
            // That nobody can heal it is no better news than what is wrong.
            Err(error)
                if error.kind() == ErrorKind::Unreachable && problem.kind() == ErrorKind::NotVerified =>
            {
                return Err(problem);
            }
            fetched => fetched?,
        };
        let note = (!note.is_empty())
            .then(|| format!("{} {}: {note}; it was fetched again", locked.package, locked.version));
        Ok(installed(bytes, note.into_iter().collect()))
    }

    /// The error of a plugin that is pinned and not in the store.
    fn absent(&self, locked: &Locked) -> Error {
        match self.places.store.other_digest(&locked.digest, &locked.package, &locked.version) {
            Some(found) => Error::Digest {
                what: format!(
                    "{} {} as {} pins it",
                    locked.package,
                    locked.version,
                    self.places.lock_file.display()
                ),
                expected: locked.digest.clone(),
                found,
                advice: "the lock file was changed, or it is another registry's plugin; restore the lock file",
            },
            None => Error::Offline { package: locked.package.clone(), version: locked.version.clone() },
        }
    }

    /// Checks the signature in the store by today's trust: a key may have been revoked since.
    fn check_signature(&self, locked: &Locked) -> Result<()> {
        let Locked { package, version, digest, signer: Some(signer), .. } = locked else { return Ok(()) };
        let kept = self.places.store.signature(digest, package, version)?;
        let signature = self.trust.verify(package, version, digest, None, kept.as_slice())?;
        if signature.key_id() == signer {
            return Ok(());
        }
        Err(Error::NotTrusted {
            package: package.clone(),
            version: version.clone(),
            reason: format!("it is signed by key {}, the lock file says {signer}", signature.key_id()),
        })
    }

    /// Fetches exactly what is pinned.
    fn fetch_again(&self, locked: &Locked) -> Result<Vec<u8>> {
        let Locked { package, version, .. } = locked;
        let location = self.places.given.first().unwrap_or(&locked.source);
        let registry = self.open(location)?;
        let _guard = self.places.store.lock()?;
        let release = registry.release(package, version)?;
        check_same(locked, &release.digest, location)?;
        let (bytes, signer) = self.take(package, &release, &registry)?;
        // One that was accepted unsigned is pinned by its digest, whoever has signed it meanwhile.
        if locked.signer.is_some() && signer != locked.signer {
            let (found, expected) = (shown(signer.as_ref()), shown(locked.signer.as_ref()));
            let reason = format!("it is signed by {found}, the lock file says {expected}");
            return Err(Error::NotTrusted { package: package.clone(), version: version.clone(), reason });
        }
        self.places.store.remember(&self.places.lock_file)?;
        Ok(bytes)
    }
}
