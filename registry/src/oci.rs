//! A registry that speaks the OCI distribution specification 1.1: <https://github.com/opencontainers/distribution-spec>.
//!
//! A plugin is an artifact as the CNCF's TAG Runtime lays it out, so that wkg reads it: config [`CONFIG_MEDIA_TYPE`], one
//! layer `application/wasm`, the version as the tag. Signature, documents, bill of materials and a yank are manifests that
//! refer to it.

mod challenge;
mod client;
mod manifest;
mod pull;
mod push;

use std::collections::BTreeMap;

use semver::Version;
use tokio::runtime::Runtime;

use self::client::Client;
use self::manifest::{
    DESCRIPTION, DOCUMENTS, Descriptor, LICENSES, Manifest, SIGNATURE, VERSION, WASM_LAYER, YANK, YANK_REASON,
};
use crate::credentials::Credentials;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::limits::{MAX_CONFIG_BYTES, MAX_PLUGIN_BYTES, MAX_SIGNATURE_BYTES, MAX_SIGNATURES};
use crate::oci_reference::OciLocation;
use crate::package::PackageName;
use crate::registry::other_bytes;
use crate::release::{CONFIG_MEDIA_TYPE, Extra, Publication, Release, WasmConfig};
use crate::signature::Signature;
use crate::store::Store;

/// An OCI registry.
pub(crate) struct OciRegistry {
    client: Client,
    runtime: Runtime,
}

