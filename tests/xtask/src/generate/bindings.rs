//! Bindings of the contract for C and Go, which those SDKs carry so that authors need no generator.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

use crate::tools::root;

/// The bindings: their paths below the root, and what they hold.
pub(super) fn files() -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    // `stresshost plugin build` adds the component's type; an object file would tie authors to one linker.
    let c = wit_bindgen_c::Opts { no_object_file: true, ..wit_bindgen_c::Opts::default() };
    // Whether gofmt is there must not matter.
    let go =
        wit_bindgen_go::Opts { format: wit_bindgen_go::Format::False, ..wit_bindgen_go::Opts::default() };
    let c = generated("sdk/c/bindings", c.build())?;
    let go = generated("sdk/go/bindings", go.build())?;
    Ok(c.into_iter().chain(go.into_iter().filter_map(placed)).collect())
}

/// A file of the Go bindings as projects have it: the packages below the SDK's, and the program's exports, which call
/// the SDK. The module is the project's own.
fn placed((path, content): (PathBuf, Vec<u8>)) -> Option<(PathBuf, Vec<u8>)> {
    let path = match path.file_name()?.to_str()? {
        "go.mod" => return None,
        "wit_exports.go" => PathBuf::from("sdk/go/exports.go"),
        _ => path,
    };
    let guest = "export_stresshost_workload_guest";
    let text = String::from_utf8_lossy(&content)
        .replace(&format!("\"wit_component/{guest}\""), &format!("{guest} \"app/stresshost/guest\""))
        .replace("\"wit_component/", "\"app/stresshost/bindings/");
    Some((path, text.into_bytes()))
}

fn generated(
    directory: &str,
    mut generator: Box<dyn WorldGenerator>,
) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut resolve = Resolve::default();
    let (package, _) =
        resolve.push_dir(root().join("wit")).map_err(|error| anyhow!("cannot read `wit/`: {error:#}"))?;
    let world = resolve.select_world(&[package], Some("workload"))?;
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files)?;
    Ok(files.iter().map(|(name, content)| (Path::new(directory).join(name), content.to_vec())).collect())
}
