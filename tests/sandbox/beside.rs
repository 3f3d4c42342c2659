//! A hostile plugin and a well-behaved one in the same run.

use serde_json::json;
use stresshost_metrics::{IterationsSummary, ScenarioSummary, Summary};
use stresshost_tests::{Finished, Project, guest};

/// Iterations that the neighbour is to do: 100 a second for two seconds.
const DUE: u64 = 200;

/// How a run ends whose hostile plugin breaks nothing: it passes, or its host says that the machine was too busy to measure.
pub(crate) const UNBROKEN: &[i32] = &[0, 12];

/// Most the host may grow to. It takes less than 100 MiB; each of the hostile plugin's four users may have 64 MiB.
const MOST_BYTES: u64 = 500 << 20;

/// Runs a hostile guest beside `neighbour`, on the same cores, and asserts that the neighbour keeps at least 95% of its
/// throughput and that the host stays small. What became of the hostile one is for the caller to look at.
pub(crate) fn beside(name: &str, exits: &[i32], args: &[&str]) -> (Finished, Summary) {
    let project = Project::default();
    let path = |name: &str| guest(name).to_str().unwrap().to_owned();
    let plan = json!({
        "schema": "stresshost.plan/1", "name": "beside", "scenarios": [],
        "phases": [{ "name": "all", "workloads": [
            { "plugin": path(name), "flags": { "vus": 4, "duration": 2_000, "graceful-stop": 300 } },
            { "plugin": path("neighbour"), "flags": { "rate": 100.0, "vus": 20, "duration": 2_000, "graceful-stop": 300 } },
        ]}],
    });
    project.write("plan.json", &plan.to_string());
    let planner = path("given_plan");
    let fixed = [
        "run",
        "--plugin",
        &planner,
        "--config",
        "plan.json",
        "--out",
        "out",
        "--no-progress",
        "--seed",
        "1",
    ];
    let finished = project.run(&[&fixed[..], args].concat());
    assert!(finished.exit.is_some_and(|exit| exits.contains(&exit)), "beside `{name}`: {finished:?}");
    let summary = project.summary("out");
    let neighbour = iterations(&summary, "neighbour");
    assert_eq!(neighbour.due, DUE);
    assert!(
        neighbour.finished >= DUE * 95 / 100,
        "beside `{name}` the neighbour did {neighbour:?}\n{}",
        finished.stderr
    );
    assert_eq!((neighbour.failed, neighbour.faulted), (0, 0));
    let most = summary.generator.rss_max_bytes;
    assert!(most < MOST_BYTES, "beside `{name}` the host took {} MiB", most >> 20);
    (finished, summary)
}

/// The iterations of the scenario of a plugin.
pub(crate) fn iterations(summary: &Summary, plugin: &str) -> IterationsSummary {
    let of = |scenario: &&ScenarioSummary| scenario.plugin == plugin;
    summary.scenarios.iter().find(of).unwrap_or_else(|| panic!("a scenario of {plugin}")).iterations
}
