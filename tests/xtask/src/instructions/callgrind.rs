//! Running stresshost under valgrind, and reading what callgrind counted.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::bench::child::{self, Finished};
use crate::bench::generator::{OWN, READABLE, summary};
use crate::tools::find;

/// How to get valgrind.
const INSTALL: &str = "apt-get install valgrind";

/// What a run may take. The first has to compile the plugin, which takes a quarter of a minute with a release build.
const LIMIT: Duration = Duration::from_secs(300);

/// Finds valgrind.
pub(crate) fn valgrind() -> anyhow::Result<PathBuf> {
    find("valgrind", INSTALL)
}

/// stresshost, to be run under valgrind.
pub(crate) struct Subject {
    pub(crate) valgrind: PathBuf,
    pub(crate) program: PathBuf,
    /// Compiled plugins: valgrind hides some of the processor, so those of other runs do not fit.
    pub(crate) cache: PathBuf,
}

impl Subject {
    /// Compiles the plugin into the cache when it is not there yet. valgrind shows every tool the same processor, and
    /// this one compiles four times as fast as callgrind.
    pub(crate) fn warm(&self, load: &[&str]) -> anyhow::Result<()> {
        let directory = tempfile::tempdir()?;
        self.run(&["--tool=none"], directory.path(), load, 1).map(drop)
    }

    /// Instructions that a run of so many iterations took.
    pub(crate) fn count(&self, load: &[&str], iterations: u64) -> anyhow::Result<u64> {
        let directory = tempfile::tempdir()?;
        let out = directory.path().join("callgrind.out");
        let file = format!("--callgrind-out-file={}", out.display());
        self.run(&["--tool=callgrind", &file], directory.path(), load, iterations)?;
        let text =
            std::fs::read_to_string(&out).with_context(|| format!("cannot read `{}`", out.display()))?;
        total(&text).context("callgrind wrote no total")
    }

    fn run(
        &self,
        tool: &[&str],
        directory: &Path,
        load: &[&str],
        iterations: u64,
    ) -> anyhow::Result<Finished> {
        let mut command = Command::new(&self.valgrind);
        command.args(tool).arg(&self.program).args(OWN).args(load);
        command.args(["--vus", "1", "--cores", "1", "--iterations", &iterations.to_string()]);
        command.env("STRESSHOST_CACHE_DIR", &self.cache).current_dir(directory);
        let finished = child::run("stresshost under valgrind", &mut command, LIMIT)?;
        finished.ended_with(READABLE).context("stresshost under valgrind")?;
        ensure_done(directory, iterations)?;
        Ok(finished)
    }
}

/// Fails unless every iteration ended well: otherwise the work that is to be counted was not done.
fn ensure_done(directory: &Path, iterations: u64) -> anyhow::Result<()> {
    let summary = summary(directory)?;
    let finished: u64 = summary.scenarios.iter().map(|scenario| scenario.iterations.finished).sum();
    let (failed, broken) =
        (summary.operations_failed(), summary.checks.iter().map(|check| check.failed).sum::<u64>());
    ensure!(
        finished == iterations && failed == 0 && broken == 0,
        "{finished} of {iterations} iterations ended well, {failed} requests and {broken} checks failed"
    );
    Ok(())
}

/// The total of a file that callgrind wrote.
fn total(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_callgrinds_file() {
        let file =
            "# callgrind format\nversion: 1\nevents: Ir\nsummary: 7\n\nfn=(1) main\n3 4\ntotals: 39809511\n";
        assert_eq!(total(file), Some(39_809_511));
        assert_eq!(total("events: Ir\nfn=(1) main\n"), None);
        assert_eq!(total("totals: many\n"), None);
    }
}
