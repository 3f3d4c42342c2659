//! What plugins found out about the target while the load ran.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use stresshost_plan::{Finding, MAX_FINDINGS};

/// A finding as the summary and `findings.jsonl` hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedFinding {
    /// Plugin that reported it.
    #[serde(default)]
    pub plugin: String,
    /// How often it was reported; 0 when that is not known, as of a run that was killed.
    #[serde(default)]
    pub count: u64,
    /// What was reported first.
    #[serde(flatten)]
    pub finding: Finding,
}

/// Findings of a run, each once.
#[derive(Debug, Default)]
pub struct FindingLog {
    list: Vec<(u16, Finding, u64)>,
    /// By what makes two findings the same: their places in the list.
    places: HashMap<u64, usize>,
    /// Findings that were handed out as new.
    told: usize,
}

/// There are too many findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_FINDINGS} different findings; put what varies into the evidence")]
pub struct FindingsFull;

impl FindingLog {
    /// Counts a finding of a part of the plan. The same rule, location and message are the same finding, whose first
    /// evidence is kept.
    ///
    /// # Errors
    /// When it is new and there are [`MAX_FINDINGS`] already.
    pub fn report(&mut self, part: u16, finding: Finding) -> Result<(), FindingsFull> {
        let mut hasher = DefaultHasher::new();
        (part, &finding.rule, &finding.location, &finding.message).hash(&mut hasher);
        let key = hasher.finish();
        if let Some((.., count)) = self.places.get(&key).and_then(|place| self.list.get_mut(*place)) {
            *count += 1;
            return Ok(());
        }
        if self.list.len() >= MAX_FINDINGS {
            return Err(FindingsFull);
        }
        self.places.insert(key, self.list.len());
        self.list.push((part, finding, 1));
        Ok(())
    }

    /// Findings that are new since the last time; how often they will be reported is not known yet.
    pub fn take_new(&mut self, plugins: &[String]) -> Vec<ReportedFinding> {
        let new = self.list.get(self.told..).unwrap_or_default();
        let new = new.iter().map(|entry| ReportedFinding { count: 0, ..reported(entry, plugins) }).collect();
        self.told = self.list.len();
        new
    }

    /// All of them, in the order in which they were first reported. `plugins` are the names of the plan's parts.
    pub fn all(&self, plugins: &[String]) -> Vec<ReportedFinding> {
        self.list.iter().map(|entry| reported(entry, plugins)).collect()
    }
}

fn reported((part, finding, count): &(u16, Finding, u64), plugins: &[String]) -> ReportedFinding {
    let plugin = plugins.get(usize::from(*part)).cloned().unwrap_or_default();
    ReportedFinding { plugin, count: *count, finding: finding.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &str, evidence: &str) -> Finding {
        Finding { rule: rule.into(), evidence: evidence.into(), ..Finding::default() }
    }

    #[test]
    fn the_same_finding_is_counted_and_keeps_its_first_evidence() {
        let (mut log, plugins) = (FindingLog::default(), ["a".to_owned(), "b".to_owned()]);
        for (part, evidence) in [(0, "first"), (0, "second"), (1, "third")] {
            log.report(part, finding("same", evidence)).unwrap();
        }
        let told = |list: Vec<ReportedFinding>| -> Vec<(String, u64, String)> {
            list.into_iter().map(|one| (one.plugin, one.count, one.finding.evidence)).collect()
        };
        let entry = |plugin: &str, count, evidence: &str| (plugin.to_owned(), count, evidence.to_owned());
        assert_eq!(told(log.take_new(&plugins)), [entry("a", 0, "first"), entry("b", 0, "third")]);
        assert!(log.take_new(&plugins).is_empty());
        log.report(0, finding("other", "")).unwrap();
        assert_eq!(told(log.take_new(&plugins)), [entry("a", 0, "")]);
        assert_eq!(told(log.all(&plugins))[0], entry("a", 2, "first"));
    }

    #[test]
    fn a_flood_is_refused_and_what_is_known_still_counted() {
        let mut log = FindingLog::default();
        for number in 0..MAX_FINDINGS {
            log.report(0, finding(&number.to_string(), "")).unwrap();
        }
        assert_eq!(log.report(0, finding("one more", "")), Err(FindingsFull));
        assert_eq!(log.report(0, finding("0", "")), Ok(()));
        assert_eq!(log.all(&[])[0].count, 2);
    }

    #[test]
    fn a_finding_survives_being_written() {
        let reported = ReportedFinding { plugin: "p".into(), count: 3, finding: finding("rule", "e") };
        let text = serde_json::to_string(&reported).unwrap();
        assert_eq!(serde_json::from_str::<ReportedFinding>(&text).unwrap(), reported);
    }
}
