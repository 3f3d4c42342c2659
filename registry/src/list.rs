//! The plugins in the plugin directories.

use std::path::PathBuf;

use crate::package::is_name;

/// Plugins listed from one directory. A directory with more is no plugin directory.
pub const MAX_LISTED: usize = 1_000;

/// Directory entries looked at, for a directory with many other files.
const MAX_ENTRIES: usize = 100_000;

/// A plugin file that a bare name finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name: the file's name without `.wasm`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Whether a directory before this one has a plugin of the same name, which is then the one that is used.
    pub shadowed: bool,
}

/// The plugins in `dirs`: the directories in order, the plugins of each by name. Directories that cannot be read are
/// left out, as they are when a name is resolved. Files whose name no reference can express are left out too.
pub fn list(dirs: &[PathBuf]) -> Vec<Listed> {
    let mut listed: Vec<Listed> = Vec::new();
    for dir in dirs {
        let Ok(entries) = std::fs::read_dir(dir) else { continue };
        let names = entries.take(MAX_ENTRIES).filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.strip_suffix(".wasm")?.to_owned();
            // A link to a file counts, hence no look at the entry's own type.
            (is_name(&name) && path.is_file()).then_some((name, path))
        });
        let mut found: Vec<(String, PathBuf)> = names.take(MAX_LISTED).collect();
        found.sort();
        let before = listed.len();
        for (name, path) in found {
            let shadowed = listed[..before].iter().any(|known| known.name == name);
            listed.push(Listed { name, path, shadowed });
        }
    }
    listed
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn plugins_are_listed_in_the_order_of_search() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in ["b.wasm", "a.wasm", "notes.txt", "Bad Name.wasm", ".wasm"] {
            fs::write(first.path().join(name), "x").unwrap();
        }
        fs::create_dir(first.path().join("dir.wasm")).unwrap();
        fs::write(second.path().join("a.wasm"), "x").unwrap();
        std::os::unix::fs::symlink(first.path().join("b.wasm"), second.path().join("c.wasm")).unwrap();
        let dirs = [first.path().to_owned(), first.path().join("absent"), second.path().to_owned()];
        let seen: Vec<_> = list(&dirs).into_iter().map(|it| (it.name, it.path, it.shadowed)).collect();
        assert_eq!(
            seen,
            [
                ("a".to_owned(), first.path().join("a.wasm"), false),
                ("b".to_owned(), first.path().join("b.wasm"), false),
                ("a".to_owned(), second.path().join("a.wasm"), true),
                ("c".to_owned(), second.path().join("c.wasm"), false),
            ]
        );
    }
}
