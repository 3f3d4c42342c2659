//! The server a connection leads to, as its URL and options say.

use std::fmt;
use std::sync::Arc;

use stresshost_clock::NS_PER_MS;

use crate::credentials::{CredentialsError, fill, split};
use crate::http::HttpConfig;
use crate::origin::{Origin, Scheme, UrlError, percent_decode};
use crate::timeout::millis;

/// Names of the options, for messages.
const KNOWN: &str = "connect-timeout-ms, timeout-ms";

/// Names of the URL's parameters, for messages.
const KNOWN_PARAMETERS: &str = "authMechanism, authSource, connectTimeoutMS, directConnection, tls";

/// The database of a URL that names none, as in MongoDB's shell.
const DATABASE: &str = "test";

/// A server as a plugin names it.
#[derive(Clone, Copy, Debug)]
pub struct TargetSpec<'a> {
    /// `mongodb://` URL. `{{secret:NAME}}` may stand in user, password and database.
    pub url: &'a str,
    /// Options by name.
    pub options: &'a [(String, String)],
}

/// What is wrong with a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Another scheme.
    #[error("it must start with `mongodb://`")]
    Scheme,
    /// A name that stands for servers.
    #[error(
        "`mongodb+srv://` stands for several servers: name one, as in `mongodb://host:27017/database?tls=true`"
    )]
    Srv,
    /// More than one host.
    #[error("it names several hosts: a connection leads to one, such as the replica set's primary")]
    Hosts,
    /// The rest of the URL.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// Credentials that cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// A user without a password, or the other way round.
    #[error("user and password belong together: write `user:password@`")]
    HalfCredentials,
    /// A parameter that cannot be read.
    #[error("`{name}` in the URL: {reason}")]
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
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
    pub(crate) login: Option<Login>,
    pub(crate) database: String,
    pub(crate) is_tls: bool,
    pub(crate) connect_timeout_ns: u64,
    pub(crate) timeout_ns: u64,
}

/// Who logs in.
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
    /// The database that knows the user.
    pub(crate) source: String,
}

