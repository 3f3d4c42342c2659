//! What a target's URL and options say.
//!
//! The URL is read here and not by sqlx: its readers take a server's address and files from the query, and a plugin may
//! choose neither.

use std::sync::Arc;

use crate::credentials::fill;
use crate::origin::{Origin, Scheme};
use crate::secrets::Secrets;

use super::limits::{MAX_NAME_BYTES, MAX_POOL};

/// A database as a virtual user names it.
#[derive(Clone, Copy, Debug)]
pub struct TargetSpec<'a> {
    /// `postgresql://`, `mysql://`, `mariadb://` or `sqlite:` URL; `{{secret:name}}` may stand in user, password and
    /// database.
    pub url: &'a str,
    /// Options by name; see `wit/sql.wit`.
    pub options: &'a [(String, String)],
}

/// How much TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TlsMode {
    Disable,
    Prefer,
    Require,
    VerifyFull,
}

/// A target that was read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) origin: Arc<Origin>,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) database: Option<String>,
    pub(crate) tls: TlsMode,
    pub(crate) application_name: String,
    pub(crate) read_only: bool,
    /// SQLite only: the file is made when there is none.
    pub(crate) create: bool,
    pub(crate) connect_timeout_ms: u64,
    pub(crate) statement_timeout_ms: u64,
    pub(crate) pool: Option<u32>,
    pub(crate) pool_timeout_ms: u64,
}

/// What a target's timeouts are unless it says so, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults {
    pub(crate) connect_timeout_ms: u64,
    pub(crate) statement_timeout_ms: u64,
}

impl Target {
    /// Reads a URL and options. Err: what is wrong, without anything secret.
    pub(crate) fn read(spec: &TargetSpec<'_>, secrets: &Secrets, defaults: Defaults) -> Result<Self, String> {
        let origin = Origin::of_url(without_secrets(spec.url)?).map_err(|error| error.to_string())?;
        if !matches!(origin.scheme, Scheme::Postgresql | Scheme::Mysql | Scheme::Sqlite) {
            return Err(
                "a database's URL starts with `postgresql://`, `mysql://`, `mariadb://` or `sqlite:`".into(),
            );
        }
        let mut target = Self {
            user: String::new(),
            password: None,
            database: None,
            tls: TlsMode::Prefer,
            application_name: "stresshost".to_owned(),
            read_only: false,
            create: false,
            connect_timeout_ms: defaults.connect_timeout_ms,
            statement_timeout_ms: defaults.statement_timeout_ms,
            pool: None,
            pool_timeout_ms: defaults.statement_timeout_ms,
            origin: Arc::new(origin),
        };
        let (rest, query) = spec.url.split_once('?').unwrap_or((spec.url, ""));
        match target.origin.scheme {
            Scheme::Sqlite => target.read_file()?,
            _ => target.read_authority(rest, secrets)?,
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            target.read_parameter(name, value)?;
        }
        for (name, value) in spec.options {
            target.read_option(name, value).map_err(|reason| format!("option `{name}`: {reason}"))?;
        }
        Ok(target)
    }

