//! The run so far: folds the cores' blocks tick by tick, and judges thresholds while it does.
//!
//! What it tells of a tick is in `snapshots`, what it tells at the end in `summarize`.

#[cfg(test)]
mod tests;

use stresshost_plan::{Plan, Problem};

use crate::block::{add, histogram};
use crate::phase_states::{PhaseEnd, PhaseState};
use crate::record::{EndRecord, RecordEvent, RecordFacts};
use crate::scenarios::{ScenarioInfo, Span, Spans};
use crate::thresholds::{Moment, Rule, Source};
use crate::usage::Usage;
use crate::{
    Block, FailureExample, FaultSummary, Histogram, IntervalRecord, IterationCounts, KnownNames,
    MAX_FAILURE_EXAMPLES_TOTAL, Names, OpStats, PhaseStatus, Series, Snapshot, Window,
};

pub(crate) const NS_PER_S: f64 = 1e9;

/// Accumulates a run in memory that does not grow with its length.
#[derive(Debug)]
pub struct Totals {
    pub(crate) scenarios: Vec<ScenarioInfo>,
    /// Name of the plugin of each part of the plan; the only one of a plan without parts.
    pub(crate) plugins: Vec<String>,
    /// Whether several plugins share the plan: only then scenarios and operations name them.
    pub(crate) has_parts: bool,
    pub(crate) pass_share: Option<f64>,
    pub(crate) notes: Vec<String>,
    pub(crate) total: Block,
    pub(crate) interval: Block,
    pub(crate) series: Series,
    pub(crate) examples: Vec<FailureExample>,
    pub(crate) faults: Vec<FaultSummary>,
    pub(crate) usage: Usage,
    pub(crate) spans: Spans,
    pub(crate) rules: Vec<Rule>,
    pub(crate) phases: Vec<PhaseState>,
    /// What happened since the last tick.
    events: Vec<RecordEvent>,
    known: KnownNames,
    aborted: bool,
    pub(crate) start_ns: u64,
    last_tick_ns: u64,
}

/// What the caller of [`Totals::tick`] knows of the interval that ends.
#[derive(Clone, Copy, Debug)]
pub struct TickFacts<'a> {
    /// End of the interval, in nanoseconds on the run clock.
    pub now_ns: u64,
    /// Virtual users busy with an iteration at that time.
    pub vus_busy: u64,
    /// CPU time of each core's thread since the last tick, in nanoseconds.
    pub cores_cpu_ns: &'a [u64],
    /// Resident memory at that time, in bytes.
    pub rss_bytes: u64,
    /// Plugin faults since the run began. Entries keep their places; counts grow and new ones follow.
    pub faults: &'a [FaultSummary],
}

/// What an interval came to.
#[derive(Clone, Debug)]
pub struct Tick {
    /// For progress and streams.
    pub snapshot: Snapshot,
    /// For the log of the run.
    pub record: IntervalRecord,
    /// Why the run must stop now: a threshold that asks for it has failed. Told once a run.
    pub abort: Option<String>,
}

impl Totals {
    /// Totals of `plan`, whose load begins at `start_ns` on the run clock. `plugin` is the name of the plugin that made
    /// the plan.
    ///
    /// # Errors
    /// Every threshold that cannot be read; there is none in a plan that was found valid.
    pub fn new(plan: &Plan, plugin: &str, start_ns: u64) -> Result<Self, Vec<Problem>> {
        let scenarios = ScenarioInfo::all(plan, &plan.schedule(), plugin);
        let rules = Rule::all(&plan.thresholds, "/thresholds", None, &scenarios);
        let phases = PhaseState::all(plan, &scenarios);
        let (rules, phases) = match (rules, phases) {
            (Ok(rules), Ok(phases)) => (rules, phases),
            (rules, phases) => {
                let problems = rules.err().into_iter().chain(phases.err());
                return Err(problems.flatten().collect());
            }
        };
        let count = scenarios.len();
        let parts = plan.parts.iter().map(|part| part.plugin.clone());
        Ok(Self {
            scenarios,
            plugins: if plan.parts.is_empty() { vec![plugin.to_owned()] } else { parts.collect() },
            has_parts: !plan.parts.is_empty(),
            pass_share: plan.pass_share,
            notes: plan.notes.clone(),
            total: Block::new(count),
            interval: Block::new(count),
            series: Series::default(),
            examples: Vec::new(),
            faults: Vec::new(),
            usage: Usage::default(),
            spans: Spans::default(),
            rules,
            phases,
            events: Vec::new(),
            known: KnownNames::default(),
            aborted: false,
            start_ns,
            last_tick_ns: start_ns,
        })
    }

    /// Takes what one core measured since the last tick; `block` is left empty for reuse.
    pub fn absorb(&mut self, block: &mut Block) {
        self.interval.absorb(block);
    }

    /// From when to when a scenario's iterations may start, in nanoseconds on the run clock: as planned when its phase
    /// begins, and again when the true end is known. Rates are per second of the part inside a window.
    pub fn scenario_span(&mut self, scenario: usize, from_ns: u64, until_ns: u64, warmup_end_ns: u64) {
        if scenario >= self.scenarios.len() {
            return;
        }
        self.spans.set(scenario, Span { from_ns, until_ns, warmup_end_ns });
        let scenario = scenario as u32;
        self.events.push(RecordEvent::ScenarioSpan { scenario, from_ns, until_ns, warmup_end_ns });
    }

