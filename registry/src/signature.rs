//! Detached minisign signatures: <https://jedisct1.github.io/minisign/>.
//!
//! The signature is over the component's bytes; its trusted comment, signed as well, says which package and version they
//! are: `name=NAMESPACE:NAME version=VERSION sha256=HEX`. So neither another plugin nor an older version can stand in for
//! the one that was asked for.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign::{KeyPair, SecretKey, SecretKeyBox};
use ring::signature::{ED25519, UnparsedPublicKey};
use semver::Version;

use crate::digest::Digest;
use crate::package::PackageName;

/// Bytes of a key before its id: the algorithm's name.
const ALGORITHM_BYTES: usize = 2;
/// Bytes of a key's id.
const KEY_ID_BYTES: usize = 8;
/// Algorithm of a signature over the BLAKE2b hash of the bytes; the older one, over the bytes themselves, is refused.
const PREHASHED: &[u8] = b"ED";
/// What stands before the trusted comment.
const TRUSTED: &str = "trusted comment: ";

/// What a signature says about the bytes it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The plugin.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// Digest of its bytes.
    pub digest: Digest,
}

impl std::fmt::Display for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "name={} version={} sha256={}", self.package, self.version, self.digest.hex())
    }
}

impl Statement {
    /// Reads a trusted comment. Fields it does not know are left to newer versions.
    pub fn parse(comment: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut values = comment
                .split_ascii_whitespace()
                .filter_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            let value = values.next()?;
            // Said twice, it is said by nobody.
            values.next().is_none().then_some(value)
        };
        Some(Self {
            package: PackageName::parse(field("name")?)?,
            version: Version::parse(field("version")?).ok()?,
            digest: Digest::parse(field("sha256")?)?,
        })
    }
}

/// Id of a key, as minisign shows it: 16 upper-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Reads 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 2 * KEY_ID_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self(text.to_ascii_uppercase()))
    }

    /// The id in an encoded key or signature.
    fn of_encoded(base64: &str) -> Option<Self> {
        let bytes = STANDARD.decode(base64).ok()?;
        let id: [u8; KEY_ID_BYTES] =
            bytes.get(ALGORITHM_BYTES..ALGORITHM_BYTES + KEY_ID_BYTES)?.try_into().ok()?;
        Some(Self(format!("{:016X}", u64::from_le_bytes(id))))
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// As `minisign -P` takes it.
    text: String,
    id: KeyId,
    key: minisign_verify::PublicKey,
}

impl PublicKey {
    /// Reads the key itself, or a `.pub` file's two lines.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
        let key = minisign_verify::PublicKey::from_base64(text).ok()?;
        Some(Self { text: text.to_owned(), id: KeyId::of_encoded(text)?, key })
    }

    /// The key's id.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// A signature as it was read: nothing in it is true before [`Signature::verify`].
#[derive(Clone)]
pub struct Signature {
    /// The whole file.
    text: String,
    key_id: KeyId,
    signature: minisign_verify::Signature,
}

