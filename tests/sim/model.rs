//! What a case calls for, worked out apart from the engine: pauses, stops, and the load time of every phase.

use std::collections::HashMap;

use stresshost_clock::{NS_PER_MS, NS_PER_S};
use stresshost_engine::{Arrivals, Mix, START_LEAD_MS, Ticket, stream_seed};
use stresshost_metrics::IterationEnd;
use stresshost_plan::{Executor, Schedule, Stream};

use crate::guest::{Deed, Who};
use crate::simulate::{Case, Outcome, Steer};

/// A run and what was called for.
pub(crate) struct Model<'a> {
    pub(crate) case: &'a Case,
    pub(crate) outcome: &'a Outcome,
    pub(crate) schedule: Schedule,
    /// When the run stood still, on the run clock.
    pauses: Vec<(u64, u64)>,
}

/// A stream, and what the guest saw of it.
pub(crate) struct Seen<'a> {
    pub(crate) phase: usize,
    pub(crate) index: usize,
    pub(crate) stream: &'a Stream,
    pub(crate) seed: u64,
    /// Number of its first virtual user.
    first_id: u64,
    /// In order.
    pub(crate) begins: Vec<Begun>,
}

/// An iteration that was begun. Load times are since the beginning of its phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) ticket: Ticket,
    /// Place of its virtual user in the stream.
    pub(crate) place: u64,
    /// On the run clock.
    pub(crate) at_ns: u64,
    pub(crate) load_ns: i128,
    pub(crate) intended_ns: i128,
    /// When it ended in load time, on the run clock, and how.
    pub(crate) end: (i128, u64, IterationEnd),
}

impl<'a> Model<'a> {
    pub(crate) fn new(case: &'a Case, outcome: &'a Outcome) -> Self {
        let (mut pauses, mut since) = (Vec::new(), None);
        for (at_ms, steer) in &case.steers {
            match (steer, since) {
                (Steer::Pause, None) => since = Some(at_ms * NS_PER_MS),
                (Steer::Resume, Some(from_ns)) => {
                    pauses.push((from_ns, at_ms * NS_PER_MS));
                    since = None;
                }
                _ => {}
            }
        }
        pauses.extend(since.map(|from_ns| (from_ns, u64::MAX)));
        Self { case, outcome, schedule: case.plan.schedule(), pauses }
    }

    /// Time the run stood still between two instants of the run clock.
    pub(crate) fn paused_ns(&self, from_ns: u64, to_ns: u64) -> u64 {
        let overlap =
            |&(since_ns, until_ns): &(u64, u64)| until_ns.min(to_ns).saturating_sub(since_ns.max(from_ns));
        self.pauses.iter().map(overlap).sum()
    }

    /// Whether the run stood still before and after an instant.
    pub(crate) fn is_paused(&self, at_ns: u64) -> bool {
        self.pauses.iter().any(|&(from_ns, to_ns)| from_ns < at_ns && at_ns < to_ns)
    }

    pub(crate) fn resumes_at(&self, at_ns: u64) -> bool {
        self.pauses.iter().any(|&(_, to_ns)| to_ns == at_ns)
    }

    /// When a phase's load was to begin, on the run clock; `None` when it did not.
    pub(crate) fn start_ns(&self, phase: usize) -> Option<u64> {
        let load_start_ns = self.outcome.load_start_ns?;
        if self.case.plan.phases.is_empty() {
            return Some(load_start_ns);
        }
        let started_s = self.outcome.summary().phases[phase].started_s?;
        Some(load_start_ns + (started_s * NS_PER_S as f64).round() as u64)
    }

    /// When a phase was over, on the run clock.
    pub(crate) fn end_ns(&self, phase: usize) -> u64 {
        let summary = self.outcome.summary();
        let start_ns = self.start_ns(phase).unwrap_or(0);
        let seconds = match summary.phases.get(phase) {
            Some(phase) => phase.duration_s,
            None => self.outcome.snapshots.last().map_or(0.0, |last| last.t_s),
        };
        start_ns + (seconds * NS_PER_S as f64).round() as u64
    }

    /// Load time since the beginning of a phase; below 0 before it.
    pub(crate) fn load_ns(&self, phase: usize, at_ns: u64) -> i128 {
        let start_ns = self.start_ns(phase).expect("the phase began");
        // A pause between the decision to begin and the beginning moves that.
        let decided_ns = start_ns - START_LEAD_MS * NS_PER_MS;
        i128::from(at_ns) - i128::from(start_ns) - i128::from(self.paused_ns(decided_ns, at_ns))
    }

    /// When the run was first asked to stop, on the run clock.
    pub(crate) fn stop_ns(&self) -> u64 {
        let stops = self.case.stops.iter().map(|(at_ms, _)| at_ms * NS_PER_MS);
        stops.chain(self.outcome.aborted_ns).min().unwrap_or(u64::MAX)
    }

    /// Whether the run gave a plugin up, at an instant nobody is told.
    pub(crate) fn gave_up(&self) -> bool {
        self.outcome.told.iter().any(|told| told.contains(" stopped after "))
    }

