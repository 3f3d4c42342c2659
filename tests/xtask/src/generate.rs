//! `generate`: files made from code and from the contract. Tests fail when one is stale.

mod bindings;
mod contract;

use std::path::PathBuf;

use crate::tools::root;

/// Writes every generated file.
pub(crate) fn generate() -> anyhow::Result<()> {
    for (path, text) in files()? {
        let path = root().join(path);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        std::fs::write(&path, text)?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Every generated file: its path below the root, and what it holds.
fn files() -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    for (room, schemas) in [("plan", stresshost_plan::schemas()), ("metrics", stresshost_metrics::schemas())]
    {
        let directory = PathBuf::from("host").join(room).join("schema");
        files.extend(schemas.into_iter().map(|(name, text)| (directory.join(name), text.into())));
    }
    files.extend(bindings::files()?);
    files.push((PathBuf::from("wit/REFERENCE.md"), contract::reference()?.into_bytes()));
    Ok(files)
}

#[cfg(test)]
mod tests {
    #[test]
    fn generated_files_are_current() {
        for (path, text) in super::files().unwrap() {
            let found = std::fs::read(super::root().join(&path)).unwrap_or_default();
            assert!(found == text, "`{}` is stale: run `cargo xtask generate`", path.display());
        }
    }
}
