//! The server a connection leads to, as its URL and options say.

use std::fmt;
use std::sync::Arc;

use stresshost_clock::NS_PER_MS;

use crate::credentials::{CredentialsError, fill, split};
use crate::http::HttpConfig;
use crate::origin::{Origin, Scheme, UrlError};
use crate::secrets::Secrets;
use crate::timeout::millis;

/// Names of the options, for messages.
const KNOWN: &str = "cluster, connect-timeout-ms, protocol, timeout-ms";

/// A server as a plugin names it.
#[derive(Clone, Copy, Debug)]
pub struct TargetSpec<'a> {
    /// `redis://` or `rediss://` URL. `{{secret:NAME}}` may stand in its credentials.
    pub url: &'a str,
    /// Options by name.
    pub options: &'a [(String, String)],
}

/// What is wrong with a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Another scheme.
    #[error("it must start with `redis://` or `rediss://`")]
    Scheme,
    /// The rest of the URL.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// Credentials that cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// A database that is not a number.
    #[error("`{0}` is not the number of a database")]
    Database(String),
    /// An option that cannot be read.
    #[error("option `{name}`: {reason}")]
    Option {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// A server, and how to talk to it.
pub(crate) struct Target {
    pub(crate) origin: Arc<Origin>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: u32,
    pub(crate) connect_timeout_ns: u64,
    pub(crate) timeout_ns: u64,
    /// 2 or 3; none for 3 where the server has it.
    pub(crate) protocol: Option<u8>,
    pub(crate) is_cluster: bool,
}

/// Without its credentials.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Target {
    pub(crate) fn read(
        spec: &TargetSpec<'_>,
        config: &HttpConfig,
        secrets: &Secrets,
    ) -> Result<Self, TargetError> {
        let origin = Origin::of_url(spec.url)?;
        if !matches!(origin.scheme, Scheme::Redis | Scheme::Rediss) {
            return Err(TargetError::Scheme);
        }
        let (credentials, path) = split(spec.url);
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (Some(user), Some(password)),
            None => (Some(credentials), None),
        };
        let filled = |text: Option<&str>| match text {
            None | Some("") => Ok(None),
            Some(text) => fill(text, secrets, &origin).map(Some).map_err(TargetError::from),
        };
        let mut target = Self {
            user: filled(user)?,
            password: filled(password)?,
            database: database(path)?,
            connect_timeout_ns: config.connect_timeout_ms.saturating_mul(NS_PER_MS),
            timeout_ns: config.request_timeout_ms.saturating_mul(NS_PER_MS),
            protocol: None,
            is_cluster: false,
            origin: Arc::new(origin),
        };
        for (name, value) in spec.options {
            let wrong = |reason| TargetError::Option { name: name.clone(), reason };
            target.set(name, value.trim()).map_err(wrong)?;
        }
        Ok(target)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match (name, value) {
            ("connect-timeout-ms", _) => self.connect_timeout_ns = millis(value)?,
            ("timeout-ms", _) => self.timeout_ns = millis(value)?,
            ("protocol", "2") => self.protocol = Some(2),
            ("protocol", "3") => self.protocol = Some(3),
            ("protocol", _) => return Err(format!("`{value}` is neither 2 nor 3")),
            ("cluster", "true") => self.is_cluster = true,
            ("cluster", "false") => self.is_cluster = false,
            ("cluster", _) => return Err(format!("`{value}` is neither `true` nor `false`")),
            _ => return Err(format!("there is no such option; there are: {KNOWN}")),
        }
        Ok(())
    }
}

fn database(path: &str) -> Result<u32, TargetError> {
    match path.split(['?', '#']).next().unwrap_or_default().trim_matches('/') {
        "" => Ok(0),
        text => text.parse().map_err(|_| TargetError::Database(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str, options: &[(&str, &str)]) -> Result<Target, TargetError> {
        let pair = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let options: Vec<_> = options.iter().map(pair).collect();
        let goes_to = |origin: &Origin| &*origin.host == "h";
        let secret = crate::Secret::new("pw".into(), "a%b@c".into(), Box::new(goes_to));
        let secrets = [secret].into_iter().collect();
        Target::read(&TargetSpec { url, options: &options }, &HttpConfig::default(), &secrets)
    }

    #[test]
    fn urls_name_credentials_and_database() {
        for (url, user, password, database) in [
            ("redis://h", None, None, 0),
            ("redis://h:1/3", None, None, 3),
            ("rediss://u:p%40q@h/", Some("u"), Some("p@q"), 0),
            ("redis://:p@h/1?x#y", None, Some("p"), 1),
            ("redis://u:{{secret:pw}}!@h", Some("u"), Some("a%b@c!"), 0),
        ] {
            let target = read(url, &[]).unwrap();
            assert_eq!((target.user.as_deref(), target.password.as_deref()), (user, password), "{url}");
            assert_eq!(target.database, database, "{url}");
            assert!(
                !format!("{target:?}").contains('p')
                    || password.is_none()
                    || !format!("{target:?}").contains("p@q")
            );
        }
    }

    #[test]
    fn options_are_read() {
        let options =
            [("timeout-ms", "5"), ("connect-timeout-ms", "7"), ("protocol", "2"), ("cluster", "true")];
        let target = read("redis://h", &options).unwrap();
        assert_eq!((target.timeout_ns, target.connect_timeout_ns), (5_000_000, 7_000_000));
        assert_eq!((target.protocol, target.is_cluster), (Some(2), true));
        let unset = read("redis://h", &[]).unwrap();
        assert_eq!((unset.protocol, unset.is_cluster), (None, false));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, options, text) in [
            ("http://h", &[][..], "must start with `redis://`"),
            ("redis://", &[], "host"),
            ("redis://h/x", &[], "`x` is not the number of a database"),
            ("redis://u:%zz@h", &[], "credentials"),
            ("redis://u:{{secret:pw}}@other", &[], "was not given for redis://other"),
            ("redis://u:{{secret:no}}@h", &[], "there is no secret `no`"),
            ("redis://h", &[("protocol", "4")], "option `protocol`: `4` is neither"),
            ("redis://h", &[("timeout-ms", "0")], "option `timeout-ms`"),
            ("redis://h", &[("tls", "1")], "there are: cluster"),
        ] {
            let error = read(url, options).unwrap_err().to_string();
            assert!(error.contains(text), "{url}: {error}");
        }
    }
}
