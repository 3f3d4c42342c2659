//! Compiled code on disk.
//!
//! A compiled component is native code: whoever writes one runs in this process. So compiled code is never fetched
//! and never accepted from anywhere; it is read only from a directory that belongs to this user, that nobody else can
//! write to, and that this module filled. A file is named by the digest of the component and lies in a folder named by
//! wasmtime's own hash of everything that makes compiled code compatible.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::LoadError;
use crate::component::Loadable;
use crate::error::printable;

/// Compiles a component, or takes it from `cache` when it was compiled before. A cache that cannot be used only costs
/// time.
pub(crate) fn compile(
    engine: &Engine,
    loadable: &Loadable,
    cache: Option<&Path>,
) -> Result<Component, LoadError> {
    let compile_error = |error: wasmtime::Error| LoadError::Compile(printable(&format!("{error:#}")));
    let Some(file) = cache.and_then(|cache| cache_file(engine, loadable, cache)) else {
        return Component::from_binary(engine, &loadable.bytes).map_err(compile_error);
    };
    if let Some(component) = load(engine, &file) {
        return Ok(component);
    }
    let code = engine.precompile_component(&loadable.bytes).map_err(compile_error)?;
    if let Err(error) = store(&file, &code) {
        tracing::warn!("cannot keep compiled code in `{}`: {error}", file.display());
        return Component::from_binary(engine, &loadable.bytes).map_err(compile_error);
    }
    match load(engine, &file) {
        Some(component) => Ok(component),
        None => Component::from_binary(engine, &loadable.bytes).map_err(compile_error),
    }
}

/// Where the compiled form of a component belongs; `None` when the directory cannot be trusted.
fn cache_file(engine: &Engine, loadable: &Loadable, cache: &Path) -> Option<PathBuf> {
    // The digest is computed here and not taken from the caller: a wrong name would run other code than was read.
    let digest = hex(&Sha256::digest(&loadable.bytes));
    let directory = cache.join(compatibility(engine));
    match private_directory(&directory) {
        Ok(()) => Some(directory.join(format!("{digest}.cwasm"))),
        Err(reason) => {
            tracing::warn!("compiled code is not cached in `{}`: {reason}", cache.display());
            None
        }
    }
}

/// Wasmtime's compatibility hash as a folder's name.
fn compatibility(engine: &Engine) -> String {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hex(&hasher.0.finalize()[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes `directory`, or checks that it is ours alone.
fn private_directory(directory: &Path) -> Result<(), String> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| error.to_string())?;
    let metadata = fs::symlink_metadata(directory).map_err(|error| error.to_string())?;
    if !metadata.is_dir() {
        return Err("it is not a directory".into());
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user".into());
    }
    if metadata.permissions().mode() & 0o022 != 0 {
        return Err("others may write to it; run `chmod go-w` on it".into());
    }
    Ok(())
}

#[expect(unsafe_code, reason = "wasmtime cannot verify compiled code, so its loader is unsafe")]
fn load(engine: &Engine, file: &Path) -> Option<Component> {
    if !file.exists() {
        return None;
    }
    // SAFETY: the file lies in a directory that `private_directory` found to belong to this user and to be writable
    // by nobody else, under the name of the component's digest and wasmtime's compatibility hash; only `store` writes
    // there, by atomic rename. `compiled_code_is_reused_and_damage_is_survived` runs this.
    let loaded = unsafe { Component::deserialize_file(engine, file) };
    loaded
        .inspect_err(|error| {
            tracing::debug!("compiled code in `{}` is not usable: {error:#}", file.display())
        })
        .ok()
}

fn store(file: &Path, code: &[u8]) -> std::io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
    temporary.write_all(code)?;
    temporary.persist(file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::ComponentFacts;
    use crate::engine::control_engine;

    fn empty_component() -> Loadable {
        Loadable {
            bytes: b"\0asm\x0d\0\x01\0".to_vec(),
            digest: String::new(),
            facts: ComponentFacts::default(),
        }
    }

    fn cached_files(cache: &Path) -> Vec<PathBuf> {
        let folders = fs::read_dir(cache).unwrap().map(|folder| folder.unwrap().path());
        folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path()).collect()
    }

    #[test]
    fn compiled_code_is_reused_and_damage_is_survived() {
        let cache = tempfile::tempdir().unwrap();
        let engine = control_engine().unwrap();
        compile(&engine.engine, &empty_component(), Some(cache.path())).unwrap();
        let files = cached_files(cache.path());
        assert_eq!(files.len(), 1);
        let written = fs::metadata(&files[0]).unwrap().modified().unwrap();
        compile(&engine.engine, &empty_component(), Some(cache.path())).unwrap();
        assert_eq!(fs::metadata(&files[0]).unwrap().modified().unwrap(), written, "compiled again");
        fs::write(&files[0], b"damaged").unwrap();
        compile(&engine.engine, &empty_component(), Some(cache.path())).unwrap();
        assert_eq!(cached_files(cache.path()), files);
        assert!(load(&engine.engine, &files[0]).is_some(), "the damaged file was replaced");
    }

    #[test]
    fn a_directory_others_can_write_to_is_not_used() {
        let cache = tempfile::tempdir().unwrap();
        let engine = control_engine().unwrap();
        let folder = cache.path().join(compatibility(&engine.engine));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        compile(&engine.engine, &empty_component(), Some(cache.path())).unwrap();
        assert_eq!(cached_files(cache.path()), Vec::<PathBuf>::new());
    }
}
