//! Set-ups, tear-downs and the order of phases. What happens once happens once, also when the run breaks.

use stresshost_metrics::PhaseStatus;

use crate::guest::Deed;
use crate::model::Model;
use crate::simulate::Outcome;

/// Places in the log of what `chosen` picks.
fn places(outcome: &Outcome, chosen: impl Fn(&Deed) -> bool) -> Vec<usize> {
    let entries = outcome.entries.iter().enumerate();
    entries.filter(|(_, entry)| chosen(&entry.deed)).map(|(place, _)| place).collect()
}

/// What holds of a run that broke as well.
pub(super) fn set_ups_are_torn_down(model: &Model<'_>) {
    let outcome = model.outcome;
    for part in 0..model.case.plan.parts.len().max(1) as u16 {
        let setups = places(outcome, |deed| *deed == Deed::Setup { part });
        let set_up = places(outcome, |deed| *deed == Deed::SetUp { part });
        let torn_down = places(outcome, |deed| *deed == Deed::Teardown { part });
        assert!(setups.len() <= 1, "part {part} was set up at {setups:?}");
        assert_eq!(torn_down.len(), set_up.len(), "tear-downs of part {part}");
        if let Some(last) = torn_down.first() {
            let after = &outcome.entries[*last..];
            assert!(after.iter().all(|entry| matches!(entry.deed, Deed::Teardown { .. })), "{after:?}");
        }
        for phase in 0..model.schedule.phases.len() as u16 {
            of_phase(outcome, part, phase, set_up.first().copied());
        }
    }
}

fn of_phase(outcome: &Outcome, part: u16, phase: u16, run_set_up: Option<usize>) {
    let setups = places(outcome, |deed| *deed == Deed::SetupPhase { part, phase });
    let set_up = places(outcome, |deed| *deed == Deed::SetUpPhase { part, phase });
    let torn_down = places(outcome, |deed| *deed == Deed::TeardownPhase { part, phase });
    assert!(setups.len() <= 1, "part {part} was set up for phase {phase} at {setups:?}");
    assert_eq!(torn_down.len(), set_up.len(), "tear-downs of part {part} in phase {phase}");
    assert!(setups.iter().all(|at| run_set_up.is_some_and(|run| run < *at)), "phase {phase} before the run");
    let users = places(outcome, |deed| match deed {
        Deed::Start { vu } | Deed::Begin { vu, .. } | Deed::End { vu, .. } | Deed::Finish { vu } => {
            (vu.part, vu.phase) == (part, phase)
        }
        _ => false,
    });
    if let (Some(first), Some(last)) = (users.first(), users.last()) {
        assert!(
            set_up.first().is_some_and(|at| at < first),
            "phase {phase} began before part {part} was set up"
        );
        assert!(
            torn_down.first().is_some_and(|at| at > last),
            "part {part} was torn down within phase {phase}"
        );
    }
}

pub(super) fn hold(model: &Model<'_>) {
    set_ups_are_torn_down(model);
    let (summary, outcome) = (model.outcome.summary(), model.outcome);
    let stopped = model.stop_ns() <= outcome.end_ns || model.gave_up();
    let status = |phase: usize| summary.phases.get(phase).map_or(PhaseStatus::Passed, |phase| phase.status);
    for (index, scheduled) in model.schedule.phases.iter().enumerate() {
        let mine = places(outcome, |deed| deed.phase() == Some(index as u16));
        for &before in &scheduled.depends_on {
            let earlier = places(outcome, |deed| deed.phase() == Some(before as u16));
            if let (Some(first), Some(last)) = (mine.first(), earlier.last()) {
                assert!(first > last, "phase {index} began before phase {before} was over");
            }
        }
        let Some(phase) = summary.phases.get(index) else { continue };
        let may_begin = scheduled.depends_on.iter().all(|&before| status(before) == PhaseStatus::Passed);
        assert!(may_begin || mine.is_empty(), "phase {index} did {} deeds", mine.len());
        match phase.status {
            PhaseStatus::Skipped => assert!(mine.is_empty() && !may_begin, "{phase:?}"),
            PhaseStatus::Stopped => assert!(stopped, "{phase:?}"),
            PhaseStatus::Broken => assert!(phase.started_s.is_none() && !mine.is_empty(), "{phase:?}"),
            PhaseStatus::Running => panic!("{phase:?} after the end"),
            PhaseStatus::Passed | PhaseStatus::Failed | PhaseStatus::Inconclusive => {
                assert!(phase.started_s.is_some() && may_begin, "{phase:?}");
            }
        }
        assert_eq!(phase.started_s.is_some(), model.start_ns(index).is_some());
        let impossible =
            model.case.plan.phases[index].criteria.iter().any(|one| one.expression.contains("100000000"));
        assert!(!(impossible && phase.status == PhaseStatus::Passed), "{phase:?}");
        assert!(stopped || may_begin == (phase.status != PhaseStatus::Skipped), "{phase:?}");
    }
    if model.case.stops.is_empty() {
        assert!(!summary.run.interrupted, "nobody asked it to stop");
    }
}