    /// Load time of a phase at which it was stopped, unless it was over before.
    pub(crate) fn stopped_at(&self, phase: usize) -> Option<i128> {
        let stop_ns = self.stop_ns();
        (stop_ns <= self.end_ns(phase)).then(|| self.load_ns(phase, stop_ns))
    }

    /// Whether a virtual user may have been lost.
    pub(crate) fn loses_users(&self) -> bool {
        self.case.script.fault_percent > 0 || self.case.script.panics_at.is_some()
    }

    /// Whether a warm-up was stopped at its first instant: it has no length then, and is not in the summary.
    pub(crate) fn hides_warmup(&self) -> bool {
        let first = |(phase, scheduled): (usize, &stresshost_plan::ScheduledPhase)| {
            let starts = scheduled.streams.iter().map(|stream| i128::from(stream.start_ms * NS_PER_MS));
            let stopped_ns = self.start_ns(phase).and_then(|_| self.stopped_at(phase));
            scheduled.warmup_ms > 0
                && stopped_ns.is_some_and(|at_ns| starts.into_iter().any(|from_ns| from_ns == at_ns))
        };
        self.outcome.summary().warmup.is_none() && self.schedule.phases.iter().enumerate().any(first)
    }

    pub(crate) fn place_of(&self, scenario: u16) -> (usize, usize) {
        let mut places = self.schedule.phases.iter().enumerate().flat_map(|(phase, scheduled)| {
            scheduled.streams.iter().enumerate().map(move |(index, stream)| (phase, index, stream))
        });
        let mine = |(_, _, stream): &(usize, usize, &Stream)| {
            stream.scenarios.iter().any(|(own, _)| *own == scenario)
        };
        let (phase, index, _) = places.find(mine).expect("each scenario has a stream");
        (phase, index)
    }

    /// Every stream of every phase whose load began.
    pub(crate) fn streams(&self) -> Vec<Seen<'_>> {
        let mut seen = Vec::new();
        for (phase, scheduled) in self.schedule.phases.iter().enumerate() {
            let mut first_id = 0;
            for (index, stream) in scheduled.streams.iter().enumerate() {
                if self.start_ns(phase).is_some() {
                    let seed = stream_seed(self.case.script.seed, phase, index);
                    seen.push(Seen { phase, index, stream, seed, first_id, begins: Vec::new() });
                }
                first_id += stream.executor.vus();
            }
        }
        let mut open: HashMap<Who, (usize, Begun)> = HashMap::new();
        for entry in &self.outcome.entries {
            match &entry.deed {
                Deed::Begin { vu, ticket } => {
                    let (phase, index) = self.place_of(ticket.scenario);
                    assert_eq!(usize::from(vu.phase), phase, "{vu:?} has {ticket:?}");
                    let place = seen.iter().position(|seen| (seen.phase, seen.index) == (phase, index));
                    let place = place.unwrap_or_else(|| panic!("{ticket:?} of a phase that did not begin"));
                    let begun = self.begun(phase, vu.id - seen[place].first_id, *ticket, entry.at_ns);
                    assert!(open.insert(*vu, (place, begun)).is_none(), "{vu:?} does two at a time");
                }
                Deed::End { vu, ticket, end } => {
                    let (place, mut begun) = open.remove(vu).expect("it was begun");
                    assert_eq!(begun.ticket, *ticket);
                    begun.end = (self.load_ns(seen[place].phase, entry.at_ns), entry.at_ns, *end);
                    seen[place].begins.push(begun);
                }
                _ => {}
            }
        }
        assert!(open.is_empty(), "{open:?} never ended");
        for seen in &mut seen {
            seen.begins.sort_by_key(|begun| begun.at_ns);
        }
        seen
    }

    fn begun(&self, phase: usize, place: u64, ticket: Ticket, at_ns: u64) -> Begun {
        let load_ns = self.load_ns(phase, at_ns);
        let late_ns = i128::from(at_ns) - i128::from(ticket.intended_ns);
        let end = (load_ns, at_ns, IterationEnd::Interrupted);
        Begun { ticket, place, at_ns, load_ns, intended_ns: load_ns - late_ns, end }
    }
}

impl Seen<'_> {
    pub(crate) fn begin_ns(&self) -> i128 {
        i128::from(self.stream.start_ms * NS_PER_MS)
    }

    pub(crate) fn until_ns(&self) -> i128 {
        self.begin_ns() + i128::from(self.stream.executor.duration_ms() * NS_PER_MS)
    }

    /// Its arrivals, of an open stream whose schedule nobody can change.
    pub(crate) fn arrivals(&self) -> Option<Arrivals> {
        match &self.stream.executor {
            Executor::ConstantArrivalRate(config) => Some(Arrivals::constant(config, self.seed)),
            Executor::RampingArrivalRate(config) => Some(Arrivals::ramping(config, self.seed)),
            _ => None,
        }
    }

    pub(crate) fn mix(&self) -> Mix {
        Mix::new(&self.stream.scenarios, self.seed)
    }

    /// By virtual user: what it did, in order.
    pub(crate) fn by_place(&self) -> HashMap<u64, Vec<Begun>> {
        let mut by_place: HashMap<u64, Vec<Begun>> = HashMap::new();
        for begun in &self.begins {
            by_place.entry(begun.place).or_default().push(*begun);
        }
        by_place
    }
}
