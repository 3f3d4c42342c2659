//! The run directory, written as the run goes: a host that is killed loses at most the last second.
//!
//! | file | content |
//! |---|---|
//! | `run.json` | plan, seed, plugin digest, grants and machine, before the load begins |
//! | `started.json` | when the load began, in wall time, as soon as it has |
//! | `histograms/records.jsonl` | everything that was measured, one line a second: every report can be made from it |
//! | `findings.jsonl` | what plugins found out, one line a finding, when it was reported first |
//! | `snapshots.jsonl` | one snapshot a second |
//! | `summary.json` | the summary, at the end |
//! | `analysis.json` | the plugin's analysis, at the end |
//! | `report.*` | reports in the formats asked for |
//! | `artifacts/` | what the plugin wrote |
//!
//! `run.json` takes its place in one step, so that a directory in which it is can be read. Lines are one write each;
//! nothing is buffered between two of them, and what the system has taken survives the process.

mod lines;
mod open;
mod record_log;
mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use stresshost_engine::Event;
use stresshost_metrics::record::RunEndRecord;
use stresshost_metrics::{IntervalRecord, ReportedFinding, Snapshot, Summary};
use stresshost_plan::Analysis;
use stresshost_report::{Format, Options};

use crate::exit::usage;
use lines::Lines;
use record_log::RecordLog;
use writer::{Disk, Writer};

pub(crate) use open::{OpenRun, RecordedRun};

/// Schema id of `run.json`.
pub(crate) const RUN_SCHEMA: &str = "stresshost.run/1";

const RUN: &str = "run.json";
const STARTED: &str = "started.json";
const RECORDS: &str = "histograms/records.jsonl";
const FINDINGS: &str = "findings.jsonl";
const SNAPSHOTS: &str = "snapshots.jsonl";
const ANALYSIS: &str = "analysis.json";

/// What `started.json` holds.
#[derive(Debug, Serialize, Deserialize)]
struct Started {
    /// When the load began, RFC 3339 in UTC.
    started: String,
}

/// The run directory of a run that goes on.
pub(crate) struct RunDir {
    path: PathBuf,
    writer: Writer<Files>,
    /// End of the last record.
    to_ns: u64,
    warnings: Vec<String>,
}

