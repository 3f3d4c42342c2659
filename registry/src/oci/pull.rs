//! Taking content from a registry: manifests, small blobs, components, lists.

use reqwest::header::{ACCEPT, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::client::{Client, reason};
use super::manifest::{Descriptor, INDEX, Index, MANIFEST, Manifest};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::{
    MAX_ATTEMPTS, MAX_MANIFEST_BYTES, MAX_PACKAGES, MAX_PAGES, MAX_REFERRERS, MAX_VERSIONS, RETRY_PAUSE,
};
use crate::store::Partial;

/// Items of a list's page that are asked for.
const PAGE: usize = 100;

/// What a login for reading a repository is kept under.
pub(super) fn scope(repository: &str) -> String {
    format!("pull {repository}")
}

/// A document of one of the two kinds, with its bytes; none when there is none.
async fn document<T: DeserializeOwned>(
    client: &Client,
    repository: &str,
    reference: &str,
    media_type: &str,
) -> Result<Option<(T, Vec<u8>)>> {
    let url = client.url(&format!("{repository}/manifests/{reference}"))?;
    let get = || client.request(Method::GET, url.clone()).header(ACCEPT, media_type);
    let response = client.send(&scope(repository), get).await?;
    let what = format!("{repository}:{reference}");
    match response.status() {
        StatusCode::NOT_FOUND => return Ok(None),
        StatusCode::OK => {}
        _ => return Err(client.refused(&what, response).await),
    }
    let given = content_type(&response);
    if given != media_type {
        return Err(client.broken(format!("{what} is `{}`, not `{media_type}`", given.escape_debug())));
    }
    let bytes = client.body(response, MAX_MANIFEST_BYTES, &format!("the manifest of {what}")).await?;
    // Asked for by digest, it must have it.
    if let Some(expected) = Digest::parse(reference) {
        let found = Digest::of(&bytes);
        if found != expected {
            let advice = "the registry is broken, or somebody replaces what it sends";
            return Err(Error::Digest {
                what: format!("a manifest of {repository}"),
                expected,
                found,
                advice,
            });
        }
    }
    let parsed = serde_json::from_slice(&bytes);
    let parsed =
        parsed.map_err(|error| client.broken(format!("the manifest of {what} is malformed: {error}")))?;
    Ok(Some((parsed, bytes)))
}

fn content_type(response: &Response) -> String {
    let value =
        response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("nothing");
    value.split(';').next().unwrap_or(value).trim().chars().take(100).collect()
}

/// A manifest by tag or digest, with its own digest.
pub(super) async fn manifest(
    client: &Client,
    repository: &str,
    reference: &str,
) -> Result<Option<(Manifest, Digest, u64)>> {
    let found = document::<Manifest>(client, repository, reference, MANIFEST).await?;
    Ok(found.map(|(manifest, bytes)| (manifest, Digest::of(&bytes), bytes.len() as u64)))
}

/// The index that lists a manifest's referrers in a registry that cannot be asked for them: distribution specification,
/// "Referrers Tag Schema".
pub(super) async fn referrers_index(
    client: &Client,
    repository: &str,
    subject: &Digest,
) -> Result<Option<Index>> {
    let found = document::<Index>(client, repository, &referrers_tag(subject), INDEX).await?;
    Ok(found.map(|(index, _)| index))
}

pub(super) fn referrers_tag(subject: &Digest) -> String {
    format!("sha256-{}", subject.hex())
}

/// What refers to a manifest.
pub(super) async fn referrers(
    client: &Client,
    repository: &str,
    subject: &Digest,
) -> Result<Vec<Descriptor>> {
    let mut url = client.url(&format!("{repository}/referrers/{subject}"))?;
    let mut found = Vec::new();
    for _ in 0..MAX_PAGES {
        let get = || client.request(Method::GET, url.clone()).header(ACCEPT, INDEX);
        let response = client.send(&scope(repository), get).await?;
        // A registry that does not know the request answers 404; it must answer an empty index otherwise.
        if response.status() != StatusCode::OK || content_type(&response) != INDEX {
            let index = referrers_index(client, repository, subject).await?;
            return Ok(index
                .map(|index| index.manifests.into_iter().take(MAX_REFERRERS).collect())
                .unwrap_or_default());
        }
        let next = client.next_page(&response)?;
        let bytes = client.body(response, MAX_MANIFEST_BYTES, "a list of referrers").await?;
        let index: Index = serde_json::from_slice(&bytes)
            .map_err(|error| client.broken(format!("a list of referrers is malformed: {error}")))?;
        found.extend(index.manifests);
        match next {
            Some(next) if found.len() < MAX_REFERRERS => url = next,
            _ => break,
        }
    }
    found.truncate(MAX_REFERRERS);
    Ok(found)
}

/// A small blob, whole.
pub(super) async fn blob(
    client: &Client,
    repository: &str,
    descriptor: &Descriptor,
    limit: u64,
) -> Result<Vec<u8>> {
    let expected = Digest::parse(&descriptor.digest);
    let expected =
        expected.ok_or_else(|| client.broken("a manifest points at a digest that is no SHA-256"))?;
    let url = client.url(&format!("{repository}/blobs/{expected}"))?;
    let response = client.send(&scope(repository), || client.request(Method::GET, url.clone())).await?;
    if response.status() != StatusCode::OK {
        return Err(client.refused(&format!("blob {expected}"), response).await);
    }
    let bytes = client.body(response, limit, &format!("blob {expected}")).await?;
    let found = Digest::of(&bytes);
    if found == expected {
        return Ok(bytes);
    }
    let advice = "it was damaged or replaced; try again, and tell the registry's owner if it stays so";
    Err(Error::Digest { what: format!("a blob of {repository}"), expected, found, advice })
}

/// Fetches the rest of a component into `partial`. What breaks is tried again from where it broke.
pub(super) async fn component(
    client: &Client,
    repository: &str,
    digest: &Digest,
    size: u64,
    partial: &mut Partial,
) -> Result<()> {
    let mut pause = RETRY_PAUSE;
    let mut last = String::new();
    for attempt in 0..MAX_ATTEMPTS {
        if attempt > 0 {
            tracing::info!("fetching {repository} goes on at byte {}: {last}", partial.len());
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        match stretch(client, repository, digest, size, partial).await? {
            Stretch::Whole => return Ok(()),
            Stretch::Short => {
                return Err(Error::NotVerified(format!(
                    "registry {}: the component {digest} ends after {} of {size} bytes: it is not what its manifest says",
                    client.location(),
                    partial.len()
                )));
            }
            Stretch::Broken(reason) => last = reason,
        }
    }
    Err(client.broken(format!(
        "{last}, at byte {} of {size}; run the command again: it goes on from there",
        partial.len()
    )))
}

/// How an answer went.
enum Stretch {
    /// Everything is there.
    Whole,
    /// The answer ended as it should, with less than there should be.
    Short,
    /// The connection broke.
    Broken(String),
}

/// One answer's worth of a component.
async fn stretch(
    client: &Client,
    repository: &str,
    digest: &Digest,
    size: u64,
    partial: &mut Partial,
) -> Result<Stretch> {
    if partial.len() >= size {
        return Ok(Stretch::Whole);
    }
    let url = client.url(&format!("{repository}/blobs/{digest}"))?;
    let from = partial.len();
    let get = || {
        let request = client.long_request(Method::GET, url.clone());
        if from > 0 { request.header(RANGE, format!("bytes={from}-")) } else { request }
    };
    let mut response = match client.send(&scope(repository), get).await {
        Ok(response) => response,
        Err(Error::Registry { reason, .. }) => return Ok(Stretch::Broken(reason)),
        Err(error) => return Err(error),
    };
    match response.status() {
        // The whole again: the registry has no ranges.
        StatusCode::OK => partial.restart()?,
        StatusCode::PARTIAL_CONTENT if range_start(&response) == Some(from) => {}
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => {
            partial.restart()?;
            return Ok(Stretch::Broken("it does not go on where it was asked to".to_owned()));
        }
        status if status.is_server_error() => return Ok(Stretch::Broken(format!("it answers {status}"))),
        _ => return Err(client.refused(&format!("component {digest}"), response).await),
    }
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                if partial.len() + chunk.len() as u64 > size {
                    let reason =
                        format!("the component {digest} is longer than the {size} bytes its manifest says");
                    return Err(Error::NotVerified(format!("registry {}: {reason}", client.location())));
                }
                partial.append(&chunk)?;
            }
            Ok(None) if partial.len() == size => return Ok(Stretch::Whole),
            Ok(None) => return Ok(Stretch::Short),
            Err(error) => return Ok(Stretch::Broken(reason(&error))),
        }
    }
}

