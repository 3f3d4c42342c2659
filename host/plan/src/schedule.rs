//! A plan as the engine runs it: phases with their streams of iterations, multipliers and cuts applied.

use std::collections::HashMap;

use crate::{
    ConstantArrivalRate, ConstantVus, Executor, ExternallyControlled, Iterations, Pause, Phase, Plan,
    RampingArrivalRate, RampingVus, RateStage, Threshold, VuStage,
};

/// Name of the only phase of a plan that has none.
pub const ONLY_PHASE: &str = "";

/// What the engine runs. Made by [`Plan::schedule`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    /// In the order of the plan; one without a name when the plan has none.
    pub phases: Vec<ScheduledPhase>,
}

/// A phase of a [`Schedule`].
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledPhase {
    /// Its name; empty for the only phase of a plan that has none.
    pub name: String,
    /// Indices of the phases that come before.
    pub depends_on: Vec<usize>,
    /// What must hold for the phases that depend on it to run.
    pub criteria: Vec<Threshold>,
    /// Its load.
    pub streams: Vec<Stream>,
    /// Warm-up in milliseconds after its beginning.
    pub warmup_ms: u64,
    /// Grace period in milliseconds after its load.
    pub graceful_stop_ms: u64,
}

/// One source of iterations: a scenario's executor, or a mix that several scenarios share.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// Name of the scenario or mix.
    pub name: String,
    /// Index of its plugin in [`Plan::parts`].
    pub part: u16,
    /// When it begins, in milliseconds after its phase does.
    pub start_ms: u64,
    /// The shape of its load; never a share of a mix.
    pub executor: Executor,
    /// What a virtual user does between two iterations.
    pub pause: Option<Pause>,
    /// Indices of its scenarios in [`Plan::scenarios`], each with its weight; one with weight 1 unless it is a mix.
    pub scenarios: Vec<(u16, u64)>,
}

impl ScheduledPhase {
    /// Virtual users of all its streams.
    pub fn vus(&self) -> u64 {
        self.streams.iter().map(|stream| stream.executor.vus()).fold(0, u64::saturating_add)
    }

    /// When its last stream ends at the latest, in milliseconds after its beginning, grace period not included.
    pub fn duration_ms(&self) -> u64 {
        let end = |stream: &Stream| stream.start_ms.saturating_add(stream.executor.duration_ms());
        self.streams.iter().map(end).max().unwrap_or(0)
    }
}

impl Schedule {
    /// The longest chain of phases, in milliseconds; grace periods and set-up not included.
    pub fn duration_ms(&self) -> u64 {
        // Dependencies of a valid plan form no cycle, so as many rounds as there are phases settle every end.
        let mut ends = vec![0_u64; self.phases.len()];
        for _ in &self.phases {
            for (index, phase) in self.phases.iter().enumerate() {
                let start = phase.depends_on.iter().map(|&before| ends[before]).max().unwrap_or(0);
                ends[index] = start.saturating_add(phase.duration_ms());
            }
        }
        ends.into_iter().max().unwrap_or(0)
    }
}

impl Plan {
    /// The plan as the engine runs it. The plan must be valid; names that lead nowhere are left out.
    pub fn schedule(&self) -> Schedule {
        if self.phases.is_empty() {
            let phase = self.scheduled(&Phase::new(ONLY_PHASE), Vec::new());
            return Schedule { phases: vec![phase] };
        }
        let index: HashMap<&str, usize> =
            self.phases.iter().enumerate().map(|(index, phase)| (phase.name.as_str(), index)).collect();
        let before = |phase: &Phase| {
            phase.depends_on.iter().filter_map(|name| index.get(name.as_str()).copied()).collect()
        };
        Schedule { phases: self.phases.iter().map(|phase| self.scheduled(phase, before(phase))).collect() }
    }

    fn scheduled(&self, phase: &Phase, depends_on: Vec<usize>) -> ScheduledPhase {
        let shape = |executor: &Executor, start_ms: u64| {
            let multiplied = executor.multiplied(phase.load_multiplier);
            match phase.duration_ms {
                Some(limit_ms) => multiplied.cut(limit_ms.saturating_sub(start_ms)),
                None => multiplied,
            }
        };
        let mut streams = Vec::new();
        for (index, scenario) in (0_u16..).zip(&self.scenarios) {
            if scenario.phase == phase.name && !matches!(scenario.executor, Executor::MixShare(_)) {
                streams.push(Stream {
                    name: scenario.name.clone(),
                    part: scenario.part,
                    start_ms: scenario.start_ms,
                    executor: shape(&scenario.executor, scenario.start_ms),
                    pause: scenario.pause,
                    scenarios: vec![(index, 1)],
                });
            }
        }
        for mix in self.mixes.iter().filter(|mix| mix.phase == phase.name) {
            let scenarios =
                (0_u16..).zip(&self.scenarios).filter_map(|(index, scenario)| match &scenario.executor {
                    Executor::MixShare(share)
                        if share.mix == mix.name
                            && scenario.phase == mix.phase
                            && scenario.part == mix.part =>
                    {
                        Some((index, share.weight))
                    }
                    _ => None,
                });
            streams.push(Stream {
                name: mix.name.clone(),
                part: mix.part,
                start_ms: mix.start_ms,
                executor: shape(&mix.executor, mix.start_ms),
                pause: mix.pause,
                scenarios: scenarios.collect(),
            });
        }
        // What a cut leaves nothing of would only make virtual users that do nothing.
        streams.retain(|stream| stream.executor.duration_ms() > 0);
        ScheduledPhase {
            name: phase.name.clone(),
            depends_on,
            criteria: phase.criteria.clone(),
            streams,
            warmup_ms: phase.warmup_ms.unwrap_or(self.warmup_ms),
            graceful_stop_ms: phase.graceful_stop_ms.unwrap_or(self.graceful_stop_ms),
        }
    }

