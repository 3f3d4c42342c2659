//! `fuzz`: every fuzz target of the workspace, each for a while.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

use crate::tools::{find, must, root, target_dir};

/// Memory a target may take, in megabytes: several times what the largest input it is given may unfold to.
const MEMORY_MB: u32 = 2_048;

/// Seconds a target may take for one input: a hundred times what the slowest seed takes on a busy machine.
const INPUT_SECONDS: u32 = 20;

/// What to fuzz.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Targets to run; all when none is named
    targets: Vec<String>,
}

/// A fuzz target: the crate whose `fuzz` folder has it, and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    krate: PathBuf,
    name: String,
}

/// Runs the targets one after the other and fails on the first that finds something.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let targets = chosen(targets(&root().join("host"))?, &options.targets)?;
    find("cargo-fuzz", "cargo install cargo-fuzz --locked")?;
    // The cargo that runs this program is a fixed one; only rustup's can be told to use another.
    find("rustup", "see https://rustup.rs")?;
    let nightly = Command::new("rustup").args(["run", "nightly", "rustc", "--version"]).output()?;
    ensure!(nightly.status.success(), "no nightly toolchain; run `rustup toolchain install nightly`");
    let found = target_dir()?.join("fuzz-corpus");
    for target in targets {
        // New inputs go into the first folder: the seeds are sources, and stay as they are.
        let found = found.join(&target.name);
        std::fs::create_dir_all(&found).with_context(|| format!("cannot make `{}`", found.display()))?;
        must(
            Command::new("rustup")
                .args(["run", "nightly", "cargo", "fuzz", "run", &target.name])
                .args([found, target.krate.join("fuzz/corpus").join(&target.name)])
                .arg("--")
                .arg(format!("-max_total_time={}", options.seconds))
                .arg(format!("-rss_limit_mb={MEMORY_MB}"))
                .arg(format!("-timeout={INPUT_SECONDS}"))
                .current_dir(&target.krate),
        )?;
    }
    Ok(())
}

/// The targets of every crate in `rooms`, by the files in `fuzz/fuzz_targets`.
fn targets(rooms: &Path) -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    for room in entries(rooms)? {
        let folder = room.join("fuzz/fuzz_targets");
        if !folder.is_dir() {
            continue;
        }
        for file in entries(&folder)? {
            if let Some(name) = file.file_stem().filter(|_| file.extension().is_some_and(|end| end == "rs")) {
                targets.push(Target { krate: room.clone(), name: name.to_string_lossy().into_owned() });
            }
        }
    }
    targets.sort();
    ensure!(!targets.is_empty(), "`{}` has no fuzz targets", rooms.display());
    Ok(targets)
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    Ok(entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?)
}

/// The targets of these names; all when there are none.
fn chosen(all: Vec<Target>, names: &[String]) -> anyhow::Result<Vec<Target>> {
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|target| target.name != **name)) {
        let known: Vec<&str> = all.iter().map(|target| target.name.as_str()).collect();
        bail!("no fuzz target `{unknown}`; there is {}", known.join(", "));
    }
    Ok(all.into_iter().filter(|target| names.is_empty() || names.contains(&target.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found_and_chosen_by_name() {
        let all = targets(&root().join("host")).unwrap();
        let names: Vec<&str> = all.iter().map(|target| target.name.as_str()).collect();
        for name in ["component", "response_reader", "plan_json", "run_record"] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert_eq!(chosen(all.clone(), &[]).unwrap(), all);
        let one = chosen(all.clone(), &["plan_json".to_owned()]).unwrap();
        assert_eq!(one.iter().map(|target| &target.name[..]).collect::<Vec<_>>(), ["plan_json"]);
        let error = chosen(all, &["plan_jsn".to_owned()]).unwrap_err().to_string();
        assert!(
            error.contains("no fuzz target `plan_jsn`; there is") && error.contains("plan_json"),
            "{error}"
        );
    }

    #[test]
    fn every_target_is_declared_in_its_manifest() {
        for target in targets(&root().join("host")).unwrap() {
            let manifest = std::fs::read_to_string(target.krate.join("fuzz/Cargo.toml")).unwrap();
            assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{target:?}");
        }
    }
}
