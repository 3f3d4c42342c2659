//! Rate limits: what they let through, and where the waiting is counted.

use stresshost_clock::NS_PER_S;
use stresshost_plan::{LimitScope, RateLimit};

use super::SLACK_NS;
use crate::guest::Deed;
use crate::model::Model;

pub(super) fn hold(model: &Model<'_>) {
    let script = &model.case.script;
    for limit in &model.case.plan.limits {
        let acquired = script.acquires.as_ref().filter(|(name, _)| *name == limit.name);
        let grants = model.outcome.entries.iter().filter_map(|entry| {
            let Deed::Tokens { ticket, acquired: was_acquired, .. } = &entry.deed else { return None };
            let tokens = match (&limit.scope, was_acquired) {
                (LimitScope::Named, true) => acquired.map(|(_, tokens)| *tokens),
                (LimitScope::Global, false) => Some(1),
                (LimitScope::Scenario(name), false) => {
                    (model.case.plan.scenarios[usize::from(ticket.scenario)].name == *name).then_some(1)
                }
                _ => None,
            };
            Some((entry.at_ns, tokens?))
        });
        no_window_holds_too_much(limit, grants);
    }
    let mut waited_ns = 0;
    for entry in &model.outcome.entries {
        if let Deed::Tokens { asked_ns, .. } = &entry.deed {
            waited_ns += entry.at_ns - asked_ns;
        }
    }
    let (waited_s, limited_s) =
        (waited_ns as f64 / NS_PER_S as f64, model.outcome.summary().generator.limited_s);
    assert!((waited_s - limited_s).abs() < 1e-6, "{limited_s} s limited, {waited_s} s waited");
}

/// No stretch of time holds more than the burst and what the rate brings in it: a leaky bucket never runs over.
fn no_window_holds_too_much(limit: &RateLimit, grants: impl Iterator<Item = (u64, u64)>) {
    // Waits end on whole milliseconds, so that a stretch may look shorter than it was meant.
    let slack = 1.0 + limit.rate_per_s * SLACK_NS as f64 / NS_PER_S as f64;
    let (mut level, mut last_ns) = (0.0_f64, 0);
    for (at_ns, tokens) in grants {
        level =
            (level - limit.rate_per_s * (at_ns - last_ns) as f64 / NS_PER_S as f64).max(0.0) + tokens as f64;
        last_ns = at_ns;
        // More tokens than the burst at once wait for the surplus first.
        let most = limit.burst.max(tokens) as f64 + slack;
        assert!(level <= most, "{} lets {level} through at {at_ns}, the most is {most}", limit.name);
    }
}