impl RunDir {
    /// Makes the directory and writes `run.json`. One that holds a run already is refused.
    pub(crate) fn create(path: &Path, record: &impl Serialize) -> anyhow::Result<Self> {
        let cannot = || format!("cannot write the run directory `{}`", path.display());
        if path.join(RUN).exists() {
            let message =
                format!("`{}` holds a run already; name another directory or remove it", path.display());
            return Err(usage(message));
        }
        let made = Files::create(path).and_then(|files| {
            let temporary = path.join("run.json.new");
            write_json(&temporary, record)?;
            fs::rename(&temporary, path.join(RUN))?;
            Writer::start(files)
        });
        let writer = made.map_err(usage).with_context(cannot)?;
        Ok(Self { path: path.to_owned(), writer, to_ns: 0, warnings: Vec::new() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps what an event says; never waits for the disk.
    pub(crate) fn on_event(&mut self, event: &Event<'_>) {
        match event {
            Event::Started => {
                self.writer.started(stresshost_clock::rfc3339(stresshost_clock::wall_unix_ms()));
            }
            Event::Tick(tick) => {
                self.to_ns = tick.record.to_ns;
                self.writer.record(tick.record.clone());
                self.writer.snapshot(tick.snapshot.clone());
            }
            Event::Finding(finding) => self.writer.finding((*finding).clone()),
            _ => {}
        }
    }

    /// The load came to its end: from here on the record is whole.
    pub(crate) fn ended(&self, summary: &Summary) {
        let end = RunEndRecord {
            at_ns: self.to_ns,
            // That of the load after the warm-up, which can be computed.
            duration_s: 0.0,
            interrupted: summary.run.interrupted,
            cpu_s: summary.generator.cpu_s,
            rss_max_bytes: summary.generator.rss_max_bytes,
            notes: summary.notes.clone(),
        };
        self.writer.record(IntervalRecord::ended(self.to_ns, end));
    }

    /// Waits for the disk and writes summary, analysis and reports. Everything is tried; the first failure is told.
    pub(crate) fn finish(
        &mut self,
        summary: &Summary,
        analysis: Option<&Analysis>,
        formats: &[Format],
    ) -> anyhow::Result<()> {
        let mut results = self.flush();
        if let Some(analysis) = analysis {
            let path = self.path.join(ANALYSIS);
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

    /// What a person should know of the directory, once it is finished.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Waits until everything that was measured is on the disk. The first failure of each file.
    fn flush(&mut self) -> Vec<(PathBuf, io::Result<()>)> {
        let Some((mut files, missed)) = self.writer.close() else {
            return vec![(self.path.join(RECORDS), Err(io::Error::other("its thread broke")))];
        };
        if missed.merged > 0 {
            self.warnings.push(format!(
                "the disk was too slow: {} seconds of the record were merged into those before them, which loses \
                 nothing but when in them something happened",
                missed.merged
            ));
        }
        if missed.snapshots > 0 {
            self.warnings.push(format!(
                "the disk was too slow: {} seconds are missing in {SNAPSHOTS}",
                missed.snapshots
            ));
        }
        if let Some(error) = files.log.take_unmerged() {
            self.warnings
                .push(format!("{RECORDS} is longer than it need be, because merging it failed: {error}"));
        }
        let failures = [
            (RECORDS, files.log.take_failure()),
            (SNAPSHOTS, files.snapshots_failure.take()),
            (STARTED, files.started_failure.take()),
            (FINDINGS, files.findings_failure.take()),
        ];
        failures.map(|(name, failure)| (self.path.join(name), failure.map_or(Ok(()), Err))).into()
    }
}

/// The files that are written while a run goes on. The first failure of each is kept for the end: a full disk must not
/// end the measurement.
struct Files {
    started: PathBuf,
    started_failure: Option<io::Error>,
    log: RecordLog,
    snapshots: Lines,
    snapshots_failure: Option<io::Error>,
    findings: PathBuf,
    /// Made when there is something to write.
    findings_lines: Option<Lines>,
    findings_failure: Option<io::Error>,
}

impl Files {
    fn create(path: &Path) -> io::Result<Self> {
        let records = path.join(RECORDS);
        records.parent().map_or(Ok(()), fs::create_dir_all)?;
        Ok(Self {
            started: path.join(STARTED),
            started_failure: None,
            log: RecordLog::create(records)?,
            snapshots: Lines::create(&path.join(SNAPSHOTS))?,
            snapshots_failure: None,
            findings: path.join(FINDINGS),
            findings_lines: None,
            findings_failure: None,
        })
    }
}

impl Disk for Files {
    fn started(&mut self, started: String) {
        self.started_failure = write_json(&self.started, &Started { started }).err();
    }

    fn record(&mut self, record: IntervalRecord) {
        self.log.append(record);
    }

    fn snapshot(&mut self, snapshot: &Snapshot) {
        let line = serde_json::to_string(snapshot).map_err(io::Error::from);
        if let Err(error) = line.and_then(|line| self.snapshots.append(&line)) {
            self.snapshots_failure.get_or_insert(error);
        }
    }

    fn finding(&mut self, finding: &ReportedFinding) {
        let mut write = || {
            let line = serde_json::to_string(finding)?;
            if self.findings_lines.is_none() {
                self.findings_lines = Some(Lines::create(&self.findings)?);
            }
            self.findings_lines.as_mut().map_or(Ok(()), |lines| lines.append(&line))
        };
        if let Err(error) = write() {
            self.findings_failure.get_or_insert(error);
        }
    }
}

/// Writes one report to a file.
pub(crate) fn write_report(
    path: &Path,
    format: Format,
    summary: &Summary,
    analysis: Option<&Analysis>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    stresshost_report::render(format, summary, analysis, &Options::default(), &mut bytes)?;
    fs::write(path, bytes)
}

fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    fs::write(path, bytes)
}
