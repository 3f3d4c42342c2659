//! What a plan will need, known before it begins.

mod antichain;
mod load;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Plan, Schedule};

/// What a plan will need of the machine and how much load it plans. Memory per virtual user is not known here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Requirements {
    /// The most virtual users that can exist at once, over all sets of phases that can overlap.
    pub peak_vus: u64,
    /// Virtual users of all phases together.
    pub total_vus: u64,
    /// The most iterations per second that open models can plan at once, over all sets of phases that can overlap;
    /// absent when every model is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_rate_per_s: Option<f64>,
    /// Iterations of the whole run; absent when the plan does not fix their number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u64>,
    /// Length of the longest chain of phases in milliseconds; grace periods and set-up not included.
    pub duration_ms: u64,
    /// Each phase, in the order of the plan; one without a name when the plan has none.
    pub phases: Vec<PhaseRequirements>,
}

/// What one phase will need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseRequirements {
    /// Its name; empty for the only phase of a plan that has none.
    pub name: String,
    /// Names of the phases that come before.
    #[serde(default)]
    pub after: Vec<String>,
    /// Its virtual users; all are made before it begins.
    pub vus: u64,
    /// The most iterations per second that its open models can plan at once; absent when every model is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<f64>,
    /// Its iterations; absent when the plan does not fix their number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u64>,
    /// Its length in milliseconds, the grace period not included.
    pub duration_ms: u64,
}

impl Plan {
    /// The most virtual users that can exist at once. The plan must be valid.
    pub fn vus(&self) -> u64 {
        self.schedule().peak_vus()
    }

    /// What the plan will need. It must be valid.
    pub fn requirements(&self) -> Requirements {
        self.schedule().requirements()
    }
}

impl Schedule {
    /// The most virtual users that can exist at once: phases that do not depend on each other may overlap.
    pub fn peak_vus(&self) -> u64 {
        let weights: Vec<f64> = self.phases.iter().map(|phase| phase.vus() as f64).collect();
        let set = antichain::heaviest(&weights, &self.before());
        set.into_iter().map(|index| self.phases[index].vus()).fold(0, u64::saturating_add)
    }

    /// What the schedule will need.
    pub fn requirements(&self) -> Requirements {
        let phases: Vec<PhaseRequirements> = self
            .phases
            .iter()
            .map(|phase| PhaseRequirements {
                name: phase.name.clone(),
                after: phase.depends_on.iter().map(|&index| self.phases[index].name.clone()).collect(),
                vus: phase.vus(),
                rate_per_s: load::peak_rate_per_s(&phase.streams),
                iterations: load::iterations(&phase.streams),
                duration_ms: phase.duration_ms(),
            })
            .collect();
        let is_open = phases.iter().any(|phase| phase.rate_per_s.is_some());
        let rates: Vec<f64> = phases.iter().map(|phase| phase.rate_per_s.unwrap_or(0.0)).collect();
        let fastest = antichain::heaviest(&rates, &self.before());
        Requirements {
            peak_vus: self.peak_vus(),
            total_vus: phases.iter().map(|phase| phase.vus).fold(0, u64::saturating_add),
            peak_rate_per_s: is_open
                .then(|| fastest.into_iter().map(|index| rates[index]).fold(0.0, |sum, rate| sum + rate)),
            iterations: phases
                .iter()
                .try_fold(0_u64, |sum, phase| Some(sum.saturating_add(phase.iterations?))),
            duration_ms: self.duration_ms(),
            phases,
        }
    }

