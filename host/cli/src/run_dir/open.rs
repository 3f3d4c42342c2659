//! Reading a run directory, whatever became of its run.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stresshost_metrics::record::{Rebuilt, rebuild_log};
use stresshost_metrics::{HostInfo, PluginInfo, RecordError, RecordReader, RunInfo, RunLog, Summary};
use stresshost_plan::{Analysis, MAX_FINDINGS, Plan};
use stresshost_report::Format;

use super::{ANALYSIS, FINDINGS, RECORDS, RUN, RUN_SCHEMA, STARTED, Started};
use crate::commands::Recorded;
use crate::exit::usage;

/// Bytes of `findings.jsonl` that are read: as many findings as a run has, each with its longest texts.
const MAX_FINDINGS_BYTES: u64 = 64 << 20;

/// The run directory of a run that is over or was killed.
pub(crate) struct OpenRun {
    path: PathBuf,
    summary: Option<Summary>,
}

/// `run.json`, as far as it is read again.
#[derive(Deserialize)]
pub(crate) struct RecordedRun {
    schema: String,
    id: String,
    pub(crate) seed: u64,
    plugin: PluginInfo,
    host: HostInfo,
    #[serde(default)]
    pub(crate) granted: Vec<String>,
    #[serde(default)]
    pub(crate) limits: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    pub(crate) replay: Recorded,
    pub(crate) plan: Plan,
}

impl OpenRun {
    /// Opens a directory that holds a run.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let summary = read(&path.join(Format::Json.file_name()), Torn::Absent)?;
        if summary.is_none() && !path.join(RUN).exists() {
            let path = path.display();
            return Err(usage(format!(
                "`{path}` holds no run: it has neither summary.json nor {RUN}; name a run directory"
            )));
        }
        Ok(Self { path: path.to_owned(), summary })
    }

    /// The summary that was written when the run ended; `None` when the host was killed before.
    pub(crate) const fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// The plugin's analysis, if it made one.
    pub(crate) fn analysis(&self) -> anyhow::Result<Option<Analysis>> {
        read(&self.path.join(ANALYSIS), Torn::Absent)
    }

    /// What was about to be run.
    pub(crate) fn recorded(&self) -> anyhow::Result<RecordedRun> {
        let path = self.path.join(RUN);
        let run: RecordedRun = read(&path, Torn::Damaged)?.ok_or_else(|| {
            usage(format!("`{}` is missing: nothing can be rebuilt without it", path.display()))
        })?;
        if run.schema != RUN_SCHEMA {
            let path = path.display();
            return Err(usage(format!("`{path}` is `{}`: this version reads `{RUN_SCHEMA}`", run.schema)));
        }
        Ok(run)
    }

    /// The summary, computed again from the record.
    pub(crate) fn rebuild(&self) -> anyhow::Result<Rebuilt> {
        let run = self.recorded()?;
        let started: Option<Started> = read(&self.path.join(STARTED), Torn::Absent)?;
        let info = RunInfo {
            id: run.id,
            name: run.plan.name.clone(),
            seed: run.seed,
            started: started.map(|started| started.started).unwrap_or_default(),
            targets: run.plan.targets.clone(),
            plugin: run.plugin,
            host: HostInfo { cores: self.cores()?, ..run.host },
            ..RunInfo::default()
        };
        let plugin = run.plan.parts.first().map_or(&info.plugin.name, |part| &part.plugin).clone();
        let log = BufReader::new(self.log()?);
        let mut rebuilt = rebuild_log(&run.plan, &plugin, info, log).map_err(|error| self.in_log(error))?;
        rebuilt.summary.findings = self.findings()?;
        Ok(rebuilt)
    }

    /// What plugins had found out. A last line that is not whole was being written when the host was killed.
    fn findings(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        let path = self.path.join(FINDINGS);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let cannot = || format!("cannot read `{}`", path.display());
        let file = File::open(&path).map_err(usage).with_context(cannot)?;
        let mut text = String::new();
        file.take(MAX_FINDINGS_BYTES).read_to_string(&mut text).map_err(usage).with_context(cannot)?;
        Ok(text.lines().take(MAX_FINDINGS).filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// The record in memory, merged to what a comparison can use.
    pub(crate) fn records(&self) -> anyhow::Result<RunLog> {
        RunLog::read(BufReader::new(self.log()?)).map_err(|error| self.in_log(error))
    }

    fn log(&self) -> anyhow::Result<File> {
        let path = self.path.join(RECORDS);
        File::open(&path).map_err(usage).with_context(|| format!("cannot read `{}`", path.display()))
    }

    /// Cores the generator used: the first record tells their number.
    fn cores(&self) -> anyhow::Result<u64> {
        let first = RecordReader::new(BufReader::new(self.log()?)).next().transpose();
        let first = first.map_err(|error| self.in_log(error))?;
        Ok(first.map_or(0, |record| record.cores_cpu_ns.len() as u64))
    }

    /// An error of the log, with the place where an editor finds it.
    fn in_log(&self, error: RecordError) -> anyhow::Error {
        let path = self.path.join(RECORDS).display().to_string();
        let place = match &error {
            RecordError::Damaged { line, .. }
            | RecordError::Dangling { line, .. }
            | RecordError::Gap { line, .. } => format!("{path}:{line}"),
            RecordError::Plan(_) => self.path.join(RUN).display().to_string(),
            RecordError::Read(_) => path,
        };
        usage(format!("{place}: {error}"))
    }
}

/// What a document stands for that ends in the middle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Torn {
    /// The host was killed while it wrote it: as if it had not begun.
    Absent,
    /// It is damaged.
    Damaged,
}

