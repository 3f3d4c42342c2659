//! Random plans of every executor, mix, pause, limit and order of phases.

use stresshost_plan::{
    ConstantArrivalRate, ConstantVus, Executor, ExternallyControlled, Iterations, LimitScope, Mix, MixShare,
    Part, Pause, Phase, Plan, RampingArrivalRate, RampingVus, RateLimit, RateStage, Scenario, Spacing,
    Threshold, VuStage,
};

use super::Dice;
use crate::simulate::plan as plain;

/// Names of scenarios; a plan has fewer.
pub(super) const NAMES: [&str; 16] =
    ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15"];

const RATES: &[f64] = &[0.7, 3.0, 50.5, 1000.0 / 3.0, 400.0];

pub(super) fn is_scalable(executor: &Executor) -> bool {
    matches!(executor, Executor::ExternallyControlled(_))
}

fn executor(dice: &mut Dice, most_ms: u64) -> Executor {
    let duration_ms = dice.within(100, most_ms);
    let ramp_up_ms = if dice.one_in(2) { 0 } else { dice.within(1, duration_ms) };
    let spacing = dice.pick(&[Spacing::Even, Spacing::Poisson]);
    let vus = dice.within(1, 5);
    match dice.within(0, 7) {
        0 => Executor::ConstantVus(ConstantVus { vus, duration_ms, ramp_up_ms }),
        1 => Executor::RampingVus(ramping_vus(dice, duration_ms)),
        2 => Executor::SharedIterations(Iterations {
            vus,
            iterations: dice.within(1, 120),
            max_duration_ms: duration_ms,
        }),
        3 => Executor::PerVuIterations(Iterations {
            vus,
            iterations: dice.within(1, 25),
            max_duration_ms: duration_ms,
        }),
        4 | 5 => Executor::ConstantArrivalRate(ConstantArrivalRate {
            rate_per_s: dice.pick(RATES),
            duration_ms,
            ramp_up_ms,
            vus: dice.within(1, 20),
            spacing,
        }),
        6 => {
            let mut stages = stages(dice, duration_ms, |dice, duration_ms| RateStage {
                duration_ms,
                rate_per_s: dice.pick(&[0.0, 1.5, 80.0, 333.0]),
            });
            stages[0].rate_per_s = stages[0].rate_per_s.max(0.5);
            let (start_rate_per_s, vus) = (dice.pick(&[0.0, 7.0, 200.0]), dice.within(1, 15));
            Executor::RampingArrivalRate(RampingArrivalRate { start_rate_per_s, stages, vus, spacing })
        }
        _ => {
            let rate_per_s = dice.one_in(2).then(|| dice.pick(&[0.0, 5.0, 77.7, 200.0]));
            let max_vus = if dice.one_in(3) { 0 } else { vus + dice.within(0, 4) };
            Executor::ExternallyControlled(ExternallyControlled { vus, max_vus, rate_per_s, duration_ms })
        }
    }
}

/// One to four stages that last for `total_ms` together; some jump.
fn stages<T>(dice: &mut Dice, total_ms: u64, mut stage: impl FnMut(&mut Dice, u64) -> T) -> Vec<T> {
    let mut stages = Vec::new();
    let mut left_ms = total_ms;
    for _ in 0..dice.within(0, 3) {
        let length_ms = if dice.one_in(3) { 0 } else { dice.within(0, left_ms) };
        left_ms -= length_ms;
        stages.push(stage(dice, length_ms));
    }
    stages.push(stage(dice, left_ms.max(1)));
    stages
}

fn ramping_vus(dice: &mut Dice, duration_ms: u64) -> RampingVus {
    let stage = |dice: &mut Dice, duration_ms: u64| VuStage { duration_ms, vus: dice.within(0, 6) };
    let mut stages = stages(dice, duration_ms, stage);
    // A plan without any load is refused.
    stages[0].vus = stages[0].vus.max(1);
    RampingVus { start_vus: dice.within(0, 4), stages }
}

fn pause(dice: &mut Dice, executor: &Executor) -> Option<Pause> {
    if executor.is_open() || dice.one_in(2) {
        return None;
    }
    let min_ms = dice.within(0, 60);
    Some(match dice.within(0, 1) {
        0 => Pause::ThinkTime { min_ms, max_ms: min_ms + dice.within(0, 80) },
        _ => Pause::Pacing { interval_ms: dice.within(1, 90) },
    })
}

