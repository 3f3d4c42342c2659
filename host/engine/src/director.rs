//! Which phase comes next: the state of every phase of a run. Pure.

use stresshost_metrics::PhaseStatus;
use stresshost_plan::Schedule;

/// Where a phase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PhaseState {
    /// It waits for those it depends on.
    Waiting,
    /// Its set-ups run, then its virtual users are made; this many cores are ready.
    Preparing { ready: usize },
    /// Its load goes on; this many cores are done with it.
    Running { done: usize },
    /// Its tear-downs run.
    Ending(PhaseStatus),
    /// It is over.
    Over(PhaseStatus),
}

/// The phases of a run.
#[derive(Debug)]
pub(crate) struct Director {
    states: Vec<PhaseState>,
    depends_on: Vec<Vec<usize>>,
    names: Vec<String>,
}

impl Director {
    pub(crate) fn new(schedule: &Schedule) -> Self {
        Self {
            states: vec![PhaseState::Waiting; schedule.phases.len()],
            depends_on: schedule.phases.iter().map(|phase| phase.depends_on.clone()).collect(),
            names: schedule.phases.iter().map(|phase| phase.name.clone()).collect(),
        }
    }

    pub(crate) fn state(&self, phase: usize) -> PhaseState {
        self.states[phase]
    }

    pub(crate) fn set(&mut self, phase: usize, state: PhaseState) {
        self.states[phase] = state;
    }

    /// Phases that may begin now: everything they depend on has passed.
    pub(crate) fn eligible(&self) -> Vec<usize> {
        let passed = |before: &usize| self.states[*before] == PhaseState::Over(PhaseStatus::Passed);
        self.waiting().filter(|&phase| self.depends_on[phase].iter().all(passed)).collect()
    }

    /// Phases that can never begin, each with the reason.
    pub(crate) fn doomed(&self) -> Vec<(usize, String)> {
        let reason = |before: &usize| match self.states[*before] {
            PhaseState::Over(PhaseStatus::Passed) => None,
            PhaseState::Over(status) => {
                Some(format!("phase `{}` {}", self.names[*before], what_it_did(status)))
            }
            _ => None,
        };
        self.waiting()
            .filter_map(|phase| Some((phase, self.depends_on[phase].iter().find_map(reason)?)))
            .collect()
    }

    /// Phases that have not begun to prepare.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.states.len()).filter(|&phase| self.states[phase] == PhaseState::Waiting)
    }

    /// Whether every phase is over.
    pub(crate) fn is_over(&self) -> bool {
        self.states.iter().all(|state| matches!(state, PhaseState::Over(_)))
    }
}

/// The end of a sentence about a phase that did not pass.
const fn what_it_did(status: PhaseStatus) -> &'static str {
    match status {
        PhaseStatus::Passed => "passed",
        PhaseStatus::Failed => "did not meet its criteria",
        PhaseStatus::Inconclusive => "has no data for a criterion",
        PhaseStatus::Skipped => "was skipped",
        PhaseStatus::Stopped => "was stopped",
        PhaseStatus::Broken => "could not be done",
        PhaseStatus::Running => "goes on",
    }
}

#[cfg(test)]
mod tests {
    use stresshost_plan::{Phase, Plan};

    use super::*;

    fn director(phases: &[(&str, &[&str])]) -> Director {
        let phase = |(name, before): &(&str, &[&str])| Phase {
            depends_on: before.iter().map(|&name| name.to_owned()).collect(),
            ..Phase::new(*name)
        };
        Director::new(&Plan { phases: phases.iter().map(phase).collect(), ..Plan::default() }.schedule())
    }

    #[test]
    fn phases_begin_when_all_they_depend_on_have_passed() {
        let mut director = director(&[("a", &[]), ("b", &[]), ("c", &["a", "b"])]);
        assert_eq!(director.eligible(), [0, 1]);
        director.set(0, PhaseState::Over(PhaseStatus::Passed));
        director.set(1, PhaseState::Running { done: 0 });
        assert!(director.eligible().is_empty());
        director.set(1, PhaseState::Over(PhaseStatus::Passed));
        assert_eq!(director.eligible(), [2]);
        director.set(2, PhaseState::Over(PhaseStatus::Failed));
        assert!(director.is_over());
    }

    #[test]
    fn whatever_depends_on_what_did_not_pass_is_doomed() {
        let mut director = director(&[("a", &[]), ("b", &["a"]), ("c", &["b"])]);
        director.set(0, PhaseState::Over(PhaseStatus::Failed));
        assert_eq!(director.doomed(), [(1, "phase `a` did not meet its criteria".to_owned())]);
        director.set(1, PhaseState::Over(PhaseStatus::Skipped));
        assert_eq!(director.doomed(), [(2, "phase `b` was skipped".to_owned())]);
        assert!(director.eligible().is_empty());
    }
}
