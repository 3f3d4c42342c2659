//! The run directory, written as the run goes: a host that is killed loses at most the last second.
//!
//! | file | content |
//! |---|---|
//! | `run.json` | plan, seed, plugin digest, grants and machine, before the load begins |
//! | `snapshots.jsonl` | one snapshot a second |
//! | `summary.json` | the summary, at the end |
//! | `analysis.json` | the plugin's analysis, at the end |
//! | `report.*` | reports in the formats asked for |
//! | `artifacts/` | what the plugin wrote |

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use stresshost_metrics::{Snapshot, Summary};
use stresshost_plan::Analysis;
use stresshost_report::{Format, Options};

use crate::exit::usage;

/// An open run directory.
pub(crate) struct RunDir {
    path: PathBuf,
    snapshots: File,
    /// The first failure to write a snapshot; later ones are not tried.
    broken: Option<std::io::Error>,
}

impl RunDir {
    /// Makes the directory and writes `run.json`. One that holds a run already is refused.
    pub(crate) fn create(path: &Path, record: &impl Serialize) -> anyhow::Result<Self> {
        let cannot = || format!("cannot write the run directory `{}`", path.display());
        if path.join("run.json").exists() {
            let message =
                format!("`{}` holds a run already; name another directory or remove it", path.display());
            return Err(usage(message));
        }
        fs::create_dir_all(path).map_err(usage).with_context(cannot)?;
        write_json(&path.join("run.json"), record).map_err(usage).with_context(cannot)?;
        let snapshots = File::create(path.join("snapshots.jsonl")).map_err(usage).with_context(cannot)?;
        Ok(Self { path: path.to_owned(), snapshots, broken: None })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a snapshot. The first failure is kept for the end: a full disk must not end the measurement.
    pub(crate) fn snapshot(&mut self, snapshot: &Snapshot) {
        if self.broken.is_some() {
            return;
        }
        let line = serde_json::to_vec(snapshot).map_err(std::io::Error::from);
        let written = line.and_then(|mut line| {
            line.push(b'\n');
            self.snapshots.write_all(&line)
        });
        self.broken = written.err();
    }

    /// Writes summary, analysis and reports. Everything is tried; the first failure is told.
    pub(crate) fn finish(
        &mut self,
        summary: &Summary,
        analysis: Option<&Analysis>,
        formats: &[Format],
    ) -> anyhow::Result<()> {
        let mut results = vec![(self.path.join("snapshots.jsonl"), self.broken.take().map_or(Ok(()), Err))];
        if let Some(analysis) = analysis {
            let path = self.path.join("analysis.json");
            results.push((path.clone(), write_json(&path, analysis)));
        }
        let json = (!formats.contains(&Format::Json)).then_some(Format::Json);
        for format in formats.iter().copied().chain(json) {
            let path = self.path.join(format.file_name());
            results.push((path.clone(), write_report(&path, format, summary, analysis)));
        }
        for (path, result) in results {
            result.with_context(|| {
                format!("cannot write `{}`; free some space or use --out", path.display())
            })?;
        }
        Ok(())
    }
}

/// Writes one report to a file.
pub(crate) fn write_report(
    path: &Path,
    format: Format,
    summary: &Summary,
    analysis: Option<&Analysis>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    stresshost_report::render(format, summary, analysis, &Options::default(), &mut bytes)?;
    fs::write(path, bytes)
}

fn write_json(path: &Path, value: &impl Serialize) -> std::io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    fs::write(path, bytes)
}