/// Adds one to three scenarios of a phase: with an executor of their own, or as shares of a mix.
fn add_load(dice: &mut Dice, plan: &mut Plan, phase: &str, parts: u16, most_ms: u64) {
    for _ in 0..dice.within(1, if phase.is_empty() { 3 } else { 2 }) {
        let executor = executor(dice, most_ms);
        let (pause, start_ms) =
            (pause(dice, &executor), if dice.one_in(2) { 0 } else { dice.within(0, 400) });
        let part = dice.within(0, u64::from(parts - 1)) as u16;
        let name = |plan: &Plan| NAMES[plan.scenarios.len()].to_owned();
        let place = |scenario: Scenario| Scenario { phase: phase.into(), part, ..scenario };
        if dice.one_in(4) && !is_scalable(&executor) && plan.scenarios.len() + 3 < NAMES.len() {
            let mix = format!("m{}", plan.mixes.len());
            for _ in 0..dice.within(1, 3) {
                let share = MixShare { mix: mix.clone(), weight: dice.within(1, 9) };
                plan.scenarios.push(place(Scenario::new(name(plan), Executor::MixShare(share))));
            }
            plan.mixes.push(Mix { name: mix, phase: phase.into(), start_ms, executor, pause, part });
        } else if plan.scenarios.len() < NAMES.len() {
            plan.scenarios.push(Scenario { start_ms, pause, ..place(Scenario::new(name(plan), executor)) });
        }
    }
}

/// One to five phases; each may depend on any of those before it.
fn add_phases(dice: &mut Dice, plan: &mut Plan, parts: u16) {
    let count = dice.within(1, 5);
    for index in 0..count {
        let mut phase = Phase::new(format!("p{index}"));
        phase.depends_on = (0..index).filter(|_| dice.one_in(2)).map(|before| format!("p{before}")).collect();
        phase.load_multiplier = dice.pick(&[1.0, 1.0, 1.3, 2.0]);
        phase.duration_ms = dice.one_in(3).then(|| dice.within(410, 700));
        phase.graceful_stop_ms = dice.one_in(3).then(|| dice.pick(&[0, 40, 500]));
        phase.warmup_ms = Some(if dice.one_in(3) { dice.within(1, 99) } else { 0 });
        if dice.one_in(3) {
            // The second never holds.
            let criteria = ["iterations.failed.rate < 99%", "iterations.finished.count > 100000000"];
            phase.criteria.push(Threshold::new(dice.pick(&criteria)));
        }
        add_load(dice, plan, &phase.name, parts, 900);
        plan.phases.push(phase);
    }
    // Any order in the plan will do.
    if dice.one_in(3) && count == 1 {
        plan.phases.reverse();
    }
}

fn add_limits(dice: &mut Dice, plan: &mut Plan) {
    let rate_per_s = dice.pick(&[9.0, 120.0, 3_000.0]);
    let burst = dice.within(1, 30);
    let own = plan.scenarios[0].name.clone();
    let scopes =
        [("all", LimitScope::Global), ("own", LimitScope::Scenario(own)), ("quota", LimitScope::Named)];
    for (name, scope) in scopes {
        if dice.one_in(2) {
            plan.limits.push(RateLimit { name: name.into(), rate_per_s, burst, scope });
        }
    }
}

pub(super) fn plan(dice: &mut Dice) -> Plan {
    let mut plan = plain([]);
    let parts = if dice.one_in(4) { dice.within(2, 3) as u16 } else { 1 };
    if parts > 1 {
        let part = |index: u16| Part { plugin: format!("plugin{index}"), ..Part::default() };
        plan.parts = (0..parts).map(part).collect();
    }
    if dice.one_in(2) {
        add_phases(dice, &mut plan, parts);
    } else {
        add_load(dice, &mut plan, "", parts, 1_700);
        if dice.one_in(2) {
            plan.warmup_ms = dice.within(1, plan.duration_ms() - 1);
        }
    }
    plan.graceful_stop_ms = dice.pick(&[0, 0, 30, 1_000, 30_000]);
    if dice.one_in(5) {
        add_limits(dice, &mut plan);
    }
    if dice.one_in(8) {
        plan.thresholds.push(Threshold::new("iterations.failed.rate < 5%, abort after 1s"));
    }
    plan
}
