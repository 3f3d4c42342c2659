//! What the load of a phase was: from when to when, and what of it was left undone.

use std::sync::Arc;

use stresshost_clock::NS_PER_MS;
use stresshost_metrics::{Recorder, Window};
use stresshost_plan::{Executor, Stream};

use super::Control;
use crate::core::PhaseDone;
use crate::director::PhaseState;
use crate::guest::GuestCore;
use crate::mix::Mix;
use crate::phase::{is_counted, stream_seed};
use crate::ticket::SharedCount;

impl<C: GuestCore> Control<'_, C> {
    /// Tells the totals when the iterations of a phase's scenarios can start. A pause moves that as a whole, so that the
    /// time up to any instant is what the load had of it.
    pub(super) fn tell_spans(&mut self, phase: usize) {
        let paused_ns = self.paused_by(self.clock.now_ns());
        let (scheduled, under) = (&self.phases[phase], &self.under[phase]);
        let Some(ticks) = &mut self.ticks else { return };
        let start_ns = under.start_ns + paused_ns.saturating_sub(under.paused_before_ns);
        let warmup_end_ns = start_ns + scheduled.warmup_ms * NS_PER_MS;
        for (stream, end_ns) in scheduled.streams.iter().zip(&under.planned_ends_ns) {
            let from_ns = start_ns + stream.start_ms * NS_PER_MS;
            let until_ns = (start_ns + end_ns).max(from_ns);
            for (scenario, _) in &stream.scenarios {
                ticks.totals.scenario_span(usize::from(*scenario), from_ns, until_ns, warmup_end_ns);
            }
        }
    }

    /// The same for every phase whose load goes on.
    pub(super) fn tell_moved_spans(&mut self) {
        for phase in 0..self.phases.len() {
            if matches!(self.director.state(phase), PhaseState::Running { .. }) {
                self.tell_spans(phase);
            }
        }
    }

    /// How long the run has been paused up to `now_ns`.
    pub(super) fn paused_by(&self, now_ns: u64) -> u64 {
        self.paused_ns + self.paused_since_ns.map_or(0, |since_ns| now_ns.saturating_sub(since_ns))
    }

    /// Notes when the streams of a phase ended on one core.
    pub(super) fn note_ends(&mut self, done: &PhaseDone) {
        let scheduled = Arc::clone(&self.phases[done.phase]);
        // A stop that came when the load was over took nothing from it.
        let early = done.stopped_ns.is_some_and(|at_ns| at_ns < scheduled.duration_ms() * NS_PER_MS);
        let stopped = early && !self.all_taken(done.phase);
        let under = &mut self.under[done.phase];
        under.stopped |= stopped;
        under.stopped_ns = done.stopped_ns.into_iter().chain(under.stopped_ns).min();
        under.ends_ns.resize(scheduled.streams.len(), 0);
        for (index, (stream, end_ns)) in scheduled.streams.iter().zip(&mut under.ends_ns).enumerate() {
            let planned_ns = (stream.start_ms + stream.executor.duration_ms()) * NS_PER_MS;
            let on_core_ns = if is_counted(&stream.executor) {
                done.counted_ns.get(index).copied().flatten().unwrap_or(0).min(planned_ns)
            } else {
                done.stopped_ns.unwrap_or(u64::MAX).min(planned_ns)
            };
            *end_ns = (*end_ns).max(on_core_ns);
        }
    }

    /// Whether every iteration of a phase of shared iterations was begun.
    fn all_taken(&self, phase: usize) -> bool {
        let taken = |(stream, count): (&Stream, &SharedCount)| match &stream.executor {
            Executor::SharedIterations(config) => count.taken() >= config.iterations,
            _ => false,
        };
        self.phases[phase].streams.iter().zip(self.under[phase].counts.iter()).all(taken)
    }

    /// Counts the shared iterations nobody began in the time there was. A stop leaves nothing due.
    pub(super) fn count_left(&mut self, phase: usize) {
        let scheduled = &self.phases[phase];
        let mut recorder = Recorder::new(self.plan.scenarios.len());
        for (index, (stream, count)) in
            scheduled.streams.iter().zip(self.under[phase].counts.iter()).enumerate()
        {
            let Executor::SharedIterations(config) = &stream.executor else { continue };
            let taken = count.close(config.iterations);
            let end_ms = stream.start_ms + config.max_duration_ms;
            if self.under[phase].stopped_ns.is_some_and(|at_ns| at_ns < end_ms * NS_PER_MS) {
                continue;
            }
            let window = if end_ms <= scheduled.warmup_ms { Window::Warmup } else { Window::Measured };
            let mix = Mix::new(&stream.scenarios, stream_seed(self.seed, phase, index));
            for (scenario, _) in &stream.scenarios {
                let left = mix.count_of(*scenario, 0, 1, taken..config.iterations);
                recorder.iterations_due(*scenario, window, left);
                recorder.iterations_dropped(*scenario, window, left);
            }
        }
        if let Some(ticks) = &mut self.ticks {
            ticks.totals.absorb(&mut recorder.take());
        }
    }
}