    fn read_file(&self) -> Result<(), String> {
        let path = self.origin.path.as_deref().unwrap_or_default();
        // SQLite itself would read it as a URI, with parameters that open other files.
        if path.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("file:")) {
            return Err("give the path of the file itself, without `file:`".to_owned());
        }
        Ok(())
    }

    fn read_authority(&mut self, rest: &str, secrets: &Secrets) -> Result<(), String> {
        let (authority, database) = split_authority(rest);
        // As the origin is read: a password may hold an `@` that nobody encoded.
        let (credentials, _) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (credentials, None),
        };
        let origin = Arc::clone(&self.origin);
        let read = |part: &str| filled(part, secrets, &origin);
        self.user = read(user)?;
        self.password = password.map(read).transpose()?;
        self.database = Some(read(database)?).filter(|database| !database.is_empty());
        if self.user.is_empty() {
            return Err("the URL names no user: write `user@` or `user:password@` before the host".to_owned());
        }
        Ok(())
    }

    fn read_parameter(&mut self, name: &str, value: &str) -> Result<(), String> {
        let sqlite = self.origin.scheme == Scheme::Sqlite;
        match (name, value) {
            ("sslmode" | "ssl-mode", value) if !sqlite => {
                self.tls = match value.to_ascii_lowercase().as_str() {
                    "disable" | "disabled" => TlsMode::Disable,
                    "allow" | "prefer" | "preferred" => TlsMode::Prefer,
                    "require" | "required" => TlsMode::Require,
                    "verify-full" | "verify_identity" => TlsMode::VerifyFull,
                    _ => {
                        return Err(format!("`{name}={value}`: use disable, prefer, require or verify-full"));
                    }
                };
                Ok(())
            }
            ("application_name", name) if !sqlite => self.read_option("application-name", name),
            ("mode", "ro") if sqlite => self.read_option("read-only", "true"),
            ("mode", "rw") if sqlite => Ok(()),
            ("mode", "rwc") if sqlite => {
                self.create = true;
                Ok(())
            }
            _ if sqlite => {
                Err(format!("`{name}={value}` in the URL: only mode=ro, mode=rw and mode=rwc are known"))
            }
            _ => Err(format!(
                "`{name}` in the URL: only sslmode and application_name are known; see the options of a target"
            )),
        }
    }

    fn read_option(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "connect-timeout-ms" => self.connect_timeout_ms = milliseconds(value)?,
            "statement-timeout-ms" => self.statement_timeout_ms = milliseconds(value)?,
            "pool-timeout-ms" => self.pool_timeout_ms = milliseconds(value)?,
            "read-only" => self.read_only = value.parse().map_err(|_| "use true or false")?,
            "pool" => {
                let size = value.parse().ok().filter(|size| (1..=MAX_POOL).contains(size));
                self.pool = Some(size.ok_or(format!("use a number from 1 to {MAX_POOL}"))?);
            }
            "application-name" => {
                if value.len() > MAX_NAME_BYTES || value.chars().any(|c| !c.is_ascii_graphic() && c != ' ') {
                    return Err(format!("use at most {MAX_NAME_BYTES} printable ASCII characters"));
                }
                value.clone_into(&mut self.application_name);
            }
            "tls" => {
                self.tls = match value {
                    "disable" => TlsMode::Disable,
                    "prefer" => TlsMode::Prefer,
                    "require" => TlsMode::Require,
                    "verify-full" => TlsMode::VerifyFull,
                    _ => return Err("use disable, prefer, require or verify-full".to_owned()),
                };
            }
            _ => {
                return Err(
                    "it is unknown; there are connect-timeout-ms, statement-timeout-ms, application-name, \
                            read-only, pool, pool-timeout-ms and tls"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }
}

/// Longest timeout: a day.
const MAX_TIMEOUT_MS: u64 = 86_400_000;

/// Milliseconds of a timeout.
pub(crate) fn milliseconds(value: &str) -> Result<u64, String> {
    let number = value.parse().ok().filter(|number| (1..=MAX_TIMEOUT_MS).contains(number));
    number.ok_or_else(|| format!("use a number of milliseconds from 1 to {MAX_TIMEOUT_MS}"))
}

/// What stands between `://` and the path, and the path without its `/`.
fn split_authority(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    (authority, path.strip_prefix('/').map_or("", |path| path.split(['?', '#']).next().unwrap_or(path)))
}

/// The URL, when no placeholder stands in its host and port.
fn without_secrets(url: &str) -> Result<&str, String> {
    let (authority, _) = split_authority(url);
    if authority.rsplit_once('@').map_or(authority, |(_, place)| place).contains("{{") {
        return Err(
            "scheme, host and port must be fixed: a secret may stand in user, password and database".into()
        );
    }
    Ok(url)
}

/// A part of the URL as the server is to see it, whose protocol ends texts with a zero byte.
fn filled(part: &str, secrets: &Secrets, origin: &Origin) -> Result<String, String> {
    let text = fill(part, secrets, origin).map_err(|error| error.to_string())?;
    let has_zero = text.contains('\0');
    if has_zero { Err("user, password and database have no zero byte".to_owned()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secret;

    const DEFAULTS: Defaults = Defaults { connect_timeout_ms: 10_000, statement_timeout_ms: 60_000 };

    fn read(url: &str, options: &[(&str, &str)]) -> Result<Target, String> {
        let options: Vec<_> =
            options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let goes_to = |origin: &Origin| &*origin.host == "db.test";
        let secret = Secret::new("pw".into(), "p%40/@:x".into(), Box::new(goes_to));
        let secrets: Secrets = [secret].into_iter().collect();
        Target::read(&TargetSpec { url, options: &options }, &secrets, DEFAULTS)
    }

    #[test]
    fn urls_name_user_password_and_database() {
        for (url, user, password, database) in [
            ("postgresql://tester:p%40ss@db.test/shop", "tester", Some("p@ss"), Some("shop")),
            ("postgres://tester@db.test:5433", "tester", None, None),
            ("mysql://a:b%2Fc@d@db.test/x%20y@", "a", Some("b/c@d"), Some("x y@")),
            ("mariadb://a:@db.test/", "a", Some(""), None),
            ("postgresql://a:{{secret:pw}}@db.test/{{secret:pw}}", "a", Some("p%40/@:x"), Some("p%40/@:x")),
        ] {
            let target = read(url, &[]).unwrap();
            assert_eq!(
                (&*target.user, target.password.as_deref(), target.database.as_deref()),
                (user, password, database),
                "{url}"
            );
        }
        let target = read("postgresql://a@db.test/x?sslmode=verify-full&application_name=me", &[]).unwrap();
        assert_eq!((target.tls, &*target.application_name), (TlsMode::VerifyFull, "me"));
        let target = read("sqlite:/tmp/a.db?mode=rwc", &[]).unwrap();
        assert_eq!(
            (target.origin.path.as_deref(), target.create, target.read_only),
            (Some("/tmp/a.db"), true, false)
        );
    }

    #[test]
    fn options_are_read() {
        let target = read(
            "postgresql://a@db.test",
            &[
                ("connect-timeout-ms", "5"),
                ("statement-timeout-ms", "6"),
                ("pool-timeout-ms", "7"),
                ("read-only", "true"),
                ("pool", "3"),
                ("tls", "require"),
                ("application-name", "load test"),
            ],
        )
        .unwrap();
        assert_eq!(
            (target.connect_timeout_ms, target.statement_timeout_ms, target.pool_timeout_ms),
            (5, 6, 7)
        );
        assert_eq!((target.read_only, target.pool, target.tls), (true, Some(3), TlsMode::Require));
        assert_eq!(target.application_name, "load test");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (url, reason) in [
            ("http://h/", "postgresql://"),
            ("postgresql://db.test/x", "no user"),
            ("postgresql://a@{{secret:pw}}/x", "must be fixed"),
            ("postgresql://a:{{secret:pw}}@other.test/x", "not given for postgresql://other.test"),
            ("postgresql://a:{{secret:no}}@db.test/x", "no secret `no`"),
            ("postgresql://a:{{secret:pw@db.test/x", "without `}}`"),
            ("postgresql://a:50%@db.test/x", "%25"),
            // What libpq and sqlx read from the query would lead around the grant.
            ("postgresql://a@db.test/x?host=other", "`host` in the URL"),
            ("postgresql://a@db.test/x?hostaddr=10.0.0.1", "`hostaddr` in the URL"),
            ("postgresql://a@db.test/x?port=1", "`port` in the URL"),
            ("postgresql://a@db.test/x?sslkey=/etc/passwd", "`sslkey` in the URL"),
            ("mysql://a@db.test/x?socket=/run/m", "`socket` in the URL"),
            ("postgresql://a@db.test/x?sslmode=maybe", "sslmode=maybe"),
            ("sqlite:file:x.db", "without `file:`"),
            ("sqlite:x.db?vfs=unix-none", "vfs=unix-none"),
        ] {
            let error = read(url, &[]).unwrap_err();
            assert!(error.contains(reason), "{url}: {error}");
            assert!(!error.contains("p%40"), "{error}");
        }
        for (name, value) in [
            ("pool", "0"),
            ("pool", "x"),
            ("read-only", "1"),
            ("tls", "yes"),
            ("odd", ""),
            ("connect-timeout-ms", "0"),
        ] {
            let error = read("postgresql://a@db.test", &[(name, value)]).unwrap_err();
            assert!(error.contains(&format!("option `{name}`")), "{error}");
        }
    }
}
