//! Orders the cores' blocks by tick: a snapshot is due when every core has handed over its part.

use std::collections::BTreeMap;

use stresshost_clock::NS_PER_MS;
use stresshost_metrics::{Block, FaultSummary, Names, Tick, TickFacts, Totals};

use crate::TICK_MS;
use crate::core::{BlockEnds, Handed};

/// The run so far, and what is on its way into it.
pub(crate) struct Ticks {
    pub(crate) totals: Totals,
    pub(crate) start_ns: u64,
    /// The newest tick each core has handed over; `u64::MAX` once it is done.
    newest: Vec<u64>,
    pending: BTreeMap<u64, Pending>,
    /// CPU time of each core since the last tick.
    cores_cpu_ns: Vec<u64>,
    pub(crate) cores_done: usize,
    /// When the last core was done, on the run clock.
    pub(crate) done_ns: u64,
}

#[derive(Default)]
struct Pending {
    blocks: Vec<Block>,
    cores_cpu_ns: Vec<(usize, u64)>,
    vus_busy: u64,
}

/// What a tick needs to know besides measurements.
pub(crate) struct TickWorld<'a> {
    pub(crate) names: &'a Names,
    pub(crate) faults: &'a [FaultSummary],
    pub(crate) rss_bytes: u64,
}

impl Ticks {
    pub(crate) fn new(totals: Totals, cores: usize, start_ns: u64) -> Self {
        Self {
            totals,
            start_ns,
            newest: vec![0; cores],
            pending: BTreeMap::new(),
            cores_cpu_ns: vec![0; cores],
            cores_done: 0,
            done_ns: start_ns,
        }
    }

    pub(crate) fn take(&mut self, handed: Handed) {
        let Handed { core, tick, block, cpu_ns, ends } = handed;
        let pending = self.pending.entry(tick).or_default();
        pending.blocks.push(block);
        pending.cores_cpu_ns.push((core, cpu_ns));
        match ends {
            BlockEnds::Tick { vus_busy } => {
                pending.vus_busy += vus_busy;
                self.newest[core] = tick;
            }
            // The tick itself is still to come.
            BlockEnds::Phase => {}
            BlockEnds::Core { done_ns } => {
                self.newest[core] = u64::MAX;
                self.cores_done += 1;
                self.done_ns = self.done_ns.max(done_ns);
            }
        }
    }

    /// When the next tick was, if every core has handed it over.
    fn next_at_ns(&self) -> Option<u64> {
        let complete = self.newest.iter().copied().min().unwrap_or(0);
        let (tick, _) = self.pending.first_key_value().filter(|(tick, _)| **tick <= complete)?;
        let at_ns = self.start_ns + tick * TICK_MS * NS_PER_MS;
        // What was over before its tick is left to `finish`.
        (self.cores_done < self.newest.len() || at_ns <= self.done_ns).then_some(at_ns)
    }

    /// Whether every core has handed over the next tick.
    pub(crate) fn has_tick(&self) -> bool {
        self.next_at_ns().is_some()
    }

    /// The next tick, if every core has handed it over.
    pub(crate) fn next_tick(&mut self, world: &TickWorld<'_>) -> Option<Tick> {
        let at_ns = self.next_at_ns()?;
        let (_, pending) = self.pending.pop_first()?;
        let vus_busy = pending.vus_busy;
        self.absorb(pending);
        Some(self.tick(at_ns, vus_busy, world))
    }

    /// Folds everything that was handed over, so that a phase that is over can be judged on all of it.
    pub(crate) fn flush(&mut self) {
        for pending in self.pending.values_mut() {
            for mut block in std::mem::take(&mut pending.blocks) {
                self.totals.absorb(&mut block);
            }
        }
    }

    /// Folds the last blocks, which end between two ticks.
    pub(crate) fn finish(&mut self, world: &TickWorld<'_>) -> Tick {
        for pending in std::mem::take(&mut self.pending).into_values() {
            self.absorb(pending);
        }
        self.tick(self.done_ns, 0, world)
    }

    fn absorb(&mut self, pending: Pending) {
        for mut block in pending.blocks {
            self.totals.absorb(&mut block);
        }
        for (core, cpu_ns) in pending.cores_cpu_ns {
            self.cores_cpu_ns[core] += cpu_ns;
        }
    }

    fn tick(&mut self, now_ns: u64, vus_busy: u64, world: &TickWorld<'_>) -> Tick {
        let facts = TickFacts {
            now_ns,
            vus_busy,
            cores_cpu_ns: &self.cores_cpu_ns,
            rss_bytes: world.rss_bytes,
            faults: world.faults,
        };
        let tick = self.totals.tick(&facts, world.names);
        self.cores_cpu_ns.fill(0);
        tick
    }
}

#[cfg(test)]
mod tests {
    use stresshost_clock::NS_PER_S;
    use stresshost_metrics::{Recorder, Window};
    use stresshost_plan::{ConstantVus, Executor, Plan, Scenario};

