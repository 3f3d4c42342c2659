//! The contract as it is meant.

use super::*;

#[test]
pub(crate) fn ok() {
    let project = Project::default();
    let finished = run(&project, "ok", &[]);
    finished.expect_exit(0);
    contains(&finished.stderr, &["user 0 threw", "granted: nothing", "run directory: out"]);
    contains(&finished.stdout, &["PASS", "a die has six sides", "throws (counter)"]);
    let summary = complete(&project);
    assert_eq!(summary.verdict.status, VerdictStatus::Pass);
    let done = iterations(&summary);
    assert!(done.finished > 10 && done.finished == done.due, "{done:?}");
    assert_eq!((summary.checks[0].passed, summary.checks[0].failed), (done.finished, 0));
    let MetricValueSummary::Counter { sum, .. } = summary.metrics[0].value else { panic!("not a counter") };
    assert_eq!(sum, done.finished as f64);
    let least_us = summary.scenarios[0].service_us.unwrap().min;
    assert!(least_us >= 5_000, "an iteration sleeps 5 ms, yet one took {least_us} us");
    let artifacts = project.path().join("out/artifacts");
    assert_eq!(read(&artifacts.join("throws.txt")).lines().count() as u64, done.finished);
    assert_eq!(read(&artifacts.join("end/shared.txt")), "seed 1", "teardown has what setup returned");
}

/// What the guest noted of its life: set-ups and tear-downs of run and phases, and the first user of each phase.
#[test]
pub(crate) fn given_plan() {
    let project = Project::default();
    let users = r#"{"type": "constant-vus", "vus": 2, "duration_ms": 200}"#;
    let scenario = |phase: &str| format!(r#"{{"name": "main", "phase": "{phase}", "executor": {users}}}"#);
    let scenarios: Vec<String> = ["first", "second", "broken", "never"].map(scenario).to_vec();
    let plan = format!(
        r#"{{"schema": "stresshost.plan/1", "name": "given", "graceful_stop_ms": 300,
            "phases": [
                {{"name": "first", "criteria": [{{"expression": "checks.rate > 99%"}}]}},
                {{"name": "second", "depends_on": ["first"]}},
                {{"name": "broken", "depends_on": ["second"]}},
                {{"name": "never", "depends_on": ["broken"]}}
            ],
            "scenarios": [{}]}}"#,
        scenarios.join(",")
    );
    project.write("plan.json", &plan);
    let finished = {
        let component = guest("given_plan");
        let fixed =
            ["run", "--out", "out", "--no-progress", "--seed", "1", "--config", "plan.json", "--plugin"];
        project.run(&[&fixed[..], &[component.to_str().unwrap()]].concat())
    };
    // A set-up that fails after a load is an outcome of the run.
    finished.expect_exit(3);
    let summary = complete(&project);
    let became: Vec<(&str, &str)> =
        summary.phases.iter().map(|phase| (phase.name.as_str(), phase.status.label())).collect();
    assert_eq!(
        became,
        [("first", "passed"), ("second", "passed"), ("broken", "broken"), ("never", "skipped")]
    );
    assert!(summary.phases[0].criteria[0].actual.is_some_and(|rate| rate > 0.99));
    contains(&summary.phases[2].reason, &["this phase cannot be set up"]);
    contains(&summary.phases[3].reason, &["`broken`"]);
    assert_eq!(
        read(&project.path().join("out/artifacts/life.log")),
        "setup\nsetup-phase first\nstart run first\nteardown-phase run first\n\
         setup-phase second\nstart run second\nteardown-phase run second\nsetup-phase broken\nteardown run\n"
    );
}

#[test]
pub(crate) fn call_costs() {
    for calls in ["random:0", "random:1000", "sleep:1000"] {
        let project = Project::default();
        let component = guest("call_costs");
        let fixed = ["run", "--out", "out", "--no-progress", "--vus", "1", "--iterations", "3", "--plugin"];
        project.run(&[&fixed[..], &[component.to_str().unwrap(), calls]].concat()).expect_exit(0);
        assert_eq!(iterations(&complete(&project)).finished, 3);
    }
}

#[test]
pub(crate) fn neighbour() {
    let project = Project::default();
    run(&project, "neighbour", &[]).expect_exit(0);
    let done = iterations(&complete(&project));
    assert!(done.finished > 10 && done.finished == done.due, "{done:?}");
}
