//! The phases of a run: when they began and ended, and what became of them.

use stresshost_plan::{Plan, Problem};

use crate::scenarios::{ScenarioInfo, Spans};
use crate::thresholds::{Moment, Rule, Source};
use crate::{PhaseStatus, PhaseSummary, ThresholdResult, VerdictStatus};

/// In what way a phase ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhaseEnd {
    /// All its load was done.
    Completed,
    /// The run was stopped.
    Stopped,
    /// It could not be done, and why.
    Broken(String),
}

/// A phase and its criteria.
#[derive(Debug)]
pub(crate) struct PhaseState {
    name: String,
    description: String,
    depends_on: Vec<String>,
    criteria: Vec<Rule>,
    began_ns: Option<u64>,
    ended: Option<Ended>,
}

#[derive(Debug)]
struct Ended {
    /// `None` for a phase that was skipped.
    at_ns: Option<u64>,
    status: PhaseStatus,
    reason: String,
    criteria: Vec<ThresholdResult>,
}

impl PhaseState {
    /// Every phase of a plan, or what is wrong with their criteria; none when the plan has no phases.
    pub(crate) fn all(plan: &Plan, scenarios: &[ScenarioInfo]) -> Result<Vec<Self>, Vec<Problem>> {
        let (mut phases, mut problems) = (Vec::new(), Vec::new());
        for (index, phase) in plan.phases.iter().enumerate() {
            let path = format!("/phases/{index}/criteria");
            match Rule::all(&phase.criteria, &path, Some(&phase.name), scenarios) {
                Ok(criteria) => phases.push(Self {
                    name: phase.name.clone(),
                    description: phase.description.clone(),
                    depends_on: phase.depends_on.clone(),
                    criteria,
                    began_ns: None,
                    ended: None,
                }),
                Err(mut found) => problems.append(&mut found),
            }
        }
        if problems.is_empty() { Ok(phases) } else { Err(problems) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_running(&self) -> bool {
        self.began_ns.is_some() && self.ended.is_none()
    }

    pub(crate) fn began(&mut self, at_ns: u64) {
        self.began_ns = Some(at_ns);
    }

    pub(crate) fn skipped(&mut self, reason: String) {
        let (status, criteria) = (PhaseStatus::Skipped, Vec::new());
        self.ended = Some(Ended { at_ns: None, status, reason, criteria });
    }

    /// Takes an interval into the criteria.
    pub(crate) fn advance(&mut self, interval: Source<'_>, spans: &Spans, from_ns: u64, to_ns: u64) {
        if self.is_running() {
            for rule in &mut self.criteria {
                rule.advance(interval, spans, from_ns, to_ns);
            }
        }
    }

    /// Why the run must end now because of a criterion, if it must.
    pub(crate) fn abort(&mut self, now: Moment<'_>) -> Option<String> {
        let began_ns = self.began_ns.filter(|_| self.ended.is_none())?;
        let reason = self.criteria.iter_mut().find_map(|rule| rule.abort(now, began_ns))?;
        Some(format!("phase `{}`: {reason}", self.name))
    }

    /// Ends the phase and judges it.
    pub(crate) fn end(&mut self, end: PhaseEnd, now: Moment<'_>) -> PhaseStatus {
        let criteria: Vec<ThresholdResult> = self.criteria.iter().map(|rule| rule.judge(now)).collect();
        let first = |status: VerdictStatus| {
            criteria.iter().find(|result| !result.warn && result.status == status).map(ThresholdResult::line)
        };
        let (status, reason) = match end {
            PhaseEnd::Broken(why) => (PhaseStatus::Broken, why),
            PhaseEnd::Stopped => (PhaseStatus::Stopped, "the run was stopped".to_owned()),
            PhaseEnd::Completed => match (first(VerdictStatus::Fail), first(VerdictStatus::Inconclusive)) {
                (Some(failed), _) => (PhaseStatus::Failed, failed),
                (None, Some(unknown)) => (PhaseStatus::Inconclusive, unknown),
                (None, None) => (PhaseStatus::Passed, String::new()),
            },
        };
        self.ended = Some(Ended { at_ns: Some(now.now_ns), status, reason, criteria });
        status
    }

    /// The phase as it stands.
    pub(crate) fn summary(&self, now: Moment<'_>) -> PhaseSummary {
        let seconds = |from_ns: u64, to_ns: u64| to_ns.saturating_sub(from_ns) as f64 / 1e9;
        let until_ns = self.ended.as_ref().and_then(|ended| ended.at_ns).unwrap_or(now.now_ns);
        let (status, reason, criteria) = match (&self.ended, self.began_ns) {
            (Some(ended), _) => (ended.status, ended.reason.clone(), ended.criteria.clone()),
            (None, Some(_)) => {
                let criteria = self.criteria.iter().map(|rule| rule.judge(now)).collect();
                (PhaseStatus::Running, "the record ends before the phase does".to_owned(), criteria)
            }
            (None, None) => (PhaseStatus::Skipped, "the run ended before it began".to_owned(), Vec::new()),
        };
        PhaseSummary {
            name: self.name.clone(),
            description: self.description.clone(),
            depends_on: self.depends_on.clone(),
            status,
            reason,
            started_s: self.began_ns.map(|began_ns| seconds(now.start_ns, began_ns)),
            duration_s: self.began_ns.map_or(0.0, |began_ns| seconds(began_ns, until_ns)),
            criteria,
        }
    }
}