impl Signature {
    /// Reads a `.minisig` file.
    pub fn parse(text: &str) -> Option<Self> {
        let signature = minisign_verify::Signature::decode(text).ok()?;
        let key_id = KeyId::of_encoded(text.lines().nth(1)?)?;
        Some(Self { text: text.to_owned(), key_id, signature })
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Id of the key it says it is from.
    pub const fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// What it says it is for; true only once it is verified.
    pub fn statement(&self) -> Option<Statement> {
        Statement::parse(self.signature.trusted_comment())
    }

    /// Checks that `key` signed what is expected, without the bytes: for those whose digest was compared already.
    ///
    /// The signature over the trusted comment is enough for that, as the comment names the digest. It also covers the
    /// signature over the bytes, which was checked when they were fetched; hashing them once more with BLAKE2b would take
    /// a run's start longer than everything else here.
    ///
    /// # Errors
    /// In words, when any of that does not hold.
    pub fn verify_statement(&self, key: &PublicKey, expected: &Statement) -> Result<(), String> {
        let valid = self.signed_comment().is_some_and(|(message, signature)| {
            let key = STANDARD.decode(&key.text).unwrap_or_default();
            let key = key.get(ALGORITHM_BYTES + KEY_ID_BYTES..).unwrap_or_default();
            UnparsedPublicKey::new(&ED25519, key).verify(&message, &signature).is_ok()
        });
        if !valid {
            return Err(format!("the signature of key {} was changed", self.key_id));
        }
        self.check_statement(expected)
    }

    /// What the second signature is over, the first signature and the trusted comment, and the second signature.
    fn signed_comment(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut lines = self.text.lines().skip(1);
        let first = STANDARD.decode(lines.next()?).ok()?;
        let comment = lines.next()?.strip_prefix(TRUSTED)?;
        let second = STANDARD.decode(lines.next()?).ok()?;
        let first = first.strip_prefix(PREHASHED)?.get(KEY_ID_BYTES..)?;
        Some(([first, comment.as_bytes()].concat(), second))
    }

    /// Checks that `key` signed `bytes`, and that what it says of them is what was expected.
    ///
    /// # Errors
    /// In words, when any of that does not hold.
    pub fn verify(&self, key: &PublicKey, bytes: &[u8], expected: &Statement) -> Result<(), String> {
        let checked = key.key.verify(bytes, &self.signature, false);
        checked
            .map_err(|_| format!("the signature of key {} does not fit the plugin's bytes", self.key_id))?;
        self.check_statement(expected)
    }

    fn check_statement(&self, expected: &Statement) -> Result<(), String> {
        let comment = self.signature.trusted_comment();
        let said = Statement::parse(comment).ok_or_else(|| {
            format!(
                "the signature does not say what it is for: its trusted comment is `{}`",
                comment.escape_debug()
            )
        })?;
        if said == *expected {
            return Ok(());
        }
        Err(format!(
            "it is signed as {} {} ({}): something else was put in its place",
            said.package, said.version, said.digest
        ))
    }
}

/// A new pair of keys as two files' texts: secret, then public. With a password the secret key is encrypted.
///
/// # Errors
/// When the system has no random numbers.
pub fn generate_keys(password: Option<String>) -> Result<(String, String), String> {
    let pair = match password {
        Some(password) => KeyPair::generate_encrypted_keypair(Some(password)),
        None => KeyPair::generate_unencrypted_keypair(),
    };
    let pair = pair.map_err(|error| error.to_string())?;
    let secret = pair.sk.to_box(Some("stresshost plugin signing key: keep it secret"));
    let secret = secret.map_err(|error| error.to_string())?.into_string();
    let public = pair.pk.to_box().map_err(|error| error.to_string())?.into_string();
    Ok((secret, public))
}

/// A key that signs.
pub struct SigningKey {
    secret: SecretKey,
}

impl SigningKey {
    /// Whether a secret key's file needs a password.
    pub fn is_encrypted(text: &str) -> bool {
        // The bytes after the algorithm's name are that of the key derivation, two zeros for none.
        let encoded = text.lines().nth(1).and_then(|line| STANDARD.decode(line.trim()).ok());
        encoded.is_some_and(|bytes| bytes.get(2..4).is_some_and(|derivation| derivation != [0, 0]))
    }

    /// Reads a secret key's file.
    ///
    /// # Errors
    /// When it is none, or the password is wrong or missing.
    pub fn parse(text: &str, password: Option<String>) -> Result<Self, String> {
        let boxed = SecretKeyBox::from_string(text).map_err(|error| error.to_string())?;
        let secret = match (Self::is_encrypted(text), password) {
            (false, _) => boxed.into_unencrypted_secret_key(),
            (true, Some(password)) => boxed.into_secret_key(Some(password)),
            (true, None) => return Err("it is encrypted, and no password was given".to_owned()),
        };
        Ok(Self { secret: secret.map_err(|error| error.to_string())? })
    }