/// Without its credentials.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Target {
    pub(crate) fn read(spec: &TargetSpec<'_>, config: &HttpConfig) -> Result<Self, TargetError> {
        let is_srv = spec.url.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("mongodb+srv:"));
        if is_srv {
            return Err(TargetError::Srv);
        }
        let (credentials, path) = split(spec.url);
        let start = spec.url.len() - path.len();
        let authority = spec.url.get(..start).unwrap_or_default();
        if authority.rsplit_once('@').map_or(authority, |(_, host)| host).contains(',') {
            return Err(TargetError::Hosts);
        }
        let origin = Origin::of_url(spec.url)?;
        if origin.scheme != Scheme::Mongodb {
            return Err(TargetError::Scheme);
        }
        let secrets = &config.secrets;
        let (path, query) = path.split('#').next().unwrap_or_default().split_once('?').unwrap_or((path, ""));
        let named = fill(path.trim_start_matches('/'), secrets, &origin)?;
        let mut source = if named.is_empty() { "admin".to_owned() } else { named.clone() };
        let mut target = Self {
            login: None,
            database: if named.is_empty() { DATABASE.to_owned() } else { named },
            is_tls: false,
            connect_timeout_ns: config.connect_timeout_ms.saturating_mul(NS_PER_MS),
            timeout_ns: config.request_timeout_ms.saturating_mul(NS_PER_MS),
            origin: Arc::new(origin),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode(value).unwrap_or_default();
            let wrong = |reason| TargetError::Parameter { name: name.to_owned(), reason };
            target.set_parameter(name, &value, &mut source).map_err(wrong)?;
        }
        for (name, value) in spec.options {
            let wrong = |reason| TargetError::Option { name: name.clone(), reason };
            target.set(name, value.trim()).map_err(wrong)?;
        }
        if !credentials.is_empty() {
            let (user, password) = credentials.split_once(':').ok_or(TargetError::HalfCredentials)?;
            let user = fill(user, secrets, &target.origin)?;
            let password = fill(password, secrets, &target.origin)?;
            if user.is_empty() || password.is_empty() {
                return Err(TargetError::HalfCredentials);
            }
            target.login = Some(Login { user, password, source });
        }
        Ok(target)
    }

    /// Names are the connection string's, whose case does not count.
    fn set_parameter(&mut self, name: &str, value: &str, source: &mut String) -> Result<(), String> {
        match (name.to_ascii_lowercase().as_str(), value) {
            ("tls" | "ssl", "true") => self.is_tls = true,
            ("tls" | "ssl", "false") => self.is_tls = false,
            ("authsource", "") => return Err("it is empty".to_owned()),
            ("authsource", _) => value.clone_into(source),
            ("authmechanism", "SCRAM-SHA-256") | ("directconnection", "true") => {}
            ("authmechanism", _) => return Err(format!("`{value}`: only SCRAM-SHA-256 is known")),
            ("connecttimeoutms", _) => self.connect_timeout_ns = millis(value)?,
            // A virtual user has its own connection, and nothing is repeated.
            ("retrywrites" | "retryreads" | "maxpoolsize" | "minpoolsize" | "appname", _) => {}
            ("w" | "journal" | "wtimeoutms", _) => {
                return Err("say it in the command, as in `\"writeConcern\": {\"w\": 1}`".to_owned());
            }
            ("replicaset", _) => {
                return Err("members are not looked for: name the primary without it".to_owned());
            }
            ("tlsinsecure" | "tlsallowinvalidcertificates" | "tlscafile", _) => {
                return Err("certificates are the run's to trust: see --insecure and --ca".to_owned());
            }
            ("tlscertificatekeyfile", _) => {
                return Err("the client's certificate is the run's: see --client-cert".to_owned());
            }
            _ => return Err(format!("it is not known; there are: {KNOWN_PARAMETERS}")),
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "connect-timeout-ms" => self.connect_timeout_ns = millis(value)?,
            "timeout-ms" => self.timeout_ns = millis(value)?,
            _ => return Err(format!("there is no such option; there are: {KNOWN}")),
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn read(url: &str, options: &[(&str, &str)]) -> Result<Target, TargetError> {
        let pair = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let options: Vec<_> = options.iter().map(pair).collect();
        let goes_to = |origin: &Origin| &*origin.host == "h";
        let secret = crate::Secret::new("pw".into(), "a%b@c".into(), Box::new(goes_to));
        let config = HttpConfig { secrets: [secret].into_iter().collect(), ..HttpConfig::default() };
        Target::read(&TargetSpec { url, options: &options }, &config)
    }

    /// A target whose URL is right.
    pub(in crate::mongo) fn target(url: &str) -> Target {
        read(url, &[]).unwrap()
    }

    #[test]
    fn urls_name_credentials_and_database() {
        for (url, login, database) in [
            ("mongodb://h", None, "test"),
            ("mongodb://h:1/shop?directConnection=true&retryWrites=true", None, "shop"),
            ("mongodb://u:p%40q@h/shop", Some(("u", "p@q", "shop")), "shop"),
            ("mongodb://u:p@h/", Some(("u", "p", "admin")), "test"),
            ("mongodb://u:{{secret:pw}}!@h/x?authSource=users", Some(("u", "a%b@c!", "users")), "x"),
        ] {
            let target = target(url);
            let found = target.login.as_ref().map(|login| (&*login.user, &*login.password, &*login.source));
            assert_eq!((found, &*target.database), (login, database), "{url}");
            assert!(!format!("{target:?}").contains("p@q"));
        }
        let target = read("mongodb://h/?tls=true&connectTimeoutMS=9", &[("timeout-ms", "5")]).unwrap();
        assert_eq!(
            (target.is_tls, target.connect_timeout_ns, target.timeout_ns),
            (true, 9_000_000, 5_000_000)
        );
        assert_eq!(target.origin.to_string(), "mongodb://h");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (url, options, text) in [
            ("http://h", &[][..], "must start with `mongodb://`"),
            ("mongodb+srv://h/x", &[], "name one"),
            ("mongodb://a:1,b:2/x?replicaSet=rs", &[], "several hosts"),
            ("mongodb:///x", &[], "host"),
            ("mongodb://u@h/x", &[], "belong together"),
            ("mongodb://u:@h/x", &[], "belong together"),
            ("mongodb://u:%zz@h", &[], "percent-encoded"),
            ("mongodb://u:{{secret:pw}}@other", &[], "was not given for mongodb://other"),
            ("mongodb://h/x?replicaSet=rs", &[], "name the primary"),
            ("mongodb://h/x?w=majority", &[], "writeConcern"),
            ("mongodb://h/x?tls=maybe", &[], "`tls` in the URL"),
            ("mongodb://h/x?tlsCAFile=a", &[], "--ca"),
            ("mongodb://h/x?tlsCertificateKeyFile=a", &[], "--client-cert"),
            ("mongodb://h/x?authMechanism=PLAIN", &[], "only SCRAM-SHA-256"),
            ("mongodb://h/x?compressors=zlib", &[], "there are: authMechanism"),
            ("mongodb://h", &[("timeout-ms", "0")], "option `timeout-ms`"),
            ("mongodb://h", &[("w", "1")], "there are: connect-timeout-ms"),
        ] {
            let error = read(url, options).unwrap_err().to_string();
            assert!(error.contains(text), "{url}: {error}");
        }
    }
}
