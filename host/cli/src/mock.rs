//! A mock of a plugin's target, described in a file: scripted replies, and what the plugin must do with them.
//!
//! The plugin runs as it always does; only its connections lead to a server in this process.

mod expect;
mod server;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use stresshost_plan::parse_duration_ms;

pub(crate) use self::expect::Expect;
pub(crate) use self::server::{Seen, Server};
use crate::config;
use crate::exit::usage;

/// Virtual users a mock is for: each has a connection of its own to the server.
pub(crate) const MAX_VUS: u64 = 32;

/// What a mock's file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mock {
    /// The plugin's arguments and flags.
    pub(crate) args: Vec<String>,
    /// Seed of every random choice.
    #[serde(default = "one")]
    pub(crate) seed: u64,
    /// Further origins that lead to the mock, such as `http://auth.test`; those among the arguments do anyhow.
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    pub(crate) replies: Vec<Reply>,
    #[serde(default)]
    pub(crate) expect: Expect,
    /// Snapshot of the plan, beside the mock's file.
    #[serde(default)]
    plan: Option<PathBuf>,
}

const fn one() -> u64 {
    1
}

/// A scripted reply.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    /// Which requests it is for.
    request: Pattern,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body as text.
    #[serde(default)]
    body: Option<String>,
    /// The body as JSON, with its content type.
    #[serde(default)]
    json: Option<Value>,
    /// How long the answer takes.
    #[serde(default)]
    delay: Option<String>,
    /// How often it is given before the next reply for such a request is; without it, always.
    #[serde(default)]
    times: Option<u64>,
}

const fn ok() -> u16 {
    200
}

/// Requests, as `METHOD /path`; a segment `*` or `{name}` stands for any. A query counts only where it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Pattern(String);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(" /") {
            Some((method, _)) if !method.is_empty() && !method.contains(' ') => Ok(Self(text)),
            _ => Err(format!("`{text}` is no request: write `METHOD /path`, such as `GET /products/{{id}}`")),
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pattern {
    /// Whether a request, as `METHOD /path?query`, is one of these.
    pub(crate) fn matches(&self, request: &str) -> bool {
        let request =
            if self.0.contains('?') { request } else { request.split('?').next().unwrap_or(request) };
        let mut wanted = self.0.split('/');
        let mut parts = request.split('/');
        loop {
            match (wanted.next(), parts.next()) {
                (None, None) => return true,
                (Some(wanted), Some(part)) if wanted == part => {}
                (Some(wanted), Some(part)) if !part.is_empty() && is_any(wanted) => {}
                _ => return false,
            }
        }
    }
}

fn is_any(segment: &str) -> bool {
    segment == "*" || (segment.starts_with('{') && segment.ends_with('}'))
}

impl Mock {
    /// Reads a mock's file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let document = config::read(&path.display().to_string(), &[])?;
        let mock: Self = serde_json::from_value(document.into_value())
            .map_err(|error| usage(format!("`{}`: {error}", path.display())))?;
        for reply in &mock.replies {
            let fault = match (&reply.body, &reply.json, reply.delay.as_deref().map(parse_duration_ms)) {
                (Some(_), Some(_), _) => Some("has both `body` and `json`".to_owned()),
                (_, _, Some(Err(error))) => Some(format!("delay: {error}")),
                _ if !(100..=599).contains(&reply.status) => Some(format!("{} is no status", reply.status)),
                _ => None,
            };
            if let Some(fault) = fault {
                return Err(usage(format!(
                    "`{}`: the reply to `{}`: {fault}",
                    path.display(),
                    reply.request
                )));
            }
        }
        Ok(mock)
    }

    /// The plan's snapshot, if it has one.
    pub(crate) fn snapshot(&self, file: &Path) -> Option<PathBuf> {
        self.plan.as_ref().map(|plan| file.parent().unwrap_or(Path::new("")).join(plan))
    }

    /// Names and ports that lead to the mock, as `name:port`.
    pub(crate) fn resolved(&self) -> Vec<String> {
        let mut origins: Vec<String> =
            self.hosts.iter().chain(&self.args).filter_map(|text| origin(text)).collect();
        origins.sort();
        origins.dedup();
        origins
    }
}

/// Name and port of an `http` URL.
fn origin(text: &str) -> Option<String> {
    let start = text.find("http://")? + "http://".len();
    let authority = text[start..].split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next().filter(|authority| !authority.is_empty())?;
    let has_port =
        authority.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    Some(if has_port { authority.to_owned() } else { format!("{authority}:80") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_paths() {
        let matches = |pattern: &str, request: &str| Pattern(pattern.to_owned()).matches(request);
        assert!(matches("GET /products/{id}", "GET /products/7?page=1"));
        assert!(matches("GET /a/*/c", "GET /a/b/c"));
        assert!(matches("GET /a?x=1", "GET /a?x=1"));
        assert!(matches("GET /", "GET /"));
        for (pattern, request) in [
            ("GET /products/{id}", "GET /products/"),
            ("GET /products/{id}", "GET /products/7/stock"),
            ("GET /products", "POST /products"),
            ("GET /a?x=1", "GET /a?x=2"),
        ] {
            assert!(!matches(pattern, request), "{pattern} {request}");
        }
        assert!(Pattern::try_from("products".to_owned()).is_err());
    }

    #[test]
    fn origins_are_found_in_arguments() {
        assert_eq!(origin("http://shop.test/x").as_deref(), Some("shop.test:80"));
        assert_eq!(origin("--base=http://user@shop.test:81").as_deref(), Some("shop.test:81"));
        assert_eq!(origin("http://[::1]:9/").as_deref(), Some("[::1]:9"));
        assert_eq!(origin("https://shop.test/"), None);
        assert_eq!(origin("--vus"), None);
    }

    #[test]
    fn wrong_files_are_refused_in_words() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mock.yaml");
        for (text, told) in [
            ("args: []\nreplies:\n  - request: products\n", "write `METHOD /path`"),
            ("args: []\nreplies:\n  - {request: GET /, body: a, json: 1}\n", "both `body` and `json`"),
            ("args: []\nreplies:\n  - {request: GET /, delay: soon}\n", "delay:"),
            ("args: []\nreplies:\n  - {request: GET /, status: 9}\n", "9 is no status"),
            ("args: []\nexpect: {calls: {GET /: many}}\n", "invalid type"),
            ("arguments: []\n", "unknown field `arguments`"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Mock::read(&path).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
