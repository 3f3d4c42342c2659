//! A user's home with a key, and plugins to publish.

use std::path::{Path, PathBuf};
use std::process::Command;

use semver::Version;
use stresshost_registry::{
    Credentials, Digest, Location, PackageName, Publication, Registry, Signature, SigningKey, Statement,
    World, generate_keys,
};
use stresshost_tests::{Finished, Project, guest};

/// A project of its own with a home that is empty but for a trusted key.
pub(crate) struct Home {
    pub(crate) project: Project,
    pub(crate) key: Key,
}

/// A pair of keys.
pub(crate) struct Key {
    pub(crate) signing: SigningKey,
    /// As `plugin trust add` takes it.
    pub(crate) public: String,
}

impl Key {
    pub(crate) fn new() -> Self {
        let (secret, public) = generate_keys(None).unwrap();
        let signing = SigningKey::parse(&secret, None).unwrap();
        Self { signing, public: public.lines().last().unwrap().to_owned() }
    }

    pub(crate) fn sign(&self, package: &str, version: &str, bytes: &[u8]) -> Signature {
        let statement = Statement {
            package: PackageName::parse(package).unwrap(),
            version: Version::parse(version).unwrap(),
            digest: Digest::of(bytes),
        };
        Signature::parse(&self.signing.sign(bytes, &statement).unwrap()).unwrap()
    }

    /// The key's id, as messages show it.
    pub(crate) fn id(&self) -> String {
        stresshost_registry::PublicKey::parse(&self.public).unwrap().id().to_string()
    }
}

impl Home {
    /// A home whose key is trusted for `stress`.
    pub(crate) fn new() -> Self {
        let home = Self { project: Project::default(), key: Key::new() };
        home.run(&["plugin", "trust", "add", "stress", &home.key.public]).expect_exit(0);
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.project.path()
    }

    /// `stresshost` with this home and nothing else of the environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.project.stresshost();
        command.args(args);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        self.project.run(args)
    }

    /// Asks for a plan, which loads the plugin and runs nothing.
    pub(crate) fn plan(&self, reference: &str, flags: &[&str]) -> Finished {
        self.run(&[&["plan", "--plugin", reference], flags].concat())
    }

    /// A registry that is a directory in the project.
    pub(crate) fn directory(&self) -> Location {
        Location::Directory(self.path().join("registry"))
    }

    /// Publishes bytes as `stress:ok`, signed by this home's key.
    pub(crate) fn publish(&self, location: &Location, version: &str, bytes: &[u8]) {
        self.publish_signed(location, version, bytes, Some(self.key.sign("stress:ok", version, bytes)));
    }

    /// Publishes bytes as `stress:ok` with any signature, or none.
    pub(crate) fn publish_signed(
        &self,
        location: &Location,
        version: &str,
        bytes: &[u8],
        signature: Option<Signature>,
    ) {
        let registry = Registry::open(location, &Credentials::default()).unwrap();
        registry.publish(&package(), &publication(version, bytes, signature)).unwrap();
    }

    /// The file of the lock.
    pub(crate) fn lock_path(&self) -> PathBuf {
        self.path().join("stresshost.lock")
    }

    pub(crate) fn lock_text(&self) -> String {
        std::fs::read_to_string(self.lock_path()).unwrap()
    }

    /// The version of `stress:ok` that is pinned.
    pub(crate) fn pinned(&self) -> String {
        let lock = stresshost_registry::LockFile::read(&self.lock_path()).unwrap();
        lock.get(&package()).unwrap().version.to_string()
    }

    fn store(&self) -> PathBuf {
        self.path().join(".local/share/stresshost/store")
    }

    /// Where the store keeps bytes.
    pub(crate) fn stored(&self, bytes: &[u8]) -> PathBuf {
        self.store().join("sha256").join(format!("{}.wasm", Digest::of(bytes).hex()))
    }

    /// Where the store keeps the signature over bytes of `stress:ok`.
    pub(crate) fn stored_signature(&self, version: &str, bytes: &[u8]) -> PathBuf {
        self.store()
            .join("signatures")
            .join(Digest::of(bytes).hex())
            .join(format!("stress.ok.{version}.minisig"))
    }

    /// Forgets everything that was fetched.
    pub(crate) fn empty_store(&self) {
        std::fs::remove_dir_all(self.store()).unwrap();
    }
}

/// `stress:ok`
pub(crate) fn package() -> PackageName {
    PackageName::parse("stress:ok").unwrap()
}

/// What is published of bytes that are a plugin of this host.
pub(crate) fn publication(version: &str, bytes: &[u8], signature: Option<Signature>) -> Publication {
    Publication {
        version: Version::parse(version).unwrap(),
        bytes: bytes.to_vec(),
        world: World { exports: vec!["stresshost:workload/guest@0.1.0".to_owned()], imports: Vec::new() },
        signature,
        description: Some("A guest of the tests".to_owned()),
        licenses: None,
        documents: Vec::new(),
        sbom: None,
    }
}

/// The guest `ok`, made different by a note that nobody reads. It asks for artifacts.
pub(crate) fn component(note: &str) -> Vec<u8> {
    noted("ok", note)
}

/// A guest that asks for nothing.
pub(crate) fn modest_component(note: &str) -> Vec<u8> {
    noted("neighbour", note)
}

fn noted(name: &str, note: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(guest(name)).unwrap();
    // A custom section: id 0, size, length of its name, name, content. All are short.
    let content = [&[4][..], b"note", note.as_bytes()].concat();
    bytes.extend([0, u8::try_from(content.len()).unwrap()]);
    bytes.extend(content);
    bytes
}

/// Changes one byte of a file.
pub(crate) fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[track_caller]
pub(crate) fn contains(text: &str, part: &str) {
    assert!(text.contains(part), "`{part}` is not in:\n{text}");
}