    /// A phase of the plan's schedule begins.
    pub fn phase_began(&mut self, phase: usize, at_ns: u64) {
        if let Some(state) = self.phases.get_mut(phase) {
            state.began(at_ns);
        }
        self.events.push(RecordEvent::PhaseBegan { phase: phase as u32, at_ns });
    }

    /// A phase of the plan's schedule has ended: judges its criteria over everything absorbed so far.
    pub fn phase_ended(&mut self, phase: usize, at_ns: u64, end: PhaseEnd, names: &Names) -> PhaseStatus {
        let record = match &end {
            PhaseEnd::Completed => EndRecord::Completed,
            PhaseEnd::Stopped => EndRecord::Stopped,
            PhaseEnd::Broken(why) => EndRecord::Broken(why.clone()),
        };
        let of_phase = self.phases.get(phase).map(PhaseState::name);
        for (scenario, info) in self.scenarios.iter().enumerate() {
            if of_phase.is_none_or(|name| info.phase == name) {
                self.spans.over(scenario);
            }
        }
        let none = Usage::default();
        let interval = Source { blocks: &[&self.interval], names, usage: &none };
        let source = Source { blocks: &[&self.total, &self.interval], names, usage: &self.usage };
        let now = Moment { source, spans: &self.spans, start_ns: self.start_ns, now_ns: at_ns };
        let status = match self.phases.get_mut(phase) {
            Some(state) => {
                state.advance(interval, &self.spans, self.last_tick_ns, at_ns);
                state.end(end, now)
            }
            // The only phase of a plan without phases has no criteria.
            None => match end {
                PhaseEnd::Completed => PhaseStatus::Passed,
                PhaseEnd::Stopped => PhaseStatus::Stopped,
                PhaseEnd::Broken(_) => PhaseStatus::Broken,
            },
        };
        self.events.push(RecordEvent::PhaseEnded { phase: phase as u32, at_ns, end: record, status });
        status
    }

    /// A phase will not begin, because of one it depends on or because the run ends.
    pub fn phase_skipped(&mut self, phase: usize, reason: String) {
        if let Some(state) = self.phases.get_mut(phase) {
            state.skipped(reason.clone());
        }
        self.events.push(RecordEvent::PhaseSkipped { phase: phase as u32, reason });
    }

    /// Ends an interval and tells what happened in it.
    pub fn tick(&mut self, facts: &TickFacts<'_>, names: &Names) -> Tick {
        let from_ns = std::mem::replace(&mut self.last_tick_ns, facts.now_ns);
        if self.faults != facts.faults {
            self.faults = facts.faults.to_vec();
        }
        let record = RecordFacts {
            start_ns: self.start_ns,
            from_ns,
            to_ns: facts.now_ns,
            vus_busy: facts.vus_busy,
            cores_cpu_ns: facts.cores_cpu_ns,
            rss_bytes: facts.rss_bytes,
            faults: facts.faults,
            events: std::mem::take(&mut self.events),
        };
        let record = IntervalRecord::of(&self.interval, names, &mut self.known, record);
        let interval_ns = facts.now_ns.saturating_sub(from_ns);
        let usage = Usage::tick(facts.cores_cpu_ns, interval_ns, facts.rss_bytes);
        let interval = Source { blocks: &[&self.interval], names, usage: &usage };
        for rule in &mut self.rules {
            rule.advance(interval, &self.spans, from_ns, facts.now_ns);
        }
        for phase in &mut self.phases {
            phase.advance(interval, &self.spans, from_ns, facts.now_ns);
        }
        self.usage.absorb(&usage);
        let room = MAX_FAILURE_EXAMPLES_TOTAL.saturating_sub(self.examples.len());
        self.examples.extend(self.interval.examples().iter().take(room).cloned());
        let snapshot = self.snapshot(from_ns, facts, &usage, names);
        let abort = self.abort(facts.now_ns, names);
        Tick { snapshot, record, abort }
    }

    /// Why the run must stop, once.
    fn abort(&mut self, now_ns: u64, names: &Names) -> Option<String> {
        if self.aborted {
            return None;
        }
        let source = Source { blocks: &[&self.total], names, usage: &self.usage };
        let now = Moment { source, spans: &self.spans, start_ns: self.start_ns, now_ns };
        let of_rules = self.rules.iter_mut().find_map(|rule| rule.abort(now, self.start_ns));
        let reason = of_rules.or_else(|| self.phases.iter_mut().find_map(|phase| phase.abort(now)));
        self.aborted = reason.is_some();
        reason
    }

    /// A scenario's iterations so far, warm-up included.
    pub fn counts(&self, scenario: usize) -> IterationCounts {
        let mut counts = IterationCounts::default();
        for window in [Window::Warmup, Window::Measured] {
            counts += self.total.iterations(scenario, window).map(|stats| stats.counts).unwrap_or_default();
        }
        counts
    }

    /// The plugin of a scenario, when reports name it.
    pub(crate) fn plugin_of(&self, scenario: &ScenarioInfo) -> String {
        if self.has_parts { scenario.plugin.clone() } else { String::new() }
    }
}

/// One histogram of some operations, merged.
pub(crate) fn merged<'a>(
    ops: impl Iterator<Item = &'a OpStats>,
    pick: impl Fn(&'a OpStats) -> &'a Histogram,
) -> Histogram {
    let mut merged = histogram();
    for op in ops {
        add(&mut merged, pick(op));
    }
    merged
}

pub(crate) fn per_second(amount: f64, duration_s: f64) -> f64 {
    if duration_s > 0.0 { amount / duration_s } else { 0.0 }
}
