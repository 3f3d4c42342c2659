//! What must hold for a plugin's file, whatever is in it.

use stresshost_wasm::{GuestLimits, LoadError, Loadable, Plugin};
use wasmparser::{Validator, WasmFeatures};

/// Longest input that is compiled: compiling takes a thousand times as long as reading.
const MAX_COMPILED_BYTES: usize = 8 << 10;
/// Longest message: three texts of the file, each cut, in a sentence.
const MAX_MESSAGE_BYTES: usize = 16 << 10;

/// Reads `input` as the host reads a plugin, and compiles and links what it accepts. No guest runs.
///
/// What is refused is refused in one line of printable text. What is accepted names the contract's interface at the
/// version that was read, imports only what the host offers, and, when it is valid, has every import and export that
/// was read on its outside.
pub fn check(input: &[u8]) {
    let loadable = match Loadable::new(input.to_vec(), String::new()) {
        Ok(loadable) => loadable,
        Err(error) => return check_error(&error),
    };
    let facts = &loadable.facts;
    assert_eq!(loadable.bytes, input);
    let version = semver::Version::parse(&facts.api).expect("an accepted version is one");
    assert_eq!((version.major, version.minor), (0, 1));
    assert!(facts.exports.contains(&format!("stresshost:workload/guest@{}", facts.api)), "{facts:?}");
    for import in &facts.imports {
        assert!(import.starts_with("stresshost:workload/") || import.starts_with("wasi:"), "{import:?}");
    }
    if let Some(sdk) = &facts.sdk {
        check_line(sdk);
    }
    let types = Validator::new_with_features(WasmFeatures::all()).validate_all(input);
    if let Ok(types) = &types {
        let types = types.as_ref();
        for import in &facts.imports {
            assert!(types.component_item_for_import(import).is_some(), "{import:?}");
        }
        for export in &facts.exports {
            assert!(types.component_item_for_export(export).is_some(), "{export:?}");
        }
    }
    if input.len() <= MAX_COMPILED_BYTES {
        match Plugin::load(loadable, GuestLimits::default(), None) {
            // Every feature is more than the host allows.
            Ok(_) => assert!(types.is_ok(), "what is compiled is valid"),
            Err(error) => check_error(&error),
        }
    }
}

fn check_error(error: &LoadError) {
    let text = error.to_string();
    check_line(&text);
    assert!(!text.is_empty() && text.len() <= MAX_MESSAGE_BYTES, "{} bytes", text.len());
}

fn check_line(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
}
