//! From what a language's tools make to a component that this host reads: a core module is wrapped, and whoever built
//! it is named.

use std::borrow::Cow;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::component::{API_SECTION, HOST_API};
use crate::error::printable;

/// The contract's text, by file; the package is named in the first.
pub const CONTRACT: &[(&str, &str)] = &[
    ("world.wit", include_str!("../../../wit/world.wit")),
    ("artifacts.wit", include_str!("../../../wit/artifacts.wit")),
    ("checks.wit", include_str!("../../../wit/checks.wit")),
    ("data.wit", include_str!("../../../wit/data.wit")),
    ("failures.wit", include_str!("../../../wit/failures.wit")),
    ("findings.wit", include_str!("../../../wit/findings.wit")),
    ("guest.wit", include_str!("../../../wit/guest.wit")),
    ("http.wit", include_str!("../../../wit/http.wit")),
    ("log.wit", include_str!("../../../wit/log.wit")),
    ("metrics.wit", include_str!("../../../wit/metrics.wit")),
    ("pacing.wit", include_str!("../../../wit/pacing.wit")),
    ("random.wit", include_str!("../../../wit/random.wit")),
    ("redis.wit", include_str!("../../../wit/redis.wit")),
    ("mongo.wit", include_str!("../../../wit/mongo.wit")),
    ("sql.wit", include_str!("../../../wit/sql.wit")),
    ("tcp.wit", include_str!("../../../wit/tcp.wit")),
];

/// Why what a build made is no component and cannot be made one.
#[derive(Debug, thiserror::Error)]
#[error("cannot be made a component: {0}")]
pub struct ComponentizeError(String);

impl ComponentizeError {
    fn new(error: &impl std::fmt::Display) -> Self {
        Self(printable(&format!("{error:#}")))
    }
}

/// Makes a component of the contract's world from a core module; a component stays as it is. `sdk` and `language` are
/// recorded, unless the file already names its own.
///
/// # Errors
/// When the bytes are no WebAssembly, or import or export what the contract's world does not have.
pub fn componentize(bytes: &[u8], sdk: &str, language: &str) -> Result<Vec<u8>, ComponentizeError> {
    let mut component = match bytes.get(..8) {
        Some(b"\0asm\x01\0\0\0") => wrap(bytes.to_vec())?,
        Some(head) if head.starts_with(b"\0asm") => bytes.to_vec(),
        _ => return Err(ComponentizeError::new(&"it is no WebAssembly")),
    };
    if !names_its_sdk(&component)? {
        let section = serde_json::json!({"api": HOST_API.to_string(), "sdk": sdk, "language": language});
        let section = section.to_string();
        let section = CustomSection { name: API_SECTION.into(), data: Cow::Borrowed(section.as_bytes()) };
        section.append_to_component(&mut component);
    }
    Ok(component)
}

/// Wraps a core module. What it imports of WASI 0.1, as C libraries do, is adapted to WASI 0.2.
fn wrap(mut module: Vec<u8>) -> Result<Vec<u8>, ComponentizeError> {
    let texts: Vec<&str> = CONTRACT.iter().map(|(_, text)| *text).collect();
    let mut resolve = Resolve::default();
    let package = resolve.push_source("stresshost.wit", &texts.join("\n"));
    let package = package.map_err(|error| ComponentizeError::new(&error))?;
    let world = resolve.select_world(&[package], Some("workload"));
    let world = world.map_err(|error| ComponentizeError::new(&error))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .map_err(|error| ComponentizeError::new(&error))?;
    let mut encoder = ComponentEncoder::default().validate(true);
    encoder = encoder.module(&module).map_err(|error| ComponentizeError::new(&error))?;
    encoder
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| ComponentizeError::new(&error))
}

/// Whether a component has an API section, which may stand in the module it was made from.
fn names_its_sdk(component: &[u8]) -> Result<bool, ComponentizeError> {
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.map_err(|error| ComponentizeError::new(&error))?;
        if let Payload::CustomSection(section) = payload
            && section.name() == API_SECTION
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn the_contract_is_complete_and_the_hosts_version() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
        let on_disk = std::fs::read_dir(directory).unwrap().filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.ends_with(".wit").then_some(name)
        });
        let mut on_disk: Vec<String> = on_disk.collect();
        let mut embedded: Vec<&str> = CONTRACT.iter().map(|(name, _)| *name).collect();
        on_disk.sort();
        embedded.sort_unstable();
        assert_eq!(on_disk, embedded);
        assert!(CONTRACT[0].1.starts_with(&format!("package stresshost:workload@{HOST_API};")));
    }

    #[test]
    fn a_component_is_named_once() {
        let named = componentize(EMPTY_COMPONENT, "sdk/1", "c").unwrap();
        assert!(named.starts_with(EMPTY_COMPONENT));
        let section = String::from_utf8_lossy(&named).into_owned();
        assert!(section.contains(r#"{"api":"0.1.0","sdk":"sdk/1","language":"c"}"#), "{section}");
        assert_eq!(componentize(&named, "other/2", "js").unwrap(), named);
    }

    #[test]
    fn what_is_no_workload_is_refused_in_words() {
        let refused = |bytes: &[u8]| componentize(bytes, "sdk/1", "c").unwrap_err().to_string();
        assert_eq!(refused(b"\x7fELF\x02\x01\x01\0"), "cannot be made a component: it is no WebAssembly");
        // A module without any export.
        let empty = refused(b"\0asm\x01\0\0\0");
        assert!(empty.contains("stresshost:workload/guest"), "{empty}");
    }
}
