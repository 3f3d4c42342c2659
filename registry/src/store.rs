//! The store of plugins on this machine: each file under the digest of its bytes, checked whenever it is read.
//!
//! ```text
//! store/sha256/HEX.wasm                               a component
//! store/signatures/HEX/NAMESPACE.NAME.VERSION.minisig a signature over it
//! store/partial/HEX                                   one that is being fetched
//! store/users/HEX                                     path of a lock file that pins plugins here
//! store/lock                                          held by whoever changes the store or a lock file
//! ```

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use semver::Version;

use crate::digest::Digest;
use crate::document::{read_text, replace};
use crate::error::{Error, Result};
use crate::limits::{MAX_DOCUMENT_BYTES, MAX_PLUGIN_BYTES, MAX_SIGNATURE_BYTES};
use crate::lock_file::LockFile;
use crate::package::PackageName;
use crate::signature::Signature;

/// The store.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// What the store has under a digest.
#[derive(Debug, PartialEq, Eq)]
pub enum Stored {
    /// The bytes, which have the digest.
    Good(Vec<u8>),
    /// Nothing.
    Absent,
    /// Bytes of another digest: somebody or something changed the file.
    Changed(Digest),
}

/// Held while the store or a lock file is changed; one process at a time.
pub struct StoreGuard {
    _file: File,
}

/// What a clean-up removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Plugins removed.
    pub plugins: usize,
    /// Their bytes, and those of unfinished ones.
    pub bytes: u64,
}