    /// When the last phase ends at the latest, in milliseconds after the load begins; grace periods are not included.
    pub fn duration_ms(&self) -> u64 {
        self.schedule().duration_ms()
    }
}

impl Executor {
    /// The same shape with `factor` times the load: rates as they are, virtual users and iterations rounded up.
    #[must_use]
    pub fn multiplied(&self, factor: f64) -> Self {
        #[expect(clippy::float_cmp, reason = "1 is the default, written and read exactly")]
        if factor == 1.0 {
            return self.clone();
        }
        // The tolerance keeps 10 x 1.1 at 11 although the product of the floats lies above.
        let count = |count: u64| (count as f64 * factor - 1e-9).ceil().max(0.0) as u64;
        match self {
            Self::ConstantVus(c) => Self::ConstantVus(ConstantVus { vus: count(c.vus), ..*c }),
            Self::RampingVus(c) => Self::RampingVus(RampingVus {
                start_vus: count(c.start_vus),
                stages: c.stages.iter().map(|s| VuStage { vus: count(s.vus), ..*s }).collect(),
            }),
            Self::SharedIterations(c) => Self::SharedIterations(Iterations {
                vus: count(c.vus),
                iterations: count(c.iterations),
                ..*c
            }),
            Self::PerVuIterations(c) => Self::PerVuIterations(Iterations { vus: count(c.vus), ..*c }),
            Self::ConstantArrivalRate(c) => Self::ConstantArrivalRate(ConstantArrivalRate {
                rate_per_s: c.rate_per_s * factor,
                vus: count(c.vus),
                ..*c
            }),
            Self::RampingArrivalRate(c) => Self::RampingArrivalRate(RampingArrivalRate {
                start_rate_per_s: c.start_rate_per_s * factor,
                stages: c
                    .stages
                    .iter()
                    .map(|s| RateStage { rate_per_s: s.rate_per_s * factor, ..*s })
                    .collect(),
                vus: count(c.vus),
                spacing: c.spacing,
            }),
            Self::ExternallyControlled(c) => Self::ExternallyControlled(ExternallyControlled {
                vus: count(c.vus),
                max_vus: count(c.max_vus),
                rate_per_s: c.rate_per_s.map(|rate| rate * factor),
                ..*c
            }),
            Self::MixShare(share) => Self::MixShare(share.clone()),
        }
    }

    /// The same shape, ended after `limit_ms` if it would last longer. A stage that is cut ends on its line.
    #[must_use]
    pub fn cut(&self, limit_ms: u64) -> Self {
        match self {
            Self::ConstantVus(c) => {
                Self::ConstantVus(ConstantVus { duration_ms: c.duration_ms.min(limit_ms), ..*c })
            }
            Self::SharedIterations(c) => {
                Self::SharedIterations(Iterations { max_duration_ms: c.max_duration_ms.min(limit_ms), ..*c })
            }
            Self::PerVuIterations(c) => {
                Self::PerVuIterations(Iterations { max_duration_ms: c.max_duration_ms.min(limit_ms), ..*c })
            }
            Self::ConstantArrivalRate(c) => Self::ConstantArrivalRate(ConstantArrivalRate {
                duration_ms: c.duration_ms.min(limit_ms),
                ..*c
            }),
            Self::ExternallyControlled(c) => Self::ExternallyControlled(ExternallyControlled {
                duration_ms: c.duration_ms.min(limit_ms),
                ..*c
            }),
            Self::RampingVus(c) => {
                let lines = cut_lines(
                    c.start_vus as f64,
                    c.stages.iter().map(|s| (s.duration_ms, s.vus as f64)),
                    limit_ms,
                );
                let stage = |(duration_ms, vus): (u64, f64)| VuStage { duration_ms, vus: vus.round() as u64 };
                Self::RampingVus(RampingVus {
                    start_vus: c.start_vus,
                    stages: lines.into_iter().map(stage).collect(),
                })
            }
            Self::RampingArrivalRate(c) => {
                let lines = cut_lines(
                    c.start_rate_per_s,
                    c.stages.iter().map(|s| (s.duration_ms, s.rate_per_s)),
                    limit_ms,
                );
                let stage = |(duration_ms, rate_per_s): (u64, f64)| RateStage { duration_ms, rate_per_s };
                Self::RampingArrivalRate(RampingArrivalRate {
                    stages: lines.into_iter().map(stage).collect(),
                    ..c.clone()
                })
            }
            Self::MixShare(share) => Self::MixShare(share.clone()),
        }
    }
}