    use super::*;

    const START_NS: u64 = 7 * NS_PER_MS;

    /// A block of one core with `due` iterations due.
    fn handed(core: usize, tick: u64, due: u64, ends: BlockEnds) -> Handed {
        let mut recorder = Recorder::new(1);
        recorder.iterations_due(0, Window::Measured, due);
        Handed { core, tick, block: recorder.take(), cpu_ns: 10, ends }
    }

    fn ended(core: usize, tick: u64, due: u64, vus_busy: u64) -> Handed {
        handed(core, tick, due, BlockEnds::Tick { vus_busy })
    }

    fn ticks(cores: usize) -> Ticks {
        let vus = Executor::ConstantVus(ConstantVus { vus: 1, duration_ms: 10_000, ramp_up_ms: 0 });
        let plan = Plan { scenarios: vec![Scenario::new("main", vus)], ..Plan::default() };
        let totals = Totals::new(&plan, "p", START_NS).expect("no thresholds");
        Ticks::new(totals, cores, START_NS)
    }

    fn seen(tick: &Tick) -> (f64, u64, u64) {
        (tick.snapshot.t_s, tick.snapshot.vus_busy, tick.snapshot.scenarios[0].due)
    }

    fn with_world<T>(act: impl FnOnce(&TickWorld<'_>) -> T) -> T {
        act(&TickWorld { names: &Names::default(), faults: &[], rss_bytes: 0 })
    }

    /// Every tick that is complete: its second, users busy, and iterations due so far.
    fn complete(ticks: &mut Ticks) -> Vec<(f64, u64, u64)> {
        with_world(|world| std::iter::from_fn(|| ticks.next_tick(world).map(|tick| seen(&tick))).collect())
    }

    fn last(mut ticks: Ticks) -> (f64, u64) {
        let (t_s, _, due) = seen(&with_world(|world| ticks.finish(world)));
        (t_s, due)
    }

    #[test]
    fn a_snapshot_waits_for_every_core() {
        let mut ticks = ticks(2);
        ticks.take(ended(0, 1, 1, 3));
        ticks.take(ended(0, 2, 2, 4));
        assert_eq!(complete(&mut ticks), []);
        ticks.take(ended(1, 1, 10, 5));
        assert_eq!(complete(&mut ticks), [(1.0, 8, 11)]);
        ticks.take(ended(1, 2, 20, 6));
        assert_eq!(complete(&mut ticks), [(2.0, 10, 33)]);
    }

    #[test]
    fn a_tick_that_a_core_left_out_loses_nothing() {
        let mut ticks = ticks(2);
        ticks.take(ended(0, 1, 1, 1));
        ticks.take(ended(1, 3, 10, 1));
        assert_eq!(complete(&mut ticks), [(1.0, 1, 1)]);
        ticks.take(ended(0, 3, 2, 1));
        assert_eq!(complete(&mut ticks), [(3.0, 2, 13)]);
    }

    #[test]
    fn the_end_of_a_phase_is_in_the_tick_that_is_under_way() {
        let mut ticks = ticks(2);
        ticks.take(handed(0, 1, 5, BlockEnds::Phase));
        ticks.take(ended(1, 1, 1, 1));
        assert_eq!(complete(&mut ticks), [], "core 0 has not ended its first second");
        ticks.flush();
        ticks.take(ended(0, 1, 0, 2));
        assert_eq!(complete(&mut ticks), [(1.0, 3, 6)]);
    }

    #[test]
    fn a_core_that_is_done_holds_nobody_up() {
        let mut ticks = ticks(2);
        ticks.take(handed(0, 2, 1, BlockEnds::Core { done_ns: START_NS + NS_PER_S + NS_PER_S / 2 }));
        ticks.take(ended(1, 1, 10, 1));
        assert_eq!(complete(&mut ticks), [(1.0, 1, 10)]);
        ticks.take(ended(1, 2, 20, 1));
        assert_eq!(
            complete(&mut ticks),
            [(2.0, 1, 31)],
            "what a core did last is in the second it was done in"
        );
        ticks.take(handed(1, 3, 40, BlockEnds::Core { done_ns: START_NS + 2 * NS_PER_S + NS_PER_S / 4 }));
        assert_eq!(complete(&mut ticks), [], "the third second was never over");
        assert_eq!(last(ticks), (2.25, 71));
    }

    #[test]
    fn a_run_that_ends_on_a_tick_ends_once() {
        let mut ticks = ticks(1);
        ticks.take(ended(0, 1, 1, 1));
        ticks.take(handed(0, 2, 2, BlockEnds::Core { done_ns: START_NS + NS_PER_S }));
        assert_eq!(complete(&mut ticks), [(1.0, 1, 1)]);
        assert_eq!(last(ticks), (1.0, 3));
    }
}