/// Reads a document of a run directory; none when the file is not there.
fn read<T: DeserializeOwned>(path: &Path, torn: Torn) -> anyhow::Result<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes =
        std::fs::read(path).map_err(usage).with_context(|| format!("cannot read `{}`", path.display()))?;
    match serde_json::from_slice(&bytes) {
        Ok(document) => Ok(Some(document)),
        Err(error) if error.is_eof() && torn == Torn::Absent => Ok(None),
        Err(error) => Err(usage(error))
            .with_context(|| format!("`{}` is damaged or of another version", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};
    use stresshost_metrics::record::{IterationRecord, RunEndRecord};
    use stresshost_metrics::{IntervalRecord, VerdictStatus};
    use stresshost_plan::{ConstantVus, Executor, Scenario};

    use super::*;

    const S: u64 = 1_000_000_000;

    fn run_json() -> Value {
        let load = Executor::ConstantVus(ConstantVus { vus: 1, duration_ms: 9_000, ramp_up_ms: 0 });
        let scenarios = vec![Scenario::new("main", load)];
        let plan =
            Plan { name: "shop".into(), targets: vec!["http://shop".into()], scenarios, ..Plan::default() };
        let plugin = json!({ "name": "p", "version": "1", "digest": "sha256:0" });
        let host = json!({ "version": "1", "os": "linux", "arch": "x", "cores": 0 });
        json!({ "schema": RUN_SCHEMA, "id": "7", "seed": 5, "plugin": plugin, "host": host, "plan": plan })
    }

    fn second(index: u64) -> String {
        let mut row = IterationRecord::default();
        (row.counts.due, row.counts.started, row.counts.finished) = (3, 3, 3);
        let record = IntervalRecord {
            from_ns: index * S,
            to_ns: (index + 1) * S,
            ticks: 1,
            cores_cpu_ns: vec![S / 4; 2],
            iterations: vec![row],
            ..IntervalRecord::default()
        };
        record.to_line() + "\n"
    }

    /// A run directory with these lines in its log.
    fn directory(log: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("histograms")).unwrap();
        fs::write(dir.path().join(RUN), run_json().to_string()).unwrap();
        fs::write(dir.path().join(STARTED), r#"{"started":"2026-11-22T17:18:58.250Z"}"#).unwrap();
        fs::write(dir.path().join(RECORDS), log).unwrap();
        dir
    }

    fn rebuild(dir: &tempfile::TempDir) -> Result<Rebuilt, String> {
        let run = OpenRun::open(dir.path()).map_err(|error| format!("{error:#}"))?;
        assert!(run.summary().is_none());
        let rebuilt = run.rebuild().map_err(|error| format!("{error:#}"));
        rebuilt.map_err(|error| error.replace(dir.path().to_str().unwrap(), "DIR"))
    }

    #[test]
    fn a_killed_run_is_rebuilt_with_all_that_was_known_of_it() {
        let torn = &second(2)[..40];
        let rebuilt = rebuild(&directory(&(second(0) + &second(1) + torn))).unwrap();
        assert!(rebuilt.cut_short && !rebuilt.merged && rebuilt.records == 2);
        let summary = rebuilt.summary;
        assert_eq!((summary.run.id.as_str(), summary.run.name.as_str(), summary.run.seed), ("7", "shop", 5));
        assert_eq!(summary.run.started, "2026-11-22T17:18:58.250Z");
        assert_eq!((summary.run.targets, summary.run.host.cores), (vec!["http://shop".to_owned()], 2));
        assert_eq!(summary.scenarios[0].iterations.finished, 6);
        assert_eq!(summary.verdict.reasons.last().unwrap(), "the run was cut short after 2.0 s");
        assert!(summary.notes[0].contains("line 3"), "{:?}", summary.notes);
    }

    #[test]
    fn a_run_that_was_killed_before_its_load_began_has_a_summary() {
        let dir = directory("");
        fs::remove_file(dir.path().join(STARTED)).unwrap();
        let rebuilt = rebuild(&dir).unwrap();
        assert_eq!(rebuilt.summary.verdict.status, VerdictStatus::Inconclusive);
    }

    #[test]
    fn a_summary_that_was_being_written_is_as_if_there_were_none() {
        let end = IntervalRecord::ended(S, RunEndRecord { at_ns: S, ..RunEndRecord::default() }).to_line();
        let dir = directory(&(second(0) + &end + "\n"));
        for (name, half) in [("summary.json", "{\"schema\": \"stressh"), (ANALYSIS, ""), (STARTED, "{")] {
            fs::write(dir.path().join(name), half).unwrap();
        }
        let rebuilt = rebuild(&dir).unwrap();
        assert!(!rebuilt.cut_short);
        assert!(OpenRun::open(dir.path()).unwrap().analysis().unwrap().is_none());
    }

    #[test]
    fn damage_is_told_with_its_place() {
        let log = second(0) + "{\"from_ns\": true}\n" + &second(2);
        assert!(
            rebuild(&directory(&log)).unwrap_err().starts_with("DIR/histograms/records.jsonl:2: line 2 of")
        );
        let gap = rebuild(&directory(&(second(0) + &second(2)))).unwrap_err();
        assert!(
            gap.starts_with("DIR/histograms/records.jsonl:2: ") && gap.ends_with("a line is missing"),
            "{gap}"
        );
        let row = IterationRecord { scenario: 1, ..IterationRecord::default() };
        let foreign =
            IntervalRecord { ticks: 1, iterations: vec![row], ..IntervalRecord::default() }.to_line();
        let foreign = rebuild(&directory(&(foreign + "\n"))).unwrap_err();
        assert!(
            foreign.starts_with("DIR/histograms/records.jsonl:1: ") && foreign.contains("scenario 1 of 1")
        );
    }

    #[test]
    fn what_is_no_run_of_this_version_is_refused() {
        let empty = tempfile::tempdir().unwrap();
        assert!(rebuild(&empty).unwrap_err().contains("holds no run"));
        let dir = directory(&second(0));
        fs::remove_file(dir.path().join(RECORDS)).unwrap();
        assert!(rebuild(&dir).unwrap_err().starts_with("cannot read `DIR/histograms/records.jsonl`"));
        let mut newer = run_json();
        newer["schema"] = json!("stresshost.run/2");
        let cases = [
            (newer.to_string(), "`DIR/run.json` is `stresshost.run/2`"),
            (run_json().to_string().split_off(1), "`DIR/run.json` is damaged or of another version"),
            ("{\"schema\": \"stresshost".to_owned(), "`DIR/run.json` is damaged or of another version"),
        ];
        for (text, expected) in cases {
            fs::write(dir.path().join(RUN), text).unwrap();
            let error = rebuild(&dir).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
