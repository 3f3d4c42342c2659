//! Every environment variable that stresshost reads.
//!
//! | variable | meaning |
//! |---|---|
//! | `STRESSHOST_PLUGIN_PATH` | directories with plugins, separated by `:`, searched first |
//! | `STRESSHOST_CACHE_DIR` | where compiled plugins are kept; default `$XDG_CACHE_HOME/stresshost` or `~/.cache/stresshost` |
//! | `STRESSHOST_DATA_DIR` | where fetched plugins are kept; default `$XDG_DATA_HOME/stresshost` or `~/.local/share/stresshost` |
//! | `STRESSHOST_CONFIG_DIR` | where `trust.yaml` and `registries.yaml` are; default `$XDG_CONFIG_HOME/stresshost` or `~/.config/stresshost` |
//! | `STRESSHOST_REGISTRY` | a registry that is asked instead of those in `registries.yaml` |
//! | `STRESSHOST_REGISTRY_AUTH` | a login for a registry: `HOST=USER:PASSWORD` or `HOST=bearer:TOKEN` |
//! | `STRESSHOST_KEY_PASSWORD` | password of the key that `plugin sign` and `plugin publish` use |
//! | `DOCKER_CONFIG` | directory of docker's `config.json`, which has logins; default `~/.docker` |
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
    own_dir("STRESSHOST_CACHE_DIR", "XDG_CACHE_HOME", ".cache").map(|directory| directory.join("compiled"))
}

/// Where fetched plugins are kept.
pub(crate) fn data_dir() -> Option<PathBuf> {
    own_dir("STRESSHOST_DATA_DIR", "XDG_DATA_HOME", ".local/share")
}

/// Where the user's own settings are.
pub(crate) fn config_dir() -> Option<PathBuf> {
    own_dir("STRESSHOST_CONFIG_DIR", "XDG_CONFIG_HOME", ".config")
}

fn own_dir(own: &str, xdg: &str, below_home: &str) -> Option<PathBuf> {
    let own = var(own).map(PathBuf::from);
    let xdg = || var(xdg).map(|dir| PathBuf::from(dir).join("stresshost"));
    let home = || var("HOME").map(|home| PathBuf::from(home).join(below_home).join("stresshost"));
    own.or_else(xdg).or_else(home)
}

pub(crate) fn registry() -> Option<String> {
    var("STRESSHOST_REGISTRY")
}

pub(crate) fn registry_auth() -> Option<String> {
    var("STRESSHOST_REGISTRY_AUTH")
}

pub(crate) fn key_password() -> Option<String> {
    var("STRESSHOST_KEY_PASSWORD")
}

/// Docker's config with logins.
pub(crate) fn docker_config() -> Option<PathBuf> {
    let own = var("DOCKER_CONFIG").map(PathBuf::from);
    let home = || var("HOME").map(|home| PathBuf::from(home).join(".docker"));
    own.or_else(home).map(|directory| directory.join("config.json"))
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
