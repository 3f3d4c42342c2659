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
    let go = wit_bindgen_go::Opts { format: wit_bindgen_go::Format::False, ..wit_bindgen_go::Opts::default() };
    Ok([generated("sdk/c/bindings", c.build())?, generated("sdk/go/bindings", go.build())?].concat())
}

fn generated(directory: &str, mut generator: Box<dyn WorldGenerator>) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut resolve = Resolve::default();
    let (package, _) =
        resolve.push_dir(root().join("wit")).map_err(|error| anyhow!("cannot read `wit/`: {error:#}"))?;
    let world = resolve.select_world(&[package], Some("workload"))?;
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files)?;
    Ok(files.iter().map(|(name, content)| (Path::new(directory).join(name), content.to_vec())).collect())
}
