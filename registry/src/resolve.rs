//! From a reference to a file.

use std::path::{Path, PathBuf};

use crate::nearest::nearest;
use crate::{Reference, list};

/// Plugin names shown in an error: what fits a terminal's screen.
const MAX_SHOWN: usize = 20;

/// Finds the file of a reference.
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    /// Directories searched for bare names, first to last.
    pub dirs: Vec<PathBuf>,
}

/// A reference with its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The file. For a file reference it is not checked whether it exists; [`crate::read`] says that better.
    pub path: PathBuf,
    /// What was asked for.
    pub reference: Reference,
}

/// Why a reference has no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// No plugin of this name.
    #[error("no plugin named `{name}`{}; searched {}; {}", meant(.nearest.as_deref()), searched(.dirs), known(.found))]
    NotFound {
        /// The name.
        name: String,
        /// The directories searched, and whether each is there.
        dirs: Vec<(PathBuf, bool)>,
        /// Names of the plugins that are there, each once, sorted.
        found: Vec<String>,
        /// The closest of them.
        nearest: Option<String>,
    },
    /// A reference that only a registry can answer.
    #[error(
        "cannot resolve `{reference}`: plugins are loaded from files and plugin directories in this version; {advice}"
    )]
    NeedsRegistry {
        /// The reference.
        reference: String,
        /// What to write instead.
        advice: String,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

fn searched(dirs: &[(PathBuf, bool)]) -> String {
    if dirs.is_empty() {
        return "no directories, as none is configured".to_owned();
    }
    let describe = |(dir, exists): &(PathBuf, bool)| {
        let remark = if *exists { "" } else { " (not there)" };
        format!("{}{remark}", dir.display())
    };
    dirs.iter().map(describe).collect::<Vec<_>>().join(", ")
}

fn known(found: &[String]) -> String {
    if found.is_empty() {
        return "there are no plugins there; build one, or give the path of a .wasm file".to_owned();
    }
    let more = found.len().saturating_sub(MAX_SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown: Vec<&str> = found.iter().take(MAX_SHOWN).map(String::as_str).collect();
    format!("found there: {}{rest}; or give the path of a .wasm file", shown.join(", "))
}

impl Resolver {
    /// The file of `reference`: its path, or the first `<dir>/<name>.wasm`.
    ///
    /// # Errors
    /// When no directory has the plugin, or the reference needs a registry.
    pub fn resolve(&self, reference: &Reference) -> Result<Located, ResolveError> {
        let path = match reference {
            Reference::File(path) => path.clone(),
            Reference::Name { name, version: None } => self.find(name)?,
            Reference::Name { name, version: Some(_) } => {
                return Err(needs_registry(reference, format!("write `{name}` for the one installed here")));
            }
            Reference::Oci(_) => {
                return Err(needs_registry(reference, "download the plugin and give its path".to_owned()));
            }
        };
        Ok(Located { path, reference: reference.clone() })
    }

    fn find(&self, name: &str) -> Result<PathBuf, ResolveError> {
        let file_name = format!("{name}.wasm");
        let is_there = |path: &PathBuf| Path::is_file(path);
        if let Some(path) = self.dirs.iter().map(|dir| dir.join(&file_name)).find(is_there) {
            return Ok(path);
        }
        let mut found: Vec<String> = list(&self.dirs).into_iter().map(|listed| listed.name).collect();
        found.sort();
        found.dedup();
        let nearest = nearest(name, found.iter().map(String::as_str)).map(str::to_owned);
        let dirs = self.dirs.iter().map(|dir| (dir.clone(), dir.is_dir())).collect();
        Err(ResolveError::NotFound { name: name.to_owned(), dirs, found, nearest })
    }
}

fn needs_registry(reference: &Reference, advice: String) -> ResolveError {
    ResolveError::NeedsRegistry { reference: reference.to_string(), advice }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn resolve(dirs: &[&Path], text: &str) -> Result<PathBuf, ResolveError> {
        let resolver = Resolver { dirs: dirs.iter().map(|dir| dir.to_path_buf()).collect() };
        resolver.resolve(&Reference::parse(text).unwrap()).map(|located| located.path)
    }

    #[test]
    fn names_are_found_in_the_order_of_the_directories() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(second.path().join("devstress.wasm"), "2").unwrap();
        let dirs = [first.path(), second.path()];
        assert_eq!(resolve(&dirs, "devstress").unwrap(), second.path().join("devstress.wasm"));
        fs::create_dir(first.path().join("devstress.wasm")).unwrap();
        assert_eq!(resolve(&dirs, "devstress").unwrap(), second.path().join("devstress.wasm"));
        fs::remove_dir(first.path().join("devstress.wasm")).unwrap();
        fs::write(first.path().join("devstress.wasm"), "1").unwrap();
        assert_eq!(resolve(&dirs, "stress:devstress").unwrap(), first.path().join("devstress.wasm"));
        assert_eq!(resolve(&dirs, "./none.wasm").unwrap(), Path::new("./none.wasm"));
    }

    #[test]
    fn a_missing_name_tells_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let absent = dir.path().join("absent");
        for name in ["devstress.wasm", "apistress.wasm"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        let error = resolve(&[dir.path(), &absent], "devstres").unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "no plugin named `devstres`, did you mean `devstress`?; searched {0}, {0}/absent (not there); \
                 found there: apistress, devstress; or give the path of a .wasm file",
                dir.path().display()
            )
        );
        let error = resolve(&[&absent], "x").unwrap_err().to_string();
        assert!(
            error.ends_with("there are no plugins there; build one, or give the path of a .wasm file"),
            "{error}"
        );
        let error = resolve(&[], "x").unwrap_err().to_string();
        assert!(error.contains("searched no directories, as none is configured"), "{error}");
    }

    #[test]
    fn long_lists_are_cut() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..25 {
            fs::write(dir.path().join(format!("plugin{number:02}.wasm")), "x").unwrap();
        }
        let error = resolve(&[dir.path()], "other").unwrap_err().to_string();
        assert!(error.contains("plugin19 and 5 more;") && !error.contains("plugin20"), "{error}");
    }

    #[test]
    fn registries_and_versions_are_refused_clearly() {
        for (text, advice) in [
            ("apistress@^0.2", "write `apistress` for the one installed here"),
            ("oci://ghcr.io/x/y:1", "download the plugin and give its path"),
        ] {
            let error = resolve(&[], text).unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "cannot resolve `{text}`: plugins are loaded from files and plugin directories in this version; \
                     {advice}"
                )
            );
        }
    }
}
