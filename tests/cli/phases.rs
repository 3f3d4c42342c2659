//! Plans with phases, and phases in which several plugins run.

use stresshost_metrics::{PhaseStatus, VerdictStatus};
use stresshost_tests::{Finished, Project, guest, plugin};

use crate::shown::{shop, shown};

/// The plan of a test, run by the guest that hands its config on as the plan.
fn run_plan(project: &Project, verb: &str, plan: &serde_json::Value, args: &[&str]) -> Finished {
    project.write("plan.json", &plan.to_string());
    let component = guest("given_plan");
    let fixed = [verb, "--seed", "1", "--config", "plan.json", "--plugin", component.to_str().unwrap()];
    project.run(&[&fixed[..], args].concat())
}

fn run_to_out(project: &Project, plan: &serde_json::Value) -> Finished {
    run_plan(project, "run", plan, &["--out", "out", "--no-progress"])
}

fn plan(phases: serde_json::Value, scenarios: serde_json::Value) -> serde_json::Value {
    serde_json::json!({
        "schema": "stresshost.plan/1", "name": "given", "graceful_stop_ms": 300,
        "phases": phases, "scenarios": scenarios,
    })
}

fn users(phase: &str, vus: u64) -> serde_json::Value {
    let executor = serde_json::json!({ "type": "constant-vus", "vus": vus, "duration_ms": 200 });
    serde_json::json!({ "name": "main", "phase": phase, "executor": executor })
}

#[test]
fn a_phase_that_fails_its_criteria_skips_what_depends_on_it() {
    let project = Project::default();
    let phases = serde_json::json!([
        { "name": "baseline", "criteria": [{ "expression": "iterations.finished.count > 1000000" }] },
        { "name": "peak", "depends_on": ["baseline"] },
        { "name": "other" },
    ]);
    let plan = plan(phases, serde_json::json!([users("baseline", 1), users("peak", 1), users("other", 1)]));
    let finished = run_to_out(&project, &plan);
    finished.expect_exit(10);
    let summary = project.summary("out");
    let became: Vec<PhaseStatus> = summary.phases.iter().map(|phase| phase.status).collect();
    assert_eq!(became, [PhaseStatus::Failed, PhaseStatus::Skipped, PhaseStatus::Passed]);
    assert_eq!(summary.verdict.status, VerdictStatus::Fail);
    assert_eq!(summary.scenarios[1].iterations.due, 0, "a skipped phase does nothing");
    assert!(summary.scenarios[2].iterations.finished > 0, "a phase that depends on nothing runs");
    assert!(finished.stderr.contains("phase `peak` skipped: phase `baseline`"), "{}", finished.stderr);
    assert!(finished.stdout.contains("skipped"), "{}", finished.stdout);
}

/// A plugin in a phase is a plugin like any other: its own config, its own numbers, its name in the report.
#[test]
fn several_plugins_run_side_by_side_in_a_phase() {
    let project = Project::default();
    let (_shop, url) = shop();
    let devstress = plugin("devstress");
    let flags = serde_json::json!({ "vus": 2, "duration": 400, "graceful-stop": 300 });
    let workload = serde_json::json!({ "plugin": devstress, "args": [url], "flags": flags });
    let phases = serde_json::json!([
        { "name": "both", "workloads": [workload], "load_multiplier": 2.0,
          "criteria": [{ "expression": "http.errors.rate < 1%", "plugin": "devstress" }] },
    ]);
    let plan = plan(phases, serde_json::json!([users("both", 1)]));
    let finished = run_to_out(&project, &plan);
    finished.expect_exit(0);
    let summary = project.summary("out");
    let plugins: Vec<&str> = summary.scenarios.iter().map(|scenario| scenario.plugin.as_str()).collect();
    assert_eq!(plugins, ["given_plan", "devstress"]);
    assert!(summary.scenarios.iter().all(|scenario| scenario.iterations.finished > 0));
    assert!(summary.scenarios[1].load.starts_with("4 virtual users"), "{}", summary.scenarios[1].load);
    assert_eq!(summary.phases[0].status, PhaseStatus::Passed);
    assert!(project.path().join("out/artifacts/0-given_plan/life.log").exists());
}

#[test]
fn what_a_phase_cannot_run_is_refused_before_the_load() {
    let (_shop, url) = shop();
    let devstress = plugin("devstress");
    let workload = |plugin: &str, flags: serde_json::Value| serde_json::json!([{ "name": "p", "workloads": [{ "plugin": plugin, "args": [url], "flags": flags }] }]);
    let cases = [
        (workload("nowhere", serde_json::json!({})), 2, "phase `p`, plugin `nowhere`"),
        (workload(devstress.to_str().unwrap(), serde_json::json!({ "vuss": 1 })), 2, "did you mean `--vus`?"),
        (
            workload(devstress.to_str().unwrap(), serde_json::json!({ "vus": 0 })),
            2,
            "0 virtual users do nothing",
        ),
        // Its target stands in the config that the user passed.
        (workload(devstress.to_str().unwrap(), serde_json::json!({})), 0, ""),
    ];
    for (phases, exit, words) in cases {
        let project = Project::default();
        let finished = run_plan(&project, "plan", &plan(phases, serde_json::json!([])), &[]);
        finished.expect_exit(exit);
        assert!(finished.stderr.contains(words), "{}", shown(&finished));
    }
}

#[test]
fn impossible_plans_are_refused_with_every_problem() {
    let rate = |rate: f64| {
        serde_json::json!({ "type": "ramping-arrival-rate", "vus": 1,
        "stages": [{ "duration_ms": 100, "rate_per_s": rate }] })
    };
    let scenario = |phase: &str, executor: serde_json::Value| serde_json::json!({ "name": "main", "phase": phase, "executor": executor });
    let phases = serde_json::json!([
        { "name": "a", "depends_on": ["b"] }, { "name": "b", "depends_on": ["a"] },
        { "name": "c", "depends_on": ["aa"], "criteria": [{ "expression": "http.responze_us.p95 < 1ms" }] },
    ]);
    let scenarios = serde_json::json!([
        scenario("a", rate(-5.0)),
        scenario(
            "b",
            serde_json::json!({ "type": "constant-vus", "vus": 1_000_000_000_u64, "duration_ms": 1 })
        ),
        scenario("cc", serde_json::json!({ "type": "constant-vus", "vus": 0, "duration_ms": 1 })),
    ]);
    let project = Project::default();
    let finished = run_to_out(&project, &plan(phases, scenarios));
    // A plan that cannot run is the plugin's fault: the user gave it to the plugin, not to the host.
    finished.expect_exit(13);
    for words in ["a -> b -> a", "`aa`", "response_us", "1000000000", "-5", "0 virtual users", "`cc`"] {
        assert!(finished.stderr.contains(words), "`{words}` is not in:\n{}", finished.stderr);
    }
    assert!(!project.path().join("out").exists());
}

#[test]
fn a_threshold_on_a_metric_that_nobody_records_names_the_nearest() {
    let project = Project::default();
    let component = guest("ok");
    let finished = project.run(&[
        "run",
        "--plugin",
        component.to_str().unwrap(),
        "--vus",
        "1",
        "--duration",
        "200ms",
        "--out",
        "out",
        "--threshold",
        "metrics.throw.count > 1",
    ]);
    finished.expect_exit(2);
    assert!(finished.stderr.contains("`throws`"), "{}", finished.stderr);
}
