//! The URL of a database: which engine, where, and whether it is this machine.

use stresshost_sdk::config::short;
use stresshost_sdk::documents::nearest;
use stresshost_sdk::prelude::Problem;
use stresshost_sdk::serde::{Deserialize, Serialize};

/// Schemes people write, and the engine each means.
const SCHEMES: [(&str, Kind); 9] = [
    ("postgresql", Kind::Postgresql),
    ("postgres", Kind::Postgresql),
    ("mysql", Kind::Mysql),
    ("mariadb", Kind::Mysql),
    ("sqlite", Kind::Sqlite),
    ("redis", Kind::Redis),
    ("rediss", Kind::Redis),
    ("valkey", Kind::Redis),
    ("mongodb", Kind::Mongo),
];

/// How such URLs look, for messages.
pub(crate) const FORMS: &str = "write postgresql://user:password@host:5432/database, mysql://..., redis://host:6379, \
                                mongodb://... or sqlite:FILE";

/// What to do about a URL of several servers of MongoDB.
const ONE_SERVER: &str = "give one server's host, such as mongodb://user:password@host:27017/database; for writes \
                          that of the primary";

/// A family of servers that speak one protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", rename_all = "lowercase")]
pub(crate) enum Kind {
    /// PostgreSQL.
    #[default]
    Postgresql,
    /// MySQL and MariaDB.
    Mysql,
    /// SQLite, a file of this machine.
    Sqlite,
    /// Redis and servers that speak its protocol.
    Redis,
    /// MongoDB and servers that speak its protocol.
    Mongo,
}

impl Kind {
    /// The name people know it by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Postgresql => "PostgreSQL",
            Self::Mysql => "MySQL or MariaDB",
            Self::Sqlite => "SQLite",
            Self::Redis => "Redis",
            Self::Mongo => "MongoDB",
        }
    }

    /// Words that `database_type` may be.
    pub(crate) const WORDS: [&'static str; 6] =
        ["postgresql", "mysql", "mariadb", "sqlite", "redis", "mongodb"];

    /// The engine of such a word.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        SCHEMES.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind)
    }

    /// Protocol of its operations in reports.
    pub(crate) const fn protocol(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Mongo => "mongo",
            Self::Postgresql | Self::Mysql | Self::Sqlite => "sql",
        }
    }

    /// Whether it is asked in SQL.
    pub(crate) const fn is_sql(self) -> bool {
        matches!(self, Self::Postgresql | Self::Mysql | Self::Sqlite)
    }
}

/// A database as its URL names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde")]
pub(crate) struct Database {
    /// The URL as it was given.
    pub(crate) url: String,
    pub(crate) kind: Kind,
    /// Host, with the port when it is not the usual one; the path of a file.
    pub(crate) host: String,
    /// Name of the database; empty when the URL has none.
    pub(crate) name: String,
    /// What `Plan::targets` holds: scheme, host and port.
    pub(crate) target: String,
    /// Whether it is this machine.
    pub(crate) is_local: bool,
}

impl Database {
    /// Reads a URL that stands at `path`.
    ///
    /// # Errors
    /// What is wrong with it, and how it is written.
    pub(crate) fn read(url: &str, path: &str) -> Result<Self, Problem> {
        let problem = |message: String| Problem::new(path, message).hint(FORMS);
        let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let plain = scheme.strip_suffix("+srv").unwrap_or(&scheme);
        let Some((_, kind)) = SCHEMES.iter().find(|(known, _)| *known == plain).filter(|_| url.contains(':'))
        else {
            let known = SCHEMES.iter().map(|(known, _)| *known);
            return Err(match nearest(plain, known).filter(|_| url.contains(':')) {
                Some(near) => Problem::new(path, format!("`{plain}:` is no scheme of a database"))
                    .hint(format!("did you mean `{near}:`?")),
                None => problem(format!("`{}` is no URL of a database", redacted(url))),
            });
        };
        let rest = url.get(scheme.len() + 1..).unwrap_or_default();
        match kind {
            Kind::Mongo if scheme != plain => Err(Problem::new(
                path,
                format!("`{scheme}:` is the name of a cluster, and a user is connected to one server"),
            )
            .hint(ONE_SERVER)),
            Kind::Mongo if hosts(rest).contains(',') => {
                Err(Problem::new(path, format!("`{}` names several hosts", redacted(url))).hint(ONE_SERVER))
            }
            Kind::Sqlite => Self::file(url, rest).ok_or_else(|| {
                problem("`sqlite:` is followed by the path of a file, such as `sqlite:shop.db`".to_owned())
            }),
            kind => Self::server(url, &scheme, *kind, rest).map_err(problem),
        }
    }