    fn before(&self) -> Vec<&[usize]> {
        self.phases.iter().map(|phase| phase.depends_on.as_slice()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ConstantArrivalRate, ConstantVus, Executor, Iterations, Mix, MixShare, Phase, RampingArrivalRate,
        RateStage, Scenario, Spacing,
    };

    fn vus(vus: u64, duration_ms: u64) -> Executor {
        Executor::ConstantVus(ConstantVus { vus, duration_ms, ramp_up_ms: 0 })
    }

    fn rate(rate_per_s: f64, duration_ms: u64, ramp_up_ms: u64) -> Executor {
        Executor::ConstantArrivalRate(ConstantArrivalRate {
            rate_per_s,
            duration_ms,
            ramp_up_ms,
            vus: 1,
            spacing: Spacing::Even,
        })
    }

    fn plan(phases: &[(&str, &[&str], Executor)]) -> Plan {
        Plan {
            phases: phases
                .iter()
                .map(|(name, before, _)| Phase {
                    depends_on: before.iter().map(|&before| before.to_owned()).collect(),
                    ..Phase::new(*name)
                })
                .collect(),
            scenarios: phases
                .iter()
                .map(|(name, _, executor)| Scenario {
                    phase: (*name).to_owned(),
                    ..Scenario::new("s", executor.clone())
                })
                .collect(),
            ..Plan::default()
        }
    }

    #[test]
    fn the_peak_is_that_of_phases_that_can_overlap() {
        // a -> b, a -> c, and d beside all of them: b, c and d can overlap.
        let plan = plan(&[
            ("a", &[], vus(30, 1_000)),
            ("b", &["a"], vus(10, 5_000)),
            ("c", &["a"], vus(25, 2_000)),
            ("d", &[], vus(7, 1_000)),
        ]);
        let needed = plan.requirements();
        assert_eq!((plan.vus(), needed.peak_vus, needed.total_vus, needed.duration_ms), (42, 42, 72, 6_000));
        assert_eq!((needed.peak_rate_per_s, needed.iterations), (None, None));
        assert_eq!(needed.phases[1].after, ["a"]);
        assert_eq!((needed.phases[3].vus, needed.phases[3].duration_ms), (7, 1_000));
    }

    #[test]
    fn a_chain_needs_its_greatest_phase_only() {
        let chain = [
            ("a", &[] as &[&str], vus(30, 1_000)),
            ("b", &["a"], vus(99, 1_000)),
            ("c", &["b"], vus(98, 1_000)),
        ];
        assert_eq!(plan(&chain).vus(), 99);
    }

    #[test]
    fn the_peak_rate_and_the_peak_of_users_may_be_different_sets() {
        let plan = plan(&[("a", &[], rate(500.0, 10_000, 10_000)), ("b", &["a"], vus(50, 1_000))]);
        let needed = plan.requirements();
        assert_eq!((needed.peak_vus, needed.peak_rate_per_s), (50, Some(500.0)));
        assert_eq!((needed.phases[0].iterations, needed.phases[1].iterations), (Some(2_500), None));
        assert_eq!(needed.iterations, None);
    }

    #[test]
    fn planned_iterations_are_counted_where_they_are_fixed() {
        let ramp = Executor::RampingArrivalRate(RampingArrivalRate {
            start_rate_per_s: 10.0,
            stages: vec![
                RateStage { duration_ms: 10_000, rate_per_s: 30.0 },
                RateStage { duration_ms: 0, rate_per_s: 1.0 },
                RateStage { duration_ms: 1_000, rate_per_s: 1.0 },
            ],
            vus: 5,
            spacing: Spacing::Poisson,
        });
        let counted = |vus, iterations| Iterations { vus, iterations, max_duration_ms: 1_000 };
        let cases = [
            (rate(5_000.0, 10_000, 0), Some(50_000)),
            (rate(1_000.0, 20_000, 10_000), Some(15_000)),
            (rate(1_000.0, 5_000, 10_000), Some(1_250)),
            (rate(0.3, 10_000, 0), Some(3)),
            (rate(8.3, 60_000, 0), Some(498)),
            (rate(0.25, 10_000, 0), Some(3)),
            (ramp, Some(201)),
            (Executor::SharedIterations(counted(3, 100)), Some(100)),
            (Executor::PerVuIterations(counted(3, 100)), Some(300)),
            (vus(3, 1_000), None),
        ];
        for (executor, expected) in cases {
            assert_eq!(
                plan(&[("", &[], executor.clone())]).requirements().iterations,
                expected,
                "{executor:?}"
            );
        }
    }

    #[test]
    fn streams_that_follow_each_other_do_not_add_up() {
        let at = |start_ms, executor| Scenario { start_ms, ..Scenario::new("s", executor) };
        let plan = Plan {
            scenarios: vec![
                at(0, rate(100.0, 1_000, 0)),
                at(1_000, rate(150.0, 1_000, 0)),
                at(1_500, rate(30.0, 1_000, 0)),
                at(0, vus(4, 10)),
            ],
            ..Plan::default()
        };
        let needed = plan.requirements();
        assert_eq!((needed.peak_rate_per_s, needed.peak_vus), (Some(180.0), 7));
    }

    #[test]
    fn a_mix_counts_once() {
        let share = |weight| Executor::MixShare(MixShare { mix: "m".into(), weight });
        let plan = Plan {
            scenarios: vec![Scenario::new("a", share(1)), Scenario::new("b", share(2))],
            mixes: vec![Mix {
                name: "m".into(),
                phase: String::new(),
                start_ms: 0,
                executor: rate(10.0, 3_000, 0),
                pause: None,
                part: 0,
            }],
            ..Plan::default()
        };
        let needed = plan.requirements();
        assert_eq!((needed.peak_vus, needed.peak_rate_per_s, needed.iterations), (1, Some(10.0), Some(30)));
    }
}