impl OciRegistry {
    pub(crate) fn new(location: OciLocation, credentials: Credentials) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let broken = |error: std::io::Error| Error::Registry {
            registry: location.to_string(),
            reason: error.to_string(),
        };
        let runtime = runtime.map_err(broken)?;
        Ok(Self { client: Client::new(location, credentials)?, runtime })
    }

    fn repository(&self, package: &PackageName) -> String {
        self.client.location().repository(package)
    }

    /// Every tag that is a version.
    pub(crate) fn versions(&self, package: &PackageName) -> Result<Vec<Version>> {
        let tags = self.runtime.block_on(pull::tags(&self.client, &self.repository(package)))?;
        Ok(tags.iter().filter_map(|tag| Version::parse(tag).ok()).collect())
    }

    /// What is offered under a version, with its signatures.
    pub(crate) fn release(&self, package: &PackageName, version: &Version) -> Result<Release> {
        self.runtime.block_on(self.release_of(package, version))
    }

    async fn release_of(&self, package: &PackageName, version: &Version) -> Result<Release> {
        let (client, repository) = (&self.client, self.repository(package));
        let (manifest, digest, _) = self.manifest(package, version).await?;
        let (layer, component) =
            manifest.component().map_err(|why| client.broken(format!("{package} {version}: {why}")))?;
        if layer.size > MAX_PLUGIN_BYTES {
            let reason =
                format!("{package} {version} has {} bytes, the most is {MAX_PLUGIN_BYTES}", layer.size);
            return Err(client.broken(reason));
        }
        let config = pull::blob(client, &repository, &manifest.config, MAX_CONFIG_BYTES).await?;
        let world = serde_json::from_slice::<WasmConfig>(&config).ok().and_then(|config| config.component);
        let referrers = pull::referrers(client, &repository, &digest).await?;
        let of_type = |wanted: &'static str| {
            referrers.iter().filter(move |referrer| referrer.artifact_type.as_deref() == Some(wanted))
        };
        let mut signatures = Vec::new();
        for referrer in of_type(SIGNATURE).take(MAX_SIGNATURES) {
            signatures.extend(self.signature(&repository, referrer).await?);
        }
        let yank = of_type(YANK).next();
        Ok(Release {
            version: version.clone(),
            digest: component,
            size: layer.size,
            world,
            yanked: yank.map(|yank| yank.annotations.get(YANK_REASON).cloned().unwrap_or_default()),
            signatures,
            manifest: Some(digest),
            description: manifest.annotations.get(DESCRIPTION).cloned(),
        })
    }

    async fn manifest(&self, package: &PackageName, version: &Version) -> Result<(Manifest, Digest, u64)> {
        let found = pull::manifest(&self.client, &self.repository(package), &version.to_string()).await?;
        found.ok_or_else(|| self.client.broken(format!("it has no {package} {version}")))
    }

    /// The signature in a manifest. One that is no signature counts as none.
    async fn signature(&self, repository: &str, referrer: &Descriptor) -> Result<Option<Signature>> {
        let Some((manifest, ..)) = pull::manifest(&self.client, repository, &referrer.digest).await? else {
            return Ok(None);
        };
        let Some(layer) = manifest.layers.first() else { return Ok(None) };
        let bytes = pull::blob(&self.client, repository, layer, MAX_SIGNATURE_BYTES).await?;
        Ok(std::str::from_utf8(&bytes).ok().and_then(Signature::parse))
    }

    /// A component's bytes, which have the release's digest. Goes on with what an earlier attempt has left.
    pub(crate) fn fetch(&self, package: &PackageName, release: &Release, store: &Store) -> Result<Vec<u8>> {
        let repository = self.repository(package);
        let mut partial = store.partial(&release.digest)?;
        let mut was_begun = partial.len() > 0;
        loop {
            if partial.len() > release.size {
                partial.restart()?;
            }
            let fetched =
                pull::component(&self.client, &repository, &release.digest, release.size, &mut partial);
            match self.runtime.block_on(fetched) {
                // What was sent is of no use to a later attempt.
                Err(error @ Error::NotVerified(_)) => {
                    partial.discard()?;
                    return Err(error);
                }
                fetched => fetched?,
            }
            let (bytes, found) = partial.read()?;
            if found == release.digest {
                partial.discard()?;
                return Ok(bytes);
            }
            // What was left may have been wrong from the beginning.
            if !was_begun {
                partial.discard()?;
                return Err(other_bytes(package, release, found));
            }
            was_begun = false;
            partial.restart()?;
        }
    }

    /// Publishes a version: blobs first, the tag when everything it names is there, then what refers to it.
    pub(crate) fn publish(&self, package: &PackageName, publication: &Publication) -> Result<()> {
        self.runtime.block_on(self.publish_all(package, publication))
    }

    async fn publish_all(&self, package: &PackageName, publication: &Publication) -> Result<()> {
        let (client, repository) = (&self.client, self.repository(package));
        let config = WasmConfig::new(&Digest::of(&publication.bytes), publication.world.clone());
        let config = serde_json::to_vec(&config).map_err(|error| client.broken(error.to_string()))?;
        let layer = push::blob(client, &repository, WASM_LAYER, &publication.bytes).await?;
        let config = push::blob(client, &repository, CONFIG_MEDIA_TYPE, &config).await?;
        let mut manifest = Manifest::new(config, vec![layer]);
        let mut annotate = |name: &str, value: Option<&str>| {
            manifest.annotations.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        };
        annotate(VERSION, Some(&publication.version.to_string()));
        annotate(DESCRIPTION, publication.description.as_deref());
        annotate(LICENSES, publication.licenses.as_deref());
        let subject =
            push::manifest(client, &repository, &publication.version.to_string(), &manifest).await?;
        if let Some(signature) = &publication.signature {
            let file = Extra {
                name: format!("{}.wasm.minisig", publication.version),
                media_type: "text/plain".to_owned(),
                bytes: signature.text().as_bytes().to_vec(),
            };
            push::attach(client, &repository, &subject, SIGNATURE, &[file], BTreeMap::new()).await?;
        }
        if !publication.documents.is_empty() {
            push::attach(client, &repository, &subject, DOCUMENTS, &publication.documents, BTreeMap::new())
                .await?;
        }
        if let Some(sbom) = &publication.sbom {
            // The type other tools look for.
            let files = std::slice::from_ref(sbom);
            push::attach(client, &repository, &subject, &sbom.media_type, files, BTreeMap::new()).await?;
        }
        Ok(())
    }

    /// Marks a version as not to be chosen any more.
    pub(crate) fn yank(&self, package: &PackageName, version: &Version, reason: &str) -> Result<()> {
        self.runtime.block_on(async {
            let (_, digest, size) = self.manifest(package, version).await?;
            let subject = Descriptor {
                media_type: manifest::MANIFEST.to_owned(),
                digest: digest.to_string(),
                size,
                artifact_type: None,
                annotations: BTreeMap::new(),
            };
            let annotations = BTreeMap::from([(YANK_REASON.to_owned(), reason.to_owned())]);
            push::attach(&self.client, &self.repository(package), &subject, YANK, &[], annotations).await
        })
    }

    /// Every repository below the prefix that is named as a plugin.
    pub(crate) fn packages(&self) -> Result<Vec<PackageName>> {
        let repositories = self.runtime.block_on(pull::repositories(&self.client))?;
        let prefix = &self.client.location().prefix;
        let package = |repository: &String| {
            let rest = repository.strip_prefix(prefix.as_str())?;
            let rest = if prefix.is_empty() { rest } else { rest.strip_prefix('/')? };
            let (namespace, name) = rest.split_once('/')?;
            PackageName::new(namespace, name)
        };
        Ok(repositories.iter().filter_map(package).collect())
    }
}
