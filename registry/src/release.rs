//! One version of a plugin as a registry offers it.

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::signature::Signature;

/// Interface whose version is that of the contract.
const GUEST: &str = "stresshost:workload/guest@";

/// Media type of a component's config: CNCF TAG Runtime, "Wasm OCI Artifact layout".
pub(crate) const CONFIG_MEDIA_TYPE: &str = "application/vnd.wasm.config.v0+json";

/// What a component imports and exports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// Interfaces it exports, with versions.
    #[serde(default)]
    pub exports: Vec<String>,
    /// Interfaces it imports, with versions.
    #[serde(default)]
    pub imports: Vec<String>,
}

impl World {
    /// Version of the contract it was built for.
    pub fn api(&self) -> Option<&str> {
        self.exports.iter().find_map(|export| export.strip_prefix(GUEST))
    }
}

/// The config of a component in an OCI registry, as oci-wasm writes it, and the file beside one in a directory. It tells
/// what a plugin needs before it is fetched; nothing is granted by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WasmConfig {
    /// When it was made, RFC 3339.
    pub created: String,
    /// Always `wasm`.
    pub architecture: String,
    /// `wasip2` for components.
    pub os: String,
    /// Digests of the layers.
    #[serde(default)]
    pub layer_digests: Vec<String>,
    /// The component's world.
    pub component: Option<World>,
}

impl WasmConfig {
    /// The config of a component. Its date is fixed: publishing the same bytes again makes the same manifest.
    pub(crate) fn new(digest: &Digest, world: World) -> Self {
        Self {
            created: "1970-01-01T00:00:00Z".to_owned(),
            architecture: "wasm".to_owned(),
            os: "wasip2".to_owned(),
            layer_digests: vec![digest.to_string()],
            component: Some(world),
        }
    }
}

/// A version as a registry offers it: claims of the registry, but for `digest`, which the bytes must have.
#[derive(Clone)]
pub struct Release {
    /// The version.
    pub version: Version,
    /// Digest of the component.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What it imports and exports, where the registry says so.
    pub world: Option<World>,
    /// Why it is not to be chosen any more.
    pub yanked: Option<String>,
    /// Its signatures.
    pub signatures: Vec<Signature>,
    /// Digest of its manifest in an OCI registry.
    pub manifest: Option<Digest>,
    /// What it is for, where the registry says so.
    pub description: Option<String>,
}

/// A document published with a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// File name, such as `README.md`; may have folders before it.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What is published.
#[derive(Clone)]
pub struct Publication {
    /// The version.
    pub version: Version,
    /// The component.
    pub bytes: Vec<u8>,
    /// What it imports and exports.
    pub world: World,
    /// Its signature.
    pub signature: Option<Signature>,
    /// One line on what it is for.
    pub description: Option<String>,
    /// SPDX expression of its licence.
    pub licenses: Option<String>,
    /// README, licences, WIT.
    pub documents: Vec<Extra>,
    /// Bill of materials, CycloneDX JSON.
    pub sbom: Option<Extra>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_written_as_oci_wasm_reads_it() {
        let world = World {
            exports: vec!["stresshost:workload/guest@0.1.0".into()],
            imports: vec!["wasi:io/poll@0.2.6".into()],
        };
        let config = WasmConfig::new(&Digest::of(b"x"), world);
        assert_eq!(config.component.as_ref().unwrap().api(), Some("0.1.0"));
        let expected = serde_json::json!({
            "created": "1970-01-01T00:00:00Z",
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [Digest::of(b"x").to_string()],
            "component": { "exports": ["stresshost:workload/guest@0.1.0"], "imports": ["wasi:io/poll@0.2.6"] },
        });
        assert_eq!(serde_json::to_value(&config).unwrap(), expected);
        // As wkg writes it: an author, a target.
        let theirs = r#"{"created":"2026-01-01T00:00:00Z","author":null,"architecture":"wasm","os":"wasip2",
            "layerDigests":[],"component":{"exports":[],"imports":[],"target":null}}"#;
        assert_eq!(serde_json::from_str::<WasmConfig>(theirs).unwrap().component, Some(World::default()));
    }
}