/// The first byte of `Content-Range: bytes FIRST-LAST/SIZE`.
fn range_start(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// The tags of a repository; none when there is no such repository.
pub(super) async fn tags(client: &Client, repository: &str) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Page {
        tags: Option<Vec<String>>,
    }
    let path = format!("{repository}/tags/list?n={PAGE}");
    pages(client, &scope(repository), &path, MAX_VERSIONS, |page: Page| page.tags.unwrap_or_default()).await
}

/// The repositories of a registry.
pub(super) async fn repositories(client: &Client) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Page {
        repositories: Option<Vec<String>>,
    }
    let path = format!("_catalog?n={PAGE}");
    pages(client, "catalogue", &path, MAX_PACKAGES, |page: Page| page.repositories.unwrap_or_default()).await
}

async fn pages<T: DeserializeOwned>(
    client: &Client,
    scope: &str,
    path: &str,
    limit: usize,
    items: impl Fn(T) -> Vec<String>,
) -> Result<Vec<String>> {
    let mut url = client.url(path)?;
    let mut found = Vec::new();
    for _ in 0..MAX_PAGES {
        let response = client.send(scope, || client.request(Method::GET, url.clone())).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(found),
            _ => return Err(client.refused("its list", response).await),
        }
        let next = client.next_page(&response)?;
        let bytes = client.body(response, MAX_MANIFEST_BYTES, "a list").await?;
        let page = serde_json::from_slice(&bytes);
        found.extend(items(page.map_err(|error| client.broken(format!("its list is malformed: {error}")))?));
        match next {
            Some(next) if found.len() < limit => url = next,
            _ => break,
        }
    }
    found.truncate(limit);
    Ok(found)
}