/// Lines of a length and an end value, as far as `limit_ms`.
fn cut_lines(start: f64, lines: impl Iterator<Item = (u64, f64)>, limit_ms: u64) -> Vec<(u64, f64)> {
    let (mut left_ms, mut from, mut kept) = (limit_ms, start, Vec::new());
    for (duration_ms, to) in lines {
        if duration_ms <= left_ms {
            kept.push((duration_ms, to));
            (left_ms, from) = (left_ms - duration_ms, to);
        } else {
            if left_ms > 0 {
                kept.push((left_ms, from + (to - from) * (left_ms as f64 / duration_ms as f64)));
            }
            break;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mix, MixShare, Scenario, Spacing};

    fn open(rate_per_s: f64, duration_ms: u64) -> Executor {
        Executor::ConstantArrivalRate(ConstantArrivalRate {
            rate_per_s,
            duration_ms,
            vus: 10,
            ..ConstantArrivalRate::default()
        })
    }

    fn scenario(name: &str, phase: &str, executor: Executor) -> Scenario {
        Scenario { phase: phase.into(), ..Scenario::new(name, executor) }
    }

    #[test]
    fn a_plan_without_phases_is_one_phase() {
        let plan = Plan {
            scenarios: vec![scenario("a", "", open(5.0, 1_000)), scenario("b", "", open(1.0, 3_000))],
            warmup_ms: 7,
            ..Plan::default()
        };
        let schedule = plan.schedule();
        assert_eq!(schedule.phases.len(), 1);
        let phase = &schedule.phases[0];
        assert_eq!((phase.name.as_str(), phase.warmup_ms, phase.vus()), ("", 7, 20));
        assert_eq!(phase.streams[1].scenarios, [(1, 1)]);
        assert_eq!(schedule.duration_ms(), 3_000);
    }

    #[test]
    fn phases_follow_each_other_with_their_multiplier_and_cut() {
        let phase = |name: &str, before: &[&str]| Phase {
            depends_on: before.iter().map(|&name| name.to_owned()).collect(),
            ..Phase::new(name)
        };
        let peak = Phase { load_multiplier: 3.0, duration_ms: Some(500), ..phase("peak", &["base"]) };
        let plan = Plan {
            scenarios: vec![scenario("a", "base", open(5.0, 1_000)), scenario("a", "peak", open(5.0, 1_000))],
            phases: vec![peak, phase("base", &[])],
            ..Plan::default()
        };
        let schedule = plan.schedule();
        assert_eq!(schedule.phases[0].depends_on, [1]);
        let Executor::ConstantArrivalRate(peak) = &schedule.phases[0].streams[0].executor else { panic!() };
        assert_eq!((peak.rate_per_s, peak.vus, peak.duration_ms), (15.0, 30, 500));
        assert_eq!(schedule.duration_ms(), 1_500);
    }

    #[test]
    fn the_shares_of_a_mix_are_one_stream() {
        let share = |weight| Executor::MixShare(MixShare { mix: "shop".into(), weight });
        let mix = Mix {
            name: "shop".into(),
            phase: String::new(),
            start_ms: 0,
            executor: open(100.0, 1_000),
            pause: None,
            part: 0,
        };
        let plan = Plan {
            scenarios: vec![
                scenario("browse", "", share(3)),
                scenario("own", "", open(1.0, 1)),
                scenario("buy", "", share(1)),
            ],
            mixes: vec![mix],
            ..Plan::default()
        };
        let streams = &plan.schedule().phases[0].streams;
        assert_eq!(streams.len(), 2);
        assert_eq!(streams[1].scenarios, [(0, 3), (2, 1)]);
    }

    #[test]
    fn a_cut_ends_a_line_where_it_is() {
        let ramp = Executor::RampingArrivalRate(RampingArrivalRate {
            start_rate_per_s: 0.0,
            stages: vec![
                RateStage { duration_ms: 1_000, rate_per_s: 100.0 },
                RateStage { duration_ms: 1_000, rate_per_s: 0.0 },
            ],
            vus: 1,
            spacing: Spacing::Even,
        });
        let Executor::RampingArrivalRate(cut) = ramp.cut(1_250) else { panic!() };
        assert_eq!(cut.stages[1], RateStage { duration_ms: 250, rate_per_s: 75.0 });
        assert_eq!(ramp.cut(5_000), ramp);
        assert_eq!(ramp.cut(0).duration_ms(), 0);
    }
}
