//! From a bare name to a file of the plugin directories.

use std::path::{Path, PathBuf};

use stresshost_plan::nearest;

use crate::list;

/// Plugin names shown in an error: what fits a terminal's screen.
const MAX_SHOWN: usize = 20;

/// Finds the file of a bare name.
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    /// Directories searched for bare names, first to last.
    pub dirs: Vec<PathBuf>,
}

/// Why a name has no file.
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
    /// The first `<dir>/<name>.wasm` that is a file.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let file_name = format!("{name}.wasm");
        let is_there = |path: &PathBuf| Path::is_file(path);
        self.dirs.iter().map(|dir| dir.join(&file_name)).find(is_there)
    }

    /// The error of a name that is nowhere: what was searched, and what is there instead.
    pub fn not_found(&self, name: &str) -> ResolveError {
        let mut found: Vec<String> = list(&self.dirs).into_iter().map(|listed| listed.name).collect();
        found.sort();
        found.dedup();
        let nearest = nearest(name, found.iter().map(String::as_str)).map(str::to_owned);
        let dirs = self.dirs.iter().map(|dir| (dir.clone(), dir.is_dir())).collect();
        ResolveError::NotFound { name: name.to_owned(), dirs, found, nearest }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn resolve(dirs: &[&Path], name: &str) -> Result<PathBuf, ResolveError> {
        let resolver = Resolver { dirs: dirs.iter().map(|dir| dir.to_path_buf()).collect() };
        resolver.find(name).ok_or_else(|| resolver.not_found(name))
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
        assert_eq!(resolve(&dirs, "devstress").unwrap(), first.path().join("devstress.wasm"));
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
}
