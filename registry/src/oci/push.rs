//! Putting content into a registry.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Method, StatusCode};

use super::client::Client;
use super::manifest::{Descriptor, EMPTY, EMPTY_CONFIG, INDEX, Index, MANIFEST, Manifest, TITLE};
use super::pull;
use crate::digest::Digest;
use crate::error::Result;
use crate::release::Extra;

/// Header by which a registry says that it keeps referrers itself: distribution specification, "Pushing Manifests with
/// Subject".
const OCI_SUBJECT: &str = "oci-subject";

/// What a login for writing a repository is kept under.
fn scope(repository: &str) -> String {
    format!("push {repository}")
}

/// Puts a blob in, unless it is there.
pub(super) async fn blob(
    client: &Client,
    repository: &str,
    media_type: &str,
    bytes: &[u8],
) -> Result<Descriptor> {
    let descriptor = Descriptor::of(media_type, bytes);
    let digest = &descriptor.digest;
    let scope = scope(repository);
    let there = client.url(&format!("{repository}/blobs/{digest}"))?;
    let response = client.send(&scope, || client.request(Method::HEAD, there.clone())).await?;
    if response.status() == StatusCode::OK {
        return Ok(descriptor);
    }
    let uploads = client.url(&format!("{repository}/blobs/uploads/"))?;
    let begin = || client.request(Method::POST, uploads.clone()).header(CONTENT_LENGTH, "0");
    let response = client.send(&scope, begin).await?;
    if response.status() != StatusCode::ACCEPTED {
        return Err(client.refused("beginning an upload", response).await);
    }
    let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
    let place = place.ok_or_else(|| client.broken("it does not say where to upload to"))?;
    let mut place = client.given_url(place)?;
    place.query_pairs_mut().append_pair("digest", digest);
    let upload = || {
        let request = client.long_request(Method::PUT, place.clone());
        request.header(CONTENT_TYPE, "application/octet-stream").body(bytes.to_vec())
    };
    let response = client.send(&scope, upload).await?;
    match response.status() {
        StatusCode::CREATED => Ok(descriptor),
        _ => Err(client.refused(&format!("uploading {digest}"), response).await),
    }
}

/// Puts a manifest or an index in; whether the registry keeps it as a referrer of its subject.
async fn document(
    client: &Client,
    repository: &str,
    reference: &str,
    media_type: &'static str,
    bytes: &[u8],
) -> Result<bool> {
    let url = client.url(&format!("{repository}/manifests/{reference}"))?;
    let put =
        || client.request(Method::PUT, url.clone()).header(CONTENT_TYPE, media_type).body(bytes.to_vec());
    let response = client.send(&scope(repository), put).await?;
    match response.status() {
        StatusCode::CREATED => Ok(response.headers().contains_key(OCI_SUBJECT)),
        _ => Err(client.refused(&format!("publishing {repository}:{reference}"), response).await),
    }
}

fn json(client: &Client, value: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| client.broken(error.to_string()))
}

/// Puts a manifest in under a tag.
pub(super) async fn manifest(
    client: &Client,
    repository: &str,
    tag: &str,
    manifest: &Manifest,
) -> Result<Descriptor> {
    let bytes = json(client, manifest)?;
    document(client, repository, tag, MANIFEST, &bytes).await?;
    Ok(Descriptor::of(MANIFEST, &bytes))
}

/// Puts files in as a manifest that refers to `subject`.
pub(super) async fn attach(
    client: &Client,
    repository: &str,
    subject: &Descriptor,
    artifact_type: &str,
    files: &[Extra],
    annotations: BTreeMap<String, String>,
) -> Result<()> {
    let config = blob(client, repository, EMPTY, EMPTY_CONFIG).await?;
    let mut layers = Vec::new();
    for file in files {
        let mut layer = blob(client, repository, &file.media_type, &file.bytes).await?;
        layer.annotations.insert(TITLE.to_owned(), file.name.clone());
        layers.push(layer);
    }
    if layers.is_empty() {
        // A manifest has at least one layer: image specification, "Guidelines for Artifact Usage".
        layers.push(config.clone());
    }
    let mut manifest = Manifest::new(config, layers);
    manifest.artifact_type = Some(artifact_type.to_owned());
    manifest.subject = Some(subject.clone());
    manifest.annotations = annotations;
    let bytes = json(client, &manifest)?;
    let mut descriptor = Descriptor::of(MANIFEST, &bytes);
    if document(client, repository, &descriptor.digest, MANIFEST, &bytes).await? {
        return Ok(());
    }
    descriptor.artifact_type = manifest.artifact_type;
    descriptor.annotations = manifest.annotations;
    list(client, repository, subject, descriptor).await
}

/// Adds a referrer to the tagged index of a registry that keeps none itself. Of two publishers at the same instant one may
/// lose: the specification has nothing better.
async fn list(client: &Client, repository: &str, subject: &Descriptor, referrer: Descriptor) -> Result<()> {
    let digest = Digest::parse(&subject.digest).ok_or_else(|| client.broken("a digest is no SHA-256"))?;
    let mut index =
        pull::referrers_index(client, repository, &digest).await?.unwrap_or_else(|| Index::new(Vec::new()));
    if index.manifests.iter().any(|known| known.digest == referrer.digest) {
        return Ok(());
    }
    index.manifests.push(referrer);
    let bytes = json(client, &index)?;
    document(client, repository, &pull::referrers_tag(&digest), INDEX, &bytes).await.map(drop)
}