    fn file(url: &str, rest: &str) -> Option<Self> {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let path = path.split('?').next().unwrap_or_default();
        if path.is_empty() || path == ":memory:" {
            return None;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(Self {
            url: url.to_owned(),
            kind: Kind::Sqlite,
            host: path.to_owned(),
            name: name.to_owned(),
            target: format!("sqlite:{path}"),
            is_local: true,
        })
    }

    fn server(url: &str, scheme: &str, kind: Kind, rest: &str) -> Result<Self, String> {
        let rest = rest.strip_prefix("//").ok_or_else(|| format!("`{scheme}:` is followed by `//`"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = hosts(authority).to_ascii_lowercase();
        if host.is_empty() || host.contains(',') {
            return Err(format!("`{}` names no single host", redacted(url)));
        }
        let name = path.trim_start_matches('/').split(['?', '#']).next().unwrap_or_default();
        let name = match kind {
            Kind::Redis if name.is_empty() => "0",
            Kind::Mongo if name.is_empty() => "test",
            _ => name,
        };
        let scheme = match scheme {
            "postgres" => "postgresql",
            "mariadb" => "mysql",
            "valkey" => "redis",
            other => other,
        };
        let usual = match kind {
            Kind::Postgresql => "5432",
            Kind::Mysql => "3306",
            Kind::Mongo => "27017",
            Kind::Redis | Kind::Sqlite => "6379",
        };
        let (bare, port) = split_port(&host);
        let port = port.unwrap_or(usual);
        if port.parse::<u16>().is_err() {
            return Err(format!("`{}` is no port", short(port)));
        }
        let shown = if port == usual { bare.to_owned() } else { format!("{bare}:{port}") };
        Ok(Self {
            url: url.to_owned(),
            kind,
            host: shown,
            name: name.to_owned(),
            target: format!("{scheme}://{bare}:{port}"),
            is_local: is_loopback(bare.trim_matches(['[', ']'])),
        })
    }

    /// `HOST/DATABASE`, as `--allow-writes` names it.
    pub(crate) fn place(&self) -> String {
        format!("{}/{}", self.host, self.name)
    }
}

/// A URL without its password, for messages.
pub(crate) fn redacted(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return short(url) };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..end).and_then(|authority| authority.rsplit_once('@')) {
        Some((_, host)) => short(&format!("{scheme}://{host}{}", rest.get(end..).unwrap_or_default())),
        None => short(url),
    }
}

/// The host, or hosts, that follow a scheme, with their ports.
fn hosts(rest: &str) -> &str {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts)
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    if host.starts_with('[') {
        return match host.split_once(']') {
            Some((before, after)) => (host.get(..=before.len()).unwrap_or(host), after.strip_prefix(':')),
            None => (host, None),
        };
    }
    match host.rsplit_once(':') {
        Some((bare, port)) => (bare, Some(port)),
        None => (host, None),
    }
}

fn is_loopback(host: &str) -> bool {
    let is_name = host == "localhost" || host.ends_with(".localhost");
    is_name || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_tell_engine_place_and_machine() {
        for (url, kind, place, target, is_local) in [
            (
                "postgresql://u:p@localhost:5432/mydb",
                Kind::Postgresql,
                "localhost/mydb",
                "postgresql://localhost:5432",
                true,
            ),
            (
                "postgres://db.test/shop?sslmode=require",
                Kind::Postgresql,
                "db.test/shop",
                "postgresql://db.test:5432",
                false,
            ),
            ("mysql://u@127.0.0.1:3307/a", Kind::Mysql, "127.0.0.1:3307/a", "mysql://127.0.0.1:3307", true),
            ("mariadb://[::1]/a", Kind::Mysql, "[::1]/a", "mysql://[::1]:3306", true),
            ("redis://localhost:6379", Kind::Redis, "localhost/0", "redis://localhost:6379", true),
            ("rediss://cache.test/2", Kind::Redis, "cache.test/2", "rediss://cache.test:6379", false),
            (
                "mongodb://localhost:27017/testdb",
                Kind::Mongo,
                "localhost/testdb",
                "mongodb://localhost:27017",
                true,
            ),
            (
                "mongodb://u:p@db.test?authSource=a",
                Kind::Mongo,
                "db.test/test",
                "mongodb://db.test:27017",
                false,
            ),
            ("sqlite:///tmp/a.db?mode=ro", Kind::Sqlite, "/tmp/a.db/a.db", "sqlite:/tmp/a.db", true),
            ("sqlite:a.db", Kind::Sqlite, "a.db/a.db", "sqlite:a.db", true),
            (
                "postgresql://u:p@ss@10.0.0.1/x",
                Kind::Postgresql,
                "10.0.0.1/x",
                "postgresql://10.0.0.1:5432",
                false,
            ),
        ] {
            let database = Database::read(url, "URL").unwrap();
            assert_eq!(
                (database.kind, database.place(), database.target.as_str(), database.is_local),
                (kind, place.to_owned(), target, is_local),
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_no_database_is_told() {
        for (url, told) in [
            ("http://shop.test/", "is no URL of a database"),
            ("postgersql://h/d", "did you mean `postgresql:`?"),
            ("mongodb+srv://u:secret@h/d", "give one server's host"),
            ("mongodb://u:secret@a,b:27018/d", "names several hosts"),
            ("mongodb://u:secret@/d", "names no single host"),
            ("sqlite:", "the path of a file"),
            ("sqlite::memory:", "the path of a file"),
            ("postgresql:/h", "is followed by `//`"),
            ("postgresql://u:secret@/d", "names no single host"),
            ("mysql://h:port/d", "`port` is no port"),
            ("shop", "is no URL of a database"),
        ] {
            let problem = Database::read(url, "URL").unwrap_err().to_string();
            assert!(problem.contains(told) && !problem.contains("secret"), "{url}: {problem}");
        }
    }
}