impl Store {
    /// The store in a directory, which is made when something is put in.
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where the component of a digest lies.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.root.join("sha256").join(format!("{}.wasm", digest.hex()))
    }

    fn signature_path(&self, digest: &Digest, package: &PackageName, version: &Version) -> PathBuf {
        let name = format!("{}.{}.{version}.minisig", package.namespace(), package.name());
        self.root.join("signatures").join(digest.hex()).join(name)
    }

    /// Waits until no other process changes the store.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn lock(&self) -> Result<StoreGuard> {
        let path = self.root.join("lock");
        fs::create_dir_all(&self.root).map_err(Error::disk("create", &self.root))?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(Error::disk("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                tracing::warn!("waiting for another stresshost that installs a plugin");
                file.lock().map_err(Error::disk("lock", &path))?;
            }
            Err(fs::TryLockError::Error(source)) => return Err(Error::Disk { what: "lock", path, source }),
        }
        Ok(StoreGuard { _file: file })
    }

    /// Reads a component and checks its bytes.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn read(&self, digest: &Digest) -> Result<Stored> {
        let path = self.path(digest);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Stored::Absent),
            Err(source) => return Err(Error::Disk { what: "read", path, source }),
        };
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(MAX_PLUGIN_BYTES)).unwrap_or(0) + 1);
        file.take(MAX_PLUGIN_BYTES + 1).read_to_end(&mut bytes).map_err(Error::disk("read", &path))?;
        let found = Digest::of(&bytes);
        Ok(if found == *digest { Stored::Good(bytes) } else { Stored::Changed(found) })
    }

    /// Puts a component in, in the place of a changed one.
    ///
    /// # Errors
    /// When the disk refuses; nothing is left behind then.
    pub fn insert(&self, digest: &Digest, bytes: &[u8]) -> Result<()> {
        replace(&self.path(digest), bytes)
    }

    /// The signature kept for a component under a name and version. What cannot be read as one is none.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn signature(
        &self,
        digest: &Digest,
        package: &PackageName,
        version: &Version,
    ) -> Result<Option<Signature>> {
        let path = self.signature_path(digest, package, version);
        let text = match read_text(&path, MAX_SIGNATURE_BYTES) {
            Err(Error::Document { .. }) => None,
            read => read?,
        };
        Ok(text.as_deref().and_then(Signature::parse))
    }

    /// Keeps a signature that was verified.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn insert_signature(
        &self,
        digest: &Digest,
        package: &PackageName,
        version: &Version,
        signature: &Signature,
    ) -> Result<()> {
        replace(&self.signature_path(digest, package, version), signature.text().as_bytes())
    }

    /// Another digest that is kept under this name and version with a signature.
    pub fn other_digest(&self, digest: &Digest, package: &PackageName, version: &Version) -> Option<Digest> {
        let entries = fs::read_dir(self.root.join("signatures")).ok()?;
        let digests = entries.filter_map(|entry| Digest::parse(entry.ok()?.file_name().to_str()?));
        digests
            .filter(|other| other != digest)
            .find(|other| self.signature_path(other, package, version).is_file())
    }

    /// A component that is fetched piece by piece, with what an earlier attempt has left.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn partial(&self, digest: &Digest) -> Result<Partial> {
        let path = self.root.join("partial").join(digest.hex());
        fs::create_dir_all(self.root.join("partial")).map_err(Error::disk("create", &path))?;
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let mut file = file.map_err(Error::disk("open", &path))?;
        let len = file.seek(SeekFrom::End(0)).map_err(Error::disk("read", &path))?;
        Ok(Partial { path, file, len })
    }

    /// Remembers that a lock file pins plugins of this store.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remember(&self, lock_path: &Path) -> Result<()> {
        let absolute = std::path::absolute(lock_path).map_err(Error::disk("find", lock_path))?;
        let Some(text) = absolute.to_str() else { return Ok(()) };
        let path = self.root.join("users").join(Digest::of(text.as_bytes()).hex());
        if path.exists() { Ok(()) } else { replace(&path, text.as_bytes()) }
    }

    /// Digests of the components in the store.
    pub fn digests(&self) -> Vec<Digest> {
        let entries = fs::read_dir(self.root.join("sha256")).into_iter().flatten();
        let digest = |entry: fs::DirEntry| Digest::parse(entry.file_name().to_str()?.strip_suffix(".wasm")?);
        let mut digests: Vec<Digest> = entries.filter_map(|entry| digest(entry.ok()?)).collect();
        digests.sort();
        digests
    }

    /// Removes what no lock file pins any more, of those that pinned something here and are still there; with `all`,
    /// everything. Unfinished fetches and left-over temporary files go, too.
    ///
    /// # Errors
    /// When the disk refuses, or a lock file cannot be read: then nobody knows what it pins.
    pub fn prune(&self, _guard: &StoreGuard, all: bool) -> Result<Pruned> {
        let mut pinned = HashSet::new();
        for user in files(&self.root.join("users")) {
            let lock_path = read_text(&user, MAX_DOCUMENT_BYTES)?.map(PathBuf::from).unwrap_or_default();
            if !lock_path.is_file() {
                remove(&user)?;
            } else if !all {
                let lock = LockFile::read(&lock_path)?;
                pinned.extend(lock.plugins().iter().map(|locked| locked.digest.hex().to_owned()));
            }
        }
        let mut pruned = Pruned::default();
        for dir in ["sha256", "partial"] {
            for path in files(&self.root.join(dir)) {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let component = name.strip_suffix(".wasm");
                if component.is_some_and(|hex| pinned.contains(hex)) {
                    continue;
                }
                pruned.plugins += usize::from(component.is_some());
                pruned.bytes += path.metadata().map_or(0, |metadata| metadata.len());
                remove(&path)?;
            }
        }
        for path in files(&self.root.join("signatures")) {
            let is_pinned =
                path.file_name().and_then(|name| name.to_str()).is_some_and(|hex| pinned.contains(hex));
            if !is_pinned {
                fs::remove_dir_all(&path).map_err(Error::disk("remove", &path))?;
            }
        }
        Ok(pruned)
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_file(path).map_err(Error::disk("remove", path))
}

/// A component on its way into the store.
pub(crate) struct Partial {
    path: PathBuf,
    file: File,
    len: u64,
}

