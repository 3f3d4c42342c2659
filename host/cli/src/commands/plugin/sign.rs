//! `plugin keygen`, `sign` and `verify`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use semver::Version;
use stresshost_registry::{
    Digest, LOCK_FILE, LockFile, MAX_KEY_BYTES, MAX_SIGNATURE_BYTES, PackageName, PluginFile, Signature,
    SigningKey, Statement, Trust, VersionRequirement, generate_keys, read,
};
use stresshost_wasm::GuestLimits;

use super::super::prepare::describe;
use super::subject::Subject;
use crate::exit::{Exit, coded, usage};
use crate::printer::Printer;
use crate::sources::{self, Sources, failed};
use crate::{args, env, loader};

pub(super) fn keygen(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<()> {
    let base = args::text(matches, "file").unwrap_or_default();
    let password = match (env::key_password(), args::is_set(matches, "no-password")) {
        (_, true) => None,
        (Some(password), false) => Some(password),
        (None, false) => {
            return Err(usage(
                "set STRESSHOST_KEY_PASSWORD to the password that encrypts the key, or give --no-password",
            ));
        }
    };
    let (secret, public) = generate_keys(password).map_err(usage)?;
    write_new(&format!("{base}.key"), &secret, 0o600)?;
    write_new(&format!("{base}.pub"), &public, 0o644)?;
    printer.note(&format!("wrote {base}.key, which stays secret, and {base}.pub, which users pin with `stresshost plugin trust add`"));
    printer.result(public.lines().last().map(|key| format!("{key}\n")).unwrap_or_default().as_bytes())
}

/// Writes a file that is not there yet: a key that is overwritten is lost.
fn write_new(path: &str, text: &str, mode: u32) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| usage(format!("cannot write {path}: {error}")))
}

pub(super) fn sign(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<()> {
    let subject = Subject::from_matches(matches)?;
    let key = subject.key().ok_or_else(|| {
        usage("--key is missing: the secret key's file; or `key` below `publish` in stresshost.yaml")
    })?;
    let component = Component::load(&subject.path, printer)?;
    let package = subject.package(&component.name)?;
    let signature = component.sign(&package, key)?;
    let path = format!("{}.minisig", subject.path);
    std::fs::write(&path, signature.text())
        .map_err(|error| usage(format!("cannot write {path}: {error}")))?;
    printer.note(&format!("signed {package} {} with key {}: {path}", component.version, signature.key_id()));
    Ok(())
}

/// A component that is to be signed or published.
pub(super) struct Component {
    pub(super) file: PluginFile,
    /// What it calls itself.
    pub(super) name: String,
    /// The version it says it has.
    pub(super) version: Version,
    /// What it says it is for.
    pub(super) summary: String,
}

impl Component {
    /// Reads a component and asks it for its version.
    pub(super) fn load(path: &str, printer: &Printer) -> anyhow::Result<Self> {
        let file = read(Path::new(path)).map_err(usage)?;
        // A name without a slash would be looked up.
        let reference = std::path::absolute(path)?.display().to_string();
        let (_, plugin) = loader::load(&Sources::files_only(printer), &reference, GuestLimits::default())?;
        let descriptor = describe(&plugin, path)?;
        if plugin.loadable().digest != file.digest.to_string() {
            return Err(usage(format!("{path} changes while it is read; wait for the build to end")));
        }
        let version = Version::parse(&descriptor.version).map_err(|error| {
            usage(format!(
                "{path} says its version is `{}`, which is none: {error}",
                descriptor.version.escape_debug()
            ))
        })?;
        Ok(Self { file, name: descriptor.name, version, summary: descriptor.summary })
    }

    /// Signs it as a package.
    pub(super) fn sign(&self, package: &PackageName, key: &Path) -> anyhow::Result<Signature> {
        let text = read_text(key, MAX_KEY_BYTES)?;
        let wrong = |why: String| usage(format!("{}: {why}", key.display()));
        let password = env::key_password();
        if SigningKey::is_encrypted(&text) && password.is_none() {
            return Err(wrong("the key is encrypted; set STRESSHOST_KEY_PASSWORD".to_owned()));
        }
        let key = SigningKey::parse(&text, password).map_err(wrong)?;
        let signed = key.sign(&self.file.bytes, &self.statement(package)).map_err(wrong)?;
        Signature::parse(&signed).ok_or_else(|| wrong("the signature cannot be read back".to_owned()))
    }

    /// What a signature must say of it.
    pub(super) fn statement(&self, package: &PackageName) -> Statement {
        Statement {
            package: package.clone(),
            version: self.version.clone(),
            digest: self.file.digest.clone(),
        }
    }
}

/// Reads a small file of text.
pub(super) fn read_text(path: &Path, limit: u64) -> anyhow::Result<String> {
    let wrong = |why: String| usage(format!("cannot read {}: {why}", path.display()));
    let mut text = String::new();
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    file.take(limit + 1).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > limit { Err(wrong(format!("it has more than {limit} bytes"))) } else { Ok(text) }
}

pub(super) fn verify(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<()> {
    match args::text(matches, "file") {
        Some(path) => verify_file(path, args::text(matches, "signature"), printer),
        None => verify_pinned(printer),
    }
}

fn verify_file(path: &str, signature: Option<&str>, printer: &Printer) -> anyhow::Result<()> {
    let file = read(Path::new(path)).map_err(usage)?;
    let signature_path = signature.map_or_else(|| PathBuf::from(format!("{path}.minisig")), PathBuf::from);
    let text = read_text(&signature_path, MAX_SIGNATURE_BYTES)?;
    let refused = |why: &str| coded(Exit::NotVerified, format!("{}: {why}", signature_path.display()));
    let signature = Signature::parse(&text).ok_or_else(|| refused("it is no minisign signature"))?;
    let said =
        signature.statement().ok_or_else(|| refused("it does not say which plugin and version it is for"))?;
    let trust = Trust::read(&sources::trust_file()?).map_err(failed)?;
    let digest = Digest::of(&file.bytes);
    let checked = trust.verify(
        &said.package,
        &said.version,
        &digest,
        Some(&file.bytes),
        std::slice::from_ref(&signature),
    );
    checked.map_err(failed)?;
    let line = format!("{path} is {} {}, signed by key {}\n", said.package, said.version, signature.key_id());
    printer.result(line.as_bytes())
}

/// Checks what the lock file pins, by what is in the store.
fn verify_pinned(printer: &Printer) -> anyhow::Result<()> {
    let lock = LockFile::read(Path::new(LOCK_FILE)).map_err(failed)?;
    if lock.plugins().is_empty() {
        return Err(usage(format!("there is no plugin in {LOCK_FILE}; name a file, or add a plugin first")));
    }
    let sources = Sources::pinned(printer);
    let mut text = String::new();
    for locked in lock.plugins() {
        let requirement = VersionRequirement::exactly(&locked.version);
        let installed =
            sources.with_installer(|installer| installer.require(&locked.package, Some(&requirement)))?;
        let by = installed
            .locked
            .signer
            .as_ref()
            .map_or_else(|| "not signed".to_owned(), |id| format!("signed by key {id}"));
        text.push_str(&format!("{} {} {}, {by}\n", locked.package, locked.version, locked.digest));
    }
    printer.result(text.as_bytes())
}
