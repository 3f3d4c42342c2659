//! Manifests and indexes of the OCI image specification 1.1, as far as plugins use them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::release::CONFIG_MEDIA_TYPE;

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The layer of a component: CNCF TAG Runtime, "Wasm OCI Artifact layout".
pub(super) const WASM_LAYER: &str = "application/wasm";
/// The config of a manifest that needs none.
pub(super) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The content of that config.
pub(super) const EMPTY_CONFIG: &[u8] = b"{}";
/// A manifest that holds a minisign signature over its subject's component.
pub(super) const SIGNATURE: &str = "application/vnd.stresshost.signature.v1.minisig";
/// A manifest that marks its subject as not to be chosen any more.
pub(super) const YANK: &str = "application/vnd.stresshost.yank.v1";
/// A manifest that holds README, licences and WIT of its subject.
pub(super) const DOCUMENTS: &str = "application/vnd.stresshost.documents.v1";
/// Annotation with a file's name.
pub(super) const TITLE: &str = "org.opencontainers.image.title";
pub(super) const DESCRIPTION: &str = "org.opencontainers.image.description";
pub(super) const LICENSES: &str = "org.opencontainers.image.licenses";
pub(super) const VERSION: &str = "org.opencontainers.image.version";
/// Annotation with the reason of a yank.
pub(super) const YANK_REASON: &str = "stresshost.yank.reason";

/// Points at content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

impl Descriptor {
    pub(super) fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes).to_string(),
            size: bytes.len() as u64,
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
    pub(super) config: Descriptor,
    #[serde(default)]
    pub(super) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

impl Manifest {
    pub(super) fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(MANIFEST.to_owned()),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// The component's layer.
    ///
    /// # Errors
    /// In words, when it is no manifest of a component.
    pub(super) fn component(&self) -> Result<(&Descriptor, Digest), String> {
        let shown = |text: &str| text.chars().take(100).collect::<String>().escape_debug().to_string();
        if self.config.media_type != CONFIG_MEDIA_TYPE {
            return Err(format!(
                "it is no WebAssembly component: its config is `{}`, not `{CONFIG_MEDIA_TYPE}`",
                shown(&self.config.media_type)
            ));
        }
        let [layer] = self.layers.as_slice() else {
            return Err(format!("a component has one layer, this has {}", self.layers.len()));
        };
        if layer.media_type != WASM_LAYER {
            return Err(format!("its layer is `{}`, not `{WASM_LAYER}`", shown(&layer.media_type)));
        }
        let digest = Digest::parse(&layer.digest).filter(|digest| digest.to_string() == layer.digest);
        let digest =
            digest.ok_or_else(|| format!("its layer's digest `{}` is no SHA-256", shown(&layer.digest)))?;
        Ok((layer, digest))
    }
}

/// A list of manifests: what refers to another manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub(super) schema_version: u32,
    #[serde(default)]
    pub(super) media_type: Option<String>,
    #[serde(default)]
    pub(super) manifests: Vec<Descriptor>,
}

impl Index {
    pub(super) fn new(manifests: Vec<Descriptor>) -> Self {
        Self { schema_version: 2, media_type: Some(INDEX.to_owned()), manifests }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_component_is_taken_for_one() {
        let good =
            Manifest::new(Descriptor::of(CONFIG_MEDIA_TYPE, b"{}"), vec![Descriptor::of(WASM_LAYER, b"x")]);
        assert_eq!(good.component().unwrap().1, Digest::of(b"x"));
        let text = serde_json::to_string(&good).unwrap();
        assert!(!text.contains("subject") && !text.contains("annotations"), "{text}");
        assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), good);
        let change = |change: fn(&mut Manifest)| {
            let mut changed = good.clone();
            change(&mut changed);
            changed.component().unwrap_err()
        };
        for (error, why) in [
            (
                change(|it| it.config.media_type = "application/vnd.oci.image.config.v1+json".into()),
                "no WebAssembly component",
            ),
            (change(|it| it.layers.clear()), "this has 0"),
            (change(|it| it.layers.push(it.layers[0].clone())), "this has 2"),
            (
                change(|it| it.layers[0].media_type = "application/gzip".into()),
                "its layer is `application/gzip`",
            ),
            (change(|it| it.layers[0].digest = "sha512:00".into()), "no SHA-256"),
            (change(|it| it.layers[0].digest = Digest::of(b"x").hex().into()), "no SHA-256"),
        ] {
            assert!(error.contains(why), "{error}");
        }
    }
}