impl Partial {
    /// Bytes that are there.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// Adds bytes at the end.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if let Err(source) = self.file.write_all(bytes) {
            // A disk that is full needs the space more than the next attempt needs the beginning.
            drop(fs::remove_file(&self.path));
            return Err(Error::Disk { what: "write", path: self.path.clone(), source });
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Begins again with nothing.
    pub(crate) fn restart(&mut self) -> Result<()> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(Error::disk("write", &self.path))?;
        self.len = 0;
        Ok(())
    }

    /// Reads everything back; the digest of the bytes.
    pub(crate) fn read(&mut self) -> Result<(Vec<u8>, Digest)> {
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.read_to_end(&mut bytes));
        read.map_err(Error::disk("read", &self.path))?;
        let digest = Digest::of(&bytes);
        Ok((bytes, digest))
    }

    /// Throws it away: it is in the store, or it is worth nothing.
    pub(crate) fn discard(self) -> Result<()> {
        remove(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;
    use crate::lock_file::Locked;
    use crate::reference::VersionRequirement;
    use crate::signature::{SigningKey, Statement, generate_keys};

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("store"));
        (dir, store)
    }

    #[test]
    fn every_read_checks_the_bytes() {
        let (_dir, store) = store();
        let digest = Digest::of(b"plugin");
        assert_eq!(store.read(&digest).unwrap(), Stored::Absent);
        store.insert(&digest, b"plugin").unwrap();
        assert_eq!(store.read(&digest).unwrap(), Stored::Good(b"plugin".to_vec()));
        assert_eq!(store.digests(), std::slice::from_ref(&digest));
        for at in 0..b"plugin".len() {
            let mut changed = b"plugin".to_vec();
            changed[at] ^= 1;
            fs::write(store.path(&digest), &changed).unwrap();
            assert_eq!(store.read(&digest).unwrap(), Stored::Changed(Digest::of(&changed)));
        }
        store.insert(&digest, b"plugin").unwrap();
        assert_eq!(store.read(&digest).unwrap(), Stored::Good(b"plugin".to_vec()));
    }

    #[test]
    fn signatures_are_kept_by_name_and_version() {
        let (_dir, store) = store();
        let (package, version, digest) =
            (PackageName::parse("a:b").unwrap(), Version::new(1, 0, 0), Digest::of(b"x"));
        assert!(store.signature(&digest, &package, &version).unwrap().is_none());
        let (secret, _) = generate_keys(None).unwrap();
        let statement =
            Statement { package: package.clone(), version: version.clone(), digest: digest.clone() };
        let text = SigningKey::parse(&secret, None).unwrap().sign(b"x", &statement).unwrap();
        store.insert_signature(&digest, &package, &version, &Signature::parse(&text).unwrap()).unwrap();
        assert_eq!(store.signature(&digest, &package, &version).unwrap().unwrap().text(), text);
        assert!(store.signature(&digest, &package, &Version::new(1, 0, 1)).unwrap().is_none());
        assert_eq!(store.other_digest(&Digest::of(b"y"), &package, &version), Some(digest.clone()));
        assert_eq!(store.other_digest(&digest, &package, &version), None);
        fs::write(store.signature_path(&digest, &package, &version), [0xff; 100]).unwrap();
        assert!(store.signature(&digest, &package, &version).unwrap().is_none());
    }

    #[test]
    fn a_partial_goes_on_where_it_was_left() {
        let (_dir, store) = store();
        let digest = Digest::of(b"plugin");
        store.partial(&digest).unwrap().append(b"plu").unwrap();
        let mut partial = store.partial(&digest).unwrap();
        assert_eq!(partial.len(), 3);
        partial.append(b"gin").unwrap();
        assert_eq!(partial.read().unwrap(), (b"plugin".to_vec(), digest.clone()));
        partial.restart().unwrap();
        assert_eq!((partial.len(), partial.read().unwrap().0), (0, Vec::new()));
        partial.discard().unwrap();
        assert_eq!(store.partial(&digest).unwrap().len(), 0);
    }

    #[test]
    fn pruning_keeps_what_lock_files_pin() {
        let (dir, store) = store();
        let (kept, gone) = (Digest::of(b"kept"), Digest::of(b"gone"));
        store.insert(&kept, b"kept").unwrap();
        store.insert(&gone, b"gone").unwrap();
        store.partial(&gone).unwrap().append(b"go").unwrap();
        let lock_path = dir.path().join("stresshost.lock");
        let mut lock = LockFile::default();
        lock.put(Locked {
            package: PackageName::parse("a:b").unwrap(),
            requirement: VersionRequirement::any(),
            version: Version::new(1, 0, 0),
            digest: kept.clone(),
            manifest: None,
            source: Location::parse("/srv").unwrap(),
            api: "0.1.0".into(),
            capabilities: Vec::new(),
            signer: None,
        });
        lock.write(&lock_path).unwrap();
        store.remember(&lock_path).unwrap();
        store.remember(&lock_path).unwrap();
        let guard = store.lock().unwrap();
        assert_eq!(store.prune(&guard, false).unwrap(), Pruned { plugins: 1, bytes: 6 });
        assert_eq!(store.digests(), std::slice::from_ref(&kept));
        fs::write(&lock_path, "not a lock file: [").unwrap();
        store.prune(&guard, false).unwrap_err();
        assert_eq!(store.digests(), [kept]);
        fs::remove_file(&lock_path).unwrap();
        assert_eq!(store.prune(&guard, false).unwrap().plugins, 1);
        assert_eq!(store.prune(&guard, false).unwrap(), Pruned::default());
    }
}
