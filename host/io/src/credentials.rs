//! Credentials in the URL of a server.

use crate::origin::{Origin, percent_decode};
use crate::secrets::{SecretError, Secrets};

/// What is wrong with credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// They cannot be decoded.
    #[error("credentials and database in the URL are percent-encoded: write a `%` as %25")]
    Encoding,
    /// The name of a secret does not end.
    #[error("`{{{{secret:` in the URL without `}}}}`")]
    Unclosed,
    /// A secret that cannot stand in them.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Credentials, and everything from the path on, as `Origin` splits a URL.
pub(crate) fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    (authority.rsplit_once('@').map_or("", |(credentials, _)| credentials), path)
}

/// Undoes the percent-encoding and puts secrets in, which are not encoded.
pub(crate) fn fill(text: &str, secrets: &Secrets, origin: &Origin) -> Result<String, CredentialsError> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{secret:") {
        let (name, after) = after.split_once("}}").ok_or(CredentialsError::Unclosed)?;
        filled.push_str(&percent_decode(before).ok_or(CredentialsError::Encoding)?);
        filled.push_str(secrets.value(name.trim().as_bytes(), origin)?);
        rest = after;
    }
    filled.push_str(&percent_decode(rest).ok_or(CredentialsError::Encoding)?);
    Ok(filled)
}
