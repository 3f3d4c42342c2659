//! `generate`: the JSON Schemas, from the types they describe. Tests of the crates fail when one is stale.

use crate::tools::root;

/// Writes every generated file.
pub(crate) fn generate() -> anyhow::Result<()> {
    for (room, schemas) in [("plan", stresshost_plan::schemas()), ("metrics", stresshost_metrics::schemas())]
    {
        let directory = root().join("host").join(room).join("schema");
        std::fs::create_dir_all(&directory)?;
        for (name, text) in schemas {
            let path = directory.join(name);
            std::fs::write(&path, text)?;
            println!("{}", path.display());
        }
    }
    Ok(())
}
