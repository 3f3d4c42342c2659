//! Whose signatures count: keys pinned for namespaces, and keys that count no longer.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::Deserialize;

use crate::digest::Digest;
use crate::document::{self, quoted};
use crate::error::{Error, Result};
use crate::package::{PackageName, is_name};
use crate::signature::{KeyId, PublicKey, Signature, Statement};

/// A key and the namespace it signs for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    /// The namespace.
    pub namespace: String,
    /// The key.
    pub key: PublicKey,
}

/// A key whose signatures count no longer, wherever it is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedKey {
    /// The key's id.
    pub id: KeyId,
    /// Why.
    pub reason: String,
}

/// The trust file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Pinned keys, in the order they were pinned.
    pub keys: Vec<TrustedKey>,
    /// Revoked keys.
    pub revoked: Vec<RevokedKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    #[serde(default)]
    keys: Vec<KeyForm>,
    #[serde(default)]
    revoked: Vec<RevokedForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyForm {
    namespace: String,
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokedForm {
    id: String,
    #[serde(default)]
    reason: String,
}

impl Trust {
    /// Reads the trust file; nothing is trusted when there is none.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self> {
        let Some(form) = document::read::<FileForm>(path)? else { return Ok(Self::default()) };
        let wrong = |what: &str, text: &str| Error::Document {
            path: PathBuf::from(path),
            reason: format!("`{}` is not {what}", text.escape_debug()),
        };
        let key = |form: KeyForm| {
            if !is_name(&form.namespace) {
                return Err(wrong("a namespace", &form.namespace));
            }
            let key = PublicKey::parse(&form.key).ok_or_else(|| wrong("a minisign public key", &form.key))?;
            Ok(TrustedKey { namespace: form.namespace, key })
        };
        let revoked = |form: RevokedForm| {
            let id = KeyId::parse(&form.id).ok_or_else(|| wrong("a key's id", &form.id))?;
            Ok(RevokedKey { id, reason: form.reason })
        };
        Ok(Self {
            keys: form.keys.into_iter().map(key).collect::<Result<_>>()?,
            revoked: form.revoked.into_iter().map(revoked).collect::<Result<_>>()?,
        })
    }

    /// Writes the trust file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        document::replace(path, self.render().as_bytes())
    }

    fn render(&self) -> String {
        let mut text = String::from(
            "# Whose plugins run here: `stresshost plugin trust` changes it, registry/README.md explains it.\n",
        );
        let mut line = |line: std::fmt::Arguments<'_>| {
            // Writing to a string cannot fail.
            let _infallible = text.write_fmt(format_args!("{line}\n"));
        };
        line(format_args!("keys:{}", if self.keys.is_empty() { " []" } else { "" }));
        for TrustedKey { namespace, key } in &self.keys {
            line(format_args!("  - namespace: {}", quoted(namespace)));
            line(format_args!("    key: {}  # {}", quoted(&key.to_string()), key.id()));
        }
        line(format_args!("revoked:{}", if self.revoked.is_empty() { " []" } else { "" }));
        for RevokedKey { id, reason } in &self.revoked {
            line(format_args!("  - id: {}", quoted(&id.to_string())));
            line(format_args!("    reason: {}", quoted(reason)));
        }
        text
    }

    /// Pins a key for a namespace. False when it already was.
    pub fn pin(&mut self, namespace: &str, key: PublicKey) -> bool {
        let pinned = TrustedKey { namespace: namespace.to_owned(), key };
        let new = !self.keys.contains(&pinned);
        if new {
            self.keys.push(pinned);
        }
        new
    }

    /// Revokes a key. False when it already was.
    pub fn revoke(&mut self, id: KeyId, reason: &str) -> bool {
        let new = self.revocation(&id).is_none();
        if new {
            self.revoked.push(RevokedKey { id, reason: reason.to_owned() });
        }
        new
    }

    fn revocation(&self, id: &KeyId) -> Option<&RevokedKey> {
        self.revoked.iter().find(|revoked| revoked.id == *id)
    }

    /// What a key's signature counts for in a namespace, in a word or two.
    pub fn standing(&self, namespace: &str, id: &KeyId) -> &'static str {
        if self.revocation(id).is_some() {
            return "revoked";
        }
        let pinned = self.keys.iter().any(|pinned| pinned.namespace == namespace && pinned.key.id() == id);
        if pinned { "trusted" } else { "not trusted" }
    }

    /// Finds the signature that a trusted key made over this package and version. With `bytes` they are held against the
    /// signature, too; without, they must be known to have the digest.
    ///
    /// # Errors
    /// When there is none. The first signature that could have counted is the one that is explained.
    pub fn verify<'a>(
        &self,
        package: &PackageName,
        version: &Version,
        digest: &Digest,
        bytes: Option<&[u8]>,
        signatures: &'a [Signature],
    ) -> Result<&'a Signature> {
        let statement =
            Statement { package: package.clone(), version: version.clone(), digest: digest.clone() };
        let mut first = None;
        for signature in signatures {
            match self.verify_one(&statement, bytes, signature) {
                Ok(()) => return Ok(signature),
                Err(reason) => first = first.or(Some(reason)),
            }
        }
        let reason = first.unwrap_or_else(|| {
            "it is not signed; --allow-unsigned runs it all the same, which the lock file records".to_owned()
        });
        Err(Error::NotTrusted { package: package.clone(), version: version.clone(), reason })
    }

    fn verify_one(
        &self,
        statement: &Statement,
        bytes: Option<&[u8]>,
        signature: &Signature,
    ) -> Result<(), String> {
        let id = signature.key_id();
        if let Some(RevokedKey { reason, .. }) = self.revocation(id) {
            let why = if reason.is_empty() { String::new() } else { format!(": {}", reason.escape_debug()) };
            return Err(format!("its key {id} is revoked{why}; use a version signed by another key"));
        }
        let namespace = statement.package.namespace();
        let pinned = self.keys.iter().filter(|pinned| pinned.key.id() == id);
        let mut here = pinned.clone().filter(|pinned| pinned.namespace == namespace).peekable();
        if here.peek().is_none() {
            let elsewhere: Vec<&str> = pinned.map(|pinned| pinned.namespace.as_str()).collect();
            let elsewhere = match elsewhere.first() {
                Some(other) => format!(", only for `{other}`"),
                None => String::new(),
            };
            return Err(format!(
                "it is signed by key {id}, which is not trusted for `{namespace}`{elsewhere}; get the key from its \
                 owner, not from the registry, and pin it: stresshost plugin trust add {namespace} KEY"
            ));
        }
        // Ids are not secret: two keys may share one.
        let mut refusal = String::new();
        for pinned in here {
            let verified = match bytes {
                Some(bytes) => signature.verify(&pinned.key, bytes, statement),
                None => signature.verify_statement(&pinned.key, statement),
            };
            match verified {
                Ok(()) => return Ok(()),
                Err(reason) => refusal = reason,
            }
        }
        Err(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{SigningKey, generate_keys};

    fn keys() -> (SigningKey, PublicKey) {
        let (secret, public) = generate_keys(None).unwrap();
        (SigningKey::parse(&secret, None).unwrap(), PublicKey::parse(&public).unwrap())
    }

    fn signed(key: &SigningKey, name: &str, bytes: &[u8]) -> Signature {
        let statement = Statement {
            package: PackageName::parse(name).unwrap(),
            version: Version::new(1, 0, 0),
            digest: Digest::of(bytes),
        };
        Signature::parse(&key.sign(bytes, &statement).unwrap()).unwrap()
    }

    fn check(trust: &Trust, signatures: &[Signature]) -> Result<String, String> {
        let package = PackageName::parse("acme:load").unwrap();
        let checked =
            trust.verify(&package, &Version::new(1, 0, 0), &Digest::of(b"x"), Some(b"x"), signatures);
        checked.map(|signature| signature.key_id().to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_pinned_key_of_the_namespace_counts() {
        let ((secret, public), (stranger, _)) = (keys(), keys());
        let id = public.id().clone();
        let good = signed(&secret, "acme:load", b"x");
        let mut trust = Trust::default();
        assert!(
            check(&trust, &[])
                .unwrap_err()
                .starts_with("acme:load 1.0.0: it is not signed; --allow-unsigned")
        );
        let unknown = check(&trust, std::slice::from_ref(&good)).unwrap_err();
        assert!(unknown.ends_with("pin it: stresshost plugin trust add acme KEY"), "{unknown}");
        assert!(trust.pin("other", public.clone()) && !trust.pin("other", public.clone()));
        assert!(
            check(&trust, std::slice::from_ref(&good))
                .unwrap_err()
                .contains("not trusted for `acme`, only for `other`")
        );
        trust.pin("acme", public);
        assert_eq!(check(&trust, &[signed(&stranger, "acme:load", b"x"), good.clone()]), Ok(id.to_string()));
        assert!(
            check(&trust, &[signed(&secret, "acme:other", b"x")])
                .unwrap_err()
                .contains("it is signed as acme:other 1.0.0")
        );
        assert!(check(&trust, &[signed(&secret, "acme:load", b"y")]).unwrap_err().contains("does not fit"));
        assert_eq!((trust.standing("acme", &id), trust.standing("else", &id)), ("trusted", "not trusted"));
        assert!(trust.revoke(id.clone(), "stolen") && !trust.revoke(id.clone(), "again"));
        assert!(check(&trust, &[good]).unwrap_err().contains(&format!("its key {id} is revoked: stolen")));
        assert_eq!(trust.standing("acme", &id), "revoked");
    }

    #[test]
    fn the_file_is_read_as_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config/trust.yaml");
        assert_eq!(Trust::read(&path).unwrap(), Trust::default());
        let (_, public) = keys();
        let mut trust = Trust::default();
        trust.write(&path).unwrap();
        assert_eq!(Trust::read(&path).unwrap(), trust);
        trust.revoke(public.id().clone(), "lost: \"laptop\"");
        trust.pin("acme", public);
        trust.write(&path).unwrap();
        assert_eq!(Trust::read(&path).unwrap(), trust);
        for (text, why) in [
            ("keys: [{namespace: acme, key: x}]", "`x` is not a minisign public key"),
            ("keys: [{namespace: A, key: x}]", "`A` is not a namespace"),
            ("revoked: [{id: x}]", "`x` is not a key's id"),
            ("key: []", "unknown field"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Trust::read(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
