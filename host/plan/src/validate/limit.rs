//! Rules for rate limits.

use super::{executor, no_such, unique};
use crate::{LimitScope, MAX_BURST, Plan, Problem, TargetPattern};

pub(super) fn check(problems: &mut Vec<Problem>, plan: &Plan) {
    unique(problems, "/limits", plan.limits.iter().map(|limit| ((), (), limit.name.as_str())));
    for (index, limit) in plan.limits.iter().enumerate() {
        let path = format!("/limits/{index}");
        executor::check_positive_rate(problems, format!("{path}/rate_per_s"), limit.rate_per_s);
        if limit.burst == 0 || limit.burst > MAX_BURST {
            let message = format!("a burst of {}; bursts are from 1 to {MAX_BURST}", limit.burst);
            let problem = Problem::new(format!("{path}/burst"), message);
            problems.push(problem.hint("with a burst of 1 no token is saved up"));
        }
        match &limit.scope {
            LimitScope::Named | LimitScope::Global => {}
            LimitScope::Scenario(name) => {
                let names = plan.scenarios.iter().map(|scenario| scenario.name.as_str());
                if !(plan.is_unresolved() || names.clone().any(|known| known == name)) {
                    let message = format!("there is no scenario `{name}`");
                    problems.push(no_such(format!("{path}/scope"), message, name, names));
                }
            }
            LimitScope::Target(pattern) => {
                if let Err(error) = TargetPattern::parse(pattern) {
                    problems.push(Problem::new(format!("{path}/scope"), error.to_string()));
                }
            }
        }
    }
}