    /// Signs bytes as what `statement` says they are: the text of a `.minisig` file.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn sign(&self, bytes: &[u8], statement: &Statement) -> Result<String, String> {
        let comment = format!("signature of {} {}", statement.package, statement.version);
        let signed = minisign::sign(
            None,
            &self.secret,
            Cursor::new(bytes),
            Some(&statement.to_string()),
            Some(&comment),
        );
        Ok(signed.map_err(|error| error.to_string())?.into_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn statement(bytes: &[u8]) -> Statement {
        Statement {
            package: PackageName::parse("acme:load").unwrap(),
            version: Version::new(1, 2, 3),
            digest: Digest::of(bytes),
        }
    }

    fn keys() -> (SigningKey, PublicKey) {
        let (secret, public) = generate_keys(None).unwrap();
        (SigningKey::parse(&secret, None).unwrap(), PublicKey::parse(&public).unwrap())
    }

    #[test]
    fn what_is_signed_is_verified() {
        let (secret, public) = keys();
        let text = secret.sign(b"bytes", &statement(b"bytes")).unwrap();
        let signature = Signature::parse(&text).unwrap();
        assert_eq!(signature.key_id(), public.id());
        assert_eq!(signature.verify(&public, b"bytes", &statement(b"bytes")), Ok(()));
        assert_eq!(signature.verify_statement(&public, &statement(b"bytes")), Ok(()));
        assert!(text.starts_with("untrusted comment: signature of acme:load 1.2.3\n"), "{text}");
        assert!(text.contains(&format!(
            "\ntrusted comment: name=acme:load version=1.2.3 sha256={}\n",
            Digest::of(b"bytes").hex()
        )));
        assert_eq!(PublicKey::parse(&public.to_string()), Some(public));
    }

    #[test]
    fn a_change_of_any_signed_byte_is_seen() {
        let (secret, public) = keys();
        let text = secret.sign(b"bytes", &statement(b"bytes")).unwrap();
        let first_line = text.find('\n').unwrap() + 1;
        for at in (first_line..text.len()).filter(|&at| text.as_bytes()[at] != b'\n') {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The key's id chooses the key; it is compared with the pinned one's.
            let Some(signature) =
                Signature::parse(&changed).filter(|signature| signature.key_id() == public.id())
            else {
                continue;
            };
            assert!(
                signature.verify(&public, b"bytes", &statement(b"bytes")).is_err(),
                "byte {at} of\n{changed}"
            );
            assert!(
                signature.verify_statement(&public, &statement(b"bytes")).is_err(),
                "byte {at} of\n{changed}"
            );
        }
        let signature = Signature::parse(&text).unwrap();
        assert!(
            signature.verify(&public, b"bytes2", &statement(b"bytes")).unwrap_err().contains("does not fit")
        );
        let (_, other) = keys();
        assert!(
            signature.verify(&other, b"bytes", &statement(b"bytes")).unwrap_err().contains("does not fit")
        );
    }

    #[test]
    fn a_signature_for_something_else_is_named() {
        let (secret, public) = keys();
        let signature = Signature::parse(&secret.sign(b"bytes", &statement(b"bytes")).unwrap()).unwrap();
        let other = Statement { version: Version::new(1, 2, 4), ..statement(b"bytes") };
        assert!(signature.verify_statement(&public, &other).is_err());
        let error = signature.verify(&public, b"bytes", &other).unwrap_err();
        assert!(error.starts_with("it is signed as acme:load 1.2.3 (sha256:"), "{error}");
        for comment in
            ["", "name=acme:load", "name=a:b name=a:b version=1.0.0 sha256=00", "timestamp:1633700835"]
        {
            assert_eq!(Statement::parse(comment), None, "{comment}");
        }
        let newer = format!("{} since=2030", statement(b"x"));
        assert_eq!(Statement::parse(&newer), Some(statement(b"x")));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(untrusted comment: x\n[A-Za-z0-9+/=]{0,100}\n(trusted comment: )?[ -~]{0,60}\n)?\\PC{0,100}") {
            let _signature = Signature::parse(&text).and_then(|signature| signature.statement());
            let _key = PublicKey::parse(&text);
            let _encrypted = SigningKey::is_encrypted(&text);
            let _secret = SigningKey::parse(&text, None).is_ok();
        }
    }

    #[test]
    fn a_password_protects_a_key() {
        let (secret, public) = generate_keys(Some("open sesame".to_owned())).unwrap();
        assert!(SigningKey::is_encrypted(&secret));
        assert!(SigningKey::parse(&secret, None).err().unwrap().contains("no password"));
        assert!(SigningKey::parse(&secret, Some("wrong".to_owned())).is_err());
        let key = SigningKey::parse(&secret, Some("open sesame".to_owned())).unwrap();
        let signature = Signature::parse(&key.sign(b"b", &statement(b"b")).unwrap()).unwrap();
        assert_eq!(signature.verify(&PublicKey::parse(&public).unwrap(), b"b", &statement(b"b")), Ok(()));
        assert!(SigningKey::parse("nonsense", None).is_err());
    }

    #[test]
    fn key_ids_are_shown_as_minisign_shows_them() {
        // The example of minisign's documentation.
        let key = PublicKey::parse("RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3").unwrap();
        assert_eq!(key.id().to_string(), "E7620F1842B4E81F");
        assert_eq!(KeyId::parse("e7620f1842b4e81f").as_ref(), Some(key.id()));
        assert_eq!((KeyId::parse("12"), PublicKey::parse("x"), PublicKey::parse("")), (None, None, None));
    }
}
