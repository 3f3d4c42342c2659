//! What a plan must name in `requires`: a host that ignored it would run another load than the one planned.

use stresshost_plan::Plan;

/// The features that a plan makes use of.
pub(crate) fn of(plan: &Plan) -> Vec<&'static str> {
    let pauses = plan.scenarios.iter().any(|scenario| scenario.pause.is_some())
        || plan.mixes.iter().any(|mix| mix.pause.is_some());
    [
        ("phases", !plan.phases.is_empty()),
        ("mixes", !plan.mixes.is_empty()),
        ("limits", !plan.limits.is_empty()),
        ("thresholds", !plan.thresholds.is_empty()),
        ("pause", pauses),
    ]
    .into_iter()
    .filter_map(|(feature, is_used)| is_used.then_some(feature))
    .collect()
}
