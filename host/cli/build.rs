//! Packs what `stresshost new` writes, so that the command needs no source tree: the SDKs, their templates, the contract
//! and the crates that the Rust SDK stands on.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is packed: files, and directories with all that is in them.
const PACKED: &[&str] = &[
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "host/metrics/Cargo.toml",
    "host/metrics/src",
    "host/plan/Cargo.toml",
    "host/plan/src",
    "sdk/c",
    "sdk/go",
    "sdk/js",
    "sdk/python",
    "sdk/rust/Cargo.toml",
    "sdk/rust/README.md",
    "sdk/rust/example",
    "sdk/rust/src",
    "sdk/rust/template",
    "wit",
];

#[expect(clippy::disallowed_methods, reason = "cargo hands a build script its directories so")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let mut files = BTreeMap::new();
    for path in PACKED {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
        collect(&root, Path::new(path), &mut files)?;
    }
    println!("cargo::rerun-if-changed={}", root.join("Cargo.toml").display());
    files.insert("Cargo.toml".to_owned(), vendored_manifest(&fs::read_to_string(root.join("Cargo.toml"))?));
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&serde_json::to_vec(&files)?)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("kit.json.z"), packed.finish()?)?;
    Ok(())
}

fn collect(root: &Path, path: &Path, files: &mut BTreeMap<String, String>) -> io::Result<()> {
    let full = root.join(path);
    if full.is_file() {
        files.insert(path.to_string_lossy().into_owned(), fs::read_to_string(full)?);
        return Ok(());
    }
    for entry in fs::read_dir(full)? {
        let name = entry?.file_name();
        if name != "__pycache__" && name != "node_modules" {
            collect(root, &path.join(name), files)?;
        }
    }
    Ok(())
}

/// The workspace's manifest with those members only that the Rust SDK needs; their own manifests stay as they are.
fn vendored_manifest(manifest: &str) -> String {
    let without = |text: &str, list: &str, instead: &str| {
        let start = text.find(list)?;
        let end = start + text[start..].find("]\n")? + 2;
        Some(format!("{}{instead}{}", &text[..start], &text[end..]))
    };
    let members = "members = [\"host/metrics\", \"host/plan\", \"sdk/rust\"]\n";
    without(manifest, "members = [", members)
        .and_then(|text| without(&text, "default-members = [", ""))
        .unwrap_or_else(|| manifest.to_owned())
}
