//! The recorded numbers, and what is said of new ones beside them.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::tools::root;

/// Change beyond which a number is a failure, or should be recorded anew.
const TOLERANCE: f64 = 0.05;

/// What an iteration takes, by the name of the workload.
pub(crate) type Counts = Vec<(&'static str, u64)>;

/// The file of recorded numbers: for each build the counts, and what they were measured with.
pub(crate) struct Record {
    path: PathBuf,
    document: Value,
}

/// What new counts are beside the recorded ones.
pub(crate) struct Judged {
    /// One for each workload.
    pub(crate) lines: Vec<String>,
    /// Workloads that take more, with their growth.
    pub(crate) grown: Vec<String>,
    /// Workloads that take less.
    pub(crate) dropped: Vec<String>,
}

impl Record {
    /// Reads the file; without one nothing is recorded.
    pub(crate) fn read() -> anyhow::Result<Self> {
        Self::read_from(&root().join("tests/xtask/instructions.json"))
    }

    fn read_from(path: &Path) -> anyhow::Result<Self> {
        let unreadable = || format!("cannot read `{}`", path.display());
        let document = if path.exists() {
            serde_json::from_slice(&std::fs::read(path).with_context(unreadable)?).with_context(unreadable)?
        } else {
            json!({})
        };
        Ok(Self { path: path.to_owned(), document })
    }

    /// What the numbers of a build were measured with.
    pub(crate) fn with(&self, build: &str) -> &str {
        self.document[build]["with"].as_str().unwrap_or("nothing that is known")
    }

    /// Puts new numbers of a build in place of its old ones.
    pub(crate) fn write(&mut self, build: &str, counts: &Counts, with: &str) -> anyhow::Result<()> {
        let mut entry = json!({});
        for (name, count) in counts {
            entry[*name] = json!(count);
        }
        entry["with"] = json!(with);
        self.document[build] = entry;
        let text = format!("{}\n", serde_json::to_string_pretty(&self.document)?);
        std::fs::write(&self.path, text).with_context(|| format!("cannot write `{}`", self.path.display()))
    }

    /// Holds new counts of a build against the recorded ones.
    pub(crate) fn judge(&self, build: &str, counts: &Counts) -> anyhow::Result<Judged> {
        let mut judged = Judged { lines: Vec::new(), grown: Vec::new(), dropped: Vec::new() };
        for (name, count) in counts {
            let Some(recorded) = self.document[build][*name].as_u64().filter(|&recorded| recorded > 0) else {
                bail!("nothing is recorded of the workload `{name}` in the {build} build");
            };
            let growth = *count as f64 / recorded as f64 - 1.0;
            let percent = growth * 100.0;
            judged.lines.push(format!("{name}: {count}, recorded {recorded}, {percent:+.1}%"));
            if growth > TOLERANCE {
                judged.grown.push(format!("{name} from {recorded} to {count}, by {percent:.1}%"));
            } else if growth < -TOLERANCE {
                judged.dropped.push((*name).to_owned());
            }
        }
        Ok(judged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(document: Value) -> Record {
        Record { path: PathBuf::new(), document }
    }

    #[test]
    fn only_more_than_the_tolerance_counts() {
        let record = record(json!({ "dev": { "plain": 10_000, "json": 20_000, "with": "rustc 1" } }));
        let judged = record.judge("dev", &vec![("plain", 10_499), ("json", 19_001)]).unwrap();
        assert_eq!(
            judged.lines,
            ["plain: 10499, recorded 10000, +5.0%", "json: 19001, recorded 20000, -5.0%"]
        );
        assert!(judged.grown.is_empty() && judged.dropped.is_empty());
        let judged = record.judge("dev", &vec![("plain", 10_520), ("json", 18_900)]).unwrap();
        assert_eq!(judged.grown, ["plain from 10000 to 10520, by 5.2%"]);
        assert_eq!(judged.dropped, ["json"]);
        assert_eq!(record.with("dev"), "rustc 1");
    }

    #[test]
    fn a_build_without_numbers_is_named() {
        let record = record(json!({ "release": { "plain": 1 } }));
        let error = record.judge("dev", &vec![("plain", 1)]).err().unwrap().to_string();
        assert!(error.contains("`plain` in the dev build"), "{error}");
        assert!(record.judge("release", &vec![("plain", 1), ("json", 1)]).is_err());
    }

    #[test]
    fn what_is_recorded_is_read_again_and_leaves_other_builds_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("instructions.json");
        let counts = |plain| vec![("plain", plain), ("json", 2)];
        Record::read_from(&path).unwrap().write("dev", &counts(1), "rustc 1").unwrap();
        Record::read_from(&path).unwrap().write("release", &counts(5), "rustc 2").unwrap();
        let record = Record::read_from(&path).unwrap();
        assert_eq!(record.judge("dev", &counts(1)).unwrap().lines[0], "plain: 1, recorded 1, +0.0%");
        assert_eq!(record.judge("release", &counts(5)).unwrap().lines[0], "plain: 5, recorded 5, +0.0%");
        assert_eq!((record.with("dev"), record.with("release")), ("rustc 1", "rustc 2"));
        std::fs::write(&path, "{").unwrap();
        assert!(Record::read_from(&path).is_err());
    }
}
