//! Rules for loads that several scenarios share.

use super::{executor, no_such};
use crate::{Executor, MAX_MIX_WEIGHTS, MAX_SHARE_WEIGHT, Mix, MixShare, Plan, Problem, Scenario};

pub(super) fn check(problems: &mut Vec<Problem>, plan: &Plan) {
    for (index, mix) in plan.mixes.iter().enumerate() {
        let path = format!("/mixes/{index}");
        plan.check_place(problems, &path, &mix.phase, mix.start_ms, mix.part);
        if let Executor::MixShare(_) = mix.executor {
            let problem = Problem::new(format!("{path}/executor"), "a mix cannot be a share of a mix");
            problems.push(problem.hint("give the mix the shape of a load, such as `constant-arrival-rate`"));
        }
        executor::check(problems, &format!("{path}/executor"), &mix.executor);
        executor::check_pause(problems, &path, &mix.executor, mix.pause);
        check_weights(problems, &path, plan, mix);
    }
}

fn check_weights(problems: &mut Vec<Problem>, path: &str, plan: &Plan, mix: &Mix) {
    let weights: Vec<u64> = plan
        .scenarios
        .iter()
        .filter(|scenario| is_share_of(mix, scenario))
        .filter_map(|scenario| match &scenario.executor {
            Executor::MixShare(share) => Some(share.weight),
            _ => None,
        })
        .collect();
    if weights.is_empty() {
        let problem = Problem::new(path, format!("no scenario is a share of mix `{}`", mix.name));
        let hint = format!("give scenarios the executor `mix-share` with `mix: {}` and a weight", mix.name);
        problems.push(problem.hint(hint));
        return;
    }
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let sum = weights.iter().map(|weight| weight / divisor).fold(0, u64::saturating_add);
    if sum > MAX_MIX_WEIGHTS {
        let message = format!(
            "the weights of mix `{}` add up to {sum} in lowest terms, the most is {MAX_MIX_WEIGHTS}",
            mix.name
        );
        problems.push(
            Problem::new(path, message)
                .hint("round the weights: the shares are dealt out in one round of that many iterations"),
        );
    }
}

fn is_share_of(mix: &Mix, scenario: &Scenario) -> bool {
    scenario.phase == mix.phase
        && scenario.part == mix.part
        && matches!(&scenario.executor, Executor::MixShare(share) if share.mix == mix.name)
}

const fn gcd(left: u64, right: u64) -> u64 {
    if right == 0 { left } else { gcd(right, left % right) }
}

/// Rules for a scenario at `path` that is a share of a mix.
pub(super) fn check_share(
    problems: &mut Vec<Problem>,
    plan: &Plan,
    path: &str,
    scenario: &Scenario,
    share: &MixShare,
) {
    let near = plan.mixes.iter().filter(|mix| mix.phase == scenario.phase && mix.part == scenario.part);
    if !near.clone().any(|mix| mix.name == share.mix) {
        let message = if plan.mixes.iter().any(|mix| mix.name == share.mix) {
            format!("mix `{}` belongs to another phase or plugin", share.mix)
        } else {
            format!("there is no mix `{}`", share.mix)
        };
        let names = near.map(|mix| mix.name.as_str());
        problems.push(no_such(format!("{path}/executor/mix"), message, &share.mix, names));
    }
    if share.weight == 0 || share.weight > MAX_SHARE_WEIGHT {
        let message = format!("a weight of {}; weights are from 1 to {MAX_SHARE_WEIGHT}", share.weight);
        problems.push(Problem::new(format!("{path}/executor/weight"), message));
    }
    let own = [("start_ms", scenario.start_ms > 0), ("pause", scenario.pause.is_some())];
    for (field, _) in own.into_iter().filter(|(_, is_set)| *is_set) {
        let message = format!("a share of a mix has no `{field}` of its own");
        problems.push(Problem::new(format!("{path}/{field}"), message).hint("give it to the mix"));
    }
}
