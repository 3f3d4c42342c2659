//! How to log in to a registry: from the environment, the docker config, or a credential helper.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::document::read_text;
use crate::error::{Error, Result};
use crate::limits::{HELPER_TIMEOUT, MAX_DOCUMENT_BYTES, MAX_HELPER_BYTES};

/// User name by which helpers and docker say that the secret is a token, not a password.
const TOKEN_USER: &str = "<token>";

/// What a registry is shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user's name and password.
    Basic {
        /// Name.
        user: String,
        /// Password.
        password: String,
    },
    /// A token that is exchanged for others (OAuth2 refresh token).
    Identity(String),
    /// A token for the registry itself.
    Bearer(String),
}

/// Where to look for credentials.
#[derive(Clone, Default)]
pub struct Credentials {
    /// A host and what it is shown, given by hand.
    pub given: Option<(String, Credential)>,
    /// Docker's `config.json`.
    pub docker_config: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
struct Auth {
    auth: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// What a helper prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

impl Credentials {
    /// Reads `HOST=USER:PASSWORD` or `HOST=bearer:TOKEN`.
    pub fn parse(text: &str) -> Option<(String, Credential)> {
        let (host, rest) = text.split_once('=')?;
        let (user, secret) = rest.split_once(':')?;
        let credential = match user {
            "bearer" => Credential::Bearer(secret.to_owned()),
            _ => Credential::Basic { user: user.to_owned(), password: secret.to_owned() },
        };
        (!host.is_empty()).then(|| (host.to_owned(), credential))
    }

    /// What the registry at `host` (with its port) is shown; nothing when nobody says.
    ///
    /// # Errors
    /// When the docker config cannot be read, or a helper breaks.
    pub(crate) fn of(&self, host: &str) -> Result<Option<Credential>> {
        if let Some((_, credential)) = self.given.as_ref().filter(|(given, _)| given == host) {
            return Ok(Some(credential.clone()));
        }
        let Some(path) = &self.docker_config else { return Ok(None) };
        let Some(text) = read_text(path, MAX_DOCUMENT_BYTES)? else { return Ok(None) };
        let config: DockerConfig = serde_json::from_str(&text)
            .map_err(|error| Error::Document { path: path.clone(), reason: error.to_string() })?;
        let helper = config.cred_helpers.get(host).or(config.creds_store.as_ref());
        if let Some(helper) = helper
            && let Some(credential) = ask(helper, host)?
        {
            return Ok(Some(credential));
        }
        let auth = config.auths.into_iter().find(|(key, _)| host_of(key) == host).map(|(_, auth)| auth);
        Ok(auth.and_then(credential_of))
    }
}

/// The host of a key in the docker config: some hold a scheme and a path.
fn host_of(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    key.split('/').next().unwrap_or(key)
}

fn credential_of(auth: Auth) -> Option<Credential> {
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    if let Some(token) = filled(auth.registrytoken) {
        return Some(Credential::Bearer(token));
    }
    if let Some(token) = filled(auth.identitytoken) {
        return Some(Credential::Identity(token));
    }
    let decoded = String::from_utf8(STANDARD.decode(auth.auth?.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(Credential::Basic { user: user.to_owned(), password: password.to_owned() })
}

/// Asks `docker-credential-HELPER get`; nothing when it knows none.
/// Protocol: <https://github.com/docker/docker-credential-helpers#development>.
fn ask(helper: &str, host: &str) -> Result<Option<Credential>> {
    let program = format!("docker-credential-{helper}");
    let broken = |reason: String| Error::Usage(format!("credential helper `{program}`: {reason}"));
    // It is a program's name, not a path or an option.
    if helper.is_empty()
        || !helper.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    {
        return Err(broken("its name in the docker config is malformed".to_owned()));
    }
    let child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|error| broken(format!("cannot be started: {error}")))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (sender, receiver) = mpsc::channel();
    let host = host.to_owned();
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        // A helper that does not read its question tells so by its answer.
        drop(stdin.map(|mut stdin| stdin.write_all(host.as_bytes())));
        drop(stdout.map(|stdout| stdout.take(MAX_HELPER_BYTES).read_to_end(&mut answer)));
        // Nobody waits any more when it was too late.
        drop(sender.send(answer));
    });
    let answer = receiver.recv_timeout(HELPER_TIMEOUT);
    if answer.is_err() {
        // It may have ended by itself meanwhile.
        drop(child.kill());
    }
    let status = child.wait().map_err(|error| broken(error.to_string()))?;
    let answer = answer.map_err(|_| broken(format!("no answer within {} s", HELPER_TIMEOUT.as_secs())))?;
    if !status.success() {
        // What helpers answer when they know nothing of a host.
        let text = String::from_utf8_lossy(&answer);
        if text.contains("credentials not found") {
            return Ok(None);
        }
        return Err(broken(format!("it ended with {status}")));
    }
    let answer: HelperAnswer =
        serde_json::from_slice(&answer).map_err(|_| broken("its answer is malformed".to_owned()))?;
    Ok(Some(match answer.username.as_str() {
        TOKEN_USER => Credential::Identity(answer.secret),
        _ => Credential::Basic { user: answer.username, password: answer.secret },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(user: &str, password: &str) -> Credential {
        Credential::Basic { user: user.into(), password: password.into() }
    }

    #[test]
    fn the_docker_config_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        let (alice, empty) = (STANDARD.encode("alice:s3c:ret"), STANDARD.encode("nobody"));
        let text = format!(
            r#"{{"auths": {{
                "h:5000": {{"auth": "{alice}"}},
                "https://index.example/v1/": {{"auth": "{alice}"}},
                "token.example": {{"auth": "{alice}", "identitytoken": "refresh"}},
                "odd.example": {{"auth": "{empty}"}},
                "none.example": {{}}
            }}, "HttpHeaders": {{}}}}"#
        );
        std::fs::write(&path, text).unwrap();
        let credentials = Credentials { given: None, docker_config: Some(path.clone()) };
        for (host, expected) in [
            ("h:5000", Some(basic("alice", "s3c:ret"))),
            ("h", None),
            ("index.example", Some(basic("alice", "s3c:ret"))),
            ("token.example", Some(Credential::Identity("refresh".into()))),
            ("odd.example", None),
            ("none.example", None),
        ] {
            assert!(credentials.of(host).unwrap() == expected, "{host}");
        }
        let given = Credentials::parse("h:5000=bob:pass:word");
        let credentials = Credentials { given, docker_config: Some(path.clone()) };
        assert!(credentials.of("h:5000").unwrap() == Some(basic("bob", "pass:word")));
        std::fs::write(&path, "{").unwrap();
        assert!(credentials.of("other").err().unwrap().to_string().contains("config.json"));
        assert!(Credentials::default().of("h").unwrap().is_none());
    }

    #[test]
    fn credentials_given_by_hand_belong_to_a_host() {
        assert!(
            Credentials::parse("h=bearer:tok:en") == Some(("h".into(), Credential::Bearer("tok:en".into())))
        );
        for wrong in ["", "h", "h=user", "=user:password"] {
            assert!(Credentials::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_helpers_name_is_a_program() {
        for name in ["", "../x", "a b", "a/b"] {
            assert!(ask(name, "h").err().unwrap().to_string().contains("malformed"), "{name}");
        }
        let missing = ask("stresshost-no-such-helper", "h").err().unwrap().to_string();
        assert!(
            missing.starts_with(
                "credential helper `docker-credential-stresshost-no-such-helper`: cannot be started"
            ),
            "{missing}"
        );
    }
}
