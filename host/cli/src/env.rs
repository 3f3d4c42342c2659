//! Every environment variable that stresshost reads.
//!
//! | variable | meaning |
//! |---|---|
//! | `STRESSHOST_PLUGIN_PATH` | directories with plugins, separated by `:`, searched first |
//! | `STRESSHOST_CACHE_DIR` | where compiled plugins are kept; default `$XDG_CACHE_HOME/stresshost` or `~/.cache/stresshost` |
//! | `STRESSHOST_LOG` | what is logged to standard error, such as `debug` or `stresshost_io=trace`; default `warn,plugin=info` |
//! | `NO_COLOR` | any value but the empty one: no colour |
//! | `COLUMNS` | width of text reports |
//!
//! A config may refer to any variable as `${NAME}` or `${NAME:-default}`, and `--secret NAME=env:VARIABLE` to any other.

use std::path::PathBuf;

#[expect(clippy::disallowed_methods, reason = "this is the table of environment variables")]
fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that a config refers to. Set to nothing counts as set.
#[expect(clippy::disallowed_methods, reason = "this is the table of environment variables")]
pub(crate) fn config_reference(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A variable that holds a secret.
#[expect(clippy::disallowed_methods, reason = "this is the table of environment variables")]
pub(crate) fn secret(name: &str) -> Result<String, std::env::VarError> {
    std::env::var(name)
}

pub(crate) fn plugin_path() -> Vec<PathBuf> {
    let path = var("STRESSHOST_PLUGIN_PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|directory| !directory.as_os_str().is_empty()).collect()
}

/// Where compiled plugins are kept; none when there is no home to keep them in.
pub(crate) fn compiled_dir() -> Option<PathBuf> {
    let own = var("STRESSHOST_CACHE_DIR").map(PathBuf::from);
    let xdg = || var("XDG_CACHE_HOME").map(|cache| PathBuf::from(cache).join("stresshost"));
    let home = || var("HOME").map(|home| PathBuf::from(home).join(".cache/stresshost"));
    own.or_else(xdg).or_else(home).map(|directory| directory.join("compiled"))
}

pub(crate) fn log_filter() -> String {
    var("STRESSHOST_LOG").unwrap_or_else(|| "warn,plugin=info".to_owned())
}

pub(crate) fn no_color() -> bool {
    var("NO_COLOR").is_some()
}

pub(crate) fn columns() -> Option<usize> {
    var("COLUMNS")?.parse().ok()
}
