//! Values that go on the wire and nowhere else.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::origin::Origin;

/// Secrets of one plugin, shared by its virtual users.
#[derive(Clone, Default)]
pub struct Secrets {
    list: Arc<[Secret]>,
}

/// A value that a request names as `{{secret:NAME}}`.
pub struct Secret {
    name: String,
    value: String,
    /// Each way in which the value may stand in a text, the longest first.
    forms: Vec<Vec<u8>>,
    goes_to: Box<SecretRule>,
}

/// Decides whether a secret may be sent to an origin.
pub type SecretRule = dyn Fn(&Origin) -> bool + Send + Sync;

/// A secret cannot stand where a request names it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Nobody gave it.
    #[error("there is no secret `{0}` for this plugin; give it with `--secret {0}=env:VARIABLE`")]
    Unknown(String),
    /// It may go elsewhere only.
    #[error("secret `{name}` was not given for {origin}")]
    Elsewhere {
        /// Its name.
        name: String,
        /// Where the request goes.
        origin: String,
    },
    /// Its value has a line break or the like.
    #[error("secret `{0}` holds a control character, which cannot stand in a header")]
    Header(String),
}

impl Secret {
    /// Fewest bytes of a value: shorter ones stand in texts by chance, and hiding them would tell where.
    pub const MIN_BYTES: usize = 4;

    /// A secret of at least [`Secret::MIN_BYTES`], and where it may be sent.
    pub fn new(name: String, value: String, goes_to: Box<SecretRule>) -> Self {
        let json = serde_json::to_string(&value).unwrap_or_default();
        let mut percent = Vec::new();
        crate::http::percent_encode(value.as_bytes(), &mut percent);
        let mut forms = vec![value.clone().into_bytes(), json.trim_matches('"').as_bytes().to_vec(), percent];
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self { name, value, forms, goes_to }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list.iter().map(|secret| &secret.name)).finish()
    }
}

impl FromIterator<Secret> for Secrets {
    fn from_iter<T: IntoIterator<Item = Secret>>(secrets: T) -> Self {
        Self { list: secrets.into_iter().collect() }
    }
}

impl Secrets {
    /// The value of a secret for a request to `origin`.
    pub(crate) fn value(&self, name: &[u8], origin: &Origin) -> Result<&str, SecretError> {
        let known = self.list.iter().find(|secret| secret.name.as_bytes() == name);
        let secret = known.ok_or_else(|| SecretError::Unknown(String::from_utf8_lossy(name).into_owned()))?;
        if !(secret.goes_to)(origin) {
            return Err(SecretError::Elsewhere { name: secret.name.clone(), origin: origin.to_string() });
        }
        Ok(&secret.value)
    }

    /// A text with `[secret NAME]` in the place of every value, written as it is, percent-encoded or as JSON.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.redact_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The same for bytes.
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut shown = Cow::Borrowed(bytes);
        for secret in &*self.list {
            for form in &secret.forms {
                if memchr::memmem::find(&shown, form).is_some() {
                    shown = Cow::Owned(replaced(&shown, form, &secret.name));
                }
            }
        }
        shown
    }
}

fn replaced(bytes: &[u8], form: &[u8], name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, form) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.extend_from_slice(format!("[secret {name}]").as_bytes());
        rest = rest.get(at + form.len()..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(list: &[(&str, &str)]) -> Secrets {
        let secret = |&(name, value): &(&str, &str)| {
            Secret::new(name.to_owned(), value.to_owned(), Box::new(|origin| &*origin.host == "good.test"))
        };
        list.iter().map(secret).collect()
    }

    #[test]
    fn values_are_hidden_in_every_form() {
        let secrets = secrets(&[("key", "a b\"/c"), ("token", "tok-en.1")]);
        for (text, shown) in [
            ("nothing here", "nothing here"),
            ("x a b\"/c, tok-en.1tok-en.1!", "x [secret key], [secret token][secret token]!"),
            (r#"{"k": "a b\"/c"}"#, r#"{"k": "[secret key]"}"#),
            ("/?k=a%20b%22%2Fc&t=tok-en.1", "/?k=[secret key]&t=[secret token]"),
        ] {
            assert_eq!(secrets.redact(text), shown);
            assert_eq!(&*secrets.redact_bytes(text.as_bytes()), shown.as_bytes());
        }
        assert!(matches!(secrets.redact("tok"), Cow::Borrowed("tok")));
        assert_eq!(&*secrets.redact_bytes(b"\xfftok-en.1\xfe"), b"\xff[secret token]\xfe");
        assert!(!format!("{secrets:?} {:?}", secrets.list[0]).contains("a b"));
    }

    #[test]
    fn a_secret_goes_where_it_was_given_for() {
        let secrets = secrets(&[("key", "value")]);
        let origin = |url: &str| Origin::split_url(url).unwrap().0;
        assert_eq!(secrets.value(b"key", &origin("http://good.test/")), Ok("value"));
        let elsewhere = secrets.value(b"key", &origin("http://bad.test:81/")).unwrap_err();
        assert_eq!(elsewhere.to_string(), "secret `key` was not given for http://bad.test:81");
        let unknown = secrets.value(b"other", &origin("http://good.test/")).unwrap_err();
        assert!(unknown.to_string().contains("`--secret other=env:VARIABLE`"), "{unknown}");
    }
}
