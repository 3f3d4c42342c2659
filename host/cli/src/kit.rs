//! The SDKs, templates and contract that this program carries: what `stresshost new` writes.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::Context;

/// Files by their path in the source tree, as JSON, compressed; made by `build.rs`.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kit.json.z"));

/// The files.
pub(crate) struct Kit(BTreeMap<String, String>);

impl Kit {
    pub(crate) fn unpack() -> anyhow::Result<Self> {
        let mut text = Vec::new();
        let read = flate2::read::ZlibDecoder::new(PACKED).read_to_end(&mut text);
        read.context("the SDKs within this program cannot be read")?;
        Ok(Self(serde_json::from_slice(&text)?))
    }

    /// Every file below a directory, with its path below it, or the file itself with its name.
    pub(crate) fn below<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let directory = format!("{path}/");
        self.0.iter().filter_map(move |(name, text)| match name.strip_prefix(&directory) {
            Some(rest) => Some((&name[name.len() - rest.len()..], text.as_str())),
            None if name == path => Some((name.rsplit('/').next().unwrap_or(name), text.as_str())),
            None => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_project_needs_is_there() {
        let kit = Kit::unpack().unwrap();
        for path in [
            "sdk/rust/src",
            "sdk/python/stresshost",
            "sdk/js/template-ts",
            "sdk/c/bindings",
            "wit",
            "Cargo.toml",
        ] {
            assert!(kit.below(path).next().is_some(), "{path}");
        }
        let (_, manifest) = kit.below("Cargo.toml").next().unwrap();
        assert!(manifest.contains("members = [\"host/metrics\", \"host/plan\", \"sdk/rust\"]"), "{manifest}");
        assert!(!manifest.contains("default-members"));
    }
}
