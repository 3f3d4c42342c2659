//! What must hold for a plan, whatever the plugin wrote.

use stresshost_plan::{MAX_DOCUMENT_BYTES, MAX_DURATION_MS, MAX_VUS, Plan};

/// Reads `input` as the host does and validates it. Every problem can be told, and a plan without any can be
/// scheduled, described and measured within the limits.
pub fn check(input: &[u8]) {
    if input.len() > MAX_DOCUMENT_BYTES {
        return;
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(plan) = serde_json::from_str::<Plan>(text) else { return };
    let problems = plan.validate();
    for problem in &problems {
        assert!(problem.path.is_empty() || problem.path.starts_with('/'), "{problem}");
        assert!(!problem.message.is_empty() && !problem.to_string().is_empty());
    }
    let written = serde_json::to_string(&plan).expect("a plan can be written");
    serde_json::from_str::<Plan>(&written).expect("what was written can be read");
    if problems.is_empty() {
        check_valid(&plan);
    }
}

fn check_valid(plan: &Plan) {
    let schedule = plan.schedule();
    assert!(schedule.peak_vus() <= MAX_VUS);
    assert!(schedule.duration_ms() <= MAX_DURATION_MS);
    let requirements = plan.requirements();
    assert!(requirements.peak_vus <= requirements.total_vus);
    assert_eq!(requirements.phases.len(), schedule.phases.len());
    for rate in [requirements.peak_rate_per_s].into_iter().flatten() {
        assert!(rate.is_finite() && rate >= 0.0);
    }
    for scenario in &plan.scenarios {
        assert!(!scenario.executor.describe().is_empty());
        let _: Option<String> = scenario.pause.map(|pause| pause.describe());
    }
    for mix in &plan.mixes {
        assert!(!mix.describe().is_empty());
    }
    for limit in &plan.limits {
        assert!(!limit.describe().is_empty());
    }
    for phase in &plan.phases {
        drop(phase.describe());
    }
}
